"""监测要素 Stations and fuses as OGC API – Features, with a token: a level that nobody approved is no warning.

A feature's geometry is where the station stands, or the middle of the fuse's scope; None where the pack does not say.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.warning.fuses import store as fuses_store
from services.warning.fuses import views
from services.warning.fuses.service import Fuses
from services.warning.stations import service as stations
from services.warning.stations import store as stations_store
from shared import ogc
from shared.http.context import Context
from shared.pack.model import Pack
from shared.vocabulary import Role

MAY_READ = tuple(Role)


def routes(fuses: Fuses) -> APIRouter:
    """要素路由"""
    return ogc.routes(
        "预警",
        "Warning",
        [
            ogc.Collection("stations", "监测站", "Stations", _stations, MAY_READ),
            ogc.Collection("fuses", "熔断", "Fuses", lambda ctx: _fuses(ctx, fuses), MAY_READ),
        ],
    )


def _stations(ctx: Context) -> list[ogc.Feature]:
    pack, district, now = ctx.frame.require_pack(), ctx.frame.settings.district, ctx.frame.domain_now(ctx.realm)
    with ctx.read() as conn:
        states = stations_store.load_states(conn, ctx.realm)
    found = []
    for station in pack.stations.values():
        seen = stations.station_out(district, ctx.realm, station, states.get(station.station_id), now)
        found.append(ogc.Feature(station.station_id, ogc.point(station.lat, station.lon), seen))
    return found


def _fuses(ctx: Context, fuses: Fuses) -> list[ogc.Feature]:
    pack = ctx.frame.require_pack()
    book = fuses.books.get(pack.version)
    found = []
    with ctx.read() as conn:
        states = {state.key: state for state in fuses_store.load_states(conn, ctx.realm)}
        for key in {*book.fuses, *states}:
            about = fuses.describe(conn, ctx.realm, book, *key)
            seen = views.fuse_out(book, ctx.realm, key, about, states.get(key))
            found.append(ogc.Feature("/".join(key), _place(pack, key[1], about.region), seen))
    return found


def _place(pack: Pack, scope: str, region: str) -> dict[str, Any] | None:
    """Where a scope is: itself if it stands somewhere, else the middle of its region."""
    own = pack.stations.get(scope) or pack.sites.get(scope) or pack.units.get(scope)
    row = own or pack.regions.get(scope) or pack.regions.get(region)
    return ogc.point(row.lat, row.lon) if row is not None else None
