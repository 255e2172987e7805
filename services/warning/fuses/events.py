"""事件 What can happen to a realm's fuses: the arguments of `world.decide`, and its answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from services.warning.fuses.state import FuseState, Transition
from services.warning.readings.validate import Checked, Incoming
from shared.vocabulary import Level, Scale


class ReadingsBatch(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """一批读数: everything that became known at one instant; not yet validated."""

    readings: tuple[Incoming, ...]


class Tick(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """时钟: fires what is due; alone it changes nothing."""


class FindingVerdict(StrEnum):
    """核实结论"""

    CONFIRM = "confirm"
    REFUTE = "refute"


class Finding(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """核实: what a named person found on the spot. ``station``: a refutation of that station only."""

    fuse: str
    scope: str
    verdict: FindingVerdict
    by: str
    station: str | None = None


class HoldReport(msgspec.Struct, frozen=True):
    """管控报告: what dispatch last said about a trip's measures, in answer to record ``answers_n``."""

    answers_n: int
    in_force: tuple[str, ...] = ()


class Release(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """解除: a signed act on a trip; refused while its condition stands or anything is held."""

    fuse: str
    scope: str
    by: str
    report: HoldReport | None = None


class ManualTrip(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """人工熔断: a named person trips a level by hand; it stays until released."""

    fuse: str
    scope: str
    level: Level
    by: str


class Shelve(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """暂搁: no callouts below red until an end, which is capped; records go on, a rise ends it."""

    fuse: str
    scope: str
    until_us: int
    by: str


class NoticeOpened(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """通知生效: an authority's or a person's notice; ``corrects`` names the one it replaces."""

    notice_id: str
    type: str
    level: Level
    scale: Scale
    areas: tuple[str, ...]
    valid_from_us: int
    valid_to_us: int | None = None
    by: str | None = None
    corrects: str | None = None


class NoticeEnded(msgspec.Struct, frozen=True, tag_field="event", tag=True, kw_only=True):
    """通知解除: a cancelling notice."""

    notice_id: str
    by: str | None = None


class BrokerLost(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """与消息总线断开: send it at every start of the service too, before the backlog is read."""


class BrokerBack(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """恢复连接: the backlog is applied."""


Event = (
    ReadingsBatch
    | Tick
    | Finding
    | Release
    | ManualTrip
    | Shelve
    | NoticeOpened
    | NoticeEnded
    | BrokerLost
    | BrokerBack
)


class Refused(StrEnum):
    """拒绝原因: why an act changes nothing."""

    UNKNOWN_FUSE = "unknown_fuse"
    NO_TRIP = "no_trip"
    NO_PERSON = "no_person"  # a finding or act needs a named person, never a station
    NOTHING_UNCONFIRMED = "nothing_unconfirmed"
    CONDITION_STANDS = "condition_stands"
    MEASURES_IN_FORCE = "measures_in_force"
    NO_HOLD_REPORT = "no_hold_report"  # dispatch has not yet answered the last record
    NOT_HIGHER = "not_higher"
    LEVEL_NOT_DEFINED = "level_not_defined"
    RED_IS_NEVER_SHELVED = "red_is_never_shelved"
    SHELF_TOO_LONG = "shelf_too_long"
    UNKNOWN_AREA = "unknown_area"
    UNKNOWN_NOTICE = "unknown_notice"
    ALREADY_OPEN = "already_open"
    OVER_ALREADY = "over_already"


class Decision(msgspec.Struct):
    """决定: what changed. ``readings`` are to be stored as checked; ``states`` replace their rows."""

    transitions: list[Transition] = []
    states: dict[tuple[str, str], FuseState] = {}
    readings: list[Checked] = []
    refused: Refused | None = None
    next_due_us: int | None = None
