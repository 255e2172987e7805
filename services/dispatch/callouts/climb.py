"""攀升 How a line calls further people: who rings together, the next rung, the door, and who replaces whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.events import Alarm, AlarmKind, Called, Decision, Door, Effect, Reason
from services.dispatch.callouts.line import OPEN_STATUSES, OUT, Line, LineStatus, Party, PartyKind, PartyState
from services.dispatch.callouts.matter import Purpose

Effects = tuple[Effect, ...]
REACHED = frozenset({PartyState.CALLED, PartyState.TOLD})


def start(line: Line, now: datetime, clocks: Clocks, reason: Reason) -> Decision:
    """Begin at the post itself, with whoever answered last time: the one who acts hears of the upgrade first.

    A report alone takes no answer back: who acts goes on acting, and what they fed back stands.
    """
    is_report = all(m.purpose is Purpose.REPORT for m in line.unanswered(clocks, now))
    again = line.answer.person if line.answer and not is_report else None
    parties = tuple(p if p.state in OUT else _afresh(p) for p in line.parties)
    state = replace(
        line,
        status=LineStatus.CALLING,
        climb_from=now,
        rung=-1,
        rung_at=now,
        parties=parties,
        door_at=None,
        door_done_at=None,
        top_at=None,
        answer=line.answer if is_report else None,
        feedback=line.feedback if is_report else None,
        closed_at=None,
    )
    lost = tuple(
        Alarm(kind=AlarmKind.NO_CONTACT, what=p.person or p.post)
        for p in parties
        if p.kind is PartyKind.HOLDER and p.state is PartyState.NO_CONTACT
    )
    state, effects = advance(state, now)
    state, together = call_together(state, now, clocks)
    state, returned = call(state, now, lambda p: p.person == again and p.kind is not PartyKind.NEIGHBOUR)
    return Decision(state=state, reason=reason, effects=(*lost, *effects, *together, *returned))


def _afresh(party: Party) -> Party:
    return replace(party, state=PartyState.WAITING, called_at=None, accepted_at=None, told=(), text_failed=False)


def call_together(line: Line, now: datetime, clocks: Clocks) -> tuple[Line, Effects]:
    """At this level deputy and second ring with the post."""
    together = clocks.at(line.level(clocks, now), now).together
    line, effects = call(line, now, lambda p: p.rung == 1 and p.kind in together)
    first = [p for p in line.parties if p.rung == 1]
    if line.rung == 0 and first and all(p.state is not PartyState.WAITING for p in first):
        line = replace(line, rung=1)
    return line, effects


def call(line: Line, now: datetime, chosen: Callable[[Party], bool]) -> tuple[Line, Effects]:
    effects: list[Effect] = []
    parties: list[Party] = []
    for party in line.parties:
        if party.state is PartyState.WAITING and chosen(party):
            effects.append(Called(person=party.person, post=party.post, kind=party.kind))
            parties.append(replace(party, state=PartyState.CALLED, called_at=now))
        else:
            parties.append(party)
    return replace(line, parties=tuple(parties)), tuple(effects)


def advance(line: Line, now: datetime) -> tuple[Line, Effects]:
    """Call the next rung; a rung on which nobody can be called is passed at once; past the last one: the top."""
    effects: list[Effect] = []
    while True:
        upcoming = min((p.rung for p in line.parties if p.rung > line.rung), default=None)
        if upcoming is None:
            if line.status is not LineStatus.TOP_REACHED:
                effects.append(Alarm(kind=AlarmKind.TOP_REACHED, what=line.post))
            return replace(line, status=LineStatus.TOP_REACHED, top_at=line.top_at or now), tuple(effects)
        line, called = call(line, now, partial(_is_on, upcoming))
        effects.extend(called)
        line = replace(line, rung=upcoming, rung_at=now)
        if upcoming > 1:
            line = replace(line, status=LineStatus.CLIMBING)
        if any(p.rung == upcoming and p.state in REACHED for p in line.parties):
            return line, tuple(effects)


def open_door(line: Line, now: datetime) -> tuple[Line, Effects]:
    line, called = call(replace(line, door_at=now), now, lambda p: p.kind is PartyKind.NEIGHBOUR)
    neighbours = tuple(p.person for p in line.parties if p.kind is PartyKind.NEIGHBOUR and p.state is PartyState.CALLED)
    effects: list[Effect] = [Door(person=line.person, neighbours=neighbours), *called]
    if not neighbours:
        effects.append(Alarm(kind=AlarmKind.NO_ONE_FOR_DOOR, what=line.person or line.post))
    return line, tuple(effects)


def with_party(line: Line, person: str, **changes: Any) -> Line:
    """The line with fields of one person's row changed."""
    parties = tuple(replace(p, **changes) if p.person == person else p for p in line.parties)
    return replace(line, parties=parties)


def replace_lost(line: Line, lost: Party, now: datetime, *, late: bool) -> tuple[Line, Effects]:
    """Somebody who rang is out: who comes next comes at once, unless the fact was only entered afterwards."""
    was_called = lost.state in REACHED
    if late or not line.is_open or not was_called or lost.kind is PartyKind.NEIGHBOUR:
        return line, ()
    now_out = line.party_of(lost.person)
    ringing = [p for p in line.parties if p.state is PartyState.CALLED and p.rung >= 0 and p.person != lost.person]
    deputies_wait = any(p.rung == 1 and p.state is PartyState.WAITING for p in line.parties)
    post_cannot = lost.kind is PartyKind.HOLDER and now_out is not None and now_out.state is PartyState.CANNOT_ACT
    superior_gone = lost.kind is PartyKind.SUPERIOR and not any(p.rung == line.rung for p in ringing)
    if not ringing or post_cannot or superior_gone or (lost.kind is PartyKind.HOLDER and deputies_wait):
        return advance(line, now)
    return line, ()


def settle(line: Line, now: datetime, clocks: Clocks) -> Line:
    """Answered when every matter is covered by an answer that is strong enough for its level."""
    if line.status in OPEN_STATUSES and not line.unanswered(clocks, now):
        done = now if line.door_at else None
        return replace(line, status=LineStatus.ANSWERED, door_done_at=done)
    return line


def _is_on(rung: int, party: Party) -> bool:
    return party.rung == rung
