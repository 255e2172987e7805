"""示例区县包生成器 Writes the sample pack ``qianjiang`` from a seed.

    python -m deploy.districts.generate OUT

The committed folder is exactly its output (a test says so). Change the generator, not the folder. First come the three
townships along 阿蓬江 that are drawn by hand (this folder), then the rest of the district around them (``whole/``).
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.districts import assets
from deploy.districts.people import People, make_people
from deploy.districts.places import TOWNSHIPS, Places, make_places, region_rows
from deploy.districts.titles import add_titles
from deploy.districts.ways import Roads, collection, make_roads, make_zones, route, way_out
from deploy.districts.whole import rules
from deploy.districts.whole.enlarge import enlarge
from deploy.districts.whole.tables import texts_of
from shared.pack.canonical import format_pack, geojson_bytes
from shared.pack.load import load_pack
from shared.pack.specs import SPECS
from shared.pack.version import csv_bytes

Row = dict[str, Any]
SEED = 500_114


@dataclass
class Content:
    """包内容: tables by file name, and the features of the three layers."""

    tables: dict[str, list[Row]]
    layers: dict[str, list[dict[str, Any]]]
    people: People
    places: Places
    roads: Roads


def generate(out: Path, seed: int = SEED) -> None:
    """生成 Write the whole pack into ``out``; fails loudly if it is not valid."""
    content = make_valley(seed)
    enlarge(content.tables, content.layers, content.people, content.places, content.roads, seed)
    add_titles(content.tables)
    for folder in ("fuses", "cards"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, rows in content.tables.items():
        _write_table(out, name, rows)
    for name, features in content.layers.items():
        (out / name).write_bytes(geojson_bytes(collection(features)))
    for name, text in texts_of().items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    _, problems = format_pack(out)
    problems = problems or load_pack(out)[1]
    if problems:
        raise SystemExit("\n".join(map(str, problems)))


def make_valley(seed: int = SEED) -> Content:
    """阿蓬江三镇街 The valley that the flood night is about, drawn by hand."""
    rng = random.Random(seed)
    places = make_places(rng)
    stations = assets.stations(places, rng)
    listed = assets.households(rng)
    people = make_people(places, {t.code: _ids(stations, t.code) for t in TOWNSHIPS})
    _key_duties(people)
    roads, layers = _geography(places, rng)
    tables: dict[str, list[Row]] = {
        "hazards.csv": rules.hazards(),
        "metrics.csv": rules.metrics(),
        "regions.csv": region_rows(places.regions),
        "stations.csv": stations,
        "measures.csv": rules.measures(),
        "authority.csv": rules.authority(rules.measures()),
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
    return Content(tables, layers, people, places, roads)


def _ids(stations: list[dict[str, Any]], region: str) -> list[str]:
    return [row["station_id"] for row in stations if row["region"] == region]


def _key_duties(people: People) -> None:
    for shelter, spec in assets.SHELTERS.items():
        people.duty(spec[6], "key", shelter)
    people.duty("zs-flood", "key", "wh-zs-01")


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
    """命令行 ``python -m deploy.districts.generate OUT``"""
    parser = argparse.ArgumentParser(prog="python -m deploy.districts.generate", description="the sample pack")
    parser.add_argument("out", type=Path, help="folder to write the pack into")
    arguments = parser.parse_args()
    generate(arguments.out)


if __name__ == "__main__":
    main()
