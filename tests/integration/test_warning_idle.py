"""The idle scenario on the sample pack: 101 mm as 36 back-dated readings at two gauges of 濯水, over real MQTT."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from services.warning.alerts import cap
from shared.clock import SystemClock
from tests.integration.test_warning_mqtt import Station, broker, connected, station
from tests.support.packs import loaded, sample_pack_dir
from tests.support.warning import Bench, Broker, soon, storm, warning_bench

__all__ = ["broker", "station"]  # fixtures of the module that knows the broker

pytestmark = pytest.mark.real
GAUGES = ("rain-zs-01", "rain-zs-02")
ZHUOSHUI = "500114112"
TRIP = f"rainstorm/{ZHUOSHUI}/1"


@pytest.fixture
def idle(dsn: str, tmp_path: Path, broker: Broker) -> Iterator[Bench]:
    folder = sample_pack_dir()
    with warning_bench(dsn, tmp_path, folder, loaded(folder), mqtt_host="127.0.0.1", mqtt_port=broker.port) as made:
        connected(made)
        yield made


def test_two_gauges_make_one_confirmed_red(idle: Bench, station: Station) -> None:
    sent = storm(GAUGES, SystemClock().now() - timedelta(seconds=1))
    for gauge, readings in sent.items():
        station.send(f"fengsui/500114/{gauge}/readings", readings)
    trip = soon(lambda: _red(idle))
    assert (trip["level"], trip["confirmed_level"], trip["verification"]) == ("red", "red", "confirmed")
    evidence = next(record for record in trip["records"] if record["to"] == "red")["evidence"]
    assert len(evidence) >= 36
    messages = _told(idle)
    assert [body["transition"]["n"] for body in messages] == list(range(1, len(messages) + 1))
    assert messages[-1]["scope"] == {
        "id": ZHUOSHUI,
        "kind": "township",
        "region": ZHUOSHUI,
        "name": "濯水镇",
        "industry": None,
    }
    (alert,) = [alert for alert in idle.get("/v1/alerts")["items"] if TRIP in alert["trip_ids"]]
    assert (alert["state"], alert["level"], alert["area"]["codes"]) == ("draft", "red", [ZHUOSHUI])
    xml = idle.http.get(f"/v1/alerts/{alert['alert_id']}.xml").content
    schema = etree.XMLSchema(etree.parse(str(Path(cap.__file__).with_name("CAP-v1.2.xsd"))))
    schema.assertValid(etree.fromstring(xml))
    assert idle.events("alarm.cap_invalid") == []
    before = len(messages)
    for gauge, readings in sent.items():
        station.send(f"fengsui/500114/{gauge}/readings", readings)
    station.send(f"fengsui/500114/{GAUGES[0]}/readings", {**sent[GAUGES[0]][0], "boot": "b2", "seq": 1})
    soon(lambda: station.receipt(GAUGES[0], "fengsui/500114").get("boot") == "b2")
    assert len(_told(idle)) == before
    assert [trip["trip_id"] for trip in idle.get("/v1/trips")["items"]].count(TRIP) == 1
    assert [topic for topic in station.topics if "/alerts/" in topic] == []


def test_one_gauge_alone_is_unconfirmed_then_a_second_source_confirms(
    idle: Bench,
    station: Station,
) -> None:
    sent = storm(GAUGES, SystemClock().now() - timedelta(seconds=1))
    station.send(f"fengsui/500114/{GAUGES[0]}/readings", sent[GAUGES[0]])
    alone = soon(lambda: _trip(idle))
    assert (alone["level"], alone["verification"], alone["confirmed_level"]) == ("red", "unconfirmed", "orange")
    assert _told(idle)[-1]["alert"]["headline"].endswith("，待核实")
    # an error of ours in between rolls back, and what is in memory is built anew from the store
    with pytest.raises(ZeroDivisionError):
        idle.app.state.frame.writer.call(lambda tx: 1 / 0)
    station.send(f"fengsui/500114/{GAUGES[1]}/readings", sent[GAUGES[1]])
    trip = soon(lambda: _red(idle))
    assert trip["records"][: len(alone["records"])] == alone["records"]
    assert trip["records"][-1]["reason"] in ("confirmed", "threshold", "quorum")


def _told(bench: Bench) -> list[dict[str, Any]]:
    """What dispatch is told of the township's rain; villages served by the two gauges trip beside it."""
    return [body for body in bench.outbox("transition") if body["trip"]["trip_id"] == TRIP]


def _trip(bench: Bench) -> dict[str, object] | None:
    answer = bench.http.get(f"/v1/trips/{TRIP}")
    return answer.json() if answer.status_code == 200 else None


def _red(bench: Bench) -> dict[str, object] | None:
    trip = _trip(bench)
    return trip if trip and trip["confirmed_level"] == "red" else None
