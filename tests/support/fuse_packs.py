"""Small packs for fuse tests: two townships, a few gauges, rules written as a pack would hold them. 演示数据."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from services.warning.fuses.book import Book
from services.warning.fuses.events import Event, ReadingsBatch
from services.warning.fuses.state import Transition
from services.warning.fuses.world import World, decide
from services.warning.readings.instant import parse_rfc3339
from services.warning.readings.validate import Incoming, Quality
from shared.pack.located import parse_yaml
from shared.pack.model import District, Hazard, Metric, Pack, Region, Station
from shared.vocabulary import RegionLevel

DISTRICT = "500114"
TOWN, OTHER_TOWN = "500114112", "500114103"

RAIN = """
- id: rain
  title: {zh: 暴雨, en: Rain}
  hazard: 11B03
  source: 演示数据
  per: township
  metric: rain_mm
  levels:
    yellow: [{sum: 1h, at_least: 30}]
    orange: [{sum: 1h, at_least: 50}]
    red:    [{sum: 1h, at_least: 80}]
"""


def station(name: str, region: str = TOWN, **changes: Any) -> Station:
    """A five-minute gauge of rain at the middle of the township."""
    base = Station(
        station_id=name,
        name=f"{name}（演示数据）",
        category="rain",
        region=region,
        lat=29.3,
        lon=108.8,
        metrics=("rain_mm",),
        interval_s=300,
        report_s=300,
    )
    return replace(base, **changes)


def columns(**cells: str) -> MappingProxyType[str, str]:
    return MappingProxyType({"stage_warning_m": "", "stage_guarantee_m": "", **cells})


METRICS = (
    Metric(name="rain_mm", unit="mm", kind="interval", minimum=0, maximum=200, max_change_per_min=None),
    Metric(name="stage_m", unit="m", kind="level", minimum=-5, maximum=50, max_change_per_min=0.2),
    Metric(name="bucket_mm", unit="mm", kind="cumulative", minimum=0, maximum=1000, max_change_per_min=None),
)


def pack(rules: str = RAIN, *stations: Station, **changes: Any) -> Pack:
    """A pack of these rules and stations."""
    document, problems = parse_yaml(textwrap.dedent(rules).encode(), "fuses/test.yaml")
    assert not problems, problems
    regions = (
        Region(
            code=DISTRICT, name="演示区", parent=None, level=RegionLevel.DISTRICT, lat=None, lon=None, population=None
        ),
        *(
            Region(code=c, name=n, parent=DISTRICT, level=RegionLevel.TOWNSHIP, lat=None, lon=None, population=None)
            for c, n in ((TOWN, "甲镇"), (OTHER_TOWN, "乙镇"))
        ),
        Region(
            code=TOWN + "201", name="甲村", parent=TOWN, level=RegionLevel.VILLAGE, lat=None, lon=None, population=9
        ),
    )
    base = Pack(
        version="sha256:0",
        district=District(
            code=DISTRICT,
            name_zh="演示区",
            name_en="Demo",
            timezone="Asia/Shanghai",
            sender="demo@example.org",
            status="Exercise",
            max_lateness_s=7 * 86_400,
        ),
        hazards={"11B03": Hazard(code="11B03", name_zh="暴雨", name_en="Rainstorm", family="flood")},
        regions={region.code: region for region in regions},
        stations={s.station_id: s for s in stations or (station("A"),)},
        metrics={metric.name: metric for metric in METRICS},
        documents={"fuses/test.yaml": document},
    )
    return replace(base, **changes)


def book(rules: str = RAIN, *stations: Station, **changes: Any) -> Book:
    found, problems = Book.of(pack(rules, *stations, **changes))
    assert found is not None, [str(problem) for problem in problems]
    return found


def at(text: str) -> int:
    """``10:05`` or ``10:05:30`` on the day of the tests, or ``2T10:05`` on its second day."""
    day, _, clock = text.rpartition("T")
    clock = clock if clock.count(":") == 2 else clock + ":00"
    return parse_rfc3339(f"2026-06-{27 + int(day or 1):02d}T{clock}Z")


def reading(
    name: str,
    when: str | int,
    value: float | None,
    known: str | int | None = None,
    metric: str = "rain_mm",
    **more: Any,
) -> Incoming:
    observed = at(when) if isinstance(when, str) else when
    received = observed if known is None else at(known) if isinstance(known, str) else known
    more.setdefault("ref", f"{name}@{observed}")
    more.setdefault("quality", Quality.GOOD)
    return Incoming(station_id=name, metric=metric, value=value, observed_us=observed, received_us=received, **more)


class Story:
    """A world that is told events one by one and remembers its records."""

    def __init__(self, book_: Book) -> None:
        self.book = book_
        self.world = World()
        self.records: list[Transition] = []

    def tell(self, event: Event, when: str | int) -> list[Transition]:
        now = at(when) if isinstance(when, str) else when
        decision = decide(self.book, self.world, event, now)
        self.refused = decision.refused
        self.records += decision.transitions
        return decision.transitions

    def hear(self, *readings: Incoming) -> list[Transition]:
        """One batch, known when its last reading was received."""
        return self.tell(ReadingsBatch(readings), max(r.received_us for r in readings))

    def every(self, minutes: int, start: str, *values: float, name: str = "A", metric: str = "rain_mm") -> None:
        """Values at regular times, each known at once."""
        for i, value in enumerate(values):
            self.hear(reading(name, at(start) + i * minutes * 60_000_000, value, metric=metric))

    def brief(self) -> list[str]:
        """`brief` of each record."""
        return [brief(record) for record in self.records]


def brief(record: Transition) -> str:
    """``HH:MM scope from>to reason``, then what is not confirmed and whether it is blind."""
    words = [record.known_at[11:16], record.scope, f"{record.from_.value}>{record.to.value}", record.reason.value]
    if record.verification.value != "confirmed":
        words.append(f"{record.verification.value}/{record.confirmed_level.value}")
    if record.blind:
        words.append("blind")
    return " ".join(words)
