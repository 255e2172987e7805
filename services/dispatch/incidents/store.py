"""事件表 Incidents, their trips, and what happened besides orders and calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, insert, or_, select, update

from services.dispatch.incidents.grouping import WINDOW, Incident, IncidentState
from services.dispatch.incidents.timeline import Entry
from services.dispatch.schema import metadata, newest_rows
from shared.db.together import last_row
from shared.db.tx import Tx
from shared.db.types import BigId, Json, StructJson, UtcDateTime

incidents = Table(
    "incidents",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("incident_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("version", Integer, nullable=False),
    Column("family", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("pack", Text),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("body", StructJson(Incident), nullable=False),
    Index("ix_incidents_realm_family_state", "realm", "family", "state"),
)
incident_trips = Table(
    "incident_trips",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, index=True),
)
trip_cases = Table(
    "trip_cases",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
)
incident_entries = Table(
    "incident_entries",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("by", Text),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("data", Json, nullable=False),
    Index("ix_incident_entries_realm_incident_id", "realm", "incident_id"),
    Index("ix_incident_entries_realm_no", "realm", "no"),
)


@dataclass(frozen=True)
class Stored:
    """库中事件"""

    incident: Incident
    version: int
    no: int
    pack: str | None


def _stored(row: Any) -> Stored:
    return Stored(row.body, int(row.version), int(row.no), row.pack)


def get(conn: Connection, realm: str, incident_id: str) -> Stored | None:
    row = conn.execute(
        select(incidents).where(incidents.c.realm == realm, incidents.c.incident_id == incident_id)
    ).first()
    return _stored(row) if row else None


def of_trip(conn: Connection, realm: str, trip_id: str) -> Stored | None:
    """The incident that the trip is in now."""
    found = conn.execute(
        select(incident_trips.c.incident_id).where(incident_trips.c.realm == realm, incident_trips.c.trip_id == trip_id)
    ).scalar()
    return get(conn, realm, str(found)) if found else None


def candidates(conn: Connection, realm: str, family: str, at: datetime) -> list[Stored]:
    """Incidents that a trip of this family might join: going on, or moved within the window."""
    rows = conn.execute(
        select(incidents)
        .where(
            incidents.c.realm == realm,
            incidents.c.family == family,
            incidents.c.state == IncidentState.OPEN.value,
            or_(incidents.c.level != "normal", incidents.c.last_at >= at - WINDOW),
        )
        .order_by(incidents.c.no)
    )
    return [_stored(row) for row in rows]


def listing(conn: Connection, realm: str, *, limit: int, before: int | None = None, live: bool = False) -> list[Stored]:
    """Newest first, a page and a row more; merged ones are left out."""
    query = select(incidents).where(incidents.c.realm == realm, incidents.c.state == IncidentState.OPEN.value)
    if before is not None:
        query = query.where(incidents.c.no < before)
    if live:
        query = query.where(incidents.c.level != "normal")
    return [_stored(row) for row in conn.execute(query.order_by(incidents.c.no.desc()).limit(limit + 1))]


def merged_into(conn: Connection, realm: str, incident_id: str) -> tuple[str, ...]:
    """The incident and all that were merged into it, however often."""
    found = [incident_id]
    rows = conn.execute(
        select(incidents).where(incidents.c.realm == realm, incidents.c.state == IncidentState.MERGED.value)
    )
    into = {stored.incident.incident_id: stored.incident.merged_into for stored in map(_stored, rows)}
    for _ in into:
        more = [source for source, target in into.items() if target in found and source not in found]
        if not more:
            break
        found += more
    return tuple(found)


def save(tx: Tx, realm: str, incident: Incident, *, pack: str | None, no: int, version: int = 0) -> Stored:
    values = {
        "version": version + 1,
        "family": incident.family,
        "state": incident.state.value,
        "level": incident.level.value,
        "last_at": incident.last_at,
        "pack": pack,
        "changed_at": tx.now,
        "body": incident,
    }
    here = (incidents.c.realm == realm, incidents.c.incident_id == incident.incident_id)
    if version == 0:
        tx.conn.execute(insert(incidents).values(realm=realm, incident_id=incident.incident_id, no=no, **values))
    else:
        tx.conn.execute(update(incidents).where(*here).values(**values))
    rows = [{"realm": realm, "trip_id": trip_id, "incident_id": incident.incident_id} for trip_id in incident.trip_ids]
    tx.upsert(incident_trips, rows, ("incident_id",))
    return Stored(incident, version + 1, no, pack)


def case_of_trip(conn: Connection, realm: str, trip_id: str) -> str | None:
    found = conn.execute(
        select(trip_cases.c.case_id).where(trip_cases.c.realm == realm, trip_cases.c.trip_id == trip_id)
    ).scalar()
    return str(found) if found else None


def cases_of_trips(conn: Connection, realm: str, trip_ids: Iterable[str]) -> tuple[str, ...]:
    rows = conn.execute(
        select(trip_cases.c.case_id)
        .where(trip_cases.c.realm == realm, trip_cases.c.trip_id.in_(list(trip_ids)))
        .distinct()
        .order_by(trip_cases.c.case_id)
    )
    return tuple(str(case_id) for case_id in rows.scalars())


def save_case_of_trip(tx: Tx, realm: str, trip_id: str, case_id: str) -> None:
    tx.conn.execute(insert(trip_cases).values(realm=realm, trip_id=trip_id, case_id=case_id))


def add_entry(tx: Tx, realm: str, incident_id: str, entry: Entry) -> None:
    tx.conn.execute(
        insert(incident_entries).values(
            realm=realm,
            incident_id=incident_id,
            at=entry.at,
            known_at=entry.known_at,
            kind=entry.kind,
            subject=entry.subject,
            by=entry.by,
            zh=entry.text_zh,
            en=entry.text_en,
            data=dict(entry.data),
        )
    )


LAST = last_row(incident_entries, incident_entries.c.subject, incident_entries.c.zh, incident_entries.c.known_at)
_NEWEST = newest_rows(incident_entries)


def newest(conn: Connection, realm: str, limit: int, since: int) -> list[tuple[int, Entry]]:
    """The realm's newest lines with their numbers, from number ``since`` on, newest first."""
    rows = conn.execute(_NEWEST, {"realm": realm, "limit": limit, "since": since})
    return [(row.no, _entry(row)) for row in rows]


def entries(
    conn: Connection, realm: str, incident_ids: Iterable[str], limit: int, before: int | None = None
) -> list[tuple[int, Entry]]:
    """The newest lines of these incidents, from before number ``before``; each with its number."""
    c = incident_entries.c
    query = select(incident_entries).where(c.realm == realm, c.incident_id.in_(list(incident_ids)))
    if before is not None:
        query = query.where(incident_entries.c.no < before)
    rows = conn.execute(query.order_by(incident_entries.c.no.desc()).limit(limit))
    return [(row.no, _entry(row)) for row in rows]


def _entry(row: Any) -> Entry:
    return Entry(
        at=row.at,
        known_at=row.known_at,
        kind=row.kind,
        subject=row.subject,
        text_zh=row.zh,
        text_en=row.en,
        by=row.by,
        data=dict(row.data),
    )
