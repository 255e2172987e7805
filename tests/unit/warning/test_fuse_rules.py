"""规则检查 What a rules file may say, and how each mistake is named."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from services.warning.fuses import quantity
from services.warning.fuses.rule import AllOf, Bound, Condition, Op, Per, Statistic, Then
from services.warning.fuses.rules import read_rules
from shared.vocabulary import Level
from tests.support.fuse_packs import columns, pack, station

FULL = """
- id: rainstorm
  title: {zh: 暴雨, en: Rainstorm}
  hazard: 11B03
  source: "CMA order 16 (2007)"
  per: township
  metric: rain_mm
  levels:
    blue:   [{sum: 12h, at_least: 50}]
    red:    [{sum: 3h,  at_least: 100}, {all: [{max: 1h, above: 20}, {metric: stage_m, rise: 1h30min, at_least: 0.5}]}]
  quorum: {count: 2, of: living, minimum: 3}
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  confirm_after: 3min
  coverage: 75%
  deadband: 2 mm
  hold: 60min
  latch: orange
  silence: {intervals: 3, above: red, then: raise}
"""
GAUGES = (station("A", metrics=("rain_mm", "stage_m"), columns=columns(stage_guarantee_m="7.5")),)


def test_every_field_is_read() -> None:
    (rule,), problems = read_rules(pack(FULL, *GAUGES))
    assert problems == []
    assert (rule.id, rule.title_zh, rule.title_en, rule.hazard) == ("rainstorm", "暴雨", "Rainstorm", "11B03")
    assert (rule.per, rule.metric, rule.metrics) == (Per.TOWNSHIP, "rain_mm", ("rain_mm", "stage_m"))
    assert rule.levels[Level.BLUE] == (
        Condition("rain_mm", Statistic.SUM, 43_200, "12h", Op.AT_LEAST, Bound(Decimal(50))),
    )
    assert rule.levels[Level.RED][1] == AllOf(
        (
            Condition("rain_mm", Statistic.MAX, 3_600, "1h", Op.ABOVE, Bound(Decimal(20))),
            Condition("stage_m", Statistic.RISE, 5_400, "1h30min", Op.AT_LEAST, Bound(Decimal("0.5"))),
        )
    )
    assert (rule.quorum.count, rule.quorum.minimum) == (2, 3)
    plausible = rule.plausible[Level.RED]
    assert (plausible.neighbours, plausible.radius_m, plausible.within_s) == (1, 15_000, 1_800)
    assert (rule.confirm_after_s, rule.coverage, rule.hold_s) == (180, Fraction(3, 4), 3_600)
    assert (rule.deadband.amount, rule.deadband.percent, rule.latch) == (Decimal(2), None, Level.ORANGE)
    assert (rule.silence.intervals, rule.silence.above, rule.silence.then) == (Fraction(3), Level.RED, Then.RAISE)
    assert rule.memory_s == 43_200


def test_defaults_are_those_of_the_contract() -> None:
    (rule,), problems = read_rules(pack())
    assert problems == []
    assert (rule.quorum.count, rule.quorum.minimum, rule.coverage) == (1, 1, Fraction(4, 5))
    assert (rule.deadband.percent, rule.deadband.amount, rule.hold_s, rule.latch) == (None, Decimal(0), 0, None)
    assert (rule.silence.intervals, rule.silence.above, rule.silence.then) == (Fraction(2), Level.ORANGE, Then.VERIFY)
    assert (rule.confirm_after_s, dict(rule.plausible)) == (300, {})


def test_the_version_is_of_what_the_rule_says_and_not_of_how_it_is_laid_out() -> None:
    (one,), _ = read_rules(pack(FULL, *GAUGES))
    (spaced,), _ = read_rules(pack("\n\n# moved\n" + FULL.replace("50}", "50.0 }"), *GAUGES))
    (other,), _ = read_rules(pack(FULL.replace("50}", "51}"), *GAUGES))
    assert one.version.startswith("sha256:")
    assert len(one.version) == 71
    assert one.version == spaced.version != other.version


BASE = {
    "id": "r",
    "hazard": "11B03",
    "per": "township",
    "metric": "rain_mm",
    "levels": "{red: [{sum: 1h, at_least: 30}]}",
}


def problems_of(**fields: str | None) -> list[str]:
    lines = {**BASE, **fields}
    text = "- " + "\n  ".join(f"{key}: {value}" for key, value in lines.items() if value is not None)
    _, problems = read_rules(pack(text, *GAUGES))
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("fields", "line", "says"),
    [
        ({"veto": "[{fuse: other, at_least: yellow}]"}, 6, "field 'veto': is not implemented in this version"),
        ({"arms": "[{fuse: other}]"}, 6, "field 'arms': is not implemented in this version"),
        ({"qurum": "{count: 1}"}, 6, "field 'qurum': is unknown; did you mean 'quorum'?"),
        ({"id": None}, 1, "the rule has no 'id'"),
        ({"levels": None}, 1, "the rule has no 'levels'"),
        ({"id": "a b"}, 1, "'a b' is no id"),
        ({"hazard": "11B99"}, 2, "'11B99' is unknown; did you mean '11B03'?"),
        ({"per": "villag"}, 3, "did you mean 'village'?"),
        ({"metric": "rain"}, 4, "'rain' is unknown; did you mean 'rain_mm'?"),
        ({"metric": "[rain_mm]"}, 4, "is unknown"),
        ({"levels": "{purple: [{sum: 1h, at_least: 3}]}"}, 5, "field 'purple': is unknown"),
        ({"levels": "{red: {sum: 1h, at_least: 3}}"}, 5, "must be a list of conditions"),
        ({"levels": "{red: []}"}, 5, "must be a list of conditions"),
        ({"levels": "{red: [{sum: 3hours, at_least: 3}]}"}, 5, "'3hours' is no window; write 10min, 3h, 1d"),
        ({"levels": "{red: [{sum: 1h, atleast: 3}]}"}, 5, "field 'atleast': is unknown; did you mean 'at_least'?"),
        ({"levels": "{red: [{sum: 1h}]}"}, 5, "a condition needs one of at_least"),
        ({"levels": "{red: [{sum: 1h, max: 1h, above: 3}]}"}, 5, "a condition needs one of sum"),
        ({"levels": "{red: [{sum: 1h, above: 3, below: 9}]}"}, 5, "a condition needs one of at_least"),
        ({"levels": "{red: [{value: now, above: 3}]}"}, 5, "write value: latest"),
        ({"levels": "{red: [{sum: 1h, above: lots}]}"}, 5, "'lots' is no bound"),
        ({"levels": "{red: [{value: latest, above: station.stage_garantee_m}]}"}, 5, "station.stage_guarantee_m"),
        ({"levels": "{red: [{metric: stage_m, sum: 1h, above: 3}]}"}, 5, "is of kind level and has no sum"),
        ({"levels": "{red: [{metric: bucket_mm, sum: 1h, above: 3}]}"}, 5, "no station in stations.csv measures"),
        ({"levels": "{red: [{forecast: 6h, above: 3}]}"}, 5, "conditions on a forecast are not implemented"),
        ({"levels": "{red: [{notice: rain, at_least: red}]}"}, 5, "conditions on a notice are not implemented"),
        ({"levels": "{red: [{all: [{sum: 1h, above: 3}], metric: rain_mm}]}"}, 5, "field 'all': stands alone"),
        ({"levels": "{red: [50]}"}, 5, "'50' is no condition"),
        ({"quorum": "{count: 0}"}, 6, "'0' is no count of stations"),
        ({"quorum": "{of: all}"}, 6, "this version counts only living"),
        ({"quorum": "2"}, 6, "must be a mapping such as {count: 2, of: living}"),
        ({"plausible": "{orange: {radius: 15km, within: 30min}}"}, 6, "'orange' is no level of this rule"),
        ({"plausible": "{red: {radius: 15, within: 30min}}"}, 6, "'15' is no distance; write 15km or 800m"),
        ({"plausible": "{red: {radius: 15km}}"}, 6, "is no duration; write 30min"),
        ({"confirm_after": "soon"}, 6, "'soon' is no duration"),
        ({"hold": "-5min"}, 6, "'-5min' is no duration"),
        ({"coverage": "0.8"}, 6, "'0.8' is no share; write 80%"),
        ({"coverage": "120%"}, 6, "is no share"),
        ({"latch": "scarlet"}, 6, "'scarlet' is unknown"),
        ({"latch": "normal"}, 6, "'normal' is unknown"),
        ({"silence": "{then: shout}"}, 6, "'shout' is unknown"),
        ({"silence": "{intervals: 0.5}"}, 6, "must be 1 or more report intervals"),
        ({"deadband": "-1"}, 6, "'-1' is no deadband; write 10%, or an amount in mm"),
        ({"deadband": "100%"}, 6, "leaves no way down"),
        ({"title": "Rain"}, 6, "needs both languages"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(fields: dict[str, str | None], line: int, says: str) -> None:
    found = problems_of(**fields)
    assert any(text.startswith(f"fuses/test.yaml:{line}: ") and says in text for text in found), found


@pytest.mark.parametrize(
    "condition", ["{value: latest, at_least: station.stage_guarantee_m}", "{metric: stage_m, max: 1h, at_least: 3}"]
)
def test_a_percentage_of_a_stage_is_refused(condition: str) -> None:
    (found,) = problems_of(levels=f"{{red: [{condition}]}}", deadband="10%")
    assert "a percentage does not fit" in found


def test_two_rules_may_not_share_an_id_and_a_file_must_be_a_list() -> None:
    twice = "- " + "\n  ".join(f"{k}: {v}" for k, v in BASE.items())
    _, problems = read_rules(pack(f"{twice}\n{twice}", *GAUGES))
    assert [str(p) for p in problems] == [
        "fuses/test.yaml:6: field 'id': 'r' is already the rule at fuses/test.yaml:1; rename one"
    ]
    _, problems = read_rules(pack("id: r", *GAUGES))
    assert "begin each rule with '- id: …'" in str(problems[0])


def test_a_column_that_holds_no_number_is_refused() -> None:
    bad = station("A", metrics=("rain_mm", "stage_m"), columns=columns(stage_guarantee_m="high"))
    text = "- " + "\n  ".join(
        f"{k}: {v}" for k, v in (BASE | {"levels": "{red: [{max: 1h, above: station.stage_guarantee_m}]}"}).items()
    )
    _, problems = read_rules(pack(text, bad))
    assert "station.stage_guarantee_m is 'high' at station A; it must be a number or empty" in str(problems[0])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10min", 600), ("3h", 10_800), ("1d", 86_400), ("1h30min", 5_400), ("30s", 30), (0, 0), ("0min", 0)],
)
def test_durations(text: object, seconds: int) -> None:
    assert quantity.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "10", "10m", "1.5h", "30min1h", "-1h", 5, True, None, "99999d"])
def test_no_durations(text: object) -> None:
    assert quantity.duration_s(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("station.stage_guarantee_m", ("stage_guarantee_m", Decimal(0))),
        ("station.stage_guarantee_m+0.5", ("stage_guarantee_m", Decimal("0.5"))),
        ("station.stage_guarantee_m - 1", ("stage_guarantee_m", Decimal(-1))),
        ("stage_guarantee_m", None),
        ("station.x*2", None),
        (3, None),
    ],
)
def test_station_columns(text: object, found: object) -> None:
    assert quantity.station_column(text) == found
