"""熔断页 ``/fuse/{fuse}/{scope}`` and ``/stations/{id}``: the grounds of an alarm down to its raw readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console import names as packs
from console.forms import Form, back, beside, on_version, read_form, refused, seen, trouble_of, was_seen
from console.fuse import acts
from console.fuse.view import fuse_view
from console.names import names_of
from console.peers import Ask
from console.visit import Here, Visit
from shared.errors import NotFound

HOURS = (6, 12, 24, 72)
HOURS_DEFAULT = 12
READINGS_SHOWN = 200
Hours = Annotated[int, Query(ge=1, le=72)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/fuse/{fuse}/{scope}")
    async def page(
        fuse: str,
        scope: str,
        here: Here,
        hours: Hours = HOURS_DEFAULT,
        done: Annotated[str, Query(max_length=30)] = "",
    ) -> Response:
        """One alarm (监测告警), with what may be done with it."""
        here.hurry()
        return await _page(here, fuse, scope, hours, {"done": done})

    @router.post("/fuse/{fuse}/{scope}/{act}")
    async def do(fuse: str, scope: str, act: str, here: Here, request: Request) -> Response:
        """What was found on the spot, or the release of the latch; warning decides."""
        if act not in acts.FIELDS:
            raise NotFound("there is no such act", "没有这项办理")
        typed = await read_form(request)
        form = back(typed, name=act)
        if typed.is_resumed:
            return await _page(here, fuse, scope, HOURS_DEFAULT, {"forms": {act: form}})
        body, errors = acts.read(act, typed, here.now)
        if errors:
            return await _page(here, fuse, scope, HOURS_DEFAULT, {"forms": {act: replace(form, errors=errors)}}, 422)
        trip = typed.text("trip_id")  # of the form, not of now: the same click again is the same act on the same trip
        if not trip:
            raise NotFound("this form names no trip", "这张表单没有写明是哪一次告警", field="trip_id")
        asked = await here.post(
            "warning", f"/v1/trips/{quote(trip)}/{act}", body, match=form.match or None, key=form.key
        )
        trouble = trouble_of(asked)
        if trouble is None:
            return RedirectResponse(here.url(f"/fuse/{fuse}/{scope}", done=f"fuse_{act}"), 303)
        shown: dict[str, Any] = {"forms": {act: refused(form, trouble, acts.FIELDS[act])}}
        if trouble.is_stale:
            shown["before"] = was_seen(typed)
        return await _page(here, fuse, scope, HOURS_DEFAULT, shown, asked.status or 503)

    @router.get("/part/fuse/{fuse}/{scope}")
    async def part(
        fuse: str,
        scope: str,
        here: Here,
        hours: Hours = HOURS_DEFAULT,
        offered: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Response:
        """The same, for the script that follows the streams; says when other acts make sense than the page offers."""
        shown = await _look(here, fuse, scope, hours)
        view = shown["view"]
        moved = offered is not None and view is not None and set(offered.split(",")) - {""} != set(view.fuse["may"])
        return await here.part("fuse/body.html", {**shown, "acts_moved": moved})

    @router.get("/stations/{station_id}")
    async def station(station_id: str, here: Here) -> Response:
        """A station's raw readings (原始读数), newest known first, doubtful ones and revisions too."""
        here.hurry()
        asks: dict[str, Ask] = {
            "pack": packs.ASK,
            "station": ("warning", f"/v1/stations/{station_id}", {}),
            "readings": ("warning", f"/v1/stations/{station_id}/readings", {"limit": READINGS_SHOWN}),
        }
        asked = await here.ask(asks)
        found = asked["station"]
        if found.status == 404:
            raise NotFound(f"there is no station {station_id}", f"没有监测站 {station_id}")
        values = {
            "station": found.body if not found.wrong else None,
            "readings": asked["readings"].items,
            "names": names_of(asked["pack"]),
            "station_wrong": found.wrong or asked["readings"].wrong,
        }
        return await here.page("overview", "fuse/station.html", values)

    return router


async def _page(here: Visit, fuse: str, scope: str, hours: int, more: Mapping[str, Any], status: int = 200) -> Response:
    shown = await _look(here, fuse, scope, hours)
    if shown["view"] is None:
        return await here.page("overview", "fuse/page.html", shown, 502)
    stands = shown["view"].fuse
    now, version = acts.facts(stands), str(stands["version"])
    given: Mapping[str, Form] = more.get("forms", {})
    given = on_version(given, version) if more.get("before") is not None else given
    can = stands["may"]
    shown |= {
        "can": [*(act for act in given if act not in can), *can],  # what was typed stays, even where it is too late
        "forms": {**{act: Form(match=version, name=act) for act in acts.FIELDS}, **given},
        "open_form": next(iter(given), None),
        "seen": seen(now),
        "rows": beside(more["before"], now) if more.get("before") else None,
        "done": more.get("done", ""),
    }
    return await here.page("overview", "fuse/page.html", shown, status)


async def _look(here: Visit, fuse: str, scope: str, hours: int) -> dict[str, Any]:
    path = f"/v1/fuses/{fuse}/{scope}"
    asks: dict[str, Ask] = {
        "pack": packs.ASK,
        "fuse": ("warning", path, {}),
        "trend": ("warning", f"{path}/trend", {"hours": hours}),
        "stations": ("warning", "/v1/stations", {"limit": 1000}),
        "orders": ("dispatch", "/v1/orders", {"limit": 1000}),
        "incidents": ("dispatch", "/v1/incidents", {"limit": 50}),
        "cases": ("dispatch", "/v1/callouts", {"limit": 100}),
    }
    asked = await here.ask(asks)
    found = asked["fuse"]
    if found.status == 404:
        raise NotFound(f"there is no fuse {fuse} on {scope}", f"没有告警规则 {fuse}@{scope}")
    names = names_of(asked["pack"])
    return {
        "view": None
        if found.wrong
        else fuse_view(
            found.body,
            names,
            asked["trend"],
            asked["stations"],
            asked["orders"],
            asked["incidents"],
            asked["cases"],
        ),
        "fuse_wrong": found.wrong,
        "acts_moved": False,
        "hours": hours,
        "all_hours": HOURS,
        "at": f"{fuse}/{scope}",
    }
