"""回放对神谕 The hand-made storms against the naive oracle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.property.oracle.check import differences
from tests.property.oracle.naive import replay
from tests.property.oracle.storms import METRICS, REGIONS, STORMS, Storm


@pytest.mark.parametrize("storm", STORMS, ids=lambda storm: storm.name)
def test_oracle_gives_what_the_text_demands(storm: Storm) -> None:
    records: list[dict[str, Any]] = replay(
        storm.rules, REGIONS, storm.stations, METRICS, storm.rows, storm.until_instant()
    )
    assert not differences(storm, records)
