"""措施表 Orders with their versions, the trips they belong to, what each trip ordered last, and every act on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    exists,
    insert,
    select,
    update,
)

from services.dispatch.orders.authority import TripMark
from services.dispatch.orders.model import OPEN, UNSIGNED, Order
from services.dispatch.schema import metadata, newest_rows
from shared.db.together import Glance, how_many, last_row, together
from shared.db.tx import Tx
from shared.db.types import BigId, Json, StructJson, UtcDateTime
from shared.vocabulary import Level

ORDER = StructJson(Order, kept=500)

orders = Table(
    "orders",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("version", Integer, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("wake_at", UtcDateTime),
    Column("pack", Text),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("body", ORDER, nullable=False),
    Index("ix_orders_realm_state", "realm", "state"),
    Index("ix_orders_realm_wake_at", "realm", "wake_at"),
    Index("ix_orders_realm_incident_id", "realm", "incident_id"),
)
order_trips = Table(
    "order_trips",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    ForeignKeyConstraint(["realm", "order_id"], ["orders.realm", "orders.order_id"]),
)
trip_marks = Table(
    "trip_marks",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("n", BigId, nullable=False),
    Column("ordering", Text, nullable=False),
    Column("leaving", Text, nullable=False),
)
order_acts = Table(
    "order_acts",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("data", Json, nullable=False),
    Index("ix_order_acts_realm_incident_id", "realm", "incident_id"),
    Index("ix_order_acts_realm_order_id", "realm", "order_id"),
    Index("ix_order_acts_realm_no", "realm", "no"),
)
order_calls = Table(
    "order_calls",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
)


_CHANGES = ("version", "incident_id", "level", "state", "wake_at", "changed_at", "body")


@dataclass(frozen=True)
class Stored:
    """库中措施: an order, its version, and the district pack that it began with"""

    order: Order
    version: int
    pack: str | None
    no: int


@dataclass(frozen=True, kw_only=True)
class OrderAct:
    """措施记事"""

    incident_id: str
    order_id: str
    at: datetime
    known_at: datetime
    kind: str
    by: str | None
    zh: str
    en: str
    data: dict[str, Any]


def _stored(row: Any) -> Stored:
    return Stored(row.body, int(row.version), row.pack, int(row.no))


def get(conn: Connection, realm: str, order_id: str) -> Stored | None:
    row = conn.execute(select(orders).where(orders.c.realm == realm, orders.c.order_id == order_id)).first()
    return _stored(row) if row else None


def of_trip(conn: Connection, realm: str, trip_id: str) -> list[Stored]:
    """All orders that the trip has a part in, ended ones too."""
    return of_trips(conn, realm, [trip_id])


def of_trips(conn: Connection, realm: str, trip_ids: Iterable[str]) -> list[Stored]:
    """All orders that one of the trips has a part in, each once."""
    here = select(order_trips.c.order_id).where(
        order_trips.c.realm == realm, order_trips.c.trip_id.in_(sorted(set(trip_ids)))
    )
    rows = conn.execute(
        select(orders).where(orders.c.realm == realm, orders.c.order_id.in_(here)).order_by(orders.c.no)
    )
    return [_stored(row) for row in rows]


def of_incident(conn: Connection, realm: str, incident_id: str) -> list[Stored]:
    rows = conn.execute(
        select(orders).where(orders.c.realm == realm, orders.c.incident_id == incident_id).order_by(orders.c.no)
    )
    return [_stored(row) for row in rows]


def still_open(conn: Connection, realm: str, family: str) -> list[Stored]:
    """The orders that a claim of this family might join, oldest first."""
    rows = conn.execute(
        select(orders)
        .where(
            orders.c.realm == realm,
            orders.c.family == family,
            orders.c.state.in_([state.value for state in OPEN]),
        )
        .order_by(orders.c.no)
    )
    return [_stored(row) for row in rows]


def waiting_in(conn: Connection, realm: str, case_ids: Iterable[str]) -> list[tuple[str, Stored]]:
    """The open orders with a deadline whose signers are called in these cases, each with its case."""
    joined = order_calls.join(
        orders, (orders.c.realm == order_calls.c.realm) & (orders.c.order_id == order_calls.c.order_id)
    )
    rows = conn.execute(
        select(orders, order_calls.c.case_id)
        .select_from(joined)
        .where(
            order_calls.c.realm == realm,
            order_calls.c.case_id.in_(sorted(set(case_ids))),
            orders.c.wake_at.is_not(None),
            orders.c.state.in_([state.value for state in OPEN]),
        )
        .order_by(orders.c.no)
    )
    return [(row.case_id, _stored(row)) for row in rows]


_ANYTHING_DUE = select(exists().where(orders.c.realm == bindparam("realm"), orders.c.wake_at <= bindparam("now")))


def is_anything_due(conn: Connection, realm: str, now: datetime) -> bool:
    """Whether an order wakes up; one look into an index."""
    return bool(conn.execute(_ANYTHING_DUE, {"realm": realm, "now": now}).scalar())


def due(conn: Connection, realm: str, now: datetime, limit: int) -> list[Stored]:
    rows = conn.execute(
        select(orders)
        .where(orders.c.realm == realm, orders.c.wake_at <= now)
        .order_by(orders.c.wake_at, orders.c.no)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


COUNTS = how_many(orders.c.state, where=orders.c.realm == bindparam("realm"))
WAITING = together(
    orders.c.body,
    where=(orders.c.realm == bindparam("realm")) & orders.c.state.in_([state.value for state in UNSIGNED]),
)


def counts(glance: Glance) -> dict[str, int]:
    """How many orders of the realm stand in each state; of `COUNTS`."""
    return {state: int(number) for state, number in glance.texts(COUNTS)}


def waiting(glance: Glance) -> list[Order]:
    """The orders that wait for a signature; of `WAITING`."""
    return [ORDER.read(text) for (text,) in glance.texts(WAITING)]


def listing(
    conn: Connection,
    realm: str,
    *,
    limit: int,
    after: int = 0,
    states: Iterable[str] = (),
    kind: str | None = None,
    incident_id: str | None = None,
    trip_id: str | None = None,
) -> list[tuple[int, Stored]]:
    """One page and a row more, by number."""
    query = select(orders).where(orders.c.realm == realm, orders.c.no > after)
    wanted = list(states)
    if wanted:
        query = query.where(orders.c.state.in_(wanted))
    if kind is not None:
        query = query.where(orders.c.kind == kind)
    if incident_id is not None:
        query = query.where(orders.c.incident_id == incident_id)
    if trip_id is not None:
        ids = select(order_trips.c.order_id).where(order_trips.c.realm == realm, order_trips.c.trip_id == trip_id)
        query = query.where(orders.c.order_id.in_(ids))
    rows = conn.execute(query.order_by(orders.c.no).limit(limit + 1))
    return [(int(row.no), _stored(row)) for row in rows]


class _Writes:
    """待写: orders and acts of one savepoint, written together"""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.orders: dict[tuple[str, str], dict[str, Any]] = {}
        self.trips: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.acts: list[dict[str, Any]] = []

    def flush(self) -> None:
        self._tx.upsert(orders, list(self.orders.values()), _CHANGES)
        for table, rows in ((order_trips, self.trips), (order_calls, self.calls), (order_acts, self.acts)):
            if rows:
                self._tx.conn.execute(insert(table), rows)
            rows.clear()
        self.orders.clear()


def _writes(tx: Tx) -> _Writes:
    return tx.part("orders", lambda: _Writes(tx))


def settled(tx: Tx) -> Connection:
    """The connection to read from inside the transaction: what is kept of orders is written first."""
    _writes(tx).flush()
    return tx.conn


def save(tx: Tx, realm: str, order: Order, before: Stored | None, *, pack: str | None = None, no: int = 0) -> Stored:
    """Write an order; ``before`` is what was read, None for a new one (with its number and pack).

    The version stands for what a person decides on: that the countdown goes on to the next signer makes no new one, or
    a signature given just then would be refused (412) though nothing that was read has changed.
    """
    stored = Stored(order, 1, pack, no)
    if before is not None:
        version = before.version if order.reads_as(before.order) else before.version + 1
        stored = Stored(order, version, before.pack, before.no)
    _writes(tx).orders[(realm, order.order_id)] = {
        "realm": realm,
        "order_id": order.order_id,
        "no": stored.no,
        "version": stored.version,
        "incident_id": order.incident_id,
        "family": order.family,
        "kind": order.kind.value,
        "level": order.level.value,
        "state": order.state.value,
        "wake_at": _wake_at(order),
        "pack": stored.pack,
        "changed_at": tx.now,
        "body": order,
    }
    known = before.order.trip_ids if before else ()
    _writes(tx).trips += [
        {"realm": realm, "trip_id": trip_id, "order_id": order.order_id}
        for trip_id in order.trip_ids
        if trip_id not in known
    ]
    return stored


def _wake_at(order: Order) -> datetime | None:
    """The next instant at which something is due by itself."""
    review = order.review_at if order.is_held and not order.expired else None
    due_at = order.due_at if order.wants_signature else None
    return min((at for at in (due_at, review, order.countersign_due_at) if at is not None), default=None)


def mark(conn: Connection, realm: str, trip_id: str) -> TripMark | None:
    return marks(conn, realm, [trip_id]).get(trip_id)


def marks(conn: Connection, realm: str, trip_ids: Iterable[str]) -> dict[str, TripMark]:
    """What these trips ordered last."""
    here = (trip_marks.c.realm == realm, trip_marks.c.trip_id.in_(sorted(set(trip_ids))))
    return {
        row.trip_id: TripMark(
            trip_id=row.trip_id, n=int(row.n), ordering=Level(row.ordering), leaving=Level(row.leaving)
        )
        for row in conn.execute(select(trip_marks).where(*here))
    }


def save_mark(tx: Tx, realm: str, mark: TripMark) -> None:
    row = {
        "realm": realm,
        "trip_id": mark.trip_id,
        "n": mark.n,
        "ordering": mark.ordering.value,
        "leaving": mark.leaving.value,
    }
    tx.upsert(trip_marks, [row], ("n", "ordering", "leaving"))


def cases_of(conn: Connection, realm: str, order_ids: Iterable[str]) -> dict[str, str]:
    """The cases in which the orders' signers are called; an order that called nobody has none."""
    here = (order_calls.c.realm == realm, order_calls.c.order_id.in_(sorted(set(order_ids))))
    return {row.order_id: row.case_id for row in conn.execute(select(order_calls).where(*here))}


def cases_of_incident(conn: Connection, realm: str, incident_id: str) -> tuple[str, ...]:
    joined = order_calls.join(
        orders, (orders.c.realm == order_calls.c.realm) & (orders.c.order_id == order_calls.c.order_id)
    )
    rows = conn.execute(
        select(order_calls.c.case_id)
        .select_from(joined)
        .where(orders.c.realm == realm, orders.c.incident_id == incident_id)
        .distinct()
    )
    return tuple(str(case_id) for case_id in rows.scalars())


def save_case(tx: Tx, realm: str, order_id: str, case_id: str) -> None:
    _writes(tx).calls.append({"realm": realm, "order_id": order_id, "case_id": case_id})


def add_act(tx: Tx, realm: str, act: OrderAct) -> None:
    _writes(tx).acts.append({"realm": realm, **asdict(act)})


LAST_ACT = last_row(order_acts, order_acts.c.order_id, order_acts.c.zh, order_acts.c.known_at)
_NEWEST = newest_rows(order_acts)


def newest_acts(conn: Connection, realm: str, limit: int, since: int) -> list[tuple[int, OrderAct]]:
    """What was done last with the realm's orders, with its number, from number ``since`` on, newest first."""
    return [(row.no, _act(row)) for row in conn.execute(_NEWEST, {"realm": realm, "limit": limit, "since": since})]


def acts(
    conn: Connection,
    realm: str,
    incident_ids: Iterable[str],
    limit: int,
    *,
    order_id: str | None = None,
    before: int | None = None,
) -> list[tuple[int, OrderAct]]:
    """What was done last with the orders of these incidents, or with one; newest first, with its number."""
    c = order_acts.c
    query = select(order_acts).where(c.realm == realm, c.incident_id.in_(list(incident_ids)))
    if order_id is not None:
        query = query.where(order_acts.c.order_id == order_id)
    if before is not None:
        query = query.where(order_acts.c.no < before)
    return [(row.no, _act(row)) for row in conn.execute(query.order_by(order_acts.c.no.desc()).limit(limit))]


def _act(row: Any) -> OrderAct:
    return OrderAct(
        incident_id=row.incident_id,
        order_id=row.order_id,
        at=row.at,
        known_at=row.known_at,
        kind=row.kind,
        by=row.by,
        zh=row.zh,
        en=row.en,
        data=dict(row.data),
    )


def move(tx: Tx, realm: str, stored: Stored, order: Order) -> None:
    """Put an order and what was done with it into another incident."""
    save(tx, realm, order, stored)
    settled(tx).execute(
        update(order_acts)
        .where(order_acts.c.realm == realm, order_acts.c.order_id == order.order_id)
        .values(incident_id=order.incident_id)
    )
