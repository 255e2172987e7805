"""A signer's one matter: more to sign and a turn that came again ask anew; what was signed meanwhile does not."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts.events import ContactLost, MatterJoined, Reason
from services.dispatch.callouts.line import Line, LineStatus, PartyKind, PartyState, Want, wants_of
from services.dispatch.callouts.matter import Grade, LineMatter, Owed, Purpose
from services.dispatch.callouts.words import Frame, Lang, spoken
from services.dispatch.channels.carrier import Result
from shared.vocabulary import Level
from tests.unit.dispatch.callouts_builders import CLOCKS, at, do, fresh, matter, opened, says, ticked

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

        def hour(self, at: datetime) -> str:
            return f"{at:%H:%M}"

    (want,) = [w for w in wants_of(asked(*TWO, answered=False), CLOCKS, at(0)) if w.person == "甲"]
    assert "红色管控措施2项等您签批" in spoken([want], Words(), Frame(district="某区", exercise=False)).text


OWED = Owed(post="T-deputy", person="乙", order_id="O-0001", due_at=at(-1))


def reported() -> Line:
    return do(fresh(), MatterJoined(matter=matter(Level.YELLOW, purpose=Purpose.REPORT, owed=OWED)), 0).state


@pytest.mark.parametrize(
    ("who", "grade", "ends"),
    [
        ("甲", Grade.HEARD, True),
        ("甲", Grade.UNDERSTOOD, True),
        ("甲", Grade.ACTING, True),
        ("丁", Grade.HEARD, True),
        ("甲", Grade.BUSY, False),
        ("甲", Grade.CANNOT_ACT, False),
        ("甲", Grade.WRONG_PERSON, False),
        ("乙", Grade.ACTING, False),  # who owes it reports to nobody
    ],
)
def test_what_delivers_a_report(who: str, grade: Grade, ends: bool) -> None:
    assert (do(reported(), says(who, grade), 1).state.status is S.ANSWERED) is ends


def test_who_owes_it_is_not_told_upward() -> None:
    climbed = ticked(reported(), 41)
    assert {want.person for want in wants_of(climbed, CLOCKS, at(41))} == {"甲", "丙", "丁"}


def test_a_report_takes_no_answer_back() -> None:
    acting = do(opened(), says("甲", Grade.ACTING), 1).state
    told = do(
        acting, MatterJoined(matter=matter(Level.YELLOW, matter_id="report/x", purpose=Purpose.REPORT, owed=OWED)), 9
    )
    assert told.state.status is S.CALLING
    assert (told.state.answer, told.state.feedback) == (acting.answer, acting.feedback)
    heard = do(told.state, says("甲", Grade.HEARD), 10).state
    assert heard.status is S.ANSWERED
    assert heard.answer == acting.answer


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
