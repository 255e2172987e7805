"""All ticks of a service are one transaction; one that fails says so in /readyz and stops no other."""

from __future__ import annotations

import threading

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
        assert all(together)
        wrong, _ = frame.findings()
        assert "the river stands still" in wrong["worker bad"]
        assert "worker good" not in wrong
        mended.set()
        assert poll_until(lambda: "worker bad" not in frame.findings()[0], PATIENCE_S)
    finally:
        frame.stop()
