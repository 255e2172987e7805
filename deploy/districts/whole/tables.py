"""数据表 The hand-written tables beside the code, and rows as the generator writes them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

from deploy.districts.places import LonLat

Row = dict[str, Any]
FOLDER = Path(__file__).parent


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """表 The rows of one table in this folder."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


def texts_of(folder: Path = FOLDER / "files") -> dict[str, str]:
    """成文 The files that are written by hand and go into the pack as they are."""
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.*"))}


def lat_lon(point: LonLat) -> Row:
    return {"lat": point[1], "lon": point[0]}
