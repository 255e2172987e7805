"""事件桥 ``/stream/{service}``: each service's events to the officer's page, one stream a service, nothing invented.

The kinds of events are many and grow; a browser hears a named event only if it asked for that name. So names are left
out here (the kind stands in the data), and what the bridge itself says (``here away gap login``) has the names alone.
A browser gives up for good on any answer but 200, so that a service which is away is told inside the stream (``away``),
which then ends: the browser comes back with the last number it saw.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from console.desk import Desk
from console.settings import SERVICES
from shared.errors import NotFound, TooMany, Unauthorized
from shared.ids import is_realm

STREAMS_MAX = 300  # a hundred pages
RETRY_MS = 2000
LINE_BYTES_MAX = 1_000_000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    open_streams: set[object] = set()

    @router.get("/stream/{service}")
    async def stream(service: str, realm: str, request: Request) -> StreamingResponse:
        """The events of one service in one realm."""
        if service not in SERVICES or not is_realm(realm):
            raise NotFound("there is no such stream", "没有该事件流")
        officer = desk.officer(request)
        if officer is None:
            raise Unauthorized("log in first", "请先登录")
        if len(open_streams) >= STREAMS_MAX:
            raise TooMany("too many pages are open", "打开的页面过多")
        last = request.headers.get("last-event-id")

        async def bridge() -> AsyncIterator[bytes]:
            mark = object()
            open_streams.add(mark)
            try:
                async for chunk in _bridge(desk, service, officer.token, realm, last):
                    yield chunk
            finally:
                open_streams.discard(mark)

        return StreamingResponse(bridge(), media_type="text/event-stream", headers=HEADERS)

    return router


async def _bridge(desk: Desk, service: str, token: str, realm: str, last: str | None) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MS}\n\n".encode()
    try:
        async with desk.peers.stream(service, token, realm, last) as answer:
            if answer.status_code == 410:  # older than what is kept: the page loads its lists anew
                yield b"id\nevent: gap\ndata: {}\n\n"
                return
            if answer.status_code == 401:
                yield b"event: login\ndata: {}\n\n"
                return
            if not answer.is_success:
                yield b"event: away\ndata: {}\n\n"
                return
            yield b"event: here\ndata: {}\n\n"
            async for line in _lines(answer):
                if desk.stopping.is_set():
                    return
                yield line
    except httpx.HTTPError:
        yield b"event: away\ndata: {}\n\n"


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The stream line by line, without the events' names."""
    rest = b""
    async for chunk in answer.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            return
        kept = [line for line in whole if not line.startswith(b"event:")]
        if kept:
            yield b"\n".join(kept) + b"\n"
