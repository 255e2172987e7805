"""叫应线 One post in one case: the matters, the people who ring for it, the clocks (contract §6, design §3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from services.dispatch.callouts.clocks import Clocks, LevelClock, Stops
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose, Via
from services.dispatch.roster.who import Callee
from shared.vocabulary import Level, worst

FEEDBACK_RING_AFTER_S = 300  # overdue facts are asked for by text; then the person is rung for them


class LineStatus(StrEnum):
    """线的状态"""

    CALLING = "calling"  # the post and who rings with it
    CLIMBING = "climbing"  # superiors ring too
    TOP_REACHED = "top_reached"  # 已升至最高仍无人应答: an alarm, and the phones go on ringing
    ANSWERED = "answered"
    CLOSED = "closed"


OPEN_STATUSES = frozenset({LineStatus.CALLING, LineStatus.CLIMBING, LineStatus.TOP_REACHED})


class PartyKind(StrEnum):
    """同叫人: in what capacity a person rings for the line"""

    HOLDER = "holder"
    DEPUTY = "deputy"
    SECOND = "second"
    SUPERIOR = "superior"
    NEIGHBOUR = "neighbour"  # goes to the door


class PartyState(StrEnum):
    """同叫人状态"""

    WAITING = "waiting"
    CALLED = "called"
    TOLD = "told"  # 已在行动，短信告知接替，不再响铃
    NO_CONTACT = "no_contact"  # 无联系方式
    STRUCK = "struck"  # 号码不是本人
    CANNOT_ACT = "cannot_act"


OUT = frozenset({PartyState.NO_CONTACT, PartyState.STRUCK, PartyState.CANNOT_ACT})


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """同叫人: ``rung`` 0 is the post itself, then its deputies, then one superior a rung; -1 goes to the door."""

    post: str
    person: str
    kind: PartyKind
    rung: int
    state: PartyState = PartyState.WAITING
    called_at: datetime | None = None
    result: str | None = None
    result_at: datetime | None = None
    accepted_at: datetime | None = None  # a neighbour who goes to the door
    told: tuple[str, ...] = ()  # what a superior who acts already was told by text, in which version
    text_failed: bool = False  # such a text did not arrive: this one is rung


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """答复: the answer that stopped the climb, or the best so far"""

    person: str
    post: str
    grade: Grade
    via: Via
    at: datetime
    by: str | None = None
    ground: str | None = None
    entered_late: bool = False


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """反馈: the facts that close the loop 预警→响应→反馈核实, and their deadline"""

    due_at: datetime | None = None
    facts: dict[str, str | int | bool] = msgspec.field(default_factory=dict)
    given_at: datetime | None = None
    overdue_at: datetime | None = None
    reminded_by_ring: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """叫应线: ``climb_from`` is when the worst open level was reached; clocks count from it."""

    case_id: str
    post: str
    person: str
    region: str
    status: LineStatus
    climb_from: datetime
    rung: int
    rung_at: datetime
    matters: tuple[LineMatter, ...] = ()
    parties: tuple[Party, ...] = ()
    needs_feedback: bool = False
    door_at: datetime | None = None
    door_done_at: datetime | None = None
    top_at: datetime | None = None
    answer: Answer | None = None
    feedback: Feedback | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    def unanswered(self, clocks: Clocks, now: datetime) -> tuple[LineMatter, ...]:
        """The matters that no answer covers yet."""
        stops = {level: stops_at(clocks, level, now) for level in {m.level for m in self.matters}}
        return tuple(m for m in self.matters if not m.is_answered(stops[m.level]))

    def level(self, clocks: Clocks, now: datetime) -> Level:
        """The worst level that still waits for an answer; else the worst of all matters."""
        open_ones = self.unanswered(clocks, now)
        return worst(*(m.level for m in (open_ones or self.matters)))

    def party_of(self, person: str) -> Party | None:
        return next((p for p in self.parties if p.person == person), None)

    @property
    def top_rung(self) -> int:
        return max((p.rung for p in self.parties), default=0)


def stops_at(clocks: Clocks, level: Level, now: datetime) -> Stops:
    """The weakest answer that stops the climb: at red and orange ``acting`` whatever the pack says (contract §6)."""
    return Stops.ACTING if level.rank >= Level.ORANGE.rank else clocks.at(level, now).stops


def new_line(case_id: str, callee: Callee, now: datetime, no_contact: frozenset[str] = frozenset()) -> Line:
    """A line that calls nobody yet; the first matter that joins starts it. ``no_contact`` names who has no number."""
    return Line(
        case_id=case_id,
        post=callee.post,
        person=callee.person,
        region=callee.region,
        status=LineStatus.CLOSED,
        climb_from=now,
        rung=-1,
        rung_at=now,
        parties=tuple(
            msgspec.structs.replace(p, state=PartyState.NO_CONTACT) if not p.person or p.person in no_contact else p
            for p in _parties(callee)
        ),
        needs_feedback=callee.feedback,
    )


def _parties(callee: Callee) -> tuple[Party, ...]:
    """Everybody who may ring for the line, each person once, in the order of the climb."""
    out = [Party(post=callee.post, person=callee.person, kind=PartyKind.HOLDER, rung=0)]
    seen = {callee.person}
    rung = 1
    helpers = [(h, PartyKind.DEPUTY) for h in callee.deputies] + [(h, PartyKind.SECOND) for h in callee.seconds]
    for holder, kind in helpers:
        if holder.person and holder.person not in seen:
            seen.add(holder.person)
            out.append(Party(post=holder.post, person=holder.person, kind=kind, rung=rung))
    for holder in callee.superiors:
        if holder.person and holder.person not in seen:
            seen.add(holder.person)
            rung += 1
            out.append(Party(post=holder.post, person=holder.person, kind=PartyKind.SUPERIOR, rung=rung))
    for holder in callee.neighbours:
        if holder.person and holder.person not in seen:
            seen.add(holder.person)
            out.append(Party(post=holder.post, person=holder.person, kind=PartyKind.NEIGHBOUR, rung=-1))
    return tuple(out)


def climb_at(line: Line, clock: LevelClock) -> datetime | None:
    """When the next rung is called, or, past the last one, when the top counts as reached."""
    if not line.is_open or line.status is LineStatus.TOP_REACHED:
        return None
    upcoming = line.rung + 1
    if upcoming == 1 and any(p.rung == 1 for p in line.parties):
        return line.climb_from + timedelta(seconds=clock.deputy_after_s)
    if line.rung <= 1:
        return max(line.climb_from + timedelta(seconds=clock.superior_after_s), line.rung_at)
    return max(line.climb_from, line.rung_at) + timedelta(seconds=clock.next_superior_every_s)


def door_due(line: Line, clock: LevelClock) -> datetime | None:
    """When somebody is to go to the door; None once it is opened or where the level has no such clock."""
    if not line.is_open or line.door_at is not None or clock.door_after_s is None:
        return None
    return line.climb_from + timedelta(seconds=clock.door_after_s)


def feedback_due(line: Line) -> datetime | None:
    """When the first facts are overdue; None while nobody owes any."""
    feedback = line.feedback
    if line.status is not LineStatus.ANSWERED or feedback is None or feedback.given_at or feedback.overdue_at:
        return None
    return feedback.due_at


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """待叫: one matter that one person is to hear of, for one line"""

    person: str
    case_id: str
    line_post: str
    as_post: str
    kind: PartyKind
    matter: LineMatter
    subject: str  # whose line it is
    since: datetime
    number: str = ""  # of the subject, for whoever stands in by text

    @property
    def key(self) -> tuple[str, str, str, int]:
        """新旧: news to the person is the version that last asked; a calmer or a merely recorded one is none."""
        return (self.case_id, self.line_post, self.matter.key, self.matter.asked or self.matter.version)


def wants_of(line: Line, clocks: Clocks, now: datetime) -> tuple[Want, ...]:
    """Whom this line still wants to reach, about what. Nobody, once it is answered or closed."""
    out: list[Want] = []
    if line.is_open:
        waiting = line.unanswered(clocks, now)
        for party in line.parties:
            if party.state is not PartyState.CALLED or party.called_at is None:
                continue
            if party.kind is PartyKind.NEIGHBOUR:
                if party.accepted_at is None and waiting:
                    out.append(_want(line, party, _door_matter(line, waiting), party.called_at))
                continue
            mine = (matter for matter in waiting if matter.is_for(party.person))
            out.extend(_want(line, party, matter, max(party.called_at, matter.opened_at)) for matter in mine)
    feedback = line.feedback
    if line.status is LineStatus.ANSWERED and feedback and feedback.overdue_at and line.answer:
        party_found = line.party_of(line.answer.person)
        can_ring = party_found is not None and party_found.state not in (PartyState.NO_CONTACT, PartyState.STRUCK)
        if feedback.given_at is None and not feedback.reminded_by_ring and party_found and can_ring and line.matters:
            worst_one = max(line.matters, key=lambda m: m.level.rank)
            matter = msgspec.structs.replace(
                worst_one, purpose=Purpose.FEEDBACK, grade=None, opened_at=feedback.overdue_at
            )
            ring_at = feedback.overdue_at + timedelta(seconds=FEEDBACK_RING_AFTER_S)
            out.append(_want(line, party_found, matter, ring_at))
    return tuple(out)


def _want(line: Line, party: Party, matter: LineMatter, since: datetime) -> Want:
    return Want(
        person=party.person,
        case_id=line.case_id,
        line_post=line.post,
        as_post=party.post,
        kind=party.kind,
        matter=matter,
        subject=line.person,
        since=since,
    )


def _door_matter(line: Line, waiting: tuple[LineMatter, ...]) -> LineMatter:
    worst_one = max(waiting, key=lambda m: m.level.rank)
    return msgspec.structs.replace(
        worst_one, matter_id=f"door:{line.post}", purpose=Purpose.DOOR, opened_at=line.door_at or worst_one.opened_at
    )
