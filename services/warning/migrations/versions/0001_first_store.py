"""first store"""

import sqlalchemy as sa
from alembic import op

import shared.db.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_parts",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_alert_parts")),
    )
    op.create_index("ix_alert_parts_alert", "alert_parts", ["realm", "alert_id", "ordinal"], unique=False)
    op.create_table(
        "alert_versions",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sent_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("xml", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_alert_versions")),
    )
    op.create_index("uq_alert_versions", "alert_versions", ["realm", "alert_id", "version"], unique=True)
    op.create_table(
        "alerts",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("expires_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "alert_id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_expiry", "alerts", ["realm", "state", "expires_at"], unique=False)
    op.create_index("ix_alerts_open", "alerts", ["realm", "hazard", "region", "state"], unique=False)
    op.create_table(
        "audit",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("happened_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("body", shared.db.types.Json(), nullable=True),
        sa.Column("fence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_table(
        "counters",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("realm", "name", name=op.f("pk_counters")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("last_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_dead_letters")),
    )
    op.create_index("ix_dead_letters_realm_no", "dead_letters", ["realm", "no"], unique=False)
    op.create_index("ix_dead_letters_same", "dead_letters", ["sha256", "code", "realm"], unique=False)
    op.create_table(
        "events",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_at"), "events", ["at"], unique=False)
    op.create_table(
        "findings",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("by", shared.db.types.Json(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("happened_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_trip", "findings", ["realm", "trip_id"], unique=False)
    op.create_table(
        "fuse_states",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("fuse", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("state", shared.db.types.Json(), nullable=False),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("fence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("realm", "fuse", "scope", name=op.f("pk_fuse_states")),
    )
    op.create_table(
        "idempotency",
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sub", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_at"), "idempotency", ["at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("applied", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "realm", name=op.f("pk_inbox")),
    )
    op.create_table(
        "inbox_parked",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "realm", "no", name=op.f("pk_inbox_parked")),
    )
    op.create_index("ix_inbox_parked_aggregate", "inbox_parked", ["sender", "realm", "aggregate"], unique=False)
    op.create_table(
        "notice_files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_notice_files")),
    )
    op.create_table(
        "notices",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("scale", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False),
        sa.Column("areas", shared.db.types.Json(), nullable=False),
        sa.Column("valid_from", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("valid_to", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("read_back_by", sa.Text(), nullable=True),
        sa.Column("file", shared.db.types.Json(), nullable=True),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("happened_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("entered_late", sa.Boolean(), nullable=False),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "notice_id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_valid_to", "notices", ["realm", "ended_at", "valid_to"], unique=False)
    op.create_index("uq_notices_paper", "notices", ["realm", "type", "number", "issuer"], unique=True)
    op.create_table(
        "outbox",
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("created_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("receiver", "realm", "no", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"], unique=False)
    op.create_table(
        "outbox_state",
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("acked", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("parked", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("receiver", "realm", name=op.f("pk_outbox_state")),
    )
    op.create_table(
        "owner",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("since", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner")),
    )
    op.create_table(
        "packs",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("activated_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("activated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_packs")),
    )
    op.create_table(
        "readings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("observed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("placed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("received_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("doubt", sa.Text(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("revision_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lat", sa.Float(precision=53), nullable=True),
        sa.Column("lon", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
    )
    op.create_index("ix_readings_placed", "readings", ["realm", "placed_at"], unique=False)
    op.create_index(  # by hand: autogenerate does not see indexes on expressions
        "uq_readings_same",
        "readings",
        ["realm", "station", "metric", "observed_at", sa.text("coalesce(value, -1e300)")],
        unique=True,
    )
    op.create_index("ix_readings_station", "readings", ["realm", "station", "id"], unique=False)
    op.create_table(
        "realms",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=False),
        sa.Column("v0", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("w0", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("realm", name=op.f("pk_realms")),
    )
    op.create_table(
        "receipts",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("upto", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("also", shared.db.types.Json(), nullable=False),
        sa.Column("rejected", shared.db.types.Json(), nullable=False),
        sa.Column("received_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("changed_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sent_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("realm", "station", "boot", name=op.f("pk_receipts")),
    )
    op.create_index(
        "ix_receipts_unsent",
        "receipts",
        ["realm", "station"],
        unique=False,
        sqlite_where=sa.text("changed_no > sent_no"),
        postgresql_where=sa.text("changed_no > sent_no"),
    )
    op.create_table(
        "station_states",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=True),
        sa.Column("status_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("received_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("observed_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("lag_s", sa.Float(), nullable=True),
        sa.Column("clock_ahead_s", sa.Float(), nullable=True),
        sa.Column("unreceipted", sa.Boolean(), nullable=False),
        sa.Column("latest", shared.db.types.Json(), nullable=False),
        sa.Column("maintenance", shared.db.types.Json(), nullable=True),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("realm", "station", name=op.f("pk_station_states")),
    )
    op.create_table(
        "transitions",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=True),
        sa.Column("fuse", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "id", name=op.f("pk_transitions")),
    )
    op.create_index("ix_transitions_fuse", "transitions", ["realm", "fuse", "scope", "n"], unique=False)
    op.create_index("ix_transitions_trip", "transitions", ["realm", "trip_id", "n"], unique=False)
    op.create_table(
        "trip_holds",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("holds", shared.db.types.Json(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("received_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_trip_holds")),
    )
    op.create_table(
        "trips",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fuse", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=True),
        sa.Column("notice_id", sa.Text(), nullable=True),
        sa.Column("opened_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("last_n", sa.Integer(), nullable=False),
        sa.Column("last", shared.db.types.Json(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_trips")),
    )
    op.create_index("ix_trips_no", "trips", ["realm", "no"], unique=False)
    op.create_index("ix_trips_open", "trips", ["realm", "closed_at"], unique=False)
