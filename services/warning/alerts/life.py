"""预警的一生 Draft, approval, hand-over, release, end: one pure state machine for what an alert says to the public.

    draft ─approve─▶ approved ─hand_over─▶ handed_over ─released─▶ released ─update…released─▶ updated
      │  ◀─update─ returned                                            └─cancel─▶ cancelled   └─end─▶ ended
      └─reject─▶ rejected

The internal alarm goes on beside it, whatever stands here. What is approved is a content: new facts that say the same
keep its approvals, new facts that say something else void them and make a draft again, while what was released stands
in public until it is replaced. What was rejected or cancelled stays so: only other facts, or a person who drafts anew
while the alarm stands, begin again, and then all approvals are asked for again. Ended is the end.

Release is a hand-over (2026 rule): an authorised unit approves, the release body releases, and this records who, under
which number, when. Cancel and end are messages to the public too: they need the approvals that a release needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.warning.alerts.alert import AlertState
from shared.vocabulary import AlertScope, Level

COUNTERSIGN_WITHIN = timedelta(hours=2)  # contract §8


class Act(StrEnum):
    """处置: what a person may do."""

    UPDATE = "update"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    HAND_OVER = "hand_over"
    RELEASE = "released"
    CANCEL = "cancel"
    END = "end"


class Purpose(StrEnum):
    """报文用途: which message is signed."""

    PUBLISH = "publish"
    CANCEL = "cancel"
    END = "end"


class Refusal(StrEnum):
    """不予办理的原因"""

    NOT_APPROVED = "not_approved"
    NOT_RELEASED = "not_released"
    RETURNED = "returned"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    ENDED = "ended"
    NOTHING_PROPOSED = "nothing_proposed"
    ALREADY_HANDED_OVER = "already_handed_over"
    ALREADY_RELEASED = "already_released"
    STILL_OPEN = "still_open"
    OVER = "over"
    UNCONFIRMED = "unconfirmed"
    DRAFTER_APPROVES = "drafter_approves"
    SAME_PERSON = "same_person"
    SELF_RECORDED = "self_recorded"
    NUMBER_UNKNOWN = "number_unknown"
    NO_AUTHORITY = "no_authority"
    BAD_SIGNATURE = "bad_signature"
    KEY_INVALID = "key_invalid"
    STALE_DIGEST = "stale_digest"
    APPROVALS_MISSING = "approvals_missing"


S, R = AlertState, Refusal
_PENDING: Mapping[Act, AlertState | Refusal] = {
    Act.UPDATE: S.DRAFT,
    Act.APPROVE: S.APPROVED,  # once there are enough of them
    Act.RETURN: S.RETURNED,
    Act.REJECT: S.REJECTED,
    Act.HAND_OVER: S.HANDED_OVER,
    Act.RELEASE: S.RELEASED,  # updated, where something stood in public before
    Act.CANCEL: S.CANCELLED,
    Act.END: S.ENDED,
}
_STANDING = {
    **_PENDING,
    Act.APPROVE: S.RELEASED,  # stays as it is: of the message that cancels or ends it
    Act.RETURN: R.NOTHING_PROPOSED,
    Act.REJECT: R.NOTHING_PROPOSED,
    Act.HAND_OVER: R.NOTHING_PROPOSED,
    Act.RELEASE: R.ALREADY_RELEASED,
}
TABLE: Mapping[AlertState, Mapping[Act, AlertState | Refusal]] = {
    S.DRAFT: {**_PENDING, Act.HAND_OVER: R.NOT_APPROVED, Act.RELEASE: R.NOT_APPROVED},
    S.RETURNED: {
        **_PENDING,
        Act.APPROVE: R.RETURNED,
        Act.RETURN: R.RETURNED,
        Act.HAND_OVER: R.NOT_APPROVED,
        Act.RELEASE: R.NOT_APPROVED,
    },
    S.REJECTED: {**dict.fromkeys(Act, R.REJECTED), Act.UPDATE: S.DRAFT, Act.CANCEL: S.CANCELLED, Act.END: S.ENDED},
    S.APPROVED: _PENDING,
    S.HANDED_OVER: {**_PENDING, Act.APPROVE: S.HANDED_OVER, Act.HAND_OVER: R.ALREADY_HANDED_OVER},
    S.RELEASED: _STANDING,
    S.UPDATED: {**_STANDING, Act.APPROVE: S.UPDATED},
    S.CANCELLED: {**dict.fromkeys(Act, R.CANCELLED), Act.UPDATE: S.DRAFT},
    S.ENDED: dict.fromkeys(Act, R.ENDED),
}
"""状态与处置 Every (state, act): the state that it leads to, or why not. `step` adds the conditions."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """批准: a signature, and with ``voice`` the person who approved by telephone and will countersign."""

    digest: str
    holder: str
    owner: str
    key_id: str
    signature: str
    signed_at: datetime  # wall time: a key is valid in wall time
    at: datetime
    voice: str | None = None

    @property
    def persons(self) -> frozenset[str]:
        return frozenset({self.holder, self.voice} if self.voice else {self.holder})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """在播: what stands in public."""

    no: int
    identifier: str
    content: str
    state: AlertState


@dataclass(frozen=True, kw_only=True)
class Life:
    """一生: ``content`` is the digest of what is proposed; ``drafters`` are those who wrote it, none for the system."""

    state: AlertState = AlertState.DRAFT
    step: int = 0
    content: str = ""
    drafters: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    public: Standing | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """现状: what the alarm behind it is like now. ``level`` is what the message speaks of."""

    level: Level
    confirmed_level: Level
    scope: AlertScope
    is_over: bool

    @property
    def confirmed(self) -> bool:
        return Level.NORMAL.rank < self.level.rank <= self.confirmed_level.rank


@dataclass(frozen=True, kw_only=True)
class Decision:
    """判定"""

    life: Life
    refused: Refusal | None = None

    @property
    def changed(self) -> bool:
        return self.refused is None


def persons_needed(level: Level, scope: AlertScope) -> int:
    """需几人批准 Red, and everything public: two different persons."""
    return 2 if level is Level.RED or scope is AlertScope.PUBLIC else 1


def persons_of(approvals: Iterable[Approval], digest: str, void: Iterable[str] = ()) -> frozenset[str]:
    """Who approved a message. ``void`` are keys whose revocation was dated back to before they signed."""
    bad = frozenset(void)
    return frozenset(p for a in approvals if a.digest == digest and a.key_id not in bad for p in a.persons)


def on_version(life: Life, content: str, facts: Facts) -> Life:
    """新版本 What the facts make of it: other words void the approvals; what is over proposes nothing."""
    if life.state is S.ENDED:
        return life
    if facts.is_over:
        # nobody may be told that it is over but by people: what stands in public stands until they end it
        if life.public is None:
            if life.state is S.CANCELLED:
                return life
            return _next(life, state=S.ENDED, content=content, drafters=(), approvals=())
        same = life.state is life.public.state and life.content == life.public.content
        moot = _next(life, state=life.public.state, content=life.public.content, drafters=(), approvals=())
        return life if same else moot
    if content == life.content and life.step > 0:
        return life
    if life.public is not None and content == life.public.content:
        return _next(life, state=life.public.state, content=content, drafters=(), approvals=())
    return _next(life, state=S.DRAFT, content=content, drafters=(), approvals=())


def redraft(life: Life, content: str, by: str, facts: Facts) -> Decision:
    """改稿 A person writes the text: a draft again, and who wrote it never approves it."""
    target = TABLE[life.state][Act.UPDATE]
    if isinstance(target, Refusal):
        return Decision(life=life, refused=target)
    if facts.is_over:
        return Decision(life=life, refused=R.OVER)
    drafters = tuple(dict.fromkeys([*life.drafters, by]))
    return Decision(life=_next(life, state=target, content=content, drafters=drafters, approvals=()))


def approve(life: Life, purpose: Purpose, approval: Approval, persons: frozenset[str], facts: Facts) -> Decision:
    """批准 ``persons`` are all names of who approves here; enough of them make a proposal approved."""
    target = TABLE[life.state][Act.APPROVE]
    refused = _may_approve(life, purpose, target, approval, persons, facts)
    if refused is not None:
        return Decision(life=life, refused=refused)
    same = [a for a in life.approvals if a.digest == approval.digest]
    mine = next((a for a in same if a.owner == approval.owner), None)
    if mine is not None:  # another key of the same user is the same person, whatever name it was enrolled with
        approval = replace(approval, holder=mine.holder)
    if any(approval.persons <= a.persons for a in same):
        return Decision(life=life)  # the same again is once
    approvals = (*life.approvals, approval)
    state = life.state
    if purpose is Purpose.PUBLISH and state is S.DRAFT:
        enough = len(persons_of(approvals, approval.digest)) >= persons_needed(facts.level, facts.scope)
        state = S.APPROVED if enough else S.DRAFT
    return Decision(life=_next(life, state=state, approvals=approvals))


def _may_approve(
    life: Life,
    purpose: Purpose,
    target: AlertState | Refusal,
    approval: Approval,
    persons: frozenset[str],
    facts: Facts,
) -> Refusal | None:
    if purpose is Purpose.PUBLISH:
        if isinstance(target, Refusal):
            return target
        if facts.is_over:
            return R.OVER
        if life.public is not None and life.state is life.public.state:
            return R.ALREADY_RELEASED
        if not facts.confirmed:
            return R.UNCONFIRMED
        if persons & frozenset(life.drafters):
            return R.DRAFTER_APPROVES
    elif life.state in (S.CANCELLED, S.ENDED):
        return R.CANCELLED if life.state is S.CANCELLED else R.ENDED
    elif life.public is None:
        return R.NOT_RELEASED
    elif purpose is Purpose.END and not facts.is_over:
        return R.STILL_OPEN
    if approval.voice is not None and approval.voice == approval.holder:
        return R.SAME_PERSON
    return None


def simple(life: Life, act: Act) -> Decision:
    """退回、否决、移交"""
    target = TABLE[life.state][act]
    if isinstance(target, Refusal):
        return Decision(life=life, refused=target)
    approvals = life.approvals if act is Act.HAND_OVER else ()
    return Decision(life=_next(life, state=target, approvals=approvals))


def may_release(life: Life, persons: frozenset[str], facts: Facts) -> Refusal | None:
    """发布前核对 Asked again at the last moment: facts and keys may have changed since the approval."""
    target = TABLE[life.state][Act.RELEASE]
    if isinstance(target, Refusal):
        return target
    if facts.is_over:
        return R.OVER
    if not facts.confirmed:
        return R.UNCONFIRMED
    if len(persons) < persons_needed(facts.level, facts.scope):
        return R.APPROVALS_MISSING
    return None


def released(life: Life, no: int, identifier: str) -> Life:
    """已发布 After `may_release`: it stands in public, as the first message or as an update."""
    state = S.UPDATED if life.public is not None else S.RELEASED
    standing = Standing(no=no, identifier=identifier, content=life.content, state=state)
    return _next(life, state=state, approvals=(), public=standing)


def may_withdraw(life: Life, purpose: Purpose, persons: frozenset[str], facts: Facts, needed: int) -> Refusal | None:
    """撤销或解除前核对"""
    act = Act.CANCEL if purpose is Purpose.CANCEL else Act.END
    target = TABLE[life.state][act]
    if isinstance(target, Refusal):
        return target
    if life.public is None:
        return R.NOT_RELEASED
    if purpose is Purpose.END and not facts.is_over:
        return R.STILL_OPEN
    return R.APPROVALS_MISSING if len(persons) < needed else None


def withdrawn(life: Life, purpose: Purpose) -> Life:
    """已撤销或已解除 Nothing stands in public any more."""
    state = S.CANCELLED if purpose is Purpose.CANCEL else S.ENDED
    return _next(life, state=state, approvals=(), public=None)


def _next(life: Life, **changes: object) -> Life:
    return replace(life, step=life.step + 1, **changes)  # type: ignore[arg-type]  # fields of Life, named by the callers here
