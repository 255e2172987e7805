"""全区监测站 Gauges and sensors of the six object classes that the district's notice names, and of its hazards.

The sample's gauges keep their rows; rain gauges also serve the villages nearest to them (flash floods).
Categories: rain stage · displacement crack tilt · soil drought · seismic · weather fire · bridge tunnel gallery
gas pipeline weak_flood_point reservoir. All 演示数据; what is not known (a reservoir's stages) stays empty.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from deploy.districts.places import SOURCE, LonLat, metres
from deploy.districts.whole.geometry import towards
from deploy.districts.whole.places import Land
from deploy.districts.whole.points import Point
from deploy.districts.whole.tables import Row, lat_lon, rows_of

RAIN_S, SENSOR_S, GAS_S, HOUR_S, DAY_S = 300, 600, 60, 3_600, 86_400
MIDDLE_M = 2_600.0  # the second gauge of a township stands so far up the slope
SEISMIC = ("cx", "xnh", "shh", "zs", "jd", "ec", "hux", "apj")
WEATHER = ("cx", "zs", "apj", "shh", "hux", "ml", "xnh", "sj")
FIRE = ("xnh", "cx", "zs", "ml", "jd", "ec", "tj", "shh", "bs", "ls", "le", "zt")
SOIL = ("shh", "bs", "hux", "sb", "tj", "sj", "ec", "apj", "ml", "wl", "xnh", "le")
DROUGHT = ("shh", "hux", "sj", "apj", "ml", "xnh")
GAUGED_WORKS = {  # kind of works: id word, what its station measures, every so many seconds
    "bridge": ("strain", "bridge_load_ratio;bridge_strain_ue", SENSOR_S),
    "tunnel": ("air", "tunnel_co_ppm;tunnel_wall_mm", SENSOR_S),
    "gallery": ("lel", "gas_lel_pct;gallery_water_m", GAS_S),
    "gas_station": ("lel", "gas_lel_pct", GAS_S),
    "pipeline": ("lel", "gas_lel_pct;pipe_pressure_mpa", GAS_S),
    "weak_flood_point": ("stage", "stage_m", RAIN_S),
    "reservoir": ("level", "reservoir_m", SENSOR_S),
}


def _station(
    station_id: str, name: str, category: str, region: str, where: LonLat, metrics: str, interval_s: int, serves: str
) -> Row:
    return {
        "station_id": station_id,
        "name": name,
        "category": category,
        "region": region,
        **lat_lon(where),
        "metrics": metrics,
        "interval_s": interval_s,
        "serves": serves,
        "mobile": "false",
        "source": SOURCE,
    }


def make_stations(
    sample: list[Row], land: Land, points: list[Point], works: list[Row], rng: random.Random
) -> list[Row]:
    """监测站 The sample's and all others; every village is served by the one or two rain gauges nearest to it."""
    rows = [dict(row) for row in sample]
    rows += _rain(land, rng)
    _serve_villages([row for row in rows if row["category"] == "rain"], land)
    rows += _stages(land, rows)
    for point in points:
        rows += _slope_sensors(point, rng)
    rows += _wide(land)
    rows += [_at_works(row) for row in works if row["kind"] in GAUGED_WORKS]
    return rows


def _rain(land: Land, rng: random.Random) -> list[Row]:
    rows = []
    for area in land.areas:
        if area.is_small:
            continue
        bearing = 360 * rng.random()
        for n, far in ((1, 300.0), (2, MIDDLE_M)):
            where = towards(area.seat, bearing, far)
            metrics = "rain_mm;rain_total_mm" if n == 2 else "rain_mm"
            name = f"{area.name}{n}号雨量站"
            rows.append(
                _station(f"rain-{area.short}-{n:02d}", name, "rain", area.code, where, metrics, RAIN_S, area.code)
            )
    return rows


def _serve_villages(gauges: list[Row], land: Land) -> None:
    served: dict[str, list[str]] = {row["station_id"]: [] for row in gauges}
    for village in (place for place in land.regions if place.level == "village"):
        own = [row for row in gauges if row["region"] == village.parent]
        own.sort(key=lambda row: (metres((row["lon"], row["lat"]), village.lonlat), row["station_id"]))
        for row in own[:2]:
            served[row["station_id"]].append(village.code)
    for row in gauges:
        row["serves"] = ";".join([row["region"], *served[row["station_id"]]])


def _stages(land: Land, rows: list[Row]) -> list[Row]:
    zs = next(row for row in rows if row["station_id"] == "stage-zs-01")
    zs["upstream_of"] = "stage-apj-01"
    made = []
    for row in rows_of("stages.csv"):
        area, river = land.area(row["short"]), land.rivers[row["station_id"]]
        where = river.at(river.length_m / 2)
        made.append(
            {
                **_station(row["station_id"], row["name"], "stage", area.code, where, "stage_m", RAIN_S, area.code),
                "upstream_of": row["upstream_of"],
                "datum_offset_m": 0,
                "stage_warning_m": row["warning_m"],
                "stage_guarantee_m": row["guarantee_m"],
            }
        )
    return made


def _slope_sensors(point: Point, rng: random.Random) -> list[Row]:
    """Displacement everywhere, a second one to vouch for it where households are listed, cracks and tilt at many."""
    if point.site in ("dp-zs-01", "dp-zs-02"):
        return []  # by the river: what threatens them is the stage
    tail = point.site.removeprefix("dp-")
    wanted = [("gnss", tail, "位移监测点", "displacement", "displacement_mm")]
    if point.listed:
        wanted.append(("gnss", f"{tail}b", "2号位移监测点", "displacement", "displacement_mm"))
    if point.listed or rng.random() < 0.6:
        wanted.append(("crack", tail, "裂缝计", "crack", "crack_mm"))
    if point.listed or rng.random() < 0.6:
        wanted.append(("tilt", tail, "倾角计", "tilt", "tilt_deg"))
    rows = []
    for word, end, name, category, metric in wanted:
        where = towards(point.lonlat, 360 * rng.random(), 20 + 40 * rng.random())
        full = f"{point.name}{name}"
        rows.append(_station(f"{word}-{end}", full, category, point.village, where, metric, SENSOR_S, point.site))
    return rows


def _wide(land: Land) -> list[Row]:
    """Stations that stand for townships around them, and those of the soil."""
    rows = []
    for shorts, word, name, metrics, interval, bearing in (
        (SEISMIC, "seis", "地震烈度仪", "eew_intensity", GAS_S, 45),
        (FIRE, "fire", "森林火险监测站", "fire_index;temp_c;humidity_pct;wind_ms", HOUR_S, 10),
        (WEATHER, "wx", "气象站", "wind_ms;gust_ms;temp_c;humidity_pct;visibility_m", SENSOR_S, 100),
    ):
        served = _nearest(land, shorts)
        category = {"seis": "seismic", "fire": "fire", "wx": "weather"}[word]
        for short in shorts:
            area = land.area(short)
            where = towards(area.seat, bearing, 800)
            full = f"{area.name}{name}"
            rows.append(
                _station(f"{word}-{short}-01", full, category, area.code, where, metrics, interval, served[short])
            )
    for places, word, name, category, metrics, interval in (
        (SOIL, "soil", "土壤墒情站", "soil", "soil_moisture_pct", HOUR_S),
        (DROUGHT, "dry", "旱情监测站", "drought", "dry_days;soil_moisture_pct", DAY_S),
    ):
        for short in places:
            area = land.area(short)
            where = towards(area.seat, 200, 1_100)
            full = f"{area.name}{name}"
            rows.append(_station(f"{word}-{short}-01", full, category, area.code, where, metrics, interval, area.code))
    return rows


def _nearest(land: Land, shorts: Iterable[str]) -> dict[str, str]:
    """Each township to the station nearest to its seat; ``;``-joined codes by the station's short name."""
    seats = [land.area(short) for short in shorts]
    served: dict[str, list[str]] = {area.short: [] for area in seats}
    for area in land.areas:
        near = min(seats, key=lambda other: (metres(area.seat, other.seat), other.short))
        served[near.short].append(area.code)
    return {short: ";".join(codes) for short, codes in served.items()}


WEAK_MARKS = {  # warning and guarantee stage: between those of the gauge above and the bank's low crest
    "weak-cx-01": ("583.10", "584.05"),
    "weak-cn-01": ("574.30", "575.20"),
    "weak-zy-01": ("560.80", "561.70"),
    "weak-apj-01": ("402.40", "403.50"),
    "weak-hx-01": ("476.20", "477.00"),
    "weak-wl-01": ("544.80", "545.60"),
    "weak-ml-01": ("587.60", "588.40"),
}


def _at_works(site: Row) -> Row:
    word, metrics, interval_s = GAUGED_WORKS[site["kind"]]
    where = (site["lon"], site["lat"])
    category = "gas" if site["kind"] == "gas_station" else site["kind"]
    row = _station(
        f"{word}-{site['site_id']}",
        f"{site['name']}监测站",
        category,
        site["region"],
        where,
        metrics,
        interval_s,
        site["site_id"],
    )
    warning, guarantee = WEAK_MARKS.get(site["site_id"], ("", ""))
    datum = 0 if site["kind"] == "weak_flood_point" else ""
    serves = f"{site['region']};{site['site_id']}" if datum == 0 else site["site_id"]
    return {
        **row,
        "serves": serves,
        "datum_offset_m": datum,
        "stage_warning_m": warning,
        "stage_guarantee_m": guarantee,
    }
