"""权限表: which orders, on what, in which state, for a confirmed, unverified or unconfirmed level."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.dispatch.orders.authority import Trigger, claims, footprint, mark_of, orders_now, place
from services.dispatch.orders.events import Join
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.holds import holds_of
from services.dispatch.orders.model import Claim, Order, OrderState
from services.dispatch.orders.order import step
from shared.pack.model import (
    AuthorityRow,
    District,
    Hazard,
    Household,
    MeasureRow,
    Pack,
    Region,
    Site,
    Station,
    Unit,
)
from shared.vocabulary import Level, Measure, RegionLevel, Verification

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)  # 11:07 in Chongqing
RAIN, WIND = "11B03", "11B06"


def region(code: str, level: RegionLevel, parent: str | None) -> Region:
    return Region(code=code, name=code, parent=parent, level=level, lat=None, lon=None, population=None)


def unit(unit_id: str, industry: str, where: str) -> Unit:
    return Unit(
        unit_id=unit_id,
        name=unit_id,
        industry=industry,
        region=where,
        lat=None,
        lon=None,
        people_day=100,
        people_night=20,
        people_holiday=0,
        boarders=30,
        post=None,
    )


def site(site_id: str, kind: str, where: str) -> Site:
    return Site(
        site_id=site_id, name=site_id, kind=kind, region=where, lat=None, lon=None, households=1, people=4, post=None
    )


def measure(
    scope_kind: str, level: Level, kind: Measure, industry: str | None = None, wording: str = "", hazard: str = RAIN
) -> MeasureRow:
    return MeasureRow(
        scope_kind=scope_kind,
        industry=industry,
        hazard=hazard,
        level=level,
        kind=kind,
        wording_zh=wording or f"{scope_kind} {kind}",
        wording_en="…",
        basis="演示数据",
        exemptions=None,
    )


def authority(scope_kind: str, kind: Measure, level: Level, beforehand: bool, hazard: str = "*") -> AuthorityRow:
    return AuthorityRow(
        hazard=hazard,
        kind=kind,
        scope_kind=scope_kind,
        level=level,
        headquarters="防指",
        signer="head",
        deputies=("deputy",),
        minutes=5,
        preauthorised_by="warden" if beforehand else None,
        preauthorised_until="2026-10-31" if beforehand else None,
        lifter="lifter",
        on_expiry="next_signer",
    )


MEASURES = (
    measure("region", Level.ORANGE, Measure.BAN),
    measure("region", Level.RED, Measure.BAN, wording="region ban red"),
    measure("industry", Level.RED, Measure.STOP, industry="school"),
    measure("unit", Level.ORANGE, Measure.STOP, industry="mine"),
    measure("site", Level.ORANGE, Measure.EVACUATE, wording="老弱先撤"),
    measure("site", Level.RED, Measure.EVACUATE, wording="全部撤离"),
    measure("region", Level.RED, Measure.BAN, hazard=WIND),
)
AUTHORITY = (
    authority("region", Measure.BAN, Level.ORANGE, beforehand=True),
    authority("region", Measure.BAN, Level.RED, beforehand=False),
    authority("industry", Measure.STOP, Level.RED, beforehand=False),
    authority("unit", Measure.STOP, Level.ORANGE, beforehand=True),
    authority("site", Measure.EVACUATE, Level.ORANGE, beforehand=True),
    authority("site", Measure.EVACUATE, Level.RED, beforehand=True),
)
PACK = Pack(
    version="sha256:test",
    district=District(
        code="d",
        name_zh="d",
        name_en="d",
        timezone="Asia/Shanghai",
        sender="s",
        status="Exercise",
        max_lateness_s=1,
    ),
    hazards={RAIN: Hazard(code=RAIN, name_zh="暴雨", name_en="rain", family="flood")},
    regions={
        r.code: r
        for r in (
            region("d", RegionLevel.DISTRICT, None),
            region("t1", RegionLevel.TOWNSHIP, "d"),
            region("t2", RegionLevel.TOWNSHIP, "d"),
            region("v1", RegionLevel.VILLAGE, "t1"),
        )
    },
    units={u.unit_id: u for u in (unit("s1", "school", "v1"), unit("s2", "school", "t2"), unit("m1", "mine", "t1"))},
    sites={s.site_id: s for s in (site("dp1", "danger_point", "v1"), site("br1", "bridge", "v1"))},
    households={
        "H1": Household(
            household_id="H1",
            site="dp1",
            group=None,
            people=4,
            vulnerable=1,
            responsible_post=None,
            shelter=None,
            approved_route=None,
        )
    },
    measures=MEASURES,
    authority=AUTHORITY,
)


def trigger(
    level: Level,
    verification: Verification = Verification.CONFIRMED,
    confirmed: Level | None = None,
    scope: str = "t1",
    trip: str = "rainstorm/t1/1",
    n: int = 1,
) -> Trigger:
    return Trigger(
        trip_id=trip,
        n=n,
        hazard=RAIN,
        scope=scope,
        level=level,
        confirmed_level=level if confirmed is None else confirmed,
        verification=verification,
    )


def short(found: tuple[Claim, ...]) -> set[tuple[str, str, str, tuple[str, ...], bool]]:
    return {(c.scope_kind, c.kind, c.level, tuple(u.unit_id for u in c.units), c.in_force) for c in found}


def ordered(pack: Pack, *triggers: Trigger) -> list[Order]:
    """What a run of triggers leaves behind, as the service does it."""
    orders: dict[str, Order] = {}
    for each in triggers:
        for claim in claims(pack, each, NOW):
            placement = place(claim, orders.values())
            for order_id, part in placement.joins:
                orders[order_id] = step(orders[order_id], Join(claim=part), NOW).order
            if placement.opening:
                order_id = f"O-{len(orders) + 1:04}"
                orders[order_id] = open_order(placement.opening, order_id, "I-1", NOW).order
    return list(orders.values())


def test_a_confirmed_red_orders_what_the_tables_say() -> None:
    assert short(claims(PACK, trigger(Level.RED), NOW)) == {
        # the red ban waits for its signer; the orange one was allowed beforehand and binds meanwhile
        ("region", "ban", "orange", ("t1",), True),
        ("region", "ban", "red", ("t1",), False),
        ("industry", "stop", "red", ("s1",), False),
        ("unit", "stop", "orange", ("m1",), True),
        ("site", "evacuate", "red", ("dp1", "br1"), True),
    }


def test_an_unconfirmed_red_orders_only_what_is_confirmed_without_it() -> None:
    assert claims(PACK, trigger(Level.RED, Verification.UNCONFIRMED, Level.NORMAL), NOW) == ()
    found = claims(PACK, trigger(Level.RED, Verification.UNCONFIRMED, Level.ORANGE), NOW)
    assert {claim.level for claim in found} == {Level.ORANGE}


def test_an_unverified_red_empties_listed_danger_points_and_nothing_else() -> None:
    found = claims(PACK, trigger(Level.RED, Verification.UNVERIFIED, Level.NORMAL), NOW)
    assert short(found) == {("site", "evacuate", "red", ("dp1",), True)}


def test_a_refuted_level_orders_nothing() -> None:
    assert claims(PACK, trigger(Level.RED, Verification.REFUTED, Level.NORMAL), NOW) == ()


@pytest.mark.parametrize(
    ("scope", "units"),
    [
        ("school@t1", {"s1"}),
        ("school@d", {"s1", "s2"}),
        ("m1", {"m1"}),
        ("dp1", {"dp1"}),
        ("d", {"t1", "t2", "s1", "s2", "m1", "dp1", "br1"}),
        ("nowhere", set()),
    ],
)
def test_a_scope_binds_what_lies_in_it(scope: str, units: set[str]) -> None:
    found = claims(PACK, trigger(Level.RED, scope=scope), NOW)
    assert {ref.unit_id for claim in found for ref in claim.units} == units


def test_a_station_stands_for_what_it_serves() -> None:
    gauge = Station(
        station_id="g1",
        name="g1",
        category="stage",
        region="t2",
        lat=None,
        lon=None,
        metrics=(),
        interval_s=300,
        report_s=300,
        serves=("v1", "s2"),
    )
    ground = footprint(replace(PACK, stations={"g1": gauge}), "g1")
    assert ground.regions == ("v1",)
    assert {u.unit_id for u in ground.units} == {"s1", "s2"}
    alone = footprint(replace(PACK, stations={"g1": replace(gauge, serves=())}), "g1")
    assert alone.regions == ("t2",)


def test_a_notice_names_its_areas() -> None:
    found = claims(PACK, replace(trigger(Level.RED, scope="notice-7"), areas=("t1", "t2")), NOW)
    stop = next(claim for claim in found if claim.scope_kind == "industry")
    assert [ref.unit_id for ref in stop.units] == ["s1", "s2"]


def test_an_authorisation_ends_with_its_last_day() -> None:
    last_hour = datetime(2026, 10, 31, 15, 59, tzinfo=UTC)  # 23:59 in Chongqing
    after = datetime(2026, 10, 31, 16, 1, tzinfo=UTC)
    assert any(claim.in_force for claim in claims(PACK, trigger(Level.RED), last_hour))
    assert not any(claim.in_force for claim in claims(PACK, trigger(Level.RED), after))


def test_no_authority_for_the_level_borrows_from_above_and_never_from_below() -> None:
    below = tuple(row for row in AUTHORITY if not (row.kind is Measure.STOP and row.scope_kind == "industry"))
    stop = measure("industry", Level.ORANGE, Measure.STOP, industry="school")
    above = replace(PACK, measures=(stop,))
    assert claims(above, trigger(Level.ORANGE), NOW)[0].authority is not None
    none = replace(PACK, measures=(replace(stop, level=Level.RED),), authority=below)
    claim = claims(none, trigger(Level.RED), NOW)[0]
    assert (claim.authority, claim.in_force) == (None, False)


def test_the_hazards_own_row_comes_before_the_one_for_all() -> None:
    own = replace(authority("industry", Measure.STOP, Level.RED, beforehand=False, hazard=RAIN), signer="education")
    found = claims(replace(PACK, authority=(*AUTHORITY, own)), trigger(Level.RED), NOW)
    stop = next(claim for claim in found if claim.scope_kind == "industry")
    assert stop.authority is not None
    assert stop.authority.signers == ("education", "deputy")


def test_people_are_counted_by_the_hour() -> None:
    night = datetime(2026, 6, 28, 19, 7, tzinfo=UTC)
    by_hour = [
        next(c for c in claims(PACK, trigger(Level.RED), at) if c.scope_kind == "industry").units[0].expected
        for at in (NOW, night)
    ]
    assert by_hour == [100, 30]


# --- one order per measures row and trip scope ---------------------------------------------------------------


def states(orders: list[Order]) -> set[tuple[str, str, str, str]]:
    return {(order.scope_kind, order.kind, order.level, order.state) for order in orders}


def test_rising_step_by_step_and_at_once_end_alike() -> None:
    wanted = {
        ("region", "ban", "orange", "in_force"),
        ("industry", "stop", "red", "awaiting_signature"),
        ("unit", "stop", "orange", "in_force"),
        ("site", "evacuate", "red", "in_force"),
    }
    at_once = ordered(PACK, trigger(Level.RED))
    by_steps = ordered(PACK, trigger(Level.ORANGE), trigger(Level.RED, n=2))
    assert states(at_once) == states(by_steps) == wanted
    ban = next(order for order in at_once if order.kind is Measure.BAN)
    assert ban.raise_to is not None
    assert ban.next_signer == "head"


def test_another_trip_on_the_same_scope_joins() -> None:
    orders = ordered(PACK, trigger(Level.RED), trigger(Level.RED, trip="river_stage/t1/1"))
    assert len(orders) == 4
    assert all(order.trip_ids == ("rainstorm/t1/1", "river_stage/t1/1") for order in orders)


def test_a_narrower_trip_joins_what_binds_its_unit_already() -> None:
    orders = ordered(PACK, trigger(Level.RED), trigger(Level.RED, scope="dp1", trip="slope/dp1/1"))
    assert len(orders) == 4
    assert [order.trip_ids[-1] for order in orders if order.kind is Measure.EVACUATE] == ["slope/dp1/1"]


def test_a_village_joins_the_orders_of_its_township() -> None:
    orders = ordered(PACK, trigger(Level.RED), trigger(Level.RED, scope="v1", trip="flash_flood/v1/1"))
    joined = {(order.scope_kind, order.kind): "flash_flood/v1/1" in order.trip_ids for order in orders}
    assert joined == {
        ("region", "ban"): True,
        ("industry", "stop"): True,
        ("unit", "stop"): False,  # the mine lies elsewhere in the township
        ("site", "evacuate"): True,
    }
    assert len(orders) == 4


def test_a_wider_trip_orders_what_the_narrower_left_out() -> None:
    orders = ordered(PACK, trigger(Level.RED, scope="dp1", trip="slope/dp1/1"), trigger(Level.RED))
    evacuations = [[unit.unit_id for unit in o.units] for o in orders if o.kind is Measure.EVACUATE]
    assert evacuations == [["dp1"], ["br1"]]


def test_rows_that_differ_in_wording_are_orders_apart() -> None:
    both = (measure("region", Level.RED, Measure.BAN), measure("region", Level.RED, Measure.BAN, wording="禁止返回"))
    orders = ordered(replace(PACK, measures=both), trigger(Level.RED))
    assert sorted(order.wording_zh for order in orders) == ["region ban", "禁止返回"]


def test_a_confirmed_trip_takes_force_where_an_unverified_one_left_off() -> None:
    orders = ordered(PACK, trigger(Level.RED, Verification.UNVERIFIED, Level.NORMAL), trigger(Level.RED, n=2))
    evacuate = next(order for order in orders if order.kind is Measure.EVACUATE)
    assert {u.unit_id: u.state for u in evacuate.units} == dict.fromkeys(("dp1", "br1"), OrderState.IN_FORCE)


# --- when a transition orders --------------------------------------------------------------------------------


def test_only_a_rise_orders() -> None:
    red = trigger(Level.RED)
    assert orders_now(None, red)
    assert not orders_now(mark_of(red), trigger(Level.RED, n=2))
    assert not orders_now(mark_of(red), trigger(Level.ORANGE, n=2))
    assert orders_now(mark_of(trigger(Level.ORANGE)), trigger(Level.RED, n=2))
    doubtful = trigger(Level.RED, Verification.UNCONFIRMED, Level.ORANGE)
    unverified = trigger(Level.RED, Verification.UNVERIFIED, Level.ORANGE, n=2)
    assert orders_now(None, doubtful)
    assert orders_now(mark_of(doubtful), unverified)
    assert not orders_now(mark_of(unverified), replace(unverified, n=3))
    assert orders_now(mark_of(unverified), trigger(Level.RED, n=3))
    refuted = trigger(Level.ORANGE, Verification.REFUTED, Level.ORANGE, n=3)
    assert not orders_now(mark_of(unverified), refuted)
    assert not orders_now(None, trigger(Level.NORMAL))


# --- holds ---------------------------------------------------------------------------------------------------


def test_holds_name_what_binds_and_are_answered_when_nothing_does() -> None:
    orders = ordered(PACK, trigger(Level.RED))
    report = holds_of("rainstorm/t1/1", 3, orders).as_dict()
    assert (report["trip_id"], report["n"]) == ("rainstorm/t1/1", 3)
    assert [(hold["kind"], hold["level"], hold["state"], hold["units"]) for hold in report["holds"]] == [
        ("ban", "orange", "in_force", ["t1"]),
        ("stop", "orange", "in_force", ["m1"]),
        ("evacuate", "red", "in_force", ["dp1", "br1"]),
    ]
    assert holds_of("other", 1, orders).as_dict() == {"trip_id": "other", "n": 1, "holds": []}
