"""停呼 A drill's calls are taken back: queued ones are never sent, ringing ones are hung up on; both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.dispatch.channels import service as channels
from services.dispatch.channels import store
from services.dispatch.channels.carrier import AttemptState, Result
from services.dispatch.channels.worker import Sender, Wanted
from shared.http.client import Permanent, Transient
from tests.integration.callouts_world import REALM, SIMULATOR, World, red, world


class Carrier:
    """A carrier that is asked to hang up, and answers as it is told to."""

    def __init__(self, answer: Exception | None = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def call(self, method: str, path: str, *, json: Any = None) -> Any:
        self.asked.append(f"{method} {path}")
        if self.answer is not None:
            raise self.answer
        return {"call_id": "x"}

    def close(self) -> None:
        """Nothing is held."""


def _sender(w: World, carrier: Carrier) -> Sender:
    wanted = Wanted(lambda *_: True, lambda *_: False)
    sender = Sender(w.store, w.writer, w.clock, [SIMULATOR], "http://127.0.0.1:9", "999901", lambda *_: None, wanted)
    sender.reach("simulator", carrier)
    return sender


def _ringing(w: World) -> list[store.Stored]:
    """A red, the first calls queued; half of them are with the carrier."""
    w.open(red())
    w.do(lambda tx: w.ringing.tick_realm(tx, REALM, tx.domain_now(REALM)))
    with w.store.read() as conn:
        queued = store.queued(conn, 100)
    assert len(queued) > 2
    for stored in queued[::2]:
        w.do(lambda tx, s=stored: channels.mark_taken(tx, REALM, s.attempt.attempt_id, f"call-{s.no}"))
    return queued


def _call_off(w: World) -> int:
    return len(w.do(lambda tx: channels.call_off(tx, REALM, tx.domain_now(REALM))))


def _to_hang_up(w: World) -> list[str]:
    with w.store.read() as conn:
        return [f"DELETE /v1/calls/{stored.call_id}" for stored, _ in store.to_hang_up(conn, 100)]


def test_nothing_queued_goes_out_and_what_rings_is_hung_up_on_once(dsn: str, tmp_path: Path) -> None:
    with world(dsn, tmp_path) as w:
        queued = _ringing(w)
        assert _call_off(w) == len(queued)
        with w.store.read() as conn:
            assert store.queued(conn, 100) == []
            found = [store.find(conn, REALM, s.attempt.attempt_id) for s in queued]
        assert {(f.attempt.state, f.attempt.result, f.live) for f in found if f} == {
            (AttemptState.ENDED, Result.WITHDRAWN, False)
        }
        carrier = Carrier()
        sender = _sender(w, carrier)
        sender.hang_up()
        sender.hang_up()
        assert carrier.asked == [f"DELETE /v1/calls/call-{s.no}" for s in queued[::2]]
        assert _call_off(w) == 0


def test_a_call_that_the_carrier_took_meanwhile_is_hung_up_on_too(dsn: str, tmp_path: Path) -> None:
    with world(dsn, tmp_path) as w:
        asked_meanwhile = _ringing(w)[1]
        _call_off(w)
        _sender(w, Carrier()).hang_up()
        w.do(lambda tx: channels.mark_taken(tx, REALM, asked_meanwhile.attempt.attempt_id, "call-late"))
        assert _to_hang_up(w) == ["DELETE /v1/calls/call-late"]
        with w.store.read() as conn:
            assert asked_meanwhile.attempt.person in store.persons_reached(conn, REALM)


@pytest.mark.parametrize(
    ("answer", "later", "left"),
    [
        (Transient("503"), timedelta(0), 1),  # asked again
        (Transient("503"), timedelta(minutes=4), 0),  # by then every call is over by itself
        (Permanent("405"), timedelta(0), 0),  # this carrier cannot
        (Permanent("404"), timedelta(0), 0),  # it was over
    ],
)
def test_a_carrier_that_does_not_hang_up(
    answer: Exception, later: timedelta, left: int, dsn: str, tmp_path: Path
) -> None:
    with world(dsn, tmp_path) as w:
        queued = _ringing(w)
        _call_off(w)
        w.clock.set(w.clock.now() + later)
        _sender(w, Carrier(answer)).hang_up()
        assert len(_to_hang_up(w)) == left * len(queued[::2])
