"""读数存储 Readings and dead letters. The ingest path speaks to the driver; only rows really inserted go on.

Ids are given by the one writer (`next_id`), so that an ``INSERT OR IGNORE`` of many rows can tell which are new: those
that are there afterwards. The unique key is (realm, station, metric, observed_at, value); no value counts as a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from services.warning.schema import metadata
from shared.db.types import BigId, UtcDateTime

NO_VALUE = "-1e300"  # stands for a missing value in the unique key alone
HEAD_BYTES = 4096
DEAD_LETTERS_KEPT = 100_000

readings = Table(
    "readings",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("realm", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("observed_at", UtcDateTime, nullable=False),  # as the station's clock said
    Column("placed_at", UtcDateTime, nullable=False),  # where the windows have it
    Column("known_at", UtcDateTime, nullable=False),  # domain time
    Column("received_at", UtcDateTime, nullable=False),  # wall time
    Column("value", Float(53)),
    Column("given", Text, nullable=False),
    Column("quality", Text, nullable=False),
    Column("doubt", Text, nullable=False),
    Column("fate", Text, nullable=False),
    Column("boot", Text),
    Column("seq", BigId),
    Column("revision_of", BigId),
    Column("lat", Float(53)),
    Column("lon", Float(53)),
    Index("ix_readings_placed", "realm", "placed_at"),
    Index("ix_readings_station", "realm", "station", "id"),
)
Index(
    "uq_readings_same",
    readings.c.realm,
    readings.c.station,
    readings.c.metric,
    readings.c.observed_at,
    func.coalesce(readings.c.value, text(NO_VALUE)),
    unique=True,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("station", Text),
    Column("topic", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("part", Integer),
    Column("boot", Text),
    Column("seq", BigId),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Index("ix_dead_letters_realm_no", "realm", "no"),
    Index("ix_dead_letters_same", "sha256", "code", "realm"),
)

_COLUMNS = (
    ("id", "bigint"),
    ("realm", "text"),
    ("station", "text"),
    ("metric", "text"),
    ("observed_at", "timestamptz"),
    ("placed_at", "timestamptz"),
    ("known_at", "timestamptz"),
    ("received_at", "timestamptz"),
    ("value", "float8"),
    ("given", "text"),
    ("quality", "text"),
    ("doubt", "text"),
    ("fate", "text"),
    ("boot", "text"),
    ("seq", "bigint"),
    ("lat", "float8"),
    ("lon", "float8"),
)
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_SQLITE = f"INSERT OR IGNORE INTO readings ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - names
_POSTGRESQL = (
    f"INSERT INTO readings ({_NAMES}) SELECT * FROM unnest("  # noqa: S608 - names and types of this module
    + ", ".join(f"%s::{kind}[]" for _, kind in _COLUMNS)
    + ") ON CONFLICT DO NOTHING"
)


class NewReading(msgspec.Struct, frozen=True, gc=False):
    """待存读数: one understood reading with the id that it will have if it is new."""

    id: int
    station: str
    metric: str
    observed_at: datetime
    value: float | None
    given: str
    boot: str | None = None
    seq: int | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """评定: what validation made of a stored reading, where it differs from a plain good one."""

    id: int
    placed_at: datetime
    quality: str
    doubt: str
    fate: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """死信: what could not be read."""

    realm: str
    topic: str
    code: str
    detail: str
    sha256: str
    size: int
    head: bytes
    station: str | None = None
    part: int | None = None
    boot: str | None = None
    seq: int | None = None


def next_id(conn: Connection) -> int:
    """The next free reading id."""
    return int(conn.execute(select(func.max(readings.c.id))).scalar() or 0) + 1


def insert_new(
    conn: Connection, realm: str, rows: Sequence[NewReading], *, known_at: datetime, received_at: datetime
) -> set[int]:
    """Store what is new, as good and placed where it claims; the ids that were really inserted."""
    if not rows:
        return set()
    if conn.dialect.name == "sqlite":
        known, received = _sqlite_time(known_at), _sqlite_time(received_at)
        values = []
        for r in rows:
            at = _sqlite_time(r.observed_at)
            when = (at, at, known, received)
            judged = (r.value, r.given, r.given, "none", "new")
            values.append((r.id, realm, r.station, r.metric, *when, *judged, r.boot, r.seq, r.lat, r.lon))
        conn.exec_driver_sql(_SQLITE, values)
    else:
        same = len(rows)
        observed = [r.observed_at for r in rows]
        given = [r.given for r in rows]
        columns: tuple[list[Any], ...] = (
            [r.id for r in rows],
            [realm] * same,
            [r.station for r in rows],
            [r.metric for r in rows],
            observed,
            observed,
            [known_at] * same,
            [received_at] * same,
            [None if r.value is None else float(r.value) for r in rows],  # psycopg refuses lists of mixed types
            given,
            given,
            ["none"] * same,
            ["new"] * same,
            [r.boot for r in rows],
            [r.seq for r in rows],
            [None if r.lat is None else float(r.lat) for r in rows],
            [None if r.lon is None else float(r.lon) for r in rows],
        )
        conn.exec_driver_sql(_POSTGRESQL, columns)
    first = rows[0].id
    return set(conn.execute(select(readings.c.id).where(readings.c.id >= first)).scalars())


_FRESH, _OLDER = readings.alias("fresh"), readings.alias("older")
_REVISED = (
    select(_FRESH.c.id, func.max(_OLDER.c.id).label("old"))
    .join(
        _OLDER,
        (_OLDER.c.realm == _FRESH.c.realm)
        & (_OLDER.c.station == _FRESH.c.station)
        & (_OLDER.c.metric == _FRESH.c.metric)
        & (_OLDER.c.observed_at == _FRESH.c.observed_at)
        & (_OLDER.c.id + 0 < _FRESH.c.id),  # + 0: look up by the unique key, not by all of a station's ids
    )
    .where(_FRESH.c.id >= bindparam("first_id"))
    .group_by(_FRESH.c.id)
)


def link_revisions(conn: Connection, first_id: int) -> dict[int, int]:
    """修订 Name, for each reading from ``first_id`` on, the one before it at the same claimed time: new id → old id."""
    found = {int(row.id): int(row.old) for row in conn.execute(_REVISED, {"first_id": first_id})}
    if found:
        statement = (
            update(readings)
            .where(readings.c.id == bindparam("key_id"))
            .values(revision_of=bindparam("old"), fate="revision")
        )
        conn.execute(statement, [{"key_id": new, "old": old} for new, old in found.items()])
    return found


def judge(conn: Connection, judgements: Sequence[Judgement]) -> None:
    """Write what validation found where it is not a plain good reading."""
    if not judgements:
        return
    statement = (
        update(readings)
        .where(readings.c.id == bindparam("key_id"))
        .values({name: bindparam(name) for name in ("placed_at", "quality", "doubt", "fate")})
    )
    conn.execute(
        statement,
        [
            {"key_id": j.id, "placed_at": j.placed_at, "quality": j.quality, "doubt": j.doubt, "fate": j.fate}
            for j in judgements
        ],
    )


def moving_since(conn: Connection, realm: str, since: datetime) -> Iterator[Row[Any]]:
    """The readings that windows can still need, in the order in which they became known."""
    query = (
        select(readings)
        .where(
            readings.c.realm == realm,
            or_(readings.c.placed_at >= since, readings.c.observed_at >= since),
            readings.c.fate.in_(("new", "revision")),
        )
        .order_by(readings.c.id)
    )
    return iter(conn.execute(query))


def of_stations_since(
    conn: Connection, realm: str, stations: Iterable[str], metrics: Iterable[str], since: datetime
) -> list[Row[Any]]:
    """The readings of some stations that move something, placed since then, in the order in which they became known."""
    query = select(readings).where(
        readings.c.realm == realm,
        readings.c.placed_at >= since,
        readings.c.station.in_(sorted(set(stations))),
        readings.c.metric.in_(sorted(set(metrics))),
        readings.c.fate.in_(("new", "revision")),
    )
    return list(conn.execute(query.order_by(readings.c.id)))


def last_known(conn: Connection, realm: str) -> datetime | None:
    """When the realm last learned a reading (domain time)."""
    query = select(readings.c.known_at).where(readings.c.realm == realm).order_by(readings.c.id.desc()).limit(1)
    return conn.execute(query).scalar()


def by_ids(conn: Connection, ids: Iterable[int]) -> list[Row[Any]]:
    """The readings of a piece of evidence."""
    wanted = sorted(set(ids))
    return list(conn.execute(select(readings).where(readings.c.id.in_(wanted)).order_by(readings.c.id)))


def page_of_station(
    conn: Connection, realm: str, station: str, *, metric: str | None, before_id: int | None, limit: int
) -> list[Row[Any]]:
    """A station's readings, newest first."""
    query: Select[Any] = select(readings).where(readings.c.realm == realm, readings.c.station == station)
    if metric is not None:
        query = query.where(readings.c.metric == metric)
    if before_id is not None:
        query = query.where(readings.c.id < before_id)
    return list(conn.execute(query.order_by(readings.c.id.desc()).limit(limit)))


def bury(conn: Connection, letters: Sequence[DeadLetter], now: datetime) -> list[DeadLetter]:
    """Keep what could not be read; returns the new ones.

    The same again is counted, so that a redelivery or a stuck station adds no row.
    """
    fresh = []
    for letter in letters:
        same = (
            dead_letters.c.realm == letter.realm,
            dead_letters.c.sha256 == letter.sha256,
            dead_letters.c.code == letter.code,
            dead_letters.c.topic == letter.topic,
            dead_letters.c.part.is_(None) if letter.part is None else dead_letters.c.part == letter.part,
        )
        counted = conn.execute(update(dead_letters).where(*same).values(count=dead_letters.c.count + 1, last_at=now))
        if counted.rowcount:
            continue
        fresh.append(letter)
        conn.execute(
            insert(dead_letters).values(
                realm=letter.realm,
                station=letter.station,
                topic=letter.topic,
                code=letter.code,
                detail=letter.detail[:500],
                part=letter.part,
                boot=letter.boot,
                seq=letter.seq,
                sha256=letter.sha256,
                size=letter.size,
                head=letter.head[:HEAD_BYTES],
                count=1,
                first_at=now,
                last_at=now,
            )
        )
    return fresh


def page_of_dead_letters(
    conn: Connection, realm: str, *, station: str | None, code: str | None, before_no: int | None, limit: int
) -> list[Row[Any]]:
    """Dead letters of a realm, newest first."""
    query: Select[Any] = select(dead_letters).where(dead_letters.c.realm == realm)
    if station is not None:
        query = query.where(dead_letters.c.station == station)
    if code is not None:
        query = query.where(dead_letters.c.code == code)
    if before_no is not None:
        query = query.where(dead_letters.c.no < before_no)
    return list(conn.execute(query.order_by(dead_letters.c.no.desc()).limit(limit)))


def count_dead_letters(conn: Connection) -> dict[str, int]:
    """How often each code was given, for the metrics page."""
    query = select(dead_letters.c.code, func.sum(dead_letters.c.count).label("n")).group_by(dead_letters.c.code)
    return {row.code: int(row.n) for row in conn.execute(query)}


def forget_dead_letters(conn: Connection) -> None:
    """Keep the newest `DEAD_LETTERS_KEPT`."""
    last = conn.execute(select(func.max(dead_letters.c.no))).scalar() or 0
    conn.execute(delete(dead_letters).where(dead_letters.c.no <= last - DEAD_LETTERS_KEPT))


def _sqlite_time(at: datetime) -> str:
    """As `shared.db.types.UtcDateTime` writes it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
