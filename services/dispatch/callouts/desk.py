"""叫应席 How one line moves and is written down, and how each person it concerns has one ring.

`Callouts` (service) and `Ringing` (worker) stand on it. Whoever is touched hears of it once, when the book is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog

from services.dispatch.callouts import ring as rings
from services.dispatch.callouts.book import Book, LineKey, Unreadable
from services.dispatch.callouts.clocks import Clocks, default_clocks, read_clocks
from services.dispatch.callouts.escalation import due_at, step
from services.dispatch.callouts.events import ActsChanged, Alarm, Attempted, Decision, Event, Reason, StandIn, Text
from services.dispatch.callouts.line import Line, PartyKind, PartyState, Want, wants_of
from services.dispatch.callouts.matter import LineMatter
from services.dispatch.callouts.record import record
from services.dispatch.callouts.stand_in import Acts, acting_of, covers
from services.dispatch.callouts.words import Frame, PackNames, Said, language_of, spoken, texted
from services.dispatch.channels import service as channels
from services.dispatch.channels.carrier import Channel, Result
from services.dispatch.channels.factory import CarrierSpec
from services.dispatch.channels.store import Stored
from services.dispatch.roster.contacts import SMS, VOICE
from shared.db.tx import Tx
from shared.errors import NotFound, Refused
from shared.pack.model import Pack
from shared.realm import format_time, is_exercise

log = structlog.get_logger(__name__)
FILE = "callouts.yaml"


class CallDesk:
    """叫应席: the packs and carriers, and every step that a line or a ring takes."""

    def __init__(self, packs: Callable[[str], Pack], carriers: Sequence[CarrierSpec]) -> None:
        self.packs = packs
        self.carriers = tuple(carriers)
        self.unreadable: dict[LineKey, Unreadable] = {}
        self._clocks: dict[str, Clocks] = {}

    def book(self, tx: Tx, realm: str) -> Book:
        """What this transaction knows of the realm's callouts."""
        return tx.part(
            ("callouts", realm), lambda: Book(tx, realm, lambda: self.active(tx), self.settle, self.unreadable)
        )

    def active(self, tx: Tx) -> Pack:
        if tx.pack is None:
            raise NotFound("no district pack is active", "尚未启用区县包")
        return self.packs(tx.pack)

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

    # -- one line ----------------------------------------------------------------------------------------

    def move(self, book: Book, line: Line, event: Event, now: datetime, *, by: str | None = None) -> Decision:
        """One step of a line; a refused one leaves it as it was and is told by nobody."""
        clocks = self.clocks(book.pack_of(line))
        decision = step(line, event, now, clocks, self.acts(book))
        if not decision.is_refused:
            self.keep(book, line, decision, event, now, by=by)
        return decision

    def keep(
        self, book: Book, before: Line, decision: Decision, event: Event, now: datetime, *, by: str | None = None
    ) -> None:
        """Write the line and why, carry out the effects, touch whoever is to hear something else now."""
        state, clocks = decision.state, self.clocks(book.pack_of(before))
        wanted = book.wants_of(before, lambda: wants_of(before, clocks, now))
        book.put_line(state, due_at(state, clocks, now))
        if decision.reason not in (Reason.NOTHING_DUE, Reason.ATTEMPT_NOTED):
            _tell(book, state, decision, event, now, by)
        for effect in decision.effects:
            if isinstance(effect, Alarm):
                seen = {"case_id": state.case_id, "post": state.post, "what": effect.what, "at": format_time(now)}
                book.tx.event(book.realm, f"alarm.callout_{effect.kind}", state.case_id, seen)
            elif isinstance(effect, Text):
                self.text(book, effect.person, (_told(state, effect.person, effect.matter, now),), now)
            elif isinstance(effect, StandIn):
                number = next(iter(book.reach(state.person).usable(VOICE)), "")
                book.stand_in(effect.person, [_told(state, effect.person, m, now, number) for m in effect.matters])
        if acting_of(before) != acting_of(state):
            book.acts_changed(state.person)
        wants = book.wants_of(state, lambda: wants_of(state, clocks, now))
        book.touch({want.person for want in set(wanted) ^ set(wants)}, now)

    # -- one person, one ring ----------------------------------------------------------------------------

    def wants(self, book: Book, person: str, now: datetime) -> tuple[tuple[Want, ...], Clocks]:
        """All that this person is to hear, over all cases, and the clocks to ring by."""
        found: list[Want] = []
        version = book.tx.pack
        for line, pack in book.lines_of(person):
            version = version or pack
            wants = book.wants_of(line, lambda line=line, pack=pack: wants_of(line, self.clocks(pack), now))  # type: ignore[misc]
            found.extend(want for want in wants if want.person == person)
        return tuple(found), self.clocks(version or self.active(book.tx).version)

    def settle(self, book: Book) -> None:
        """Tell the ring of each person who was touched what they are to hear now."""
        moved = True
        while moved:
            self._ask_anew(book)
            touched = book.take_touched()
            book.load_persons(touched)
            book.load_rings(touched)
            texts = {person: wants for person in sorted(touched) if (wants := self._refresh(book, person))}
            told = book.take_stand_ins()
            book.load_reaches({*texts, *told})
            for person, wants in texts.items():
                self.text(book, person, wants, book.now)
            for person, news in sorted(told.items()):
                self._stand_in(book, person, news)
            moved = bool(touched or told)

    def _ask_anew(self, book: Book) -> None:
        """Who begins to act, or acts no more, stands in by text, or by telephone, on every line that reached them."""
        for person in sorted(book.take_acts_changed()):
            for line, _ in book.lines_of(person):
                party = line.party_of(person)
                called = party is not None and party.state in (PartyState.CALLED, PartyState.TOLD)
                if line.is_open and called and party is not None and party.kind is PartyKind.SUPERIOR:
                    self.move(book, line, ActsChanged(), book.now)

    def _stand_in(self, book: Book, person: str, news: Sequence[Want]) -> None:
        """接替短信 All of it, in as many texts as it needs; what no text can tell is rung for."""
        left = [want for want in news if _is_told(book, want)]
        while left and book.is_running:
            sent = self.text(book, person, left, book.now)
            told = {(c["case_id"], c["post"], key) for c in (sent.covers if sent else ()) for key in c["read"]}
            rest = [want for want in left if (want.case_id, want.line_post, want.matter.key) not in told]
            if len(rest) == len(left):
                break
            left = rest
        for case_id, post in dict.fromkeys((want.case_id, want.line_post) for want in left if book.is_running):
            line = book.line(case_id, post)
            if line is not None:
                failed = Attempted(person=person, result=Result.CARRIER_FAILED, by_text=True)
                self.move(book, line, failed, book.now)

    def acts(self, book: Book) -> Acts:
        """已在行动 Whether a person's own line, over all cases, acts on such a matter, and a text can be sent."""

        def acts(person: str, matter: LineMatter) -> bool:
            own = [m for line, _ in book.lines_of(person) if line.person == person for m in acting_of(line)]
            within = book.is_within
            return any(covers(m, matter, within) for m in own) and bool(book.reach(person).usable(SMS))

        return acts

    def _refresh(self, book: Book, person: str) -> tuple[Want, ...]:
        """What is to be sent as a text, if anything."""
        wants, clocks = self.wants(book, person, book.now)
        state, cause = book.ring(person)
        decision = rings.step(state, rings.Wanted(wants=wants), book.now, clocks)
        if decision.state != state:
            book.put_ring(decision.state, cause)
        return wants if decision.text else ()

    def text(self, book: Book, person: str, wants: Sequence[Want], now: datetime) -> Stored | None:
        """短信 A text with all that is open; nothing where there is no number, no carrier, or the drill was stopped."""
        addresses = book.reach(person).usable(SMS)
        if wants and addresses and book.is_running:
            try:
                return self.attempt(book, Channel.SMS, person, addresses[0], wants, now)
            except Refused as error:
                seen = {"reason": error.reason, "message": error.en}
                book.tx.event(book.realm, "alarm.callout_no_carrier", person, seen)
        return None

    def attempt(
        self, book: Book, channel: Channel, person: str, address: str, wants: Iterable[Want], now: datetime
    ) -> Stored:
        """拟拨 An attempt that says what is wanted; Refused where no carrier takes it, or the drill was stopped."""
        if not book.is_running:
            raise Refused("drill_interrupted", f"nobody is called in {book.realm}", f"演练 {book.realm} 已停止叫应")
        said = self._said(book, channel, person, wants)
        stored = channels.make(
            book.tx,
            book.realm,
            self.carriers,
            channel=channel,
            person=person,
            address=address,
            lang=said.lang,
            text=said.text,
            covers=_covers_of(said.read),
            now=now,
        )
        book.add_attempt(stored)
        if said.unnamed and channel is Channel.VOICE:
            self.text(book, person, said.read, now)  # what the call counts, the text lists
        return stored

    @staticmethod
    def _said(book: Book, channel: Channel, person: str, wants: Iterable[Want]) -> Said:
        compose = spoken if channel is Channel.VOICE else texted
        frame = Frame(
            district=book.pack.district.name_zh,
            exercise=is_exercise(book.realm),
            after_drill=book.was_in_drill(person),
        )
        return compose(wants, PackNames(book.pack), frame, language_of(book.reach(person).languages))


def _tell(book: Book, line: Line, decision: Decision, event: Event, now: datetime, by: str | None) -> None:
    body, happened_at = record(line, decision, event)
    reason = decision.reason.value
    book.log(line.case_id, line.post, reason, now, by=by, body=body, happened_at=happened_at)
    book.tx.event(book.realm, f"callout.{reason}", line.case_id, {**body, "at": format_time(now)})
    book.tx.audit(
        book.realm,
        by or "callouts",
        f"callout.{reason}",
        f"{line.case_id}/{line.post}",
        reason=reason,
        body=body,
        happened_at=happened_at,
    )


def _covers_of(read: Iterable[Want]) -> list[dict[str, Any]]:
    """What an attempt covers: per line the matters and versions that are read out."""
    covers: dict[tuple[str, str], dict[str, int]] = {}
    for want in read:
        covers.setdefault((want.case_id, want.line_post), {})[want.matter.key] = want.matter.version
    return [{"case_id": c, "post": p, "read": keys} for (c, p), keys in covers.items()]


def _is_told(book: Book, want: Want) -> bool:
    """Whether that is still to be told: not answered meanwhile, not rung after all."""
    line = book.line(want.case_id, want.line_post)
    party = line.party_of(want.person) if line is not None and line.is_open else None
    return party is not None and party.state is PartyState.TOLD


def _told(line: Line, person: str, matter: LineMatter, now: datetime, number: str = "") -> Want:
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
        number=number,
    )
