"""趋势图 The panels of a fuse as drawings: made here, so that they need no script, and beside each a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Any

from console.times import BEIJING, clock, figure, parse

WIDTH, HEIGHT = 760, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 108, 10, 22
RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1}
TICKS = 6
ROOM = 0.08  # of the height, above the highest
TABLE_ROWS = 13


@dataclass(frozen=True)
class Rule:
    """界限线: ``label`` says the level's number; ``joint`` only together with others"""

    level: str
    y: float
    value: str
    joint: bool
    station: str | None


@dataclass(frozen=True)
class Curve:
    """曲线: ``paths`` where the engine is sure, ``faint`` where it is not; a gap is a gap"""

    number: int
    name: str
    station: str
    paths: str
    faint: str
    end: tuple[float, float] | None
    latest: str
    latest_at: str | None
    highest: str


@dataclass(frozen=True)
class Plot:
    """图: one statistic over one window; ``deciding`` when the last word of the fuse rests on it"""

    metric: str
    unit: str
    statistic: str
    window: str
    deciding: bool
    rules: Sequence[Rule]
    curves: Sequence[Curve]
    times: Sequence[tuple[float, str]]
    values: Sequence[tuple[float, str]]
    table: Sequence[tuple[str, Sequence[str]]]

    @property
    def empty(self) -> bool:
        return all(curve.end is None for curve in self.curves)


def plots_of(trend: Mapping[str, Any], because: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """Those that the fuse rests on first."""
    deciding = {(why["statistic"], why["window"]) for why in because}
    start, end = parse(trend["from"]), parse(trend["to"])
    if start is None or end is None:
        return []
    made = [_plot(panel, start, end, deciding) for panel in trend["panels"]]
    return sorted(made, key=lambda plot: (not plot.deciding, plot.empty))


def _plot(panel: Mapping[str, Any], start: datetime, end: datetime, deciding: set[tuple[str, str]]) -> Plot:
    numbers = [p[1] for line in panel["lines"] for p in line["points"] if p[1] is not None]
    low, high = _range(numbers, [b["bound"] for b in panel["bounds"]])

    def x(at: str) -> float:
        then = parse(at) or start
        share = (then - start).total_seconds() / max(1.0, (end - start).total_seconds())
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    rules = [
        Rule(b["level"], y(b["bound"]), figure(b["bound"]), b["joint"], b["station"])
        for b in panel["bounds"]
        if low <= b["bound"] <= high
    ]
    curves = [_curve(number, line, x, y) for number, line in enumerate(panel["lines"], 1)]
    ticks = [at.isoformat() for at in _hours(start, end)]
    grid = _round(low, high)
    return Plot(
        panel["metric"],
        panel["unit"],
        panel["statistic"],
        panel["window"],
        (panel["statistic"], panel["window"]) in deciding,
        rules,
        curves,
        [(x(at), clock(at)[6:11]) for at in ticks],
        [(y(value), figure(value)) for value in grid],
        _table(panel["lines"]),
    )


def _hours(start: datetime, end: datetime) -> list[datetime]:
    """Whole hours of the district's clock, not too many."""
    hours = (end - start).total_seconds() / 3600
    step = next((step for step in (1, 2, 3, 4, 6, 12) if hours / step <= TICKS), 24)
    local = start + BEIJING
    first = local.replace(minute=0, second=0, microsecond=0, hour=local.hour - local.hour % step) - BEIJING
    found = [first + timedelta(hours=step * at) for at in range(TICKS + 2)]
    return [at for at in found if start <= at <= end]


def _round(low: float, high: float) -> list[float]:
    """Round numbers between, about four."""
    raw = (high - low) / 4
    unit = 10 ** floor(log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw)
    first = ceil(low / step)
    return [step * at for at in range(first, floor(high / step) + 1)]


def _range(numbers: Sequence[float], bounds: Sequence[float]) -> tuple[float, float]:
    """From the values to the first bound above them: a bound far above would press the curve flat."""
    high = max(numbers, default=0.0)
    above = sorted(bound for bound in bounds if bound >= high)
    high = max(high, above[0] if above else max(bounds, default=1.0))
    low = min([0.0, *numbers]) if not numbers or min(numbers) < high / 2 else min([*numbers, *bounds])
    room = (high - low or 1.0) * ROOM
    return (low if low == 0 else low - room), high + room


def _curve(number: int, line: Mapping[str, Any], x: Any, y: Any) -> Curve:
    sure: list[str] = []
    faint: list[str] = []
    before: tuple[float, float, bool] | None = None
    for at, value, is_sure in line["points"]:
        if value is None:
            before = None
            continue
        here = (x(at), y(value), bool(is_sure))
        if before is not None:
            part = f"M{before[0]} {before[1]}L{here[0]} {here[1]}"
            (sure if before[2] and here[2] else faint).append(part)
        before = here
    known = [(at, value) for at, value, _ in line["points"] if value is not None]
    last = known[-1] if known else None
    return Curve(
        number,
        str(line["name"]),
        str(line["station"]),
        "".join(sure),
        "".join(faint),
        (x(last[0]), y(last[1])) if last else None,
        figure(last[1]) if last else "—",
        last[0] if last else None,
        figure(max((value for _, value in known), default=None)),
    )


def _table(lines: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """The curves as numbers, newest first; what is not known says so."""
    if not lines:
        return []
    points = len(lines[0]["points"])
    step = max(1, points // TABLE_ROWS)
    rows = range(points - 1, -1, -step)
    return [(clock(lines[0]["points"][at][0])[:11], [figure(line["points"][at][1]) for line in lines]) for at in rows]
