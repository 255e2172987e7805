"""神谕: 引擎一侧 A storm as a folder and a table, given to the engine behind `fengsui replay`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from services.warning.replay.service import run_replay
from tests.property.oracle.rows import Region
from tests.property.oracle.truth import Metric, Station

DISTRICT = """\
code: "999901"
name: {zh: 演示区, en: Demo District}
timezone: Asia/Shanghai
sender: demo@example.invalid
status: Exercise
max_lateness: 7d
"""
UNITS = {"rain_mm": "mm", "stage_m": "m", "counter_mm": "mm"}


def write_pack(
    directory: Path,
    rules: Sequence[Mapping[str, Any]],
    regions: Iterable[Region],
    stations: Iterable[Station],
    metrics: Iterable[Metric],
) -> None:
    """The least that replay needs: ``district.yaml regions.csv stations.csv metrics.csv fuses/``."""
    (directory / "fuses").mkdir(parents=True, exist_ok=True)
    (directory / "district.yaml").write_text(DISTRICT, encoding="utf-8")
    # through JSON, so that shared lists do not become YAML anchors
    plain = json.loads(json.dumps(list(rules)))
    (directory / "fuses" / "rules.yaml").write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    _table(
        directory / "regions.csv",
        [["code", "name", "parent", "level", "lat", "lon", "population", "downstream"]],
        ([r.code, r.code, r.parent or "", r.level, "", "", "", ""] for r in regions),
    )
    columns = (
        "station_id,name,category,region,lat,lon,metrics,interval_s,report_s,serves,upstream_of,"
        "datum_offset_m,stage_warning_m,stage_guarantee_m,mobile"
    )
    _table(
        directory / "stations.csv",
        [columns.split(",")],
        (
            (
                *(s.station_id, s.station_id, "gauge", s.region, s.lat, s.lon, ";".join(s.metrics)),
                *(s.interval_s, s.report_s, ";".join(s.serves), "", ""),
                *(_cell(s, "stage_warning_m"), _cell(s, "stage_guarantee_m"), ""),
            )
            for s in stations
        ),
    )
    _table(
        directory / "metrics.csv",
        [["name", "unit", "kind", "minimum", "maximum", "max_change_per_min"]],
        ((m.name, UNITS[m.name], m.kind, *map(_number, (m.minimum, m.maximum, m.max_change_per_min))) for m in metrics),
    )


def _cell(station: Station, name: str) -> str:
    return (station.columns or {}).get(name, "")


def _number(value: Fraction | None) -> str:
    return "" if value is None else str(float(value))


def _table(path: Path, head: list[list[str]], rows: Iterable[Sequence[Any]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([*head, *rows])
    path.write_text(out.getvalue(), encoding="utf-8")


def engine_records(
    directory: Path,
    rules: Sequence[Mapping[str, Any]],
    regions: Iterable[Region],
    stations: Iterable[Station],
    metrics: Iterable[Metric],
    rows: Sequence[Mapping[str, Any]],
    until: str | None,
) -> list[dict[str, Any]]:
    """What `fengsui replay --json` prints; fails with its refusals."""
    write_pack(directory, rules, regions, stations, metrics)
    names = ["station_id", "metric", "value", "observed_at", "received_at", "quality"]
    _table(directory / "READINGS.csv", [names], ([row[name] for name in names] for row in rows))
    out, err = io.StringIO(), io.StringIO()
    end = None if until is None else datetime.fromisoformat(until.replace("Z", "+00:00"))
    code = run_replay(directory, directory / "READINGS.csv", end, True, out, err)
    assert code == 0, err.getvalue()
    return [json.loads(text) for text in out.getvalue().splitlines()]
