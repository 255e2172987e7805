"""来访 One request of an officer: who, in which realm, in which language; what he asks, with his own token.

A room's route takes ``here: Here``, asks with ``here.ask``, changes something with ``here.post`` and answers with
``here.page`` (a whole page with head, navigation and status strip) or ``here.part`` (a live part of one).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment

from console import names
from console.desk import Desk
from console.forms import read_form
from console.peers import Ask, Asked
from console.realms import LIVE_REALM, RealmView, choose_realm, realms_of
from console.rooms import ROOMS
from console.session import COOKIE, Officer, log_out, same_origin
from console.settings import SERVICES
from console.strip import STRIP, strip_of
from console.told import Part, asks
from console.words import LANGS, Words

LANG_COOKIE = "fengsui_lang"
PART_PREFIX = "/part/"
ACTION, KEPT = "_action", "kept."


class LoginNeeded(Exception):
    """请先登录: nobody, or a login that has expired."""


@dataclass
class Visit:
    """来访"""

    desk: Desk
    request: Request
    officer: Officer
    realm: RealmView
    realms: list[RealmView]
    realm_wrong: str | None
    words: Words
    wall: datetime
    pack: str = ""  # the version whose words are in use
    _told: asyncio.Future[dict[str, Asked]] | None = None

    @property
    def now(self) -> datetime | None:
        """Domain time; None while the drill's clock stands."""
        return self.realm.now

    async def ask(self, asks: Mapping[str, Ask]) -> dict[str, Asked]:
        """All at once, by name, in this realm; raises for nothing that a service does, but for a login that expired."""
        made = {
            name: (service, path, {"realm": self.realm.realm, **query})
            for name, (service, path, query) in asks.items()
            if (service, path) != names.WHERE or self.pack not in self.desk.packs
        }
        answers = await self.desk.peers.many(made, self.officer.token)
        if any(answer.status == 401 for answer in answers.values()):
            raise LoginNeeded
        for name in asks.keys() - made.keys():
            answers[name] = self.desk.packs[self.pack]
        for name in made:
            if asks[name][:2] == names.WHERE:
                self.desk.keep_pack(answers[name])
        return answers

    async def post(
        self,
        service: str,
        path: str,
        body: Mapping[str, Any],
        *,
        match: int | str | None = None,
        key: str | None = None,
    ) -> Asked:
        """A change in the officer's name, from a page of ours; ``match``: the version seen, ``key``: this click."""
        same_origin(self.request)
        answer = await self.desk.peers.post(
            service, path, self.officer.token, body, match=match, key=key, realm=self.realm.realm
        )
        if answer.status == 401:
            raise LoginNeeded
        return answer

    async def download(self, service: str, path: str) -> tuple[bytes, str] | None:
        """A file of a service's."""
        return await self.desk.peers.download(service, path, self.officer.token, realm=self.realm.realm)

    def url(self, path: str, **query: str | None) -> str:
        """A link of ours that stays in this realm."""
        return link(self.realm.realm, path, **query)

    def hurry(self, *parts: Part) -> None:
        """Ask for the status strip and these parts already, while the page asks for its own."""
        self._told = asyncio.ensure_future(self.ask(asks((STRIP, *parts))))

    async def told(self) -> Mapping[str, Asked]:
        """What the services say for the status strip and the parts that `hurry` named."""
        return await (self._told or self.ask(asks([STRIP])))

    async def page(self, room: str, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """A whole page of ``room``; its template extends ``room.html``."""
        strip = strip_of(await self.told(), self.realm_wrong)
        shown = {"strip": strip, "room": room, "rooms": ROOMS, "services": SERVICES}
        return await self._html(template, {**shown, **values}, status)

    async def part(self, template: str, values: Mapping[str, Any]) -> HTMLResponse:
        """A live part: what stands inside its element. Its head tells the clock anew."""
        answer = await self._html(template, values, 200)
        answer.headers["X-Domain-Now"] = self.now.isoformat() if self.now else ""
        return answer

    async def _html(self, template: str, values: Mapping[str, Any], status: int) -> HTMLResponse:
        """Made in a thread: a long list takes a while, for which no page's stream waits."""
        common = {
            "officer": self.officer,
            "realm": self.realm,
            "realms": self.realms,
            "now": self.now,
            "wall": self.wall,
            "url": self.url,
            "request_path": self.request.url.path,
        }
        return await asyncio.to_thread(
            render, self.desk, self.request, template, {**common, **values}, self.words.lang, status
        )


def link(realm: str, path: str, **query: str | None) -> str:
    """A link of ours into a realm."""
    given = {"realm": realm, **{name: value for name, value in query.items() if value is not None}}
    return f"{path}?{urlencode(given)}"


def fragment(templates: Environment, realm: str, words: Words, template: str, values: Mapping[str, Any]) -> str:
    """What the stream tells of a page: it has no request of its own, and the page's clock counts its times."""
    common = {"t": words, "lang": words.lang, "now": None, "url": partial(link, realm), "realm": {"realm": realm}}
    return templates.get_template(template).render({**common, **values})


async def _visit(
    request: Request,
    realm: Annotated[str | None, Query(max_length=42)] = None,
    lang: Annotated[str | None, Query(max_length=8)] = None,
) -> Visit:
    desk: Desk = request.app.state.desk
    officer = desk.officer(request)
    if officer is None:
        raise LoginNeeded
    known = await desk.peers.get("warning", "/v1/realm")
    realms, default = realms_of(known)
    chosen = choose_realm(realms, default, realm)
    if chosen is None:
        chosen = RealmView(realm or default or LIVE_REALM, 1.0, None, None, None)
    pack = str(known.body.get("pack")) if isinstance(known.body, dict) else ""
    return Visit(desk, request, officer, chosen, realms, known.wrong, Words(_lang(request, lang)), desk.now(), pack)


Here = Annotated[Visit, Depends(_visit)]


def render(
    desk: Desk, request: Request, template: str, values: Mapping[str, Any], lang: str | None, status: int = 200
) -> HTMLResponse:
    """A template in the asked language, which is remembered."""
    words = Words(_lang(request, lang))
    asked = request.query_params.get("lang")
    common = {"t": words, "lang": words.lang, "lang_unknown": asked is not None and asked not in LANGS}
    text = desk.templates.get_template(template).render({**values, **common})
    answer = HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
    if request.query_params.get("lang") in LANGS:
        answer.set_cookie(LANG_COOKIE, words.lang, max_age=365 * 86400, httponly=True, samesite="strict", path="/")
    return answer


async def to_the_door(request: Request, _: Exception) -> Response:
    """登录 What `LoginNeeded` answers: a page goes to the login form and comes back; a part says 401 to the script.

    A form that was sent goes into the door with all that was typed, and comes back out of it filled.
    """
    if request.url.path.startswith(PART_PREFIX):
        return Response(status_code=401)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "POST":
        typed = await read_form(request)
        desk: Desk = request.app.state.desk
        problem = "expired_kept" if typed.fields else "expired"
        answer = render(desk, request, "login.html", {"problem": problem, "action": here, "kept": typed.pairs()}, None)
        log_out(answer)
        return answer
    query: dict[str, str] = {}
    if COOKIE in request.cookies:
        query["why"] = "expired"
    if request.url.path != "/":
        query["next"] = here
    gone = RedirectResponse("/login" + (f"?{urlencode(query)}" if query else ""), 303)
    log_out(gone)
    return gone


def _lang(request: Request, lang: str | None) -> str | None:
    """The asked one where we have it, else the one that was chosen before."""
    return lang if lang in LANGS else request.cookies.get(LANG_COOKIE)
