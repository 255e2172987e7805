"""The line's state machine: truth table of every (state, event), and the clocks of issue 2 item 5."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from services.dispatch.callouts.events import (
    Alarm,
    AlarmKind,
    Attempted,
    Close,
    ContactFound,
    ContactLost,
    Door,
    Event,
    MatterEnded,
    MatterJoined,
    Reason,
    Strike,
    Text,
    Tick,
)
from services.dispatch.callouts.line import Line, LineStatus, PartyState, wants_of
from services.dispatch.callouts.matter import Grade, Purpose, Via
from shared.vocabulary import Level
from tests.unit.dispatch.callouts_builders import (
    CALLEE,
    CLOCKS,
    at,
    called,
    do,
    fresh,
    matter,
    opened,
    says,
    ticked,
)

S, R = LineStatus, Reason


def line_in(status: LineStatus) -> Line:
    """A red line of T-head in this status, at minute 20 at the latest."""
    if status is S.CLOSED:
        return fresh()
    if status is S.CALLING:
        return opened()
    if status is S.CLIMBING:
        return ticked(opened(), 4)
    if status is S.TOP_REACHED:
        return ticked(opened(), 20)
    return do(opened(), says("甲", Grade.ACTING), 1).state


class Row(NamedTuple):
    event: Event
    # status → (reason, status afterwards); a leading "-" marks a refusal
    closed: str
    calling: str
    climbing: str
    top_reached: str
    answered: str


SAME = matter()
WORSE = matter(Level.RED, version=2, minutes=20, matter_id="landslide/999901101/1", scope="point-01")
ROWS: dict[str, Row] = {
    "same matter again": Row(
        MatterJoined(matter=SAME),
        "opened calling",
        "-stale_version calling",
        "-stale_version climbing",
        "-stale_version top_reached",
        "-stale_version answered",
    ),
    "another place": Row(
        MatterJoined(matter=WORSE),
        "opened calling",
        "joined calling",
        "joined climbing",
        "joined top_reached",
        "joined calling",
    ),
    "same place, not worse": Row(
        MatterJoined(matter=matter(Level.ORANGE, matter_id="flash/999901101/1")),
        "opened calling",
        "joined calling",
        "joined climbing",
        "joined top_reached",
        "covered_by_acting answered",
    ),
    "calmer version": Row(
        MatterJoined(matter=matter(Level.ORANGE, version=2)),
        "opened calling",
        "downgraded calling",
        "downgraded climbing",
        "downgraded top_reached",
        "downgraded answered",
    ),
    "entered late": Row(
        MatterJoined(matter=WORSE, entered_late=True),
        "-late_starts_nothing closed",
        "-late_starts_nothing calling",
        "-late_starts_nothing climbing",
        "-late_starts_nothing top_reached",
        "-late_starts_nothing answered",
    ),
    "level normal": Row(
        MatterJoined(matter=matter(Level.NORMAL, version=2)),
        "-no_level closed",
        "-no_level calling",
        "-no_level climbing",
        "-no_level top_reached",
        "-no_level answered",
    ),
    "matter ended": Row(
        MatterEnded(key=SAME.key),
        "-matter_unknown closed",
        "matter_ended closed",
        "matter_ended closed",
        "matter_ended closed",
        "matter_ended closed",
    ),
    "acting": Row(
        says("甲", Grade.ACTING),
        "-line_closed closed",
        "answered answered",
        "answered answered",
        "answered answered",
        "answered answered",
    ),
    "understood at red": Row(
        says("甲", Grade.UNDERSTOOD),
        "-line_closed closed",
        "answer_too_weak calling",
        "answer_too_weak climbing",
        "answer_too_weak top_reached",
        "answered answered",
    ),
    "heard": Row(
        says("甲", Grade.HEARD),
        "-line_closed closed",
        "heard_stops_nothing calling",
        "heard_stops_nothing climbing",
        "heard_stops_nothing top_reached",
        "answered answered",
    ),
    "busy": Row(
        says("甲", Grade.BUSY),
        "-line_closed closed",
        "busy_is_not_absent calling",
        "busy_is_not_absent climbing",
        "busy_is_not_absent top_reached",
        "busy_is_not_absent answered",
    ),
    "cannot act": Row(
        says("甲", Grade.CANNOT_ACT),
        "-line_closed closed",
        "cannot_act climbing",
        "cannot_act climbing",
        "cannot_act top_reached",
        "cannot_act calling",
    ),
    "wrong person": Row(
        says("甲", Grade.WRONG_PERSON),
        "-line_closed closed",
        "wrong_person calling",
        "wrong_person climbing",
        "wrong_person top_reached",
        "wrong_person calling",
    ),
    "by a stranger": Row(
        says("路人", Grade.ACTING),
        "-line_closed closed",
        "-not_a_party calling",
        "-not_a_party climbing",
        "-not_a_party top_reached",
        "-not_a_party answered",
    ),
    "on behalf without who": Row(
        says("甲", Grade.ACTING, Via.ON_BEHALF, ground="电话核实"),
        "-line_closed closed",
        "-on_behalf_needs_who calling",
        "-on_behalf_needs_who climbing",
        "-on_behalf_needs_who top_reached",
        "-on_behalf_needs_who answered",
    ),
    "on behalf without ground": Row(
        says("甲", Grade.ACTING, Via.ON_BEHALF, by="duty-1"),
        "-line_closed closed",
        "-on_behalf_needs_ground calling",
        "-on_behalf_needs_ground climbing",
        "-on_behalf_needs_ground top_reached",
        "-on_behalf_needs_ground answered",
    ),
    "read another version": Row(
        says("甲", Grade.ACTING, read={SAME.key: 7}),
        "-line_closed closed",
        "-nothing_read calling",
        "-nothing_read climbing",
        "-nothing_read top_reached",
        "-nothing_read answered",
    ),
    "attempt": Row(
        Attempted(person="甲", result="no_answer"),
        "attempt_noted closed",
        "attempt_noted calling",
        "attempt_noted climbing",
        "attempt_noted top_reached",
        "attempt_noted answered",
    ),
    "attempt at a stranger": Row(
        Attempted(person="路人", result="no_answer"),
        "-not_a_party closed",
        "-not_a_party calling",
        "-not_a_party climbing",
        "-not_a_party top_reached",
        "-not_a_party answered",
    ),
    "number lost": Row(
        ContactLost(person="甲", state=PartyState.NO_CONTACT),
        "no_contact closed",
        "no_contact calling",
        "no_contact climbing",
        "no_contact top_reached",
        "no_contact answered",
    ),
    "number found that was not lost": Row(
        ContactFound(person="甲"),
        "-nothing_due closed",
        "-nothing_due calling",
        "-nothing_due climbing",
        "-nothing_due top_reached",
        "-nothing_due answered",
    ),
    "tick": Row(
        Tick(),
        "nothing_due closed",
        "top_reached top_reached",  # one rung a tick: see the climb below; here minute 20 of a frozen line
        "superior_called climbing",
        "nothing_due top_reached",
        "feedback_overdue answered",
    ),
    "close": Row(Close(), "-line_closed closed", "closed closed", "closed closed", "closed closed", "closed closed"),
}
CASES = [(name, status) for name in ROWS for status in S if not (name == "tick" and status is S.CALLING)]


@pytest.mark.parametrize(("name", "status"), CASES, ids=[f"{n}-{s}" for n, s in CASES])
def test_every_state_and_event(name: str, status: LineStatus) -> None:
    row = ROWS[name]
    before = line_in(status)
    decision = do(before, row.event, 20)
    reason, after = getattr(row, status).split()
    assert decision.reason == reason.removeprefix("-")
    assert decision.state.status == after
    assert decision.is_refused is reason.startswith("-")
    if decision.is_refused:
        assert decision.state == before
        assert decision.effects == ()


def test_at_red_post_deputy_and_second_ring_together() -> None:
    assert called(opened()) == {"甲", "乙", "丙"}


def test_at_orange_and_below_the_post_rings_first() -> None:
    for level in (Level.ORANGE, Level.YELLOW, Level.BLUE):
        assert called(opened(level)) == {"甲"}


def test_red_climbs_at_three_minutes_and_goes_to_the_door_at_eight() -> None:
    line = opened()
    assert called(ticked(line, 2.99)) == {"甲", "乙", "丙"}
    assert called(ticked(line, 3)) == {"甲", "乙", "丙", "丁"}
    assert called(ticked(line, 6)) == {"甲", "乙", "丙", "丁", "戊"}
    assert ticked(line, 7.99).door_at is None
    late = ticked(line, 8)
    assert late.door_at == at(8)
    assert "己" in called(late)


def test_the_climb_ends_as_an_alarm_never_in_silence() -> None:
    line = ticked(opened(), 8.99)
    assert line.status is S.CLIMBING
    decision = do(line, Tick(), 9)
    assert decision.state.status is S.TOP_REACHED
    assert Alarm(kind=AlarmKind.TOP_REACHED, what="T-head") in decision.effects
    assert {w.person for w in wants_of(decision.state, CLOCKS, at(9))} == {"甲", "乙", "丙", "丁", "戊", "己"}


def test_ticks_that_come_late_skip_nobody() -> None:
    line = do(opened(), Tick(), 30).state
    assert called(line) == {"甲", "乙", "丙", "丁", "己"}
    assert "戊" in called(ticked(line, 33))


@pytest.mark.parametrize(
    ("level", "grade", "stops"),
    [
        (Level.RED, Grade.ACTING, True),
        (Level.RED, Grade.UNDERSTOOD, False),
        (Level.RED, Grade.HEARD, False),
        (Level.ORANGE, Grade.ACTING, True),
        (Level.ORANGE, Grade.UNDERSTOOD, False),
        (Level.ORANGE, Grade.HEARD, False),
        (Level.YELLOW, Grade.ACTING, True),
        (Level.YELLOW, Grade.UNDERSTOOD, True),
        (Level.YELLOW, Grade.HEARD, False),
        (Level.BLUE, Grade.UNDERSTOOD, True),
        (Level.BLUE, Grade.HEARD, False),
    ],
)
def test_what_stops_the_climb(level: Level, grade: Grade, stops: bool) -> None:
    decision = do(opened(level), says("甲", grade), 1)
    assert (decision.state.status is S.ANSWERED) is stops
    assert bool(wants_of(decision.state, CLOCKS, at(1))) is not stops


def test_any_of_those_who_ring_may_answer() -> None:
    for person in ("甲", "乙", "丙"):
        assert do(opened(), says(person, Grade.ACTING), 1).state.status is S.ANSWERED
    assert do(ticked(opened(), 3), says("丁", Grade.ACTING), 4).state.answer is not None


def test_a_rise_opens_the_line_again_and_calls_who_acted() -> None:
    line = do(opened(Level.YELLOW), says("甲", Grade.CANNOT_ACT), 1).state
    line = do(line, says("乙", Grade.UNDERSTOOD), 2).state
    assert line.status is S.ANSWERED
    decision = do(line, MatterJoined(matter=matter(Level.RED, version=2, minutes=10)), 10)
    assert decision.reason is R.UPGRADED
    assert decision.state.status is S.CALLING
    assert called(decision.state) == {"乙", "丙"}
    assert decision.state.climb_from == at(10)


def test_a_rise_on_an_open_line_starts_its_clocks_from_the_rise() -> None:
    line = do(opened(Level.YELLOW), MatterJoined(matter=matter(Level.RED, version=2, minutes=10)), 10).state
    assert called(line) == {"甲", "乙", "丙"}
    assert called(ticked(line, 12.9)) == {"甲", "乙", "丙"}
    assert "丁" in called(ticked(line, 13))


def test_a_calmer_level_makes_an_earlier_answer_enough() -> None:
    line = do(opened(), says("甲", Grade.UNDERSTOOD), 1).state
    line = do(line, MatterJoined(matter=matter(Level.YELLOW, version=2, minutes=2)), 2).state
    assert line.status is S.ANSWERED


def test_cannot_act_calls_the_next_at_once() -> None:
    yellow = do(opened(Level.YELLOW), says("甲", Grade.CANNOT_ACT), 1).state
    assert called(yellow) == {"乙", "丙"}
    red = do(opened(), says("甲", Grade.CANNOT_ACT), 1).state
    assert called(red) == {"乙", "丙", "丁"}


def test_a_wrong_number_is_struck_and_the_deputy_is_next() -> None:
    decision = do(opened(Level.ORANGE), says("甲", Grade.WRONG_PERSON), 0.5)
    assert Strike(person="甲") in decision.effects
    assert called(decision.state) == {"乙", "丙"}
    assert decision.state.parties[0].state is PartyState.STRUCK


def test_a_wrong_number_with_another_number_left_goes_on_being_called() -> None:
    decision = do(opened(), says("甲", Grade.WRONG_PERSON, reachable_otherwise=True), 0.5)
    assert Strike(person="甲") in decision.effects
    assert "甲" in called(decision.state)


def test_whoever_takes_an_answer_back_opens_the_line_again() -> None:
    line = do(opened(), says("甲", Grade.ACTING), 1).state
    again = do(line, says("甲", Grade.CANNOT_ACT), 5).state
    assert again.status is S.CALLING
    assert called(again) == {"乙", "丙"}
    assert again.climb_from == at(5)


def test_no_contact_is_a_state_of_its_own_and_is_passed_at_once() -> None:
    line = opened(Level.YELLOW, no_contact=frozenset({"甲"}))
    assert line.parties[0].state is PartyState.NO_CONTACT
    assert called(line) == {"乙", "丙"}
    decision = do(fresh(no_contact=frozenset({"甲"})), MatterJoined(matter=matter()), 0)
    assert Alarm(kind=AlarmKind.NO_CONTACT, what="甲") in decision.effects


def test_when_nobody_has_a_contact_the_top_is_reached_at_once() -> None:
    everybody = frozenset({"甲", "乙", "丙", "丁", "戊"})
    line = opened(no_contact=everybody)
    assert line.status is S.TOP_REACHED
    found = do(line, ContactFound(person="丁"), 2).state
    assert called(found) == {"丁"}


def test_a_vacant_post_is_no_contact() -> None:
    assert opened(callee=dataclasses.replace(CALLEE, person="")).parties[0].state is PartyState.NO_CONTACT


def test_answers_count_for_what_was_read_out_only() -> None:
    line = do(opened(), MatterJoined(matter=WORSE), 1).state
    half = do(line, says("甲", Grade.ACTING, read={SAME.key: 1}), 2).state
    assert half.status is S.CALLING
    assert [m.matter_id for m in half.unanswered(CLOCKS, at(2))] == [WORSE.matter_id]
    assert do(half, says("甲", Grade.ACTING, read={WORSE.key: 2}), 3).state.status is S.ANSWERED


def test_a_version_that_is_not_worse_does_not_void_the_answer_to_the_one_that_was_read() -> None:
    """A fuse that was blind for a moment writes two records; who is on the phone meanwhile has answered."""
    line = do(opened(), MatterJoined(matter=matter(Level.RED, version=2, minutes=0)), 1).state
    line = do(line, MatterJoined(matter=matter(Level.RED, version=3, minutes=0)), 1).state
    assert do(line, says("甲", Grade.ACTING, read={SAME.key: 1}), 2).state.status is S.ANSWERED


def test_an_answer_to_what_was_read_before_a_rise_is_no_answer_to_the_rise() -> None:
    line = do(opened(Level.YELLOW), MatterJoined(matter=matter(Level.RED, version=2, minutes=1)), 1).state
    assert do(line, says("甲", Grade.ACTING, read={SAME.key: 1}), 2).state.status is S.CALLING
    assert do(line, says("甲", Grade.ACTING, read={SAME.key: 2}), 2).state.status is S.ANSWERED


def test_who_acts_is_told_of_the_same_place_by_text_only() -> None:
    line = do(opened(), says("乙", Grade.ACTING), 1).state
    decision = do(line, MatterJoined(matter=matter(Level.ORANGE, matter_id="flash/999901101/1")), 5)
    assert [e.person for e in decision.effects if isinstance(e, Text)] == ["乙"]
    assert wants_of(decision.state, CLOCKS, at(5)) == ()


def test_verify_answered_does_not_cover_act() -> None:
    line = do(fresh(), MatterJoined(matter=matter(purpose=Purpose.VERIFY)), 0).state
    line = do(line, says("甲", Grade.ACTING), 1).state
    confirmed = do(line, MatterJoined(matter=matter(version=2, minutes=3)), 3)
    assert confirmed.state.status is S.CALLING


def test_a_neighbour_at_the_door_has_not_reached_the_person() -> None:
    line = ticked(opened(), 8)
    decision = do(line, says("己", Grade.ACTING), 9)
    assert decision.reason is R.DOOR_ACCEPTED
    assert decision.state.is_open
    assert "己" not in {w.person for w in wants_of(decision.state, CLOCKS, at(9))}
    reached = do(decision.state, says("甲", Grade.ACTING, Via.ON_BEHALF, by="己", ground="当面告知"), 15).state
    assert reached.status is S.ANSWERED
    assert reached.door_done_at == at(15)


def test_a_door_without_a_neighbour_is_an_alarm() -> None:
    alone = ticked(opened(callee=dataclasses.replace(CALLEE, neighbours=())), 7)
    decision = do(alone, Tick(), 8)
    assert Door(person="甲", neighbours=()) in decision.effects
    assert Alarm(kind=AlarmKind.NO_ONE_FOR_DOOR, what="甲") in decision.effects


class TestFeedback:
    """反馈: three facts within the deadline."""

    def test_acting_starts_the_clock_of_the_facts(self) -> None:
        line = do(opened(), says("甲", Grade.ACTING), 1).state
        assert line.feedback is not None
        assert line.feedback.due_at == at(16)

    def test_facts_add_up_and_blanks_are_no_facts(self) -> None:
        line = do(opened(), says("甲", Grade.ACTING, feedback={"commander": "甲", "villages": ""}), 1).state
        decision = do(line, says("甲", Grade.ACTING, Via.APP, feedback={"villages": 3}), 5)
        assert decision.reason is R.FEEDBACK_INCOMPLETE
        decision = do(decision.state, says("甲", Grade.ACTING, Via.APP, feedback={"evacuating": False}), 6)
        assert decision.reason is R.FEEDBACK_GIVEN
        assert ticked(decision.state, 60).feedback.overdue_at is None

    def test_partial_facts_before_the_answer_leave_the_deadline(self) -> None:
        line = do(opened(), says("甲", Grade.HEARD, feedback={"commander": "甲"}), 1).state
        line = do(line, says("甲", Grade.ACTING), 2).state
        assert line.feedback.due_at == at(17)
        assert line.feedback.facts == {"commander": "甲"}

    def test_overdue_is_an_alarm_a_text_and_then_a_ring(self) -> None:
        line = do(opened(), says("甲", Grade.ACTING), 1).state
        decision = do(line, Tick(), 16)
        assert Alarm(kind=AlarmKind.FEEDBACK_OVERDUE, what="甲") in decision.effects
        assert any(isinstance(e, Text) for e in decision.effects)
        wants = wants_of(decision.state, CLOCKS, at(16))
        assert [(w.person, w.matter.purpose, w.since) for w in wants] == [("甲", Purpose.FEEDBACK, at(21))]
        heard = do(decision.state, says("甲", Grade.HEARD, read={wants[0].matter.key: 1}), 22).state
        assert wants_of(heard, CLOCKS, at(22)) == ()
        assert heard.feedback.overdue_at == at(16)

    def test_lines_that_owe_no_facts_have_no_clock(self) -> None:
        line = do(replace(opened(), needs_feedback=False), says("甲", Grade.ACTING), 1).state
        assert line.feedback is None


class TestEnteredLate:
    """补录: stops clocks, starts none."""

    def test_an_answer_entered_late_stops_the_climb_and_starts_no_deadline(self) -> None:
        late = says(
            "甲", Grade.ACTING, Via.ON_BEHALF, by="duty-1", ground="纸质记录", happened_at=at(2), entered_late=True
        )
        decision = do(ticked(opened(), 20), late, 50)
        assert decision.state.status is S.ANSWERED
        assert decision.state.feedback is None
        assert decision.state.answer.at == at(2)

    def test_it_does_not_cover_what_came_after_it_happened(self) -> None:
        line = do(opened(Level.ORANGE), MatterJoined(matter=matter(Level.RED, version=2, minutes=10)), 10).state
        late = says("甲", Grade.ACTING, Via.ON_BEHALF, by="duty-1", ground="纸质", happened_at=at(5), entered_late=True)
        assert do(line, late, 50).reason is R.NOTHING_READ

    @pytest.mark.parametrize("grade", [Grade.CANNOT_ACT, Grade.WRONG_PERSON])
    def test_it_calls_nobody(self, grade: Grade) -> None:
        line = opened(Level.YELLOW)
        late = says("甲", grade, Via.ON_BEHALF, by="duty-1", ground="纸质", happened_at=at(2), entered_late=True)
        after = do(line, late, 5).state
        assert called(after) == set()
        assert called(ticked(after, 20)) == {"乙", "丙"}

    def test_an_answer_taken_back_late_calls_nobody_and_is_an_alarm(self) -> None:
        line = do(opened(), says("甲", Grade.ACTING), 1).state
        late = says(
            "甲", Grade.CANNOT_ACT, Via.ON_BEHALF, by="duty-1", ground="纸质", happened_at=at(2), entered_late=True
        )
        decision = do(line, late, 30)
        assert decision.state.status is S.ANSWERED
        assert decision.effects == (Alarm(kind=AlarmKind.ANSWER_WITHDRAWN, what="甲"),)
