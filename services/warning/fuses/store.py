"""熔断存储 States, trips, records, and what dispatch reports back: holds and findings.

A fuse's state is one row; windows are rebuilt from readings. Records are append-only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

from services.warning.fuses.state import FuseState, Transition
from services.warning.schema import metadata
from shared.db.together import Glance, texts_of, together
from shared.db.types import BigId, Json, StructJson, UtcDateTime
from shared.db.upsert import upsert
from shared.structs import Reader

STANDS_KEPT = 2000  # decoded
STATE = StructJson(FuseState)  # its table of watches changes: none is kept

states = Table(
    "fuse_states",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("fuse", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("state", STATE, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("fence", BigId, nullable=False),
)

trips = Table(
    "trips",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("fuse", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("alert_id", Text),
    Column("notice_id", Text),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("last_n", Integer, nullable=False),
    Column("last", Json, nullable=False),
    Column("pack", Text),
    Index("ix_trips_no", "realm", "no"),
    Index("ix_trips_open", "realm", "closed_at"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("trip_id", Text),
    Column("fuse", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_transitions_trip", "realm", "trip_id", "n"),
    Index("ix_transitions_fuse", "realm", "fuse", "scope", "n"),
)

holds = Table(
    "trip_holds",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("holds", Json, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("trip_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("level", Text),
    Column("by", Json, nullable=False),
    Column("ground", Text),
    Column("happened_at", UtcDateTime),
    Column("known_at", UtcDateTime, nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("refused", Text),
    Index("ix_findings_trip", "realm", "trip_id"),
)


@dataclass(frozen=True)
class HoldReport:
    """在管报告: which measures of a trip are in force, as an answer to its record ``n``."""

    n: int
    holds: tuple[dict[str, Any], ...]
    at: datetime


class Word(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """记录要点: of a transition what a list shows; its evidence is counted, not read."""

    n: int
    known_at: str
    from_: str
    to: str
    reason: str
    because: list[dict[str, Any]]
    evidence: list[msgspec.Raw]


class Stand(msgspec.Struct, frozen=True):
    """现状要点: of a state what is counted."""

    fuse: str
    scope: str
    level: int = 0
    blind: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return (self.fuse, self.scope)


_STAND, _WORD = Reader(Stand), Reader(Word)

# -- states ----------------------------------------------------------------------------------------------


STATES = together(states.c.state, where=states.c.realm == bindparam("realm"))


def load_states(conn: Connection, realm: str) -> list[FuseState]:
    found = [STATE.read(text) for (text,) in texts_of(conn, STATES, realm=realm)]
    return sorted(found, key=lambda state: state.key)


def stands(glance: Glance) -> dict[tuple[str, str], Stand]:
    """Of `STATES`."""
    found = (_stand(text) for (text,) in glance.texts(STATES))
    return {stand.key: stand for stand in found}


@lru_cache(maxsize=STANDS_KEPT)
def _stand(text: str) -> Stand:
    """By the text, which says all of it, so that this memory cannot be stale."""
    return _STAND.json(text)


def state_of(conn: Connection, realm: str, fuse: str, scope: str) -> FuseState | None:
    key = (states.c.realm == realm, states.c.fuse == fuse, states.c.scope == scope)
    return conn.execute(select(states.c.state).where(*key)).scalar()


def has_states(conn: Connection, realm: str) -> bool:
    return conn.execute(select(states.c.fuse).where(states.c.realm == realm).limit(1)).first() is not None


def save_states(conn: Connection, realm: str, changed: Iterable[FuseState], *, at: datetime, fence: int) -> None:
    """Write states as they are now."""
    rows = [
        {
            "realm": realm,
            "fuse": state.fuse,
            "scope": state.scope,
            "level": state.level,
            "state": state,
            "changed_at": at,
            "fence": fence,
        }
        for state in changed
    ]
    if not rows:
        return
    conn.execute(upsert(conn, states, ("level", "state", "changed_at", "fence")), rows)


# -- trips and records -----------------------------------------------------------------------------------


def add_transition(conn: Connection, realm: str, no: int, made: Transition, body: dict[str, Any]) -> None:
    conn.execute(
        insert(transitions).values(
            realm=realm,
            id=made.id,
            no=no,
            trip_id=made.trip_id,
            fuse=made.fuse,
            scope=made.scope,
            n=made.n,
            known_at=datetime.fromisoformat(made.known_at),
            body=body,
        )
    )


def trip(conn: Connection, realm: str, trip_id: str) -> Row[Any] | None:
    return conn.execute(select(trips).where(trips.c.realm == realm, trips.c.trip_id == trip_id)).first()


def add_trip(conn: Connection, realm: str, values: dict[str, Any]) -> None:
    conn.execute(insert(trips).values(realm=realm, **values))


def change_trip(conn: Connection, realm: str, trip_id: str, values: dict[str, Any]) -> None:
    conn.execute(update(trips).where(trips.c.realm == realm, trips.c.trip_id == trip_id).values(**values))


def last_notice(conn: Connection, realm: str, fuse: str, scope: str) -> str | None:
    """The notice of the newest trip of a notice fuse."""
    query = select(trips.c.notice_id).where(trips.c.realm == realm, trips.c.fuse == fuse, trips.c.scope == scope)
    return conn.execute(query.order_by(trips.c.no.desc()).limit(1)).scalar()


def newest_trip(conn: Connection, realm: str, fuse: str, scope: str) -> str | None:
    """The fuse's last trip, open or over."""
    query = select(trips.c.trip_id).where(trips.c.realm == realm, trips.c.fuse == fuse, trips.c.scope == scope)
    return conn.execute(query.order_by(trips.c.no.desc()).limit(1)).scalar()


def records_of_trip(conn: Connection, realm: str, trip_id: str) -> list[dict[str, Any]]:
    """A trip's records, first to last."""
    query = (
        select(transitions.c.body)
        .where(transitions.c.realm == realm, transitions.c.trip_id == trip_id)
        .order_by(transitions.c.n)
    )
    return list(conn.execute(query).scalars())


_WORDS = together(
    transitions.c.trip_id,
    transitions.c.body,
    where=(transitions.c.realm == bindparam("realm")) & transitions.c.trip_id.in_(bindparam("trips", expanding=True)),
)


def words_of_trips(conn: Connection, realm: str, trip_ids: Sequence[str]) -> dict[str, list[Word]]:
    """What the records of several trips say, each first to last."""
    found: dict[str, list[Word]] = {}
    for trip_id, body in texts_of(conn, _WORDS, realm=realm, trips=list(trip_ids)):
        found.setdefault(trip_id, []).append(_WORD.json(body))
    return {trip_id: sorted(words, key=lambda word: word.n) for trip_id, words in found.items()}


def records_of_fuse(conn: Connection, realm: str, fuse: str, scope: str, limit: int) -> list[dict[str, Any]]:
    """A fuse's newest records, newest first."""
    query = (
        select(transitions.c.body)
        .where(transitions.c.realm == realm, transitions.c.fuse == fuse, transitions.c.scope == scope)
        .order_by(transitions.c.n.desc())
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def page_of_trips(
    conn: Connection, realm: str, *, is_open: bool | None, before_no: int | None, limit: int
) -> list[Row[Any]]:
    """Trips, newest first."""
    query: Select[Any] = select(trips).where(trips.c.realm == realm)
    if is_open is not None:
        query = query.where(trips.c.closed_at.is_(None) if is_open else trips.c.closed_at.is_not(None))
    if before_no is not None:
        query = query.where(trips.c.no < before_no)
    return list(conn.execute(query.order_by(trips.c.no.desc()).limit(limit)))


def last_known(conn: Connection, realm: str) -> datetime | None:
    """When the realm last wrote a record (domain time)."""
    return conn.execute(select(func.max(transitions.c.known_at)).where(transitions.c.realm == realm)).scalar()


# -- what dispatch reports -------------------------------------------------------------------------------


def save_holds(conn: Connection, realm: str, trip_id: str, report: HoldReport, received_at: datetime) -> None:
    values = {
        "n": report.n,
        "holds": list(report.holds),
        "at": report.at,
        "received_at": received_at,
    }
    key = (holds.c.realm == realm, holds.c.trip_id == trip_id)
    if conn.execute(update(holds).where(*key).values(**values)).rowcount == 0:
        conn.execute(insert(holds).values(realm=realm, trip_id=trip_id, **values))


def holds_of(conn: Connection, realm: str, trip_id: str) -> HoldReport | None:
    row = conn.execute(select(holds).where(holds.c.realm == realm, holds.c.trip_id == trip_id)).first()
    return HoldReport(row.n, tuple(row.holds), row.at) if row else None


def holds_of_many(conn: Connection, realm: str, trip_ids: Sequence[str]) -> dict[str, HoldReport]:
    query = select(holds).where(holds.c.realm == realm, holds.c.trip_id.in_(trip_ids))
    return {row.trip_id: HoldReport(row.n, tuple(row.holds), row.at) for row in conn.execute(query)}


def add_finding(conn: Connection, realm: str, values: dict[str, Any]) -> None:
    conn.execute(insert(findings).values(realm=realm, **values))


def findings_of(conn: Connection, realm: str, trip_id: str) -> list[Row[Any]]:
    query = select(findings).where(findings.c.realm == realm, findings.c.trip_id == trip_id)
    return list(conn.execute(query.order_by(findings.c.no)))
