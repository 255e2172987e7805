"""熔断用例 Move a realm's fuses and keep what changed: states, records, trips; and what dispatch reports about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.warning.fuses import memory, store
from services.warning.fuses.book import Book, Described, FuseKey
from services.warning.fuses.events import BrokerLost, Decision, Event
from services.warning.fuses.memory import Books, Memory
from services.warning.fuses.notice import is_notice_fuse
from services.warning.fuses.rule import Per
from services.warning.fuses.state import FuseState, Transition
from services.warning.fuses.world import decide
from services.warning.readings.instant import from_us, to_us
from shared.db.tx import Tx
from shared.errors import InvariantBroken, NotFound
from shared.pack.model import Pack
from shared.vocabulary import TOWNSHIP_LIKE, Level, RegionLevel

HELD_STATES = frozenset({"in_force", "acknowledged", "in_progress", "complete", "expired_not_lifted"})  # contract §6


@dataclass(frozen=True)
class Record:
    """落账的记录: a transition that is stored, with its trip as it stands (None outside a trip)."""

    made: Transition
    body: dict[str, Any]
    trip: Any


@dataclass(frozen=True)
class Deed:
    """处置: who did what to which fuse, and why."""

    action: str
    by: str
    reason: str
    happened_at: datetime | None = None
    entered_late: bool = False
    finding: dict[str, Any] | None = None


class Fuses:
    """熔断: the only way to move a realm's fuses; used in the writer's transactions."""

    def __init__(self, pack_of: Callable[[str], Pack], notice_of: Callable[[Connection, str, str], Any]) -> None:
        self.books = Books(pack_of)
        self._pack_of = pack_of
        self._notice_of = notice_of
        self._memories: dict[str, Memory] = {}
        self._empty: set[str] = set()
        self._lost_us: dict[str, int] = {}
        self._pending: dict[str, list[Record]] = {}
        self._outdated: set[str] = set()
        self.cut_off = False

    def drop(self) -> None:
        """Forget what a rolled-back transaction may have moved."""
        self._memories.clear()
        self._empty.clear()
        self._pending.clear()
        self._outdated.clear()

    def prepare(self, tx: Tx, realm: str) -> Memory:
        """The realm's world, loaded where it is not here or is outdated; blind from then on while there is no broker.

        Must come before a transaction writes readings: what is in the store counts as known.
        """
        found = self._memories.get(realm)
        version = _version(tx)
        if found is not None and found.book.pack_version == version and realm not in self._outdated:
            return found
        found = memory.load(tx.conn, realm, self.books, version, tx.domain_now(realm))
        self._memories[realm] = found
        self._empty.discard(realm)
        self._outdated.discard(realm)
        if self.cut_off:
            self._begin_blind(tx, realm, found)
        return found

    def _begin_blind(self, tx: Tx, realm: str, found: Memory) -> None:
        """What became due while nobody could hear must not fire: cut off from the last instant that was known."""
        world = found.world
        if not world.states:
            world.now_us = to_us(tx.domain_now(realm))
        lost_us = self._lost_us.setdefault(realm, world.now_us)
        decision = decide(found.book, world, BrokerLost(), world.now_us)
        world.cut_off_us = lost_us
        records = self._keep(tx, realm, found, decision)
        self._pending.setdefault(realm, []).extend(records)

    def book(self, realm: str) -> Book:
        """The book by which the realm was last moved."""
        return self._memories[realm].book

    def state(self, realm: str, key: FuseKey) -> FuseState | None:
        """A fuse as the realm's last move left it."""
        return self._memories[realm].world.states.get(key)

    def realms(self, tx: Tx) -> list[str]:
        """The realms that have fuses to wake, among those whose clock runs."""
        found = []
        for realm in tx.realms.ticking():
            if realm in self._memories:
                found.append(realm)
            elif realm not in self._empty:
                if store.has_states(tx.conn, realm):
                    found.append(realm)
                else:
                    self._empty.add(realm)
        return found

    def is_due(self, tx: Tx, realm: str) -> bool:
        """Whether a timer of the realm is due now."""
        due = self.prepare(tx, realm).world.next_due_us()
        return due is not None and due <= to_us(tx.domain_now(realm))

    def move(self, tx: Tx, realm: str, event: Event) -> tuple[Decision, list[Record]]:
        """决定并落账 Decide on one event now, and keep all that changed."""
        found = self.prepare(tx, realm)
        decision = decide(found.book, found.world, event, to_us(tx.domain_now(realm)))
        records = self._keep(tx, realm, found, decision)
        return decision, [*self.pending(realm), *records]

    def pending(self, realm: str) -> list[Record]:
        """Records that loading the realm wrote; each is given out once."""
        return self._pending.pop(realm, [])

    def lose_broker(self, tx: Tx, realm: str) -> list[Record]:
        """与消息总线断开"""
        self.cut_off = True
        _, records = self.move(tx, realm, BrokerLost())
        self._lost_us.setdefault(realm, to_us(tx.domain_now(realm)))
        return records

    def found_broker(self) -> None:
        """恢复连接: the cut-off is over for every realm, also for those that are not loaded."""
        self.cut_off = False
        self._lost_us.clear()

    def _keep(self, tx: Tx, realm: str, found: Memory, decision: Decision) -> list[Record]:
        at = from_us(found.world.now_us)
        store.save_states(tx.conn, realm, decision.states.values(), at=at, fence=tx.fence)
        records = [self._keep_record(tx, realm, found.book, made) for made in decision.transitions]
        if any(record.made.to is Level.NORMAL and _key(record.made) in found.pinned for record in records):
            self._outdated.add(realm)  # its trip is over: from the next time on the active version's rule
        return records

    def _keep_record(self, tx: Tx, realm: str, book: Book, made: Transition) -> Record:
        body = {"district": tx.district, "realm": realm, **made.as_dict()}
        store.add_transition(tx.conn, realm, tx.next_no(realm, "transition"), made, body)
        if made.trip_id is None:
            return Record(made, body, None)
        known_at = datetime.fromisoformat(made.known_at)
        over = made.to is Level.NORMAL
        changes: dict[str, Any] = {"last_n": made.n, "last": body, "closed_at": known_at if over else None}
        notice_id = fuse_notice(tx.conn, realm, made.fuse, made.scope)
        if notice_id is not None:
            changes["notice_id"] = notice_id
        if store.trip(tx.conn, realm, made.trip_id) is None:
            about = self.describe(tx.conn, realm, book, made.fuse, made.scope)
            store.add_trip(
                tx.conn,
                realm,
                {
                    "trip_id": made.trip_id,
                    "no": tx.next_no(realm, "trip"),
                    "fuse": made.fuse,
                    "scope": made.scope,
                    "region": about.region,
                    "hazard": about.hazard,
                    "opened_at": known_at,
                    "pack": book.pack_version,
                    **changes,
                },
            )
        else:
            store.change_trip(tx.conn, realm, made.trip_id, changes)
        return Record(made, body, store.trip(tx.conn, realm, made.trip_id))

    # -- words for people --------------------------------------------------------------------------------

    def describe(self, conn: Connection, realm: str, book: Book, fuse: str, scope: str) -> Described:
        """说明 What a fuse and its scope are called."""
        known = book.fuses.get((fuse, scope))
        if known is not None:
            return known.described
        pack = self._pack_of(book.pack_version)
        area = pack.regions.get(scope)
        notice = self._notice_of(conn, realm, fuse_notice(conn, realm, fuse, scope) or "")
        title = f"{notice.issuer}{notice.number or ''}" if notice else fuse
        return Described(
            title_zh=title,
            title_en=title,
            hazard=notice.hazard if notice else "",
            per=_per_of(area.level if area else None).value,
            region=scope,
            name=area.name if area else scope,
        )


def fuse_notice(conn: Connection, realm: str, fuse: str, scope: str) -> str | None:
    """The notice that a notice fuse stands for: the worst in force, else the last one of its last trip."""
    if not is_notice_fuse(fuse):
        return None
    state = store.state_of(conn, realm, fuse, scope)
    if state is not None and state.notices:
        return max(state.notices, key=lambda held: held.rank).notice_id
    return store.last_notice(conn, realm, fuse, scope)


def open_trip(conn: Connection, realm: str, trip_id: str) -> Any:
    """The trip's row; NotFound where there is none."""
    found = store.trip(conn, realm, trip_id)
    if found is None:
        raise NotFound(f"no trip {trip_id} in {realm}", f"没有熔断记录 {trip_id}")
    return found


def state_of_trip(conn: Connection, realm: str, trip: Any) -> FuseState:
    state = store.state_of(conn, realm, trip.fuse, trip.scope)
    if state is None:
        raise InvariantBroken(f"trip {trip.trip_id} has no fuse state")
    return state


def held_orders(report: store.HoldReport | None) -> tuple[str, ...]:
    """The orders of a hold report that bind anybody now."""
    if report is None:
        return ()
    return tuple(str(hold.get("order_id")) for hold in report.holds if hold.get("state") in HELD_STATES)


def _per_of(level: RegionLevel | None) -> Per:
    if level is RegionLevel.DISTRICT:
        return Per.DISTRICT
    return Per.TOWNSHIP if level in TOWNSHIP_LIKE else Per.VILLAGE


def _key(made: Transition) -> tuple[str, str]:
    return (made.fuse, made.scope)


def _version(tx: Tx) -> str:
    if tx.pack is None:
        raise NotFound("no district pack is active yet", "尚未启用区县包", code="pack_unknown")
    return tx.pack
