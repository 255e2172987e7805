"""单元格 How one spreadsheet cell is read: each parser takes the trimmed text and gives a value or a `CellError`
that says what would be right. An empty cell never reaches a parser.

One list separator: ``;``. Entries that hold no space (ids, channels) may also be separated by spaces;
``pack format`` writes ``;``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from shared.ids import is_id
from shared.vocabulary import LEVELS, Level, Measure, RegionLevel

LIST_SEPARATOR = ";"
TEXT_MAX = 2_000
LIST_MAX = 200
NUMBER_MAX = 1e12

_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][-+]?[0-9]{1,2})?")
_INTEGER = re.compile(r"[0-9]{1,9}")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PHONE = re.compile(r"\+?[0-9]{3,15}")
_ITEM_CODE = re.compile(r"[123][0-9]{6}")
_DURATION = re.compile(r"([0-9]{1,6})(s|min|h|d)")
_UNIT_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}

CHANNELS = ("voice", "sms", "app", "radio", "satphone", "runner")
_NUMBERED = frozenset({"voice", "sms", "satphone"})

Parser = Callable[[str], Any]


class CellError(ValueError):
    """单元格有误 The message follows the field's name in the problem."""


def quoted(text: str) -> str:
    """The text as problems show it, cut to a readable length."""
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _excel(text: str) -> str:
    return (
        " (the spreadsheet turned it into a number: format the column as text)" if _SCIENTIFIC.fullmatch(text) else ""
    )


def text(value: str) -> str:
    return value


def identifier(value: str) -> str:
    if not is_id(value):
        raise CellError(f"{quoted(value)} is not an id{_excel(value)}; use up to 64 of A-Z a-z 0-9 _ -")
    return value


def scope_id(value: str) -> str:
    """An id, or the ``industry@region`` of an industry scope."""
    if not all(is_id(part) for part in value.split("@", 1)):
        raise CellError(f"{quoted(value)} is not an id{_excel(value)}; use an id, or INDUSTRY@REGION")
    return value


def hazard_or_any(value: str) -> str:
    return value if value == "*" else identifier(value)


def item_code(value: str) -> str:
    if not _ITEM_CODE.fullmatch(value):
        raise CellError(
            f"{quoted(value)} is not a GB/T 38565 code{_excel(value)}; use seven digits that begin with 1, 2 or 3"
        )
    return value


def number(value: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise CellError(f"{quoted(value)} is not a number; write digits with a point, such as 12.5, without a unit")
    found = float(value)
    if not math.isfinite(found) or abs(found) > NUMBER_MAX:
        raise CellError(f"{quoted(value)} is too large; use at most {NUMBER_MAX:g}")
    return found


def at_least(low: float) -> Parser:
    def parse(value: str) -> float:
        found = number(value)
        if found < low:
            raise CellError(f"{quoted(value)} is below {low:g}; use {low:g} or more")
        return found

    return parse


def positive(value: str) -> float:
    found = number(value)
    if found <= 0:
        raise CellError(f"{quoted(value)} is not above 0; use a positive number or leave it empty")
    return found


def integer(low: int, high: int) -> Parser:
    def parse(value: str) -> int:
        if not _INTEGER.fullmatch(value):
            raise CellError(f"{quoted(value)} is not a whole number; use {low} to {high}")
        found = int(value)
        if not low <= found <= high:
            raise CellError(f"{quoted(value)} is out of range; use {low} to {high}")
        return found

    return parse


def latitude(value: str) -> float:
    found = number(value)
    if not -90 <= found <= 90:
        raise CellError(f"{quoted(value)} is not a latitude; use -90 to 90 (are lat and lon exchanged?)")
    return found


def longitude(value: str) -> float:
    found = number(value)
    if not -180 <= found <= 180:
        raise CellError(f"{quoted(value)} is not a longitude; use -180 to 180")
    return found


def boolean(value: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}
    if value.lower() not in known:
        raise CellError(f"{quoted(value)} is neither true nor false; write true or false")
    return known[value.lower()]


def iso_date(value: str) -> str:
    wrong = CellError(f"{quoted(value)} is not a date; write it as 2026-04-20")
    if not _DATE.fullmatch(value):  # fromisoformat also reads forms that people misread
        raise wrong
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise wrong from None


def one_of(words: Iterable[str]) -> Parser:
    known = tuple(words)

    def parse(value: str) -> str:
        if value not in known:
            near = difflib.get_close_matches(value, known, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise CellError(f"{quoted(value)} is not known{hint}; use one of {', '.join(known)}")
        return value

    return parse


def level(value: str) -> Level:
    return Level(one_of(item.value for item in LEVELS if item is not Level.NORMAL)(value))


def measure(value: str) -> Measure:
    return Measure(one_of(item.value for item in Measure)(value))


def region_level(value: str) -> RegionLevel:
    return RegionLevel(one_of(item.value for item in RegionLevel)(value))


def _split(value: str, *, spaces: bool) -> list[str]:
    for wide in "；、，":
        if wide in value:
            raise CellError(f"{quoted(value)} separates by '{wide}'; separate the entries by '{LIST_SEPARATOR}'")
    pieces = re.split(r"[;\s]+" if spaces else LIST_SEPARATOR, value)
    found = [piece.strip() for piece in pieces if piece.strip()]
    if len(found) > LIST_MAX:
        raise CellError(f"has {len(found)} entries; at most {LIST_MAX} are taken")
    twice = next((piece for at, piece in enumerate(found) if piece in found[:at]), None)
    if twice is not None:
        raise CellError(f"names {quoted(twice)} twice; keep one")
    return found


def id_list(value: str) -> tuple[str, ...]:
    return tuple(identifier(piece) for piece in _split(value, spaces=True))


def item_list(value: str) -> tuple[str, ...]:
    return tuple(item_code(piece) for piece in _split(value, spaces=True))


def hazard_list(value: str) -> tuple[str, ...]:
    return tuple(hazard_or_any(piece) for piece in _split(value, spaces=True))


def text_list(value: str) -> tuple[str, ...]:
    return tuple(_split(value, spaces=False))


def contacts(value: str) -> tuple[tuple[str, str], ...]:
    """通道: ``voice:NUMBER;sms:NUMBER;app:ID;radio:ID;satphone:NUMBER;runner``, best first."""
    found: list[tuple[str, str]] = []
    for piece in _split(value, spaces=True):
        channel, colon, address = piece.partition(":")
        one_of(CHANNELS)(channel)
        if channel == "runner":
            if colon:
                raise CellError(f"{quoted(piece)} gives the runner an address; write runner alone")
        elif channel in _NUMBERED and not _PHONE.fullmatch(address):
            raise CellError(f"{quoted(piece)} has no telephone number{_excel(address)}; write {channel}:00000000001")
        elif channel not in _NUMBERED and not is_id(address):
            raise CellError(f"{quoted(piece)} has no id; write {channel}:ID with A-Z a-z 0-9 _ -")
        found.append((channel, address))
    return tuple(found)


def is_phone(value: str) -> bool:
    """Whether the text is a telephone number: digits with an optional +."""
    return _PHONE.fullmatch(value) is not None


def duration_s(value: str) -> int | None:
    """时长 ``90s 10min 3h 7d`` in seconds; None if it is none."""
    found = _DURATION.fullmatch(value)
    return int(found[1]) * _UNIT_S[found[2]] if found else None
