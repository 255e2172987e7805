"""值班数字 ``GET /v1/numbers``: whether a service is well and the figures that officers always look at, in one answer.

    frame.number("orders", READERS, lambda ctx, conn: store.counts(conn, ctx.realm))

A page shows them anew at each event, so that each is one cheap statement, and never a zero for what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from shared.errors import FengsuiError
from shared.http.context import Context, Ctx
from shared.vocabulary import Role

if TYPE_CHECKING:
    from shared.frame import Frame

PARKED_READERS = (Role.SERVICE, Role.ADMIN, Role.MAINTAINER, Role.DUTY_OFFICER)
Count = Callable[[Context, Connection], Any]


@dataclass(frozen=True)
class Number:
    """一项数字"""

    readers: tuple[Role, ...]
    count: Count


def routes(frame: Frame, numbers: Mapping[str, Number]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/v1/numbers")
    def show(ctx: Ctx) -> dict[str, Any]:
        """Readiness as in ``/readyz``, and the figures of the realm within the caller's areas.

        ``waiting``: messages to other services that are not applied yet; ``parked``: messages that this one refused for
        good. null is not known; a figure that the caller may not read is left out.
        """
        ctx.require(tuple(Role))
        wrong, notes = frame.findings()
        mine = {name: number for name, number in numbers.items() if ctx.allows(number.readers)}
        counted: dict[str, Any] = dict.fromkeys(mine)
        parked = None
        try:
            with ctx.read() as conn:
                counted = {name: _counted(number.count, ctx, conn) for name, number in mine.items()}
                if ctx.allows(PARKED_READERS):
                    parked = conn.execute(select(func.count()).select_from(frame.tables.inbox_parked)).scalar()
        except SQLAlchemyError as error:
            wrong["storage"] = f"{type(error).__name__}: {error}"
        return {
            "ready": not wrong,
            "wrong": wrong,
            "notes": notes,
            "waiting": _waiting(frame.outbox_status()),
            "parked": parked,
            "numbers": counted,
        }

    return router


def _counted(count: Count, ctx: Context, conn: Connection) -> Any:
    """None while the service itself cannot tell, for want of a pack or of the realm's clock."""
    try:
        return count(ctx, conn)
    except FengsuiError:
        return None


def _waiting(outbox: Iterable[Mapping[str, Any]]) -> int | None:
    rows = list(outbox)
    return None if any("error" in row for row in rows) else sum(row["waiting"] for row in rows)
