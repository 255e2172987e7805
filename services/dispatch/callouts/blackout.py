"""失联 Many phones unreachable by one cause are one item, not many retries (duty_room.md A8).

A mast that is down is told apart from people who do not answer and from a carrier that fails. One phone of the mast
is tried (the probe); the others wait, and somebody is sent: satellite phone, radio, the neighbouring village's runner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

PHONES_MIN = 3
WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Unreached:
    """一部打不通的电话: ``cause`` is the carrier's word for it, None where it gives none"""

    person: str
    region: str
    at: datetime
    cause: str | None = None


@dataclass(frozen=True, kw_only=True)
class Blackout:
    """失联: ``place`` is the cause that the carrier named, else the township"""

    place: str
    regions: tuple[str, ...]
    persons: tuple[str, ...]
    since: datetime

    @property
    def probe(self) -> str:
        return self.persons[0]


def blackouts(unreached: Iterable[Unreached], township_of: dict[str, str | None]) -> tuple[Blackout, ...]:
    """Group phones whose last ring ended unreachable: by cause, else by township."""
    groups: dict[str, list[Unreached]] = {}
    for phone in unreached:
        place = phone.cause or township_of.get(phone.region) or phone.region
        groups.setdefault(place, []).append(phone)
    found: list[Blackout] = []
    for place, phones in sorted(groups.items()):
        newest = max(phone.at for phone in phones)
        recent = [phone for phone in phones if newest - phone.at <= WINDOW]
        persons = tuple(sorted({phone.person for phone in recent}))
        if len(persons) < PHONES_MIN:
            continue
        regions = tuple(sorted({phone.region for phone in recent}))
        since = min(phone.at for phone in recent)
        found.append(Blackout(place=place, regions=regions, persons=persons, since=since))
    return tuple(found)
