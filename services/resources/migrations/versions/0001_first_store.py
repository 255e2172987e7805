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
        "evacuation_orders",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("areas", shared.db.types.Json(), nullable=False),
        sa.Column("zones", shared.db.types.Json(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("changed_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "order_id", name=op.f("pk_evacuation_orders")),
    )
    op.create_table(
        "evacuation_plans",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("inputs", shared.db.types.Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("made_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("published_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("hazard", sa.Text(), nullable=True),
        sa.Column("report", shared.db.types.Json(), nullable=True),
        sa.Column("findings", shared.db.types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "version", name=op.f("pk_evacuation_plans")),
    )
    op.create_table(
        "evacuation_zones",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("zone_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hazard", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("geometry", shared.db.types.Json(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("review_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("in_force", sa.Boolean(), nullable=False),
        sa.Column("since", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "zone_id", "version", name=op.f("pk_evacuation_zones")),
    )
    op.create_index("ix_evacuation_zones_in_force", "evacuation_zones", ["realm", "in_force"], unique=False)
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
        "shelter_states",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("shelter_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("occupied", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "shelter_id", name=op.f("pk_shelter_states")),
    )
    op.create_table(
        "stock_balances",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_ref", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "quantity >= 0 OR place_kind IN ('count_difference', 'opening', 'supplier')",
            name=op.f("ck_stock_balances_never_negative"),
        ),
        sa.PrimaryKeyConstraint(
            "realm", "place_kind", "place_ref", "item_code", "lot_id", "owner", name=op.f("pk_stock_balances")
        ),
    )
    op.create_table(
        "stock_entries",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_ref", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_stock_entries_moves_something")),
        sa.PrimaryKeyConstraint("realm", "no", "line", name=op.f("pk_stock_entries")),
    )
    op.create_index(
        "ix_stock_entries_place", "stock_entries", ["realm", "place_kind", "place_ref", "item_code"], unique=False
    )
    op.create_table(
        "stock_leases",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_ref", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("until", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_stock_leases_never_negative")),
        sa.PrimaryKeyConstraint("realm", "lease_id", name=op.f("pk_stock_leases")),
    )
    op.create_index("ix_stock_leases_item", "stock_leases", ["realm", "item_code", "released"], unique=False)
    op.create_table(
        "stock_lots",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("reserve_type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "item_code", "lot_id", "owner", name=op.f("pk_stock_lots")),
    )
    op.create_table(
        "stock_movements",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("movement_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("known_at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("happened_at", shared.db.types.UtcDateTime(), nullable=True),
        sa.Column("entered_late", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paper", sa.Text(), nullable=True),
        sa.Column("owner_act", shared.db.types.Json(), nullable=True),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("note", shared.db.types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "no", name=op.f("pk_stock_movements")),
    )
    op.create_table(
        "stock_openings",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("at", shared.db.types.UtcDateTime(), nullable=False),
        sa.Column("lots", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("realm", name=op.f("pk_stock_openings")),
    )
