"""措施用例 Orders come from triggers, are signed, carried out and lifted; each change is kept, told and answered.

Every change of one order goes through `_keep`: row, timeline, audit, event, the call for its next signer, the message
to resources, and a new report of holds to warning where what is held has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from services.dispatch.orders import store
from services.dispatch.orders.authority import Trigger, claims, mark_of, orders_now, place
from services.dispatch.orders.byhand import Draft, claim_of
from services.dispatch.orders.events import (
    ALARMS,
    CHANGES_FORCE,
    REASON_TEXT,
    Act,
    CountdownDue,
    CountersignDue,
    Decision,
    EffectKind,
    Event,
    Join,
    ReviewDue,
    SignByPhone,
    StandDown,
)
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.holds import HoldReport, holds_of
from services.dispatch.orders.model import Claim, Order
from services.dispatch.orders.order import step
from services.dispatch.orders.store import OrderAct, Stored
from services.dispatch.orders.words import say, show
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused
from shared.pack.model import Pack
from shared.realm import format_time, parse_time
from shared.vocabulary import Level, Measure, Verification

DUE_AT_ONCE = 200
BY_SYSTEM = "system"
Check = Callable[[Stored], None]
Make = Callable[[Order, datetime], Event]
"""The event of an act, made from the order as it stands and the realm's now."""


class SignerCaller(Protocol):
    """催签 How signers are rung; `services.dispatch.orders.worker` does it through callouts."""

    def call(self, tx: Tx, realm: str, stored: Stored, post: str, now: datetime) -> None:
        """Ring ``post``: the order waits for its signature."""

    def done(self, tx: Tx, realm: str, stored: Stored, now: datetime) -> None:
        """Nobody needs to be rung for this order any more."""


class Orders:
    """措施: the use cases; every method runs inside the caller's transaction."""

    def __init__(self, caller: SignerCaller) -> None:
        self._caller = caller

    # -- from warning ------------------------------------------------------------------------------------

    def on_trigger(
        self, tx: Tx, realm: str, trigger: Trigger, incident_id: str, pack: Pack, *, ended: bool, known_at: datetime
    ) -> HoldReport:
        """One transition: order what it asks for, stop calling for what ended, answer what is held.

        ``ended``: the trip is back to normal, or this level was refuted. What is in force stays in force.
        """
        mark = store.mark(tx.conn, realm, trigger.trip_id)
        told: set[str] = set()
        if mark is None or trigger.n > mark.n:
            store.save_mark(tx, realm, mark_of(trigger))
            if orders_now(mark, trigger):
                for claim in claims(pack, trigger, known_at):
                    told |= self._place(tx, realm, claim, incident_id, pack, known_at)
            if ended:
                self._stand_down(tx, realm, trigger, known_at)
        for trip_id in sorted(told - {trigger.trip_id}):
            self.report_holds(tx, realm, trip_id)
        return self.report_holds(tx, realm, trigger.trip_id)

    def _place(self, tx: Tx, realm: str, claim: Claim, incident_id: str, pack: Pack, now: datetime) -> set[str]:
        known = {s.order.order_id: s for s in store.still_open(tx.conn, realm, claim.family, claim.kind.value)}
        placement = place(claim, [stored.order for stored in known.values()])
        told: set[str] = set()
        for order_id, part in placement.joins:
            decision = step(known[order_id].order, Join(claim=part), now)
            told |= self._keep(tx, realm, known[order_id], decision, BY_SYSTEM, now, now)[1]
        if placement.opening is not None:
            told |= self._open(tx, realm, placement.opening, incident_id, pack, now)[1]
        return told

    def _open(
        self,
        tx: Tx,
        realm: str,
        claim: Claim,
        incident_id: str,
        pack: Pack,
        now: datetime,
        by: str | None = None,
        withdraw_first_by: str | None = None,
        no: int | None = None,
    ) -> tuple[Stored, set[str]]:
        no = no or tx.next_no(realm, "orders")
        decision = open_order(claim, f"O-{no:04}", incident_id, now, created_by=by, withdraw_first_by=withdraw_first_by)
        return self._keep(tx, realm, None, decision, by or BY_SYSTEM, now, now, pack=pack.version, no=no)

    def _stand_down(self, tx: Tx, realm: str, trigger: Trigger, now: datetime) -> None:
        for stored in store.of_trip(tx.conn, realm, trigger.trip_id):
            event = StandDown(trip_id=trigger.trip_id, level=trigger.ordering)
            self._keep(tx, realm, stored, step(stored.order, event, now), BY_SYSTEM, now, now)

    # -- from officers -----------------------------------------------------------------------------------

    def act(
        self, tx: Tx, realm: str, order_id: str, make: Make, by: str, pack: Pack | None, check: Check | None = None
    ) -> Stored:
        """One act on one order; Refused carries the reason, what is missing, and the state as it stands."""
        stored = self.get(tx, realm, order_id)
        if check is not None:
            check(stored)
        known_at = tx.domain_now(realm)
        event = make(stored.order, known_at)
        if isinstance(event, SignByPhone) and pack is not None and not is_registered(pack, event.by, event.number):
            raise Refused(
                "number_not_registered",
                f"{event.number} is not a registered number of {event.by}; ring back the number in roster.csv",
                f"{event.number} 不是 {event.by} 的登记号码，请回拨责任人名册中的号码",
            )
        decision = step(stored.order, event, known_at)
        if not decision.accepted:
            raise refused(decision)
        happened_at = event.happened_at if isinstance(event, Act) else None
        kept, told = self._keep(tx, realm, stored, decision, by, happened_at or known_at, known_at)
        for trip_id in sorted(told):
            self.report_holds(tx, realm, trip_id)
        return kept

    def create(
        self,
        tx: Tx,
        realm: str,
        draft: Draft,
        pack: Pack,
        by: str,
        incident_id: str | None = None,
        withdraw_first_by: str | None = None,
    ) -> Stored:
        """拟制 An order by hand; ``withdraw_first_by`` takes force at once for those who lead people out (先撤后报)."""
        now = tx.domain_now(realm)
        if draft.trip_id:
            trip_orders = store.of_trip(tx.conn, realm, draft.trip_id)
            if store.mark(tx.conn, realm, draft.trip_id) is None:
                raise Invalid(f"trip_id: '{draft.trip_id}' is not known here", "未知的触发编号", field="trip_id")
            incident_id = incident_id or next((s.order.incident_id for s in trip_orders), None)
        no = tx.next_no(realm, "orders")
        claim = claim_of(pack, draft, no, now)
        if claim is None:
            raise Invalid(
                f"scope: '{draft.scope}' holds nothing to order, or a unit is not inside it; give ids of the pack",
                "范围内没有可下达的对象，请填写区县包中的编号",
                field="scope",
            )
        if withdraw_first_by is not None and draft.kind not in (Measure.EVACUATE, Measure.DISPERSE):
            raise Refused(
                "moves_nobody",
                "only evacuating and dispersing may come before the signature",
                "只有撤离和疏散可以先撤后报",
            )
        kept, told = self._open(tx, realm, claim, incident_id or "", pack, now, by, withdraw_first_by, no)
        for trip_id in sorted(told):
            self.report_holds(tx, realm, trip_id)
        return kept

    def get(self, tx: Tx, realm: str, order_id: str) -> Stored:
        stored = store.get(tx.conn, realm, order_id)
        if stored is None:
            raise NotFound(f"there is no order {order_id} in realm {realm}", f"领域 {realm} 中没有措施 {order_id}")
        return stored

    # -- by itself ---------------------------------------------------------------------------------------

    def tick(self, tx: Tx, realm: str) -> int:
        """时限 What is due in the realm now: next signers, missing countersigns, reviews. Answers how many moved."""
        now = tx.domain_now(realm)
        moved = 0
        for stored in store.due(tx.conn, realm, now, DUE_AT_ONCE):
            told: set[str] = set()
            for event in (CountdownDue(), CountersignDue(), ReviewDue()):
                decision = step(stored.order, event, now)
                stored, more = self._keep(tx, realm, stored, decision, BY_SYSTEM, now, now)
                told |= more
            for trip_id in sorted(told):
                self.report_holds(tx, realm, trip_id)
            moved += 1
        return moved

    # -- what others ask ---------------------------------------------------------------------------------

    def report_holds(self, tx: Tx, realm: str, trip_id: str) -> HoldReport:
        """在办管控 Tell warning which measures of the trip are held, as of the last transition known here."""
        mark = store.mark(tx.conn, realm, trip_id)
        orders = [stored.order for stored in store.of_trip(tx.conn, realm, trip_id)]
        report = holds_of(trip_id, mark.n if mark else 0, orders)
        body = {**report.as_dict(), "at": format_time(tx.domain_now(realm))}
        tx.emit("warning", realm, "holds", trip_id, body)
        return report

    def move(self, tx: Tx, realm: str, source: str, target: str, trip_ids: Iterable[str] | None = None) -> int:
        """Orders follow their trips when officers merge or split incidents; answers how many moved."""
        wanted = None if trip_ids is None else set(trip_ids)
        moved = 0
        for stored in store.of_incident(tx.conn, realm, source):
            trips = set(stored.order.trip_ids)
            if wanted is None or (trips and trips <= wanted):
                store.move(tx, realm, stored, replace(stored.order, incident_id=target))
                moved += 1
        return moved

    # -- one change --------------------------------------------------------------------------------------

    def _keep(
        self,
        tx: Tx,
        realm: str,
        before: Stored | None,
        decision: Decision,
        by: str,
        at: datetime,
        known_at: datetime,
        *,
        pack: str | None = None,
        no: int = 0,
    ) -> tuple[Stored, set[str]]:
        """Keep a decision; answers the stored order and the trips whose holds changed by it."""
        if before is not None and not decision.changed:
            return before, set()
        order = decision.order
        version = before.version if before else 0
        stored = store.save(tx, realm, order, pack=before.pack if before else pack, no=no, version=version)
        shown = self.shown(tx, realm, stored)
        kinds = [effect.kind for effect in decision.effects]
        for effect in decision.effects:
            zh, en = say(order, effect)
            data = {"units": list(effect.units), "post": effect.post, "state": order.state.value}
            act = OrderAct(
                incident_id=order.incident_id,
                order_id=order.order_id,
                at=at,
                known_at=known_at,
                kind=effect.kind.value,
                by=by,
                zh=zh,
                en=en,
                data=data,
            )
            store.add_act(tx, realm, act)
            tx.event(realm, "timeline", order.incident_id, _line(act))
            if effect.kind in ALARMS:
                alarm = {"order_id": order.order_id, "incident_id": order.incident_id, "zh": zh, "en": en}
                tx.event(realm, f"alarm.order_{effect.kind.value}", order.order_id, alarm)
            if effect.kind is EffectKind.CALL_SIGNER and effect.post is not None:
                self._caller.call(tx, realm, stored, effect.post, known_at)
        body = {"kinds": [kind.value for kind in kinds], "state": order.state.value, "version": stored.version}
        tx.audit(realm, by, "order.change", order.order_id, reason=decision.reason.value, body=body, happened_at=at)
        tx.event(realm, "order", order.order_id, shown)
        if before is not None and before.order.due_at is not None and order.due_at is None:
            self._caller.done(tx, realm, stored, known_at)
        if order.kind is Measure.EVACUATE and (before is None or CHANGES_FORCE & set(kinds)):
            zone = {"hazard": order.hazard, "areas": _held_areas(order), "level": order.level.value}
            tx.emit("resources", realm, "order", order.order_id, {"order": shown, "zone": zone}, pack=stored.pack)
        return stored, _trips_to_tell(before.order if before else None, order)

    @staticmethod
    def shown(tx: Tx, realm: str, stored: Stored) -> dict[str, Any]:
        return shown(stored, realm, tx.district)


def shown(stored: Stored, realm: str, district: str, *, by_name: bool = False) -> dict[str, Any]:
    """The object that the API, events and messages carry."""
    return {
        **show(stored.order, by_name=by_name),
        "district": district,
        "realm": realm,
        "pack": stored.pack,
        "version": stored.version,
    }


def _held_areas(order: Order) -> list[str]:
    """Where people are under the order: of what it still binds, else of all that it was about."""
    units = [unit for unit in order.units if unit.held] or order.units
    return sorted({unit.region for unit in units})


def _line(act: OrderAct) -> dict[str, Any]:
    """One line of the incident's timeline, as followers get it."""
    return {
        "at": format_time(act.at),
        "known_at": format_time(act.known_at),
        "kind": f"order.{act.kind}",
        "subject": act.order_id,
        "text": {"zh": act.zh, "en": act.en},
        "by": act.by,
        "data": act.data,
    }


def _trips_to_tell(before: Order | None, after: Order) -> set[str]:
    """Trips whose list of holds reads otherwise now."""
    return {
        trip_id
        for trip_id in after.trip_ids
        if holds_of(trip_id, 0, [after]) != holds_of(trip_id, 0, [before] if before else [])
    }


def refused(decision: Decision) -> Refused:
    zh, en = REASON_TEXT[decision.reason]
    if decision.detail:
        zh, en = f"{zh}：{decision.detail}", f"{en}: {decision.detail}"
    return Refused(decision.reason.value, en, zh, state=decision.order.state.value, missing=decision.detail)


def is_registered(pack: Pack, post: str, number: str) -> bool:
    """登记号码 Whether the number is one that the roster has for the post (contract §8)."""
    row = pack.roster.get(post)
    return row is not None and any(address == number for _, address in row.contacts)


def trigger_of(body: dict[str, Any]) -> tuple[Trigger, bool]:
    """Read a ``transition`` message; the second value says whether the trip ended or was refuted."""
    transition = body["transition"]
    level = Level(transition["to"])
    verification = Verification(transition.get("verification") or "confirmed")
    confirmed = transition.get("confirmed_level") or (level if verification is Verification.CONFIRMED else "normal")
    notice = body.get("notice") or {}
    trigger = Trigger(
        trip_id=transition["trip_id"],
        n=int(transition["n"]),
        hazard=notice.get("hazard") or body["fuse"]["hazard"],
        scope=body["scope"]["id"],
        level=level,
        confirmed_level=Level(confirmed),
        verification=verification,
        areas=tuple(notice.get("areas") or ()),
        entered_late=bool(body.get("entered_late")),
        happened_at=parse_time(body["happened_at"]) if body.get("happened_at") else None,
    )
    return trigger, level is Level.NORMAL or verification is Verification.REFUTED


def signing_post(order: Order, posts: Iterable[str]) -> str | None:
    """Which of a person's posts signs: the one whose turn it is, one that owes a countersign, one of the chain."""
    held = list(posts)
    chain = order.signing.signers if order.wants_signature and order.signing else ()
    owing = [signature.countersign_by for signature in order.signatures if signature.wants_countersign]
    for candidates in (order.may_sign if order.wants_signature else (), owing, chain):
        for post in candidates:
            if post in held:
                return post
    return held[0] if held else None
