"""瞬时判定 One fuse at one instant: who is living, what each station says, what the quorum makes of it (§5.2, §5.3).

A station that satisfies a level counts for the levels below it too. A silent station whose own last usable reading
satisfied `silence.above` counts as unknown; other silent ones leave n. A blind fuse can never say *false*.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.warning.fuses.book import Fuse, Gauge
from services.warning.fuses.probe import DOUBTED, FALSE, TRUE, UNKNOWN, Finding, SeriesMap
from services.warning.fuses.state import FuseState


def high_rank(fuse: Fuse, gauge: Gauge, series: SeriesMap, at_us: int) -> int:
    """The level at or above `silence.above` that the station satisfied by itself; 0 for none."""
    return gauge.rank_at(series, at_us, floor=fuse.rule.silence.above.rank - 1)


class Scene:
    """瞬时: votes of the stations of ``fuse`` at ``t``."""

    __slots__ = ("_votes", "blind", "count", "fuse", "living", "series", "state", "t", "unknown")

    def __init__(
        self,
        fuse: Fuse,
        state: FuseState,
        series: SeriesMap,
        t: int,
        *,
        cut_off: bool = False,
        past: bool = False,  # as it would have been seen at t, not as the watch stands now
    ) -> None:
        self.fuse = fuse
        self.state = state
        self.series = series
        self.t = t
        self.count = fuse.rule.quorum.count
        self.living: list[Gauge] = []
        self.unknown = 0  # silent stations whose last word was high
        self._call_roll(past)
        self.blind = cut_off or len(self.living) < fuse.rule.quorum.minimum
        self._votes: dict[int, dict[str, int]] = {}

    def _call_roll(self, past: bool) -> None:
        t = self.t
        for name, gauge in self.fuse.gauges.items():
            watch = self.state.watch.get(name)
            if watch is None:
                continue
            if not past and t >= watch.last_us:
                last, silent = watch.last_us, watch.silent or t >= watch.until_us
            else:  # looking back: only what had been observed by then
                found = gauge.last_usable(self.series, t)
                if found is None:
                    continue
                last, silent = found, t - found >= gauge.alive_us
            if not silent:
                self.living.append(gauge)
            elif watch.silent and last == watch.last_us:
                self.unknown += watch.rank > 0
            else:
                self.unknown += high_rank(self.fuse, gauge, self.series, last) > 0

    def votes(self, rank: int) -> dict[str, int]:
        """What each living station says about ``rank`` (a defined level), higher levels included."""
        known = self._votes.get(rank)
        if known is not None:
            return known
        upper = self.fuse.above(rank)
        above = self.votes(upper) if upper != rank else {}
        blocked = self.state.blocked
        found: dict[str, int] = {}
        for gauge in self.living:
            name = gauge.station_id
            higher = above.get(name, FALSE)
            if higher == TRUE:
                found[name] = TRUE
                continue
            own = FALSE
            if (name, rank) not in blocked:
                own = gauge.truth(self.series, rank, self.t)
            found[name] = max(own, higher) if higher == DOUBTED else own
        self._votes[rank] = found
        return found

    def supporters(self, rank: int, least: int = DOUBTED) -> tuple[str, ...]:
        """The stations that satisfy ``rank``; with TRUE only those on good readings."""
        return tuple(name for name, vote in self.votes(rank).items() if vote >= least)

    def worst(self) -> int:
        """The worst level that is true now, raw; 0 for none."""
        for rank in self.fuse.ranks:
            if len(self.supporters(rank)) >= self.count:
                return rank
        return 0

    def eased(self, rank: int) -> int:
        """Whether the level's condition still holds with deadband: what stepping down needs to be FALSE."""
        governing = self.fuse.governing(rank)
        verdicts = [gauge.truth(self.series, governing, self.t, eased=True) for gauge in self.living]
        holding = sum(verdict >= DOUBTED for verdict in verdicts)
        if holding >= self.count:
            return TRUE
        open_ = sum(verdict == UNKNOWN for verdict in verdicts) + self.unknown
        return UNKNOWN if self.blind or holding + open_ >= self.count else FALSE

    def findings(self, rank: int) -> Iterator[Finding]:
        """The satisfied conditions of a level, station by station."""
        names = self.supporters(rank)
        for gauge in self.living:
            if gauge.station_id in names:
                yield from gauge.findings(self.series, rank, self.t)
