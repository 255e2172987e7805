"""The sample pack is what its generator writes; the small one holds what the flood night needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
from shapely.geometry import Point, shape

from shared.geo import distance_m
from shared.pack.model import Pack
from shared.vocabulary import TOWNSHIP_LIKE, Level, Measure
from tests.support.packs import SAMPLE_SIZE, generated, loaded, sample_pack_dir

ZHUOSHUI, FENGJIA, ZHOUBAI = "500114112", "500114006", "500114005"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("small"), "small")


@pytest.fixture(scope="module")
def pack(folder: Path) -> Pack:
    return loaded(folder)


def _files(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def test_the_folder_is_the_generators_output(tmp_path: Path) -> None:
    made, committed = _files(generated(tmp_path, SAMPLE_SIZE)), _files(sample_pack_dir())
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_invented_values_say_so_and_numbers_belong_to_nobody(folder: Path, pack: Pack) -> None:
    for path in sorted(folder.rglob("*.csv")):
        if path.name not in ("hazards.csv", "metrics.csv", "duties.csv"):
            for line in path.read_text(encoding="utf-8").splitlines()[1:]:
                assert "演示数据" in line, f"{path.name}: {line}"
    numbers = [address for post in pack.roster.values() for channel, address in post.contacts if channel != "radio"]
    numbers += [neighbour.phone or "" for neighbour in pack.district.neighbours]
    assert all(number == "" or (number.startswith("0000000") and len(number) == 11) for number in numbers)
    assert all(post.person.startswith("演示人员") for post in pack.roster.values())


def test_regions_gauges_and_the_river(pack: Pack) -> None:
    townships = [region for region in pack.regions.values() if region.level in TOWNSHIP_LIKE]
    assert {region.code for region in townships} == {ZHUOSHUI, FENGJIA, ZHOUBAI}
    assert pack.regions[ZHOUBAI].downstream == (FENGJIA,)
    assert pack.regions[FENGJIA].downstream == (ZHUOSHUI,)
    for region in townships:
        rain = [s for s in pack.stations.values() if s.region == region.code and "rain_mm" in s.metrics]
        assert len(rain) == 4
        assert all(station.serves == (region.code,) and station.interval_s == 300 for station in rain)
        first = rain[0]
        assert all(
            distance_m(first.lat or 0, first.lon or 0, s.lat or 0, s.lon or 0) < 15_000 for s in rain[1:]
        )  # each can vouch for the others
    marks = [s.columns["stage_guarantee_m"] for s in pack.stations.values() if "stage_m" in s.metrics]
    assert len(marks) == 4
    assert marks.count("") == 1


def test_red_rain_gives_some_measures_at_once_and_others_a_signature(pack: Pack) -> None:
    granted = {(row.hazard, row.kind, row.scope_kind, row.level): row for row in pack.authority}
    red = [row for row in pack.measures if row.hazard == "11B03" and row.level is Level.RED]
    beforehand = {
        (row.scope_kind, row.kind)
        for row in red
        if granted[(row.hazard, row.kind, row.scope_kind, row.level)].preauthorised_by
    }
    assert beforehand == {("region", Measure.BAN), ("site", Measure.BAN), ("site", Measure.EVACUATE)}
    assert ("industry", Measure.STOP) in {(row.scope_kind, row.kind) for row in red}
    assert ("region", Measure.EVACUATE) in {(row.scope_kind, row.kind) for row in red}


def test_danger_points_have_households_and_a_way_out(pack: Pack) -> None:
    points = [site for site in pack.sites.values() if site.kind == "danger_point"]
    assert len(points) == 3
    routes = {f["properties"]["route_id"]: f for f in pack.geojson["routes.geojson"]["features"]}
    for point in points:
        listed = [house for house in pack.households.values() if house.site == point.site_id]
        assert (len(listed), sum(house.people for house in listed)) == (point.households, point.people)
        assert 20 <= point.people <= 60
        for house in listed:
            assert house.responsible_post in pack.roster
            shelter = pack.shelters[house.shelter or ""]
            line = shape(routes[house.approved_route or ""]["geometry"])
            assert distance_m(shelter.lat, shelter.lon, line.coords[-1][1], line.coords[-1][0]) < 1


def test_one_shelter_lies_in_the_zone_and_others_are_reached_from_inside(pack: Pack) -> None:
    zones = [
        shape(feature["geometry"])
        for feature in pack.geojson["zones.geojson"]["features"]
        if feature["properties"].get("step") == "red" and feature["properties"].get("hazard") == "11A01"
    ]
    (zone,) = zones
    assert zone.is_valid
    inside = [s.shelter_id for s in pack.shelters.values() if zone.covers(Point(s.lon, s.lat))]
    assert inside == ["sh-zs-03"]
    edges = pack.geojson["roads.geojson"]["features"]
    assert 150 <= len(edges) <= 400
    bridges = [edge for edge in edges if edge["properties"]["bridge"] == "yes"]
    assert len([edge for edge in bridges if zone.intersects(shape(edge["geometry"]))]) == 2
    for feature in pack.geojson["routes.geojson"]["features"]:
        line = shape(feature["geometry"])
        part = shapely.intersection(line, zone)
        assert part.geom_type == "LineString"  # leaves at most once
        assert not zone.covers(Point(line.coords[-1]))


def test_the_network_hangs_together(pack: Pack) -> None:
    beside: dict[tuple[float, float], set[tuple[float, float]]] = {}
    for edge in pack.geojson["roads.geojson"]["features"]:
        line = [tuple(position) for position in edge["geometry"]["coordinates"]]
        beside.setdefault(line[0], set()).add(line[-1])
        beside.setdefault(line[-1], set()).add(line[0])
    seen, todo = set(), [next(iter(beside))]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += beside[here]
    assert seen == set(beside)


def test_every_village_has_somebody_and_the_chain_ends_at_the_top(pack: Pack) -> None:
    led = {duty.object for duty in pack.duties if duty.role in ("head", "warden")}
    assert {r.code for r in pack.regions.values() if r.level != "group"} <= led
    tops = [post.post for post in pack.roster.values() if post.superior is None]
    assert tops == ["qj-hq-chief"]
    assert len({post.person for post in pack.roster.values()}) < len(pack.roster)


def test_beds_fall_short_of_three_thousand(pack: Pack) -> None:
    beds = sum(row.quantity for row in pack.stock if row.item_code == "1030201" and row.condition == "good")
    assert 0 < beds < 3_000
