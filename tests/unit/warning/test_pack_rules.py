"""样例包的阈值 Each threshold row of the sample pack trips exactly at its bound and not just below it, steps down
with its deadband and hold, and its silence is told.

The expectation is added up from the rule's text by the few lines below, never by the engine.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
import yaml

from services.warning.fuses.book import Book
from services.warning.fuses.rules import read_rules
from services.warning.fuses.state import Transition
from services.warning.readings.instant import SECOND, parse_rfc3339, rfc3339
from services.warning.readings.validate import Incoming
from services.warning.replay.replay import replay
from services.warning.replay.service import NEEDED
from shared.pack.load import load_pack
from shared.pack.model import Pack
from tests.support.packs import sample_pack_dir

LEVELS = ("normal", "blue", "yellow", "orange", "red")
UNITS = {"min": 60, "h": 3600, "d": 86_400}
T = parse_rfc3339("2026-06-28T12:00:00Z") // SECOND
Series = list[tuple[int, Decimal]]  # seconds, value

QIANJIANG = sample_pack_dir()
RULES: dict[str, dict[str, Any]] = {
    rule["id"]: rule
    for file in sorted((QIANJIANG / "fuses").glob("*.yaml"))
    for rule in yaml.safe_load(file.read_text(encoding="utf-8"))
}
with (QIANJIANG / "stations.csv").open(encoding="utf-8", newline="") as table:
    STATIONS = list(csv.DictReader(table))


def seconds(text: str) -> int:
    return next(int(text.removesuffix(unit)) * UNITS[unit] for unit in UNITS if text.endswith(unit))


@dataclass(frozen=True)
class Leaf:
    """One condition at the station of the test."""

    statistic: str
    window_s: int
    bound: Decimal


@dataclass(frozen=True)
class Case:
    """A rule at one station."""

    rule: dict[str, Any]
    station: dict[str, str]

    @property
    def interval(self) -> int:
        return int(self.station["interval_s"])

    @property
    def step(self) -> Decimal:
        """What is just below."""
        return Decimal("0.1") if self.rule["metric"] == "rain_mm" else Decimal("0.01")

    def leaf(self, condition: dict[str, Any]) -> Leaf:
        statistic = next(iter(condition))
        text = str(condition["at_least"])
        column, _, more = text.removeprefix("station.").partition("+")
        bound = Decimal(self.station[column]) + Decimal(more or 0) if text.startswith("station.") else Decimal(text)
        return Leaf(statistic, 0 if statistic == "value" else seconds(condition[statistic]), bound)

    def groups(self, level: str) -> list[list[Leaf]]:
        """The any-of list of a level; each entry is what must hold together."""
        return [[self.leaf(c) for c in condition.get("all", [condition])] for condition in self.rule["levels"][level]]

    def deadband(self, leaf: Leaf) -> Decimal:
        text = str(self.rule.get("deadband", 0))
        return leaf.bound * Decimal(text[:-1]) / 100 if text.endswith("%") else Decimal(text)


def case(rule: str) -> Case:
    """The rule at the first station that measures its metric, and has the columns that it asks for."""
    asked = [f for f in ("stage_warning_m", "stage_guarantee_m") if f"station.{f}" in str(RULES[rule])]
    return next(
        Case(RULES[rule], row)
        for row in STATIONS
        if RULES[rule]["metric"] in row["metrics"].split(";") and all(row[column] for column in asked)
    )


# ---- the arithmetic of a condition, over a series without gaps


def value_of(leaf: Leaf, series: Series, t: int, interval: int) -> Decimal | None:
    inside = [(at, value) for at, value in series if t - max(leaf.window_s, interval) < at <= t]
    if not inside:
        return None
    values = [value for _, value in inside]
    if leaf.statistic in ("sum", "max", "value"):
        return sum(values, Decimal(0)) if leaf.statistic == "sum" else max(values)
    if inside[0][0] - (t - leaf.window_s) > interval:
        return None  # one end is missing
    return values[-1] - min(values) if leaf.statistic == "rise" else max(values) - values[-1]


def worst(at: Case, series: Series, t: int) -> str:
    def holds(leaf: Leaf) -> bool:
        value = value_of(leaf, series, t, at.interval)
        return value is not None and value >= leaf.bound

    true = [level for level in at.rule["levels"] for group in at.groups(level) if all(map(holds, group))]
    return max(true, key=LEVELS.index, default="normal")


# ---- the least series that reaches a bound


def evenly(total: Decimal, count: int) -> list[Decimal]:
    """``count`` values of two decimals that add up to ``total``, the greater ones first."""
    cents = int(total * 100)
    return [Decimal(cents // count + (i < cents % count)) / 100 for i in range(count)]


def reach(at: Case, leaf: Leaf, total: Decimal, end: int = T) -> Series:
    """Readings in (end − window, end] that give exactly ``total``, spread over all of the window."""
    count = max(1, leaf.window_s // at.interval)
    if leaf.statistic in ("value", "max"):
        return [(end, total)]
    times = [end - (count - 1 - i) * at.interval for i in range(count)]
    if leaf.statistic == "sum":
        return list(zip(times, evenly(total, count), strict=True))
    near_river = "station." in str(at.rule["levels"])
    base = Decimal(at.station["stage_warning_m"]) - 10 if near_river else Decimal(10)
    sign = 1 if leaf.statistic == "rise" else -1
    climbed = Decimal(0)
    out = [(times[0], base)]
    for t, part in zip(times[1:], evenly(total, count - 1) if count > 1 else [], strict=True):
        climbed += part
        out.append((t, base + sign * climbed))
    return out


def both(at: Case, group: list[Leaf], less: tuple[Decimal, Decimal]) -> Series:
    """Two sums that must hold together, each less by so much: the short one at the end of the long one."""
    short, long = sorted(group, key=lambda leaf: leaf.window_s)
    burst = short.bound - less[0]
    before = Leaf("sum", long.window_s - short.window_s, long.bound)
    return [
        *reach(at, before, long.bound - less[1] - burst, T - short.window_s),
        *reach(at, short, burst),
    ]


# ---- the engine


@pytest.fixture(scope="module")
def pack() -> Pack:
    found, problems = load_pack(QIANJIANG, NEEDED)
    assert found is not None, problems
    return found


@pytest.fixture(scope="module")
def books(pack: Pack) -> dict[str, Book]:
    rules, problems = read_rules(pack)
    assert not problems
    return {rule.id: one_scope(Book.of_rules(pack, [rule]), case(rule.id)) for rule in rules}


def one_scope(book: Book, at: Case) -> Book:
    """Only the first fuse over the station hears it."""
    key = (at.station["station_id"], at.rule["metric"])
    return replace(book, by_reading={key: book.by_reading[key][:1]}, near_reading={})


def told(book: Book, at: Case, series: Series, until: int) -> list[Transition]:
    """What one fuse over the station writes."""
    station, metric = at.station["station_id"], at.rule["metric"]
    readings = [
        Incoming(
            station_id=station,
            metric=metric,
            value=float(value),
            observed_us=t * SECOND,
            received_us=t * SECOND,
            ref=number,
        )
        for number, (t, value) in enumerate(series, 1)
    ]
    return replay(book, readings, until * SECOND)


def level_told(book: Book, at: Case, series: Series) -> str:
    records = told(book, at, series, T)
    return records[-1].to.value if records else "normal"


# ---- trips


def rows() -> Iterator[Any]:
    for rule in RULES:
        for level in RULES[rule]["levels"]:
            for number, group in enumerate(case(rule).groups(level)):
                name = "+".join(f"{leaf.statistic}-{leaf.window_s // 60}min" for leaf in group)
                yield pytest.param(rule, level, number, id=f"{rule}-{level}-{name}")


@pytest.mark.parametrize(("rule", "level", "number"), list(rows()))
def test_trips_at_its_bound_and_not_just_below(books: dict[str, Book], rule: str, level: str, number: int) -> None:
    at = case(rule)
    group = at.groups(level)[number]
    zero, step = Decimal(0), at.step
    if len(group) == 2:
        reached = both(at, group, (zero, zero))
        below = [both(at, group, (step, zero)), both(at, group, (zero, step))]
    else:
        reached = reach(at, group[0], group[0].bound)
        below = [reach(at, group[0], group[0].bound - step)]
    if group[0].statistic in ("rise", "fall") and group[0].window_s <= at.interval:
        assert worst(at, reached, T) == "normal"  # one reading in the window: it needs a station that measures oftener
        assert level_told(books[rule], at, reached) == "normal"
        return
    assert worst(at, reached, T) == level
    assert level_told(books[rule], at, reached) == level
    for series in below:
        assert LEVELS.index(worst(at, series, T)) < LEVELS.index(level)
        assert level_told(books[rule], at, series) == worst(at, series, T)


# ---- down


@pytest.mark.parametrize("rule", RULES)
def test_steps_down_only_beyond_its_deadband_and_after_its_hold(books: dict[str, Book], rule: str) -> None:
    at = case(rule)
    lowest = min(at.rule["levels"], key=LEVELS.index)
    leaves = [group[0] for group in at.groups(lowest)]
    leaf = next((leaf for leaf in leaves if leaf.statistic == "value"), max(leaves, key=lambda leaf: leaf.window_s))
    kept = leaf.bound - at.deadband(leaf)
    count = max(1, leaf.window_s // at.interval)
    longest = max(leaf.window_s for level in at.rule["levels"] for group in at.groups(level) for leaf in group)
    raised = reach(at, leaf, leaf.bound)
    if leaf.statistic == "sum":
        calm, edge, under = Decimal(0), kept / count, kept / count - at.step
        edges = count + 3
    elif leaf.statistic == "rise":
        calm = raised[0][1]
        raised = [(T, calm + leaf.bound)]  # at one go, so that the lowest stays in the window
        edge, under, edges = calm + kept, calm + kept - at.step, 3
    else:
        calm, edge, under = kept - 5 * at.step, kept, kept - at.step
        edges = 3 + leaf.window_s // at.interval
    start, hold = raised[0][0], seconds(at.rule["hold"])
    before = [(start - i * at.interval, calm) for i in range(longest // at.interval, 0, -1)]
    eased = [(T + i * at.interval, edge) for i in range(1, edges + 1)]
    after = [(eased[-1][0] + i * at.interval, under) for i in range(1, (leaf.window_s + hold) // at.interval + 3)]
    first_below = after[0][0]
    if leaf.statistic == "max":  # the last of them must leave the window
        first_below += leaf.window_s - at.interval
    records = told(books[rule], at, [*before, *raised, *eased, *after], after[-1][0])
    assert [(r.known_at, r.from_.value, r.to.value, r.reason.value) for r in records] == [
        (rfc3339(T * SECOND), "normal", lowest, "threshold"),
        (rfc3339((first_below + hold) * SECOND), lowest, "normal", "hold"),
    ]


# ---- silence


@pytest.mark.parametrize("rule", RULES)
def test_silence_while_high_is_told_at_its_time_and_below_it_is_blindness(books: dict[str, Book], rule: str) -> None:
    at = case(rule)
    silence = {"intervals": 2, "above": "orange", **at.rule.get("silence", {})}
    leaf = at.groups(silence["above"])[0][0]
    report = int(at.station["report_s"] or at.station["interval_s"])
    due = T + silence["intervals"] * report
    for total, expected in ((leaf.bound, ["silence", "blind"]), (leaf.bound - at.step, ["blind"])):
        records = told(books[rule], at, reach(at, leaf, total), due)
        assert [r.reason.value for r in records if r.reason.value in ("silence", "blind")] == expected
        assert {r.known_at for r in records if r.reason.value in expected} == {rfc3339(due * SECOND)}
        assert all(r.from_ is r.to for r in records if r.reason.value in expected)
