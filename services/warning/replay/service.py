"""回放命令 ``fengsui replay DIR READINGS.csv --json [--until TIME]``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TextIO

from services.warning.fuses.book import Book
from services.warning.readings.instant import to_us
from services.warning.replay.replay import json_lines, readable, replay
from services.warning.replay.table import read_table
from shared.pack.load import load_pack
from shared.pack.located import Problem

NEEDED = frozenset({"district.yaml", "regions.csv", "stations.csv", "metrics.csv", "fuses/"})
TABLE_BYTES_MAX = 500_000_000
OK, REFUSED = 0, 1  # exit codes of contract §1


def run_replay(pack_dir: Path, readings: Path, until: datetime | None, as_json: bool, out: TextIO, err: TextIO) -> int:
    """回放 Print every record; problems go to ``err`` as ``file:line: what is wrong and what would be right``."""
    pack, problems = load_pack(pack_dir, NEEDED)
    book: Book | None = None
    if pack is not None:
        book, problems = Book.of(pack)
    if pack is None or book is None:
        return _refuse(problems, pack_dir, err)
    text, unreadable = _read(readings)
    if unreadable is not None:
        return _refuse([unreadable], None, err)
    rows, problems = read_table(text, str(readings), pack)
    if problems:
        return _refuse(problems, None, err)
    records = replay(book, rows, None if until is None else to_us(until))
    lines = json_lines(records, pack.district.code) if as_json else map(readable, records)
    for line in lines:
        out.write(line + "\n")
    return OK


def _read(path: Path) -> tuple[str, Problem | None]:
    try:
        if path.stat().st_size > TABLE_BYTES_MAX:
            return "", Problem(str(path), 1, f"is larger than {TABLE_BYTES_MAX} bytes; split the table")
        return path.read_bytes().decode("utf-8-sig"), None
    except OSError as error:
        return "", Problem(str(path), 1, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return "", Problem(str(path), 1, "is not UTF-8; save it as UTF-8")


def _refuse(problems: list[Problem], pack_dir: Path | None, err: TextIO) -> int:
    """Files of the pack are named by their path, so that an editor can jump there."""
    for problem in problems:
        file = problem.file if pack_dir is None else str(pack_dir / problem.file)
        err.write(f"{file}:{problem.line}: {problem.message}\n")
    return REFUSED
