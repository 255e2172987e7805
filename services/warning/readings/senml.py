"""SenML 解析 RFC 8428 packs resolved to the plain form of contract §2 (JSON, numeric values).

Base fields hold until the next of their kind (§4.1, §4.6); a time below 2**28 is relative to now (§4.5.3). ``boot`` and
``seq`` are our own labels, which the RFC lets a reader add (§4.4); ``boot`` holds like a base field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

RELATIVE_BELOW = 2**28
VERSION_MAX = 10
UNSUPPORTED = ("vs", "vb", "vd", "s", "bs")
NAME = re.compile(r"(?P<device>.*[/:.])?(?P<metric>[A-Za-z0-9][A-Za-z0-9_-]*)")
UNITS = {"%RH": "%", "l": "L", "l/s": "L/s", "lat": "deg", "lon": "deg"}  # RFC 8428 §12.1 → UCUM
KEYS = frozenset({"n", "v", "t", "u", "bn", "bt", "bu", "bv", "bver", "vs", "vb", "vd", "s", "bs"})


class SenmlError(ValueError):
    """SenML 有误: what of one record cannot be read, with the dead letter's code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class _Base:
    name: str = ""
    time: float = 0.0
    unit: str | None = None
    value: float | None = None
    boot: Any = None


def is_senml(raw: Any) -> bool:
    """Whether decoded JSON is a pack: an array whose records have labels of RFC 8428, none ``metric``."""
    if not isinstance(raw, list):
        return False
    records = [item for item in raw if isinstance(item, Mapping)]
    return any(KEYS & record.keys() for record in records) and not any("metric" in record for record in records)


def resolve(records: Sequence[Any], now: datetime) -> list[tuple[int, dict[str, Any] | SenmlError]]:
    """归一 Each record that measures something, as a plain reading by its place; or why it cannot be read."""
    base = _Base()
    out: list[tuple[int, dict[str, Any] | SenmlError]] = []
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            out.append((index, SenmlError("not_a_reading", "a SenML record is an object")))
            continue
        try:
            _take_base(base, record)
            if _measures(record):
                out.append((index, _plain(base, record, now)))
        except SenmlError as error:
            out.append((index, error))
    return out


def _take_base(base: _Base, record: Mapping[str, Any]) -> None:
    for label in record:
        if label.endswith("_"):
            raise SenmlError("senml_unsupported", f"the label '{label[:40]}' must be understood, and is not")
    version = _number(record, "bver")
    if version is not None and version > VERSION_MAX:
        raise SenmlError("senml_unsupported", f"SenML version {version:g} is newer than {VERSION_MAX}")
    if "bn" in record:
        base.name = _text(record, "bn")
    if (time := _number(record, "bt")) is not None:
        base.time = time
    if "bu" in record:
        base.unit = _text(record, "bu")
    if "bv" in record:
        base.value = _number(record, "bv")
    if "boot" in record:
        base.boot = record["boot"]


def _measures(record: Mapping[str, Any]) -> bool:
    """A record of base fields alone measures nothing."""
    return any(label in record for label in ("n", "v", "t", "u", *UNSUPPORTED))


def _plain(base: _Base, record: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    for label in UNSUPPORTED:
        if label in record:
            raise SenmlError("senml_unsupported", f"'{label}' is no number to compare; send 'v'")
    found = NAME.fullmatch(base.name + (_text(record, "n") if "n" in record else ""))
    if found is None:
        raise SenmlError("not_a_reading", "the resolved name must end in a metric such as rain_mm")
    value = _number(record, "v")
    if value is None and base.value is None:
        raise SenmlError("not_a_reading", "a record needs 'v'")
    plain: dict[str, Any] = {
        "metric": found["metric"],
        "value": (value or 0.0) + (base.value or 0.0),
        "observed_at": _instant(base.time + (_number(record, "t") or 0.0), now),
        **{label: record[label] for label in ("seq", "quality", "lat", "lon") if label in record},
    }
    device = (found["device"] or "").rstrip("/:.")
    if device and not device.startswith("urn:"):
        plain["station_id"] = re.split(r"[/:.]", device)[-1]
    unit = _text(record, "u") if "u" in record else base.unit
    if unit is not None:
        plain["unit"] = UNITS.get(unit, unit)
    if base.boot is not None and "seq" in record:
        plain["boot"] = base.boot
    return plain


def _instant(seconds: float, now: datetime) -> str:
    try:
        at = now + timedelta(seconds=seconds) if seconds < RELATIVE_BELOW else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise SenmlError("bad_time", f"the time {seconds:g} is no instant") from None
    return at.isoformat()


def _number(record: Mapping[str, Any], label: str) -> float | None:
    value = record.get(label)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SenmlError("not_a_reading", f"'{label}' is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SenmlError("bad_time" if label in ("t", "bt") else "not_finite", f"'{label}' is not a finite number")
    return number


def _text(record: Mapping[str, Any], label: str) -> str:
    value = record[label]
    if not isinstance(value, str):
        raise SenmlError("not_a_reading", f"'{label}' is not text")
    return value
