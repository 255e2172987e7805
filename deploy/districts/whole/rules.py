"""全区规则 Hazards, metrics, measures and authority that the sample does not have. Written texts are in ``files/``.

Codes: national event codes; gas has none here that could be verified, so it gets the pack's own ``QJ-GAS``. Who signs
follows the hazard's headquarters (B9). Nothing has been approved by anybody: 演示数据.
"""

from __future__ import annotations

from deploy.districts import rules as sample
from deploy.districts.places import SOURCE
from deploy.districts.whole.tables import Row, rows_of

HAZARDS: tuple[tuple[str, str, str, str], ...] = (
    ("11B04", "暴雪", "Snowstorm", "cold"),
    ("11B09", "高温", "Heat", "heat"),
    ("11B15", "冰雹", "Hail", "wind"),
    ("11B17", "大雾", "Fog", "fog"),
    ("11B21", "道路结冰", "Road icing", "cold"),
    ("11B22", "干旱", "Drought", "drought"),
    ("11B25", "森林火险", "Forest fire danger", "fire"),
    ("QJ-GAS", "燃气泄漏", "Gas leak", "gas"),
)
METRICS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("displacement_mm", "mm", "level", "-5000", "20000", ""),
    ("crack_mm", "mm", "level", "0", "5000", ""),
    ("tilt_deg", "deg", "level", "-90", "90", ""),
    ("soil_moisture_pct", "%", "level", "0", "100", "5"),
    ("dry_days", "d", "level", "0", "400", ""),
    ("eew_intensity", "1", "level", "0", "12", ""),
    ("fire_index", "1", "level", "0", "200", ""),
    ("wind_ms", "m/s", "level", "0", "75", ""),
    ("gust_ms", "m/s", "level", "0", "100", ""),
    ("temp_c", "Cel", "level", "-20", "48", "3"),
    ("humidity_pct", "%", "level", "0", "100", "20"),
    ("visibility_m", "m", "level", "0", "50000", ""),
    ("bridge_load_ratio", "1", "level", "0", "5", ""),
    ("bridge_strain_ue", "um/m", "level", "-5000", "5000", ""),
    ("tunnel_co_ppm", "[ppm]", "level", "0", "2000", ""),
    ("tunnel_wall_mm", "mm", "level", "-500", "500", ""),
    ("gas_lel_pct", "%", "level", "0", "100", ""),
    ("gallery_water_m", "m", "level", "0", "6", "0.5"),
    ("pipe_pressure_mpa", "MPa", "level", "0", "15", ""),
    ("reservoir_m", "m", "level", "0", "3000", "0.5"),
)
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
BEFOREHAND = {  # scope kind, kind → duty that may act before the signature: leave a danger point, close, cut off
    ("site", "ban"): "warden",
    ("site", "evacuate"): "warden",
    ("site", "stop"): "technical",
}
MINUTES = {"orange": 15, "red": 3}


def measures() -> list[Row]:
    """措施 beyond the sample's, a row for each hazard of a line."""
    names = ("scope_kind", "industry", "level", "kind", "wording_zh", "wording_en", "exemptions")
    return [
        {**{name: row[name] for name in names}, "hazard": hazard, "basis": _basis(hazard), "source": SOURCE}
        for row in rows_of("measures.csv")
        for hazard in row["hazards"].split(";")
    ]


def _basis(hazard: str) -> str:
    return next((text for start, text in BASIS.items() if hazard.startswith(start)), sample.BASIS)


def authority(own: list[Row], rows: list[Row]) -> list[Row]:
    """权限 One row for each measure that ``own`` does not cover: orange the deputy, red the chief, sites beforehand."""
    keys = ("hazard", "kind", "scope_kind", "level")
    known = {tuple(row[key] for key in keys) for row in own}
    made: list[Row] = []
    for row in rows:
        key = tuple(row[name] for name in keys)
        if key in known:
            continue
        known.add(key)
        name, chief, (deputy, other) = HEADQUARTERS[row["hazard"]]
        is_red = row["level"] == "red"
        before = BEFOREHAND.get((row["scope_kind"], row["kind"]), "")
        if before and row["hazard"] == "QJ-GAS":
            before = "technical"  # the works' owner, not a village
        made.append(
            {
                **dict(zip(keys, key, strict=True)),
                "headquarters": name,
                "signer": chief if is_red else deputy,
                "deputies": f"{deputy};{other}" if is_red else f"{other};{chief}",
                "minutes": MINUTES[row["level"]],
                "preauthorised_by": before,
                "preauthorised_until": UNTIL if before else "",
                "lifter": chief if is_red else deputy,
                "on_expiry": "next_signer",
                "source": SOURCE,
            }
        )
    return made
