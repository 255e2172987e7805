"""措施事件 What can happen to an order, what follows from it, and the reasons that a step is refused for.

Every act carries who did it and, where it was written down afterwards (补录), when it happened: such an act stops
clocks and starts none (contract §6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from services.dispatch.orders.model import Claim, Inspection, Order
from services.dispatch.orders.people import Group, Tally
from shared.vocabulary import Level


@dataclass(frozen=True, kw_only=True)
class Act:
    """处置行为: by a post (or an account, where an officer writes down what a post did)."""

    by: str
    happened_at: datetime | None = None
    entered_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Sign(Act):
    """签发, or the countersign (补签) of what was signed by telephone"""


@dataclass(frozen=True, kw_only=True)
class SignByPhone(Act):
    """电话签发: ``by`` is the signer who was rung back at ``number``; ``recorded_by`` wrote the words down."""

    number: str
    words: str
    recorded_by: str


@dataclass(frozen=True, kw_only=True)
class Acknowledge(Act):
    """签收; no units means all"""

    units: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Progress(Act):
    """执行中"""

    units: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportPeople(Act):
    """人员登记: names, or numbers where there are no names; ``listed`` corrects how many there should be"""

    unit_id: str
    groups: tuple[Group, ...] = ()
    numbers: Tally | None = None
    listed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Complete(Act):
    """落实完毕"""

    units: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Extend(Act):
    """延期: a new hour to look at it again"""

    review_at: datetime
    ground: str


@dataclass(frozen=True, kw_only=True)
class Lift(Act):
    """解除管控: of all units or of some; the remainder binds on"""

    ground: str
    units: tuple[str, ...] = ()
    inspection: Inspection | None = None


@dataclass(frozen=True, kw_only=True)
class Revoke(Act):
    """撤销: issued in error, or declined by its signer; ``unsigned_only`` leaves alone what is in force"""

    ground: str
    unsigned_only: bool = False


@dataclass(frozen=True, kw_only=True)
class PermitReturn(Act):
    """允许返回"""

    inspection: Inspection | None


@dataclass(frozen=True, kw_only=True)
class Join:
    """并入: a later trip, a higher level or further units"""

    claim: Claim


@dataclass(frozen=True, kw_only=True)
class StandDown:
    """触发已结束: a trip ended or was refuted at ``level``: nobody is called any more to sign for it"""

    trip_id: str
    level: Level


@dataclass(frozen=True, kw_only=True)
class CountdownDue:
    """签发时限到: the next signer's turn"""


@dataclass(frozen=True, kw_only=True)
class CountersignDue:
    """补签时限到: reported upward"""


@dataclass(frozen=True, kw_only=True)
class ReviewDue:
    """复核时限到: expired, which is not lifted"""


Event: TypeAlias = (
    Sign
    | SignByPhone
    | Acknowledge
    | Progress
    | ReportPeople
    | Complete
    | Extend
    | Lift
    | Revoke
    | PermitReturn
    | Join
    | StandDown
    | CountdownDue
    | CountersignDue
    | ReviewDue
)


class EffectKind(StrEnum):
    """后果: what the service does with a decision, beside storing the order"""

    OPENED = "opened"
    CALL_SIGNER = "call_signer"
    NO_SIGNER = "no_signer"  # alarm: the whole chain was called and nobody signed, or there is no chain
    TOOK_FORCE = "took_force"
    RAISED = "raised"
    RAISE_PENDING = "raise_pending"
    TRIP_JOINED = "trip_joined"
    UNITS_ADDED = "units_added"
    STOOD_DOWN = "stood_down"
    COUNTERSIGNED = "countersigned"
    COUNTERSIGN_OVERDUE = "countersign_overdue"  # alarm: reported upward
    PROGRESSED = "progressed"
    PEOPLE = "people"
    MORE_PEOPLE = "more_people"  # more were met than the list knew
    RETURNED_UNASKED = "returned_unasked"  # alarm: people went back without leave (擅自返回)
    COMPLETED = "completed"
    EXTENDED = "extended"
    EXPIRED = "expired"  # alarm: nobody looked at it again in time
    LIFTED = "lifted"
    REVOKED = "revoked"
    DECLINED = "declined"
    RETURN_PERMITTED = "return_permitted"


ALARMS = frozenset(
    {
        EffectKind.NO_SIGNER,
        EffectKind.COUNTERSIGN_OVERDUE,
        EffectKind.RETURNED_UNASKED,
        EffectKind.EXPIRED,
    }
)

COUNTERSIGNING = frozenset({EffectKind.COUNTERSIGNED, EffectKind.COUNTERSIGN_OVERDUE})

CHANGES_FORCE = frozenset(
    {
        EffectKind.TOOK_FORCE,
        EffectKind.RAISED,
        EffectKind.TRIP_JOINED,
        EffectKind.UNITS_ADDED,
        EffectKind.EXPIRED,
        EffectKind.EXTENDED,
        EffectKind.LIFTED,
        EffectKind.REVOKED,
    }
)
"""After these, warning is told anew which measures of the trips are held."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """后果"""

    kind: EffectKind
    post: str | None = None
    units: tuple[str, ...] = ()


class Reason(StrEnum):
    """理由: why a step was taken or refused; the refused ones end up in ``refused:<reason>``."""

    DONE = "done"
    ALREADY = "already"  # the same act again: nothing changes
    NOT_DUE = "not_due"

    CLOSED = "closed"
    NOT_IN_FORCE = "not_in_force"
    NOTHING_TO_SIGN = "nothing_to_sign"
    NO_AUTHORITY = "no_authority"
    NOT_SIGNER = "not_signer"
    NOT_YET_ACTING = "not_yet_acting"
    RECORDER_IS_SIGNER = "recorder_is_signer"
    CALL_BACK_INCOMPLETE = "call_back_incomplete"
    COUNTERSIGN_OPEN = "countersign_open"
    UNKNOWN_UNIT = "unknown_unit"
    MOVES_NOBODY = "moves_nobody"
    PEOPLE_UNUSABLE = "people_unusable"
    PEOPLE_UNACCOUNTED = "people_unaccounted"
    PEOPLE_RETURNED = "people_returned"
    REFUSALS_UNNAMED = "refusals_unnamed"
    REVIEW_NOT_LATER = "review_not_later"
    GROUND_MISSING = "ground_missing"
    NOT_LIFTER = "not_lifter"
    NOT_ISSUER = "not_issuer"
    INSPECTION_MISSING = "inspection_missing"
    INSPECTION_UNSAFE = "inspection_unsafe"
    INSPECTION_TOO_OLD = "inspection_too_old"
    INSPECTION_IN_FUTURE = "inspection_in_future"
    NOT_LIFTED = "not_lifted"
    IN_THE_FUTURE = "in_the_future"


REASON_TEXT: dict[Reason, tuple[str, str]] = {
    Reason.DONE: ("已办理", "done"),
    Reason.ALREADY: ("此前已办理，未作改变", "this was done before; nothing changed"),
    Reason.NOT_DUE: ("时限未到", "not due yet"),
    Reason.CLOSED: ("措施已终结，不能再办理", "the order is lifted or revoked; nothing more can be done with it"),
    Reason.NOT_IN_FORCE: ("措施尚未生效", "the order is not in force"),
    Reason.NOTHING_TO_SIGN: ("没有待签发的内容", "nothing of this order waits for a signature"),
    Reason.NO_AUTHORITY: (
        "权限表中没有这一措施的签发人，请在 authority.csv 中补充",
        "the authority table has no signer for this measure; add a row to authority.csv",
    ),
    Reason.NOT_SIGNER: ("不在签发人之列", "only the signer and the deputies of the authority table may sign"),
    Reason.NOT_YET_ACTING: (
        "尚未轮到该代理人签发",
        "this deputy may sign only when the countdown has come to him",
    ),
    Reason.RECORDER_IS_SIGNER: (
        "电话签发的记录人不得为签发人本人",
        "the signer's words must be recorded by somebody else",
    ),
    Reason.CALL_BACK_INCOMPLETE: (
        "电话签发须记录回拨号码、原话和记录人",
        "a telephone signature needs number, words and recorder of the call-back",
    ),
    Reason.COUNTERSIGN_OPEN: (
        "电话签发尚待本人补签，不能再次电话签发",
        "the telephone signature waits for its countersign by hand",
    ),
    Reason.UNKNOWN_UNIT: ("该单位不在本措施执行范围内", "this unit is not under this order, or no longer"),
    Reason.MOVES_NOBODY: ("本措施不涉及人员转移", "this order moves no people"),
    Reason.PEOPLE_UNUSABLE: ("人员登记内容有误", "the report of people cannot be used"),
    Reason.PEOPLE_UNACCOUNTED: ("尚有人员未联系上", "people are not accounted for"),
    Reason.PEOPLE_RETURNED: ("有人擅自返回", "people went back without leave"),
    Reason.REFUSALS_UNNAMED: (
        "拒转人员须逐人登记并落实盯守人",
        "those who refuse must be named, each with somebody near them",
    ),
    Reason.REVIEW_NOT_LATER: (
        "新的复核时间须晚于现在和原时间",
        "the new review time must be later than now and the old",
    ),
    Reason.GROUND_MISSING: ("须写明理由", "say the ground"),
    Reason.NOT_LIFTER: ("只有权限表中的解除人可以解除", "only the lifter of the authority table may lift"),
    Reason.NOT_ISSUER: ("只有签发机关可以撤销已生效的措施", "only its issuer may revoke a measure in force"),
    Reason.INSPECTION_MISSING: ("须先完成现场核查", "an inspection on the spot comes first"),
    Reason.INSPECTION_UNSAFE: ("现场核查结论为不安全", "the inspection found it unsafe"),
    Reason.INSPECTION_TOO_OLD: ("现场核查早于措施生效时间", "the inspection is older than the measure"),
    Reason.INSPECTION_IN_FUTURE: ("现场核查时间还没到", "the inspection's time lies ahead"),
    Reason.NOT_LIFTED: ("管控尚未解除，不得允许返回", "the measure is not lifted; return is a later act"),
    Reason.IN_THE_FUTURE: ("发生时间不能晚于现在", "happened_at is in the future"),
}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """决定: the order afterwards, what follows, and why; a refusal leaves the order as it was."""

    order: Order
    effects: tuple[Effect, ...]
    reason: Reason
    accepted: bool = True
    detail: str | None = None

    @staticmethod
    def refused(order: Order, reason: Reason, detail: str | None = None) -> Decision:
        return Decision(order=order, effects=(), reason=reason, accepted=False, detail=detail)

    @staticmethod
    def unchanged(order: Order, reason: Reason = Reason.ALREADY) -> Decision:
        return Decision(order=order, effects=(), reason=reason)

    @staticmethod
    def done(order: Order, *effects: Effect) -> Decision:
        return Decision(order=order, effects=effects, reason=Reason.DONE)

    @property
    def changed(self) -> bool:
        return self.accepted and self.reason is Reason.DONE

    def has(self, kind: EffectKind) -> bool:
        return any(effect.kind is kind for effect in self.effects)
