"""骨架 What every service stands on: store, writer, outbox, inbox, realms, packs, tokens, and the FastAPI app.

A service's ``main.create_app(settings, clock)`` builds a `Frame`, registers inbox handlers, workers and routers, and
returns ``frame.app``. Use cases get a `Tx`; routes get a `Ctx`; nothing else holds the clock.

    frame.inbox.on("transition", handler)      message kinds from other services
    frame.every("callouts", tick)              ``tick(tx)`` each `tick_s`, in the writer; deadlines live in the store
    frame.on_start(hook), frame.on_stop(hook)  threads of the edge (MQTT), after the owner is known
    frame.ready("broker", probe)               ``probe()`` → None when fine, else what is wrong: /readyz and console
    frame.number("orders", number)             one figure of GET /v1/numbers
    frame.include(router)
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import MetaData, Text, cast, func, insert, select, update

from shared.auth import enrolment
from shared.auth.tokens import TokenVerifier
from shared.clock import Clock
from shared.db.engine import Store
from shared.db.tables import PlatformTables
from shared.db.tx import Tx
from shared.db.writer import Writer
from shared.errors import FengsuiError, OtherDistrict, PackUnknown, TooMany, Unavailable
from shared.http import events, numbers, problems
from shared.http.client import ServiceTokens, TokenSource
from shared.http.context import BODY_BYTES_MAX, Ctx
from shared.http.routers import join
from shared.ids import REALM_PATTERN
from shared.outbox.inbox import Inbox, Message
from shared.outbox.sender import Sender
from shared.pack.model import Pack
from shared.pack.shelf import PackShelf
from shared.realm import LIVE, RealmClock, RealmState, format_time, interruption_in, parse_time
from shared.settings import ServiceSettings
from shared.vocabulary import Role

log = structlog.get_logger(__name__)

STARTING_S = 10.0

Tick = Callable[[Tx], None]
Probe = Callable[[], str | None]
RealmHook = Callable[[Tx, RealmClock | None, RealmClock], None]
"""``hook(tx, before, after)`` when warning sent another clock; in the transaction that stores it."""


class InboxBody(BaseModel):
    """发件消息: contract §7 ``POST /v1/inbox``."""

    model_config = ConfigDict(extra="ignore")
    sender: str = Field(max_length=64)
    realm: str = Field(pattern=f"^(?:{REALM_PATTERN.pattern})$")
    no: int = Field(ge=1)
    kind: str = Field(max_length=64)
    aggregate: str = Field(default="", max_length=300)
    pack: str | None = Field(default=None, pattern="^sha256:[0-9a-f]{64}$")
    body: Any = None


class Frame:
    """骨架: one service's platform."""

    def __init__(
        self,
        settings: ServiceSettings,
        clock: Clock,
        metadata: MetaData,
        tables: PlatformTables,
        *,
        verifier: TokenVerifier | None = None,
        tokens: TokenSource | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.tables = tables
        self.body_bytes_max = body_bytes_max
        self.body_limits: dict[str, int] = {}  # by path: what anybody may send without a token is kept smaller
        self.store = Store(settings.dsn, metadata, schema=settings.schema)
        self.writer = Writer(self.store, tables, clock, district=settings.district, boot=settings.boot)
        self.writer.realms.stopped_at = parse_time(settings.stopped_at) if settings.stopped_at else None
        self.writer.pack = settings.pack
        self.writer.on_owner.append(self._keep_district)
        self.inbox = Inbox()
        self.packs = PackShelf(settings.packs_dir)
        self.tokens: TokenSource = tokens or ServiceTokens(
            settings.token_url, settings.service, settings.client_secret, clock.now
        )
        self.sender = Sender(settings.service, self.store, tables, self.writer, settings.peers, self.tokens)
        self.verifier = verifier or TokenVerifier(jwks_url=settings.jwks_url, cache=settings.jwks_cache)
        self.stopping = threading.Event()
        self._starter = threading.Thread(target=self._start_when_owner, name="start", daemon=True)
        self.registry = CollectorRegistry()
        self._probes: dict[str, Probe] = {}
        self.numbers: dict[str, numbers.Number] = {}
        self.parked = select(cast(func.count(), Text)).select_from(tables.inbox_parked)
        self.ticks: list[tuple[str, Tick]] = []  # what `start` schedules; a simulation wakes them by hand
        self._tick_errors: dict[str, str] = {}
        self._starts: list[Callable[[], None]] = []
        self._stops: list[Callable[[], None]] = []
        self._scheduler = BackgroundScheduler(
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}, timezone="UTC"
        )
        self.followers = events.Followers()
        self.counts = numbers.Counts()
        self.writer.on_rows += [(tables.outbox, self.sender.wake), (tables.events, self.followers.wake)]
        self.on_realm: list[RealmHook] = []
        self.inbox.on("realm", self._apply_realm)
        self.inbox.on("pack", self._apply_pack)
        self.app = self._make_app()

    # -- for main ----------------------------------------------------------------------------------------

    def include(self, router: APIRouter) -> None:
        join(self.app, router)

    def every(self, name: str, tick: Tick) -> None:
        """Wake ``tick(tx)`` in the writer each `tick_s` seconds."""
        self.ticks.append((name, tick))

    def on_start(self, hook: Callable[[], None]) -> None:
        self._starts.append(hook)

    def on_stop(self, hook: Callable[[], None]) -> None:
        self._stops.append(hook)

    def ready(self, name: str, probe: Probe) -> None:
        self._probes[name] = probe

    def number(self, name: str, number: numbers.Number) -> None:
        self.numbers[name] = number

    def active_pack(self) -> Pack | None:
        """The active version, or None while this service has none."""
        version = self.writer.pack
        return self.packs.get(version) if version else None

    def require_pack(self) -> Pack:
        pack = self.active_pack()
        if pack is None:
            raise PackUnknown("no district pack is active yet", "尚未启用区县包")
        return pack

    def default_realm(self) -> str:
        pack = self.active_pack()
        return pack.district.default_realm if pack else LIVE

    def domain_now(self, realm: str) -> datetime:
        """Domain time for readers; use cases take ``tx.domain_now``."""
        return self.writer.realms.domain_now(realm, self.clock.now())

    # -- lifecycle ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Own the store, then wake workers, outbox and edge. Called by the app's lifespan."""
        self.writer.start()
        self._starter.start()
        self.writer.wait_owner(5.0)

    def _start_when_owner(self) -> None:
        while not self.stopping.is_set():
            if self.writer.wait_owner(0.2):
                break
        if self.stopping.is_set():
            return
        self._scheduler.add_job(self._run_ticks, "interval", seconds=self.settings.tick_s, id="ticks")
        self._scheduler.start()
        self.sender.start()
        for hook in self._starts:
            try:
                hook()
            except Exception as error:
                self._tick_errors["start"] = f"{type(error).__name__}: {error}"
                log.exception("start.failed")

    def stop(self) -> None:
        self.stopping.set()
        self.followers.wake()
        if self._starter.is_alive():
            self._starter.join(STARTING_S)  # else it starts what has just been stopped
        for hook in reversed(self._stops):
            hook()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self.sender.stop()
        self.writer.stop()
        self.store.close()

    def _run_ticks(self) -> None:
        """All ticks; an error of one stands in /readyz until a later tick of it goes well.

        In one transaction while all go well; each in its own as long as one does not, for it may take the store's
        transaction along (an error that is not the data's), and must stop no other.
        """
        for (name, _), answer in zip(self.ticks, self._answers(), strict=True):
            try:
                answer()
                self._tick_errors.pop(name, None)
            except (Unavailable, TooMany) as error:
                self._tick_errors[name] = error.en
            except Exception as error:
                self._tick_errors[name] = f"{type(error).__name__}: {error}"
                log.exception("tick.failed", worker=name)

    def _answers(self) -> list[Callable[[], object]]:
        """How to get each tick's answer."""
        ticks = [tick for _, tick in self.ticks]
        if not self._tick_errors:
            try:
                return [partial(self.writer.answer, future) for future in self.writer.submit_together(ticks)]
            except (Unavailable, TooMany):
                pass  # each says so below
        return [partial(self.writer.call, tick) for tick in ticks]

    # -- messages that every service takes ---------------------------------------------------------------

    def _apply_realm(self, tx: Tx, message: Message) -> None:
        """A realm's clock as warning keeps it: ``{realm, speed, v0, w0, boot, state, interruption}``."""
        body = message.body
        clock = RealmClock(
            message.realm,
            float(body["speed"]),
            parse_time(body["v0"]) if body.get("v0") else None,
            parse_time(body["w0"]) if body.get("w0") else None,
            body.get("boot"),
            RealmState(body.get("state") or RealmState.RUNNING),
            interruption_in(body.get("interruption")),
        )
        before = tx.realms.clocks().get(message.realm)
        save_realm(tx, clock)
        for hook in self.on_realm:
            hook(tx, before, clock)

    def _apply_pack(self, tx: Tx, message: Message) -> None:
        self.activate_pack(tx, str(message.body["version"]), by=f"service:{message.sender}")

    def _keep_district(self, _: Tx) -> None:
        """A store is one district's for good: nothing is written into another's, whatever the settings say."""
        version = self.writer.pack
        try:
            code = self.packs.get(version).district.code if version else self.settings.district
        except PackUnknown:
            return  # its version is asked for as any other that has not been delivered
        if code != self.settings.district:
            raise OtherDistrict(
                f"the store holds district {code}, but this service is set to {self.settings.district}",
                f"库中是区县 {code} 的数据，本服务却设为 {self.settings.district}",
            )

    def activate_pack(self, tx: Tx, version: str, *, by: str) -> None:
        """Make a version the active one; refused while this service has not got it."""
        pack = self.packs.get(version)
        if pack.district.code != self.settings.district:
            raise OtherDistrict(
                f"pack of district {pack.district.code}, but this service serves {self.settings.district}",
                f"区县包属于 {pack.district.code}，本服务属于 {self.settings.district}",
            )
        table = tx.tables.packs
        tx.conn.execute(update(table).values(active=False))
        values = {"active": True, "activated_at": tx.now, "activated_by": by}
        if tx.conn.execute(update(table).where(table.c.version == version).values(**values)).rowcount == 0:
            tx.conn.execute(insert(table).values(version=version, **values))
        tx.audit(pack.district.default_realm, by, "pack.activate", version)
        tx.pack = version
        tx.after_commit(lambda: setattr(self.writer, "pack", version))

    # -- the app -----------------------------------------------------------------------------------------

    def _make_app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self.start()
            try:
                yield
            finally:
                self.stop()

        app = FastAPI(
            title=f"Fengsui {self.settings.service}", version="1", lifespan=lifespan, docs_url=None, redoc_url=None
        )
        app.state.frame = self
        problems.install(app)
        app.add_middleware(problems.RefuseLarge, limit_of=lambda path: self.body_limits.get(path, self.body_bytes_max))
        for router in (self._common_routes(), events.routes(), numbers.routes(self), enrolment.routes()):
            join(app, router)
        return app

    def _common_routes(self) -> APIRouter:
        router = APIRouter()

        @router.get("/healthz", tags=["health"])
        def healthz() -> dict[str, str]:
            """The process answers."""
            return {"status": "ok", "service": self.settings.service}

        @router.get("/readyz", tags=["health"])
        def readyz() -> JSONResponse:
            """Whether the service can do its work, and what is wrong if not."""
            wrong, notes = self.findings()
            body = {"ready": not wrong, "wrong": wrong, "notes": notes, "outbox": self.outbox_status()}
            return JSONResponse(body, 503 if wrong else 200)

        @router.get("/metrics", tags=["health"])
        def metrics(ctx: Ctx) -> Response:
            """Prometheus text. Needs a token: metrics are never public (contract §8)."""
            ctx.require([Role.ADMIN, Role.MAINTAINER, Role.DUTY_OFFICER, Role.SERVICE])
            return Response(self._metrics(), media_type=CONTENT_TYPE_LATEST)

        @router.get("/v1/realm", tags=["realm"])
        def realms() -> dict[str, Any]:
            """The realms that exist here, their clocks, and the default."""
            wall = self.clock.now()
            clocks = {LIVE: RealmClock(LIVE)} | self.writer.realms.clocks()
            default = self.default_realm()
            clocks.setdefault(default, RealmClock(default))
            return {
                "district": self.settings.district,
                "default": default,
                "pack": self.writer.pack,
                "wall": format_time(wall),
                "realms": [self._realm_out(clock, wall) for _, clock in sorted(clocks.items())],
            }

        @router.post("/v1/inbox", tags=["inbox"])
        def inbox(body: InboxBody, ctx: Ctx) -> dict[str, int]:
            """The numbered outbox's other end: applied in order, answers how far."""
            ctx.require([Role.SERVICE], realm=body.realm)
            if ctx.actor.sub != f"service:{body.sender}":
                raise FengsuiError("sender is not the service of this token", code="wrong_sender", field="sender")
            if body.pack is not None:
                self.packs.get(body.pack)
            message = Message(body.sender, body.realm, body.no, body.kind, body.aggregate, body.body, body.pack)
            return {"applied": self.writer.call(lambda tx: self.inbox.receive(tx, message))}

        @router.get("/v1/inbox/{sender}", tags=["inbox"])
        def inbox_state(sender: str, ctx: Ctx) -> dict[str, Any]:
            """How far each realm of a sender is applied, and what is parked."""
            ctx.require(numbers.PARKED_READERS)
            table, parked = self.tables.inbox, self.tables.inbox_parked
            with ctx.read() as conn:
                rows = conn.execute(select(table).where(table.c.sender == sender)).all()
                set_aside = conn.execute(select(parked).where(parked.c.sender == sender).limit(100)).all()
            return {
                "sender": sender,
                "applied": {row.realm: row.applied for row in rows},
                "parked": [
                    {"realm": r.realm, "no": r.no, "kind": r.kind, "aggregate": r.aggregate, "code": r.code}
                    for r in set_aside
                ],
            }

        return router

    def _realm_out(self, clock: RealmClock, wall: datetime) -> dict[str, Any]:
        ticking = clock.is_running and (clock.is_wall or clock.boot == self.settings.boot)
        return {
            "realm": clock.realm,
            "speed": clock.speed,
            "v0": format_time(clock.v0) if clock.v0 else None,
            "w0": format_time(clock.w0) if clock.w0 else None,
            "now": format_time(clock.at(wall)) if ticking else None,
            "state": clock.state.value,
            "interruption": clock.interruption.out() if clock.interruption else None,
        }

    def findings(self) -> tuple[dict[str, str], dict[str, str]]:
        """(what is wrong, what should be known though it works): a probe's text that begins with ``note:``."""
        found = {name: text for name, probe in self._probes.items() if (text := probe())}
        notes = {name: text[5:].strip() for name, text in found.items() if text.startswith("note:")}
        wrong = {name: text for name, text in found.items() if name not in notes}
        if not self.writer.is_owner:
            wrong["owner"] = self.writer.failing or "standby: another process owns the store"
        elif self.writer.failing:
            wrong["storage"] = self.writer.failing
        wrong.update({f"worker {name}": text for name, text in self._tick_errors.items()})
        return wrong, notes

    def outbox_status(self) -> list[dict[str, Any]]:
        try:
            return self.sender.status()
        except Exception as error:  # noqa: BLE001 - the store is down: that is what this page tells
            return [{"error": f"{type(error).__name__}: {error}"}]

    def _metrics(self) -> bytes:
        registry = CollectorRegistry()
        Gauge("fengsui_writer_queue", "entries waiting for the writer", registry=registry).set(self.writer.depth)
        Gauge("fengsui_owner", "1 where this process owns the store", registry=registry).set(self.writer.is_owner)
        waiting = Gauge("fengsui_outbox_waiting", "messages not yet applied", ["receiver"], registry=registry)
        for row in self.outbox_status():
            if "receiver" in row:
                waiting.labels(row["receiver"]).set(row["waiting"])
        return generate_latest(registry) + generate_latest(self.registry)


def save_realm(tx: Tx, clock: RealmClock) -> None:
    """Store a realm's clock; it holds for this transaction and, once committed, for the service."""
    table = tx.tables.realms
    values = {
        "speed": clock.speed,
        "v0": clock.v0,
        "w0": clock.w0,
        "boot": clock.boot,
        "ended_at": clock.w0 if clock.state is RealmState.ENDED else None,
        "state": clock.state.value,
        "interruption": clock.interruption.out() if clock.interruption else None,
    }
    if tx.conn.execute(update(table).where(table.c.realm == clock.realm).values(**values)).rowcount == 0:
        tx.conn.execute(insert(table).values(realm=clock.realm, **values))
    book = tx.realms
    tx.after_commit(lambda: book.replace(book.clocks() | {clock.realm: clock}))
