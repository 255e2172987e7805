"""岗位名称 What a post is called in the district, so that the roster can be read aloud; the ids stay what they are."""

from __future__ import annotations

from typing import Any

DISTRICT_TITLES = {
    "qj-hq-chief": "区防汛抗旱指挥部指挥长",
    "qj-hq-deputy-1": "区防汛抗旱指挥部副指挥长",
    "qj-hq-deputy-2": "区防汛抗旱指挥部副指挥长",
    "qj-hq-office": "区防汛抗旱指挥部办公室主任",
    "qj-hq-duty": "区应急值班室",
    "qj-hydro": "区水文核实员",
    "qj-issuer-a": "区预警签发人",
    "qj-issuer-b": "区预警签发人(B角)",
    "qj-keeper": "区应急物资库管理员",
    "qj-keeper-2": "市级代储物资库管理员",
    "qj-geo-chief": "区地质灾害防治指挥部指挥长",
    "qj-geo-deputy": "区地质灾害防治指挥部副指挥长",
    "qj-geo-office": "区地质灾害防治指挥部办公室",
    "qj-fire-chief": "区森林防灭火指挥部指挥长",
    "qj-fire-deputy": "区森林防灭火指挥部副指挥长",
    "qj-fire-office": "区森林防灭火指挥部办公室",
    "qj-quake-chief": "区抗震救灾指挥部指挥长",
    "qj-quake-deputy": "区抗震救灾指挥部副指挥长",
    "qj-quake-office": "区抗震救灾指挥部办公室",
    "qj-safety-chief": "区安全生产委员会主任",
    "qj-safety-deputy": "区安全生产委员会副主任",
    "qj-safety-office": "区安全生产委员会办公室",
    "qj-road": "公路桥隧养护值班",
    "qj-gas": "燃气管廊调度",
    "qj-pipe": "长输管道值班",
    "qj-seis": "地震监测员",
    "qj-water": "水利工程值班",
}
ENDINGS = {
    "flood": "防汛专干",
    "hydro": "水文核实员",
    "geo": "地质灾害专干",
    "forest": "林业专干",
    "area": "片区负责人",
    "duty": "值班室",
    "warden": "叫应人",
    "committee": "管委会主任",
    "tech": "技术责任人",
    "patrol": "巡查责任人",
}
SECRETARY = {"street": "党工委书记", "park": "党工委书记"}
LEADERS = {"街道": "办事处主任", "镇": "镇长", "乡": "乡长"}


def add_titles(tables: dict[str, list[dict[str, Any]]]) -> None:
    """岗位名称 Give every post of the roster its title; every post must have one."""
    regions = {row["code"]: row for row in tables["regions.csv"]}
    objects = {row["unit_id"]: row["name"] for row in tables["units.csv"]}
    objects |= {row["site_id"]: row["name"] for row in tables["sites.csv"]}
    for row in tables["roster.csv"]:
        row["title"] = _title(row["post"], regions[row["region"]], objects)


def _title(post: str, region: dict[str, Any], objects: dict[str, str]) -> str:
    if post in DISTRICT_TITLES:
        return DISTRICT_TITLES[post]
    if post.startswith("mon-"):
        return f"{objects[post.removeprefix('mon-')]}群测群防员"
    object_id, _, ending = post.rpartition("-")
    name: str = objects.get(object_id, region["name"])
    if ending == "secretary":
        return name + SECRETARY.get(region["level"], "党委书记")
    if ending == "mayor":
        return name + next((title for end, title in LEADERS.items() if name.endswith(end)), "管委会主任")
    if ending == "head":
        return name + _head(object_id, region)
    return name + ENDINGS[ending]


def _head(object_id: str, region: dict[str, Any]) -> str:
    if object_id.startswith("res-"):
        return "行政责任人"
    if region["level"] == "village" and object_id.startswith("v"):
        return "党组织书记、主任"
    return "负责人"
