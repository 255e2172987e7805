"""资源服务·疏散 Orders and drawn zones become proved plans, and phones get the way out; real HTTP, both databases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import shapely
from shapely.geometry import shape

from shared.clock import poll_until
from shared.frame import Frame
from shared.geo import decode_polyline, distance_m
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.platform import bearer, service_bearer
from tests.support.resources import freeze_sample, resources_service, sample_pack

OFFICER = bearer("officer", "duty_officer")
ROUTE = "/v1/evacuation/route"
OLD_TOWN = {"at": "dp-zs-01"}
IN_THE_STREET = {"lat": 29.312574, "lon": 108.771125}  # at the same place, with a phone and without the QR code
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[108.765, 29.365], [108.800, 29.365], [108.800, 29.376], [108.765, 29.376], [108.765, 29.365]]],
}


class Service:
    """The service, dispatch's outbox numbers, and what tests ask of both."""

    def __init__(self, http: httpx.Client, frame: Frame) -> None:
        self.http, self.frame = http, frame
        self._numbers = count(1)

    def tell(self, kind: str, body: Any, realm: str = "x-live", aggregate: str = "O-0001") -> httpx.Response:
        message = {
            "sender": "dispatch",
            "realm": realm,
            "no": next(self._numbers),
            "kind": kind,
            "aggregate": aggregate,
            "pack": sample_pack().version,
            "body": body,
        }
        answer = self.http.post("/v1/inbox", json=message, headers=service_bearer("dispatch"))
        assert answer.json() == {"applied": message["no"]}
        return answer

    def order(self, state: str = "in_force", order_id: str = "O-0001", **zone: Any) -> None:
        where = {"hazard": "11B03", "areas": ["500114112"], "level": "red"} | zone
        units = [{"unit_id": area, "state": state} for area in where["areas"]]
        order = {"order_id": order_id, "kind": "evacuate", "level": "red", "state": state, "units": units}
        self.tell("order", {"order": order, "zone": where}, aggregate=order_id)

    def route(self, *, plan: int = 0, **asked: Any) -> dict[str, Any]:
        """The answer from that plan or a later one."""
        headers = {"If-Version-At-Least": str(plan)}

        def ask() -> httpx.Response | None:
            answer = self.http.get(ROUTE, params=asked, headers=headers)
            return None if answer.status_code == 503 else answer

        found = poll_until(ask, PATIENCE_S)
        assert found is not None, f"plan {plan} was never made"
        assert found.status_code == 200, found.text
        body: dict[str, Any] = found.json()
        return body

    def draw(self, **body: Any) -> int:
        answer = self.http.post("/v1/evacuation/plans", json={"reason": "会商", **body}, headers=OFFICER)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["version"])

    def events(self) -> list[str]:
        items = self.http.get("/v1/events?after=0&limit=500", headers=OFFICER).json()["items"]
        return [item["kind"] for item in items]


@pytest.fixture
def service(dsn: str, tmp_path: Path) -> Iterator[Service]:
    with resources_service(dsn, fresh_schema(), tmp_path / "packs") as (http, frame):
        yield Service(http, frame)


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Service]:
    """On SQLite alone, for what has nothing to do with the database."""
    with resources_service(f"sqlite:///{tmp_path / 's.db'}", "s", tmp_path / "packs") as (http, frame):
        yield Service(http, frame)


@pytest.fixture(scope="module")
def still(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One service for all that changes nothing."""
    packs = tmp_path_factory.mktemp("evacuation") / "packs"
    with resources_service(module_dsn, fresh_schema(), packs) as (http, _):
        yield http


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"]]


def test_before_any_zone_nobody_is_told_to_be_safe(service: Service) -> None:
    answer = service.route(**OLD_TOWN)
    assert answer["status"] == "unknown"
    assert codes(answer) == ["no_current_plan"]
    assert answer["phone"] == "119"
    assert answer["version"]["plan"] is None


def test_an_evacuation_order_leads_out_of_the_drawn_zone(service: Service) -> None:
    service.order()
    answer = service.route(plan=1, **IN_THE_STREET)
    assert (answer["status"], answer["basis"]) == ("inside", "computed")
    assert {"inside_danger", "computed", "shelter_not_confirmed_open"} <= set(codes(answer))
    assert answer["shelter_state"] == "unknown"
    assert answer["minutes"] >= answer["distance_m"] / 50
    assert answer["steps"][-1]["zh"].startswith("到达")
    assert answer["version"]["plan"] == 1
    drawn = shapely.union_all(
        [shape(f["geometry"]) for f in service.http.get("/v1/evacuation/zones").json()["features"] if _danger(f)]
    )
    line = shapely.LineString([(lon, lat) for lat, lon in decode_polyline(answer["polyline"])])
    assert line.difference(drawn).geom_type == "LineString"
    assert not drawn.intersects(shapely.Point(line.coords[-1]))
    far = service.route(lat=29.5, lon=108.82)
    assert (far["status"], codes(far)) == ("not_in_danger", ["holds_for_this_version"])
    assert service.route(lat=28.0, lon=108.8)["status"] == "unknown"


def _danger(feature: dict[str, Any]) -> bool:
    return bool(feature["properties"]["kind"] == "danger")


def test_the_households_approved_route_comes_first(lite: Service) -> None:
    lite.order()
    home = lite.route(plan=1, household="dp-zs-01-h01")
    assert (home["status"], home["basis"], home["shelter"]["shelter_id"]) == ("inside", "approved", "sh-zs-01")
    assert "computed" not in codes(home)
    lite.http.post("/v1/shelters/sh-zs-01/state", json={"state": "full"}, headers=OFFICER)
    full = lite.route(plan=2, household="dp-zs-01-h01")
    assert (full["basis"], full["shelter"]["shelter_id"] != "sh-zs-01") == ("computed", True)
    assert "approved_route_not_usable" in codes(full)


def test_a_qr_code_gives_the_approved_route_of_its_place(lite: Service) -> None:
    lite.order()
    answer = lite.route(plan=1, **OLD_TOWN)
    assert (answer["status"], answer["basis"], answer["shelter"]["shelter_id"]) == ("inside", "approved", "sh-zs-01")
    assert "computed" not in codes(answer)
    guest_house = lite.route(plan=1, at="guest-zs-01")
    assert (guest_house["status"], guest_house["basis"]) == ("inside", "computed")
    for place in ("school-zs-01", "sh-zs-01", "500114112001"):
        assert lite.route(plan=1, at=place)["status"] in ("route", "inside", "not_in_danger")
    assert lite.http.get(ROUTE, params={"at": "no-such-place"}).status_code == 404


def test_a_shelter_that_opens_is_said_to_be_open(lite: Service) -> None:
    lite.order()
    shelter = lite.route(plan=1, **OLD_TOWN)["shelter"]["shelter_id"]
    path = f"/v1/shelters/{shelter}/state"
    answer = lite.http.post(path, json={"state": "open", "occupied": 3}, headers=OFFICER)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    stale = lite.http.post(path, json={"state": "full"}, headers=OFFICER | {"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    opened = lite.route(plan=2, **OLD_TOWN)
    assert (opened["shelter_state"], "shelter_not_confirmed_open" in codes(opened)) == ("open", False)
    feature = lite.http.get(f"/collections/shelters/items/{shelter}").json()
    assert (feature["properties"]["state"], feature["properties"]["occupied"]) == ("open", 3)


def test_without_a_shelter_there_is_no_route_but_a_refuge_and_a_number(lite: Service) -> None:
    lite.order()
    for shelter in sample_pack().shelters:
        lite.http.post(f"/v1/shelters/{shelter}/state", json={"state": "unusable"}, headers=OFFICER)
    answer = lite.route(plan=1 + len(sample_pack().shelters), **OLD_TOWN)
    assert answer["status"] == "no_route"
    assert codes(answer) == ["inside_danger", "approved_route_not_usable", "no_way"]
    assert (answer["phone"], answer["polyline"]) == ("119", None)


def test_lifting_the_order_does_not_end_the_danger_area(lite: Service) -> None:
    lite.order()
    lite.order("lifted")
    assert lite.route(plan=2, **OLD_TOWN)["status"] == "inside"
    zones = [f["id"] for f in lite.http.get("/v1/evacuation/zones").json()["features"]]
    ended = lite.draw(end=zones)
    assert lite.route(plan=ended, **OLD_TOWN)["status"] == "unknown"


def test_an_order_without_a_drawn_area_makes_the_rest_unknown_and_alarms(lite: Service) -> None:
    lite.order()
    lite.order(order_id="O-0002", hazard="11G01", areas=["dp-fj-01", "guest-fj-01"])
    assert "alarm.order_without_zone" in lite.events()
    assert lite.route(plan=2, lat=29.5, lon=108.82)["status"] == "unknown"
    assert lite.route(plan=2, at="guest-fj-01")["status"] == "unknown"
    home = lite.route(plan=2, household="dp-fj-01-h01")
    assert (home["basis"], "order_without_zone" in codes(home)) == ("approved", True)
    assert lite.route(plan=2, **OLD_TOWN)["status"] == "inside"


def test_an_order_told_again_changes_nothing_and_a_wrong_one_is_set_aside(service: Service) -> None:
    service.order()
    service.order()
    service.order("proposed", order_id="O-0003", areas=["500114006"])
    service.tell("order", {"order": {"order_id": "O-0004", "kind": "ban", "state": "in_force"}}, aggregate="O-0004")
    assert service.http.get("/v1/evacuation/plans", headers=OFFICER).json()["items"][0]["version"] == 1
    service.tell("order", {"order": {"order_id": "O-0009", "kind": "fly", "state": "in_force"}}, aggregate="O-0009")
    service.tell("song", {}, aggregate="song")
    parked = service.http.get("/v1/inbox/dispatch", headers=OFFICER).json()["parked"]
    assert [(row["aggregate"], row["code"]) for row in parked] == [("O-0009", "bad_order"), ("song", "unknown_kind")]


def test_an_officer_draws_a_zone_by_hand(service: Service) -> None:
    plan = service.draw(zones=[{"zone_id": "hand-1", "hazard": "11D01", "geometry": SQUARE}])
    inside = service.route(plan=plan, lat=29.37, lon=108.79)
    assert inside["status"] == "inside"
    shown = service.http.get(f"/v1/evacuation/plans/{plan}", headers=OFFICER).json()
    assert (shown["state"], shown["zones"], shown["findings"]) == ("published", ["hand-1"], [])
    assert shown["report"]["inside"] > 0
    assert "sh-fj-02" not in shown["report"]["shelters_used"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"zones": [], "end": []}, 422, "zones"),
        ({"end": ["nothing"]}, 404, "end"),
        ({"zones": [{"zone_id": "not-in-the-pack"}]}, 404, "zones"),
        ({"zones": [{"zone_id": "z", "hazard": "99X99", "geometry": SQUARE}]}, 422, "hazard"),
        (
            {"zones": [{"zone_id": "z", "hazard": "11D01", "geometry": {"type": "Point", "coordinates": [1, 2]}}]},
            422,
            None,
        ),
        (
            {
                "zones": [
                    {
                        "zone_id": "z",
                        "hazard": "11D01",
                        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
                    }
                ]
            },
            422,
            None,
        ),
    ],
)
def test_a_wrong_zone_is_refused_by_name(
    still: httpx.Client, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = still.post("/v1/evacuation/plans", json={"reason": "会商", **body}, headers=OFFICER)
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["field"] == field
    assert still.get("/v1/evacuation/plans", headers=OFFICER).json()["items"] == []


def test_only_officers_draw_and_anybody_may_ask(lite: Service) -> None:
    body = {"reason": "x", "zones": [{"zone_id": "zone-zs-red"}]}
    assert lite.http.post("/v1/evacuation/plans", json=body).status_code == 401
    village = bearer("v", "village", areas=("500114112001",))
    assert lite.http.post("/v1/evacuation/plans", json=body, headers=village).status_code == 403
    state = {"state": "open"}
    assert lite.http.post("/v1/shelters/sh-zs-01/state", json=state, headers=village).status_code == 403
    town = bearer("t", "township", areas=("500114112",))
    assert lite.http.post("/v1/shelters/sh-zs-01/state", json=state, headers=town).status_code == 200
    assert lite.http.get(ROUTE, params=OLD_TOWN).status_code == 200


def test_versions_and_tags(lite: Service) -> None:
    lite.order()
    lite.route(plan=1, **OLD_TOWN)
    first = lite.http.get(ROUTE, params=OLD_TOWN)
    again = lite.http.get(ROUTE, params=OLD_TOWN, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    behind = lite.http.get(ROUTE, params=OLD_TOWN, headers={"If-Version-At-Least": "99"})
    assert (behind.status_code, behind.json()["code"]) == (503, "version_behind")
    assert "retry-after" in behind.headers
    wrong = lite.http.get(ROUTE, params=OLD_TOWN, headers={"If-Version-At-Least": "new"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"lat": 29.3}, 422),
        ({"lat": "nan", "lon": 108.8}, 422),
        ({"lat": 129.3, "lon": 108.8}, 422),
        ({"at": "nowhere"}, 404),
        ({"household": "nobody"}, 404),
        ({"lat": 29.3, "lon": 108.8, "crs": "lunar"}, 422),
    ],
)
def test_a_question_without_a_place_is_refused(still: httpx.Client, asked: dict[str, Any], status: int) -> None:
    assert still.get(ROUTE, params=asked).status_code == status


def test_other_datums_and_geojson(lite: Service) -> None:
    lite.order()
    site = sample_pack().sites["dp-zs-01"]
    assert site.lat is not None
    assert site.lon is not None
    plain = lite.route(plan=1, lat=site.lat, lon=site.lon)
    shifted = lite.route(plan=1, **OLD_TOWN, crs="gcj02")
    here, there = decode_polyline(plain["polyline"])[0], decode_polyline(shifted["polyline"])[0]
    assert 400 < distance_m(*here, *there) < 700
    back = lite.route(plan=1, lat=there[0], lon=there[1], crs="gcj02")
    assert abs(back["distance_m"] - plain["distance_m"]) <= 3
    drawn = lite.http.get(ROUTE, params={**OLD_TOWN, "format": "geojson"})
    assert drawn.headers["content-type"] == "application/geo+json"
    assert drawn.json()["geometry"]["type"] == "LineString"
    safe = lite.http.get(ROUTE, params={"lat": 29.5, "lon": 108.82, "format": "geojson"}).json()
    assert safe["geometry"] is None


def test_each_realm_has_its_own_danger(lite: Service) -> None:
    lite.order()
    lite.route(plan=1, **OLD_TOWN)
    # a drill whose clock is not known here yet cannot be asked
    assert lite.http.get(ROUTE, params={**OLD_TOWN, "realm": "x-night"}).json()["code"] == "realm_clock_unknown"


def test_a_restart_answers_from_the_same_plan(dsn: str, tmp_path: Path) -> None:
    schema = fresh_schema()
    with resources_service(dsn, schema, tmp_path / "packs") as (http, frame):
        before = Service(http, frame)
        before.order()
        first = before.route(plan=1, **OLD_TOWN)
    with resources_service(dsn, schema, tmp_path / "packs") as (http, frame):
        assert Service(http, frame).route(plan=1, **OLD_TOWN) == first


def test_a_service_without_a_pack_says_so_until_it_is_activated(dsn: str, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    with resources_service(dsn, fresh_schema(), packs, pack=False) as (http, frame):
        assert http.get(ROUTE, params=OLD_TOWN).json()["code"] == "pack_unknown"
        version = freeze_sample(packs)
        body = {"sender": "warning", "realm": "x-live", "no": 1, "kind": "pack", "body": {"version": version}}
        assert http.post("/v1/inbox", json=body, headers=service_bearer("warning")).json() == {"applied": 1}
        service = Service(http, frame)
        assert service.route(**OLD_TOWN)["status"] == "unknown"
        assert poll_until(lambda: "stock.opened" in service.events(), PATIENCE_S)
