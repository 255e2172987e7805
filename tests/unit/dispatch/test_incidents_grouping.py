"""事件归并: one family, touching in space, within six hours; officers merge and split."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.incidents.grouping import (
    ChangeReason,
    GroupReason,
    Incident,
    Member,
    group,
    merge,
    split,
    touches,
)
from services.dispatch.incidents.timeline import Entry, in_order, say_transition
from shared.pack.model import District, Pack, Region
from shared.vocabulary import Level, RegionLevel, Verification

NOW = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)


def region(
    code: str, level: RegionLevel, parent: str | None, lat: float | None = None, downstream: tuple[str, ...] = ()
) -> Region:
    return Region(
        code=code,
        name=code,
        parent=parent,
        level=level,
        lat=lat,
        lon=None if lat is None else 108.77,
        population=None,
        downstream=downstream,
    )


REGIONS = (
    region("d", RegionLevel.DISTRICT, None),
    region("t1", RegionLevel.TOWNSHIP, "d", 29.30),
    region("t2", RegionLevel.TOWNSHIP, "d", 29.40),  # 11 km from t1
    region("t3", RegionLevel.TOWNSHIP, "d", 29.90, downstream=("t4",)),
    region("t4", RegionLevel.TOWNSHIP, "d", 30.40, downstream=("v5",)),
    region("t5", RegionLevel.STREET, "d", 30.90),
    region("t6", RegionLevel.TOWNSHIP, "d"),  # its seat is not known
    region("v1", RegionLevel.VILLAGE, "t1"),
    region("v1b", RegionLevel.VILLAGE, "t1"),
    region("v5", RegionLevel.VILLAGE, "t5"),
)
PACK = Pack(
    version="sha256:test",
    district=District(
        code="d", name_zh="d", name_en="d", timezone="Asia/Shanghai", sender="s", status="Exercise", max_lateness_s=1
    ),
    regions={r.code: r for r in REGIONS},
)


def member(trip: str = "rain/t1/1", *areas: str, level: Level = Level.RED, at: datetime = NOW) -> Member:
    return Member(trip_id=trip, hazard="11B03", areas=areas or ("t1",), level=level, at=at)


def incident(number: int = 1, *members: Member, opened_at: datetime = NOW) -> Incident:
    return Incident(incident_id=f"I-{number:04}", family="flood", members=members or (member(),), opened_at=opened_at)


@pytest.mark.parametrize(
    ("a", "b", "touching"),
    [
        ("t1", "t1", True),
        ("v1", "t1", True),
        ("d", "v1", True),
        ("v1", "v1b", True),
        ("t1", "t2", True),  # neighbours
        ("v1", "t2", True),
        ("t1", "t3", False),
        ("t3", "t4", True),  # downstream
        ("t4", "t3", True),  # upstream
        ("t3", "t5", True),  # two reaches down, by way of a village
        ("t1", "t6", False),
        ("t6", "t6", True),
        ("elsewhere", "t1", False),
        ("elsewhere", "elsewhere", True),
    ],
)
def test_what_touches(a: str, b: str, touching: bool) -> None:
    assert touches(PACK, [a], [b]) is touching
    assert touches(PACK, [b], [a]) is touching


def test_touching_trips_of_one_family_make_one_incident() -> None:
    found = group(PACK, member("stage/t2/1", "t2"), "flood", [incident()])
    assert (found.reason, found.incident_id) == (GroupReason.TOUCHES, "I-0001")


@pytest.mark.parametrize(
    ("candidate", "family"),
    [(member("x", "t3"), "flood"), (member("x", "t1"), "wind")],
)
def test_others_make_a_new_one(candidate: Member, family: str) -> None:
    assert group(PACK, candidate, family, [incident()]).reason is GroupReason.NEW


def test_what_has_ended_counts_for_six_hours_and_what_goes_on_always() -> None:
    ended = incident(1, member(level=Level.NORMAL))
    later = member("x", "t1", at=NOW + timedelta(hours=6))
    assert group(PACK, later, "flood", [ended]).incident_id == "I-0001"
    much_later = replace(later, at=NOW + timedelta(hours=6, seconds=1))
    assert group(PACK, much_later, "flood", [ended]).reason is GroupReason.NEW
    assert group(PACK, much_later, "flood", [incident()]).incident_id == "I-0001"


def test_a_trip_stays_where_it_is_whatever_the_hour() -> None:
    old = incident(1, member(level=Level.NORMAL))
    found = group(PACK, member(at=NOW + timedelta(days=2)), "flood", [old])
    assert (found.reason, found.incident_id) == (GroupReason.SAME_TRIP, "I-0001")


def test_a_bridge_joins_the_worst_and_names_the_other() -> None:
    mild = incident(1, member("a", "t1", level=Level.BLUE))
    bad = incident(2, member("b", "t2"))
    found = group(PACK, member("c", "d"), "flood", [mild, bad])
    assert (found.incident_id, found.touches_also) == ("I-0002", ("I-0001",))


def test_newer_state_of_a_trip_replaces_the_older_and_the_peak_stays() -> None:
    first = incident(1).with_member(member(level=Level.RED))
    known = first.with_member(replace(member(level=Level.RED), alert_id="A1"))
    fallen = known.with_member(member(level=Level.NORMAL, at=NOW + timedelta(hours=1)))
    assert (fallen.level, fallen.peak, fallen.live) == (Level.NORMAL, Level.RED, False)
    assert fallen.alert_ids == ("A1",)
    assert len(fallen.members) == 1


def test_merge_moves_everything_and_merging_again_changes_nothing() -> None:
    one, two = incident(1), incident(2, member("b", "t3"))
    change = merge(one, two)
    emptied, joined = change.incidents
    assert emptied.merged_into == "I-0002"
    assert joined.trip_ids == ("b", "rain/t1/1")
    assert merge(emptied, joined).reason is ChangeReason.ALREADY
    assert merge(one, one).reason is ChangeReason.ITSELF
    assert merge(two, emptied).reason is ChangeReason.MERGED_AWAY


def test_split_takes_named_trips_and_leaves_something() -> None:
    both = incident(1, member("a", "t1"), member("b", "t3"))
    staying, going = split(both, ["b"], "I-0009", NOW).incidents
    assert (staying.trip_ids, going.trip_ids, going.incident_id) == (("a",), ("b",), "I-0009")
    assert split(both, ["a", "b"], "I-9", NOW).reason is ChangeReason.NOTHING_LEFT
    assert split(both, ["c"], "I-9", NOW).reason is ChangeReason.NOT_A_MEMBER
    assert split(both, [], "I-9", NOW).reason is ChangeReason.NOTHING_NAMED
    assert split(replace(both, merged_into="I-2"), ["a"], "I-9", NOW).reason is ChangeReason.MERGED_AWAY


def test_a_transition_is_said_as_an_observation_and_never_as_a_signal() -> None:
    zh, en = say_transition("暴雨", "Rainstorm", "濯水镇", "quorum", Level.NORMAL, Level.RED, Verification.UNCONFIRMED)
    assert zh == "濯水镇暴雨多站达到红色标准（实况）（待核实）"
    assert en == "濯水镇 Rainstorm: reached red at several stations (observed) (unconfirmed)"
    for reason in ("hold", "something_new"):
        zh, _ = say_transition("暴雨", "Rain", "", reason, Level.RED, Level.ORANGE, Verification.CONFIRMED)
        assert "{" not in zh


def test_the_timeline_runs_by_when_it_happened() -> None:
    late = Entry(at=NOW, known_at=NOW + timedelta(hours=1), kind="order", subject="O-1", text_zh="补录", text_en="late")
    then = Entry(
        at=NOW + timedelta(minutes=5),
        known_at=NOW + timedelta(minutes=5),
        kind="k",
        subject="s",
        text_zh="",
        text_en="",
    )
    assert in_order([then, late]) == [late, then]
    assert late.as_dict()["known_at"] == "2026-06-28T04:00:00Z"
