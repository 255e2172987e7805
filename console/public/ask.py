"""来访者 One request of a visitor: language, realm, place; and the public answers that its page is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from console.desk import Desk
from console.public.lang import language_of
from console.public.sources import Seen, Sources
from console.public.view import (
    AlertsView,
    PlaceView,
    WayState,
    WayView,
    Where,
    alerts_of,
    place_of,
    way_of,
)
from console.realms import RealmView, choose_realm, realms_of
from console.words.public import PublicWords
from shared.ids import is_id, is_realm

LAT_LON_DECIMALS = 5
ALERTS_MAX = 20


@dataclass(frozen=True)
class Spot:
    """所问地点: a place of the pack, or a position; neither: not chosen yet"""

    at: str | None = None
    lat: float | None = None
    lon: float | None = None

    @property
    def query(self) -> dict[str, Any]:
        if self.lat is not None and self.lon is not None:
            return {"lat": self.lat, "lon": self.lon}
        return {"at": self.at} if self.at else {}

    @property
    def by_position(self) -> bool:
        return self.lat is not None


@dataclass(frozen=True)
class Visitor:
    """来访者: ``realm`` is None where the system cannot be reached, or where there is no such realm (``is_wrong``)"""

    words: PublicWords
    missing_lang: str | None
    realm: RealmView | None
    drills: tuple[str, ...]
    is_wrong: bool
    is_default: bool
    spot: Spot
    path: str = "/m"
    kind: str | None = None

    @property
    def other_lang_url(self) -> str:
        """The same page in the other language."""
        return self.url(self.path, lang="en" if self.words.lang == "zh" else "zh", kind=self.kind)

    def url(self, path: str, **more: str | None) -> str:
        """A link of the public page: it keeps language, place, and the realm where it is not the ordinary one."""
        query: dict[str, Any] = {} if self.is_default or self.realm is None else {"realm": self.realm.realm}
        query |= {**self.spot.query, "lang": self.words.lang, **more}
        kept = {name: value for name, value in query.items() if value is not None}
        return f"{path}?{urlencode(kept)}"


@dataclass(frozen=True)
class Look:
    """所见一切: what the page shows"""

    place: PlaceView
    alerts: AlertsView
    way: WayView
    is_unknown_place: bool
    at: datetime

    @property
    def has_way_shown(self) -> bool:
        """The way is told, whatever it says; else where one is must be chosen first of all."""
        return self.way.state is not WayState.CHOOSE

    @property
    def is_whole(self) -> bool:
        """Every service answered just now: worth keeping on the phone. What says "cannot be looked up" is not."""
        new = self.alerts.is_known and self.alerts.old_at is None and self.place.is_known and self.place.old_at is None
        return new and self.way.state is not WayState.AWAY and not self.is_unknown_place


class Public:
    """公众页: shared by its routes"""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sources = Sources(desk.peers, desk.now)

    async def visitor(self, request: Request) -> Visitor:
        query = request.query_params
        language = language_of(query.get("lang"), request.headers.get("accept-language"))
        seen = await self._realms()
        realms, default = realms_of(seen.asked) if seen.body else ([], "")
        wanted = query.get("realm")
        wrong = wanted is not None and (
            not is_realm(wanted) or (bool(realms) and wanted not in {r.realm for r in realms})
        )
        chosen = None if wrong else choose_realm(realms, default, wanted or default)
        drills = tuple(r.realm for r in realms if r.w0 and r.now is not None) if default != "actual" else ()
        return Visitor(
            words=PublicWords(language.lang),
            missing_lang=language.missing,
            realm=chosen,
            drills=tuple(name for name in drills if chosen is None or name != chosen.realm),
            is_wrong=wrong,
            is_default=chosen is None or chosen.realm == default,
            spot=spot_of(query),
            path=request.url.path,
            kind=query.get("kind"),
        )

    async def _realms(self) -> Seen:
        """Warning keeps the clocks; where it is away the others know the realms too."""
        seen = await self.sources.get("warning", "/v1/realm")
        if seen.body and not seen.is_old:
            return seen
        other = await self.sources.get("resources", "/v1/realm")
        return seen if seen.body and (other.is_old or not other.body) else other

    async def look(self, visitor: Visitor) -> Look:
        """All at once: the place first (it names the township), then alerts and the way."""
        realm = visitor.realm.realm if visitor.realm else None
        spot = visitor.spot
        bundle, route = await asyncio.gather(self._bundle(realm, spot), self._route(realm, spot))
        unknown = bundle.status == 404
        if unknown:
            bundle = await self._bundle(realm, Spot())
        place = place_of(bundle, by_position=spot.by_position)
        area = place.town_id
        alerts = await self.sources.get("warning", "/v1/alerts", realm=realm, area=area, limit=ALERTS_MAX)
        now = visitor.realm.now if visitor.realm else None
        where = Where.NOWHERE if unknown or place.is_elsewhere else place.where
        if not place.is_known and spot.query:
            where = Where.EXACT  # resources is away: the way is unknown, not unasked
        return Look(place, alerts_of(alerts, now), way_of(route, where), unknown, self.desk.now())

    async def _bundle(self, realm: str | None, spot: Spot) -> Seen:
        return await self.sources.get("resources", "/v1/evacuation/bundle", realm=realm, **spot.query)

    async def _route(self, realm: str | None, spot: Spot) -> Seen | None:
        if not spot.query:
            return None
        return await self.sources.get("resources", "/v1/evacuation/route", keep=False, realm=realm, **spot.query)


def spot_of(query: Mapping[str, str]) -> Spot:
    """The place that was asked for; what cannot be read is not asked for."""
    lat, lon = _number(query.get("lat"), 90), _number(query.get("lon"), 180)
    if lat is not None and lon is not None:
        return Spot(lat=lat, lon=lon)
    at = query.get("at") or query.get("place") or query.get("town")
    return Spot(at=at) if at and is_id(at) else Spot()


def _number(text: str | None, most: float) -> float | None:
    try:
        value = round(float(text or ""), LAT_LON_DECIMALS)
    except ValueError:
        return None
    return value if abs(value) <= most else None  # NaN is not
