"""作用范围 Which fuses a rule makes, their ids, and whose stations they look at."""

from __future__ import annotations

from typing import Any

import pytest

from services.warning.fuses.book import Book
from services.warning.fuses.rules import read_rules
from services.warning.fuses.scopes import scopes_of
from shared.pack.model import Pack, Site, Unit
from tests.support.fuse_packs import DISTRICT, OTHER_TOWN, RAIN, TOWN, book, columns, pack, station

VILLAGE = TOWN + "201"


def unit(name: str, industry: str, region: str) -> Unit:
    return Unit(
        unit_id=name, name=name, industry=industry, region=region, lat=None, lon=None,
        people_day=1, people_night=0, people_holiday=0, boarders=0, post=None,
    )  # fmt: skip


PLACES: dict[str, Any] = {
    "units": {
        u.unit_id: u
        for u in (unit("U1", "mine", VILLAGE), unit("U2", "mine", TOWN), unit("U3", "school", OTHER_TOWN))
    },
    "sites": {
        "P1": Site(
            site_id="P1", name="后山", kind="danger_point", region=VILLAGE, lat=None, lon=None, households=3, people=9,
            post=None,
        )
    },
}  # fmt: skip
GAUGES = (
    station("A", VILLAGE),
    station("B", TOWN),
    station("C", OTHER_TOWN, serves=("P1", f"school@{OTHER_TOWN}")),
    station("S", TOWN, metrics=("stage_m",), columns=columns(), serves=(TOWN,)),
)


def found(per: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    held: Pack = pack(RAIN.replace("per: township", f"per: {per}"), *GAUGES, **PLACES)
    (rule,), problems = read_rules(held)
    assert not problems
    return {scope.id: (scope.region, scope.stations) for scope in scopes_of(rule, held)}


@pytest.mark.parametrize(
    ("per", "scopes"),
    [
        ("district", {DISTRICT: (DISTRICT, ("A", "B", "C"))}),
        # S serves the township, but measures no rain: those in the region count
        ("township", {TOWN: (TOWN, ("A", "B")), OTHER_TOWN: (OTHER_TOWN, ("C",))}),
        ("village", {VILLAGE: (VILLAGE, ("A",))}),
        ("industry", {f"mine@{TOWN}": (TOWN, ("A", "B")), f"school@{OTHER_TOWN}": (OTHER_TOWN, ("C",))}),
        ("unit", {"U1": (VILLAGE, ("A",)), "U2": (TOWN, ("A", "B")), "U3": (OTHER_TOWN, ("C",))}),
        ("site", {"P1": (VILLAGE, ("C",))}),  # C serves it
        ("station", {"A": (VILLAGE, ("A",)), "B": (TOWN, ("B",)), "C": (OTHER_TOWN, ("C",))}),
    ],
)
def test_scopes(per: str, scopes: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    assert found(per) == scopes


def test_the_book_knows_which_fuses_a_reading_concerns_and_how_far_back_it_must_reach() -> None:
    near = RAIN + "  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}\n"
    made: Book = book(near, *GAUGES, **PLACES)
    assert made.by_reading["A", "rain_mm"] == (("rain", TOWN),)
    assert made.near_reading["C", "rain_mm"] == (("rain", TOWN),)  # only as a neighbour of A and B
    assert ("S", "stage_m") not in made.by_reading
    day = 86_400 * 1_000_000
    assert made.memory_us["A", "rain_mm"] == 7 * day + 3_600 * 1_000_000


def test_a_scope_without_a_station_is_a_fuse_all_the_same() -> None:
    made = book(RAIN, station("A", TOWN))
    assert made.fuses["rain", OTHER_TOWN].gauges == {}
