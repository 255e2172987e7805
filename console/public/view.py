"""公众页视图 What the page shows, made of public answers. Pure. What is not known is never made to look safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.public.sources import Seen
from console.times import parse

STANDING = frozenset({"released", "updated"})
RANK = {"red": 0, "orange": 1, "yellow": 2, "blue": 3}
ENDED_SHOWN = 3
STEPS_SHOWN = 30
WIDE = frozenset({"village", "group"})
"""A place that is an area: its middle says little of where in it somebody stands."""
UNPLACED = frozenset({"district", "township", "street", "park"})
Both = Mapping[str, str]


class Where(StrEnum):
    """地点精度"""

    NOWHERE = "nowhere"  # nothing chosen, or only a township: no way can be told
    WIDE = "wide"  # a village
    EXACT = "exact"  # a house, a site, a position


@dataclass(frozen=True)
class AlertView:
    """一条预警"""

    level: str
    headline: Both
    instruction: Both
    sent_at: str | None
    expires_at: str | None
    is_expired: bool


@dataclass(frozen=True)
class AlertsView:
    """预警: ``standing`` and those that ended lately; ``is_known`` whether warning told us anything at all"""

    standing: Sequence[AlertView] = ()
    ended: Sequence[AlertView] = ()
    is_known: bool = False
    old_at: datetime | None = None


class WayState(StrEnum):
    """出路状态: `route` of contract §6 as a person must read it"""

    CHOOSE = "choose"
    INSIDE = "inside"
    ROUTE = "route"
    NO_ROUTE = "no_route"
    CALM = "calm"
    CALM_WIDE = "calm_wide"
    UNKNOWN = "unknown"
    NO_PLAN = "no_plan"  # unknown, because nothing is to be left as far as anybody has drawn or ordered
    AWAY = "away"


MUST_LEAVE = frozenset({WayState.INSIDE, WayState.ROUTE, WayState.NO_ROUTE})
OF_STATUS = {
    "inside": WayState.INSIDE,
    "route": WayState.ROUTE,
    "no_route": WayState.NO_ROUTE,
    "not_in_danger": WayState.CALM,
}


@dataclass(frozen=True)
class WayView:
    """出路"""

    state: WayState
    shelter: Mapping[str, Any] | None = None
    shelter_state: str | None = None
    basis: str | None = None
    metres: int | None = None
    minutes: int | None = None
    steps: Sequence[Both] = ()
    warnings: Sequence[Both] = ()
    refuge: Mapping[str, Any] | None = None
    phone: str = "119"
    is_wide: bool = False

    @property
    def must_leave(self) -> bool:
        return self.state in MUST_LEAVE

    @property
    def is_not_known(self) -> bool:
        """It was asked and could not be told: that may change in a moment."""
        return self.state in (WayState.UNKNOWN, WayState.AWAY)

    @property
    def has_way(self) -> bool:
        return self.state in (WayState.INSIDE, WayState.ROUTE) and self.shelter is not None


@dataclass(frozen=True)
class ShelterView:
    """一处避难点: ``note`` names the word for what is known of it; ``is_no`` do not go there"""

    name: str
    note: str
    accessible: bool
    is_no: bool


@dataclass(frozen=True)
class PlaceView:
    """地点"""

    where: Where = Where.NOWHERE
    name: str = ""
    town: str = ""
    town_id: str | None = None
    kind: str | None = None
    places: Sequence[Mapping[str, Any]] = ()
    shelters: Sequence[ShelterView] = ()
    hazards: Sequence[Both] = ()
    has_zones: bool = False
    undrawn: bool = False
    is_known: bool = False
    is_elsewhere: bool = False
    old_at: datetime | None = field(default=None)


# --- alerts -----------------------------------------------------------------------------------------------------


def alerts_of(seen: Seen, now: datetime | None) -> AlertsView:
    """Released messages, the worst first. One whose time is over stands until it is ended (expired is not ended)."""
    if seen.is_missing or "items" not in seen.body:
        return AlertsView()
    standing: list[AlertView] = []
    ended: list[AlertView] = []
    for item in seen.asked.items:
        (standing if item.get("state") in STANDING else ended).append(_alert(item, now))
    standing.sort(key=lambda alert: RANK.get(alert.level, 9))
    return AlertsView(standing, ended[:ENDED_SHOWN], True, seen.at if seen.is_old else None)


def _alert(item: Mapping[str, Any], now: datetime | None) -> AlertView:
    text = item.get("text") or {}
    until = parse(item.get("expires_at"))
    return AlertView(
        level=str(item.get("level")),
        headline={"zh": str(item.get("headline") or ""), "en": str(text.get("headline_en") or "")},
        instruction={"zh": str(item.get("instruction") or ""), "en": str(text.get("instruction_en") or "")},
        sent_at=item.get("sent_at"),
        expires_at=item.get("expires_at"),
        is_expired=until is not None and now is not None and until <= now,
    )


# --- the way out ------------------------------------------------------------------------------------------------


def way_of(seen: Seen | None, where: Where) -> WayView:
    """The answer of resources. From a village's middle "not in danger" is not said of who stands elsewhere in it."""
    if where is Where.NOWHERE or seen is None:
        return WayView(WayState.CHOOSE)
    body = seen.body
    if not body or seen.is_old:
        return WayView(WayState.AWAY)
    state = OF_STATUS.get(str(body.get("status")), WayState.UNKNOWN)
    is_wide = where is Where.WIDE
    warnings = [each for each in body.get("warnings") or () if each.get("code") not in SAID_BY_THE_PAGE]
    if state is WayState.UNKNOWN and [each.get("code") for each in body.get("warnings") or ()] == ["no_current_plan"]:
        state, warnings = WayState.NO_PLAN, []
    if state is WayState.CALM and is_wide:
        state = WayState.CALM_WIDE
    return WayView(
        state,
        shelter=body.get("shelter"),
        shelter_state=body.get("shelter_state"),
        basis=body.get("basis"),
        metres=body.get("distance_m"),
        minutes=body.get("minutes"),
        steps=list(body.get("steps") or ())[:STEPS_SHOWN],
        warnings=warnings,
        refuge=body.get("refuge"),
        phone=str(body.get("phone") or "119"),
        is_wide=is_wide,
    )


SAID_BY_THE_PAGE = frozenset(
    {"inside_danger", "computed", "no_way", "holds_for_this_version", "shelter_not_confirmed_open"}
)
"""Codes whose sentence stands on the page already, in larger type."""


# --- the place --------------------------------------------------------------------------------------------------


def place_of(seen: Seen | None, *, by_position: bool) -> PlaceView:
    """What the bundle tells of the place: its name, what can be chosen in it, shelters, areas."""
    if seen is None or not seen.body:
        return PlaceView()
    body = seen.body
    region, place, district = body["region"], body.get("place"), body["district"]
    if region["id"] == district:
        return PlaceView(town=region["name"], places=body.get("places", ()), is_known=True, is_elsewhere=by_position)
    kind = place["kind"] if place else None
    if by_position:
        where = Where.EXACT
    elif place is None or kind in UNPLACED:
        where = Where.NOWHERE
    else:
        where = Where.WIDE if kind in WIDE else Where.EXACT
    danger = [zone for zone in body.get("zones", ()) if zone["kind"] == "danger"]
    hazards = {str(zone["hazard"]): zone["hazard_name"] for zone in danger if zone.get("hazard_name")}
    return PlaceView(
        where=where,
        name=place["name"] if place else "",
        town=region["name"],
        town_id=region["id"],
        kind=kind,
        places=body.get("places", ()),
        shelters=_shelters(body, is_old=seen.is_old),
        hazards=list(hazards.values()),
        has_zones=bool(danger),
        undrawn=bool(body.get("undrawn_orders")),
        is_known=True,
        old_at=seen.at if seen.is_old else None,
    )


def _shelters(body: Mapping[str, Any], *, is_old: bool) -> list[ShelterView]:
    made = []
    for shelter in body.get("shelters", ()):
        state, usable = str(shelter["state"]), shelter["usable"]
        note, is_no = f"shelter_{state}", state in ("full", "unusable")
        if usable is False and not is_no:
            note, is_no = "shelter_danger", True
        elif not is_no and is_old:
            note = "shelter_doubt"
        made.append(ShelterView(str(shelter["name"]), note, bool(shelter["accessible"]), is_no))
    return sorted(made, key=lambda shelter: shelter.is_no)
