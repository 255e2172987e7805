"""全系统 The whole system in this process, on real HTTP, with the phone exchange and the sample pack.

with whole_district(folder) as district:
    district.storm("rain-zs-01", "rain-zs-02")                  # 101 mm within three hours: a confirmed red at 濯水镇
    district.get("dispatch", "/v1/orders")["items"]             # as the duty officer; role="issuer" for another
    district.console_url, district.token("commander")

Settings are read from the same variables as `fengsui run` sets; readings come over HTTP, so no broker is needed. The
realm is ``x-live`` on wall time. ``district.another_console()`` is a console of a test's own, which it may stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from console.main import create_app as console_app
from console.settings import read_settings as console_settings
from deploy.demo.exchange.app import create_app as exchange_app
from deploy.demo.exchange.desk import Desk as ExchangeDesk
from services.command import credentials as keys
from services.command.datadir import DataDir
from services.dispatch import main as dispatch_main
from services.dispatch.schema import metadata as dispatch_metadata
from services.dispatch.settings import read_settings as dispatch_settings
from services.resources import main as resources_main
from services.resources.schema import metadata as resources_metadata
from services.resources.settings import read_settings as resources_settings
from services.warning import main as warning_main
from services.warning.schema import metadata as warning_metadata
from services.warning.settings import read_settings as warning_settings
from shared.clock import SystemClock, poll_until
from shared.db.engine import Store
from shared.pack.canonical import copy_definitions
from shared.settings import Env
from tests.support.packs import sample_pack_dir
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port
from tests.support.resources import sample_pack
from tests.support.serving import serving
from tests.support.warning import storm

REALM = "x-live"
METADATA = {"warning": warning_metadata, "dispatch": dispatch_metadata, "resources": resources_metadata}


@dataclass
class District:
    """全系统: addresses, tokens, and what a test does to it from outside."""

    urls: dict[str, str]
    tokens: dict[str, str]
    exchange: ExchangeDesk
    env: dict[str, str]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    @property
    def console_url(self) -> str:
        return self.urls["console"]

    def token(self, role: str = "duty_officer") -> str:
        return self.tokens[role]

    def get(self, service: str, path: str, role: str = "duty_officer", **query: Any) -> Any:
        answer = self.http.get(self.urls[service] + path, params={"realm": REALM, **query}, headers=self._bearer(role))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, service: str, path: str, body: Any, role: str = "duty_officer", **headers: str) -> httpx.Response:
        where = {"realm": REALM}
        return self.http.post(self.urls[service] + path, params=where, json=body, headers=self._bearer(role) | headers)

    def storm(self, *stations: str, total_mm: float = 101.0) -> None:
        """Three hours of rain up to now at each of these gauges."""
        for station, readings in storm(stations, SystemClock().now(), total_mm=total_mm).items():
            answer = self.post("warning", f"/v1/stations/{station}/readings", readings, "maintainer")
            assert answer.status_code == 200, answer.text

    def read(self, station: str, metric: str, value: float) -> None:
        """One reading, now."""
        reading = {"metric": metric, "value": value, "observed_at": SystemClock().now().isoformat()}
        answer = self.post("warning", f"/v1/stations/{station}/readings", reading, "maintainer")
        assert answer.status_code == 200, answer.text

    def soon(self, probe: Callable[[], Any]) -> Any:
        """What ``probe`` finds within the time; fails otherwise."""
        found = poll_until(probe, PATIENCE_S)
        assert found, f"nothing within {PATIENCE_S:g} s"
        return found

    def another_console(self) -> AbstractContextManager[str]:
        """A console of one's own over the same services; its address."""
        return serving(console_app(console_settings(Env(self.env)), SystemClock()))

    def _bearer(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@contextmanager
def whole_district(folder: Path) -> Iterator[District]:
    """Everything up, its books open, nothing has happened yet."""
    data, pack = DataDir(folder), sample_pack()
    copy_definitions(sample_pack_dir(), data.packs, pack.version)
    keys.write_accounts(data, pack)
    ports = {name: free_port() for name in (*keys.SERVICES, "exchange")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    common = {"DISTRICT": pack.district.code, "PACKS": str(data.packs), "PACK": pack.version, "BOOT": "boot-1"}
    common |= {f"{name.upper()}_URL": urls[name] for name in keys.SERVICES}
    desk = ExchangeDesk(data.secret("exchange"), speed=1.0, seed=1, people={})
    with ExitStack() as stack:
        stack.enter_context(serving(exchange_app(desk), ports["exchange"]))
        for name in ("dispatch", "resources", "warning"):
            app = _service(name, data, urls["exchange"], common)
            stack.enter_context(serving(app, ports[name]))
        env = {f"FENGSUI_{key}": value for key, value in common.items()}
        urls["console"] = stack.enter_context(serving(console_app(console_settings(Env(env)), SystemClock())))
        tokens = keys.fetch_tokens(data, urls["dispatch"])
        district = District(urls, tokens, desk, env)
        stack.callback(district.http.close)
        for name in keys.SERVICES:
            district.soon(lambda name=name: district.http.get(f"{urls[name]}/readyz").status_code == 200 or None)
        yield district


def _service(name: str, data: DataDir, exchange_url: str, common: dict[str, str]) -> FastAPI:
    """One service with its tables, as the supervisor would set it up."""
    dsn = f"sqlite:///{data.root / name}.db"
    store = Store(dsn, METADATA[name])
    with store.write() as conn:
        METADATA[name].create_all(conn)
    store.close()
    own = {
        "DSN": dsn,
        "CLIENT_SECRET": data.secret(f"service-{name}"),
        "KEY_FILE": str(data.secrets / "token-key.json"),
        "ACCOUNTS": str(data.secrets / "accounts.json"),
        "CALLBACK_URL": common["DISPATCH_URL"],
        "SIMULATOR_URL": exchange_url,
        "SIMULATOR_SECRET": data.secret("exchange"),
        "TICK_S": "0.1",
    }
    values = {f"FENGSUI_{key}": value for key, value in {**common, **own}.items()}
    clock = SystemClock()
    if name == "warning":
        return warning_main.create_app(warning_settings(values), clock)
    if name == "dispatch":
        return dispatch_main.create_app(dispatch_settings(Env(values)), clock)
    return resources_main.create_app(resources_settings(Env(values)), clock)
