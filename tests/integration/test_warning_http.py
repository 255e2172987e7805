"""The warning service over real HTTP, on both databases: a reading, a transition, an alert, a message to dispatch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from tests.support.packs import TOWNSHIP, loaded, write_pack
from tests.support.warning import Bench, storm, warning_bench

TRIP = f"rainstorm/{TOWNSHIP}/1"


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as made:
        yield made


def test_two_gauges_trip_red_confirmed_with_alert_and_message(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        answer = bench.post(f"/v1/stations/{gauge}/readings", readings)
        assert {result["status"] for result in answer["results"]} == {"stored"}
    trip = bench.get(f"/v1/trips/{TRIP}")
    assert (trip["level"], trip["confirmed_level"], trip["verification"]) == ("red", "red", "confirmed")
    fuse = bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")
    assert (fuse["level"], fuse["blind"], fuse["latched"], fuse["trip_id"]) == ("red", False, True, TRIP)
    sent = bench.outbox("transition")
    assert [body["transition"]["id"] for body in sent] == [record["id"] for record in trip["records"]]
    assert sent[-1]["alert"]["level"] == "red"
    assert sent[-1]["scope"]["kind"] == "township"
    alert = bench.get(f"/v1/alerts/{trip['alert_id']}")
    assert (alert["state"], alert["status"], alert["scope"]) == ("draft", "Exercise", "Restricted")
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        answer = bench.post(f"/v1/stations/{gauge}/readings", readings)
        assert {result["status"] for result in answer["results"]} == {"duplicate"}
    assert bench.get(f"/v1/trips/{TRIP}")["version"] == trip["version"]
    assert len(bench.outbox("transition")) == len(sent)
