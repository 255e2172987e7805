"""The warning service's realms and packs over real HTTP: a drill's own world, another version, a refused pack."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.pack.canonical import copy_definitions
from shared.pack.scaffold import scaffold
from tests.conftest import fresh_schema
from tests.support.packs import TOWNSHIP, edit, loaded, write_pack
from tests.support.warning import Bench, soon, storm, warning_bench

TRIP = f"rainstorm/{TOWNSHIP}/1"


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as made:
        yield made


def test_a_drill_has_its_own_world_and_clock(bench: Bench) -> None:
    body = {"name": "night", "speed": 60, "v0": "2026-06-28T03:00:00Z"}
    assert bench.post("/v1/realms", body, 201)["realm"] == "x-night"
    assert bench.post("/v1/realms", body, 409)["code"] == "refused:realm_running"
    bench.post("/v1/realms", {**body, "name": "live"}, 422)
    bench.post("/v1/realms", {**body, "name": "other"}, 403, **bench.headers("village"))
    assert [message["realm"] for message in bench.outbox("realm", "resources")] == ["x-night"]
    reading = {"metric": "rain_mm", "value": 3, "observed_at": "2026-06-28T03:00:00Z"}
    answer = bench.http.post("/v1/stations/rain-01/readings", json=reading, params={"realm": "x-night"})
    assert answer.json()["results"][0]["status"] == "stored"
    row = bench.get("/v1/stations/rain-01/readings", realm="x-night")["items"][0]
    assert row["known_at"].startswith("2026-06-28T03:")
    assert bench.get("/v1/stations/rain-01/readings")["items"] == []


def test_a_new_boot_goes_on_where_the_drill_stood(dsn: str, tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    pack, schema = loaded(folder), fresh_schema()
    with warning_bench(dsn, tmp_path, folder, pack, schema=schema, boot="one") as bench:
        bench.post("/v1/realms", {"name": "night", "speed": 60, "v0": "2026-06-28T03:00:00Z"}, 201)
        assert [body["version"] for body in bench.outbox("pack")] == [pack.version]
    stopped = (SystemClock().now()).isoformat()
    with warning_bench(dsn, tmp_path, folder, pack, schema=schema, boot="two", stopped_at=stopped) as bench:
        based = bench.outbox("realm")[-1]
        assert based["boot"] == "two"
        assert based["v0"] < "2026-06-28T04:00:00Z"
        assert len(bench.outbox("pack")) == 1


def test_another_pack_version_keeps_open_trips_on_their_rule(dsn: str, tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    pack, schema = loaded(folder), fresh_schema()
    with warning_bench(dsn, tmp_path, folder, pack, schema=schema) as bench:
        now = SystemClock().now() - timedelta(minutes=5)
        sent = storm(["rain-01", "rain-02"], now, total_mm=60.0)
        for gauge, readings in sent.items():
            bench.post(f"/v1/stations/{gauge}/readings", readings)
        before = bench.get(f"/v1/trips/{TRIP}")
        assert before["level"] == "orange"
        newer = write_pack(tmp_path / "newer")
        edit(newer, "fuses/rainstorm.yaml", "sum: 3h,  at_least: 100", "sum: 3h,  at_least: 61")
        version = loaded(newer).version
        bench.post("/v1/packs/activate", {"version": version}, 425)
        copy_definitions(newer, tmp_path / "packs", version)
        bench.post("/v1/packs/activate", {"version": version}, 403, **bench.headers("duty_officer"))
        bench.post("/v1/packs/activate", {"version": version})
        assert bench.get("/v1/realm")["pack"] == version
        more = {"metric": "rain_mm", "value": 5, "observed_at": (now + timedelta(minutes=5)).isoformat()}
        bench.post("/v1/stations/rain-01/readings", more)
        after = bench.get(f"/v1/trips/{TRIP}")
        assert after["level"] == "orange"
        assert after["records"][-1]["rule_version"] == before["records"][-1]["rule_version"]


def test_a_pack_whose_rules_cannot_be_used_is_refused(bench: Bench, tmp_path: Path) -> None:
    broken = write_pack(tmp_path / "broken")
    edit(broken, "fuses/rainstorm.yaml", "metric: rain_mm", "metric: snow_mm")
    version = loaded(broken).version
    copy_definitions(broken, tmp_path / "packs", version)
    refused = bench.post("/v1/packs/activate", {"version": version}, 422)
    assert refused["code"] == "bad_rules"
    assert "rainstorm.yaml:" in refused["detail"]
    assert bench.get("/v1/realm")["pack"] == bench.pack.version


def test_a_pack_of_another_district_is_refused_and_nothing_changes(dsn: str, tmp_path: Path) -> None:
    folder, other = write_pack(tmp_path / "pack"), write_pack(tmp_path / "other", **scaffold("999902"))
    pack, foreign, schema = loaded(folder), loaded(other), fresh_schema()
    with warning_bench(dsn, tmp_path, folder, pack, schema=schema) as bench:
        copy_definitions(other, tmp_path / "packs", foreign.version)
        refused = bench.post("/v1/packs/activate", {"version": foreign.version}, 400)
        assert (refused["code"], bench.get("/v1/realm")["pack"]) == ("other_district", pack.version)
    with warning_bench(dsn, tmp_path, other, foreign, schema=schema) as bench:  # started over the other's data
        told = soon(lambda: bench.http.get("/readyz").json()["wrong"].get("owner"))
        assert "the store holds district 999901" in told
        bench.post("/v1/packs/activate", {"version": foreign.version}, 503)
    with warning_bench(dsn, tmp_path, folder, pack, schema=schema) as bench:
        assert bench.get("/v1/realm")["pack"] == pack.version


def test_the_words_of_the_pack_are_there_for_forms(bench: Bench) -> None:
    words = bench.get("/v1/packs/active")
    assert words["district"] == bench.pack.district.code
    assert {row["code"] for row in words["regions"]} == set(bench.pack.regions)
    township = next(row for row in words["regions"] if row["level"] == "township")
    assert township["parent"] == words["district"]
    assert {row["code"]: row["name"]["zh"] for row in words["hazards"]}.keys() == bench.pack.hazards.keys()
    assert bench.http.get("/v1/packs/active", headers={"Authorization": ""}).status_code == 401
