"""发送 The one place that asks carriers. Everything asked was committed before; the attempt's id is the carrier's key.

A crash between asking and committing the answer asks again with the same key, and the carrier rings once. An answer
that says no ends the attempt as the carrier's failure; silence (time-out) asks again until the attempt is stale, since
nobody knows whether the phone already rings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import httpx
import structlog
from sqlalchemy import Connection

from services.dispatch.channels import service, store
from services.dispatch.channels.carrier import Channel
from services.dispatch.channels.factory import SIMULATOR, CarrierSpec, carriers_for
from services.dispatch.channels.store import Stored
from shared.clock import Clock
from shared.db.engine import Store
from shared.db.tx import Tx
from shared.db.writer import Writer
from shared.errors import FengsuiError
from shared.http.client import Caller, Permanent, ServiceClient, Transient

log = structlog.get_logger(__name__)

RUN_MAX = 200
SENDERS = 8
IDLE_S = 0.5
AGAIN_S = 0.5
PATHS = {Channel.VOICE: "/v1/calls", Channel.SMS: "/v1/sms"}
EXPECT_KEYS = "01239"

Failed = Callable[[Tx, Stored], None]


@dataclass(frozen=True)
class Wanted:
    """仍需呼叫: asked at the last moment before a carrier is; ``withdraw`` takes back what nobody wants any more"""

    is_wanted: Callable[[Connection, Stored], bool]
    withdraw: Callable[[Tx, Stored], bool]


class Sender:
    """发送者: ``start``, ``wake`` after each commit, ``stop``; ``failed(tx, stored)`` hears of attempts that failed."""

    def __init__(
        self,
        data: Store,
        writer: Writer,
        clock: Clock,
        carriers: Sequence[CarrierSpec],
        callback_base: str,
        district: str,
        failed: Failed,
        wanted: Wanted,
    ) -> None:
        self._data, self._writer, self._clock = data, writer, clock
        self._carriers = tuple(carriers)
        self._base, self._district = callback_base.rstrip("/"), district
        self._failed, self._wanted = failed, wanted
        self._clients: dict[str, Caller] = {spec.name: ServiceClient(spec.url) for spec in self._carriers}
        self._signal, self._stopping = threading.Event(), threading.Event()
        self._busy: set[tuple[str, str]] = set()
        self._busy_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="carrier")
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)
        self.error: str | None = None

    def reach(self, carrier: str, caller: Caller) -> None:
        """Reach a carrier by another way than HTTP; before `start`, or instead of it with `ask`."""
        self._clients[carrier].close()
        self._clients[carrier] = caller

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._signal.set()

    def stop(self) -> None:
        self._stopping.set()
        self._signal.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def probe(self) -> str | None:
        """For /readyz: what is wrong with the carriers, None when nothing is."""
        return self.error

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.clear()
            try:
                sent = self._round()
            except Exception as error:
                self.error = f"{type(error).__name__}: {error}"
                log.exception("carrier.round_failed")
                sent = 0
            if not sent:
                self._signal.wait(IDLE_S)

    def _round(self) -> int:
        if not self._writer.is_owner:
            return 0
        self.hang_up()  # first: a telephone that a drill holds is engaged for a real call
        with self._data.read() as conn:
            waiting = store.queued(conn, RUN_MAX)
        sent = 0
        for stored in waiting:
            key = (stored.realm, stored.attempt.attempt_id)
            with self._busy_lock:
                if key in self._busy:
                    continue
                self._busy.add(key)
            self._pool.submit(self._send, stored, key)
            sent += 1
        return sent

    def _send(self, stored: Stored, key: tuple[str, str]) -> None:
        try:
            if not self.ask(stored):
                self._stopping.wait(AGAIN_S)
        except FengsuiError as error:
            self.error = f"{stored.carrier}: {error.en}"
            log.warning("carrier.commit_failed", attempt=stored.attempt.attempt_id, error=error.en)
            self._stopping.wait(AGAIN_S)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            log.exception("carrier.failed", attempt=stored.attempt.attempt_id)
            self._stopping.wait(AGAIN_S)
        finally:
            with self._busy_lock:
                self._busy.discard(key)
            self._signal.set()

    def hang_up(self) -> None:
        """挂断 Calls that were called off; what a carrier cannot hang up ends by itself."""
        with self._data.read() as conn:
            waiting = store.to_hang_up(conn, RUN_MAX)
        for stored, since in waiting:
            try:
                self._clients[stored.carrier].call("DELETE", f"{PATHS[stored.attempt.channel]}/{stored.call_id}")
            except Permanent as error:
                log.info("carrier.hang_up_refused", attempt=stored.attempt.attempt_id, error=error.en)
            except Transient as error:
                if self._clock.now() - since < timedelta(seconds=service.LIVE_MAX_S):
                    self.error = f"{stored.carrier}: {error.en}"
                    continue
            self._writer.call(partial(service.hung_up, stored=stored))

    def ask(self, stored: Stored) -> bool:
        """Ask the carrier for one attempt. False when nobody knows whether it was taken: ask again in a moment."""
        realm, attempt = stored.realm, stored.attempt
        if service.is_stale(stored, self._now(realm), self._clock.now()):
            self._end(stored, "stale: no carrier took it in time")
            return True
        if self._is_withdrawn(stored) or not service.may_ring(self._writer.realms.clock(realm), stored):
            return True
        # asked again at the last moment: an exercise reaches the simulator on loopback and nothing else
        allowed = {spec.name for spec in carriers_for(realm, self._carriers)}
        if stored.carrier not in allowed:
            self._end(stored, f"carrier {stored.carrier} is not allowed in realm {realm}")
            return True
        body = {
            "key": f"{self._district}/{realm}/{attempt.attempt_id}",
            "to": attempt.address,
            "text": attempt.text,
            "lang": stored.lang,
            "expect_keys": EXPECT_KEYS,
            "callback": f"{self._base}/v1/attempts/{attempt.attempt_id}/receipts?realm={realm}",
        }
        try:
            answer = self._clients[stored.carrier].call("POST", PATHS[attempt.channel], json=body | self._pace(stored))
        except (Transient, Permanent) as error:
            self.error = f"{stored.carrier}: {error.en}"
            if not _surely_not_taken(error):
                return False
            self._end(stored, error.en)
            return True
        call_id = str(answer.get("call_id", ""))[:128] if isinstance(answer, dict) else ""
        self._writer.call(lambda tx: service.mark_taken(tx, realm, attempt.attempt_id, call_id))
        self.error = None
        return True

    def _is_withdrawn(self, stored: Stored) -> bool:
        """Somebody answered while this ring waited for its turn: it is taken back."""
        with self._data.read() as conn:
            if self._wanted.is_wanted(conn, stored):
                return False
        return self._writer.call(lambda tx: self._wanted.withdraw(tx, stored))

    def _pace(self, stored: Stored) -> dict[str, float]:
        """The simulator's phones live in the realm's time: a drill at 60 rings twenty domain seconds."""
        if stored.carrier != SIMULATOR:
            return {}
        return {"speed": self._writer.realms.clock(stored.realm).speed}

    def _end(self, stored: Stored, cause: str) -> None:
        def end(tx: Tx) -> None:
            failed = service.mark_failed(
                tx, stored.realm, stored.attempt.attempt_id, cause, tx.domain_now(stored.realm)
            )
            if failed is not None:
                self._failed(tx, failed)

        self._writer.call(end)

    def _now(self, realm: str) -> datetime:
        return self._writer.realms.domain_now(realm, self._clock.now())


def _surely_not_taken(error: Transient | Permanent) -> bool:
    """A refusal in words, or a connection that was never made; a time-out leaves the question open."""
    if "peer_code" in error.extra:
        return True
    return isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol)
