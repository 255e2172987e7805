"""时刻 Instants inside the engine: whole microseconds since 1970 UTC, exact, ordered and cheap to subtract.

Names end in ``_us``. Datetimes and RFC 3339 text exist only at the edges.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """An aware datetime as microseconds since 1970 UTC."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC")
    return (at - _EPOCH) // _TICK


def from_us(us: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=us)


def rfc3339(us: int) -> str:
    """``2026-06-28T03:05:00Z``; the fraction only where there is one, without trailing zeros."""
    at = from_us(us)
    whole = at.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at.microsecond:06d}".rstrip("0") + "Z" if at.microsecond else whole + "Z"


def parse_rfc3339(text: str) -> int:
    """The instant of an RFC 3339 text with an offset; ValueError says what is wrong."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a time; write 2026-06-28T03:05:00Z") from error
    if at.tzinfo is None or len(text) <= 10:
        raise ValueError(f"'{text}' has no offset; write 2026-06-28T03:05:00Z or …T11:05:00+08:00")
    return to_us(at)
