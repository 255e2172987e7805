"""可信度 Whether another station near in space and time bears a level out (§5.5): the second source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.warning.fuses.book import Gauge, Nearby
from services.warning.fuses.probe import TRUE, Finding, SeriesMap


@dataclass(frozen=True)
class Witness:
    """旁证 A neighbour's reading at the next lower level or higher."""

    gauge: Gauge
    at_us: int
    rank: int

    def findings(self, series: SeriesMap) -> tuple[Finding, ...]:
        return tuple(self.gauge.findings(series, self.rank, self.at_us))


def witnesses(
    nearby: Nearby, sources: Iterable[str], series: SeriesMap, first_us: int, last_us: int
) -> tuple[Witness, ...]:
    """The neighbours that bear out what ``sources`` said between two instants; empty if there are too few.

    Only good readings count, and never those of the station that is to be confirmed.
    """
    start, end = first_us - nearby.within_us, last_us + nearby.within_us
    for source in sources:
        found = [
            witness
            for gauge in nearby.gauges.get(source, ())
            if (witness := _first_witness(gauge, nearby.next_lower, series, start, end)) is not None
        ]
        if len(found) >= nearby.count:
            found.sort(key=lambda witness: (witness.at_us, witness.gauge.station_id))
            return tuple(found[: nearby.count])
    return ()


def _first_witness(gauge: Gauge, least: int, series: SeriesMap, start: int, end: int) -> Witness | None:
    if not gauge.could_be_true(series, start, end):
        return None
    times = sorted({t for key in gauge.keys if key in series for t in series[key].times(start - 1, end)})
    for t in times:
        rank = gauge.rank_at(series, t, TRUE, floor=least - 1)
        if rank:
            return Witness(gauge, t, rank)
    return None
