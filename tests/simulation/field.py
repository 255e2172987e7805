"""现场 Gauges in a seeded storm, with their own disks and faults; they delete a reading when a receipt names it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from deploy.station.outstanding import Key, Outstanding, batches
from deploy.station.receipt import parse_receipt
from shared.pack.model import Station
from tests.support.house.wires import Broker
from tests.support.house.world import World

TOWNSHIP = "500114112"  # 濯水镇 of the sample pack
EVERY_S = 300
STAGE_START_M = 429.0


class Fault(StrEnum):
    """测站故障"""

    NONE = "none"
    SPIKE = "spike"
    STUCK = "stuck"
    SILENT = "silent"
    FAST_CLOCK = "fast_clock"
    SLOW_CLOCK = "slow_clock"
    GARBAGE = "garbage"
    REVISES = "revises"
    CUT_OFF = "cut_off"  # observes on, but has no link


FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)


@dataclass
class Gauge:
    """监测站: what it measured and nobody has receipted stays on its disk."""

    world: World
    station: Station
    metric: str
    next_at: datetime
    boot_no: int = 1
    seq: int = 0
    stage_m: float = STAGE_START_M
    fault: Fault = Fault.NONE
    disk: dict[Key, str] = field(default_factory=dict)
    fresh: list[Key] = field(default_factory=list)
    written: dict[Key, dict[str, Any]] = field(default_factory=dict)
    settled: list[Key] = field(default_factory=list)
    outstanding: Outstanding = field(default_factory=Outstanding)

    @property
    def topic(self) -> str:
        return f"{self.world.topics(self.world.realm)}/{self.station.station_id}"

    @property
    def boot(self) -> str:
        return f"b{self.boot_no}"

    def observe(self, rain_mm: float, rise_m: float, dice: Any) -> None:
        """Measure at each full interval that has passed."""
        while self.next_at <= self.world.domain:
            at, self.next_at = self.next_at, self.next_at + timedelta(seconds=EVERY_S)
            if self.fault is Fault.SILENT:
                continue
            if self.metric == "stage_m":
                self.stage_m += 0.0 if self.fault is Fault.STUCK else rise_m
                value = round(self.stage_m, 2)
            else:
                value = round(max(0.0, rain_mm + dice.uniform(-0.5, 0.5)), 1) if rain_mm else 0.0
                value = 6.0 if self.fault is Fault.STUCK else value
            if self.fault is Fault.SPIKE:
                value += dice.choice((12.0, 45.0, 400.0))
            if self.fault is Fault.FAST_CLOCK:
                at += timedelta(minutes=9)
            if self.fault is Fault.SLOW_CLOCK:
                at -= timedelta(minutes=7)
            reading: dict[str, Any] = {"metric": self.metric, "value": value, "observed_at": _stamp(at)}
            if self.fault is Fault.GARBAGE:
                reading |= dice.choice(({"metric": "nonsense"}, {"unit": "furlong"}, {"value": "NaN"}))
            self._put(reading)
            if self.fault is Fault.REVISES:
                self._put({**reading, "value": round(value + 0.3, 1)})

    def _put(self, reading: dict[str, Any]) -> None:
        self.seq += 1
        body = {**reading, "boot": self.boot, "seq": self.seq}
        key = (self.boot, self.seq)
        self.written[key], self.disk[key] = body, json.dumps(body)
        self.fresh.append(key)

    def new_boot(self) -> None:
        """The counter is lost, the disk is not."""
        self.boot_no, self.seq = self.boot_no + 1, 0

    def send(self, broker: Broker) -> None:
        """What is new, and what no receipt named in time."""
        if self.fault is Fault.CUT_OFF:
            self.outstanding.connection_lost()
            self.fresh = list(self.disk)
            return
        now_s = self.world.domain.timestamp()
        due = [key for key in (*self.outstanding.due(now_s), *self.fresh) if key in self.disk]
        self.fresh = []
        for keys, text in batches((key, self.disk[key]) for key in due):
            broker.publish(f"{self.topic}/readings", text.encode())
            self.outstanding.sent(keys, now_s)

    def hear(self, broker: Broker) -> None:
        """Delete what a receipt names."""
        for payload in broker.retained.pop(f"{self.topic}/receipts", ()):
            receipt = parse_receipt(payload)
            for key in [key for key in self.disk if receipt.names(*key)]:
                del self.disk[key]
                self.settled.append(key)
            self.outstanding.settle(receipt)


class Storm:
    """暴雨: how much falls on the township in five minutes; the rivers follow."""

    def __init__(self, world: World) -> None:
        dice = world.dice("storm")
        self.begins = world.domain + timedelta(minutes=dice.randint(2, 10))
        self.lasts = timedelta(minutes=dice.randint(25, 55))
        self.peak_mm = dice.choice((4.0, 9.0, 14.0, 18.0, 24.0))
        self.river_m = dice.choice((0.0, 0.02, 0.08, 0.3))
        self.only_one = dice.random() < 0.2  # a single gauge under the cell: not plausible by itself

    @property
    def ends(self) -> datetime:
        return self.begins + self.lasts

    def rain_mm(self, gauge: Gauge) -> float:
        here = self.begins <= gauge.world.domain < self.ends
        if not here or (self.only_one and not gauge.station.station_id.endswith("01")):
            return 0.0
        return self.peak_mm

    def rise_m(self, gauge: Gauge) -> float:
        if gauge.world.domain < self.begins:
            return 0.0
        return self.river_m if gauge.world.domain < self.ends else -self.river_m / 4


def stations(world: World) -> list[Station]:
    here = (s for s in world.pack.stations.values() if s.region == TOWNSHIP and {"rain_mm", "stage_m"} & set(s.metrics))
    return sorted(here, key=lambda s: s.station_id)


def gauges(world: World) -> list[Gauge]:
    """The rain and stage gauges of 濯水, each at its own minute; the other townships stay dry and silent."""
    dice = world.dice("gauges")
    made = []
    for station in stations(world):
        metric = next(m for m in ("rain_mm", "stage_m") if m in station.metrics)
        gauge = Gauge(world, station, metric, world.domain + timedelta(seconds=dice.randint(0, EVERY_S)))
        if metric == "stage_m" and station.columns.get("stage_guarantee_m"):
            gauge.stage_m = float(station.columns["stage_guarantee_m"]) - dice.choice((2.0, 1.0, 0.3))
        made.append(gauge)
    return made


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
