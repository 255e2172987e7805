"""通知存储 Notices and their files; rows are added and ended, never deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    insert,
    select,
    update,
)

from services.warning.notices.notice import Notice, NoticeFile
from services.warning.schema import metadata
from shared.db.types import BigId, Json, UtcDateTime
from shared.vocabulary import Level, Scale

notices = Table(
    "notices",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    Column("no", BigId, nullable=False),
    Column("type", Text, nullable=False),
    Column("number", Text),
    Column("issuer", Text, nullable=False),
    Column("scale", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("areas", Json, nullable=False),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),
    Column("text", Text, nullable=False),
    Column("read_back_by", Text),
    Column("file", Json),
    Column("corrects", Text),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("happened_at", UtcDateTime),
    Column("entered_late", Boolean, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text),
    Index("uq_notices_paper", "realm", "type", "number", "issuer", unique=True),
    Index("ix_notices_valid_to", "realm", "ended_at", "valid_to"),
)

files = Table(
    "notice_files",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)


def get(conn: Connection, realm: str, notice_id: str) -> Notice | None:
    row = conn.execute(select(notices).where(notices.c.realm == realm, notices.c.notice_id == notice_id)).first()
    return _notice(row) if row else None


def find(conn: Connection, realm: str, notice_id: str) -> Notice | None:
    """The notice of an id, if there is one (an empty id names none)."""
    return get(conn, realm, notice_id) if notice_id else None


def find_paper(conn: Connection, realm: str, type_: str, number: str, issuer: str) -> Notice | None:
    """The notice with this number of this issuer, if it was entered before."""
    query = select(notices).where(
        notices.c.realm == realm,
        notices.c.type == type_,
        notices.c.number == number,
        notices.c.issuer == issuer,
    )
    row = conn.execute(query).first()
    return _notice(row) if row else None


def add(conn: Connection, realm: str, no: int, notice: Notice) -> None:
    kept = notice.file
    conn.execute(
        insert(notices).values(
            realm=realm,
            notice_id=notice.notice_id,
            no=no,
            type=notice.type,
            number=notice.number,
            issuer=notice.issuer,
            scale=notice.scale,
            level=notice.level,
            hazard=notice.hazard,
            areas=list(notice.areas),
            valid_from=notice.valid_from,
            valid_to=notice.valid_to,
            text=notice.text,
            read_back_by=notice.read_back_by,
            file=kept and {"name": kept.name, "media_type": kept.media_type, "sha256": kept.sha256, "size": kept.size},
            corrects=notice.corrects,
            entered_by=notice.entered_by,
            entered_at=notice.entered_at,
            happened_at=notice.happened_at,
            entered_late=notice.entered_late,
            ended_at=notice.ended_at,
            ended_by=notice.ended_by,
        )
    )


def end(conn: Connection, realm: str, notice_id: str, at: datetime, by: str) -> None:
    """Mark a notice as no longer in force; the record stays."""
    conn.execute(
        update(notices)
        .where(notices.c.realm == realm, notices.c.notice_id == notice_id)
        .values(ended_at=at, ended_by=by)
    )


def due(conn: Connection, realm: str, now: datetime) -> list[Notice]:
    """Notices in force whose validity is over."""
    query = (
        select(notices)
        .where(notices.c.realm == realm, notices.c.ended_at.is_(None), notices.c.valid_to <= now)
        .order_by(notices.c.valid_to, notices.c.no)
    )
    return [_notice(row) for row in conn.execute(query)]


def in_force(conn: Connection, realm: str, type_: str, area: str) -> list[Notice]:
    """The notices that hold a fuse ``notice.TYPE`` of an area up, oldest first."""
    query = (
        select(notices)
        .where(notices.c.realm == realm, notices.c.type == type_, notices.c.ended_at.is_(None))
        .order_by(notices.c.no)
    )
    found = [_notice(row) for row in conn.execute(query)]
    return [notice for notice in found if area in notice.areas and notice.in_force]


def page(conn: Connection, realm: str, *, before_no: int | None, limit: int) -> list[tuple[int, Notice]]:
    """Notices, newest first, with their numbers."""
    query: Select[Any] = select(notices).where(notices.c.realm == realm)
    if before_no is not None:
        query = query.where(notices.c.no < before_no)
    return [(row.no, _notice(row)) for row in conn.execute(query.order_by(notices.c.no.desc()).limit(limit))]


def keep_file(conn: Connection, sha256: str, content: bytes) -> None:
    if conn.execute(select(files.c.size).where(files.c.sha256 == sha256)).first() is None:
        conn.execute(insert(files).values(sha256=sha256, size=len(content), content=content))


def file_content(conn: Connection, sha256: str) -> bytes | None:
    found = conn.execute(select(files.c.content).where(files.c.sha256 == sha256)).scalar()
    return None if found is None else bytes(found)


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        type=row.type,
        number=row.number,
        issuer=row.issuer,
        scale=Scale(row.scale),
        level=Level(row.level),
        hazard=row.hazard,
        areas=tuple(row.areas),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        text=row.text,
        read_back_by=row.read_back_by,
        file=NoticeFile(**row.file) if row.file else None,
        corrects=row.corrects,
        entered_by=row.entered_by,
        entered_at=row.entered_at,
        happened_at=row.happened_at,
        entered_late=row.entered_late,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
