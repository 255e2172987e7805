"""通知页 The form, what it would open, one notice and what it opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console import names as packs
from console.forms import Form, back, read_form, refused, trouble_of
from console.names import Names, names_of
from console.notices import view
from console.notices.view import Draft
from console.peers import Asked
from console.visit import Here, Visit
from shared.errors import NotFound

AREAS_MAX = 200
ID_MAX = 64


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/notices")
    async def page(here: Here, corrects: Annotated[str | None, Query(max_length=ID_MAX)] = None) -> Response:
        """The notice form (通知录入); ``corrects`` fills it with an earlier notice."""
        return await _form(here, Form(), corrects)

    @router.post("/notices")
    async def send(here: Here, request: Request) -> Response:
        """Shows what the notice would open, or sends it if that is what was seen."""
        typed = await read_form(request)
        form = back(typed)
        corrects = typed.text("corrects") or None
        names = names_of((await here.ask({"pack": packs.ASK}))["pack"])
        draft = view.read(typed, names, here.now)
        if typed.is_resumed:
            return await _form(here, form, corrects, draft=None if draft.errors else draft)
        if draft.errors:
            return await _form(here, replace(form, errors=draft.errors), corrects, 422)
        if draft.opens and typed.text("foreseen") != draft.mark:
            return await _form(here, form, corrects, draft=draft)
        return await _send(here, form, draft, corrects)

    @router.get("/part/foresee")
    async def foresee(
        here: Here,
        hazard: Annotated[str, Query(max_length=20)] = "",
        level: Annotated[str, Query(max_length=10)] = "",
        areas: Annotated[str, Query(max_length=2000)] = "",
    ) -> Response:
        """What a notice would open, while it is being typed."""
        names = names_of((await here.ask({"pack": packs.ASK}))["pack"])
        found = packs.areas_in(areas, names)
        draft = Draft(body={"hazard": hazard, "level": level, "areas": list(found.codes)}, errors={})
        return await here.part(
            "notices/foreseen.html", {**await _foreseen(here, draft), "names": names, "wrong": found.wrong}
        )

    @router.get("/notices/{notice_id}")
    async def one(notice_id: str, here: Here, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        """One notice with what it opened."""
        shown = await _one(here, notice_id)
        return await here.page("notices", "notices/one.html", {**shown, "done": done})

    @router.get("/part/notice/{notice_id}")
    async def opened(notice_id: str, here: Here) -> Response:
        """What the notice opened, as it comes."""
        return await here.part("notices/opened.html", await _one(here, notice_id))

    @router.get("/notices/{notice_id}/file")
    async def file(notice_id: str, here: Here) -> Response:
        """The notice's file, to be saved."""
        found = await here.download("warning", f"/v1/notices/{_safe(notice_id)}/file")
        if found is None:
            raise NotFound(f"notice {notice_id} has no file", f"通知 {notice_id} 没有附件")
        content, media_type = found
        headers = {"Content-Disposition": "attachment", "Cache-Control": "no-store"}
        return Response(content, media_type=media_type, headers=headers)

    return router


async def _form(
    here: Visit, form: Form, corrects: str | None, status: int = 200, *, draft: Draft | None = None
) -> Response:
    asks: dict[str, tuple[str, str, dict[str, Any]]] = {
        "pack": packs.ASK,
        "notices": ("warning", "/v1/notices", {"limit": view.NOTICES_SHOWN}),
    }
    if corrects:
        asks["corrected"] = ("warning", f"/v1/notices/{_safe(corrects)}", {})
    answers = await here.ask(asks)
    names = names_of(answers["pack"])
    corrected = answers["corrected"].body if corrects and not answers["corrected"].wrong else None
    shown: dict[str, Any] = {
        "form": form,
        "names": names,
        "given": view.defaults(here.now, corrected, names),
        "corrected": corrected,
        "corrects_wrong": answers["corrected"].wrong if corrects else None,
        "notices": answers["notices"].items,
        "notices_wrong": answers["notices"].wrong,
        "issuers": view.issuers(answers["notices"].items),
        "kinds": view.KINDS,
        "levels": view.LEVELS,
        "scales": view.SCALES,
        "pack_wrong": answers["pack"].wrong,
        "foreseen": None,
    }
    if draft is not None:
        shown |= await _foreseen(here, draft)
    return await here.page("notices", "notices/page.html", shown, status)


async def _foreseen(here: Visit, draft: Draft) -> Mapping[str, Any]:
    if not draft.opens:
        return {"foreseen": None, "mark": ""}
    query = {name: draft.body[name] for name in ("hazard", "level", "areas")}
    asked = (await here.ask({"preview": ("dispatch", "/v1/incidents/preview", query)}))["preview"]
    if asked.wrong:
        # a notice is never kept back because what it opens cannot be foreseen
        return {"foreseen": {}, "mark": draft.mark, "foreseen_wrong": asked.wrong}
    return {"foreseen": view.foreseen(asked.body), "mark": draft.mark}


async def _send(here: Visit, form: Form, draft: Draft, corrects: str | None) -> Response:
    asked = await here.post("warning", "/v1/notices", draft.body, key=form.key)
    trouble = trouble_of(asked)
    if trouble is not None:
        return await _form(here, refused(form, trouble, view.FIELDS), corrects, asked.status or 503)
    done = "duplicate" if asked.body.get("duplicate") else "entered"
    return RedirectResponse(here.url(f"/notices/{asked.body['notice_id']}", done=done), 303)


async def _one(here: Visit, notice_id: str) -> dict[str, Any]:
    answers = await here.ask(
        {
            "notice": ("warning", f"/v1/notices/{_safe(notice_id)}", {}),
            "pack": packs.ASK,
            "trips": ("warning", "/v1/trips", {"limit": 200}),
            "incidents": ("dispatch", "/v1/incidents", {"limit": 50}),
            "cases": ("dispatch", "/v1/callouts", {"limit": 100}),
        }
    )
    notice: Asked = answers["notice"]
    if notice.status == 404:
        raise NotFound(f"there is no notice {notice_id}", f"没有通知 {notice_id}")
    names: Names = names_of(answers["pack"])
    trips = view.trips_of(notice.body, answers["trips"].items) if not notice.wrong else []
    return {
        "notice": None if notice.wrong else notice.body,
        "notice_id": notice_id,
        "wrong": [f"{name}: {asked.wrong}" for name, asked in answers.items() if asked.wrong],
        "names": names,
        "trips": trips,
        **view.opened_by(trips, answers["incidents"].items, answers["cases"].items),
    }


def _safe(identifier: str) -> str:
    """An id as part of a path: what is none of ours is none at all."""
    if not identifier.replace("-", "").isalnum() or len(identifier) > ID_MAX:
        raise NotFound("there is no such notice", "没有该通知")
    return identifier
