"""时间线页 The incidents, and one with its timeline and what is open; it prints as it stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from console import names as packs
from console.names import names_of
from console.timeline import view
from console.visit import Here, Visit
from shared.errors import NotFound

LISTED_MAX = 50
ID_MAX = 64
LINES_ASKED = 1000
CURSOR_MAX = 200
Show = Annotated[str, Query(max_length=12)]
Before = Annotated[str, Query(max_length=CURSOR_MAX)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/incidents")
    async def page(here: Here) -> Response:
        """Incidents (事件), the newest first."""
        answers = await here.ask({"incidents": ("dispatch", "/v1/incidents", {"limit": LISTED_MAX}), "pack": packs.ASK})
        asked = answers["incidents"]
        shown = {"incidents": asked.items, "wrong": asked.wrong, "names": names_of(answers["pack"])}
        return await here.page("timeline", "timeline/page.html", shown)

    @router.get("/incidents/{incident_id}")
    async def one(incident_id: str, here: Here, show: Show = "", before: Before = "") -> Response:
        """One incident with its timeline."""
        return await here.page("timeline", "timeline/one.html", await _one(here, incident_id, show, before))

    @router.get("/part/incident/{incident_id}")
    async def part(incident_id: str, here: Here, show: Show = "", before: Before = "") -> Response:
        """The same, anew."""
        return await here.part("timeline/lines.html", await _one(here, incident_id, show, before))

    return router


async def _one(here: Visit, incident_id: str, show: str, before: str) -> dict[str, Any]:
    if not incident_id.replace("-", "").isalnum() or len(incident_id) > ID_MAX:
        raise NotFound("there is no such incident", "没有该事件")
    path = f"/v1/incidents/{incident_id}"
    answers = await here.ask(
        {
            "incident": ("dispatch", path, {}),
            "timeline": (
                "dispatch",
                f"{path}/timeline",
                {"limit": LINES_ASKED} | ({"cursor": before} if before else {}),
            ),
            "cases": ("dispatch", "/v1/callouts", {"limit": 100}),
            "pack": packs.ASK,
        }
    )
    incident = answers["incident"]
    if incident.status == 404:
        raise NotFound(f"there is no incident {incident_id}", f"没有事件 {incident_id}")
    return {
        "incident": None if incident.wrong else incident.body,
        "incident_id": incident_id,
        "wrong": [f"{name}: {asked.wrong}" for name, asked in answers.items() if asked.wrong],
        "open": None if incident.wrong else view.open_of(incident.body, answers["cases"].items),
        "lines": view.lines(answers["timeline"].items, show),
        "before": before,
        "older": answers["timeline"].next,
        "link_of": view.link_of,
        "show": show,
        "shows": ("", *view.KINDS, "all"),
        "names": names_of(answers["pack"]),
    }
