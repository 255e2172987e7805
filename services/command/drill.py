"""演练 Begins a drill at warning, or goes on with the one that DATA holds; an ended one gets a new realm."""

from __future__ import annotations

import signal
import subprocess
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from deploy.demo.flood_night import END_MIN, START
from services.command.access import Access
from services.command.environment import player_spec
from services.command.supervisor import STOP_S, leashed
from services.command.terminal import Terminal
from services.command.timeline import Follower
from shared.clock import Clock
from shared.errors import FengsuiError
from shared.pack.canonical import open_version, version_folder
from shared.pack.model import Pack
from shared.realm import format_time, parse_time

TIMEOUT_S = 10.0
NAMES_MAX = 1000
SCRIPTS = {"flood-night": (START, timedelta(minutes=END_MIN))}


class DrillRefused(FengsuiError):
    """演练未能开始"""

    code = "drill_refused"


@dataclass(frozen=True)
class Drill:
    """演练: ``name`` without the realm's ``x-``; ``resumed`` where DATA already held it."""

    name: str
    speed: float
    resumed: bool = False

    @property
    def realm(self) -> str:
        return f"x-{self.name}"


def start_drill(access: Access, script: str, speed: float) -> Drill:
    """The script's drill, begun or gone on with."""
    start, length = SCRIPTS[script]
    headers = {"Authorization": f"Bearer {access.token('admin')}"}
    with httpx.Client(base_url=access.url("warning"), timeout=TIMEOUT_S, trust_env=False, headers=headers) as http:
        there = {row["realm"]: row for row in _json(http.get("/v1/realm"))["realms"]}
        name = next(name for name in _names(script) if not _is_over(there.get(f"x-{name}"), start + length))
        row = there.get(f"x-{name}")
        if row is not None:
            return Drill(name, float(row["speed"]), resumed=True)
        _json(http.post("/v1/realms", json={"name": name, "speed": speed, "v0": format_time(start)}))
    return Drill(name, speed)


def _names(script: str) -> list[str]:
    return [script, *(f"{script}-{number}" for number in range(2, NAMES_MAX))]


def _is_over(row: Any, end: datetime) -> bool:
    return row is not None and row["now"] is not None and parse_time(row["now"]) >= end


def _json(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise DrillRefused(
            f"warning refuses the drill: {answer.status_code} {answer.text[:300]}",
            f"预警服务拒绝开始演练：{answer.status_code} {answer.text[:300]}",
        )
    return answer.json()


def play(access: Access, script: str, speed: float, terminal: Terminal, clock: Clock) -> int:
    """``fengsui drill``: play a drill against the running system and tell its timeline, until Ctrl-C."""
    pack = _frozen_pack(access)
    drill = start_drill(access, script, speed)
    going_on = "继续 goes on" if drill.resumed else "开始 begins"
    terminal.say(f"演练 {drill.realm} {going_on}，{drill.speed:g} 倍速，均为演示数据", "made-up data; Ctrl-C stops it")
    spec = player_spec(access.data, version_folder(access.data / "packs", pack.version), drill.name)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    follower = Follower(terminal, access, pack, drill.realm, clock, fresh=not drill.resumed, tells_rain=True)
    follower.start()
    player = subprocess.Popen(  # noqa: S603 - our own program
        leashed(spec), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while not stop.wait(0.2) and player.poll() is None:
        continue
    follower.stop()
    if player.poll() is None:
        player.terminate()
        return 0 if player.wait(STOP_S) == 0 else 1
    return 1


def _frozen_pack(access: Access) -> Pack:
    """The version that the running system has in service."""
    version = _json(httpx.get(f"{access.url('warning')}/v1/realm", timeout=TIMEOUT_S, trust_env=False))["pack"]
    pack = open_version(access.data / "packs", str(version))
    if pack is None:
        raise DrillRefused(f"{access.data}: the pack in service ({version}) is not in this DATA; give its DATA")
    return pack
