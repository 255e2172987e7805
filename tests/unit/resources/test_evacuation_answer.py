"""疏散答复 Each state of an answer on a hand-made network: who is told what, and what nobody is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from services.resources.evacuation.answer import (
    ApprovedRoute,
    Basis,
    Question,
    RouteAnswer,
    RouteStatus,
    answer,
)
from services.resources.evacuation.datum import Crs, from_crs, to_crs
from services.resources.evacuation.phrases import WARNINGS, Warn, heading, steps_of
from services.resources.evacuation.plan import (
    PlanInput,
    Refuge,
    ShelterNow,
    ShelterState,
    Snapshot,
    Zone,
    build_snapshot,
)
from services.resources.network.graph import Anchor, Network, Road, build
from services.resources.network.proof import Finding
from services.resources.network.tree import is_night, minutes_for
from shared.geo import distance_m

NOW = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)
# a road west to east along 29.30 from 108.70 to 108.80, a spur north at 108.75, shelters near both ends
POINTS = tuple((108.70 + n * 0.01, 29.30) for n in range(11))
ROADS = (
    Road("滨河路", "road", POINTS),
    Road("后山路", "path", ((108.75, 29.30), (108.75, 29.31), (108.75, 29.32))),
)
WEST = ShelterNow("S-W", "西避难点", "R1", 29.3005, 108.7005, ShelterState.OPEN, frozenset({"11A01"}))
EAST = ShelterNow("S-E", "东避难点", "R1", 29.3005, 108.7995, ShelterState.UNKNOWN, frozenset({"flood"}))
HILL = Refuge("H", "后山高地", "high_ground", 29.33, 108.75)


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def zone(geometry: dict[str, Any], **more: Any) -> Zone:
    made = Zone("Z", 1, "11A01", "flood", "danger", geometry, "演示数据")
    return replace(made, **more)


MIDDLE = zone(box(108.735, 29.295, 108.765, 29.305))


def network() -> Network:
    return build(ROADS, [Anchor(s.shelter_id, s.lon, s.lat) for s in (WEST, EAST)])


def snapshot(*zones: Zone, shelters: tuple[ShelterNow, ...] = (WEST, EAST), **more: Any) -> Snapshot:
    plan = PlanInput(
        realm="x-live",
        version=7,
        pack="sha256:p",
        zones=zones,
        unmapped=(),
        ordered=frozenset(),
        blind=frozenset(),
        shelters=shelters,
        shelters_version=3,
        refuges=(HILL,),
    )
    return build_snapshot(replace(plan, **more), network())


def ask(made: Snapshot, lon: float, lat: float = 29.3001, *, night: bool = False, **more: Any) -> RouteAnswer:
    return answer(made, Question(lat=lat, lon=lon, **more), NOW, night=night, phone="119")


def codes(found: RouteAnswer) -> list[str]:
    return [warning["code"] for warning in found.warnings]


@pytest.mark.parametrize(
    ("lon", "lat", "status", "shelter"),
    [
        (108.74, 29.3001, RouteStatus.INSIDE, "S-W"),
        (108.76, 29.3001, RouteStatus.INSIDE, "S-E"),
        (108.7335, 29.3001, RouteStatus.ROUTE, "S-W"),  # near it
        (108.71, 29.3001, RouteStatus.NOT_IN_DANGER, None),
        (108.75, 29.31, RouteStatus.NOT_IN_DANGER, None),  # cut off behind it, but far enough
        (108.75, 29.307, RouteStatus.NO_ROUTE, None),  # near it, and the only way leads through
        (109.5, 29.30, RouteStatus.UNKNOWN, None),  # off the map
    ],
)
def test_where_one_stands_decides(lon: float, lat: float, status: RouteStatus, shelter: str | None) -> None:
    found = ask(snapshot(MIDDLE), lon, lat)
    assert found.status is status
    assert (found.shelter.shelter_id if found.shelter else None) == shelter
    assert found.version["plan"] == 7
    assert found.phone == "119"
    assert (found.distance_m is not None) == (shelter is not None)


def test_no_route_names_refuge_and_number() -> None:
    found = ask(snapshot(MIDDLE), 108.75, 29.307)
    assert found.refuge == HILL
    assert found.refuge_m == pytest.approx(distance_m(29.307, 108.75, 29.33, 108.75), abs=1)
    assert codes(found) == ["no_way"]
    listless = ask(snapshot(MIDDLE, refuges=()), 108.75, 29.307)
    assert listless.refuge is not None
    assert listless.refuge.kind == "shelter"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: snapshot(), Warn.NO_PLAN),
        (lambda: snapshot(zone(MIDDLE.geometry, review_at=NOW)), Warn.STALE),
        (lambda: replace(snapshot(MIDDLE), findings=(Finding(1, 1.0, 1.0, "leads_in"),)), Warn.PROOF_FAILED),
        (lambda: snapshot(MIDDLE, unmapped=("O-1",)), Warn.UNMAPPED),
        (lambda: snapshot(unmapped=("O-1",), blind=frozenset({"V1"})), Warn.UNMAPPED),
    ],
)
def test_without_a_current_plan_nobody_is_called_safe(made: Any, code: Warn) -> None:
    found = ask(made(), 108.71, areas=("V1",))
    assert (found.status, codes(found)) == (RouteStatus.UNKNOWN, [code])
    assert found.shelter is None


def test_a_review_in_the_future_is_current() -> None:
    later = zone(MIDDLE.geometry, review_at=NOW + timedelta(hours=1))
    assert ask(snapshot(later), 108.74).status is RouteStatus.INSIDE


def test_who_is_ordered_to_leave_gets_a_way_wherever_they_live() -> None:
    made = snapshot(MIDDLE, ordered=frozenset({"V1"}))
    assert ask(made, 108.71, areas=("V1", "T1")).status is RouteStatus.ROUTE
    assert ask(made, 108.71, areas=("V2", "T1")).status is RouteStatus.NOT_IN_DANGER


def test_people_to_be_moved_are_told_by_their_polygon() -> None:
    people = zone(box(108.705, 29.295, 108.715, 29.305), zone_id="P", kind="population", hazard=None, family=None)
    assert ask(snapshot(MIDDLE, people), 108.71).status is RouteStatus.ROUTE


@pytest.mark.parametrize("state", list(ShelterState))
def test_what_a_shelter_is_decides_whether_it_is_named_and_how(state: ShelterState) -> None:
    found = ask(snapshot(MIDDLE, shelters=(replace(WEST, state=state),)), 108.74)
    usable = state not in (ShelterState.FULL, ShelterState.UNUSABLE)
    assert found.status is (RouteStatus.INSIDE if usable else RouteStatus.NO_ROUTE)
    assert ("shelter_not_confirmed_open" in codes(found)) == (usable and state is not ShelterState.OPEN)


def test_a_shelter_unfit_for_the_hazard_or_inside_counts_zero() -> None:
    unfit = replace(WEST, hazards_ok=frozenset({"11C02"}))
    found = ask(snapshot(MIDDLE, shelters=(unfit, EAST)), 108.74)
    assert found.shelter is not None
    assert found.shelter.shelter_id == "S-E"
    drowned = zone(box(108.695, 29.295, 108.765, 29.305))
    assert ask(snapshot(drowned), 108.74).shelter == EAST


APPROVED = ApprovedRoute("A", "S-E", ((108.74, 29.3001), (108.77, 29.3001), (108.7995, 29.3005)))


def test_the_approved_route_comes_before_the_nearer_computed_one() -> None:
    found = ask(snapshot(MIDDLE), 108.74, approved=APPROVED)
    assert (found.basis, found.shelter) == (Basis.APPROVED, EAST)
    assert "computed" not in codes(found)


@pytest.mark.parametrize(
    ("route", "lon"),
    [
        (replace(APPROVED, shelter="S-X"), 108.74),
        (replace(APPROVED, lonlat=APPROVED.lonlat[:1]), 108.74),
        (APPROVED, 108.7335),  # it begins in the danger area, which is not where they stand
        (replace(APPROVED, lonlat=((108.7335, 29.3001), (108.7995, 29.3005))), 108.7335),  # leads in
    ],
)
def test_an_approved_route_that_cannot_be_walked_gives_way_and_is_named(route: ApprovedRoute, lon: float) -> None:
    found = ask(snapshot(MIDDLE), lon, approved=route)
    assert found.basis is Basis.COMPUTED
    assert "approved_route_not_usable" in codes(found)


def test_time_is_slower_at_night_and_for_the_slow() -> None:
    by_day, by_night = ask(snapshot(MIDDLE), 108.74), ask(snapshot(MIDDLE), 108.74, night=True)
    slow = ask(snapshot(MIDDLE), 108.74, slow=True)
    assert by_day.distance_m is not None
    assert by_day.minutes == minutes_for(by_day.distance_m, night=False)
    assert by_night.minutes == slow.minutes == minutes_for(by_day.distance_m, night=True)
    assert "night" in codes(by_night)
    assert (minutes_for(0, night=False), minutes_for(51, night=False), minutes_for(3000, night=False)) == (0, 2, 60)


@pytest.mark.parametrize(
    ("at", "dark"), [(time(6, 59), True), (time(7, 0), False), (time(18, 59), False), (time(19, 0), True)]
)
def test_night(at: time, dark: bool) -> None:
    assert is_night(datetime.combine(NOW.date(), at, tzinfo=UTC)) is dark


def test_steps_join_stretches_of_one_road_and_direction() -> None:
    points = [(108.70, 29.30), (108.705, 29.30), (108.71, 29.30), (108.71, 29.31)]
    steps = steps_of(points, ["滨河路", "滨河路", "后山路"], "东避难点")
    assert [step["distance_m"] for step in steps] == [970, 1112, 0]
    assert steps[0]["zh"] == "沿滨河路向东走约 970 米"
    assert steps[-1]["en"] == "Arrive at 东避难点"


@pytest.mark.parametrize(("east", "north", "turn"), [(0, 1, 0), (1, 0, 2), (0, -1, 4), (-1, 0, 6), (-1, 1, 7)])
def test_headings(east: int, north: int, turn: int) -> None:
    assert heading((0, 0), (east, north)) == turn


def test_every_warning_has_its_words() -> None:
    assert set(WARNINGS) == set(Warn)
    assert all(zh and en for zh, en in WARNINGS.values())


@pytest.mark.parametrize("crs", list(Crs))
def test_datums_there_and_back(crs: Crs) -> None:
    there = to_crs(29.531, 108.776, crs)
    assert distance_m(29.531, 108.776, *from_crs(*there, crs)) < 0.01
    assert to_crs(48.85, 2.35, crs) == (48.85, 2.35)


def test_the_maps_shift_at_qianjiang_is_the_known_one() -> None:
    assert distance_m(29.531, 108.776, *to_crs(29.531, 108.776, Crs.GCJ02)) == pytest.approx(519, abs=1)
