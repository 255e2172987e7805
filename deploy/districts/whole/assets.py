"""全区对象与物资 Units, works, shelters with their keys, warehouses, stock and teams that the sample does not have."""

from __future__ import annotations

from deploy.districts.places import SOURCE, LonLat, metres
from deploy.districts.whole.geometry import towards
from deploy.districts.whole.places import Area, Land
from deploy.districts.whole.points import Point, village_post
from deploy.districts.whole.tables import Row, lat_lon, rows_of

INDOOR = "11A01;11A02;11A51;11B03;11B37;11D01;11D02;QJ-GAS"
OUTDOOR = "11C02;11G01;QJ-GAS"
SAMPLE_SQUARES = {"zs": ("sh-zs-05", "zs-flood"), "fj": ("sh-fj-04", "fj-flood")}
REVIEWED = "2026-04-20"
DRY_M, CLEAR_M = 330.0, 260.0
NO_TEAM = ("st", "sl")  # two townships have no standing team yet: a gap that the officer should see


def works(land: Land) -> list[Row]:
    """重点部位 Bridges, tunnels, galleries, gas and pipelines, weak flood points, reservoirs, power plants."""
    return [
        {
            "site_id": row["site_id"],
            "name": row["name"],
            "kind": row["kind"],
            "region": land.area(row["short"]).code,
            **lat_lon(towards(land.area(row["short"]).seat, float(row["bearing"]), float(row["far_m"]))),
            "households": 0,
            "people": 0,
            "post": row["post"],
            "source": SOURCE,
        }
        for row in rows_of("works.csv")
    ]


def units(land: Land) -> list[Row]:
    """单位 Each with a contact of its own; schools with the hours in which children are fetched."""
    return [
        {
            "unit_id": row["unit_id"],
            "name": row["name"],
            "industry": row["industry"],
            "region": land.area(row["short"]).code,
            **lat_lon(towards(land.area(row["short"]).seat, float(row["bearing"]), float(row["far_m"]))),
            "people_day": row["day"],
            "people_night": row["night"],
            "people_holiday": row["holiday"],
            "boarders": row["boarders"],
            "post": f"{row['unit_id']}-{'committee' if row['industry'] == 'scenic' else 'head'}",
            "pick_up": row["pick_up"],
            "source": SOURCE,
        }
        for row in rows_of("units.csv")
    ]


def shelters(land: Land, points: list[Point], gas: list[LonLat]) -> list[Row]:
    """避难场所 A school and a square in each unit, and a village shelter where households are listed."""
    rows: list[Row] = []
    for area in land.areas:
        if not area.is_small:
            rows += _of_area(area, land, points, gas)
    for short, (shelter_id, key_post) in SAMPLE_SQUARES.items():
        area = land.area(short)
        where = _clear(towards(area.seat, 270, 900), 60, land, points, gas)
        name = f"{area.name}应急避难广场"
        rows.append(_shelter(shelter_id, name, area.code, where, "emergency", 2_200, 1.0, key_post, OUTDOOR))
    for point in points:
        if point.is_new and point.listed:
            village = land.place(point.village)
            where = _clear(village.lonlat, 90, land, points, gas)
            key_post = village_post(point.village, "head")
            name = f"{village.name}避难点(便民服务中心)"
            shelter_id = f"sh-{point.short}-03"
            rows.append(_shelter(shelter_id, name, village.code, where, "temporary", 260, 1.0, key_post, INDOOR))
    return rows


def _of_area(area: Area, land: Land, points: list[Point], gas: list[LonLat]) -> list[Row]:
    is_town = area.level != "township"
    floor, kind, each = (3_000, "medium", 3.0) if is_town else (1_100, "short", 2.0)
    school = _clear(area.seat, 200, land, points, gas)
    square = _clear(area.seat, 330, land, points, gas, start=180)
    house = "员工中心" if area.level == "park" else "学校"
    indoor, outdoor = f"{area.name}1号避难点({house})", f"{area.name}2号避难点(广场)"
    duty, flood = f"{area.short}-duty", f"{area.short}-flood"
    space = 4_000 if is_town else 1_600
    return [
        _shelter(f"sh-{area.short}-01", indoor, area.code, school, kind, floor, each, duty, INDOOR),
        _shelter(f"sh-{area.short}-02", outdoor, area.code, square, "emergency", space, 1.0, flood, OUTDOOR),
    ]


def _clear(
    middle: LonLat, far_m: float, land: Land, points: list[Point], gas: list[LonLat], start: float = 0.0
) -> LonLat:
    """A place near the middle, off rivers, slopes and gas works."""
    for attempt in range(240):
        where = towards(middle, start + 37 * attempt, far_m + 4 * attempt)
        dry = all(river.distance_m(where) > DRY_M for river in land.rivers.values())
        if (
            dry
            and all(metres(where, point.lonlat) > CLEAR_M for point in points)
            and all(metres(where, other) > CLEAR_M for other in gas)
        ):
            return where
    raise AssertionError(f"no safe place near {middle}")


def _shelter(
    shelter_id: str, name: str, region: str, where: LonLat, kind: str, floor: int, each: float, key: str, fit: str
) -> Row:
    day = int(floor / each)
    is_school = kind in ("short", "medium")
    return {
        "shelter_id": shelter_id,
        "name": name,
        "region": region,
        **lat_lon(where),
        "class": kind,
        "floor_m2": floor,
        "m2_per_person": each,
        "day": day,
        "night": int(day * 0.8) if is_school else day,
        "accessible": "true" if is_school else "false",
        "hazards_ok": fit,
        "key_post": key,
        "confirmed_on": REVIEWED,
        "source": SOURCE,
    }


_WAREHOUSES = (  # id, name, township, owner, key post
    ("wh-zy-01", "重庆市代储物资库(正阳)", "zy", "重庆市", "qj-keeper-2"),
    ("wh-xnh-01", "小南海镇物资储备点", "xnh", "小南海镇", "xnh-flood"),
    ("wh-apj-01", "阿蓬江镇物资储备点", "apj", "阿蓬江镇", "apj-flood"),
)


def warehouses(land: Land) -> list[Row]:
    """仓库 One of the city's goods kept here, which only their owner may move, and two of townships."""
    return [
        {
            "warehouse_id": warehouse_id,
            "name": name,
            "region": land.area(short).code,
            **lat_lon(towards(land.area(short).seat, 90, 420)),
            "owner": owner,
            "key_post": key_post,
            "source": SOURCE,
        }
        for warehouse_id, name, short, owner, key_post in _WAREHOUSES
    ]


def stock() -> list[Row]:
    """库存 Beds still fall short of 3,000 people: what could fill the gap is the city's."""
    names = ("warehouse_id", "item_code", "lot_id", "quantity", "expires_on", "condition", "reserve_type", "owner")
    return [{**dict(zip(names, row.values(), strict=True)), "source": SOURCE} for row in rows_of("stock.csv")]


def teams(land: Land) -> list[Row]:
    """队伍 A standing team in every township but two, and three of the district's own."""
    rows: list[Row] = []
    for n, (name, skills, equipment, post) in enumerate(
        (
            ("区森林消防演示队", "扑火;清障", "风力灭火机40台", "qj-fire-office"),
            ("区地灾应急演示队", "巡查;监测", "无人机2架", "qj-geo-office"),
            ("区燃气抢险演示队", "堵漏;检测", "检测仪12台", "qj-gas"),
        ),
        2,
    ):
        seat = land.area("cx").seat
        rows.append(
            _team(f"team-qj-{n:02d}", name, "professional", "500114", seat, 30 + 4 * n, skills, equipment, post)
        )
    for area in land.areas:
        if not area.is_small and area.short not in NO_TEAM:
            name = f"{area.name}应急演示队"
            team_id, duty = f"team-{area.short}-01", f"{area.short}-duty"
            rows.append(_team(team_id, name, "standing", area.code, area.seat, 18, "转移;清障", "油锯;头灯", duty))
    return rows


def _team(
    team_id: str,
    name: str,
    kind: str,
    region: str,
    where: LonLat,
    strength: int,
    skills: str,
    equipment: str,
    post: str,
) -> Row:
    return {
        "team_id": team_id,
        "name": name,
        "kind": kind,
        "region": region,
        **lat_lon(where),
        "strength": strength,
        "skills": skills,
        "equipment": equipment,
        "post": post,
        "source": SOURCE,
    }
