"""保障用例 Puts the pack's coefficients and the realm's stock before the pure assessment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.resources.readiness.readiness import Coefficient, Holding, Readiness, assess
from services.resources.stock import store
from services.resources.stock.book import PlaceKind
from services.resources.stock.service import owners_of, today_in
from shared.pack.model import Pack
from shared.realm import format_time

COUNTED = frozenset({PlaceKind.WAREHOUSE, PlaceKind.SHELTER, PlaceKind.TRANSIT, PlaceKind.AGREED})


def coefficients_of(pack: Pack) -> list[Coefficient]:
    """The pack's items as coefficients, each with its source."""
    return [
        Coefficient(i.item_code, i.name, i.unit, i.guarantee, i.per_person_day, i.substitutes, i.source)
        for i in pack.items.values()
    ]


def readiness(
    conn: Connection,
    realm: str,
    pack: Pack,
    now: datetime,
    *,
    people: int,
    days: int,
    in_danger: frozenset[str],
) -> dict[str, Any]:
    """Readiness of the realm's stock now (保障测算)."""
    ours = owners_of(pack)
    state = store.load(conn, realm, ours)
    holdings = [
        Holding(place, state.lots[lot], quantity, state.leased(place, lot, now))
        for (place, lot), quantity in sorted(state.balances.items())
        if place.kind in COUNTED
    ]
    result = assess(
        coefficients_of(pack),
        holdings,
        people=people,
        days=days,
        now=now,
        today=today_in(pack, now),
        ours=ours,
        in_danger=in_danger,
    )
    return _out(result, realm, pack, now, known=store.is_open(conn, realm))


def _out(result: Readiness, realm: str, pack: Pack, now: datetime, *, known: bool) -> dict[str, Any]:
    body = asdict(result)
    # a realm whose stock was never counted is not a realm with nothing
    state = "unknown" if not known else "ready" if result.ready else "short"
    return {
        "district": pack.district.code,
        "realm": realm,
        "pack": pack.version,
        "as_of": format_time(now),
        "state": state,
        **body,
    }
