"""时间写法 How instants and spans are written: Beijing time, as it is read aloud. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BEIJING = timedelta(hours=8)


def parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def clock(text: Any) -> str:
    """Beijing time of an RFC 3339 instant, as it is read aloud: ``06-27 22:31:05``."""
    at = parse(str(text)) if text else None
    return (at.astimezone(UTC) + BEIJING).strftime("%m-%d %H:%M:%S") if at else "—"


def span(since: Any, now: datetime | None) -> str:
    """How long ago, or ``—`` where one of the two is not known."""
    at = parse(str(since)) if since else None
    if at is None or now is None:
        return "—"
    seconds = max(0, int((now - at).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def left(due: Any, now: datetime | None) -> str:
    """How long until a due time: ``-0:30`` when it is past."""
    at = parse(str(due)) if due else None
    if at is None or now is None:
        return "—"
    seconds = int((at - now).total_seconds())
    sign = "-" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"
