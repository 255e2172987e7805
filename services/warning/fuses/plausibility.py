"""可信度 Whether another station near in space and time bears a level out (§5.5): the second source."""

from __future__ import annotations

from collections.abc import Collection
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
    nearby: Nearby, sources: Collection[str], series: SeriesMap, first_us: int, last_us: int, quorum: int
) -> tuple[Witness, ...]:
    """The neighbours that bear out what ``sources`` said between two instants; empty if there are too few.

    As many sources as the quorum asks for must be borne out, each by `neighbours` other stations. Only good readings
    count, and never those of the station that is to be confirmed.
    """
    start, end = first_us - nearby.within_us, last_us + nearby.within_us
    borne_out: list[list[Witness]] = []
    for source in sources:
        found = [
            witness
            for gauge in nearby.gauges.get(source, ())
            if (witness := _first_witness(gauge, nearby.next_lower, series, start, end)) is not None
        ]
        if len(found) >= nearby.count:
            borne_out.append(sorted(found, key=_earliest)[: nearby.count])
    needed = min(quorum, len(sources))
    if not needed or len(borne_out) < needed:
        return ()
    borne_out.sort(key=lambda found: _earliest(found[-1]))
    named = {witness.gauge.station_id: witness for found in borne_out[:needed] for witness in found}
    return tuple(sorted(named.values(), key=_earliest))


def _earliest(witness: Witness) -> tuple[int, str]:
    return (witness.at_us, witness.gauge.station_id)


def _first_witness(gauge: Gauge, least: int, series: SeriesMap, start: int, end: int) -> Witness | None:
    if not gauge.could_be_true(series, start, end):
        return None
    times = sorted({t for key in gauge.keys if key in series for t in series[key].times(start - 1, end)})
    for t in times:
        rank = gauge.rank_at(series, t, TRUE, floor=least - 1)
        if rank:
            return Witness(gauge, t, rank)
    return None
