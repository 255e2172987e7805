"""卡片 What is known of the one thing that is selected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console import names as packs
from console.names import Names, names_of
from console.overview.layers import BY_NAME, FUSES, ORDER_STATES, Item, seen_of
from console.overview.view import Choice
from console.peers import Ask, Asked
from console.visit import Visit

FUSES_SHOWN = 6


@dataclass(frozen=True)
class Card:
    """卡片: ``fuses`` are the alarmed ones that look at a station, ``order`` the one on a unit or site"""

    item: Item
    names: Names
    fuses: list[Mapping[str, Any]]
    order: Mapping[str, Any] | None


async def of(here: Visit, choice: Choice) -> Card | str | None:
    """The selected thing; None where nothing is selected, and in words what kept it."""
    if not choice.sel:
        return None
    name, _, identity = choice.sel.partition(":")
    layer = BY_NAME[name]
    path = f"/v1/fuses/{identity}" if layer is FUSES else f"{layer.path}/{identity}"
    asks: dict[str, Ask] = {"pack": packs.ASK, "one": (layer.service, path, {})}
    asks["fuses"] = ("warning", FUSES.path, {"alarmed": "true", "limit": 1000})
    if name in ("units", "sites"):
        asks["orders"] = ("dispatch", "/v1/orders", {"limit": 1000, "state": list(ORDER_STATES)})
    asked = await here.ask(asks)
    one = asked["one"]
    if one.wrong:
        return one.wrong
    names = names_of(asked["pack"])
    seen = seen_of(names, asked["fuses"], asked.get("orders", Asked()))
    row = one.body
    if layer is FUSES:
        known = [each for each in asked["fuses"].items if f"{each['fuse']}/{each['scope']}" == identity]
        row = {**row, "why": known[0]["why"] if known else None}
    item = layer.make(row, seen)
    looking = [each for each in asked["fuses"].items if name == "stations" and identity in each["stations"]]
    return Card(item, names, looking[:FUSES_SHOWN], seen.held.get(identity))
