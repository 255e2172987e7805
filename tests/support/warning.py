"""预警服务测试台 The warning service on a store of the test's own, with tokens; and a Mosquitto of the test's own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from services.warning.main import create_app
from services.warning.schema import metadata
from services.warning.settings import WarningSettings
from shared.auth.tokens import Actor, TokenSigner, TokenVerifier
from shared.clock import Clock, SystemClock, poll_until
from shared.db.engine import Store
from shared.pack.canonical import copy_definitions
from shared.pack.model import Pack
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port
from tests.support.serving import serving

ALL_ROLES = ("duty_officer", "drafter", "commander", "verifier", "township", "maintainer", "admin", "service")


@dataclass
class Bench:
    """测试台: the pieces that a test asks for."""

    base: str
    http: httpx.Client
    app: FastAPI
    pack: Pack
    signer: TokenSigner

    def token(
        self,
        *roles: str,
        areas: Sequence[str] = ("*",),
        sub: str = "officer",
        realm: str = "*",
        now: datetime | None = None,
    ) -> str:
        actor = Actor(sub, frozenset(roles or ALL_ROLES), tuple(areas), (realm,))
        return self.signer.sign(actor, now=(now or SystemClock().now()) - timedelta(seconds=1), lifetime_s=3600)

    def headers(self, *roles: str, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*roles, **claims)}"}

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def events(self, kind: str, realm: str = "x-live") -> list[dict[str, Any]]:
        items = self.get("/v1/events", after=0, limit=500, realm=realm)["items"]
        return [item for item in items if item["kind"] == kind]

    def outbox(self, kind: str, receiver: str = "dispatch") -> list[dict[str, Any]]:
        """The bodies sent to a receiver, in order."""
        frame = self.app.state.frame
        table = frame.tables.outbox
        with frame.store.read() as conn:
            rows = conn.execute(table.select().order_by(table.c.realm, table.c.no)).all()
        return [row.body for row in rows if row.kind == kind and row.receiver == receiver]


@contextmanager
def warning_bench(
    dsn: str,
    tmp_path: Path,
    pack_dir: Path,
    pack: Pack,
    *,
    clock: Clock | None = None,
    schema: str | None = None,
    **settings: Any,
) -> Iterator[Bench]:
    """Serve warning on ``dsn`` (its tables are made where they are missing)."""
    packs = tmp_path / "packs"
    copy_definitions(pack_dir, packs, pack.version)
    schema = schema or fresh_schema()
    store = Store(dsn, metadata, schema=schema)
    store.ensure_schema()
    with store.write() as conn:
        metadata.create_all(conn)
    store.close()
    signer = TokenSigner(OKPKey.generate_key("Ed25519", {"kid": "test"}))
    made = WarningSettings(
        **{
            "service": "warning",
            "district": pack.district.code,
            "dsn": dsn,
            "packs_dir": packs,
            "pack": pack.version,
            "schema": schema,
            "tick_s": 0.05,
            "boot": "boot-1",
            **settings,
        }
    )
    app = create_app(made, clock or SystemClock(), verifier=TokenVerifier(local=signer.jwks))
    with serving(app) as base, httpx.Client(base_url=base, timeout=20) as http:
        bench = Bench(base, http, app, pack, signer)
        http.headers.update(bench.headers())
        yield bench


class Broker:
    """消息总线: Mosquitto as the product configures it, that a test may kill and start again."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        self._binary = binary
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
            f"max_queued_messages 0\nmessage_size_limit 262144\npersistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 1\n" + ("user root\n" if os.geteuid() == 0 else ""),
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def restrict(self, acl: Path) -> None:
        """From the next start on, who may read and write what."""
        text = self._config.read_text(encoding="utf-8")
        self._config.write_text(f"{text}acl_file {acl}\n", encoding="utf-8")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._binary, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert poll_until(self.answers, PATIENCE_S), "mosquitto did not start"

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it in order: it keeps its sessions, which a killed one does not."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


def storm(gauges: Sequence[str], now: datetime, *, count: int = 36, total_mm: float = 101.0) -> dict[str, list[Any]]:
    """暴雨: back-dated five-minute readings that end now, one array a gauge."""
    share = round(total_mm / count, 3)
    values = [share] * (count - 1)
    values.append(round(total_mm - share * (count - 1), 3))
    return {
        gauge: [
            {
                "metric": "rain_mm",
                "value": value,
                "observed_at": (now - timedelta(minutes=5 * (count - 1 - i))).isoformat(),
                "boot": "b1",
                "seq": i + 1,
            }
            for i, value in enumerate(values)
        ]
        for gauge in gauges
    }


def soon(probe: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """What ``probe`` finds within the time; fails otherwise."""
    found = poll_until(probe, timeout_s)
    assert found, f"nothing within {timeout_s:g} s"
    return found
