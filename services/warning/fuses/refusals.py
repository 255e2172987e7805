"""拒绝说明 Why an act on a fuse is refused, in words that say what would be right."""

from __future__ import annotations

from services.warning.fuses.events import Refused
from shared.errors import Refused as RefusedError

_TEXT: dict[Refused, tuple[str, str]] = {
    Refused.UNKNOWN_FUSE: (
        "this fuse takes no such act; a notice's trip ends with its notice",
        "该熔断不接受此操作；通知引起的记录随通知结束",
    ),
    Refused.NO_TRIP: ("the fuse is normal: there is no trip", "当前正常，没有熔断记录"),
    Refused.NO_PERSON: ("a named person must say it, not a station", "须由具名人员作出，监测站不能自证"),
    Refused.NOTHING_UNCONFIRMED: ("nothing waits for a finding", "没有待核实的内容"),
    Refused.CONDITION_STANDS: (
        "the condition still stands at that level; wait until it has fallen",
        "条件仍达到该级别，须待其回落",
    ),
    Refused.MEASURES_IN_FORCE: (
        "measures of this trip are in force; have them lifted first",
        "仍有管控措施生效，须先解除管控",
    ),
    Refused.NO_HOLD_REPORT: (
        "dispatch has not yet said what is in force after the last record; try again when it has",
        "调度尚未就最近一次记录报告在管措施，请稍后再试",
    ),
    Refused.NOT_HIGHER: ("the fuse is at that level or higher already", "当前级别已不低于该级"),
    Refused.LEVEL_NOT_DEFINED: ("the rule does not define that level", "该规则没有此级别"),
    Refused.RED_IS_NEVER_SHELVED: ("red is never shelved", "红色不得暂搁"),
    Refused.SHELF_TOO_LONG: ("shelve until a time within the next 8 hours", "暂搁截止时间须在 8 小时以内"),
    Refused.UNKNOWN_AREA: ("name at least one area", "须至少指定一个区域"),
    Refused.UNKNOWN_NOTICE: ("no such notice is in force", "没有该生效通知"),
    Refused.ALREADY_OPEN: ("the notice is in force already", "该通知已生效"),
    Refused.OVER_ALREADY: ("the notice is over already", "该通知已过有效期"),
}


def refusal(reason: Refused) -> RefusedError:
    """The 409 of a refused act."""
    en, zh = _TEXT[reason]
    return RefusedError(reason.value, en, zh)
