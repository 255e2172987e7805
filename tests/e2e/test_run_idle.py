"""`fengsui run` idle, from outside: taken ports, real MQTT with the credentials that it wrote, kill -9 and again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from shared.clock import SystemClock, poll_until
from tests.conftest import fresh_schema
from tests.support.packs import sample_pack_dir
from tests.support.ports import free_port

# One after the other: two whole systems at once leave the other tests no machine.
pytestmark = pytest.mark.xdist_group("system")

READY_S = 300.0
PORTS = 12  # more than a whole system listens on
SEEN_S = 20.0  # 2 s on a machine that is not busy with other tests
TOWNSHIP = "500114112"
DISTRICT = "500114"


@dataclass
class Running:
    """One `fengsui run` and what it wrote."""

    process: subprocess.Popen[str]
    data: Path
    log: Path

    @property
    def credentials(self) -> dict[str, Any]:
        return dict(json.loads((self.data / "credentials.json").read_text(encoding="utf-8")))

    def get(self, service: str, path: str, **query: str) -> Any:
        held = self.credentials
        answer = httpx.get(
            held["services"][service] + path,
            params=query,
            headers={"Authorization": f"Bearer {held['tokens']['duty_officer']}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def pids(self) -> dict[str, int]:
        return dict(json.loads((self.data / "pids.json").read_text(encoding="utf-8")))


@contextmanager
def running(data: Path, log: Path, port: int, mqtt_port: int, stores: Mapping[str, str]) -> Iterator[Running]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FENGSUI_")}
    environment |= {**stores, "DATA": str(data), "DRILL": "none", "PORT": str(port), "MQTT_PORT": str(mqtt_port)}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "run"],
            cwd=sample_pack_dir().parents[2],
            env=environment | {"PACK": str(sample_pack_dir()), "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    made = Running(process, data, log)
    try:
        idle = poll_until(lambda: "空闲运行" in made.said() or process.poll() is not None or None, READY_S, 0.2)
        assert idle, made.said()
        assert process.poll() is None, made.said()
        yield made
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(40)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens, with the next ones free."""
    port = free_port(PORTS)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield port


def storm(now: datetime) -> list[dict[str, Any]]:
    """101 mm as 36 back-dated five-minute readings."""
    first = now.replace(microsecond=0) - timedelta(minutes=5 * 36)
    return [
        {
            "metric": "rain_mm",
            "value": 2.85 if number < 36 else 1.25,
            "observed_at": (first + timedelta(minutes=5 * number)).isoformat().replace("+00:00", "Z"),
        }
        for number in range(1, 37)
    ]


def publish(held: dict[str, Any], station: str, readings: list[dict[str, Any]], folder: Path) -> None:
    """As a newcomer would: mosquitto_pub; without it the reference station."""
    mqtt = held["mqtt"]
    topic = f"fengsui/{DISTRICT}/{station}/readings"
    tool = shutil.which("mosquitto_pub")
    if tool is not None:
        command = [tool, "-h", mqtt["host"], "-p", str(mqtt["port"]), "-u", mqtt["username"], "-P", mqtt["password"]]
        command += ["-q", "1", "-t", topic, "-m", json.dumps(readings)]
        subprocess.run(command, check=True, timeout=20)
        return
    link = Link(mqtt["host"], mqtt["port"], mqtt["username"], mqtt["password"], mqtt["protocol"])
    client = Station(link, Place(DISTRICT, station), Queue(folder / f"{station}.db"))
    client.start()
    client.put(readings)
    assert client.wait_receipted(SEEN_S)
    client.stop()
    client.queue.close()


def red(run: Running) -> dict[str, Any] | None:
    fuse = run.get("warning", f"/v1/fuses/rainstorm/{TOWNSHIP}")
    return dict(fuse) if fuse["level"] == "red" and fuse["verification"] == "confirmed" else None


def moves(run: Running) -> list[tuple[str, str, str]]:
    """Every change of the fuse's level; that it was blind while the broker was away is no change."""
    records = run.get("warning", f"/v1/fuses/rainstorm/{TOWNSHIP}")["records"]
    return [(row["reason"], row["from"], row["to"]) for row in records if row["reason"] != "blind"]


def all_delivered(run: Running) -> bool | None:
    """Whether every service has heard all that the others had to tell."""
    boxes = [run.get(service, "/readyz")["outbox"] for service in ("warning", "dispatch", "resources")]
    return all(box["waiting"] == 0 for rows in boxes for box in rows) or None


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def stores(request: pytest.FixtureRequest) -> dict[str, str]:
    """What the environment says of the stores: nothing, or a PostgreSQL and names of its own on it."""
    if request.param == "sqlite":
        return {}
    return {"DSN": str(request.getfixturevalue("postgres_dsn")), "SCHEMA": fresh_schema()}


@pytest.mark.slow
def test_idle_red_kill_and_again(tmp_path: Path, taken: int, stores: dict[str, str]) -> None:
    data = tmp_path / "data"
    with running(data, tmp_path / "first.log", taken, taken, stores) as run:
        held = run.credentials
        assert (data / "credentials.json").stat().st_mode & 0o777 == 0o600
        assert held["mqtt"]["port"] != taken
        assert f":{taken}" not in held["console"]
        assert f"端口 {taken} 被占用" in run.said()
        assert set(held["tokens"]) >= {"duty_officer", "issuer", "commander", "village", "neighbour", "admin"}
        if not stores:  # no matter of the database
            refuse_a_second_run(data)
            log_in_once(run)

        readings = storm(SystemClock().now().astimezone(UTC))
        for station in ("rain-zs-01", "rain-zs-02"):
            publish(held, station, readings, tmp_path)
        fuse = poll_until(lambda: red(run), SEEN_S)
        assert fuse, run.get("warning", f"/v1/fuses/rainstorm/{TOWNSHIP}")
        cases = poll_until(lambda: run.get("dispatch", "/v1/callouts")["items"] or None, SEEN_S)
        assert cases is not None
        assert len(cases) == 1
        if not stores:
            kill_one_and_see_it_back(run, "resources")
        assert poll_until(lambda: all_delivered(run), READY_S)
        before = {order["order_id"]: order["state"] for order in run.get("dispatch", "/v1/orders")["items"]}
        assert "in_force" in before.values()
        assert "awaiting_signature" in before.values()
        moved = moves(run)
        trips = {trip["trip_id"] for trip in run.get("warning", "/v1/trips")["items"]}
        for pid in run.pids().values():
            os.kill(pid, signal.SIGKILL)
        run.process.wait(10)

    assert (data / "warning.db").exists() is (not stores)
    with running(data, tmp_path / "second.log", taken, taken, stores) as run:
        assert red(run)
        assert {trip["trip_id"] for trip in run.get("warning", "/v1/trips")["items"]} == trips
        assert {order["order_id"] for order in run.get("dispatch", "/v1/orders")["items"]} == set(before)
        assert len(run.get("dispatch", "/v1/callouts")["items"]) == 1
        publish(run.credentials, "rain-zs-01", readings, tmp_path)  # again: nothing changes
        publish(run.credentials, "rain-zs-03", readings[-1:], tmp_path)  # and one more behind them, to know when
        assert poll_until(lambda: run.get("warning", "/v1/stations/rain-zs-03/readings")["items"] or None, SEEN_S)
        assert moves(run) == moved
    assert run.process.returncode == 0, run.said()
    assert "已停止" in run.said()


def refuse_a_second_run(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services", "run"],
        cwd=sample_pack_dir().parents[2],
        env={**os.environ, "DATA": str(data), "DRILL": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "lock" in done.stderr


def log_in_once(run: Running) -> None:
    """The printed link logs in once; the page is ours alone and says that it is an exercise."""
    found = re.search(r"http://\S+/login\?code=\S+", run.said())
    assert found
    with httpx.Client(timeout=20) as browser:
        first = browser.get(found[0])
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert "httponly" in first.headers["set-cookie"].lower()
        page = browser.get(run.credentials["console"] + "/")
        assert page.status_code == 200
        assert "演练" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not re.search(r"(?:src|href)=\"https?://", page.text)
        assert browser.get(found[0]).status_code == 403
    assert httpx.get(run.credentials["console"] + "/").headers["location"] == "/login"


def kill_one_and_see_it_back(run: Running, name: str) -> None:
    before = run.pids()[name]
    os.kill(before, signal.SIGKILL)
    assert poll_until(lambda: run.pids().get(name) not in (None, before) or None, SEEN_S)
    url = run.credentials["services"][name]

    def back() -> bool | None:
        try:
            return httpx.get(f"{url}/readyz", timeout=5).status_code == 200 or None
        except httpx.HTTPError:
            return None

    assert poll_until(back, READY_S)
    assert f"{name} 被信号 9 终止" in run.said()
