"""调度服务 on real HTTP with the sample pack and no carrier.

with dispatch_service(dsn, schema, tmp_path, clock) as room:
    room.send(transition("rainstorm", "500114112", to="red"))
    room.get("/v1/orders")["items"]

``room.beside("x-other")`` is the same service in another realm: a world of its own, so that tests can share a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from services.dispatch.accounts import service as accounts
from services.dispatch.main import create_app
from services.dispatch.schema import metadata, tables
from services.dispatch.settings import DispatchSettings
from shared.clock import Clock
from shared.db.tx import Tx
from shared.frame import Frame
from shared.realm import format_time
from tests.support.resources import sample_pack
from tests.support.serving import serving

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)
REALM = "x-live"
RED_ZONE = "500114112"  # 濯水镇
KEY = "k" * 32


class Room:
    """值班室: what a test does with the running service, in one realm"""

    def __init__(self, http: httpx.Client, frame: Frame, realm: str = REALM) -> None:
        self.http, self.frame, self.realm = http, frame, realm
        self._no = 0
        self._tokens: dict[str, str] = {}

    def beside(self, realm: str) -> Room:
        """A room in a realm of its own, on wall time."""
        other = Room(self.http, self.frame, realm)
        other._tokens = self._tokens
        clock = {"realm": realm, "speed": 1.0, "v0": None, "w0": None, "boot": "boot-1"}
        other.deliver("realm", realm, clock)
        return other

    def bearer(self, username: str) -> dict[str, str]:
        if username not in self._tokens:
            form = {"grant_type": "client_credentials", "client_id": username, "client_secret": KEY}
            answer = self.http.post("/v1/token", data=form)
            assert answer.status_code == 200, answer.text
            self._tokens[username] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[username]}"}

    def deliver(self, kind: str, aggregate: str, body: Any, no: int | None = None) -> int:
        """Deliver a message as warning does; the number applied."""
        if no is None:
            self._no += 1
        message = {
            "sender": "warning",
            "realm": self.realm,
            "no": no or self._no,
            "kind": kind,
            "aggregate": aggregate,
            "pack": sample_pack().version,
            "body": body,
        }
        answer = self.http.post("/v1/inbox", json=message, headers=self.bearer("warning"))
        assert answer.status_code == 200, answer.text
        return int(answer.json()["applied"])

    def send(self, body: dict[str, Any], no: int | None = None) -> int:
        """Deliver a transition."""
        return self.deliver("transition", body["transition"]["trip_id"], body, no)

    def get(self, path: str, user: str = "duty_officer", **params: Any) -> Any:
        answer = self.http.get(path, params={"realm": self.realm, **params}, headers=self.bearer(user))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, user: str = "duty_officer", **headers: str) -> httpx.Response:
        where = {"realm": self.realm}
        return self.http.post(path, params=where, json=body, headers=self.bearer(user) | headers)

    def orders(self, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get("/v1/orders", **params)["items"]
        return items

    def sent(self, kind: str, receiver: str = "warning") -> list[dict[str, Any]]:
        """What lies in the realm's outbox."""
        out = tables.outbox
        here = (out.c.kind == kind, out.c.receiver == receiver, out.c.realm == self.realm)
        with self.frame.store.read() as conn:
            return [dict(row.body) for row in conn.execute(select(out).where(*here).order_by(out.c.no))]


@contextmanager
def dispatch_service(dsn: str, schema: str, folder: Path, clock: Clock) -> Iterator[Room]:
    """The service with the demo accounts (all with one key) and those of the other services."""
    pack = sample_pack()
    settings = DispatchSettings(
        service="dispatch",
        district=pack.district.code,
        dsn=dsn,
        schema=schema,
        packs_dir=folder / "packs",
        pack=pack.version,
        boot="boot-1",
        tick_s=0.2,
        key_file=folder / "token-key.json",
        carriers=(),  # nobody is rung: what callouts do is tested where callouts are
    )
    app = create_app(settings, clock)
    frame: Frame = app.state.frame
    frame.packs.put(pack)
    frame.store.ensure_schema()
    with frame.store.write() as conn:
        metadata.create_all(conn)
    hashed = accounts.hash_secret(accounts.SecretKind.KEY, KEY)
    services = [
        accounts.Account(username=name, kind=accounts.SecretKind.KEY, roles=("service",), realms=("*", "actual"))
        for name in ("warning", "resources")
    ]

    def enrol(tx: Tx) -> None:
        accounts.ensure_keys(tx, [(a, hashed) for a in (*accounts.demo_accounts(pack), *services)], by="test")

    frame.writer.on_owner.append(enrol)
    with serving(app) as url, httpx.Client(base_url=url, timeout=20, trust_env=False) as http:
        yield Room(http, frame)


def transition(
    fuse: str = "rainstorm",
    scope: str = RED_ZONE,
    *,
    n: int = 1,
    before: str = "normal",
    to: str = "red",
    verification: str = "confirmed",
    confirmed: str | None = None,
    reason: str = "threshold",
    opening: int = 1,
    hazard: str = "11B03",
    at: datetime = NOW,
    **more: Any,
) -> dict[str, Any]:
    """A transition message as ARCHITECTURE.md describes it."""
    region = sample_pack().regions.get(scope)
    trip_id = f"{fuse}/{scope}/{opening}"
    return {
        "transition": {
            "id": f"{fuse}/{scope}/{n}",
            "trip_id": trip_id,
            "n": n,
            "fuse": fuse,
            "scope": scope,
            "from": before,
            "to": to,
            "condition": to,
            "confirmed_level": confirmed or to,
            "observed_at": format_time(at),
            "known_at": format_time(at),
            "reason": reason,
            "verification": verification,
            "blind": False,
            "because": [{"level": to, "statistic": "sum", "window": "3h", "value": 101, "bound": 100, "station": "s"}],
            "refused_by": [],
            "evidence": [],
            "by": None,
            "due": None,
            "scale": "monitoring",
        },
        "trip": {"trip_id": trip_id, "fuse": fuse, "scope": scope, "opened_at": format_time(at), "closed_at": None},
        "fuse": {"id": fuse, "title": {"zh": "暴雨", "en": "Rainstorm"}, "hazard": hazard, "per": "township"},
        "scope": {"id": scope, "kind": "township", "region": scope, "name": region.name if region else scope},
        "alert": None,
        "notice": None,
        **more,
    }
