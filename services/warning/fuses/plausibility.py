"""可信度 Whether another station near in space and time bears a level out (§5.5): the second source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.warning.fuses.book import Gauge, Nearby
from services.warning.fuses.probe import TRUE, Finding, SeriesMap


@dataclass(frozen=True)
class Witness:
    """旁证 A neighbour's reading at the next lower level or higher."""

    gauge: Gauge
    at_us: int
    rank: int

    def findings(self, series: SeriesMap) -> Iterator[tuple[int, Finding]]:
        """What it shows, each with its level."""
        return ((self.rank, finding) for finding in self.gauge.findings(series, self.rank, self.at_us))


def witnesses(nearby: Nearby, source: str, series: SeriesMap, t: int) -> tuple[Witness, ...]:
    """The neighbours that bear out what a station said at ``t``, the earliest first; empty if there are too few.

    Only good readings count, and never those of the station that is to be confirmed.
    """
    start, end = t - nearby.within_us, t + nearby.within_us
    found = []
    for gauge in nearby.gauges.get(source, ()):
        if gauge.could_be_true(series, start, end):
            times = {at for key in gauge.keys if key in series for at in series[key].good.times(start, end)}
            witness = first_witness(gauge, nearby, series, sorted(times))
            if witness is not None:
                found.append(witness)
    if len(found) < nearby.count:
        return ()
    found.sort(key=lambda witness: (witness.at_us, witness.gauge.station_id))
    return tuple(found[: nearby.count])


def first_witness(gauge: Gauge, nearby: Nearby, series: SeriesMap, times: Sequence[int]) -> Witness | None:
    """The first of these instants at which a neighbour's good readings show the next lower level or a higher one."""
    for at_us in times:
        rank = gauge.rank_at(series, at_us, TRUE, floor=nearby.next_lower - 1)
        if rank:
            return Witness(gauge, at_us, rank)
    return None
