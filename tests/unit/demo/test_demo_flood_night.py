"""The flood night over the sample pack: the shape of 26–28 June 2024, and what the production engine makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from deploy.demo.calm import CALM, STORM_METRICS, calm_stations
from deploy.demo.flood_night import BEFORE_MIN, END_MIN, NIGHT_MIN, START, FloodNight, Gauge
from deploy.demo.player import Player, gauges_of, storm_of
from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from services.warning.fuses.book import Book
from services.warning.readings.instant import parse_rfc3339, to_us
from services.warning.readings.validate import Incoming
from services.warning.replay.replay import replay
from shared.geo import distance_m
from shared.pack.load import load_pack
from shared.vocabulary import Level, Verification
from tests.support.packs import sample_pack_dir

pack, _ = load_pack(sample_pack_dir())
assert pack is not None
BOOK, _ = Book.of(pack)
assert BOOK is not None
GAUGES = {gauge.station_id: gauge for gauge in gauges_of(pack)}
NIGHT = storm_of(pack, list(GAUGES.values()))
STORM = replace(NIGHT, flushed="")
ZHUOSHUI, FENGJIA = "500114112", "500114006"
DAY = range(-BEFORE_MIN, NIGHT_MIN + 1, 5)
BEGIN = START - timedelta(minutes=BEFORE_MIN, seconds=1)


@cache
def total_mm(station_id: str) -> float:
    return sum(STORM.rain_mm(GAUGES[station_id], minute) for minute in DAY)


def rain(gauge: Gauge, minute: int, hours: int) -> float:
    return sum(STORM.rain_mm(gauge, at) for at in range(minute - 60 * hours + 5, minute + 1, 5))


def test_the_days_rain_is_that_of_the_real_night() -> None:
    """Of 60 gauges 50 had 100 mm and more, 8 had 50 to 100, 2 had 25 to 50; ours are 68."""
    gauges = [gauge.station_id for gauge in GAUGES.values() if gauge.has_rain]
    assert len(gauges) == 68
    heavy = Counter("100" if total_mm(g) >= 100 else "50" if total_mm(g) >= 50 else "25" for g in gauges)
    assert 45 <= heavy["100"] <= 55
    assert heavy["50"] >= 8
    assert all(total_mm(gauge) >= 25 for gauge in gauges)
    assert all(total_mm(f"rain-zs-0{n}") > 240 for n in range(1, 5))
    assert max(STORM.rain_mm(g, m) for g in GAUGES.values() for m in DAY) < 50  # metrics.csv: the bucket's limit


def test_the_night_begins_with_no_alarm() -> None:
    for gauge in GAUGES.values():
        assert not gauge.has_rain or rain(gauge, 0, 12) < 50, gauge.station_id


@pytest.mark.parametrize(("station_id", "over_m"), [("stage-zs-01", 2.01), ("stage-fj-01", 1.51)])
def test_the_rivers_crest_as_far_over_their_guarantee_stage_and_fall_again(station_id: str, over_m: float) -> None:
    gauge = GAUGES[station_id]
    assert gauge.stage_guarantee_m is not None
    assert gauge.stage_warning_m is not None
    stages = {minute: STORM.stage_m(gauge, minute) for minute in DAY}
    assert max(stages.values()) - gauge.stage_guarantee_m == pytest.approx(over_m, abs=0.03)
    assert stages[0] < gauge.stage_warning_m - 1.5
    over = [minute for minute, stage in stages.items() if stage >= gauge.stage_guarantee_m]
    assert 120 <= over[0] <= 240
    assert over[-1] < NIGHT_MIN - 60
    assert all(abs(stages[m] - stages[m - 5]) <= 5 * 0.5 for m in list(stages)[1:])  # metrics.csv: 0.5 m a minute


def test_the_same_seed_gives_the_same_night() -> None:
    again = FloodNight(STORM.lat, STORM.lon, STORM.rivers)
    other = FloodNight(STORM.lat, STORM.lon, STORM.rivers, seed=1)
    readings = [storm.readings(GAUGES["rain-zs-01"], START, BEGIN, START) for storm in (STORM, again, other)]
    assert readings[0] == readings[1] != readings[2]


def test_what_the_engine_makes_of_the_night() -> None:
    """Ten hours by the production engine: which township reaches which level when."""
    first = _first_reached()
    worst: dict[str, Level] = {}
    for (fuse, scope, level), _ in first.items():
        if fuse == "rainstorm":
            worst[scope] = max(worst.get(scope, Level.NORMAL), level, key=lambda each: each.rank)
    touched = {scope for scope, level in worst.items() if level.rank >= Level.YELLOW.rank}
    assert len(touched) == 23
    assert {scope for scope, level in worst.items() if level is Level.RED} == {ZHUOSHUI, FENGJIA}
    assert 8 <= sum(level is Level.ORANGE for level in worst.values()) <= 14
    assert 15 <= first["rainstorm", ZHUOSHUI, Level.BLUE] < first["rainstorm", ZHUOSHUI, Level.ORANGE]
    assert 50 <= first["rainstorm", ZHUOSHUI, Level.RED] <= 70  # a minute of a newcomer's time
    assert first["rainstorm", ZHUOSHUI, Level.RED] + 30 < first["rainstorm", FENGJIA, Level.RED] < 180
    rivers = {
        scope: minute for (fuse, scope, level), minute in first.items() if fuse == "river_stage" and level == "red"
    }
    assert set(rivers) == {"stage-zs-01", "stage-fj-01"}
    assert all(180 <= minute <= 260 for minute in rivers.values())
    reds = {scope[:9] for (fuse, scope, level) in first if fuse == "flash_flood" and level is Level.RED}
    assert reds == {ZHUOSHUI, FENGJIA}


def test_one_rinsed_bucket_makes_a_red_that_nobody_else_sees() -> None:
    """It trips unconfirmed, then nobody has verified it: people are called, and no level is confirmed at red."""
    assert pack is not None
    assert BOOK is not None
    place = pack.stations[NIGHT.flushed].region
    rows: list[Incoming] = []
    for gauge in GAUGES.values():
        if pack.stations[gauge.station_id].region == place:
            rows += _known(gauge.station_id, NIGHT.readings(gauge, START, START, START + timedelta(minutes=240)))
    reds = [(r.verification, r.confirmed_level) for r in replay(BOOK, rows) if r.scope == place and r.to is Level.RED]
    assert reds == [
        (Verification.UNCONFIRMED, Level.ORANGE),
        (Verification.UNVERIFIED, Level.ORANGE),
    ]
    assert pack.regions[place].name == "黎水镇"


def _known(station_id: str, readings: Iterable[Mapping[str, object]]) -> list[Incoming]:
    """The readings as known when they were made."""
    rows = []
    for number, reading in enumerate(readings, 1):
        at = parse_rfc3339(str(reading["observed_at"]))
        metric, value = str(reading["metric"]), float(str(reading["value"]))
        rows.append(
            Incoming(station_id=station_id, metric=metric, value=value, observed_us=at, received_us=at, ref=f"{number}")
        )
    return rows


def _first_reached() -> dict[tuple[str, str, Level], int]:
    """(fuse, scope, level) → the minute at which it first stood there."""
    assert BOOK is not None
    end = START + timedelta(minutes=NIGHT_MIN)
    rows = [
        row for gauge in GAUGES.values() for row in _known(gauge.station_id, STORM.readings(gauge, START, BEGIN, end))
    ]
    first: dict[tuple[str, str, Level], int] = {}
    for record in replay(BOOK, rows):
        if record.to.rank > record.from_.rank:
            minute = (parse_rfc3339(record.known_at) - to_us(START)) // 60_000_000
            first.setdefault((record.fuse, record.scope, record.to), minute)
    return first


def test_what_a_station_has_measured_neither_overlaps_nor_leaves_gaps() -> None:
    gauge = GAUGES["rain-zs-01"]
    whole = STORM.readings(gauge, START, BEGIN, START + timedelta(hours=1))
    assert len(whole) == (BEFORE_MIN + 60) // 5 + 1
    pieces = []
    after = BEGIN
    for minute in (-400, -3, 0, 1, 5, 33, 60):
        upto = START + timedelta(minutes=minute, seconds=7)
        pieces += STORM.readings(gauge, START, after, min(upto, START + timedelta(hours=1)))
        after = max(after, upto)
    assert pieces == whole
    end = START + timedelta(minutes=END_MIN)
    assert STORM.readings(gauge, START, end, end + timedelta(days=9)) == []


def test_the_player_goes_on_where_it_stopped(tmp_path: Path) -> None:
    gauge = GAUGES["rain-zs-01"]

    def player() -> Player:
        queue = Queue(tmp_path / "q.db")
        station = Station(Link("127.0.0.1", 1, "demo", ""), Place("500114", gauge.station_id, "flood-night"), queue)
        return Player(STORM, [gauge], {gauge.station_id: station})

    first_half, second_half = player(), None
    made = first_half.tick(START + timedelta(minutes=12))
    assert first_half.tick(START + timedelta(minutes=12)) == 0
    first_half.stations[gauge.station_id].queue.close()
    second_half = player()
    assert second_half.tick(START + timedelta(minutes=20)) == 2
    assert second_half.stations[gauge.station_id].queue.waiting() == made + 2
    second_half.stations[gauge.station_id].queue.close()


def test_every_other_station_is_living_and_calm() -> None:
    assert pack is not None
    calm = calm_stations(pack)
    assert {station.station_id for station in calm} | GAUGES.keys() == pack.stations.keys()
    for station in calm:
        first = station.last_due(START, START + timedelta(minutes=10))
        assert first is not None  # nobody waits a day for a daily station
        assert station.last_due(START, first + station.interval) == first + station.interval
        for reading in station.readings(first):
            bounds = pack.metrics[str(reading["metric"])]
            value = float(str(reading["value"]))
            assert bounds.minimum is not None
            assert bounds.maximum is not None
            assert bounds.minimum <= value <= bounds.maximum
    assert STORM_METRICS.isdisjoint(CALM)


def test_calm_values_trip_nothing() -> None:
    """Four hours of every calm station through the engine."""
    assert pack is not None
    assert BOOK is not None
    rows: list[Incoming] = []
    for station in calm_stations(pack):
        at = station.last_due(START, START + timedelta(minutes=10)) or START
        while at < START + timedelta(hours=4):
            rows += _known(station.station_id, station.readings(at))
            at += max(station.interval, timedelta(minutes=10))
    assert [(r.fuse, r.scope) for r in replay(BOOK, rows) if r.to is not Level.NORMAL] == []


def test_the_storm_knows_its_rivers_by_how_they_flow() -> None:
    rivers = STORM.rivers
    assert (rivers.foot, rivers.above, rivers.below) == ("stage-zs-01", "stage-fj-01", "stage-apj-01")
    foot = GAUGES[rivers.foot]
    assert distance_m(STORM.lat, STORM.lon, foot.lat, foot.lon) < 5_000
