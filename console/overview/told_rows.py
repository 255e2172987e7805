"""来告之行 What an event of warning changes in the list of alarms, as more of the bridge's message (streams.py).

    rows = ToldRows(templates, lambda: pack)
    rows.of(realm, words, number, event)        # ',"row":{…}', or nothing

Made once for all open pages of a realm and a language.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog
from jinja2 import Environment, TemplateError

from console.names import names_of
from console.overview.layers import Seen, seen_of
from console.overview.view import Choice, told_row
from console.peers import Asked
from console.visit import fragment
from console.words import Words

KEPT = 300  # a burst's rows, for all who are shown it
_log = structlog.get_logger()


class ToldRows:
    """来告之行: ``pack`` gives the words of the pack in service, None until a page has asked for them."""

    def __init__(self, templates: Environment, pack: Callable[[], Asked | None]) -> None:
        self._templates, self._pack_now = templates, pack
        self._pack: Asked | None = None
        self._seen: Seen | None = None
        self._kept: dict[tuple[str, str, str], str] = {}

    def of(self, realm: str, words: Words, number: str, event: str) -> str:
        """The text of one event's row; empty where it changes none, or where the list that is loaded must do it."""
        seen = self._words_of_pack()
        if seen is None:
            return ""
        key = (realm, words.lang, event)  # not by its number: a store that was put back gives numbers again
        found = self._kept.get(key)
        if found is None:
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            found = self._kept[key] = self._made(realm, words, number, event, seen)
        return found

    def _made(self, realm: str, words: Words, number: str, event: str, seen: Seen) -> str:
        try:
            row = told_row(json.loads(event), seen)
            if row is None:
                return ""
            item = row.pop("item")
            values = {"choice": Choice(), "names": seen.names, "item": item}
            html = fragment(self._templates, realm, words, "overview/told_row.html", values) if item else None
        except (ValueError, TypeError, LookupError, AttributeError, TemplateError) as error:
            # of another version of warning, say: it must not end the stream; the list that is loaded has it
            _log.warning("console.row_not_made", realm=realm, number=number, error=f"{type(error).__name__}: {error}")
            return ""
        return f',"row":{json.dumps({**row, "html": html}, ensure_ascii=False)}'

    def _words_of_pack(self) -> Seen | None:
        pack = self._pack_now()
        if pack is not self._pack and pack is not None:
            self._pack, self._seen = pack, seen_of(names_of(pack), Asked(), Asked())
            self._kept.clear()
        return self._seen
