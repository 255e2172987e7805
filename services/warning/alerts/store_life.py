"""预警一生存储 What each alert proposes, who approved it, every act with its reason, the call-backs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, Row, Table, Text, and_, bindparam, insert, select, update

from services.warning.alerts.alert import AlertState
from services.warning.alerts.bulletin import Draft, Words
from services.warning.alerts.life import Approval, Life, Standing
from services.warning.schema import metadata
from shared.db.types import BigId, Json, UtcDateTime
from shared.realm import format_time, parse_time
from shared.vocabulary import AlertScope, Level

lives = Table(
    "alert_lives",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("alert_id", Text, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Json, nullable=False),
)

acts = Table(
    "alert_acts",
    metadata,
    Column("no", BigId, primary_key=True, autoincrement=True),
    Column("realm", Text, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("act", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("reason", Text),
    Column("body", Json, nullable=False),
    Index("ix_alert_acts_alert", "realm", "alert_id", "no"),
)

call_backs = Table(
    "alert_call_backs",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("alert_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("post", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("superior", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),  # none for what was entered late: it starts no clock
    Column("message", Json, nullable=False),
    Column("countersigned_at", UtcDateTime),
    Column("countersigned_key", Text),
    Column("countersignature", Text),
    Column("reported_at", UtcDateTime),
    Index("ix_alert_call_backs_due", "realm", "countersigned_at", "reported_at", "due_at"),
)


def load(conn: Connection, realm: str, alert_id: str) -> tuple[Life, Draft]:
    """The alert's life and what was drafted; a new one where there is none yet."""
    query = select(lives.c.body).where(lives.c.realm == realm, lives.c.alert_id == alert_id)
    body = conn.execute(query).scalar()
    return (Life(), Draft()) if body is None else (_life(body["life"]), _draft(body["draft"]))


def save(conn: Connection, realm: str, alert_id: str, life: Life, draft: Draft) -> None:
    values = {
        "step": life.step,
        "state": life.state.value,
        "body": {"life": _life_out(life), "draft": _draft_out(draft)},
    }
    where = and_(lives.c.realm == realm, lives.c.alert_id == alert_id)
    if conn.execute(update(lives).where(where).values(**values)).rowcount == 0:
        conn.execute(insert(lives).values(realm=realm, alert_id=alert_id, **values))


def add_act(conn: Connection, realm: str, alert_id: str, values: dict[str, Any]) -> None:
    conn.execute(insert(acts).values(realm=realm, alert_id=alert_id, **values))


def acts_of(conn: Connection, realm: str, alert_id: str) -> list[Row[Any]]:
    """Every act, first to last."""
    return list(
        conn.execute(select(acts).where(acts.c.realm == realm, acts.c.alert_id == alert_id).order_by(acts.c.no))
    )


def add_call_back(conn: Connection, realm: str, alert_id: str, values: dict[str, Any]) -> None:
    conn.execute(insert(call_backs).values(realm=realm, alert_id=alert_id, **values))


def call_back(conn: Connection, realm: str, alert_id: str, digest: str, person: str) -> Row[Any] | None:
    """A person's approval by telephone of a message, countersigned or not."""
    return conn.execute(
        select(call_backs).where(
            call_backs.c.realm == realm,
            call_backs.c.alert_id == alert_id,
            call_backs.c.digest == digest,
            call_backs.c.person == person,
        )
    ).first()


def call_backs_of(conn: Connection, realm: str, alert_id: str) -> list[Row[Any]]:
    query = select(call_backs).where(call_backs.c.realm == realm, call_backs.c.alert_id == alert_id)
    return list(conn.execute(query.order_by(call_backs.c.at, call_backs.c.person)))


def countersign(conn: Connection, row: Row[Any], *, at: datetime, key_id: str, signature: str) -> None:
    conn.execute(
        update(call_backs)
        .where(*_same(row))
        .values(countersigned_at=at, countersigned_key=key_id, countersignature=signature)
    )


_OVERDUE = select(call_backs).where(
    call_backs.c.realm == bindparam("realm"),
    call_backs.c.countersigned_at.is_(None),
    call_backs.c.reported_at.is_(None),
    call_backs.c.due_at <= bindparam("now"),
)


def overdue(conn: Connection, realm: str, now: datetime) -> list[Row[Any]]:
    """Call-backs whose countersignature is due and that nobody was told of yet."""
    return list(conn.execute(_OVERDUE, {"realm": realm, "now": now}))


def mark_reported(conn: Connection, row: Row[Any], at: datetime) -> None:
    conn.execute(update(call_backs).where(*_same(row)).values(reported_at=at))


def _same(row: Row[Any]) -> tuple[Any, ...]:
    return (
        call_backs.c.realm == row.realm,
        call_backs.c.alert_id == row.alert_id,
        call_backs.c.digest == row.digest,
        call_backs.c.person == row.person,
    )


def _life_out(life: Life) -> dict[str, Any]:
    public = life.public
    return {
        "state": life.state.value,
        "step": life.step,
        "content": life.content,
        "drafters": list(life.drafters),
        "approvals": [
            {
                "digest": a.digest,
                "holder": a.holder,
                "owner": a.owner,
                "key_id": a.key_id,
                "signature": a.signature,
                "signed_at": format_time(a.signed_at),
                "at": format_time(a.at),
                "voice": a.voice,
            }
            for a in life.approvals
        ],
        "public": None
        if public is None
        else {
            "no": public.no,
            "identifier": public.identifier,
            "content": public.content,
            "state": public.state.value,
        },
    }


def _life(body: dict[str, Any]) -> Life:
    public = body["public"]
    return Life(
        state=AlertState(body["state"]),
        step=body["step"],
        content=body["content"],
        drafters=tuple(body["drafters"]),
        approvals=tuple(
            Approval(**{**one, "signed_at": parse_time(one["signed_at"]), "at": parse_time(one["at"])})
            for one in body["approvals"]
        ),
        public=Standing(**{**public, "state": AlertState(public["state"])}) if public else None,
    )


def _draft_out(draft: Draft) -> dict[str, Any]:
    def words(value: Words | None) -> dict[str, str] | None:
        return value.out() if value else None

    return {
        "basis": list(draft.basis),
        "scope": draft.scope.value,
        "level": draft.level.value if draft.level else None,
        "headline": words(draft.headline),
        "description": words(draft.description),
        "instruction": words(draft.instruction),
        "response_types": list(draft.response_types) if draft.response_types else None,
        "valid_for_s": draft.valid_for_s,
    }


def _draft(body: dict[str, Any]) -> Draft:
    def words(value: dict[str, str] | None) -> Words | None:
        return Words(**value) if value else None

    return Draft(
        basis=tuple(body["basis"]),
        scope=AlertScope(body["scope"]),
        level=Level(body["level"]) if body["level"] else None,
        headline=words(body["headline"]),
        description=words(body["description"]),
        instruction=words(body["instruction"]),
        response_types=tuple(body["response_types"]) if body["response_types"] else None,
        valid_for_s=body["valid_for_s"],
    )
