"""场景六 14:00 晴天，上游电站来电放水。

Upstream release by telephone. Seen: a notice, read back, opens a case. Arrival per reach and siren come later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.scenes.stage import Stage

ZHUOSHUI = "500114112"


def test_a_release_read_back_opens_a_case(begin: Callable[..., Stage]) -> None:
    day = begin("13:59")
    notice = day.at("14:00").officer.types_notice(
        "reservoir_release", "red", "11A01", [ZHUOSHUI], "放水（演示数据）", issuer="咸丰电站", read_back_by="演示人员"
    )
    assert notice["read_back_by"] == "演示人员"
    day.at("14:03")
    assert day.phone("scenic-zs-01-committee").rang >= 1, "the scenic area is called"


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for arrival times per reach")
def test_each_reach_has_its_hour(begin: Callable[..., Stage]) -> None:
    day = begin("13:59")
    notice = day.officer.types_notice("reservoir_release", "red", "11A01", [ZHUOSHUI], "放水（演示数据）")
    assert "arrivals" in notice
