"""报到页 The list, one check-in with every report, and the look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.forms import Both, Form, back, late, read_form, refused, trouble_of
from console.visit import Here, Visit
from shared.errors import NotFound

LISTED_MAX = 300
ACTS = ("tried", "verify", "hand_over", "close")
RECEIVERS = ("119", "120", "110", "township", "team")
FIELDS = ("act", "to", "words", "happened_at")


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/checkins")
    async def page(here: Here, closed: bool = False) -> Response:
        """Open check-ins (群众报到), those who need help first; or the closed ones."""
        return await here.page("checkins", "checkins/page.html", await _list(here, closed=closed))

    @router.get("/part/checkins")
    async def listing(here: Here, closed: bool = False) -> Response:
        """The list, anew."""
        return await here.part("checkins/list.html", await _list(here, closed=closed))

    @router.get("/checkins/{checkin_id}")
    async def one(checkin_id: str, here: Here, done: Annotated[str, Query(max_length=30)] = "") -> Response:
        """One check-in, word for word."""
        return await _one(here, checkin_id, Form(), {"done": done})

    @router.post("/checkins/{checkin_id}/look")
    async def look(checkin_id: str, here: Here, request: Request) -> Response:
        """查看: what I found or whom I told."""
        typed = await read_form(request)
        form = back(typed)
        if typed.is_resumed:
            return await _one(here, checkin_id, form, {})
        errors: dict[str, Both] = {}
        moment = late(typed, errors, here.now)
        if errors:
            return await _one(here, checkin_id, replace(form, errors=errors), {}, 422)
        body = {"act": typed.text("act"), "to": typed.text("to") or None, "words": typed.text("words"), **moment}
        path = f"/v1/checkins/{quote(checkin_id, safe='')}/look"
        asked = await here.post("dispatch", path, body, match=form.match or None, key=form.key)
        trouble = trouble_of(asked)
        if trouble is None:
            return RedirectResponse(here.url(f"/checkins/{checkin_id}", done="looked"), 303)
        return await _one(here, checkin_id, refused(form, trouble, FIELDS), {}, asked.status or 503)

    return router


async def _list(here: Visit, *, closed: bool) -> dict[str, Any]:
    query: dict[str, Any] = {"limit": LISTED_MAX} | ({"state": "closed"} if closed else {})
    asked = (await here.ask({"checkins": ("dispatch", "/v1/checkins", query)}))["checkins"]
    body = asked.body if isinstance(asked.body, dict) and not asked.wrong else {}
    return {
        "checkins": asked.items,
        "numbers": body.get("numbers", {}),
        "more": bool(body.get("next")),
        "closed": closed,
        "wrong": asked.wrong,
    }


async def _one(here: Visit, checkin_id: str, form: Form, more: Mapping[str, Any], status: int = 200) -> Response:
    path = f"/v1/checkins/{quote(checkin_id, safe='')}"
    asked = (await here.ask({"checkin": ("dispatch", path, {})}))["checkin"]
    if asked.status == 404:
        raise NotFound(f"there is no check-in {checkin_id}", f"没有报到 {checkin_id}")
    found = None if asked.wrong else asked.body
    shown = form if form.match or found is None else replace(form, match=str(found["version"]))
    values = {"checkin": found, "wrong": asked.wrong, "form": shown, "acts": ACTS, "receivers": RECEIVERS, **more}
    return await here.page("checkins", "checkins/one.html", values, status)
