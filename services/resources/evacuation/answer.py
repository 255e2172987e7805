"""疏散答复 The way out for one place: contract §6 ``route``, read from one snapshot and nothing else.

How the five states are read:

* ``unknown``: there is no current plan (none yet, a newer one being made, one that failed its proof or is overdue, an
  order whose area is not drawn, a place off our map). Never to be read as safe.
* ``inside``: the place lies in a danger area, and this is the way out of it.
* ``route``: the place is to be left (near a danger area, in a population area, under an order), and this is the way.
* ``no_route``: it is to be left, or lies inside, but no way is known: the nearest refuge and a telephone number.
* ``not_in_danger``: a current plan covers the place and it is in no area to be left.

An approved route (明白卡) comes before a computed one, as long as it touches no danger area from outside and its
shelter can be used (C6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import shapely

from services.resources.evacuation.phrases import Warn, steps_of, warning
from services.resources.evacuation.plan import NOT_USABLE, Refuge, ShelterNow, ShelterState, Snapshot, usable_shelters
from services.resources.network.hazard import keeps_out
from services.resources.network.tree import Way, minutes_for, way_from
from shared.geo import distance_m

SNAP_M_MAX = 500.0
FAR_M = 100.0  # farther from the road than this is said
APPROVED_START_M = 150.0  # an approved route is for those who stand where it begins


class RouteStatus(StrEnum):
    """答复状态"""

    ROUTE = "route"
    NO_ROUTE = "no_route"
    INSIDE = "inside"
    NOT_IN_DANGER = "not_in_danger"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """路线依据"""

    APPROVED = "approved"
    COMPUTED = "computed"


@dataclass(frozen=True)
class ApprovedRoute:
    """核定路线: from routes.geojson, (lon, lat) from the house to the shelter."""

    route_id: str
    shelter: str
    lonlat: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Question:
    """提问: where, and what is known of who asks. ``areas`` are the regions, site or unit the asker belongs to."""

    lat: float
    lon: float
    areas: tuple[str, ...] = ()
    approved: ApprovedRoute | None = None
    slow: bool = False  # old, ill or carrying children: night speed by day too
    named_place: bool = False  # asked by household, group or place code rather than by position


@dataclass(frozen=True)
class RouteAnswer:
    """答复"""

    status: RouteStatus
    version: Mapping[str, Any]
    basis: Basis | None = None
    shelter: ShelterNow | None = None
    distance_m: int | None = None
    minutes: int | None = None
    lonlat: tuple[tuple[float, float], ...] = ()
    steps: Sequence[Mapping[str, object]] = ()
    refuge: Refuge | None = None
    refuge_m: int | None = None
    phone: str = ""
    warnings: tuple[Mapping[str, str], ...] = field(default_factory=tuple)


NO_VERSION: Mapping[str, Any] = {"network": None, "hazard": None, "plan": None, "shelters": None}


def unknown(why: Warn, phone: str, version: Mapping[str, Any] = NO_VERSION) -> RouteAnswer:
    """不明: no current plan; says why, and whom to call."""
    return RouteAnswer(RouteStatus.UNKNOWN, version, phone=phone, warnings=(warning(why),))


def answer(snapshot: Snapshot, question: Question, now: datetime, *, night: bool, phone: str) -> RouteAnswer:
    """Answer one question (答复) from a published, proved snapshot. ``now`` is the realm's time."""
    version = snapshot.version
    if not snapshot.proved:
        return unknown(Warn.PROOF_FAILED, phone, version)
    plan = snapshot.plan
    if not plan.zones and not plan.unmapped:
        return unknown(Warn.NO_PLAN, phone, version)
    if snapshot.stale_since(now) is not None:
        return unknown(Warn.STALE, phone, version)
    here = shapely.Point(question.lon, question.lat)
    if not snapshot.known.intersects(here):
        return unknown(Warn.OUTSIDE_DISTRICT, phone, version)
    inside = snapshot.danger.lies_in(question.lon, question.lat)
    blind = bool(plan.blind & set(question.areas))
    if not inside and not blind and not _to_leave(snapshot, question, here):
        if plan.unmapped:
            return unknown(Warn.UNMAPPED, phone, version)
        said = (warning(Warn.ONLY_NOW),)
        return RouteAnswer(RouteStatus.NOT_IN_DANGER, version, phone=phone, warnings=said)
    warnings = [Warn.INSIDE] if inside else []
    if blind:
        warnings.append(Warn.UNMAPPED)
    blocked = question.approved is not None
    if question.approved is not None and _approved_holds(snapshot, question, question.approved):
        return _approved(snapshot, question, question.approved, warnings, inside=inside, night=night, phone=phone)
    if blind:
        # a map that does not know the danger must not lead anybody away from it
        return unknown(Warn.UNMAPPED, phone, version)
    way = way_from(snapshot.tree, question.lon, question.lat, SNAP_M_MAX)
    if blocked:
        warnings.append(Warn.APPROVED_BLOCKED)
    if way is None:
        return _no_route(snapshot, here, warnings, phone)
    return _computed(snapshot, question, way, warnings, inside=inside, night=night, phone=phone)


def _to_leave(snapshot: Snapshot, question: Question, here: shapely.Point) -> bool:
    return bool(snapshot.to_leave.intersects(here)) or bool(snapshot.plan.ordered & set(question.areas))


def _approved_holds(snapshot: Snapshot, question: Question, route: ApprovedRoute) -> bool:
    if not route.lonlat:
        return False
    start = route.lonlat[0]
    if not question.named_place and distance_m(question.lat, question.lon, start[1], start[0]) > APPROVED_START_M:
        return False
    return can_be_walked(snapshot, route.shelter, _from(question, route))


def can_be_walked(snapshot: Snapshot, shelter_id: str, line: Sequence[tuple[float, float]]) -> bool:
    """Whether an approved line may be taken now: its shelter can be used, and it enters no danger area from outside."""
    shelter = snapshot.shelter(shelter_id)
    if shelter is None or len(line) < 2 or shelter_id not in usable_shelters(snapshot.plan):
        return False
    if snapshot.danger.lies_in(shelter.lon, shelter.lat):
        return False
    return keeps_out(snapshot.danger, shapely.LineString(line))


def _from(question: Question, route: ApprovedRoute) -> tuple[tuple[float, float], ...]:
    """The approved line, walked to from where the asker stands."""
    here = (question.lon, question.lat)
    return route.lonlat if question.named_place or route.lonlat[0] == here else (here, *route.lonlat)


def _approved(
    snapshot: Snapshot,
    question: Question,
    route: ApprovedRoute,
    warnings: list[Warn],
    *,
    inside: bool,
    night: bool,
    phone: str,
) -> RouteAnswer:
    shelter = snapshot.shelter(route.shelter)
    points = _from(question, route)
    metres = sum(distance_m(a[1], a[0], b[1], b[0]) for a, b in pairwise(points))
    names = [""] * (len(points) - 1)
    return _with_way(
        snapshot,
        question,
        Basis.APPROVED,
        shelter,
        metres,
        points,
        names,
        warnings,
        inside=inside,
        night=night,
        phone=phone,
    )


def _computed(
    snapshot: Snapshot, question: Question, way: Way, warnings: list[Warn], *, inside: bool, night: bool, phone: str
) -> RouteAnswer:
    warnings.append(Warn.COMPUTED)
    if way.access_m > FAR_M:
        warnings.append(Warn.FAR_FROM_ROAD)
    warnings.append(Warn.CAPACITY)
    return _with_way(
        snapshot,
        question,
        Basis.COMPUTED,
        snapshot.shelter(way.shelter),
        way.metres,
        way.lonlat,
        _road_names(snapshot, way),
        warnings,
        inside=inside,
        night=night,
        phone=phone,
    )


def _with_way(
    snapshot: Snapshot,
    question: Question,
    basis: Basis,
    shelter: ShelterNow | None,
    metres: float,
    points: tuple[tuple[float, float], ...],
    names: Sequence[str],
    warnings: list[Warn],
    *,
    inside: bool,
    night: bool,
    phone: str,
) -> RouteAnswer:
    if shelter is None or shelter.state is not ShelterState.OPEN:
        warnings.append(Warn.NOT_CONFIRMED_OPEN)
    if night:
        warnings.append(Warn.NIGHT)
    return RouteAnswer(
        status=RouteStatus.INSIDE if inside else RouteStatus.ROUTE,
        version=snapshot.version,
        basis=basis,
        shelter=shelter,
        distance_m=round(metres),
        minutes=minutes_for(metres, night=night or question.slow),
        lonlat=points,
        steps=steps_of(points, names, shelter.name if shelter else ""),
        phone=phone,
        warnings=tuple(warning(code) for code in warnings),
    )


def _road_names(snapshot: Snapshot, way: Way) -> list[str]:
    """The road of each stretch of the way; the path to the road has no name."""
    network = snapshot.network
    names: list[str] = []
    on_road = {(float(network.lonlat[node][0]), float(network.lonlat[node][1])): node for node in way.nodes}
    for a, b in pairwise(way.lonlat):
        u, v = on_road.get(a), on_road.get(b)
        names.append(network.name_between(u, v) if u is not None and v is not None else "")
    return names


def _no_route(snapshot: Snapshot, here: shapely.Point, warnings: list[Warn], phone: str) -> RouteAnswer:
    refuge, metres = nearest_refuge(snapshot, here)
    return RouteAnswer(
        status=RouteStatus.NO_ROUTE,
        version=snapshot.version,
        refuge=refuge,
        refuge_m=metres,
        phone=phone,
        warnings=tuple(warning(code) for code in [*warnings, Warn.NO_WAY]),
    )


def nearest_refuge(snapshot: Snapshot, here: shapely.Point) -> tuple[Refuge | None, int | None]:
    """The nearest refuge outside every danger area, as the crow flies (就近避险点); shelters stand in."""
    listed = snapshot.plan.refuges or tuple(
        Refuge(s.shelter_id, s.name, "shelter", s.lat, s.lon)
        for s in snapshot.plan.shelters
        if s.state not in NOT_USABLE
    )
    safe = [
        (distance_m(here.y, here.x, r.lat, r.lon), r.refuge_id, r)
        for r in listed
        if not snapshot.danger.lies_in(r.lon, r.lat)
    ]
    if not safe:
        return None, None
    metres, _, refuge = min(safe, key=lambda found: found[:2])
    return refuge, round(metres)
