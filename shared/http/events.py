"""事件流 ``GET /v1/events?after=N``: server-sent events (or JSON) with ``id`` = N, Last-Event-ID, heartbeat, 410."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy import func, select

from shared.errors import Gone, Invalid
from shared.http.context import ANONYMOUS, Context, Ctx
from shared.http.numbers import Of, named
from shared.realm import format_time
from shared.vocabulary import Role

if TYPE_CHECKING:
    from shared.frame import Frame

HEARTBEAT_S = 10.0
LOOK_S = 0.5  # a process that stands by hears of no commit: it looks
LOOKS_MAX = 500.0  # in a second, of all streams together: the more follow, the longer each rests between two looks
CHUNK_MAX = 500
COUNT_AGAIN_S = 2.0  # after an event a stream's numbers are counted soon, without one this often


class Followers:
    """听众 The open streams of this process: the writer wakes them as soon as events are committed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def wake(self) -> None:
        """From any thread."""
        with self._lock:
            for loop, bell in self._bells:
                with suppress(RuntimeError):  # the loop is closed, and who listened in it gone
                    loop.call_soon_threadsafe(bell.set)

    @property
    def rest_s(self) -> float:
        return len(self._bells) / LOOKS_MAX

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """A bell of one's own, in the running loop; gone before the loop is."""
        mine = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._bells.add(mine)
        try:
            yield mine[1]
        finally:
            with self._lock:
                self._bells.discard(mine)


def routes() -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.get("/v1/events")
    async def events(
        request: Request,
        ctx: Ctx,
        after: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=CHUNK_MAX)] = 100,
        numbers: bool = False,
        of: Of = None,
    ) -> Response:
        """What happened in the realm, in order. Public events without a token.

        ``numbers=true`` (a stream) also tells ``/v1/numbers`` (those ``of`` these names) to those who may read them: at
        first, soon after events and every two seconds, as events of the kind ``numbers`` without an id; their
        ``after`` is the last event that they know of.
        """
        frame, realm = ctx.frame, ctx.realm
        wanted = named(frame, of)
        public_only = ctx.actor is ANONYMOUS or not ctx.actor.may_realm(realm)
        start = _start(request, after)
        await asyncio.to_thread(_refuse_gap, frame, start)
        if "text/event-stream" not in request.headers.get("accept", ""):
            items = await asyncio.to_thread(_fetch, frame, realm, start or 0, limit, public_only)
            return JSONResponse({"items": items, "next": items[-1]["id"] if items else start or 0})
        if start is None:
            start = await asyncio.to_thread(_last, frame)
        return StreamingResponse(
            _stream(ctx, start, public_only, Teller(ctx, wanted) if numbers and ctx.allows(tuple(Role)) else None),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


def _start(request: Request, after: int | None) -> int | None:
    header = request.headers.get("last-event-id")
    if header is None:
        return after
    if not header.isdigit():
        raise Invalid("Last-Event-ID: give the number of the last event that you saw", field="Last-Event-ID")
    return int(header)


def _last(frame: Frame) -> int:
    table = frame.tables.events
    with frame.store.read() as conn:
        return int(conn.execute(select(func.max(table.c.no))).scalar() or 0)


def _refuse_gap(frame: Frame, after: int | None) -> None:
    if after is None:
        return
    table = frame.tables.events
    with frame.store.read() as conn:
        first = conn.execute(select(func.min(table.c.no))).scalar()
    if first is not None and after + 1 < first and after > 0:
        raise Gone(f"events before {first} are no longer kept; load the lists anew", "更早的事件已清除，请重新加载")


def _fetch(frame: Frame, realm: str, after: int, limit: int, public_only: bool) -> list[dict[str, Any]]:
    table = frame.tables.events
    query = select(table).where(table.c.no > after, table.c.realm == realm).order_by(table.c.no).limit(limit)
    if public_only:
        query = query.where(table.c.public)
    with frame.store.read() as conn:
        return [
            {
                "id": r.no,
                "realm": r.realm,
                "kind": r.kind,
                "subject": r.subject,
                "at": format_time(r.at),
                "body": r.body,
            }
            for r in conn.execute(query)
        ]


def _said(item: dict[str, Any]) -> str:
    return f"id: {item['id']}\nevent: {item['kind']}\ndata: {json.dumps(item, ensure_ascii=False)}\n\n"


class Teller:
    """报数 The numbers of one stream: counted and said soon after an event, else every `COUNT_AGAIN_S`."""

    def __init__(self, ctx: Context, of: tuple[str, ...] | None) -> None:
        self._ctx, self._of, self._counts = ctx, of, ctx.frame.counts
        self._counted_at = -COUNT_AGAIN_S  # monotonic

    def wait_s(self, now: float, *, moved: bool) -> float:
        """How long until they are counted again."""
        return max(0.0, self._counted_at + (self._counts.rest_s(now) if moved else COUNT_AGAIN_S) - now)

    async def say(self, now: float, after: int) -> str:
        """The event, changed or not: who hears none for long knows nothing. They know of event ``after``."""
        self._counted_at = now
        body = await self._counts.text(self._ctx, after, now, self._of)
        return f"event: numbers\ndata: {body}\n\n"


async def _stream(ctx: Context, after: int, public_only: bool, teller: Teller | None) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    frame, loop = ctx.frame, asyncio.get_running_loop()
    quiet_until = loop.time() + HEARTBEAT_S
    moved = True  # since the numbers were counted
    counting: asyncio.Task[str] | None = None  # beside the events: none waits for a count
    with frame.followers.listening() as bell:
        try:
            while not frame.stopping.is_set() and not await ctx.request.is_disconnected():
                bell.clear()  # before the look: what is committed after it rings again
                items = await asyncio.to_thread(_fetch, frame, ctx.realm, after, CHUNK_MAX, public_only)
                if items:
                    after = items[-1]["id"]
                    yield "".join(map(_said, items))
                    quiet_until = loop.time() + HEARTBEAT_S
                elif loop.time() >= quiet_until:
                    yield ": heartbeat\n\n"
                    quiet_until = loop.time() + HEARTBEAT_S
                if len(items) == CHUNK_MAX:
                    continue
                moved = moved or bool(items)
                wait_s = LOOK_S
                if teller is not None and counting is None:
                    if teller.wait_s(loop.time(), moved=moved) <= 0:
                        counting = asyncio.create_task(teller.say(loop.time(), after))
                        moved = False
                    else:
                        wait_s = min(LOOK_S, teller.wait_s(loop.time(), moved=moved))
                await asyncio.sleep(frame.followers.rest_s)
                if counting is not None and await _done_first(counting, bell, wait_s):
                    yield counting.result()
                    counting = None
                    wait_s = min(LOOK_S, teller.wait_s(loop.time(), moved=moved)) if teller else LOOK_S
                if counting is None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(bell.wait(), wait_s)
        finally:
            if counting is not None:
                counting.cancel()


async def _done_first(counting: asyncio.Task[str], bell: asyncio.Event, wait_s: float) -> bool:
    """Whether the count is done; waits until it is, the bell rings, or so long."""
    rung = asyncio.ensure_future(bell.wait())
    try:
        await asyncio.wait({counting, rung}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        rung.cancel()
    return counting.done()
