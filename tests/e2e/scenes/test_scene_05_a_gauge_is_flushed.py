"""场景五 维护人员冲洗雨量筒。

A gauge is flushed. Seen: unconfirmed, people go and look, no school, no loudspeaker. Corrections come later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.scenes.stage import Stage

ZHUOSHUI = "500114112"


def test_one_gauge_alone_stops_no_school(begin: Callable[..., Stage]) -> None:
    day = begin("10:00")
    day.at("10:01").gauges("rain-zs-01").rain(mm=102)
    day.at("10:04")
    (trip,) = [t for t in day.officer.get("/v1/trips")["items"] if t["fuse"] == "rainstorm"]
    assert trip["verification"] == "unconfirmed"
    assert not [o for o in day.officer.orders() if o["level"] == "red"]
    assert day.phone("zs-hydro").rang >= 1, "the verifier goes and looks"


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for correction calls to exactly those reached")
def test_those_reached_are_called_again(begin: Callable[..., Stage]) -> None:
    day = begin("10:00")
    day.at("10:01").gauges("rain-zs-01").rain(mm=102)
    day.at("10:04").officer.says_of_trip("refute", f"rainstorm/{ZHUOSHUI}/1", "演示人员041", "冲洗雨量筒")
    day.at("10:10")
    assert any("更正" in said for said in day.phone("zs-hydro").heard)
