"""回执发布 A thread that reads committed receipts and publishes them: retained, at most one a second a station.

What the broker has not taken stays unsent in the store, so after a reconnect or a crash it goes out by itself.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from sqlalchemy import Row

from services.warning.stations import store
from shared.clock import Clock
from shared.db.engine import Store
from shared.db.writer import Writer
from shared.errors import FengsuiError

log = structlog.get_logger(__name__)

EVERY_S = 1.0
IDLE_S = 0.25
RUN_MAX = 500
ACK_TIMEOUT_S = 5.0


class Sent(Protocol):
    """已交发送"""

    def wait(self, timeout_s: float) -> bool: ...


Publish = Callable[[str, bytes], Sent | None]
TopicOf = Callable[[str, str], str]


class ReceiptPublisher:
    """回执发布: ``wake`` after each commit; ``publish`` gives None while there is no connection."""

    def __init__(self, reader: Store, writer: Writer, clock: Clock, publish: Publish, topic_of: TopicOf) -> None:
        self._reader, self._writer, self._clock = reader, writer, clock
        self._publish, self._topic_of = publish, topic_of
        self._signal, self._stopping = threading.Event(), threading.Event()
        self._last: dict[tuple[str, str], float] = {}
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
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
        return self.error

    def _run(self) -> None:
        pending = True
        while not self._stopping.is_set():
            self._signal.wait(IDLE_S if pending else None)
            self._signal.clear()
            if self._stopping.is_set():
                return
            try:
                pending = self.round()
                self.error = None
            except FengsuiError as error:  # the writer stands by, is full, or its store is down: try again
                self.error, pending = error.en, True
            except Exception as error:
                self.error, pending = f"{type(error).__name__}: {error}", True
                log.exception("receipts.failed")

    def round(self) -> bool:
        """Publish what is due; whether something still waits."""
        with self._reader.read() as conn:
            rows = store.unsent_receipts(conn, RUN_MAX)
        now = self._clock.monotonic()
        waiting, going = False, []
        for row in rows:
            key = (row.realm, row.station)
            if now - self._last.get(key, -EVERY_S) < EVERY_S:
                waiting = True
                continue
            sent = self._publish(self._topic_of(row.realm, row.station), _payload(row))
            if sent is None:
                return True
            self._last[key] = now
            going.append((row, sent))
        done = [(r.realm, r.station, r.boot, r.changed_no) for r, sent in going if sent.wait(ACK_TIMEOUT_S)]
        if done:
            self._writer.call(lambda tx: store.mark_sent(tx.conn, done))
        return waiting or len(done) < len(going) or len(rows) == RUN_MAX


def _payload(row: Row[Any]) -> bytes:
    return json.dumps(store.payload_of(row), separators=(",", ":")).encode()
