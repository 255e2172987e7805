"""接替 Who already acts is told by text whom to stand in for, and is not rung again for it (duty_room.md A10).

A superior whose own line acts on the same or a worse matter that covers the place hears it by SMS, with the name of who
did not answer and the number; the line's clocks go on as if the telephone rang. The moment that this no longer holds
(worse, elsewhere, no longer acting, or the text cannot be sent) the telephone rings. So it does at the top: a text
is no answer, and nobody is left who could still give one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.events import Called, Decision, Effect, Reason, StandIn
from services.dispatch.callouts.line import Line, LineStatus, Party, PartyKind, PartyState
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose

Acts = Callable[[str, LineMatter], bool]
TEXT_ARRIVES = frozenset({"delivered", "keyed", "heard"})
_QUIET = frozenset({Reason.NOTHING_DUE, Reason.ATTEMPT_NOTED})


def nobody_acts(person: str, matter: LineMatter) -> bool:
    """Where no other line is known."""
    return False


def acting_of(line: Line) -> tuple[LineMatter, ...]:
    """本人已行动 What the post's own holder acts on; what a deputy answered for him he does not act on himself."""
    if line.status is LineStatus.CLOSED:
        return ()
    return tuple(
        m for m in line.matters if m.purpose is Purpose.ACT and m.grade is Grade.ACTING and m.answered_by == line.person
    )


def covers(own: LineMatter, matter: LineMatter, is_within: Callable[[str, str], bool]) -> bool:
    """Whether acting on ``own`` is acting on ``matter``: of one kind, not worse, in the place or inside it."""
    return (
        own.purpose is matter.purpose is Purpose.ACT
        and own.level.rank >= matter.level.rank
        and (own.scope == matter.scope or is_within(matter.scope, own.scope))
    )


def spare(decision: Decision, now: datetime, clocks: Clocks, acts: Acts) -> Decision:
    """The decision with every superior who acts already told by text, till the top, and every other one rung."""
    line = decision.state
    waiting = line.unanswered(clocks, now)
    if decision.is_refused or not line.is_open or not waiting:
        return decision
    effects: list[Effect] = list(decision.effects)
    parties: list[Party] = []
    for party in line.parties:
        moved = party
        if party.kind is PartyKind.SUPERIOR and party.state in (PartyState.CALLED, PartyState.TOLD):
            may = line.status is not LineStatus.TOP_REACHED and not party.text_failed
            by_text = may and all(acts(party.person, m) for m in waiting)
            moved = _told(party, waiting, now, effects) if by_text else _rung(party, now, effects)
        parties.append(moved)
    if tuple(parties) == line.parties:
        return decision
    reason = decision.reason
    if reason in _QUIET:
        told = any(isinstance(effect, StandIn) for effect in effects)
        reason = Reason.TOLD_BY_TEXT if told else Reason.RUNG_AGAIN
    return Decision(state=replace(line, parties=tuple(parties)), reason=reason, effects=tuple(effects))


def _told(party: Party, waiting: tuple[LineMatter, ...], now: datetime, effects: list[Effect]) -> Party:
    news = tuple(m for m in waiting if _key(m) not in party.told)
    effects[:] = [e for e in effects if not (isinstance(e, Called) and e.person == party.person)]
    if news:
        effects.append(StandIn(person=party.person, post=party.post, kind=party.kind, matters=news))
    return replace(party, state=PartyState.TOLD, called_at=party.called_at or now, told=tuple(map(_key, waiting)))


def _rung(party: Party, now: datetime, effects: list[Effect]) -> Party:
    if party.state is PartyState.CALLED:
        return party
    effects.append(Called(person=party.person, post=party.post, kind=party.kind))
    return replace(party, state=PartyState.CALLED, called_at=now, told=())


def _key(matter: LineMatter) -> str:
    return f"{matter.key}/{matter.asked or matter.version}"
