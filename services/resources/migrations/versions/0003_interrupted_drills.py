"""interrupted drills"""

import sqlalchemy as sa
from alembic import op

import shared.db.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("realms", sa.Column("state", sa.Text(), server_default="running", nullable=False))
    op.add_column("realms", sa.Column("interruption", shared.db.types.Json(), nullable=True))
