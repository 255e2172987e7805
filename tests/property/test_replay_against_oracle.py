"""回放对神谕 `fengsui replay` against storms written by hand from contract §5, and against a naive oracle of it.

The oracle (tests/property/oracle) was written from the contract's text without the engine; where the text leaves a
choice, its AMBIGUITIES.md says what was taken and what is not compared.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from tests.property.oracle.check import differences, disagreement
from tests.property.oracle.engine import engine_records
from tests.property.oracle.replay import replay
from tests.property.oracle.storm import METRICS, REGIONS, Storm
from tests.property.oracle.storms import STORMS
from tests.property.oracle.weather import storms

by_storm = pytest.mark.parametrize("storm", STORMS, ids=lambda storm: storm.name)
# the storms are small; shrinking them would take minutes
random_storms = settings(phases=[Phase.generate])


def oracle(storm: Storm) -> list[dict[str, Any]]:
    return replay(storm.rules, REGIONS, storm.stations, METRICS, storm.rows, storm.until_instant())


def engine(storm: Storm, folder: Path) -> list[dict[str, Any]]:
    return engine_records(folder, storm.rules, REGIONS, storm.stations, METRICS, storm.rows, storm.until_instant())


def compare(storm: Storm, *, late: bool = False) -> None:
    with TemporaryDirectory() as folder:
        found = disagreement(oracle(storm), engine(storm, Path(folder)), late=late)
    assert not found, found


@by_storm
def test_oracle_gives_what_the_text_demands(storm: Storm) -> None:
    assert not differences(storm, oracle(storm))


@by_storm
def test_engine_gives_what_the_text_demands(storm: Storm, tmp_path: Path) -> None:
    assert not differences(storm, engine(storm, tmp_path))


@given(storms())
@random_storms
def test_random_storms_in_time(storm: Storm) -> None:
    compare(storm)


@given(storms(lag=True))
@random_storms
def test_random_storms_on_slow_links(storm: Storm) -> None:
    compare(storm, late=True)


@given(storms(lag=True, late=True))
@random_storms
def test_random_storms_with_late_facts(storm: Storm) -> None:
    compare(storm, late=True)
