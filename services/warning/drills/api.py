"""演练接口 ``/v1/realms``: start a drill; resume or end one that a real event interrupted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.warning.drills import service
from services.warning.drills.service import realm_out
from shared.db.tx import Tx
from shared.errors import Invalid
from shared.frame import Frame
from shared.http.context import Answer, Ctx
from shared.realm import SPEED_MAX, drill_clock
from shared.vocabulary import Role

MAY_START = (Role.DUTY_OFFICER, Role.ADMIN)
MAY_DECIDE = (Role.DUTY_OFFICER, Role.COMMANDER, Role.ISSUER)
"""Who signs that a drill goes on or ends after a real event; who runs the machine does not."""


class RealmBody(BaseModel):
    """演练: a drill realm ``x-NAME`` whose time is ``v0`` now and runs ``speed`` times as fast as the wall."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=39)
    speed: float = Field(gt=0, le=SPEED_MAX)
    v0: AwareDatetime


class ReasonBody(BaseModel):
    """签批: why"""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(pattern=r"^[^\x00]*\S[^\x00]*$", max_length=1000)]


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(tags=["realm"])

    @router.post("/v1/realms", status_code=201)
    def start_drill(body: RealmBody, ctx: Ctx) -> JSONResponse:
        """Start a drill's realm; 409 while one of that name is there, and while a real red stands."""
        realm = f"x-{body.name}"
        try:
            drill_clock(body.name, body.speed, body.v0, body.v0, None)
        except ValueError as error:
            raise Invalid(f"name: {error}", field="name") from None
        ctx.require(MAY_START, realm=realm)
        sub, pack = ctx.actor.sub, frame.active_pack()

        def apply(tx: Tx) -> Answer:
            clock = drill_clock(body.name, body.speed, body.v0, tx.now, tx.realms.boot)
            service.start(tx, clock, pack, sub)
            return Answer({"district": tx.district, **realm_out(clock)}, 201)

        return ctx.write(apply, whatever_state=True)

    @router.post("/v1/realms/{realm}/resume")
    def resume(realm: str, body: ReasonBody, ctx: Ctx) -> JSONResponse:
        """恢复演练 It goes on from where it stood; 409 while the real red stands."""
        ctx.require(MAY_DECIDE, realm=realm)
        sub, pack = ctx.actor.sub, frame.active_pack()

        def apply(tx: Tx) -> Answer:
            clock = service.resume(tx, realm, pack, by=sub, reason=body.reason)
            return Answer({"district": tx.district, **realm_out(clock)})

        return ctx.write(apply, whatever_state=True)

    @router.post("/v1/realms/{realm}/end")
    def end(realm: str, body: ReasonBody, ctx: Ctx) -> JSONResponse:
        """结束演练 For good; the record stays."""
        ctx.require((*MAY_DECIDE, Role.ADMIN), realm=realm)
        sub = ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            clock = service.end(tx, realm, by=sub, reason=body.reason)
            return Answer({"district": tx.district, **realm_out(clock)})

        return ctx.write(apply, whatever_state=True)

    return router
