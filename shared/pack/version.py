"""版本 The canonical form of each file of a pack and the version that it makes (design §2.8).

**Definitions** make the version. They are: ``district.yaml``, ``callouts.yaml``, ``calendar.yaml``, ``fuses/*.yaml``,
``cards/*.yaml``, every CSV of contract §3 but ``stock.csv``, the three GeoJSON files and ``roads.osm.pbf``.

**Openings** do not: ``stock.csv``, and of ``roster.csv`` the columns ``person``, ``channels``, ``languages`` and
``reviewed_on`` (who holds a post today and how to reach them). They are read once; `openings_of` names their state
so that a later difference can be shown. ``tests/`` prove a version and do not define it; other files are no part of it.

The version is ``sha256:`` over, for each definition file by name, the name and its canonical bytes: a table as UTF-8
without BOM, ``\\n``, quotes only where needed, the contract's columns in their order and then the others by name, cells
trimmed, lists separated by ``;``, empty rows dropped, the officials' order of rows kept; YAML and GeoJSON as their
values in JSON with sorted keys, so that comments, layout and the order of keys do not count; a road extract as is.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shared.pack import cells
from shared.pack.files import ROADS_PBF, Sources, read_sources
from shared.pack.geography import GEOJSON_FILES
from shared.pack.located import parse_yaml
from shared.pack.specs import SPECS
from shared.pack.table import Problems, Table, check_header, read_table

OPENING_FILES = frozenset({"stock.csv"})
OPENING_COLUMNS = {"roster.csv": frozenset({"person", "channels", "languages", "reviewed_on"})}
PREFIX = "sha256:"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LISTS = (cells.id_list, cells.item_list, cells.hazard_list, cells.text_list, cells.contacts)


def _list_columns(name: str) -> dict[str, str]:
    """The list columns of a table and the pattern between their entries."""
    return {
        column.name: ";" if column.parse is cells.text_list else ""
        for column in SPECS[name].columns
        if column.parse in _LISTS
    }


def canonical_rows(table: Table, name: str, without: frozenset[str] = frozenset()) -> Iterator[list[str]]:
    """规范的行 Header and rows in canonical columns; ``without`` leaves columns out."""
    known = SPECS[name].names
    order = [*known, *sorted(column for column in table.header if column not in known)]
    places = [(table.header.index(column), column) for column in order if column not in without]
    lists = _list_columns(name)
    yield [column for _, column in places]
    for row in table.rows:
        yield [_canonical_list(row[at], lists[column]) if column in lists else row[at] for at, column in places]


def _canonical_list(cell: str, separator: str) -> str:
    pieces = cell.split(separator) if separator else cell.replace(";", " ").split()
    return cells.LIST_SEPARATOR.join(piece.strip() for piece in pieces if piece.strip())


def csv_bytes(rows: Iterator[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _table_bytes(data: bytes, name: str, without: frozenset[str] = frozenset()) -> bytes:
    problems = Problems()
    table = read_table(data, name, problems)
    if table is None or not check_header(table, SPECS[name], name, problems):
        return data  # a file that `load_pack` refuses has no canonical form; its bytes stand for it
    return csv_bytes(canonical_rows(table, name, without))


def definition_bytes(name: str, data: bytes, parsed: Mapping[str, Any] = _NOTHING) -> bytes | None:
    """定义字节 What of one file counts for the version; None if nothing does. ``parsed``: YAML read already."""
    if name in OPENING_FILES or name.startswith("tests/"):
        return None
    if name in SPECS:
        return _table_bytes(data, name, OPENING_COLUMNS.get(name, frozenset()))
    if name in GEOJSON_FILES:
        try:
            return _json_bytes(json.loads(data.decode("utf-8-sig")))
        except (ValueError, RecursionError):
            return data
    if name in parsed:
        return _json_bytes(parsed[name])
    value, problems = parse_yaml(data, name)
    return data if problems else _json_bytes(value)


def version_of(sources: Sources, parsed: Mapping[str, Any] = _NOTHING) -> str:
    """版本 ``sha256:…`` of the definitions; ``parsed`` are their YAML files where they were read without a problem."""
    whole = hashlib.sha256()
    for name in sorted(sources.files):
        counted = definition_bytes(name, sources.files[name], parsed)
        if counted is not None:
            whole.update(f"{name}\0{hashlib.sha256(counted).hexdigest()}\n".encode())
    if sources.pbf is not None:
        with sources.pbf.open("rb") as stream:
            whole.update(f"{ROADS_PBF}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return PREFIX + whole.hexdigest()


def openings_of(directory: Path) -> str:
    """期初值指纹 ``sha256:…`` of stock, persons and contacts: other openings of one version are an edit to import."""
    sources = read_sources(directory, frozenset(), Problems())
    whole = hashlib.sha256()
    for name in sorted({*OPENING_FILES, *OPENING_COLUMNS} & set(sources.files)):
        whole.update(f"{name}\0{hashlib.sha256(_table_bytes(sources.files[name], name)).hexdigest()}\n".encode())
    return PREFIX + whole.hexdigest()
