"""演练时钟与区县包 What warning decides for all services: the drills' clocks and the active district pack.

A drill's clock is kept here and sent on. It stops only while the whole system is stopped: with a new boot it goes on
from where it stood when the system was last alive, so downtime expires nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from services.warning.fuses.memory import Books
from shared.db.tx import Tx
from shared.errors import Invalid, Refused
from shared.frame import Frame, save_realm
from shared.http.context import Answer, Ctx
from shared.pack.canonical import version_folder
from shared.pack.model import Pack
from shared.realm import SPEED_MAX, RealmClock, drill_clock, format_time, parse_time
from shared.vocabulary import Role

RECEIVERS = ("dispatch", "resources")


class RealmBody(BaseModel):
    """演练: a drill realm ``x-NAME`` whose time is ``v0`` now and runs ``speed`` times as fast as the wall."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=39)
    speed: float = Field(gt=0, le=SPEED_MAX)
    v0: AwareDatetime


class PackBody(BaseModel):
    """启用: a version that the operator has delivered."""

    version: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


def routes(frame: Frame, books: Books) -> APIRouter:
    router = APIRouter(tags=["realm"])

    @router.post("/v1/realms", status_code=201)
    def start_drill(body: RealmBody, ctx: Ctx) -> JSONResponse:
        """Start a drill's realm; 409 while one of that name runs."""
        realm = f"x-{body.name}"
        try:
            drill_clock(body.name, body.speed, body.v0, body.v0, None)
        except ValueError as error:
            raise Invalid(f"name: {error}", field="name") from None
        ctx.require([Role.DUTY_OFFICER, Role.ADMIN], realm=realm)
        sub = ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            if realm in tx.realms.clocks():
                raise Refused("realm_running", f"realm {realm} is running already", f"领域 {realm} 已在运行")
            clock = drill_clock(body.name, body.speed, body.v0, tx.now, tx.realms.boot)
            save_realm(tx, clock)
            tell_realm(tx, clock)
            tx.audit(realm, sub, "realm.start", realm, body=realm_out(clock))
            tx.event(realm, "realm", realm, realm_out(clock))
            return Answer({"district": tx.district, **realm_out(clock)}, 201)

        return ctx.write(apply)

    @router.post("/v1/packs/activate")
    def activate(body: PackBody, ctx: Ctx) -> JSONResponse:
        """Put a pack version into service everywhere; the others follow by outbox."""
        ctx.require([Role.ADMIN])
        version_folder(frame.settings.packs_dir, body.version)
        sub = ctx.actor.sub

        def apply(tx: Tx) -> dict[str, Any]:
            activate_everywhere(frame, books, tx, body.version, by=sub)
            return {"district": tx.district, "version": body.version}

        return ctx.write(apply)

    @router.get("/v1/packs/active")
    def active(ctx: Ctx) -> JSONResponse:
        """The words of the pack in service: its district, hazards and regions, which forms offer and pages name."""
        ctx.require(tuple(Role))
        pack = frame.require_pack()
        return JSONResponse(pack_out(pack), headers={"ETag": f'"{pack.version}"', "Cache-Control": "no-cache"})

    return router


def pack_out(pack: Pack) -> dict[str, Any]:
    """区县包词汇: nothing of it is personal."""
    district = pack.district
    return {
        "district": district.code,
        "name": {"zh": district.name_zh, "en": district.name_en},
        "status": district.status,
        "timezone": district.timezone,
        "version": pack.version,
        "hazards": [
            {"code": each.code, "name": {"zh": each.name_zh, "en": each.name_en}, "family": each.family}
            for each in pack.hazards.values()
        ],
        "regions": [
            {
                "code": each.code,
                "name": each.name,
                "parent": each.parent,
                "level": str(each.level),
                "population": each.population,
            }
            for each in pack.regions.values()
        ],
    }


def activate_everywhere(frame: Frame, books: Books, tx: Tx, version: str, *, by: str) -> None:
    """启用区县包 Here, and by outbox in dispatch and resources; refused where its rules cannot be used."""
    books.get(version)
    frame.activate_pack(tx, version, by=by)
    realm = frame.packs.get(version).district.default_realm
    for receiver in RECEIVERS:
        tx.emit(receiver, realm, "pack", version, {"version": version}, pack=version)
    tx.event(realm, "pack", version, {"version": version})


def on_owner(frame: Frame, books: Books, tx: Tx) -> None:
    """The first act of an owner: the pack that the settings name, and the drills' clocks in this boot."""
    wanted = frame.settings.pack
    if wanted is not None and wanted != _active(tx):
        activate_everywhere(frame, books, tx, wanted, by="service:warning")
    stopped_at = parse_time(frame.settings.stopped_at) if frame.settings.stopped_at else None
    for clock in tx.realms.clocks().values():
        if clock.is_wall or clock.boot == tx.realms.boot:
            continue
        based = clock.rebased(stopped_at or _last_alive(tx, clock.realm) or tx.now, tx.now, tx.realms.boot)
        save_realm(tx, based)
        tell_realm(tx, based)
        tx.audit(clock.realm, "service:warning", "realm.rebase", clock.realm, body=realm_out(based))
        tx.event(clock.realm, "realm", clock.realm, realm_out(based))


def tell_realm(tx: Tx, clock: RealmClock) -> None:
    """Send a drill's clock to those who live by it."""
    for receiver in RECEIVERS:
        tx.emit(receiver, clock.realm, "realm", clock.realm, realm_out(clock))


def realm_out(clock: RealmClock) -> dict[str, Any]:
    return {
        "realm": clock.realm,
        "speed": clock.speed,
        "v0": format_time(clock.v0) if clock.v0 else None,
        "w0": format_time(clock.w0) if clock.w0 else None,
        "boot": clock.boot,
    }


def _active(tx: Tx) -> str | None:
    table = tx.tables.packs
    return tx.conn.execute(select(table.c.version).where(table.c.active)).scalar()


def _last_alive(tx: Tx, realm: str) -> datetime | None:
    """Where nobody noted when the system was last alive: its last event of the realm (wall time)."""
    table = tx.tables.events
    return tx.conn.execute(select(func.max(table.c.at)).where(table.c.realm == realm)).scalar()
