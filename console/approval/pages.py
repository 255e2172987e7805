"""签批页 Alerts by what is due, one alert with what is signed, the hand-over sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console import names as packs
from console.approval import view
from console.forms import Form, back, beside, on_version, read_form, refused, seen, trouble_of, was_seen
from console.names import names_of
from console.visit import Here, Visit
from shared.errors import NotFound

ID_MAX = 120
LISTED_MAX = 300
Word = Annotated[str, Query(max_length=30)]
Digest = Annotated[str, Query(max_length=80)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/approval")
    async def page(here: Here) -> Response:
        """Alerts to the public (预警审批), by what is due with them."""
        return await here.page("approval", "approval/page.html", await _list(here))

    @router.get("/part/approval")
    async def listing(here: Here) -> Response:
        """The list, anew."""
        return await here.part("approval/list.html", await _list(here))

    @router.get("/approval/{alert_id}")
    async def one(alert_id: str, here: Here, act: Word = "", done: Word = "", owed: Digest = "") -> Response:
        """One alert: what will be said, how it differs, who signed, what I may do; ``owed``: to countersign."""
        return await _one(here, alert_id, {"act": act, "done": done, "owed": owed})

    @router.get("/approval/{alert_id}/sheet")
    async def sheet(alert_id: str, here: Here) -> Response:
        """What the release body gets, on one printed page."""
        asked = (await here.ask({"sheet": ("warning", f"/v1/alerts/{_safe(alert_id)}/hand-over", {})}))["sheet"]
        shown = {"sheet": None if asked.wrong else asked.body, "trouble": trouble_of(asked), "alert_id": alert_id}
        return await here.page(
            "approval", "approval/sheet.html", shown, 200 if not asked.wrong else asked.status or 503
        )

    @router.post("/approval/{alert_id}/{act}")
    async def do(alert_id: str, act: str, here: Here, request: Request) -> Response:
        """One act on one alert."""
        if act not in view.ACTS:
            raise NotFound("there is no such act", "没有这项办理")
        typed = await read_form(request)
        form = back(typed, name=act)
        purpose = typed.text("act") if act == "approve" else act if act in ("cancel", "end") else ""
        more: dict[str, Any] = {"act": purpose, "forms": {act: form}, "owed": typed.text("owed")}
        if typed.is_resumed:
            return await _one(here, alert_id, more)
        body, errors = view.read(act, typed, here.now)
        if errors:
            return await _one(here, alert_id, {**more, "forms": {act: replace(form, errors=errors)}}, 422)
        path = f"/v1/alerts/{_safe(alert_id)}/{act}"
        asked = await here.post("warning", path, _without_none(body), match=form.match or None, key=form.key)
        trouble = trouble_of(asked)
        if trouble is None:
            onward = here.url(f"/approval/{quote(alert_id)}", done=act, act=purpose if act == "approve" else None)
            return RedirectResponse(onward, 303)
        more["forms"] = {act: refused(form, trouble, view.ACTS[act])}
        if trouble.is_stale:
            more["before"] = was_seen(typed)
        return await _one(here, alert_id, more, asked.status or 503)

    return router


async def _list(here: Visit) -> dict[str, Any]:
    answers = await here.ask({"alerts": ("warning", "/v1/alerts", {"limit": LISTED_MAX}), "pack": packs.ASK})
    return {
        "heaps": view.heaps(answers["alerts"].items),
        "alerts_wrong": answers["alerts"].wrong,
        "names": names_of(answers["pack"]),
    }


async def _one(here: Visit, alert_id: str, more: Mapping[str, Any], status: int = 200) -> Response:
    path = f"/v1/alerts/{_safe(alert_id)}"
    answers = await here.ask(
        {
            "alert": ("warning", path, {}),
            "keys": ("warning", "/v1/keys", {"owner": here.officer.name}),
            "pack": packs.ASK,
        }
    )
    asked = answers["alert"]
    if asked.status == 404:
        raise NotFound(f"there is no alert {alert_id}", f"没有预警 {alert_id}")
    shown: dict[str, Any] = {"alert": None, "alert_id": alert_id, "wrong": asked.wrong, "done": more.get("done", "")}
    if not asked.wrong:
        shown |= await _shown(here, asked.body, names_of(answers["pack"]), more)
        shown |= {"my_keys": view.keys_of(answers["keys"].items), "keys_wrong": answers["keys"].wrong}
    return await here.page("approval", "approval/one.html", shown, status)


async def _shown(here: Visit, alert: Any, names: packs.Names, more: Mapping[str, Any]) -> dict[str, Any]:
    purpose = view.purpose_of(alert, more.get("act"))
    owed = more.get("owed") or None
    to_sign = ("warning", f"/v1/alerts/{alert['alert_id']}/to-sign", {"act": purpose, "digest": owed})
    asked = (await here.ask({"sheet": to_sign}))["sheet"]
    sheet = None if asked.wrong else asked.body
    can, cannot = view.forms_open(alert)
    given: Mapping[str, Form] = more.get("forms", {})
    match = f"{alert['version']}.{alert['life']['step']}"
    given = on_version(given, match) if more.get("before") is not None else given
    now = view.plain(sheet["message"]) if sheet else {}
    return {
        "alert": alert,
        "names": names,
        "purpose": purpose,
        "owed": owed,
        "may_sign": bool(view.SIGNERS & set(here.officer.roles)) and _signable(sheet, given),
        "heap": view.heap_of(alert),
        "sheet": sheet,
        "sheet_trouble": trouble_of(asked),
        "leaves": view.leaves(sheet["message"]) if sheet else {},
        "diff": view.differences(sheet) if sheet else [],
        "earlier": view.earlier(alert),
        "population": view.people(alert["area"]["codes"], names),
        "can": [*(act for act in given if act not in can), *can],
        "cannot": cannot,
        "forms": {**{act: Form(match=match, name=act) for act in view.ACTS}, **given},
        "open_form": next(iter(given), None),
        "given": view.defaults(alert, sheet, here.officer.name, here.now),
        "seen": seen(now),
        "rows": beside(more["before"], now) if more.get("before") else None,
        "texts": view.TEXTS,
    }


def _signable(sheet: Any, given: Mapping[str, Form]) -> bool:
    """A form that came back stays, with its refusal, even where there is nothing to sign any more."""
    return sheet is not None and (not sheet["blocked"] or "approve" in given)


def _without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _safe(identifier: str) -> str:
    if not identifier.replace("-", "").replace("_", "").replace("@", "").isalnum() or len(identifier) > ID_MAX:
        raise NotFound("there is no such alert", "没有该预警")
    return quote(identifier, safe="@")
