"""责任人存储 Edits of contacts, append-only, beside what the pack says."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Index, Integer, Table, Text, insert, select

from services.dispatch.roster.contacts import ContactChange, Edit
from services.dispatch.schema import metadata
from shared.db.types import UtcDateTime

contact_edits = Table(
    "contact_edits",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("person", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("ground", Text),
    Index(None, "realm", "person"),
)


def add_edit(conn: Connection, realm: str, no: int, edit: Edit) -> None:
    conn.execute(
        insert(contact_edits).values(
            realm=realm,
            no=no,
            person=edit.person,
            channel=edit.channel,
            address=edit.address,
            change=edit.change.value,
            at=edit.at,
            by=edit.by,
            ground=edit.ground,
        )
    )


def edits_of(conn: Connection, realm: str, persons: Iterable[str] | None = None) -> list[Edit]:
    """The edits of these persons, or of all, oldest first."""
    query = select(contact_edits).where(contact_edits.c.realm == realm).order_by(contact_edits.c.no)
    if persons is not None:
        query = query.where(contact_edits.c.person.in_(sorted(set(persons))))
    return [
        Edit(
            person=row.person,
            channel=row.channel,
            address=row.address,
            change=ContactChange(row.change),
            at=row.at,
            by=row.by,
            ground=row.ground,
        )
        for row in conn.execute(query)
    ]
