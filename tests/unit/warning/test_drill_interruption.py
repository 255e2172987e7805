"""演练中止 Which records of a real realm end a drill, which only warn, and what may follow: truth tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.warning.drills.drill import (
    RISES,
    Heard,
    Refusal,
    Verdict,
    heed,
    is_drill,
    is_real,
    may_end,
    may_resume,
)
from services.warning.fuses.state import Reason
from shared.realm import ACTUAL, LIVE, Interruption, RealmClock, RealmState, drill_clock, interruption_in
from shared.vocabulary import LEVELS, Level, Verification

V0 = datetime(2024, 6, 27, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)
WHY = Interruption(NOW, LIVE, "rainstorm/500114112/1", "濯水镇暴雨红色", "Zhuoshui: Rainstorm, red")
RUNNING = drill_clock("night", 60.0, V0, NOW - timedelta(minutes=1), "b1")
STOPPED = RUNNING.interrupted(WHY)
ENDED = RUNNING.ended(NOW)

CONFIRMED, UNCONFIRMED = Verification.CONFIRMED, Verification.UNCONFIRMED
UNVERIFIED, REFUTED = Verification.UNVERIFIED, Verification.REFUTED


@pytest.mark.parametrize(
    ("level", "confirmed_level", "verification", "verdict"),
    [
        (Level.RED, Level.RED, CONFIRMED, Verdict.INTERRUPT),
        (Level.RED, Level.ORANGE, UNCONFIRMED, Verdict.WARN),  # go and look: the drill goes on
        (Level.RED, Level.NORMAL, UNCONFIRMED, Verdict.WARN),
        (Level.RED, Level.ORANGE, UNVERIFIED, Verdict.INTERRUPT),  # nobody looked: people are called in earnest
        (Level.RED, Level.RED, UNCONFIRMED, Verdict.INTERRUPT),  # a further doubt about a red that was confirmed
        (Level.ORANGE, Level.ORANGE, REFUTED, Verdict.NOTHING),
        (Level.RED, Level.RED, REFUTED, Verdict.INTERRUPT),  # one station's red was refuted, another's stands
        (Level.ORANGE, Level.ORANGE, CONFIRMED, Verdict.NOTHING),
        (Level.NORMAL, Level.NORMAL, CONFIRMED, Verdict.NOTHING),
    ],
)
def test_what_a_rise_means(level: Level, confirmed_level: Level, verification: Verification, verdict: Verdict) -> None:
    heard = Heard(level=level, confirmed_level=confirmed_level, verification=verification, reason="threshold")
    assert heed(heard) is verdict


@pytest.mark.parametrize("reason", list(Reason))
def test_only_news_of_a_danger_ends_a_drill(reason: Reason) -> None:
    """A red that is latched, silent or blind stood before the drill began: that is refused at its start."""
    heard = Heard(level=Level.RED, confirmed_level=Level.RED, verification=CONFIRMED, reason=reason.value)
    assert heed(heard) is (Verdict.INTERRUPT if reason.value in RISES else Verdict.NOTHING)


def test_every_word_for_news_is_a_reason_of_the_fuses() -> None:
    assert {reason.value for reason in Reason} >= RISES


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_written_down_afterwards_starts_nothing(level: Level) -> None:
    heard = Heard(level=level, confirmed_level=level, verification=CONFIRMED, reason="notice", entered_late=True)
    assert heed(heard) is (Verdict.WARN if level is Level.RED else Verdict.NOTHING)


@pytest.mark.parametrize(
    ("realm", "exercise_pack", "real", "drill"),
    [
        (ACTUAL, True, True, False),
        (ACTUAL, False, True, False),
        (LIVE, True, True, False),
        (LIVE, False, False, False),  # beside a real district the standing exercise is one of two
        ("x-night", True, False, True),
        ("x-night", False, False, True),
    ],
)
def test_which_realm_is_earnest(realm: str, exercise_pack: bool, real: bool, drill: bool) -> None:
    assert (is_real(realm, exercise_pack=exercise_pack), is_drill(realm)) == (real, drill)


@pytest.mark.parametrize(
    ("clock", "red_stands", "resume", "end"),
    [
        (RUNNING, False, Refusal.NOT_INTERRUPTED, None),
        (RUNNING, True, Refusal.NOT_INTERRUPTED, None),
        (STOPPED, False, None, None),
        (STOPPED, True, Refusal.REAL_RED, None),
        (ENDED, False, Refusal.ENDED, Refusal.ENDED),
        (ENDED, True, Refusal.ENDED, Refusal.ENDED),
        (RealmClock(LIVE), False, Refusal.NOT_A_DRILL, Refusal.NOT_A_DRILL),
        (RealmClock(ACTUAL), False, Refusal.NOT_A_DRILL, Refusal.NOT_A_DRILL),
        (None, False, Refusal.NOT_A_DRILL, Refusal.NOT_A_DRILL),
    ],
)
def test_who_may_go_on_or_end(
    clock: RealmClock | None, red_stands: bool, resume: Refusal | None, end: Refusal | None
) -> None:
    assert may_resume(clock, red_stands=red_stands) is resume
    assert may_end(clock) is end


def test_the_clock_stands_while_the_drill_is_interrupted_and_goes_on_from_there() -> None:
    here = V0 + timedelta(hours=1)
    assert RUNNING.at(NOW) == here
    later = NOW + timedelta(hours=5)
    assert STOPPED.at(NOW) == STOPPED.at(later) == here
    going_on = STOPPED.resumed(later, "b2")
    assert going_on.at(later) == here
    assert going_on.at(later + timedelta(minutes=1)) == here + timedelta(hours=1)
    assert (going_on.state, going_on.interruption, going_on.speed) == (RealmState.RUNNING, None, 60.0)


def test_neither_a_new_boot_nor_time_moves_a_clock_that_stands() -> None:
    later = NOW + timedelta(hours=5)
    for clock in (STOPPED, ENDED):
        again = clock.rebased(NOW + timedelta(minutes=3), later, "b2")
        assert again.at(later) == clock.at(NOW)
        assert (again.state, again.interruption) == (clock.state, clock.interruption)
    assert STOPPED.ended(later).at(later + timedelta(days=1)) == STOPPED.at(NOW)
    assert STOPPED.ended(later).interruption == WHY


def test_an_interruption_is_read_back_as_it_was_written() -> None:
    assert interruption_in(WHY.out()) == WHY
    assert interruption_in(None) is None
