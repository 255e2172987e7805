"""时间写法 How instants and spans are written: Beijing time, as it is read aloud. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

BEIJING = timedelta(hours=8)
BEIJING_ZONE = timezone(BEIJING)
_FIELD = re.compile(
    r"(?:(?:(?P<year>\d{4})-)?(?P<month>\d{1,2})-(?P<day>\d{1,2})\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?"
)


def parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def clock(text: Any) -> str:
    """Beijing time of an RFC 3339 instant, as it is read aloud: ``06-27 22:31:05``."""
    at = parse(str(text)) if text else None
    return (at.astimezone(UTC) + BEIJING).strftime("%m-%d %H:%M:%S") if at else "—"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(instant: Any, lang: str) -> str:
    """Beijing time to the minute, as everybody reads it: ``6月28日 03:05``, ``28 Jun 03:05``."""
    at = instant if isinstance(instant, datetime) else parse(str(instant)) if instant else None
    if at is None:
        return "—"
    here = at.astimezone(BEIJING_ZONE)
    day = f"{here.month}月{here.day}日" if lang == "zh" else f"{here.day} {_MONTHS[here.month - 1]}"
    return f"{day} {here:%H:%M}"


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


def field(at: datetime | None) -> str:
    """An instant as a form's field holds it, in Beijing time, to the minute: ``2026-06-28 03:05``."""
    return at.astimezone(BEIJING_ZONE).strftime("%Y-%m-%d %H:%M") if at else ""


def read_field(text: str, now: datetime | None) -> datetime | None:
    """What was typed there; ``06-28 03:05`` is this year's, ``3:05`` today's; None where it is no time."""
    found = _FIELD.fullmatch(text.strip().replace("：", ":").replace("T", " ").replace("/", "-"))
    here = now.astimezone(BEIJING_ZONE) if now else None
    if found is None or (here is None and found["year"] is None):
        return None
    given = {name: int(value) for name, value in found.groupdict().items() if value is not None}
    today = {"year": here.year, "month": here.month, "day": here.day} if here else {}
    try:
        return datetime(**{**today, **given}, tzinfo=BEIJING_ZONE)
    except ValueError:
        return None


def age(at: Any, now: datetime | None, lang: str = "zh") -> str:
    """How long ago, roughly, for a column of them: ``<1分 12分 3时05分 2天``; clock.js counts on in the same words."""
    then = parse(str(at)) if at else None
    if then is None or now is None:
        return "—"
    minutes = int((now - then).total_seconds() // 60)
    day, hour, minute = ("天", "时", "分") if lang == "zh" else ("d", "h", "min")
    if minutes < 1:
        return f"<1{minute}"
    if minutes < 60:
        return f"{minutes}{minute}"
    if minutes < 48 * 60:
        return f"{minutes // 60}{hour}{minutes % 60:02d}{minute if lang == 'zh' else ''}"
    return f"{minutes // 1440}{day}"


def figure(value: Any) -> str:
    """A measured number as people write it: no more than two decimals, no trailing zeros."""
    if value is None:
        return "—"
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


UNITS = (("_mm", "mm"), ("_m", "m"), ("_deg", "°"), ("_pct", "%"), ("_ms", "m/s"), ("_c", "℃"), ("_ppm", "ppm"))
UNITS_MORE = (("_ue", "με"), ("_mpa", "MPa"), ("_days", "d"))


def unit_of(metric: str) -> str:
    """The unit that ends a metric's name (house rule), as people write it; nothing where it has none."""
    return next((unit for tail, unit in (*UNITS, *UNITS_MORE) if metric.endswith(tail)), "")
