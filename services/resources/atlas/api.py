"""一图接口 Sites, shelters, warehouses and teams as OGC API – Features collections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter

from services.resources.atlas import service
from shared import ogc
from shared.http.context import Context

ShelterStates = Callable[[Context], Mapping[str, Mapping[str, Any]]]


def routes(shelter_states: ShelterStates) -> APIRouter:
    """``shelter_states(ctx)`` gives what is known of the shelters of a realm now."""

    def shelters(ctx: Context) -> list[ogc.Feature]:
        return service.shelters(ctx.frame.require_pack(), ctx.realm, shelter_states(ctx))

    return ogc.routes(
        "资源",
        "Resources",
        [
            ogc.Collection("sites", "部位", "Sites", lambda c: service.sites(c.frame.require_pack(), c.realm)),
            ogc.Collection("shelters", "避难场所", "Shelters", shelters),
            ogc.Collection(
                "warehouses", "仓库", "Warehouses", lambda c: service.warehouses(c.frame.require_pack(), c.realm)
            ),
            ogc.Collection("teams", "队伍", "Teams", lambda c: service.teams(c.frame.require_pack(), c.realm)),
        ],
    )
