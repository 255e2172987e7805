"""场景一 17:20 气象台的六小时预报是一张纸。

17:20 the forecast arrives on paper. Seen: it opens the same case as a trip. The dusk card comes later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.scenes.stage import Stage

ZHUOSHUI = "500114112"


def test_a_paper_and_a_gauge_are_one_case(begin: Callable[..., Stage]) -> None:
    day = begin("17:19")
    day.at("17:20").officer.types_notice("signal", "orange", "11B03", [ZHUOSHUI], "六小时预报（演示数据）", number="1")
    day.at("17:22").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)
    day.at("17:24")
    assert [case["case_id"] for case in day.officer.cases()] == ["C-0001"]


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for forecasts and the dusk card")
def test_the_dusk_card_names_the_vulnerable(begin: Callable[..., Stage]) -> None:
    begin("17:20").officer.get("/v1/incidents/I-0001/cards")
