"""事件用例 A trip finds its incident; officers merge, split and name a commander; the timeline is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import merge as merge_sorted
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row

from services.dispatch.callouts import case_log
from services.dispatch.incidents import store
from services.dispatch.incidents.calls import told
from services.dispatch.incidents.grouping import (
    CHANGE_TEXT,
    Change,
    GroupReason,
    Incident,
    Member,
    group,
    merge,
    split,
)
from services.dispatch.incidents.store import Stored
from services.dispatch.incidents.timeline import Entry, in_order
from services.dispatch.orders import store as order_store
from services.dispatch.orders.service import Orders
from services.dispatch.orders.store import OrderAct
from shared.db.together import Statement
from shared.db.tx import Tx
from shared.errors import NotFound, Refused
from shared.pack.model import Pack
from shared.realm import format_time

Numbered = list[tuple[int, Entry]]
Read = Callable[[Connection, str, int, int], Numbered]

SPLIT_MAX = 500
REALMS_KEPT = 20
LIVE_MAX = 500


class Incidents:
    """事件: the use cases; every method runs inside the caller's transaction."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def on_trip(self, tx: Tx, realm: str, member: Member, family: str, pack: Pack, known_at: datetime) -> str | None:
        """The incident of a trip as it stands now; None for a trip that never left normal."""
        stored = store.of_trip(tx.conn, realm, member.trip_id)
        if stored is not None:
            return self._save(tx, realm, stored.incident.with_member(member), stored).incident.incident_id
        if not member.live:
            return None
        known = {s.incident.incident_id: s for s in store.candidates(tx.conn, realm, family, member.at)}
        found = group(pack, member, family, [each.incident for each in known.values()])
        if found.reason is GroupReason.NEW or found.incident_id is None:
            no = tx.next_no(realm, "incidents")
            fresh = Incident(incident_id=f"I-{no:04}", family=family, members=(), opened_at=member.at)
            stored = store.save(tx, realm, fresh.with_member(member), pack=pack.version, no=no)
            tx.event(realm, "incident", fresh.incident_id, shown(stored, realm, tx.district))
            self.note(tx, realm, fresh.incident_id, _said(member, known_at, "opened", "事件建立", "incident opened"))
            return fresh.incident_id
        joined = known[found.incident_id]
        self._save(tx, realm, joined.incident.with_member(member), joined)
        if found.touches_also:
            others = ", ".join(found.touches_also)
            entry = _said(
                member, known_at, "touches", f"同时涉及 {others}，请研判是否合并", f"also touches {others}: merge?"
            )
            self.note(tx, realm, found.incident_id, entry)
        return found.incident_id

    def on_alert(self, tx: Tx, realm: str, alert: dict[str, Any], known_at: datetime) -> str | None:
        """A later version or state of an alert: kept with the trips that it stands for."""
        incident_id: str | None = None
        for trip_id in alert.get("trip_ids") or ():
            stored = store.of_trip(tx.conn, realm, trip_id)
            if stored is None:
                continue
            member = next(each for each in stored.incident.members if each.trip_id == trip_id)
            if member.alert_id != alert["alert_id"]:
                changed = stored.incident.with_member(replace(member, alert_id=alert["alert_id"]))
                stored = self._save(tx, realm, changed, stored)
            incident_id = incident_id or stored.incident.incident_id
        return incident_id

    @staticmethod
    def case_of(tx: Tx, realm: str, trip_id: str) -> str | None:
        """案件 The case in which people are called about the trip."""
        return store.case_of_trip(tx.conn, realm, trip_id)

    @staticmethod
    def keep_case(tx: Tx, realm: str, trip_id: str, case_id: str) -> None:
        store.save_case_of_trip(tx, realm, trip_id, case_id)

    def note(self, tx: Tx, realm: str, incident_id: str, entry: Entry) -> None:
        """记事 One line on the timeline, told to followers as it is written."""
        store.add_entry(tx, realm, incident_id, entry)
        tx.event(realm, "timeline", incident_id, entry.as_dict())

    def note_live(self, tx: Tx, realm: str, entry: Entry) -> None:
        """记事 The same line on every incident that goes on."""
        for stored in store.listing(tx.conn, realm, limit=LIVE_MAX, live=True):
            self.note(tx, realm, stored.incident.incident_id, entry)

    # -- from officers -----------------------------------------------------------------------------------

    def get(self, conn: Connection, realm: str, incident_id: str) -> Stored:
        stored = store.get(conn, realm, incident_id)
        if stored is None:
            raise NotFound(
                f"there is no incident {incident_id} in realm {realm}", f"领域 {realm} 中没有事件 {incident_id}"
            )
        return stored

    def merge(self, tx: Tx, realm: str, source_id: str, target_id: str, by: str, ground: str) -> Stored:
        source, target = self.get(tx.conn, realm, source_id), self.get(tx.conn, realm, target_id)
        change = merge(source.incident, target.incident)
        _check(change)
        if not change.incidents:
            return target
        emptied, joined = change.incidents
        store.save(tx, realm, emptied, pack=source.pack, no=source.no, version=source.version)
        kept = self._save(tx, realm, joined, target)
        self._orders.move(tx, realm, source_id, target_id)
        self._noted(
            tx, realm, target_id, by, "merged", f"{source_id} 并入：{ground}", f"{source_id} merged in: {ground}"
        )
        return kept

    def split(self, tx: Tx, realm: str, incident_id: str, trip_ids: Iterable[str], by: str, ground: str) -> Stored:
        stored = self.get(tx.conn, realm, incident_id)
        no = tx.next_no(realm, "incidents")
        wanted = tuple(trip_ids)
        change = split(stored.incident, wanted, f"I-{no:04}", tx.domain_now(realm))
        _check(change)
        staying, fresh = change.incidents
        self._save(tx, realm, staying, stored)
        made = store.save(tx, realm, fresh, pack=stored.pack, no=no)
        tx.event(realm, "incident", fresh.incident_id, shown(made, realm, tx.district))
        self._orders.move(tx, realm, incident_id, fresh.incident_id, wanted)
        zh, en = f"拆出 {fresh.incident_id}：{ground}", f"{fresh.incident_id} split off: {ground}"
        self._noted(tx, realm, incident_id, by, "split", zh, en)
        self._noted(
            tx, realm, fresh.incident_id, by, "split", f"自 {incident_id} 拆出：{ground}", f"from {incident_id}"
        )
        return made

    def command(self, tx: Tx, realm: str, incident_id: str, post: str, by: str) -> Stored:
        """指挥长 Who commands; the same again changes nothing."""
        stored = self.get(tx.conn, realm, incident_id)
        if stored.incident.commander == post:
            return stored
        kept = self._save(tx, realm, replace(stored.incident, commander=post), stored)
        self._noted(tx, realm, incident_id, by, "commander", f"指挥长：{post}", f"commander: {post}")
        return kept

    def _noted(self, tx: Tx, realm: str, incident_id: str, by: str, kind: str, zh: str, en: str) -> None:
        now = tx.domain_now(realm)
        entry = Entry(at=now, known_at=now, kind=kind, subject=incident_id, text_zh=zh, text_en=en, by=by)
        self.note(tx, realm, incident_id, entry)
        tx.audit(realm, by, f"incident.{kind}", incident_id, body={"en": en})

    @staticmethod
    def _save(tx: Tx, realm: str, incident: Incident, before: Stored) -> Stored:
        if incident == before.incident:
            return before
        stored = store.save(tx, realm, incident, pack=before.pack, no=before.no, version=before.version)
        tx.event(realm, "incident", incident.incident_id, shown(stored, realm, tx.district))
        return stored


Position = tuple[int | None, int | None, int | None]
"""位置: the numbers of the oldest line, order's act and call given so far; None where none was"""
NEWEST: Position = (None, None, None)


def timeline(
    conn: Connection, realm: str, incident_id: str, limit: int, before: Position = NEWEST
) -> tuple[list[Entry], Position | None]:
    """时间线 Trips, notices, alerts, calls, orders of the incident and those merged into it, from ``before`` back.

    What became known last, by when it happened; and the position that it goes back to, where there is more.
    """
    ids = store.merged_into(conn, realm, incident_id)
    cases = _cases_of(conn, realm, ids)
    kept, more = _last(
        [
            store.entries(conn, realm, ids, limit + 1, before[0]),
            _acts(order_store.acts(conn, realm, ids, limit + 1, before=before[1])),
            _calls(case_log.last_of(conn, realm, cases, limit + 1, before[2])) if cases else [],
        ],
        limit,
    )
    numbers = {source: no for source, no, _ in kept}  # each source's last one is its oldest
    entry, act, call = (numbers.get(source, at) for source, at in enumerate(before))
    return in_order([line for _, _, line in kept]), (entry, act, call) if more else None


class Newest:
    """最近记事 What became known last in a realm; a line stays as it is, so that only those since the last are read."""

    def __init__(self, limit: int, sources: Sequence[Read]) -> None:
        self._limit, self._sources = limit, tuple(sources)
        self._kept: dict[str, tuple[list[Any], list[Numbered]]] = {}

    def of(self, conn: Connection, realm: str, heads: Sequence[Any]) -> list[Entry]:
        """Newest first. ``heads``: each source's last line as it is stored; one that still is what it was adds none."""
        before, kept = self._kept.get(realm, ([None] * len(heads), [[] for _ in heads]))
        found = [
            lines if lines and head == was else self._go_on(read, conn, realm, lines)
            for read, lines, head, was in zip(self._sources, kept, heads, before, strict=True)
        ]
        if realm not in self._kept and len(self._kept) >= REALMS_KEPT:
            self._kept.clear()
        self._kept[realm] = list(heads), found
        return sorted((line for _, _, line in _last(found, self._limit)[0]), key=_known, reverse=True)

    def _go_on(self, read: Read, conn: Connection, realm: str, kept: Numbered) -> Numbered:
        """``kept`` goes on where its newest line still stands; else (another store was put in) all is read again."""
        if kept:
            fresh = read(conn, realm, self._limit, kept[0][0])
            if len(fresh) == self._limit:
                return fresh
            if fresh and fresh[-1] == kept[0]:
                return [*fresh, *kept[1:]][: self._limit]
        return read(conn, realm, self._limit, 0)


def _last(sources: Sequence[Sequence[tuple[int, Entry]]], limit: int) -> tuple[list[tuple[int, int, Entry]], bool]:
    """(source, number, line) of what became known last, newest first and each source in its own order; if more is."""
    marked = [[(source, no, line) for no, line in lines] for source, lines in enumerate(sources)]
    kept = list(islice(merge_sorted(*marked, key=lambda each: _known(each[2]), reverse=True), limit + 1))
    return kept[:limit], len(kept) > limit


def _known(entry: Entry) -> tuple[datetime, datetime]:
    return entry.known_at, entry.at


HEADS: tuple[Statement, ...] = (store.LAST, order_store.LAST_ACT, case_log.LAST)
SOURCES: tuple[Read, ...] = (
    store.newest,
    lambda conn, realm, limit, since: _acts(order_store.newest_acts(conn, realm, limit, since)),
    lambda conn, realm, limit, since: _calls(case_log.newest(conn, realm, limit, since)),
)


def _acts(acts: Iterable[tuple[int, OrderAct]]) -> list[tuple[int, Entry]]:
    return [(no, _act(act)) for no, act in acts]


def _act(act: OrderAct) -> Entry:
    return Entry(
        at=act.at,
        known_at=act.known_at,
        kind=f"order.{act.kind}",
        subject=act.order_id,
        text_zh=act.zh,
        text_en=act.en,
        by=act.by,
        data=act.data,
    )


def _cases_of(conn: Connection, realm: str, incident_ids: Iterable[str]) -> set[str]:
    """The cases of these incidents: their trips' and their orders' (signers are called there)."""
    cases: set[str] = set()
    for incident_id in incident_ids:
        stored = store.get(conn, realm, incident_id)
        if stored is not None:
            cases.update(store.cases_of_trips(conn, realm, stored.incident.trip_ids))
        cases.update(order_store.cases_of_incident(conn, realm, incident_id))
    return cases


def _calls(rows: Iterable[Row[Any]]) -> list[tuple[int, Entry]]:
    return [(r.no, told(r.case_id, r.kind, r.post, r.at, r.happened_at, r.by, r.body)) for r in rows]


def shown(stored: Stored, realm: str, district: str) -> dict[str, Any]:
    """事件对象"""
    incident = stored.incident
    return {
        "district": district,
        "realm": realm,
        "pack": stored.pack,
        "version": stored.version,
        "incident_id": incident.incident_id,
        "family": incident.family,
        "hazards": list(incident.hazards),
        "areas": list(incident.areas),
        "level": incident.level.value,
        "peak": incident.peak.value,
        "live": incident.live,
        "state": incident.state.value,
        "merged_into": incident.merged_into,
        "commander": incident.commander,
        "opened_at": format_time(incident.opened_at),
        "last_at": format_time(incident.last_at),
        "alert_ids": list(incident.alert_ids),
        "trips": [
            {
                "trip_id": member.trip_id,
                "hazard": member.hazard,
                "areas": list(member.areas),
                "level": member.level.value,
                "at": format_time(member.at),
                "alert_id": member.alert_id,
            }
            for member in incident.members
        ],
    }


def _said(member: Member, known_at: datetime, kind: str, zh: str, en: str) -> Entry:
    return Entry(at=member.at, known_at=known_at, kind=kind, subject=member.trip_id, text_zh=zh, text_en=en)


def _check(change: Change) -> None:
    if change.refused:
        zh, en = CHANGE_TEXT[change.reason]
        raise Refused(change.reason.value, en, zh)
