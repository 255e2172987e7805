"""The console's pure parts: which realm, what the strip says when something is not known, who may come in."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

import console
from console.forms import REUSED, SILENT, STALE, Form, Trouble, refused
from console.peers import Asked
from console.realms import RealmView, choose_realm, realms_of
from console.rooms import ROOMS
from console.session import officer_of, same_origin, take_link
from console.strip import strip_of
from console.times import age, clock, figure, left, span, unit_of
from console.words import CODES, TEXT, Words
from console.words import ROOMS as WORDS
from console.words.public import TEXT as PUBLIC_TEXT
from services.dispatch.callouts.line import PartyKind, PartyState
from services.dispatch.callouts.matter import Purpose
from shared.errors import Forbidden
from shared.ids import sha256_hex
from shared.realm import parse_time

NOW = parse_time("2024-06-27T15:00:00Z")
LIVE = RealmView("x-live", 1.0, NOW, None, None)
AWAY = Asked(wrong="dispatch: ConnectError")


def drill(name: str, w0: str, *, runs: bool = True) -> RealmView:
    return RealmView(f"x-{name}", 60.0, NOW if runs else None, "2024-06-27T14:00:00Z", w0)


def told(numbers: dict[str, Any] | None = None, **changed: Any) -> Asked:
    body = {"ready": True, "wrong": {}, "notes": {}, "waiting": 0, "parked": 0, "numbers": numbers or {}}
    return Asked(body=body | changed, status=200)


def help_of(unverified: int) -> dict[str, Any]:
    return {"need_help": {"unverified": unverified, "verified": 5}, "safe": {"unverified": 9}}


def answers(**changed: Asked) -> dict[str, Asked]:
    calls = {"unanswered": 0, "oldest_unanswered_at": None}
    calm = {
        "warning": told({"stations": {"living": 3}}),
        "dispatch": told({"orders": {}, "callouts": calls, "checkins": help_of(0)}),
        "resources": told(),
    }
    return calm | changed


def test_the_page_opens_on_the_drill_that_runs() -> None:
    old, new = drill("a", "2026-11-23T17:00:00Z"), drill("b", "2026-11-23T18:00:00Z")
    assert choose_realm([LIVE], "x-live", None) == LIVE
    assert choose_realm([LIVE, old, new], "x-live", None) == new
    assert choose_realm([LIVE, old, new], "x-live", "x-a") == old
    assert choose_realm([LIVE, drill("c", "2026-11-23T19:00:00Z", runs=False)], "x-live", None) == LIVE
    assert choose_realm([LIVE], "x-live", "x-nowhere") is None


def test_realms_of_an_away_warning_are_none() -> None:
    assert realms_of(AWAY) == ([], "")


def test_the_strip_counts() -> None:
    by_state = {"in_force": 1, "awaiting_signature": 1, "proposed": 1, "lifted": 700, "revoked": 1}
    calls = {"unanswered": 5, "oldest_unanswered_at": "2024-06-27T14:50:00Z"}
    strip = strip_of(
        answers(
            warning=told(
                {"stations": {"living": 1, "silent": 1, "never": 2, "maintenance": 4}},
                notes={"broker": "demo broker"},
                waiting=4,
            ),
            dispatch=told({"orders": by_state, "callouts": calls, "checkins": help_of(2)}, parked=1, waiting=1),
        )
    )
    assert (strip.open_orders, strip.waiting_signature) == (3, 2)
    assert (strip.unanswered, strip.oldest_at) == (5, "2024-06-27T14:50:00Z")
    assert strip.stale == 3
    assert (strip.waiting, strip.parked) == (5, 1)
    assert strip.help_unverified == 2
    assert strip.notes == [("warning", "broker: demo broker")]
    assert strip.wrong == []


def test_nothing_to_count_is_zero() -> None:
    strip = strip_of(answers())
    counted = (strip.open_orders, strip.waiting_signature, strip.unanswered, strip.stale, strip.waiting, strip.parked)
    assert (*counted, strip.help_unverified) == (0,) * 7
    assert strip.oldest_at is None


def test_who_may_not_read_checkins_has_no_number_of_them() -> None:
    strip = strip_of(answers(dispatch=told({"orders": {}, "callouts": None})))
    assert (strip.sees_help, strip.help_unverified) == (False, None)


def test_what_a_service_could_not_count_is_not_known() -> None:
    cannot = {"orders": None, "callouts": None, "checkins": None}
    wrong = {"storage": "OperationalError: disk full"}
    strip = strip_of(answers(dispatch=told(cannot, ready=False, wrong=wrong, waiting=None, parked=None)))
    assert (strip.open_orders, strip.waiting_signature, strip.unanswered) == (None, None, None)
    assert (strip.waiting, strip.parked, strip.help_unverified, strip.sees_help) == (None, None, None, True)
    assert strip.stale == 0
    assert strip.wrong == [("dispatch", "storage: OperationalError: disk full")]


def test_what_is_not_known_is_never_a_zero() -> None:
    strip = strip_of(answers(dispatch=AWAY, warning=Asked(wrong="warning: ReadTimeout")))
    assert (strip.help_unverified, strip.sees_help) == (None, True)
    assert strip.open_orders is None
    assert strip.waiting_signature is None
    assert strip.unanswered is None
    assert strip.stale is None
    assert strip.waiting is None
    assert strip.parked is None
    assert strip.wrong == [("warning", "warning: ReadTimeout"), ("dispatch", "dispatch: ConnectError")]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59, "0:59"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (-5, "0:00")]
)
def test_how_long_ago(seconds: int, shown: str) -> None:
    assert span("2024-06-27T15:00:00Z", NOW + timedelta(seconds=seconds)) == shown


def test_countdowns_and_clocks() -> None:
    assert left("2024-06-27T15:01:30Z", NOW) == "1:30"
    assert left("2024-06-27T14:59:30Z", NOW) == "-0:30"
    assert left(None, NOW) == left("2024-06-27T15:01:30Z", None) == span(None, NOW) == "—"
    assert clock("2024-06-27T15:00:00Z") == "06-27 23:00:00"
    assert clock(None) == "—"


@pytest.mark.parametrize(
    ("minutes", "zh", "en"),
    [
        (0, "<1分", "<1min"),
        (59, "59分", "59min"),
        (60, "1时00分", "1h00"),
        (47 * 60 + 5, "47时05分", "47h05"),
        (48 * 60, "2天", "2d"),
    ],
)
def test_ages_are_rough_and_the_same_words_as_the_scripts(minutes: int, zh: str, en: str) -> None:
    at = "2024-06-27T15:00:00Z"
    assert age(at, NOW + timedelta(minutes=minutes)) == zh
    assert age(at, NOW + timedelta(minutes=minutes), "en") == en
    assert age(None, NOW) == age(at, None) == "—"


def test_figures_and_units_as_people_write_them() -> None:
    assert [figure(value) for value in (None, 101.5, 100, 0.126, -0.001)] == ["—", "101.5", "100", "0.13", "0"]
    assert [unit_of(name) for name in ("rain_mm", "stage_m", "fire_index")] == ["mm", "m", ""]


def test_templates_use_words_that_are_there() -> None:
    folder = Path(console.__file__).parent / "templates"
    missing = [
        f"{path.relative_to(folder)}: {name}"
        for path in folder.rglob("*.html")
        for name in re.findall(r"\bt\('(\w+)'[),]", path.read_text("utf-8"))
        if name not in (PUBLIC_TEXT if path.is_relative_to(folder / "public") else TEXT)
    ]
    assert missing == []


@pytest.mark.parametrize(("prefix", "codes"), [("party_", PartyState), ("kind_of_", PartyKind), ("purpose_", Purpose)])
def test_every_code_of_a_call_has_a_word(prefix: str, codes: type[StrEnum]) -> None:
    assert [code for code in codes if prefix + code not in TEXT] == []


def test_every_word_is_there_in_both_languages() -> None:
    for table in (TEXT, CODES):
        assert all(zh and en for zh, en in table.values())
    assert len(TEXT) == sum(len(room.TEXT) for room in WORDS)  # no room takes another's word
    assert all(f"room_{room.name}" in TEXT for room in ROOMS)
    assert len({room.key for room in ROOMS}) == len(ROOMS)
    assert Words("en")("status") != Words("zh")("status")
    assert Words("fr").lang == "zh"
    assert Words("zh").code("never_heard_of") == Words("zh")("never_heard_of") == "never_heard_of"
    assert Words("en").pick({"zh": "暴雨"}) == "暴雨"


def token(**claims: Any) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'EdDSA'})}.{part(claims)}.{part('signature')}"


def test_the_officer_is_read_off_the_token() -> None:
    officer = officer_of(token(sub="值班员", roles=["duty_officer"], realm=["*"], exp=int(NOW.timestamp()) + 60))
    assert officer is not None
    assert officer.name == "值班员"
    assert not officer.expired(NOW)
    assert officer.expired(NOW + timedelta(seconds=60))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", token(sub="x"), token(exp=1), "x" * 5000])
def test_what_is_no_token(text: str) -> None:
    assert officer_of(text) is None


def test_a_link_logs_in_once(tmp_path: Path) -> None:
    (tmp_path / sha256_hex(b"code")).write_text("token\n")
    assert take_link(tmp_path, "other") is None
    assert take_link(tmp_path, "../x") is None
    assert take_link(tmp_path, "") is None
    assert take_link(None, "code") is None
    assert take_link(tmp_path, "code") == "token"
    assert take_link(tmp_path, "code") is None


def request(**headers: str) -> Request:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": [(b"host", b"127.0.0.1:8000"), *listed]})


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://127.0.0.1:8000"}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}],
)
def test_our_own_pages_may_post(headers: dict[str, str]) -> None:
    same_origin(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_no_other_sites_page_may_post(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        same_origin(request(**headers))


def test_pressing_again_asks_anew_after_a_refusal_and_the_same_where_nothing_is_known() -> None:
    form = Form(key="first")
    assert refused(form, Trouble({"zh": "仍有管控措施生效", "en": "measures are in force"}), ()).key != "first"
    assert refused(form, Trouble(STALE, is_stale=True), ()).key != "first"
    assert refused(form, Trouble(SILENT), ()).key == "first"
    assert refused(form, Trouble(REUSED), ()).key == "first"
