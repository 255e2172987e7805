"""Released alerts on a real Mosquitto: retained, signed, under the realm's own topics; ended ones are cleared."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from services.warning.alerts import store_public
from services.warning.alerts.cap import schema_12
from shared.auth.keyfile import read_private
from shared.auth.keys import canonical, public_jwk, verify
from shared.clock import SystemClock
from tests.support.alerts import RELEASED, Crew, crew, raise_red
from tests.support.packs import DISTRICT, TOWNSHIP, edit, loaded, write_pack
from tests.support.real import mosquitto, require_real
from tests.support.warning import Bench, Broker, soon, warning_bench


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


class Loudspeaker:
    """喇叭 Comes new each time, so that it hears what the broker retained and nothing else."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.heard: dict[str, bytes] = {}
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _c, _u, message: self.heard.update({message.topic: bytes(message.payload)})
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def retained(broker: Broker, count: int, topic: str = "#") -> dict[str, bytes]:
    """All alert topics that the broker keeps, once there are so many."""

    def ask() -> dict[str, bytes] | None:
        speaker = Loudspeaker(broker, topic)
        try:
            soon(lambda: len(alert_topics(speaker.heard)) >= count, 1.0 if count else 0.3)
        except AssertionError:
            return None
        finally:
            speaker.stop()
        return alert_topics(speaker.heard) or {"": b""}

    found: dict[str, bytes] = soon(ask, 15)
    return found


def alert_topics(heard: dict[str, bytes]) -> dict[str, bytes]:
    return {topic: payload for topic, payload in heard.items() if "/alerts/" in topic and payload}


def settled(bench: Bench, alert_id: str, count: int) -> Any:
    """The deliveries, once none waits."""

    def ask() -> Any:
        rows = bench.get(f"/v1/alerts/{alert_id}")["deliveries"]
        return rows if len(rows) == count and all(row["state"] != "pending" for row in rows) else None

    return soon(ask, 15)


def sign(team: Crew, alert_id: str, act: str = "publish") -> None:
    team.issuer.approve(alert_id, act=act)
    team.second.approve(alert_id, act=act)


@pytest.mark.real
def test_an_exercise_speaks_under_its_own_topics_alone(dsn: str, tmp_path: Path, broker: Broker) -> None:
    folder = write_pack(tmp_path / "pack")
    key = tmp_path / "secrets" / "alert-key.json"
    options: dict[str, Any] = {"mqtt_host": "127.0.0.1", "mqtt_port": broker.port, "alert_key": key}
    with warning_bench(dsn, tmp_path, folder, loaded(folder), **options) as bench:
        team = crew(bench)
        soon(lambda: bench.http.get("/readyz").status_code == 200)
        alert_id = raise_red(bench)
        sign(team, alert_id)
        team.duty.do(alert_id, "released", RELEASED)
        base = f"fengsui-x/{DISTRICT}/live/alerts/{TOWNSHIP}/{alert_id}"
        kept = retained(broker, 2)
        assert set(kept) == {base, f"{base}/cap"}
        assert key.stat().st_mode & 0o777 == 0o600
        said = json.loads(kept[base])
        signature = said.pop("signature")
        assert verify(public_jwk(read_private(key)), canonical(said), signature["value"])
        assert (said["status"], said["state"], said["note"]) == ("Exercise", "released", "演练 EXERCISE x-live")
        xml = etree.fromstring(kept[f"{base}/cap"])
        assert schema_12().validate(xml)
        assert xml.findtext("{*}note") == "演练 EXERCISE x-live"
        assert {row["state"] for row in settled(bench, alert_id, 2)} == {"delivered"}

        sign(team, alert_id, "cancel")
        broker.stop()
        team.duty.do(alert_id, "cancel", {"reason": "演练结束", **RELEASED})
        waiting = [row for row in bench.get(f"/v1/alerts/{alert_id}")["deliveries"] if row["state"] == "pending"]
        assert {row["form"] for row in waiting} == {"empty"}
        broker.start()
        assert {row["state"] for row in settled(bench, alert_id, 4)} == {"delivered"}
        assert retained(broker, 0) == {"": b""}, "an ended alert is an empty retained message"


@pytest.mark.real
def test_actual_speaks_to_loudspeakers_and_again_after_a_restart(dsn: str, tmp_path: Path, broker: Broker) -> None:
    folder = write_pack(tmp_path / "pack")
    edit(folder, "district.yaml", "status: Exercise", "status: Actual")
    options: dict[str, Any] = {"mqtt_host": "127.0.0.1", "mqtt_port": broker.port, "schema": f"s{broker.port}"}
    with warning_bench(dsn, tmp_path, folder, loaded(folder), **options) as bench:
        bench.http.headers.update(bench.headers(realm="actual"))
        team = crew(bench, realm="actual")
        soon(lambda: bench.http.get("/readyz").status_code == 200)
        alert_id = raise_red(bench)
        assert retained(broker, 0) == {"": b""}, "a draft stands on no loudspeaker"
        sign(team, alert_id)
        assert retained(broker, 0) == {"": b""}, "an approved one neither"
        team.duty.do(alert_id, "released", RELEASED)
        base = f"fengsui/{DISTRICT}/alerts/{TOWNSHIP}/{alert_id}"
        first = retained(broker, 2)
        assert set(first) == {base, f"{base}/cap"}
    wipe = Client(CallbackAPIVersion.VERSION2)
    wipe.connect("127.0.0.1", broker.port)
    wipe.loop_start()
    for topic in first:
        wipe.publish(topic, b"", qos=1, retain=True).wait_for_publish(10)
    wipe.disconnect()
    wipe.loop_stop()
    with warning_bench(dsn, tmp_path / "again", folder, loaded(folder), **options):
        assert retained(broker, 2) == first, "a broker that lost what it retained gets it again, byte for byte"


@pytest.mark.parametrize(
    ("realm", "topic"),
    [
        ("x-live", f"fengsui/{DISTRICT}/alerts/{TOWNSHIP}/a"),
        ("x-flood", f"fengsui/{DISTRICT}/alerts/{TOWNSHIP}/a"),
        ("actual", f"fengsui-x/{DISTRICT}/live/alerts/{TOWNSHIP}/a"),
    ],
)
def test_the_store_itself_keeps_exercises_off_ordinary_topics(realm: str, topic: str, dsn: str, tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as bench:
        now = SystemClock().now()
        row = {"alert_id": "a", "publication": 1, "form": "json", "state": "pending", "attempts": 0}
        values = {"realm": realm, "topic": topic, "next_at": now, "created_at": now, **row}
        with pytest.raises(IntegrityError):
            bench.app.state.frame.writer.call(
                lambda tx: tx.conn.execute(insert(store_public.deliveries).values(values))
            )
