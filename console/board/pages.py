"""叫应页 The board of all open cases, and one line with what may be done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console import names as packs
from console.board import view
from console.forms import Form, back, read_form, refused, trouble_of
from console.names import names_of
from console.visit import Here, Visit
from shared.errors import NotFound

CASES_MAX = 20
ID_MAX = 64
Show = Annotated[str, Query(max_length=20)]
CaseId = Annotated[str, Query(max_length=ID_MAX)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/board")
    async def page(here: Here, show: Show = "", case: CaseId = "") -> Response:
        """Calls by person (叫应), unanswered first; ``case`` narrows."""
        return await here.page("board", "board/page.html", await _board(here, show, case))

    @router.get("/part/board-list")
    async def listing(here: Here, show: Show = "", case: CaseId = "") -> Response:
        """The board, anew."""
        return await here.part("board/list.html", await _board(here, show, case))

    @router.get("/board/{case_id}/{post}")
    async def one(case_id: str, post: str, here: Here, done: Show = "", reason: CaseId = "") -> Response:
        """One line: everything that was tried, and what may be done."""
        return await _line(here, case_id, post, {"done": done, "reason": reason})

    @router.get("/part/board/{case_id}/{post}")
    async def standing(case_id: str, post: str, here: Here) -> Response:
        """How the line stands, anew."""
        return await here.part("board/standing.html", await _look(here, case_id, post))

    @router.post("/board/{case_id}/{post}/{act}")
    async def do(case_id: str, post: str, act: str, here: Here, request: Request) -> Response:
        """One act for one line, always on behalf: who, what, on which ground."""
        if act not in view.FIELDS:
            raise NotFound("there is no such act", "没有这项办理")
        typed = await read_form(request)
        form = back(typed, name=act)
        if typed.is_resumed:
            return await _line(here, case_id, post, {"forms": {act: form}})
        body, errors = view.read(act, typed, post, here.officer.name, here.now)
        if errors:
            return await _line(here, case_id, post, {"forms": {act: replace(form, errors=errors)}}, 422)
        answers, contacts = f"/v1/callouts/{_safe(case_id)}/answers", f"/v1/roster/{_safe(post)}/contacts"
        asked = await here.post("dispatch", contacts if act == "contact" else answers, body, key=form.key)
        trouble = trouble_of(asked)
        if trouble is not None:
            shown = {"forms": {act: refused(form, trouble, view.FIELDS[act])}}
            return await _line(here, case_id, post, shown, asked.status or 503)
        path = f"/board/{quote(case_id)}/{quote(post)}"
        return RedirectResponse(here.url(path, done=f"call_{act}", reason=asked.body.get("reason")), 303)

    return router


async def _board(here: Visit, show: str, case: str) -> dict[str, Any]:
    answers = await here.ask(
        {"cases": ("dispatch", "/v1/callouts", {"state": "open", "limit": CASES_MAX}), "pack": packs.ASK}
    )
    ids = [str(each["case_id"]) for each in answers["cases"].items if case in ("", each["case_id"])]
    if case and not ids:
        ids = [_safe(case)]  # a closed one that somebody looks back at
    boards = await here.ask({each: ("dispatch", f"/v1/callouts/{each}/board", {}) for each in ids})
    wrong = answers["cases"].wrong or next((each.wrong for each in boards.values() if each.wrong), None)
    return {
        "board": view.board_of(boards.values(), show=show),
        "board_wrong": wrong,
        "names": names_of(answers["pack"]),
        "show": show,
        "case": case,
        "all_cases": answers["cases"].items,
    }


async def _look(here: Visit, case_id: str, post: str) -> dict[str, Any]:
    answers = await here.ask({"board": ("dispatch", f"/v1/callouts/{_safe(case_id)}/board", {}), "pack": packs.ASK})
    asked = answers["board"]
    line = None if asked.wrong else view.line_of(asked.body, post)
    if asked.status == 404 or (not asked.wrong and line is None):
        raise NotFound(f"post {post} is not called in case {case_id}", f"个案 {case_id} 没有叫应岗位 {post}")
    return {"line": line, "case_id": case_id, "post": post, "wrong": asked.wrong, "names": names_of(answers["pack"])}


async def _line(here: Visit, case_id: str, post: str, more: Mapping[str, Any], status: int = 200) -> Response:
    shown = await _look(here, case_id, post)
    given: Mapping[str, Form] = more.get("forms", {})
    shown |= {
        "forms": {**{act: Form(name=act) for act in view.FIELDS}, **given},
        "open_form": next(iter(given), None),
        "grades": view.GRADES,
        "channels": view.CHANNELS,
        "done": more.get("done", ""),
        "reason": more.get("reason", ""),
    }
    return await here.page("board", "board/line.html", shown, status)


def _safe(identifier: str) -> str:
    if not identifier.replace("-", "").replace("_", "").isalnum() or len(identifier) > ID_MAX:
        raise NotFound("there is no such thing", "没有该个案或岗位")
    return identifier
