"""拨叫 What acts by itself: clocks that are due, rings that are due, receipts, masts that are down.

``tick(tx)`` runs in the writer. A ring is written before any carrier is asked (`channels.worker.Sender` asks), and one
line that cannot be handled stops no other: it is named in /readyz until it can.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts import store
from services.dispatch.callouts.blackout import Blackout, Unreached, blackouts
from services.dispatch.callouts.events import Answered, Attempted, ContactLost, Tick
from services.dispatch.callouts.line import PartyState
from services.dispatch.callouts.matter import Grade, Via
from services.dispatch.callouts.service import Callouts, covers_of
from services.dispatch.callouts.words import PackNames, grade_of_key, keys_of_reply, language_of, spoken, texted
from services.dispatch.channels import service as channels
from services.dispatch.channels.carrier import AttemptState, Channel, Receipt, ReceiptReason, Result
from services.dispatch.channels.store import Stored, live_address
from services.dispatch.roster import service as roster
from services.dispatch.roster.contacts import SMS, VOICE, ContactChange, Reach
from shared.db.tx import Tx
from shared.errors import Refused, Unavailable
from shared.realm import format_time, is_exercise

log = structlog.get_logger(__name__)

LINES_MAX = 500
RINGS_MAX = 500
ROUNDS_MAX = 20
UNREACHED = (Result.UNREACHABLE, Result.CARRIER_FAILED, Result.EXPIRED)


class Ringing:
    """拨叫: made once beside `Callouts`; ``tick`` for `Frame.every`, ``receipt`` for the route."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts
        self._stuck: dict[str, str] = {}
        self._no_carrier: dict[str, str] = {}

    def probe(self) -> str | None:
        """For /readyz: what could not be handled or called."""
        wrong = [*(f"{what}: {why}" for what, why in self._stuck.items()), *self._no_carrier.values()]
        return "; ".join(wrong[:5]) or None

    # -- the clock ---------------------------------------------------------------------------------------

    def tick(self, tx: Tx) -> None:
        """All realms whose clock runs."""
        for realm in tx.realms.ticking():
            self.tick_realm(tx, realm, tx.domain_now(realm))

    def tick_realm(self, tx: Tx, realm: str, now: datetime) -> None:
        """One realm at ``now``: clocks first, then what fell silent, then rings."""
        for _ in range(ROUNDS_MAX):
            due = store.due_lines(tx.conn, realm, now, LINES_MAX)
            done = [self._try(tx, f"line {c}/{p}", self._line_due, realm, c, p, now) for c, p in due]
            if not any(done):
                break
        for stored in channels.give_up(tx, realm, now):
            self._try(tx, f"attempt {stored.attempt.attempt_id}", self._given_up, stored, now)
        for person in store.due_rings(tx.conn, realm, now, RINGS_MAX):
            self._try(tx, f"ring {person}", self._ring_due, realm, person, now)

    def _try(self, tx: Tx, what: str, function: Callable[..., None], *arguments: object) -> bool:
        """In a savepoint: one that fails is logged, shown in /readyz and stops no other."""
        try:
            with tx.conn.begin_nested():
                function(tx, *arguments)
        except Unavailable:
            raise
        except Exception as error:
            self._stuck[what] = f"{type(error).__name__}: {error}"[:300]
            log.exception("callouts.stuck", what=what)
            return False
        self._stuck.pop(what, None)
        return True

    def _line_due(self, tx: Tx, realm: str, case_id: str, post: str, now: datetime) -> None:
        self._callouts.tick_line(tx, realm, case_id, post, Tick(), now)

    def _given_up(self, tx: Tx, stored: Stored, now: datetime) -> None:
        self.attempt_ended(tx, stored, now)

    # -- rings -------------------------------------------------------------------------------------------

    def _ring_due(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        callouts = self._callouts
        pack = callouts.active(tx)
        state = store.ring(tx.conn, realm, person)
        wants, clocks = callouts.wants(tx, realm, person, now)
        due = tuple(w for w in wants if w.since <= now)
        cause = store.ring_cause(tx.conn, realm, person)
        if not due:
            moved = rings.step(state, rings.Wanted(wants=wants), now, clocks)
            callouts.save_ring(
                tx, realm, replace(moved.state, next_at=min((w.since for w in wants), default=None)), cause
            )
            return
        if self._waits_for_mast(tx, realm, person):
            callouts.save_ring(tx, realm, rings.step(state, rings.MastDown(), now, clocks).state, cause)
            return
        reach = roster.reach(tx.conn, realm, pack, person)
        if not reach.is_callable:
            self._unreachable_by_phone(tx, realm, person, now)
            return
        channel, address = _next_address(reach, state.tries)
        if channel is Channel.VOICE and live_address(tx.conn, realm, address):
            callouts.save_ring(tx, realm, rings.step(state, rings.LineTaken(), now, clocks).state, cause)
            return
        compose = spoken if channel is Channel.VOICE else texted
        said = compose(
            due,
            PackNames(pack),
            district=pack.district.name_zh,
            exercise=is_exercise(realm),
            lang=language_of(reach.languages),
        )
        try:
            stored = channels.queue(
                tx,
                realm,
                callouts.carriers,
                channel=channel,
                person=person,
                address=address,
                lang=said.lang,
                text=said.text,
                covers=covers_of(said.read),
                now=now,
            )
        except Refused as error:
            self._without_carrier(tx, realm, person, error)
            callouts.save_ring(tx, realm, rings.step(state, rings.LineTaken(), now, clocks).state, cause)
            return
        self._no_carrier.pop(realm, None)
        started = rings.step(state, rings.Started(attempt_id=stored.attempt.attempt_id, wants=due), now, clocks)
        callouts.save_ring(tx, realm, started.state, cause)
        seen = {"person": person, "attempt_id": stored.attempt.attempt_id, "channel": channel.value}
        tx.event(realm, "callout.attempt", person, {**seen, "cases": stored.covers, "at": format_time(now)})

    def _unreachable_by_phone(self, tx: Tx, realm: str, person: str, now: datetime) -> None:
        touched = {person}
        for line, version in store.lines_of_person(tx.conn, realm, person):
            lost = ContactLost(person=person, state=PartyState.NO_CONTACT)
            touched |= self._callouts.move(tx, realm, line, lost, now, self._callouts.clocks(version))
        self._callouts.refresh(tx, realm, touched, now)

    def _without_carrier(self, tx: Tx, realm: str, person: str, error: Refused) -> None:
        """Nobody can be called at all: that is the duty room's alarm, and no person's fault."""
        if realm not in self._no_carrier:
            tx.event(realm, "alarm.callout_no_carrier", person, {"reason": error.reason, "message": error.en})
        self._no_carrier[realm] = f"realm {realm}: {error.en}"

    # -- masts -------------------------------------------------------------------------------------------

    def _waits_for_mast(self, tx: Tx, realm: str, person: str) -> bool:
        """Whether another phone of the same mast is being tried for all."""
        return any(person in row.persons[1:] for row in store.open_blackouts(tx.conn, realm))

    def _note_mast(self, tx: Tx, realm: str, person: str, result: Result, now: datetime) -> None:
        if result is Result.UNREACHABLE:
            for found in self._blackouts(tx, realm):
                self._keep_blackout(tx, realm, found)
        elif result not in UNREACHED:
            for row in store.open_blackouts(tx.conn, realm):
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
        store.save_blackout(tx.conn, realm, no, ended_at=now)
        tx.event(realm, "callout.blackout_over", place, {"place": place, "at": format_time(now)})
        for person in persons:
            state = store.ring(tx.conn, realm, person)
            _, clocks = self._callouts.wants(tx, realm, person, now)
            moved = rings.step(state, rings.MastUp(), now, clocks)
            if not moved.is_refused:
                self._callouts.save_ring(tx, realm, moved.state, None)

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
        touched = {person}
        for cover in stored.covers:
            line = store.line(tx.conn, realm, cover["case_id"], cover["post"])
            if line is not None:
                event = Answered(person=person, grade=grade, via=via, read=dict(cover["read"]))
                clocks = self._callouts.clocks(self._callouts.case(tx.conn, realm, line.case_id).pack)
                touched |= self._callouts.move(tx, realm, line, event, now, clocks, by=person)
        self._callouts.refresh(tx, realm, touched, now)

    def attempt_ended(self, tx: Tx, stored: Stored, now: datetime) -> None:
        """拨叫结束 The ring is free again; each line notes how it ended. So too when the carrier failed."""
        realm, attempt = stored.realm, stored.attempt
        result = attempt.result or Result.EXPIRED
        for cover in stored.covers:
            line = store.line(tx.conn, realm, cover["case_id"], cover["post"])
            if line is not None:
                clocks = self._callouts.clocks(self._callouts.case(tx.conn, realm, line.case_id).pack)
                self._callouts.move(tx, realm, line, Attempted(person=attempt.person, result=result), now, clocks)
        if result is Result.BAD_NUMBER:
            self._bad_number(tx, realm, attempt.person, attempt.address, now)
        wants, clocks = self._callouts.wants(tx, realm, attempt.person, now)
        state = store.ring(tx.conn, realm, attempt.person)
        decision = rings.step(
            state, rings.Ended(attempt_id=attempt.attempt_id, result=result, wants=wants), now, clocks
        )
        if not decision.is_refused:
            self._callouts.save_ring(tx, realm, decision.state, attempt.cause)
            if decision.text:
                self._callouts.text(tx, realm, attempt.person, wants, now)
        self._note_mast(tx, realm, attempt.person, result, now)
        seen = {
            "person": attempt.person,
            "attempt_id": attempt.attempt_id,
            "result": result.value,
            "at": format_time(now),
        }
        tx.event(realm, "callout.attempt_ended", attempt.person, {**seen, "cause": attempt.cause})

    def _bad_number(self, tx: Tx, realm: str, person: str, address: str, now: datetime) -> None:
        roster.strike(tx, realm, person, [address], ContactChange.BAD_NUMBER, by="carrier", now=now)
        if roster.reach(tx.conn, realm, self._callouts.active(tx), person).is_callable:
            return
        touched = {person}
        for line, version in store.lines_of_person(tx.conn, realm, person):
            lost = ContactLost(person=person, state=PartyState.NO_CONTACT)
            touched |= self._callouts.move(tx, realm, line, lost, now, self._callouts.clocks(version))
        self._callouts.refresh(tx, realm, touched - {person}, now)


def _next_address(reach: Reach, tries: int) -> tuple[Channel, str]:
    """Voice numbers in turn; a person who has none is called by text."""
    for channel in (VOICE, SMS):
        addresses = reach.usable(channel)
        if addresses:
            return Channel(channel), addresses[tries % len(addresses)]
    raise AssertionError("reach.is_callable was asked before")
