"""回放记录 A hand-made storm through `fengsui replay`, every record written out; the same bytes twice; bad tables."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.warning.replay.service import run_replay

RULES = """\
- id: rainstorm
  title: {zh: 暴雨, en: Rainstorm}
  hazard: 11B03
  source: 演示数据
  per: township
  metric: rain_mm
  levels:
    orange: [{sum: 30min, at_least: 50}]
    red:    [{sum: 30min, at_least: 100}]
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  deadband: 10%
  hold: 20min
  latch: red
- id: river
  title: {zh: 河道, en: River}
  hazard: 11B03
  source: 演示数据
  per: station
  metric: stage_m
  levels:
    red: [{value: latest, at_least: station.stage_guarantee_m}]
  deadband: 0.2
  hold: 10min
"""
FILES = {
    "district.yaml": (
        'code: "500114"\nname: {zh: 演示区, en: Demo}\ntimezone: Asia/Shanghai\n'
        "sender: demo@example.org\nstatus: Exercise\nmax_lateness: 7d\n"
    ),
    "regions.csv": (
        "code,name,parent,level,lat,lon,population,downstream\n"
        "500114,演示区,,district,,,,\n500114112,甲镇,500114,township,,,,\n"
    ),
    "stations.csv": (
        "station_id,name,category,region,lat,lon,metrics,interval_s,report_s,serves,upstream_of,"
        "datum_offset_m,stage_warning_m,stage_guarantee_m,mobile,source\n"
        "A,甲一,rain,500114112,29.30,108.80,rain_mm,600,,,,,,,,演示数据\n"
        "B,甲二,rain,500114112,29.31,108.81,rain_mm,600,,,,,,,,演示数据\n"
        "S,甲河,stage,500114112,29.30,108.80,stage_m,600,,,,,98,100,,演示数据\n"
    ),
    "metrics.csv": (
        "name,unit,kind,minimum,maximum,max_change_per_min\nrain_mm,mm,interval,0,200,\nstage_m,m,level,0,200,0.5\n"
    ),
    "fuses/rules.yaml": RULES,
}
STORM = """\
station_id,metric,value,observed_at,received_at
A,rain_mm,30,2026-06-28T10:00:00Z,2026-06-28T10:01:00Z
B,rain_mm,0,2026-06-28T10:00:00Z,2026-06-28T10:01:00Z
A,rain_mm,75,2026-06-28T10:10:00Z,2026-06-28T10:11:00Z
B,rain_mm,0,2026-06-28T10:10:00Z,2026-06-28T10:11:00Z
S,stage_m,99.5,2026-06-28T10:10:00Z,
S,stage_m,100.5,2026-06-28T10:20:00Z,
A,rain_mm,0,2026-06-28T10:20:00Z,2026-06-28T10:21:00Z
B,rain_mm,55,2026-06-28T10:20:00Z,2026-06-28T10:21:00Z
S,stage_m,99.9,2026-06-28T10:30:00Z,
S,stage_m,99.7,2026-06-28T10:40:00Z,
S,stage_m,99.7,2026-06-28T10:50:00Z,
A,rain_mm,0,2026-06-28T10:30:00Z,2026-06-28T10:31:00Z
A,rain_mm,0,2026-06-28T10:40:00Z,2026-06-28T10:41:00Z
A,rain_mm,0,2026-06-28T10:50:00Z,2026-06-28T10:51:00Z
A,rain_mm,0,2026-06-28T11:00:00Z,2026-06-28T11:01:00Z
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def replayed(folder: Path, table: str, until: datetime | None = None, as_json: bool = True) -> tuple[int, str, str]:
    (folder / "READINGS.csv").write_text(table, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    code = run_replay(folder, folder / "READINGS.csv", until, as_json, out, err)
    return code, out.getvalue(), err.getvalue()


def rain(n: int, **fields: Any) -> dict[str, Any]:
    return record("rainstorm", "500114112", n, **fields)


def record(fuse: str, scope: str, n: int, **fields: Any) -> dict[str, Any]:
    """A record of the first trip with the fields that most records share; ``at`` is when it happened and was known."""
    at = fields.pop("at", None)
    due = fields.pop("timer", None)
    known = f"2026-06-28T{at or due}:00Z"
    return {
        "because": [],
        "blind": False,
        "by": None,
        "district": "500114",
        "due": known if due else None,
        "evidence": [],
        "fuse": fuse,
        "id": f"{fuse}/{scope}/{n}",
        "known_at": known,
        "n": n,
        "observed_at": known,
        "realm": "x-replay",
        "refused_by": [],
        "scale": "monitoring",
        "scope": scope,
        "trip_id": f"{fuse}/{scope}/1",
        "verification": "confirmed",
        **fields,
    }


def because(level: str, statistic: str, window: str, value: float, bound: float, station: str) -> dict[str, Any]:
    return {
        "level": level, "statistic": statistic, "window": window, "value": value, "bound": bound, "station": station,
    }  # fmt: skip


LATCH = [{"kind": "latch", "fuse": "rainstorm", "scope": "500114112"}]
EXPECTED = [
    # A has 105 mm in half an hour, nobody bears it out: red unconfirmed, orange sure
    rain(
        1, at="10:11", observed_at="2026-06-28T10:10:00Z", reason="threshold", **{"from": "normal"}, to="red",
        condition="red", confirmed_level="orange", verification="unconfirmed",
        because=[because("red", "sum", "30min", 105.0, 100.0, "A")], evidence=[1, 3],
    ),
    # five minutes later nobody has looked
    rain(
        2, timer="10:16", reason="unverified", **{"from": "red"}, to="red", condition="red", confirmed_level="orange",
        verification="unverified",
    ),
    record(
        "river", "S", 1, at="10:20", reason="threshold", **{"from": "normal"}, to="red", condition="red",
        confirmed_level="red", because=[because("red", "value", "latest", 100.5, 100.0, "S")], evidence=[6],
    ),
    # B reaches orange: the second source
    rain(
        3, at="10:21", observed_at="2026-06-28T10:20:00Z", reason="confirmed", **{"from": "red"}, to="red",
        condition="red", confirmed_level="red", because=[because("orange", "sum", "30min", 55.0, 50.0, "B")],
        evidence=[2, 4, 8],
    ),
    # B is torn away with 55 mm in its last half hour: at 10:20 + 2 × 10 min
    rain(
        4, timer="10:40", reason="silence", **{"from": "red"}, to="red", condition="normal", confirmed_level="red",
        because=[because("orange", "sum", "30min", 55.0, 50.0, "B")], evidence=[2, 4, 8],
    ),
    # 99.9 is within the deadband of 100, 99.7 is not: the hold runs from 10:40
    record(
        "river", "S", 2, timer="10:50", reason="hold", **{"from": "red"}, to="normal", condition="normal",
        confirmed_level="normal",
    ),
]  # fmt: skip


def test_every_record_of_a_storm(folder: Path) -> None:
    code, out, err = replayed(folder, STORM)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    found = [json.loads(line) for line in lines]
    versions = {each["fuse"]: each.pop("rule_version") for each in found}
    silence = [each for each in found if each["fuse"] == "river" and each["known_at"] > "2026-06-28T10:50:00Z"]
    assert silence == []  # S lives until 11:10
    # with B unknown, red is never false: no hold begins, the latch is not even asked
    assert found == EXPECTED
    assert all(version.startswith("sha256:") for version in versions.values())
    assert versions["rainstorm"] != versions["river"]
    assert all(line == json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
               for line in lines)  # fmt: skip


def test_the_same_bytes_twice_and_in_any_order_of_rows(folder: Path) -> None:
    header, *rows = STORM.splitlines()
    first = replayed(folder, STORM)
    assert replayed(folder, STORM) == first
    backwards = replayed(folder, "\n".join([header, *reversed(rows)]))
    assert without_evidence(backwards[1]) == without_evidence(first[1])


def without_evidence(lines: str) -> list[dict[str, Any]]:
    """Rows are numbered anew when they stand in another order."""
    return [{**json.loads(line), "evidence": None} for line in lines.splitlines()]


def test_until_decides_how_far_timers_run(folder: Path) -> None:
    late = replayed(folder, STORM, datetime(2026, 6, 28, 11, 20, tzinfo=UTC))[1].splitlines()
    found = [json.loads(line) for line in late][len(EXPECTED) :]
    assert [(r["known_at"][11:16], r["fuse"], r["reason"], r["blind"], r["trip_id"]) for r in found] == [
        ("11:10", "river", "blind", True, None),
        ("11:20", "rainstorm", "blind", True, "rainstorm/500114112/1"),
    ]
    early = replayed(folder, STORM, datetime(2026, 6, 28, 10, 16, tzinfo=UTC))[1].splitlines()
    assert [json.loads(line) for line in early] == [
        json.loads(line) for line in replayed(folder, STORM)[1].splitlines()[:2]
    ]


def test_a_person_reads_a_line_a_record(folder: Path) -> None:
    lines = replayed(folder, STORM, as_json=False)[1].splitlines()
    assert len(lines) == len(EXPECTED)
    assert lines[0] == (
        "2026-06-28T10:11:00Z  rainstorm/500114112  #1  正常→红色  threshold  [unconfirmed, confirmed orange]  "
        "A sum 30min 105 / 100  observed 2026-06-28T10:10:00Z"
    )


GOOD = "A,rain_mm,1,2026-06-28T10:00:00Z"


@pytest.mark.parametrize(
    ("table", "line", "says"),
    [
        ("", 1, "is empty; the first line is station_id,metric,value,observed_at"),
        ("station_id,metric,value\n", 1, "column 'observed_at' is missing"),
        ("station_id,metric,value,observed_at,recieved_at\n", 1, "did you mean 'received_at'?"),
        (f"station_id,metric,value,observed_at,value\n{GOOD},2\n", 1, "column 'value' appears twice"),
        (f"station_id,metric,value,observed_at\n{GOOD}\nA,rain_mm,1\n", 3, "has 3 cells; the header has 4"),
        (f"station_id,metric,value,observed_at\n\n{GOOD.replace('A,', 'AA,')}\n", 3, "'AA' is not in stations.csv"),
        (f"station_id,metric,value,observed_at\n{GOOD.replace('rain_mm', 'rain')}\n", 2, "did you mean 'rain_mm'?"),
        (
            f"station_id,metric,value,observed_at\n{GOOD.replace('rain_mm', 'stage_m')}\n",
            2,
            "does not measure 'stage_m'",
        ),
        (f"station_id,metric,value,observed_at\n{GOOD.replace(',1,', ',one,')}\n", 2, "'one' is no number"),
        (f"station_id,metric,value,observed_at\n{GOOD.replace(',1,', ',nan,')}\n", 2, "is no finite number"),
        (
            f"station_id,metric,value,observed_at\n{GOOD.replace(',1,', ',,')}\n",
            2,
            "is empty; write a number, or quality",
        ),
        (f"station_id,metric,value,observed_at\n{GOOD.replace('Z', '')}\n", 2, "has no offset"),
        (f"station_id,metric,value,observed_at\n{GOOD.replace('T10', 'T30')}\n", 2, "is not a time"),
        (f"station_id,metric,value,observed_at,received_at\n{GOOD},soon\n", 2, "field 'received_at'"),
        (f"station_id,metric,value,observed_at,quality\n{GOOD},fine\n", 2, "'fine' is unknown; one of good"),
        (f"station_id,metric,value,observed_at,boot,seq\n{GOOD},b7,\n", 2, "boot and seq come together"),
        (f"station_id,metric,value,observed_at,boot,seq\n{GOOD},b7,0\n", 2, "it counts from 1"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_line(folder: Path, table: str, line: int, says: str) -> None:
    code, out, err = replayed(folder, table)
    assert (code, out) == (1, "")
    assert err.startswith(f"{folder / 'READINGS.csv'}:{line}: ")
    assert says in err


def test_a_table_that_is_not_there_or_not_text(folder: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run_replay(folder, folder / "none.csv", None, True, out, err) == 1
    assert "none.csv:1: cannot be read" in err.getvalue()
    (folder / "bad.csv").write_bytes(b"\xff\xfe\x00")
    assert run_replay(folder, folder / "bad.csv", None, True, out, err) == 1
    assert "bad.csv:1: is not UTF-8" in err.getvalue()


def test_a_pack_with_a_wrong_rule_is_refused_by_its_own_path(folder: Path) -> None:
    (folder / "fuses" / "rules.yaml").write_text(RULES.replace("per: township", "per: town"), encoding="utf-8")
    code, out, err = replayed(folder, STORM)
    assert (code, out) == (1, "")
    assert err.startswith(f"{folder / 'fuses' / 'rules.yaml'}:5: field 'per': 'town' is unknown")


def test_a_table_without_rows_has_no_records(folder: Path) -> None:
    assert replayed(folder, "station_id,metric,value,observed_at\n") == (0, "", "")
