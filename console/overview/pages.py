"""总览页 The overview and the map room (the same page, with more map), and their live parts.

Reads everything anew each time: a reload is always right. What is chosen stands in the URL, so that a link shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from console import names as packs
from console.names import names_of
from console.overview import card, view
from console.overview.layers import FUSES, LAYERS, ORDER_STATES, items_of, seen_of
from console.overview.view import NEWEST, SIGHT, TODO, Choice, choice_of
from console.peers import Ask, Asked
from console.strip import STRIP, strip_of
from console.told import Part, asks
from console.visit import Here, Visit

WORD_MAX = 60
SEL_MAX = 160
ROWS_ASKED = 1000
OPEN_ORDERS: Ask = ("dispatch", "/v1/orders", {"limit": 1000, "state": list(ORDER_STATES)})
ALARMED: Ask = ("warning", FUSES.path, {"alarmed": "true", "limit": ROWS_ASKED})
Word = Annotated[str, Query(max_length=WORD_MAX)]


def _choice(
    layer: Annotated[str | None, Query(alias="list", max_length=20)] = None,
    township: Word = "",
    level: Word = "",
    state: Word = "",
    words: Annotated[str, Query(alias="q", max_length=WORD_MAX)] = "",
    sel: Annotated[str, Query(max_length=SEL_MAX)] = "",
    map_wanted: Annotated[str, Query(alias="map", max_length=5)] = "",
) -> Choice:
    return choice_of(layer, township, level, state, words, sel, map_off=map_wanted == "off")


Chosen = Annotated[Choice, Depends(_choice)]


def routes() -> APIRouter:
    router = APIRouter()
    _pages(router)
    _parts(router)
    return router


def _pages(router: APIRouter) -> None:
    @router.get("/")
    async def overview(here: Here, choice: Chosen) -> Response:
        """The overview (总览), on the running realm or the asked one."""
        return await _page(here, choice, "overview")

    @router.get("/map")
    async def map_room(here: Here, choice: Chosen) -> Response:
        """The same with more map (地图)."""
        return await _page(here, choice, "map")


def _parts(router: APIRouter) -> None:
    @router.get("/part/strip")
    async def strip_part(here: Here) -> Response:
        """The status strip, which stands on every page."""
        asked = await here.ask(asks([STRIP]))
        return await here.part(STRIP.template, {"strip": strip_of(asked, here.realm_wrong)})

    @router.get("/part/overview/list")
    async def list_part(here: Here, choice: Chosen) -> Response:
        """The list with its filter."""
        asked = await here.ask(_asks(choice))
        return await here.part("overview/list.html", await asyncio.to_thread(_listed, choice, asked))

    @router.get("/part/overview/sight")
    async def sight_part(here: Here, choice: Chosen) -> Response:
        """How many alarms there are, and how much nobody watches."""
        told = await here.ask(asks([SIGHT]))
        return await here.part(SIGHT.template, {"choice": choice, **SIGHT.values(told)})

    @router.get("/part/overview/card")
    async def card_part(here: Here, choice: Chosen) -> Response:
        """What is selected."""
        return await here.part("overview/card.html", {"choice": choice, "card": await card.of(here, choice)})

    @router.get("/part/overview/todo")
    async def todo_part(here: Here) -> Response:
        """What waits for a signature, what is unanswered."""
        return await _told(here, TODO)

    @router.get("/part/overview/newest")
    async def newest_part(here: Here) -> Response:
        """What became known last."""
        return await _told(here, NEWEST)


async def _told(here: Visit, part: Part) -> Response:
    return await here.part(part.template, part.values(await here.ask(asks([part]))))


async def _page(here: Visit, choice: Choice, room: str) -> Response:
    here.hurry(TODO, NEWEST, SIGHT)
    asked, told, selected = await asyncio.gather(here.ask(_asks(choice)), here.told(), card.of(here, choice))
    values = {
        **await asyncio.to_thread(_listed, choice, asked),
        **TODO.values(told),
        **NEWEST.values(told),
        **SIGHT.values(told),
        "card": selected,
        "layers": LAYERS,
        "has_map": here.desk.has_map,
        "query": choice.query(),
    }
    return await here.page(room, "overview/page.html", values)


def _asks(choice: Choice) -> dict[str, Ask]:
    """What the list needs, by name."""
    layer = choice.layer
    asks: dict[str, Ask] = {"pack": packs.ASK, "fuses": ALARMED}
    if layer is FUSES:
        if choice.state == "blind" or choice.level == "normal":
            asks["rows"] = ("warning", FUSES.path, {"limit": ROWS_ASKED})
    else:
        asks["rows"] = (layer.service, layer.path, {"limit": ROWS_ASKED})
    if layer.name in ("units", "sites"):
        asks["orders"] = OPEN_ORDERS
    return asks


def _listed(choice: Choice, asked: Mapping[str, Asked]) -> dict[str, Any]:
    names = names_of(asked["pack"])
    rows = asked.get("rows", asked["fuses"])
    seen = seen_of(names, asked["fuses"], asked.get("orders", Asked()))
    found = view.listed(items_of(choice.layer, rows, seen), choice, names)
    return {
        "choice": choice,
        "layers": LAYERS,
        "names": names,
        "listed": found,
        "list_wrong": rows.wrong or asked.get("orders", Asked()).wrong,
    }
