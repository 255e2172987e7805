"""公开信息来源 What the page is made of: the services' public answers, asked once for all who ask at the same time.

On a flood night a whole town opens the page. An answer serves all for `FRESH_S`; those who come while it is being
asked wait for the same one. When a service is away its last answer may still be shown, with the time it was given at
(`Seen.at`) and marked (`Seen.is_old`): an alert does not end because we cannot reach warning.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.peers import Asked, Peers

FRESH_S = 3.0
FAILED_S = 2.0
"""How long a failure is believed: a service that hangs must not make every visitor wait for it in turn."""
KEPT_FOR = timedelta(hours=12)
ENTRIES_MAX = 2_000


@dataclass(frozen=True)
class Seen:
    """所见: an answer and when it was given; ``wrong`` why there is none that is new."""

    asked: Asked
    at: datetime
    is_old: bool = False
    wrong: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        return self.asked.body if isinstance(self.asked.body, dict) and not self.asked.wrong else {}

    @property
    def is_missing(self) -> bool:
        """Nothing was answered that means something: a refusal (no such place) is an answer."""
        return bool(self.asked.wrong) and not 400 <= self.asked.status < 500

    @property
    def status(self) -> int:
        return self.asked.status


@dataclass
class _Entry:
    last: Seen | None = None  # the newest
    good: Seen | None = None  # the newest that was an answer
    asking: asyncio.Task[Seen] | None = None


class Sources:
    """公开信息来源"""

    def __init__(self, peers: Peers, now: Callable[[], datetime]) -> None:
        self._peers, self._now = peers, now
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()

    async def get(self, service: str, path: str, *, keep: bool = True, **query: str | float | None) -> Seen:
        """One answer. ``keep=False``: an old one is worse than none (a way out that may lead into the flood now)."""
        key = (service, path, *sorted((name, value) for name, value in query.items() if value is not None))
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > ENTRIES_MAX:
            self._entries.popitem(last=False)
        seen = entry.last
        if seen is None or not self._is_fresh(seen):
            if entry.asking is None or entry.asking.done():
                entry.asking = asyncio.create_task(self._ask(entry, service, path, dict(query)))
            seen = await asyncio.shield(entry.asking)  # one visitor who leaves takes the others' answer with nobody
        if not seen.is_missing or not keep or entry.good is None or self._now() - entry.good.at > KEPT_FOR:
            return seen
        return Seen(entry.good.asked, entry.good.at, is_old=True, wrong=seen.asked.wrong)

    def _is_fresh(self, seen: Seen) -> bool:
        return self._now() - seen.at < timedelta(seconds=FAILED_S if seen.is_missing else FRESH_S)

    async def _ask(self, entry: _Entry, service: str, path: str, query: dict[str, Any]) -> Seen:
        asked = await self._peers.get(service, path, None, **query)
        seen = Seen(asked, self._now(), wrong=asked.wrong)
        entry.last = seen
        if not seen.is_missing:
            entry.good = seen
        return seen
