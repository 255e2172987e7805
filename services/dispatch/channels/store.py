"""通道存储 Attempts. The database itself says that an exercise calls through the simulator alone, and that nobody has
two live calls at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    text,
    update,
)

from services.dispatch.channels.carrier import ENDED, Attempt, AttemptState, Channel, Result
from services.dispatch.schema import metadata
from shared.db.types import Json, UtcDateTime

_LIVE_CALL = text("live AND channel = 'voice'")  # word for word as the index has it, or it is not used
AUTOMATIC = (Channel.VOICE, Channel.SMS)  # what a machine carries
_OUT = [state.value for state in AttemptState if state not in ENDED]

attempts = Table(
    "attempts",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("attempt_id", Text, primary_key=True),
    Column("no", Integer, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("covers", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("result", Text),
    Column("heard_s", Float),
    Column("keys", Text, nullable=False),
    Column("cause", Text),
    Column("call_id", Text),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),  # wall: written, then when the carrier was asked
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("hang_up_at", UtcDateTime),  # wall: since when the carrier is to hang up; none once it has, or need not
    CheckConstraint("realm = 'actual' OR carrier = 'simulator'", name="exercise_simulator_only"),
    CheckConstraint("realm <> 'actual' OR carrier <> 'simulator'", name="actual_never_simulated"),
    Index(None, "realm", "state"),
    Index(None, "realm", "person", "no"),
    Index(None, "hang_up_at"),
    Index(
        "uq_attempts_one_live_call",
        "realm",
        "person",
        unique=True,
        sqlite_where=_LIVE_CALL,
        postgresql_where=_LIVE_CALL,
    ),
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """存储的拨叫: an attempt with what it is about; ``covers`` = [{case_id, post, read: {matter key: version}}]"""

    realm: str
    no: int
    carrier: str
    attempt: Attempt
    lang: str
    covers: list[dict[str, Any]]
    queued_at: datetime  # domain time of the realm
    asked_at: datetime  # wall time, for time-outs
    live: bool
    call_id: str | None = None


def add(conn: Connection, stored: Stored) -> None:
    add_all(conn, [stored])


def add_all(conn: Connection, made: Iterable[Stored]) -> None:
    """Write attempts that were just made."""
    rows = [
        {
            "realm": stored.realm,
            "attempt_id": stored.attempt.attempt_id,
            "no": stored.no,
            "carrier": stored.carrier,
            "channel": stored.attempt.channel.value,
            "person": stored.attempt.person,
            "address": stored.attempt.address,
            "lang": stored.lang,
            "text": stored.attempt.text,
            "covers": stored.covers,
            "state": stored.attempt.state.value,
            "live": stored.live,
            "seq": stored.attempt.seq,
            "keys": stored.attempt.keys,
            "queued_at": stored.queued_at,
            "asked_at": stored.asked_at,
        }
        for stored in made
    ]
    if rows:
        conn.execute(insert(attempts), rows)


_ONE = update(attempts).where(attempts.c.realm == bindparam("of_realm"), attempts.c.attempt_id == bindparam("of_id"))


def save(conn: Connection, realm: str, a: Attempt, **more: Any) -> None:
    conn.execute(_ONE, {"of_realm": realm, "of_id": a.attempt_id, **_moved(a), **more})


def save_all(conn: Connection, realm: str, moved: Iterable[Attempt]) -> None:
    """Write many attempts as they stand now."""
    rows = [{"of_realm": realm, "of_id": a.attempt_id, **_moved(a)} for a in moved]
    if rows:
        conn.execute(_ONE, rows)


def _moved(a: Attempt) -> dict[str, Any]:
    return {
        "state": a.state.value,
        "live": a.channel is Channel.VOICE and a.state not in ENDED,
        "seq": a.seq,
        "result": a.result.value if a.result else None,
        "heard_s": a.heard_s,
        "keys": a.keys,
        "cause": a.cause,
        "answered_at": a.answered_at,
        "ended_at": a.ended_at,
    }


_FIND = select(attempts).where(attempts.c.realm == bindparam("realm"), attempts.c.attempt_id == bindparam("attempt_id"))


def find(conn: Connection, realm: str, attempt_id: str) -> Stored | None:
    row = conn.execute(_FIND, {"realm": realm, "attempt_id": attempt_id}).first()
    return _stored(row) if row else None


_QUEUED = (
    select(attempts)
    .where(attempts.c.state == AttemptState.QUEUED.value)
    .order_by(attempts.c.queued_at, attempts.c.no)
    .limit(bindparam("limit"))
)


def queued(conn: Connection, limit: int) -> list[Stored]:
    """What no carrier has taken yet, over all realms, oldest first."""
    return [_stored(row) for row in conn.execute(_QUEUED, {"limit": limit})]


_LATE = and_(
    attempts.c.realm == bindparam("realm"),
    attempts.c.state.in_(_OUT),
    attempts.c.asked_at < bindparam("wall_before"),
    or_(
        *(
            and_(attempts.c.channel == channel.value, attempts.c.queued_at < bindparam(f"{channel.value}_before"))
            for channel in AUTOMATIC
        )
    ),
)
_OVERDUE = select(attempts).where(_LATE).order_by(attempts.c.no)
ANY_OVERDUE = exists().where(_LATE)  # for whoever asks several things in one statement


def overdue(conn: Connection, patience: Mapping[str, Any]) -> list[Stored]:
    """Attempts of which nothing final was heard in time: of a ``realm``, ``voice_before``, ``sms_before`` (domain) and
    ``wall_before``."""
    return [_stored(row) for row in conn.execute(_OVERDUE, patience)]


def live_addresses(conn: Connection, realm: str) -> dict[str, str]:
    """The addresses that are ringing now, each with its attempt."""
    rows = conn.execute(select(attempts.c.address, attempts.c.attempt_id).where(attempts.c.realm == realm, _LIVE_CALL))
    return {row.address: row.attempt_id for row in rows}


def of_persons(conn: Connection, realm: str, persons: Iterable[str]) -> list[Stored]:
    """All attempts at these persons in the order in which they were made."""
    rows = conn.execute(
        select(attempts)
        .where(attempts.c.realm == realm, attempts.c.person.in_(sorted(set(persons))))
        .order_by(attempts.c.no)
    )
    return [_stored(row) for row in rows]


def unfinished(conn: Connection, realm: str) -> list[Stored]:
    """What is queued, and every call that is out."""
    still_out = or_(attempts.c.state == AttemptState.QUEUED.value, _LIVE_CALL)
    query = select(attempts).where(attempts.c.realm == realm, attempts.c.state.in_(_OUT), still_out)
    return [_stored(row) for row in conn.execute(query.order_by(attempts.c.no))]


def persons_reached(conn: Connection, realm: str) -> set[str]:
    """Everybody whom a carrier was asked to reach in the realm."""
    sent = or_(
        attempts.c.result.is_(None), attempts.c.result != Result.WITHDRAWN.value, attempts.c.call_id.is_not(None)
    )
    taken = and_(attempts.c.state != AttemptState.QUEUED.value, sent)
    return set(conn.execute(select(attempts.c.person).where(attempts.c.realm == realm, taken).distinct()).scalars())


_TO_HANG_UP = (
    select(attempts)
    .where(attempts.c.hang_up_at.is_not(None), attempts.c.call_id.is_not(None))
    .order_by(attempts.c.hang_up_at, attempts.c.no)
    .limit(bindparam("limit"))
)


def to_hang_up(conn: Connection, limit: int) -> list[tuple[Stored, datetime]]:
    """Calls that the carrier has and nobody wants any more, over all realms, each with since when (wall)."""
    rows = conn.execute(_TO_HANG_UP, {"limit": limit})
    return [(_stored(row), row.hang_up_at) for row in rows]


def last_address(conn: Connection, realm: str, person: str) -> str | None:
    return conn.execute(
        select(attempts.c.address)
        .where(attempts.c.realm == realm, attempts.c.person == person)
        .order_by(attempts.c.no.desc())
        .limit(1)
    ).scalar()


def waiting(conn: Connection) -> int:
    """How many attempts no carrier has taken yet."""
    rows = conn.execute(select(attempts.c.no).where(attempts.c.state == AttemptState.QUEUED.value))
    return len(rows.all())


def _stored(row: Row[Any]) -> Stored:
    return Stored(
        realm=row.realm,
        no=row.no,
        carrier=row.carrier,
        attempt=Attempt(
            attempt_id=row.attempt_id,
            channel=Channel(row.channel),
            person=row.person,
            address=row.address,
            text=row.text,
            state=AttemptState(row.state),
            seq=row.seq,
            result=Result(row.result) if row.result else None,
            heard_s=row.heard_s,
            keys=row.keys,
            cause=row.cause,
            answered_at=row.answered_at,
            ended_at=row.ended_at,
        ),
        lang=row.lang,
        covers=row.covers,
        queued_at=row.queued_at,
        asked_at=row.asked_at,
        live=row.live,
        call_id=row.call_id,
    )
