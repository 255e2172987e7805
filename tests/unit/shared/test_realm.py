"""A realm's clock: a drill runs at its speed and stands still while the whole system does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db.tx import RealmBook
from shared.errors import Unavailable
from shared.realm import RealmClock, drill_clock, format_time, parse_time, wall_clock

WALL = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)
V0 = datetime(2024, 6, 27, 12, 0, tzinfo=UTC)


def test_a_drill_runs_at_its_speed() -> None:
    clock = drill_clock("flood-night", 60, V0, WALL, "b1")
    assert clock.realm == "x-flood-night"
    assert clock.at(WALL + timedelta(seconds=30)) == V0 + timedelta(minutes=30)
    assert clock.wall_after(180) == 3


def test_live_is_wall_time_and_never_rebased() -> None:
    clock = wall_clock("x-live")
    assert clock.at(WALL) == WALL
    assert clock.rebased(WALL - timedelta(hours=1), WALL, "b2").at(WALL) == WALL


@given(st.integers(0, 10_000), st.integers(0, 100_000), st.integers(1, 3600))
def test_downtime_expires_nothing(ran_s: int, down_s: int, speed: int) -> None:
    clock = drill_clock("d", speed, V0, WALL, "b1")
    stopped = WALL + timedelta(seconds=ran_s)
    again = stopped + timedelta(seconds=down_s)
    rebased = clock.rebased(stopped, again, "b2")
    assert rebased.at(again) == clock.at(stopped)
    assert rebased.at(again + timedelta(seconds=1)) - rebased.at(again) == timedelta(seconds=speed)


def test_an_alive_file_from_the_future_does_not_move_the_drill_on() -> None:
    clock = drill_clock("d", 60, V0, WALL, "b1")
    assert clock.rebased(WALL + timedelta(days=1), WALL, "b2").at(WALL) == V0


@pytest.mark.parametrize("name", ["live", "Nacht", "", "a b", "x" * 60])
def test_a_drill_needs_a_proper_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a drill"):
        drill_clock(name, 60, V0, WALL, None)


@pytest.mark.parametrize("speed", [0, -1, 3601])
def test_a_drill_needs_a_sane_speed(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        drill_clock("d", speed, V0, WALL, None)


def test_a_drill_based_in_another_boot_has_no_time_yet() -> None:
    book = RealmBook("b2")
    book.replace({"x-d": RealmClock("x-d", 60, V0, WALL, "b1")})
    with pytest.raises(Unavailable, match="not known yet"):
        book.domain_now("x-d", WALL)
    assert "x-d" not in book.ticking()
    book.replace({"x-d": RealmClock("x-d", 60, V0, WALL, "b2")})
    assert book.domain_now("x-d", WALL) == V0
    assert "x-d" in book.ticking()


def test_an_unknown_realm_has_no_time() -> None:
    with pytest.raises(Unavailable):
        RealmBook(None).domain_now("x-nobody", WALL)


@pytest.mark.parametrize(
    ("text", "message"),
    [("yesterday", "is not a time"), ("2026-06-28T03:05:00", "has no offset"), ("", "is not a time")],
)
def test_times_without_offset_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_time(text)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(minutes=-210))])))
def test_times_survive_the_wire(at: datetime) -> None:
    try:
        text = format_time(at)
    except OverflowError:
        return
    assert text.endswith("Z")
    assert parse_time(text) == at


def test_a_drill_of_another_boot_stands_where_the_system_stopped_until_it_is_rebased() -> None:
    book = RealmBook("b2", stopped_at=WALL + timedelta(seconds=30))
    book.replace({"x-d": RealmClock("x-d", 60, V0, WALL, "b1")})
    much_later = WALL + timedelta(days=1)
    assert book.domain_now("x-d", much_later) == V0 + timedelta(minutes=30)
    assert "x-d" not in book.ticking()
    book.stopped_at = WALL - timedelta(hours=1)  # a heartbeat from before the drill began
    assert book.domain_now("x-d", much_later) == V0
    book.replace({"x-d": RealmClock("x-d", 60, V0, much_later, "b2")})
    assert book.domain_now("x-d", much_later + timedelta(seconds=1)) == V0 + timedelta(minutes=1)
