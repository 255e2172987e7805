"""示例区县包生成器 Writes the sample pack ``qianjiang`` from a seed.

    python -m deploy.districts.generate OUT [--size full|small]

``small`` is three townships, enough for one flood night; ``full`` is the whole district and contains the small one:
every id, person and road of ``small`` means the same in ``full``. The committed folder is exactly the output of one of
them (a test says so). Change the generator, not the folder.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deploy.districts import assets, rules
from deploy.districts.people import People, make_people
from deploy.districts.places import TOWNSHIPS, Places, make_places, region_rows
from deploy.districts.titles import add_titles
from deploy.districts.ways import Roads, collection, make_roads, make_zones, route, way_out
from deploy.districts.whole.enlarge import enlarge
from shared.pack.canonical import format_pack, geojson_bytes
from shared.pack.load import load_pack
from shared.pack.specs import SPECS
from shared.pack.version import csv_bytes

Row = dict[str, Any]
Size = Literal["full", "small"]
SEED = 500_114
README = """\
# 示例区县包：重庆市黔江区三镇街

本包供学习、演练和测试。**区划名称与代码为真实**（见 ../NOTICE.md），**其余一切均为演示数据**：站点位置与警戒/保证水位、
岗位与人员（演示人员NNN，号码 0000000xxxx 不属于任何人）、单位、危险点、住户、避难场所、物资、队伍、道路与危险区。
不得用于真实预警。`district.yaml` 的 `status` 为 `Exercise`，不会产生真实发布。

本文件夹由 `python -m deploy.districts.generate OUT --size small` 生成，请改生成器，不要直接改这里。要做自己的包：
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


@dataclass
class Content:
    """包内容: tables by file name, written texts, and the features of the three layers."""

    tables: dict[str, list[Row]]
    texts: dict[str, str]
    layers: dict[str, list[dict[str, Any]]]
    people: People
    places: Places
    roads: Roads


def generate(out: Path, size: Size = "full", seed: int = SEED) -> None:
    """生成 Write the whole pack into ``out``; fails loudly if it is not valid."""
    content = make_sample(seed)
    if size == "full":
        enlarge(content.tables, content.texts, content.layers, content.people, content.places, content.roads, seed)
    add_titles(content.tables)
    for folder in ("fuses", "cards"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, rows in content.tables.items():
        _write_table(out, name, rows)
    for name, features in content.layers.items():
        (out / name).write_bytes(geojson_bytes(collection(features)))
    for name, text in content.texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    _, problems = format_pack(out)
    problems = problems or load_pack(out)[1]
    if problems:
        raise SystemExit("\n".join(map(str, problems)))


def make_sample(seed: int = SEED) -> Content:
    """三镇街 The small pack: one flood night fits in it."""
    rng = random.Random(seed)
    places = make_places(rng)
    stations = assets.stations(places, rng)
    listed = assets.households(rng)
    people = make_people(places, {t.code: _ids(stations, t.code) for t in TOWNSHIPS})
    _key_duties(people)
    roads, layers = _geography(places, rng)
    tables: dict[str, list[Row]] = {
        "hazards.csv": [_named("hazards.csv", row) for row in rules.HAZARDS],
        "metrics.csv": [_named("metrics.csv", row) for row in rules.METRICS],
        "regions.csv": region_rows(places.regions),
        "stations.csv": stations,
        "measures.csv": rules.measures(),
        "authority.csv": rules.authority(),
        "roster.csv": people.posts,
        "duties.csv": people.duties,
        "units.csv": assets.units(),
        "sites.csv": assets.sites(listed),
        "households.csv": listed,
        "shelters.csv": assets.shelters(),
        "warehouses.csv": list(assets.WAREHOUSES),
        "items.csv": assets.items(),
        "stock.csv": assets.stock(),
        "teams.csv": assets.teams(),
    }
    texts = {
        "README.md": README,
        "district.yaml": rules.DISTRICT_YAML,
        "callouts.yaml": rules.CALLOUTS_YAML,
        "fuses/rainstorm.yaml": rules.RAINSTORM_YAML,
        "fuses/river_stage.yaml": rules.RIVER_STAGE_YAML,
        **rules.cards(),
    }
    return Content(tables, texts, layers, people, places, roads)


def _ids(stations: list[dict[str, Any]], region: str) -> list[str]:
    return [row["station_id"] for row in stations if row["region"] == region]


def _key_duties(people: People) -> None:
    for shelter, spec in assets.SHELTERS.items():
        people.duty(spec[6], "key", shelter)
    people.duty("zs-flood", "key", "wh-zs-01")


def _named(name: str, row: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(SPECS[name].names, row, strict=True))


def _write_table(out: Path, name: str, rows: list[dict[str, Any]]) -> None:
    known = SPECS[name].names
    header = [*known, *sorted({column for row in rows for column in row} - set(known))]
    lines = [header, *([str(row.get(column, "")) for column in header] for row in rows)]
    (out / name).write_bytes(csv_bytes(iter(lines)))


def _geography(places: Places, rng: random.Random) -> tuple[Roads, dict[str, list[dict[str, Any]]]]:
    spurs = {site: (where, among) for site, (_, _, where, _, _, among) in assets.POINTS.items()}
    for shelter, spec in assets.SHELTERS.items():
        spurs[shelter] = (spec[2], "")
    roads = make_roads(places, spurs, rng)
    routes = [
        route(site, name, shelter, way_out(roads, site, shelter))
        for site, (name, _, _, _, shelter, _) in assets.POINTS.items()
    ]
    return roads, {"roads.geojson": roads.edges, "routes.geojson": routes, "zones.geojson": make_zones()}


def main() -> None:
    """命令行 ``python -m deploy.districts.generate OUT [--size full|small]``"""
    parser = argparse.ArgumentParser(prog="python -m deploy.districts.generate", description="the sample pack")
    parser.add_argument("out", type=Path, help="folder to write the pack into")
    parser.add_argument("--size", choices=("full", "small"), default="full", help="whole district or three townships")
    arguments = parser.parse_args()
    generate(arguments.out, arguments.size)


if __name__ == "__main__":
    main()
