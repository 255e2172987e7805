"""Readings and dead letters on both databases: what is new goes on, the same again does not, another value revises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, MetaData

from services.warning.readings import store
from services.warning.readings.store import DeadLetter, Judgement, NewReading
from services.warning.schema import metadata
from services.warning.stations import store as stations_store
from services.warning.stations.receipts import Receipt
from services.warning.stations.store import Maintenance, StationState
from shared.db.engine import Store

NOW = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
MakeStore = Callable[[MetaData], Store]


@pytest.fixture
def kept(make_store: MakeStore) -> Store:
    return make_store(metadata)


def reading(number: int, value: float | None, *, minute: int = 0, station: str = "rain-01") -> NewReading:
    return NewReading(number, station, "rain_mm", NOW + timedelta(minutes=minute), value, "good", "b1", number)


def put(conn: Connection, *rows: NewReading, realm: str = "x-live") -> set[int]:
    return store.insert_new(conn, realm, rows, known_at=NOW, received_at=NOW)


def test_only_what_is_new_is_inserted(kept: Store) -> None:
    with kept.write() as conn:
        assert store.next_id(conn) == 1
        assert put(conn, reading(1, 0.2), reading(2, 0.2), reading(3, 0.4), reading(4, None)) == {1, 3, 4}
        assert store.next_id(conn) == 5
        assert put(conn, reading(5, 0.4), reading(6, None), reading(7, 0.2, minute=5)) == {7}
        assert put(conn, reading(8, 0.2), realm="x-night") == {8}
        assert put(conn) == set()


def test_another_value_is_a_revision_of_the_last_one(kept: Store) -> None:
    with kept.write() as conn:
        put(conn, reading(1, 0.2), reading(2, 0.2, minute=5))
        assert store.link_revisions(conn, 1) == {}
        put(conn, reading(3, 0.6), reading(4, 0.8), reading(5, 0.2))
        assert store.link_revisions(conn, 3) == {3: 1, 4: 3}
        rows = store.page_of_station(conn, "x-live", "rain-01", metric="rain_mm", before_id=None, limit=9)
        assert [(row.id, row.fate, row.revision_of) for row in rows] == [
            (4, "revision", 3),
            (3, "revision", 1),
            (2, "new", None),
            (1, "new", None),
        ]


def test_judgements_decide_what_the_windows_take_again(kept: Store) -> None:
    with kept.write() as conn:
        put(conn, reading(1, 0.2), reading(2, 0.3, minute=5), reading(3, 0.4, minute=600), reading(4, 9, minute=-60))
        store.judge(
            conn,
            [
                Judgement(2, NOW, "bad", "range", "new"),
                Judgement(3, NOW, "doubtful", "clock", "new"),
                Judgement(4, NOW - timedelta(hours=1), "good", "none", "too_old"),
            ],
        )
    with kept.read() as conn:
        found = [(r.id, r.quality, r.placed_at) for r in store.moving_since(conn, "x-live", NOW - timedelta(hours=2))]
        assert found == [(1, "good", NOW), (2, "bad", NOW), (3, "doubtful", NOW)]
        assert store.last_known(conn, "x-live") == NOW
        assert [row.id for row in store.by_ids(conn, [3, 1, 99])] == [1, 3]


def test_a_thousand_at_once_and_again(kept: Store) -> None:
    rows = [reading(i, i / 10, minute=i, station=f"rain-{i % 50}") for i in range(1, 1001)]
    again = [reading(1000 + i, i / 10, minute=i, station=f"rain-{i % 50}") for i in range(1, 1001)]
    with kept.write() as conn:
        assert len(put(conn, *rows)) == 1000
        assert put(conn, *again) == set()


def test_the_same_dead_letter_is_counted(kept: Store) -> None:
    letter = DeadLetter("x-live", "fengsui/9/rain-01/readings", "not_json", "…", "ab" * 32, 7, b"{\x00broken")
    with kept.write() as conn:
        assert store.bury(conn, [letter], NOW) == [letter]
        assert store.bury(conn, [letter, letter], NOW + timedelta(minutes=1)) == []
        (row,) = store.page_of_dead_letters(conn, "x-live", station=None, code="not_json", before_no=None, limit=9)
        assert (row.count, row.first_at, row.last_at) == (3, NOW, NOW + timedelta(minutes=1))
        assert bytes(row.head) == b"{\x00broken"


def test_receipts_are_unsent_until_that_very_change_was_delivered(kept: Store) -> None:
    key = ("rain-01", "b1")
    with kept.write() as conn:
        stations_store.save_receipts(conn, "x-live", NOW, {key: (Receipt(3, ((5, 6),), ((2, "bad_time"),)), 0)})
        (row,) = stations_store.unsent_receipts(conn, 10)
        known = stations_store.load_receipts(conn, "x-live", [key])
        assert known[key] == (Receipt(3, ((5, 6),), ((2, "bad_time"),)), 1)
        stations_store.save_receipts(conn, "x-live", NOW, {key: (Receipt(6), 1)})
        stations_store.mark_sent(conn, [("x-live", "rain-01", "b1", row.changed_no)])
        (newer,) = stations_store.unsent_receipts(conn, 10)
        assert newer.upto == 6
        stations_store.mark_sent(conn, [("x-live", "rain-01", "b1", newer.changed_no)])
        assert stations_store.unsent_receipts(conn, 10) == []
        stations_store.forget_receipts(conn, NOW + timedelta(days=1))
        assert stations_store.receipts_of(conn, "x-live", "rain-01") == []


def test_station_states_come_back_as_they_were(kept: Store) -> None:
    work = Maintenance(NOW, NOW + timedelta(hours=1), "officer", "率定")
    state = StationState("rain-01", online=True, observed_at=NOW, latest={"rain_mm": {"value": 1}}, maintenance=work)
    with kept.write() as conn:
        stations_store.save_states(conn, "x-live", [state])
        (first,) = stations_store.load_states(conn, "x-live").values()
        assert (first.version, first.maintenance, first.latest) == (1, work, {"rain_mm": {"value": 1}})
        stations_store.save_states(conn, "x-live", [first])
        assert stations_store.load_states(conn, "x-live", ["rain-01", "rain-02"])["rain-01"].version == 2
        assert first.in_maintenance(NOW + timedelta(minutes=59))
        assert not first.in_maintenance(NOW + timedelta(hours=1))
