"""公共表 The tables that every store has: owner, realms, packs, outbox, inbox, audit, events, idempotency, counters,
signing keys."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, Table, Text

from shared.db.types import BigId, Json, UtcDateTime


@dataclass(frozen=True)
class PlatformTables:
    """公共表: handles to the tables that `platform_tables` declared."""

    owner: Table
    realms: Table
    packs: Table
    outbox: Table
    outbox_state: Table
    inbox: Table
    inbox_parked: Table
    audit: Table
    events: Table
    idempotency: Table
    counters: Table
    keys: Table


def platform_tables(metadata: MetaData) -> PlatformTables:
    """Declare the common tables on a service's metadata; call once, in its ``schema.py``."""
    return PlatformTables(
        owner=Table(
            "owner",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("fence", BigId, nullable=False),
            Column("holder", Text, nullable=False),
            Column("since", UtcDateTime, nullable=False),
        ),
        realms=Table(
            "realms",
            metadata,
            Column("realm", Text, primary_key=True),
            Column("speed", Float, nullable=False),
            Column("v0", UtcDateTime),
            Column("w0", UtcDateTime),
            Column("boot", Text),
            Column("ended_at", UtcDateTime),
            Column("state", Text, nullable=False, server_default="running"),
            Column("interruption", Json),
        ),
        packs=Table(
            "packs",
            metadata,
            Column("version", Text, primary_key=True),
            Column("active", Boolean, nullable=False),
            Column("activated_at", UtcDateTime, nullable=False),
            Column("activated_by", Text, nullable=False),
        ),
        outbox=Table(
            "outbox",
            metadata,
            Column("receiver", Text, primary_key=True),
            Column("realm", Text, primary_key=True),
            Column("no", BigId, primary_key=True, autoincrement=False),
            Column("kind", Text, nullable=False),
            Column("aggregate", Text, nullable=False),
            Column("pack", Text),
            Column("body", Json, nullable=False),
            Column("created_at", UtcDateTime, nullable=False, index=True),
        ),
        outbox_state=Table(
            "outbox_state",
            metadata,
            Column("receiver", Text, primary_key=True),
            Column("realm", Text, primary_key=True),
            Column("acked", BigId, nullable=False),
            Column("parked", BigId, nullable=False),
            Column("error", Text),
            Column("changed_at", UtcDateTime, nullable=False),
        ),
        inbox=Table(
            "inbox",
            metadata,
            Column("sender", Text, primary_key=True),
            Column("realm", Text, primary_key=True),
            Column("applied", BigId, nullable=False),
            Column("changed_at", UtcDateTime, nullable=False),
        ),
        inbox_parked=Table(
            "inbox_parked",
            metadata,
            Column("sender", Text, primary_key=True),
            Column("realm", Text, primary_key=True),
            Column("no", BigId, primary_key=True, autoincrement=False),
            Column("kind", Text, nullable=False),
            Column("aggregate", Text, nullable=False),
            Column("body", Json, nullable=False),
            Column("code", Text, nullable=False),
            Column("message", Text, nullable=False),
            Column("at", UtcDateTime, nullable=False),
            Index("ix_inbox_parked_aggregate", "sender", "realm", "aggregate"),
        ),
        audit=Table(
            "audit",
            metadata,
            Column("no", BigId, primary_key=True, autoincrement=True),
            Column("realm", Text, nullable=False),
            Column("at", UtcDateTime, nullable=False),
            Column("happened_at", UtcDateTime),
            Column("actor", Text, nullable=False),
            Column("action", Text, nullable=False),
            Column("subject", Text, nullable=False, index=True),
            Column("reason", Text),
            Column("body", Json),
            Column("fence", BigId, nullable=False),
        ),
        events=Table(
            "events",
            metadata,
            Column("no", BigId, primary_key=True, autoincrement=True),
            Column("realm", Text, nullable=False),
            Column("kind", Text, nullable=False),
            Column("subject", Text, nullable=False),
            Column("public", Boolean, nullable=False),
            Column("body", Json, nullable=False),
            Column("at", UtcDateTime, nullable=False, index=True),
        ),
        idempotency=Table(
            "idempotency",
            metadata,
            Column("sub", Text, primary_key=True),
            Column("key", Text, primary_key=True),
            Column("request", Text, nullable=False),
            Column("status", Integer, nullable=False),
            Column("etag", Text),
            Column("body", Json, nullable=False),
            Column("at", UtcDateTime, nullable=False, index=True),
        ),
        counters=Table(
            "counters",
            metadata,
            Column("realm", Text, primary_key=True),
            Column("name", Text, primary_key=True),
            Column("value", BigId, nullable=False),
        ),
        keys=Table(
            "signing_keys",
            metadata,
            Column("key_id", Text, primary_key=True),
            Column("owner", Text, nullable=False, index=True),
            Column("person", Text),
            Column("name", Text, nullable=False),
            Column("jwk", Json, nullable=False),
            Column("valid_from", UtcDateTime, nullable=False),
            Column("enrolled_at", UtcDateTime, nullable=False),
            Column("enrolled_by", Text, nullable=False),
            Column("revoked_at", UtcDateTime),
            Column("revoked_by", Text),
            Column("revoke_reason", Text),
        ),
    )
