"""演练 Begins a drill at warning, or goes on with the one that DATA holds; an ended one gets a new realm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from deploy.demo.flood_night import END_MIN, START
from services.command.environment import Wiring
from shared.errors import FengsuiError
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


def start_drill(wiring: Wiring, token: str, script: str, speed: float, _now: datetime) -> Drill:
    """The script's drill, begun or gone on with."""
    start, length = SCRIPTS[script]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=wiring.url("warning"), timeout=TIMEOUT_S, trust_env=False, headers=headers) as http:
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
