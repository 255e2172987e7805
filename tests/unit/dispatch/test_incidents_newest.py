"""最近记事: read on from the last line, they are what a reading of everything gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.incidents.service import Newest
from services.dispatch.incidents.timeline import Entry

BEGUN = datetime(2024, 6, 27, 12, tzinfo=UTC)
LIMIT = 4
REALM = "x-flood-night"
CONN: Any = None  # these books are lists


class Book:
    """A source: numbered lines; counts how many were read."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, Entry]] = []
        self.read = 0

    def add(self, minute: int, word: str) -> None:
        at = BEGUN + timedelta(minutes=minute)
        self.lines.append(
            (len(self.lines) + 1, Entry(at=at, known_at=at, kind="notice", subject="N-1", text_zh=word, text_en=word))
        )

    def __call__(self, conn: Any, realm: str, limit: int, since: int) -> list[tuple[int, Entry]]:
        found = sorted((line for line in self.lines if line[0] >= since), key=lambda line: -line[0])[:limit]
        self.read += len(found)
        return found


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 1), st.integers(1, 6)),
            st.tuples(st.just("anew"), st.integers(0, 1), st.integers(0, 3)),
            st.tuples(st.just("look"), st.just(0), st.just(0)),
        ),
        max_size=30,
    )
)
def test_lines_read_on_are_those_of_a_whole_reading(steps: list[tuple[str, int, int]]) -> None:
    books = [Book(), Book()]
    kept = Newest(LIMIT, books)
    for minute, (step, which, many) in enumerate([*steps, ("look", 0, 0)]):
        if step == "anew":
            books[which].lines.clear()
        for nth in range(many):
            books[which].add(minute, f"{minute}.{nth}")
        if step == "look":
            heads = [book.lines[-1:] for book in books]
            assert kept.of(CONN, REALM, heads) == Newest(LIMIT, books).of(CONN, REALM, heads)


@pytest.mark.parametrize(("fresh", "read"), [(0, 0), (1, 2), (2, 3), (9, LIMIT)])
def test_only_the_last_line_and_what_came_after_it_is_read(fresh: int, read: int) -> None:
    book = Book()
    for minute in range(20):
        book.add(minute, str(minute))
    kept = Newest(LIMIT, [book])
    kept.of(CONN, REALM, [book.lines[-1]])
    book.read = 0
    for minute in range(fresh):
        book.add(20 + minute, str(20 + minute))
    assert [entry.text_zh for entry in kept.of(CONN, REALM, [book.lines[-1]])] == [
        str(19 + fresh - n) for n in range(LIMIT)
    ]
    assert book.read == read


def test_realms_are_kept_apart() -> None:
    by_realm = {"x-a": Book(), "x-b": Book()}
    by_realm["x-a"].add(1, "a")
    by_realm["x-b"].add(1, "b")
    kept = Newest(LIMIT, [lambda conn, realm, limit, since: by_realm[realm](conn, realm, limit, since)])
    for realm, said in (("x-a", "a"), ("x-b", "b"), ("x-a", "a")):
        assert [entry.text_zh for entry in kept.of(CONN, realm, [by_realm[realm].lines[-1]])] == [said]
