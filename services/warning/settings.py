"""设置 What warning reads from the environment, once (prefix ``FENGSUI_``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from shared.settings import Env, ServiceSettings, service_settings


@dataclass(frozen=True, kw_only=True)
class WarningSettings(ServiceSettings):
    """预警服务设置: the common part and the broker. Without ``mqtt_host`` readings come over HTTP alone."""

    mqtt_host: str | None = None
    mqtt_port: int = 1883
    mqtt_user: str | None = None
    mqtt_password: str | None = None
    mqtt_ca_file: str | None = None
    alert_key: Path | None = None  # signs what leaves for loudspeakers and apps; made where there is none
    mqtt_demo: bool = False  # the embedded broker: no ACL, no disk; /readyz and the console say so


def read_settings(values: Mapping[str, str] | None = None) -> WarningSettings:
    """读设置 ``MQTT_HOST MQTT_PORT MQTT_USER MQTT_PASSWORD MQTT_CA MQTT_DEMO ALERT_KEY`` beside the common ones."""
    env = Env(values)
    common = cast(dict[str, Any], service_settings("warning", env))
    return WarningSettings(
        **common,
        mqtt_host=env.optional("MQTT_HOST"),
        mqtt_port=env.port("MQTT_PORT", 1883),
        mqtt_user=env.optional("MQTT_USER"),
        mqtt_password=env.optional("MQTT_PASSWORD"),
        mqtt_ca_file=env.optional("MQTT_CA"),
        alert_key=env.path("ALERT_KEY") if env.optional("ALERT_KEY") else None,
        mqtt_demo=env.flag("MQTT_DEMO"),
    )
