"""叫应簿 What one transaction has read and changed of a realm's callouts; written at once when it ends.

A red trip moves hundreds of lines and rings hundreds of people. Each line, ring and contact is read once, moved in
memory, and written with all others; and whoever is touched, however often, has one ring that is told once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from services.dispatch.callouts import case_log, store
from services.dispatch.callouts.line import Line, LineStatus, Want
from services.dispatch.callouts.matter import Matter
from services.dispatch.callouts.ring import Ring
from services.dispatch.callouts.store import Case, Held
from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import Attempt
from services.dispatch.channels.store import Stored
from services.dispatch.roster import service as roster
from services.dispatch.roster.contacts import Reach
from services.dispatch.roster.place import place_of
from services.dispatch.roster.register import register_of
from shared.db.tx import Tx
from shared.errors import NotFound
from shared.pack.model import Pack
from shared.realm import Interruption, format_time

log = structlog.get_logger(__name__)
Key = tuple[str, str]  # case, post
LineKey = tuple[str, str, str]  # realm, case, post
DRILL_REMEMBERED = timedelta(hours=2)  # for so long a real call says that the drill is over


@dataclass
class _Entry:
    """One line as it stands now; ``is_open`` as the store has it, None while it is not there."""

    line: Line
    no: int
    pack: str
    is_open: bool | None
    due_at: datetime | None = None
    dirty: bool = False
    wants: tuple[Want, ...] | None = None


@dataclass
class Unreadable:
    """坏行 Why a line cannot be read, and the transaction that told of it: none once that is committed."""

    why: str
    tx: Tx | None

    def keep(self) -> None:
        self.tx = None


class Book:
    """叫应簿: of one realm, for one savepoint (`Tx.part`); ``settle`` tells the rings of those touched."""

    def __init__(
        self,
        tx: Tx,
        realm: str,
        pack: Callable[[], Pack],
        settle: Callable[[Book], None],
        unreadable: dict[LineKey, Unreadable],
    ) -> None:
        self.tx, self.realm, self._unreadable = tx, realm, unreadable
        self.now: datetime = tx.domain_now(realm)
        self._pack, self._settle = pack, settle
        self._cases: dict[str, Case] = {}
        self._matters: dict[str, dict[str, tuple[Matter, datetime | None]]] = {}
        self._entries: dict[Key, _Entry] = {}
        self._of_person: dict[str, set[Key]] = {}
        self._rings: dict[str, tuple[Ring, str | None]] = {}
        self._reaches: dict[str, Reach] = {}
        self._whole_cases: set[str] = set()
        self._whole_persons: set[str] = set()
        self._touched: set[str] = set()
        self._acts_changed: set[str] = set()
        self._stand_ins: dict[str, list[Want]] = {}
        self._dirty_cases: set[str] = set()
        self._dirty_matters: set[Key] = set()
        self._dirty_rings: set[str] = set()
        self._attempts: list[Stored] = []
        self._moved_attempts: list[Attempt] = []
        self._logs: list[dict[str, Any]] = []
        self._live: dict[str, str] | None = None
        self._blackouts: list[Row[Any]] | None = None
        self._in_drill: set[str] | None = None
        self._inside: dict[str, frozenset[str]] = {}

    @property
    def is_running(self) -> bool:
        """Whether anybody may be called: not in a drill that a real event interrupted."""
        clock = self.tx.realms.clocks().get(self.realm)
        return clock is None or clock.is_running

    def was_in_drill(self, person: str) -> bool:
        """Whether a drill that this realm's event has just interrupted had reached the person."""
        if self._in_drill is None:
            clocks = self.tx.realms.clocks().values()
            ended = [c.realm for c in clocks if (w := c.interruption) and w.realm == self.realm and self._is_recent(w)]
            self._in_drill = set().union(*(channels.persons_reached(self.tx.conn, realm) for realm in ended))
        return person in self._in_drill

    def _is_recent(self, interruption: Interruption) -> bool:
        return self.tx.now - interruption.since < DRILL_REMEMBERED

    @property
    def pack(self) -> Pack:
        """The district's active pack."""
        return self._pack()

    def flush(self) -> None:
        """Tell the rings, then write all that changed."""
        self._settle(self)
        store.save_cases(self.tx, self.realm, [self._cases[case_id] for case_id in sorted(self._dirty_cases)])
        held = [(case_id, *self._matters[case_id][matter_id]) for case_id, matter_id in sorted(self._dirty_matters)]
        store.save_matters(self.tx, self.realm, held)
        changed = [entry for entry in self._entries.values() if entry.dirty]
        store.save_lines(self.tx, self.realm, [(entry.line, entry.no, entry.due_at) for entry in changed])
        moved = [entry for entry in changed if entry.is_open is not _is_open(entry.line)]
        store.save_parties(self.tx, self.realm, [entry.line for entry in moved])
        for entry in changed:
            entry.dirty, entry.is_open = False, _is_open(entry.line)
        register = register_of(self.pack) if self._dirty_rings else None
        told = [(*self._rings[person], person) for person in sorted(self._dirty_rings)]
        store.save_rings(
            self.tx,
            self.realm,
            [(state, register.region_of(person) if register else "", cause) for state, cause, person in told],
        )
        channels.save_all(self.tx.conn, self.realm, self._moved_attempts)  # first, so that a phone is free again
        channels.add_all(self.tx.conn, self._attempts)
        case_log.add(self.tx, self._logs)
        for kept in (self._dirty_cases, self._dirty_matters, self._dirty_rings):
            kept.clear()
        for written in (self._attempts, self._moved_attempts, self._logs):
            written.clear()

    # -- cases and matters -------------------------------------------------------------------------------

    def case(self, case_id: str) -> Case:
        found = self._cases.get(case_id) or store.case(self.tx.conn, self.realm, case_id)
        if found is None:
            raise NotFound(f"case {case_id} of realm {self.realm} does not exist", f"没有叫应案件 {case_id}")
        return self._cases.setdefault(case_id, found)

    def case_of_incident(self, incident_id: str) -> Case | None:
        here = [case for case in self._cases.values() if case.incident_id == incident_id]
        found = max(here, key=lambda case: case.no, default=None)
        found = found or store.case_of_incident(self.tx.conn, self.realm, incident_id)
        return found and self._cases.setdefault(found.case_id, found)

    def add_case(self, case: Case) -> None:
        """A case of this transaction: the store has no matters and no lines of it."""
        self._cases[case.case_id] = case
        self._matters[case.case_id] = {}
        self._whole_cases.add(case.case_id)
        self._dirty_cases.add(case.case_id)

    def change_case(self, case_id: str, **changes: Any) -> None:
        """Fields of a case; what a transaction changes of it is one new version."""
        held = self.case(case_id)
        version = held.version if case_id in self._dirty_cases else held.version + 1
        self._cases[case_id] = replace(held, version=version, **changes)
        self._dirty_cases.add(case_id)

    def matters(self, case_id: str) -> dict[str, tuple[Matter, datetime | None]]:
        """The case's matters by their ids, each with when it ended."""
        if case_id not in self._matters:
            rows = store.matters_of(self.tx.conn, self.realm, case_id)
            self._matters[case_id] = {matter.matter_id: (matter, ended_at) for matter, ended_at in rows}
        return self._matters[case_id]

    def put_matter(self, case_id: str, matter: Matter, ended_at: datetime | None) -> None:
        self.matters(case_id)[matter.matter_id] = (matter, ended_at)
        self._dirty_matters.add((case_id, matter.matter_id))

    # -- lines -------------------------------------------------------------------------------------------

    def lines(self, case_id: str) -> dict[str, Line]:
        """All lines of a case by their posts."""
        if case_id not in self._whole_cases:
            self.enter(store.held_of(self.tx.conn, self.realm, case_id, damaged=self.damaged))
            self._whole_cases.add(case_id)
        here = [entry for key, entry in self._entries.items() if key[0] == case_id]
        return {entry.line.post: entry.line for entry in sorted(here, key=lambda entry: entry.no)}

    def line(self, case_id: str, post: str) -> Line | None:
        if (case_id, post) not in self._entries and case_id not in self._whole_cases:
            self.enter(store.held_of(self.tx.conn, self.realm, case_id, post, self.damaged))
        entry = self._entries.get((case_id, post))
        return entry.line if entry else None

    def lines_of(self, person: str) -> list[tuple[Line, str]]:
        """The lines, over all cases, on which a person may ring, with the case's pack; closed ones are left out."""
        self.load_persons([person])
        held = sorted((self._entries[key] for key in self._of_person.get(person, ())), key=lambda entry: entry.no)
        return [(entry.line, entry.pack) for entry in held if _is_open(entry.line)]

    def load_persons(self, persons: Iterable[str]) -> None:
        """Read all lines of these persons in one question."""
        missing = set(persons) - self._whole_persons
        if missing:
            self.enter(store.held_of_persons(self.tx.conn, self.realm, missing, self.damaged))
            self._whole_persons |= missing

    def enter(self, held: Iterable[Held]) -> None:
        """Lines as the store has them; one that is in the book already stands newer there."""
        for each in held:
            key = (each.line.case_id, each.line.post)
            if key not in self._entries:
                self._add(key, _Entry(each.line, each.no, each.pack, _is_open(each.line)))

    def damaged(self, case_id: str, post: str, text: str, why: str) -> None:
        """坏行 A line that cannot be read is an alarm, once, and none for the rest; the next tick begins it anew."""
        key = (self.realm, case_id, post)
        told = self._unreadable.get(key)
        if (told is not None and (told.tx is None or told.tx is self.tx)) or (case_id, post) in self._entries:
            return  # told before, or begun anew in this book
        told = self._unreadable[key] = Unreadable(why, self.tx)
        self.tx.after_commit(told.keep)
        store.set_due(self.tx.conn, self.realm, case_id, post, self.now)
        log.error("callouts.line_unreadable", realm=self.realm, case_id=case_id, post=post, why=why, text=text)
        body = {"case_id": case_id, "post": post, "what": why, "at": format_time(self.now)}
        self.tx.event(self.realm, "alarm.callout_line_unreadable", case_id, body)

    def put_line(self, line: Line, due_at: datetime | None) -> None:
        key = (line.case_id, line.post)
        self._unreadable.pop((self.realm, *key), None)
        entry = self._entries.get(key)
        if entry is None:
            no = self.tx.next_no(self.realm, "case_line")
            entry = self._add(key, _Entry(line, no, self.case(line.case_id).pack, None))
        entry.line, entry.due_at, entry.dirty, entry.wants = line, due_at, True, None

    def pack_of(self, line: Line) -> str:
        """The pack version that the line's case began with."""
        entry = self._entries.get((line.case_id, line.post))
        return entry.pack if entry else self.case(line.case_id).pack

    def wants_of(self, line: Line, make: Callable[[], tuple[Want, ...]]) -> tuple[Want, ...]:
        """What ``make`` says of a line, asked once while the line stands as it is."""
        entry = self._entries.get((line.case_id, line.post))
        if entry is None or entry.line is not line:
            return make()
        if entry.wants is None:
            entry.wants = make()
        return entry.wants

    def _add(self, key: Key, entry: _Entry) -> _Entry:
        self._entries[key] = entry
        for party in entry.line.parties:
            self._of_person.setdefault(party.person, set()).add(key)
        return entry

    def is_within(self, inner: str, outer: str) -> bool:
        """Whether a scope lies in the place of another."""
        if outer not in self._inside:
            self._inside[outer] = place_of(self.pack, None, outer).down
        return inner in self._inside[outer]

    # -- people ------------------------------------------------------------------------------------------

    def touch(self, persons: Iterable[str], now: datetime) -> None:
        """What these people are to hear may have changed."""
        self.now = now
        self._touched |= {person for person in persons if person}

    def take_touched(self) -> set[str]:
        taken, self._touched = self._touched, set()
        return taken

    def acts_changed(self, person: str) -> None:
        """This person's own line acts on something else now: whom they stand in for is asked anew."""
        self._acts_changed.add(person)

    def take_acts_changed(self) -> set[str]:
        taken, self._acts_changed = self._acts_changed, set()
        return taken

    def stand_in(self, person: str, wants: Iterable[Want]) -> None:
        """A person who acts already is to be told by text; all such news of one transaction go into one text."""
        self._stand_ins.setdefault(person, []).extend(wants)

    def take_stand_ins(self) -> dict[str, list[Want]]:
        taken, self._stand_ins = self._stand_ins, {}
        return taken

    def load_rings(self, persons: Iterable[str]) -> None:
        missing = set(persons) - self._rings.keys()
        if missing:
            found = store.rings_of(self.tx.conn, self.realm, missing)
            self._rings |= {person: found.get(person, (Ring(person=person), None)) for person in missing}

    def ring(self, person: str) -> tuple[Ring, str | None]:
        """The ring of a person, and the cause that the carrier gave last."""
        self.load_rings([person])
        return self._rings[person]

    def put_ring(self, state: Ring, cause: str | None) -> None:
        self._rings[state.person] = (state, cause)
        self._dirty_rings.add(state.person)

    def load_reaches(self, persons: Iterable[str]) -> None:
        missing = set(persons) - self._reaches.keys()
        if missing:
            self._reaches |= roster.reaches(self.tx.conn, self.realm, self.pack, missing)

    def reach(self, person: str) -> Reach:
        self.load_reaches([person])
        return self._reaches[person]

    def forget_reach(self, person: str) -> None:
        """A number of theirs was struck or added."""
        self._reaches.pop(person, None)

    def blackouts(self) -> list[Row[Any]]:
        """The masts that are down."""
        if self._blackouts is None:
            self._blackouts = store.open_blackouts(self.tx.conn, self.realm)
        return self._blackouts

    def forget_blackouts(self) -> None:
        self._blackouts = None

    # -- attempts and the log ----------------------------------------------------------------------------

    def add_attempt(self, stored: Stored) -> None:
        self._attempts.append(stored)
        if stored.live and self._live is not None:
            self._live[stored.attempt.address] = stored.attempt.attempt_id

    def save_attempt(self, attempt: Attempt) -> None:
        """An attempt that the store has already, as it stands now."""
        self._moved_attempts.append(attempt)

    def is_ringing(self, address: str) -> bool:
        """Whether an attempt is out at this address."""
        if self._live is None:
            self._live = channels.live_addresses(self.tx.conn, self.realm)
            self._live |= {s.attempt.address: s.attempt.attempt_id for s in self._attempts if s.live}
        return address in self._live

    def log(
        self,
        case_id: str,
        post: str | None,
        kind: str,
        now: datetime,
        *,
        by: str | None = None,
        body: Any = None,
        happened_at: datetime | None = None,
    ) -> None:
        """One entry of the case's own, append-only log."""
        self._logs.append(
            {
                "realm": self.realm,
                "no": self.tx.next_no(self.realm, "case_log"),
                "case_id": case_id,
                "post": post,
                "at": now,
                "happened_at": happened_at,
                "kind": kind,
                "by": by,
                "body": body or {},
            }
        )


def _is_open(line: Line) -> bool:
    return line.status is not LineStatus.CLOSED
