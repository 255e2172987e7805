"""受理与账号: how a transition message is read, how guessing is slowed, what the settings refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.words import TEXT
from console.words.codes import CODES
from services.dispatch.accounts.account import (
    TRIES_PER_ADDRESS,
    TRIES_PER_USER_AND_ADDRESS,
    TRIES_WINDOW,
    Account,
    SecretKind,
    TryLimiter,
)
from services.dispatch.accounts.service import account_from, demo_accounts, hash_secret, proves
from services.dispatch.callouts.matter import Grade, Via
from services.dispatch.incidents.calls import GAPS, GRADES, VIAS, told
from services.dispatch.orders.service import is_registered, trigger_of
from services.dispatch.roster.who import GapReason
from services.dispatch.settings import read_settings
from shared.errors import Invalid
from shared.settings import Env, SettingError
from shared.vocabulary import Level, Role, Verification
from tests.support.dispatch import transition
from tests.support.resources import sample_pack

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)
ENV = {"FENGSUI_DISTRICT": "500114", "FENGSUI_DSN": "sqlite:////s.db", "FENGSUI_PACKS": "/p", "FENGSUI_KEY_FILE": "/k"}


# --- transitions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "verification", "confirmed", "ordering", "leaving", "ended"),
    [
        ("red", "confirmed", "red", Level.RED, Level.NORMAL, False),
        ("red", "unconfirmed", "yellow", Level.YELLOW, Level.NORMAL, False),
        ("red", "unverified", "yellow", Level.YELLOW, Level.RED, False),
        ("yellow", "refuted", "yellow", Level.YELLOW, Level.NORMAL, True),
        ("normal", "confirmed", "normal", Level.NORMAL, Level.NORMAL, True),
        ("orange", "confirmed", "orange", Level.ORANGE, Level.NORMAL, False),
    ],
)
def test_what_a_transition_may_order(
    to: str, verification: str, confirmed: str, ordering: Level, leaving: Level, ended: bool
) -> None:
    trigger, over = trigger_of(transition(to=to, verification=verification, confirmed=confirmed))
    assert (trigger.ordering, trigger.leaving, over) == (ordering, leaving, ended)


def test_a_missing_confirmed_level_never_orders_what_is_in_doubt() -> None:
    body = transition(verification="unconfirmed")
    body["transition"]["confirmed_level"] = None
    trigger, _ = trigger_of(body)
    assert (trigger.verification, trigger.ordering) == (Verification.UNCONFIRMED, Level.NORMAL)


def test_a_notice_brings_its_own_hazard_and_areas() -> None:
    body = transition("notice.signal", notice={"hazard": "11B37", "areas": ["500114006"]})
    trigger, _ = trigger_of(body)
    assert (trigger.hazard, trigger.areas) == ("11B37", ("500114006",))


def test_only_the_rosters_number_is_rung_back() -> None:
    pack = sample_pack()
    post, row = next(iter(pack.roster.items()))
    assert is_registered(pack, post, row.contacts[0][1])
    assert not is_registered(pack, post, "19999999999")
    assert not is_registered(pack, "nobody", row.contacts[0][1])


def test_a_call_is_told_in_words() -> None:
    body: dict[str, Any] = {
        "person": "演示人员001",
        "called": [{"person": "演示人员002", "kind": "deputy"}],
        "level": "red",
    }
    entry = told("C-0001", "deputy_called", "zs-mayor", NOW, None, None, body)
    assert entry.text_zh == "C-0001 zs-mayor 演示人员001 转叫代理人（红色）：呼叫 演示人员002"
    answer = {"person": "演示人员001", "grade": "acting", "via": "keypad"}
    entry = told("C-0001", "answered", "zs-mayor", NOW, None, None, answer)
    assert entry.text_zh == "C-0001 zs-mayor 演示人员001 已应答（已行动，按键）"
    assert entry.text_en == "C-0001 zs-mayor 演示人员001 answered (acting, by key)"
    finding = {"verdict": "refute", "ground": "溪水不浑"}
    assert told("C-0001", "finding", None, NOW, None, None, finding).text_zh.endswith("现场核实结论：排除，溪水不浑")
    assert told("C-0001", "brand_new", None, NOW, None, None, None).text_zh.endswith("brand_new")


def test_a_timeline_says_in_words_what_the_screens_say() -> None:
    """No code stands in a line; the same answer has the same words on the terminal, the board and the timeline."""
    assert {grade.value for grade in Grade} == GRADES.keys()
    assert {via.value for via in Via} == VIAS.keys()
    assert {reason.value for reason in GapReason} == GAPS.keys()
    assert {grade: CODES[grade] for grade in GRADES} == GRADES
    for reason, words in GAPS.items():
        assert TEXT[f"gap_{reason}"] == words


# --- accounts --------------------------------------------------------------------------------------------------


def test_guessing_is_slowed_for_who_guesses_and_for_nobody_else() -> None:
    limiter = TryLimiter()
    for _ in range(TRIES_PER_USER_AND_ADDRESS):
        assert not limiter.refuses("officer", "10.0.0.9", NOW)
        limiter.failed("officer", "10.0.0.9", NOW)
    assert limiter.refuses("officer", "10.0.0.9", NOW)
    assert not limiter.refuses("officer", "10.0.0.1", NOW)
    assert not limiter.refuses("officer", "10.0.0.9", NOW + TRIES_WINDOW)


def test_guessing_many_names_from_one_place_is_slowed_too() -> None:
    limiter = TryLimiter()
    for number in range(TRIES_PER_ADDRESS):
        limiter.failed(f"user-{number}", "10.0.0.9", NOW)
    assert limiter.refuses("officer", "10.0.0.9", NOW + timedelta(seconds=1))


def test_a_right_secret_forgives_the_failures_before() -> None:
    limiter = TryLimiter()
    for _ in range(TRIES_PER_USER_AND_ADDRESS - 1):
        limiter.failed("officer", "a", NOW)
    limiter.succeeded("officer", "a")
    limiter.failed("officer", "a", NOW)
    assert not limiter.refuses("officer", "a", NOW)


def test_secrets_prove_only_their_own_account() -> None:
    key, password = "k" * 32, "correct horse"
    by_key = Account(username="warning", kind=SecretKind.KEY, roles=("service",))
    person = Account(username="zhang", kind=SecretKind.PASSWORD, roles=("duty_officer",))
    gone = Account(username="li", kind=SecretKind.KEY, roles=("duty_officer",), disabled=True)
    assert proves((by_key, hash_secret(SecretKind.KEY, key)), key)
    assert not proves((by_key, hash_secret(SecretKind.KEY, key)), key + "x")
    assert proves((person, hash_secret(SecretKind.PASSWORD, password)), password)
    assert not proves((person, hash_secret(SecretKind.PASSWORD, password)), "wrong horse")
    assert not proves((gone, hash_secret(SecretKind.KEY, key)), key)
    assert not proves(None, key)


@pytest.mark.parametrize(("kind", "secret"), [(SecretKind.PASSWORD, "short"), (SecretKind.KEY, "guessable")])
def test_weak_secrets_are_refused(kind: SecretKind, secret: str) -> None:
    with pytest.raises(Invalid):
        hash_secret(kind, secret)


def test_demo_users_fill_the_posts_that_sign_and_lift() -> None:
    pack = sample_pack()
    users = {account.username: account for account in demo_accounts(pack)}
    assert set(users) == {role.value for role in Role} - {"service"}
    assert {row.signer for row in pack.authority} <= set(users["issuer"].posts)
    assert {row.lifter for row in pack.authority} <= set(users["commander"].posts)
    assert users["village"].areas != ("*",)
    assert all("actual" not in account.realms for account in users.values())


def test_an_entry_of_the_accounts_file_names_what_it_lacks() -> None:
    account, hashed = account_from({"username": "warning", "key": "k" * 32, "roles": ["service"]})
    assert (account.kind, proves((account, hashed), "k" * 32)) == (SecretKind.KEY, True)
    with pytest.raises(KeyError):
        account_from({"username": "warning"})


# --- settings --------------------------------------------------------------------------------------------------


def test_settings_read_carriers_and_default_the_callback() -> None:
    carriers = json.dumps([{"name": "telecom", "url": "https://t.example", "secret": "s", "channels": ["voice"]}])
    env = ENV | {
        "FENGSUI_SIMULATOR_URL": "http://127.0.0.1:9",
        "FENGSUI_SIMULATOR_SECRET": "x",
        "FENGSUI_CARRIERS": carriers,
        "FENGSUI_DISPATCH_URL": "http://127.0.0.1:8002",
    }
    settings = read_settings(Env(env))
    assert [carrier.name for carrier in settings.carriers] == ["simulator", "telecom"]
    assert settings.callback_url == "http://127.0.0.1:8002"
    assert settings.key_file == Path("/k")


@pytest.mark.parametrize(
    "more",
    [
        {"FENGSUI_KEY_FILE": ""},
        {"FENGSUI_SIMULATOR_URL": "http://127.0.0.1:9"},
        {"FENGSUI_CARRIERS": "telecom"},
        {"FENGSUI_CARRIERS": '[{"name": "simulator", "url": "http://x", "secret": "s"}]'},
        {"FENGSUI_CARRIERS": '[{"name": "telecom"}]'},
    ],
)
def test_wrong_settings_are_refused_by_name(more: dict[str, str]) -> None:
    with pytest.raises(SettingError):
        read_settings(Env(ENV | more))
