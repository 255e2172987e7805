"""Who acts already is told by text for whom to stand in: truth table, and what turns the text into a ring."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from services.dispatch.callouts.escalation import due_at, step
from services.dispatch.callouts.events import (
    ActsChanged,
    Alarm,
    AlarmKind,
    Attempted,
    Called,
    Decision,
    Door,
    Event,
    MatterJoined,
    Reason,
    StandIn,
    Tick,
)
from services.dispatch.callouts.line import Line, LineStatus, PartyState, wants_of
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose
from services.dispatch.callouts.stand_in import Acts, acting_of, covers, nobody_acts
from services.dispatch.callouts.words import Frame, texted
from shared.vocabulary import Level
from tests.unit.dispatch.callouts_builders import CLOCKS, at, called, matter, opened, says

TOWN, VILLAGE, ELSEWHERE = "999901101", "999901101001", "999901102"
OWN = matter(Level.RED)


def within(inner: str, outer: str) -> bool:
    return (inner, outer) == (VILLAGE, TOWN)


def acting(*persons: str, level: Level = Level.RED) -> Acts:
    """These people act, each on their own line, on the township's red."""
    return lambda person, m: person in persons and covers(matter(level), m, within)


def do(line: Line, event: Event, minutes: float, acts: Acts = nobody_acts) -> Decision:
    return step(line, event, at(minutes), CLOCKS, acts)


def climbed(acts: Acts, minutes: float = 3, level: Level = Level.RED) -> tuple[Line, list[Decision]]:
    line, taken = opened(level), []
    while (due := due_at(line, CLOCKS, at(minutes))) is not None and due <= at(minutes):
        taken.append(step(line, Tick(), due, CLOCKS, acts))
        line = taken[-1].state
    return line, taken


def told(line: Line) -> set[str]:
    return {p.person for p in line.parties if p.state is PartyState.TOLD}


@pytest.mark.parametrize(
    ("own", "asked", "is_covered"),
    [
        ({}, {}, True),
        ({}, {"level": Level.ORANGE}, True),
        ({}, {"scope": VILLAGE}, True),
        ({}, {"matter_id": "landslide/x/1", "hazard": "11D01"}, True),
        ({"level": Level.ORANGE}, {}, False),  # an upgrade
        ({}, {"scope": ELSEWHERE}, False),  # a new place
        ({"scope": VILLAGE}, {}, False),  # the place around it
        ({}, {"purpose": Purpose.VERIFY}, False),
        ({"purpose": Purpose.SIGN}, {"purpose": Purpose.SIGN}, False),
        ({"purpose": Purpose.OPEN}, {"purpose": Purpose.OPEN}, False),
    ],
)
def test_what_covers_what(own: dict[str, Any], asked: dict[str, Any], is_covered: bool) -> None:
    assert covers(matter(**own), matter(**asked), within) is is_covered


def test_only_the_holders_own_acting_counts() -> None:
    line = opened()
    assert acting_of(line) == ()
    assert acting_of(do(line, says("甲", Grade.UNDERSTOOD), 1).state) == ()
    assert acting_of(do(line, says("乙", Grade.ACTING), 1).state) == ()
    own = do(line, says("甲", Grade.ACTING), 1).state
    assert [m.answered_by for m in acting_of(own)] == ["甲"]
    assert acting_of(replace(own, status=LineStatus.CLOSED)) == ()


def test_the_next_rung_is_told_and_not_rung() -> None:
    line, (climb,) = climbed(acting("丁"))
    assert climb.reason is Reason.SUPERIOR_CALLED
    assert [e.person for e in climb.effects if isinstance(e, StandIn)] == ["丁"]
    assert not any(isinstance(e, Called) for e in climb.effects)
    assert told(line) == {"丁"}
    assert called(line) == {"甲", "乙", "丙"}
    assert "丁" not in {want.person for want in wants_of(line, CLOCKS, at(3))}


def test_the_clocks_go_on_as_if_the_telephone_rang() -> None:
    """Both superiors act: still the door at its minute, and the top, where both are rung."""
    line, taken = climbed(acting("丁", "戊"), 9)
    plain, others = climbed(nobody_acts, 9)
    assert [d.reason for d in taken] == [d.reason for d in others]
    assert line.status is plain.status is LineStatus.TOP_REACHED
    assert (line.door_at, line.top_at, line.rung) == (plain.door_at, plain.top_at, plain.rung)
    effects = [e for d in taken for e in d.effects]
    assert [e.person for e in effects if isinstance(e, StandIn)] == ["丁", "戊"]
    assert any(isinstance(e, Door) for e in effects)
    assert {e.person for e in taken[-1].effects if isinstance(e, Called)} == {"丁", "戊"}
    assert told(line) == set()
    assert Alarm(kind=AlarmKind.TOP_REACHED, what="T-head") in effects


WORSE_ELSEWHERE = MatterJoined(matter=matter(matter_id="landslide/y/1", scope=ELSEWHERE, minutes=4))
COVERED_NEWS = MatterJoined(matter=matter(matter_id="landslide/v/1", scope=VILLAGE, minutes=4))
FAILED = Attempted(person="丁", result="carrier_failed", by_text=True)
ARRIVED = Attempted(person="丁", result="delivered", by_text=True)
Step = tuple[Event, Acts, Reason, bool]
STEPS: dict[str, Step] = {
    "still acts": (ActsChanged(), acting("丁"), Reason.NOTHING_DUE, True),
    "acts no more": (ActsChanged(), nobody_acts, Reason.RUNG_AGAIN, False),
    "only on less by now": (ActsChanged(), acting("丁", level=Level.ORANGE), Reason.RUNG_AGAIN, False),
    "the text did not arrive": (FAILED, acting("丁"), Reason.RUNG_AGAIN, False),
    "the text arrived": (ARRIVED, acting("丁"), Reason.ATTEMPT_NOTED, True),
    "a new place": (WORSE_ELSEWHERE, acting("丁"), Reason.JOINED, False),
    "news inside the place": (COVERED_NEWS, acting("丁"), Reason.JOINED, True),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_turns_the_text_into_a_ring(name: str) -> None:
    event, acts, reason, by_text = STEPS[name]
    line, _ = climbed(acting("丁"))
    decision = do(line, event, 4, acts)
    assert decision.reason is reason
    assert ("丁" in told(decision.state)) is by_text
    rung = [e.person for e in decision.effects if isinstance(e, Called)]
    assert ("丁" in rung) is not by_text
    since = [w.since for w in wants_of(decision.state, CLOCKS, at(4)) if w.person == "丁"]
    assert bool(since) is not by_text
    assert set(since) <= {at(4)}


@pytest.mark.parametrize(
    ("event", "level", "by_text"),
    [
        (ActsChanged(), Level.RED, set()),
        (MatterJoined(matter=matter(matter_id="slide/v/1", scope=VILLAGE, minutes=10)), Level.RED, set()),
        (MatterJoined(matter=matter(version=2, minutes=10)), Level.ORANGE, {"丁", "戊"}),
    ],
)
def test_at_the_top_a_text_is_not_enough_until_the_climb_begins_anew(
    event: Event, level: Level, by_text: set[str]
) -> None:
    line, _ = climbed(acting("丁", "戊"), 60, level)
    assert line.status is LineStatus.TOP_REACHED
    assert {"丁", "戊"} <= called(line)
    after = do(line, event, 60, acting("丁", "戊")).state
    assert told(after) == by_text
    assert ({"丁", "戊"} <= called(after)) is not bool(by_text)


def test_a_text_that_failed_is_not_tried_a_second_time() -> None:
    line, _ = climbed(acting("丁"))
    rung = do(line, FAILED, 4, acting("丁")).state
    assert "丁" in called(do(rung, ActsChanged(), 5, acting("丁")).state)


def test_news_is_told_once() -> None:
    line, _ = climbed(acting("丁"))
    news = do(line, COVERED_NEWS, 4, acting("丁"))
    told_of: list[LineMatter] = [m for e in news.effects if isinstance(e, StandIn) for m in e.matters]
    assert [m.matter_id for m in told_of] == ["landslide/v/1"]
    assert do(news.state, ActsChanged(), 5, acting("丁")).effects == ()


def test_who_begins_to_act_while_it_rings_is_rung_no_more() -> None:
    line, _ = climbed(nobody_acts)
    assert "丁" in called(line)
    decision = do(line, ActsChanged(), 4, acting("丁"))
    assert decision.reason is Reason.TOLD_BY_TEXT
    assert told(decision.state) == {"丁"}
    assert due_at(decision.state, CLOCKS, at(4)) == due_at(line, CLOCKS, at(4))


@pytest.mark.parametrize(
    ("grade", "status", "next_one"),
    [(Grade.ACTING, LineStatus.ANSWERED, False), (Grade.CANNOT_ACT, LineStatus.CLIMBING, True)],
)
def test_the_text_is_answered(grade: Grade, status: LineStatus, next_one: bool) -> None:
    line, _ = climbed(acting("丁"))
    decision = do(line, says("丁", grade), 4, acting("丁"))
    assert decision.state.status is status
    assert ("戊" in called(decision.state)) is next_one


def test_the_climb_stops_at_a_rung_that_was_told_before_its_turn() -> None:
    """Who answered last is called again at once; told by text since, the next rung keeps its three minutes."""
    line, _ = climbed(nobody_acts)
    answered = do(line, says("丁", Grade.ACTING), 4).state
    worse = MatterJoined(matter=matter(matter_id="slide/z/1", scope=ELSEWHERE, minutes=5))
    again = do(answered, worse, 5).state
    assert {"甲", "丁"} <= called(again)
    everywhere: Acts = lambda person, m: person == "丁"  # noqa: E731
    spared = do(again, ActsChanged(), 6, everywhere).state
    assert told(spared) == {"丁"}
    climb = do(spared, Tick(), 8, everywhere)
    assert (climb.reason, climb.state.rung) == (Reason.SUPERIOR_CALLED, 2)
    assert "戊" not in called(climb.state)
    assert "戊" in called(do(climb.state, Tick(), 11, everywhere).state)


def test_an_upgrade_begins_with_rings() -> None:
    line, _ = climbed(acting("丁"))
    answered = do(line, says("甲", Grade.ACTING), 4).state
    worse = MatterJoined(matter=matter(matter_id="slide/z/1", scope=ELSEWHERE, minutes=5))
    assert told(do(answered, worse, 5, acting("丁")).state) == set()


class _Names:
    def place(self, scope: str) -> str:
        return "某镇"

    def hazard(self, code: str, lang: object) -> str:
        return "暴雨"


def test_the_text_names_who_did_not_answer_and_the_number() -> None:
    line, _ = climbed(nobody_acts)
    want = next(w for w in wants_of(line, CLOCKS, at(3)) if w.person == "丁")
    frame = Frame(district="某区", exercise=False)
    said = texted([replace(want, number="00000000001")], _Names(), frame).text
    assert "甲未应答（电话00000000001），请您接替。某镇暴雨达到红色标准" in said
