"""The curves of a fuse: the very values that the engine compares, with the bounds of its levels."""

from __future__ import annotations

from services.warning.fuses.trend import Bound, Panel, panels
from shared.vocabulary import Level
from tests.support.fuse_packs import TOWN, Story, at, book, columns, station

STAGE = """
- id: river
  hazard: 11B03
  source: 演示数据
  per: township
  metric: stage_m
  levels:
    yellow: [{value: latest, at_least: station.stage_warning_m}]
    red:    [{value: latest, at_least: 9}, {all: [{value: latest, at_least: 8}, {rise: 1h, at_least: 2}]}]
"""


def curve(panel: Panel, name: str) -> list[tuple[str | None, bool]]:
    return [(None if p.value is None else str(p.value), p.sure) for p in panel.lines[name]]


def test_a_sum_is_drawn_as_the_engine_sees_it() -> None:
    story = Story(book())
    story.every(5, "09:05", *[4.0] * 12)
    found = panels(story.book.fuses["rain", TOWN], story.world.series, [at("09:05"), at("10:00"), at("12:00")])
    assert [(panel.metric, panel.statistic, panel.window) for panel in found] == [("rain_mm", "sum", "1h")]
    assert [(b.level.value, b.bound, b.station) for b in found[0].bounds] == [
        ("red", 80, None),
        ("orange", 50, None),
        ("yellow", 30, None),
    ]
    # 4 mm in five minutes cannot be called less than 30 mm an hour yet; afterwards nothing is known
    assert curve(found[0], "A") == [("4.0", False), ("48.0", True), (None, False)]


def test_a_station_that_never_spoke_has_an_empty_curve() -> None:
    found = panels(book().fuses["rain", TOWN], {}, [at("10:00")])
    assert curve(found[0], "A") == [(None, False)]


def test_own_bounds_are_told_by_station_and_joint_ones_apart() -> None:
    gauges = [
        station(name, metrics=("stage_m",), columns=columns(stage_warning_m=warning))
        for name, warning in (("A", "5"), ("B", "6"), ("C", ""))
    ]
    story = Story(book(STAGE, *gauges))
    story.every(5, "09:00", 5.5, name="A", metric="stage_m")
    story.every(5, "09:00", 7.5, name="B", metric="stage_m")
    value, rise = panels(story.book.fuses["river", TOWN], story.world.series, [at("09:00")])
    assert (value.statistic, rise.statistic) == ("value", "rise")
    assert value.bounds == [
        Bound(Level.RED, 9, True, False, None),
        Bound(Level.RED, 8, True, True, None),
        Bound(Level.YELLOW, 5, True, False, "A"),
        Bound(Level.YELLOW, 6, True, False, "B"),
    ]
    assert [(bound.joint, bound.bound) for bound in rise.bounds] == [(True, 2)]
    assert list(value.lines) == ["B", "A", "C"]  # the highest first
    assert curve(rise, "A") == [(None, False)]
