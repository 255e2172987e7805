"""设置 What dispatch needs beside the common settings, read once from the environment (``FENGSUI_*``).

KEY_FILE          the key that signs tokens; made where there is none
ACCOUNTS          the supervisor's accounts file (0600), read at each start
SIMULATOR_URL     the phone exchange that exercises ring, on loopback; SIMULATOR_SECRET signs its receipts
CARRIERS          JSON list of real carriers: [{"name", "url", "secret", "channels"}]
CALLBACK_URL      where carriers send receipts; default: this service's own address
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.dispatch.channels.carrier import Channel
from services.dispatch.channels.factory import SIMULATOR, CarrierSpec
from shared.settings import Env, ServiceSettings, SettingError, service_settings

SERVICE = "dispatch"


@dataclass(frozen=True, kw_only=True)
class DispatchSettings(ServiceSettings):
    """调度设置"""

    key_file: Path
    accounts_file: Path | None = None
    carriers: tuple[CarrierSpec, ...] = ()
    callback_url: str | None = None


def read_settings(env: Env | None = None) -> DispatchSettings:
    """Read the environment; SettingError names the variable and what would be right."""
    env = env or Env()
    common: dict[str, Any] = service_settings(SERVICE, env)
    accounts = env.optional("ACCOUNTS")
    return DispatchSettings(
        **common,
        key_file=env.path("KEY_FILE"),
        accounts_file=Path(accounts).expanduser().absolute() if accounts else None,
        carriers=_carriers(env),
        callback_url=(env.optional("CALLBACK_URL") or common["peers"].get(SERVICE) or None),
    )


def _carriers(env: Env) -> tuple[CarrierSpec, ...]:
    carriers: list[CarrierSpec] = []
    simulator = env.optional("SIMULATOR_URL")
    if simulator is not None:
        carriers.append(CarrierSpec(name=SIMULATOR, url=simulator, secret=env.text("SIMULATOR_SECRET")))
    text = env.optional("CARRIERS")
    if text is None:
        return tuple(carriers)
    try:
        for entry in json.loads(text):
            channels = tuple(Channel(each) for each in entry.get("channels", ("voice", "sms")))
            if entry["name"] == SIMULATOR:
                raise ValueError("the simulator is set by SIMULATOR_URL")  # noqa: TRY301 - one answer for all
            carriers.append(
                CarrierSpec(name=entry["name"], url=entry["url"], secret=entry["secret"], channels=channels)
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(
            f'FENGSUI_CARRIERS cannot be read ({error}); give [{{"name": …, "url": …, "secret": …}}]',
            "FENGSUI_CARRIERS 无法读取，应为 JSON 列表",
            field="CARRIERS",
        ) from error
    return tuple(carriers)
