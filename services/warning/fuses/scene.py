"""瞬时判定 One fuse at one instant: who is living, what each station says, what the quorum makes of it (§5.2, §5.3).

A station that satisfies a level counts for the levels below it too, whatever their own conditions say: what is worse
is not less true. A silent station whose own last usable reading satisfied `silence.above` counts as unknown; other
silent ones leave n. A blind fuse can never say *false*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from services.warning.fuses.book import Fuse, Gauge
from services.warning.fuses.probe import DOUBTED, FALSE, TRUE, UNKNOWN, Finding, SeriesMap
from services.warning.fuses.state import FuseState

Suspects = Mapping[int, tuple[Gauge, ...]]


class Standing(Enum):
    """在网状态 of a station at an instant."""

    LIVING = "living"
    UNKNOWN = "unknown"  # silent, and its last word was high
    OUT = "out"  # silent, or never heard: not counted


def suspects_in(fuse: Fuse, series: SeriesMap, start: int, end: int) -> Suspects:
    """For each level the stations that could satisfy it, or a worse one, anywhere in [start, end]: calm ones need no
    further look."""
    found: dict[int, tuple[Gauge, ...]] = {}
    names: set[str] = set()
    for rank in fuse.ranks:
        names |= {n for n, g in fuse.gauges.items() if n not in names and g.could_reach(series, rank, start, end)}
        found[rank] = tuple(gauge for name, gauge in fuse.gauges.items() if name in names)
    return found


def instants(fuse: Fuse, series: SeriesMap, start: int, end: int) -> list[int]:
    """The scope's observed times in [start, end]."""
    keys = [key for gauge in fuse.gauges.values() for key in gauge.keys if key in series]
    return sorted({t for key in keys for t in series[key].times(start - 1, end)})


def high_rank(fuse: Fuse, gauge: Gauge, series: SeriesMap, at_us: int) -> int:
    """The level at or above `silence.above` that the station satisfied by itself; 0 for none."""
    return gauge.rank_at(series, at_us, floor=fuse.rule.silence.above.rank - 1)


class Scene:
    """瞬时: the stations of ``fuse`` at ``t``; everything is asked only when it is needed."""

    __slots__ = ("_cut_off", "_standing", "_suspects", "_votes", "count", "fuse", "series", "state", "t")

    def __init__(
        self,
        fuse: Fuse,
        state: FuseState,
        series: SeriesMap,
        t: int,
        *,
        cut_off: bool = False,
        suspects: Suspects | None = None,  # who could satisfy a level at all around t; None for everybody
    ) -> None:
        self.fuse = fuse
        self.state = state
        self.series = series
        self.t = t
        self.count = fuse.rule.quorum.count
        self._cut_off = cut_off
        self._suspects = suspects
        self._standing: dict[str, Standing] = {}
        self._votes: dict[tuple[int, str], int] = {}

    def standing(self, gauge: Gauge) -> Standing:
        """Whether a station is living at ``t``."""
        known = self._standing.get(gauge.station_id)
        if known is None:
            known = self._standing[gauge.station_id] = self._call(gauge)
        return known

    def _call(self, gauge: Gauge) -> Standing:
        watch = self.state.watch.get(gauge.station_id)
        if watch is None:
            return Standing.OUT
        rank = None
        if self.t >= watch.last_us:
            if watch.refuted:
                return Standing.OUT
            last, until = watch.last_us, watch.until_us
            rank = watch.rank if watch.silent else None
        else:  # looking back: only what had been observed by then
            found = gauge.last_usable(self.series, self.t)
            if found is None:
                return Standing.OUT
            last, until = found, found + gauge.alive_us
        if self.t < until:  # at this instant, whatever was found of it since
            return Standing.LIVING
        if rank is None:
            rank = high_rank(self.fuse, gauge, self.series, last)
        return Standing.UNKNOWN if rank else Standing.OUT

    def living(self) -> int:
        """How many stations are living."""
        return sum(self.standing(gauge) is Standing.LIVING for gauge in self.fuse.gauges.values())

    def vote(self, gauge: Gauge, rank: int) -> int:
        """How far a living station satisfies ``rank`` or a worse level; what was refuted of it does not count until it
        was false once."""
        key = (rank, gauge.station_id)
        known = self._votes.get(key)
        if known is not None:
            return known
        upper = self.fuse.above(rank)
        found = FALSE if upper == rank else self.vote(gauge, upper)
        if found != TRUE and (gauge.station_id, rank) not in self.state.blocked:
            found = max(found, gauge.truth(self.series, rank, self.t))
        self._votes[key] = found
        return found

    def _supporting(self, rank: int, least: int) -> Iterator[Gauge]:
        gauges = self.fuse.gauges.values() if self._suspects is None else self._suspects[rank]
        for gauge in gauges:
            if self.standing(gauge) is Standing.LIVING and self.vote(gauge, rank) >= least:
                yield gauge

    def supporters(self, rank: int, least: int = DOUBTED) -> tuple[str, ...]:
        """The stations that satisfy ``rank``; with TRUE only those on good readings."""
        return tuple(gauge.station_id for gauge in self._supporting(rank, least))

    def worst(self) -> int:
        """The worst level that is true now, raw; 0 for none."""
        for rank in self.fuse.ranks:
            missing = self.count
            for _ in self._supporting(rank, DOUBTED):
                missing -= 1
                if missing == 0:
                    return rank
        return 0

    def eased(self, rank: int) -> int:
        """Whether the level's condition still holds with deadband: what stepping down needs to be FALSE."""
        governing = self.fuse.governing(rank)
        holding = open_ = living = 0
        for gauge in self.fuse.gauges.values():
            standing = self.standing(gauge)
            if standing is Standing.LIVING:
                living += 1
                verdict = gauge.truth(self.series, governing, self.t, eased=True)
                holds = verdict >= DOUBTED or self.vote(gauge, governing) >= DOUBTED
                holding += holds
                open_ += verdict == UNKNOWN and not holds
                if holding >= self.count:
                    return TRUE
            else:
                open_ += standing is Standing.UNKNOWN
        blind = self._cut_off or living < self.fuse.rule.quorum.minimum
        return UNKNOWN if blind or holding + open_ >= self.count else FALSE

    def findings(self, rank: int) -> Iterator[tuple[int, Finding]]:
        """The satisfied conditions of a level, station by station, each with the level that it shows."""
        for gauge in self._supporting(rank, DOUBTED):
            yield from gauge.evidence(self.series, rank, self.t)
