"""示例区县包生成器 Writes the sample pack ``qianjiang`` from a seed: ``python -m deploy.districts.generate OUT``.

The committed folder is exactly this output (a test says so). Change the generator, not the folder.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploy.districts import assets, rules
from deploy.districts.people import People, make_people
from deploy.districts.places import SOURCE, TOWNSHIPS, Places, make_places
from deploy.districts.ways import collection, make_roads, make_zones, way_out
from shared.pack.canonical import format_pack, geojson_bytes
from shared.pack.load import load_pack
from shared.pack.specs import SPECS
from shared.pack.version import csv_bytes

SEED = 500_114
README = """\
# 示例区县包：重庆市黔江区三镇街

本包供学习、演练和测试。**区划名称与代码为真实**（见 ../NOTICE.md），**其余一切均为演示数据**：站点位置与警戒/保证水位、
岗位与人员（演示人员NNN，号码 0000000xxxx 不属于任何人）、单位、危险点、住户、避难场所、物资、队伍、道路与危险区。
不得用于真实预警。`district.yaml` 的 `status` 为 `Exercise`，不会产生真实发布。

本文件夹由 `python -m deploy.districts.generate OUT` 生成，请改生成器，不要直接改这里。要做自己的包：
`fengsui pack new 目录`，逐项替换后运行 `fengsui pack check 目录`。

| 替换什么 | 文件 | 向谁要 |
|---|---|---|
| 区划、村组、人口、上下游 | regions.csv | 民政、统计 |
| 监测站、警戒与保证水位、高程基准 | stations.csv、metrics.csv | 水利、气象 |
| 阈值 | fuses/*.yaml（source 写 PROP 的未经批准） | 水利、气象、应急 |
| 措施与权限、预先授权及期限 | measures.csv、authority.csv | 区防汛抗旱指挥部 |
| 谁被叫、几分钟升级 | callouts.yaml | 区防办 |
| 岗位、责任、电话 | roster.csv、duties.csv（每年 4 月 20 日前核对） | 乡镇街道 |
| 单位、危险点、住户 | units.csv、sites.csv、households.csv | 行业部门、乡镇街道 |
| 避难场所、仓库、物资、队伍 | shelters.csv、warehouses.csv、items.csv、stock.csv、teams.csv | 应急局 |
| 危险区、道路、明白卡路线 | zones.geojson、roads.geojson、routes.geojson | 水利、规划自然资源 |

表格写法：UTF-8；一格多项用英文分号 `;` 隔开；日期写 2026-04-20；空格表示“没有或不知道”，不是 0。

In short: only names and codes are real. Everything else is made up and says 演示数据.
"""


def generate(out: Path, seed: int = SEED) -> None:
    """生成 Write the whole pack into ``out``; fails loudly if it is not valid."""
    rng = random.Random(seed)
    places = make_places(rng)
    stations = assets.stations(places, rng)
    listed = assets.households(rng)
    people = make_people(places, {t.code: _ids(stations, t.code) for t in TOWNSHIPS})
    _key_duties(people)
    for folder in ("fuses", "cards"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _write_geography(out, places, rng)
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "hazards.csv": (_named("hazards.csv", row) for row in rules.HAZARDS),
        "metrics.csv": (_named("metrics.csv", row) for row in rules.METRICS),
        "regions.csv": _region_rows(places),
        "stations.csv": stations,
        "measures.csv": rules.measures(),
        "authority.csv": rules.authority(),
        "roster.csv": people.posts,
        "duties.csv": people.duties,
        "units.csv": assets.units(),
        "sites.csv": assets.sites(listed),
        "households.csv": listed,
        "shelters.csv": assets.shelters(),
        "warehouses.csv": assets.WAREHOUSES,
        "items.csv": assets.items(),
        "stock.csv": assets.stock(),
        "teams.csv": assets.teams(),
    }
    for name, rows in tables.items():
        _write_table(out, name, list(rows))
    texts = {
        "README.md": README,
        "district.yaml": rules.DISTRICT_YAML,
        "callouts.yaml": rules.CALLOUTS_YAML,
        "fuses/rainstorm.yaml": rules.RAINSTORM_YAML,
        "fuses/river_stage.yaml": rules.RIVER_STAGE_YAML,
        **rules.cards(),
    }
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    _, problems = format_pack(out)
    problems = problems or load_pack(out)[1]
    if problems:
        raise SystemExit("\n".join(map(str, problems)))


def _ids(stations: list[dict[str, Any]], region: str) -> list[str]:
    return [row["station_id"] for row in stations if row["region"] == region]


def _key_duties(people: People) -> None:
    for shelter, spec in assets.SHELTERS.items():
        people.duty(spec[6], "key", shelter)
    people.duty("zs-flood", "key", "wh-zs-01")


def _region_rows(places: Places) -> list[dict[str, Any]]:
    return [
        {
            "code": place.code,
            "name": place.name,
            "parent": place.parent,
            "level": place.level,
            "lat": place.lonlat[1],
            "lon": place.lonlat[0],
            "population": place.population,
            "downstream": place.downstream,
            "source": SOURCE if place.level in ("village", "group") else "名称代码真实;人口为演示数据",
        }
        for place in places.regions
    ]


def _named(name: str, row: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(SPECS[name].names, row, strict=True))


def _write_table(out: Path, name: str, rows: list[dict[str, Any]]) -> None:
    known = SPECS[name].names
    header = [*known, *sorted({column for row in rows for column in row} - set(known))]
    lines = [header, *([str(row.get(column, "")) for column in header] for row in rows)]
    (out / name).write_bytes(csv_bytes(iter(lines)))


def _write_geography(out: Path, places: Places, rng: random.Random) -> None:
    spurs = {site: (where, among) for site, (_, _, where, _, _, among) in assets.POINTS.items()}
    for shelter, spec in assets.SHELTERS.items():
        spurs[shelter] = (spec[2], "")
    roads = make_roads(places, spurs, rng)
    routes = []
    for site, (name, _, _, _, shelter, _) in assets.POINTS.items():
        properties = {
            "route_id": f"route-{site}",
            "name": f"{name}明白卡路线",
            "site": site,
            "shelter": shelter,
            "approved_on": "2026-04-20",
            "source": SOURCE,
        }
        line = {"type": "LineString", "coordinates": way_out(roads, site, shelter)}
        routes.append({"type": "Feature", "geometry": line, "properties": properties})
    for file, features in (
        ("roads.geojson", roads.edges),
        ("routes.geojson", routes),
        ("zones.geojson", make_zones()),
    ):
        (out / file).write_bytes(geojson_bytes(collection(features)))


def main() -> None:
    """命令行 ``python -m deploy.districts.generate OUT``"""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m deploy.districts.generate OUT")
    generate(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
