"""One person, one ring: truth table of every (state, event), cadence, busy, merging, masts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from services.dispatch.callouts.blackout import Blackout, Unreached, blackouts
from services.dispatch.callouts.line import PartyKind, Want
from services.dispatch.callouts.ring import (
    Ended,
    MastDown,
    Ring,
    RingDecision,
    RingEvent,
    RingReason,
    Started,
    Wanted,
    step,
)
from services.dispatch.channels.carrier import Result
from shared.vocabulary import Level
from tests.unit.dispatch.callouts_builders import CLOCKS, at, matter

R = RingReason


def want(
    level: Level = Level.RED, minutes: float = 0, version: int = 1, case_id: str = "C-0001", **changes: Any
) -> Want:
    return Want(
        person="甲",
        case_id=case_id,
        line_post="T-head",
        as_post="T-head",
        kind=PartyKind.HOLDER,
        matter=matter(level, version, minutes, **changes),
        subject="甲",
        since=at(minutes),
    )


RED, ORANGE = want(), want(Level.ORANGE, matter_id="landslide/p/1")


def do(ring: Ring, event: RingEvent, minutes: float) -> RingDecision:
    return step(ring, event, at(minutes), CLOCKS)


def idle() -> Ring:
    return Ring(person="甲")


def waiting() -> Ring:
    return do(idle(), Wanted(wants=(RED,)), 0).state


def live() -> Ring:
    return do(waiting(), Started(attempt_id="A-1", wants=(RED,)), 0).state


STATES = {"idle": idle, "waiting": waiting, "live": live}
TABLE: list[tuple[str, str, RingEvent, RingReason, bool]] = [
    ("nobody wants, idle", "idle", Wanted(wants=()), R.NOBODY_WANTS, False),
    ("nobody wants, waiting", "waiting", Wanted(wants=()), R.NOBODY_WANTS, False),
    ("nobody wants, live", "live", Wanted(wants=()), R.NOBODY_WANTS, False),
    ("first", "idle", Wanted(wants=(RED,)), R.FIRST, False),
    ("unchanged, waiting", "waiting", Wanted(wants=(RED,)), R.UNCHANGED, False),
    ("unchanged, live", "live", Wanted(wants=(RED,)), R.UNCHANGED, False),
    ("new as bad, waiting", "waiting", Wanted(wants=(RED, want(matter_id="b/1"))), R.NEW_AS_BAD, False),
    ("less bad joins, waiting", "waiting", Wanted(wants=(RED, ORANGE)), R.JOINS_NEXT, False),
    ("joins after the call", "live", Wanted(wants=(RED, ORANGE)), R.JOINS_AFTER_CALL, False),
    ("start, idle with wants", "idle", Started(attempt_id="A-2", wants=(RED,)), R.RINGING, False),
    ("start, waiting", "waiting", Started(attempt_id="A-2", wants=(RED,)), R.RINGING, False),
    ("start, live", "live", Started(attempt_id="A-2", wants=(RED,)), R.LIVE_ALREADY, True),
    ("start with nothing to say", "waiting", Started(attempt_id="A-2", wants=()), R.NOTHING_TO_SAY, True),
    ("end, idle", "idle", Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), R.NOT_THIS_CALL, True),
    ("end, waiting", "waiting", Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), R.NOT_THIS_CALL, True),
    ("end of another", "live", Ended(attempt_id="A-9", result=Result.BUSY, wants=(RED,)), R.NOT_THIS_CALL, True),
    ("end, answered", "live", Ended(attempt_id="A-1", result=Result.KEYED, wants=()), R.NOBODY_WANTS, False),
    ("end, busy", "live", Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), R.BUSY_AGAIN, False),
    (
        "end, carrier",
        "live",
        Ended(attempt_id="A-1", result=Result.CARRIER_FAILED, wants=(RED,)),
        R.CARRIER_AGAIN,
        False,
    ),
    ("end, no answer", "live", Ended(attempt_id="A-1", result=Result.NO_ANSWER, wants=(RED,)), R.CADENCE, False),
    ("mast, idle", "idle", MastDown(), R.NOTHING_TO_SAY, True),
    ("mast, waiting", "waiting", MastDown(), R.WAITS_FOR_MAST, False),
    ("mast, live", "live", MastDown(), R.NOTHING_TO_SAY, True),
]


@pytest.mark.parametrize(("state", "event", "reason", "refused"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_every_state_and_event(state: str, event: RingEvent, reason: RingReason, refused: bool) -> None:
    before = STATES[state]()
    decision = do(before, event, 0.5)
    assert decision.reason is reason
    assert decision.is_refused is refused
    if refused:
        assert decision.state == before


def rings(result: Result, upto: float, lasts: float = 0.75) -> list[float]:
    """The minutes at which a person rings who always ends the same way."""
    ring, started = waiting(), []
    while ring.next_at is not None and ring.next_at <= at(upto):
        begin = minutes(ring.next_at)
        started.append(begin)
        ring = do(ring, Started(attempt_id=f"A-{len(started)}", wants=(RED,)), begin).state
        ring = do(ring, Ended(attempt_id=f"A-{len(started)}", result=result, wants=(RED,)), begin + lasts).state
    return started


def minutes(instant: datetime) -> float:
    return (instant - at(0)).total_seconds() / 60


def test_red_rings_at_nought_two_four_then_every_five() -> None:
    assert rings(Result.NO_ANSWER, 20) == [0, 2, 4, 9, 14, 19]


def test_busy_is_texted_at_once_and_rung_again_after_sixty_seconds() -> None:
    decision = do(live(), Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), 0.1)
    assert decision.text
    assert decision.state.next_at == at(1.1)
    assert rings(Result.BUSY, 4, lasts=0) == [0, 1, 2, 3, 4]


def test_the_same_words_are_texted_once() -> None:
    ring = do(live(), Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), 0.1).state
    ring = do(ring, Started(attempt_id="A-2", wants=(RED,)), 1.1).state
    assert not do(ring, Ended(attempt_id="A-2", result=Result.BUSY, wants=(RED,)), 1.2).text
    both = (RED, ORANGE)
    assert do(ring, Ended(attempt_id="A-2", result=Result.BUSY, wants=both), 1.2).text


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Result.BUSY, True),
        (Result.NO_ANSWER, True),
        (Result.HUNG_UP, True),
        (Result.PART_HEARD, True),
        (Result.MACHINE, True),
        (Result.UNREACHABLE, True),
        (Result.HEARD, False),
        (Result.KEYED, False),
        (Result.BAD_NUMBER, False),
        (Result.CARRIER_FAILED, False),
        (Result.EXPIRED, False),
        (Result.DELIVERED, False),
    ],
)
def test_which_ends_are_followed_by_a_text(result: Result, text: bool) -> None:
    assert do(live(), Ended(attempt_id="A-1", result=result, wants=(RED,)), 1).text is text


def test_missed_slots_are_not_made_up() -> None:
    ring = do(waiting(), Started(attempt_id="A-1", wants=(RED,)), 12).state
    ring = do(ring, Ended(attempt_id="A-1", result=Result.NO_ANSWER, wants=(RED,)), 12.75).state
    assert ring.next_at == at(14)


def test_a_worse_matter_rings_at_once_and_begins_anew() -> None:
    ring = do(idle(), Wanted(wants=(ORANGE,)), 0).state
    ring = do(ring, Started(attempt_id="A-1", wants=(ORANGE,)), 0).state
    ring = do(ring, Ended(attempt_id="A-1", result=Result.NO_ANSWER, wants=(ORANGE,)), 0.75).state
    red = want(minutes=1.5, matter_id="b/1")
    decision = do(ring, Wanted(wants=(ORANGE, red)), 1.5)
    assert decision.reason is R.WORSE
    assert decision.state.next_at == at(1.5)
    assert decision.state.base_at == at(1.5)


def test_as_bad_within_three_minutes_shares_the_next_ring() -> None:
    ring = do(live(), Ended(attempt_id="A-1", result=Result.NO_ANSWER, wants=(RED,)), 0.75).state
    more = (RED, want(minutes=1, matter_id="b/1"))
    assert do(ring, Wanted(wants=more), 1).state.next_at == at(2)
    assert do(ring, Wanted(wants=more), 1).reason is R.JOINS_NEXT
    later = do(ring, Wanted(wants=(RED, want(minutes=3.5, matter_id="b/1"))), 3.5)
    assert later.reason is R.NEW_AS_BAD
    assert later.state.next_at == at(3.5)


def test_what_comes_during_a_call_is_rung_after_it() -> None:
    red = want(minutes=0.5, matter_id="b/1")
    decision = do(live(), Wanted(wants=(RED, red)), 0.5)
    assert decision.state.live == "A-1"
    ended = do(decision.state, Ended(attempt_id="A-1", result=Result.KEYED, wants=(red,)), 0.6)
    assert ended.state.next_at is not None
    assert ended.state.next_at <= at(2)


def test_two_cases_share_one_ring_and_the_worst_cadence() -> None:
    other = want(Level.YELLOW, case_id="C-0002", matter_id="drought/1")
    ring = do(waiting(), Wanted(wants=(RED, other)), 0.1).state
    assert ring.next_at == at(0)
    assert ring.level is Level.RED


def test_a_level_may_text_first() -> None:
    decision = do(idle(), Wanted(wants=(want(Level.BLUE),)), 0)
    assert decision.text
    assert decision.state.next_at == at(30)


class TestMasts:
    """失联: one item, not fourteen retries."""

    def phones(self, count: int, cause: str | None = "mast-07") -> list[Unreached]:
        return [Unreached(person=f"P{n:02d}", region=f"v{n}", at=at(n / 10), cause=cause) for n in range(count)]

    def test_three_phones_of_one_mast_are_one_item(self) -> None:
        found = blackouts(self.phones(14), {})
        assert found == (
            Blackout(
                place="mast-07",
                regions=tuple(sorted(f"v{n}" for n in range(14))),
                persons=tuple(f"P{n:02d}" for n in range(14)),
                since=at(0),
            ),
        )
        assert found[0].probe == "P00"

    def test_two_phones_are_two_people(self) -> None:
        assert blackouts(self.phones(2), {}) == ()

    def test_without_a_cause_the_township_groups_them(self) -> None:
        found = blackouts(self.phones(3, cause=None), {f"v{n}": "999901101" for n in range(3)})
        assert [b.place for b in found] == ["999901101"]

    def test_phones_far_apart_in_time_are_no_blackout(self) -> None:
        phones = [Unreached(person=f"P{n}", region="v", at=at(20 * n), cause="m") for n in range(3)]
        assert blackouts(phones, {}) == ()


def test_another_as_bad_rings_by_its_own_clock() -> None:
    """At blue nobody is woken before the half hour is over, however many places come to it meanwhile."""
    first = do(idle(), Wanted(wants=(want(Level.BLUE),)), 0)
    assert first.state.next_at == at(30)
    both = (want(Level.BLUE), want(Level.BLUE, 5, matter_id="b/1"))
    joined = do(first.state, Wanted(wants=both), 5)
    assert (joined.reason, joined.state.next_at) == (R.NEW_AS_BAD, at(30))
    rung = do(joined.state, Started(attempt_id="A-1", wants=both), 30).state
    missed = do(rung, Ended(attempt_id="A-1", result=Result.NO_ANSWER, wants=both), 31)
    assert missed.state.next_at == at(90)
    third = (*both, want(Level.BLUE, 40, matter_id="c/1"))
    assert do(missed.state, Wanted(wants=third), 40).state.next_at == at(70)


def test_another_as_bad_puts_off_no_ring_that_was_due_before() -> None:
    busy = replace(do(live(), Ended(attempt_id="A-1", result=Result.BUSY, wants=(RED,)), 1).state, started_at=at(-10))
    assert busy.next_at == at(2)
    both = (RED, want(matter_id="b/1", minutes=1.5))
    assert do(busy, Wanted(wants=both), 1.5).state.next_at == at(1.5)
    blue = want(Level.BLUE)
    engaged = replace(do(idle(), Wanted(wants=(blue,)), 0).state, retry_at=at(6), next_at=at(6))
    two = (blue, want(Level.BLUE, 4, matter_id="b/1"))
    assert do(engaged, Wanted(wants=two), 4).state.next_at == at(6)
