"""时间线 What happens in the running realm, on the operator's terminal: follows the services' events, asks for the rain
and for one way out. Only tells; a service that is away is told once and followed again when it is back.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from services.command.access import Access
from services.command.lines import Event, Said, Teller
from services.command.terminal import Terminal, day_and_clock
from shared.clock import Clock
from shared.errors import FengsuiError
from shared.pack.model import Pack
from shared.realm import format_time, parse_time

POLL_S = 0.5
RAIN_EVERY_S = 8.0
WAY_EVERY_S = 2.0
PAGE = 200
FOLLOWED = ("warning", "dispatch", "resources")
TIMEOUT_S = 3.0


@dataclass(frozen=True)
class PackNames:
    """名称 from the pack"""

    pack: Pack

    def person(self, person: str) -> str:
        """The person with what they are: a name alone says nothing to who does not know the town."""
        post = next((row for row in self.pack.roster.values() if row.person == person), None)
        region = self.pack.regions.get(post.region) if post else None
        return f"{region.name}{person}" if region else person

    def place(self, scope: str) -> str:
        industry, _, region = scope.rpartition("@")
        tables: tuple[Mapping[str, Any], ...] = (
            self.pack.regions,
            self.pack.stations,
            self.pack.sites,
            self.pack.units,
        )
        found = next((table[region] for table in tables if region in table), None)
        return f"{found.name if found else region}{industry}"


class Follower:
    """时间线: a thread of its own, so that a slow answer stops no heartbeat.

    ``fresh`` tells everything from the realm's beginning; else what happened before is passed over.
    """

    def __init__(
        self,
        terminal: Terminal,
        access: Access,
        pack: Pack,
        realm: str,
        clock: Clock,
        *,
        fresh: bool,
        tells_rain: bool,
    ) -> None:
        self._terminal, self._access, self._pack, self._realm = terminal, access, pack, realm
        self._fresh, self._tells_rain = fresh, tells_rain
        self.monotonic = clock.monotonic
        self._teller = Teller(PackNames(pack))
        self.last_at = ""
        self.zone = pack.district.timezone
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._after: dict[str, int] = {}
        self._away: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)
        self._rain = _Rain(self)
        self._way = _WayOut(self)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident:
            self._thread.join(TIMEOUT_S + 1)
        self._http.close()

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        for service in FOLLOWED:
            self._after[service] = 0 if self._fresh else -1
        while not self._stopping.wait(POLL_S):
            for service in FOLLOWED:
                self._follow(service)
            if self._tells_rain:
                self._rain.tick()
                self._way.tick()

    def _follow(self, service: str) -> None:
        """Tell what is new; at the start of a run that goes on, only pass over what was told before."""
        passing = self._after[service] < 0
        while True:
            answer = self.get(service, "/v1/events", after=max(0, self._after[service]), limit=PAGE)
            if answer is None:
                return
            items = answer["items"]
            self._after[service] = int(answer["next"])
            events = [Event(each["id"], each["kind"], each["subject"], each["body"] or {}) for each in items]
            for said in self._teller.say(events):
                if not passing:
                    self.tell(said)
            if len(items) < PAGE:
                return

    def get(self, service: str, path: str, **query: str | int) -> Any:
        """One answer as the duty officer, or None; that a service is away is said once."""
        try:
            answer = self._http.get(
                f"{self._access.url(service)}{path}",
                params={"realm": self._realm, **query},
                headers={"Authorization": f"Bearer {self._access.token('duty_officer')}"},
            )
            answer.raise_for_status()
            body = answer.json()
        except (httpx.HTTPError, ValueError, FengsuiError) as error:
            if service not in self._away:
                self._away.add(service)
                self._terminal.say(f"{service} 暂不可达，时间线等待", f"{service} is away: {type(error).__name__}")
            return None
        if service in self._away:
            self._away.discard(service)
            self._terminal.say(f"{service} 已恢复", f"{service} is back")
        return body

    def tell(self, said: Said) -> None:
        self.last_at = max(self.last_at, said.at)  # a line without a time of its own is as of the last one
        at = day_and_clock(parse_time(said.at or self.last_at), self.zone) if self.last_at else " " * 14
        gloss = f" / {said.en}" if said.en and said.en != said.zh else ""
        self._terminal.line(f"{at}  {said.zh}{gloss}")

    @property
    def pack(self) -> Pack:
        return self._pack


class _Rain:
    """雨情: the wettest gauge, when it has more to tell."""

    def __init__(self, owner: Follower) -> None:
        self._owner = owner
        self._asked = 0.0
        self._told = 0.0

    def tick(self) -> None:
        owner = self._owner
        if owner.monotonic() - self._asked < RAIN_EVERY_S:
            return
        self._asked = owner.monotonic()
        stations = owner.get("warning", "/v1/stations")
        wet = [row for row in (stations or {}).get("items", ()) if row["latest"].get("rain_mm", {}).get("value")]
        if not wet:
            return
        worst = max(wet, key=lambda row: (row["latest"]["rain_mm"]["value"], row["station_id"]))
        readings = owner.get("warning", f"/v1/stations/{worst['station_id']}/readings", metric="rain_mm", limit=60)
        if readings is None or not readings["items"]:
            return
        newest = max(parse_time(row["observed_at"]) for row in readings["items"])
        hour, three = (_sum(readings["items"], newest, hours) for hours in (1, 3))
        if abs(three - self._told) < 1.0:
            return
        self._told = three
        upto = day_and_clock(newest, owner.zone)[6:11]
        zh = f"{worst['name']} 至 {upto}：1 小时 {hour:.1f} 毫米，3 小时 {three:.1f} 毫米"
        owner.tell(Said(max(owner.last_at, format_time(newest)), zh, f"rain at {worst['station_id']}"))


def _sum(items: list[dict[str, Any]], newest: datetime, hours: int) -> float:
    """Rain of the last hours; of two readings of one instant (a revision) the one that came last."""
    by_instant: dict[datetime, float] = {}
    for row in reversed(items):
        at = parse_time(row["observed_at"])
        if newest - timedelta(hours=hours) < at <= newest and row["value"] is not None:
            by_instant[at] = float(row["value"])
    return sum(by_instant.values())


class _WayOut:
    """出路: once a plan is in force, the way out for the first household of the worst place, as its phone would ask."""

    def __init__(self, owner: Follower) -> None:
        self._owner = owner
        self._asked = 0.0
        self._told: set[str] = set()

    def tick(self) -> None:
        owner = self._owner
        if owner.monotonic() - self._asked < WAY_EVERY_S:
            return
        self._asked = owner.monotonic()
        for site in owner.pack.sites.values():
            if site.kind != "danger_point" or site.site_id in self._told or self._told:
                continue
            household = next((row for row in owner.pack.households.values() if row.site == site.site_id), None)
            if household is None:
                continue
            way = owner.get("resources", "/v1/evacuation/route", household=household.household_id)
            if way is None or way["status"] not in ("route", "inside", "no_route"):
                continue
            self._told.add(site.site_id)
            owner.tell(Said("", *_way_words(site.name, way)))


def _way_words(place: str, way: Mapping[str, Any]) -> tuple[str, str]:
    shelter = way.get("shelter")
    name = shelter.get("name") if isinstance(shelter, Mapping) else shelter
    if way["status"] == "no_route" or name is None:
        refuge = way.get("refuge") or {}
        where = refuge.get("name") if isinstance(refuge, Mapping) else refuge
        return f"{place} 没有已知通路，就近到 {where or '高处'}，电话 {way.get('phone', '')}", "no known way out"
    basis = "核定路线" if way.get("basis") == "approved" else "参考路线，未经现场核实"
    zh = f"{place} 的出路：到 {name}，{way.get('distance_m')} 米，约 {way.get('minutes')} 分钟（{basis}）"
    return zh, f"way out, {way.get('basis')}"
