"""通道存储 Attempts. The database itself says that an exercise calls through the simulator alone, and that nobody has
two live calls at once."""

from __future__ import annotations

from collections.abc import Iterable
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
    insert,
    select,
    text,
    update,
)

from services.dispatch.channels.carrier import ENDED, Attempt, AttemptState, Channel, Result
from services.dispatch.schema import metadata
from shared.db.types import Json, UtcDateTime

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
    CheckConstraint("realm = 'actual' OR carrier = 'simulator'", name="exercise_simulator_only"),
    CheckConstraint("realm <> 'actual' OR carrier <> 'simulator'", name="actual_never_simulated"),
    Index(None, "realm", "state"),
    Index(None, "realm", "person", "no"),
    Index(
        "uq_attempts_one_live_call",
        "realm",
        "person",
        unique=True,
        sqlite_where=text("live AND channel = 'voice'"),
        postgresql_where=text("live AND channel = 'voice'"),
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
    a = stored.attempt
    conn.execute(
        insert(attempts).values(
            realm=stored.realm,
            attempt_id=a.attempt_id,
            no=stored.no,
            carrier=stored.carrier,
            channel=a.channel.value,
            person=a.person,
            address=a.address,
            lang=stored.lang,
            text=a.text,
            covers=stored.covers,
            state=a.state.value,
            live=stored.live,
            seq=a.seq,
            keys=a.keys,
            queued_at=stored.queued_at,
            asked_at=stored.asked_at,
        )
    )


def save(conn: Connection, realm: str, a: Attempt, **more: Any) -> None:
    conn.execute(
        update(attempts)
        .where(attempts.c.realm == realm, attempts.c.attempt_id == a.attempt_id)
        .values(
            state=a.state.value,
            live=a.channel is Channel.VOICE and a.state not in ENDED,
            seq=a.seq,
            result=a.result.value if a.result else None,
            heard_s=a.heard_s,
            keys=a.keys,
            cause=a.cause,
            answered_at=a.answered_at,
            ended_at=a.ended_at,
            **more,
        )
    )


def find(conn: Connection, realm: str, attempt_id: str) -> Stored | None:
    row = conn.execute(select(attempts).where(attempts.c.realm == realm, attempts.c.attempt_id == attempt_id)).first()
    return _stored(row) if row else None


def queued(conn: Connection, limit: int) -> list[Stored]:
    """What no carrier has taken yet, over all realms, oldest first."""
    rows = conn.execute(
        select(attempts)
        .where(attempts.c.state == AttemptState.QUEUED.value)
        .order_by(attempts.c.queued_at, attempts.c.no)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


def overdue(conn: Connection, realm: str, channel: Channel, before: datetime, wall_before: datetime) -> list[Stored]:
    """Attempts of which nothing final was heard since ``before`` (domain) and ``wall_before`` (wall)."""
    rows = conn.execute(
        select(attempts).where(
            attempts.c.realm == realm,
            attempts.c.channel == channel.value,
            attempts.c.state.not_in([s.value for s in ENDED]),
            attempts.c.queued_at < before,
            attempts.c.asked_at < wall_before,
        )
    )
    return [_stored(row) for row in rows]


def live_address(conn: Connection, realm: str, address: str) -> str | None:
    """The attempt that is ringing this address now."""
    return conn.execute(
        select(attempts.c.attempt_id).where(
            attempts.c.realm == realm, attempts.c.address == address, attempts.c.live, attempts.c.channel == "voice"
        )
    ).scalar()


def of_persons(conn: Connection, realm: str, persons: Iterable[str]) -> list[Stored]:
    """All attempts at these persons in the order in which they were made."""
    rows = conn.execute(
        select(attempts)
        .where(attempts.c.realm == realm, attempts.c.person.in_(sorted(set(persons))))
        .order_by(attempts.c.no)
    )
    return [_stored(row) for row in rows]


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
