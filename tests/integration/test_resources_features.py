"""资源服务·一图 OGC API – Features: documents, bbox, paging, both reference systems, and nobody's name or number."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from shapely import unary_union
from shapely.geometry import Point, shape

from tests.conftest import fresh_schema
from tests.support.resources import READER, resources_service, sample_pack

PUBLIC = ("sites", "shelters", "warehouses", "teams", "zones", "regions", "roads")
EPSG = "http://www.opengis.net/def/crs/EPSG/0/4326"


@pytest.fixture(scope="module")
def http(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    packs = tmp_path_factory.mktemp("features") / "packs"
    with resources_service(module_dsn, fresh_schema(), packs) as (client, _):
        yield client


def test_the_landing_page_leads_everywhere(http: httpx.Client) -> None:
    links = {link["rel"]: link["href"] for link in http.get("/").json()["links"]}
    assert http.get(links["service-desc"]).status_code == 200
    assert any("features-1/1.0/conf/core" in uri for uri in http.get(links["conformance"]).json()["conformsTo"])
    listed = http.get(links["data"]).json()["collections"]
    assert [collection["id"] for collection in listed] == [*PUBLIC, "units"]
    for collection in listed:
        items = next(link["href"] for link in collection["links"] if link["rel"] == "items")
        if collection["id"] == "units":  # how many people sleep where is not for everybody
            assert http.get(items).status_code == 401
        assert http.get(items, headers=READER).json()["numberReturned"] > 0


def test_pages_reach_every_feature_once(http: httpx.Client) -> None:
    seen: list[str] = []
    url: str | None = "/collections/shelters/items?limit=3"
    while url is not None:
        page = http.get(url)
        assert page.headers["content-type"] == "application/geo+json"
        seen += [feature["id"] for feature in page.json()["features"]]
        assert page.json()["numberMatched"] == len(sample_pack().shelters)
        url = next((link["href"] for link in page.json()["links"] if link["rel"] == "next"), None)
    assert seen == sorted(sample_pack().shelters)


def test_bbox_and_crs(http: httpx.Client) -> None:
    shelter = sample_pack().shelters["sh-zs-01"]
    lat, lon = shelter.lat, shelter.lon
    box = f"{lon - 0.0005},{lat - 0.0005},{lon + 0.0005},{lat + 0.0005}"
    found = http.get("/collections/shelters/items", params={"bbox": box}).json()["features"]
    assert [feature["id"] for feature in found] == ["sh-zs-01"]
    assert found[0]["geometry"]["coordinates"] == [lon, lat]
    turned = f"{lat - 0.0005},{lon - 0.0005},{lat + 0.0005},{lon + 0.0005}"
    answer = http.get("/collections/shelters/items", params={"bbox": turned, "bbox-crs": EPSG, "crs": EPSG})
    assert answer.headers["content-crs"] == f"<{EPSG}>"
    assert answer.json()["features"][0]["geometry"]["coordinates"] == [lat, lon]


@pytest.mark.parametrize("query", ["bbox=1,2,3", "bbox=a,b,c,d", "limit=0", "limit=x", "crs=EPSG:4490", "colour=red"])
def test_a_wrong_parameter_is_a_400_that_names_it(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/collections/sites/items?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["field"] == query.split("=")[0]


def test_what_does_not_exist_is_a_404(http: httpx.Client) -> None:
    assert http.get("/collections/people/items").status_code == 404
    assert http.get("/collections/sites/items/nobody").status_code == 404
    assert http.get("/collections/sites/items/dp-zs-01").json()["properties"]["kind"] == "danger_point"


def test_features_say_nothing_of_persons(http: httpx.Client) -> None:
    text = "".join(
        http.get(f"/collections/{name}/items?limit=1000", headers=READER).text for name in (*PUBLIC, "units")
    )
    for post in sample_pack().roster.values():
        assert f'"{post.post}"' not in text
        assert not any(number in text for _, number in post.contacts if number)
    assert "0000000" not in text
    assert "key_post" not in text


def test_every_township_has_an_outline_that_says_it_is_no_border(http: httpx.Client) -> None:
    regions = {f["id"]: f for f in http.get("/collections/regions/items?limit=1000").json()["features"]}
    pack = sample_pack()
    assert set(regions) == set(pack.regions)
    outlines = {code: shape(regions[code]["geometry"]) for code in pack.regions if pack.township_of(code) == code}
    assert all(outline.area > 0 and outline.is_valid for outline in outlines.values())
    assert all("不是行政区域界线" in regions[code]["properties"]["outline"] for code in outlines)
    for code, region in pack.regions.items():
        if region.lon is not None and region.lat is not None and (township := pack.township_of(code)):
            assert outlines[township].buffer(0.001).contains(Point(region.lon, region.lat)), region.name
    drawn = list(outlines.values())
    apart = sum(outline.area for outline in drawn)
    assert unary_union(drawn).area == pytest.approx(apart, rel=1e-3)  # none lies on another


def test_zones_are_danger_zones_and_say_whether_they_are_in_force(http: httpx.Client) -> None:
    zones = http.get("/collections/zones/items?limit=1000").json()["features"]
    assert {zone["properties"]["kind"] for zone in zones} == {"danger"}
    assert {zone["properties"]["in_force"] for zone in zones} == {False}
    assert all(zone["properties"]["hazard_name"] for zone in zones)
