"""待叫与时差 What a line holds and wants, as the judges tell it anew. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.vocabulary import Level

EXACT = timedelta(milliseconds=1)
WantKey = tuple[str, str, str, int]


@dataclass(frozen=True, kw_only=True)
class Want:
    """待叫: that a line wants a person to hear of a matter at this level, from ``since`` on"""

    person: str
    key: WantKey
    level: Level
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Held:
    """线上事项, as the log tells of it; ``asked`` is the version that last asked for an answer"""

    level: Level
    version: int
    asked: int
    opened_at: datetime
    grade: str | None = None
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """接替: a superior who was told by text, not rung, as somebody who acts already on what is at least as bad"""

    person: str
    at: datetime
    level: Level


@dataclass(frozen=True)
class Late:
    """时差: how long after its clock a step came"""

    line: str
    kind: str
    at: datetime
    by: timedelta


def span(span: timedelta) -> str:
    """In words, for a finding."""
    seconds = span.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
