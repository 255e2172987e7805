"""拨叫 What acts by itself: clocks that are due, rings that are due, receipts, masts that are down.

``tick(tx)`` runs in the writer. A ring is written before any carrier is asked (`channels.worker.Sender` asks), and one
line that cannot be handled stops no other: it is named in /readyz until it can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts import store
from services.dispatch.callouts.blackout import Blackout, Unreached, blackouts
from services.dispatch.callouts.book import Book
from services.dispatch.callouts.escalation import due_at
from services.dispatch.callouts.events import Answered, Attempted, Tick
from services.dispatch.callouts.matter import Grade, Via
from services.dispatch.callouts.service import Callouts
from services.dispatch.callouts.store import Held
from services.dispatch.callouts.words import grade_of_key, keys_of_reply
from services.dispatch.channels import service as channels
from services.dispatch.channels.carrier import AttemptState, Channel, Receipt, ReceiptReason, Result
from services.dispatch.channels.store import ANY_OVERDUE, Stored
from services.dispatch.roster import service as roster
from services.dispatch.roster.contacts import SMS, VOICE, ContactChange, Reach
from shared.db.tx import Tx
from shared.errors import Refused, Unavailable
from shared.realm import format_time

log = structlog.get_logger(__name__)

LINES_MAX = 500
RINGS_MAX = 500
ROUNDS_MAX = 20
_ANYTHING_DUE = store.anything_due(or_else=ANY_OVERDUE)
UNREACHED = (Result.UNREACHABLE, Result.CARRIER_FAILED, Result.EXPIRED)


Work = tuple[str, Callable[..., None], tuple[object, ...]]


class Ringing:
    """拨叫: made once beside `Callouts`; ``tick`` for `Frame.every`, ``receipt`` for the route."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts
        self._stuck: dict[str, str] = {}
        self._no_carrier: dict[str, str] = {}

    def probe(self) -> str | None:
        """For /readyz: what could not be handled or called."""
        unreadable = [f"line {'/'.join(key[1:])}: {told.why}" for key, told in tuple(self._callouts.unreadable.items())]
        stuck = [f"{what}: {why}" for what, why in tuple(self._stuck.items())]
        wrong = [*unreadable, *stuck, *tuple(self._no_carrier.values())]
        return "; ".join(wrong[:5]) or None

    # -- the clock ---------------------------------------------------------------------------------------

    def tick(self, tx: Tx) -> None:
        """All realms whose clock runs."""
        for realm in tx.realms.ticking():
            self.tick_realm(tx, realm, tx.domain_now(realm))

    def tick_realm(self, tx: Tx, realm: str, now: datetime) -> None:
        """One realm at ``now``: clocks first, then what fell silent, then rings."""
        if not tx.conn.execute(_ANYTHING_DUE, {"now": now, **channels.patience(tx, realm, now)}).scalar():
            return
        due, lost = self._due(tx, realm, now)
        anew = self._callouts.begin_anew
        self._all(tx, [(f"case {case_id}", anew, (realm, case_id, posts, now)) for case_id, posts in lost])
        self._all(tx, [(f"line {h.line.case_id}/{h.line.post}", self._line_due, (realm, h, now)) for h in due])
        given_up = channels.overdue(tx, realm, now)
        silent = [stored.attempt.person for stored in given_up]
        self._all(
            tx,
            [(f"attempt {s.attempt.attempt_id}", self._silent, (s, now)) for s in given_up],
            lambda: self._load(tx, realm, silent),
        )
        persons = store.due_rings(tx.conn, realm, now, RINGS_MAX)
        self._all(
            tx,
            [(f"ring {person}", self._ring_due, (realm, person, now)) for person in persons],
            lambda: self._load(tx, realm, persons),
        )

    def _due(self, tx: Tx, realm: str, now: datetime) -> tuple[list[Held], list[tuple[str, list[str]]]]:
        """The lines of which a clock is due; and by case the posts of those that cannot be read."""
        book, lost = self._callouts.book(tx, realm), defaultdict[str, list[str]](list)

        def damaged(case_id: str, post: str, text: str, why: str) -> None:
            book.damaged(case_id, post, text, why)
            lost[case_id].append(post)

        return store.held_due(tx.conn, realm, now, LINES_MAX, damaged), list(lost.items())

    def _all(self, tx: Tx, work: list[Work], prepare: Callable[[], None] | None = None) -> None:
        """Everything in one savepoint; where that fails, each in its own, so that one stops no other."""
        if not work:
            return
        try:
            with tx.savepoint():
                if prepare is not None:
                    prepare()
                for _, function, arguments in work:
                    function(tx, *arguments)
        except Unavailable:
            raise
        except Exception:
            log.exception("callouts.one_by_one", pieces=len(work))
            for what, function, arguments in work:
                self._try(tx, what, function, *arguments)
            return
        for what, _, _ in work if self._stuck else ():
            self._stuck.pop(what, None)

    def _try(self, tx: Tx, what: str, function: Callable[..., None], *arguments: object) -> None:
        """In a savepoint: one that fails is logged, shown in /readyz and stops no other."""
        try:
            with tx.savepoint():
                function(tx, *arguments)
        except Unavailable:
            raise
        except Exception as error:
            self._stuck[what] = f"{type(error).__name__}: {error}"[:300]
            log.exception("callouts.stuck", what=what)
            return
        self._stuck.pop(what, None)

    def _line_due(self, tx: Tx, realm: str, held: Held, now: datetime) -> None:
        """All clocks of a line that are due: after a standstill several in a row."""
        callouts, book = self._callouts, self._callouts.book(tx, realm)
        book.enter([held])
        clocks = callouts.clocks(held.pack)
        for _ in range(ROUNDS_MAX):
            line = book.line(held.line.case_id, held.line.post) or held.line
            callouts.move(book, line, Tick(), now)
            moved = book.line(line.case_id, line.post) or line
            due = due_at(moved, clocks, now)
            if due is None or due > now:
                break

    def _silent(self, tx: Tx, stored: Stored, now: datetime) -> None:
        given_up = channels.give_up(stored, now)
        self._callouts.book(tx, stored.realm).save_attempt(given_up.attempt)
        self.attempt_ended(tx, given_up, now)

    def _load(self, tx: Tx, realm: str, persons: list[str]) -> None:
        """All that these people's rings need, in a few questions."""
        book = self._callouts.book(tx, realm)
        book.load_rings(persons)
        book.load_persons(persons)
        book.load_reaches(persons)

    # -- rings -------------------------------------------------------------------------------------------

    def _ring_due(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        callouts, book = self._callouts, self._callouts.book(tx, realm)
        state, cause = book.ring(person)
        wants, clocks = callouts.wants(book, person, now)
        due = tuple(w for w in wants if w.since <= now)
        if not due:
            moved = rings.step(state, rings.Wanted(wants=wants), now, clocks).state
            book.put_ring(replace(moved, next_at=min((w.since for w in wants), default=None)), cause)
            return
        if self._waits_for_mast(book, person):
            book.put_ring(rings.step(state, rings.MastDown(), now, clocks).state, cause)
            return
        reach = book.reach(person)
        if not reach.is_callable:
            callouts.contact_lost(tx, realm, person, now)
            return
        channel, address = _next_address(reach, state.tries)
        if channel is Channel.VOICE and book.is_ringing(address):
            book.put_ring(rings.step(state, rings.LineTaken(), now, clocks).state, cause)
            return
        try:
            stored = callouts.attempt(book, channel, person, address, due, now)
        except Refused as error:
            self._without_carrier(tx, realm, person, error)
            book.put_ring(rings.step(state, rings.LineTaken(), now, clocks).state, cause)
            return
        self._no_carrier.pop(realm, None)
        attempt_id = stored.attempt.attempt_id
        book.put_ring(rings.step(state, rings.Started(attempt_id=attempt_id, wants=due), now, clocks).state, cause)
        seen = {"person": person, "attempt_id": attempt_id, "channel": channel.value}
        tx.event(realm, "callout.attempt", person, {**seen, "cases": stored.covers, "at": format_time(now)})

    def _without_carrier(self, tx: Tx, realm: str, person: str, error: Refused) -> None:
        """Nobody can be called at all: that is the duty room's alarm, and no person's fault."""
        if realm not in self._no_carrier:
            tx.event(realm, "alarm.callout_no_carrier", person, {"reason": error.reason, "message": error.en})
        self._no_carrier[realm] = f"realm {realm}: {error.en}"

    # -- masts -------------------------------------------------------------------------------------------

    @staticmethod
    def _waits_for_mast(book: Book, person: str) -> bool:
        """Whether another phone of the same mast is being tried for all."""
        return any(person in row.persons[1:] for row in book.blackouts())

    def _note_mast(self, tx: Tx, realm: str, person: str, result: Result, now: datetime) -> None:
        book = self._callouts.book(tx, realm)
        if result is Result.UNREACHABLE:
            book.flush()  # those who cannot be reached are counted in the store
            for found in self._blackouts(tx, realm):
                self._keep_blackout(tx, realm, found)
            book.forget_blackouts()
        elif result not in UNREACHED:
            for row in book.blackouts():
                if person in row.persons:
                    self._mast_up(tx, realm, row.no, row.place, row.persons, now)

    def _blackouts(self, tx: Tx, realm: str) -> tuple[Blackout, ...]:
        pack = self._callouts.active(tx)
        phones = [
            Unreached(person=r.person, region=r.region, at=r.ended_at, cause=r.last_cause)
            for r in store.unreachable(tx.conn, realm)
        ]
        return blackouts(phones, {phone.region: pack.township_of(phone.region) for phone in phones})

    def _keep_blackout(self, tx: Tx, realm: str, found: Blackout) -> None:
        held = next((r for r in store.open_blackouts(tx.conn, realm) if r.place == found.place), None)
        if held is None:
            no = tx.next_no(realm, "blackout")
            store.add_blackout(
                tx.conn,
                realm=realm,
                no=no,
                place=found.place,
                persons=list(found.persons),
                regions=list(found.regions),
                since=found.since,
            )
            body = {
                "place": found.place,
                "persons": list(found.persons),
                "regions": list(found.regions),
                "since": format_time(found.since),
            }
            tx.event(realm, "alarm.callout_blackout", found.place, body)
            tx.audit(realm, "callouts", "callout.blackout", found.place, reason="unreachable_by_one_cause", body=body)
            return
        more = [person for person in found.persons if person not in held.persons]
        if more:
            store.save_blackout(tx.conn, realm, held.no, persons=[*held.persons, *more])

    def _mast_up(self, tx: Tx, realm: str, no: int, place: str, persons: list[str], now: datetime) -> None:
        book = self._callouts.book(tx, realm)
        store.save_blackout(tx.conn, realm, no, ended_at=now)
        book.forget_blackouts()
        tx.event(realm, "callout.blackout_over", place, {"place": place, "at": format_time(now)})
        for person in persons:
            state, _ = book.ring(person)
            _, clocks = self._callouts.wants(book, person, now)
            moved = rings.step(state, rings.MastUp(), now, clocks)
            if not moved.is_refused:
                book.put_ring(moved.state, None)

    # -- receipts ----------------------------------------------------------------------------------------

    def receipt(self, tx: Tx, realm: str, attempt_id: str, receipt: Receipt, now: datetime) -> ReceiptReason:
        """回执 What the carrier tells: progress, keys, how it ended. An old one changes nothing."""
        before, decision = channels.apply_receipt(tx, realm, attempt_id, receipt, now)
        if decision.is_refused:
            return decision.reason
        after = replace(before, attempt=decision.state)
        attempt = decision.state
        via = Via.KEYPAD if attempt.channel is Channel.VOICE else Via.SMS
        keys = decision.new_keys if via is Via.KEYPAD else keys_of_reply(decision.new_keys)
        ended_now = attempt.state is AttemptState.ENDED and before.attempt.state is not AttemptState.ENDED
        if ended_now and attempt.result is Result.HEARD:
            self._answered(tx, realm, after, Grade.HEARD, via, now)
        for key in keys:
            grade = grade_of_key(key)
            if grade is not None:
                self._answered(tx, realm, after, grade, via, now)
        if ended_now:
            self.attempt_ended(tx, after, now)
        return decision.reason

    def _answered(self, tx: Tx, realm: str, stored: Stored, grade: Grade, via: Via, now: datetime) -> None:
        """One key answers all that was read out, over all cases."""
        person = stored.attempt.person
        if grade is Grade.WRONG_PERSON:
            asked = {(cover["case_id"], cover["post"]) for cover in stored.covers}
            wrong = Answered(person=person, grade=grade, via=via, by=f"attempt:{stored.attempt.attempt_id}")
            self._callouts.wrong_person(tx, realm, wrong, [stored.attempt.address], asked, now)
            return
        book = self._callouts.book(tx, realm)
        for cover in stored.covers:
            line = book.line(cover["case_id"], cover["post"])
            if line is not None:
                event = Answered(person=person, grade=grade, via=via, read=dict(cover["read"]))
                self._callouts.move(book, line, event, now, by=person)
        book.touch({person}, now)

    def attempt_ended(self, tx: Tx, stored: Stored, now: datetime) -> None:
        """拨叫结束 The ring is free again; each line notes how it ended. So too when the carrier failed."""
        realm, attempt = stored.realm, stored.attempt
        book, person = self._callouts.book(tx, realm), attempt.person
        self._callouts.settle(book)  # what was answered in this call is no longer wanted when it ends
        result = attempt.result or Result.EXPIRED
        for cover in stored.covers if result is not Result.WITHDRAWN else ():
            line = book.line(cover["case_id"], cover["post"])
            if line is not None:
                by_text = attempt.channel is Channel.SMS
                self._callouts.move(book, line, Attempted(person=person, result=result, by_text=by_text), now)
        if result is Result.BAD_NUMBER:
            self._bad_number(tx, realm, person, attempt.address, now)
        self._free(book, attempt.attempt_id, person, result, attempt.cause, now)
        if result is not Result.WITHDRAWN:
            self._note_mast(tx, realm, person, result, now)
        seen = {"person": person, "attempt_id": attempt.attempt_id, "result": result.value, "at": format_time(now)}
        tx.event(realm, "callout.attempt_ended", person, {**seen, "cause": attempt.cause})

    def _free(self, book: Book, attempt_id: str, person: str, result: Result, cause: str | None, now: datetime) -> None:
        wants, clocks = self._callouts.wants(book, person, now)
        state, _ = book.ring(person)
        decision = rings.step(state, rings.Ended(attempt_id=attempt_id, result=result, wants=wants), now, clocks)
        if decision.is_refused:
            return
        book.put_ring(decision.state, cause)
        if decision.text:
            self._callouts.text(book, person, wants, now)

    def withdraw(self, tx: Tx, stored: Stored, now: datetime) -> bool:
        """撤回 A ring that no carrier was asked for and nobody wants any more is not sent; False when it is wanted."""
        wants, _ = self._callouts.wants(self._callouts.book(tx, stored.realm), stored.attempt.person, now)
        withdrawn = None if wants else channels.withdraw(tx, stored.realm, stored.attempt.attempt_id, now)
        if withdrawn is None:
            return False
        self.attempt_ended(tx, withdrawn, now)
        return True

    def _bad_number(self, tx: Tx, realm: str, person: str, address: str, now: datetime) -> None:
        book = self._callouts.book(tx, realm)
        roster.strike(tx, realm, person, [address], ContactChange.BAD_NUMBER, by="carrier", now=now)
        book.forget_reach(person)
        if not book.reach(person).is_callable:
            self._callouts.contact_lost(tx, realm, person, now)


def is_wanted(conn: Connection, stored: Stored) -> bool:
    """仍需呼叫 Whether who is about to be rung is still to hear of anything; texts and what is no matter always are."""
    if stored.attempt.channel is not Channel.VOICE or not stored.covers:
        return True
    return bool(store.ring(conn, stored.realm, stored.attempt.person).known)


def _next_address(reach: Reach, tries: int) -> tuple[Channel, str]:
    """Voice numbers in turn; a person who has none is called by text."""
    for channel in (VOICE, SMS):
        addresses = reach.usable(channel)
        if addresses:
            return Channel(channel), addresses[tries % len(addresses)]
    raise AssertionError("reach.is_callable was asked before")
