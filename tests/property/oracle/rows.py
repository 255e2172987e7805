"""神谕: 输入 The naive oracle's inputs: scopes and their stations (§4), rows to batches (§2, §5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tests.property.oracle.truth import Metric, Reading, Station, assess, instant, number

TOWNSHIP_LIKE = ("township", "street", "park")


@dataclass(frozen=True)
class Region:
    code: str
    parent: str | None
    level: str


def scopes_of(
    rule: Mapping[str, Any], regions: Mapping[str, Region], stations: Mapping[str, Station]
) -> dict[str, tuple[str, ...]]:
    """Scope and its stations: "those that `serves` it, else those in its region"."""
    able = [name for name, station in stations.items() if rule["metric"] in station.metrics]
    if rule["per"] == "station":
        return {name: (name,) for name in able}
    levels = TOWNSHIP_LIKE if rule["per"] == "township" else (rule["per"],)

    def chain(code: str | None) -> Iterator[str]:
        while code:
            yield code
            code = regions[code].parent

    found = {}
    for region in regions.values():
        if region.level in levels:
            serving = [name for name in able if region.code in stations[name].serves]
            inside = [name for name in able if region.code in chain(stations[name].region)]
            found[region.code] = tuple(sorted(serving or inside))
    return found


def read_rows(
    rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, Metric], until: datetime | None, max_lateness: timedelta
) -> list[tuple[datetime, list[Reading]]]:
    """The batches: by known time; inside by observed_at, station, metric, row; validated in that order (§2)."""
    raw = []
    for row, cells in enumerate(rows, 1):  # "row counted from 1 after the header"
        at = instant(cells["observed_at"])
        known = instant(cells.get("received_at") or cells["observed_at"])
        value = cells.get("value") or None
        raw.append(
            Reading(
                row,
                cells["station_id"],
                cells["metric"],
                None if value is None else number(value),
                at,
                known,
                cells.get("quality") or "good",
                at,
            )
        )
    raw.sort(key=lambda r: (r.known, r.at, r.station, r.metric, r.row))
    done: list[Reading] = []
    claims: dict[tuple[str, str, datetime], set[Any]] = {}  # by what the station claims
    for r in raw:
        if until is not None and r.known > until:
            continue
        if r.known - r.claimed > max_lateness:
            continue  # "older than `max_lateness` (7 d) is stored and moves nothing"
        told = claims.setdefault((r.station, r.metric, r.claimed), set())
        if r.value in told:
            continue  # "Same (station, metric, observed_at, value) again changes nothing; another value is a revision"
        told.add(r.value)
        done.append(assess(r, metrics[r.metric], done))
    return [(known, list(group)) for known, group in groupby(done, key=lambda r: r.known)]
