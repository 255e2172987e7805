"""受理 What warning sends: a transition becomes incident, callout, orders, timeline and an answer, in one transaction.

The inbox applies each message once, by its number. A notice's trip comes the same way as a fuse's. A downward or
ended trip changes nothing in force; it is told, and the answer names what is still held.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.dispatch.callouts import calloff, upward
from services.dispatch.callouts.matter import Basis, Matter, Owed
from services.dispatch.callouts.service import Callouts
from services.dispatch.callouts.worker import Ringing
from services.dispatch.incidents.grouping import Member
from services.dispatch.incidents.service import Incidents
from services.dispatch.incidents.timeline import Entry, say_transition
from services.dispatch.orders.authority import Trigger, family_of
from services.dispatch.orders.byhand import area_of
from services.dispatch.orders.service import Orders, trigger_of
from shared.db.tx import Tx
from shared.errors import Invalid
from shared.frame import Frame
from shared.outbox.inbox import Message
from shared.pack.model import Pack
from shared.realm import RealmClock, RealmState, parse_time
from shared.vocabulary import Level, Verification

ALERT_STATE_ZH = {
    "draft": "预警信息草稿",
    "returned": "预警信息退回修改",
    "rejected": "预警信息不予发布",
    "approved": "预警信息已批准",
    "handed_over": "预警信息已交发布机构",
    "released": "预警信息已发布",
    "updated": "预警信息已更新",
    "cancelled": "预警信息已撤销",
    "ended": "预警已解除",
}


class Intake:
    """受理: registers itself for the message kinds of warning."""

    def __init__(
        self, frame: Frame, incidents: Incidents, orders: Orders, callouts: Callouts, ringing: Ringing
    ) -> None:
        self._frame = frame
        self._incidents = incidents
        self._orders = orders
        self._callouts = callouts
        self._ringing = ringing
        frame.on_realm.append(self.on_realm)
        frame.inbox.on("transition", self.on_transition)
        frame.inbox.on("alert", self.on_alert)

    def on_transition(self, tx: Tx, message: Message) -> None:
        """触发变化 One record of a fuse or notice (contract §5)."""
        body, realm = message.body, message.realm
        pack = self._frame.packs.get(message.pack) if message.pack else self._frame.require_pack()
        try:
            trigger, ended = trigger_of(body)
            observed_at = parse_time(body["transition"]["observed_at"])
            known_at = parse_time(body["transition"]["known_at"])
        except (KeyError, ValueError, TypeError) as error:
            raise Invalid(f"transition cannot be read: {error}", f"触发变化无法读取：{error}") from error
        now = tx.domain_now(realm)
        member = Member(
            trip_id=trigger.trip_id,
            hazard=trigger.hazard,
            areas=_areas(pack, body, trigger),
            level=trigger.level,
            at=known_at,
            alert_id=(body.get("alert") or {}).get("alert_id"),
        )
        family = family_of(pack, trigger.hazard)
        incident_id = self._incidents.on_trip(tx, realm, member, family, pack, now)
        if incident_id is not None:
            self._incidents.note(tx, realm, incident_id, _told(body, trigger, observed_at, known_at))
            self._call(tx, realm, incident_id, _matter(body, trigger, pack), now)
        self._orders.on_trigger(tx, realm, trigger, incident_id or "", pack, ended=ended, known_at=now)

    def _call(self, tx: Tx, realm: str, incident_id: str, matter: Matter, now: datetime) -> None:
        """The trip's case goes on wherever its incident was moved to; a new trip opens or joins its incident's."""
        case_id = self._incidents.case_of(tx, realm, matter.matter_id)
        if case_id is not None:
            self._callouts.join_matter(tx, realm, case_id, matter, now)
        elif matter.level is not Level.NORMAL:
            opened = self._callouts.open_case(tx, realm, incident_id, matter, now)
            self._incidents.keep_case(tx, realm, matter.matter_id, opened)

    def on_alert(self, tx: Tx, message: Message) -> None:
        """预警信息变化 A later version or state of an alert; drafts stay internal, released ones are told."""
        alert, realm = message.body["alert"], message.realm
        now = tx.domain_now(realm)
        incident_id = self._incidents.on_alert(tx, realm, alert, now)
        if incident_id is None:
            return  # an alert of a trip that never left normal: nothing here follows from it
        if "report_upward" in message.body or "countersigned" in message.body:
            self._owed(tx, realm, incident_id, message.body, now)
            return
        state = str(alert.get("state"))
        at = parse_time(alert["sent_at"]) if alert.get("sent_at") else now
        entry = Entry(
            at=min(at, now),
            known_at=now,
            kind=f"alert.{state}",
            subject=alert["alert_id"],
            text_zh=f"{ALERT_STATE_ZH.get(state, state)}：{alert.get('headline') or alert['alert_id']}",
            text_en=f"alert {state}: {alert['alert_id']} v{alert.get('version')}",
            data={"version": alert.get("version"), "state": state, "level": alert.get("level")},
        )
        self._incidents.note(tx, realm, incident_id, entry)

    def _owed(self, tx: Tx, realm: str, incident_id: str, body: dict[str, Any], now: datetime) -> None:
        """上报与补签 An approval by telephone that was not countersigned in time, or that now is."""
        alert, came = body["alert"], body.get("countersigned")
        owed = came or body["report_upward"]
        found = (self._incidents.case_of(tx, realm, trip_id) for trip_id in alert.get("trip_ids") or ())
        case_id = next(filter(None, found), None) or self._callouts.case_for(tx, realm, incident_id, now)
        signature = f"{owed['alert_id']}/{owed['post']}/{owed['digest']}"
        if came:
            upward.countersigned(self._callouts, tx, realm, case_id, signature, now)
            zh = f"预警信息电话签批已由 {owed['post']} 补签"
            en = f"the approval by telephone is countersigned by {owed['post']}"
            entry = Entry(
                at=now, known_at=now, kind="alert.countersigned", subject=owed["alert_id"], text_zh=zh, text_en=en
            )
            self._incidents.note(tx, realm, incident_id, entry)
        elif not body.get("entered_late"):
            due_at = parse_time(owed["due_at"])
            about = upward.About(
                owed=Owed(post=owed["post"], alert_id=owed["alert_id"], due_at=due_at),
                hazard=alert["hazard"],
                scope=alert["area"]["codes"][0],
                superior=owed.get("superior"),
            )
            upward.report(self._callouts, tx, realm, case_id, signature, about, now)

    def on_realm(self, tx: Tx, before: RealmClock | None, clock: RealmClock) -> None:
        """演练中止、恢复、结束 The drill's calls stop before anything else; its timeline and its people are told."""
        if before is None or before.state is clock.state:
            return
        realm, now, why = clock.realm, clock.at(tx.now), clock.interruption
        if clock.state is RealmState.INTERRUPTED and why is not None:
            done = calloff.interrupt(self._callouts, self._ringing, tx, realm, why, now)
            zh = f"演练中止，真实险情：{why.zh}（停呼 {done.calls} 通，短信告知 {done.told} 人）"
            en = f"exercise stopped, real event: {why.en} ({done.calls} calls stopped, {done.told} people told)"
            seen = {"calls": done.calls, "told": done.told, "untold": list(done.untold), "interruption": why.out()}
            tx.event(realm, "alarm.drill_called_off", realm, {"zh": zh, "en": en, **seen})
        elif clock.state is RealmState.ENDED:
            calls = calloff.call_off(self._ringing, tx, realm, now)
            zh, en = f"演练结束（停呼 {calls} 通）", f"the exercise has ended ({calls} calls stopped)"
        else:
            zh, en = "演练恢复", "the exercise goes on"
        entry = Entry(at=now, known_at=now, kind=f"drill.{clock.state}", subject=realm, text_zh=zh, text_en=en)
        self._incidents.note_live(tx, realm, entry)


def _areas(pack: Pack, body: dict[str, Any], trigger: Trigger) -> tuple[str, ...]:
    """The regions that a trip is in: its scope's own, else the areas that a notice names."""
    own = area_of(pack, trigger.scope) or body["scope"].get("region")
    return (own,) if own else trigger.areas or (trigger.scope,)


def _matter(body: dict[str, Any], trigger: Trigger, pack: Pack) -> Matter:
    """事项 The trip as callouts take it: whom it is about the pack and the level say."""
    transition = body["transition"]
    stations = dict.fromkeys(each["station"] for each in transition.get("because") or () if each.get("station"))
    return Matter(
        matter_id=trigger.trip_id,
        version=trigger.n,
        hazard=trigger.hazard,
        scope=trigger.scope,
        level=trigger.level,
        confirmed_level=trigger.confirmed_level,
        verification=trigger.verification,
        basis=Basis.NOTICE if body.get("notice") else Basis.MEASURED,
        stations=tuple(stations),
        region=area_of(pack, trigger.scope),
        pack=pack.version,
        happened_at=trigger.happened_at,
        entered_late=trigger.entered_late,
    )


def _told(body: dict[str, Any], trigger: Trigger, observed_at: datetime, known_at: datetime) -> Entry:
    transition, title = body["transition"], body["fuse"].get("title") or {}
    zh, en = say_transition(
        title.get("zh") or body["fuse"]["id"],
        title.get("en") or body["fuse"]["id"],
        str(body["scope"].get("name") or body["scope"]["id"]),
        transition["reason"],
        Level(transition["from"]),
        Level(transition["to"]),
        Verification(trigger.verification),
    )
    notice = body.get("notice")
    if notice and notice.get("issuer"):
        zh = f"{zh}（{notice['issuer']} {notice.get('number') or ''}）".replace(" ）", "）")
    data = {
        key: transition.get(key)
        for key in ("n", "from", "to", "condition", "confirmed_level", "verification", "because", "refused_by")
    }
    return Entry(
        at=observed_at,
        known_at=known_at,
        kind=f"trip.{transition['reason']}",
        subject=trigger.trip_id,
        text_zh=zh,
        text_en=en,
        by=transition.get("by"),
        data=data,
    )
