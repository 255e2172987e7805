"""熔断页 ``/fuse/{fuse}/{scope}`` and ``/stations/{id}``: the grounds of an alarm down to its raw readings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from console import names as packs
from console.fuse.view import fuse_view
from console.names import names_of
from console.visit import Ask, Here, Visit
from shared.errors import NotFound

HOURS = (6, 12, 24, 72)
HOURS_DEFAULT = 12
READINGS_SHOWN = 200
Hours = Annotated[int, Query(ge=1, le=72)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/fuse/{fuse}/{scope}")
    async def page(fuse: str, scope: str, here: Here, hours: Hours = HOURS_DEFAULT) -> Response:
        """One alarm (监测告警)."""
        here.hurry()
        values = await _look(here, fuse, scope, hours)
        return await here.page("overview", "fuse/page.html", values, 502 if values["fuse_wrong"] else 200)

    @router.get("/part/fuse/{fuse}/{scope}")
    async def part(fuse: str, scope: str, here: Here, hours: Hours = HOURS_DEFAULT) -> Response:
        """The same, for the script that follows the streams."""
        return here.part("fuse/body.html", await _look(here, fuse, scope, hours))

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
        "hours": hours,
        "all_hours": HOURS,
        "at": f"{fuse}/{scope}",
    }
