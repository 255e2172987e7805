"""启动服务 ``fengsui serve NAME``: one service on one port, settings from the environment, until SIGTERM."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum

import uvicorn
from fastapi import FastAPI

from shared import log
from shared.clock import SystemClock
from shared.settings import Env

SWITCH_S = 0.001  # Python: 5 ms, which who reads many rows waits each time; 0.1 ms spends the processor on switching
KEEP_ALIVE_S = 20  # longer than clients keep theirs (httpx 5 s): who asks on one that was just closed gets no answer
GRACE_S = 3  # an open event stream would keep the process for ever
TRUSTED_FORWARDERS = "127.0.0.1,::1"
"""Whose X-Forwarded-For is believed (``FENGSUI_FORWARDED_ALLOW_IPS``: addresses or networks): the last hop in it that
is not one of these is who asks. The console sends dispatch the address that it was asked from in the same way."""


class Service(StrEnum):
    """服务"""

    WARNING = "warning"
    DISPATCH = "dispatch"
    RESOURCES = "resources"
    CONSOLE = "console"


def serve(service: Service) -> None:
    """Run until told to stop."""
    env = Env()
    sys.setswitchinterval(SWITCH_S)
    log.configure(json=env.flag("LOG_JSON"))
    app, host, port = _MAKERS[service](env)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=env.text("FORWARDED_ALLOW_IPS", TRUSTED_FORWARDERS),
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


def _warning(_: Env) -> tuple[FastAPI, str, int]:
    from services.warning.main import create_app
    from services.warning.settings import read_settings

    settings = read_settings()
    return create_app(settings, SystemClock()), settings.host, settings.port


def _dispatch(env: Env) -> tuple[FastAPI, str, int]:
    from services.dispatch.main import create_app
    from services.dispatch.settings import read_settings

    settings = read_settings(env)
    return create_app(settings, SystemClock()), settings.host, settings.port


def _resources(env: Env) -> tuple[FastAPI, str, int]:
    from services.resources.main import create_app
    from services.resources.settings import read_settings

    settings = read_settings(env)
    return create_app(settings, SystemClock()), settings.host, settings.port


def _console(env: Env) -> tuple[FastAPI, str, int]:
    from console.main import create_app
    from console.settings import read_settings

    settings = read_settings(env)
    return create_app(settings, SystemClock()), settings.host, settings.port


_MAKERS: dict[Service, Callable[[Env], tuple[FastAPI, str, int]]] = {
    Service.WARNING: _warning,
    Service.DISPATCH: _dispatch,
    Service.RESOURCES: _resources,
    Service.CONSOLE: _console,
}
