"""词汇 Words that every service shares: levels, their order and colours, CAP terms (CAP 1.2 §3.2).

Four scales share the colours (signal, regional warning, response level, risk level); a level is stored
together with its `Scale` and never compared across scales.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """级别: normal < blue < yellow < orange < red."""

    NORMAL = "normal"
    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        return _RANK[self]

    @property
    def zh(self) -> str:
        return _LEVEL_ZH[self]


_RANK = {Level.NORMAL: 0, Level.BLUE: 1, Level.YELLOW: 2, Level.ORANGE: 3, Level.RED: 4}
_LEVEL_ZH = {
    Level.NORMAL: "正常",
    Level.BLUE: "蓝色",
    Level.YELLOW: "黄色",
    Level.ORANGE: "橙色",
    Level.RED: "红色",
}
LEVELS: tuple[Level, ...] = tuple(Level)


def level_of_rank(rank: int) -> Level:
    return LEVELS[rank]


def worst(*levels: Level) -> Level:
    """The highest of the levels; NORMAL of none."""
    return max(levels, key=lambda level: level.rank, default=Level.NORMAL)


class Scale(StrEnum):
    """标度: which of the scales that share colours a level belongs to."""

    MONITORING = "monitoring"  # 监测告警, what a fuse gives
    SIGNAL = "signal"  # 预警信号
    REGIONAL = "regional"  # 区域预警
    RESPONSE = "response"  # 应急响应
    RISK = "risk"  # 风险等级


class RegionLevel(StrEnum):
    """区划级别"""

    DISTRICT = "district"
    TOWNSHIP = "township"
    STREET = "street"
    PARK = "park"
    VILLAGE = "village"
    GROUP = "group"


TOWNSHIP_LIKE = frozenset({RegionLevel.TOWNSHIP, RegionLevel.STREET, RegionLevel.PARK})


class Measure(StrEnum):
    """禁停撤疏"""

    BAN = "ban"
    STOP = "stop"
    EVACUATE = "evacuate"
    DISPERSE = "disperse"


MEASURE_ZH = {Measure.BAN: "禁", Measure.STOP: "停", Measure.EVACUATE: "撤", Measure.DISPERSE: "疏"}


class Verification(StrEnum):
    """核实状态"""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    UNVERIFIED = "unverified"
    REFUTED = "refuted"


class Status(StrEnum):
    """CAP 1.2 §3.2.1 status"""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """CAP 1.2 §3.2.1 msgType"""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class AlertScope(StrEnum):
    """CAP 1.2 §3.2.1 scope"""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Role(StrEnum):
    """角色: what a token may be used for (contract §1 credentials)."""

    DUTY_OFFICER = "duty_officer"
    DRAFTER = "drafter"
    ISSUER = "issuer"
    SECOND_ISSUER = "second_issuer"
    COMMANDER = "commander"
    VERIFIER = "verifier"
    TOWNSHIP = "township"
    VILLAGE = "village"
    WAREHOUSE_KEEPER = "warehouse_keeper"
    MAINTAINER = "maintainer"
    NEIGHBOUR = "neighbour"
    ADMIN = "admin"
    SERVICE = "service"
