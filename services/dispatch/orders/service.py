"""措施用例 Orders come from triggers, are signed, carried out and lifted; each change is kept, told and answered.

Every change of one order goes through `_keep`: row, timeline, audit, event, the message to resources. What concerns
several orders is said once when the use case ends (`_close`): for what the signers are rung, what is reported upward,
that a chain of signers was called in vain, and a new report of holds to warning where what is held has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from services.dispatch.orders import store
from services.dispatch.orders.authority import Trigger, claims, mark_of, orders_now, place
from services.dispatch.orders.byhand import Draft, claim_of
from services.dispatch.orders.events import (
    ALARMS,
    CHANGES_FORCE,
    COUNTERSIGNING,
    REASON_TEXT,
    Act,
    CountdownDue,
    CountersignDue,
    Decision,
    Effect,
    EffectKind,
    Event,
    Join,
    ReviewDue,
    SignByPhone,
    StandDown,
)
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.holds import HoldReport, held_areas, holds_of, trips_to_tell
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


@dataclass(frozen=True)
class Change:
    """变动: what one use case did to an order, for those who ring its signers; ``turns`` came to these posts"""

    stored: Stored
    turns: tuple[str, ...] = ()


class SignerCaller(Protocol):
    """催签 How signers are rung; `services.dispatch.orders.calling` does it through callouts."""

    def follow(self, tx: Tx, realm: str, changes: Iterable[Change], now: datetime) -> None:
        """Ring those whose signature is waited for, and nobody else."""

    def report(self, tx: Tx, realm: str, owing: Iterable[Stored], now: datetime) -> None:
        """Tell the superiors of those who did not countersign, until they do."""


@dataclass
class _Run:
    """One use case: what it changed, in the order of the changes"""

    tx: Tx
    realm: str
    now: datetime
    told: set[str] = field(default_factory=set)
    changes: dict[str, Change] = field(default_factory=dict)
    owing: dict[str, Stored] = field(default_factory=dict)
    alarms: dict[tuple[str, str, str], list[tuple[Order, Effect]]] = field(default_factory=dict)


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
        run = _Run(tx, realm, known_at)
        mark = store.mark(store.settled(tx), realm, trigger.trip_id)
        if mark is None or trigger.n > mark.n:
            store.save_mark(tx, realm, mark_of(trigger))
            if orders_now(mark, trigger):
                self._order(run, claims(pack, trigger, known_at), incident_id, pack)
            if ended:
                self._stand_down(run, trigger)
        run.told.add(trigger.trip_id)
        return self._close(run)[trigger.trip_id]

    def _order(self, run: _Run, wanted: Sequence[Claim], incident_id: str, pack: Pack) -> None:
        """Each claim joins what is open, or opens an order; the open ones of the family are read once."""
        known: dict[str, Stored] = {}
        for family in sorted({claim.family for claim in wanted}):
            found = store.still_open(store.settled(run.tx), run.realm, family)
            known |= {stored.order.order_id: stored for stored in found}
        for claim in wanted:
            alike = [s.order for s in known.values() if (s.order.family, s.order.kind) == (claim.family, claim.kind)]
            placement = place(claim, alike)
            for order_id, part in placement.joins:
                decision = step(known[order_id].order, Join(claim=part), run.now)
                known[order_id] = self._keep(run, known[order_id], decision, BY_SYSTEM, run.now)
            if placement.opening is not None:
                opened = self._open(run, placement.opening, incident_id, pack)
                known[opened.order.order_id] = opened

    def _open(
        self,
        run: _Run,
        claim: Claim,
        incident_id: str,
        pack: Pack,
        by: str | None = None,
        withdraw_first_by: str | None = None,
        no: int | None = None,
    ) -> Stored:
        no = no or run.tx.next_no(run.realm, "orders")
        order_id = f"O-{no:04}"
        decision = open_order(claim, order_id, incident_id, run.now, created_by=by, withdraw_first_by=withdraw_first_by)
        return self._keep(run, None, decision, by or BY_SYSTEM, run.now, pack=pack.version, no=no)

    def _stand_down(self, run: _Run, trigger: Trigger) -> None:
        for stored in store.of_trip(store.settled(run.tx), run.realm, trigger.trip_id):
            event = StandDown(trip_id=trigger.trip_id, level=trigger.ordering)
            self._keep(run, stored, step(stored.order, event, run.now), BY_SYSTEM, run.now)

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
        run = _Run(tx, realm, known_at)
        kept = self._keep(run, stored, decision, by, happened_at or known_at)
        self._close(run)
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
            trip_orders = store.of_trip(store.settled(tx), realm, draft.trip_id)
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
        run = _Run(tx, realm, now)
        kept = self._open(run, claim, incident_id or "", pack, by, withdraw_first_by, no)
        self._close(run)
        return kept

    def get(self, tx: Tx, realm: str, order_id: str) -> Stored:
        stored = store.get(store.settled(tx), realm, order_id)
        if stored is None:
            raise NotFound(f"there is no order {order_id} in realm {realm}", f"领域 {realm} 中没有措施 {order_id}")
        return stored

    # -- by itself ---------------------------------------------------------------------------------------

    def tick(self, tx: Tx, realm: str) -> int:
        """时限 What is due in the realm now: next signers, missing countersigns, reviews. Answers how many moved."""
        now = tx.domain_now(realm)
        if not store.is_anything_due(tx.conn, realm, now):
            return 0
        run = _Run(tx, realm, now)
        due = store.due(store.settled(tx), realm, now, DUE_AT_ONCE)
        for stored in due:
            for event in (CountdownDue(), CountersignDue(), ReviewDue()):
                stored = self._keep(run, stored, step(stored.order, event, now), BY_SYSTEM, now)
        self._close(run)
        return len(due)

    # -- what others ask ---------------------------------------------------------------------------------

    def report_holds(self, tx: Tx, realm: str, trip_ids: Iterable[str]) -> dict[str, HoldReport]:
        """在办管控 Tell warning which measures of the trips are held, as of the last transition known here."""
        wanted = sorted(set(trip_ids))
        if not wanted:
            return {}
        conn = store.settled(tx)
        marks = store.marks(conn, realm, wanted)
        orders = [stored.order for stored in store.of_trips(conn, realm, wanted)]
        reports: dict[str, HoldReport] = {}
        for trip_id in wanted:
            mark = marks.get(trip_id)
            report = holds_of(trip_id, mark.n if mark else 0, orders)
            tx.emit("warning", realm, "holds", trip_id, {**report.as_dict(), "at": format_time(tx.domain_now(realm))})
            reports[trip_id] = report
        return reports

    def move(self, tx: Tx, realm: str, source: str, target: str, trip_ids: Iterable[str] | None = None) -> int:
        """Orders follow their trips when officers merge or split incidents; answers how many moved."""
        wanted = None if trip_ids is None else set(trip_ids)
        moved = 0
        for stored in store.of_incident(store.settled(tx), realm, source):
            trips = set(stored.order.trip_ids)
            if wanted is None or (trips and trips <= wanted):
                store.move(tx, realm, stored, replace(stored.order, incident_id=target))
                moved += 1
        return moved

    # -- one change --------------------------------------------------------------------------------------

    def _keep(
        self,
        run: _Run,
        before: Stored | None,
        decision: Decision,
        by: str,
        at: datetime,
        *,
        pack: str | None = None,
        no: int = 0,
    ) -> Stored:
        """Keep a decision; the order as it is stored now."""
        if before is not None and not decision.changed:
            return before
        tx, realm, order = run.tx, run.realm, decision.order
        stored = store.save(tx, realm, order, before, pack=pack, no=no)
        shown = self.shown(tx, realm, stored)
        kinds = [effect.kind for effect in decision.effects]
        for effect in decision.effects:
            self._note(run, order, effect, by, at)
        body = {"kinds": [kind.value for kind in kinds], "state": order.state.value, "version": stored.version}
        tx.audit(realm, by, "order.change", order.order_id, reason=decision.reason.value, body=body, happened_at=at)
        tx.event(realm, "order", order.order_id, shown)
        if order.due_at is not None or (before is not None and before.order.due_at is not None):
            turns = [e.post for e in decision.effects if e.kind is EffectKind.CALL_SIGNER and e.post is not None]
            earlier = run.changes.get(order.order_id)
            run.changes[order.order_id] = Change(stored, (*(earlier.turns if earlier else ()), *turns))
        if COUNTERSIGNING & set(kinds):
            run.owing[order.order_id] = stored
        if order.kind is Measure.EVACUATE and (before is None or CHANGES_FORCE & set(kinds)):
            zone = {"hazard": order.hazard, "areas": held_areas(order), "level": order.level.value}
            tx.emit("resources", realm, "order", order.order_id, {"order": shown, "zone": zone}, pack=stored.pack)
        run.told |= trips_to_tell(before.order if before else None, order)
        return stored

    @staticmethod
    def _note(run: _Run, order: Order, effect: Effect, by: str, at: datetime) -> None:
        """One line of the timeline, and its alarm: a chain called in vain is one alarm a round, whatever it was for."""
        zh, en = say(order, effect)
        act = OrderAct(
            incident_id=order.incident_id,
            order_id=order.order_id,
            at=at,
            known_at=run.now,
            kind=effect.kind.value,
            by=by,
            zh=zh,
            en=en,
            data={"units": list(effect.units), "post": effect.post, "state": order.state.value},
        )
        store.add_act(run.tx, run.realm, act)
        run.tx.event(run.realm, "timeline", order.incident_id, line_of(act))
        if effect.kind in ALARMS:
            together = effect.kind is EffectKind.NO_SIGNER
            key = (effect.kind.value, order.incident_id, "" if together else order.order_id)
            run.alarms.setdefault(key, []).append((order, effect))

    def _close(self, run: _Run) -> dict[str, HoldReport]:
        """What the use case as a whole says to others."""
        for (kind, incident_id, _), raised in run.alarms.items():
            order, effect = raised[0]
            zh, en = say(order, effect)
            if len(raised) > 1:
                zh, en = f"{zh}（同类共 {len(raised)} 项）", f"{en} ({len(raised)} measures)"
            ids = [each.order_id for each, _ in raised]
            alarm = {"order_id": ids[0], "order_ids": ids, "incident_id": incident_id, "zh": zh, "en": en}
            run.tx.event(run.realm, f"alarm.order_{kind}", ids[0], alarm)
        if run.changes:
            self._caller.follow(run.tx, run.realm, run.changes.values(), run.now)
        if run.owing:
            self._caller.report(run.tx, run.realm, run.owing.values(), run.now)
        return self.report_holds(run.tx, run.realm, run.told)

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


def line_of(act: OrderAct) -> dict[str, Any]:
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
