"""deploy/compose.yaml without a container engine: what it sets is what is read, what it runs is there, and its very
processes with its very environment take a reading and give the receipt, on PostgreSQL and Mosquitto."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
import yaml
from typer.core import TyperGroup as Group

from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue
from services.__main__ import app as fengsui
from services.command.broker import find_mosquitto, mosquitto_config
from shared.clock import SystemClock, poll_until
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.support.packs import sample_pack_dir
from tests.support.ports import free_port
from tests.support.real import require_real

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = ("prepare", "upgrade", "warning", "dispatch", "resources", "console")
SERVERS = ("dispatch", "resources", "warning", "console")
FOREIGN = {"PGPASSFILE", "DSN"}  # libpq's own, and what `fengsui db` reads
REQUIRED = {
    "console": {"WARNING_URL", "DISPATCH_URL", "RESOURCES_URL"},
    "warning": {
        "DISTRICT",
        "DSN",
        "PACKS",
        "PACK",
        "SCHEMA",
        "CLIENT_SECRET",
        "MQTT_HOST",
        "MQTT_PASSWORD",
        "ALERT_KEY",
    },
    "dispatch": {"DISTRICT", "DSN", "PACKS", "PACK", "SCHEMA", "CLIENT_SECRET", "KEY_FILE", "ACCOUNTS", "CALLBACK_URL"},
    "resources": {"DISTRICT", "DSN", "PACKS", "PACK", "SCHEMA", "CLIENT_SECRET"},
}
READY_S = 60.0


def compose() -> dict[str, Any]:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)))


def known_settings() -> set[str]:
    """Every name that a reader of settings asks for, wherever it is."""
    found: set[str] = set()
    for folder in ("services", "shared", "console"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r'env\.(?:text|optional|path|port|number|flag)\(\s*"([A-Z_]+)"', text))
    return found | {f"{name}_URL" for name in ("WARNING", "DISPATCH", "RESOURCES", "CONSOLE")}


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in service.get("environment", {}).items()}


def test_what_is_set_is_what_is_read() -> None:
    services, known = compose()["services"], known_settings()
    assert set(services) == {*OURS, "postgres", "mosquitto"}
    for name in SERVERS:
        names = {key.removeprefix("FENGSUI_") for key in environment(services[name]) if key not in FOREIGN}
        plain = {key if key in known else key.removesuffix("_FILE") for key in names}
        assert plain <= known, (name, plain - known)
        assert REQUIRED[name] <= plain, (name, REQUIRED[name] - plain)
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    given = {line.partition("=")[0] for line in (DEPLOY / "env.example").read_text().splitlines() if "=" in line}
    assert asked == given


def test_no_secret_stands_in_it() -> None:
    for name in ("compose.yaml", "env.example", "Dockerfile", "mosquitto.conf"):
        for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if re.search(r"PASSWORD|SECRET", key):
                assert key.strip().endswith("_FILE"), line
                assert value.strip().startswith("/data/"), line


def test_what_it_runs_is_there() -> None:
    services = compose()["services"]
    program = typer.main.get_command(fengsui)
    assert isinstance(program, Group)
    for name in OURS:
        command = services[name]["command"]
        known = program.commands[command[0]]
        if isinstance(known, Group):
            assert command[1] in known.commands
        options = {word for parameter in known.params for word in parameter.opts}
        assert {word for word in command if word.startswith("--")} <= options, name
        assert services[name].get("healthcheck") or services[name]["restart"] == "no"
        assert services[name]["read_only"] is True
    assert {services[name]["command"][1] for name in SERVERS} == set(SERVERS)
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert dockerfile.index("USER 10001") < dockerfile.index("ENTRYPOINT")
    assert "--require-hashes" in dockerfile


def test_the_broker_is_configured_as_run_configures_it() -> None:
    """But for where it listens and where its files lie."""
    ours = set((DEPLOY / "mosquitto.conf").read_text(encoding="utf-8").splitlines())
    runs = set(mosquitto_config(Path("/data/broker"), 1883).splitlines())
    assert {line for line in runs - ours if not line.startswith(("#", "listener"))} == set()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_its_processes_take_a_reading_and_give_the_receipt(postgres_dsn: str, tmp_path: Path) -> None:
    mosquitto = find_mosquitto()
    require_real(mosquitto, "Mosquitto")
    data, prefix = tmp_path / "data", fresh_schema()
    ports = {name: free_port() for name in (*SERVERS, "mosquitto")}
    services = compose()["services"]

    def here(text: str) -> str:
        """Addresses between containers and paths in them, as they are on this machine."""
        for name in SERVERS:
            text = text.replace(f"http://{name}:8000", f"http://127.0.0.1:{ports[name]}")
        if text == "/pack":
            return str(sample_pack_dir())
        return text.replace("/data", str(data)) if text.startswith("/data") else text

    def env_of(name: str) -> dict[str, str]:
        env = {key: here(value) for key, value in environment(services[name]).items()}
        env = {key: value for key, value in env.items() if "SCHEMA" not in key} | {"FENGSUI_TICK_S": "0.1"}
        if name in SERVERS:
            env |= {"FENGSUI_PORT": str(ports[name]), "FENGSUI_HOST": "127.0.0.1"}
            env |= {"FENGSUI_SCHEMA": f"{prefix}_{environment(services[name]).get('FENGSUI_SCHEMA', '')}"}
        env |= {key: postgres_dsn for key in ("DSN", "FENGSUI_DSN") if key in env}
        env |= {"FENGSUI_MQTT_HOST": "127.0.0.1", "FENGSUI_MQTT_PORT": str(ports["mosquitto"])}
        return env | ({"SCHEMA": prefix} if name == "upgrade" else {})

    with ExitStack() as stack:
        for job in ("prepare", "upgrade"):
            command = [here(word) for word in services[job]["command"]]
            done = _run(command, env_of(job))
            assert done.returncode == 0, done.stderr
        assert mosquitto is not None
        stack.enter_context(_broker(mosquitto, data, ports["mosquitto"]))
        for name in SERVERS:
            stack.enter_context(_process(services[name]["command"], env_of(name), tmp_path / f"{name}.log"))
        for name in SERVERS:
            path = "/healthz" if name == "console" else "/readyz"
            url = f"http://127.0.0.1:{ports[name]}{path}"
            assert poll_until(lambda url=url: _is_up(url), READY_S), (tmp_path / f"{name}.log").read_text()[-2000:]  # type: ignore[misc]
        station = _station(data, ports["mosquitto"], tmp_path)
        now = format_time(SystemClock().now().replace(microsecond=0))
        station.put([{"metric": "rain_mm", "value": 1.2, "observed_at": now}])
        assert station.wait_receipted(READY_S)
        station.stop()
        station.queue.close()


def _run(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    whole = {**_clean(), **env}
    return subprocess.run(
        [sys.executable, "-m", "services", *command], cwd=ROOT, env=whole, capture_output=True, text=True, check=False
    )


def _clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("FENGSUI_", "PG"))}


@contextmanager
def _process(command: list[str], env: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", *command],
            cwd=ROOT,
            env={**_clean(), **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _broker(binary: str, data: Path, port: int) -> Iterator[None]:
    """The configuration of deploy/, on a port of ours and with the files that `prepare` wrote."""
    text = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace("listener 1883", f"listener {port} 127.0.0.1").replace("/data", str(data))
    config = data / "mosquitto.conf"
    config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
    broker = subprocess.Popen([binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        broker.terminate()
        broker.wait(10)


def _is_up(url: str) -> bool | None:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200 or None
    except httpx.HTTPError:
        return None


def _station(data: Path, port: int, folder: Path) -> Station:
    """A real station of the pack, with the password that `prepare` made for it alone."""
    name = "rain-zs-01"
    password = (data / "secrets" / f"mqtt-{name}").read_text(encoding="ascii").strip()
    station = Station(Link("127.0.0.1", port, name, password, 5), Place("500114", name), Queue(folder / "queue.db"))
    station.start()
    return station
