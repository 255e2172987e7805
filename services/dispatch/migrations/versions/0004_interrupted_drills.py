"""interrupted drills"""

import sqlalchemy as sa
from alembic import op

import shared.db.types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("realms", sa.Column("state", sa.Text(), server_default="running", nullable=False))
    op.add_column("realms", sa.Column("interruption", shared.db.types.Json(), nullable=True))
    op.add_column("attempts", sa.Column("hang_up_at", shared.db.types.UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_attempts_hang_up_at"), "attempts", ["hang_up_at"], unique=False)
