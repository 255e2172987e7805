"""群众报到 Check-in: "I am safe" or "I need help", as somebody says it; unverified until an officer looks.

A report is kept word for word; reports of one person join one check-in. What is said to be safe never takes a request
for help back: only an officer who looked closes it. A check-in counts nobody as found in an order's people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

JOIN_WITHIN = timedelta(hours=2)
"""Reports of one person that follow each other within this belong together."""
SAY_AGAIN = timedelta(minutes=10)
"""How often it is said again that nobody looked."""


class Kind(StrEnum):
    """报到类别"""

    SAFE = "safe"  # 我平安
    NEED_HELP = "need_help"  # 我需要帮助


class Need(StrEnum):
    """求助情形: coarse on purpose, tapped with a wet thumb"""

    TRAPPED = "trapped"  # 被困，出不来
    INJURED = "injured"  # 有人受伤
    MEDICAL = "medical"  # 急需药、吸氧、透析，或临产
    BEDRIDDEN = "bedridden"  # 有人走不动
    CHILDREN = "children"  # 有小孩


URGENT = frozenset({Need.TRAPPED, Need.INJURED, Need.MEDICAL})


class Priority(StrEnum):
    """分诊: who is looked at first. Help without a ticked choice is help: why is not known, so it is not less."""

    URGENT = "urgent"
    HELP = "help"
    SAFE = "safe"

    @property
    def rank(self) -> int:
        return tuple(Priority).index(self)


LOOK_WITHIN = {Priority.URGENT: timedelta(minutes=3), Priority.HELP: timedelta(minutes=10)}


class State(StrEnum):
    """办理状态"""

    UNVERIFIED = "unverified"  # 未核实
    VERIFIED = "verified"  # 已核实
    HANDED_OVER = "handed_over"  # 已移交
    CLOSED = "closed"  # 已办结


class Look(StrEnum):
    """查看: what an officer does with it"""

    TRIED = "tried"  # 已联系，未接通: looked at, still not known
    VERIFY = "verify"  # 核实属实
    HAND_OVER = "hand_over"  # 移交
    CLOSE = "close"  # 办结


class Receiver(StrEnum):
    """移交对象"""

    FIRE = "119"
    MEDICAL = "120"
    POLICE = "110"
    TOWNSHIP = "township"
    TEAM = "team"


@dataclass(frozen=True, kw_only=True)
class Report:
    """一次报到: one message as it came. ``at`` is domain time here; ``said_at`` is what the phone claims."""

    receipt: str
    at: datetime
    kind: Kind
    needs: tuple[Need, ...] = ()
    people: int | None = None
    name: str | None = None
    phone: str | None = None
    device: str | None = None
    place: str | None = None
    place_text: str | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    words: str | None = None
    lang: str | None = None
    said_at: datetime | None = None
    entered_late: bool = False
    by: str | None = None  # the officer who typed it in; None for the public page

    @property
    def number(self) -> str:
        """The telephone number without spaces, dashes and +86."""
        digits = "".join(c for c in self.phone or "" if c.isdigit())
        return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


@dataclass(frozen=True, kw_only=True)
class Looked:
    """查看记录: who, when, what, to whom, in which words"""

    act: Look
    by: str
    at: datetime
    to: Receiver | None = None
    words: str = ""
    happened_at: datetime | None = None
    entered_late: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckIn:
    """报到: what is known of one person or household from all their reports"""

    checkin_id: str
    state: State
    kind: Kind
    needs: tuple[Need, ...]
    opened_at: datetime
    last_at: datetime
    reports: int = 1
    people: int | None = None
    name: str | None = None
    phone: str | None = None
    number: str = ""
    device: str | None = None
    place: str | None = None
    place_text: str | None = None
    region: str | None = None
    region_basis: str | None = None  # place | position: a guess from a position is said to be one
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    said_safe_at: datetime | None = None  # after a request for help: kept, and believed by nobody before a look
    look_due_at: datetime | None = None
    unseen_told: int = 0
    incident_id: str | None = None
    follows: str | None = None  # the closed one of the same person before

    @property
    def priority(self) -> Priority:
        if self.kind is Kind.SAFE:
            return Priority.SAFE
        return Priority.URGENT if URGENT & set(self.needs) else Priority.HELP

    @property
    def is_open(self) -> bool:
        return self.state is not State.CLOSED


class Reason(StrEnum):
    """办理结果"""

    OPENED = "opened"
    JOINED = "joined"
    WORSE = "worse"
    AGAIN = "again"
    SAFE_AFTER_HELP = "safe_after_help"
    TRIED = "tried"
    VERIFIED = "verified"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"
    UNSEEN = "unseen"
    NOT_DUE = "not_due"
    ALREADY_VERIFIED = "already_verified"
    ALREADY_CLOSED = "already_closed"
    RECEIVER_MISSING = "receiver_missing"
    WORDS_MISSING = "words_missing"


REFUSALS = frozenset(
    {Reason.ALREADY_VERIFIED, Reason.ALREADY_CLOSED, Reason.RECEIVER_MISSING, Reason.WORDS_MISSING, Reason.NOT_DUE}
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """裁决: the check-in afterwards and why"""

    checkin: CheckIn
    reason: Reason

    @property
    def refused(self) -> bool:
        return self.reason in REFUSALS


# --- whose report it is -----------------------------------------------------------------------------------------


def is_same_person(checkin: CheckIn, report: Report) -> bool:
    """Whether a report belongs to a check-in (去重). In doubt not: two families in one is worse than one twice.

    One number, one phone, or one name at one place; never where a name or a number contradicts, for a warden's phone
    reports many people.
    """
    if checkin.number and report.number and checkin.number != report.number:
        return False
    if checkin.name and report.name and checkin.name != report.name:
        return False
    if checkin.number and checkin.number == report.number:
        return True
    if checkin.device and checkin.device == report.device:
        return True
    return bool(checkin.name and checkin.name == report.name and checkin.place and checkin.place == report.place)


def earlier_of(known: Iterable[CheckIn], report: Report) -> tuple[CheckIn | None, CheckIn | None]:
    """(the open check-in that a report joins, the closed one that it follows)"""
    mine = [c for c in known if report.at - c.last_at <= JOIN_WITHIN and is_same_person(c, report)]
    mine.sort(key=lambda c: (c.last_at, c.checkin_id))
    open_ones = [c for c in mine if c.is_open]
    if open_ones:
        return open_ones[-1], None
    return None, (mine[-1] if mine else None)


# --- the steps --------------------------------------------------------------------------------------------------


def opened(checkin_id: str, report: Report, follows: CheckIn | None = None) -> Decision:
    """A first report opens a check-in (登记)."""
    fresh = CheckIn(
        checkin_id=checkin_id,
        state=State.UNVERIFIED,
        kind=report.kind,
        needs=_needs(report.kind, report.needs),
        opened_at=report.at,
        last_at=report.at,
        people=report.people,
        name=report.name,
        phone=report.phone,
        number=report.number,
        device=report.device,
        place=report.place,
        place_text=report.place_text,
        lat=report.lat,
        lon=report.lon,
        accuracy_m=report.accuracy_m,
        follows=follows.checkin_id if follows else None,
    )
    return Decision(checkin=_due(fresh, report.at, report), reason=Reason.OPENED)


def joined(checkin: CheckIn, report: Report) -> Decision:
    """A later report of the same person joins (并入): nothing that was said gets smaller by it."""
    kind = Kind.NEED_HELP if Kind.NEED_HELP in (checkin.kind, report.kind) else Kind.SAFE
    positioned = report.lat is not None
    after = replace(
        checkin,
        kind=kind,
        needs=_needs(kind, (*checkin.needs, *_needs(report.kind, report.needs))),
        people=max((n for n in (checkin.people, report.people) if n is not None), default=None),
        name=checkin.name or report.name,
        phone=checkin.phone or report.phone,
        number=checkin.number or report.number,
        device=checkin.device or report.device,
        place=report.place or checkin.place,
        place_text=report.place_text or checkin.place_text,
        lat=report.lat if positioned else checkin.lat,
        lon=report.lon if positioned else checkin.lon,
        accuracy_m=report.accuracy_m if positioned else checkin.accuracy_m,
        last_at=max(checkin.last_at, report.at),
        reports=checkin.reports + 1,
    )
    if report.kind is Kind.SAFE:
        if checkin.kind is Kind.SAFE:
            return Decision(checkin=after, reason=Reason.JOINED)
        return Decision(checkin=replace(after, said_safe_at=report.at), reason=Reason.SAFE_AFTER_HELP)
    after = replace(after, said_safe_at=None)
    if _is_worse(checkin, after):
        return Decision(checkin=_due(replace(after, state=State.UNVERIFIED), report.at, report), reason=Reason.WORSE)
    if checkin.state is State.UNVERIFIED:
        return Decision(checkin=after, reason=Reason.JOINED)  # the clock that runs is the earlier one
    # verified or handed over, and still calling: whoever was sent may not have come
    return Decision(checkin=_due(after, report.at, report), reason=Reason.AGAIN)


def _needs(kind: Kind, needs: Iterable[Need]) -> tuple[Need, ...]:
    said = set(needs)
    return tuple(need for need in Need if need in said) if kind is Kind.NEED_HELP else ()


def _is_worse(before: CheckIn, after: CheckIn) -> bool:
    more = after.people is not None and before.people is not None and after.people > before.people
    return before.kind is not after.kind or set(after.needs) > set(before.needs) or more


def _due(checkin: CheckIn, now: datetime, report: Report) -> CheckIn:
    """Somebody must look by then; what was written down afterwards (补录) starts no clock."""
    within = LOOK_WITHIN.get(checkin.priority)
    if within is None or report.entered_late:
        return checkin
    return replace(checkin, look_due_at=now + within, unseen_told=0)


def look(checkin: CheckIn, looked: Looked) -> Decision:
    """An officer looked (查看)."""
    refusal = _refusal(checkin, looked)
    if refusal is not None:
        return Decision(checkin=checkin, reason=refusal)
    if looked.act is Look.TRIED:
        within = LOOK_WITHIN.get(checkin.priority)
        due = looked.at + within if within and not looked.entered_late else checkin.look_due_at
        return Decision(checkin=replace(checkin, look_due_at=due, unseen_told=0), reason=Reason.TRIED)
    state = _AFTER[looked.act]
    if looked.act is Look.VERIFY and checkin.state is State.HANDED_OVER:
        state = State.HANDED_OVER  # looked at once more: who has it keeps it
    return Decision(checkin=replace(checkin, look_due_at=None, unseen_told=0, state=state), reason=_REASON[looked.act])


_AFTER = {Look.VERIFY: State.VERIFIED, Look.HAND_OVER: State.HANDED_OVER, Look.CLOSE: State.CLOSED}
_REASON = {Look.VERIFY: Reason.VERIFIED, Look.HAND_OVER: Reason.HANDED_OVER, Look.CLOSE: Reason.CLOSED}


def _refusal(checkin: CheckIn, looked: Looked) -> Reason | None:
    if checkin.state is State.CLOSED:
        return Reason.ALREADY_CLOSED
    if looked.act is Look.VERIFY and checkin.state is not State.UNVERIFIED and checkin.look_due_at is None:
        return Reason.ALREADY_VERIFIED
    if looked.act is Look.HAND_OVER and looked.to is None:
        return Reason.RECEIVER_MISSING
    needs_words = looked.act is Look.HAND_OVER or (looked.act is Look.CLOSE and checkin.kind is Kind.NEED_HELP)
    if needs_words and not looked.words.strip():
        return Reason.WORDS_MISSING
    return None


def unseen(checkin: CheckIn, now: datetime) -> Decision:
    """Nobody looked in time (无人查看): said, and said again while nobody does."""
    if not checkin.is_open or checkin.look_due_at is None or now < checkin.look_due_at:
        return Decision(checkin=checkin, reason=Reason.NOT_DUE)
    after = replace(checkin, look_due_at=now + SAY_AGAIN, unseen_told=checkin.unseen_told + 1)
    return Decision(checkin=after, reason=Reason.UNSEEN)
