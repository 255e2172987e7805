"""newest lines"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_incident_entries_realm_no"), "incident_entries", ["realm", "no"], unique=False)
    op.create_index(op.f("ix_order_acts_realm_no"), "order_acts", ["realm", "no"], unique=False)
