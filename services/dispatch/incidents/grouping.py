"""事件归并 Incident: what is of one hazard family and touches in space within six hours (design §3).

Everything is compared township by township: a village's danger is its township's too. Places touch when they are the
same, one holds the other, water runs from one to the other, or their seats lie near each other. The last is a
stand-in for boundaries, of which no open data exist; officers merge and split what it gets wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.geo import distance_m
from shared.pack.model import Pack
from shared.vocabulary import TOWNSHIP_LIKE, Level, worst

WINDOW = timedelta(hours=6)
NEIGHBOUR_M = 12_000.0
"""Seats of townships nearer than this count as neighbours (mean spacing in a mountain district: 9 km)."""
DOWNSTREAM_STEPS_MAX = 50


class IncidentState(StrEnum):
    """事件状态"""

    OPEN = "open"
    MERGED = "merged"


@dataclass(frozen=True, kw_only=True)
class Member:
    """成员触发: one trip (a fuse's or a notice's) in an incident; ``live`` until it is back to normal"""

    trip_id: str
    hazard: str
    areas: tuple[str, ...]
    level: Level
    at: datetime
    alert_id: str | None = None

    @property
    def live(self) -> bool:
        return self.level is not Level.NORMAL


@dataclass(frozen=True, kw_only=True)
class Incident:
    """事件"""

    incident_id: str
    family: str
    members: tuple[Member, ...]
    opened_at: datetime
    peak: Level = Level.NORMAL
    commander: str | None = None
    merged_into: str | None = None

    @property
    def state(self) -> IncidentState:
        return IncidentState.MERGED if self.merged_into else IncidentState.OPEN

    @property
    def level(self) -> Level:
        """The worst level now."""
        return worst(*(member.level for member in self.members))

    @property
    def live(self) -> bool:
        return any(member.live for member in self.members)

    @property
    def last_at(self) -> datetime:
        return max((member.at for member in self.members), default=self.opened_at)

    @property
    def areas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(area for member in self.members for area in member.areas))

    @property
    def hazards(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(member.hazard for member in self.members))

    @property
    def trip_ids(self) -> tuple[str, ...]:
        return tuple(member.trip_id for member in self.members)

    @property
    def alert_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.alert_id for m in self.members if m.alert_id))

    def with_member(self, member: Member) -> Incident:
        """Take in a trip, or its newer state."""
        members = {each.trip_id: each for each in self.members}
        known = members.get(member.trip_id)
        if known is not None and member.alert_id is None:
            member = replace(member, alert_id=known.alert_id)
        members[member.trip_id] = member
        return replace(self, members=tuple(members.values()), peak=worst(self.peak, member.level))


class GroupReason(StrEnum):
    """归并理由"""

    SAME_TRIP = "same_trip"
    TOUCHES = "touches"
    NEW = "new"


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """归并结果: the incident it belongs to (None: a new one), and others it touches, for officers to merge"""

    reason: GroupReason
    incident_id: str | None = None
    touches_also: tuple[str, ...] = ()


def group(pack: Pack, member: Member, family: str, incidents: Iterable[Incident]) -> Grouping:
    """Where a trip belongs. Once in an incident it stays there, whatever the hour, until officers move it."""
    known = [incident for incident in incidents if incident.state is IncidentState.OPEN]
    for incident in known:
        if member.trip_id in incident.trip_ids:
            return Grouping(reason=GroupReason.SAME_TRIP, incident_id=incident.incident_id)
    fitting = [
        incident
        for incident in known
        if incident.family == family
        and any(
            _near_in_time(other, member.at) and touches(pack, other.areas, member.areas) for other in incident.members
        )
    ]
    if not fitting:
        return Grouping(reason=GroupReason.NEW)
    fitting.sort(
        key=lambda incident: (not incident.live, -incident.level.rank, incident.opened_at, incident.incident_id)
    )
    return Grouping(
        reason=GroupReason.TOUCHES,
        incident_id=fitting[0].incident_id,
        touches_also=tuple(incident.incident_id for incident in fitting[1:]),
    )


def _near_in_time(member: Member, at: datetime) -> bool:
    """What is still going on is now; what has ended counts for six hours more."""
    return member.live or abs(at - member.at) <= WINDOW


def touches(pack: Pack, here: Iterable[str], there: Iterable[str]) -> bool:
    """接壤或上下游 Whether two sets of regions touch."""
    ours, theirs = list(here), list(there)
    if any(_holds(pack, a, b) or _holds(pack, b, a) for a in ours for b in theirs):
        return True
    a_towns, b_towns = {_town(pack, code) for code in ours}, {_town(pack, code) for code in theirs}
    if a_towns & b_towns:
        return True
    if _downstream(pack, a_towns | set(ours)) & b_towns or _downstream(pack, b_towns | set(theirs)) & a_towns:
        return True
    return any(_neighbours(pack, a, b) for a in a_towns for b in b_towns)


def _holds(pack: Pack, outer: str, inner: str) -> bool:
    return outer in pack.ancestors(inner)


def _town(pack: Pack, code: str) -> str:
    return pack.township_of(code) or code


def _downstream(pack: Pack, codes: set[str]) -> set[str]:
    """The townships that water from any of these reaches, however far."""
    found: set[str] = set()
    front = set(codes)
    for _ in range(DOWNSTREAM_STEPS_MAX):
        below = {low for code in front if code in pack.regions for low in pack.regions[code].downstream}
        front = (below | {_town(pack, code) for code in below}) - found
        if not front:
            break
        found |= front
    return {_town(pack, code) for code in found}


def _neighbours(pack: Pack, a: str, b: str) -> bool:
    one, other = pack.regions.get(a), pack.regions.get(b)
    if one is None or other is None or one.level not in TOWNSHIP_LIKE or other.level not in TOWNSHIP_LIKE:
        return False
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return False
    return distance_m(one.lat, one.lon, other.lat, other.lon) <= NEIGHBOUR_M


# --- what officers do ----------------------------------------------------------------------------------------


class ChangeReason(StrEnum):
    """合并拆分的结果"""

    DONE = "done"
    ALREADY = "already"
    MERGED_AWAY = "merged_away"
    ITSELF = "itself"
    NOT_A_MEMBER = "not_a_member"
    NOTHING_LEFT = "nothing_left"
    NOTHING_NAMED = "nothing_named"


CHANGE_TEXT: dict[ChangeReason, tuple[str, str]] = {
    ChangeReason.DONE: ("已办理", "done"),
    ChangeReason.ALREADY: ("此前已办理，未作改变", "this was done before; nothing changed"),
    ChangeReason.MERGED_AWAY: ("该事件已并入其他事件", "the incident was merged into another; act on that one"),
    ChangeReason.ITSELF: ("不能与自身合并", "an incident cannot be merged into itself"),
    ChangeReason.NOT_A_MEMBER: ("所列触发不在该事件中", "a named trip is not in this incident"),
    ChangeReason.NOTHING_LEFT: ("不能拆出全部触发", "a split must leave something behind"),
    ChangeReason.NOTHING_NAMED: ("未指明要拆出的触发", "name the trips to split off"),
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """合并拆分: the incidents afterwards, or why not"""

    reason: ChangeReason
    incidents: tuple[Incident, ...] = ()

    @property
    def refused(self) -> bool:
        return self.reason not in (ChangeReason.DONE, ChangeReason.ALREADY)


def merge(source: Incident, target: Incident) -> Change:
    """合并: everything of ``source`` goes on in ``target``."""
    if source.merged_into == target.incident_id:
        return Change(reason=ChangeReason.ALREADY)
    if source.incident_id == target.incident_id:
        return Change(reason=ChangeReason.ITSELF)
    if source.state is not IncidentState.OPEN or target.state is not IncidentState.OPEN:
        return Change(reason=ChangeReason.MERGED_AWAY)
    joined = target
    for member in source.members:
        joined = joined.with_member(member)
    emptied = replace(source, members=(), merged_into=target.incident_id)
    return Change(reason=ChangeReason.DONE, incidents=(emptied, joined))


def split(incident: Incident, trip_ids: Iterable[str], new_id: str, now: datetime) -> Change:
    """拆分: the named trips become an incident of their own."""
    wanted = set(trip_ids)
    if incident.state is not IncidentState.OPEN:
        return Change(reason=ChangeReason.MERGED_AWAY)
    if not wanted:
        return Change(reason=ChangeReason.NOTHING_NAMED)
    if not wanted <= set(incident.trip_ids):
        return Change(reason=ChangeReason.NOT_A_MEMBER)
    going = tuple(member for member in incident.members if member.trip_id in wanted)
    staying = tuple(member for member in incident.members if member.trip_id not in wanted)
    if not staying:
        return Change(reason=ChangeReason.NOTHING_LEFT)
    fresh = Incident(
        incident_id=new_id,
        family=incident.family,
        members=going,
        opened_at=now,
        peak=worst(*(member.level for member in going)),
        commander=incident.commander,
    )
    return Change(reason=ChangeReason.DONE, incidents=(replace(incident, members=staying), fresh))
