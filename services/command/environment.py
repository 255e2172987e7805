"""接线 Every program of a run with its settings: one place where ports, secrets and addresses meet."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.command.broker import Broker, BrokerUsers
from services.command.credentials import FILE, LINKS, SERVICES, Addresses
from services.command.datadir import DataDir
from services.command.ports import LOOPBACK
from services.command.settings import RunSettings
from services.command.supervisor import Spec
from shared.clock import Clock
from shared.pack.acl import SERVICES_USER
from shared.pack.model import Pack

CAST = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "cast.yaml"
PREFIX = "FENGSUI_"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """接线: what this run's programs are told. ``boot`` names the run, ``stopped_at`` ends the one before it."""

    settings: RunSettings
    pack: Pack
    data: DataDir
    clock: Clock
    boot: str
    stopped_at: str | None
    broker: Broker
    users: BrokerUsers
    console_port: int
    service_ports: Mapping[str, int]
    exchange_port: int

    def url(self, name: str) -> str:
        port = self.console_port if name == "console" else self.service_ports[name]
        return f"http://{LOOPBACK}:{port}"

    def addresses(self) -> Addresses:
        return Addresses(
            console=self.url("console"),
            warning=self.url("warning"),
            dispatch=self.url("dispatch"),
            resources=self.url("resources"),
            mqtt_host=LOOPBACK,
            mqtt_port=self.broker.port,
            mqtt_protocol=self.broker.protocol,
        )

    def specs(self) -> list[Spec]:
        """All but warning, in the order in which they start."""
        specs = [self._service("dispatch"), self._service("resources"), self._console()]
        return [self._exchange(), *specs] if self.pack.district.is_exercise else specs

    def warning_spec(self) -> Spec:
        """Warning comes last: with it the drills' clocks run again, and by then everybody must be there."""
        return self._service("warning")

    def demo_specs(self, drill: str) -> list[Spec]:
        """The drill's stations and its people."""
        return demo_specs(self.data.root, self.settings.pack, drill)

    def _common(self) -> dict[str, str]:
        env = {"DISTRICT": self.pack.district.code, "PACKS": str(self.data.packs), "PACK": self.pack.version}
        env |= {f"{name.upper()}_URL": self.url(name) for name in SERVICES}
        env |= {"BOOT": self.boot, "HOST": LOOPBACK} | ({"STOPPED_AT": self.stopped_at} if self.stopped_at else {})
        return env

    def _service(self, name: str) -> Spec:
        env = self._common() | {
            **self.settings.databases.settings_of(name),
            "PORT": str(self.service_ports[name]),
            "CLIENT_SECRET": self.data.secret(f"service-{name}"),
            "JWKS_CACHE": str(self.data.secrets / f"jwks-{name}.json"),
        }
        if name == "warning":
            env |= self._mqtt()
        if name == "dispatch":
            env |= {
                "KEY_FILE": str(self.data.secrets / "token-key.json"),
                "ACCOUNTS": str(self.data.secrets / "accounts.json"),
                "CALLBACK_URL": self.url("dispatch"),
            }
            if self.pack.district.is_exercise:
                env |= {
                    "SIMULATOR_URL": f"http://{LOOPBACK}:{self.exchange_port}",
                    "SIMULATOR_SECRET": self.data.secret("exchange"),
                }
        return _spec(name, env)

    def _mqtt(self) -> dict[str, str]:
        return {
            "MQTT_HOST": LOOPBACK,
            "MQTT_PORT": str(self.broker.port),
            "MQTT_USER": SERVICES_USER,
            "MQTT_PASSWORD": self.users.of(SERVICES_USER),
            "ALERT_KEY": str(self.data.secrets / "alert-key.json"),
            "MQTT_DEMO": "1" if self.broker.is_demo else "",
        }

    def _console(self) -> Spec:
        env = self._common() | {"PORT": str(self.console_port)}
        if self.pack.district.is_exercise:
            env["LOGIN_LINKS"] = str(self.data.secrets / LINKS)
        return _spec("console", env)

    def _exchange(self) -> Spec:
        command = [sys.executable, "-m", "deploy.demo.exchange", "--port", str(self.exchange_port)]
        command += ["--speed", f"{self.settings.speed:g}"]
        command += ["--cast", str(CAST), "--roster", str(self.settings.pack / "roster.csv")]
        return Spec(name="exchange", command=command, env={"EXCHANGE_SECRET": self.data.secret("exchange")})


PLAY = ("nice", "-n", "10", sys.executable, "-m")  # who plays the night stands back for the system and its users


def demo_specs(data: Path, pack: Path, drill: str) -> list[Spec]:
    """The stations of a drill, with their queues in DATA/player, and the people who act in it."""
    about = ["--drill", drill, "--pack", str(pack), "--credentials", str(data / FILE)]
    player = [*PLAY, "deploy.demo.player", *about, "--queues", str(data / "player" / drill)]
    officers = [*PLAY, "deploy.demo.officers", *about]
    return [Spec(name="player", command=player), Spec(name="officers", command=officers)]


def _spec(name: str, env: Mapping[str, str]) -> Spec:
    command = [sys.executable, "-m", "services", "serve", name]
    return Spec(name=name, command=command, env={f"{PREFIX}{key}": value for key, value in env.items()})
