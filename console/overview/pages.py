"""总览页 The overview and its live parts. Reads everything anew each time: a reload is always right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from console import strip
from console.overview import view
from console.peers import Asked
from console.visit import Here, Visit
from shared.errors import NotFound

PARTS = ("fuses", "orders", "board", "timeline")
CASES_SHOWN = 6
INCIDENTS_SHOWN = 6
FUSES_EXPLAINED = 12


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def page(here: Here) -> Response:
        """The overview (总览), on the running realm or the asked one."""
        return await here.page("overview", "overview/page.html", await _look(here, PARTS))

    @router.get("/part/strip")
    async def strip_part(here: Here) -> Response:
        """The status strip, which stands on every page."""
        asked = await here.ask(strip.asks())
        return here.part("parts/strip.html", {"strip": strip.strip_of(asked, here.realm_wrong)})

    @router.get("/part/{name}")
    async def part(name: str, here: Here) -> Response:
        """One part of the page, for the script that follows the streams."""
        if name not in PARTS:
            raise NotFound("there is no such part", "没有该部分")
        return here.part(f"overview/{name}.html", await _look(here, (name,)))

    return router


async def _look(here: Visit, parts: tuple[str, ...]) -> dict[str, Any]:
    """Everything that the parts show, asked at once."""
    answers = await here.ask(_asks(parts))
    seen: dict[str, Any] = {}
    if "fuses" in parts:
        fuses = view.fuses_of(answers["fuses"])
        seen |= {"fuses": await _explained(here, fuses), "fuses_wrong": answers["fuses"].wrong}
    if "orders" in parts:
        seen |= {"orders": view.orders_of(answers["orders"]), "orders_wrong": answers["orders"].wrong}
    if "board" in parts:
        boards = await _each(here, answers["cases"], "case_id", CASES_SHOWN, "/v1/callouts/{}/board")
        seen |= {"cases": view.cases_of(boards), "board_wrong": answers["cases"].wrong or _wrong_of(boards)}
    if "timeline" in parts:
        found = answers["incidents"]
        timelines = await _each(here, found, "incident_id", INCIDENTS_SHOWN, "/v1/incidents/{}/timeline")
        seen |= {"lines": view.timeline_of(timelines), "timeline_wrong": found.wrong or _wrong_of(timelines)}
    return seen


def _asks(parts: tuple[str, ...]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What the parts need, by name: (service, path, query)."""
    known: dict[str, tuple[str, str, dict[str, Any]]] = {
        "orders": ("dispatch", "/v1/orders", {"limit": 500}),
        "cases": ("dispatch", "/v1/callouts", {"state": "open"}),
        "fuses": ("warning", "/v1/fuses", {"limit": 500}),
        "incidents": ("dispatch", "/v1/incidents", {"limit": INCIDENTS_SHOWN}),
    }
    wanted = {"orders": "orders", "board": "cases", "fuses": "fuses", "timeline": "incidents"}
    return {wanted[part]: known[wanted[part]] for part in parts}


async def _each(here: Visit, found: Asked, key: str, most: int, path: str) -> list[Asked]:
    ids = [str(row[key]) for row in found.items[:most]]
    return list((await here.ask({name: ("dispatch", path.format(name), {}) for name in ids})).values())


async def _explained(here: Visit, fuses: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The worst fuses with the record that says why they stand where they are."""
    ids = [f"{row['fuse']}/{row['scope']}" for row in fuses]
    answers = await here.ask({name: ("warning", f"/v1/fuses/{name}", {}) for name in ids[:FUSES_EXPLAINED]})
    return [{**row, **view.reason_of(answers.get(name))} for name, row in zip(ids, fuses, strict=True)]


def _wrong_of(answers: list[Asked]) -> str | None:
    return next((answer.wrong for answer in answers if answer.wrong), None)
