"""条件真值 What a condition says at one station and instant: three values, and how far good data carry it (§5.2, §5.3).

The order of the numbers makes `all` the minimum and any-of the maximum:

* FALSE    proven by good data with the coverage that the condition needs;
* UNKNOWN  neither: too few intervals, an open end, an empty column, only doubtful data below the bound;
* DOUBTED  true only because of doubtful readings: trips unconfirmed, never clears;
* TRUE     true on good readings alone.

More data can only raise a sum, count or max and only lower a min: where more data could not turn the verdict it stands
at once, else it needs the coverage. `value` is false only while its reading is fresh (one interval).
`rise fall rate sustained` need a reading within one interval of both ends of (t − w, t].
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.warning.fuses.rule import AllOf, Condition, Node, Op, Rule, Statistic
from services.warning.fuses.series import Series, Track
from services.warning.readings.instant import HOUR, SECOND
from services.warning.readings.validate import Ref
from shared.pack.model import Station

FALSE, UNKNOWN, DOUBTED, TRUE = range(4)
JITTER = Fraction(1, 20)  # of an interval is forgiven where "one" or "two intervals" are counted: clocks wander
_UNITS_PER_COVER = 10_000

Key = tuple[str, str]  # station, metric
SeriesMap = Mapping[Key, Series]


@dataclass(frozen=True, slots=True)
class Finding:
    """依据 One satisfied condition with the readings behind it (`because` and `evidence` of a transition)."""

    statistic: str
    window: str
    value: Decimal
    bound: Decimal
    station: str
    refs: tuple[Ref, ...]
    observed_us: int  # of the newest reading behind it


class Leaf:
    """One condition compiled for one station."""

    __slots__ = (
        "_assess",
        "alive_us",
        "bound",
        "cover",
        "eased",
        "fresh_us",
        "gap_us",
        "interval_us",
        "key",
        "measured",
        "statistic",
        "strict",
        "upward",
        "window",
        "window_us",
    )

    def __init__(self, condition: Condition, rule: Rule, station: Station, alive_us: int) -> None:
        self.key: Key = (station.station_id, condition.metric)
        self.measured = condition.metric in station.metrics
        self.statistic = condition.statistic
        self.window = condition.window
        self.window_us = condition.window_s * SECOND
        self.upward = condition.op.upward
        self.strict = condition.op in (Op.ABOVE, Op.BELOW)
        self.bound = condition.bound.of(station.columns)
        shift = Decimal(0)
        if self.bound is not None:
            shift = rule.deadband.shift(self.bound, condition.metric == rule.metric)
        self.eased = None if self.bound is None else self.bound + (-shift if self.upward else shift)
        self.interval_us = station.interval_s * SECOND
        self.cover = int(rule.coverage * _UNITS_PER_COVER)
        self.fresh_us = int(self.interval_us * (1 + JITTER))
        self.gap_us = int(self.interval_us * (2 + JITTER))
        self.alive_us = alive_us
        self._assess = _ASSESS[condition.statistic]

    def truth(self, series: SeriesMap, t: int, *, eased: bool = False) -> int:
        """The verdict at ``t``; ``eased`` moves the bound by the deadband."""
        if not self.measured:  # this station cannot say anything about it
            return FALSE
        bound = self.eased if eased else self.bound
        found = series.get(self.key)
        if bound is None or found is None:
            return UNKNOWN
        verdict = self._assess(self, found.usable, t, bound)[0]
        if found.good is found.usable:
            return verdict
        good = self._assess(self, found.good, t, bound)[0]
        if good == TRUE:
            return TRUE
        if verdict == TRUE:
            return DOUBTED
        return FALSE if good == FALSE else UNKNOWN

    def reads(self, series: SeriesMap, t: int) -> tuple[int, Decimal | None]:
        """The verdict and the value behind it, for people who look at the curve."""
        found = series.get(self.key)
        value = None
        if found is not None and self.bound is not None:
            value = self._assess(self, found.usable, t, self.bound)[1]
        return self.truth(series, t), value

    def hit(self, value: Decimal, bound: Decimal) -> bool:
        if self.upward:
            return value > bound if self.strict else value >= bound
        return value < bound if self.strict else value <= bound

    def covered(self, track: Track, i: int, j: int, t: int) -> bool:
        """Whether positions i..j stand for the coverage of (t − w, t]."""
        if i == j:
            return False
        # A counter's first gain may stand for time before the window; that part does not count.
        inside = max(self.interval_us, track.t[i] - (t - self.window_us))
        cover = track.cover[j] - track.cover[i] - max(0, track.span[i] - inside)
        return cover * _UNITS_PER_COVER >= self.window_us * self.cover

    def findings(self, series: SeriesMap, t: int) -> Iterator[Finding]:
        """The condition as evidence, if it holds at ``t``."""
        found = series.get(self.key)
        if found is None or self.bound is None or not self.measured:
            return
        for track in dict.fromkeys((found.usable, found.good)):
            verdict, value, i, j = self._assess(self, track, t, self.bound)
            if verdict == TRUE and value is not None:
                yield Finding(
                    self.statistic.value,
                    self.window,
                    value,
                    self.bound,
                    self.key[0],
                    tuple(track.ref[i:j]),
                    track.t[j - 1],
                )
                return

    def could_be_true(self, series: SeriesMap, start: int, end: int) -> bool:
        """Whether it may hold anywhere in [start, end]; a cheap upper bound that lets calm stretches be skipped."""
        found = series.get(self.key)
        if found is None or self.bound is None or not self.measured:
            return False
        if not self.upward or self.statistic not in _BOUNDED:
            return True
        track = found.usable
        if found.good is not track:
            return True
        span = self.window_us or self.alive_us
        i, j = bisect_right(track.t, start - span), bisect_right(track.t, end)
        if i == j:
            return False
        if self.statistic is Statistic.SUM:
            return track.falls or self.hit(track.cum[j] - track.cum[i], self.bound)
        return self.hit(max(track.v[i:j]), self.bound)


class Both:
    """An `all` compiled for one station."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[Probe, ...]) -> None:
        self.members = members

    def truth(self, series: SeriesMap, t: int, *, eased: bool = False) -> int:
        return min((member.truth(series, t, eased=eased) for member in self.members), default=UNKNOWN)

    def findings(self, series: SeriesMap, t: int) -> Iterator[Finding]:
        if self.truth(series, t) >= DOUBTED:
            for member in self.members:
                yield from member.findings(series, t)

    def could_be_true(self, series: SeriesMap, start: int, end: int) -> bool:
        return all(member.could_be_true(series, start, end) for member in self.members)


Probe = Leaf | Both


def compile_node(node: Node, rule: Rule, station: Station, alive_us: int) -> Probe:
    """A condition of a rule as it is asked at one station."""
    if isinstance(node, AllOf):
        return Both(tuple(compile_node(member, rule, station, alive_us) for member in node.members))
    return Leaf(node, rule, station, alive_us)


# ---- statistics: (verdict TRUE | FALSE | UNKNOWN, value, first and last+1 position of the readings used)

_Verdict = tuple[int, Decimal | None, int, int]
_NOTHING: _Verdict = (UNKNOWN, None, 0, 0)


def _bounds(leaf: Leaf, track: Track, t: int) -> tuple[int, int]:
    times = track.t
    j = len(times) if times and times[-1] <= t else bisect_right(times, t)
    return bisect_right(times, t - leaf.window_us, 0, j), j


def _settle(
    leaf: Leaf, track: Track, i: int, j: int, t: int, value: Decimal, bound: Decimal, *, grows: bool
) -> _Verdict:
    """More data can only raise (``grows``) or only lower the value: the verdict it cannot turn needs no coverage."""
    hit = leaf.hit(value, bound)
    if hit == (leaf.upward == grows) or leaf.covered(track, i, j, t):
        return (TRUE if hit else FALSE), value, i, j
    return UNKNOWN, value, i, j


def _sum(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if i == j:
        return _NOTHING
    return _settle(leaf, track, i, j, t, track.cum[j] - track.cum[i], bound, grows=True)


def _count(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    return _NOTHING if i == j else _settle(leaf, track, i, j, t, Decimal(j - i), bound, grows=True)


def _max(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    return _NOTHING if i == j else _settle(leaf, track, i, j, t, max(track.v[i:j]), bound, grows=True)


def _min(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    return _NOTHING if i == j else _settle(leaf, track, i, j, t, min(track.v[i:j]), bound, grows=False)


def _mean(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if i == j or not leaf.covered(track, i, j, t):
        return _NOTHING
    value = (track.cum[j] - track.cum[i]) / (j - i)
    return (TRUE if leaf.hit(value, bound) else FALSE), value, i, j


def _value(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    j = bisect_right(track.t, t)
    if j == 0:
        return _NOTHING
    age, value = t - track.t[j - 1], track.v[j - 1]
    if leaf.hit(value, bound):
        return (TRUE if age < leaf.alive_us else UNKNOWN), value, j - 1, j
    return (FALSE if age <= leaf.fresh_us else UNKNOWN), value, j - 1, j


def _ends(leaf: Leaf, track: Track, i: int, j: int, t: int) -> bool:
    """Whether both ends of (t − w, t] have a reading within one interval."""
    return i < j and t - track.t[j - 1] <= leaf.fresh_us and track.t[i] - (t - leaf.window_us) <= leaf.fresh_us


def _rise(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if not _ends(leaf, track, i, j, t):
        return _NOTHING
    value = track.v[j - 1] - min(track.v[i:j])
    return (TRUE if leaf.hit(value, bound) else FALSE), value, i, j


def _fall(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if not _ends(leaf, track, i, j, t):
        return _NOTHING
    value = max(track.v[i:j]) - track.v[j - 1]
    return (TRUE if leaf.hit(value, bound) else FALSE), value, i, j


def _rate(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if not _ends(leaf, track, i, j, t) or track.t[j - 1] == track.t[i]:
        return _NOTHING
    value = (track.v[j - 1] - track.v[i]) * HOUR / (track.t[j - 1] - track.t[i])
    return (TRUE if leaf.hit(value, bound) else FALSE), value, i, j


def _sustained(leaf: Leaf, track: Track, t: int, bound: Decimal) -> _Verdict:
    i, j = _bounds(leaf, track, t)
    if not _ends(leaf, track, i, j, t):
        return _NOTHING
    worst = min(track.v[i:j]) if leaf.upward else max(track.v[i:j])
    if not leaf.hit(worst, bound):
        return FALSE, worst, i, j
    times = track.t
    if any(times[k + 1] - times[k] > leaf.gap_us for k in range(i, j - 1)):
        return _NOTHING
    return TRUE, worst, i, j


_ASSESS: dict[Statistic, Callable[[Leaf, Track, int, Decimal], _Verdict]] = {
    Statistic.SUM: _sum,
    Statistic.MEAN: _mean,
    Statistic.MAX: _max,
    Statistic.MIN: _min,
    Statistic.COUNT: _count,
    Statistic.RISE: _rise,
    Statistic.FALL: _fall,
    Statistic.RATE: _rate,
    Statistic.SUSTAINED: _sustained,
    Statistic.VALUE: _value,
}
_BOUNDED = (Statistic.SUM, Statistic.MAX, Statistic.VALUE)
