"""值班数字 ``GET /v1/numbers``: whether a service is well and what officers always look at, in one answer.

    frame.number("orders", Number(READERS, lambda _, glance: store.counts(glance), asks=(store.COUNTS,)))

Figures, and the heads of short lists. A page shows them anew at each event, so that each must be cheap (a few
milliseconds for a district's worst night), and never a zero for what is not known. What all of them ask of the store is
asked as one statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from sqlalchemy.exc import SQLAlchemyError

from shared.db.together import Glance, Statement
from shared.errors import FengsuiError, Invalid
from shared.http.context import Context, Ctx
from shared.vocabulary import Role

if TYPE_CHECKING:
    from shared.frame import Frame

PARKED_READERS = (Role.SERVICE, Role.ADMIN, Role.MAINTAINER, Role.DUTY_OFFICER)
KEPT_S = 1.0
REST_S = 0.03  # between two counts: an eye sees no sooner, and a burst of events is counted once
RIGHTS_MAX = 200
NAMES_CHARS_MAX = 300
Rights = tuple[str, frozenset[str], tuple[str, ...], tuple[str, ...], tuple[str, ...] | None]
Of = Annotated[str | None, Query(max_length=NAMES_CHARS_MAX, description="names of figures, comma-separated")]
Count = Callable[[Context, Glance], Any]


@dataclass(frozen=True)
class Number:
    """一项数字: who may read it, how it is counted, and what the count reads by `Glance.texts`"""

    readers: Collection[Role]
    count: Count
    asks: tuple[Statement, ...] = ()


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/v1/numbers")
    def show(ctx: Ctx, of: Of = None) -> dict[str, Any]:
        """Readiness as in ``/readyz``, and the realm's figures within the caller's areas; ``of`` these names alone.

        ``waiting``: messages to other services that are not applied yet; ``parked``: messages that this one refused for
        good. null is not known; a figure that the caller may not read is left out. ``/v1/events?numbers=true`` tells
        them as they change.
        """
        ctx.require(tuple(Role))
        return told(frame, ctx, named(frame, of))

    return router


def named(frame: Frame, of: str | None) -> tuple[str, ...] | None:
    """The figures meant by ``of``; None are all of them."""
    if of is None:
        return None
    wanted = tuple(sorted({name for name in of.split(",") if name}))
    unknown = next((name for name in wanted if name not in frame.numbers), None)
    if unknown is not None:
        known = ", ".join(sorted(frame.numbers)) or "-"
        raise Invalid(f"of: no figure '{unknown}'; there are {known}", f"没有数字 {unknown}；可选 {known}", field="of")
    return wanted


def told(frame: Frame, ctx: Context, of: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The answer of ``/v1/numbers`` as of now."""
    wrong, notes = frame.findings()
    mine = {
        name: number
        for name, number in frame.numbers.items()
        if (of is None or name in of) and ctx.allows(number.readers)
    }
    counted: dict[str, Any] = dict.fromkeys(mine)
    parked = waiting = None
    asks = [*frame.sender.asks, frame.parked, *(each for number in mine.values() for each in number.asks)]
    try:
        with ctx.read() as conn:
            glance = Glance(conn, asks, realm=ctx.realm)
            for name, number in mine.items():
                try:
                    counted[name] = _counted(number.count, ctx, glance)
                except msgspec.MsgspecError as error:  # the others are known all the same
                    wrong[f"number {name}"] = f"{type(error).__name__}: {error}"
            waiting = sum(row["waiting"] for row in frame.sender.status(glance))
            if ctx.allows(PARKED_READERS):
                parked = int(glance.texts(frame.parked)[0][0])
    except SQLAlchemyError as error:
        wrong["storage"] = f"{type(error).__name__}: {error}"
    return {
        "ready": not wrong,
        "wrong": wrong,
        "notes": notes,
        "waiting": waiting,
        "parked": parked,
        "numbers": counted,
    }


class Counts:
    """同数 One count for all streams of the same rights, so that many open pages cost no more than one."""

    def __init__(self) -> None:
        self._kept: dict[Rights, tuple[int, float, str]] = {}
        self._locks: dict[Rights, asyncio.Lock] = {}

    def rest_s(self, now: float) -> float:
        """How long each kind of readers waits between two counts, so that all together cost what one may."""
        return REST_S * max(1, sum(now - counted_at < KEPT_S for _, counted_at, _ in self._kept.values()))

    async def text(self, ctx: Context, after: int, now: float, of: tuple[str, ...] | None = None) -> str:
        """The answer as JSON, with the event ``after`` which was there when it was counted, `KEPT_S` ago at most."""
        rights = (ctx.realm, ctx.actor.roles, ctx.actor.areas, ctx.actor.realms, of)
        if rights not in self._locks and len(self._locks) >= RIGHTS_MAX:
            self._kept.clear()
            self._locks.clear()
        async with self._locks.setdefault(rights, asyncio.Lock()):
            kept = self._kept.get(rights)
            if kept is not None and kept[0] >= after and now - kept[1] < KEPT_S:
                return kept[2]
            text = await asyncio.to_thread(self._count, ctx, after, of)
            self._kept[rights] = (after, now, text)
            return text

    @staticmethod
    def _count(ctx: Context, after: int, of: tuple[str, ...] | None) -> str:
        return msgspec.json.encode({**told(ctx.frame, ctx, of), "after": after}).decode()


def _counted(count: Count, ctx: Context, glance: Glance) -> Any:
    """None while the service itself cannot tell, for want of a pack or of the realm's clock."""
    try:
        return count(ctx, glance)
    except FengsuiError:
        return None
