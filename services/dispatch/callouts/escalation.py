"""升级催叫 The line's state machine: who rings, what stops the climb, who is next (contract §6, issue 2 item 5).

Clocks climb, not failed attempts: a busy or dead phone makes the climb neither faster nor slower, and nothing ends it
but an answer that is strong enough, the end of the matters, or a signed close. Past the last superior the line is
``top_reached``: an alarm, with the phones still ringing. An act entered late (补录) stops clocks and starts none.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from services.dispatch.callouts.answers import answer
from services.dispatch.callouts.climb import (
    advance,
    call,
    call_together,
    open_door,
    replace_lost,
    settle,
    start,
    with_party,
)
from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.events import (
    ActsChanged,
    Alarm,
    AlarmKind,
    Answered,
    Attempted,
    Close,
    ContactFound,
    ContactLost,
    Decision,
    Effect,
    Event,
    MatterEnded,
    MatterJoined,
    Reason,
    Text,
    Tick,
)
from services.dispatch.callouts.line import (
    OUT,
    Line,
    LineStatus,
    PartyKind,
    PartyState,
    climb_at,
    door_due,
    feedback_due,
)
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose
from services.dispatch.callouts.stand_in import TEXT_ARRIVES, Acts, nobody_acts, spare
from shared.vocabulary import Level, worst


def step(line: Line, event: Event, now: datetime, clocks: Clocks, acts: Acts = nobody_acts) -> Decision:
    """One step of a line; ``acts`` knows from the other lines whether a person acts on such a matter already."""
    return spare(_step(line, event, now, clocks), now, clocks, acts)


def _step(line: Line, event: Event, now: datetime, clocks: Clocks) -> Decision:
    match event:
        case MatterJoined():
            return _join(line, event, now, clocks)
        case MatterEnded():
            return _end_matter(line, event, now, clocks)
        case Answered():
            return answer(line, event, now, clocks)
        case Attempted():
            return _note(line, event, now)
        case ContactLost():
            return _lose(line, event, now)
        case ContactFound():
            return _find(line, event, now)
        case Tick():
            return _tick(line, now, clocks)
        case ActsChanged():
            return Decision(state=line, reason=Reason.NOTHING_DUE)
        case Close():
            if line.status is LineStatus.CLOSED:
                return Decision.refused(line, Reason.LINE_CLOSED)
            return Decision(state=_closed(line, now), reason=Reason.CLOSED)


def due_at(line: Line, clocks: Clocks, now: datetime) -> datetime | None:
    """The next instant at which `Tick` has something to do; None when nothing runs."""
    clock = clocks.at(line.level(clocks, now), now)
    dues = (climb_at(line, clock), door_due(line, clock), feedback_due(line))
    return min((due for due in dues if due is not None), default=None)


# -- matters ---------------------------------------------------------------------------------------------


def _join(line: Line, event: MatterJoined, now: datetime, clocks: Clocks) -> Decision:
    matter = event.matter
    if event.entered_late:
        return Decision.refused(line, Reason.LATE_STARTS_NOTHING)
    if matter.level is Level.NORMAL:
        return Decision.refused(line, Reason.NO_LEVEL)
    held = next((m for m in line.matters if m.key == matter.key), None)
    if held is not None and matter.version <= held.version and not matter.is_less_of(held):
        return Decision.refused(line, Reason.STALE_VERSION)
    if held is not None and matter.level.rank <= held.level.rank and not matter.asks_again(held):
        return _calmer(line, held, matter, now, clocks)
    if held is None and _is_covered(line, matter):
        return _cover(line, matter, now)
    before = _waiting_level(line, clocks, now)
    others = tuple(m for m in line.matters if m.key != matter.key)
    joined = replace(
        line, matters=(*others, replace(matter, asked=matter.version, grade=None, answered_by=None, answered_at=None))
    )
    reason = Reason.UPGRADED if held else (Reason.JOINED if line.matters else Reason.OPENED)
    if not line.is_open:
        return start(joined, now, clocks, reason)
    if matter.level.rank > before.rank:
        joined = replace(joined, climb_from=now)
        if joined.status is LineStatus.TOP_REACHED:
            status = LineStatus.CLIMBING if joined.rung > 1 else LineStatus.CALLING
            joined = replace(joined, rung_at=now, status=status, top_at=None)
    joined, effects = call_together(joined, now, clocks)
    return Decision(state=joined, reason=reason, effects=effects)


def _waiting_level(line: Line, clocks: Clocks, now: datetime) -> Level:
    return worst(*(m.level for m in line.unanswered(clocks, now)))


def _calmer(line: Line, held: LineMatter, matter: LineMatter, now: datetime, clocks: Clocks) -> Decision:
    """A new version that is not worse asks for no new confirmation; it may make an answer sufficient."""
    kept = replace(
        held,
        version=matter.version,
        level=matter.level,
        scope=matter.scope,
        hazard=matter.hazard,
        orders=matter.orders,
    )
    state = replace(line, matters=tuple(kept if m.key == held.key else m for m in line.matters))
    return Decision(state=settle(state, now, clocks), reason=Reason.DOWNGRADED)


def _is_covered(line: Line, matter: LineMatter) -> bool:
    """Whoever acts is rung again only for what is worse, elsewhere, or of another kind (duty_room.md A10)."""
    return line.status is LineStatus.ANSWERED and any(
        m.grade is Grade.ACTING
        and m.scope == matter.scope
        and m.purpose is matter.purpose is Purpose.ACT
        and m.level.rank >= matter.level.rank
        for m in line.matters
    )


def _cover(line: Line, matter: LineMatter, now: datetime) -> Decision:
    by = next(m.answered_by for m in line.matters if m.grade is Grade.ACTING and m.scope == matter.scope)
    covered = replace(matter, grade=Grade.ACTING, answered_by=by, answered_at=now)
    effects: tuple[Effect, ...] = (Text(person=by, matter=covered),) if by else ()
    state = replace(line, matters=(*line.matters, covered))
    return Decision(state=state, reason=Reason.COVERED_BY_ACTING, effects=effects)


def _end_matter(line: Line, event: MatterEnded, now: datetime, clocks: Clocks) -> Decision:
    left = tuple(m for m in line.matters if m.key != event.key)
    if len(left) == len(line.matters):
        return Decision.refused(line, Reason.MATTER_UNKNOWN)
    state = replace(line, matters=left)
    state = settle(state, now, clocks) if left else _closed(state, now)
    return Decision(state=state, reason=Reason.MATTER_ENDED)


def _closed(line: Line, now: datetime) -> Line:
    return replace(line, status=LineStatus.CLOSED, closed_at=now, feedback=None)


# -- clocks ------------------------------------------------------------------------------------------------


def _tick(line: Line, now: datetime, clocks: Clocks) -> Decision:
    clock = clocks.at(line.level(clocks, now), now)
    effects: list[Effect] = []
    reason = Reason.NOTHING_DUE
    door, climb, feedback = door_due(line, clock), climb_at(line, clock), feedback_due(line)
    if door is not None and now >= door:
        line, opened = open_door(line, now)
        effects.extend(opened)
        reason = Reason.DOOR_OPENED
    if climb is not None and now >= climb:
        line, climbed = advance(line, now)
        effects.extend(climbed)
        reason = _climb_reason(line)
    if feedback is not None and now >= feedback and line.feedback is not None:
        line = replace(line, feedback=replace(line.feedback, overdue_at=now))
        late = line.answer.person if line.answer else line.post
        effects.extend((Alarm(kind=AlarmKind.FEEDBACK_OVERDUE, what=late), *_ask_feedback(line)))
        reason = Reason.FEEDBACK_OVERDUE
    return Decision(state=line, reason=reason, effects=tuple(effects))


def _climb_reason(line: Line) -> Reason:
    if line.status is LineStatus.TOP_REACHED:
        return Reason.TOP_REACHED
    return Reason.SUPERIOR_CALLED if line.rung > 1 else Reason.DEPUTY_CALLED


def _ask_feedback(line: Line) -> tuple[Effect, ...]:
    if line.answer is None or not line.matters:
        return ()
    matter = max(line.matters, key=lambda m: m.level.rank)
    return (Text(person=line.answer.person, matter=replace(matter, purpose=Purpose.FEEDBACK)),)


# -- people ----------------------------------------------------------------------------------------------


def _note(line: Line, event: Attempted, now: datetime) -> Decision:
    """How a call ended; a text that was delivered or never was does not hide how the telephone rang."""
    party = line.party_of(event.person)
    if party is None:
        return Decision.refused(line, Reason.NOT_A_PARTY)
    if event.by_text and party.state is PartyState.TOLD and event.result not in TEXT_ARRIVES:
        state = with_party(line, event.person, text_failed=True)
        return Decision(state=state, reason=Reason.ATTEMPT_NOTED)
    if event.by_text and event.result != "keyed" and party.result is not None:
        return Decision(state=line, reason=Reason.ATTEMPT_NOTED)
    state = with_party(line, event.person, result=event.result, result_at=now)
    return Decision(state=state, reason=Reason.ATTEMPT_NOTED)


def _lose(line: Line, event: ContactLost, now: datetime) -> Decision:
    party = line.party_of(event.person)
    if party is None:
        return Decision.refused(line, Reason.NOT_A_PARTY)
    reason = Reason.STRUCK_ELSEWHERE if event.state is PartyState.STRUCK else Reason.NO_CONTACT
    state = with_party(line, event.person, state=event.state)
    effects: tuple[Effect, ...] = ()
    if state.is_open and party.kind is PartyKind.HOLDER and party.state not in OUT:
        effects = (Alarm(kind=AlarmKind.NO_CONTACT, what=party.person),)
    state, called = replace_lost(state, party, now, late=event.entered_late)
    return Decision(state=state, reason=reason, effects=(*effects, *called))


def _find(line: Line, event: ContactFound, now: datetime) -> Decision:
    party = line.party_of(event.person)
    if party is None:
        return Decision.refused(line, Reason.NOT_A_PARTY)
    if party.state not in (PartyState.NO_CONTACT, PartyState.STRUCK):
        return Decision.refused(line, Reason.NOTHING_DUE)
    state = with_party(line, event.person, state=PartyState.WAITING)
    called: tuple[Effect, ...] = ()
    if state.is_open and 0 <= party.rung <= state.rung:
        state, called = call(state, now, lambda p: p.person == event.person)
    return Decision(state=state, reason=Reason.CONTACT_FOUND, effects=called)
