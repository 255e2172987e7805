"""界面用语 The words of the pages, Chinese first; what a service says in codes, in words that a duty officer reads.

Each room keeps its own in a module here (``TEXT``: the names that its templates use); codes are all in ``codes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.words import approval, board, checkins, codes, common, forms, fuse, notices, orders, overview, timeline

LANGS = ("zh", "en")
Table = Mapping[str, tuple[str, str]]
ROOMS = (common, forms, overview, fuse, notices, orders, checkins, approval, board, timeline)
TEXT: Table = {name: both for room in ROOMS for name, both in room.TEXT.items()}
CODES: Table = codes.CODES


class Words:
    """界面用语 in one language; an unknown code is shown as it is, never hidden."""

    def __init__(self, lang: str | None) -> None:
        self.lang = lang if lang in LANGS else LANGS[0]
        self._column = LANGS.index(self.lang)

    def __call__(self, name: str) -> str:
        """The text; a name made of a code that has none yet is shown as it is: a page is worth more than its word."""
        found = TEXT.get(name)
        return found[self._column] if found else name

    def has(self, name: str) -> bool:
        return name in TEXT

    def code(self, value: Any, of: str = "") -> str:
        """A code in words; ``of`` a kind of thing whose codes mean something of their own."""
        if value is None or value == "":
            return "—"
        found = CODES.get(f"{of}_{value}") or CODES.get(str(value))
        return found[self._column] if found else str(value)

    def fact(self, name: str) -> str:
        """A fact's name: ``people.away`` and ``unit.NAME`` are named by what they are of."""
        kind, _, of = name.partition(".")
        return self(f"fact_{name}") if not of else self.code(of) if kind == "people" else of

    def pick(self, both: Any) -> str:
        """Of ``{zh, en}`` the one for this language."""
        if isinstance(both, Mapping):
            return str(both.get(self.lang) or both.get("zh") or both.get("en") or "")
        return "" if both is None else str(both)
