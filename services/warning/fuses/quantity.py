"""量 Durations, percents, distances and amounts as officials write them in a rule."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)min)?(?:(\d+)s)?")
_DISTANCE = re.compile(r"(\d+(?:\.\d+)?)\s*(km|m)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_COLUMN = re.compile(r"station\.([A-Za-z0-9_]+)(?:\s*([-+])\s*(\d+(?:\.\d+)?))?")
DURATION_MAX_S = 366 * 86_400
NUMBER_MAX = 10**12  # larger than any physical quantity, and exact in every JSON reader


def duration_s(value: object) -> int | None:
    """``10min``, ``3h``, ``1d``, ``1h30min`` in seconds; a bare 0 too. None if it is none of these."""
    if value == 0 and not isinstance(value, bool):
        return 0
    if not isinstance(value, str) or not value.strip():
        return None
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    return total if total <= DURATION_MAX_S else None


def distance_m(value: object) -> float | None:
    """``15km`` or ``800m`` in metres."""
    found = _DISTANCE.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1]) * (1000 if found[2] == "km" else 1) if found else None


def percent(value: object) -> Decimal | None:
    """``80%`` as 80."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    return Decimal(found[1]) if found else None


def number(value: object) -> Decimal | None:
    """A finite number as the decimal that was written; text that is one counts."""
    if isinstance(value, bool):
        return None
    found = None
    if isinstance(value, int | float):
        found = Decimal(repr(value))
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        found = Decimal(value.strip())
    return found if found is not None and found.is_finite() and abs(found) <= NUMBER_MAX else None


def amount(value: object, unit: str) -> Decimal | None:
    """A number, or a number followed by the metric's unit (``0.2`` or ``0.2 m``)."""
    if isinstance(value, str) and unit and value.strip().endswith(unit):
        return number(value.strip()[: -len(unit)].strip())
    return number(value)


def cell(text: str) -> Decimal | None:
    """A number in a spreadsheet cell; None if it is not one."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def station_column(value: object) -> tuple[str, Decimal] | None:
    """``station.stage_guarantee_m+0.5`` as (column, offset)."""
    found = _COLUMN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    offset = Decimal(found[3]) if found[3] else Decimal(0)
    return found[1], -offset if found[2] == "-" else offset


def whole(value: object, least: int) -> int | None:
    """A whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        return None
    return value


def ratio(value: object) -> Fraction | None:
    """A positive number as an exact fraction."""
    found = number(value)
    return Fraction(found) if found is not None and found > 0 else None
