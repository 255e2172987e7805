"""A signer's one matter: more to sign and a turn that came again ask anew; what was signed meanwhile does not."""

from __future__ import annotations

import pytest

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts.events import ContactLost, MatterJoined, Reason
from services.dispatch.callouts.line import Line, LineStatus, PartyKind, PartyState, Want, wants_of
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose
from services.dispatch.callouts.words import Frame, Lang, spoken
from services.dispatch.channels.carrier import Result
from shared.vocabulary import Level
from tests.unit.dispatch.callouts_builders import CLOCKS, at, do, fresh, matter, opened, says

S, R = LineStatus, Reason


def sign(version: int = 1, *orders: str, level: Level = Level.RED, turn: int = 0) -> LineMatter:
    return matter(
        level, version, matter_id="sign/T-head", purpose=Purpose.SIGN, orders=orders or ("O-0001",), round=turn
    )


def asked(*orders: str, answered: bool) -> Line:
    line = do(fresh(), MatterJoined(matter=sign(1, *orders)), 0).state
    return do(line, says("甲", Grade.ACTING), 1).state if answered else line


TWO = ("O-0001", "O-0002")
TABLE = [
    # waits for now, version, turn, answered before → reason, status, asks anew
    (TWO, 1, 0, False, R.STALE_VERSION, S.CALLING, False),
    (("O-0001",), 1, 0, False, R.DOWNGRADED, S.CALLING, False),
    (("O-0001",), 1, 0, True, R.DOWNGRADED, S.ANSWERED, False),
    ((*TWO, "O-0003"), 2, 0, False, R.UPGRADED, S.CALLING, True),
    ((*TWO, "O-0003"), 2, 0, True, R.UPGRADED, S.CALLING, True),
    (("O-0003",), 2, 0, True, R.UPGRADED, S.CALLING, True),
    (TWO, 2, 1, True, R.UPGRADED, S.CALLING, True),
    (TWO, 2, 0, True, R.DOWNGRADED, S.ANSWERED, False),
]


@pytest.mark.parametrize(("orders", "version", "turn", "answered", "reason", "status", "anew"), TABLE)
def test_when_a_signer_is_asked_anew(
    orders: tuple[str, ...],
    version: int,
    turn: int,
    answered: bool,
    reason: Reason,
    status: LineStatus,
    anew: bool,
) -> None:
    before = asked(*TWO, answered=answered)
    decision = do(before, MatterJoined(matter=sign(version, *orders, turn=turn)), 10)
    assert (decision.reason, decision.state.status) == (reason, status)
    held = decision.state.matters[0]
    assert held.orders == (TWO if decision.is_refused else orders)
    keys = [
        {want.key for want in wants_of(line, CLOCKS, at(10)) if want.person == "甲"}
        for line in (before, decision.state)
    ]
    assert bool(keys[1] - keys[0]) is anew


def test_the_signer_hears_how_many() -> None:
    class Words:
        def place(self, scope: str) -> str:
            return scope

        def hazard(self, code: str, lang: Lang) -> str:
            return code

    (want,) = [w for w in wants_of(asked(*TWO, answered=False), CLOCKS, at(0)) if w.person == "甲"]
    assert "红色管控措施2项等您签批" in spoken([want], Words(), Frame(district="某区", exercise=False)).text


def test_a_number_struck_elsewhere_has_its_own_word() -> None:
    decision = do(opened(), ContactLost(person="甲", state=PartyState.STRUCK), 1)
    assert decision.reason is R.STRUCK_ELSEWHERE


def test_a_withdrawn_ring_never_rang() -> None:
    want = Want(
        person="甲",
        case_id="C-0001",
        line_post="T-head",
        as_post="T-head",
        kind=PartyKind.HOLDER,
        matter=matter(),
        subject="甲",
        since=at(0),
    )
    ring = rings.step(rings.Ring(person="甲"), rings.Wanted(wants=(want,)), at(0), CLOCKS).state
    ring = rings.step(ring, rings.Started(attempt_id="A-1", wants=(want,)), at(0), CLOCKS).state
    ended = rings.step(ring, rings.Ended(attempt_id="A-1", result=Result.WITHDRAWN, wants=()), at(0.1), CLOCKS).state
    assert (ended.live, ended.started_at, ended.last_result, ended.next_at) == (None, None, None, None)
    again = rings.step(ended, rings.Wanted(wants=(want,)), at(0.2), CLOCKS)
    assert (again.reason, again.state.next_at) == (rings.RingReason.FIRST, at(0.2))
