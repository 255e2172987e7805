"""发布投递 A thread that carries released messages to the broker, retained, until it has taken them.

The row is the intent and the receipt: what the broker did not take is tried again with back-off, after a crash too.
Each JSON message carries the approvers' signatures, and the service's own where it has a key, over RFC 8785 bytes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

import structlog

from services.warning.alerts import releasing, store_public
from services.warning.alerts.alert import AlertState
from shared.auth.keys import ALGORITHM, canonical, key_id_of, sign
from shared.clock import Clock
from shared.db.engine import Store
from shared.db.tx import Tx
from shared.db.writer import Writer
from shared.errors import FengsuiError
from shared.vocabulary import AlertScope, MsgType

log = structlog.get_logger(__name__)

RUN_MAX = 100
IDLE_S = 1.0
ACK_TIMEOUT_S = 5.0
BACKOFF_S = (1, 2, 5, 10, 30)
CLEARED_WITHIN = timedelta(days=7)


class Sent(Protocol):
    """已交发送"""

    def wait(self, timeout_s: float) -> bool: ...


Publish = Callable[[str, bytes], Sent | None]
"""Retained, QoS 1; None while there is no connection."""


def tick(tx: Tx) -> None:
    """值守: once a tick over all realms whose clock runs."""
    for realm in tx.realms.ticking():
        releasing.watch(tx, realm)


class AlertPublisher:
    """发布投递: ``wake`` after each commit."""

    def __init__(
        self, reader: Store, writer: Writer, clock: Clock, publish: Publish, key: Mapping[str, str] | None = None
    ) -> None:
        self._reader, self._writer, self._clock, self._publish, self._key = reader, writer, clock, publish, key
        self._signal, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._fresh = True
        self.error: str | None = None

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._signal.set()

    def stop(self) -> None:
        self._stopping.set()
        self._signal.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def problem(self) -> str | None:
        """For /readyz."""
        if self.error is None and self._key is None:
            return "note: no FENGSUI_ALERT_KEY: alerts carry the approvers' signatures, not the service's own"
        return self.error

    def _run(self) -> None:
        waiting = True
        while not self._stopping.is_set():
            self._signal.wait(IDLE_S if waiting else None)
            self._signal.clear()
            if self._stopping.is_set():
                return
            try:
                waiting = self.round()
                self.error = None
            except FengsuiError as error:  # the writer stands by, is full, or its store is down: try again
                self.error, waiting = error.en, True
            except Exception as error:
                self.error, waiting = f"{type(error).__name__}: {error}", True
                log.exception("alerts.failed")

    def round(self) -> bool:
        """Publish what is due; whether something still waits."""
        if self._fresh:
            self._writer.call(lambda tx: store_public.send_again(tx.conn, tx.now, CLEARED_WITHIN))
            self._fresh = False
        now = self._clock.now()
        with self._reader.read() as conn:
            rows = store_public.due(conn, now, RUN_MAX)
            waiting = store_public.waiting(conn)
        taken: list[int] = []
        failed: dict[int, list[int]] = {}
        for row in rows:
            sent = self._publish(row.topic, self.payload(row.form, row.body, row.xml))
            if sent is not None and sent.wait(ACK_TIMEOUT_S):
                taken.append(row.no)
            else:
                failed.setdefault(BACKOFF_S[min(row.attempts, len(BACKOFF_S) - 1)], []).append(row.no)
        if rows:
            self._writer.call(lambda tx: _settle(tx, taken, failed))
        return waiting > len(taken)

    def payload(self, form: str, body: Mapping[str, Any], xml: str) -> bytes:
        """What goes out: the same bytes however often it is tried."""
        if form == "empty":
            return b""
        if form == "interrupted":
            return signed_json(interrupted(body), self._key)
        return xml.encode("utf-8") if form == "cap" else signed_json(body, self._key)


def interrupted(body: Mapping[str, Any]) -> dict[str, Any]:
    """演练中止 What a drill's loudspeakers and apps say instead of the message that stood."""
    kept = {name: body[name] for name in ("district", "realm", "alert_id", "identifier", "hazard", "area", "status")}
    return {
        **kept,
        "msg_type": MsgType.CANCEL.value,
        "scope": AlertScope.PUBLIC.value,
        "state": AlertState.CANCELLED.value,
        "headline": "演练中止，真实险情",
        "instruction": "演练停止，请按真实险情的通知行动。",
        "text": {
            "headline_en": "EXERCISE STOPPED, REAL EVENT",
            "instruction_en": "The exercise is over. Act on what you are told of the real event.",
        },
    }


def signed_json(body: Mapping[str, Any], key: Mapping[str, str] | None) -> bytes:
    """签名报文 ``signature`` is over the RFC 8785 bytes of everything else."""
    if key is None:
        return json.dumps(body, ensure_ascii=False, sort_keys=True).encode("utf-8")
    value = sign(key, canonical(body))
    signature = {"key_id": key_id_of(key), "alg": ALGORITHM, "value": value}
    return json.dumps({**body, "signature": signature}, ensure_ascii=False, sort_keys=True).encode("utf-8")


def _settle(tx: Tx, taken: list[int], failed: Mapping[int, list[int]]) -> None:
    if taken:
        store_public.mark_delivered(tx.conn, taken, tx.now)
    for wait_s, nos in failed.items():
        error = "the broker has not taken it"
        store_public.mark_failed(tx.conn, nos, error, tx.now + timedelta(seconds=wait_s))
