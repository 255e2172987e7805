"""一图接口 Regions, roads, danger zones, sites, units, shelters, warehouses and teams as OGC collections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter

from services.resources.atlas import service
from shared import ogc
from shared.http.context import Context
from shared.pack.model import Pack
from shared.vocabulary import Role

ShelterStates = Callable[[Context], Mapping[str, Mapping[str, Any]]]
ZonesInForce = Callable[[Context], Iterable[Any]]
MAY_READ = tuple(Role)


def routes(shelter_states: ShelterStates, zones_in_force: ZonesInForce) -> APIRouter:
    """``shelter_states(ctx)`` and ``zones_in_force(ctx)`` give what is known of a realm now."""
    regions = service.Regions()

    def of_pack(collection: Callable[[Pack, str], list[ogc.Feature]]) -> Callable[[Context], list[ogc.Feature]]:
        return lambda ctx: collection(ctx.frame.require_pack(), ctx.realm)

    def shelters(ctx: Context) -> list[ogc.Feature]:
        return service.shelters(ctx.frame.require_pack(), ctx.realm, shelter_states(ctx))

    def zones(ctx: Context) -> list[ogc.Feature]:
        return service.zones(ctx.frame.require_pack(), ctx.realm, zones_in_force(ctx))

    return ogc.routes(
        "资源",
        "Resources",
        [
            ogc.Collection("sites", "部位", "Sites", of_pack(service.sites)),
            ogc.Collection("shelters", "避难场所", "Shelters", shelters),
            ogc.Collection("warehouses", "仓库", "Warehouses", of_pack(service.warehouses)),
            ogc.Collection("teams", "队伍", "Teams", of_pack(service.teams)),
            ogc.Collection("zones", "危险区", "Danger zones", zones),
            ogc.Collection("regions", "区划", "Regions", of_pack(regions.of)),
            ogc.Collection("roads", "道路", "Roads", of_pack(service.roads)),
            ogc.Collection("units", "单位", "Units", of_pack(service.units), MAY_READ),
        ],
    )
