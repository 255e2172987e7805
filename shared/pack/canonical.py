"""规范与冻结 ``pack format``, and frozen copies of a version that services open by its hash (`shared.pack.version`)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from shared.errors import Unavailable
from shared.pack.files import FOLDERS, TOP_FILES, read_sources
from shared.pack.geography import GEOJSON_FILES, read_geojson
from shared.pack.load import load_pack
from shared.pack.located import Problem, parse_yaml
from shared.pack.model import Pack
from shared.pack.specs import SPECS
from shared.pack.table import Problems, check_header, read_table
from shared.pack.version import PREFIX, canonical_rows, csv_bytes, version_of


def _formatted(name: str, data: bytes, problems: Problems) -> bytes | None:
    if name in SPECS:
        table = read_table(data, name, problems)
        if table is None or not check_header(table, SPECS[name], name, problems):
            return None
        return csv_bytes(canonical_rows(table, name))
    if name in GEOJSON_FILES:
        layer = read_geojson(data, name, problems)
        return None if layer is None else geojson_bytes(layer)
    _, found = parse_yaml(data, name)
    for problem in found:
        problems.append(problem)
    if found:
        return None
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return (text.rstrip("\n") + "\n").encode()  # comments and layout are the officials' own


def geojson_bytes(collection: Any) -> bytes:
    """GeoJSON with one feature a line, so that a difference is readable and a problem has a line."""
    head = {key: value for key, value in sorted(collection.items()) if key not in ("type", "features")}
    lines = ",\n".join(
        json.dumps(
            {key: feature[key] for key in sorted(feature, key=lambda key: (key != "type", key))},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for feature in collection["features"]
    )
    start = "".join(f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)},\n" for k, v in head.items())
    return f'{{"type":"{collection["type"]}",\n{start}"features":[\n{lines}\n]}}\n'.encode()


def format_pack(directory: Path) -> tuple[list[str], list[Problem]]:
    """规整 Write every file of the pack in canonical form; the names of those that changed, and problems.

    A file with a problem is left as it is. Doing it twice changes nothing more.
    """
    problems = Problems()
    sources = read_sources(directory, frozenset(), problems)
    changed: list[str] = []
    for name, data in sources.files.items():
        written = _formatted(name, data, problems)
        if written is not None and written != data:
            _replace(directory / name, written)
            changed.append(name)
    return changed, list(problems)


def _replace(path: Path, data: bytes) -> None:
    """All of the new file or all of the old one, whatever happens in between."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _fsync_directory(path.parent)


def _fsync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def version_folder(packs_dir: Path, version: str) -> Path:
    """版本文件夹 Where a version is frozen: ``packs_dir/<64 hex digits>``."""
    digest = version.removeprefix(PREFIX)
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"'{version[:80]}' is not a pack version; it must be sha256: and 64 hex digits")
    return packs_dir / digest


def copy_definitions(directory: Path, packs_dir: Path, version: str) -> Path:
    """冻结版本 Freeze the pack under ``packs_dir/<hash>/``: temporary folder, fsync, one rename. Returns that folder.

    Openings and tests are copied as they are at that moment, for the first reading and the record. An existing frozen
    version is left untouched. ``version`` guards against a folder that changed since it was checked.
    """
    target = version_folder(packs_dir, version)
    if target.is_dir():
        return target
    packs_dir.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=packs_dir, prefix=".incoming-"))
    try:
        for name in sorted(_present(directory)):
            copy = temporary / name
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(directory / name, copy)
            with copy.open("rb") as stream:
                os.fsync(stream.fileno())
        if version_of(read_sources(temporary, frozenset(), Problems())) != version:
            raise ValueError(f"{directory} has changed since version {version} was checked; check it again")
        for folder in (*(temporary / folder for folder in FOLDERS), temporary):
            if folder.is_dir():
                _fsync_directory(folder)
        temporary.chmod(0o755)
        try:
            temporary.rename(target)
        except OSError:
            if not target.is_dir():  # else another process froze the same version first
                raise
        _fsync_directory(packs_dir)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _present(directory: Path) -> list[str]:
    names = [name for name in TOP_FILES if (directory / name).is_file()]
    for folder in FOLDERS:
        names += [f"{folder}/{path.name}" for path in (directory / folder).glob("*.yaml") if path.is_file()]
    return names


def open_version(packs_dir: Path, version: str) -> Pack | None:
    """打开版本 The pack of a frozen version, or None when this service has not got it (425 `PackUnknown`)."""
    folder = version_folder(packs_dir, version)
    if not folder.is_dir():
        return None
    pack, problems = load_pack(folder)
    if pack is None or pack.version != version:
        found = "; ".join(str(problem) for problem in problems[:3]) or f"it is {pack.version if pack else 'empty'}"
        raise Unavailable(f"the frozen pack {folder.name} is damaged ({found}); activate the version again")
    return pack
