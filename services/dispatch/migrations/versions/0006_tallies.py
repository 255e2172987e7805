"""tallies: what each line adds to its case's numbers, kept beside it"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

import shared.db.types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RANKS = ("normal", "blue", "yellow", "orange", "red")


def upgrade() -> None:
    op.add_column("case_lines", sa.Column("tally", shared.db.types.Json(), server_default="{}", nullable=False))
    lines = sa.table(
        "case_lines",
        *(sa.column(name) for name in ("realm", "case_id", "post")),
        sa.column("state", sa.Text()),
        sa.column("tally", shared.db.types.Json()),
    )
    conn = op.get_bind()
    for case in conn.execute(sa.select(lines.c.realm, lines.c.case_id).distinct()).all():
        mine = (lines.c.realm == case.realm, lines.c.case_id == case.case_id)  # a case at a time: a line may be long
        for row in conn.execute(sa.select(lines.c.post, lines.c.state).where(*mine)).all():
            values = {"tally": _tally(json.loads(row.state))}
            conn.execute(lines.update().where(*mine, lines.c.post == row.post).values(**values))


def _tally(line: dict[str, Any]) -> dict[str, Any]:
    feedback = line.get("feedback") or {}
    return {
        "level": max((m["level"] for m in line.get("matters", ())), key=RANKS.index, default="normal"),
        "struck": sum(1 for p in line.get("parties", ()) if p["state"] == "struck"),
        "is_on_behalf": (line.get("answer") or {}).get("via") == "on_behalf",
        "is_overdue": feedback.get("overdue_at") is not None and feedback.get("given_at") is None,
    }
