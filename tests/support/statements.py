"""How many statements a piece of work sends to the database; many rows in one statement count once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

FRAME = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


class Statements(Counter[str]):
    """语句数: by their first words"""

    @property
    def work(self) -> int:
        """Without what opens and closes a transaction."""
        return sum(n for text, n in self.items() if not text.startswith(FRAME) and not text.startswith("UPDATE owner"))


@contextmanager
def counting(engine: Engine) -> Iterator[Statements]:
    """``with counting(store.engine) as seen: …`` → ``seen.work``"""
    seen = Statements()

    def count(_conn: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        words = statement.split()
        at = next((i for i, word in enumerate(words) if word in ("FROM", "INTO")), 0)
        seen[" ".join((words[0], *words[at : at + 2])) if at else " ".join(words[:2])] += 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", count)
