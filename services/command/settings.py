"""运行设置 What `fengsui run` reads from the environment (contract §1); a wrong value is refused with its name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.command.databases import Databases, read_databases
from shared.realm import SPEED_MAX
from shared.settings import SettingError

SAMPLE_PACK = Path(__file__).resolve().parents[2] / "deploy" / "districts" / "qianjiang"
NO_DRILL = "none"
DRILLS = ("flood-night",)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """运行设置: ``drill`` is None when the system stands idle; ``speed`` is the drill's and the phone exchange's pace.

    ``DSN`` puts the three stores on PostgreSQL, ``SCHEMA`` leads the names of their schemas.
    ``BROKER=embedded`` takes the demo broker although Mosquitto is installed: to see what such a machine shows.
    """

    pack: Path
    data: Path
    port: int
    mqtt_port: int
    drill: str | None
    speed: float
    databases: Databases
    embedded_broker: bool = False


def read_run_settings(values: Mapping[str, str] | None = None) -> RunSettings:
    values = os.environ if values is None else values
    drill = values.get("DRILL") or DRILLS[0]
    if drill not in (*DRILLS, NO_DRILL):
        raise SettingError(f"DRILL is '{drill}'; give {', '.join(DRILLS)} or {NO_DRILL}", field="DRILL")
    kind = values.get("BROKER") or "auto"
    if kind not in ("auto", "embedded"):
        raise SettingError(f"BROKER is '{kind}'; give auto or embedded", field="BROKER")
    data = Path(values.get("DATA") or "data").expanduser().absolute()
    return RunSettings(
        databases=read_databases(data, values),
        pack=Path(values.get("PACK") or SAMPLE_PACK).expanduser().absolute(),
        data=data,
        port=_port(values, "PORT", 8000),
        mqtt_port=_port(values, "MQTT_PORT", 1883),
        drill=None if drill == NO_DRILL else drill,
        speed=_speed(values.get("SPEED") or ("1" if drill == NO_DRILL else "60")),
        embedded_broker=kind == "embedded",
    )


def _port(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise SettingError(f"{name} is '{text}'; give a port from 1 to 65535", field=name)
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= SPEED_MAX:
        raise SettingError(f"SPEED is '{text}'; give more than 0 and at most {SPEED_MAX:g}", field="SPEED")
    return speed
