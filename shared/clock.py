"""时钟 The one door to the wall clock; everything below the edge receives ``now``.

Only ``main``, ``api``, ``worker``, ``pipeline``, ``intake`` and ``__main__`` may hold a `Clock`
(import-linter enforces it). All instants are aware UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """时钟: what the edge asks for the time. Tests pass `ManualClock`."""

    def now(self) -> datetime:
        """Aware UTC wall time."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; for time-outs and lingers only."""
        ...


class SystemClock:
    """系统时钟: the machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """手动时钟: moves only when told; for tests, replay and the simulation."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def set(self, now: datetime) -> None:
        self._monotonic += max(0.0, (now - self._now).total_seconds())
        self._now = now


def poll_until(probe: Callable[[], T | None], timeout_s: float, every_s: float = 0.05) -> T | None:
    """Ask ``probe`` until it answers something true or ``timeout_s`` has passed; None on time-out.

    For process supervision and tests, which must wait for an observable and never for a guess.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() >= deadline:
            return None
        time.sleep(every_s)
