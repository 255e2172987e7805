"""叫应用例 Cases open, join and end matters; answers and receipts move lines; each person has one ring.

`Callouts` is made once by ``main``. Everything takes the one write transaction and the realm's ``now``.

    case_id = callouts.open_case(tx, realm, incident_id, matter, now)    # or joins the incident's open case
    callouts.join_matter(tx, realm, case_id, matter, now)                # each later version: up, down, confirmed, over
    callouts.end_matter(tx, realm, case_id, matter_id, now)
    callouts.close_case(tx, realm, case_id, by, now)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts import store
from services.dispatch.callouts.clocks import Clocks, default_clocks, read_clocks
from services.dispatch.callouts.escalation import due_at, step
from services.dispatch.callouts.events import (
    Alarm,
    Answered,
    Attempted,
    Close,
    ContactFound,
    ContactLost,
    Decision,
    Event,
    MatterEnded,
    MatterJoined,
    Text,
)
from services.dispatch.callouts.line import Line, PartyState, Want, new_line, wants_of
from services.dispatch.callouts.matter import Grade, LineMatter, Matter, Purpose, Via
from services.dispatch.callouts.plan import Plan, plan
from services.dispatch.callouts.record import record
from services.dispatch.callouts.words import PackNames, language_of, texted
from services.dispatch.channels import service as channels
from services.dispatch.channels.carrier import Channel
from services.dispatch.channels.factory import CarrierSpec
from services.dispatch.channels.store import last_address as last_address_of
from services.dispatch.roster import service as roster
from services.dispatch.roster.contacts import SMS, VOICE, ContactChange
from services.dispatch.roster.who import Callee, Gap
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused
from shared.pack.model import Pack
from shared.realm import format_time, is_exercise
from shared.vocabulary import Level

log = structlog.get_logger(__name__)
FILE = "callouts.yaml"


class Callouts:
    """叫应: the use cases, with the packs and carriers that they need."""

    def __init__(self, packs: Callable[[str], Pack], carriers: Sequence[CarrierSpec]) -> None:
        self.packs = packs
        self.carriers = tuple(carriers)
        self._clocks: dict[str, Clocks] = {}

    # -- cases -------------------------------------------------------------------------------------------

    def open_case(self, tx: Tx, realm: str, incident_id: str, matter: Matter, now: datetime) -> str:
        """开案 The incident's case; a matter joins it if there is one. Returns the case id."""
        held = store.case_of_incident(tx.conn, realm, incident_id)
        if held is None:
            no = tx.next_no(realm, "case")
            case_id = f"C-{no:04d}"
            store.add_case(
                tx.conn,
                realm=realm,
                case_id=case_id,
                no=no,
                incident_id=incident_id,
                pack=matter.pack or self.active(tx).version,
                state="open",
                opened_at=now,
                gaps=[],
                version=1,
            )
            self._log(tx, realm, case_id, None, "case_opened", now, body={"incident_id": incident_id})
        else:
            case_id = str(held.case_id)
        self.join_matter(tx, realm, case_id, matter, now)
        return case_id

    def join_matter(self, tx: Tx, realm: str, case_id: str, matter: Matter, now: datetime) -> bool:
        """入案 One version of a matter: new, worse, calmer, confirmed, refuted or over. False when it is not news."""
        case = self.case(tx.conn, realm, case_id)
        held = store.matter(tx.conn, realm, case_id, matter.matter_id)
        if held is not None and matter.version <= held.version:
            return False
        over = matter.level is Level.NORMAL
        store.save_matter(tx.conn, realm, case_id, matter, now if over else None)
        if matter.entered_late:
            body = {"matter_id": matter.matter_id, "level": matter.level.value}
            self._log(tx, realm, case_id, None, "matter_entered_late", now, body=body, happened_at=matter.happened_at)
            return True
        pack, clocks = self.packs(case.pack), self.clocks(case.pack)
        lines = {line.post: line for line in store.lines_of(tx.conn, realm, case_id)}
        planned = plan(matter, pack, clocks, lines, now)
        self._follow(tx, realm, case_id, planned, lines, pack, clocks, now)
        self._keep_gaps(tx, realm, case_id, case.gaps, planned.gaps, now)
        self._settle_case(tx, realm, case_id, now)
        return True

    upgrade = join_matter

    def end_matter(self, tx: Tx, realm: str, case_id: str, matter_id: str, now: datetime) -> bool:
        """事项结束 The order is signed, the door open: nobody is called for it any more."""
        held = store.matter(tx.conn, realm, case_id, matter_id)
        if held is None or held.level is Level.NORMAL:
            return False
        over = replace(held, version=held.version + 1, level=Level.NORMAL, confirmed_level=Level.NORMAL)
        return self.join_matter(tx, realm, case_id, over, now)

    def close_case(self, tx: Tx, realm: str, case_id: str, by: str, now: datetime) -> None:
        """结案 All calling of the case ends; a new version of a matter would open it again."""
        case = self.case(tx.conn, realm, case_id)
        clocks = self.clocks(case.pack)
        touched: set[str] = set()
        for line in store.lines_of(tx.conn, realm, case_id):
            touched |= self.move(tx, realm, line, Close(), now, clocks, by=by)
        store.save_case(tx.conn, realm, case_id, state="closed", closed_at=now)
        self._log(tx, realm, case_id, None, "case_closed", now, by=by)
        self.refresh(tx, realm, touched, now)

    def _follow(
        self,
        tx: Tx,
        realm: str,
        case_id: str,
        planned: Plan,
        lines: dict[str, Line],
        pack: Pack,
        clocks: Clocks,
        now: datetime,
    ) -> None:
        everybody = {p for callee, _ in planned.joins for p in _persons(callee)}
        mute = roster.without_contact(tx.conn, realm, pack, everybody)
        touched: set[str] = set()
        for callee, matter in planned.joins:
            line = lines.get(callee.post) or new_line(case_id, callee, now, mute)
            touched |= self.move(tx, realm, line, MatterJoined(matter=matter), now, clocks)
            lines[callee.post] = store.line(tx.conn, realm, case_id, callee.post) or line
        for post, key in planned.ends:
            line = store.line(tx.conn, realm, case_id, post) or lines[post]
            touched |= self.move(tx, realm, line, MatterEnded(key=key), now, clocks)
        self.refresh(tx, realm, touched, now)

    def _keep_gaps(
        self, tx: Tx, realm: str, case_id: str, held: list[dict[str, str]], gaps: Iterable[Gap], now: datetime
    ) -> None:
        new = [gap for gap in ({"reason": g.reason.value, "what": g.what} for g in gaps) if gap not in held]
        if not new:
            return
        store.save_case(tx.conn, realm, case_id, gaps=[*held, *new])
        for gap in new:
            self._log(tx, realm, case_id, None, "gap", now, body=gap)
            tx.event(realm, "alarm.callout_gap", case_id, {**gap, "at": format_time(now)})

    def _settle_case(self, tx: Tx, realm: str, case_id: str, now: datetime) -> None:
        lives = any(ended is None for _, ended in store.matters_of(tx.conn, realm, case_id))
        state = "open" if lives else "closed"
        store.save_case(tx.conn, realm, case_id, state=state, closed_at=None if lives else now)

    # -- answers -----------------------------------------------------------------------------------------

    def answer(self, tx: Tx, realm: str, case_id: str, post: str, answered: Answered, now: datetime) -> Decision:
        """答复 An answer typed in, by its giver or on behalf. Refused with its reason when it cannot count."""
        case = self.case(tx.conn, realm, case_id)
        line = self.line(tx.conn, realm, case_id, post)
        clocks = self.clocks(case.pack)
        decision = step(line, answered, now, clocks)
        if decision.is_refused:
            raise Refused(
                decision.reason,
                f"the answer cannot be taken: {decision.reason.replace('_', ' ')}",
                f"答复未被接受：{decision.reason}",
                case_id=case_id,
                post=post,
            )
        if answered.grade is Grade.WRONG_PERSON:
            last = last_address_of(tx.conn, realm, answered.person)
            reach = roster.reach(tx.conn, realm, self.active(tx), answered.person)
            addresses = [last] if last else [*reach.usable(VOICE), *reach.usable(SMS)]
            self.wrong_person(tx, realm, answered, addresses, {(case_id, post)}, now)
        else:
            touched = self._keep(tx, realm, line, decision, answered, now, clocks, by=answered.by or answered.person)
            self.refresh(tx, realm, touched, now)
        return replace(decision, state=self.line(tx.conn, realm, case_id, post))

    def wrong_person(
        self,
        tx: Tx,
        realm: str,
        answered: Answered,
        addresses: Sequence[str],
        asked: set[tuple[str, str]],
        now: datetime,
    ) -> None:
        """不是本人 Struck in all cases at once; who comes next is called at once."""
        person = answered.person
        roster.strike(
            tx, realm, person, addresses, ContactChange.WRONG_PERSON, by=answered.by or f"via:{answered.via}", now=now
        )
        left = roster.reach(tx.conn, realm, self.active(tx), person).is_callable
        touched = {person}
        for line, version in store.lines_of_person(tx.conn, realm, person):
            clocks = self.clocks(version)
            if (line.case_id, line.post) in asked:
                event: Event = replace(answered, reachable_otherwise=left)
            elif left:
                continue
            else:
                event = ContactLost(person=person, state=PartyState.STRUCK, entered_late=answered.entered_late)
            touched |= self.move(tx, realm, line, event, now, clocks, by=answered.by)
        self.refresh(tx, realm, touched, now)

    def contact_found(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        """补上号码 Whoever could not be called is called now, on every line."""
        touched = {person}
        for line, version in store.lines_of_person(tx.conn, realm, person):
            touched |= self.move(tx, realm, line, ContactFound(person=person), now, self.clocks(version))
        self.refresh(tx, realm, touched, now)

    def finding(
        self,
        tx: Tx,
        realm: str,
        case_id: str,
        trip_id: str,
        verdict: str,
        by: dict[str, str],
        ground: str,
        now: datetime,
        *,
        actor: str,
        happened_at: datetime | None = None,
    ) -> dict[str, Any]:
        """核实结论 A named person confirmed or refuted on the spot; warning decides what follows."""
        held = store.matter(tx.conn, realm, case_id, trip_id)
        if held is None:
            raise NotFound(f"trip {trip_id} is not a matter of case {case_id}", f"案件 {case_id} 中没有 {trip_id}")
        if not by.get("person", "").strip() or not ground.strip():
            raise Invalid(
                "by.person and ground: a finding names who looked and what was seen",
                "核实结论须写明何人核实、所见情况",
                field="ground" if by.get("person", "").strip() else "by.person",
            )
        body = {
            "trip_id": trip_id,
            "level": held.level.value,
            "verdict": verdict,
            "by": by,
            "ground": ground,
            "happened_at": format_time(happened_at or now),
        }
        tx.emit("warning", realm, "finding", trip_id, body, pack=held.pack)
        self._log(tx, realm, case_id, by.get("post"), "finding", now, by=actor, body=body, happened_at=happened_at)
        tx.event(realm, "callout.finding", case_id, body)
        tx.audit(realm, actor, "callout.finding", trip_id, reason=verdict, body=body, happened_at=happened_at)
        self._looked(tx, realm, case_id, f"{trip_id}#{Purpose.VERIFY}", by["person"], now, happened_at)
        return body

    def _looked(
        self, tx: Tx, realm: str, case_id: str, key: str, person: str, now: datetime, happened_at: datetime | None
    ) -> None:
        """Who brought the finding has answered "go and look"."""
        clocks = self.clocks(self.case(tx.conn, realm, case_id).pack)
        touched: set[str] = set()
        for line in store.lines_of(tx.conn, realm, case_id):
            read = {m.key: m.version for m in line.matters if m.key == key}
            if read and line.party_of(person):
                went = Answered(person=person, grade=Grade.ACTING, via=Via.APP, read=read, happened_at=happened_at)
                touched |= self.move(tx, realm, line, went, now, clocks)
        self.refresh(tx, realm, touched, now)

    # -- one person, one ring ----------------------------------------------------------------------------

    def wants(self, tx: Tx, realm: str, person: str, now: datetime) -> tuple[tuple[Want, ...], Clocks]:
        """All that this person is to hear, over all cases, and the clocks to ring by."""
        found: list[Want] = []
        version = tx.pack
        for line, pack in store.lines_of_person(tx.conn, realm, person):
            version = version or pack
            found.extend(w for w in wants_of(line, self.clocks(pack), now) if w.person == person)
        return tuple(found), self.clocks(version or self.active(tx).version)

    def refresh(self, tx: Tx, realm: str, persons: Iterable[str], now: datetime) -> None:
        """Tell the ring of each person what they are to hear now."""
        for person in sorted(p for p in persons if p):
            wants, clocks = self.wants(tx, realm, person, now)
            state = store.ring(tx.conn, realm, person)
            decision = rings.step(state, rings.Wanted(wants=wants), now, clocks)
            if decision.state != state:
                self.save_ring(tx, realm, decision.state, store.ring_cause(tx.conn, realm, person))
            if decision.text:
                self.text(tx, realm, person, wants, now)

    def save_ring(self, tx: Tx, realm: str, state: rings.Ring, cause: str | None) -> None:
        region = next((r.region for r in self.active(tx).roster.values() if r.person == state.person), "")
        store.save_ring(tx.conn, realm, state, region, cause)

    def text(self, tx: Tx, realm: str, person: str, wants: Sequence[Want], now: datetime) -> None:
        """短信 A text with all that is open; nothing where there is no number or no carrier for texts."""
        pack = self.active(tx)
        reach = roster.reach(tx.conn, realm, pack, person)
        addresses = reach.usable(SMS)
        if not wants or not addresses:
            return
        said = texted(
            wants,
            PackNames(pack),
            district=pack.district.name_zh,
            exercise=is_exercise(realm),
            lang=language_of(reach.languages),
        )
        try:
            channels.queue(
                tx,
                realm,
                self.carriers,
                channel=Channel.SMS,
                person=person,
                address=addresses[0],
                lang=said.lang,
                text=said.text,
                covers=covers_of(said.read),
                now=now,
            )
        except Refused as error:
            tx.event(realm, "alarm.callout_no_carrier", person, {"reason": error.reason, "message": error.en})

    # -- inside ------------------------------------------------------------------------------------------

    def clocks(self, version: str) -> Clocks:
        """The clocks of a pack version; a version once in service was checked, so problems here are ours to log."""
        found = self._clocks.get(version)
        if found is None:
            pack = self.packs(version)
            found, problems = read_clocks(pack.documents.get(FILE), pack)
            if found is None:
                log.error("callouts.clocks_unreadable", pack=version, problems=[str(p) for p in problems[:10]])
                found = default_clocks(pack)
            self._clocks[version] = found
        return found

    def tick_line(self, tx: Tx, realm: str, case_id: str, post: str, event: Event, now: datetime) -> None:
        """One clock of one line."""
        clocks = self.clocks(self.case(tx.conn, realm, case_id).pack)
        touched = self.move(tx, realm, self.line(tx.conn, realm, case_id, post), event, now, clocks)
        self.refresh(tx, realm, touched, now)

    def move(
        self, tx: Tx, realm: str, line: Line, event: Event, now: datetime, clocks: Clocks, *, by: str | None = None
    ) -> set[str]:
        decision = step(line, event, now, clocks)
        if decision.is_refused:
            return set()
        return self._keep(tx, realm, line, decision, event, now, clocks, by=by)

    def _keep(
        self,
        tx: Tx,
        realm: str,
        line: Line,
        decision: Decision,
        event: Event,
        now: datetime,
        clocks: Clocks,
        *,
        by: str | None = None,
    ) -> set[str]:
        """Store the line, write down why, carry out the effects; returns whose ring may change."""
        state = decision.state
        store.save_line(tx.conn, realm, tx.next_no(realm, "case_line"), state, due_at(state, clocks, now))
        if not isinstance(event, Attempted):
            self._tell(tx, realm, state, decision, event, now, by)
        for effect in decision.effects:
            if isinstance(effect, Alarm):
                seen = {"case_id": state.case_id, "post": state.post, "what": effect.what, "at": format_time(now)}
                tx.event(realm, f"alarm.callout_{effect.kind}", state.case_id, seen)
            elif isinstance(effect, Text):
                self.text(tx, realm, effect.person, (_told(state, effect.person, effect.matter, now),), now)
        return {p.person for p in state.parties if p.state is not PartyState.WAITING and p.person}

    def _tell(
        self, tx: Tx, realm: str, line: Line, decision: Decision, event: Event, now: datetime, by: str | None
    ) -> None:
        body, happened_at = record(line, decision, event)
        reason = decision.reason.value
        self._log(tx, realm, line.case_id, line.post, reason, now, by=by, body=body, happened_at=happened_at)
        tx.event(realm, f"callout.{reason}", line.case_id, {**body, "at": format_time(now)})
        tx.audit(
            realm,
            by or "callouts",
            f"callout.{reason}",
            f"{line.case_id}/{line.post}",
            reason=reason,
            body=body,
            happened_at=happened_at,
        )

    def _log(
        self,
        tx: Tx,
        realm: str,
        case_id: str,
        post: str | None,
        kind: str,
        now: datetime,
        *,
        by: str | None = None,
        body: Any = None,
        happened_at: datetime | None = None,
    ) -> None:
        store.add_log(
            tx.conn,
            realm=realm,
            no=tx.next_no(realm, "case_log"),
            case_id=case_id,
            post=post,
            at=now,
            happened_at=happened_at,
            kind=kind,
            by=by,
            body=body or {},
        )

    def active(self, tx: Tx) -> Pack:
        if tx.pack is None:
            raise NotFound("no district pack is active", "尚未启用区县包")
        return self.packs(tx.pack)

    @staticmethod
    def case(conn: Connection, realm: str, case_id: str) -> Any:
        found = store.case(conn, realm, case_id)
        if found is None:
            raise NotFound(f"case {case_id} of realm {realm} does not exist", f"没有叫应案件 {case_id}")
        return found

    @staticmethod
    def line(conn: Connection, realm: str, case_id: str, post: str) -> Line:
        found = store.line(conn, realm, case_id, post)
        if found is None:
            raise NotFound(f"post {post} is not called in case {case_id}", f"案件 {case_id} 未叫应岗位 {post}")
        return found


def covers_of(read: Iterable[Want]) -> list[dict[str, Any]]:
    """What an attempt covers: per line the matters and versions that are read out."""
    covers: dict[tuple[str, str], dict[str, int]] = {}
    for want in read:
        covers.setdefault((want.case_id, want.line_post), {})[want.matter.key] = want.matter.version
    return [{"case_id": c, "post": p, "read": keys} for (c, p), keys in covers.items()]


def _told(line: Line, person: str, matter: LineMatter, now: datetime) -> Want:
    party = line.party_of(person) or line.parties[0]
    return Want(
        person=person,
        case_id=line.case_id,
        line_post=line.post,
        as_post=party.post,
        kind=party.kind,
        matter=matter,
        subject=line.person,
        since=now,
    )


def _persons(callee: Callee) -> set[str]:
    others = (*callee.deputies, *callee.seconds, *callee.superiors, *callee.neighbours)
    return {callee.person, *(h.person for h in others)}
