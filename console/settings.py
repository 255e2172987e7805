"""值班台设置"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.settings import Env

SERVICES = ("warning", "dispatch", "resources")


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings:
    """值班台设置: where the services are; ``links`` holds one-time login links that the supervisor wrote (exercise).

    ``public_url`` is where phones find us: what the QR codes at gates and doors say.
    """

    host: str
    port: int
    warning_url: str
    dispatch_url: str
    resources_url: str
    links: Path | None = None
    secure_cookie: bool = False
    public_url: str | None = None

    def url(self, service: str) -> str:
        return {"warning": self.warning_url, "dispatch": self.dispatch_url, "resources": self.resources_url}[service]


def read_settings(env: Env | None = None) -> ConsoleSettings:
    """Read the environment once. ``FENGSUI_SECURE_COOKIE=1`` behind TLS."""
    env = env or Env()
    links = env.optional("LOGIN_LINKS")
    return ConsoleSettings(
        host=env.text("HOST", "127.0.0.1"),
        port=env.port("PORT", 8000),
        warning_url=env.text("WARNING_URL").rstrip("/"),
        dispatch_url=env.text("DISPATCH_URL").rstrip("/"),
        resources_url=env.text("RESOURCES_URL").rstrip("/"),
        links=Path(links) if links else None,
        secure_cookie=env.flag("SECURE_COOKIE"),
        public_url=(env.optional("PUBLIC_URL") or "").rstrip("/") or None,
    )
