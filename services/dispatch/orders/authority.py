"""权限与措施 From a transition (contract §5) and the pack's measures and authority tables to what is to be ordered.

A region's level looks up measures for every unit and site inside; the highest level wins per unit and measure. What
is in force at once the authority table says: of a confirmed level all that is authorised beforehand, of an
unverified one only the leaving of listed danger points; an unconfirmed one orders nothing, while the level that is
confirmed without it goes on ordering (contract §5.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.dispatch.orders.model import UNSIGNED, Authority, Claim, Order, ScopeKind, UnitKind, UnitRef
from services.dispatch.roster.place import kind_of, regions_below
from services.dispatch.roster.register import register_of
from shared.pack.model import AuthorityRow, MeasureRow, Pack, Site, Unit
from shared.vocabulary import TOWNSHIP_LIKE, Level, Measure, RegionLevel, Verification

DANGER_POINT = "danger_point"
ANY_HAZARD = "*"
DAY_HOURS = range(7, 19)
"""Local hours in which a unit is counted by day."""


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """触发: what orders need to know of one transition, whether a fuse's or a notice's."""

    trip_id: str
    n: int
    hazard: str
    scope: str
    level: Level
    confirmed_level: Level
    verification: Verification
    areas: tuple[str, ...] = ()
    entered_late: bool = False
    happened_at: datetime | None = None

    @property
    def ordering(self) -> Level:
        """The level that may order: without a doubt of its own, or what is confirmed without the doubtful one."""
        return self.level if self.verification is Verification.CONFIRMED else self.confirmed_level

    @property
    def leaving(self) -> Level:
        """The level at which listed danger points are left though nobody has looked (无人核实)."""
        return self.level if self.verification is Verification.UNVERIFIED else Level.NORMAL


@dataclass(frozen=True, kw_only=True)
class TripMark:
    """触发记录: what the last transition of a trip ordered, so that a repeated one does not order again."""

    trip_id: str
    n: int
    ordering: Level = Level.NORMAL
    leaving: Level = Level.NORMAL


def mark_of(trigger: Trigger) -> TripMark:
    return TripMark(trip_id=trigger.trip_id, n=trigger.n, ordering=trigger.ordering, leaving=trigger.leaving)


def orders_now(mark: TripMark | None, trigger: Trigger) -> bool:
    """Whether this transition orders: the trip stands higher, or more firmly, than when it last did.

    A record at an unchanged level (silence, latched, unknown) orders nothing anew: what officers lifted stays lifted.
    """
    before = mark or TripMark(trip_id=trigger.trip_id, n=0)
    return trigger.ordering.rank > before.ordering.rank or trigger.leaving.rank > max(
        before.leaving.rank, trigger.ordering.rank, before.ordering.rank
    )


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """范围: what a scope covers, apart by scope kind"""

    regions: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    sites: tuple[Site, ...] = ()
    industry: str | None = None

    def takes(self, kind: ScopeKind) -> bool:
        """A unit's own fuse moves no industry; an industry's fuse bans no region."""
        if kind is ScopeKind.INDUSTRY:
            return bool(self.regions) or self.industry is not None
        return True


def footprint(pack: Pack, scope: str, areas: Iterable[str] = ()) -> Footprint:
    """Read a scope (contract §4), or a notice's areas where the scope is no place of the pack; else nothing."""
    kind = kind_of(pack, scope)
    if kind == "industry":
        industry, _, region = scope.partition("@")
        below = regions_below(pack, region) | {region}
        units = tuple(u for u in pack.units.values() if u.industry == industry and u.region in below)
        return Footprint(units=units, industry=industry)
    if kind == "unit":
        return Footprint(units=(pack.units[scope],))
    if kind == "site":
        return Footprint(sites=(pack.sites[scope],))
    if kind == "station":
        station = pack.stations[scope]
        served = station.serves or (station.region,)
        inside = _of_regions(pack, tuple(code for code in served if code in pack.regions))
        served_units = {u.unit_id: u for u in (*inside.units, *(pack.units[i] for i in served if i in pack.units))}
        served_sites = {s.site_id: s for s in (*inside.sites, *(pack.sites[i] for i in served if i in pack.sites))}
        return replace(inside, units=tuple(served_units.values()), sites=tuple(served_sites.values()))
    named = (scope,) if scope in pack.regions else tuple(area for area in areas if area in pack.regions)
    return _of_regions(pack, named)


def _of_regions(pack: Pack, codes: tuple[str, ...]) -> Footprint:
    inside: set[str] = set(codes)
    for code in codes:
        inside |= regions_below(pack, code)
    return Footprint(
        regions=_bound_regions(pack, codes),
        units=tuple(unit for unit in pack.units.values() if unit.region in inside),
        sites=tuple(site for site in pack.sites.values() if site.region in inside),
    )


def _bound_regions(pack: Pack, codes: tuple[str, ...]) -> tuple[str, ...]:
    """A district is bound township by township, so that each answers for itself."""
    bound: list[str] = []
    for code in codes:
        if pack.regions[code].level is RegionLevel.DISTRICT:
            townships = sorted(c for c in regions_below(pack, code) if pack.regions[c].level in TOWNSHIP_LIKE)
            bound += townships or [code]
        else:
            bound.append(code)
    return tuple(dict.fromkeys(bound))


def claims(pack: Pack, trigger: Trigger, now: datetime) -> tuple[Claim, ...]:
    """应采取的措施: lowest level first, so that what is in force at once is so before the rest waits for its signer."""
    ground = footprint(pack, trigger.scope, trigger.areas)
    found = [
        claim
        for row, ordinal in _numbered(pack.measures)
        if row.hazard == trigger.hazard and row.level is not Level.NORMAL
        for claim in [_claim(pack, row, ordinal, trigger, ground, now)]
        if claim is not None
    ]
    kept = [replace(claim, units=_not_outdone(claim, found)) for claim in found]
    return tuple(sorted((c for c in kept if c.units), key=lambda c: (c.level.rank, not c.in_force)))


def _claim(
    pack: Pack, row: MeasureRow, ordinal: int, trigger: Trigger, ground: Footprint, now: datetime
) -> Claim | None:
    kind = ScopeKind(row.scope_kind)
    units = units_of(pack, kind, row.industry, ground, now) if ground.takes(kind) else ()
    if row.level.rank > trigger.ordering.rank:
        if row.kind is not Measure.EVACUATE or row.level.rank > trigger.leaving.rank:
            return None
        units = tuple(unit for unit in units if unit.danger_point)
    if not units:
        return None
    granted = authority_row(pack, trigger.hazard, row.kind, kind, row.level)
    return Claim(
        trip_id=trigger.trip_id,
        hazard=row.hazard,
        family=family_of(pack, row.hazard),
        scope=trigger.scope,
        scope_kind=kind,
        industry=row.industry,
        kind=row.kind,
        level=row.level,
        ordinal=ordinal,
        wording_zh=row.wording_zh,
        wording_en=row.wording_en,
        basis=row.basis,
        exemptions=row.exemptions,
        units=units,
        authority=authority_of(granted) if granted else None,
        in_force=granted is not None and is_preauthorised(granted, pack, now),
        entered_late=trigger.entered_late,
        happened_at=trigger.happened_at,
    )


def _not_outdone(claim: Claim, others: list[Claim]) -> tuple[UnitRef, ...]:
    """The units on which no higher row of the same measure counts.

    A higher row that still waits for its signature does not displace a lower one that is in force at once.
    """
    outdone: set[str] = set()
    for other in others:
        if other.kind is claim.kind and other.level.rank > claim.level.rank and (other.in_force or not claim.in_force):
            outdone |= {unit.unit_id for unit in other.units}
    return tuple(unit for unit in claim.units if unit.unit_id not in outdone)


def _numbered(rows: Iterable[MeasureRow]) -> list[tuple[MeasureRow, int]]:
    """Rows that differ in wording alone are numbered, so that each keeps its own order through the levels."""
    seen: dict[tuple[str, ...], int] = {}
    numbered: list[tuple[MeasureRow, int]] = []
    for row in rows:
        key = (row.scope_kind, row.industry or "", row.hazard, row.level, row.kind)
        numbered.append((row, seen.get(key, 0)))
        seen[key] = seen.get(key, 0) + 1
    return numbered


def units_of(
    pack: Pack, kind: ScopeKind, industry: str | None, ground: Footprint, now: datetime
) -> tuple[UnitRef, ...]:
    """对象 What a measure of this scope kind binds on the ground; ``industry`` narrows (a site's kind, for sites)."""
    if kind is ScopeKind.REGION:
        return tuple(_region_ref(pack, code) for code in ground.regions)
    if kind is ScopeKind.SITE:
        sites = (site for site in ground.sites if industry in (None, site.kind))
        return tuple(_site_ref(pack, site) for site in sites)
    units = (unit for unit in ground.units if industry in (None, unit.industry))
    return tuple(_unit_ref(pack, unit, now) for unit in units)


def _region_ref(pack: Pack, code: str) -> UnitRef:
    region = pack.regions[code]
    inside = regions_below(pack, code) | {code}
    sites = [site for site in pack.sites.values() if site.region in inside and site.kind == DANGER_POINT]
    return UnitRef(
        unit_id=code,
        kind=UnitKind.REGION,
        name=region.name,
        region=code,
        post=next(iter(register_of(pack).posts_with("head", (code,))), None),
        expected=sum(site.people for site in sites),
        households=tuple(h for site in sites for h in _households(pack, site.site_id)),
        within=pack.ancestors(code)[1:],
    )


def _site_ref(pack: Pack, site: Site) -> UnitRef:
    return UnitRef(
        unit_id=site.site_id,
        kind=UnitKind.SITE,
        name=site.name,
        region=site.region,
        post=site.post,
        danger_point=site.kind == DANGER_POINT,
        expected=site.people,
        households=_households(pack, site.site_id),
    )


def _households(pack: Pack, site_id: str) -> tuple[tuple[str, int], ...]:
    return register_of(pack).households.get(site_id, ())


def _unit_ref(pack: Pack, unit: Unit, now: datetime) -> UnitRef:
    by_day = now.astimezone(ZoneInfo(pack.district.timezone)).hour in DAY_HOURS
    return UnitRef(
        unit_id=unit.unit_id,
        kind=UnitKind.UNIT,
        name=unit.name,
        region=unit.region,
        post=unit.post,
        expected=unit.people_day if by_day else max(unit.people_night, unit.boarders),
    )


def family_of(pack: Pack, hazard: str) -> str:
    known = pack.hazards.get(hazard)
    return known.family if known else hazard


def authority_row(pack: Pack, hazard: str, kind: Measure, scope_kind: ScopeKind, level: Level) -> AuthorityRow | None:
    """The row of the authority table: this hazard's before the one for all hazards; this level's and no lower one's."""
    fitting = [
        granted
        for granted in pack.authority
        if granted.kind is kind
        and granted.scope_kind == scope_kind
        and granted.hazard in (hazard, ANY_HAZARD)
        and granted.level.rank >= level.rank
    ]
    # who may sign for a higher level may sign for this one, never the reverse
    return min(fitting, key=lambda granted: (granted.level.rank, granted.hazard == ANY_HAZARD), default=None)


def authority_of(row: AuthorityRow) -> Authority:
    return Authority(
        headquarters=row.headquarters,
        signers=(row.signer, *(post for post in row.deputies if post != row.signer)),
        minutes=row.minutes,
        lifter=row.lifter,
        preauthorised_by=row.preauthorised_by,
    )


def is_preauthorised(row: AuthorityRow, pack: Pack, now: datetime) -> bool:
    """预先授权 Whether the row gives force beforehand today; its last day counts whole, in the district's time."""
    if row.preauthorised_by is None or row.preauthorised_until is None:
        return False
    try:
        until = date.fromisoformat(row.preauthorised_until)
    except ValueError:
        return False  # what cannot be read authorises nothing
    return now.astimezone(ZoneInfo(pack.district.timezone)).date() <= until


@dataclass(frozen=True, kw_only=True)
class Placement:
    """归并: which open orders a claim joins (with which of its units), and what is left for a new one"""

    joins: tuple[tuple[str, Claim], ...] = ()
    opening: Claim | None = None


def place(claim: Claim, orders: Iterable[Order]) -> Placement:
    """并入或新立 One order per measures row and trip scope; what binds a unit at least as much already is joined."""
    known = [order for order in orders if order.is_open]
    own = next((order for order in known if order.slot == claim.slot), None)
    left = {ref.unit_id: ref for ref in claim.units}
    joins: list[tuple[str, Claim]] = []
    for order in known:
        if own is not None and order.order_id == own.order_id:
            continue
        covering = {unit_id: _covering(order, ref, claim) for unit_id, ref in left.items()}
        covered = [left.pop(unit_id) for unit_id, wider in covering.items() if wider is not None]
        if covered:  # what a wider region of the order covers is no line of its own in it: only the trip joins
            named = tuple(ref for ref in covered if covering[ref.unit_id] == ref.unit_id)
            joins.append((order.order_id, replace(claim, units=named)))
    rest = tuple(left.values())
    if own is not None:
        if rest or not joins:
            joins.append((own.order_id, replace(claim, units=rest)))
        return Placement(joins=tuple(joins))
    return Placement(joins=tuple(joins), opening=replace(claim, units=rest) if rest else None)


def _covering(order: Order, ref: UnitRef, claim: Claim) -> str | None:
    """Which unit of the order binds this one at least as much: itself, or a region that it lies in."""
    if order.kind is not claim.kind or order.family != claim.family:
        return None
    # what waits for a signature serves a claim that needs one, never one that binds at once
    stands = order.raise_to if order.raise_to is not None and not claim.in_force else order
    same = stands.level is claim.level and stands.wording_zh == claim.wording_zh
    if not same and stands.level.rank <= claim.level.rank:
        return None
    for unit_id in (ref.unit_id, *ref.within):
        unit = order.unit(unit_id)
        if unit is None or unit.kind is not ref.kind:
            continue
        if unit.held or (unit.state in UNSIGNED and not claim.in_force):
            return unit_id
    return None
