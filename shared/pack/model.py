"""区县包 The district pack in memory: one frozen row type per file of contract §3, and `Pack` around them.

Reading and checking is `shared.pack.load`; nothing here does I/O. An empty optional cell is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.geo import distance_m
from shared.vocabulary import Level, Measure, RegionLevel


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """毗邻区县"""

    code: str
    name: str
    areas: tuple[str, ...] = ()
    feed: str | None = None
    key: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class District:
    """区县: district.yaml"""

    code: str
    name_zh: str
    name_en: str
    timezone: str
    sender: str
    status: str  # Exercise | Actual
    max_lateness_s: int
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def is_exercise(self) -> bool:
        return self.status == "Exercise"

    @property
    def default_realm(self) -> str:
        return "x-live" if self.is_exercise else "actual"


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """灾种: hazards.csv"""

    code: str
    name_zh: str
    name_en: str
    family: str


@dataclass(frozen=True, kw_only=True)
class Region:
    """区划: regions.csv; ``downstream`` names the regions that water from here reaches next."""

    code: str
    name: str
    parent: str | None
    level: RegionLevel
    lat: float | None
    lon: float | None
    population: int | None
    downstream: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """监测要素: metrics.csv; kind interval | cumulative | level"""

    name: str
    unit: str
    kind: str
    minimum: float | None
    maximum: float | None
    max_change_per_min: float | None


@dataclass(frozen=True, kw_only=True)
class Station:
    """监测站: stations.csv; ``columns`` keeps every cell as text for ``station.COLUMN`` bounds."""

    station_id: str
    name: str
    category: str
    region: str
    lat: float | None
    lon: float | None
    metrics: tuple[str, ...]
    interval_s: int
    report_s: int
    serves: tuple[str, ...] = ()
    upstream_of: tuple[str, ...] = ()
    datum_offset_m: float | None = None
    mobile: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MeasureRow:
    """措施: measures.csv"""

    scope_kind: str
    industry: str | None
    hazard: str
    level: Level
    kind: Measure
    wording_zh: str
    wording_en: str
    basis: str
    exemptions: str | None


@dataclass(frozen=True, kw_only=True)
class AuthorityRow:
    """权限: authority.csv; who signs what, from which minute who else, who may act before."""

    hazard: str  # code, or * for all
    kind: Measure
    scope_kind: str
    level: Level
    headquarters: str
    signer: str
    deputies: tuple[str, ...]
    minutes: int
    preauthorised_by: str | None
    preauthorised_until: str | None
    lifter: str
    on_expiry: str


@dataclass(frozen=True, kw_only=True)
class Post:
    """岗位: roster.csv; a post is held by a person; ``contacts`` are (channel, address), best first."""

    post: str
    person: str
    region: str
    rank: int
    deputy_of: str | None
    superior: str | None
    contacts: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]
    reviewed_on: str | None


@dataclass(frozen=True, kw_only=True)
class Duty:
    """职责: duties.csv; role verifier | warden | second | neighbour | key | head | patrol | technical"""

    post: str
    object: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Unit:
    """单位: units.csv"""

    unit_id: str
    name: str
    industry: str
    region: str
    lat: float | None
    lon: float | None
    people_day: int
    people_night: int
    people_holiday: int
    boarders: int
    post: str | None


@dataclass(frozen=True, kw_only=True)
class Site:
    """部位: sites.csv; kind ``danger_point`` is the list that may be emptied at once"""

    site_id: str
    name: str
    kind: str
    region: str
    lat: float | None
    lon: float | None
    households: int
    people: int
    post: str | None


@dataclass(frozen=True, kw_only=True)
class Household:
    """住户: households.csv"""

    household_id: str
    site: str
    group: str | None
    people: int
    vulnerable: int
    responsible_post: str | None
    shelter: str | None
    approved_route: str | None


@dataclass(frozen=True, kw_only=True)
class Shelter:
    """避难场所: shelters.csv"""

    shelter_id: str
    name: str
    region: str
    lat: float
    lon: float
    shelter_class: str
    floor_m2: float
    m2_per_person: float
    day: int
    night: int
    accessible: bool
    hazards_ok: tuple[str, ...]
    key_post: str | None
    confirmed_on: str | None


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """仓库: warehouses.csv"""

    warehouse_id: str
    name: str
    region: str
    lat: float
    lon: float
    owner: str
    key_post: str | None


@dataclass(frozen=True, kw_only=True)
class Item:
    """物资品种: items.csv; guarantee food | clothing | water | shelter | medical | other"""

    item_code: str
    name: str
    unit: str
    guarantee: str
    per_person_day: float | None
    substitutes: tuple[str, ...]
    source: str | None = None  # where the coefficient is from; readiness shows it


@dataclass(frozen=True, kw_only=True)
class StockRow:
    """库存: stock.csv (an opening: read once)"""

    warehouse_id: str
    item_code: str
    lot_id: str
    quantity: int
    expires_on: str | None
    condition: str
    reserve_type: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class Team:
    """队伍: teams.csv; kind professional | standing | mass"""

    team_id: str
    name: str
    kind: str
    region: str
    lat: float | None
    lon: float | None
    strength: int
    skills: tuple[str, ...]
    equipment: str | None
    post: str | None


@dataclass(frozen=True, kw_only=True)
class Pack:
    """区县包: one immutable version, named by the hash of its definitions (``sha256:…``).

    ``documents`` holds parsed YAML by path inside the pack (``fuses/rainstorm.yaml``, ``callouts.yaml``,
    ``cards/flood.yaml``, ``calendar.yaml``) as `shared.pack.located.Located`; the service whose noun it is
    reads it further. ``geojson`` holds ``zones.geojson``, ``roads.geojson`` and ``routes.geojson`` likewise.
    """

    version: str
    district: District
    hazards: Mapping[str, Hazard] = field(default_factory=dict)
    regions: Mapping[str, Region] = field(default_factory=dict)
    stations: Mapping[str, Station] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    measures: tuple[MeasureRow, ...] = ()
    authority: tuple[AuthorityRow, ...] = ()
    roster: Mapping[str, Post] = field(default_factory=dict)
    duties: tuple[Duty, ...] = ()
    units: Mapping[str, Unit] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    households: Mapping[str, Household] = field(default_factory=dict)
    shelters: Mapping[str, Shelter] = field(default_factory=dict)
    warehouses: Mapping[str, Warehouse] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    stock: tuple[StockRow, ...] = ()
    teams: Mapping[str, Team] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    geojson: Mapping[str, Any] = field(default_factory=dict)

    def ancestors(self, region: str) -> tuple[str, ...]:
        """The region's code, its parent's, … up to the district."""
        chain: list[str] = []
        at: str | None = region
        while at is not None and at not in chain:
            chain.append(at)
            found = self.regions.get(at)
            at = found.parent if found else None
        return tuple(chain)

    def region_of(self, place: str) -> str | None:
        """The region that a place lies in: a region itself, a unit, a site, a shelter; None where there is none."""
        if place in self.regions:
            return place
        for table in (self.units, self.sites, self.shelters):
            if place in table:
                return str(table[place].region)
        return None

    def region_near(self, lat: float, lon: float, within_m: float) -> str | None:
        """The region below the district whose seat is nearest, as the crow flies: a guess, boundaries are not open."""
        seats = [
            (distance_m(lat, lon, region.lat, region.lon), region.code)
            for region in self.regions.values()
            if region.lat is not None and region.lon is not None and region.code != self.district.code
        ]
        metres, code = min(seats, default=(within_m + 1, ""))
        return code if metres <= within_m else None

    def township_of(self, region: str) -> str | None:
        """The township, street or park that a region lies in (itself included)."""
        for code in self.ancestors(region):
            found = self.regions.get(code)
            if found and found.level in ("township", "street", "park"):
                return code
        return None
