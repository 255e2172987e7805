"""表格 One CSV file from bytes to rows of trimmed text, each with its line; and from there to typed values."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.pack.cells import TEXT_MAX, CellError, Parser
from shared.pack.located import Problem

CSV_BYTES_MAX = 64_000_000
ROWS_MAX = 200_000
COLUMNS_MAX = 100
PROBLEMS_MAX = 200


class Problems(list[Problem]):
    """问题集: keeps the first `PROBLEMS_MAX` and counts the rest, so that a wrong huge file stays cheap."""

    left_out: int = 0

    def add(self, file: str, line: int, message: str, field: str | None = None) -> None:
        self.append(Problem(file, line, message, field))

    def append(self, problem: Problem) -> None:
        if len(self) >= PROBLEMS_MAX:
            self.left_out += 1
        else:
            super().append(problem)


@dataclass(frozen=True)
class Column:
    """列: one column of the contract. An empty optional cell gives ``default``."""

    name: str
    parse: Parser
    required: bool = True
    default: Any = None


@dataclass(frozen=True)
class Spec:
    """表结构: the columns of one file, what makes a row unique, and how a row is built from its values."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    build: Callable[[dict[str, Any], Mapping[str, str]], Any]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Table:
    """文本表: header and rows as trimmed text; ``lines`` are where the rows begin, from 1."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Parsed:
    """已解析的行"""

    line: int
    value: Any
    cells: Mapping[str, str] = field(repr=False)


def decode(data: bytes, name: str, problems: Problems) -> str | None:
    """UTF-8 with or without BOM; what Excel writes by default is recognised and explained."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add(name, 1, "is UTF-16; save it as 'CSV UTF-8'")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            problems.add(name, line, "is not UTF-8; save it as 'CSV UTF-8'")
        else:
            problems.add(
                name,
                line,
                "is not UTF-8 but GBK, as spreadsheets save 'CSV'; save it as 'CSV UTF-8' (另存为 CSV UTF-8)",
            )
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.add(name, line, "holds a NUL character; save it again as 'CSV UTF-8'")
        return None
    return text


def read_table(data: bytes, name: str, problems: Problems) -> Table | None:
    """读表 The rows as text; None when the file as a whole cannot be used."""
    if len(data) > CSV_BYTES_MAX:
        problems.add(name, 1, f"is larger than {CSV_BYTES_MAX} bytes; split the district or remove columns")
        return None
    text = decode(data, name, problems)
    records = None if text is None else _records(text, name, problems)
    if records is None:
        return None
    if not records:
        problems.add(name, 1, "is empty; its first line must be the header")
        return None
    header = _without_empty_tail(records[0][1], 0)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for line, record in records[1:]:
        cells = _without_empty_tail(record, len(header))
        if len(cells) != len(header):
            what = f"has {len(cells)} cells where the header has {len(header)}"
            problems.add(name, line, f"{what}; quote cells that hold a comma")
            continue
        rows.append(tuple(cells))
        lines.append(line)
    return Table(tuple(header), tuple(rows), tuple(lines))


def _records(text: str, name: str, problems: Problems) -> list[tuple[int, list[str]]] | None:
    """The records that hold anything, trimmed, with the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    begun = 1
    try:
        for record in reader:
            line, begun = begun, reader.line_num + 1
            cells = [cell.strip() for cell in record]
            if any(cells):
                found.append((line, cells))
            if len(found) > ROWS_MAX + 1:
                problems.add(name, line, f"has more than {ROWS_MAX} rows; split the district")
                return None
    except csv.Error as error:
        problems.add(name, begun, f"is not CSV: {error}; close every quote and double a quote inside a cell")
        return None
    return found


def _without_empty_tail(cells: list[str], least: int) -> list[str]:
    """Spreadsheets leave commas behind deleted columns."""
    end = len(cells)
    while end > least and not cells[end - 1]:
        end -= 1
    return cells[:end]


def check_header(table: Table, spec: Spec, name: str, problems: Problems) -> bool:
    """Every column of the contract once; others are allowed and kept."""
    good = True
    if len(table.header) > COLUMNS_MAX:
        problems.add(name, 1, f"has {len(table.header)} columns; at most {COLUMNS_MAX} are taken")
        return False
    for at, column in enumerate(table.header):
        if not column:
            problems.add(name, 1, f"column {at + 1} has no name; name it or delete it")
            good = False
        elif column in table.header[:at]:
            problems.add(name, 1, f"column '{column}' appears twice; keep one", column)
            good = False
    missing = [column for column in spec.names if column not in table.header]
    if len(missing) == len(spec.names) and len(table.header) == 1:
        problems.add(name, 1, f"header is not separated by commas; it must be {','.join(spec.names)}")
        return False
    extra = [column for column in table.header if column not in spec.names]
    for column in missing:
        near = difflib.get_close_matches(column, extra, 1)
        hint = f"rename '{near[0]}'" if near else f"the header must have {','.join(spec.names)}"
        problems.add(name, 1, f"column '{column}' is missing; {hint}", column)
        good = False
    return good


def parse_rows(table: Table, spec: Spec, name: str, problems: Problems) -> list[Parsed]:
    """按列解析 The rows that are right in themselves; every wrong cell is a problem."""
    if not check_header(table, spec, name, problems):
        return []
    seen: dict[tuple[str, ...], int] = {}
    found: list[Parsed] = []
    for row, line in zip(table.rows, table.lines, strict=True):
        cells = dict(zip(table.header, row, strict=True))
        values = _parse_cells(cells, spec, name, line, problems)
        if values is None:
            continue
        key = tuple(cells[column] for column in spec.key)
        if key in seen:
            what = ", ".join(f"{column} '{cells[column]}'" for column in spec.key)
            problems.add(name, line, f"{what} was already given in line {seen[key]}; keep one of the two", spec.key[-1])
            continue
        seen[key] = line
        try:
            found.append(Parsed(line, spec.build(values, cells), cells))
        except CellError as error:
            problems.add(name, line, str(error), str(error).split(" ", 1)[0])
    return found


def _parse_cells(
    cells: Mapping[str, str], spec: Spec, name: str, line: int, problems: Problems
) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    good = True
    for column, cell in cells.items():
        if len(cell) > TEXT_MAX:
            problems.add(name, line, f"{column} has {len(cell)} characters; at most {TEXT_MAX} are taken", column)
            good = False
        elif any(ord(mark) < 32 and mark not in "\n\t" for mark in cell):
            problems.add(name, line, f"{column} holds a control character; type it again", column)
            good = False
    if not good:
        return None
    for wanted in spec.columns:
        cell = cells[wanted.name]
        if not cell:
            if wanted.required:
                problems.add(name, line, f"{wanted.name} is empty; every row needs it", wanted.name)
                good = False
            values[wanted.name] = wanted.default
            continue
        try:
            values[wanted.name] = wanted.parse(cell)
        except CellError as error:
            problems.add(name, line, f"{wanted.name} {error}", wanted.name)
            good = False
    return values if good else None
