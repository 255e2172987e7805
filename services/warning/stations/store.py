"""监测站存储 What is known of each station in each realm, and its receipts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    text,
    tuple_,
    update,
)

from services.warning.schema import metadata
from services.warning.stations.receipts import Receipt
from shared.db.together import Glance, together
from shared.db.types import BigId, Json, UtcDateTime

CHUNK = 500
LIVES_KEPT = 2000  # decoded
USABLE = frozenset({"good", "doubtful"})

states = Table(
    "station_states",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("station", Text, primary_key=True),
    Column("online", Boolean),
    Column("status_at", UtcDateTime),
    Column("received_at", UtcDateTime),
    Column("observed_at", UtcDateTime),
    Column("lag_s", Float),
    Column("clock_ahead_s", Float),
    Column("unreceipted", Boolean, nullable=False),
    Column("latest", Json, nullable=False),
    Column("maintenance", Json),
    Column("version", BigId, nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("station", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("upto", BigId, nullable=False),
    Column("also", Json, nullable=False),
    Column("rejected", Json, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("changed_no", BigId, nullable=False),
    Column("sent_no", BigId, nullable=False),
    Index(
        "ix_receipts_unsent",
        "realm",
        "station",
        sqlite_where=text("changed_no > sent_no"),
        postgresql_where=text("changed_no > sent_no"),
    ),
)


@dataclass(frozen=True)
class Maintenance:
    """检修: announced work on a station; its readings are ``test`` until then (domain time)."""

    since: datetime
    until: datetime
    by: str
    reason: str

    def covers(self, now: datetime) -> bool:
        return self.since <= now < self.until


@dataclass(frozen=True)
class Life:
    """生息: what says whether a station lives: whether it ever spoke, when it last did usably, announced work on it"""

    ever: bool = False
    usable_at: datetime | None = None
    maintenance: Maintenance | None = None

    @classmethod
    def of(cls, latest: Mapping[str, Any], maintenance: Maintenance | None) -> Life:
        usable = (datetime.fromisoformat(e["observed_at"]) for e in latest.values() if e["quality"] in USABLE)
        return cls(bool(latest), max(usable, default=None), maintenance)

    def in_maintenance(self, now: datetime) -> bool:
        return self.maintenance is not None and self.maintenance.covers(now)


@dataclass(frozen=True)
class StationState:
    """监测站状态: of one station in one realm. Times are the realm's, ``latest`` by metric."""

    station: str
    online: bool | None = None
    status_at: datetime | None = None
    received_at: datetime | None = None
    observed_at: datetime | None = None
    lag_s: float | None = None
    clock_ahead_s: float | None = None
    unreceipted: bool = False
    latest: Mapping[str, Any] = field(default_factory=dict)
    maintenance: Maintenance | None = None
    version: int = 0

    @property
    def life(self) -> Life:
        return Life.of(self.latest, self.maintenance)

    def in_maintenance(self, now: datetime) -> bool:
        return self.maintenance is not None and self.maintenance.covers(now)


def load_states(conn: Connection, realm: str, stations: Iterable[str] | None = None) -> dict[str, StationState]:
    """States by station; of all when none are named."""
    query = select(states).where(states.c.realm == realm)
    if stations is None:
        return {row.station: _state(row) for row in conn.execute(query)}
    found: dict[str, StationState] = {}
    for chunk in _chunks(sorted(set(stations))):
        for row in conn.execute(query.where(states.c.station.in_(chunk))):
            found[row.station] = _state(row)
    return found


LIVES = together(states.c.station, states.c.maintenance, states.c.latest, where=states.c.realm == bindparam("realm"))


def lives(glance: Glance) -> dict[str, Life]:
    """Of each station that was ever heard of: what says whether it lives; of `LIVES`."""
    return {station: _life(maintenance, latest) for station, maintenance, latest in glance.texts(LIVES)}


@lru_cache(maxsize=LIVES_KEPT)
def _life(maintenance: str, latest: str) -> Life:
    """By the texts, which say all of it, so that this memory cannot be stale."""
    return Life.of(json.loads(latest), _maintenance(json.loads(maintenance or "null")))


_CHANGED = (
    update(states)
    .where(states.c.realm == bindparam("key_realm"), states.c.station == bindparam("key_station"))
    .values({column.name: bindparam(column.name) for column in states.c if not column.primary_key})
)


def save_states(conn: Connection, realm: str, changed: Sequence[StationState]) -> None:
    """Write states, each with its version raised by one."""
    fresh = [_values(realm, replace(state, version=1)) for state in changed if state.version == 0]
    known = [_values(realm, replace(state, version=state.version + 1)) for state in changed if state.version > 0]
    if fresh:
        conn.execute(insert(states), fresh)
    if known:
        conn.execute(
            _CHANGED, [{**row, "key_realm": row.pop("realm"), "key_station": row.pop("station")} for row in known]
        )


_RECEIPTS = select(receipts).where(
    receipts.c.realm == bindparam("realm"),
    tuple_(receipts.c.station, receipts.c.boot).in_(bindparam("keys", expanding=True)),
)


def load_receipts(
    conn: Connection, realm: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Receipt, int]]:
    """(station, boot) → the receipt and its change number, of those that have one."""
    found: dict[tuple[str, str], tuple[Receipt, int]] = {}
    for chunk in _chunks(sorted(set(keys))):
        for row in conn.execute(_RECEIPTS, {"realm": realm, "keys": chunk}):
            found[(row.station, row.boot)] = (_receipt(row), row.changed_no)
    return found


def save_receipts(
    conn: Connection, realm: str, received_at: datetime, changed: Mapping[tuple[str, str], tuple[Receipt, int]]
) -> None:
    """Write receipts; each change is to be published. The number is the one that was loaded, 0 for a new one."""
    rows = [
        {
            "realm": realm,
            "station": station,
            "boot": boot,
            "upto": receipt.upto,
            "also": [list(pair) for pair in receipt.also],
            "rejected": [list(pair) for pair in receipt.rejected],
            "received_at": received_at,
            "changed_no": number + 1,
            "sent_no": 0,
        }
        for (station, boot), (receipt, number) in changed.items()
    ]
    fresh = [row for row in rows if row["changed_no"] == 1]
    known = [row for row in rows if row["changed_no"] != 1]
    if fresh:
        conn.execute(insert(receipts), fresh)
    if known:
        statement = (
            update(receipts)
            .where(
                receipts.c.realm == bindparam("key_realm"),
                receipts.c.station == bindparam("key_station"),
                receipts.c.boot == bindparam("key_boot"),
            )
            .values({name: bindparam(name) for name in ("upto", "also", "rejected", "received_at", "changed_no")})
        )
        keyed = [
            {**row, "key_realm": row["realm"], "key_station": row["station"], "key_boot": row["boot"]} for row in known
        ]
        for row in keyed:
            for name in ("realm", "station", "boot", "sent_no"):
                row.pop(name)
        conn.execute(statement, keyed)


_UNSENT = (
    select(receipts)
    .where(receipts.c.changed_no > receipts.c.sent_no)
    .order_by(receipts.c.received_at, receipts.c.station)
    .limit(bindparam("limit"))
)


def unsent_receipts(conn: Connection, limit: int) -> list[Row[Any]]:
    """Receipts that changed since they were last delivered, oldest first."""
    return list(conn.execute(_UNSENT, {"limit": limit}))


def mark_sent(conn: Connection, sent: Sequence[tuple[str, str, str, int]]) -> None:
    """(realm, station, boot, change number) that the broker has taken."""
    statement = (
        update(receipts)
        .where(
            receipts.c.realm == bindparam("key_realm"),
            receipts.c.station == bindparam("key_station"),
            receipts.c.boot == bindparam("key_boot"),
        )
        .values(sent_no=bindparam("number"))
    )
    keys = ("key_realm", "key_station", "key_boot", "number")
    conn.execute(statement, [dict(zip(keys, one, strict=True)) for one in sent])


def receipts_of(conn: Connection, realm: str, station: str) -> list[dict[str, Any]]:
    """The receipts of a station's boots, newest first, for the API."""
    query = (
        select(receipts)
        .where(receipts.c.realm == realm, receipts.c.station == station)
        .order_by(receipts.c.received_at.desc())
        .limit(20)
    )
    return [payload_of(row) | {"delivered": row.sent_no >= row.changed_no} for row in conn.execute(query)]


def payload_of(row: Row[Any]) -> dict[str, Any]:
    """The message of a stored receipt."""
    received = row.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return dict(_receipt(row).payload(row.boot, received))


def forget_receipts(conn: Connection, before: datetime) -> None:
    """Drop what no station has spoken of for long."""
    conn.execute(delete(receipts).where(receipts.c.received_at < before))


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(
        row.upto, tuple((low, high) for low, high in row.also), tuple((seq, code) for seq, code in row.rejected)
    )


def _state(row: Row[Any]) -> StationState:
    return StationState(
        row.station,
        row.online,
        row.status_at,
        row.received_at,
        row.observed_at,
        row.lag_s,
        row.clock_ahead_s,
        row.unreceipted,
        row.latest,
        _maintenance(row.maintenance),
        row.version,
    )


def _maintenance(kept: Mapping[str, str] | None) -> Maintenance | None:
    if not kept:
        return None
    return Maintenance(
        datetime.fromisoformat(kept["since"]), datetime.fromisoformat(kept["until"]), kept["by"], kept["reason"]
    )


def _values(realm: str, state: StationState) -> dict[str, Any]:
    kept = state.maintenance
    return {
        "realm": realm,
        "station": state.station,
        "online": state.online,
        "status_at": state.status_at,
        "received_at": state.received_at,
        "observed_at": state.observed_at,
        "lag_s": state.lag_s,
        "clock_ahead_s": state.clock_ahead_s,
        "unreceipted": state.unreceipted,
        "latest": dict(state.latest),
        "maintenance": kept
        and {
            "since": kept.since.isoformat(),
            "until": kept.until.isoformat(),
            "by": kept.by,
            "reason": kept.reason,
        },
        "version": state.version,
    }


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[at : at + CHUNK] for at in range(0, len(values), CHUNK))
