"""点数 What a line adds to its case's numbers besides its waiting; kept beside it, so that a count reads few lines."""

from __future__ import annotations

import msgspec

from services.dispatch.callouts.line import Feedback, Line, PartyState
from shared.vocabulary import Level, worst


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """一线之数: the worst level of its matters, how many were struck off, who answered for another, facts overdue"""

    level: Level
    struck: int
    is_on_behalf: bool
    is_overdue: bool


def tally(line: Line) -> Tally:
    return Tally(
        level=worst(*(m.level for m in line.matters)),
        struck=sum(1 for p in line.parties if p.state is PartyState.STRUCK),
        is_on_behalf=line.answer is not None and line.answer.via == "on_behalf",
        is_overdue=_is_overdue(line.feedback),
    )


def _is_overdue(feedback: Feedback | None) -> bool:
    return feedback is not None and feedback.overdue_at is not None and feedback.given_at is None
