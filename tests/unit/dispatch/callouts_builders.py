"""Lines, matters and clocks for the callout tests. All people are 演示数据."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.dispatch.callouts.clocks import DEFAULTS, Clocks
from services.dispatch.callouts.escalation import due_at, step
from services.dispatch.callouts.events import Answered, Decision, Event, MatterJoined, Tick
from services.dispatch.callouts.line import Line, PartyState, new_line
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose, Via
from services.dispatch.roster.who import Callee, Holder
from shared.vocabulary import Level

T0 = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
CLOCKS = Clocks(day=DEFAULTS, night=DEFAULTS)
CALLEE = Callee(
    post="T-head",
    person="甲",
    region="999901101",
    deputies=(Holder(post="T-deputy", person="乙"),),
    seconds=(Holder(post="V-head", person="丙"),),
    superiors=(Holder(post="HQ-deputy", person="丁"), Holder(post="HQ-chief", person="戊")),
    neighbours=(Holder(post="W-2", person="己"),),
    feedback=True,
)


def at(minutes: float) -> datetime:
    """An instant, in minutes after the first matter."""
    return T0 + timedelta(minutes=minutes)


def matter(level: Level = Level.RED, version: int = 1, minutes: float = 0, **changes: Any) -> LineMatter:
    values: dict[str, Any] = {
        "matter_id": "rainstorm/999901101/1",
        "version": version,
        "purpose": Purpose.ACT,
        "level": level,
        "scope": "999901101",
        "opened_at": at(minutes),
        "hazard": "11B03",
        **changes,
    }
    return LineMatter(**values)


def fresh(callee: Callee = CALLEE, no_contact: frozenset[str] = frozenset()) -> Line:
    return new_line("C-0001", callee, T0, no_contact)


def opened(level: Level = Level.RED, callee: Callee = CALLEE, no_contact: frozenset[str] = frozenset()) -> Line:
    """A line on which a matter was opened at minute 0."""
    return step(fresh(callee, no_contact), MatterJoined(matter=matter(level)), T0, CLOCKS).state


def ticked(line: Line, minutes: float) -> Line:
    """The line after every clock that is due until then was ticked at its own instant."""
    while (due := due_at(line, CLOCKS, at(minutes))) is not None and due <= at(minutes):
        line = step(line, Tick(), due, CLOCKS).state
    return line


def do(line: Line, event: Event, minutes: float) -> Decision:
    return step(line, event, at(minutes), CLOCKS)


def says(person: str, grade: Grade, via: Via = Via.KEYPAD, **changes: Any) -> Answered:
    return Answered(person=person, grade=grade, via=via, **changes)


def called(line: Line) -> set[str]:
    """Who rings now."""
    return {p.person for p in line.parties if p.state is PartyState.CALLED}
