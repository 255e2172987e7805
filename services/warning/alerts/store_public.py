"""发布存储 Released messages, never changed once written, and their way to the broker: one row a topic.

The store itself refuses what must never be: an exercise that says Actual, or its message on an ordinary topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from services.warning.alerts.alert import AlertState
from services.warning.schema import metadata
from shared.db.types import BigId, Json, UtcDateTime
from shared.vocabulary import AlertScope, Level

STANDING = (AlertState.RELEASED.value, AlertState.UPDATED.value)
PENDING, DELIVERED, SUPERSEDED = "pending", "delivered", "superseded"

publications = Table(
    "alert_publications",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("region", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("message", Json, nullable=False),
    Column("body", Json, nullable=False),
    Column("xml", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("warned_at", UtcDateTime),
    Index("uq_alert_publications", "realm", "alert_id", "n", unique=True),
    Index("ix_alert_publications_feed", "realm", "scope", "no"),
    CheckConstraint(
        "(realm = 'actual' AND status = 'Actual') OR (realm <> 'actual' AND status = 'Exercise')", name="status"
    ),
)

deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("publication", BigId, nullable=False),
    Column("topic", Text, nullable=False),
    Column("form", Text, nullable=False),  # json | cap | interrupted | empty
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("next_at", UtcDateTime, nullable=False),  # wall time, like all of this table
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Index("ix_alert_deliveries_due", "state", "next_at"),
    Index("ix_alert_deliveries_topic", "topic", "state"),
    CheckConstraint(
        "(realm = 'actual' AND substr(topic, 1, 8) = 'fengsui/') OR "
        "(substr(realm, 1, 2) = 'x-' AND substr(topic, 1, 10) = 'fengsui-x/')",
        name="topic",
    ),
)


def add(conn: Connection, values: dict[str, Any]) -> int:
    """Keep a released message as the alert's current one; returns its place in the feed."""
    where = and_(publications.c.realm == values["realm"], publications.c.alert_id == values["alert_id"])
    conn.execute(update(publications).where(where, publications.c.current).values(current=False))
    made = conn.execute(insert(publications).values(current=True, **values).returning(publications.c.no))
    return int(made.scalar_one())


def get(conn: Connection, no: int) -> Row[Any] | None:
    return conn.execute(select(publications).where(publications.c.no == no)).first()


def of_alert(conn: Connection, realm: str, alert_id: str) -> list[Row[Any]]:
    """All messages of an alert, first to last."""
    query = select(publications).where(publications.c.realm == realm, publications.c.alert_id == alert_id)
    return list(conn.execute(query.order_by(publications.c.n)))


def current_public(conn: Connection, realm: str, alert_id: str) -> Row[Any] | None:
    """The newest public message of an alert, whatever became of it."""
    query = select(publications).where(
        publications.c.realm == realm,
        publications.c.alert_id == alert_id,
        publications.c.scope == AlertScope.PUBLIC.value,
    )
    return conn.execute(query.order_by(publications.c.n.desc()).limit(1)).first()


def page(
    conn: Connection,
    realm: str,
    *,
    ended_since: datetime | None,
    regions: Sequence[str] | None = None,
    level: Level | None = None,
    in_force: bool | None = None,
    after: int | None = None,
    before: int | None = None,
    only_current: bool = True,
    limit: int,
) -> list[Row[Any]]:
    """Public messages; with ``after`` oldest first, else newest first, without what ended before ``ended_since``."""
    p = publications.c
    query: Select[Any] = select(publications).where(p.realm == realm, p.scope == AlertScope.PUBLIC.value)
    if only_current:
        query = query.where(p.current)
    if regions is not None:
        query = query.where(p.region.in_(regions))
    if level is not None:
        query = query.where(p.level == level.value)
    if in_force is not None:
        standing = and_(p.current, p.state.in_(STANDING))
        query = query.where(standing if in_force else ~standing)
    if ended_since is not None:
        query = query.where(or_(p.state.in_(STANDING), p.sent_at > ended_since))
    if after is not None:
        return list(conn.execute(query.where(p.no > after).order_by(p.no).limit(limit)))
    if before is not None:
        query = query.where(p.no < before)
    return list(conn.execute(query.order_by(p.no.desc()).limit(limit)))


_EXPIRING = select(publications).where(
    publications.c.realm == bindparam("realm"),
    publications.c.current,
    publications.c.state.in_(STANDING),
    publications.c.expires_at <= bindparam("before"),
    publications.c.warned_at.is_(None),
)


def expiring(conn: Connection, realm: str, before: datetime) -> list[Row[Any]]:
    """Messages that stand and will expire soon, and of which nobody was warned."""
    return list(conn.execute(_EXPIRING, {"realm": realm, "before": before}))


def mark_warned(conn: Connection, no: int, at: datetime) -> None:
    conn.execute(update(publications).where(publications.c.no == no).values(warned_at=at))


def queue(conn: Connection, realm: str, alert_id: str, no: int, topics: dict[str, str], now: datetime) -> None:
    """One delivery a topic; an earlier one of the topic that is not out yet needs not go any more."""
    for topic, form in topics.items():
        waiting = and_(deliveries.c.topic == topic, deliveries.c.state == PENDING)
        conn.execute(update(deliveries).where(waiting).values(state=SUPERSEDED))
        conn.execute(
            insert(deliveries).values(
                realm=realm,
                alert_id=alert_id,
                publication=no,
                topic=topic,
                form=form,
                state=PENDING,
                attempts=0,
                next_at=now,
                created_at=now,
            )
        )


def interrupt(conn: Connection, realm: str, now: datetime) -> None:
    """中止 What stands on a drill's topics gives way to the word that it was stopped; its CAP is taken away."""
    _instead(conn, realm, {"json": "interrupted", "cap": "empty"}, now)


def resume(conn: Connection, realm: str, now: datetime) -> None:
    """恢复 What stood stands again."""
    _instead(conn, realm, {"interrupted": "json", "empty": "cap"}, now)


def clear(conn: Connection, realm: str, now: datetime) -> None:
    """清空 Nothing of an ended drill stands on its topics."""
    _instead(conn, realm, {"json": "empty", "cap": "empty", "interrupted": "empty"}, now)


def _instead(conn: Connection, realm: str, forms: dict[str, str], now: datetime) -> None:
    """Another form on every topic whose last message is of a publication that stands."""
    p, d = publications.c, deliveries.c
    query = (
        select(deliveries)
        .join(publications, p.no == d.publication)
        .where(d.realm == realm, p.current, p.state.in_(STANDING), d.state != SUPERSEDED)
        .order_by(d.no)
    )
    for row in conn.execute(query).all():
        if row.form in forms:
            conn.execute(update(deliveries).where(d.topic == row.topic).values(state=SUPERSEDED))
            queue(conn, realm, row.alert_id, row.publication, {row.topic: forms[row.form]}, now)


_DUE = (
    select(deliveries, publications.c.body, publications.c.xml)
    .join(publications, publications.c.no == deliveries.c.publication)
    .where(deliveries.c.state == PENDING, deliveries.c.next_at <= bindparam("now"))
    .order_by(deliveries.c.no)
    .limit(bindparam("limit"))
)
_WAITING = select(func.count()).select_from(deliveries).where(deliveries.c.state == PENDING)


def due(conn: Connection, now: datetime, limit: int) -> list[Row[Any]]:
    """Deliveries to be tried now, in the order of their release, with what they carry."""
    return list(conn.execute(_DUE, {"now": now, "limit": limit}))


def waiting(conn: Connection) -> int:
    return int(conn.execute(_WAITING).scalar_one())


def mark_delivered(conn: Connection, nos: Sequence[int], now: datetime) -> None:
    where = and_(deliveries.c.no.in_(nos), deliveries.c.state == PENDING)
    conn.execute(
        update(deliveries)
        .where(where)
        .values(state=DELIVERED, delivered_at=now, attempts=deliveries.c.attempts + 1, error=None)
    )


def mark_failed(conn: Connection, nos: Sequence[int], error: str, next_at: datetime) -> None:
    where = and_(deliveries.c.no.in_(nos), deliveries.c.state == PENDING)
    conn.execute(
        update(deliveries).where(where).values(attempts=deliveries.c.attempts + 1, error=error[:500], next_at=next_at)
    )


def deliveries_of(conn: Connection, realm: str, alert_id: str) -> list[Row[Any]]:
    query = select(deliveries).where(deliveries.c.realm == realm, deliveries.c.alert_id == alert_id)
    return list(conn.execute(query.order_by(deliveries.c.no)))


def send_again(conn: Connection, now: datetime, cleared_within: timedelta) -> int:
    """What stands, once more: a broker may have lost what it retained. Ended ones are cleared again for a while."""
    p, d = publications.c, deliveries.c
    wanted = (
        select(p.no)
        .where(p.current, p.scope == AlertScope.PUBLIC.value)
        .where(or_(p.state.in_(STANDING), d.created_at > now - cleared_within))
        .where(p.no == d.publication)
    )
    changed = conn.execute(
        update(deliveries).where(d.state == DELIVERED, wanted.exists()).values(state=PENDING, next_at=now)
    )
    return int(changed.rowcount)
