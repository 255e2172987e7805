"""规则 Hazards, metrics, measures and authority; fuses, callouts, cards and calendar are written texts in ``files/``.

Codes: national event codes; gas has none here that could be verified, so it gets the pack's own ``QJ-GAS``. Who signs
follows the hazard's headquarters (B9). Nothing has been approved by anybody: 演示数据.
"""

from __future__ import annotations

from deploy.districts.places import SOURCE
from deploy.districts.whole.tables import Row, rows_of

FLOOD_BASIS = "演示数据：以区防汛抗旱应急预案为准"
BASIS = {
    "11D": "演示数据：以区突发地质灾害应急预案为准",
    "11B37": "演示数据：以区突发地质灾害应急预案为准",
    "11B25": "演示数据：以区森林防灭火应急预案和禁火令为准",
    "11G": "演示数据：以区森林防灭火应急预案和禁火令为准",
    "11C": "演示数据：以区地震应急预案为准",
    "QJ-GAS": "演示数据：以区燃气突发事件应急预案为准",
}
_FLOOD = ("区防汛抗旱指挥部", "qj-hq-chief", ("qj-hq-deputy-1", "qj-hq-deputy-2"))
_GEO = ("区地质灾害防治指挥部", "qj-geo-chief", ("qj-geo-deputy", "qj-hq-deputy-1"))
_FIRE = ("区森林防灭火指挥部", "qj-fire-chief", ("qj-fire-deputy", "qj-hq-deputy-1"))
HEADQUARTERS: dict[str, tuple[str, str, tuple[str, str]]] = {  # hazard: name, chief, deputies
    "11B03": _FLOOD,
    "11A01": _FLOOD,
    "11A51": _FLOOD,
    "11D01": _GEO,
    "11D02": _GEO,
    "11B37": _GEO,
    "11B25": _FIRE,
    "11G01": _FIRE,
    "11C02": ("区抗震救灾指挥部", "qj-quake-chief", ("qj-quake-deputy", "qj-hq-chief")),
    "QJ-GAS": ("区安全生产委员会", "qj-safety-chief", ("qj-safety-deputy", "qj-hq-deputy-1")),
}
UNTIL = "2027-12-31"
MINUTES = {"orange": 15, "red": 3}


def hazards() -> list[Row]:
    """灾种"""
    return [dict(row) for row in rows_of("hazards.csv")]


def metrics() -> list[Row]:
    """监测项目"""
    return [dict(row) for row in rows_of("metrics.csv")]


def measures() -> list[Row]:
    """措施 A row for each hazard of a line."""
    names = ("scope_kind", "industry", "level", "kind", "wording_zh", "wording_en", "exemptions")
    return [
        {**{name: row[name] for name in names}, "hazard": hazard, "basis": _basis(hazard), "source": SOURCE}
        for row in rows_of("measures.csv")
        for hazard in row["hazards"].split(";")
    ]


def _basis(hazard: str) -> str:
    return next((text for start, text in BASIS.items() if hazard.startswith(start)), FLOOD_BASIS)


def authority(ordered: list[Row]) -> list[Row]:
    """权限 One row for each kind of measure: at orange the deputy signs, at red the chief."""
    keys = ("hazard", "kind", "scope_kind", "level")
    made: list[Row] = []
    for key in dict.fromkeys(tuple(row[name] for name in keys) for row in ordered):
        hazard, kind, scope_kind, level = key
        name, chief, (deputy, other) = HEADQUARTERS[hazard]
        is_red = level == "red"
        before = _beforehand(hazard, kind, scope_kind, level)
        made.append(
            {
                **dict(zip(keys, key, strict=True)),
                "headquarters": name,
                "signer": chief if is_red else deputy,
                "deputies": f"{deputy};{other}" if is_red else f"{other};{chief}",
                "minutes": MINUTES[level],
                "preauthorised_by": before,
                "preauthorised_until": UNTIL if before else "",
                "lifter": chief if is_red else deputy,
                "on_expiry": "next_signer",
                "source": SOURCE,
            }
        )
    return made


def _beforehand(hazard: str, kind: str, scope_kind: str, level: str) -> str:
    """预先授权 Leave a listed danger point, close the way in, cut a machine off; all else waits for a hand (C1)."""
    if scope_kind == "site" and hazard == "QJ-GAS":
        return "technical"  # the works' owner, not a village
    if scope_kind == "site":
        return {"ban": "warden", "evacuate": "warden", "stop": "technical"}.get(kind, "")
    if (scope_kind, kind, level) == ("region", "ban", "red") and HEADQUARTERS[hazard] is _FLOOD:
        return "qj-hq-chief"  # closing the ways into danger zones by the water
    return ""
