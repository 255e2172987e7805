"""叫应存储 Cases, lines (the state as decided, plus what is asked for), rings, findings, and an append-only log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from services.dispatch.callouts.line import Line
from services.dispatch.callouts.matter import Matter
from services.dispatch.callouts.ring import Ring
from services.dispatch.schema import metadata
from shared.db.types import Json, UtcDateTime

cases = Table(
    "cases",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("no", Integer, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("pack", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("gaps", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "realm", "incident_id"),
)
matters = Table(
    "case_matters",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("matter_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "realm", "matter_id"),
)
lines = Table(
    "case_lines",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("post", Text, primary_key=True),
    Column("no", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", UtcDateTime),
    Column("state", Json, nullable=False),
    Index(None, "realm", "due_at"),
)
parties = Table(
    "case_parties",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("post", Text, primary_key=True),
    Column("open", Boolean, nullable=False),
)
rings = Table(
    "rings",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("next_at", UtcDateTime),
    Column("last_result", Text),
    Column("last_cause", Text),
    Column("ended_at", UtcDateTime),
    Column("state", Json, nullable=False),
    Index(None, "realm", "next_at"),
    Index(None, "realm", "last_result"),
)
blackouts = Table(
    "blackouts",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("place", Text, nullable=False),
    Column("persons", Json, nullable=False),
    Column("regions", Json, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "realm", "ended_at"),
)
log = Table(
    "case_log",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Text, nullable=False),
    Column("post", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("happened_at", UtcDateTime),
    Column("kind", Text, nullable=False),
    Column("by", Text),
    Column("body", Json, nullable=False),
    Index(None, "realm", "case_id", "no"),
)


# -- cases -----------------------------------------------------------------------------------------------


def add_case(conn: Connection, **values: Any) -> None:
    conn.execute(insert(cases).values(**values))


def save_case(conn: Connection, realm: str, case_id: str, **values: Any) -> None:
    """Change fields of a case; each change is a new version."""
    conn.execute(
        update(cases)
        .where(cases.c.realm == realm, cases.c.case_id == case_id)
        .values(version=cases.c.version + 1, **values)
    )


def case(conn: Connection, realm: str, case_id: str) -> Row[Any] | None:
    return conn.execute(select(cases).where(cases.c.realm == realm, cases.c.case_id == case_id)).first()


def case_of_incident(conn: Connection, realm: str, incident_id: str) -> Row[Any] | None:
    return conn.execute(
        select(cases)
        .where(cases.c.realm == realm, cases.c.incident_id == incident_id)
        .order_by(cases.c.no.desc())
        .limit(1)
    ).first()


def list_cases(conn: Connection, realm: str, after: int | None, limit: int, state: str | None) -> list[Row[Any]]:
    """The newest first, from before number ``after``."""
    query = select(cases).where(cases.c.realm == realm).order_by(cases.c.no.desc()).limit(limit)
    if after is not None:
        query = query.where(cases.c.no < after)
    if state is not None:
        query = query.where(cases.c.state == state)
    return list(conn.execute(query))


def save_matter(conn: Connection, realm: str, case_id: str, matter: Matter, ended_at: datetime | None) -> None:
    here = (matters.c.realm == realm, matters.c.case_id == case_id, matters.c.matter_id == matter.matter_id)
    values = {"version": matter.version, "body": msgspec.to_builtins(matter), "ended_at": ended_at}
    if conn.execute(update(matters).where(*here).values(**values)).rowcount == 0:
        conn.execute(insert(matters).values(realm=realm, case_id=case_id, matter_id=matter.matter_id, **values))


def matter(conn: Connection, realm: str, case_id: str, matter_id: str) -> Matter | None:
    body = conn.execute(
        select(matters.c.body).where(
            matters.c.realm == realm, matters.c.case_id == case_id, matters.c.matter_id == matter_id
        )
    ).scalar()
    return None if body is None else msgspec.convert(body, Matter)


def matters_of(conn: Connection, realm: str, case_id: str) -> list[tuple[Matter, datetime | None]]:
    rows = conn.execute(
        select(matters.c.body, matters.c.ended_at)
        .where(matters.c.realm == realm, matters.c.case_id == case_id)
        .order_by(matters.c.matter_id)
    )
    return [(msgspec.convert(row.body, Matter), row.ended_at) for row in rows]


# -- lines -----------------------------------------------------------------------------------------------


def save_line(conn: Connection, realm: str, no: int, line: Line, due_at: datetime | None) -> None:
    here = (lines.c.realm == realm, lines.c.case_id == line.case_id, lines.c.post == line.post)
    values = {"status": line.status.value, "due_at": due_at, "state": msgspec.to_builtins(line)}
    is_open = line.status.value != "closed"
    if conn.execute(update(lines).where(*here).values(**values)).rowcount == 0:
        conn.execute(
            insert(lines).values(
                realm=realm,
                case_id=line.case_id,
                post=line.post,
                no=no,
                person=line.person,
                region=line.region,
                **values,
            )
        )
        rows = [
            {"realm": realm, "person": p.person, "case_id": line.case_id, "post": line.post, "open": is_open}
            for p in line.parties
            if p.person
        ]
        if rows:
            conn.execute(insert(parties), rows)
    else:
        conn.execute(
            update(parties)
            .where(parties.c.realm == realm, parties.c.case_id == line.case_id, parties.c.post == line.post)
            .values(open=is_open)
        )


def line(conn: Connection, realm: str, case_id: str, post: str) -> Line | None:
    state = conn.execute(
        select(lines.c.state).where(lines.c.realm == realm, lines.c.case_id == case_id, lines.c.post == post)
    ).scalar()
    return None if state is None else msgspec.convert(state, Line)


def lines_of(conn: Connection, realm: str, case_id: str) -> list[Line]:
    rows = conn.execute(
        select(lines.c.state).where(lines.c.realm == realm, lines.c.case_id == case_id).order_by(lines.c.no)
    )
    return [msgspec.convert(row.state, Line) for row in rows]


def lines_of_person(conn: Connection, realm: str, person: str) -> list[tuple[Line, str]]:
    """The lines, over all cases, on which a person may ring, with the pack of the case; closed ones are left out."""
    rows = conn.execute(
        select(lines.c.state, cases.c.pack)
        .join(
            parties,
            (parties.c.realm == lines.c.realm)
            & (parties.c.case_id == lines.c.case_id)
            & (parties.c.post == lines.c.post),
        )
        .join(cases, (cases.c.realm == lines.c.realm) & (cases.c.case_id == lines.c.case_id))
        .where(parties.c.realm == realm, parties.c.person == person, parties.c.open)
        .order_by(lines.c.no)
    )
    return [(msgspec.convert(row.state, Line), row.pack) for row in rows]


def due_lines(conn: Connection, realm: str, now: datetime, limit: int) -> list[tuple[str, str]]:
    rows = conn.execute(
        select(lines.c.case_id, lines.c.post)
        .where(lines.c.realm == realm, lines.c.due_at <= now)
        .order_by(lines.c.due_at, lines.c.no)
        .limit(limit)
    )
    return [(row.case_id, row.post) for row in rows]


# -- rings -----------------------------------------------------------------------------------------------


def ring(conn: Connection, realm: str, person: str) -> Ring:
    state = conn.execute(select(rings.c.state).where(rings.c.realm == realm, rings.c.person == person)).scalar()
    return Ring(person=person) if state is None else msgspec.convert(state, Ring)


def save_ring(conn: Connection, realm: str, state: Ring, region: str, cause: str | None) -> None:
    values = {
        "next_at": state.next_at,
        "last_result": state.last_result,
        "last_cause": cause if state.last_result == "unreachable" else None,
        "ended_at": state.ended_at,
        "state": msgspec.to_builtins(state),
    }
    here = (rings.c.realm == realm, rings.c.person == state.person)
    if conn.execute(update(rings).where(*here).values(**values)).rowcount == 0:
        conn.execute(insert(rings).values(realm=realm, person=state.person, region=region, **values))


def due_rings(conn: Connection, realm: str, now: datetime, limit: int) -> list[str]:
    rows = conn.execute(
        select(rings.c.person)
        .where(rings.c.realm == realm, rings.c.next_at <= now)
        .order_by(rings.c.next_at, rings.c.person)
        .limit(limit)
    )
    return [row.person for row in rows]


def ring_cause(conn: Connection, realm: str, person: str) -> str | None:
    return conn.execute(select(rings.c.last_cause).where(rings.c.realm == realm, rings.c.person == person)).scalar()


def unreachable(conn: Connection, realm: str) -> Sequence[Any]:
    """Whose last ring ended unreachable: person, region, last_cause, ended_at."""
    return conn.execute(
        select(rings.c.person, rings.c.region, rings.c.last_cause, rings.c.ended_at).where(
            rings.c.realm == realm, rings.c.last_result == "unreachable"
        )
    ).all()


def rings_of(conn: Connection, realm: str, persons: Iterable[str]) -> dict[str, Ring]:
    rows = conn.execute(select(rings.c.state).where(rings.c.realm == realm, rings.c.person.in_(sorted(set(persons)))))
    found = [msgspec.convert(row.state, Ring) for row in rows]
    return {r.person: r for r in found}


# -- blackouts and the log -------------------------------------------------------------------------------


def open_blackouts(conn: Connection, realm: str) -> list[Row[Any]]:
    return list(conn.execute(select(blackouts).where(blackouts.c.realm == realm, blackouts.c.ended_at.is_(None))))


def add_blackout(conn: Connection, **values: Any) -> None:
    conn.execute(insert(blackouts).values(**values))


def save_blackout(conn: Connection, realm: str, no: int, **values: Any) -> None:
    conn.execute(update(blackouts).where(blackouts.c.realm == realm, blackouts.c.no == no).values(**values))


def add_log(conn: Connection, **values: Any) -> None:
    conn.execute(insert(log).values(**values))


def log_of(conn: Connection, realm: str, case_ids: Iterable[str], limit: int = 5000) -> list[Row[Any]]:
    return list(
        conn.execute(
            select(log)
            .where(log.c.realm == realm, log.c.case_id.in_(sorted(set(case_ids))))
            .order_by(log.c.no)
            .limit(limit)
        )
    )


def forget_realm(conn: Connection, realm: str) -> None:
    """A drill that begins again under the same name begins empty."""
    for table in (cases, matters, lines, parties, rings, blackouts, log):
        conn.execute(delete(table).where(table.c.realm == realm))
