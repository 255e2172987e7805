"""预警一生: every state against every act, refused ones too; what new facts void; what may reach the public."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from services.warning.alerts import life as lives
from services.warning.alerts.alert import AlertState as S
from services.warning.alerts.life import (
    TABLE,
    Act,
    Approval,
    Facts,
    Life,
    Purpose,
    Standing,
    approve,
    may_release,
    may_withdraw,
    on_version,
    persons_needed,
    redraft,
    released,
    simple,
    withdrawn,
)
from services.warning.alerts.life import Refusal as R
from services.warning.alerts.reach import Reach, reach, root_of, topics_of
from services.warning.alerts.signing import REFUSALS
from shared.vocabulary import AlertScope, Level, MsgType, Status

NOW = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
RED = Facts(level=Level.RED, confirmed_level=Level.RED, scope=AlertScope.PUBLIC, is_over=False)
OVER = replace(RED, level=Level.NORMAL, confirmed_level=Level.NORMAL, is_over=True)
PUBLIC = Standing(no=1, identifier="a.p1", content="said", state=S.RELEASED)
BOTH = frozenset({"a", "b"})
TERMINAL = (S.CANCELLED, S.ENDED)


def approval(who: str, digest: str = "d", voice: str | None = None) -> Approval:
    return Approval(
        digest=digest,
        holder=who,
        owner=who,
        key_id=f"key-{who}",
        signature="s",
        signed_at=NOW,
        at=NOW,
        voice=voice,
    )


def alive(state: S) -> Life:
    """A life in a state, with something in public where the state says so."""
    content = "said" if state in (S.RELEASED, S.UPDATED) else "new"
    public = replace(PUBLIC, state=state) if state in (S.RELEASED, S.UPDATED) else None
    return Life(state=state, step=3, content=content, approvals=(approval("a"),), public=public)


def acted(life: Life, act: Act) -> S | R:
    """The state after an act that has all it needs, or why not."""
    if act is Act.UPDATE:
        done = redraft(life, "other", "writer", RED)
    elif act is Act.APPROVE:
        done = approve(life, Purpose.PUBLISH, approval("b"), frozenset({"b"}), RED)
    elif act in (Act.RETURN, Act.REJECT, Act.HAND_OVER):
        done = simple(life, act)
    elif act is Act.RELEASE:
        refused = may_release(life, BOTH, RED)
        return refused or released(life, 2, "a.p2").state
    else:
        purpose = Purpose.CANCEL if act is Act.CANCEL else Purpose.END
        refused = may_withdraw(life, purpose, BOTH, OVER, 2)
        return refused or withdrawn(life, purpose).state
    return done.refused or done.life.state


TRUTH: dict[S, dict[Act, S | R]] = {
    S.DRAFT: {
        Act.UPDATE: S.DRAFT,
        Act.APPROVE: S.APPROVED,
        Act.RETURN: S.RETURNED,
        Act.REJECT: S.REJECTED,
        Act.HAND_OVER: R.NOT_APPROVED,
        Act.RELEASE: R.NOT_APPROVED,
        Act.CANCEL: R.NOT_RELEASED,
        Act.END: R.NOT_RELEASED,
    },
    S.RETURNED: {
        Act.UPDATE: S.DRAFT,
        Act.APPROVE: R.RETURNED,
        Act.RETURN: R.RETURNED,
        Act.REJECT: S.REJECTED,
        Act.HAND_OVER: R.NOT_APPROVED,
        Act.RELEASE: R.NOT_APPROVED,
        Act.CANCEL: R.NOT_RELEASED,
        Act.END: R.NOT_RELEASED,
    },
    S.REJECTED: {
        Act.UPDATE: S.DRAFT,
        Act.APPROVE: R.REJECTED,
        Act.RETURN: R.REJECTED,
        Act.REJECT: R.REJECTED,
        Act.HAND_OVER: R.REJECTED,
        Act.RELEASE: R.REJECTED,
        Act.CANCEL: R.NOT_RELEASED,
        Act.END: R.NOT_RELEASED,
    },
    S.APPROVED: {
        Act.UPDATE: S.DRAFT,
        Act.APPROVE: S.APPROVED,
        Act.RETURN: S.RETURNED,
        Act.REJECT: S.REJECTED,
        Act.HAND_OVER: S.HANDED_OVER,
        Act.RELEASE: S.RELEASED,
        Act.CANCEL: R.NOT_RELEASED,
        Act.END: R.NOT_RELEASED,
    },
    S.HANDED_OVER: {
        Act.UPDATE: S.DRAFT,
        Act.APPROVE: S.HANDED_OVER,
        Act.RETURN: S.RETURNED,
        Act.REJECT: S.REJECTED,
        Act.HAND_OVER: R.ALREADY_HANDED_OVER,
        Act.RELEASE: S.RELEASED,
        Act.CANCEL: R.NOT_RELEASED,
        Act.END: R.NOT_RELEASED,
    },
    **{
        standing: {
            Act.UPDATE: S.DRAFT,
            Act.APPROVE: R.ALREADY_RELEASED,
            Act.RETURN: R.NOTHING_PROPOSED,
            Act.REJECT: R.NOTHING_PROPOSED,
            Act.HAND_OVER: R.NOTHING_PROPOSED,
            Act.RELEASE: R.ALREADY_RELEASED,
            Act.CANCEL: S.CANCELLED,
            Act.END: S.ENDED,
        }
        for standing in (S.RELEASED, S.UPDATED)
    },
    S.CANCELLED: {**dict.fromkeys(Act, R.CANCELLED), Act.UPDATE: S.DRAFT},
    S.ENDED: dict.fromkeys(Act, R.ENDED),
}


@pytest.mark.parametrize(("state", "act"), list(product(S, Act)))
def test_every_state_against_every_act(state: S, act: Act) -> None:
    assert acted(alive(state), act) == TRUTH[state][act]


def test_the_table_is_whole_and_every_refusal_has_words() -> None:
    assert set(TABLE) == set(S)
    assert all(set(row) == set(Act) for row in TABLE.values())
    assert set(REFUSALS) == set(R)


@pytest.mark.parametrize("state", [S.DRAFT, S.RETURNED, S.REJECTED, S.APPROVED, S.HANDED_OVER])
def test_what_stands_in_public_can_be_ended_whatever_is_proposed(state: S) -> None:
    life = replace(alive(state), public=PUBLIC)
    assert acted(life, Act.CANCEL) is S.CANCELLED
    assert acted(life, Act.END) is S.ENDED
    assert may_withdraw(life, Purpose.END, BOTH, RED, 2) is R.STILL_OPEN
    assert may_withdraw(life, Purpose.CANCEL, frozenset({"a"}), RED, 2) is R.APPROVALS_MISSING


@pytest.mark.parametrize(
    ("level", "scope", "persons"),
    [
        (level, scope, 2 if level is Level.RED or scope is AlertScope.PUBLIC else 1)
        for level, scope in product(Level, AlertScope)
    ],
)
def test_red_and_everything_public_need_two(level: Level, scope: AlertScope, persons: int) -> None:
    assert persons_needed(level, scope) == persons


@pytest.mark.parametrize(("level", "confirmed"), list(product(Level, Level)))
def test_an_unconfirmed_level_is_neither_approved_nor_released(level: Level, confirmed: Level) -> None:
    facts = replace(RED, level=level, confirmed_level=confirmed)
    may = Level.NORMAL.rank < level.rank <= confirmed.rank
    done = approve(alive(S.DRAFT), Purpose.PUBLISH, approval("b"), frozenset({"b"}), facts)
    assert (done.refused is None) is may
    assert (may_release(alive(S.APPROVED), BOTH, facts) is None) is may


def test_two_keys_of_one_person_and_one_key_twice_are_one() -> None:
    life = Life(state=S.DRAFT, step=1, content="new")
    one = approve(life, Purpose.PUBLISH, approval("a"), frozenset({"a"}), RED).life
    again = approve(one, Purpose.PUBLISH, replace(approval("a"), key_id="other"), frozenset({"a"}), RED)
    assert (again.life, again.refused) == (one, None)
    renamed = replace(approval("a"), holder="演示人员001", key_id="other")  # enrolled with a name since
    assert approve(one, Purpose.PUBLISH, renamed, frozenset({"a"}), RED).life.state is S.DRAFT
    assert approve(one, Purpose.PUBLISH, approval("b"), frozenset({"b"}), RED).life.state is S.APPROVED


def test_a_voice_is_a_second_person_and_never_the_same() -> None:
    life = Life(state=S.DRAFT, step=1, content="new")
    assert approve(life, Purpose.PUBLISH, approval("a", voice="b"), frozenset({"a"}), RED).life.state is S.APPROVED
    assert approve(life, Purpose.PUBLISH, approval("a", voice="a"), frozenset({"a"}), RED).refused is R.SAME_PERSON
    one = approve(life, Purpose.PUBLISH, approval("b"), frozenset({"b"}), RED).life
    assert approve(one, Purpose.PUBLISH, approval("b", voice="c"), frozenset({"b"}), RED).life.state is S.APPROVED


def test_who_wrote_it_never_approves_it_whichever_name_he_signs_with() -> None:
    written = redraft(Life(state=S.DRAFT, step=1), "new", "演示人员001", RED).life
    written = redraft(written, "new", "second", RED).life
    for names in ({"issuer", "演示人员001"}, {"second"}):
        done = approve(written, Purpose.PUBLISH, approval("a"), frozenset(names), RED)
        assert done.refused is R.DRAFTER_APPROVES


@pytest.mark.parametrize("state", list(S))
def test_new_facts(state: S) -> None:
    life = alive(state)
    same = on_version(life, life.content, RED)
    assert same == life, "what says the same changes nothing"
    other = on_version(life, "other", RED)
    assert other.public == life.public, "facts end nothing that stands in public"
    if state is S.ENDED:
        assert other == life
    else:
        assert (other.state, other.approvals, other.drafters) == (S.DRAFT, (), ())
    over = on_version(life, "other", OVER)
    if life.public is not None:
        assert (over.state, over.public) == (life.public.state, life.public)
    else:
        assert over.state is (S.CANCELLED if state is S.CANCELLED else S.ENDED)
    assert on_version(over, "other", OVER).state is over.state


def test_facts_that_return_to_what_stands_in_public_propose_nothing() -> None:
    pending = Life(state=S.APPROVED, step=5, content="new", approvals=(approval("a"),), public=PUBLIC)
    back = on_version(pending, "said", RED)
    assert (back.state, back.approvals) == (S.RELEASED, ())


def test_persons_whose_key_was_lost_do_not_count() -> None:
    signed = (approval("a"), approval("b", voice="c"), approval("d", digest="other"))
    assert lives.persons_of(signed, "d") == {"a", "b", "c"}
    assert lives.persons_of(signed, "d", {"key-b"}) == {"a"}


@pytest.mark.parametrize("realm", ["actual", "x-live", "x-flood-night"])
@pytest.mark.parametrize("status", list(Status))
def test_what_may_reach_whom(realm: str, status: Status) -> None:
    for scope, msg_type, state in product(AlertScope, MsgType, S):
        said = scope is AlertScope.PUBLIC and state in (S.RELEASED, S.UPDATED, S.CANCELLED, S.ENDED)
        said = said and msg_type in (MsgType.ALERT, MsgType.UPDATE, MsgType.CANCEL)
        expected = Reach.NOBODY
        if said and (realm, status) == ("actual", Status.ACTUAL):
            expected = Reach.PUBLIC
        elif said and realm != "actual" and status is Status.EXERCISE:
            expected = Reach.EXERCISE
        assert reach(realm, status, scope, msg_type, state) is expected, (scope, msg_type, state)


@pytest.mark.parametrize(
    ("realm", "root"),
    [
        ("actual", "fengsui/500114"),
        ("x-live", "fengsui-x/500114/live"),
        ("x-flood-night", "fengsui-x/500114/flood-night"),
    ],
)
def test_the_realm_alone_makes_the_topic(realm: str, root: str) -> None:
    assert root_of(realm, "500114") == root
    plain, cap = topics_of(realm, "500114", "500114112", "a-1")
    assert (plain, cap) == (f"{root}/alerts/500114112/a-1", f"{root}/alerts/500114112/a-1/cap")


@pytest.mark.parametrize(
    ("realm", "district", "region", "alert_id"),
    [
        ("x-", "500114", "500114112", "a"),
        ("x-a/../../fengsui", "500114", "500114112", "a"),
        ("Actual", "500114", "500114112", "a"),
        ("actual", "5001/14", "500114112", "a"),
        ("actual", "500114", "#", "a"),
        ("actual", "500114", "500114112", "a/b"),
        ("actual", "500114", "500114112", "+"),
    ],
)
def test_nothing_crooked_makes_a_topic(realm: str, district: str, region: str, alert_id: str) -> None:
    with pytest.raises(ValueError, match="no topic"):
        topics_of(realm, district, region, alert_id)
