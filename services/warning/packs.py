"""启用区县包 Warning decides which pack version is in service; dispatch and resources follow by outbox."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from services.warning.drills.service import RECEIVERS
from services.warning.fuses.memory import Books
from shared.db.tx import Tx
from shared.frame import Frame
from shared.http.context import Ctx
from shared.pack.canonical import version_folder
from shared.pack.model import Pack
from shared.vocabulary import Role


class PackBody(BaseModel):
    """启用: a version that the operator has delivered."""

    version: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


def routes(frame: Frame, books: Books) -> APIRouter:
    """区县包路由"""
    router = APIRouter(tags=["packs"])

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
    """The first act of an owner: the pack that the settings name."""
    wanted = frame.settings.pack
    if wanted is not None and wanted != _active(tx):
        activate_everywhere(frame, books, tx, wanted, by="service:warning")


def _active(tx: Tx) -> str | None:
    table = tx.tables.packs
    return tx.conn.execute(select(table.c.version).where(table.c.active)).scalar()
