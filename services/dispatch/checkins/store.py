"""报到表 Check-ins as they stand, and their log: every report word for word, every look. Never changed once written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from services.dispatch.checkins.checkin import JOIN_WITHIN, CheckIn, Kind, Looked, Report, State
from services.dispatch.schema import metadata
from shared.db.together import Glance, how_many
from shared.db.tx import Tx
from shared.db.types import BigId, Json, UtcDateTime
from shared.structs import Reader

checkins = Table(
    "checkins",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("checkin_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("region", Text),
    Column("incident_id", Text),
    Column("number", Text, nullable=False),
    Column("device", Text),
    Column("name", Text),
    Column("last_at", UtcDateTime, nullable=False),
    Column("look_due_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_checkins_realm_state_rank", "realm", "state", "rank", "no"),
    Index("ix_checkins_realm_number", "realm", "number"),
    Index("ix_checkins_realm_device", "realm", "device"),
    Index("ix_checkins_realm_name", "realm", "name"),
    Index("ix_checkins_realm_look_due_at", "realm", "look_due_at"),
)
checkin_acts = Table(
    "checkin_acts",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("checkin_id", Text, nullable=False),
    Column("receipt", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),  # report | look
    Column("reason", Text, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_checkin_acts_realm_checkin_id", "realm", "checkin_id"),
    Index("ix_checkin_acts_realm_receipt", "realm", "receipt"),
)
_CHECKIN = Reader(CheckIn)
KNOWN_MAX = 50
"""How many earlier check-ins a report is compared with; the newest."""


@dataclass(frozen=True)
class Stored:
    """库中报到"""

    checkin: CheckIn
    version: int
    no: int


def _stored(row: Any) -> Stored:
    return Stored(_CHECKIN.plain(row.body), int(row.version), int(row.no))


def get(conn: Connection, realm: str, checkin_id: str) -> Stored | None:
    row = conn.execute(select(checkins).where(checkins.c.realm == realm, checkins.c.checkin_id == checkin_id)).first()
    return _stored(row) if row else None


def perhaps_the_same(conn: Connection, realm: str, report: Report) -> list[Stored]:
    """Recent check-ins that share number, phone or name with a report."""
    c = checkins.c
    shared = [c.number == report.number] if report.number else []
    shared += [c.device == report.device] if report.device else []
    shared += [c.name == report.name] if report.name else []
    if not shared:
        return []
    query = select(checkins).where(c.realm == realm, c.last_at >= report.at - JOIN_WITHIN, or_(*shared))
    return [_stored(row) for row in conn.execute(query.order_by(c.no.desc()).limit(KNOWN_MAX))]


def save(tx: Tx, realm: str, checkin: CheckIn, *, no: int, version: int = 0) -> Stored:
    values = {
        "version": version + 1,
        "state": checkin.state.value,
        "kind": checkin.kind.value,
        "rank": checkin.priority.rank,
        "region": checkin.region,
        "incident_id": checkin.incident_id,
        "number": checkin.number,
        "device": checkin.device,
        "name": checkin.name,
        "last_at": checkin.last_at,
        "look_due_at": checkin.look_due_at,
        "changed_at": tx.now,
        "body": msgspec.to_builtins(checkin),
    }
    if version == 0:
        tx.conn.execute(insert(checkins).values(realm=realm, checkin_id=checkin.checkin_id, no=no, **values))
    else:
        here = (checkins.c.realm == realm, checkins.c.checkin_id == checkin.checkin_id)
        tx.conn.execute(update(checkins).where(*here).values(**values))
    return Stored(checkin, version + 1, no)


def add_report(tx: Tx, realm: str, checkin_id: str, report: Report, reason: str) -> None:
    _add(tx, realm, checkin_id, report.at, "report", reason, report, report.receipt)


def add_look(tx: Tx, realm: str, checkin_id: str, looked: Looked, reason: str) -> None:
    _add(tx, realm, checkin_id, looked.at, "look", reason, looked, None)


def _add(
    tx: Tx, realm: str, checkin_id: str, at: datetime, kind: str, reason: str, body: object, receipt: str | None
) -> None:
    values = {"realm": realm, "checkin_id": checkin_id, "receipt": receipt, "at": at, "kind": kind, "reason": reason}
    tx.conn.execute(insert(checkin_acts).values(**values, body=msgspec.to_builtins(body)))


def acts_of(conn: Connection, realm: str, checkin_id: str, limit: int) -> list[Any]:
    """Its log, oldest first, the newest ``limit`` of it."""
    a = checkin_acts.c
    query = select(checkin_acts).where(a.realm == realm, a.checkin_id == checkin_id)
    return list(reversed(conn.execute(query.order_by(a.no.desc()).limit(limit)).all()))


def listing(
    conn: Connection,
    realm: str,
    *,
    states: Collection[State],
    kind: Kind | None,
    regions: Collection[str] | None,
    incident_id: str | None,
    receipt: str | None,
    after: Sequence[int] | None,
    limit: int,
) -> list[Stored]:
    """Those who need help first, then the longest waiting; a page and a row more. ``regions`` None: everywhere."""
    c = checkins.c
    query = select(checkins).where(c.realm == realm, c.state.in_([state.value for state in states]))
    if kind is not None:
        query = query.where(c.kind == kind.value)
    if regions is not None:
        query = query.where(c.region.in_(sorted(regions)))
    if incident_id is not None:
        query = query.where(c.incident_id == incident_id)
    if receipt is not None:
        a = checkin_acts.c
        query = query.where(c.checkin_id.in_(select(a.checkin_id).where(a.realm == realm, a.receipt == receipt)))
    if after is not None:
        query = query.where(or_(c.rank > after[0], and_(c.rank == after[0], c.no > after[1])))
    return [_stored(row) for row in conn.execute(query.order_by(c.rank, c.no).limit(limit + 1))]


NUMBERS = how_many(checkins.c.kind, checkins.c.state, checkins.c.region, where=checkins.c.realm == bindparam("realm"))


def numbers(glance: Glance, regions: Collection[str] | None) -> Counter[tuple[str, str]]:
    """How many there are of each (kind, state), in all regions or in these; of `NUMBERS`."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, state, region, number in glance.texts(NUMBERS):
        if regions is None or region in regions:
            found[kind, state] += int(number)
    return found


_DUE = (
    select(checkins)
    .where(checkins.c.realm == bindparam("realm"), checkins.c.look_due_at <= bindparam("now"))
    .order_by(checkins.c.look_due_at, checkins.c.no)
    .limit(bindparam("limit"))
)


def due(conn: Connection, realm: str, now: datetime, limit: int) -> list[Stored]:
    return [_stored(row) for row in conn.execute(_DUE, {"realm": realm, "now": now, "limit": limit})]
