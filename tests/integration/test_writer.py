"""The one writer: group commits, savepoints, poison, ownership, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, insert, select
from sqlalchemy.exc import DBAPIError

from shared.clock import ManualClock, SystemClock, poll_until
from shared.db.engine import Store
from shared.db.tables import platform_tables
from shared.db.tx import Tx
from shared.db.types import new_metadata
from shared.db.writer import Writer
from shared.errors import Refused, Unavailable
from tests.support.patience import PATIENCE_S

metadata = new_metadata()
tables = platform_tables(metadata)
things = Table("things", metadata, Column("id", Integer, primary_key=True), Column("name", Text, nullable=False))


def make_writer(store: Store, boot: str | None = None) -> Writer:
    return Writer(store, tables, SystemClock(), district="500114", boot=boot)


@pytest.fixture
def store(make_store: Callable[[MetaData], Store]) -> Store:
    return make_store(metadata)


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    made = make_writer(store)
    made.start()
    assert made.wait_owner(10)
    yield made
    made.stop()


def add(name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.conn.execute(insert(things).values(name=name)) and None


def names(store: Store) -> list[str]:
    with store.read() as conn:
        return [row.name for row in conn.execute(select(things).order_by(things.c.id))]


def test_a_call_returns_after_its_commit(writer: Writer, store: Store) -> None:
    writer.call(add("a"))
    assert names(store) == ["a"]


def test_a_refused_call_leaves_nothing_and_its_neighbours_untouched(writer: Writer, store: Store) -> None:
    gate = threading.Event()
    hold = writer.submit(lambda tx: gate.wait(10))

    def refused(tx: Tx) -> None:
        add("half")(tx)
        raise Refused("not_now", "not now")

    first, bad, last = writer.submit(add("first")), writer.submit(refused), writer.submit(add("last"))
    gate.set()
    hold.result(10), first.result(10), last.result(10)
    with pytest.raises(Refused, match="not now"):
        bad.result(10)
    assert names(store) == ["first", "last"]


def test_when_the_store_gives_a_transaction_up_nobody_goes_on_piece_by_piece(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", metadata)  # PostgreSQL gives none up by itself
    metadata.create_all(store.engine)
    writer = make_writer(store)
    writer.start()
    assert writer.wait_owner(10)
    writer.call(add("before"))

    def full(tx: Tx) -> None:
        pages = int(tx.conn.exec_driver_sql("PRAGMA page_count").scalar() or 0)
        tx.conn.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
        add("first piece")(tx)
        for name in ("x" * 2_000_000, "small piece"):  # as who goes on where one fails
            with suppress(DBAPIError), tx.savepoint():
                add(name)(tx)

    with pytest.raises(Unavailable):
        writer.call(full)
    assert names(store) == ["before"]
    assert "full" in (writer.failing or "")
    writer.call(lambda tx: tx.conn.exec_driver_sql("PRAGMA max_page_count = 1000000") and None)
    writer.call(add("after"))
    assert names(store) == ["before", "after"]
    assert writer.failing is None
    writer.stop()
    store.close()


def test_a_savepoint_that_cannot_be_released_takes_its_own_back_alone(writer: Writer, store: Store) -> None:
    def inner_fails(tx: Tx) -> None:
        add("outer")(tx)
        with suppress(DBAPIError), tx.savepoint():
            add("inner")(tx)
            with suppress(DBAPIError):  # swallowed: PostgreSQL refuses all that follows, the release too
                tx.conn.exec_driver_sql("SELECT * FROM nowhere")
        add("outer too")(tx)

    writer.call(inner_fails)
    assert names(store) == (["outer", "inner", "outer too"] if store.is_sqlite else ["outer", "outer too"])


def test_commands_submitted_together_are_one_commit_and_one_that_is_refused_stops_no_other(
    writer: Writer, store: Store
) -> None:
    commits: list[list[str]] = []
    writer.on_commit.append(lambda: commits.append(names(store)))

    def refused(tx: Tx) -> None:
        add("half")(tx)
        raise Refused("not_now", "not now")

    first, bad, last = writer.submit_together([add("first"), refused, add("last")])
    assert (writer.answer(first), writer.answer(last)) == (None, None)
    with pytest.raises(Refused, match="not now"):
        writer.answer(bad)
    assert writer.submit_together([]) == []
    writer.call(lambda tx: None)  # what follows a commit has run once the next one answers
    assert commits[0] == ["first", "last"]


def test_numbers_have_no_gaps_after_a_refusal(writer: Writer) -> None:
    def refused(tx: Tx) -> None:
        tx.next_no("x-live", "case")
        raise Refused("not_now", "not now")

    assert writer.call(lambda tx: tx.next_no("x-live", "case")) == 1
    with pytest.raises(Refused):
        writer.call(refused)
    assert writer.call(lambda tx: tx.next_no("x-live", "case")) == 2
    assert writer.call(lambda tx: tx.next_no("x-drill", "case")) == 1


class Names:
    """A group that stores names, chokes on 'poison', and remembers what it acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.poisoned: list[str] = []

    def apply(self, tx: Tx, items: Sequence[Any]) -> None:
        for item in items:
            add(item)(tx)
            if item == "poison":
                raise ZeroDivisionError("a bug that this item meets")

    def poison(self, tx: Tx, item: Any, error: Exception) -> None:
        self.poisoned.append(item)
        add(f"dead:{item}:{type(error).__name__}")(tx)

    def committed(self, items: Sequence[Any]) -> None:
        self.acknowledged.extend(items)


def test_one_poisonous_message_is_set_aside_and_stops_nobody(writer: Writer, store: Store) -> None:
    group = Names()
    gate = threading.Event()
    hold = writer.submit(lambda tx: gate.wait(10))
    for item in ("a", "poison", "b"):
        assert writer.put(group, item)
    gate.set()
    hold.result(10)
    assert poll_until(lambda: len(group.acknowledged) == 3 or None, PATIENCE_S)
    assert names(store) == ["a", "dead:poison:ZeroDivisionError", "b"]


def test_nothing_is_acknowledged_before_the_commit(store: Store) -> None:
    seen: list[list[str]] = []

    class Watching(Names):
        def committed(self, items: Sequence[Any]) -> None:
            seen.append(names(store))

    writer = make_writer(store)
    writer.start()
    assert writer.wait_owner(10)
    writer.put(Watching(), "a")
    assert poll_until(lambda: seen or None, PATIENCE_S)
    writer.stop()
    assert seen == [["a"]]


def test_a_second_owner_stands_by_and_takes_over(store: Store, writer: Writer) -> None:
    second = make_writer(store)
    second.start()
    assert poll_until(lambda: second.failing, PATIENCE_S) == "another process owns the store"
    with pytest.raises(Unavailable, match="not the owner"):
        second.call(add("no"))
    writer.call(add("first"))
    writer.stop()
    assert second.wait_owner(10)
    second.call(add("second"))
    assert names(store) == ["first", "second"]
    assert second.fence == writer.fence + 1
    second.stop()


def test_an_owner_whose_fence_is_overtaken_writes_nothing(store: Store, writer: Writer) -> None:
    writer.call(add("mine"))
    with store.write() as conn:
        conn.execute(tables.owner.update().values(fence=writer.fence + 1))
    with pytest.raises(Unavailable):
        writer.call(add("late"))
    assert names(store) == ["mine"]
    assert not writer.is_owner


def test_commands_queued_at_stop_are_applied(store: Store) -> None:
    writer = make_writer(store)
    writer.start()
    assert writer.wait_owner(10)
    futures = [writer.submit(add(str(n))) for n in range(50)]
    writer.stop()
    for future in futures:
        future.result(0)
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(things)).scalar() == 50


def test_readers_see_a_snapshot(store: Store, writer: Writer) -> None:
    writer.call(add("before"))
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(things)).scalar() == 1
        writer.call(add("after"))
        assert conn.execute(select(func.count()).select_from(things)).scalar() == 1
    assert names(store) == ["before", "after"]


def test_what_a_refused_call_told_is_told_by_nobody(writer: Writer, store: Store) -> None:
    def told(tx: Tx, what: str) -> int:
        tx.event("x-live", what, "s", {})
        tx.audit("x-live", "a", what, "s")
        return tx.emit("resources", "x-live", what, "s", {})

    def inner(tx: Tx) -> None:
        with tx.savepoint():
            told(tx, "inner")
            raise Refused("not_now", "not now")

    def half(tx: Tx) -> None:
        told(tx, "outer")
        with pytest.raises(Refused):
            inner(tx)
        told(tx, "after")

    def refused(tx: Tx) -> None:
        told(tx, "refused")
        raise Refused("not_now", "not now")

    writer.call(half)
    with pytest.raises(Refused):
        writer.call(refused)
    assert writer.call(lambda tx: told(tx, "last")) == 3
    with store.read() as conn:
        for table, column in ((tables.events, "kind"), (tables.audit, "action"), (tables.outbox, "kind")):
            rows = conn.execute(select(table.c[column]).order_by(table.c.no)).scalars().all()
            assert list(rows) == ["outer", "after", "last"], table.name


class Kept:
    """A part that counts."""

    def __init__(self, tx: Tx) -> None:
        self.tx, self.written = tx, 0

    def flush(self) -> None:
        self.written += 1
        self.tx.event("x-live", "flushed", str(self.written), {})


def test_a_part_lives_as_long_as_its_savepoint(writer: Writer, store: Store) -> None:
    def use(tx: Tx) -> None:
        first = tx.part("k", lambda: Kept(tx))
        assert tx.part("k", lambda: Kept(tx)) is first
        with tx.savepoint():
            assert first.written == 1  # what stood before is written first
            assert tx.part("k", lambda: Kept(tx)) is not first

    writer.call(use)
    with store.read() as conn:
        kinds = conn.execute(select(tables.events.c.kind)).scalars().all()
    assert list(kinds) == ["flushed"] * 2


def test_who_waits_long_finds_us_behind(store: Store) -> None:
    clock = ManualClock(SystemClock().now())
    made = Writer(store, tables, clock, district="500114")
    made.start()
    assert made.wait_owner(10)
    entered, opened = threading.Event(), threading.Event()

    def hold(_: Tx) -> None:
        entered.set()
        opened.wait(10)

    first = made.submit(hold)
    entered.wait(10)
    late = made.submit(lambda tx: tx.behind_at)
    clock.set(clock.now() + timedelta(seconds=5))
    opened.set()
    first.result(10)
    assert late.result(10) == clock.now() == made.behind_at
    made.stop()


def test_who_follows_events_is_woken_by_a_commit_that_has_some(writer: Writer, store: Store) -> None:
    seen: list[int] = []

    def count() -> None:
        with store.read() as conn:
            seen.append(int(conn.execute(select(func.count()).select_from(tables.events)).scalar() or 0))

    def tell(tx: Tx) -> None:
        tx.event("x-live", "thing", "a", {})

    def tell_and_refuse(tx: Tx) -> None:
        tell(tx)
        raise Refused("no", "no", "否")

    writer.on_rows.append((tables.events, count))
    writer.call(add("a"))
    with pytest.raises(Refused):
        writer.call(tell_and_refuse)
    writer.call(tell)
    writer.call(lambda tx: None)  # what follows a commit has run once the next one answers
    assert seen == [1]
