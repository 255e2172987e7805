"""补传 Back-dated arrays: 101 mm as 36 five-minute readings, sent at once (the first thing that a newcomer tries)."""

from __future__ import annotations

from services.warning.fuses.events import Tick
from services.warning.readings.instant import MINUTE, SECOND
from services.warning.readings.validate import Incoming
from tests.support.fuse_packs import TOWN, Story, at, book, reading, station

RULE = """
- id: rainstorm
  hazard: 11B03
  per: township
  metric: rain_mm
  levels:
    blue:   [{sum: 12h, at_least: 50}]
    yellow: [{sum: 6h,  at_least: 50}]
    orange: [{sum: 3h,  at_least: 50}]
    red:    [{sum: 3h,  at_least: 100}]
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  deadband: 10%
  hold: 60min
  latch: orange
"""
VALUES = [2.8] * 35 + [3.0]  # 101 mm
NOW = at("10:00") + 20 * SECOND


def array(name: str, known: int = NOW) -> list[Incoming]:
    start = at("10:00") - 35 * 5 * MINUTE
    return [reading(name, start + i * 5 * MINUTE, value, known=known) for i, value in enumerate(VALUES)]


def two_gauges() -> Story:
    return Story(book(RULE, station("A"), station("B", lat=29.35)))


def test_two_gauges_in_one_batch_are_red_and_confirmed_with_their_evidence() -> None:
    told = two_gauges()
    told.hear(*array("A"), *array("B"))
    (record,) = told.records
    assert told.brief() == [f"10:00 {TOWN} normal>red threshold"]
    assert (record.observed_at, record.known_at) == ("2026-06-28T10:00:00Z", "2026-06-28T10:00:20Z")
    assert [(b.station, b.value, b.bound, b.window) for b in record.because] == [
        ("A", 101.0, 100.0, "3h"),
        ("B", 101.0, 100.0, "3h"),
    ]
    assert len(record.evidence) == 72
    assert told.hear(*array("A"), *array("B")) == []  # again: nothing changes


def test_one_gauge_alone_is_unconfirmed_above_orange_and_the_second_array_confirms() -> None:
    told = two_gauges()
    told.hear(*array("A"))
    assert told.brief() == [f"10:00 {TOWN} normal>red threshold unconfirmed/orange"]
    told.hear(*array("B", NOW + 2 * SECOND))
    assert told.brief()[1:] == [f"10:00 {TOWN} red>red confirmed"]
    told.hear(*array("A", NOW + 3 * SECOND))
    told.tell(Tick(), "10:09")
    assert len(told.records) == 2


def test_one_gauge_and_nobody_is_unverified() -> None:
    told = two_gauges()
    told.hear(*array("A"))
    told.tell(Tick(), "10:06")
    assert told.brief()[1:] == [f"10:05 {TOWN} red>red unverified unverified/orange"]
