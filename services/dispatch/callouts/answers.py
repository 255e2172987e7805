"""答复 What an answer does to a line (contract §6).

At red and orange only ``acting`` stops the climb, below it ``understood``; ``heard`` stops nothing; busy is not
absent; a wrong number and "I cannot" call the next one at once. An answer counts for what was read out, in the version
that was read out. An answer on behalf names who gave it and on which ground.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from services.dispatch.callouts.climb import replace_lost, settle, start, with_party
from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.events import Alarm, AlarmKind, Answered, Decision, Effect, Reason, Strike
from services.dispatch.callouts.line import Answer, Feedback, Line, LineStatus, Party, PartyKind, PartyState
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose, Via


def answer(line: Line, event: Answered, now: datetime, clocks: Clocks) -> Decision:
    refusal = _refusal(line, event)
    if refusal is not None:
        return Decision.refused(line, refusal)
    party = line.party_of(event.person)
    if party is None:
        return Decision.refused(line, Reason.NOT_A_PARTY)
    if event.grade is Grade.BUSY:
        state = with_party(line, event.person, result="busy", result_at=now)
        return Decision(state=state, reason=Reason.BUSY_IS_NOT_ABSENT)
    if event.grade in (Grade.WRONG_PERSON, Grade.CANNOT_ACT):
        return _withdraw(line, party, event, now, clocks)
    if party.kind is PartyKind.NEIGHBOUR:
        return _accept_door(line, event, now)
    return _confirm(line, party, event, now, clocks)


def _refusal(line: Line, event: Answered) -> Reason | None:
    if line.status is LineStatus.CLOSED:
        return Reason.LINE_CLOSED
    if event.via is Via.ON_BEHALF and not (event.by or "").strip():
        return Reason.ON_BEHALF_NEEDS_WHO
    if event.via is Via.ON_BEHALF and not (event.ground or "").strip():
        return Reason.ON_BEHALF_NEEDS_GROUND
    return None


def _withdraw(line: Line, party: Party, event: Answered, now: datetime, clocks: Clocks) -> Decision:
    """不是本人 or 无法行动: what this person confirmed before is open again, and the next one is called at once.

    Entered late it starts nothing: what stood stays, and an alarm asks the duty room to decide.
    """
    is_wrong = event.grade is Grade.WRONG_PERSON
    reason = Reason.WRONG_PERSON if is_wrong else Reason.CANNOT_ACT
    effects: list[Effect] = [Strike(person=party.person)] if is_wrong else []
    out = line
    if not (is_wrong and event.reachable_otherwise):
        out = with_party(line, party.person, state=PartyState.STRUCK if is_wrong else PartyState.CANNOT_ACT)
    had_answered = any(m.answered_by == party.person for m in line.matters)
    if event.entered_late:
        if had_answered:
            effects.append(Alarm(kind=AlarmKind.ANSWER_WITHDRAWN, what=party.person))
        return Decision(state=out, reason=reason, effects=tuple(effects))
    unsaid = tuple(
        replace(m, grade=None, answered_by=None, answered_at=None) if m.answered_by == party.person else m
        for m in out.matters
    )
    out = replace(out, matters=unsaid)
    if line.status is LineStatus.ANSWERED and out.unanswered(clocks, now):
        started = start(replace(out, answer=None), now, clocks, reason)
        return Decision(state=started.state, reason=reason, effects=(*effects, *started.effects))
    state, called = replace_lost(out, party, now, late=False)
    return Decision(state=state, reason=reason, effects=(*effects, *called))


def _accept_door(line: Line, event: Answered, now: datetime) -> Decision:
    """A neighbour who goes has not reached the person: the climb goes on."""
    if event.grade is not Grade.ACTING:
        return Decision(state=line, reason=Reason.ANSWER_TOO_WEAK)
    return Decision(state=with_party(line, event.person, accepted_at=now), reason=Reason.DOOR_ACCEPTED)


def _confirm(line: Line, party: Party, event: Answered, now: datetime, clocks: Clocks) -> Decision:
    at = event.happened_at or now
    covered = {m.key for m in line.matters if _was_read(m, event, at)}
    feedback_read = event.read is not None and any(key.endswith(f"#{Purpose.FEEDBACK}") for key in event.read)
    if not covered and not event.feedback and not feedback_read:
        return Decision.refused(line, Reason.NOTHING_READ)
    matters = tuple(
        replace(m, grade=event.grade, answered_by=party.person, answered_at=at)
        if m.key in covered and (m.grade is None or event.grade.strength > m.grade.strength)
        else m
        for m in line.matters
    )
    was_open = line.is_open
    state = replace(line, matters=matters, answer=_better(line, party, event, at))
    state = settle(state, now, clocks)
    stopped = was_open and state.status is LineStatus.ANSWERED
    if stopped:
        state = _start_feedback(state, event, now, clocks)
    if event.feedback or feedback_read:
        state, told = _take_feedback(state, event, now, clocks)
        if not stopped:
            return Decision(state=state, reason=told)
    return Decision(state=state, reason=Reason.ANSWERED if stopped else _weak(event, state))


def _was_read(matter: LineMatter, event: Answered, at: datetime) -> bool:
    """An answer counts for what was read out, unless it was asked again since; or for all that stood when given."""
    if not matter.is_for(event.person):
        return False
    if event.read is not None:
        read = event.read.get(matter.key)
        return read is not None and matter.asked <= read <= matter.version
    return matter.opened_at <= at


def _better(line: Line, party: Party, event: Answered, at: datetime) -> Answer:
    if line.answer is not None and line.answer.grade.strength > event.grade.strength:
        return line.answer
    return Answer(
        person=party.person,
        post=party.post,
        grade=event.grade,
        via=event.via,
        at=at,
        by=event.by,
        ground=event.ground,
        entered_late=event.entered_late,
    )


def _weak(event: Answered, state: Line) -> Reason:
    if state.status is LineStatus.ANSWERED:
        return Reason.ANSWERED
    return Reason.HEARD_STOPS_NOTHING if event.grade is Grade.HEARD else Reason.ANSWER_TOO_WEAK


def _start_feedback(line: Line, event: Answered, now: datetime, clocks: Clocks) -> Line:
    within = clocks.at(line.level(clocks, now), now).feedback_within_s
    held = line.feedback or Feedback()
    if not line.needs_feedback or within is None or event.entered_late or held.given_at or held.due_at:
        return line
    return replace(line, feedback=replace(held, due_at=now + timedelta(seconds=within)))


def _take_feedback(line: Line, event: Answered, now: datetime, clocks: Clocks) -> tuple[Line, Reason]:
    """Facts add up over several answers; what is missing keeps the deadline. Blank is not a fact."""
    held = line.feedback or Feedback()
    facts = {**held.facts, **{k: v for k, v in event.feedback.items() if v != ""}}
    complete = all(fact in facts for fact in clocks.facts)
    reminded = held.reminded_by_ring or (held.overdue_at is not None and event.via in (Via.KEYPAD, Via.SMS))
    given_at = held.given_at or (now if complete else None)
    taken = replace(held, facts=facts, given_at=given_at, reminded_by_ring=reminded)
    return replace(line, feedback=taken), Reason.FEEDBACK_GIVEN if complete else Reason.FEEDBACK_INCOMPLETE
