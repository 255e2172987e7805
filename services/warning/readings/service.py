"""读数用例 A run of messages becomes stored readings and dead letters; only what is really new goes on to the fuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.warning.readings import store
from services.warning.readings.decode import Fault, Given, Vocabulary, decode
from services.warning.readings.instant import from_us, to_us
from services.warning.readings.store import DeadLetter, Judgement, NewReading
from services.warning.readings.validate import Checked, Doubt, Fate, Incoming, Quality
from shared.ids import sha256_hex
from shared.realm import format_time


@dataclass(frozen=True, slots=True)
class Payload:
    """来报: one message of readings of a station."""

    station: str
    topic: str
    payload: bytes


class Element(msgspec.Struct, frozen=True, gc=False):
    """逐条结果: what became of one reading of a message."""

    index: int | None
    status: str  # stored | revision | duplicate | too_old | dead_letter
    code: str | None = None
    detail: str | None = None
    reading_id: int | None = None
    quality: str | None = None
    doubt: str | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {
            "index": self.index,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "id": self.reading_id,
            "quality": self.quality,
            "doubt": self.doubt,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass
class Stored:
    """入库结果 of one realm's run of messages. ``elements`` by message; ``counted`` are (station, boot, seq, code)."""

    elements: list[list[Element]]
    fresh: list[Incoming] = field(default_factory=list)
    counted: list[tuple[str, str, int, str | None]] = field(default_factory=list)
    uncounted: set[str] = field(default_factory=set)
    letters: list[DeadLetter] = field(default_factory=list)
    fresh_letters: list[DeadLetter] = field(default_factory=list)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)  # reading id → (message, position in elements)
    revisions: dict[int, int] = field(default_factory=dict)
    next_id: int = 0


def take(
    conn: Connection,
    realm: str,
    known: Vocabulary,
    messages: Sequence[Payload],
    *,
    now: datetime,
    received_at: datetime,
    first_id: int,
    in_test: Callable[[str], bool],
) -> Stored:
    """入库 Decode and store. ``now`` is the realm's time; ``in_test`` says which stations are in maintenance."""
    stored = Stored([[] for _ in messages])
    rows: list[NewReading] = []
    givens: dict[int, Given] = {}
    at = first_id
    for number, message in enumerate(messages):
        decoded = decode(message.payload, message.station, known, now)
        for fault in decoded.faults:
            stored.elements[number].append(Element(fault.index, "dead_letter", fault.code, fault.detail))
            stored.letters.append(letter(realm, message.topic, message.station, message.payload, fault))
            if fault.boot is not None and fault.seq is not None:
                stored.counted.append((message.station, fault.boot, fault.seq, fault.code))
        for given in decoded.readings:
            rows.append(_row(at, given, test=in_test(given.station)))
            givens[at] = given
            stored.places[at] = (number, len(stored.elements[number]))
            stored.elements[number].append(Element(given.index, "duplicate"))
            if given.boot is not None and given.seq is not None:
                stored.counted.append((given.station, given.boot, given.seq, None))
            else:
                stored.uncounted.add(given.station)
            at += 1
    stored.next_id = at
    inserted = store.insert_new(conn, realm, rows, known_at=now, received_at=received_at)
    stored.revisions = store.link_revisions(conn, first_id) if inserted else {}
    received_us = to_us(now)
    for row in rows:
        if row.id in inserted:
            stored.fresh.append(_incoming(row, received_us))
    stored.fresh_letters = store.bury(conn, stored.letters, received_at)
    return stored


def settle(conn: Connection, stored: Stored, checked: Sequence[Checked]) -> None:
    """记下评定 Write what validation made of the new readings, and tell each element."""
    judgements = []
    for one in checked:
        reading_id = int(one.ref)
        number, position = stored.places[reading_id]
        fate = Fate.REVISION if reading_id in stored.revisions and one.fate is Fate.NEW else one.fate
        status = {Fate.REVISION: "revision", Fate.TOO_OLD: "too_old"}.get(fate, "stored")
        before = stored.elements[number][position]
        stored.elements[number][position] = Element(
            before.index,
            status,
            reading_id=reading_id,
            quality=one.quality.value,
            doubt=None if one.doubt is Doubt.NONE else one.doubt.value,
        )
        plain = one.quality is Quality.GOOD and one.observed_us == one.claimed_us and fate is Fate.NEW
        if not plain:
            judgements.append(
                Judgement(reading_id, from_us(one.observed_us), one.quality.value, one.doubt.value, fate.value)
            )
    store.judge(conn, judgements)


def letter(realm: str, topic: str, station: str | None, payload: bytes, fault: Fault) -> DeadLetter:
    """死信 The record of what could not be read: hash of the whole, first 4 KiB of what is wrong."""
    return DeadLetter(
        realm=realm,
        topic=topic[:300],
        code=fault.code,
        detail=fault.detail,
        sha256=sha256_hex(payload),
        size=len(payload),
        head=fault.head or payload[: store.HEAD_BYTES],
        station=station,
        part=fault.index,
        boot=fault.boot,
        seq=fault.seq,
    )


def incoming_of(row: Any) -> Checked:
    """A stored reading as the windows take it again after a restart."""
    return Checked(
        station_id=row.station,
        metric=row.metric,
        value=row.value,
        observed_us=to_us(row.placed_at),
        claimed_us=to_us(row.observed_at),
        received_us=to_us(row.known_at),
        ref=row.id,
        quality=Quality(row.quality),
        doubt=Doubt(row.doubt),
        fate=Fate(row.fate),
        boot=row.boot,
        seq=row.seq,
    )


def reading_out(district: str, realm: str, row: Any) -> dict[str, Any]:
    """A stored reading for the API."""
    return {
        "district": district,
        "realm": realm,
        "id": row.id,
        "station_id": row.station,
        "metric": row.metric,
        "value": row.value,
        "observed_at": format_time(row.observed_at),
        "placed_at": format_time(row.placed_at),
        "known_at": format_time(row.known_at),
        "received_at": format_time(row.received_at),
        "given_quality": row.given,
        "quality": row.quality,
        "doubt": row.doubt,
        "fate": row.fate,
        "boot": row.boot,
        "seq": row.seq,
        "revision_of": row.revision_of,
        "lat": row.lat,
        "lon": row.lon,
    }


def dead_letter_out(district: str, realm: str, row: Any) -> dict[str, Any]:
    """A dead letter for the API; the head as text, whatever it holds."""
    return {
        "district": district,
        "realm": realm,
        "no": row.no,
        "station_id": row.station,
        "topic": row.topic,
        "code": row.code,
        "detail": row.detail,
        "part": row.part,
        "boot": row.boot,
        "seq": row.seq,
        "sha256": row.sha256,
        "size": row.size,
        "head": bytes(row.head).decode("utf-8", "replace"),
        "count": row.count,
        "first_at": format_time(row.first_at),
        "last_at": format_time(row.last_at),
    }


def letter_event(dead: DeadLetter) -> Mapping[str, Any]:
    """One line of a timeline."""
    return {"station": dead.station, "topic": dead.topic, "code": dead.code, "part": dead.part, "detail": dead.detail}


def _row(reading_id: int, given: Given, *, test: bool) -> NewReading:
    return NewReading(
        reading_id,
        given.station,
        given.metric,
        given.observed_at,
        given.value,
        "test" if test else given.quality,
        given.boot,
        given.seq,
        given.lat,
        given.lon,
    )


def _incoming(row: NewReading, received_us: int) -> Incoming:
    return Incoming(
        station_id=row.station,
        metric=row.metric,
        value=row.value,
        observed_us=to_us(row.observed_at),
        received_us=received_us,
        ref=row.id,
        boot=row.boot,
        seq=row.seq,
        quality=Quality(row.given),
    )
