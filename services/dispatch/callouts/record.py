"""记录 What the log, the audit and the screens keep of one step of a line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.dispatch.callouts.events import (
    Alarm,
    Answered,
    Called,
    ContactFound,
    ContactLost,
    Decision,
    Door,
    Event,
    MatterEnded,
    MatterJoined,
    StandIn,
)
from services.dispatch.callouts.line import Line


def record(line: Line, decision: Decision, event: Event) -> tuple[dict[str, Any], datetime | None]:
    """The body, and when it happened if that is not now."""
    body: dict[str, Any] = {
        "post": line.post,
        "person": line.person,
        "status": line.status.value,
        "called": [{"person": e.person, "kind": e.kind.value} for e in decision.effects if isinstance(e, Called)],
        "alarms": [e.kind.value for e in decision.effects if isinstance(e, Alarm)],
    }
    told = [{"person": e.person, "kind": e.kind.value} for e in decision.effects if isinstance(e, StandIn)]
    if told:
        body["told"] = told
    door = [name for e in decision.effects if isinstance(e, Door) for name in e.neighbours]
    if any(isinstance(e, Door) for e in decision.effects):
        body["door"] = door
    if isinstance(event, MatterJoined):
        body |= {"matter": event.matter.key, "version": event.matter.version, "level": event.matter.level.value}
    if isinstance(event, MatterEnded):
        body["matter"] = event.key
    if isinstance(event, ContactLost | ContactFound):
        body["who"] = event.person
    if not isinstance(event, Answered):
        return body, None
    body |= {
        "answered_by": event.person,
        "grade": event.grade.value,
        "via": event.via.value,
        "by": event.by,
        "ground": event.ground,
        "feedback": event.feedback,
        "entered_late": event.entered_late,
        "read": event.read,
    }
    return body, event.happened_at
