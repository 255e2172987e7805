"""The numbered outbox between two real frames on real HTTP: order, catch-up after restore, parking, sender restored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import delete, select, update

from shared.auth.tokens import Actor
from shared.clock import poll_until
from shared.db.tx import Tx
from shared.errors import Invalid
from shared.frame import Frame
from shared.http.context import Context
from shared.http.numbers import told
from shared.outbox.inbox import Message
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.platform import bare_frame
from tests.support.ports import free_port
from tests.support.serving import serving


class Pair:
    """warning sends, dispatch receives and remembers what it applied."""

    def __init__(self, dsn: str, place: str) -> None:
        self.port = free_port()
        self.dsn = dsn
        second = dsn.replace("store.db", "second.db")
        self.sender = bare_frame(dsn, fresh_schema(), peers={"dispatch": f"http://127.0.0.1:{self.port}"})
        self.receiver = bare_frame(second, fresh_schema(), service="dispatch")
        self.applied: list[tuple[str, Any]] = []
        self.failures = 0
        self.released = threading.Event()
        self.receiver.inbox.on("note", self._note)

    def _note(self, tx: Tx, message: Message) -> None:
        if message.body == "refuse":
            raise Invalid("this body is refused", field="body")
        if message.body == "bug":
            self.failures += 1
            raise ZeroDivisionError("a bug")
        if message.body == "held":
            self.released.wait(PATIENCE_S)
        tx.after_commit(lambda: self.applied.append((message.aggregate, message.body)))
        tx.event(message.realm, "noted", message.aggregate, {"body": message.body})

    def emit(self, aggregate: str, body: Any, realm: str = "x-live") -> None:
        self.sender.writer.call(lambda tx: tx.emit("dispatch", realm, "note", aggregate, body))

    def waiting(self) -> int | None:
        """As ``/v1/numbers`` tells it."""
        actor = Actor("officer", frozenset({"duty_officer"}), ("*",), ("*",))
        context = Context(self.sender, Request({"type": "http"}), actor, "x-live", b"")
        number: int | None = told(self.sender, context)["waiting"]
        return number

    def wait_for(self, count: int) -> list[tuple[str, Any]]:
        assert poll_until(lambda: len(self.applied) >= count or None, PATIENCE_S), self.sender.sender.status()
        return self.applied


@pytest.fixture
def pair(dsn: str) -> Iterator[tuple[Pair, Callable[[], None]]]:
    made = Pair(dsn, "")
    with ExitStack() as stack:
        stack.enter_context(serving(made.sender.app))

        def receive() -> None:
            stack.enter_context(serving(made.receiver.app, made.port))

        yield made, receive


def parked(frame: Frame) -> list[tuple[int, str, str]]:
    table = frame.tables.inbox_parked
    with frame.store.read() as conn:
        return [(r.no, r.aggregate, r.code) for r in conn.execute(select(table).order_by(table.c.no))]


def test_messages_wait_for_a_receiver_that_is_down_and_arrive_in_order(pair: tuple[Pair, Callable[[], None]]) -> None:
    both, receive = pair
    for n in range(5):
        both.emit("trip-1", n)
    assert poll_until(lambda: both.sender.sender.status()[0]["error"], PATIENCE_S)
    assert both.waiting() == 5  # the number that officers see: how many, not that somebody is away
    receive()
    both.emit("trip-1", 5)
    assert both.wait_for(6) == [("trip-1", n) for n in range(6)]
    assert poll_until(lambda: both.waiting() == 0, PATIENCE_S)


def test_a_refused_message_parks_its_aggregate_and_stops_no_other(pair: tuple[Pair, Callable[[], None]]) -> None:
    both, receive = pair
    receive()
    for aggregate, body in [("a", 1), ("a", "refuse"), ("b", 2), ("a", 3), ("b", 4)]:
        both.emit(aggregate, body)
    assert both.wait_for(3) == [("a", 1), ("b", 2), ("b", 4)]
    assert parked(both.receiver) == [(2, "a", "invalid"), (4, "a", "aggregate_parked")]
    events = both.receiver.tables.events
    with both.receiver.store.read() as conn:
        kinds = [row.kind for row in conn.execute(select(events).order_by(events.c.no))]
    assert kinds.count("alarm.message_parked") == 2


def test_a_bug_is_tried_again_and_then_parks(pair: tuple[Pair, Callable[[], None]]) -> None:
    both, receive = pair
    receive()
    both.emit("a", "bug")
    both.emit("b", 1)
    assert both.wait_for(1) == [("b", 1)]
    assert both.failures == 5
    assert parked(both.receiver) == [(1, "a", "internal_error")]


def test_a_restored_receiver_is_caught_up_by_itself(pair: tuple[Pair, Callable[[], None]]) -> None:
    both, receive = pair
    receive()
    for n in range(4):
        both.emit("a", n)
    both.wait_for(4)
    both.applied.clear()
    inbox = both.receiver.tables.inbox
    both.receiver.writer.call(lambda tx: tx.conn.execute(update(inbox).values(applied=2)) and None)
    both.emit("a", 4)
    assert both.wait_for(3) == [("a", 2), ("a", 3), ("a", 4)]


@pytest.mark.parametrize("last", ["answered", "held"])
def test_a_restored_sender_numbers_anew_what_it_cannot_know_was_sent(
    pair: tuple[Pair, Callable[[], None]], last: str
) -> None:
    """Also where the answer to the last message was on its way: it says nothing about the new one."""
    both, receive = pair
    receive()
    for body in (0, 1, 2, last):
        both.emit("a", body)
    both.wait_for(3 if last == "held" else 4)
    tables = both.sender.tables

    def restore(tx: Tx) -> None:
        """The store as a backup had it after two messages, both acknowledged, and a new message since."""
        if last == "held":
            both.released.set()
            poll_until(lambda: both.sender.writer.depth, 3)  # mostly what the answer says now waits to be written
        tx.conn.execute(delete(tables.outbox).where(tables.outbox.c.no > 2))
        tx.conn.execute(delete(tables.outbox_state))
        tx.conn.execute(delete(tables.outbox).where(tables.outbox.c.no <= 2))
        tx.conn.execute(update(tables.counters).where(tables.counters.c.name == "outbox:dispatch").values(value=2))
        tx.emit("dispatch", "x-live", "note", "a", "new")

    both.sender.writer.call(restore)
    assert both.wait_for(5)[-1] == ("a", "new")
    events = tables.events
    assert poll_until(
        lambda: [
            row.kind for row in _rows(both.sender, select(events).where(events.c.kind == "alarm.outbox_restored"))
        ],
        10,
    )


def _rows(frame: Frame, query: Any) -> list[Any]:
    with frame.store.read() as conn:
        return list(conn.execute(query))


def test_each_realm_is_numbered_by_itself(pair: tuple[Pair, Callable[[], None]]) -> None:
    both, receive = pair
    receive()
    both.emit("a", 1, realm="x-live")
    both.emit("a", 2, realm="x-drill")
    assert sorted(both.wait_for(2)) == [("a", 1), ("a", 2)]
    table = both.receiver.tables.inbox
    assert {(r.realm, r.applied) for r in _rows(both.receiver, select(table))} == {("x-live", 1), ("x-drill", 1)}
