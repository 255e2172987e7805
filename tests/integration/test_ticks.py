"""All ticks of a service are one transaction while all go well; one that fails is named and stops no other."""

from __future__ import annotations

import threading

from sqlalchemy import text

from shared.clock import poll_until
from shared.db.tx import Tx
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.platform import bare_frame


def test_a_tick_that_fails_is_named_until_it_goes_well_and_the_others_go_on(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    mended = threading.Event()
    tried: list[Tx] = []
    together: list[bool] = []

    def good(tx: Tx) -> None:
        together.append(tx is tried[-1])

    def bad(tx: Tx) -> None:
        tried.append(tx)
        tx.event("x-live", "half", "done", {})
        if not mended.is_set():
            raise ValueError("the river stands still")

    frame.every("bad", bad)
    frame.every("good", good)
    frame.start()
    try:
        assert poll_until(lambda: "worker bad" in frame.findings()[0], PATIENCE_S)
        before = len(together)
        assert poll_until(lambda: len(together) > before + 1, PATIENCE_S)
        assert together[0]
        wrong, _ = frame.findings()
        assert "the river stands still" in wrong["worker bad"]
        assert "worker good" not in wrong
        mended.set()
        assert poll_until(lambda: "worker bad" not in frame.findings()[0], PATIENCE_S)
        assert poll_until(lambda: together[-1], PATIENCE_S)
    finally:
        frame.stop()


def test_a_tick_that_takes_the_transaction_along_does_not_take_the_others(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    woken: list[int] = []

    def bad(tx: Tx) -> None:
        tx.conn.execute(text("SELECT nothing FROM nowhere"))  # OperationalError on SQLite, as a full disk is

    frame.every("bad", bad)
    frame.every("good", lambda tx: tx.after_commit(lambda: woken.append(1)))
    frame.start()
    try:
        assert poll_until(lambda: len(woken) > 3, PATIENCE_S)
        assert [name for name in frame.findings()[0] if name.startswith("worker")] == ["worker bad"]
    finally:
        frame.stop()
