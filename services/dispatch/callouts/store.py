"""叫应存储 Cases, lines (the state as decided, plus what is asked for), rings, blackouts (the log: ``case_log.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Exists,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    exists,
    insert,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from services.dispatch.callouts.line import OPEN_STATUSES, Line, LineStatus
from services.dispatch.callouts.matter import Matter
from services.dispatch.callouts.ring import Ring
from services.dispatch.callouts.tally import Tally, tally
from services.dispatch.schema import metadata
from shared.db.together import Glance, how_many, together
from shared.db.tx import Tx
from shared.db.types import Json, StructJson, UtcDateTime

PERSONS_AT_ONCE = 1000
LINE, TALLY = StructJson(Line, kept=2000), StructJson(Tally, kept=500)
CASES_SHOWN = 20

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
    Column("body", StructJson(Matter), nullable=False),
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
    Column("state", LINE, nullable=False),
    Column("tally", TALLY, nullable=False, server_default="{}"),
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
    Column("state", StructJson(Ring), nullable=False),
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


# -- cases -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """案件: the callout of one incident; ``gaps`` are those whom nobody could be called for"""

    case_id: str
    no: int
    incident_id: str
    pack: str
    state: str
    opened_at: datetime
    closed_at: datetime | None = None
    gaps: list[dict[str, str]] = field(default_factory=list)
    version: int = 0


def _case(row: Row[Any]) -> Case:
    return Case(**{name: row._mapping[name] for name in _CASE_FIELDS})


_CASE_FIELDS = tuple(each.name for each in fields(Case))


def case(conn: Connection, realm: str, case_id: str) -> Case | None:
    row = conn.execute(select(cases).where(cases.c.realm == realm, cases.c.case_id == case_id)).first()
    return _case(row) if row else None


def case_of_incident(conn: Connection, realm: str, incident_id: str) -> Case | None:
    row = conn.execute(
        select(cases)
        .where(cases.c.realm == realm, cases.c.incident_id == incident_id)
        .order_by(cases.c.no.desc())
        .limit(1)
    ).first()
    return _case(row) if row else None


def list_cases(conn: Connection, realm: str, after: int | None, limit: int, state: str | None) -> list[Case]:
    """The newest first, from before number ``after``."""
    query = select(cases).where(cases.c.realm == realm).order_by(cases.c.no.desc()).limit(limit)
    if after is not None:
        query = query.where(cases.c.no < after)
    if state is not None:
        query = query.where(cases.c.state == state)
    return [_case(row) for row in conn.execute(query)]


def matter(conn: Connection, realm: str, case_id: str, matter_id: str) -> Matter | None:
    return conn.execute(
        select(matters.c.body).where(
            matters.c.realm == realm, matters.c.case_id == case_id, matters.c.matter_id == matter_id
        )
    ).scalar()


def matters_of(conn: Connection, realm: str, case_id: str) -> list[tuple[Matter, datetime | None]]:
    rows = conn.execute(
        select(matters.c.body, matters.c.ended_at)
        .where(matters.c.realm == realm, matters.c.case_id == case_id)
        .order_by(matters.c.matter_id)
    )
    return [(row.body, row.ended_at) for row in rows]


# -- lines -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """库中之线: a line, its number, and the pack of its case"""

    line: Line
    no: int
    pack: str


class Damaged(Protocol):
    """坏行 Told of a line whose state cannot be read (the text of it, and why): it stops no other."""

    def __call__(self, case_id: str, post: str, text: str, why: str) -> None: ...


_HELD = (
    select(lines.c.case_id, lines.c.post, type_coerce(lines.c.state, Text).label("state"), lines.c.no, cases.c.pack)
    .join(cases, (cases.c.realm == lines.c.realm) & (cases.c.case_id == lines.c.case_id))
    .order_by(lines.c.no)
)


def held_of(
    conn: Connection, realm: str, case_id: str, post: str | None = None, damaged: Damaged | None = None
) -> list[Held]:
    """All lines of a case, or the one of a post. MsgspecError where one cannot be read and nobody is to be told."""
    query = _HELD.where(lines.c.realm == realm, lines.c.case_id == case_id)
    return _held(conn, query if post is None else query.where(lines.c.post == post), damaged)


def held_of_persons(conn: Connection, realm: str, persons: Iterable[str], damaged: Damaged) -> list[Held]:
    """The lines, over all cases, on which one of these persons may ring; closed ones are left out."""
    found: list[Held] = []
    wanted = sorted(set(persons))
    for at in range(0, len(wanted), PERSONS_AT_ONCE):
        named = parties.c.person.in_(wanted[at : at + PERSONS_AT_ONCE])
        here = select(parties.c.case_id, parties.c.post).where(parties.c.realm == realm, parties.c.open, named)
        where = tuple_(lines.c.case_id, lines.c.post).in_(here.distinct())
        found += _held(conn, _HELD.where(lines.c.realm == realm, where), damaged)
    return found


_OF_OPEN = (lines.c.realm == bindparam("realm")) & (cases.c.realm == lines.c.realm)
_OF_OPEN &= (cases.c.case_id == lines.c.case_id) & (cases.c.state == "open")
_NEWEST = (
    select(cast(cases.c.no, Text).label("number"), cases.c.case_id, cases.c.pack)
    .where(cases.c.realm == bindparam("realm"), cases.c.state == "open")
    .order_by(cases.c.no.desc())
    .limit(CASES_SHOWN)
    .subquery()
)
NEWEST_OPEN = together(*_NEWEST.c)
STANDING = how_many(lines.c.case_id, lines.c.region, lines.c.status, lines.c.tally, where=_OF_OPEN)
UNANSWERED = together(lines.c.state, cases.c.pack, where=_OF_OPEN & lines.c.status.in_(sorted(OPEN_STATUSES)))


def unanswered(glance: Glance) -> list[tuple[Line, str]]:
    """The lines of all open cases that nobody has answered yet, each with the pack of its case; of `UNANSWERED`."""
    return [(LINE.read(state), pack) for state, pack in glance.texts(UNANSWERED)]


def standing(glance: Glance) -> list[tuple[str, str, tuple[LineStatus, Tally], int]]:
    """Of all open cases: (case, region, how a line stands, how many lines stand so there); of `STANDING`."""
    return [
        (case_id, region, (LineStatus(status), TALLY.read(said)), int(number))
        for case_id, region, status, said, number in glance.texts(STANDING)
    ]


def keep_tallies(tx: Tx) -> None:
    """Of the open cases' lines, as they are now: a dispatch of before the tallies may have written after them.

    A line that cannot be read is no reason not to start; it is due, so that the first tick begins it anew.
    """
    state, said = (type_coerce(column, Text).label(column.name) for column in (lines.c.state, lines.c.tally))
    query = select(lines.c.realm, lines.c.case_id, lines.c.post, state, said, cases.c.opened_at)
    is_open = (cases.c.realm == lines.c.realm) & (cases.c.case_id == lines.c.case_id) & (cases.c.state == "open")
    for row in tx.conn.execute(query.where(is_open)).all():
        try:
            now = tally(LINE.read(row.state))
        except msgspec.MsgspecError:
            set_due(tx.conn, row.realm, row.case_id, row.post, row.opened_at)
            continue
        if row.tally != TALLY.text(now):
            here = (lines.c.realm == row.realm, lines.c.case_id == row.case_id, lines.c.post == row.post)
            tx.conn.execute(update(lines).where(*here).values(tally=now))


def newest_open(glance: Glance) -> list[tuple[str, str]]:
    """The newest open cases with their packs, newest first; of `NEWEST_OPEN`."""
    found = sorted(glance.texts(NEWEST_OPEN), key=lambda row: int(row[0]), reverse=True)
    return [(case_id, pack) for _, case_id, pack in found]


def held_due(conn: Connection, realm: str, now: datetime, limit: int, damaged: Damaged) -> list[Held]:
    """The lines of which a clock is due, the oldest first."""
    return _held(
        conn,
        _HELD.where(lines.c.realm == realm, lines.c.due_at <= now)
        .order_by(None)
        .order_by(lines.c.due_at, lines.c.no)
        .limit(limit),
        damaged,
    )


def _held(conn: Connection, query: Select[Any], damaged: Damaged | None) -> list[Held]:
    found: list[Held] = []
    for case_id, post, text, no, pack in conn.execute(query).all():
        try:
            found.append(Held(LINE.read(text), no, pack))
        except msgspec.MsgspecError as error:
            if damaged is None:
                raise
            damaged(case_id, post, text, str(error))
    return found


def line(conn: Connection, realm: str, case_id: str, post: str) -> Line | None:
    return next((held.line for held in held_of(conn, realm, case_id, post)), None)


def lines_of(conn: Connection, realm: str, case_id: str, damaged: Damaged | None = None) -> list[Line]:
    return [held.line for held in held_of(conn, realm, case_id, damaged=damaged)]


def set_due(conn: Connection, realm: str, case_id: str, post: str, at: datetime | None) -> None:
    """When the tick is to look at a line, whatever its state says."""
    here = (lines.c.realm == realm, lines.c.case_id == case_id, lines.c.post == post)
    conn.execute(update(lines).where(*here).values(due_at=at))


def anything_due(or_else: Exists) -> Select[bool]:
    """Whether a clock or a ring of ``realm`` is due ``now``, or else something that another concept asks for."""
    realm, now = bindparam("realm", type_=Text), bindparam("now", type_=UtcDateTime)
    line_due = exists().where(lines.c.realm == realm, lines.c.due_at <= now)
    ring_due = exists().where(rings.c.realm == realm, rings.c.next_at <= now)
    return select(or_(line_due, ring_due, or_else))


# -- rings -----------------------------------------------------------------------------------------------


def ring(conn: Connection, realm: str, person: str) -> Ring:
    state = conn.execute(select(rings.c.state).where(rings.c.realm == realm, rings.c.person == person)).scalar()
    return state or Ring(person=person)


def due_rings(conn: Connection, realm: str, now: datetime, limit: int) -> list[str]:
    rows = conn.execute(
        select(rings.c.person)
        .where(rings.c.realm == realm, rings.c.next_at <= now)
        .order_by(rings.c.next_at, rings.c.person)
        .limit(limit)
    )
    return [row.person for row in rows]


def unreachable(conn: Connection, realm: str) -> Sequence[Any]:
    """Whose last ring ended unreachable: person, region, last_cause, ended_at."""
    return conn.execute(
        select(rings.c.person, rings.c.region, rings.c.last_cause, rings.c.ended_at).where(
            rings.c.realm == realm, rings.c.last_result == "unreachable"
        )
    ).all()


def rings_of(conn: Connection, realm: str, persons: Iterable[str]) -> dict[str, tuple[Ring, str | None]]:
    """The rings of these persons, each with the cause that the carrier gave last."""
    found: dict[str, tuple[Ring, str | None]] = {}
    wanted = sorted(set(persons))
    for at in range(0, len(wanted), PERSONS_AT_ONCE):
        named = rings.c.person.in_(wanted[at : at + PERSONS_AT_ONCE])
        rows = conn.execute(select(rings.c.state, rings.c.last_cause).where(rings.c.realm == realm, named))
        for row in rows:
            found[row.state.person] = (row.state, row.last_cause)
    return found


# -- what a book writes at its end -----------------------------------------------------------------------


def save_cases(tx: Tx, realm: str, held: Iterable[Case]) -> None:
    rows = [{"realm": realm, **asdict(case)} for case in held]
    tx.upsert(cases, rows, ("state", "closed_at", "gaps", "version"))


def save_matters(tx: Tx, realm: str, held: Iterable[tuple[str, Matter, datetime | None]]) -> None:
    rows = [
        {
            "realm": realm,
            "case_id": case_id,
            "matter_id": matter.matter_id,
            "version": matter.version,
            "body": matter,
            "ended_at": ended_at,
        }
        for case_id, matter, ended_at in held
    ]
    tx.upsert(matters, rows, ("version", "body", "ended_at"))


def save_lines(tx: Tx, realm: str, held: Iterable[tuple[Line, int, datetime | None]]) -> None:
    """Each with its number and when its next clock is due."""
    rows = [
        {
            "realm": realm,
            "case_id": line.case_id,
            "post": line.post,
            "no": no,
            "person": line.person,
            "region": line.region,
            "status": line.status.value,
            "due_at": due_at,
            "state": line,
            "tally": tally(line),
        }
        for line, no, due_at in held
    ]
    tx.upsert(lines, rows, ("status", "due_at", "state", "tally"))


def save_parties(tx: Tx, realm: str, held: Iterable[Line]) -> None:
    """Who may ring for these lines."""
    rows = [
        {
            "realm": realm,
            "person": party.person,
            "case_id": line.case_id,
            "post": line.post,
            "open": line.status is not LineStatus.CLOSED,
        }
        for line in held
        for party in line.parties
        if party.person
    ]
    tx.upsert(parties, rows, ("open",))


def save_rings(tx: Tx, realm: str, held: Iterable[tuple[Ring, str, str | None]]) -> None:
    """Each with the region and the cause that the carrier gave."""
    rows = [
        {
            "realm": realm,
            "person": state.person,
            "region": region,
            "next_at": state.next_at,
            "last_result": state.last_result,
            "last_cause": cause if state.last_result == "unreachable" else None,
            "ended_at": state.ended_at,
            "state": state,
        }
        for state, region, cause in held
    ]
    tx.upsert(rings, rows, ("next_at", "last_result", "last_cause", "ended_at", "state"))


# -- blackouts -------------------------------------------------------------------------------------------


_BLACK = select(blackouts).where(blackouts.c.realm == bindparam("realm"), blackouts.c.ended_at.is_(None))


def open_blackouts(conn: Connection, realm: str) -> list[Row[Any]]:
    return list(conn.execute(_BLACK, {"realm": realm}))


def add_blackout(conn: Connection, **values: Any) -> None:
    conn.execute(insert(blackouts).values(**values))


def save_blackout(conn: Connection, realm: str, no: int, **values: Any) -> None:
    conn.execute(update(blackouts).where(blackouts.c.realm == realm, blackouts.c.no == no).values(**values))
