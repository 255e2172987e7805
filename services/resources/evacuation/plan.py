"""疏散方案 Zones, orders and shelters of one moment, and the snapshot that answers are read from.

A plan is numbered per realm; any change of zones, orders or shelters makes the next one. It is built off to the
side, proved (`services.resources.network.proof`) and only then published, by swapping one pointer. A plan that fails
its proof is not published, and while a newer one is wanted the older one leads nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from services.resources.network.graph import Network
from services.resources.network.hazard import Danger, danger_area, mask_of, widened
from services.resources.network.proof import Finding, prove
from services.resources.network.tree import Tree, coverage, grow
from shared.vocabulary import Level

NEAR_M = 300.0
"""Around a danger area people are led away too: a drawn line and a phone's position are both uncertain."""

MAP_EDGE_M = 3_000.0
"""Beyond the network's extent by more than this, nothing is known."""


class ShelterState(StrEnum):
    """避难场所状态 (A16)"""

    CLOSED = "closed"  # 关闭
    OPENING = "opening"  # 开启中
    OPEN = "open"  # 已开
    FULL = "full"  # 已满
    UNUSABLE = "unusable"  # 不可用
    UNKNOWN = "unknown"  # 不明


NOT_USABLE = frozenset({ShelterState.FULL, ShelterState.UNUSABLE})


@dataclass(frozen=True)
class ShelterNow:
    """避难场所现状: what a plan knows of a shelter; ``hazards_ok`` are hazard codes or families."""

    shelter_id: str
    name: str
    region: str
    lat: float
    lon: float
    state: ShelterState = ShelterState.UNKNOWN
    hazards_ok: frozenset[str] = frozenset()
    accessible: bool = False
    capacity: int = 0


@dataclass(frozen=True)
class Zone:
    """危险区: one version of one drawn area. ``kind`` danger is to be left; population marks who is to be moved."""

    zone_id: str
    version: int
    hazard: str | None
    family: str | None
    kind: str  # danger | population
    geometry: Mapping[str, Any]
    source: str
    region: str | None = None
    review_at: datetime | None = None

    @property
    def shape(self) -> BaseGeometry:
        """The area; a ring that crosses itself keeps all it encloses."""
        drawn = shape(self.geometry)
        return drawn if drawn.is_valid else shapely.make_valid(drawn, method="structure", keep_collapsed=False)


@dataclass(frozen=True)
class DrawnZone:
    """预先划定的区域: one feature of the pack's zones.geojson. ``within`` are the regions that its region lies in."""

    zone_id: str
    hazard: str | None
    kind: str
    step: Level | None
    region: str | None
    within: frozenset[str]
    geometry: Mapping[str, Any]
    source: str


@dataclass(frozen=True)
class Refuge:
    """就近避险点: high ground or an assembly point; where none is listed, a shelter."""

    refuge_id: str
    name: str
    kind: str
    lat: float
    lon: float


@dataclass(frozen=True)
class PlanInput:
    """方案输入: all that a plan depends on; the same input gives the same tree."""

    realm: str
    version: int
    pack: str
    zones: tuple[Zone, ...]
    unmapped: tuple[str, ...]  # evacuation orders for which no zone is drawn
    ordered: frozenset[str]  # regions, units and sites under an order whose danger area is drawn
    blind: frozenset[str]  # the same of the unmapped orders: they are to leave, from what is not drawn
    shelters: tuple[ShelterNow, ...]
    shelters_version: int
    refuges: tuple[Refuge, ...] = ()

    def hazard_version(self) -> str:
        """The hash of the danger areas in force."""
        parts = [
            [zone.zone_id, zone.version, zone.hazard, zone.kind, zone.geometry]
            for zone in sorted(self.zones, key=lambda z: z.zone_id)
        ]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """快照: one published plan, immutable, shared by all readers."""

    plan: PlanInput
    tree: Tree
    to_leave: BaseGeometry = field(repr=False)  # where people are led away although it is not the danger area itself
    known: BaseGeometry = field(repr=False)  # the map's extent and the areas to leave: beyond it nothing is known
    findings: tuple[Finding, ...] = ()

    @property
    def network(self) -> Network:
        return self.tree.network

    @property
    def danger(self) -> Danger:
        return self.tree.mask.danger

    @property
    def proved(self) -> bool:
        return not self.findings

    @cached_property
    def version(self) -> Mapping[str, Any]:
        """What every answer says that it was made from (contract §6)."""
        return {
            "network": self.network.version,
            "hazard": self.plan.hazard_version(),
            "plan": self.plan.version,
            "shelters": self.plan.shelters_version,
        }

    def shelter(self, shelter_id: str) -> ShelterNow | None:
        return next((s for s in self.plan.shelters if s.shelter_id == shelter_id), None)

    def stale_since(self, now: datetime) -> datetime | None:
        """Since when a zone's review is overdue: an area nobody looked at again is not known."""
        due = [zone.review_at for zone in self.plan.zones if zone.review_at is not None and zone.review_at <= now]
        return min(due, default=None)

    def report(self) -> dict[str, Any]:
        """What the officer who activates a plan should see before trusting it."""
        return {
            **coverage(self.tree),
            "segments_touched": self.tree.mask.touched,
            "directions_closed": self.tree.mask.closed,
            "shelters_used": list(self.tree.shelters),
            "shelters_unreachable": sorted(
                s.shelter_id for s in self.plan.shelters if s.shelter_id not in self.network.anchors
            ),
            "unmapped_orders": list(self.plan.unmapped),
            "capacity_considered": False,
        }


def usable_shelters(plan: PlanInput) -> list[str]:
    """Shelters that may be a goal (可用避难场所): fit for every hazard in force, not full, not unusable.

    Whether one lies in a danger area is the tree's to see: there it counts zero (domain facts §8.11).
    """
    hazards = [{zone.hazard, zone.family, "*"} - {None} for zone in plan.zones if zone.kind == "danger"]
    return [
        s.shelter_id
        for s in plan.shelters
        if s.state not in NOT_USABLE and all(s.hazards_ok & hazard for hazard in hazards)
    ]


def build_snapshot(plan: PlanInput, network: Network) -> Snapshot:
    """Build and prove a plan (生成并核验). Look at ``proved`` before publishing."""
    drawn = [zone.shape for zone in plan.zones if zone.kind == "danger"]
    people = [zone.shape for zone in plan.zones if zone.kind == "population"]
    danger = danger_area(drawn)
    tree = grow(network, mask_of(network, danger), usable_shelters(plan))
    to_leave = shapely.union_all([widened(danger.area, NEAR_M), *people])
    known = shapely.union(to_leave, _extent(network))
    shapely.prepare(to_leave)
    shapely.prepare(known)
    return Snapshot(plan, tree, to_leave, known, prove(tree, drawn))


def _extent(network: Network) -> BaseGeometry:
    if not network.nodes:
        return shapely.MultiPolygon()
    (west, south), (east, north) = network.lonlat.min(axis=0), network.lonlat.max(axis=0)
    return widened(shapely.box(west, south, east, north), MAP_EDGE_M)


def zones_for_order(
    zones: Iterable[DrawnZone], hazards: frozenset[str], level: Level | None, areas: Mapping[str, frozenset[str]]
) -> list[DrawnZone]:
    """The drawn zones that an evacuation order brings into force (按灾种、范围、级别选危险区).

    ``areas`` gives for each area of the order all regions it lies in, itself included. A zone counts when its region is
    one of those, or lies in one of the areas (``within``). Steps above the order's level wait for theirs; where
    no step fits, all are taken: too wide an area to leave is safer than none. An order without a hazard takes them all.
    """
    chains = frozenset().union(*areas.values()) if areas else frozenset()
    here = [
        zone
        for zone in zones
        if (not hazards or not zone.hazard or zone.hazard in hazards)
        and (zone.region in chains or bool(zone.within & areas.keys()))
    ]
    danger = [zone for zone in here if zone.kind == "danger"]
    fitting = [z for z in danger if level is None or z.step is None or z.step.rank <= level.rank] or danger
    return [*fitting, *(zone for zone in here if zone.kind == "population")] if fitting else []
