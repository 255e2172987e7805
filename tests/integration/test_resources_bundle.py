"""离线包 What a phone keeps of its township, on real HTTP and both databases: small, public, nobody's, never stale."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.clock import ManualClock, SystemClock, poll_until
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.integration.test_resources_evacuation import OFFICER, Service
from tests.support.patience import PATIENCE_S
from tests.support.resources import resources_service, sample_pack

BUNDLE = "/v1/evacuation/bundle"
TOWN = "500114112"
BYTES_MAX = 16_000
"""A phone on a bad line gets it in a second."""


@pytest.fixture
def service(dsn: str, tmp_path: Path) -> Iterator[Service]:
    with resources_service(dsn, fresh_schema(), tmp_path / "packs") as (http, frame):
        yield Service(http, frame)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def timed(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    where = f"sqlite:///{tmp_path / 's.db'}"
    with resources_service(where, "s", tmp_path / "packs", clock=clock) as (http, frame):
        yield Service(http, frame)


def bundle(http: httpx.Client, *, plan: int = 0, **asked: Any) -> dict[str, Any]:
    """From that plan or a later one."""

    def ask() -> httpx.Response | None:
        found = http.get(BUNDLE, params=asked, headers={"If-Version-At-Least": str(plan)})
        return None if found.status_code == 503 else found

    answer = poll_until(ask, PATIENCE_S)
    assert answer is not None
    assert answer.status_code == 200, answer.text
    assert len(answer.content) < BYTES_MAX
    body: dict[str, Any] = answer.json()
    return body


def test_a_township_before_and_after_its_danger_area(service: Service) -> None:
    before = bundle(service.http, at=TOWN)
    assert (before["plan"], before["zones"], before["phone"]) == ("none", [], "119")
    assert {shelter["usable"] for shelter in before["shelters"]} == {None}  # no plan: not known, not fine
    assert {route["holds"] for route in before["routes"]} == {None}
    service.order()
    after = bundle(service.http, plan=1, at="guest-zs-01")
    assert (after["plan"], after["version"]["plan"]) == ("current", 1)
    assert after["region"] == {"id": TOWN, "name": "濯水镇"}
    assert after["place"] == {"id": "guest-zs-01", "name": "演示客栈一", "kind": "unit"}
    danger = [zone for zone in after["zones"] if zone["kind"] == "danger"]
    assert {zone["hazard_name"]["zh"] for zone in danger} == {"洪水"}
    states = {shelter["shelter_id"]: shelter["usable"] for shelter in after["shelters"]}
    assert (states["sh-zs-01"], states["sh-zs-03"]) == (True, False)  # the third lies in the danger area
    holds = {route["site"]["id"]: route["holds"] for route in after["routes"]}
    assert holds["dp-zs-01"] is True
    villages = [place["id"] for place in after["places"] if place["kind"] == "village"]
    assert villages
    assert all(code.startswith(TOWN) for code in villages)
    assert "guest-zs-01" in [place["id"] for place in after["places"]]


def test_it_is_asked_for_again_and_costs_nothing_while_nothing_changed(service: Service) -> None:
    first = service.http.get(BUNDLE, params={"at": TOWN})
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    assert service.http.get(BUNDLE, params={"at": TOWN}, headers=known).status_code == 304
    service.http.post("/v1/shelters/sh-zs-01/state", json={"state": "full"}, headers=OFFICER)
    changed = service.http.get(BUNDLE, params={"at": TOWN}, headers=known)
    assert changed.status_code == 200
    assert next(s for s in changed.json()["shelters"] if s["shelter_id"] == "sh-zs-01")["state"] == "full"
    behind = service.http.get(BUNDLE, params={"at": TOWN}, headers={"If-Version-At-Least": "99"})
    assert (behind.status_code, behind.json()["code"]) == (503, "version_behind")


def test_the_district_is_a_list_of_townships_and_a_position_finds_its_own(timed: Service) -> None:
    district = bundle(timed.http)
    towns = [region for region in sample_pack().regions.values() if region.level in ("township", "street", "park")]
    assert [place["id"] for place in district["places"]] == [town.code for town in towns]
    assert bundle(timed.http, lat=29.3126, lon=108.7711)["region"]["id"] == TOWN
    assert bundle(timed.http, lat=40.0, lon=116.4)["region"]["id"] == "500114"  # not here: choose
    for wrong in ({"at": "no-such-place"}, {"lat": 29.3}, {"lat": 290, "lon": 108}):
        answer = timed.http.get(BUNDLE, params=wrong)
        assert answer.status_code in (404, 422), wrong
        assert answer.json()["field"] in ("at", "lat")


def test_nobody_is_in_it(timed: Service) -> None:
    pack = sample_pack()
    text = timed.http.get(BUNDLE, params={"at": "dp-zs-01"}).text
    personal = {post.person for post in pack.roster.values()} | set(pack.roster) | set(pack.households)
    personal |= {address for post in pack.roster.values() for _, address in post.contacts if len(address) > 5}
    assert not [each for each in personal if f'"{each}"' in text]


def test_an_overdue_or_undrawn_plan_tells_nobody_that_a_way_holds(timed: Service, clock: ManualClock) -> None:
    timed.draw(
        zones=[{"zone_id": "zone-fj-slope", "geometry": _square(), "hazard": "11B03", "review_at": _soon(clock)}]
    )
    assert bundle(timed.http, plan=1, at="dp-fj-01")["plan"] == "current"
    clock.set(clock.now() + timedelta(minutes=20))
    overdue = bundle(timed.http, plan=1, at="dp-fj-01")
    assert (overdue["plan"], overdue["review_at"] is not None) == ("overdue", True)
    assert {shelter["usable"] for shelter in overdue["shelters"]} == {None}
    assert {route["holds"] for route in overdue["routes"]} == {None}
    timed.order(order_id="O-0002", hazard="11G01", areas=["dp-fj-01"])
    assert bundle(timed.http, plan=2, at="dp-fj-01")["undrawn_orders"] is True


def _soon(clock: ManualClock) -> str:
    return format_time(_minute(clock.now()) + timedelta(minutes=10))


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _square() -> dict[str, Any]:
    west, south = 108.79, 29.366
    ring = [[west, south], [west + 0.006, south], [west + 0.006, south + 0.006], [west, south + 0.006], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
