"""CAP 取值 Times, languages, polygons and circles as producers write them, and as CAP 1.2 wants them; pure.

Each function gives the right value, or None where nobody can know what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_LOOSE = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[-+]\d\d:?\d\d|[-+]\d\d)?",
    re.IGNORECASE,
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
BUDDHIST_FROM, BUDDHIST_ERA = 2400, 543
BEIJING = "+08:00"

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it "
    "iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo "
    "mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh "
    "si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh "
    "yi yo za zh zu "
)
ISO_639_1 = frozenset(_CODES.split())
"""ISO 639-1, with the withdrawn codes that are still met (iw, in, ji, jw, mo, sh, bh)."""

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})")
_CIRCLE = re.compile(rf"({_NUMBER})\s*[, ]\s*({_NUMBER})\s*[, ]\s*({_NUMBER})")
CIRCLE = re.compile(rf"{_NUMBER},{_NUMBER} {_NUMBER}")
LAT_MAX, LON_MAX = 90.0, 180.0


def time_of(text: str) -> str | None:
    """CAP's form of a time (§3.3.2): seconds, no fraction, a numeric offset. Without an offset nobody can know it."""
    basic = _BASIC.fullmatch(text.strip())
    if basic:  # GB/T 35965.1 basic form, Beijing time
        return _time(basic.groups(), BEIJING)
    found = _LOOSE.fullmatch(text.strip())
    if found is None or found.group(7) is None:
        return None
    return _time([part or "00" for part in found.groups()[:6]], _offset(found.group(7)))


def _offset(text: str) -> str:
    if text.upper() in ("Z", "UTC", "GMT"):
        return "-00:00"  # CAP 1.2 §3.3.2: UTC is written so
    sign, digits = text[0], text[1:].replace(":", "").ljust(4, "0")
    return f"{sign}{digits[:2]}:{digits[2:]}"


def _time(parts: Sequence[str], offset: str) -> str | None:
    year, month, day, hour, minute, second = parts
    number = int(year) - BUDDHIST_ERA if int(year) >= BUDDHIST_FROM else int(year)
    second = "59" if second == "60" else second
    text = f"{number:04d}-{int(month):02d}-{int(day):02d}T{int(hour):02d}:{minute}:{second}{offset}"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


def instant(text: str) -> datetime | None:
    """The instant of a time that is in CAP's form."""
    try:
        return datetime.fromisoformat(text) if TIME.fullmatch(text) else None
    except ValueError:
        return None


def language_of(text: str) -> str | None:
    """A BCP 47 tag of a language that exists; ``en_US`` becomes ``en-US``."""
    tag = text.strip().replace("_", "-")
    if tag.lower().startswith(("x-", "i-")):
        return tag if re.fullmatch(r"[A-Za-z](-[A-Za-z0-9]{1,8})+", tag) else None
    if LANGUAGE.fullmatch(tag) is None:
        return None
    primary = tag.partition("-")[0].lower()
    return tag if len(primary) == 3 or primary in ISO_639_1 else None


@dataclass(frozen=True)
class Ring:
    """多边形: the points as CAP wants them, and what had to be done to them."""

    points: tuple[tuple[float, float], ...]
    text: str
    done: tuple[str, ...] = ()


def ring_of(text: str) -> Ring | None:
    """At least four points, closed, within range; None where it is no polygon."""
    done: list[str] = []
    plain = re.sub(r"[\[\](){};|]", " ", text)
    pairs = _PAIR.findall(plain)
    if not pairs or _PAIR.sub("", plain).strip(" \t\r\n,"):
        return None
    if plain != text:
        done.append("brackets")
    if any(not _in_range(float(a), float(b)) for a, b in pairs):
        fixed = _into_range(pairs)
        if fixed is None:
            return None
        pairs, what = fixed
        done.append(what)
    if pairs[0] != pairs[-1]:
        if (float(pairs[0][0]), float(pairs[0][1])) != (float(pairs[-1][0]), float(pairs[-1][1])):
            done.append("closed")
        pairs = [*pairs, pairs[0]] if "closed" in done else [*pairs[:-1], pairs[0]]
    if len(pairs) < 4:
        return None
    points = tuple((float(a), float(b)) for a, b in pairs)
    return Ring(points, " ".join(f"{a},{b}" for a, b in pairs), tuple(done))


def _into_range(pairs: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], str] | None:
    """Longitude first, or a longitude counted on past the date line; else nobody can know."""
    if all(_in_range(float(b), float(a)) for a, b in pairs):
        return [(b, a) for a, b in pairs], "swapped"
    wrapped = [(a, b if abs(float(b)) <= LON_MAX else f"{(float(b) + 180) % 360 - 180:g}") for a, b in pairs]
    if all(abs(float(a)) <= LAT_MAX and abs(float(b)) <= 2 * LON_MAX for a, b in pairs):
        return wrapped, "date_line"
    return None


def _in_range(lat: float, lon: float) -> bool:
    return abs(lat) <= LAT_MAX and abs(lon) <= LON_MAX


def circle_of(text: str) -> tuple[str, float] | None:
    """(``lat,lon radius``, the radius in km); None where it is no circle."""
    found = _CIRCLE.fullmatch(text.strip())
    if found is None:
        return None
    lat, lon, radius = found.groups()
    if not _in_range(float(lat), float(lon)) or float(radius) < 0:
        return None
    return f"{lat},{lon} {radius}", float(radius)


def crosses_itself(points: tuple[tuple[float, float], ...]) -> bool:
    """Whether the ring meets itself: what is inside is then anybody's guess."""
    return not shapely.Polygon(points).is_valid
