"""对象与物资 Gauges, units, danger points, households, shelters, warehouses, goods and teams of the sample pack."""

from __future__ import annotations

import random
from typing import Any

from deploy.districts.people import village_head, village_warden
from deploy.districts.places import DISTRICT, SOURCE, TOWNSHIPS, LonLat, Places, moved, on_river
from deploy.districts.ways import SLOPE_M

Row = dict[str, Any]
INTERVAL_S = 300
ZS, FJ, ZB = "500114112", "500114006", "500114005"


def _at(point: LonLat) -> Row:
    return {"lat": point[1], "lon": point[0]}


# name, metres down the river, warning and guarantee stage in metres (None: not yet determined)
STAGES: tuple[tuple[str, str, str, float, tuple[float, float] | None, str], ...] = (
    ("stage-zb-01", "阿蓬江舟白水位站", ZB, 4_100, (487.60, 488.70), "stage-zs-01"),
    ("stage-fj-01", "袁溪河冯家水位站", FJ, 18_400, (452.30, 453.25), "stage-zs-01"),
    ("stage-zs-01", "阿蓬江濯水水位站", ZS, 28_500, (431.20, 432.30), ""),
    ("stage-zs-02", "蒲花河口水位站", ZS, 30_000, None, ""),
)


def stations(places: Places, rng: random.Random) -> list[Row]:
    """监测站 Four rain gauges a township, close enough to vouch for each other, and four river gauges."""
    rows: list[Row] = []
    for township in TOWNSHIPS:
        for n in range(1, 5):
            where = moved(township.seat, 5_000 * rng.random() - 2_500, 5_000 * rng.random() - 2_500)
            rows.append(
                {
                    "station_id": f"rain-{township.short}-{n:02d}",
                    "name": f"{places.name(township.code)}{n}号雨量站",
                    "category": "rain",
                    "region": township.code,
                    **_at(where),
                    "metrics": "rain_mm;rain_total_mm" if n == 4 else "rain_mm",
                    "interval_s": INTERVAL_S,
                    "serves": township.code,
                    "mobile": "false",
                    "source": SOURCE,
                }
            )
    for station_id, name, region, along, marks, upstream_of in STAGES:
        rows.append(
            {
                "station_id": station_id,
                "name": name,
                "category": "stage",
                "region": region,
                **_at(on_river(along)),
                "metrics": "stage_m",
                "interval_s": INTERVAL_S,
                "serves": region,
                "upstream_of": upstream_of,
                "datum_offset_m": 0,
                "stage_warning_m": f"{marks[0]:.2f}" if marks else "",
                "stage_guarantee_m": f"{marks[1]:.2f}" if marks else "",
                "mobile": "false",
                "source": SOURCE,
            }
        )
    return rows


# id, name, industry, township, where, people by day, night, holiday, boarders, post
_UNITS: tuple[tuple[str, str, str, str, LonLat, tuple[int, int, int, int], str], ...] = (
    ("school-zs-01", "濯水镇演示中学", "school", ZS, on_river(27_900, -800), (860, 410, 20, 390), "zs-duty"),
    ("school-zs-02", "濯水镇演示小学", "school", ZS, on_river(28_200, -900), (620, 40, 5, 40), "zs-duty"),
    ("school-fj-01", "冯家街道演示小学", "school", FJ, on_river(18_900, -760), (540, 95, 5, 90), "fj-duty"),
    ("school-zb-01", "舟白街道演示中学", "school", ZB, on_river(3_600, -800), (1_120, 520, 30, 500), "zb-duty"),
    ("scenic-zs-01", "濯水古镇景区", "scenic", ZS, on_river(28_300, -200), (1_800, 260, 9_500, 0), "zs-duty"),
    ("scenic-zs-02", "蒲花河峡谷漂流点", "scenic", ZS, on_river(30_100, 380), (120, 0, 700, 0), "zs-duty"),
    ("guest-zs-01", "演示客栈一", "guesthouse", ZS, on_river(28_150, -170), (12, 46, 60, 0), "zs-duty"),
    ("guest-zs-02", "演示客栈二", "guesthouse", ZS, on_river(28_600, -180), (9, 30, 44, 0), "zs-duty"),
    ("guest-fj-01", "演示民宿三", "guesthouse", FJ, on_river(21_200, 820), (6, 18, 30, 0), "fj-duty"),
    ("build-zs-01", "濯水大道演示工地", "construction", ZS, on_river(29_200, -760), (85, 36, 10, 0), "zs-duty"),
    ("build-zb-01", "舟白片区演示工地", "construction", ZB, on_river(5_200, -720), (140, 60, 15, 0), "zb-duty"),
    ("mine-fj-01", "冯家演示采石场", "mine", FJ, on_river(17_300, 1_400), (38, 12, 4, 0), "fj-duty"),
    ("mine-zs-01", "濯水演示矿山", "mine", ZS, on_river(27_400, 1_900), (64, 40, 12, 0), "zs-duty"),
    ("hospital-zs-01", "濯水镇演示卫生院", "hospital", ZS, on_river(28_000, -720), (130, 60, 60, 0), "zs-duty"),
)


def units() -> list[Row]:
    """单位"""
    return [
        {
            "unit_id": unit_id,
            "name": name,
            "industry": industry,
            "region": region,
            **_at(where),
            "people_day": count[0],
            "people_night": count[1],
            "people_holiday": count[2],
            "boarders": count[3],
            "post": post,
            "source": SOURCE,
        }
        for unit_id, name, industry, region, where, count, post in _UNITS
    ]


# danger point: name, village, where, households, shelter, node kind that its own way leads to
POINTS: dict[str, tuple[str, str, LonLat, int, str, str]] = {
    "dp-zs-01": ("濯水古镇沿江低洼院落", "500114112001", on_river(28_300, -150), 14, "sh-zs-01", "L"),
    "dp-zs-02": ("蒲花河口滩地院落", "500114112003", on_river(29_900, 170), 9, "sh-zs-04", "E"),
    "dp-fj-01": ("渔滩后山滑坡点", "500114006005", on_river(*SLOPE_M), 8, "sh-fj-02", "V"),
}
_OTHER_SITES: tuple[tuple[str, str, str, str, LonLat], ...] = (
    ("bridge-zs-01", "濯水风雨廊桥", "bridge", ZS, on_river(28_200, 0)),
    ("ford-zs-01", "蒲花漫水桥", "ford", ZS, on_river(29_900, 0)),
)


def households(rng: random.Random) -> list[Row]:
    """住户 Each household of the danger points with somebody who answers for it (一户一人)."""
    rows: list[Row] = []
    for site, (_, village, _, count, shelter, _) in POINTS.items():
        for n in range(1, count + 1):
            people = 2 + int(4 * rng.random())
            rows.append(
                {
                    "household_id": f"{site}-h{n:02d}",
                    "site": site,
                    "group": f"{village}{1 + (n - 1) % 3:02d}",
                    "people": people,
                    "vulnerable": min(people, int(2.4 * rng.random())),
                    "responsible_post": (village_head if n % 3 == 0 else village_warden)(village),
                    "shelter": shelter,
                    "approved_route": f"route-{site}",
                    "source": SOURCE,
                }
            )
    return rows


def sites(listed: list[Row]) -> list[Row]:
    """部位 Danger points with the sums of their households, and two crossings."""
    rows: list[Row] = []
    for site, (name, village, where, count, _, _) in POINTS.items():
        people = sum(row["people"] for row in listed if row["site"] == site)
        row = {"site_id": site, "name": name, "kind": "danger_point", "region": village, **_at(where)}
        rows.append({**row, "households": count, "people": people, "post": village_warden(village), "source": SOURCE})
    for site_id, name, kind, region, where in _OTHER_SITES:
        row = {"site_id": site_id, "name": name, "kind": kind, "region": region, **_at(where)}
        rows.append({**row, "households": 0, "people": 0, "post": "zs-flood", "source": SOURCE})
    return rows


FLOOD = "11A01;11A51;11B03"
# id: name, township, where, class, floor m², m² a person, key post, hazards that it is fit for
SHELTERS: dict[str, tuple[str, str, LonLat, str, int, float, str, str]] = {
    "sh-zs-01": (
        "濯水镇1号避难点(中学教学楼)",
        ZS,
        on_river(27_900, -860),
        "short",
        1_800,
        2.0,
        "zs-duty",
        f"{FLOOD};11D01",
    ),
    "sh-zs-02": ("濯水镇2号避难点(小学操场)", ZS, on_river(28_250, -960), "temporary", 900, 1.0, "zs-flood", FLOOD),
    "sh-zs-03": (
        "濯水镇3号避难点(游客中心,在危险区内)",
        ZS,
        on_river(28_700, -150),
        "temporary",
        700,
        1.0,
        "zs-duty",
        "11D01",
    ),
    "sh-zs-04": (
        "蒲花社区避难点(便民服务中心)",
        ZS,
        on_river(29_900, 820),
        "temporary",
        420,
        1.0,
        village_head("500114112003"),
        f"{FLOOD};11D01",
    ),
    "sh-fj-01": (
        "冯家街道1号避难点(小学)",
        FJ,
        on_river(18_900, -820),
        "short",
        1_300,
        2.0,
        "fj-duty",
        f"{FLOOD};11D01",
    ),
    "sh-fj-02": (
        "渔滩社区避难点(便民服务中心)",
        FJ,
        on_river(21_300, 640),
        "temporary",
        360,
        1.0,
        village_head("500114006005"),
        FLOOD,
    ),
    "sh-fj-03": ("冯家街道2号避难点(文化站)", FJ, on_river(18_300, -700), "temporary", 300, 1.0, "fj-flood", FLOOD),
    "sh-zb-01": (
        "舟白街道1号避难点(中学)",
        ZB,
        on_river(3_600, -860),
        "medium",
        3_600,
        3.0,
        "zb-duty",
        f"{FLOOD};11D01;11C02",
    ),
    "sh-zb-02": (
        "舟白社区避难点(便民服务中心)",
        ZB,
        on_river(3_200, -720),
        "temporary",
        280,
        1.0,
        village_head("500114005003"),
        FLOOD,
    ),
    "sh-zb-03": ("舟白街道2号避难点(广场)", ZB, on_river(4_400, -640), "emergency", 2_400, 1.0, "zb-flood", "11C02"),
}


def shelters() -> list[Row]:
    """避难场所 Capacity is floor over the class's square metres; at night school rooms are partly taken."""
    rows: list[Row] = []
    for shelter_id, (name, region, where, kind, floor, each, key_post, fit) in SHELTERS.items():
        day = int(floor / each)
        night = int(day * 0.8) if kind in ("short", "medium") else day
        row = {"shelter_id": shelter_id, "name": name, "region": region, **_at(where), "class": kind}
        row |= {"floor_m2": floor, "m2_per_person": each, "day": day, "night": night}
        row |= {"accessible": "true" if kind in ("short", "medium") else "false", "hazards_ok": fit}
        rows.append({**row, "key_post": key_post, "confirmed_on": "2026-04-20", "source": SOURCE})
    return rows


WAREHOUSES: tuple[Row, ...] = (
    {
        "warehouse_id": "wh-qj-01",
        "name": "黔江区应急物资储备库(舟白)",
        "region": ZB,
        **_at(on_river(4_900, -900)),
        "owner": "黔江区",
        "key_post": "qj-keeper",
        "source": SOURCE,
    },
    {
        "warehouse_id": "wh-zs-01",
        "name": "濯水镇物资储备点",
        "region": ZS,
        **_at(on_river(27_800, -980)),
        "owner": "濯水镇",
        "key_post": "zs-flood",
        "source": SOURCE,
    },
)

# code (shape of GB/T 38565, to be checked by the owner), name, unit, guarantee, per person (a day for food and water)
ITEMS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("1010101", "方便食品", "kg", "food", "0.6", ""),
    ("1010201", "瓶装饮用水", "L", "water", "3", ""),
    ("1020101", "棉被", "床", "clothing", "1", "1020102"),
    ("1020102", "毛毯", "条", "clothing", "", ""),
    ("1030101", "12平方米帐篷", "顶", "shelter", "0.25", ""),
    ("1030201", "折叠床", "张", "shelter", "1", ""),
    ("1040101", "急救箱", "只", "medical", "0.02", ""),
    ("2010101", "发电机", "台", "other", "", ""),
    ("2010201", "冲锋舟", "艘", "other", "", ""),
    ("2010301", "手摇警报器", "台", "other", "", ""),
)


def items() -> list[Row]:
    """物资品种 Norms are proposals (domain facts of the field, not a standard)."""
    names = ("item_code", "name", "unit", "guarantee", "per_person_day", "substitutes")
    return [{**dict(zip(names, item, strict=True)), "source": SOURCE} for item in ITEMS]


# warehouse, item, lot, quantity, expires, condition, reserve type, owner: beds fall short of 3,000 people
STOCK: tuple[tuple[str, str, str, int, str, str, str, str], ...] = (
    ("wh-qj-01", "1010101", "QJ-F1", 4_200, "2027-09-30", "good", "physical", "黔江区"),
    ("wh-qj-01", "1010101", "QJ-F0", 600, "2025-12-31", "good", "physical", "黔江区"),
    ("wh-qj-01", "1010101", "QJ-F2", 1_800, "2027-12-31", "good", "agreement:8h", "黔江区"),
    ("wh-zs-01", "1010101", "ZS-F1", 500, "2027-06-30", "good", "physical", "濯水镇"),
    ("wh-qj-01", "1010201", "QJ-W1", 26_000, "2027-10-31", "good", "physical", "黔江区"),
    ("wh-zs-01", "1010201", "ZS-W1", 3_000, "2027-08-31", "good", "physical", "濯水镇"),
    ("wh-qj-01", "1020101", "QJ-Q1", 2_400, "", "good", "physical", "黔江区"),
    ("wh-qj-01", "1020101", "QJ-Q2", 500, "", "good", "physical", "重庆市"),
    ("wh-qj-01", "1020102", "QJ-B1", 700, "", "good", "physical", "黔江区"),
    ("wh-zs-01", "1020101", "ZS-Q1", 120, "", "good", "physical", "濯水镇"),
    ("wh-qj-01", "1030101", "QJ-T1", 760, "", "good", "physical", "黔江区"),
    ("wh-qj-01", "1030201", "QJ-C1", 1_850, "", "good", "physical", "黔江区"),
    ("wh-qj-01", "1030201", "QJ-C2", 160, "", "damaged", "physical", "黔江区"),
    ("wh-zs-01", "1030201", "ZS-C1", 90, "", "good", "physical", "濯水镇"),
    ("wh-qj-01", "1040101", "QJ-M1", 64, "2027-05-31", "good", "physical", "黔江区"),
    ("wh-qj-01", "2010101", "QJ-G1", 14, "", "good", "physical", "黔江区"),
    ("wh-qj-01", "2010201", "QJ-S1", 6, "", "good", "physical", "黔江区"),
    ("wh-zs-01", "2010301", "ZS-A1", 9, "", "good", "physical", "濯水镇"),
)


def stock() -> list[Row]:
    """库存"""
    names = ("warehouse_id", "item_code", "lot_id", "quantity", "expires_on", "condition", "reserve_type", "owner")
    return [{**dict(zip(names, row, strict=True)), "source": SOURCE} for row in STOCK]


_TEAMS: tuple[tuple[str, str, str, str, LonLat, int, str, str, str], ...] = (
    (
        "team-qj-01",
        "区综合救援演示队",
        "professional",
        DISTRICT,
        on_river(4_000, -900),
        46,
        "水域救援;绳索",
        "冲锋舟2艘",
        "qj-hq-duty",
    ),
    ("team-zs-01", "濯水镇应急演示队", "standing", ZS, on_river(27_900, -760), 22, "转移;清障", "油锯;头灯", "zs-duty"),
    ("team-fj-01", "冯家街道应急演示队", "standing", FJ, on_river(18_700, -760), 18, "转移", "头灯", "fj-duty"),
    ("team-zb-01", "舟白街道应急演示队", "standing", ZB, on_river(3_900, -760), 20, "转移", "头灯", "zb-duty"),
    (
        "team-zs-02",
        "濯水社区群众演示队",
        "mass",
        "500114112001",
        on_river(28_600, -430),
        15,
        "敲门;带路",
        "铜锣;手摇警报",
        village_warden("500114112001"),
    ),
)


def teams() -> list[Row]:
    """队伍 of the three kinds (专常群)."""
    names = ("team_id", "name", "kind", "region")
    return [
        {
            **dict(zip(names, team[:4], strict=True)),
            **_at(team[4]),
            **dict(zip(("strength", "skills", "equipment", "post"), team[5:], strict=True)),
            "source": SOURCE,
        }
        for team in _TEAMS
    ]
