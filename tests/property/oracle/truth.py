"""神谕: 何为真 The naive oracle's half that says what is true (contract §2, §4, §5.2, §5.3, §5.8).

Written from the contract's text alone, without the engine. Every question ("is this level true at t?") is answered
from the whole list of readings, each time anew; nothing is remembered. Exact fractions, so that ten times 0.1 is 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from shared.geo import distance_m

LEVELS = ("normal", "blue", "yellow", "orange", "red")
RANK = {level: at for at, level in enumerate(LEVELS)}
USABLE = ("good", "doubtful")
T, U, F = "true", "unknown", "false"
OPS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "at_least": lambda v, b: v >= b,
    "above": lambda v, b: v > b,
    "at_most": lambda v, b: v <= b,
    "below": lambda v, b: v < b,
}
UPWARD = ("at_least", "above")
STATISTICS = ("sum", "mean", "max", "min", "count", "rise", "fall", "rate", "sustained", "value")
AHEAD = timedelta(minutes=2)
UNIT_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def number(value: Any) -> Fraction:
    return Fraction(str(value).strip())


def duration(text: Any) -> timedelta:
    """``10min 3h 1d``; a bare 0 is no time."""
    found = re.fullmatch(r"\s*([0-9]+)\s*(s|min|h|d)?\s*", str(text))
    assert found, f"{text!r} is no duration"
    assert found[2] or found[1] == "0", f"{text!r} has no unit"
    return timedelta(seconds=int(found[1]) * UNIT_S[found[2] or "s"])


def instant(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    assert at.tzinfo is not None
    return at.astimezone(UTC)


@dataclass(frozen=True)
class Station:
    station_id: str
    region: str
    metrics: tuple[str, ...]
    interval_s: int
    report_s: int
    lat: float = 29.0
    lon: float = 108.0
    serves: tuple[str, ...] = ()
    columns: Mapping[str, str] | None = None

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_s)

    @property
    def report(self) -> timedelta:
        return timedelta(seconds=self.report_s)


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str = "interval"
    minimum: Fraction | None = None
    maximum: Fraction | None = None
    max_change_per_min: Fraction | None = None


@dataclass(frozen=True)
class Reading:
    """One row as it is used: ``at`` is where it is placed (§2: a doubtful clock is placed at receipt time)."""

    row: int
    station: str
    metric: str
    value: Fraction | None
    at: datetime
    known: datetime
    quality: str
    claimed: datetime  # what the station's clock says
    jumped: bool = False  # doubtful for its speed

    @property
    def usable(self) -> bool:
        return self.quality in USABLE


def current(readings: Iterable[Reading]) -> list[Reading]:
    """Of each (station, metric, observed_at) the version that arrived last, by time."""
    latest = {(r.station, r.metric, r.claimed): r for r in readings}
    return sorted(latest.values(), key=lambda r: (r.at, r.station, r.metric, r.claimed))


# ---- §2 validation ---------------------------------------------------------------------------------------


def assess(raw: Reading, metric: Metric, before: Sequence[Reading]) -> Reading:
    """The quality of a reading on arrival; ``before`` is what is known already."""
    ahead = raw.claimed > raw.known + AHEAD  # "over 2 min ahead of receipt … doubtful, … places it at receipt time"
    placed = replace(raw, at=raw.known if ahead else raw.claimed)
    if placed.quality not in USABLE or placed.value is None:
        return placed if placed.quality not in USABLE else replace(placed, quality="missing")
    if (metric.minimum is not None and placed.value < metric.minimum) or (
        metric.maximum is not None and placed.value > metric.maximum
    ):
        return replace(placed, quality="bad")  # "Outside minimum..maximum a reading is bad"
    if ahead:
        return replace(placed, quality="doubtful")
    limit = metric.max_change_per_min
    if limit is not None and _jumps(placed, limit, before):
        return replace(placed, quality="doubtful", jumped=True)
    return placed


def _too_fast(a: Reading, b: Reading, limit: Fraction) -> bool:
    minutes = Fraction(int((b.at - a.at).total_seconds())) / 60
    return a.value is None or b.value is None or abs(b.value - a.value) > limit * minutes


def _jumps(raw: Reading, limit: Fraction, before: Sequence[Reading]) -> bool:
    """ "faster than max_change_per_min against the last good one it is doubtful, until three in a row agree" """
    mine = [r for r in current(before) if r.station == raw.station and r.metric == raw.metric and r.at < raw.at]
    usable = [r for r in mine if r.usable]
    good = [r for r in usable if r.quality == "good"]
    if not good or not _too_fast(good[-1], raw, limit):
        return False
    row = [*usable, raw][-3:]
    agree = all(not _too_fast(a, b, limit) for a, b in pairwise(row))
    return not (len(row) == 3 and agree and all(r.jumped for r in row[:2]))


def _statistic(name: str, values: Sequence[Fraction]) -> Fraction:
    if name == "count":
        return Fraction(len(values))
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    whole = sum(values, Fraction(0))
    return whole / len(values) if name == "mean" else whole


# ---- §5.2 one condition at one station -------------------------------------------------------------------


@dataclass(frozen=True)
class Judge:
    """What a rule's text says of stations and instants, over a fixed list of readings."""

    rule: Mapping[str, Any]
    stations: Mapping[str, Station]
    metrics: Mapping[str, Metric]
    readings: Sequence[Reading]  # current ones, by time

    # -- the rule's text with its defaults (§4)
    @property
    def silence(self) -> Mapping[str, Any]:
        return {"intervals": 2, "above": "orange", "then": "verify", **(self.rule.get("silence") or {})}

    @property
    def metrics_read(self) -> set[str]:
        """Every metric that the rule names."""
        return metrics_of(self.rule)

    @property
    def defined(self) -> list[str]:
        return sorted(self.rule["levels"], key=RANK.__getitem__)

    def lower(self, level: str) -> str:
        """ "one level of those that the rule defines" """
        return max([name for name in self.defined if RANK[name] < RANK[level]], key=RANK.__getitem__, default="normal")

    def higher(self, level: str) -> str:
        return min([name for name in self.defined if RANK[name] > RANK[level]], key=RANK.__getitem__, default=level)

    # -- series
    def gains(
        self, station: str, metric: str, t: datetime, qualities: tuple[str, ...]
    ) -> list[tuple[datetime, Fraction, timedelta]]:
        """What was read or, of a counter, gained; and for how long that stands."""
        mine = [r for r in self.readings if r.station == station and r.metric == metric and r.at <= t]
        kept = [(r.at, r.value) for r in mine if r.quality in qualities and r.value is not None]
        about = self.metrics[metric]
        if about.kind != "cumulative":
            interval = self.stations[station].interval  # a reading stands for one at most, and none is counted twice
            gaps = [interval, *(b[0] - a[0] for a, b in pairwise(kept))]
            return [(at, value, min(gap, interval)) for gap, (at, value) in zip(gaps, kept, strict=False)]
        out = []  # "Cumulative counters are differenced with reset and rollover"
        for (before, a), (at, b) in pairwise(kept):
            change = b - a
            if change < 0:
                over = about.maximum is not None and a >= about.maximum * 9 / 10 and b <= about.maximum / 10
                change = about.maximum - a + b if over and about.maximum is not None else b
            out.append((at, change, at - before))
        return out

    def bound(self, text: Any, station: Station) -> Fraction | None:
        found = re.fullmatch(r"station\.(\w+?)\s*(?:([+-])\s*([0-9.]+))?", str(text).strip())
        if not found:
            return number(text)
        cell = (station.columns or {}).get(found[1], "")
        if not str(cell).strip():
            return None  # "an empty column is unknown"
        extra = number(found[3]) if found[3] else Fraction(0)
        return number(cell) + (-extra if found[2] == "-" else extra)

    def slack(self, bound: Fraction, metric: str) -> Fraction:
        """ "`deadband` is `N%` of a number, or an amount in the metric's unit" """
        text = str(self.rule.get("deadband", 0)).strip()
        if text.endswith("%"):
            return abs(bound) * number(text[:-1]) / 100
        return number(text) if metric == self.rule["metric"] else Fraction(0)

    def condition(
        self, cond: Any, station: Station, t: datetime, qualities: tuple[str, ...], deadband: bool
    ) -> tuple[str, Fraction | None]:
        """Truth of one condition over readings of these qualities, and its value."""
        if "all" in cond:
            parts = [self.condition(part, station, t, qualities, deadband)[0] for part in cond["all"]]
            return (T if all(p == T for p in parts) else F if F in parts else U), None
        statistic = next(name for name in STATISTICS if name in cond)
        op = next(name for name in OPS if name in cond)
        bound = self.bound(cond[op], station)
        if bound is None:
            return U, None
        metric = str(cond.get("metric", self.rule["metric"]))
        if deadband:
            bound += self.slack(bound, metric) * (-1 if op in UPWARD else 1)
        gains = self.gains(station.station_id, metric, t, qualities)
        series = [(at, value) for at, value, _ in gains]
        if statistic == "value":
            return self._latest(series, station, t, lambda v: OPS[op](v, bound), self.quiet_after(station.station_id))
        window = duration(cond[statistic])
        seen = [(at, value) for at, value in series if at > t - window]  # windows (t − w, t]
        if statistic in ("rise", "fall", "rate", "sustained"):
            return self._ends(statistic, seen, window, station, t, lambda v: OPS[op](v, bound))
        inside = [gain for gain in gains if gain[0] > t - window]
        stands = [min(span, max(station.interval, at - (t - window))) for at, _, span in inside]
        intervals = Fraction(int(sum(stands, timedelta()).total_seconds()), station.interval_s)
        return self._counted(statistic, op, [value for _, value in seen], intervals, window, station, bound)

    @staticmethod
    def _latest(
        series: list[tuple[datetime, Any]],
        station: Station,
        t: datetime,
        holds: Callable[[Fraction], bool],
        quiet_after: timedelta,
    ) -> tuple[str, Fraction | None]:
        if not series:
            return U, None
        at, value = series[-1]
        fresh = t - at <= station.interval  # the one expected interval is there
        if holds(value):
            return (T if t - at < quiet_after else U), value  # true as soon as the data present suffice
        return (F if fresh else U), value

    def _counted(
        self,
        statistic: str,
        op: str,
        values: list[Fraction],
        intervals: Fraction,
        window: timedelta,
        station: Station,
        bound: Fraction,
    ) -> tuple[str, Fraction | None]:
        covered = intervals >= number(str(self.rule.get("coverage", "80%")).rstrip("%")) / 100 * Fraction(
            int(window.total_seconds()), station.interval_s
        )
        if not values and statistic != "count":
            return U, None
        value = _statistic(statistic, values)
        holds = OPS[op](value, bound)
        if statistic in ("sum", "count", "max"):
            certain = holds == (op in UPWARD)  # more data only adds: reaching the bound cannot be undone
        elif statistic == "min":
            certain = holds == (op not in UPWARD)
        else:
            certain = False
        return ((T if holds else F) if covered or certain else U), value

    @staticmethod
    def _ends(
        statistic: str,
        seen: list[tuple[datetime, Any]],
        window: timedelta,
        station: Station,
        t: datetime,
        holds: Callable[[Fraction], bool],
    ) -> tuple[str, Fraction | None]:
        """ "`rise rate sustained` need both ends within one interval; `sustained` never … across a gap of over two" """
        if not seen or t - seen[-1][0] > station.interval or seen[0][0] - (t - window) > station.interval:
            return U, None
        values = [value for _, value in seen]
        if statistic == "sustained":
            if not all(holds(value) for value in values):
                return F, values[-1]
            gaps = [b[0] - a[0] for a, b in pairwise(seen)]
            return (U if any(gap > 2 * station.interval for gap in gaps) else T), values[-1]
        if statistic == "rate":
            hours = Fraction(int((seen[-1][0] - seen[0][0]).total_seconds()), 3600)
            if not hours:
                return U, None
            value = (values[-1] - values[0]) / hours
        else:
            value = values[-1] - min(values) if statistic == "rise" else max(values) - values[-1]
        return (T if holds(value) else F), value

    # ---- a level at one station (§5.2, §5.3) ----

    def _any_of(self, level: str, station: Station, t: datetime, qualities: tuple[str, ...], deadband: bool) -> str:
        parts = [self.condition(cond, station, t, qualities, deadband)[0] for cond in self.rule["levels"][level]]
        return T if T in parts else F if all(p == F for p in parts) else U

    def station_level(self, level: str, station_id: str, t: datetime, deadband: bool = False) -> tuple[str, bool]:
        """(truth, by good readings alone). "Good readings trip and clear; doubtful ones trip … and never clear"."""
        station = self.stations[station_id]
        good = self._any_of(level, station, t, ("good",), deadband)
        if good == T:
            return T, True
        every = self._any_of(level, station, t, USABLE, deadband)
        if every == T:
            return T, False
        return (F if good == F and every == F else U), True

    def because(self, level: str, station_id: str, t: datetime) -> list[dict[str, Any]]:
        """The plain conditions of the level that are true at the station."""
        station, out = self.stations[station_id], []
        held = [c for c in self.rule["levels"][level] if self.condition(c, station, t, USABLE, False)[0] == T]
        for cond in [part for whole in held for part in whole.get("all", [whole])]:
            truth, value = self.condition(cond, station, t, USABLE, False)
            if truth == T and value is not None:
                statistic = next(name for name in STATISTICS if name in cond)
                bound = self.bound(next(cond[name] for name in OPS if name in cond), station)
                out.append((level, station_id, statistic, float(value), float(bound or 0)))
        return [dict(zip(("level", "station", "statistic", "value", "bound"), each, strict=True)) for each in out]

    # ---- living and silent (§5.3, §5.8) ----

    def last_usable(self, station_id: str, t: datetime | None = None) -> datetime | None:
        mine = [r for r in self.readings if r.station == station_id and r.usable and r.metric in self.metrics_read]
        return max((r.at for r in mine if t is None or r.at <= t), default=None)

    def quiet_after(self, station_id: str) -> timedelta:
        return int(self.silence["intervals"]) * self.stations[station_id].report

    def living(self, station_id: str, t: datetime) -> bool:
        """ "Living = a usable reading observed less than `silence.intervals` × report_s ago" """
        last = self.last_usable(station_id, t)
        return last is not None and t - last < self.quiet_after(station_id)

    def high_when_last_seen(self, station_id: str, t: datetime | None = None) -> bool:
        """ "a station's own last usable reading satisfied a level at or above `above`" """
        last = self.last_usable(station_id, t)
        levels = [level for level in self.defined if RANK[level] >= RANK[self.silence["above"]]]
        return last is not None and any(self.station_level(level, station_id, last)[0] == T for level in levels)

    # ---- §5.5 plausible ----

    def sources(
        self, level: str, station_id: str, t: datetime, after: datetime | None = None
    ) -> set[tuple[str, datetime]]:
        """Readings of "another station, same metric, within radius and time, at the next lower level or higher"."""
        asked = self.rule["plausible"][level]
        here = self.stations[station_id]
        enough = [name for name in self.defined if RANK[name] >= max(1, RANK[self.lower(level)])]
        found = set()
        for r in self.readings:
            there = self.stations[r.station]
            if (
                r.station != station_id
                and r.metric in self.metrics_read
                and r.quality == "good"
                and (after is None or r.known > after)
                and abs(r.at - t) <= duration(asked["within"])
                and distance_m(here.lat, here.lon, there.lat, there.lon) <= metres(asked["radius"])
                and any(self.station_level(name, r.station, r.at) == (T, True) for name in enough)
            ):
                found.add((r.station, r.at))
        return found

    def plausible(self, level: str, station_id: str, t: datetime, after: datetime | None = None) -> bool:
        needed = int(self.rule["plausible"][level].get("neighbours", 1))
        return len({name for name, _ in self.sources(level, station_id, t, after)}) >= needed


def metrics_of(rule: Mapping[str, Any]) -> set[str]:
    """Every metric that a rule names."""

    def named(conditions: Sequence[Any]) -> set[str]:
        return {
            metric
            for cond in conditions
            for metric in (named(cond["all"]) if "all" in cond else [str(cond.get("metric", rule["metric"]))])
        }

    return {str(rule["metric"]), *(metric for level in rule["levels"].values() for metric in named(level))}


def metres(text: Any) -> float:
    found = re.fullmatch(r"([0-9.]+)\s*(km|m)", str(text))
    assert found, f"{text!r} is no distance"
    return float(found[1]) * (1000 if found[2] == "km" else 1)
