"""资源服务·一图 OGC API – Features: documents, bbox, paging, both reference systems, and nobody's name or number."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import fresh_schema
from tests.support.resources import resources_service, sample_pack

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
    assert [collection["id"] for collection in listed] == ["sites", "shelters", "warehouses", "teams"]
    for collection in listed:
        items = next(link["href"] for link in collection["links"] if link["rel"] == "items")
        assert http.get(items).json()["numberReturned"] > 0


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
    text = "".join(http.get(f"/collections/{name}/items").text for name in ("sites", "shelters", "warehouses", "teams"))
    for post in sample_pack().roster.values():
        assert f'"{post.post}"' not in text
        assert not any(number in text for _, number in post.contacts if number)
    assert "0000000" not in text
    assert "key_post" not in text
