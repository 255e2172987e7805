"""作用范围 Which fuses a rule has in a district, and which stations each of them looks at (contract §4).

A scope's stations are those measuring the rule's metric that `serves` names it, else those in its region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.warning.fuses.rule import Per, Rule
from shared.pack.model import Pack
from shared.vocabulary import TOWNSHIP_LIKE, RegionLevel


@dataclass(frozen=True)
class Scope:
    """范围: its id, what it is, and the region it lies in."""

    id: str
    kind: Per
    region: str
    name: str
    stations: tuple[str, ...]


def scopes_of(rule: Rule, pack: Pack) -> tuple[Scope, ...]:
    """Every scope of a rule by id; one without a station too (it is blind, and shown so)."""
    measuring = tuple(sorted(s.station_id for s in pack.stations.values() if rule.metric in s.metrics))
    return tuple(
        Scope(identity, rule.per, region, name, _stations(pack, measuring, identity, region, rule.per))
        for identity, region, name in sorted(_KINDS[rule.per](pack, measuring))
    )


def _stations(pack: Pack, measuring: tuple[str, ...], identity: str, region: str, per: Per) -> tuple[str, ...]:
    if per is Per.STATION:
        return (identity,)
    serving = tuple(station for station in measuring if identity in pack.stations[station].serves)
    if serving:
        return serving
    return tuple(station for station in measuring if region in pack.ancestors(pack.stations[station].region))


_Found = Iterator[tuple[str, str, str]]  # id, region, name


def _district(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    yield pack.district.code, pack.district.code, pack.district.name_zh


def _townships(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    for region in pack.regions.values():
        if region.level in TOWNSHIP_LIKE:
            yield region.code, region.code, region.name


def _villages(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    for region in pack.regions.values():
        if region.level is RegionLevel.VILLAGE:
            yield region.code, region.code, region.name


def _industries(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    found: dict[str, tuple[str, str, str]] = {}
    for unit in pack.units.values():
        region = pack.township_of(unit.region) or unit.region
        known = pack.regions.get(region)
        identity = f"{unit.industry}@{region}"
        found[identity] = (identity, region, f"{known.name if known else region} {unit.industry}")
    yield from found.values()


def _units(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    for unit in pack.units.values():
        yield unit.unit_id, unit.region, unit.name


def _sites(pack: Pack, _measuring: tuple[str, ...]) -> _Found:
    for site in pack.sites.values():
        yield site.site_id, site.region, site.name


def _each_station(pack: Pack, measuring: tuple[str, ...]) -> _Found:
    for identity in measuring:
        station = pack.stations[identity]
        yield identity, station.region, station.name


_KINDS: dict[Per, Callable[[Pack, tuple[str, ...]], _Found]] = {
    Per.DISTRICT: _district,
    Per.TOWNSHIP: _townships,
    Per.VILLAGE: _villages,
    Per.INDUSTRY: _industries,
    Per.UNIT: _units,
    Per.SITE: _sites,
    Per.STATION: _each_station,
}
