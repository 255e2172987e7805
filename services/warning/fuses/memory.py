"""熔断内存 The worlds of the realms as the writer holds them: loaded from the store, dropped on a rollback.

An open trip keeps the rule version that it began with: its fuse is taken from the pack of its opening until it closes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.warning.fuses import store
from services.warning.fuses.book import Book, Fuse, FuseKey
from services.warning.fuses.notice import is_notice_fuse
from services.warning.fuses.probe import Key
from services.warning.fuses.state import FuseState
from services.warning.fuses.world import World
from services.warning.readings import store as readings_store
from services.warning.readings.instant import to_us
from services.warning.readings.service import incoming_of
from services.warning.readings.validate import Checked
from shared.errors import Invalid
from shared.pack.model import Pack

BOOKS_KEPT = 8
PROBLEMS_SHOWN = 10


class Books:
    """规则书架 Compiled rules by pack version; shared by the writer and by readers."""

    def __init__(self, pack_of: Callable[[str], Pack]) -> None:
        self._pack_of = pack_of
        self._books: dict[str, Book] = {}
        self._lock = threading.Lock()

    def get(self, version: str) -> Book:
        """The book of a version; Invalid with file and line where its rules cannot be used."""
        with self._lock:
            found = self._books.get(version)
            if found is None:
                found, problems = Book.of(self._pack_of(version))
                if found is None:
                    text = "\n".join(str(problem) for problem in problems[:PROBLEMS_SHOWN])
                    raise Invalid(f"the pack's rules cannot be used:\n{text}", "区县包的规则有误", code="bad_rules")
                while len(self._books) >= BOOKS_KEPT:
                    del self._books[next(iter(self._books))]
                self._books[version] = found
            return found


class Memory:
    """熔断内存: one realm's book and world. Only the writer thread touches it."""

    def __init__(self, book: Book, world: World, pinned: frozenset[FuseKey]) -> None:
        self.book = book
        self.world = world
        self.pinned = pinned  # fuses that still run on the rule with which their trip began


def load(conn: Connection, realm: str, books: Books, version: str, now: datetime) -> Memory:
    """恢复 The realm's world as committed."""
    states = store.load_states(conn, realm)
    book, pinned = _book(conn, realm, books, version, states)
    reach = max(book.memory_us.values(), default=0)
    since = now - timedelta(microseconds=reach)
    world = World.load(book, states, _readings(conn, realm, book, since))
    last = readings_store.last_known(conn, realm)
    if last is not None:
        world.now_us = max(world.now_us, to_us(last))
    return Memory(book, world, pinned)


def _readings(conn: Connection, realm: str, book: Book, since: datetime) -> Iterable[Checked]:
    for row in readings_store.moving_since(conn, realm, since):
        if row.station in book.stations and row.metric in book.limits:
            yield incoming_of(row)


def _book(
    conn: Connection, realm: str, books: Books, version: str, states: Iterable[FuseState]
) -> tuple[Book, frozenset[FuseKey]]:
    """The active book, with the fuses of open trips as they were when these began."""
    book = books.get(version)
    pinned: dict[FuseKey, tuple[Book, Fuse]] = {}
    for state in states:
        if state.trip_id is None or is_notice_fuse(state.fuse):
            continue
        trip = store.trip(conn, realm, state.trip_id)
        if trip is None or trip.pack in (None, version):
            continue
        began = books.get(trip.pack)
        fuse = began.fuses.get(state.key)
        if fuse is not None:
            pinned[state.key] = (began, fuse)
    if not pinned:
        return book, frozenset()
    inside, near, memory = dict(book.by_reading), dict(book.near_reading), dict(book.memory_us)
    for key, (began, _) in pinned.items():
        inside = _pin(inside, began.by_reading, key)
        near = _pin(near, began.near_reading, key)
        for reading, names in (*began.by_reading.items(), *began.near_reading.items()):
            if key in names:
                memory[reading] = max(memory.get(reading, 0), began.memory_us.get(reading, 0))
    fuses = {**book.fuses, **{key: fuse for key, (_, fuse) in pinned.items()}}
    stations = {**{name: s for began, _ in pinned.values() for name, s in began.stations.items()}, **book.stations}
    limits = {**{name: found for began, _ in pinned.values() for name, found in began.limits.items()}, **book.limits}
    whole = replace(
        book,
        fuses=fuses,
        by_reading=inside,
        near_reading=near,
        memory_us=memory,
        stations=stations,
        limits=limits,
    )
    return whole, frozenset(pinned)


def _pin(
    active: dict[Key, tuple[FuseKey, ...]], began: Mapping[Key, tuple[FuseKey, ...]], key: FuseKey
) -> dict[Key, tuple[FuseKey, ...]]:
    """The index with ``key`` where the older book has it, and nowhere else."""
    kept = {reading: tuple(name for name in names if name != key) for reading, names in active.items()}
    for reading, names in began.items():
        if key in names:
            kept[reading] = tuple(sorted({*kept.get(reading, ()), key}))
    return kept
