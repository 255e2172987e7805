"""读数表 Recorded readings as CSV: columns ``station_id,metric,value,observed_at`` and optional
``received_at,boot,seq,quality`` (contract §1). Rows are counted from 1 after the header."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from services.warning.readings.instant import parse_rfc3339
from services.warning.readings.validate import Incoming, Quality
from shared.ids import is_id
from shared.pack.located import Problem
from shared.pack.model import Pack

REQUIRED = ("station_id", "metric", "value", "observed_at")
OPTIONAL = ("received_at", "boot", "seq", "quality")
ROWS_MAX = 5_000_000
PROBLEMS_MAX = 50  # a table that is wrong all over is told in its first lines


def read_table(text: str, name: str, pack: Pack) -> tuple[tuple[Incoming, ...], list[Problem]]:
    """The readings of a table, or everything that is wrong with it by file and line."""
    problems: list[Problem] = []
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: list[Incoming] = []
    try:
        header = [cell.strip() for cell in next(rows, [])]
        problems += _header_problems(header, name)
        if problems:
            return (), problems
        for row, line, cells in _data_rows(rows):
            if row > ROWS_MAX:
                problems.append(Problem(name, line, f"has over {ROWS_MAX} rows; split the table"))
                break
            if len(cells) != len(header):
                wrong = f"has {len(cells)} cells; the header has {len(header)}"
                problems.append(Problem(name, line, wrong))
            else:
                reading = _row(dict(zip(header, cells, strict=True)), row, line, name, pack, problems)
                if reading is not None:
                    found.append(reading)
            if len(problems) >= PROBLEMS_MAX:
                break
    except csv.Error as error:
        problems.append(Problem(name, rows.line_num, f"is not CSV: {error}"))
    return ((), problems) if problems else (tuple(found), [])


def _data_rows(rows: Iterator[list[str]]) -> Iterator[tuple[int, int, list[str]]]:
    """(row from 1, line of the file, cells); empty lines are no rows."""
    row = 0
    line = 1
    while True:
        line = getattr(rows, "line_num", line) + 1
        cells = next(rows, None)
        if cells is None:
            return
        if cells:
            row += 1
            yield row, line, [cell.strip() for cell in cells]


def _header_problems(header: list[str], name: str) -> list[Problem]:
    if not header:
        return [Problem(name, 1, f"is empty; the first line is {','.join(REQUIRED)}")]
    problems = [
        Problem(name, 1, f"column '{column}' is missing; the first line is {','.join(REQUIRED)}", column)
        for column in REQUIRED
        if column not in header
    ]
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            problems.append(Problem(name, 1, f"column '{column}' appears twice; keep one", column))
        near = get_close_matches(column, OPTIONAL, n=1, cutoff=0.8)
        if near and column not in OPTIONAL and near[0] not in header:
            problems.append(Problem(name, 1, f"column '{column}' is unknown; did you mean '{near[0]}'?", column))
    return problems


class _CellError(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"field '{field}': {message}")
        self.field = field


def _row(
    cells: Mapping[str, str], row: int, line: int, name: str, pack: Pack, problems: list[Problem]
) -> Incoming | None:
    try:
        return _reading(cells, row, pack)
    except _CellError as error:
        problems.append(Problem(name, line, str(error), error.field))
        return None


def _reading(cells: Mapping[str, str], row: int, pack: Pack) -> Incoming:
    station = _known(cells, "station_id", pack.stations, "stations.csv")
    metric = _known(cells, "metric", pack.metrics, "metrics.csv")
    if metric not in pack.stations[station].metrics:
        has = ", ".join(pack.stations[station].metrics) or "nothing"
        raise _CellError(
            "metric", f"station '{station}' does not measure '{metric}'; in stations.csv it measures {has}"
        )
    quality = _quality(cells.get("quality", ""))
    observed_us = _time(cells, "observed_at")
    received = cells.get("received_at", "")
    boot, seq = _boot_seq(cells)
    return Incoming(
        station_id=station,
        metric=metric,
        value=_value(cells["value"], quality),
        observed_us=observed_us,
        received_us=_time(cells, "received_at") if received else observed_us,
        ref=row,
        boot=boot,
        seq=seq,
        quality=quality,
    )


def _known(cells: Mapping[str, str], field: str, known: Mapping[str, object], file: str) -> str:
    value = cells[field]
    if value in known:
        return value
    near = get_close_matches(value, list(known), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"write one that {file} has"
    raise _CellError(field, f"'{value}' is not in {file}; {hint}")


def _time(cells: Mapping[str, str], field: str) -> int:
    try:
        return parse_rfc3339(cells[field])
    except ValueError as error:
        raise _CellError(field, str(error)) from error


def _quality(text: str) -> Quality:
    if not text:
        return Quality.GOOD
    if text not in list(Quality):
        raise _CellError("quality", f"'{text}' is unknown; one of {', '.join(Quality)}, or empty for good")
    return Quality(text)


def _value(text: str, quality: Quality) -> float | None:
    if not text:
        if quality.usable:
            raise _CellError("value", "is empty; write a number, or quality missing")
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise _CellError("value", f"'{text}' is no number; write 3.2") from error
    if not math.isfinite(value) or "_" in text:
        raise _CellError("value", f"'{text}' is no finite number; write 3.2, or leave it empty with quality missing")
    return value


def _boot_seq(cells: Mapping[str, str]) -> tuple[str | None, int | None]:
    boot, seq = cells.get("boot", ""), cells.get("seq", "")
    if not boot and not seq:
        return None, None
    if not (boot and seq):
        raise _CellError("seq" if boot else "boot", "is empty; boot and seq come together, or neither")
    if not is_id(boot):
        raise _CellError("boot", f"'{boot}' is no id; use up to 64 of A-Z a-z 0-9 _ -")
    if not seq.isascii() or not seq.isdigit() or int(seq) < 1:
        raise _CellError("seq", f"'{seq}' is no sequence number; it counts from 1")
    return boot, int(seq)
