"""库存存储 The ledger's tables. Balances are kept beside the log and can be proved from it at any time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Index,
    Integer,
    Table,
    Text,
    func,
    insert,
    select,
    tuple_,
    update,
)

from services.resources.schema import metadata
from services.resources.stock.book import EDGES, Condition, Entry, Lease, Ledger, Lot, LotKey, Place
from shared.db.types import Json, UtcDateTime

_EDGES = ", ".join(f"'{kind.value}'" for kind in sorted(EDGES))


def _lot_columns(primary: bool) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False, primary_key=primary) for name in ("item_code", "lot_id", "owner")]


openings = Table(
    "stock_openings",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("pack", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("lots", Integer, nullable=False),
)
lots = Table(
    "stock_lots",
    metadata,
    Column("realm", Text, primary_key=True),
    *_lot_columns(True),
    Column("expires_on", Date),
    Column("condition", Text, nullable=False),
    Column("reserve_type", Text, nullable=False),
)
movements = Table(
    "stock_movements",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("movement_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("happened_at", UtcDateTime),
    Column("entered_late", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("paper", Text),
    Column("owner_act", Json),
    Column("lease_id", Text),
    Column("note", Json),
)
entries = Table(
    "stock_entries",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("place_kind", Text, nullable=False),
    Column("place_ref", Text, nullable=False),
    *_lot_columns(False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity <> 0", name="moves_something"),
    Index("ix_stock_entries_place", "realm", "place_kind", "place_ref", "item_code"),
)
balances = Table(
    "stock_balances",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("place_kind", Text, primary_key=True),
    Column("place_ref", Text, primary_key=True),
    *_lot_columns(True),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint(f"quantity >= 0 OR place_kind IN ({_EDGES})", name="never_negative"),
)
leases = Table(
    "stock_leases",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("lease_id", Text, primary_key=True),
    Column("place_kind", Text, nullable=False),
    Column("place_ref", Text, nullable=False),
    *_lot_columns(False),
    Column("quantity", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    CheckConstraint("quantity >= 0", name="never_negative"),
    Index("ix_stock_leases_item", "realm", "item_code", "released"),
)


@dataclass(frozen=True)
class MovementRow:
    """出入库单: what stands beside the entries. ``at`` is the realm's time, ``known_at`` the wall's."""

    kind: str
    at: datetime
    known_at: datetime
    by: str
    reason: str
    happened_at: datetime | None = None
    entered_late: bool = False
    paper: str | None = None
    owner_act: Any = None
    lease_id: str | None = None
    note: Any = None


def is_open(conn: Connection, realm: str) -> bool:
    """Whether the realm has its stock copy."""
    return conn.execute(select(openings.c.realm).where(openings.c.realm == realm)).first() is not None


def mark_open(conn: Connection, realm: str, pack: str, at: datetime, count: int) -> None:
    conn.execute(insert(openings).values(realm=realm, pack=pack, at=at, lots=count))


def load(conn: Connection, realm: str, ours: frozenset[str], item_code: str | None = None) -> Ledger:
    """The ledger of a realm, or its part for one item."""

    def mine(table: Table) -> list[Any]:
        query = select(table).where(table.c.realm == realm)
        if item_code is not None:
            query = query.where(table.c.item_code == item_code)
        if table is leases:
            query = query.where(~leases.c.released)
        return list(conn.execute(query))

    return Ledger(
        balances={(_place(row), _key(row)): row.quantity for row in mine(balances) if row.quantity},
        lots={_key(row): _lot(row) for row in mine(lots)},
        leases={row.lease_id: _lease(row) for row in mine(leases)},
        ours=ours,
    )


def lease_of(conn: Connection, realm: str, lease_id: str) -> Lease | None:
    row = conn.execute(select(leases).where(leases.c.realm == realm, leases.c.lease_id == lease_id)).first()
    return None if row is None else _lease(row)


def leases_page(conn: Connection, realm: str, now: datetime, limit: int, after: str | None) -> list[Lease]:
    query = select(leases).where(leases.c.realm == realm, ~leases.c.released, leases.c.until > now)
    if after is not None:
        query = query.where(leases.c.lease_id > after)
    return [_lease(row) for row in conn.execute(query.order_by(leases.c.lease_id).limit(limit))]


def put_lot(conn: Connection, realm: str, lot: Lot) -> None:
    """Take a lot's attributes into the books; a known lot stays as it is."""
    where = _where(lots, realm, lot.key)
    if conn.execute(select(lots.c.realm).where(*where)).first() is None:
        values = {"expires_on": lot.expires_on, "condition": lot.condition.value, "reserve_type": lot.reserve_type}
        conn.execute(insert(lots).values(realm=realm, **_key_values(lot.key), **values))


def append(conn: Connection, realm: str, no: int, movement_id: str, row: MovementRow, moved: Sequence[Entry]) -> None:
    """Append a movement with its entries, and move the balances."""
    conn.execute(insert(movements).values(realm=realm, no=no, movement_id=movement_id, **vars(row)))
    conn.execute(
        insert(entries),
        [
            {
                "realm": realm,
                "no": no,
                "line": line,
                "place_kind": entry.place.kind.value,
                "place_ref": entry.place.ref,
                **_key_values(entry.lot),
                "quantity": entry.quantity,
            }
            for line, entry in enumerate(moved, start=1)
        ],
    )
    for entry in moved:
        where = (
            *_where(balances, realm, entry.lot),
            balances.c.place_kind == entry.place.kind.value,
            balances.c.place_ref == entry.place.ref,
        )
        grown = update(balances).where(*where).values(quantity=balances.c.quantity + entry.quantity)
        if conn.execute(grown).rowcount == 0:
            conn.execute(
                insert(balances).values(
                    realm=realm,
                    place_kind=entry.place.kind.value,
                    place_ref=entry.place.ref,
                    **_key_values(entry.lot),
                    quantity=entry.quantity,
                )
            )


def movements_page(
    conn: Connection, realm: str, limit: int, after: int
) -> list[tuple[int, str, MovementRow, tuple[Entry, ...]]]:
    """出入库流水 The log, oldest first: number, id, the movement and its entries."""
    rows = conn.execute(
        select(movements)
        .where(movements.c.realm == realm, movements.c.no > after)
        .order_by(movements.c.no)
        .limit(limit)
    ).all()
    held: dict[int, list[Entry]] = {row.no: [] for row in rows}
    if rows:
        wanted = (entries.c.realm == realm, entries.c.no.between(rows[0].no, rows[-1].no))
        for row in conn.execute(select(entries).where(*wanted).order_by(entries.c.no, entries.c.line)):
            held[row.no].append(Entry(_place(row), _key(row), row.quantity))
    names = tuple(field.name for field in fields(MovementRow))
    return [
        (row.no, row.movement_id, MovementRow(**{name: row._mapping[name] for name in names}), tuple(held[row.no]))
        for row in rows
    ]


def put_leases(conn: Connection, realm: str, changed: Iterable[Lease], by: str) -> None:
    for lease in changed:
        values = {"quantity": lease.quantity, "released": lease.released, "until": lease.until}
        where = (leases.c.realm == realm, leases.c.lease_id == lease.lease_id)
        if conn.execute(update(leases).where(*where).values(**values)).rowcount == 0:
            conn.execute(
                insert(leases).values(
                    realm=realm,
                    lease_id=lease.lease_id,
                    place_kind=lease.place.kind.value,
                    place_ref=lease.place.ref,
                    **_key_values(lease.lot),
                    holder=lease.holder,
                    reason=lease.reason,
                    made_at=lease.made_at,
                    by=by,
                    **values,
                )
            )


def stock_page(
    conn: Connection,
    realm: str,
    *,
    limit: int,
    after: Sequence[Any] | None,
    place: Place | None = None,
    item_code: str | None = None,
    owner: str | None = None,
) -> list[tuple[Place, Lot, int]]:
    """Where what lies: balances of places where goods can lie, with the lot's attributes."""
    key = (balances.c.place_kind, balances.c.place_ref, balances.c.item_code, balances.c.lot_id, balances.c.owner)
    query = (
        select(balances, lots.c.expires_on, lots.c.condition, lots.c.reserve_type)
        .join_from(
            balances,
            lots,
            (lots.c.realm == balances.c.realm)
            & (lots.c.item_code == balances.c.item_code)
            & (lots.c.lot_id == balances.c.lot_id)
            & (lots.c.owner == balances.c.owner),
        )
        .where(balances.c.realm == realm, balances.c.quantity != 0)
        .where(balances.c.place_kind.not_in([kind.value for kind in EDGES]))
        .order_by(*key)
        .limit(limit)
    )
    if place is not None:
        query = query.where(balances.c.place_kind == place.kind.value, balances.c.place_ref == place.ref)
    if item_code is not None:
        query = query.where(balances.c.item_code == item_code)
    if owner is not None:
        query = query.where(balances.c.owner == owner)
    if after is not None:
        query = query.where(tuple_(*key) > tuple(after))
    return [(_place(row), _lot(row), row.quantity) for row in conn.execute(query)]


def disproved(conn: Connection, realm: str) -> list[dict[str, Any]]:
    """Balances that are not the sum of their entries, and lots whose entries do not sum to zero (对账)."""
    key = ("place_kind", "place_ref", "item_code", "lot_id", "owner")
    summed = {
        tuple(row[:5]): int(row[5])
        for row in conn.execute(
            select(*(entries.c[name] for name in key), func.sum(entries.c.quantity))
            .where(entries.c.realm == realm)
            .group_by(*(entries.c[name] for name in key))
        )
    }
    kept = {
        tuple(row[:5]): int(row[5])
        for row in conn.execute(
            select(*(balances.c[name] for name in key), balances.c.quantity).where(balances.c.realm == realm)
        )
    }
    wrong = [
        {"place": f"{at[0]}:{at[1]}", "lot": list(at[2:]), "kept": kept.get(at, 0), "summed": summed.get(at, 0)}
        for at in sorted({*summed, *kept})
        if kept.get(at, 0) != summed.get(at, 0)
    ]
    unbalanced = conn.execute(
        select(entries.c.item_code, entries.c.lot_id, entries.c.owner, func.sum(entries.c.quantity))
        .where(entries.c.realm == realm)
        .group_by(entries.c.item_code, entries.c.lot_id, entries.c.owner)
        .having(func.sum(entries.c.quantity) != 0)
    )
    return wrong + [{"lot": list(row[:3]), "summed": int(row[3])} for row in unbalanced]


def _where(table: Table, realm: str, key: LotKey) -> tuple[Any, ...]:
    return (
        table.c.realm == realm,
        table.c.item_code == key.item_code,
        table.c.lot_id == key.lot_id,
        table.c.owner == key.owner,
    )


def _key_values(key: LotKey) -> dict[str, str]:
    return {"item_code": key.item_code, "lot_id": key.lot_id, "owner": key.owner}


def _place(row: Any) -> Place:
    return Place.parse(f"{row.place_kind}:{row.place_ref}")


def _key(row: Any) -> LotKey:
    return LotKey(row.item_code, row.lot_id, row.owner)


def _lot(row: Any) -> Lot:
    expires: date | None = row.expires_on
    return Lot(_key(row), expires, Condition(row.condition), row.reserve_type)


def _lease(row: Any) -> Lease:
    return Lease(
        row.lease_id,
        _place(row),
        _key(row),
        row.quantity,
        row.holder,
        row.reason,
        row.made_at,
        row.until,
        row.released,
    )
