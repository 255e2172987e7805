"""预警信息存储 Alerts, every internal version with its CAP XML, and which trips they speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    update,
)

from services.warning.alerts.alert import OPEN_STATES, Alert, AlertState, Part
from services.warning.schema import metadata
from shared.db.types import BigId, Json, UtcDateTime
from shared.vocabulary import Level, MsgType, Scale, Verification

alerts = Table(
    "alerts",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("alert_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("pack", Text),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_alerts_open", "realm", "hazard", "region", "state"),
    Index("ix_alerts_expiry", "realm", "state", "expires_at"),
)

versions = Table(
    "alert_versions",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    Column("xml", Text),
    Index("uq_alert_versions", "realm", "alert_id", "version", unique=True),
)

parts = Table(
    "alert_parts",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("trip_id", Text, primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_alert_parts_alert", "realm", "alert_id", "ordinal"),
)


@dataclass(frozen=True)
class Kept:
    """存档: an alert as it is stored."""

    alert: Alert
    no: int
    pack: str | None


def find_open(conn: Connection, realm: str, hazard: str, region: str) -> Kept | None:
    """The open alert of a hazard in an area; there is at most one."""
    query = select(alerts).where(
        alerts.c.realm == realm,
        alerts.c.hazard == hazard,
        alerts.c.region == region,
        _standing(),
    )
    row = conn.execute(query).first()
    return _kept(row) if row else None


def _standing() -> ColumnElement[bool]:
    """Alarms that stand: cancelled in public or not, while a trip of it is open."""
    cancelled = and_(alerts.c.state == AlertState.CANCELLED.value, alerts.c.level != Level.NORMAL.value)
    return or_(alerts.c.state.in_([state.value for state in OPEN_STATES]), cancelled)


def get(conn: Connection, realm: str, alert_id: str) -> Kept | None:
    row = row_of(conn, realm, alert_id)
    return _kept(row) if row else None


def row_of(conn: Connection, realm: str, alert_id: str) -> Row[Any] | None:
    return conn.execute(select(alerts).where(alerts.c.realm == realm, alerts.c.alert_id == alert_id)).first()


def body_of(conn: Connection, realm: str, alert_id: str) -> dict[str, Any]:
    """The object as it was told last; empty where there is none."""
    query = select(alerts.c.body).where(alerts.c.realm == realm, alerts.c.alert_id == alert_id)
    return conn.execute(query).scalar() or {}


def alert_of_trip(conn: Connection, realm: str, trip_id: str) -> str | None:
    """Which alert a trip joined."""
    query = select(parts.c.alert_id).where(parts.c.realm == realm, parts.c.trip_id == trip_id)
    return conn.execute(query).scalar()


def parts_of(conn: Connection, realm: str, alert_id: str) -> list[Part]:
    """The alert's trips in the order in which they joined."""
    query = select(parts.c.body).where(parts.c.realm == realm, parts.c.alert_id == alert_id).order_by(parts.c.ordinal)
    return [_part(body) for body in conn.execute(query).scalars()]


def save_part(conn: Connection, realm: str, alert_id: str, part: Part, ordinal: int) -> None:
    body = {
        "trip_id": part.trip_id,
        "title_zh": part.title_zh,
        "title_en": part.title_en,
        "scale": part.scale.value,
        "level": part.level.value,
        "confirmed_level": part.confirmed_level.value,
        "verification": part.verification.value,
        "closed": part.closed,
        "is_notice": part.is_notice,
        "because_zh": part.because_zh,
        "because_en": part.because_en,
    }
    changed = conn.execute(
        update(parts)
        .where(parts.c.realm == realm, parts.c.trip_id == part.trip_id)
        .values(body=body, closed=part.closed)
    )
    if changed.rowcount == 0:
        conn.execute(
            insert(parts).values(
                realm=realm, trip_id=part.trip_id, alert_id=alert_id, ordinal=ordinal, closed=part.closed, body=body
            )
        )


def save_version(
    conn: Connection,
    realm: str,
    no: int,
    alert: Alert,
    *,
    body: dict[str, Any],
    identifier: str,
    xml: str | None,
    pack: str | None,
) -> int:
    """Keep a version as the current one; returns its place in the feed."""
    values = {
        "version": alert.version,
        "state": alert.state.value,
        "level": alert.level.value,
        "scope": body["scope"],
        "body": body,
        "expires_at": alert.expires_at,
    }
    key = (alerts.c.realm == realm, alerts.c.alert_id == alert.alert_id)
    if conn.execute(update(alerts).where(*key).values(**values)).rowcount == 0:
        conn.execute(
            insert(alerts).values(
                realm=realm,
                alert_id=alert.alert_id,
                no=no,
                hazard=alert.hazard,
                region=alert.region,
                pack=pack,
                **values,
            )
        )
    made = conn.execute(
        insert(versions)
        .values(
            realm=realm,
            alert_id=alert.alert_id,
            version=alert.version,
            identifier=identifier,
            sent_at=alert.sent_at,
            body=body,
            xml=xml,
        )
        .returning(versions.c.no)
    )
    return int(made.scalar_one())


def save_body(conn: Connection, realm: str, alert_id: str, body: dict[str, Any]) -> None:
    """An act on an alert: the same version, in another state."""
    conn.execute(
        update(alerts)
        .where(alerts.c.realm == realm, alerts.c.alert_id == alert_id)
        .values(state=body["state"], scope=body["scope"], body=body)
    )


def xml_of(conn: Connection, realm: str, alert_id: str, version: int) -> str | None:
    query = select(versions.c.xml).where(
        versions.c.realm == realm, versions.c.alert_id == alert_id, versions.c.version == version
    )
    return conn.execute(query).scalar()


def version_rows(conn: Connection, realm: str, alert_id: str) -> list[Row[Any]]:
    """All versions of an alert, first to last."""
    query = (
        select(versions).where(versions.c.realm == realm, versions.c.alert_id == alert_id).order_by(versions.c.version)
    )
    return list(conn.execute(query))


def page(
    conn: Connection,
    realm: str,
    *,
    regions: Sequence[str] | None,
    level: Level | None,
    in_force: bool | None,
    before_no: int | None,
    limit: int,
) -> list[Row[Any]]:
    """Alerts, newest first."""
    query: Select[Any] = select(alerts).where(alerts.c.realm == realm)
    if regions is not None:
        query = query.where(alerts.c.region.in_(regions))
    if level is not None:
        query = query.where(alerts.c.level == level.value)
    if in_force is not None:
        query = query.where(_standing() if in_force else ~_standing())
    if before_no is not None:
        query = query.where(alerts.c.no < before_no)
    return list(conn.execute(query.order_by(alerts.c.no.desc()).limit(limit)))


def feed(
    conn: Connection,
    realm: str,
    *,
    after: int,
    regions: Sequence[str] | None,
    level: Level | None,
    in_force: bool | None,
    limit: int,
) -> list[Row[Any]]:
    """Internal versions after a place in the feed, oldest first."""
    same = (alerts.c.realm == versions.c.realm) & (alerts.c.alert_id == versions.c.alert_id)
    query: Select[Any] = select(versions).join(alerts, same).where(versions.c.realm == realm, versions.c.no > after)
    if regions is not None:
        query = query.where(alerts.c.region.in_(regions))
    if level is not None:
        query = query.where(alerts.c.level == level.value)
    if in_force is not None:
        query = query.where(_standing() if in_force else ~_standing())
    return list(conn.execute(query.order_by(versions.c.no).limit(limit)))


def expiring(conn: Connection, realm: str, before: datetime) -> list[Kept]:
    """Open alerts whose expiry is near."""
    query = select(alerts).where(
        alerts.c.realm == realm,
        alerts.c.state.in_([state.value for state in OPEN_STATES]),
        alerts.c.level != Level.NORMAL.value,
        alerts.c.expires_at <= before,
    )
    return [_kept(row) for row in conn.execute(query)]


def _kept(row: Row[Any]) -> Kept:
    body = row.body
    text = body["text"]
    return Kept(
        Alert(
            alert_id=row.alert_id,
            version=row.version,
            trip_ids=tuple(body["trip_ids"]),
            hazard=row.hazard,
            level=Level(body["level"]),
            confirmed_level=Level(body["confirmed_level"]),
            scale=Scale(body["scale"]),
            verification=Verification(body["verification"]),
            msg_type=MsgType(body["msg_type"]),
            region=row.region,
            headline_zh=body["headline"],
            headline_en=text["headline_en"],
            description_zh=text["description_zh"],
            description_en=text["description_en"],
            sent_at=datetime.fromisoformat(body["sent_at"]),
            effective_at=datetime.fromisoformat(body["effective_at"]),
            expires_at=datetime.fromisoformat(body["expires_at"]),
            state=AlertState(row.state),
        ),
        row.no,
        row.pack,
    )


def _part(body: dict[str, Any]) -> Part:
    return Part(
        trip_id=body["trip_id"],
        title_zh=body["title_zh"],
        title_en=body["title_en"],
        scale=Scale(body["scale"]),
        level=Level(body["level"]),
        confirmed_level=Level(body["confirmed_level"]),
        verification=Verification(body["verification"]),
        closed=body["closed"],
        is_notice=body["is_notice"],
        because_zh=body["because_zh"],
        because_en=body["because_en"],
    )
