"""疏散性质 On random networks and danger areas: nobody is led in, everybody with a way gets out, and so on.

The oracle is apart from the product: plain shapely geometry and a Bellman-Ford search, in the words of the rule.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from services.resources.network.graph import Anchor, Network, Road, build, metres_between
from services.resources.network.hazard import Danger, danger_area, keeps_out, mask_of
from services.resources.network.proof import prove
from services.resources.network.tree import Tree, grow, way_from

LON, LAT, CELL = 108.70, 29.30, 0.002
SIDE = 7


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Road], list[Anchor], list[shapely.Polygon]]:
    """A jittered grid with stretches missing, some shelters, one to three drawn areas (holes and all)."""
    jitter = st.floats(-0.0006, 0.0006)
    points = {
        (i, j): (LON + i * CELL + draw(jitter), LAT + j * CELL + draw(jitter)) for i in range(SIDE) for j in range(SIDE)
    }
    roads: list[Road] = []
    for (i, j), here in points.items():
        for other in ((i + 1, j), (i, j + 1)):
            if other in points and draw(st.integers(0, 9)) < 8:
                roads.append(Road(f"R{i}{j}", "path", (here, points[other])))
    place = st.floats(-0.2, SIDE - 0.8)
    anchors = [
        Anchor(f"S{n}", LON + draw(place) * CELL, LAT + draw(place) * CELL) for n in range(draw(st.integers(1, 4)))
    ]
    zones: list[shapely.Polygon] = []
    for _ in range(draw(st.integers(1, 3))):
        x, y = LON + draw(place) * CELL, LAT + draw(place) * CELL
        corners = draw(st.integers(3, 9))
        reach = [draw(st.floats(0.3, 2.5)) * CELL for _ in range(corners)]
        angles = [2 * math.pi * n / corners for n in range(corners)]
        zones.append(
            shapely.Polygon([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(reach, angles, strict=True)])
        )
    assume(all(zone.is_valid for zone in zones))
    assume(roads)
    return roads, anchors, zones


def tree_of(roads: list[Road], anchors: list[Anchor], zones: list[shapely.Polygon]) -> Tree:
    network = build(roads, anchors)
    return grow(network, mask_of(network, danger_area(zones)), [a.anchor_id for a in anchors])


def naive_costs(network: Network, danger: Danger, sources: set[int]) -> list[float]:
    """Bellman-Ford over the rule as it is written, one segment at a time."""
    cost = [math.inf] * network.nodes
    for source in sources:
        if not danger.area.intersects(shapely.Point(network.lonlat[source])):
            cost[source] = 0.0
    arcs: list[tuple[int, int, float]] = []
    for u, v, metres in zip(network.u, network.v, network.metres, strict=True):
        for a, b in ((int(u), int(v)), (int(v), int(u))):
            line = shapely.LineString([network.lonlat[a], network.lonlat[b]])
            if all(may_walk(area, line) for area in (danger.area, danger.drawn)):
                exposed = danger.area.intersects(shapely.Point(network.lonlat[a]))
                arcs.append((a, b, (3.0 if exposed else 1.0) * float(metres)))
    changed = True
    while changed:
        changed = False
        for a, b, weight in arcs:
            if cost[b] + weight < cost[a] - 1e-9:
                cost[a] = cost[b] + weight
                changed = True
    return cost


def may_walk(area: shapely.Geometry, line: shapely.LineString) -> bool:
    if not area.intersects(line):
        return True
    return area.intersects(shapely.Point(line.coords[0])) and leaves_once(area, line)


def leaves_once(area: shapely.Geometry, line: shapely.LineString) -> bool:
    """What lies outside is nothing, or one piece at the walk's end."""
    outside = shapely.line_merge(line.difference(area))
    if outside.is_empty:
        return True
    if outside.geom_type != "LineString":
        return False
    starts_in = area.intersects(shapely.Point(line.coords[0]))
    return not (starts_in and area.intersects(shapely.Point(line.coords[-1])))


@given(worlds())
def test_nobody_outside_is_led_in_and_no_way_re_enters(
    world: tuple[list[Road], list[Anchor], list[shapely.Polygon]],
) -> None:
    roads, anchors, zones = world
    tree = tree_of(roads, anchors, zones)
    assert prove(tree, zones) == ()
    drawn = shapely.union_all(zones)
    for node in range(tree.network.nodes):
        way = tree.way(node)
        if len(way) < 2:
            continue
        points = [shapely.Point(tree.network.lonlat[n]) for n in way]
        line = shapely.LineString(points)
        if not drawn.intersects(points[0]):
            assert not drawn.intersects(line)
        first_out = next(i for i, point in enumerate(points) if not drawn.intersects(point))
        if first_out < len(points) - 1:
            assert not drawn.intersects(shapely.LineString(points[first_out:]))


@given(worlds())
def test_everybody_with_a_physical_way_gets_the_cheapest(
    world: tuple[list[Road], list[Anchor], list[shapely.Polygon]],
) -> None:
    roads, anchors, zones = world
    tree = tree_of(roads, anchors, zones)
    wanted = naive_costs(tree.network, tree.mask.danger, set(tree.network.anchors.values()))
    assert np.isfinite(tree.cost).tolist() == [math.isfinite(cost) for cost in wanted]
    for found, cost in zip(tree.cost, wanted, strict=True):
        assert not math.isfinite(cost) or found == pytest.approx(cost, abs=1e-6)


@given(worlds(), st.floats(0, SIDE - 1), st.floats(0, SIDE - 1))
def test_another_shelter_never_makes_the_way_worse(
    world: tuple[list[Road], list[Anchor], list[shapely.Polygon]], x: float, y: float
) -> None:
    roads, anchors, zones = world
    network = build(roads, [*anchors, Anchor("new", LON + x * CELL, LAT + y * CELL)])
    mask = mask_of(network, danger_area(zones))
    names = [a.anchor_id for a in anchors]
    before, after = grow(network, mask, names), grow(network, mask, [*names, "new"])
    assert (after.cost <= before.cost + 1e-6).all()


@given(worlds(), st.lists(st.tuples(st.floats(-0.3, SIDE - 0.7), st.floats(-0.3, SIDE - 0.7)), max_size=12))
def test_a_way_from_anywhere_obeys_the_same_rule(
    world: tuple[list[Road], list[Anchor], list[shapely.Polygon]], places: list[tuple[float, float]]
) -> None:
    roads, anchors, zones = world
    tree = tree_of(roads, anchors, zones)
    drawn = shapely.union_all(zones)
    for x, y in places:
        lon, lat = LON + x * CELL, LAT + y * CELL
        way = way_from(tree, lon, lat, 500)
        if way is None:
            continue
        assert way.lonlat[0] == (lon, lat)
        door = tree.network.lonlat[tree.network.anchors[way.shelter]]
        assert way.lonlat[-1] == (pytest.approx(door[0]), pytest.approx(door[1]))
        if len(way.lonlat) < 2:
            continue
        line = shapely.LineString(way.lonlat)
        if not drawn.intersects(shapely.Point(lon, lat)):
            assert not drawn.intersects(line)
        points = np.array(way.lonlat)
        length = float(metres_between(points[:-1], points[1:]).sum())
        assert way.metres == pytest.approx(length, abs=0.5)
        assert leaves_once(drawn, line)
        assert keeps_out(tree.mask.danger, line)


@given(worlds())
def test_the_same_world_gives_the_same_tree(
    world: tuple[list[Road], list[Anchor], list[shapely.Polygon]],
) -> None:
    roads, anchors, zones = world
    one, two = tree_of(roads, anchors, zones), tree_of(roads, list(reversed(anchors)), zones)
    assert one.network.version == two.network.version
    assert np.array_equal(one.next_node, two.next_node)
