"""叫应用例 Cases open, join and end matters; answers, findings and contacts move lines.

`Callouts` is made once by ``main``. Everything takes the one write transaction and the realm's ``now``; what it reads
and changes stands in the transaction's `book.Book` and is written when that ends.

    case_id = callouts.open_case(tx, realm, incident_id, matter, now)    # or joins the incident's open case
    callouts.join_matter(tx, realm, case_id, matter, now)                # each later version: up, down, confirmed, over
    callouts.end_matter(tx, realm, case_id, matter_id, now)
    callouts.close_case(tx, realm, case_id, by, now)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from services.dispatch.callouts import store
from services.dispatch.callouts.book import Book
from services.dispatch.callouts.desk import CallDesk
from services.dispatch.callouts.escalation import step
from services.dispatch.callouts.events import (
    Answered,
    Close,
    ContactFound,
    ContactLost,
    Decision,
    Event,
    MatterEnded,
    MatterJoined,
)
from services.dispatch.callouts.line import Line, PartyState, new_line
from services.dispatch.callouts.matter import Grade, Matter, Purpose, Via
from services.dispatch.callouts.plan import Plan, plan
from services.dispatch.callouts.store import Case
from services.dispatch.channels.store import last_address as last_address_of
from services.dispatch.roster import service as roster
from services.dispatch.roster.contacts import SMS, VOICE, ContactChange
from services.dispatch.roster.who import Callee, Gap
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused
from shared.realm import format_time
from shared.vocabulary import Level


class Callouts(CallDesk):
    """叫应: the use cases, with the packs and carriers that they need."""

    # -- cases -------------------------------------------------------------------------------------------

    def case_for(self, tx: Tx, realm: str, incident_id: str, now: datetime, pack: str | None = None) -> str:
        """开案 The incident's case, opened if there is none yet."""
        book = self.book(tx, realm)
        held = book.case_of_incident(incident_id)
        if held is not None:
            return held.case_id
        no = tx.next_no(realm, "case")
        case_id = f"C-{no:04d}"
        book.add_case(
            Case(
                case_id=case_id,
                no=no,
                incident_id=incident_id,
                pack=pack or self.active(tx).version,
                state="open",
                opened_at=now,
                version=1,
            )
        )
        book.log(case_id, None, "case_opened", now, body={"incident_id": incident_id})
        return case_id

    def open_case(self, tx: Tx, realm: str, incident_id: str, matter: Matter, now: datetime) -> str:
        """开案 The incident's case with this matter in it. Returns the case id."""
        case_id = self.case_for(tx, realm, incident_id, now, matter.pack)
        self.join_matter(tx, realm, case_id, matter, now)
        return case_id

    def join_matter(self, tx: Tx, realm: str, case_id: str, matter: Matter, now: datetime) -> bool:
        """入案 One version of a matter: new, worse, calmer, confirmed, refuted or over. False when it is not news."""
        book = self.book(tx, realm)
        case = book.case(case_id)
        held = book.matters(case_id).get(matter.matter_id)
        if held is not None and not _is_news(matter, held[0]):
            return False
        over = matter.level is Level.NORMAL
        book.put_matter(case_id, matter, now if over else None)
        if matter.entered_late:
            body = {"matter_id": matter.matter_id, "level": matter.level.value}
            book.log(case_id, None, "matter_entered_late", now, body=body, happened_at=matter.happened_at)
            return True
        pack, clocks = self.packs(case.pack), self.clocks(case.pack)
        self._follow(book, case_id, plan(matter, pack, clocks, book.lines(case_id), now), now)
        lives = any(ended is None for _, ended in book.matters(case_id).values())
        book.change_case(case_id, state="open" if lives else "closed", closed_at=None if lives else now)
        return True

    upgrade = join_matter

    def matter(self, tx: Tx, realm: str, case_id: str, matter_id: str) -> Matter | None:
        """A matter as it stands; None where there is none or it is over."""
        held = self.book(tx, realm).matters(case_id).get(matter_id)
        return held[0] if held is not None and held[1] is None else None

    def standing(self, tx: Tx, realm: str, case_id: str, prefix: str) -> list[str]:
        """The matters of a case that are not over and whose ids begin so."""
        held = self.book(tx, realm).matters(case_id).items()
        return sorted(key for key, (_, ended_at) in held if ended_at is None and key.startswith(prefix))

    def last_version(self, tx: Tx, realm: str, case_id: str, matter_id: str) -> int:
        """The version that was last known of a matter, also of one that is over; 0 of one that never was."""
        held = self.book(tx, realm).matters(case_id).get(matter_id)
        return held[0].version if held else 0

    def is_answered(self, tx: Tx, realm: str, case_id: str, post: str) -> bool:
        """Whether the post's line rings nobody any more."""
        line = self.book(tx, realm).line(case_id, post)
        return line is not None and not line.is_open

    def note_gap(self, tx: Tx, realm: str, case_id: str, gap: Gap, now: datetime) -> None:
        """缺口 Somebody should be called and there is nobody: shown on the board, an alarm, once."""
        self._keep_gaps(self.book(tx, realm), case_id, (gap,), now)

    def end_matter(self, tx: Tx, realm: str, case_id: str, matter_id: str, now: datetime) -> bool:
        """事项结束 All is signed, the door open: nobody is called for it any more."""
        held = self.matter(tx, realm, case_id, matter_id)
        if held is None:
            return False
        over = replace(held, version=held.version + 1, level=Level.NORMAL, confirmed_level=Level.NORMAL)
        return self.join_matter(tx, realm, case_id, over, now)

    def close_case(self, tx: Tx, realm: str, case_id: str, by: str, now: datetime) -> None:
        """结案 All calling of the case ends; a new version of a matter would open it again."""
        book = self.book(tx, realm)
        for line in book.lines(case_id).values():
            self.move(book, line, Close(), now, by=by)
        book.change_case(case_id, state="closed", closed_at=now)
        book.log(case_id, None, "case_closed", now, by=by)

    def begin_anew(self, tx: Tx, realm: str, case_id: str, posts: Iterable[str], now: datetime) -> None:
        """重新叫应 Lines that cannot be read: who is still to be called is called again, answered before or not."""
        book, wanted = self.book(tx, realm), set(posts)
        case = book.case(case_id)
        pack, clocks = self.packs(case.pack), self.clocks(case.pack)
        for matter, ended_at in tuple(book.matters(case_id).values()) if case.state == "open" else ():
            if ended_at is None and not matter.entered_late:
                planned = plan(matter, pack, clocks, book.lines(case_id), now)
                mine = tuple((callee, each) for callee, each in planned.joins if callee.post in wanted)
                self._follow(book, case_id, Plan(joins=mine), now)
        begun = wanted & book.lines(case_id).keys()
        for post in sorted(wanted - begun):  # the case is over, or nobody is called at that post any more
            store.set_due(tx.conn, realm, case_id, post, None)
        for post in sorted(begun):
            book.log(case_id, post, "line_begun_anew", now, body={"reason": "unreadable"})
            tx.audit(realm, "callouts", "callout.begin_anew", f"{case_id}/{post}", reason="unreadable")

    def _follow(self, book: Book, case_id: str, planned: Plan, now: datetime) -> None:
        held = book.lines(case_id)
        fresh = [callee for callee, _ in planned.joins if callee.post not in held]
        everybody = {person for callee in fresh for person in _persons(callee)}
        book.load_reaches(everybody)
        mute = frozenset(person for person in everybody if not book.reach(person).is_callable)
        for callee, matter in planned.joins:
            line = book.line(case_id, callee.post) or new_line(case_id, callee, now, mute)
            self.move(book, line, MatterJoined(matter=matter), now)
        for post, key in planned.ends:
            line = book.line(case_id, post) or held[post]
            self.move(book, line, MatterEnded(key=key), now)
        self._keep_gaps(book, case_id, planned.gaps, now)

    @staticmethod
    def _keep_gaps(book: Book, case_id: str, gaps: Iterable[Gap], now: datetime) -> None:
        held = book.case(case_id).gaps
        new = [gap for gap in ({"reason": g.reason.value, "what": g.what} for g in gaps) if gap not in held]
        if not new:
            return
        book.change_case(case_id, gaps=[*held, *new])
        for gap in new:
            book.log(case_id, None, "gap", now, body=gap)
            book.tx.event(book.realm, "alarm.callout_gap", case_id, {**gap, "at": format_time(now)})

    # -- answers -----------------------------------------------------------------------------------------

    def answer(self, tx: Tx, realm: str, case_id: str, post: str, answered: Answered, now: datetime) -> Decision:
        """答复 An answer typed in, by its giver or on behalf. Refused with its reason when it cannot count."""
        book = self.book(tx, realm)
        line = self._line(book, case_id, post)
        decision = step(line, answered, now, self.clocks(book.pack_of(line)), self.acts(book))
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
            reach = book.reach(answered.person)
            addresses = [last] if last else [*reach.usable(VOICE), *reach.usable(SMS)]
            self.wrong_person(tx, realm, answered, addresses, {(case_id, post)}, now)
        else:
            self.keep(book, line, decision, answered, now, by=answered.by or answered.person)
        return replace(decision, state=self._line(book, case_id, post))

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
        book, person = self.book(tx, realm), answered.person
        by = answered.by or f"via:{answered.via}"
        roster.strike(tx, realm, person, addresses, ContactChange.WRONG_PERSON, by=by, now=now)
        book.forget_reach(person)
        left = book.reach(person).is_callable
        for line, _ in book.lines_of(person):
            if (line.case_id, line.post) in asked:
                event: Event = replace(answered, reachable_otherwise=left)
            elif left:
                continue
            else:
                event = ContactLost(person=person, state=PartyState.STRUCK, entered_late=answered.entered_late)
            self.move(book, line, event, now, by=answered.by)
        book.touch({person}, now)

    def contact_lost(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        """无联系方式 No number is left: on every line whoever comes next comes at once."""
        book = self.book(tx, realm)
        for line, _ in book.lines_of(person):
            self.move(book, line, ContactLost(person=person, state=PartyState.NO_CONTACT), now)
        book.touch({person}, now)

    def contact_found(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        """补上号码 Whoever could not be called is called now, on every line."""
        book = self.book(tx, realm)
        book.forget_reach(person)
        for line, _ in book.lines_of(person):
            self.move(book, line, ContactFound(person=person), now)
        book.touch({person}, now)

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
        book = self.book(tx, realm)
        held = book.matters(case_id).get(trip_id)
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
            "level": held[0].level.value,
            "verdict": verdict,
            "by": by,
            "ground": ground,
            "happened_at": format_time(happened_at or now),
        }
        tx.emit("warning", realm, "finding", trip_id, body, pack=held[0].pack)
        book.log(case_id, by.get("post"), "finding", now, by=actor, body=body, happened_at=happened_at)
        tx.event(realm, "callout.finding", case_id, body)
        tx.audit(realm, actor, "callout.finding", trip_id, reason=verdict, body=body, happened_at=happened_at)
        self._looked(book, case_id, f"{trip_id}#{Purpose.VERIFY}", by["person"], now, happened_at)
        return body

    def _looked(
        self, book: Book, case_id: str, key: str, person: str, now: datetime, happened_at: datetime | None
    ) -> None:
        """Who brought the finding has answered "go and look"."""
        for line in book.lines(case_id).values():
            read = {m.key: m.version for m in line.matters if m.key == key}
            if read and line.party_of(person):
                went = Answered(person=person, grade=Grade.ACTING, via=Via.APP, read=read, happened_at=happened_at)
                self.move(book, line, went, now)

    @staticmethod
    def _line(book: Book, case_id: str, post: str) -> Line:
        book.case(case_id)
        found = book.line(case_id, post)
        if found is None:
            raise NotFound(f"post {post} is not called in case {case_id}", f"案件 {case_id} 未叫应岗位 {post}")
        return found


def _is_news(matter: Matter, held: Matter) -> bool:
    """A later version; or the same one, of which less is left to sign."""
    return matter.version > held.version or (matter.version == held.version and set(matter.orders) < set(held.orders))


def _persons(callee: Callee) -> set[str]:
    others = (*callee.deputies, *callee.seconds, *callee.superiors, *callee.neighbours)
    return {callee.person, *(h.person for h in others)}
