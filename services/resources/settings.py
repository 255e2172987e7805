"""资源服务设置"""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import Env, ServiceSettings, service_settings

RESCUE_PHONE = "119"  # fire and rescue, the same in the whole country


@dataclass(frozen=True, kw_only=True)
class ResourcesSettings(ServiceSettings):
    """资源服务设置: ``rescue_phone`` stands on every answer of a way out; it is a public number, never a person's."""

    rescue_phone: str = RESCUE_PHONE


def read_settings(env: Env | None = None) -> ResourcesSettings:
    """Read the environment once."""
    env = env or Env()
    return ResourcesSettings(
        **service_settings("resources", env),  # type: ignore[arg-type]  # checked by the reader of each variable
        rescue_phone=env.text("RESCUE_PHONE", RESCUE_PHONE),
    )
