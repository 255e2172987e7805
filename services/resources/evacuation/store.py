"""疏散存储 Zones in force, evacuation orders as dispatch told them, shelter states, and the numbered plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, Row, Table, Text, insert, select, update

from services.resources.schema import metadata
from shared.db.types import Json, UtcDateTime

zones = Table(
    "evacuation_zones",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("zone_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("hazard", Text),
    Column("family", Text),
    Column("kind", Text, nullable=False),
    Column("region", Text),
    Column("geometry", Json, nullable=False),
    Column("source", Text, nullable=False),
    Column("review_at", UtcDateTime),
    Column("in_force", Boolean, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("by", Text, nullable=False),
    Index("ix_evacuation_zones_in_force", "realm", "in_force"),
)
orders = Table(
    "evacuation_orders",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("hazard", Text),
    Column("level", Text),
    Column("areas", Json, nullable=False),  # regions, units and sites that are to leave
    Column("zones", Json, nullable=False),  # area -> zone ids that it brought into force; none = not drawn
    Column("held", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
shelter_states = Table(
    "shelter_states",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("shelter_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("occupied", Integer),
    Column("note", Text),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
)
plans = Table(
    "evacuation_plans",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("pack", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending | published | refused | replaced
    Column("inputs", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("network", Text),
    Column("hazard", Text),
    Column("report", Json),
    Column("findings", Json),
)


def zones_in_force(conn: Connection, realm: str) -> list[Row[Any]]:
    query = select(zones).where(zones.c.realm == realm, zones.c.in_force)
    return list(conn.execute(query.order_by(zones.c.zone_id)))


def zone_versions(conn: Connection, realm: str, wanted: Sequence[Sequence[Any]]) -> list[Row[Any]]:
    """The named (zone_id, version) rows, whether still in force or not."""
    ids = [pair[0] for pair in wanted]
    pairs = {(pair[0], pair[1]) for pair in wanted}
    rows = conn.execute(select(zones).where(zones.c.realm == realm, zones.c.zone_id.in_(ids)))
    return sorted((r for r in rows if (r.zone_id, r.version) in pairs), key=lambda r: r.zone_id)


def put_zone(conn: Connection, realm: str, zone_id: str, values: dict[str, Any]) -> int:
    """Bring a version of a zone into force; the one before it ends. Returns the version."""
    last = conn.execute(
        select(zones.c.version)
        .where(zones.c.realm == realm, zones.c.zone_id == zone_id)
        .order_by(zones.c.version.desc())
        .limit(1)
    ).scalar()
    end_zone(conn, realm, zone_id, values["since"])
    version = (last or 0) + 1
    conn.execute(insert(zones).values(realm=realm, zone_id=zone_id, version=version, in_force=True, **values))
    return version


def end_zone(conn: Connection, realm: str, zone_id: str, at: datetime) -> bool:
    """Whether there was one in force to end."""
    where = (zones.c.realm == realm, zones.c.zone_id == zone_id, zones.c.in_force)
    return conn.execute(update(zones).where(*where).values(in_force=False, ended_at=at)).rowcount > 0


def orders_held(conn: Connection, realm: str) -> list[Row[Any]]:
    query = select(orders).where(orders.c.realm == realm, orders.c.held)
    return list(conn.execute(query.order_by(orders.c.order_id)))


def order(conn: Connection, realm: str, order_id: str) -> Row[Any] | None:
    return conn.execute(select(orders).where(orders.c.realm == realm, orders.c.order_id == order_id)).first()


def put_order(conn: Connection, realm: str, order_id: str, values: dict[str, Any]) -> None:
    where = (orders.c.realm == realm, orders.c.order_id == order_id)
    if conn.execute(update(orders).where(*where).values(**values)).rowcount == 0:
        conn.execute(insert(orders).values(realm=realm, order_id=order_id, **values))


def shelters_now(conn: Connection, realm: str) -> dict[str, Row[Any]]:
    rows = conn.execute(select(shelter_states).where(shelter_states.c.realm == realm))
    return {row.shelter_id: row for row in rows}


def put_shelter(conn: Connection, realm: str, shelter_id: str, values: dict[str, Any]) -> int:
    """Keep a shelter's state; returns its version."""
    where = (shelter_states.c.realm == realm, shelter_states.c.shelter_id == shelter_id)
    before = conn.execute(select(shelter_states.c.version).where(*where)).scalar()
    if before is None:
        conn.execute(insert(shelter_states).values(realm=realm, shelter_id=shelter_id, version=1, **values))
        return 1
    conn.execute(update(shelter_states).where(*where).values(version=before + 1, **values))
    return int(before) + 1


def head(conn: Connection, realm: str) -> Row[Any] | None:
    """The newest plan of a realm, in whatever state."""
    query = select(plans).where(plans.c.realm == realm).order_by(plans.c.version.desc()).limit(1)
    return conn.execute(query).first()


def plan(conn: Connection, realm: str, version: int) -> Row[Any] | None:
    return conn.execute(select(plans).where(plans.c.realm == realm, plans.c.version == version)).first()


def plans_page(conn: Connection, realm: str, limit: int, before: int | None) -> list[Row[Any]]:
    query = select(plans).where(plans.c.realm == realm).order_by(plans.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(plans.c.version < before)
    return list(conn.execute(query))


def heads(conn: Connection) -> list[Row[Any]]:
    """The newest plan of every realm."""
    newest: dict[str, Row[Any]] = {}
    for row in conn.execute(select(plans).where(plans.c.state != "replaced").order_by(plans.c.version)):
        newest[row.realm] = row
    return [newest[realm] for realm in sorted(newest)]


def add_plan(conn: Connection, realm: str, values: dict[str, Any]) -> int:
    """Number the next plan; the older ones lead nobody any more."""
    newest = head(conn, realm)
    conn.execute(update(plans).where(plans.c.realm == realm, plans.c.state != "replaced").values(state="replaced"))
    version = 1 if newest is None else int(newest.version) + 1
    conn.execute(insert(plans).values(realm=realm, version=version, state="pending", **values))
    return version


def close_plan(conn: Connection, realm: str, version: int, values: dict[str, Any]) -> bool:
    """Publish or refuse a pending plan; False where a newer one has replaced it meanwhile."""
    where = (plans.c.realm == realm, plans.c.version == version, plans.c.state == "pending")
    return conn.execute(update(plans).where(*where).values(**values)).rowcount > 0
