"""校验真值表 What a reading is worth, clause by clause of contract §2."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.warning.fuses.series import Series
from services.warning.readings.instant import DAY, MINUTE, SECOND
from services.warning.readings.validate import (
    Checked,
    ClockMark,
    Doubt,
    Fate,
    Limits,
    Quality,
    check,
    increment,
    next_mark,
)
from tests.support.fuse_packs import at, reading

PLAIN = Limits("level", Decimal(0), Decimal(10), None, 7 * DAY)
FAST = Limits("level", None, None, Decimal("0.1"), 7 * DAY)  # half a metre in five minutes is the limit
COUNTER = Limits("cumulative", Decimal(0), Decimal(1000), Decimal(2), 7 * DAY)


def series(kind: str = "level") -> Series:
    return Series(kind, 300 * SECOND, Decimal(1000))


def run(limits: Limits, *values: tuple[str, float | None] | tuple[str, float | None, Quality]) -> list[Checked]:
    past, out = series(limits.kind), []
    for when, value, *quality in values:
        incoming = reading("S", when, value, quality=quality[0] if quality else Quality.GOOD)
        checked = check(incoming, limits, past, None)
        if checked.fate.moves:
            past.put(checked)
        out.append(checked)
    return out


@pytest.mark.parametrize(
    ("value", "declared", "quality", "doubt"),
    [
        (5, Quality.GOOD, Quality.GOOD, Doubt.NONE),
        (0, Quality.GOOD, Quality.GOOD, Doubt.NONE),
        (10, Quality.GOOD, Quality.GOOD, Doubt.NONE),
        (-0.1, Quality.GOOD, Quality.BAD, Doubt.RANGE),
        (10.1, Quality.GOOD, Quality.BAD, Doubt.RANGE),
        (10.1, Quality.DOUBTFUL, Quality.BAD, Doubt.RANGE),
        (5, Quality.DOUBTFUL, Quality.DOUBTFUL, Doubt.DECLARED),
        (5, Quality.BAD, Quality.BAD, Doubt.DECLARED),
        (99, Quality.TEST, Quality.TEST, Doubt.DECLARED),
        (5, Quality.MISSING, Quality.MISSING, Doubt.DECLARED),
        (None, Quality.GOOD, Quality.MISSING, Doubt.NONE),
        (None, Quality.TEST, Quality.TEST, Doubt.DECLARED),
    ],
)
def test_range_and_declared_quality(value: float | None, declared: Quality, quality: Quality, doubt: Doubt) -> None:
    (found,) = run(PLAIN, ("10:00", value, declared))
    assert (found.quality, found.doubt, found.fate) == (quality, doubt, Fate.NEW)


def qualities(limits: Limits, *values: float, start: int = 0) -> list[str]:
    found = run(limits, *((f"10:{5 * i:02d}", value) for i, value in enumerate(values)))
    return [checked.quality.value for checked in found]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1.5, 2.0], "good good good"),  # exactly the limit is not faster
        ([1, 1.6], "good doubtful"),
        ([1, 0.4], "good doubtful"),
        ([1, 5, 1.1], "good doubtful good"),  # a spike
        ([1, 5, 5, 5], "good doubtful doubtful good"),  # three in a row agree
        ([1, 5, 5.4, 5.8, 6.2], "good doubtful doubtful good good"),
        ([1, 5, 7, 9, 9, 9], "good doubtful doubtful doubtful doubtful good"),  # they must agree with each other
        ([1, 5, 5, 5, 1], "good doubtful doubtful good doubtful"),
        ([1, 5, 1, 5, 5], "good doubtful good doubtful doubtful"),
    ],
)
def test_jumps(values: list[float], expected: str) -> None:
    assert qualities(FAST, *values) == expected.split()


def test_a_jump_is_measured_from_the_last_good_reading_and_by_time() -> None:
    found = run(FAST, ("10:00", 1), ("10:05", 3), ("10:20", 3))
    assert [c.quality.value for c in found] == ["good", "doubtful", "good"]  # 2 in 20 min is slow enough


def test_the_same_reading_again_changes_nothing_even_after_a_revision() -> None:
    found = run(PLAIN, ("10:00", 5), ("10:00", 5), ("10:00", 6), ("10:00", 5), ("10:00", 6))
    assert [c.fate.value for c in found] == ["new", "duplicate", "revision", "duplicate", "duplicate"]


@pytest.mark.parametrize(("ahead_s", "doubtful"), [(0, False), (120, False), (121, True), (86_400, True)])
def test_a_clock_ahead_of_receipt_keeps_its_claim_and_is_placed_at_receipt(ahead_s: int, doubtful: bool) -> None:
    now = at("10:00")
    found = check(reading("S", now + ahead_s * SECOND, 5, known=now), PLAIN, series(), None)
    assert found.claimed_us == now + ahead_s * SECOND
    assert found.observed_us == (now if doubtful else found.claimed_us)
    assert (found.quality is Quality.DOUBTFUL, found.doubt is Doubt.CLOCK) == (doubtful, doubtful)


def test_two_readings_of_a_clock_ahead_are_both_kept() -> None:
    past = series()
    for when in ("11:00", "11:05"):
        past.put(check(reading("S", when, 5, known="10:00"), PLAIN, past, None))
    past.settle()
    assert past.usable.t == [at("10:00")] * 2
    again = check(reading("S", "11:05", 5, known="10:01"), PLAIN, past, None)
    assert again.fate is Fate.DUPLICATE


@pytest.mark.parametrize(
    ("boot", "seq", "observed", "known", "doubtful"),
    [
        ("b1", 8, "09:00", "10:10", True),  # a later seq that claims to be older: the clock ran backwards
        ("b1", 8, "09:58", "10:10", False),  # by no more than two minutes
        ("b1", 8, "09:55", "09:56", False),  # a correction: it agrees with receipt now
        ("b1", 6, "09:00", "10:10", False),  # an older seq: a backlog
        ("b2", 8, "09:00", "10:10", False),  # another boot counts anew
        (None, None, "09:00", "10:10", False),
    ],
)
def test_a_clock_that_ran_backwards(
    boot: str | None, seq: int | None, observed: str, known: str, doubtful: bool
) -> None:
    mark = ClockMark("b1", 7, at("10:00"))
    found = check(reading("S", observed, 5, known=known, boot=boot, seq=seq), PLAIN, series(), mark)
    assert (found.doubt is Doubt.CLOCK) is doubtful


def test_the_clock_mark_follows_trusted_claims_only() -> None:
    first = check(reading("S", "10:00", 5, boot="b", seq=3), PLAIN, series(), None)
    mark = next_mark(None, first)
    assert mark == ClockMark("b", 3, at("10:00"))
    older = check(reading("S", "09:55", 5, known="10:01", boot="b", seq=2), PLAIN, series(), mark)
    assert next_mark(mark, older) == mark
    ahead = check(reading("S", "12:00", 5, known="10:05", boot="b", seq=4), PLAIN, series(), mark)
    assert next_mark(mark, ahead) == mark
    rebooted = check(reading("S", "10:06", 5, boot="c", seq=1), PLAIN, series(), mark)
    assert next_mark(mark, rebooted) == ClockMark("c", 1, at("10:06"))


@pytest.mark.parametrize(("late_us", "fate"), [(7 * DAY, Fate.NEW), (7 * DAY + 1, Fate.TOO_OLD)])
def test_older_than_max_lateness_moves_nothing(late_us: int, fate: Fate) -> None:
    now = at("10:00")
    assert check(reading("S", now - late_us, 5, known=now), PLAIN, series(), None).fate is fate


@pytest.mark.parametrize(
    ("before", "now", "gain"),
    [(100, 104, 4), (100, 100, 0), (104, 3, 3), (990, 10, 20), (1000, 0, 0), (850, 10, 10), (990, 300, 300)],
)
def test_counters_reset_and_roll_over(before: int, now: int, gain: int) -> None:
    assert increment(Decimal(before), Decimal(now), Decimal(1000)) == gain


def test_a_counter_without_maximum_only_resets() -> None:
    assert increment(Decimal(990), Decimal(10), None) == 10


def test_a_counters_speed_is_that_of_its_gain() -> None:
    assert qualities(COUNTER, 100, 110, 2, 30) == ["good", "good", "good", "doubtful"]


def test_late_readings_are_compared_with_what_was_observed_before_them() -> None:
    found = run(FAST, ("10:00", 1), ("10:30", 3.9), ("10:10", 1.5), ("10:05", 9))
    assert [c.quality.value for c in found] == ["good", "good", "good", "doubtful"]


def test_minutes() -> None:
    assert at("10:01") - at("10:00") == MINUTE
