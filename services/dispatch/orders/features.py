"""措施要素 Orders as OGC API – Features, for those with a token; one lies where its regions, units and sites are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from services.dispatch.orders import store
from services.dispatch.orders.roles import READERS
from services.dispatch.orders.service import shown
from shared import ogc
from shared.http.context import Context
from shared.pack.model import Pack

ORDERS_MAX = 5_000  # of one realm


def routes() -> APIRouter:
    """要素路由"""
    return ogc.routes("调度", "Dispatch", [ogc.Collection("orders", "措施", "Orders", _orders, tuple(READERS))])


def _orders(ctx: Context) -> list[ogc.Feature]:
    district, pack = ctx.frame.settings.district, ctx.frame.require_pack()
    with ctx.read() as conn:
        rows = store.listing(conn, ctx.realm, limit=ORDERS_MAX)
    bodies = [shown(stored, ctx.realm, district) for _, stored in rows[:ORDERS_MAX]]
    return [ogc.Feature(body["order_id"], _places(pack, body), body) for body in bodies]


def _places(pack: Pack, body: Mapping[str, Any]) -> dict[str, Any] | None:
    points = [place for unit in body["units"] if (place := _place(pack, str(unit["unit_id"]))) is not None]
    return {"type": "MultiPoint", "coordinates": points} if points else None


def _place(pack: Pack, unit_id: str) -> list[float] | None:
    row = pack.units.get(unit_id) or pack.sites.get(unit_id) or pack.regions.get(unit_id)
    return [row.lon, row.lat] if row is not None and row.lon is not None and row.lat is not None else None
