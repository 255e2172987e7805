"""保障 Readiness for 3,000: what counts, what does not, what binds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.resources.readiness.readiness import Coefficient, Holding, Readiness, assess
from services.resources.stock.book import Condition, Lot, LotKey, Place, PlaceKind

NOW = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)
TODAY = date(2026, 6, 28)
WATER, RICE, NOODLES, QUILT, TENT, KIT = "1010201", "1010101", "1010102", "1020101", "1030101", "1040101"
W1 = Place(PlaceKind.WAREHOUSE, "WH1")
ROWS = (
    Coefficient(WATER, "饮用水", "L", "water", 3, source="Sphere"),
    Coefficient(RICE, "大米", "kg", "food", 0.6, (NOODLES,), "演示数据"),
    Coefficient(NOODLES, "方便面", "kg", "food", None),
    Coefficient(QUILT, "棉被", "床", "clothing", 1),
    Coefficient(TENT, "帐篷", "顶", "shelter", 0.25),
    Coefficient(KIT, "急救包", "个", "medical", 0.005),
)
PLENTY = {WATER: 27_000, RICE: 5_400, QUILT: 3_000, TENT: 750, KIT: 15}


def holding(
    item: str,
    quantity: int,
    *,
    expires: date | None = None,
    condition: Condition = Condition.GOOD,
    owner: str = "district",
    kind: str = "physical",
    place: Place = W1,
    reserved: int = 0,
    due_at: datetime | None = None,
) -> Holding:
    key = LotKey(item, f"L{quantity}", owner)
    return Holding(place, Lot(key, expires, condition, kind), quantity, reserved, due_at)


def run(*more: Holding, without: str | None = None, people: int = 3000, danger: str = "") -> Readiness:
    held = [holding(item, q) for item, q in PLENTY.items() if item != without]
    return assess(
        ROWS,
        [*held, *more],
        people=people,
        days=3,
        now=NOW,
        today=TODAY,
        ours=frozenset({"district"}),
        in_danger=frozenset({danger}),
    )


def test_exactly_enough_for_three_thousand() -> None:
    result = run()
    assert result.ready
    assert result.people_covered == 3000
    by_name = {g.guarantee: g for g in result.guarantees}
    assert list(by_name) == ["food", "clothing", "water", "shelter", "medical"]
    assert by_name["water"].need == 27_000
    assert by_name["food"].need == 5_400
    assert by_name["shelter"].need == 750
    assert by_name["medical"].need == 15
    assert by_name["water"].items[0].source == "Sphere"
    assert all(g.gap == 0 and g.state == "ready" for g in result.guarantees)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (holding(WATER, 9, expires=date(2026, 6, 27)), "expired"),
        (holding(WATER, 9, expires=date(2026, 6, 29)), "expires_within"),
        (holding(WATER, 9, condition=Condition.DAMAGED), "damaged"),
        (holding(WATER, 9, condition=Condition.UNKNOWN), "condition_unknown"),
        (holding(WATER, 9, owner="city"), "not_ours"),
        (holding(WATER, 9, reserved=9), "reserved"),
        (holding(WATER, 9, kind="agreement"), "lead_time_unknown"),
        (holding(WATER, 9, kind="agreement-24h"), "later_than_10h"),
        (holding(WATER, 9, kind="whatever"), "reserve_type_unknown"),
        (holding(WATER, 9, place=Place(PlaceKind.TRANSIT, "T1")), "lead_time_unknown"),
        (
            holding(WATER, 9, place=Place(PlaceKind.TRANSIT, "T1"), due_at=NOW + timedelta(hours=11)),
            "later_than_10h",
        ),
        (holding(WATER, 9, place=Place(PlaceKind.WAREHOUSE, "WET")), "in_danger"),
    ],
)
def test_what_is_not_known_or_not_ours_never_counts(row: Holding, why: str) -> None:
    result = run(row, without=WATER, danger="WET")
    water = next(g for g in result.guarantees if g.guarantee == "water").items[0]
    assert (water.usable, water.deliverable, water.gap) == (0, 0, 27_000)
    assert water.left_out == {why: 9}
    assert result.binding_item == WATER
    assert not result.ready


@pytest.mark.parametrize(
    "row",
    [
        holding(WATER, 9, kind="agreement-6h", place=Place(PlaceKind.AGREED, "WH1")),
        holding(WATER, 9, kind="协议-10h"),
        holding(WATER, 9, place=Place(PlaceKind.TRANSIT, "T1"), due_at=NOW + timedelta(hours=10)),
    ],
)
def test_what_can_be_here_within_ten_hours_is_deliverable_not_usable(row: Holding) -> None:
    water = next(g for g in run(row, without=WATER).guarantees if g.guarantee == "water")
    assert (water.usable, water.deliverable, water.gap) == (0, 9, 26_991)


def test_goods_of_others_are_shown_by_owner() -> None:
    water = next(g for g in run(holding(WATER, 5, owner="city")).guarantees if g.guarantee == "water")
    assert water.items[0].by_owner == {"city": 5, "district": 27_000}


def test_a_substitute_fills_the_gap_once() -> None:
    food = next(g for g in run(holding(NOODLES, 400), without=RICE).guarantees if g.guarantee == "food")
    assert food.items[0].substituted == 400
    assert food.gap == 5_000
    assert food.binding_item == RICE


def test_a_guarantee_without_a_coefficient_is_unknown_and_not_ready() -> None:
    result = assess(ROWS[:2], [], people=10, days=1, now=NOW, today=TODAY, ours=frozenset({"district"}))
    states = {g.guarantee: g.state for g in result.guarantees}
    assert states == {
        "food": "short",
        "clothing": "unknown",
        "water": "short",
        "shelter": "unknown",
        "medical": "unknown",
    }
    assert not result.ready
