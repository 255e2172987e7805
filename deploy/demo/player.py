"""演练播放 The stations of a drill: real MQTT clients on the drill's own clock. Rain and river gauges store and
forward; all others are calm and speak through one gateway.

    python -m deploy.demo.player --credentials DATA/credentials.json --pack DIR --drill flood-night --queues DATA/player

Readings are made when the drill's clock passes them, kept in one queue a station until receipted, and go on where they
stopped after a restart: the queue remembers how far it came. Ends when it is told to.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from deploy.demo.calm import STORM_METRICS, Gateway, calm_stations
from deploy.demo.clock import DrillClock
from deploy.demo.flood_night import BEFORE_MIN, START, FloodNight, Gauge, Rivers
from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from shared.geo import distance_m
from shared.pack.load import load_pack
from shared.pack.model import Pack
from shared.realm import format_time, parse_time

log = logging.getLogger("player")

TICK_S = 0.2
DONE = "made_upto"


def gauges_of(pack: Pack) -> list[Gauge]:
    """The pack's rain and river gauges that have a place."""
    made = []
    for station in pack.stations.values():
        if station.lat is None or station.lon is None or STORM_METRICS.isdisjoint(station.metrics):
            continue
        bounds = [station.columns.get(name) or "" for name in ("stage_warning_m", "stage_guarantee_m")]
        warning, guarantee = (float(text) if text else None for text in bounds)
        minutes = max(1, station.interval_s // 60)
        rain, stage = "rain_mm" in station.metrics, "stage_m" in station.metrics
        made.append(Gauge(station.station_id, station.lat, station.lon, minutes, rain, stage, warning, guarantee))
    return made


def storm_of(pack: Pack, gauges: list[Gauge]) -> FloodNight:
    """The storm stands over the township whose listed danger points hold the most people."""
    people: Counter[str] = Counter()
    for site in pack.sites.values():
        if site.kind == "danger_point":
            people[pack.township_of(site.region) or site.region] += site.people or 1
    worst = people.most_common(1)[0][0] if people else None
    core = [gauge for gauge in gauges if pack.township_of(pack.stations[gauge.station_id].region) in (worst, None)]
    night = FloodNight.over([g for g in core if g.has_rain] or gauges, _rivers(pack, core, gauges))
    return night.with_a_flushed_gauge(gauges)


def _rivers(pack: Pack, core: list[Gauge], gauges: list[Gauge]) -> Rivers:
    """The gauge at the storm's foot, the nearest one that flows to it, and the one that it flows to."""
    marked = [gauge for gauge in gauges if gauge.has_stage and gauge.stage_guarantee_m is not None]
    foot = next((gauge for gauge in marked if gauge in core), None)
    if foot is None:
        return Rivers()
    flows_to = {gauge.station_id: pack.stations[gauge.station_id].upstream_of for gauge in marked}
    above = [gauge for gauge in marked if foot.station_id in flows_to[gauge.station_id]]
    near = min(above, key=lambda g: distance_m(foot.lat, foot.lon, g.lat, g.lon), default=None)
    below = flows_to[foot.station_id]
    return Rivers(foot.station_id, near.station_id if near else "", below[0] if below else "")


@dataclass
class Player:
    """播放器: one reference station per gauge, the calm ones behind a gateway."""

    storm: FloodNight
    gauges: list[Gauge]
    stations: dict[str, Station]
    gateway: Gateway | None = None
    start: datetime = START
    _upto: dict[str, datetime] = field(default_factory=dict)

    def tick(self, now: datetime) -> int:
        """Hand the stations what they have measured by now; how many readings that were."""
        made = 0
        for gauge in self.gauges:
            station = self.stations[gauge.station_id]
            after = self._upto.get(gauge.station_id) or self._noted(station)
            self._upto[gauge.station_id] = after
            if now - after < timedelta(minutes=gauge.interval_min):
                continue
            readings = self.storm.readings(gauge, self.start, after, now)
            if readings:
                station.put(readings)
                upto = str(readings[-1]["observed_at"])
                station.queue.note(DONE, upto)
                self._upto[gauge.station_id] = parse_time(upto)
                made += len(readings)
        if self.gateway is not None:
            made += self.gateway.tick(self.start, now)
        return made

    def _noted(self, station: Station) -> datetime:
        """How far the station had come before this program started."""
        noted = station.queue.note(DONE)
        return parse_time(noted) if noted else self.start - timedelta(minutes=BEFORE_MIN, seconds=1)


def _lock(queues: Path) -> IO[str] | None:
    """The stations' queues belong to one player at a time; the kernel gives them back when it dies."""
    queues.mkdir(parents=True, exist_ok=True)
    lock = (queues / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo.player", description="the stations of a drill")
    parser.add_argument("--credentials", type=Path, required=True, help="DATA/credentials.json of the running system")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--drill", default="flood-night", help="the realm's name without x-")
    parser.add_argument("--queues", type=Path, required=True, help="folder of the stations' queues")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    pack, problems = load_pack(arguments.pack)
    if pack is None:
        print("\n".join(map(str, problems)), file=sys.stderr)
        return 1
    if not (lock := _lock(arguments.queues)):
        print(f"{arguments.queues}: another player plays this drill already", file=sys.stderr)
        return 1
    credentials = json.loads(arguments.credentials.read_text(encoding="utf-8"))
    mqtt = credentials["mqtt"]
    link = Link(mqtt["host"], mqtt["port"], mqtt["username"], mqtt["password"], mqtt.get("protocol", 5))
    gauges = gauges_of(pack)
    stations = {
        gauge.station_id: Station(
            link,
            Place(pack.district.code, gauge.station_id, arguments.drill),
            Queue(arguments.queues / f"{gauge.station_id}.db"),
        )
        for gauge in gauges
    }
    gateway = Gateway(link, pack.district.code, arguments.drill, calm_stations(pack))
    player = Player(storm_of(pack, gauges), gauges, stations, gateway)
    clock = DrillClock(credentials["services"]["warning"], f"x-{arguments.drill}")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    for station in stations.values():
        station.start()
    gateway.start()
    while not stopping.wait(TICK_S):
        now = clock.now(datetime.now(UTC))
        if now is not None and (made := player.tick(now)):
            log.debug("%s: %d readings", format_time(now.replace(microsecond=0)), made)
    gateway.stop()
    for station in stations.values():
        station.stop()
        station.queue.close()
    lock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
