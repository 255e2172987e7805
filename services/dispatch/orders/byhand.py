"""人工措施 An order that an officer, township or village makes without a trip: the same tables, the same signers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.orders.authority import (
    Footprint,
    authority_of,
    authority_row,
    family_of,
    footprint,
    units_of,
)
from services.dispatch.orders.model import Claim, ScopeKind, UnitRef
from services.dispatch.roster.place import kind_of
from shared.pack.model import Pack
from shared.vocabulary import Level, Measure

BY_HAND_ORDINAL = 1_000_000
"""Orders by hand are numbered above every row of the measures table: a later trip joins them by unit, not by row."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """拟制: what the officer typed"""

    hazard: str
    kind: Measure
    level: Level
    scope: str
    wording_zh: str
    wording_en: str
    basis: str
    exemptions: str | None = None
    trip_id: str = ""
    units: tuple[str, ...] = ()


def claim_of(pack: Pack, draft: Draft, number: int, now: datetime) -> Claim | None:
    """The claim, or None where the scope (or a named unit) is not in the pack."""
    ground = footprint(pack, draft.scope)
    scope_kind = scope_kind_of(pack, draft.scope)
    refs = units_of(pack, scope_kind, None, ground, now)
    if draft.units:
        named = _everything(pack, ground, now)
        if not set(draft.units) <= set(named):
            return None
        refs = tuple(named[unit_id] for unit_id in draft.units)
    if not refs:
        return None
    granted = authority_row(pack, draft.hazard, draft.kind, scope_kind, draft.level)
    return Claim(
        trip_id=draft.trip_id,
        hazard=draft.hazard,
        family=family_of(pack, draft.hazard),
        scope=draft.scope,
        scope_kind=scope_kind,
        industry=draft.scope.partition("@")[0] if scope_kind is ScopeKind.INDUSTRY else None,
        kind=draft.kind,
        level=draft.level,
        ordinal=BY_HAND_ORDINAL + number,
        wording_zh=draft.wording_zh,
        wording_en=draft.wording_en,
        basis=draft.basis,
        exemptions=draft.exemptions,
        units=refs,
        authority=authority_of(granted) if granted else None,
        in_force=False,
    )


def scope_kind_of(pack: Pack, scope: str) -> ScopeKind:
    """区域 行业 单位 部位: which of the four an id belongs to"""
    kind = kind_of(pack, scope)
    return ScopeKind(kind) if kind in ("industry", "unit", "site") else ScopeKind.REGION


def area_of(pack: Pack, scope: str) -> str | None:
    """The region that an id lies in, for the gate; None for an unknown id."""
    if "@" in scope:
        region = scope.partition("@")[2]
        return region if region in pack.regions else None
    if scope in pack.regions:
        return scope
    if scope in pack.units:
        return pack.units[scope].region
    if scope in pack.sites:
        return pack.sites[scope].region
    return pack.stations[scope].region if scope in pack.stations else None


def _everything(pack: Pack, ground: Footprint, now: datetime) -> dict[str, UnitRef]:
    kinds = (ScopeKind.REGION, ScopeKind.UNIT, ScopeKind.SITE)
    return {ref.unit_id: ref for kind in kinds for ref in units_of(pack, kind, None, ground, now)}
