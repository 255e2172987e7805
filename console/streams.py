"""事件桥 ``/stream``: the events of all services to the officer's page.

A browser opens at most six connections to one host, and needs one of them to load anything: a page follows ``/stream``,
one connection for all services, whose ids say the number of each (``warning=12,dispatch=7``).

The kinds of events are many and grow; a browser hears a named event only if it asked for that name. So names are left
out here (the kind stands in the data), and what the bridge itself says (``here away gap login told``) alone has names;
``told`` has the page's parts that are made of the services' numbers (console/told.py), each as it reads now. A page
with the list of alarms (``rows=true``) has with an event the row that it changes there, as the list would have it.
A browser gives up for good on any answer but 200, so that a service which is away is told inside the stream (``away``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from console.desk import Desk
from console.overview.told_rows import ToldRows
from console.overview.view import NEWEST, SIGHT, TODO, Choice
from console.peers import Asked
from console.session import Officer
from console.settings import SERVICES
from console.strip import STRIP
from console.told import Part, Telling, figures
from console.visit import LANG_COOKIE, fragment
from console.words import Words
from shared.errors import Invalid, NotFound, TooMany, Unauthorized
from shared.ids import is_realm

STREAMS_MAX = 300
RETRY_MS = 2000
AGAIN_S = 1.0  # how soon a service that went away is asked again
TOGETHER_MAX = 50
WAITING_MAX = 1000  # events that a slow browser may be behind; then the services wait
LINE_BYTES_MAX = 1_000_000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
PARTS = {part.name: part for part in (STRIP, TODO, NEWEST, SIGHT)}


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
    told_rows = ToldRows(desk.templates, lambda: next(iter(desk.packs.values()), None))

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
    async def all_streams(
        realm: str, request: Request, parts: Annotated[str, Query(max_length=100)] = "", rows: bool = False
    ) -> StreamingResponse:
        """The events of all services in one realm, over one connection; with the parts and rows that the page has."""
        officer = admit(request, realm)
        last = _numbers(request.headers.get("last-event-id"))
        words = Words(request.cookies.get(LANG_COOKIE))
        page = Page(desk, realm, words, _parts(parts), told_rows if rows else None)
        return answer(_all(desk, officer.token, realm, last, page))

    return router


def _parts(names: str) -> list[Part]:
    found = [PARTS.get(name) for name in names.split(",") if name]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        known = ", ".join(PARTS)
        raise Invalid(f"parts: there are {known}", f"可选的部分：{known}", field="parts")
    return parts


class Page:
    """来看的页面: what one open page has of the stream, in its language; ``rows`` where it has the list of alarms."""

    def __init__(self, desk: Desk, realm: str, words: Words, parts: list[Part], rows: ToldRows | None) -> None:
        self.realm, self.words, self.parts = realm, words, parts
        self._desk, self._rows = desk, rows
        self._telling = Telling(parts, self._html)
        self._knows: dict[str, int | None] = {}  # the last event that a service's figures know of
        self._catching_up = (
            True  # warning repeats what this page missed: of old rows the list that is loaded knows more
        )

    def told(self, service: str, said: Said, now: float) -> str:
        """What reads otherwise by a service's figures, or because it is away."""
        asked = Asked(wrong=f"{service}: away") if said.name == "away" else said.numbers
        if asked is None:
            return ""
        changed = self._telling.take(service, asked, now)
        before, self._knows[service] = self._knows.get(service), _after(asked)
        body = {"service": service, "events": [before, self._knows[service]], "parts": changed}
        return f"event: told\ndata: {json.dumps(body, ensure_ascii=False)}\n\n" if changed else ""

    def row(self, service: str, said: Said) -> str:
        """What an event of warning changes in the list of alarms, as more of the message's JSON."""
        if service != "warning" or self._rows is None:
            return ""
        if said.name is not None or said.numbers is not None:
            self._catching_up = said.numbers is None  # figures are told once all that was missed is
        if self._catching_up or said.data is None or said.number is None:
            return ""
        return self._rows.of(self.realm, self.words, said.number, said.data)

    def _html(self, part: Part, values: Mapping[str, Any]) -> str:
        return fragment(self._desk.templates, self.realm, self.words, part.template, {"choice": Choice(), **values})


async def _all(desk: Desk, token: str, realm: str, last: dict[str, str], page: Page) -> AsyncIterator[str]:
    """All services' events; one that went away is asked again from where it was."""
    told: asyncio.Queue[tuple[str, Said]] = asyncio.Queue(WAITING_MAX)
    numbers, passed = dict(last), dict(last)  # how far each service was read, and how far the page has it
    jobs = [
        asyncio.create_task(_follow(desk, service, token, realm, numbers, told, figures(service, page.parts)))
        for service in SERVICES
    ]
    try:
        while not desk.stopping.is_set():
            ready = [await told.get()]
            while not told.empty() and len(ready) < TOGETHER_MAX:  # what came together goes out together
                ready.append(told.get_nowait())
            if text := "".join(_written(page, service, said, passed) for service, said in ready):
                yield text
            await asyncio.sleep(0)  # the others' turn
    finally:
        for job in jobs:
            job.cancel()


def _written(page: Page, service: str, said: Said, passed: dict[str, str]) -> str:
    """What the page reads of it; ``passed`` is moved on."""
    text = page.told(service, said, asyncio.get_running_loop().time())
    row = page.row(service, said)
    if said.numbers is not None:
        return text
    if said.name == "gap":
        passed.pop(service, None)
    if said.number is not None:
        passed[service] = said.number
    if said.name is not None:
        return f'{text}event: {said.name}\ndata: {{"service":"{service}"}}\n\n'
    if said.data is None:
        return f"{text}:\n\n"
    marks = ",".join(f"{name}={number}" for name, number in passed.items())
    return f'{text}id: {marks}\ndata: {{"service":"{service}","event":{said.data}{row}}}\n\n'


def _after(asked: Asked) -> int | None:
    return asked.body.get("after") if isinstance(asked.body, dict) else None


async def _follow(
    desk: Desk,
    service: str,
    token: str,
    realm: str,
    numbers: dict[str, str],
    told: asyncio.Queue[tuple[str, Said]],
    of: str,
) -> None:
    away = False
    while not desk.stopping.is_set():
        async for said in _events(desk, service, token, realm, numbers.get(service), of):
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


async def _events(desk: Desk, service: str, token: str, realm: str, last: str | None, of: str) -> AsyncIterator[Said]:
    """What one service says from ``last`` on, with its figures ``of`` these names, until the connection ends."""
    try:
        async with desk.peers.stream(service, token, realm, last, of) as answer:
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
