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
        "accounts",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("roles", shared.db.types.Json(), nullable=False),
        sa.Column("areas", shared.db.types.Json(), nullable=False),
        sa.Column("realms", shared.db.types.Json(), nullable=False),
        sa.Column("posts", shared.db.types.Json(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_accounts")),
    )
    op.create_table(
        "attempts",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("covers", shared.db.types.Json(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("heard_s", sa.Float(), nullable=True),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("queued_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("asked_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("answered_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "realm <> 'actual' OR carrier <> 'simulator'", name=op.f("ck_attempts_actual_never_simulated")
        ),
        sa.CheckConstraint(
            "realm = 'actual' OR carrier = 'simulator'", name=op.f("ck_attempts_exercise_simulator_only")
        ),
        sa.PrimaryKeyConstraint("realm", "attempt_id", name=op.f("pk_attempts")),
    )
    op.create_index(
        op.f("ix_attempts_realm_attempts_person_attempts_no"), "attempts", ["realm", "person", "no"], unique=False
    )
    op.create_index(op.f("ix_attempts_realm_attempts_state"), "attempts", ["realm", "state"], unique=False)
    op.create_index(
        "uq_attempts_one_live_call",
        "attempts",
        ["realm", "person"],
        unique=True,
        sqlite_where=sa.text("live AND channel = 'voice'"),
        postgresql_where=sa.text("live AND channel = 'voice'"),
    )
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
        "blackouts",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("persons", shared.db.types.Json(), nullable=False),
        sa.Column("regions", shared.db.types.Json(), nullable=False),
        sa.Column("since", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "no", name=op.f("pk_blackouts")),
    )
    op.create_index(op.f("ix_blackouts_realm_blackouts_ended_at"), "blackouts", ["realm", "ended_at"], unique=False)
    op.create_table(
        "case_lines",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("state", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "case_id", "post", name=op.f("pk_case_lines")),
    )
    op.create_index(op.f("ix_case_lines_realm_case_lines_due_at"), "case_lines", ["realm", "due_at"], unique=False)
    op.create_table(
        "case_log",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("happened_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "no", name=op.f("pk_case_log")),
    )
    op.create_index(
        op.f("ix_case_log_realm_case_log_case_id_case_log_no"), "case_log", ["realm", "case_id", "no"], unique=False
    )
    op.create_table(
        "case_matters",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "case_id", "matter_id", name=op.f("pk_case_matters")),
    )
    op.create_index(
        op.f("ix_case_matters_realm_case_matters_matter_id"), "case_matters", ["realm", "matter_id"], unique=False
    )
    op.create_table(
        "case_parties",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "person", "case_id", "post", name=op.f("pk_case_parties")),
    )
    op.create_table(
        "cases",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("gaps", shared.db.types.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "case_id", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_realm_cases_incident_id"), "cases", ["realm", "incident_id"], unique=False)
    op.create_table(
        "contact_edits",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "no", name=op.f("pk_contact_edits")),
    )
    op.create_index(
        op.f("ix_contact_edits_realm_contact_edits_person"), "contact_edits", ["realm", "person"], unique=False
    )
    op.create_table(
        "counters",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("realm", "name", name=op.f("pk_counters")),
    )
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
        "incident_entries",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("data", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_incident_entries")),
    )
    op.create_index("ix_incident_entries_realm_incident_id", "incident_entries", ["realm", "incident_id"], unique=False)
    op.create_table(
        "incident_trips",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_incident_trips")),
    )
    op.create_index(op.f("ix_incident_trips_incident_id"), "incident_trips", ["incident_id"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("last_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "incident_id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_realm_family_state", "incidents", ["realm", "family", "state"], unique=False)
    op.create_table(
        "order_acts",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("data", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_order_acts")),
    )
    op.create_index("ix_order_acts_realm_incident_id", "order_acts", ["realm", "incident_id"], unique=False)
    op.create_index("ix_order_acts_realm_order_id", "order_acts", ["realm", "order_id"], unique=False)
    op.create_table(
        "order_calls",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "order_id", name=op.f("pk_order_calls")),
    )
    op.create_table(
        "orders",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wake_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("body", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "order_id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_realm_incident_id", "orders", ["realm", "incident_id"], unique=False)
    op.create_index("ix_orders_realm_state", "orders", ["realm", "state"], unique=False)
    op.create_index("ix_orders_realm_wake_at", "orders", ["realm", "wake_at"], unique=False)
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
        "rings",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("next_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("last_result", sa.Text(), nullable=True),
        sa.Column("last_cause", sa.Text(), nullable=True),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("state", shared.db.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "person", name=op.f("pk_rings")),
    )
    op.create_index(op.f("ix_rings_realm_rings_last_result"), "rings", ["realm", "last_result"], unique=False)
    op.create_index(op.f("ix_rings_realm_rings_next_at"), "rings", ["realm", "next_at"], unique=False)
    op.create_table(
        "trip_cases",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_trip_cases")),
    )
    op.create_table(
        "trip_marks",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ordering", sa.Text(), nullable=False),
        sa.Column("leaving", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "trip_id", name=op.f("pk_trip_marks")),
    )
    op.create_table(
        "order_trips",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["realm", "order_id"], ["orders.realm", "orders.order_id"], name=op.f("fk_order_trips_realm_order_id")
        ),
        sa.PrimaryKeyConstraint("realm", "trip_id", "order_id", name=op.f("pk_order_trips")),
    )
