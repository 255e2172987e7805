"""设置 Settings are read once, in ``main``, from the environment, into frozen dataclasses passed down.

Every name begins with ``FENGSUI_``. A value that is missing or wrong is refused with its name and what would be right.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import FengsuiError

PREFIX = "FENGSUI_"
POSTGRESQL = "postgresql+psycopg://"
SQLITE = "sqlite:///"


class SettingError(FengsuiError):
    """设置有误 An environment variable is missing or cannot be used."""

    code = "bad_setting"


class Env:
    """环境变量 Typed access to ``FENGSUI_*``; the error names the variable.

    ``FENGSUI_NAME_FILE`` gives the value of ``FENGSUI_NAME`` from a file, so that no secret stands in an environment.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str | None = None) -> str:
        value = self._given(name) or default
        if value is None:
            raise SettingError(f"{PREFIX}{name} is not set", f"未设置 {PREFIX}{name}", field=name)
        return value

    def optional(self, name: str) -> str | None:
        return self._given(name) or None

    def _given(self, name: str) -> str:
        value, path = self._values.get(PREFIX + name, ""), self._values.get(f"{PREFIX}{name}_FILE", "")
        if value or not path:
            return value
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise SettingError(
                f"{PREFIX}{name}_FILE: {path} cannot be read ({error})",
                f"{PREFIX}{name}_FILE：{path} 无法读取",
                field=name,
            ) from error

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self._values.get(PREFIX + name, "")
        try:
            value = float(text) if text else default
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SettingError(
                f"{PREFIX}{name} is '{text}'; give a number from {low:g} to {high:g}",
                f"{PREFIX}{name} 应为 {low:g} 至 {high:g} 之间的数",
                field=name,
            )
        return value

    def port(self, name: str, default: int) -> int:
        return int(self.number(name, default, 0, 65535))

    def flag(self, name: str) -> bool:
        return self._values.get(PREFIX + name, "").lower() in {"1", "true", "yes", "on"}

    def path(self, name: str, default: str | None = None) -> Path:
        return Path(self.text(name, default)).expanduser().absolute()


def check_dsn(dsn: str, name: str) -> str:
    """查地址 A database address that we can use; what is refused is never shown, it may hold a password."""
    if not dsn.startswith((POSTGRESQL, SQLITE)):
        raise SettingError(
            f"{name} begins with '{dsn.partition('://')[0][:20]}'; give {POSTGRESQL}USER@HOST/DATABASE or {SQLITE}FILE",
            f"{name} 的写法不对，应为 {POSTGRESQL}用户@主机/库名，或 {SQLITE}文件路径",
            field=name,
        )
    return dsn


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """服务设置 What every service needs; a service adds its own in its ``settings.py``.

    ``peers`` maps service name to base URL. ``boot`` names the run of the whole system (`fengsui run` sets it);
    ``stopped_at`` is when the whole system was last seen alive before it: a drill's clock stands still between.
    """

    service: str
    district: str
    dsn: str
    packs_dir: Path
    pack: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    schema: str | None = None
    peers: Mapping[str, str] = field(default_factory=dict)
    jwks_url: str | None = None
    jwks_cache: Path | None = None
    token_url: str | None = None
    client_secret: str | None = None
    boot: str | None = None
    stopped_at: str | None = None
    tick_s: float = 0.25
    log_json: bool = False


def service_settings(service: str, env: Env) -> dict[str, object]:
    """The common part, as keyword arguments for a subclass of `ServiceSettings`."""
    peers = {
        name: url.rstrip("/")
        for name in ("warning", "dispatch", "resources", "console")
        if (url := env.optional(f"{name.upper()}_URL"))
    }
    return {
        "service": service,
        "district": env.text("DISTRICT"),
        "dsn": check_dsn(env.text("DSN"), f"{PREFIX}DSN"),
        "packs_dir": env.path("PACKS"),
        "pack": env.optional("PACK"),
        "host": env.text("HOST", "127.0.0.1"),
        "port": env.port("PORT", 0),
        "schema": env.optional("SCHEMA"),
        "peers": peers,
        "jwks_url": env.optional("JWKS_URL") or _under(peers.get("dispatch"), "/.well-known/jwks.json"),
        "jwks_cache": Path(text) if (text := env.optional("JWKS_CACHE")) else None,
        "token_url": env.optional("TOKEN_URL") or _under(peers.get("dispatch"), "/v1/token"),
        "client_secret": env.optional("CLIENT_SECRET"),
        "boot": env.optional("BOOT"),
        "stopped_at": env.optional("STOPPED_AT"),
        "tick_s": env.number("TICK_S", 0.25, 0.05, 60),
        "log_json": env.flag("LOG_JSON"),
    }


def _under(base: str | None, path: str) -> str | None:
    return base + path if base else None
