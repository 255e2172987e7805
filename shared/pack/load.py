"""读取区县包 From a folder to a `Pack`, or to the list of everything that is wrong with it (contract §3).

Every problem names file, line, field and remedy. Nothing here raises on what a file holds. Lists in a cell are
separated by ``;`` (`shared.pack.cells`); which files make the version is told in `shared.pack.version`. YAML beyond
``district.yaml`` is only parsed here: rules, clocks and cards are read by the service whose noun they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shared.pack.district import FILE as DISTRICT_FILE
from shared.pack.district import read_district
from shared.pack.files import DEFAULT_NEED, ROADS_PBF, read_sources
from shared.pack.geography import GEOJSON_FILES, check_layers, read_geojson, route_ids
from shared.pack.located import Problem, parse_yaml
from shared.pack.model import District, Pack
from shared.pack.references import check_references
from shared.pack.specs import SPECS
from shared.pack.table import Parsed, Problems, parse_rows, read_table
from shared.pack.version import version_of

_NAMES = {  # file: (attribute of Pack, key of its mapping; None for a tuple of rows)
    "hazards.csv": ("hazards", "code"),
    "regions.csv": ("regions", "code"),
    "stations.csv": ("stations", "station_id"),
    "metrics.csv": ("metrics", "name"),
    "measures.csv": ("measures", None),
    "authority.csv": ("authority", None),
    "roster.csv": ("roster", "post"),
    "duties.csv": ("duties", None),
    "units.csv": ("units", "unit_id"),
    "sites.csv": ("sites", "site_id"),
    "households.csv": ("households", "household_id"),
    "shelters.csv": ("shelters", "shelter_id"),
    "warehouses.csv": ("warehouses", "warehouse_id"),
    "items.csv": ("items", "item_code"),
    "stock.csv": ("stock", None),
    "teams.csv": ("teams", "team_id"),
}


def load_pack(directory: Path, need: frozenset[str] | None = None) -> tuple[Pack | None, list[Problem]]:
    """读区县包 The pack and no problems, or None and what is wrong.

    ``need`` names the files that must be there (``fuses/`` for a folder); None means all of the contract's but the
    optional ones. Others are read and checked where present. A reference into an absent file is not checked.
    """
    problems = Problems()
    sources = read_sources(directory, DEFAULT_NEED if need is None else need, problems)
    documents: dict[str, Any] = {}
    geojson: dict[str, Any] = {}
    rows: dict[str, list[Parsed]] = {}
    whole: set[str] = set()  # tables whose every row is right: only into these are references checked
    for name, data in sources.files.items():
        before = len(problems) + problems.left_out
        if name in SPECS:
            table = read_table(data, name, problems)
            if table is not None:
                rows[name] = parse_rows(table, SPECS[name], name, problems)
        elif name in GEOJSON_FILES:
            geojson[name] = read_geojson(data, name, problems)
        else:
            documents[name], found = parse_yaml(data, name)
            for problem in found:
                problems.append(problem)
        if len(problems) + problems.left_out == before:
            whole.add(name)
    district = _district(documents, whole, problems)
    check_references({name: rows[name] for name in rows if name in whole}, district, problems)
    known = {name: {row.cells[SPECS[name].key[0]] for row in rows[name]} for name in rows if name in whole}
    check_layers({name: geojson[name] for name in geojson if name in whole}, sources.files, known, problems)
    if {"households.csv", "routes.geojson"} <= whole:
        _check_routes(rows["households.csv"], route_ids(geojson), problems)
    if sources.pbf is not None and "roads.geojson" in sources.files:
        problems.add(ROADS_PBF, 1, "stands beside roads.geojson; keep one road network")
    if problems or district is None:
        return None, _all_of(problems)
    version = version_of(sources, documents)
    documents.pop(DISTRICT_FILE, None)
    pack = Pack(
        version=version,
        district=district,
        documents=MappingProxyType(documents),
        geojson=MappingProxyType(geojson),
        **_tables(rows),
    )
    return pack, []


def _district(documents: Mapping[str, Any], whole: set[str], problems: Problems) -> District | None:
    if DISTRICT_FILE not in whole:
        if DISTRICT_FILE not in documents and not any(problem.file == DISTRICT_FILE for problem in problems):
            problems.add(DISTRICT_FILE, 1, "is missing; without it nothing is known of the district")
        return None
    return read_district(documents[DISTRICT_FILE], problems)


def _tables(rows: Mapping[str, list[Parsed]]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for name, (attribute, key) in _NAMES.items():
        values = [row.value for row in rows.get(name, ())]
        if key is None:
            tables[attribute] = tuple(values)
        else:
            tables[attribute] = MappingProxyType({getattr(value, key): value for value in values})
    return tables


def _check_routes(households: list[Parsed], known: set[str], problems: Problems) -> None:
    for row in households:
        name = row.value.approved_route
        if name is not None and name not in known:
            problems.add(
                "households.csv",
                row.line,
                f"approved_route '{name}' is not in routes.geojson; use a route_id of it or leave it empty",
                "approved_route",
            )


def _all_of(problems: Problems) -> list[Problem]:
    found = list(problems)
    if problems.left_out:
        found.append(
            Problem(found[-1].file, found[-1].line, f"and {problems.left_out} more problems; correct these first")
        )
    return found
