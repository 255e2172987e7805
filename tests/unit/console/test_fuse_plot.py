"""The drawings of a fuse: what is not known is a gap, not sure is faint; a far bound presses nothing flat."""

from __future__ import annotations

from typing import Any

from console.fuse.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plots_of

TIMES = [f"2024-06-27T1{hour}:00:00Z" for hour in range(4)]


def panel(points: list[Any], *bounds: float, statistic: str = "sum", window: str = "3h") -> dict[str, Any]:
    told = [[at, *point] for at, point in zip(TIMES, points, strict=True)]
    levels = zip(("blue", "yellow", "orange", "red"), bounds, strict=False)
    made = [
        {"level": level, "bound": bound, "upward": True, "joint": False, "station": None} for level, bound in levels
    ]
    lines = [{"station": "s", "name": "甲站", "points": told}]
    about = {"metric": "rain_mm", "unit": "mm", "statistic": statistic, "window": window}
    return {**about, "bounds": made, "lines": lines}


def drawn(*panels: dict[str, Any], because: tuple[Any, ...] = ()) -> Any:
    return plots_of({"from": TIMES[0], "to": TIMES[-1], "panels": list(panels)}, because)


def test_a_gap_is_a_gap_and_what_is_not_sure_is_faint() -> None:
    (plot,) = drawn(panel([(10, True), (20, True), (None, False), (30, False)], 50))
    curve = plot.curves[0]
    assert curve.paths.count("M") == 1
    assert curve.faint == ""  # one point after a gap joins nothing
    assert (curve.latest, curve.latest_at, curve.highest) == ("30", TIMES[3], "30")
    (plot,) = drawn(panel([(10, True), (20, False), (25, False), (30, True)], 50))
    assert (plot.curves[0].paths, plot.curves[0].faint.count("M")) == ("", 3)


def test_a_curve_of_nothing_says_so() -> None:
    (plot,) = drawn(panel([(None, False)] * 4, 50))
    assert plot.empty
    assert plot.curves[0].latest == "—"
    assert {value for _, values in plot.table for value in values} == {"—"}


def test_the_first_bound_above_is_seen_and_one_far_above_is_not() -> None:
    (plot,) = drawn(panel([(0, True), (10, True), (20, True), (40, True)], 50, 100, 500))
    assert [(rule.level, rule.value) for rule in plot.rules] == [("blue", "50")]
    (plot,) = drawn(panel([(0, True), (10, True), (60, True), (110, True)], 50, 100, 120))
    assert [rule.value for rule in plot.rules] == ["50", "100", "120"]
    assert all(TOP <= rule.y <= HEIGHT - BOTTOM for rule in plot.rules)


def test_a_stage_is_drawn_about_its_bounds_and_not_from_zero() -> None:
    (plot,) = drawn(panel([(431.0, True), (431.5, True), (432.0, True), (433.4, True)], 432.3, 433.3, 434.3))
    assert float(plot.values[0][1]) > 430
    assert plot.curves[0].end is not None
    assert plot.curves[0].end[0] == WIDTH - RIGHT
    assert [label for _, label in plot.times] == ["18:00", "19:00", "20:00", "21:00"]
    assert plot.times[0][0] == LEFT


def test_what_the_fuse_rests_on_comes_first() -> None:
    points = [(1, True)] * 4
    plots = drawn(
        panel(points, 5, window="1h"),
        panel(points, 5, window="3h"),
        because=({"statistic": "sum", "window": "3h"},),
    )
    assert [(plot.window, plot.deciding) for plot in plots] == [("3h", True), ("1h", False)]
