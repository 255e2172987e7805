"""解码 From bytes to readings in the station's own words, and what cannot be read by code (contract §2).

Each element of an array stands for itself: one that is wrong loses no other. Whether the values are believed is
`validate`'s question; here is only whether they can be understood.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.warning.readings.senml import UNITS, SenmlError, is_senml, resolve
from shared.ids import is_id
from shared.pack.model import Metric, Station
from shared.structs import Reader

PAYLOAD_BYTES_MAX = 64 * 1024
HEAD_BYTES = 4 * 1024
SEQ_MAX = 2**53
YEARS = (2000, 2100)
QUALITIES = frozenset({"good", "doubtful", "bad", "missing", "test"})


class WireReading(msgspec.Struct, frozen=True):
    """上报读数: one reading as contract §2 writes it; unknown members are left aside."""

    metric: str
    observed_at: str
    value: float | None = None
    boot: str | None = None
    seq: int | None = None
    unit: str | None = None
    quality: str = "good"
    lat: float | None = None
    lon: float | None = None
    station_id: str | None = None


class Given(msgspec.Struct, frozen=True, gc=False):
    """读数: one reading that can be understood; ``quality`` is the station's own word."""

    station: str
    metric: str
    value: float | None
    observed_at: datetime
    quality: str
    boot: str | None
    seq: int | None
    lat: float | None
    lon: float | None
    index: int


@dataclass(frozen=True)
class Fault:
    """死信: what cannot be read. ``index`` is the place in the array, None for the whole message."""

    code: str
    detail: str
    index: int | None = None
    boot: str | None = None
    seq: int | None = None
    head: bytes = b""


@dataclass(frozen=True)
class Decoded:
    """解码结果: the readings and the faults of one message."""

    readings: tuple[Given, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """词表: the stations and metrics that the active pack knows."""

    stations: Mapping[str, Station]
    metrics: Mapping[str, Metric]


_MANY = Reader(list[WireReading])
_ONE = Reader(WireReading)


def decode(payload: bytes, station: str, known: Vocabulary, now: datetime) -> Decoded:
    """读一条消息 One reading, an array, or a SenML pack. ``now`` is the realm's time (SenML's relative times)."""
    head = payload[:HEAD_BYTES]
    if len(payload) > PAYLOAD_BYTES_MAX:
        text = f"{len(payload)} bytes; a message may have {PAYLOAD_BYTES_MAX}"
        return Decoded(faults=(Fault("too_large", text, head=head),))
    if station not in known.stations:
        return Decoded(faults=(Fault("unknown_station", f"the pack has no station '{station}'", head=head),))
    wires = _fast(payload)
    if wires is None:
        raw = _raw(payload)
        if isinstance(raw, Fault):
            return Decoded(faults=(raw,))
        wires = _slow(raw, now)
    readings: list[Given] = []
    faults: list[Fault] = []
    for index, wire in wires:
        made = _judge(wire, index, station, known) if isinstance(wire, WireReading) else wire
        if isinstance(made, Given):
            readings.append(made)
        else:
            faults.append(made)
    return Decoded(tuple(readings), tuple(faults))


def _fast(payload: bytes) -> list[tuple[int, WireReading | Fault]] | None:
    """The plain forms when nothing is wrong with them."""
    try:
        if payload[:1] == b"[":
            return list(enumerate(_MANY.json(payload))) or None
        return [(0, _ONE.json(payload))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _raw(payload: bytes) -> Any:
    """Lenient JSON: ``NaN`` and numbers without bound are let through, to be named for what they are."""
    try:
        raw = json.loads(payload.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Fault("not_json", _storable(str(error))[:200], head=payload[:HEAD_BYTES])
    if isinstance(raw, Mapping | list) and raw:
        return raw
    return Fault("not_a_reading", "send one reading, an array of them, or a SenML pack", head=payload[:HEAD_BYTES])


def _slow(raw: Any, now: datetime) -> list[tuple[int, WireReading | Fault]]:
    source = raw if isinstance(raw, list) else [raw]
    items: Sequence[tuple[int, Any]] = resolve(source, now) if is_senml(raw) else list(enumerate(source))
    return [(index, _wire(item, source[index], index)) for index, item in items]


def _wire(item: Any, source: Any, index: int) -> WireReading | Fault:
    if isinstance(item, SenmlError):
        return _fault(item.code, str(item), index, source)
    if not isinstance(item, Mapping):
        return _fault("not_a_reading", "an element must be an object", index, source)
    value = item.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool) and not _finite(value):
        return _fault("not_finite", "value is not a finite number", index, source)
    try:
        return _ONE.plain(item)
    except msgspec.ValidationError as error:
        return _fault("not_a_reading", str(error)[:200], index, source)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _judge(wire: WireReading, index: int, station: str, known: Vocabulary) -> Given | Fault:
    at = _instant(wire.observed_at)
    wrong = _wrong(wire, station, known)
    if wrong is None and at is None:
        wrong = ("bad_time", f"'{wire.observed_at[:40]}' is no instant; write 2026-06-28T03:05:00Z")
    if wrong is not None or at is None:
        code, text = wrong or ("bad_time", "")
        return _fault(code, text, index, msgspec.to_builtins(wire))
    return Given(station, wire.metric, wire.value, at, wire.quality, wire.boot, wire.seq, wire.lat, wire.lon, index)


def _wrong(wire: WireReading, station: str, known: Vocabulary) -> tuple[str, str] | None:
    """The first thing that is wrong with a reading, in the order in which it would be put right."""
    metric = known.metrics.get(wire.metric)
    if wire.station_id is not None and wire.station_id != station:
        return "station_mismatch", f"the topic says {station}, the message '{wire.station_id[:64]}'"
    if metric is None or wire.metric not in known.stations[station].metrics:
        return "unknown_metric", f"station {station} has no metric '{wire.metric[:64]}' in the pack"
    if wire.unit is not None and UNITS.get(wire.unit, wire.unit) != metric.unit:
        return "unit_mismatch", f"{wire.metric} is in {metric.unit}, the message says '{wire.unit[:40]}'"
    if wire.quality not in QUALITIES:
        return "bad_quality", f"quality is one of {', '.join(sorted(QUALITIES))}"
    if wire.value is None and wire.quality != "missing":
        return "not_a_reading", "value is missing (only quality 'missing' may leave it out)"
    if wire.value is not None and not math.isfinite(wire.value):
        return "not_finite", "value is not a finite number"
    return _wrong_count(wire) or _wrong_place(wire)


def _wrong_count(wire: WireReading) -> tuple[str, str] | None:
    if wire.boot is None and wire.seq is not None:
        return "seq_without_boot", "seq counts within one boot; send both or neither"
    if wire.boot is not None and wire.seq is None:
        return "boot_without_seq", "boot needs seq; send both or neither"
    if wire.boot is not None and not is_id(wire.boot):
        return "bad_id", "boot is 1 to 64 of A-Z a-z 0-9 _ -"
    if wire.seq is not None and not 1 <= wire.seq <= SEQ_MAX:
        return "bad_seq", "seq counts from 1"
    return None


def _wrong_place(wire: WireReading) -> tuple[str, str] | None:
    lat, lon = wire.lat, wire.lon
    if (lat is None) != (lon is None) or not (-90 <= (lat or 0) <= 90 and -180 <= (lon or 0) <= 180):
        return "bad_place", "lat (-90 to 90) and lon (-180 to 180) come together"
    return None


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None or not YEARS[0] <= at.year < YEARS[1]:
        return None
    return at.astimezone(UTC)


def _fault(code: str, detail: str, index: int, source: Any) -> Fault:
    """A fault with as much of its count as can be read, so that a receipt can name it as rejected."""
    boot = source.get("boot") if isinstance(source, Mapping) else None
    seq = source.get("seq") if isinstance(source, Mapping) else None
    counted = (
        isinstance(boot, str)
        and is_id(boot)
        and isinstance(seq, int)
        and not isinstance(seq, bool)
        and 1 <= seq <= SEQ_MAX
    )
    head = json.dumps(source, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")[:HEAD_BYTES]
    return Fault(code, _storable(detail), index, boot if counted else None, seq if counted else None, head)


def _storable(text: str) -> str:
    """What a station wrote may hold what no database or JSON takes: NUL, halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
