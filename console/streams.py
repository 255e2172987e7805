"""事件桥 The services' events to the officer's page: ``/stream/{service}`` one, ``/stream`` all three.

A browser opens at most six connections to one host, and needs one of them to load anything: a page follows ``/stream``,
one connection for all services, whose ids say the number of each (``warning=12,dispatch=7``).

The kinds of events are many and grow; a browser hears a named event only if it asked for that name. So names are left
out here (the kind stands in the data), and what the bridge itself says (``here away gap login``) has the names alone;
``strip`` is the status strip, made of what the services tell of their numbers, so that no page has to ask for it.
A browser gives up for good on any answer but 200, so that a service which is away is told inside the stream (``away``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from console.desk import Desk
from console.peers import Asked
from console.session import Officer
from console.settings import SERVICES
from console.strip import strip_of
from console.visit import LANG_COOKIE, link
from console.words import Words
from shared.errors import NotFound, TooMany, Unauthorized
from shared.ids import is_realm

STREAMS_MAX = 300
RETRY_MS = 2000
NUMBERS_S = 6.0  # services tell their numbers every two seconds: who is silent for longer is not known
AGAIN_S = 1.0  # how soon a service that went away is asked again
WAITING_MAX = 1000  # events that a slow browser may be behind; then the services wait
LINE_BYTES_MAX = 1_000_000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class Said:
    """一句: ``name`` is the bridge's own word, else ``data`` a service's event or ``numbers``; none is a heartbeat."""

    name: str | None = None
    number: str | None = None
    data: str | None = None
    numbers: Asked | None = None  # the service's figures, in place of an event


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    open_streams: set[object] = set()

    def admit(request: Request, realm: str) -> Officer:
        if not is_realm(realm):
            raise NotFound("there is no such stream", "没有该事件流")
        officer = desk.officer(request)
        if officer is None:
            raise Unauthorized("log in first", "请先登录")
        if len(open_streams) >= STREAMS_MAX:
            raise TooMany("too many pages are open", "打开的页面过多")
        return officer

    def answer(lines: AsyncIterator[str]) -> StreamingResponse:
        async def counted() -> AsyncIterator[str]:
            mark = object()
            open_streams.add(mark)
            try:
                yield f"retry: {RETRY_MS}\n\n"
                async for line in lines:
                    yield line
            finally:
                open_streams.discard(mark)

        return StreamingResponse(counted(), media_type="text/event-stream", headers=HEADERS)

    @router.get("/stream")
    async def all_streams(realm: str, request: Request) -> StreamingResponse:
        """The events of all services in one realm, over one connection."""
        officer = admit(request, realm)
        words = Words(request.cookies.get(LANG_COOKIE))
        page = StripPage(desk, realm, words)
        return answer(_all(desk, officer.token, realm, _numbers(request.headers.get("last-event-id")), page))

    @router.get("/stream/{service}")
    async def stream(service: str, realm: str, request: Request) -> StreamingResponse:
        """The events of one service in one realm."""
        if service not in SERVICES:
            raise NotFound("there is no such stream", "没有该事件流")
        officer = admit(request, realm)
        return answer(_one(desk, service, officer.token, realm, request.headers.get("last-event-id")))

    return router


async def _one(desk: Desk, service: str, token: str, realm: str, last: str | None) -> AsyncIterator[str]:
    """One service's events until it goes away: then the browser comes back with the last number it saw."""
    async for said in _events(desk, service, token, realm, last):
        if said.name is not None:
            yield ("id\n" if said.name == "gap" else "") + f"event: {said.name}\ndata: {{}}\n\n"
        elif said.numbers is not None:
            continue  # the strip needs those of all services
        elif said.data is not None:
            yield (f"id: {said.number}\n" if said.number else "") + f"data: {said.data}\n\n"
        else:
            yield ":\n\n"


class StripPage:
    """状态条: made anew as the services tell their numbers; said when it reads otherwise than before"""

    def __init__(self, desk: Desk, realm: str, words: Words) -> None:
        self._desk, self._realm, self._words = desk, realm, words
        self._told: dict[str, Asked] = {}
        self._at: dict[str, float] = {}  # monotonic
        self._shown = ""

    def take(self, service: str, said: Said) -> str:
        """The event for the page; nothing while a service has not told anything yet, or where nothing changed."""
        if said.numbers is not None:
            self._told[service] = said.numbers
        elif said.name == "away":
            self._told[service] = Asked(wrong=f"{service}: away")
        else:
            return ""
        if len(self._told) < len(SERVICES):
            return ""
        now = asyncio.get_running_loop().time()
        self._at[service] = now
        for name, at in self._at.items():
            if now - at > NUMBERS_S:
                self._told[name] = Asked(wrong=f"{name}: silent")
        html = self._desk.templates.get_template("parts/strip.html").render(
            strip=strip_of(self._told), t=self._words, lang=self._words.lang, now=None, url=partial(link, self._realm)
        )
        if html == self._shown:
            return ""
        self._shown = html
        return f"event: strip\ndata: {json.dumps({'html': html}, ensure_ascii=False)}\n\n"


async def _all(desk: Desk, token: str, realm: str, last: dict[str, str], page: StripPage) -> AsyncIterator[str]:
    """All services' events; one that went away is asked again from where it was."""
    told: asyncio.Queue[tuple[str, Said]] = asyncio.Queue(WAITING_MAX)
    numbers = dict(last)
    jobs = [asyncio.create_task(_follow(desk, service, token, realm, numbers, told)) for service in SERVICES]
    try:
        while not desk.stopping.is_set():
            service, said = await told.get()
            if strip := page.take(service, said):
                yield strip
            if said.numbers is not None:
                continue
            if said.name is not None:
                yield f'event: {said.name}\ndata: {{"service":"{service}"}}\n\n'
            elif said.data is not None:
                marks = ",".join(f"{name}={number}" for name, number in numbers.items())
                yield f'id: {marks}\ndata: {{"service":"{service}","event":{said.data}}}\n\n'
            else:
                yield ":\n\n"
    finally:
        for job in jobs:
            job.cancel()


async def _follow(
    desk: Desk, service: str, token: str, realm: str, numbers: dict[str, str], told: asyncio.Queue[tuple[str, Said]]
) -> None:
    away = False
    while not desk.stopping.is_set():
        async for said in _events(desk, service, token, realm, numbers.get(service)):
            if said.name == "away" and away:
                continue  # said already
            if said.name is not None:
                away = said.name == "away"
            if said.name == "gap":
                numbers.pop(service, None)
            if said.number is not None:
                numbers[service] = said.number
            await told.put((service, said))
            if said.name == "login":
                return
        with suppress(TimeoutError):
            await asyncio.wait_for(desk.stopping.wait(), AGAIN_S)


async def _events(desk: Desk, service: str, token: str, realm: str, last: str | None) -> AsyncIterator[Said]:
    """What one service says from ``last`` on, until the connection ends."""
    try:
        async with desk.peers.stream(service, token, realm, last) as answer:
            if answer.status_code == 410:  # older than what is kept: the page loads its lists anew
                yield Said("gap")
            elif answer.status_code == 401:
                yield Said("login")
            elif not answer.is_success:
                yield Said("away")
            else:
                yield Said("here")
                async for said in _read(answer):
                    if desk.stopping.is_set():
                        return
                    yield said
                yield Said("away")
    except (httpx.HTTPError, ValueError):  # gone, or what it says cannot be read
        yield Said("away")


async def _read(answer: httpx.Response) -> AsyncIterator[Said]:
    number: str | None = None
    kind = ""
    async for line in _lines(answer):
        name, _, value = line.partition(":")
        if not line:
            kind = ""
        elif name == "id":
            number = value.strip()
        elif name == "event":
            kind = value.strip()
        elif name == "data" and kind == "numbers":
            yield Said(numbers=Asked(body=json.loads(value), status=200))
        elif name == "data":
            yield Said(None, number, value.strip())
        elif not name:
            yield Said()


async def _lines(answer: httpx.Response) -> AsyncIterator[str]:
    rest = b""
    async for chunk in answer.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            return
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")


def _numbers(text: str | None) -> dict[str, str]:
    """``warning=12,dispatch=7`` as it stood in the last id that the browser saw."""
    pairs = (part.partition("=") for part in (text or "").split(","))
    return {name: number for name, _, number in pairs if name in SERVICES and number.isdigit()}
