"""用语 What a person reads on the way, in Chinese and English; one catalogue, checked wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import atan2, cos, degrees, radians
from types import MappingProxyType

from shared.geo import distance_m

STEP_M_MIN = 20.0
STEPS_MAX = 60


class Warn(StrEnum):
    """提示码"""

    COMPUTED = "computed"
    NOT_CONFIRMED_OPEN = "shelter_not_confirmed_open"
    INSIDE = "inside_danger"
    FAR_FROM_ROAD = "far_from_road"
    APPROVED_BLOCKED = "approved_route_not_usable"
    CAPACITY = "capacity_not_considered"
    NO_WAY = "no_way"
    NO_PLAN = "no_current_plan"
    PENDING = "plan_being_made"
    PROOF_FAILED = "plan_failed_proof"
    STALE = "plan_overdue"
    UNMAPPED = "order_without_zone"
    OUTSIDE_DISTRICT = "outside_district"
    ONLY_NOW = "holds_for_this_version"
    NIGHT = "night"


WARNINGS: Mapping[Warn, tuple[str, str]] = MappingProxyType(
    {
        Warn.COMPUTED: (
            "参考路线，未经现场核实；现场干部另有指引的，以现场为准",
            "Reference route, not checked on the spot; follow the people on the spot where they say otherwise",
        ),
        Warn.NOT_CONFIRMED_OPEN: (
            "该避难场所尚未确认开启",
            "This shelter is not confirmed open",
        ),
        Warn.INSIDE: (
            "您在危险区内，请立即离开",
            "You are inside the danger area: leave now",
        ),
        Warn.FAR_FROM_ROAD: (
            "离最近的道路较远，路网以外的一段请自行判断",
            "The nearest road is far; judge the stretch to it yourself",
        ),
        Warn.APPROVED_BLOCKED: (
            "明白卡上的路线目前不可用，请勿走原路线",
            "The route on your card cannot be used now; do not take it",
        ),
        Warn.CAPACITY: (
            "未计算避难场所容量，到达后可能被引导至其他场所",
            "Shelter capacity is not considered; you may be sent on to another one",
        ),
        Warn.NO_WAY: (
            "没有找到可走的路。请往高处、远离河沟和陡坡的地方去，并拨打电话求助",
            "No way was found. Go to higher ground, away from streams and steep slopes, and call for help",
        ),
        Warn.NO_PLAN: (
            "当前没有疏散方案，不代表安全",
            "There is no current evacuation plan; this does not mean that you are safe",
        ),
        Warn.PENDING: (
            "危险区有变化，新方案正在生成，请稍后再查",
            "The danger area has changed and the new plan is being made; ask again in a moment",
        ),
        Warn.PROOF_FAILED: (
            "新方案未通过核验，暂不提供路线；请听从现场指引",
            "The new plan failed its check and gives no route; follow the people on the spot",
        ),
        Warn.STALE: (
            "方案已过复核时间，情况不明",
            "The plan is past its review time; the situation is not known",
        ),
        Warn.UNMAPPED: (
            "有转移指令尚未划定危险区范围，不能判断您是否在危险区内",
            "An evacuation order has no drawn area yet; whether you are in danger cannot be told",
        ),
        Warn.OUTSIDE_DISTRICT: (
            "该位置不在本区县路网范围内，情况不明",
            "This place is outside this district's map; the situation there is not known",
        ),
        Warn.ONLY_NOW: (
            "目前不在需转移范围内；情况会变化，请留意预警",
            "Not in an area to be left at this time; this can change, watch for warnings",
        ),
        Warn.NIGHT: (
            "夜间行走，用时按慢速估算，请带照明、结伴而行",
            "Time is for walking in the dark; take a light and go together",
        ),
    }
)

_COMPASS = (
    ("北", "north"),
    ("东北", "north-east"),
    ("东", "east"),
    ("东南", "south-east"),
    ("南", "south"),
    ("西南", "south-west"),
    ("西", "west"),
    ("西北", "north-west"),
)


def warning(code: Warn) -> dict[str, str]:
    zh, en = WARNINGS[code]
    return {"code": code.value, "zh": zh, "en": en}


def heading(a: tuple[float, float], b: tuple[float, float]) -> int:
    """Which of the eight directions ``b`` lies in from ``a``, both (lon, lat)."""
    east = (b[0] - a[0]) * cos(radians(a[1]))
    return round(degrees(atan2(east, b[1] - a[1])) / 45) % 8


def steps_of(points: Sequence[tuple[float, float]], names: Sequence[str], goal: str) -> list[dict[str, object]]:
    """Walking directions (步骤): ``names[i]`` is the road from point i to i+1, (lon, lat); empty where it has none.

    Stretches of one road and direction are one step; stretches shorter than a few steps join the one before.
    """
    merged: list[tuple[str, int, float]] = []
    for i, name in enumerate(names):
        a, b = points[i], points[i + 1]
        metres = distance_m(a[1], a[0], b[1], b[0])
        turn = heading(a, b)
        if merged and (metres < STEP_M_MIN or merged[-1][:2] == (name, turn)):
            before = merged[-1]
            merged[-1] = (before[0] or name, before[1], before[2] + metres)
        else:
            merged.append((name, turn, metres))
    steps: list[dict[str, object]] = []
    for name, turn, metres in merged[:STEPS_MAX]:
        zh, en = _COMPASS[turn]
        road_zh = f"沿{name}" if name else ""
        road_en = f" along {name}" if name else ""
        far = max(1, round(metres))
        steps.append(
            {"zh": f"{road_zh}向{zh}走约 {far} 米", "en": f"Go {en}{road_en} for about {far} m", "distance_m": far}
        )
    steps.append({"zh": f"到达{goal}", "en": f"Arrive at {goal}", "distance_m": 0})
    return steps
