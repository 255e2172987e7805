"""通知接口 ``/v1/notices``: entered by hand in a minute, corrected by another, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.warning.notices import service, store
from services.warning.notices.notice import Notice
from services.warning.notices.service import Draft
from shared.db.tx import Tx
from shared.errors import NotFound, Refused
from shared.http.context import Answer, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.vocabulary import Level, Role, Scale

MAY_ENTER = (Role.DUTY_OFFICER, Role.DRAFTER, Role.COMMANDER, Role.TOWNSHIP)
NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL in text
MAY_READ = tuple(Role)

EnterNotice = Callable[[Tx, str, Draft, str], tuple[Notice, bool, list[str]]]
"""``(tx, realm, draft, by)`` → the notice, whether it was here already, the trips that it opened or changed."""


class FileBody(BaseModel):
    """附件"""

    name: str = Field(pattern=NO_NUL, min_length=1, max_length=200)
    media_type: str = Field(default="application/octet-stream", max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")
    content_base64: str = Field(max_length=1_400_000)


class NoticeBody(BaseModel):
    """通知: contract §6. ``level`` normal with ``corrects`` cancels."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(max_length=40, description="signal, risk_forecast, hq_notice, reservoir_release, report …")
    number: str | None = Field(pattern=NO_NUL, default=None, min_length=1, max_length=100)
    issuer: str = Field(pattern=NO_NUL, min_length=1, max_length=200)
    scale: Scale
    level: Level
    hazard: str = Field(max_length=20)
    areas: list[str] = Field(min_length=1, max_length=service.AREAS_MAX)
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    text: str = Field(pattern=NO_NUL, min_length=1, max_length=4000)
    read_back_by: str | None = Field(pattern=NO_NUL, default=None, max_length=200)
    file: FileBody | None = None
    corrects: str | None = Field(pattern=NO_NUL, default=None, max_length=64)
    happened_at: AwareDatetime | None = None
    entered_late: bool = False

    def draft(self) -> Draft:
        return Draft(
            type=self.type,
            number=self.number,
            issuer=self.issuer,
            scale=self.scale,
            level=self.level,
            hazard=self.hazard,
            areas=tuple(self.areas),
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            text=self.text,
            read_back_by=self.read_back_by,
            corrects=self.corrects,
            file_name=self.file.name if self.file else None,
            file_media_type=self.file.media_type if self.file else "",
            file_base64=self.file.content_base64 if self.file else None,
            happened_at=self.happened_at,
            entered_late=self.entered_late,
        )


def routes(enter: EnterNotice) -> APIRouter:
    router = APIRouter(tags=["notices"])

    @router.post("/v1/notices", status_code=201)
    def enter_notice(body: NoticeBody, ctx: Ctx) -> JSONResponse:
        """Enter a notice; its trips open at once. The same paper again answers 200 with what is here."""
        ctx.require(MAY_ENTER)
        for area in body.areas:
            ctx.require(MAY_ENTER, area=area)
        draft, realm, sub = body.draft(), ctx.realm, ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            notice, duplicate, trips = enter(tx, realm, draft, sub)
            out = service.notice_out(tx.district, realm, notice)
            return Answer({**out, "duplicate": duplicate, "trip_ids": trips}, 200 if duplicate else 201)

        return ctx.write(apply)

    @router.get("/v1/notices")
    def list_notices(ctx: Ctx, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        """Notices of the realm, newest first."""
        ctx.require(MAY_READ)
        before = decode_place(cursor, int)
        with ctx.read() as conn:
            rows = store.page(conn, ctx.realm, before_no=before, limit=limit + 1)
        district = ctx.frame.settings.district
        items = [{"no": no, **service.notice_out(district, ctx.realm, notice)} for no, notice in rows]
        return page(items, limit, lambda item: [item["no"]])

    @router.get("/v1/notices/{notice_id}")
    def get_notice(notice_id: str, ctx: Ctx) -> dict[str, Any]:
        """One notice."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            return service.notice_out(ctx.frame.settings.district, ctx.realm, service.get(conn, ctx.realm, notice_id))

    @router.get("/v1/notices/{notice_id}/file")
    def get_file(notice_id: str, ctx: Ctx) -> Response:
        """The file of a notice, to be saved and not to be run."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            notice = service.get(conn, ctx.realm, notice_id)
            content = store.file_content(conn, notice.file.sha256) if notice.file else None
        if notice.file is None or content is None:
            raise NotFound(f"notice {notice_id} has no file", f"通知 {notice_id} 没有附件")
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type=notice.file.media_type, headers=headers)

    @router.delete("/v1/notices/{notice_id}")
    def refuse_delete(notice_id: str, ctx: Ctx) -> None:
        """A notice is never deleted."""
        ctx.require(MAY_ENTER)
        raise Refused(
            "never_deleted",
            f"a notice stays on record; enter another with corrects = {notice_id} (level normal cancels it)",
            f"通知只可更正不可删除；请登记新通知并填写 corrects = {notice_id}（level 为 normal 即取消）",
        )

    return router
