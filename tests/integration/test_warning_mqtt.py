"""Real Mosquitto: PUBACK and receipts after commit, redelivery, duplicates, a killed broker, a killed service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from shared.clock import SystemClock
from tests.conftest import fresh_schema
from tests.support.packs import DISTRICT, TOWNSHIP, loaded, write_pack
from tests.support.real import mosquitto, require_real
from tests.support.warning import Bench, Broker, soon, storm, warning_bench

pytestmark = pytest.mark.real
TRIP = f"rainstorm/{TOWNSHIP}/1"


class Station:
    """A station's side: publishes, and keeps the last receipt of each topic."""

    def __init__(self, broker: Broker) -> None:
        self.receipts: dict[str, list[dict[str, Any]]] = {}
        self.topics: set[str] = set()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="test-station")
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        soon(self.client.is_connected)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        self.topics.add(message.topic)
        if message.topic.endswith("/receipts"):
            self.receipts.setdefault(message.topic, []).append(json.loads(message.payload))

    def send(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        info = self.client.publish(topic, raw, qos=1, retain=retain)
        info.wait_for_publish(10)
        assert info.is_published()

    def receipt(self, station: str, prefix: str = f"fengsui/{DISTRICT}") -> dict[str, Any]:
        got = self.receipts.get(f"{prefix}/{station}/receipts")
        return got[-1] if got else {}

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    binary = mosquitto()
    require_real(binary, "Mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Broker(str(binary), folder)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def station(broker: Broker) -> Iterator[Station]:
    made = Station(broker)
    yield made
    made.stop()


@pytest.fixture
def bench(dsn: str, tmp_path: Path, broker: Broker) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder), mqtt_host="127.0.0.1", mqtt_port=broker.port) as made:
        connected(made)
        yield made


def connected(bench: Bench) -> None:
    """Only then does the broker keep what comes for the service; stations send again until their receipt."""
    soon(lambda: bench.http.get("/readyz").status_code == 200)


def readings_topic(gauge: str) -> str:
    return f"fengsui/{DISTRICT}/{gauge}/readings"


def test_two_arrays_a_receipt_each_and_again_changes_nothing(bench: Bench, station: Station) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    sent = storm(["rain-01", "rain-02"], now)
    for gauge, readings in sent.items():
        station.send(readings_topic(gauge), readings)
    trip = soon(lambda: _red(bench))
    assert trip["verification"] == "confirmed"
    for gauge in sent:
        receipt = soon(lambda gauge=gauge: station.receipt(gauge))
        assert (receipt["boot"], receipt["upto"], receipt["also"], receipt["rejected"]) == ("b1", 36, [], [])
    for gauge, readings in sent.items():
        station.send(readings_topic(gauge), readings)
    station.send(readings_topic("rain-01"), {**sent["rain-01"][0], "seq": 40})
    soon(lambda: station.receipt("rain-01").get("also") == [[40, 40]])
    assert bench.get(f"/v1/trips/{TRIP}")["version"] == trip["version"]
    rows = bench.get("/v1/stations/rain-01/readings", limit=100)["items"]
    assert len(rows) == 36


def test_bad_input_is_a_dead_letter_by_code_and_the_receipt_names_it(bench: Bench, station: Station) -> None:
    at = (SystemClock().now() - timedelta(minutes=1)).isoformat()
    good = {"metric": "rain_mm", "value": 0.2, "observed_at": at, "boot": "b1", "seq": 1}
    station.send(readings_topic("rain-01"), b"{broken")
    station.send(readings_topic("rain-99"), good)
    station.send(readings_topic("rain-01"), b"[" + b" " * 100_000 + b"]")
    station.send(readings_topic("rain-01"), [good, {**good, "seq": 2, "unit": "inch"}, {**good, "seq": 3, "value": 1}])
    station.send(f"fengsui/{DISTRICT}/rain-01/sl651", b"7E7E")
    station.send(f"fengsui-x/{DISTRICT}/nowhere/rain-01/readings", good)
    station.send(f"fengsui/{DISTRICT}/rain-01/status", b'{"skip":[4,9],"boot":"b1"}')
    receipt = soon(lambda: station.receipt("rain-01") if station.receipt("rain-01").get("upto") == 9 else None)
    assert receipt["rejected"] == [{"seq": 2, "code": "unit_mismatch"}]
    codes = {item["code"] for item in bench.get("/v1/dead-letters")["items"]}
    assert codes == {"not_json", "unknown_station", "too_large", "unit_mismatch", "sl651_not_yet", "unknown_realm"}
    assert len(bench.events("dead_letter")) == 6
    rows = bench.get("/v1/stations/rain-01/readings")["items"]
    assert [(row["value"], row["fate"]) for row in rows] == [(1.0, "revision"), (0.2, "new")]


def test_a_killed_broker_is_seen_heals_and_loses_nothing(bench: Bench, station: Station, broker: Broker) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    sent = storm(["rain-01", "rain-02"], now)
    station.send(readings_topic("rain-01"), sent["rain-01"])
    soon(lambda: station.receipt("rain-01"))
    assert bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")["blind"] is False
    broker.kill()
    wrong = soon(lambda: bench.http.get("/readyz").json()["wrong"].get("broker"))
    assert "127.0.0.1" in wrong
    soon(lambda: bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")["blind"])
    broker.start()
    soon(station.client.is_connected)
    station.send(readings_topic("rain-02"), sent["rain-02"])
    assert soon(lambda: _red(bench, confirmed=True))
    assert soon(lambda: _reasons(bench).count("blind") == 2)  # on and off
    soon(lambda: bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")["blind"] is False)
    soon(lambda: station.receipt("rain-02").get("upto") == 36)
    assert bench.http.get("/readyz").status_code == 200


def test_what_comes_while_the_service_is_down_is_applied_once(
    dsn: str, tmp_path: Path, broker: Broker, station: Station
) -> None:
    folder = write_pack(tmp_path / "pack")
    settings = {"mqtt_host": "127.0.0.1", "mqtt_port": broker.port, "schema": fresh_schema()}
    sent = storm(["rain-01", "rain-02"], SystemClock().now() - timedelta(seconds=1))
    with warning_bench(dsn, tmp_path, folder, loaded(folder), **settings) as bench:
        connected(bench)
        station.send(readings_topic("rain-01"), sent["rain-01"])
        soon(lambda: station.receipt("rain-01"))
        before = bench.get(f"/v1/trips/{TRIP}")
        assert (before["level"], before["verification"]) == ("red", "unconfirmed")
    station.send(readings_topic("rain-02"), sent["rain-02"])
    with warning_bench(dsn, tmp_path, folder, loaded(folder), **settings) as bench:
        after = soon(lambda: _red(bench, confirmed=True))
        assert after["records"][: len(before["records"])] == before["records"]
        soon(lambda: station.receipt("rain-02").get("upto") == 36)
        assert len(bench.get("/v1/stations/rain-02/readings")["items"]) == 36
        assert len(bench.get("/v1/trips")["items"]) == 1


def _reasons(bench: Bench) -> list[str]:
    return [record["reason"] for record in bench.get(f"/v1/trips/{TRIP}")["records"]]


def _red(bench: Bench, *, confirmed: bool = True) -> dict[str, Any] | None:
    answer = bench.http.get(f"/v1/trips/{TRIP}")
    if answer.status_code != 200:
        return None
    trip: dict[str, Any] = answer.json()
    wanted = "red" if confirmed else "normal"
    return trip if trip["level"] == "red" and trip["confirmed_level"] in (wanted, "red") else None
