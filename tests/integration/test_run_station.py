"""The reference station against both brokers of `fengsui run`, with a service that is only its receipts."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from services.command.broker import (
    DEMO_USER,
    Broker,
    BrokerUsers,
    broker_users,
    find_mosquitto,
    prepare_embedded,
    prepare_mosquitto,
)
from services.command.datadir import DataDir
from services.command.run import _listens
from shared.clock import poll_until
from shared.pack.acl import SERVICES_USER
from tests.support.packs import DISTRICT, tiny_pack
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port
from tests.support.real import require_real

ROOT = f"fengsui/{DISTRICT}/rain-01"


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.real), "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Broker, BrokerUsers]]:
    data = DataDir(tmp_path / "data")
    pack = tiny_pack(tmp_path / "pack")
    users = broker_users(data, pack)
    if request.param == "mosquitto":
        binary = find_mosquitto()
        require_real(binary, "Mosquitto")
        made = prepare_mosquitto(binary or "", data, pack, users, free_port())
    else:
        made = prepare_embedded(data, users, free_port(), free_port())
    with running(made):
        yield made, users


@contextmanager
def running(broker: Broker) -> Iterator[None]:
    process = subprocess.Popen(broker.spec.command, user=broker.spec.user)
    try:
        assert poll_until(lambda: _listens(broker.port) is None or None, PATIENCE_S), "the broker does not listen"
        yield
    finally:
        process.terminate()
        process.wait(10)


class Receipts:
    """A service that stores what it gets and answers with receipts when it is told to."""

    def __init__(self, broker: Broker, users: BrokerUsers) -> None:
        self.readings: list[dict[str, Any]] = []
        self.statuses: list[str] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="service", protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.username_pw_set(SERVICES_USER, users.of(SERVICES_USER))
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe([(f"fengsui/{DISTRICT}/+/readings", 1), (f"fengsui/{DISTRICT}/+/status", 1)])
        assert self._subscribed.wait(10)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/status"):
            self.statuses.append(bytes(message.payload).decode())
        else:
            self.readings += json.loads(message.payload)

    def say(self, **receipt: Any) -> None:
        self._client.publish(f"{ROOT}/receipts", json.dumps(receipt), qos=1, retain=True).wait_for_publish(5)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def service(broker: tuple[Broker, BrokerUsers]) -> Iterator[Receipts]:
    made = Receipts(*broker)
    yield made
    made.stop()


@pytest.fixture
def make_station(broker: tuple[Broker, BrokerUsers], tmp_path: Path) -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def make(user: str = "rain-01") -> Station:
        link = Link("127.0.0.1", broker[0].port, user, broker[1].of(user), broker[0].protocol)
        station = Station(link, Place(DISTRICT, "rain-01"), Queue(tmp_path / "queue.db"))
        made.append(station)
        station.start()
        return station

    yield make
    for station in made:
        station.stop()
        station.queue.close()


def rain(*values: float) -> list[dict[str, Any]]:
    return [{"metric": "rain_mm", "value": value, "observed_at": "2026-06-28T03:05:00Z"} for value in values]


def test_a_reading_leaves_the_disk_only_when_a_receipt_names_it(
    service: Receipts, make_station: Callable[..., Station]
) -> None:
    station = make_station()
    keys = station.put(rain(1, 2, 3))
    assert poll_until(lambda: len(service.readings) == 3 or None, PATIENCE_S)
    assert station.queue.waiting() == 3  # the broker has acknowledged them; that is not storage
    boot = keys[0][0]
    service.say(boot=boot, upto=1, also=[[3, 3]], rejected=[], received_at="x")
    assert poll_until(lambda: station.queue.waiting() == 1 or None, PATIENCE_S)
    service.say(boot=boot, upto=3, also=[], rejected=[{"seq": 2, "code": "unit_mismatch"}], received_at="x")
    assert station.wait_receipted(10)
    assert station.queue.rejected() == [(boot, 2, "unit_mismatch")]


def test_what_has_no_receipt_comes_again_after_a_restart_of_the_station(
    service: Receipts, make_station: Callable[..., Station]
) -> None:
    station = make_station()
    station.put(rain(1, 2))
    assert poll_until(lambda: len(service.readings) == 2 or None, PATIENCE_S)
    station.stop()
    assert poll_until(lambda: service.statuses[-1:] == ["offline"] or None, PATIENCE_S)
    again = make_station()
    assert poll_until(lambda: len(service.readings) == 4 or None, PATIENCE_S)
    assert [body["seq"] for body in service.readings] == [1, 2, 1, 2]
    assert len({body["boot"] for body in service.readings}) == 1
    service.say(boot=again.queue.boot, upto=2, also=[], rejected=[], received_at="x")
    assert again.wait_receipted(10)
    assert service.statuses[-1] == "online"


def test_a_large_backlog_goes_out_within_the_message_limit(
    service: Receipts, make_station: Callable[..., Station]
) -> None:
    station = make_station()
    station.put(rain(*range(1500)))
    assert poll_until(lambda: len(service.readings) == 1500 or None, PATIENCE_S)
    assert [body["seq"] for body in service.readings] == list(range(1, 1501))
    service.say(boot=station.queue.boot, upto=1500, also=[], rejected=[], received_at="x")
    assert station.wait_receipted(10)


def test_a_station_that_writes_as_another_is_refused_and_told(
    broker: tuple[Broker, BrokerUsers], service: Receipts, make_station: Callable[..., Station]
) -> None:
    station = make_station("rain-02")
    station.put(rain(1))
    if broker[0].is_demo:  # has no access list; /readyz and the console say so
        assert poll_until(lambda: len(service.readings) == 1 or None, PATIENCE_S)
        return
    assert poll_until(lambda: "refused" in str(station.trouble) or None, PATIENCE_S)
    assert station.queue.waiting() == 1
    assert service.readings == []


def test_the_demo_user_speaks_for_a_station(service: Receipts, make_station: Callable[..., Station]) -> None:
    make_station(DEMO_USER).put(rain(1))
    assert poll_until(lambda: len(service.readings) == 1 or None, PATIENCE_S)
