"""保障接口 ``GET /v1/readiness?people=3000&days=3``"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from services.resources.readiness import service
from services.resources.readiness.readiness import DAYS_MAX, PEOPLE_MAX
from shared.http.context import Ctx
from shared.vocabulary import Role

READERS = (Role.DUTY_OFFICER, Role.COMMANDER, Role.WAREHOUSE_KEEPER, Role.TOWNSHIP, Role.MAINTAINER, Role.SERVICE)
PEOPLE_DEFAULT = 3000  # the district notice, item 19


def routes(in_danger: Callable[[str], frozenset[str]]) -> APIRouter:
    """``in_danger(realm)`` names the places that lie in a danger area now."""
    router = APIRouter(tags=["readiness"])

    @router.get("/v1/readiness")
    def readiness(
        ctx: Ctx,
        people: Annotated[int, Query(ge=1, le=PEOPLE_MAX)] = PEOPLE_DEFAULT,
        days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 3,
    ) -> dict[str, Any]:
        """Per guarantee: need, usable, deliverable within 10 h, gap; and the item that binds."""
        ctx.require(READERS)
        pack = ctx.frame.require_pack()
        now = ctx.frame.domain_now(ctx.realm)
        wet = in_danger(ctx.realm)
        with ctx.read() as conn:
            return service.readiness(conn, ctx.realm, pack, now, people=people, days=days, in_danger=wet)

    return router
