"""线上事件与效果 What may happen to a line, what follows, and why, in words that a duty officer reads."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from services.dispatch.callouts.line import Line, PartyKind, PartyState
from services.dispatch.callouts.matter import Grade, LineMatter, Via


class Reason(StrEnum):
    """缘由: why a step was taken or refused"""

    OPENED = "opened"
    JOINED = "joined"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    COVERED_BY_ACTING = "covered_by_acting"  # same place, not worse: a text, no ring
    MATTER_ENDED = "matter_ended"
    ANSWERED = "answered"
    ANSWER_TOO_WEAK = "answer_too_weak"
    HEARD_STOPS_NOTHING = "heard_stops_nothing"
    CANNOT_ACT = "cannot_act"
    WRONG_PERSON = "wrong_person"
    STRUCK_ELSEWHERE = "struck_elsewhere"  # the number turned out to be somebody else's in another case
    NO_CONTACT = "no_contact"
    CONTACT_FOUND = "contact_found"
    BUSY_IS_NOT_ABSENT = "busy_is_not_absent"
    DEPUTY_CALLED = "deputy_called"
    SUPERIOR_CALLED = "superior_called"
    TOLD_BY_TEXT = "told_by_text"  # a superior acts by now: no more rings for the silent one, a text
    RUNG_AGAIN = "rung_again"  # the text did not arrive, or the superior acts no more
    TOP_REACHED = "top_reached"
    DOOR_OPENED = "door_opened"
    DOOR_ACCEPTED = "door_accepted"
    FEEDBACK_GIVEN = "feedback_given"
    FEEDBACK_INCOMPLETE = "feedback_incomplete"
    FEEDBACK_OVERDUE = "feedback_overdue"
    ATTEMPT_NOTED = "attempt_noted"
    NOTHING_DUE = "nothing_due"
    CLOSED = "closed"
    # refused
    LINE_CLOSED = "line_closed"
    NOT_A_PARTY = "not_a_party"
    ON_BEHALF_NEEDS_WHO = "on_behalf_needs_who"
    ON_BEHALF_NEEDS_GROUND = "on_behalf_needs_ground"
    NOTHING_READ = "nothing_read"
    STALE_VERSION = "stale_version"
    MATTER_UNKNOWN = "matter_unknown"
    LATE_STARTS_NOTHING = "late_starts_nothing"
    NO_LEVEL = "no_level"


class AlarmKind(StrEnum):
    """告警: what the duty room must see at once"""

    TOP_REACHED = "top_reached"
    NO_CONTACT = "no_contact"
    NO_ONE_FOR_DOOR = "no_one_for_door"
    FEEDBACK_OVERDUE = "feedback_overdue"
    ANSWER_WITHDRAWN = "answer_withdrawn"  # entered late: somebody must decide whether to call again


class Called(msgspec.Struct, frozen=True, kw_only=True, tag="called"):
    """叫: a person begins to be called for the line"""

    person: str
    post: str
    kind: PartyKind


class Strike(msgspec.Struct, frozen=True, kw_only=True, tag="strike"):
    """划掉号码: the number is not this person's, in all cases at once"""

    person: str


class Door(msgspec.Struct, frozen=True, kw_only=True, tag="door"):
    """上门任务: somebody goes to the person"""

    person: str
    neighbours: tuple[str, ...]


class Alarm(msgspec.Struct, frozen=True, kw_only=True, tag="alarm"):
    """告警"""

    kind: AlarmKind
    what: str


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """短信: to a person who is not rung for it"""

    person: str
    matter: LineMatter


class StandIn(msgspec.Struct, frozen=True, kw_only=True, tag="stand_in"):
    """接替: a superior who acts already is told by text for whom to stand in"""

    person: str
    post: str
    kind: PartyKind
    matters: tuple[LineMatter, ...]


Effect = Called | Strike | Door | Alarm | Text | StandIn


class MatterJoined(msgspec.Struct, frozen=True, kw_only=True, tag="matter_joined"):
    """事项加入或升级"""

    matter: LineMatter
    entered_late: bool = False


class MatterEnded(msgspec.Struct, frozen=True, kw_only=True, tag="matter_ended"):
    """事项结束: the trip is normal again, was refuted, or the order was signed"""

    key: str


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """答复: ``read`` maps matter key to the version read out; None = all that stood when it was given"""

    person: str
    grade: Grade
    via: Via
    by: str | None = None
    ground: str | None = None
    read: dict[str, int] | None = None
    feedback: dict[str, str | int | bool] = msgspec.field(default_factory=dict)
    reachable_otherwise: bool = False  # wrong person, but another number of theirs is left
    happened_at: datetime | None = None
    entered_late: bool = False


class Attempted(msgspec.Struct, frozen=True, kw_only=True, tag="attempted"):
    """拨叫结果: how an attempt at this person ended; moves no clock"""

    person: str
    result: str
    by_text: bool = False


class ContactLost(msgspec.Struct, frozen=True, kw_only=True, tag="contact_lost"):
    """失去联系方式: struck in another case, or the last number was dead"""

    person: str
    state: PartyState
    entered_late: bool = False


class ContactFound(msgspec.Struct, frozen=True, kw_only=True, tag="contact_found"):
    """补上联系方式"""

    person: str


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick"):
    """时钟"""


class ActsChanged(msgspec.Struct, frozen=True, kw_only=True, tag="acts_changed"):
    """上级行动变了: a superior of this line began to act on their own line, or acts no more"""


class Close(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """结案"""


Event = MatterJoined | MatterEnded | Answered | Attempted | ContactLost | ContactFound | Tick | ActsChanged | Close


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """决定: the next state, what follows, why. A refused step leaves the state as it was."""

    state: Line
    reason: Reason
    effects: tuple[Effect, ...] = ()
    is_refused: bool = False

    @classmethod
    def refused(cls, state: Line, reason: Reason) -> Decision:
        return cls(state=state, reason=reason, is_refused=True)
