"""熔断簿 Every fuse of a district, compiled from its pack: rules × scopes × stations. Immutable.

A `Gauge` is a rule at one station: it answers whether the station satisfies a level. A `Fuse` is a rule on one scope:
its gauges, the gauges near them that make a level plausible, and after how long a station counts as silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from services.warning.fuses.probe import DOUBTED, FALSE, TRUE, Finding, Key, Probe, SeriesMap, compile_node
from services.warning.fuses.rule import Per, Rule
from services.warning.fuses.rules import read_rules
from services.warning.fuses.scopes import Scope, scopes_of
from services.warning.readings.instant import SECOND
from services.warning.readings.validate import Limits
from shared.geo import distance_m
from shared.pack.located import Problem
from shared.pack.model import Metric, Pack, Station

FuseKey = tuple[str, str]  # rule id (or notice.TYPE), scope id


class Gauge:
    """测点: a rule as one station answers it. Levels are ranks (blue 1 … red 4)."""

    __slots__ = ("alive_us", "keys", "levels", "ranks", "station_id")

    def __init__(self, rule: Rule, station: Station) -> None:
        self.station_id = station.station_id
        self.alive_us = int(rule.silence.intervals * station.report_s * SECOND)
        self.keys: tuple[Key, ...] = tuple((station.station_id, m) for m in rule.metrics if m in station.metrics)
        self.levels: dict[int, tuple[Probe, ...]] = {
            level.rank: tuple(compile_node(node, rule, station, self.alive_us) for node in nodes)
            for level, nodes in rule.levels.items()
        }
        self.ranks = tuple(sorted(self.levels, reverse=True))

    def truth(self, series: SeriesMap, rank: int, t: int, *, eased: bool = False) -> int:
        """The any-of list of one level."""
        best = FALSE
        for probe in self.levels[rank]:
            best = max(best, probe.truth(series, t, eased=eased))
            if best == TRUE:
                break
        return best

    def rank_at(self, series: SeriesMap, t: int, least: int = DOUBTED, floor: int = 0) -> int:
        """The worst level above ``floor`` that the station satisfies at ``t``; 0 for none."""
        for rank in self.ranks:
            if rank <= floor:
                break
            if self.truth(series, rank, t) >= least:
                return rank
        return 0

    def findings(self, series: SeriesMap, rank: int, t: int) -> Iterator[Finding]:
        for probe in self.levels.get(rank, ()):
            yield from probe.findings(series, t)

    def evidence(self, series: SeriesMap, rank: int, t: int) -> Iterator[tuple[int, Finding]]:
        """The satisfied conditions of a level, or of the next worse one that satisfies it, each with its level."""
        for level in sorted(found for found in self.ranks if found >= rank):
            shown = [(level, finding) for finding in self.findings(series, level, t)]
            if shown:
                yield from shown
                return

    def could_reach(self, series: SeriesMap, rank: int, start: int, end: int) -> bool:
        """Whether the station may satisfy the level anywhere in [start, end]; cheap, and never wrongly no."""
        return any(probe.could_be_true(series, start, end) for probe in self.levels[rank])

    def could_be_true(self, series: SeriesMap, start: int, end: int) -> bool:
        return any(self.could_reach(series, rank, start, end) for rank in self.ranks)

    def last_usable(self, series: SeriesMap, t: int) -> int | None:
        """When the station last gave a usable reading of this rule, not after ``t``."""
        found = [series[key].last_usable(t) for key in self.keys if key in series]
        return max((at for at in found if at is not None), default=None)


@dataclass(frozen=True)
class Nearby:
    """邻站: what makes a level plausible: the gauges within the radius of each station of the fuse."""

    count: int
    within_us: int
    next_lower: int  # the level that a neighbour must reach (the level itself where none is defined below)
    gauges: Mapping[str, tuple[Gauge, ...]]


@dataclass(frozen=True, kw_only=True)
class Described:
    """说明: a fuse on its scope as people read it."""

    title_zh: str
    title_en: str
    hazard: str
    per: str
    region: str
    name: str
    industry: str | None = None


@dataclass(frozen=True)
class Fuse:
    """熔断: one rule on one scope."""

    rule: Rule
    scope: Scope
    gauges: Mapping[str, Gauge]
    nearby: Mapping[int, Nearby]
    ranks: tuple[int, ...]  # the levels that the rule defines, worst first

    @property
    def key(self) -> FuseKey:
        return (self.rule.id, self.scope.id)

    @cached_property
    def described(self) -> Described:
        rule, scope = self.rule, self.scope
        return Described(
            title_zh=rule.title_zh,
            title_en=rule.title_en,
            hazard=rule.hazard,
            per=rule.per.value,
            region=scope.region,
            name=scope.name,
            industry=scope.id.partition("@")[0] if rule.per is Per.INDUSTRY else None,
        )

    def below(self, rank: int) -> int:
        """The next lower level that the rule defines; 0 (normal) under the lowest."""
        return next((found for found in self.ranks if found < rank), 0)

    def above(self, rank: int) -> int:
        """The next higher level that the rule defines; the same where there is none."""
        return next((found for found in reversed(self.ranks) if found > rank), rank)

    def governing(self, rank: int) -> int:
        """The defined level whose condition decides about leaving ``rank``."""
        return next((found for found in self.ranks if found <= rank), min(self.ranks))


@dataclass(frozen=True)
class Book:
    """熔断簿: what `world.decide` looks things up in."""

    district: str
    fuses: Mapping[FuseKey, Fuse]
    by_reading: Mapping[Key, tuple[FuseKey, ...]]  # (station, metric) → fuses whose scope has the station
    near_reading: Mapping[Key, tuple[FuseKey, ...]]  # … → fuses for which the station is only a neighbour
    limits: Mapping[str, Limits]  # metric → what validation needs
    stations: Mapping[str, Station]
    metrics: Mapping[str, Metric]
    max_lateness_us: int
    memory_us: Mapping[Key, int] = field(default_factory=dict)  # how far back each series must reach
    pack_version: str = ""

    @classmethod
    def of(cls, pack: Pack) -> tuple[Book | None, list[Problem]]:
        """编制 The book of a pack, or None and what is wrong with its rules."""
        rules, problems = read_rules(pack)
        return (None, problems) if problems else (cls.of_rules(pack, rules), [])

    @classmethod
    def of_rules(cls, pack: Pack, rules: Iterable[Rule]) -> Book:
        """The book of rules that were already read."""
        fuses: dict[FuseKey, Fuse] = {}
        inside: dict[Key, list[FuseKey]] = {}
        outside: dict[Key, list[FuseKey]] = {}
        memory: dict[Key, int] = {}
        lateness_us = pack.district.max_lateness_s * SECOND
        for rule in rules:
            gauges = {s.station_id: Gauge(rule, s) for s in pack.stations.values() if rule.metric in s.metrics}
            near = _nearby(rule, pack, gauges)
            for gauge in gauges.values():
                for key in gauge.keys:
                    reach = max(rule.memory_s * SECOND, gauge.alive_us) + lateness_us
                    memory[key] = max(memory.get(key, 0), reach)
            ranks = tuple(sorted((level.rank for level in rule.levels), reverse=True))
            for scope in scopes_of(rule, pack):
                fuse = Fuse(rule, scope, {name: gauges[name] for name in scope.stations}, near, ranks)
                fuses[fuse.key] = fuse
                _index(fuse, inside, outside)
        return cls(
            district=pack.district.code,
            fuses=fuses,
            by_reading={key: tuple(sorted(names)) for key, names in inside.items()},
            near_reading={key: tuple(sorted(set(names))) for key, names in outside.items()},
            limits={metric.name: _limits(metric, lateness_us) for metric in pack.metrics.values()},
            stations=pack.stations,
            metrics=pack.metrics,
            max_lateness_us=lateness_us,
            memory_us=memory,
            pack_version=pack.version,
        )


def _index(fuse: Fuse, inside: dict[Key, list[FuseKey]], outside: dict[Key, list[FuseKey]]) -> None:
    for gauge in fuse.gauges.values():
        for key in gauge.keys:
            inside.setdefault(key, []).append(fuse.key)
    neighbours = {
        gauge.station_id: gauge
        for nearby in fuse.nearby.values()
        for name in fuse.gauges
        for gauge in nearby.gauges.get(name, ())
        if gauge.station_id not in fuse.gauges
    }
    for gauge in neighbours.values():
        for key in gauge.keys:
            outside.setdefault(key, []).append(fuse.key)


def _nearby(rule: Rule, pack: Pack, gauges: Mapping[str, Gauge]) -> dict[int, Nearby]:
    ranks = sorted(level.rank for level in rule.levels)
    found: dict[int, Nearby] = {}
    for level, plausible in rule.plausible.items():
        around = {
            name: tuple(
                gauges[other]
                for other in sorted(gauges)
                if other != name and _within(pack.stations[name], pack.stations[other], plausible.radius_m)
            )
            for name in gauges
        }
        lower = max((rank for rank in ranks if rank < level.rank), default=level.rank)
        found[level.rank] = Nearby(plausible.neighbours, plausible.within_s * SECOND, lower, around)
    return found


def _within(one: Station, other: Station, radius_m: float) -> bool:
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return False
    return distance_m(one.lat, one.lon, other.lat, other.lon) <= radius_m


def _limits(metric: Metric, lateness_us: int) -> Limits:
    def decimal(value: float | None) -> Decimal | None:
        return None if value is None else Decimal(repr(value))

    return Limits(
        metric.kind,
        decimal(metric.minimum),
        decimal(metric.maximum),
        decimal(metric.max_change_per_min),
        lateness_us,
    )
