"""措施状态机: every state against every event, refused ones too, and the rules that save lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.dispatch.orders.events import (
    REASON_TEXT,
    Acknowledge,
    Complete,
    CountdownDue,
    CountersignDue,
    EffectKind,
    Event,
    Extend,
    Join,
    Lift,
    PermitReturn,
    Progress,
    Reason,
    ReportPeople,
    ReviewDue,
    Revoke,
    Sign,
    SignByPhone,
    StandDown,
)
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.model import COUNTERSIGN_WITHIN, HELD, OPEN, Order, OrderState, Via
from services.dispatch.orders.order import step
from services.dispatch.orders.people import Group, Outcome, Tally
from shared.vocabulary import Level, Measure
from tests.unit.dispatch.orders_builders import (
    DEPUTY,
    LIFTER,
    NOW,
    SAFE,
    SECOND_DEPUTY,
    SIGNER,
    WARDEN,
    a_claim,
    everyone_away,
    go,
    in_state,
    minutes,
    opened,
    refusal,
    unit_ref,
)

S = OrderState
PHONE = SignByPhone(by=SIGNER, number="00000001111", words="同意撤离", recorded_by="duty-officer")
EVENTS: dict[str, Event] = {
    "sign": Sign(by=SIGNER),
    "phone": PHONE,
    "acknowledge": Acknowledge(by=WARDEN),
    "progress": Progress(by=WARDEN),
    "people": ReportPeople(by=WARDEN, unit_id="dp-1", numbers=Tally(shelter=1)),
    "complete": Complete(by=WARDEN),
    "extend": Extend(by=LIFTER, review_at=NOW + timedelta(days=3), ground="雨未停"),
    "lift": Lift(by=LIFTER, ground="险情解除", inspection=SAFE),
    "revoke": Revoke(by=SIGNER, ground="误报"),
    "return": PermitReturn(by=LIFTER, inspection=SAFE),
    "join": Join(claim=a_claim(trip_id="river_stage/t1/1")),
    "stand_down": StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL),
    "countdown": CountdownDue(),
    "countersign": CountersignDue(),
    "review": ReviewDue(),
}

UNSIGNED_ROW = {
    "sign": S.IN_FORCE,
    "phone": S.IN_FORCE,
    "acknowledge": "not_in_force",
    "progress": "not_in_force",
    "people": "same",
    "complete": "not_in_force",
    "extend": "not_in_force",
    "lift": "not_in_force",
    "revoke": S.REVOKED,
    "return": "not_lifted",
    "join": S.AWAITING_SIGNATURE,
    "stand_down": S.PROPOSED,
    "countdown": "same",
    "countersign": "same",
    "review": "same",
}
HELD_ROW = {
    "sign": "same",
    "phone": "nothing_to_sign",
    "acknowledge": S.ACKNOWLEDGED,
    "progress": S.IN_PROGRESS,
    "people": "same",  # the second unit has not begun
    "complete": "people_unaccounted",
    "extend": "same",
    "lift": S.LIFTED,
    "revoke": S.REVOKED,
    "return": "not_lifted",
    "join": "same",
    "stand_down": "same",
    "countdown": "same",
    "countersign": "same",
    "review": "same",  # not due yet
}
CLOSED_ROW = dict.fromkeys(EVENTS, "closed") | {
    "stand_down": "same",
    "countdown": "same",
    "countersign": "same",
    "review": "same",
}
TABLE: dict[OrderState, dict[str, str]] = {
    S.PROPOSED: UNSIGNED_ROW | {"stand_down": "same"},
    S.AWAITING_SIGNATURE: UNSIGNED_ROW,
    S.IN_FORCE: HELD_ROW,
    S.ACKNOWLEDGED: HELD_ROW | {"acknowledge": "same"},
    S.IN_PROGRESS: HELD_ROW | {"acknowledge": "same", "progress": "same"},
    S.COMPLETE: HELD_ROW | {"acknowledge": "same", "progress": "same", "complete": "same"},
    S.EXPIRED_NOT_LIFTED: HELD_ROW | {"acknowledge": "same", "progress": "same", "extend": S.IN_FORCE},
    S.LIFTED: CLOSED_ROW | {"lift": "same", "return": "same"},
    S.REVOKED: CLOSED_ROW | {"revoke": "same", "return": "not_lifted"},
}


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("state", list(OrderState))
def test_truth_table(state: OrderState, name: str) -> None:
    order = in_state(state)
    decision = step(order, EVENTS[name], NOW)
    wanted = TABLE[state][name]
    if isinstance(wanted, OrderState) or wanted == "same":
        assert decision.accepted, decision.reason
        assert decision.order.state is (state if wanted == "same" else wanted)
    else:
        assert refusal(decision) == wanted
        assert decision.order == order
        assert decision.effects == ()


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("state", list(OrderState))
def test_twice_is_once(state: OrderState, name: str) -> None:
    once = step(in_state(state), EVENTS[name], NOW).order
    twice = step(once, EVENTS[name], NOW)
    assert twice.order == once
    assert twice.effects == ()


@pytest.mark.parametrize("state", list(OrderState))
def test_every_state_is_built_as_named(state: OrderState) -> None:
    assert in_state(state).state is state
    assert (state in HELD) == in_state(state).is_held
    assert (state in OPEN) == in_state(state).is_open


def test_every_reason_can_be_read_in_both_languages() -> None:
    assert set(REASON_TEXT) == set(Reason)


# --- who signs -----------------------------------------------------------------------------------------------


def test_silence_never_gives_force_and_goes_round_with_an_alarm() -> None:
    order, now = opened(), NOW
    called = [order.next_signer]
    alarms = 0
    for _ in range(4):
        now = order.due_at or now
        decision = step(order, CountdownDue(), now)
        order = decision.order
        called.append(order.next_signer)
        alarms += decision.has(EffectKind.NO_SIGNER)
        assert order.state is S.AWAITING_SIGNATURE
    assert called == [SIGNER, DEPUTY, SECOND_DEPUTY, SIGNER, DEPUTY]
    assert alarms == 1


def test_a_deputy_signs_only_from_his_minute_on() -> None:
    order = opened()
    assert refusal(step(order, Sign(by=DEPUTY), NOW)) == "not_yet_acting"
    order = go(order, CountdownDue(), now=NOW + minutes(5))
    assert go(order, Sign(by=DEPUTY)).issuer == DEPUTY
    assert go(order, Sign(by=SIGNER)).issuer == SIGNER
    assert refusal(step(order, Sign(by=SECOND_DEPUTY), NOW)) == "not_yet_acting"
    assert refusal(step(order, Sign(by=WARDEN), NOW)) == "not_signer"


def test_a_telephone_signature_is_recorded_and_countersigned() -> None:
    order = go(opened(), PHONE)
    assert order.state is S.IN_FORCE
    signature = order.signature
    assert signature is not None
    assert signature.via is Via.PHONE
    assert signature.words == "同意撤离"
    assert order.countersign_due_at == NOW + timedelta(hours=2)
    assert refusal(step(order, PHONE, NOW)) == "countersign_open"
    signed = go(order, Sign(by=SIGNER), now=NOW + minutes(30))
    assert signed.countersign_due_at is None
    assert not step(signed, CountersignDue(), NOW + timedelta(hours=3)).changed


def test_a_missing_countersign_is_reported_and_lifts_nothing() -> None:
    order = go(opened(), PHONE)
    decision = step(order, CountersignDue(), NOW + timedelta(hours=2))
    assert decision.has(EffectKind.COUNTERSIGN_OVERDUE)
    assert decision.order.state is S.IN_FORCE
    assert step(decision.order, CountersignDue(), NOW + timedelta(hours=4)).effects == ()


def test_what_was_signed_by_telephone_is_owed_in_writing_after_the_end_too() -> None:
    ended = go(go(opened(), PHONE), Revoke(by=SIGNER, ground="核查安全"))
    assert step(ended, CountersignDue(), NOW + timedelta(hours=2)).has(EffectKind.COUNTERSIGN_OVERDUE)
    assert refusal(step(ended, Sign(by=DEPUTY), NOW)) == "closed"
    decision = step(ended, Sign(by=SIGNER), NOW + minutes(30))
    assert decision.has(EffectKind.COUNTERSIGNED)
    assert decision.order.state is S.REVOKED
    assert decision.order.countersign_due_at is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (replace(PHONE, words=" "), "call_back_incomplete"),
        (replace(PHONE, number=""), "call_back_incomplete"),
        (replace(PHONE, recorded_by=SIGNER), "recorder_is_signer"),
        (replace(PHONE, by=WARDEN), "not_signer"),
    ],
)
def test_a_telephone_signature_needs_its_call_back(event: SignByPhone, reason: str) -> None:
    assert refusal(step(opened(), event, NOW)) == reason


def test_without_authority_it_stays_a_proposal_and_alarms() -> None:
    decision = open_order(a_claim(authority=None), "O-1", "I-1", NOW)
    assert decision.order.state is S.PROPOSED
    assert decision.has(EffectKind.NO_SIGNER)
    assert refusal(step(decision.order, Sign(by=SIGNER), NOW)) == "no_authority"


def test_withdraw_first_binds_at_once_and_owes_a_countersign() -> None:
    order = open_order(a_claim(), "O-1", "I-1", NOW, withdraw_first_by="village-head").order
    assert order.state is S.IN_FORCE
    assert order.issuer == "village-head"
    assert order.countersign_due_at == NOW + timedelta(hours=2)
    assert go(order, Sign(by=SIGNER)).countersign_due_at is None


def test_entered_late_stops_clocks_and_starts_none() -> None:
    late = replace(PHONE, by=DEPUTY, happened_at=NOW + minutes(2), entered_late=True)
    order = go(opened(), late, now=NOW + minutes(50))
    assert order.state is S.IN_FORCE
    assert order.starts_at == NOW + minutes(2)
    assert (order.due_at, order.review_at, order.countersign_due_at) == (None, None, None)
    ahead = Acknowledge(by=WARDEN, happened_at=NOW + timedelta(hours=2))
    assert refusal(step(order, ahead, NOW + minutes(50))) == "in_the_future"


def test_a_trip_entered_late_wakes_nobody_and_what_was_allowed_binds_since_then() -> None:
    then = NOW - timedelta(hours=2)
    late = replace(a_claim(), entered_late=True, happened_at=then)
    decision = open_order(late, "O-1", "I-1", NOW)
    assert (decision.order.state, decision.order.due_at) == (S.PROPOSED, None)
    assert not decision.has(EffectKind.CALL_SIGNER)
    assert go(decision.order, Sign(by=SIGNER, happened_at=then, entered_late=True)).starts_at == then
    bound = open_order(replace(a_claim(in_force=True), entered_late=True, happened_at=then), "O-2", "I-1", NOW).order
    assert (bound.state, bound.starts_at, bound.review_at) == (S.IN_FORCE, then, None)
    waiting = opened(a_claim(level=Level.ORANGE))
    assert step(waiting, Join(claim=late), NOW).order.due_at == waiting.due_at


# --- joining and raising -------------------------------------------------------------------------------------


def test_a_later_trip_joins_and_brings_its_units() -> None:
    order = go(opened(a_claim(in_force=True)), Acknowledge(by=WARDEN))
    claim = a_claim(unit_ref("dp-1"), unit_ref("dp-9"), in_force=True, trip_id="river_stage/t1/1")
    decision = step(order, Join(claim=claim), NOW)
    assert decision.order.trip_ids == ("rainstorm/t1/1", "river_stage/t1/1")
    assert [(u.unit_id, u.state) for u in decision.order.units] == [
        ("dp-1", S.ACKNOWLEDGED),
        ("dp-2", S.ACKNOWLEDGED),
        ("dp-9", S.IN_FORCE),
    ]


def test_units_that_came_later_wait_while_the_others_stay_bound() -> None:
    order = go(opened(), Sign(by=SIGNER))
    order = go(order, Join(claim=a_claim(unit_ref("dp-9"), trip_id="river_stage/t1/1")))
    late = order.unit("dp-9")
    assert late is not None
    assert late.state is S.AWAITING_SIGNATURE
    assert order.state is S.IN_FORCE
    assert order.next_signer == SIGNER
    signed = go(order, Sign(by=SIGNER)).unit("dp-9")
    assert signed is not None
    assert signed.state is S.IN_FORCE


def test_a_raise_needs_its_own_signature_and_the_lower_level_binds_on() -> None:
    order = go(opened(a_claim(level=Level.ORANGE)), Sign(by=SIGNER), Acknowledge(by=WARDEN))
    decision = step(order, Join(claim=a_claim(level=Level.RED)), NOW)
    assert decision.has(EffectKind.RAISE_PENDING)
    pending = decision.order
    assert (pending.level, pending.state, pending.next_signer) == (Level.ORANGE, S.ACKNOWLEDGED, SIGNER)
    raised = go(pending, Sign(by=SIGNER))
    assert (raised.level, raised.state, raised.due_at) == (Level.RED, S.IN_FORCE, None)
    declined = go(pending, Revoke(by=SIGNER, ground="暂不升级", unsigned_only=True))
    assert (declined.level, declined.state, declined.raise_to) == (Level.ORANGE, S.ACKNOWLEDGED, None)


def test_a_preauthorised_lower_level_binds_while_the_higher_waits() -> None:
    order = opened(a_claim(level=Level.RED))
    order = go(order, Join(claim=a_claim(level=Level.ORANGE, in_force=True)))
    assert (order.level, order.state) == (Level.ORANGE, S.IN_FORCE)
    assert order.raise_to is not None
    assert order.raise_to.level is Level.RED
    assert order.due_at == NOW + minutes(5)
    assert go(order, Sign(by=SIGNER)).level is Level.RED


def test_a_lower_or_ended_trip_weakens_nothing() -> None:
    order = go(opened(), Sign(by=SIGNER))
    assert step(order, Join(claim=a_claim(level=Level.BLUE)), NOW).order.level is Level.RED
    ended = step(order, StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL), NOW).order
    assert ended.state is S.IN_FORCE
    assert ended.is_held


def test_an_ended_trip_wakes_no_signer_and_a_new_one_does_again() -> None:
    order = go(opened(), StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL))
    assert (order.state, order.due_at) == (S.PROPOSED, None)
    decision = step(order, Join(claim=a_claim(trip_id="rainstorm/t1/2")), NOW)
    assert decision.has(EffectKind.CALL_SIGNER)
    assert decision.order.state is S.AWAITING_SIGNATURE


# --- people --------------------------------------------------------------------------------------------------


def someone(ref: str, people: int, outcome: Outcome, *, returned: int = 0, with_them: str | None = None) -> Group:
    return Group(ref=ref, people=people, outcome=outcome, returned=returned, with_them=with_them, by=WARDEN, at=NOW)


def one_point(*groups: Group) -> Order:
    order = opened(a_claim(unit_ref("dp-1", expected=5, households=(("H1", 3), ("H2", 2))), in_force=True))
    return go(order, ReportPeople(by=WARDEN, unit_id="dp-1", groups=groups)) if groups else order


def test_nobody_reported_means_nobody_found() -> None:
    assert one_point().people.as_dict() == {
        "expected": 5,
        "shelter": 0,
        "relatives": 0,
        "away": 0,
        "refused": 0,
        "not_found": 5,
        "returned": 0,
    }


def test_it_is_not_complete_while_somebody_is_unaccounted() -> None:
    order = one_point(someone("H1", 3, Outcome.RELATIVES))
    decision = step(order, Complete(by=WARDEN), NOW)
    assert refusal(decision) == "people_unaccounted"
    assert decision.detail == "点位dp-1 dp-1: 2"
    found = go(order, ReportPeople(by=WARDEN, unit_id="dp-1", groups=(someone("H2", 2, Outcome.AWAY),)))
    assert go(found, Complete(by=WARDEN)).state is S.COMPLETE


def test_a_refusal_is_a_person_with_somebody_near() -> None:
    order = one_point(someone("H1", 3, Outcome.SHELTER), someone("H2", 2, Outcome.REFUSED))
    assert refusal(step(order, Complete(by=WARDEN), NOW)) == "refusals_unnamed"
    near = someone("H2", 2, Outcome.REFUSED, with_them="village-head")
    assert go(order, ReportPeople(by=WARDEN, unit_id="dp-1", groups=(near,)), Complete(by=WARDEN)).state is S.COMPLETE


def test_who_goes_back_reopens_what_was_complete() -> None:
    order = go(one_point(someone("H1", 5, Outcome.SHELTER), someone("H2", 0, Outcome.AWAY)), Complete(by=WARDEN))
    back = ReportPeople(by=WARDEN, unit_id="dp-1", groups=(someone("H1", 5, Outcome.SHELTER, returned=2),))
    decision = step(order, back, NOW)
    assert decision.has(EffectKind.RETURNED_UNASKED)
    assert decision.order.state is S.IN_PROGRESS
    assert refusal(step(decision.order, Complete(by=WARDEN), NOW)) == "people_returned"


def test_more_people_than_the_list_knew_are_counted() -> None:
    decision = step(one_point(), ReportPeople(by=WARDEN, unit_id="dp-1", numbers=Tally(shelter=7)), NOW)
    assert decision.has(EffectKind.MORE_PEOPLE)
    assert decision.order.people.expected == 7


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ReportPeople(by=WARDEN, unit_id="nowhere", numbers=Tally()), "unknown_unit"),
        (ReportPeople(by=WARDEN, unit_id="dp-1", numbers=Tally(shelter=-1)), "people_unusable"),
        (ReportPeople(by=WARDEN, unit_id="dp-1", numbers=Tally(shelter=1, returned=2)), "people_unusable"),
        (Acknowledge(by=WARDEN, units=("nowhere",)), "unknown_unit"),
    ],
)
def test_unusable_reports_are_refused(event: Event, reason: str) -> None:
    assert refusal(step(one_point(), event, NOW)) == reason


def test_a_ban_moves_nobody() -> None:
    order = go(opened(a_claim(kind=Measure.BAN)), Sign(by=SIGNER))
    assert refusal(step(order, ReportPeople(by=WARDEN, unit_id="dp-1", numbers=Tally()), NOW)) == "moves_nobody"
    assert go(order, Complete(by=WARDEN)).state is S.COMPLETE
    lifted = go(order, Lift(by=LIFTER, ground="水位回落"))
    assert refusal(step(lifted, PermitReturn(by=LIFTER, inspection=SAFE), NOW)) == "moves_nobody"


# --- ending --------------------------------------------------------------------------------------------------


def test_expired_is_not_lifted() -> None:
    order = in_state(S.EXPIRED_NOT_LIFTED)
    assert order.is_held
    again = go(order, Acknowledge(by=WARDEN))
    assert again.state is S.EXPIRED_NOT_LIFTED
    longer = go(again, Extend(by=LIFTER, review_at=NOW + timedelta(days=2), ground="雨未停"))
    assert longer.state is S.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Lift(by=SIGNER, ground="x", inspection=SAFE), "not_lifter"),
        (Lift(by=LIFTER, ground="  ", inspection=SAFE), "ground_missing"),
        (Lift(by=LIFTER, ground="x"), "inspection_missing"),
        (Lift(by=LIFTER, ground="x", inspection=replace(SAFE, safe=False)), "inspection_unsafe"),
        (Lift(by=LIFTER, ground="x", inspection=replace(SAFE, at=NOW - minutes(1))), "inspection_too_old"),
        (Lift(by=LIFTER, ground="x", inspection=replace(SAFE, at=NOW + timedelta(days=1))), "inspection_in_future"),
        (Revoke(by=WARDEN, ground="x"), "not_issuer"),
        (Revoke(by=SIGNER, ground=""), "ground_missing"),
        (Revoke(by=SIGNER, ground="x", unsigned_only=True), "nothing_to_sign"),
        (Extend(by=WARDEN, review_at=NOW + timedelta(days=2), ground="x"), "not_issuer"),
        (Extend(by=LIFTER, review_at=NOW, ground="x"), "review_not_later"),
        (Extend(by=LIFTER, review_at=NOW + timedelta(days=2), ground=""), "ground_missing"),
    ],
)
def test_ending_needs_the_right_hand_and_ground(event: Event, reason: str) -> None:
    assert refusal(step(in_state(S.IN_FORCE), event, NOW)) == reason


def test_part_of_it_is_lifted_and_the_rest_binds_on() -> None:
    order = in_state(S.IN_FORCE)
    part = go(order, Lift(by=LIFTER, ground="核查安全", units=("dp-1",), inspection=SAFE))
    assert part.state is S.IN_FORCE
    assert refusal(step(part, PermitReturn(by=LIFTER, inspection=SAFE), NOW)) == "not_lifted"
    whole = go(part, Lift(by=LIFTER, ground="核查安全", inspection=SAFE))
    assert whole.state is S.LIFTED


@pytest.mark.parametrize(
    ("inspection", "reason"),
    [
        (None, "inspection_missing"),
        (replace(SAFE, safe=False), "inspection_unsafe"),
        (replace(SAFE, at=NOW - minutes(5)), "inspection_too_old"),
        (replace(SAFE, at=NOW + timedelta(days=1)), "inspection_in_future"),
    ],
)
def test_return_is_an_act_of_its_own(inspection: object, reason: str) -> None:
    lifted = in_state(S.LIFTED)
    event = PermitReturn(by=LIFTER, inspection=inspection)  # type: ignore[arg-type] - parametrised
    assert refusal(step(lifted, event, NOW)) == reason
    assert refusal(step(lifted, PermitReturn(by=WARDEN, inspection=SAFE), NOW)) == "not_issuer"
    permitted = go(lifted, PermitReturn(by=LIFTER, inspection=SAFE))
    assert permitted.returned is not None
    assert permitted.state is S.LIFTED


def test_lifting_ends_a_raise_that_still_waited() -> None:
    order = go(opened(a_claim(level=Level.ORANGE)), Sign(by=SIGNER), Join(claim=a_claim(level=Level.RED)))
    lifted = go(everyone_away(order), Lift(by=LIFTER, ground="解除", inspection=SAFE))
    assert (lifted.state, lifted.raise_to, lifted.due_at) == (S.LIFTED, None, None)


@pytest.mark.parametrize(
    ("event", "alike"),
    [
        (CountdownDue(), True),  # only whom we call, and until when
        (StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL), False),
        (Join(claim=replace(a_claim(), trip_id="river_stage/t1/1")), False),  # a further danger is news
        (Join(claim=a_claim(unit_ref("dp-9"))), False),
        (Sign(by=SIGNER), False),
        (Revoke(by=SIGNER, ground="误报"), False),
    ],
)
def test_a_turn_of_the_countdown_is_nothing_new_to_whoever_decides(event: Event, alike: bool) -> None:
    order = in_state(S.AWAITING_SIGNATURE)
    assert order.due_at is not None
    after = go(order, event, now=order.due_at)
    assert after != order
    assert after.reads_as(order) is alike


def test_that_a_countersign_is_overdue_is_nothing_new_to_whoever_countersigns() -> None:
    order = go(in_state(S.AWAITING_SIGNATURE), PHONE)
    overdue = go(order, CountersignDue(), now=NOW + COUNTERSIGN_WITHIN)
    assert overdue != order
    assert overdue.reads_as(order)
    assert not go(overdue, Sign(by=SIGNER)).reads_as(order)
    assert order.review_at is not None
    assert not go(order, ReviewDue(), now=order.review_at).reads_as(order)  # it is expired: read anew
