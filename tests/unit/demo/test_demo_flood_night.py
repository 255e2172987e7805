"""The flood night over the sample pack: red at one place within the hour, never the same twice by accident."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from deploy.demo.exchange.personas import read_character
from deploy.demo.flood_night import BEFORE_MIN, END_MIN, START, FloodNight, Gauge
from deploy.demo.player import Player, gauges_of, storm_of
from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from shared.pack.load import load_pack
from tests.support.packs import sample_pack_dir

pack, _ = load_pack(sample_pack_dir())
assert pack is not None
GAUGES = {gauge.station_id: gauge for gauge in gauges_of(pack)}
STORM = storm_of(pack, list(GAUGES.values()))


def rain(storm: FloodNight, gauge: Gauge, minute: int, hours: int) -> float:
    return sum(storm.rain_mm(gauge, at) for at in range(minute - 60 * hours + 5, minute + 1, 5))


def first(storm: FloodNight, gauge: Gauge, hours: int, bound: float) -> int | None:
    return next((at for at in range(0, END_MIN, 5) if rain(storm, gauge, at, hours) >= bound), None)


@pytest.mark.parametrize("name", ["rain-zs-01", "rain-zs-02", "rain-zs-03", "rain-zs-04"])
def test_the_storms_core_climbs_to_red_in_about_an_hour(name: str) -> None:
    gauge = GAUGES[name]
    assert rain(STORM, gauge, 0, 12) < 50  # the night begins with no alarm
    blue, orange, red = (first(STORM, gauge, hours, mm) for hours, mm in ((12, 50), (3, 50), (3, 100)))
    assert blue is not None
    assert orange is not None
    assert red is not None
    assert 10 <= blue < orange < red
    assert red <= 85
    assert first(STORM, gauge, 3, 100) == first(FloodNight(STORM.lat, STORM.lon), gauge, 3, 100)


def test_beside_it_orange_and_farther_off_nothing() -> None:
    assert first(STORM, GAUGES["rain-fj-03"], 3, 50) is not None
    assert all(first(STORM, GAUGES[f"rain-fj-0{n}"], 3, 100) is None for n in range(1, 5))
    assert all(first(STORM, GAUGES[f"rain-zb-0{n}"], 12, 50) is None for n in range(1, 5))


def test_the_river_passes_its_guarantee_stage_two_hours_later_and_falls_again() -> None:
    gauge = GAUGES["stage-zs-01"]
    assert gauge.stage_guarantee_m is not None
    stages = {minute: STORM.stage_m(gauge, minute) for minute in range(-BEFORE_MIN, END_MIN, 5)}
    over = [minute for minute, stage in stages.items() if stage >= gauge.stage_guarantee_m]
    assert 120 <= over[0] <= 200
    assert over[-1] < END_MIN - 60
    assert max(stages.values()) < gauge.stage_guarantee_m + 1
    assert all(abs(stages[m] - stages[m - 5]) <= 5 * 0.5 for m in list(stages)[1:])  # metrics.csv: 0.5 m a minute


def test_what_a_station_has_measured_neither_overlaps_nor_leaves_gaps() -> None:
    gauge = GAUGES["rain-zs-01"]
    begin = START - timedelta(minutes=BEFORE_MIN, seconds=1)
    whole = STORM.readings(gauge, START, begin, START + timedelta(hours=1))
    assert len(whole) == (BEFORE_MIN + 60) // 5 + 1
    pieces = []
    after = begin
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


def test_the_cast_are_people_of_the_pack_whom_the_exchange_can_play() -> None:
    path = Path(__file__).resolve().parents[3] / "deploy" / "demo" / "cast.yaml"
    cast = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert pack is not None
    numbers = {address for post in pack.roster.values() for _, address in post.contacts}
    assert set(cast) <= numbers
    kinds = {str(read_character(entry).persona) for entry in cast.values()}
    assert kinds >= {"prompt", "late", "busy", "hangs_up", "wrong_person", "machine", "dead_mast", "silent"}
