"""报到用例 A report opens or joins a check-in; officers look; nobody looking is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from services.dispatch.checkins import store
from services.dispatch.checkins.checkin import (
    CheckIn,
    Decision,
    Kind,
    Looked,
    Reason,
    Report,
    earlier_of,
    joined,
    look,
    opened,
    unseen,
)
from services.dispatch.checkins.store import Stored
from services.dispatch.checkins.where import BY_PLACE, incident_of, name_of, region_of
from services.dispatch.checkins.words import REFUSAL_WORDS, THANKS, is_round, say, say_safe_count
from services.dispatch.incidents import store as incident_store
from services.dispatch.incidents.service import Incidents
from services.dispatch.incidents.timeline import Entry
from shared.db.tx import Tx
from shared.errors import NotFound, Refused
from shared.pack.model import Pack
from shared.realm import ACTUAL, format_time

DUE_AT_ONCE = 200
LIVE_MAX = 50
PUBLIC = "public"
Check = Callable[[Stored], None]


class CheckIns:
    """报到: the use cases; every method runs inside the caller's transaction."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents

    def take(self, tx: Tx, realm: str, report: Report, pack: Pack) -> tuple[Stored, Report]:
        """A report as it came, numbered and timed here (登记). It is kept whatever it lacks."""
        _refuse_no_realm(pack, realm)
        receipt = f"R-{tx.next_no(realm, 'checkin_reports'):06}"
        report = replace(report, receipt=receipt, at=tx.domain_now(realm))
        known = {s.checkin.checkin_id: s for s in store.perhaps_the_same(tx.conn, realm, report)}
        earlier, closed = earlier_of([s.checkin for s in known.values()], report)
        if earlier is None:
            no = tx.next_no(realm, "checkins")
            decision = opened(f"P-{no:04}", report, closed)
            before = None
        else:
            before = known[earlier.checkin_id]
            no = before.no
            decision = joined(earlier, report)
        checkin = self._placed(tx, realm, decision.checkin, pack)
        stored = store.save(tx, realm, checkin, no=no, version=before.version if before else 0)
        store.add_report(tx, realm, checkin.checkin_id, report, decision.reason.value)
        tx.audit(realm, report.by or PUBLIC, "checkin.report", checkin.checkin_id, reason=decision.reason.value)
        self._tell_report(tx, realm, stored, decision.reason, pack)
        return stored, report

    def look(
        self, tx: Tx, realm: str, checkin_id: str, looked: Looked, pack: Pack, check: Check | None = None
    ) -> Stored:
        """An officer looked at it (查看): the step, the log, the timeline."""
        before = get(tx.conn, realm, checkin_id)
        if check is not None:
            check(before)
        looked = replace(looked, at=tx.domain_now(realm))
        decision = look(before.checkin, looked)
        _refuse(decision)
        checkin = self._placed(tx, realm, decision.checkin, pack)
        stored = store.save(tx, realm, checkin, no=before.no, version=before.version)
        store.add_look(tx, realm, checkin_id, looked, decision.reason.value)
        body = {"to": looked.to.value if looked.to else None, "words": looked.words}
        tx.audit(
            realm,
            looked.by,
            f"checkin.{looked.act}",
            checkin_id,
            reason=decision.reason.value,
            body=body,
            happened_at=looked.happened_at,
        )
        if checkin.kind is Kind.NEED_HELP:
            self._note(tx, realm, stored, decision.reason, pack, looked)
        tx.event(realm, "checkin", checkin_id, outline(stored, decision.reason))
        return stored

    def tick(self, tx: Tx, realm: str, pack: Pack) -> None:
        """Requests that nobody looked at in time (求助无人查看)."""
        now = tx.domain_now(realm)
        for before in store.due(tx.conn, realm, now, DUE_AT_ONCE):
            decision = unseen(before.checkin, now)
            if decision.refused:
                continue
            stored = store.save(tx, realm, decision.checkin, no=before.no, version=before.version)
            self._note(tx, realm, stored, decision.reason, pack)
            seen = outline(stored, decision.reason)
            tx.event(realm, "alarm.checkin_unseen", stored.checkin.checkin_id, seen)
            tx.audit(realm, "checkins", "checkin.unseen", stored.checkin.checkin_id, body=seen)

    # -- parts -------------------------------------------------------------------------------------------

    @staticmethod
    def _placed(tx: Tx, realm: str, checkin: CheckIn, pack: Pack) -> CheckIn:
        """Region and incident, as far as they can be told by now."""
        region, basis = region_of(pack, checkin.place, checkin.lat, checkin.lon)
        if region is not None and (checkin.region is None or basis == BY_PLACE or checkin.region_basis != BY_PLACE):
            checkin = replace(checkin, region=region, region_basis=basis)
        if checkin.incident_id is None:
            live = [s.incident for s in incident_store.listing(tx.conn, realm, limit=LIVE_MAX, live=True)]
            checkin = replace(checkin, incident_id=incident_of(pack, checkin.region, live))
        return checkin

    def _tell_report(self, tx: Tx, realm: str, stored: Stored, reason: Reason, pack: Pack) -> None:
        checkin = stored.checkin
        if checkin.kind is Kind.NEED_HELP:
            if reason is not Reason.JOINED:
                self._note(tx, realm, stored, reason, pack)
        elif reason is Reason.OPENED and checkin.incident_id is not None:
            count = tx.next_no(realm, f"checkins_safe:{checkin.incident_id}")
            if is_round(count):
                self._add_entry(tx, realm, stored, "checkin.safe", say_safe_count(count))
        tx.event(realm, "checkin", checkin.checkin_id, outline(stored, reason))

    def _note(
        self, tx: Tx, realm: str, stored: Stored, reason: Reason, pack: Pack, looked: Looked | None = None
    ) -> None:
        place = name_of(pack, stored.checkin.place, stored.checkin.region)
        self._add_entry(tx, realm, stored, f"checkin.{reason}", say(stored.checkin, reason, place, looked), looked)

    def _add_entry(
        self, tx: Tx, realm: str, stored: Stored, kind: str, said: tuple[str, str], looked: Looked | None = None
    ) -> None:
        checkin, now = stored.checkin, tx.domain_now(realm)
        if checkin.incident_id is None:
            return
        entry = Entry(
            at=(looked.happened_at if looked else None) or now,
            known_at=now,
            kind=kind,
            subject=checkin.checkin_id,
            text_zh=said[0],
            text_en=said[1],
            by=looked.by if looked else None,
            data={"priority": checkin.priority.value, "state": checkin.state.value, "reports": checkin.reports},
        )
        self._incidents.note(tx, realm, checkin.incident_id, entry)


def get(conn: Connection, realm: str, checkin_id: str) -> Stored:
    stored = store.get(conn, realm, checkin_id)
    if stored is None:
        raise NotFound(f"there is no check-in {checkin_id} in realm {realm}", f"领域 {realm} 中没有报到 {checkin_id}")
    return stored


def _refuse(decision: Decision) -> None:
    if decision.refused:
        zh, en = REFUSAL_WORDS[decision.reason]
        raise Refused(decision.reason.value, en, zh)


def _refuse_no_realm(pack: Pack, realm: str) -> None:
    """A district in Exercise has no realm ``actual`` (contract, head): nobody would look there."""
    if realm == ACTUAL and pack.district.is_exercise:
        raise NotFound(
            "this district is an exercise; there is no realm actual. In real danger call 119, 120 or 110",
            "本区县处于演练状态，没有真实领域。真有危险请拨打 119、120、110",
            code="no_such_realm",
            field="realm",
        )


def outline(stored: Stored, reason: Reason) -> dict[str, Any]:
    """What followers of events are told: nothing personal."""
    checkin = stored.checkin
    return {
        "checkin_id": checkin.checkin_id,
        "version": stored.version,
        "reason": reason.value,
        "kind": checkin.kind.value,
        "priority": checkin.priority.value,
        "needs": [need.value for need in checkin.needs],
        "people": checkin.people,
        "state": checkin.state.value,
        "region": checkin.region,
        "reports": checkin.reports,
        "incident_id": checkin.incident_id,
        "look_due_at": format_time(checkin.look_due_at) if checkin.look_due_at else None,
        "unseen_told": checkin.unseen_told,
    }


def shown(stored: Stored, realm: str, district: str, pack: Pack | None) -> dict[str, Any]:
    """报到对象 For officers whose area holds it: with name and number."""
    checkin = stored.checkin
    region = pack.regions.get(checkin.region) if pack and checkin.region else None
    position = None
    if checkin.lat is not None and checkin.lon is not None:
        position = {"lat": checkin.lat, "lon": checkin.lon, "accuracy_m": checkin.accuracy_m}
    return {
        "district": district,
        "realm": realm,
        "checkin_id": checkin.checkin_id,
        "version": stored.version,
        "state": checkin.state.value,
        "kind": checkin.kind.value,
        "priority": checkin.priority.value,
        "needs": [need.value for need in checkin.needs],
        "people": checkin.people,
        "name": checkin.name,
        "phone": checkin.phone,
        "place": checkin.place,
        "place_name": name_of(pack, checkin.place, checkin.region) if pack else None,
        "place_text": checkin.place_text,
        "region": checkin.region,
        "region_name": region.name if region else None,
        "region_basis": checkin.region_basis,
        "position": position,
        "reports": checkin.reports,
        "opened_at": format_time(checkin.opened_at),
        "last_at": format_time(checkin.last_at),
        "said_safe_at": format_time(checkin.said_safe_at) if checkin.said_safe_at else None,
        "look_due_at": format_time(checkin.look_due_at) if checkin.look_due_at else None,
        "unseen_told": checkin.unseen_told,
        "incident_id": checkin.incident_id,
        "follows": checkin.follows,
    }


def receipt_out(report: Report, realm: str, district: str, emergency: tuple[str, ...]) -> dict[str, Any]:
    """回执 What the sender gets: its own number, and nothing of what anybody sent before."""
    zh, en = THANKS[report.kind]
    return {
        "district": district,
        "realm": realm,
        "receipt": report.receipt,
        "kind": report.kind.value,
        "state": "unverified",
        "at": format_time(report.at),
        "text": {"zh": zh, "en": en},
        "emergency": list(emergency),
    }
