"""账号 Who may log in: people with a password, services and demo users with a key; and how often one may try.

An account names the posts that its holder fills: whether somebody may sign is a question of posts, not of roles.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

TRIES_PER_USER_AND_ADDRESS = 8
TRIES_PER_ADDRESS = 60
TRIES_WINDOW = timedelta(minutes=5)
TRACKED_MAX = 10_000
USERNAME_MAX = 80
SECRET_MIN, SECRET_MAX = 8, 256
KEY_MIN = 24
"""A key is random text of this length at least, so that a plain hash protects it."""


class SecretKind(StrEnum):
    """口令类别: a person's password is hashed slowly; a random key is not worth guessing"""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    KEY = "key"


@dataclass(frozen=True, kw_only=True)
class Account:
    """账号: ``areas`` are region codes (``*`` all), ``realms`` as in a token (``*`` all exercises)."""

    username: str
    kind: SecretKind
    roles: tuple[str, ...]
    areas: tuple[str, ...] = ("*",)
    realms: tuple[str, ...] = ("*",)
    posts: tuple[str, ...] = ()
    disabled: bool = False


@dataclass
class TryLimiter:
    """登录限速: failures per (user, address) and per address. In wall time, in memory: a restart forgives.

    Never per user alone: who guesses from elsewhere must not lock the duty officer out at night.
    """

    _failures: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)

    def refuses(self, username: str, address: str, now: datetime) -> bool:
        return (
            self._count((username, address), now) >= TRIES_PER_USER_AND_ADDRESS
            or self._count(("", address), now) >= TRIES_PER_ADDRESS
        )

    def failed(self, username: str, address: str, now: datetime) -> None:
        for key in ((username, address), ("", address)):
            if key not in self._failures and len(self._failures) >= TRACKED_MAX:
                self._forget_old(now)
            self._failures.setdefault(key, deque(maxlen=TRIES_PER_ADDRESS)).append(now)

    def succeeded(self, username: str, address: str) -> None:
        self._failures.pop((username, address), None)

    def _count(self, key: tuple[str, str], now: datetime) -> int:
        tries = self._failures.get(key)
        if tries is None:
            return 0
        while tries and tries[0] <= now - TRIES_WINDOW:
            tries.popleft()
        return len(tries)

    def _forget_old(self, now: datetime) -> None:
        for key in [key for key in self._failures if self._count(key, now) == 0]:
            del self._failures[key]
        while len(self._failures) >= TRACKED_MAX:
            del self._failures[next(iter(self._failures))]
