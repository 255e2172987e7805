"""神谕: 回放 What `fengsui replay` must print for these rows, by the naive oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.property.oracle.naive import Fuse, Record
from tests.property.oracle.order import run
from tests.property.oracle.rows import Region, read_rows, scopes_of
from tests.property.oracle.truth import Metric, Station, instant


def replay(
    rules: Sequence[Mapping[str, Any]],
    regions: Sequence[Region],
    stations: Sequence[Station],
    metrics: Sequence[Metric],
    rows: Sequence[Mapping[str, Any]],
    until: str | None = None,
    max_lateness: timedelta = timedelta(days=7),
) -> list[Record]:
    """回放 The records that §5 demands for these rows, in its order."""
    by_station = {station.station_id: station for station in stations}
    by_metric = {metric.name: metric for metric in metrics}
    by_code = {region.code: region for region in regions}
    end = instant(until) if until else None
    batches = read_rows(rows, by_metric, end, max_lateness)
    known = [instant(row.get("received_at") or row["observed_at"]) for row in rows]
    fuses = [
        Fuse(rule, scope, members, by_station, by_metric)
        for rule in sorted(rules, key=lambda rule: str(rule["id"]))
        for scope, members in sorted(scopes_of(rule, by_code, by_station).items())
    ]
    run(fuses, batches, end or max(known))
    records = [record for fuse in fuses for record in fuse.out]
    return sorted(records, key=lambda r: (r["known_at"], r["fuse"], r["scope"], r["n"]))
