"""神谕: 次序 The order of things (contract §5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tests.property.oracle.truth import Reading


class Timed(Protocol):
    """What is driven: takes batches and has timers."""

    def batch(self, known: datetime, readings: Sequence[Reading]) -> None: ...

    def due(self) -> datetime | None: ...

    def timers(self, now: datetime) -> None: ...


def run(
    fuses: Sequence[Timed],
    batches: Iterable[tuple[datetime, list[Reading]]],
    until: datetime,
    last_inclusive: bool = True,
) -> None:
    """ "at one known time first the readings, then the timers due"; a due time that is past fires at once."""
    now: datetime | None = None
    for known, readings in batches:
        now = timers_before(fuses, now, known)
        for fuse in fuses:
            fuse.batch(known, readings)
        now = known
    if now is not None:
        timers_before(fuses, now, until + timedelta(microseconds=1) if last_inclusive else until)


def timers_before(fuses: Sequence[Timed], now: datetime | None, end: datetime) -> datetime | None:
    while now is not None:
        dues = [max(due, now) for fuse in fuses if (due := fuse.due()) is not None]
        if not dues or min(dues) >= end:
            break
        now = min(dues)
        for fuse in fuses:
            due = fuse.due()
            if due is not None and due <= now:
                fuse.timers(now)
    return now
