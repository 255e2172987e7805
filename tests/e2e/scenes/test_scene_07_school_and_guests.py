"""场景七 16:50 放学时红色。

Red at pick-up time. Seen: hold and move up, never dismiss. Head count by class comes later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.scenes.stage import Stage

ZHUOSHUI = "500114112"


def test_pupils_are_held_and_never_dismissed(begin: Callable[..., Stage]) -> None:
    day = begin("16:49")
    day.at("16:50").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)
    day.at("16:52")
    school = [o for o in day.officer.orders(kind="stop") if any(u["unit_id"] == "school-zs-01" for u in o["units"])]
    assert school
    assert "不得放学" in str(school)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for head counts by class")
def test_each_class_is_counted(begin: Callable[..., Stage]) -> None:
    begin("16:49").officer.get("/v1/reports/classes")
