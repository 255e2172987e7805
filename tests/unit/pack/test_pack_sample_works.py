"""The sample pack at work: every rule sees stations, every red reaches people, every measure a signer, and
whoever stands in a drawn danger area has a way out of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import shape

from services.dispatch.callouts.clocks import Clocks, read_clocks
from services.dispatch.orders.authority import Trigger, claims
from services.dispatch.roster.who import callees_for, callees_to_verify
from services.resources.evacuation.service import drawn_zones, zones_of
from services.resources.network.graph import Anchor, Network, build, roads_of
from services.resources.network.hazard import danger_area, mask_of
from services.resources.network.proof import prove
from services.resources.network.tree import coverage, grow
from services.warning.fuses.rule import Rule
from services.warning.fuses.rules import read_rules
from services.warning.fuses.scopes import Scope, scopes_of
from shared.pack.load import load_pack
from shared.pack.model import Pack
from shared.vocabulary import Level, Measure, Verification

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
LOAD_S = 3.0  # of the processor's time: the aim is half of it on an idle machine
ROADS_BYTES = 2_000_000
STATUS = re.compile(r"PROP|\bU\b|\bR\b|CMA order 16")
MANY = 20  # scopes of a rule


@pytest.fixture(scope="module")
def rules(sample_pack: Pack) -> tuple[Rule, ...]:
    found, problems = read_rules(sample_pack)
    assert problems == []
    return found


@pytest.fixture(scope="module")
def clocks(sample_pack: Pack) -> Clocks:
    found, problems = read_clocks(sample_pack.documents["callouts.yaml"], sample_pack)
    assert found is not None, problems
    return found


@pytest.fixture(scope="module")
def network(sample_pack: Pack) -> Network:
    anchors = [Anchor(s.shelter_id, s.lon, s.lat) for s in sample_pack.shelters.values()]
    return build(roads_of(sample_pack.geojson["roads.geojson"]), anchors)


def _scopes(pack: Pack, rules: tuple[Rule, ...], step: int = 1) -> Iterator[tuple[Rule, Scope]]:
    """Every rule on its scopes; ``step`` takes only so many of the many villages and sensors."""
    for rule in rules:
        scopes = scopes_of(rule, pack)
        yield from ((rule, scope) for scope in scopes[:: 1 if len(scopes) < MANY else step])


def test_no_fuse_is_blind_from_the_start(sample_pack: Pack, rules: tuple[Rule, ...]) -> None:
    assert {rule.id for rule in rules} == {
        *("rainstorm", "flash_flood", "river_stage", "displacement", "crack", "tilt"),
        *("gas", "earthquake", "forest_fire"),
    }
    blind = [(rule.id, scope.id) for rule, scope in _scopes(sample_pack, rules) if not scope.stations]
    assert blind == []


def test_every_rule_says_where_its_thresholds_come_from(rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        assert STATUS.search(rule.source), f"{rule.id}: {rule.source}"


def test_red_reaches_people_with_telephones_everywhere(
    sample_pack: Pack, rules: tuple[Rule, ...], clocks: Clocks
) -> None:
    for rule, scope in _scopes(sample_pack, rules, 6):
        for level in (Level.YELLOW, Level.ORANGE, Level.RED):
            found = callees_for(
                sample_pack, clocks.rules, hazard=rule.hazard, scope_kind=rule.per, scope=scope.id, level=level
            )
            assert found.gaps == (), (rule.id, scope.id, level, found.gaps)
            for callee in found.callees:
                assert any(channel == "voice" for channel, _ in sample_pack.roster[callee.post].contacts)
                assert callee.superiors or callee.post == "qj-hq-chief"
            assert level is not Level.RED or any(callee.feedback for callee in found.callees)
        looking = callees_to_verify(sample_pack, scope_kind=rule.per, scope=scope.id, stations=scope.stations)
        assert looking.gaps == (), (rule.id, scope.id, looking.gaps)


@pytest.mark.parametrize("level", [Level.ORANGE, Level.RED])
def test_who_leads_people_out_is_called_for_their_point_however_it_is_named(
    sample_pack: Pack, clocks: Clocks, level: Level
) -> None:
    """By the point itself, a sensor on it, the gauge of the river that it lies at, its village, its township."""
    leads = {duty.object: duty.post for duty in sample_pack.duties if duty.role == "warden"}
    assert sample_pack.sites.keys() <= leads.keys()
    for site in sample_pack.sites.values():
        township = sample_pack.township_of(site.region) or ""
        scopes = [("11D01", "site", site.site_id), ("11B03", "township", township)]
        scopes += [
            ("11A01" if "stage_m" in s.metrics else "11D01", "station", s.station_id)
            for s in sample_pack.stations.values()
            if site.site_id in s.serves or ("stage_m" in s.metrics and township in s.serves)
        ]
        if site.region != township:
            scopes.append(("11A51", "village", site.region))
        for hazard, kind, scope in scopes:
            found = callees_for(sample_pack, clocks.rules, hazard=hazard, scope_kind=kind, scope=scope, level=level)
            assert leads[site.site_id] in {callee.post for callee in found.callees}, (site.site_id, hazard, scope)


def test_a_notice_on_any_place_reaches_somebody(sample_pack: Pack, clocks: Clocks) -> None:
    """Notices name what they like: a township, a site, a unit, an industry."""
    ordered = {row.hazard for row in sample_pack.measures}
    assert {"11A01", "11A51", "11B03", "11D01", "11B25", "11G01", "11C02", "QJ-GAS"} <= ordered
    units = [*sample_pack.units.values()]
    places = [("site", site) for site in sample_pack.sites if site.startswith(("dp-", "res-", "bridge-"))][::16]
    places += [("unit", unit.unit_id) for unit in units[::20]]
    places += [("industry", f"{unit.industry}@{sample_pack.township_of(unit.region)}") for unit in units[::25]]
    places += [("township", "500114X01"), ("township", "500114105")]
    for hazard in ordered - {"11D01", "11D02", "11B37", "QJ-GAS"}:
        for kind, place in places:
            found = callees_for(sample_pack, clocks.rules, hazard=hazard, scope_kind=kind, scope=place, level=Level.RED)
            assert found.gaps == (), (hazard, place, found.gaps)
            assert len(found.callees) >= 3
    whole = callees_for(
        sample_pack, clocks.rules, hazard="11B03", scope_kind="district", scope="500114", level=Level.RED
    )
    assert whole.gaps == ()
    assert len(whole.callees) > 500


def test_each_measure_has_a_signer_who_can_be_rung(sample_pack: Pack, rules: tuple[Rule, ...]) -> None:
    by_rule: dict[str, set[Measure]] = {}
    for rule, scope in _scopes(sample_pack, rules, 6):
        trigger = Trigger(
            trip_id=f"{rule.id}/{scope.id}/1",
            n=1,
            hazard=rule.hazard,
            scope=scope.id,
            level=Level.RED,
            confirmed_level=Level.RED,
            verification=Verification.CONFIRMED,
        )
        found = claims(sample_pack, trigger, NOW)
        for claim in found:
            assert claim.authority is not None, (rule.id, scope.id, claim.kind)
            signers = [*claim.authority.signers, claim.authority.lifter]
            assert all(sample_pack.roster[post].contacts for post in signers)
            assert len(claim.authority.signers) >= 2  # the next one, when the first is silent
            assert not claim.in_force or claim.scope_kind == "site" or claim.kind is Measure.BAN
        by_rule.setdefault(rule.id, set()).update(claim.kind for claim in found)
    assert all(by_rule[rule.id] for rule in rules)
    for name in ("rainstorm", "flash_flood", "river_stage", "displacement", "crack", "tilt", "gas"):
        assert Measure.EVACUATE in by_rule[name], name


def test_who_signs_follows_the_hazard(sample_pack: Pack) -> None:
    names = {row.hazard: row.headquarters for row in sample_pack.authority}
    assert names["11A51"] == "区防汛抗旱指挥部"
    assert names["11D01"] == "区地质灾害防治指挥部"
    assert names["11G01"] == "区森林防灭火指挥部"
    assert names["11C02"] == "区抗震救灾指挥部"
    assert names["QJ-GAS"] == "区安全生产委员会"


def test_an_evacuated_point_has_its_zone_drawn(sample_pack: Pack) -> None:
    for site in sample_pack.sites.values():
        if site.kind == "danger_point" and not site.site_id.startswith("dp-zs"):
            for hazard in ("11D01", "11B03", "11C02"):
                zones = zones_of(sample_pack, hazard, "red", [site.site_id])
                assert zones, (site.site_id, hazard)
                assert all(zone.region == site.region for zone in zones if zone.hazard == hazard)
        elif site.kind in ("gallery", "gas_station", "pipeline"):
            assert zones_of(sample_pack, "QJ-GAS", "red", [site.site_id])


def _danger(pack: Pack) -> dict[str, list[Any]]:
    by_hazard: dict[str, list[Any]] = {}
    for feature in pack.geojson["zones.geojson"]["features"]:
        if feature["properties"]["kind"] == "danger":
            by_hazard.setdefault(feature["properties"]["hazard"], []).append(feature)
    return by_hazard


def test_the_network_hangs_together_and_reaches_every_village(
    sample_pack: Pack, sample_folder: Path, network: Network
) -> None:
    assert (sample_folder / "roads.geojson").stat().st_size < ROADS_BYTES
    assert 2_000 <= network.nodes <= 8_000
    assert network.unanchored == ()
    found = coverage(grow(network, mask_of(network, danger_area([])), sample_pack.shelters))
    assert found["outside_without_way"] == 0
    for region in sample_pack.regions.values():
        if region.level == "village":
            assert next(network.snap(region.lon or 0, region.lat or 0, 60), None) is not None, region.name


def test_from_every_road_in_a_danger_area_a_shelter_outside_is_reached(sample_pack: Pack, network: Network) -> None:
    """Each area alone, and all of one hazard at once; nobody is led in, nobody is left without a way."""
    for hazard, features in _danger(sample_pack).items():
        fit = [s.shelter_id for s in sample_pack.shelters.values() if hazard in s.hazards_ok]
        for feature in features if hazard in ("11A01", "11D01", "QJ-GAS") else ():  # the others' rings are the slopes'
            _assert_ways_out(network, [feature], fit)
        _assert_ways_out(network, features, fit)


def _assert_ways_out(network: Network, features: list[Any], fit: list[str]) -> None:
    drawn = [shape(feature["geometry"]) for feature in features]
    name = features[0]["properties"]["zone_id"]
    assert all(zone.is_valid for zone in drawn), name
    tree = grow(network, mask_of(network, danger_area(drawn)), fit)
    assert coverage(tree)["inside_without_way"] == 0, name
    assert prove(tree, drawn) == (), name


def test_only_the_known_shelter_lies_in_danger(sample_pack: Pack) -> None:
    area = shapely.union_all([shape(f["geometry"]) for found in _danger(sample_pack).values() for f in found])
    inside = [s.shelter_id for s in sample_pack.shelters.values() if area.intersects(shapely.Point(s.lon, s.lat))]
    assert inside == ["sh-zs-03"]  # on purpose: a shelter that must count as none


def test_approved_routes_leave_once_and_end_at_the_shelter(sample_pack: Pack) -> None:
    zones = {zone.zone_id: shape(zone.geometry) for zone in drawn_zones(sample_pack) if zone.kind == "danger"}
    routes = sample_pack.geojson["routes.geojson"]["features"]
    assert len(routes) == 20
    for route in routes:
        line, about = shape(route["geometry"]), route["properties"]
        shelter = sample_pack.shelters[about["shelter"]]
        assert shapely.Point(line.coords[-1]).distance(shapely.Point(shelter.lon, shelter.lat)) < 1e-5
        for zone_id, zone in zones.items():
            if zone.intersects(line):
                assert zone.covers(shapely.Point(line.coords[0])), (about["route_id"], zone_id)
                assert shapely.intersection(line, zone).geom_type == "LineString", (about["route_id"], zone_id)


def test_it_loads_quickly(sample_folder: Path) -> None:
    began = time.process_time()
    assert load_pack(sample_folder)[1] == []
    assert time.process_time() - began < LOAD_S
