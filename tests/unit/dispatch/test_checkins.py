"""群众报到: every look in every state, whose report it is, what a later report changes, where it belongs, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.checkins.bodies import CheckInBody
from services.dispatch.checkins.checkin import (
    JOIN_WITHIN,
    LOOK_WITHIN,
    SAY_AGAIN,
    CheckIn,
    Kind,
    Look,
    Looked,
    Need,
    Priority,
    Reason,
    Receiver,
    Report,
    State,
    earlier_of,
    is_same_person,
    joined,
    look,
    opened,
    unseen,
)
from services.dispatch.checkins.limits import (
    OVERALL_MAX,
    OVERALL_SAFE_MAX,
    PER_ADDRESS_MAX,
    PER_ADDRESS_SAFE_MAX,
    PER_ADDRESS_WINDOW,
    Limiter,
    network_of,
)
from services.dispatch.checkins.where import incident_of, name_of, region_of
from services.dispatch.checkins.words import NEED_WORDS, REASON_WORDS, RECEIVER_WORDS, REFUSAL_WORDS, is_round, say
from services.dispatch.incidents.grouping import Incident, Member
from shared.errors import Invalid
from shared.vocabulary import Level
from tests.support.resources import sample_pack

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)


def report(kind: Kind = Kind.NEED_HELP, **more: object) -> Report:
    values: dict[str, object] = {"receipt": "R-000001", "at": NOW, "kind": kind} | more
    return Report(**values)  # type: ignore[arg-type]  # by name


def checkin(kind: Kind = Kind.NEED_HELP, state: State = State.UNVERIFIED, **more: object) -> CheckIn:
    return replace(opened("P-0001", report(kind, **more)).checkin, state=state)


def looked(act: Look, **more: object) -> Looked:
    values: dict[str, object] = {"act": act, "by": "officer", "at": NOW} | more
    return Looked(**values)  # type: ignore[arg-type]  # by name


# --- looking ----------------------------------------------------------------------------------------------------

OF_119 = {"to": Receiver.FIRE, "words": "119 已出车"}
FOUND = {"words": "人已接到"}
V, R = State, Reason
TABLE = [
    # state, due, act, with, state afterwards, reason
    (V.UNVERIFIED, True, Look.TRIED, {}, V.UNVERIFIED, R.TRIED),
    (V.UNVERIFIED, True, Look.VERIFY, {}, V.VERIFIED, R.VERIFIED),
    (V.UNVERIFIED, True, Look.HAND_OVER, OF_119, V.HANDED_OVER, R.HANDED_OVER),
    (V.UNVERIFIED, True, Look.CLOSE, FOUND, V.CLOSED, R.CLOSED),
    (V.VERIFIED, False, Look.TRIED, {}, V.VERIFIED, R.TRIED),
    (V.VERIFIED, False, Look.VERIFY, {}, V.VERIFIED, R.ALREADY_VERIFIED),
    (V.VERIFIED, True, Look.VERIFY, {}, V.VERIFIED, R.VERIFIED),
    (V.VERIFIED, False, Look.HAND_OVER, OF_119, V.HANDED_OVER, R.HANDED_OVER),
    (V.VERIFIED, False, Look.CLOSE, FOUND, V.CLOSED, R.CLOSED),
    (V.HANDED_OVER, False, Look.TRIED, {}, V.HANDED_OVER, R.TRIED),
    (V.HANDED_OVER, False, Look.VERIFY, {}, V.HANDED_OVER, R.ALREADY_VERIFIED),
    (V.HANDED_OVER, True, Look.VERIFY, {}, V.HANDED_OVER, R.VERIFIED),
    (V.HANDED_OVER, False, Look.HAND_OVER, OF_119, V.HANDED_OVER, R.HANDED_OVER),
    (V.HANDED_OVER, False, Look.CLOSE, FOUND, V.CLOSED, R.CLOSED),
    (V.CLOSED, False, Look.TRIED, {}, V.CLOSED, R.ALREADY_CLOSED),
    (V.CLOSED, False, Look.VERIFY, {}, V.CLOSED, R.ALREADY_CLOSED),
    (V.CLOSED, False, Look.HAND_OVER, OF_119, V.CLOSED, R.ALREADY_CLOSED),
    (V.CLOSED, False, Look.CLOSE, FOUND, V.CLOSED, R.ALREADY_CLOSED),
    (V.UNVERIFIED, True, Look.HAND_OVER, {"words": "已出车"}, V.UNVERIFIED, R.RECEIVER_MISSING),
    (V.UNVERIFIED, True, Look.HAND_OVER, {"to": Receiver.FIRE}, V.UNVERIFIED, R.WORDS_MISSING),
    (V.UNVERIFIED, True, Look.CLOSE, {"words": " "}, V.UNVERIFIED, R.WORDS_MISSING),
]


@pytest.mark.parametrize(("state", "due", "act", "more", "after", "reason"), TABLE)
def test_every_look_in_every_state(
    state: State, due: bool, act: Look, more: dict[str, object], after: State, reason: Reason
) -> None:
    before = replace(checkin(state=state), look_due_at=NOW if due else None)
    decision = look(before, looked(act, **more))
    assert (decision.checkin.state, decision.reason) == (after, reason)
    assert decision.refused == (reason in REFUSAL_WORDS)
    if decision.refused:
        assert decision.checkin == before
    elif act is Look.TRIED:
        assert decision.checkin.look_due_at == NOW + LOOK_WITHIN[Priority.HELP]
    else:
        assert decision.checkin.look_due_at is None


def test_the_table_is_whole() -> None:
    assert {(state, act) for state, _, act, *_ in TABLE} == {(state, act) for state in State for act in Look}


def test_safe_closes_without_words() -> None:
    assert look(checkin(Kind.SAFE), looked(Look.CLOSE)).checkin.state is State.CLOSED


def test_a_look_written_down_afterwards_starts_no_clock() -> None:
    handed = replace(checkin(state=State.HANDED_OVER), look_due_at=None)
    assert look(handed, looked(Look.TRIED, entered_late=True)).checkin.look_due_at is None


# --- triage and the clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "needs", "priority"),
    [
        (Kind.NEED_HELP, (Need.TRAPPED,), Priority.URGENT),
        (Kind.NEED_HELP, (Need.INJURED, Need.CHILDREN), Priority.URGENT),
        (Kind.NEED_HELP, (Need.MEDICAL,), Priority.URGENT),
        (Kind.NEED_HELP, (Need.BEDRIDDEN,), Priority.HELP),
        (Kind.NEED_HELP, (Need.CHILDREN,), Priority.HELP),
        (Kind.NEED_HELP, (), Priority.HELP),  # why is not known: not less than the others
        (Kind.SAFE, (Need.TRAPPED,), Priority.SAFE),
    ],
)
def test_triage(kind: Kind, needs: tuple[Need, ...], priority: Priority) -> None:
    made = checkin(kind, needs=needs)
    assert made.priority is priority
    assert made.look_due_at == (NOW + LOOK_WITHIN[priority] if priority in LOOK_WITHIN else None)
    assert made.needs == (needs if kind is Kind.NEED_HELP else ())


def test_nobody_looking_is_said_and_said_again() -> None:
    waiting = checkin(needs=(Need.TRAPPED,))
    assert waiting.look_due_at is not None
    assert unseen(waiting, waiting.look_due_at - timedelta(seconds=1)).reason is Reason.NOT_DUE
    first = unseen(waiting, waiting.look_due_at)
    assert (first.reason, first.checkin.unseen_told) == (Reason.UNSEEN, 1)
    assert first.checkin.look_due_at == waiting.look_due_at + SAY_AGAIN
    second = unseen(first.checkin, waiting.look_due_at + timedelta(hours=5))  # after a standstill: once
    assert second.checkin.unseen_told == 2
    assert unseen(second.checkin, waiting.look_due_at + timedelta(hours=5)).refused
    assert unseen(checkin(Kind.SAFE), NOW + timedelta(days=1)).refused


# --- whose report it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said", "same"),
    [
        ({"phone": "000-0000 0001"}, {"phone": "+8600000000001"}, True),
        ({"phone": "00000000001"}, {"phone": "00000000002", "device": "d"}, False),
        ({"phone": "00000000001", "name": "甲"}, {"phone": "00000000001", "name": "乙"}, False),  # a warden's phone
        ({"phone": "00000000001", "name": "甲"}, {"phone": "00000000001"}, True),
        ({"device": "d"}, {"device": "d"}, True),
        ({"device": "d", "name": "甲"}, {"device": "d", "name": "乙"}, False),
        ({"name": "甲", "place": "dp-zs-01"}, {"name": "甲", "place": "dp-zs-01"}, True),
        ({"name": "甲", "place": "dp-zs-01"}, {"name": "甲", "place": "dp-zs-02"}, False),
        ({"name": "甲"}, {"name": "甲"}, False),
        ({"place": "dp-zs-01"}, {"place": "dp-zs-01"}, False),  # one house may hold many families
        ({}, {}, False),
    ],
)
def test_whose_report_it_is(known: dict[str, object], said: dict[str, object], same: bool) -> None:
    assert is_same_person(checkin(**known), report(**said)) is same


def test_a_report_joins_within_the_time_and_follows_a_closed_one() -> None:
    first = checkin(phone="00000000001")
    later = report(phone="00000000001", at=NOW + JOIN_WITHIN)
    assert earlier_of([first], later) == (first, None)
    assert earlier_of([first], replace(later, at=later.at + timedelta(seconds=1))) == (None, None)
    closed = replace(first, state=State.CLOSED)
    assert earlier_of([closed], later) == (None, closed)
    assert opened("P-0002", later, closed).checkin.follows == "P-0001"
    assert earlier_of([closed, replace(first, checkin_id="P-0003")], later)[0] is not None


# --- what a later report changes --------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.UNVERIFIED, State.VERIFIED, State.HANDED_OVER])
def test_safe_after_help_takes_nothing_back(state: State) -> None:
    before = checkin(state=state, needs=(Need.TRAPPED,), people=3)
    after = joined(before, report(Kind.SAFE, people=1, at=NOW + timedelta(minutes=5)))
    assert after.reason is Reason.SAFE_AFTER_HELP
    assert (after.checkin.kind, after.checkin.state, after.checkin.needs) == (Kind.NEED_HELP, state, (Need.TRAPPED,))
    assert (after.checkin.people, after.checkin.look_due_at) == (3, before.look_due_at)
    assert after.checkin.said_safe_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("state", [State.UNVERIFIED, State.VERIFIED, State.HANDED_OVER])
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({"kind": Kind.SAFE}, {}),
        ({"needs": (Need.CHILDREN,)}, {"needs": (Need.INJURED,)}),
        ({"people": 2}, {"people": 3}),
    ],
)
def test_worse_must_be_looked_at_again(state: State, before: dict[str, object], said: dict[str, object]) -> None:
    known = replace(checkin(**before), state=state, look_due_at=None)  # type: ignore[arg-type]  # by name
    after = joined(known, report(at=NOW + timedelta(minutes=5), **said))
    assert (after.reason, after.checkin.state) == (Reason.WORSE, State.UNVERIFIED)
    assert after.checkin.look_due_at == NOW + timedelta(minutes=5) + LOOK_WITHIN[after.checkin.priority]


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.UNVERIFIED, Reason.JOINED), (State.VERIFIED, Reason.AGAIN), (State.HANDED_OVER, Reason.AGAIN)],
)
def test_the_same_again(state: State, reason: Reason) -> None:
    before = replace(checkin(state=state), look_due_at=NOW if state is State.UNVERIFIED else None)
    after = joined(before, report(at=NOW + timedelta(minutes=5)))
    assert (after.reason, after.checkin.state, after.checkin.reports) == (reason, state, 2)
    due = NOW if state is State.UNVERIFIED else NOW + timedelta(minutes=5) + LOOK_WITHIN[Priority.HELP]
    assert after.checkin.look_due_at == due  # who calls often does not put the clock off


def test_a_later_position_counts_and_a_missing_one_takes_nothing() -> None:
    first = checkin(lat=29.3, lon=108.7, accuracy_m=9.0)
    kept = joined(first, report()).checkin
    assert (kept.lat, kept.lon, kept.accuracy_m) == (29.3, 108.7, 9.0)
    moved = joined(first, report(lat=29.31, lon=108.71)).checkin
    assert (moved.lat, moved.lon, moved.accuracy_m) == (29.31, 108.71, None)


def test_what_was_written_down_afterwards_starts_no_clock() -> None:
    assert opened("P-0001", report(entered_late=True)).checkin.look_due_at is None


# --- where, words, limits ---------------------------------------------------------------------------------------


def test_where_a_report_belongs() -> None:
    pack = sample_pack()
    assert region_of(pack, "dp-zs-01", None, None) == (pack.sites["dp-zs-01"].region, "place")
    town = pack.regions["500114112"]
    assert town.lat is not None
    region, basis = region_of(pack, None, town.lat, town.lon)
    assert (region is not None and pack.township_of(region), basis) == ("500114112", "position")
    assert region_of(pack, "no-such-place", None, None) == (None, None)
    assert region_of(pack, None, 0.0, 0.0) == (None, None)
    assert region_of(pack, None, None, None) == (None, None)
    assert name_of(pack, "dp-zs-01", pack.sites["dp-zs-01"].region).startswith("濯水镇 ")
    assert name_of(pack, None, None) == ""


def test_which_incident_a_report_is_told_in() -> None:
    def incident(name: str, level: Level, *areas: str) -> Incident:
        member = Member(trip_id=name, hazard="11B03", areas=areas, level=level, at=NOW)
        return Incident(incident_id=name, family="flood", members=(member,), opened_at=NOW)

    pack = sample_pack()
    here, worse = incident("I-1", Level.BLUE, "500114112"), incident("I-2", Level.RED, "500114112001")
    away = incident("I-3", Level.RED, "500114006")
    assert incident_of(pack, "500114112001", [here, worse, away]) == "I-2"
    assert incident_of(pack, "500114112", [here, away]) == "I-1"
    assert incident_of(pack, "500114112", [worse, away]) == "I-2"  # a village's danger is its township's too
    assert incident_of(pack, None, [away]) == "I-3"
    assert incident_of(pack, None, [here, away]) is None
    assert incident_of(pack, "500114005", []) is None


def test_every_choice_and_every_reason_has_words_in_both_languages() -> None:
    for table, words in ((Need, NEED_WORDS), (Receiver, RECEIVER_WORDS)):
        assert set(words) == set(table)  # type: ignore[arg-type]
    told = set(Reason) - set(REFUSAL_WORDS) - {Reason.JOINED, Reason.NOT_DUE}
    assert told == set(REASON_WORDS)
    zh, en = say(checkin(name="张三", phone="00000000001", needs=(Need.TRAPPED,), people=2), Reason.OPENED, "濯水镇")
    assert zh == "P-0001 濯水镇 群众求助（未核实）（被困、2 人）"
    assert "张三" not in zh + en
    assert "00000000001" not in zh + en
    assert "地点不明" in say(checkin(), Reason.OPENED, "")[0]


def test_round_numbers() -> None:
    assert [n for n in range(1, 300) if is_round(n)] == [1, 2, 5, 10, 20, 50, 100, 200]


def test_one_address_is_slowed_down_and_help_has_more_room() -> None:
    limiter = Limiter()
    assert all(limiter.takes("192.0.2.1", NOW, help_wanted=False) for _ in range(PER_ADDRESS_SAFE_MAX))
    assert not limiter.takes("192.0.2.1", NOW, help_wanted=False)
    left = PER_ADDRESS_MAX - PER_ADDRESS_SAFE_MAX
    assert all(limiter.takes("192.0.2.1", NOW, help_wanted=True) for _ in range(left))
    assert not limiter.takes("192.0.2.1", NOW, help_wanted=True)
    assert limiter.takes("192.0.2.2", NOW, help_wanted=False)
    assert limiter.takes("192.0.2.1", NOW + PER_ADDRESS_WINDOW, help_wanted=False)


def test_a_flood_of_safe_leaves_room_for_help() -> None:
    limiter = Limiter()
    taken = sum(limiter.takes(f"192.0.{n // 200}.{n % 200}", NOW, help_wanted=False) for n in range(OVERALL_MAX))
    assert taken == OVERALL_SAFE_MAX
    helped = sum(limiter.takes(f"198.51.{n // 200}.{n % 200}", NOW, help_wanted=True) for n in range(OVERALL_MAX))
    assert helped == OVERALL_MAX - OVERALL_SAFE_MAX


def test_a_phone_that_changes_its_address_inside_its_network_stays_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("somewhere") == "somewhere"


def test_text_is_cleaned_and_a_half_position_refused() -> None:
    body = CheckInBody(kind=Kind.SAFE, name=" 张\x00三\n ", phone="\u202e", device="abc")
    made = body.report(NOW, None)
    assert (made.name, made.phone) == ("张 三", None)
    assert made.device not in (None, "abc")
    with pytest.raises(Invalid, match="lat"):
        CheckInBody(kind=Kind.SAFE, lat=1.0).report(NOW, None)
    assert not CheckInBody(kind=Kind.SAFE, entered_late=True).report(NOW, None).entered_late  # officers alone
