"""包内文件 Which files a pack has, read once into memory with their limits; everything after works on these bytes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.pack.geography import GEOJSON_FILES
from shared.pack.specs import SPECS
from shared.pack.table import Problems

FILE_BYTES_MAX = 64_000_000
PBF_BYTES_MAX = 4_000_000_000
FOLDER_FILES_MAX = 500

ROADS_PBF = "roads.osm.pbf"
YAML_FILES = ("district.yaml", "callouts.yaml", "calendar.yaml")
FOLDERS = ("fuses", "cards", "tests")
OPTIONAL = frozenset(
    {
        *("households.csv", "teams.csv", "zones.geojson", "roads.geojson", "routes.geojson", ROADS_PBF),
        *("cards/", "calendar.yaml", "tests/"),
    }
)
TOP_FILES = (*YAML_FILES, *SPECS, *GEOJSON_FILES, ROADS_PBF)
DEFAULT_NEED = frozenset({*TOP_FILES, *(f"{folder}/" for folder in FOLDERS)}) - OPTIONAL
REPLAY_NEED = frozenset({"district.yaml", "regions.csv", "stations.csv", "metrics.csv", "fuses/"})


@dataclass(frozen=True)
class Sources:
    """源文件: the bytes of each file by its path inside the pack; a road extract stays on disk as ``pbf``."""

    files: Mapping[str, bytes]
    pbf: Path | None = None


def read_sources(directory: Path, need: frozenset[str], problems: Problems) -> Sources:
    """读源文件 Everything the contract names and the folder has; what ``need`` demands and misses is a problem."""
    try:
        present = sorted(os.listdir(directory))
    except OSError as error:
        problems.add(str(directory), 1, f"is not a folder that can be read ({error.strerror}); name the pack's folder")
        return Sources({})
    files: dict[str, bytes] = {}
    for name in TOP_FILES:
        if name in present and name != ROADS_PBF:
            _read(directory / name, name, files, problems)
        elif name in need:
            _missing(name, present, problems)
    for folder in FOLDERS:
        _read_folder(directory, folder, f"{folder}/" in need, files, problems)
    for name in present:
        near = difflib.get_close_matches(name, TOP_FILES, 1, 0.85)
        if near and name not in TOP_FILES and near[0] not in present and near[0] not in need:
            problems.add(name, 1, f"is not a file of a pack; rename it to {near[0]} or take it away")
    pbf = directory / ROADS_PBF if ROADS_PBF in present else None
    if pbf is not None and pbf.stat().st_size > PBF_BYTES_MAX:
        problems.add(ROADS_PBF, 1, f"is larger than {PBF_BYTES_MAX} bytes; cut it to the district and its neighbours")
    return Sources(files, pbf)


def _missing(name: str, present: list[str], problems: Problems) -> None:
    near = difflib.get_close_matches(name, present, 1, 0.8)
    hint = f"rename {near[0]}" if near else "add it (`fengsui pack new` writes one to start from)"
    problems.add(name, 1, f"is missing; {hint}")


def _read(path: Path, name: str, files: dict[str, bytes], problems: Problems) -> None:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            problems.add(name, 1, f"is larger than {FILE_BYTES_MAX} bytes")
            return
        files[name] = path.read_bytes()
    except OSError as error:
        problems.add(name, 1, f"cannot be read: {error.strerror}")


def _read_folder(directory: Path, folder: str, needed: bool, files: dict[str, bytes], problems: Problems) -> None:
    try:
        names = sorted(os.listdir(directory / folder))
    except FileNotFoundError:
        names = []
    except OSError as error:
        problems.add(f"{folder}/", 1, f"is not a folder that can be read: {error.strerror}")
        return
    if len(names) > FOLDER_FILES_MAX:
        problems.add(f"{folder}/", 1, f"has {len(names)} files; at most {FOLDER_FILES_MAX} are taken")
        return
    wanted = [name for name in names if name.endswith(".yaml")]
    for name in names:
        if name.endswith(".yml"):
            problems.add(f"{folder}/{name}", 1, f"would be ignored; rename it to {name[:-4]}.yaml")
    if needed and not wanted:
        problems.add(f"{folder}/", 1, "has no .yaml file; add one")
    for name in wanted:
        _read(directory / folder / name, f"{folder}/{name}", files, problems)
