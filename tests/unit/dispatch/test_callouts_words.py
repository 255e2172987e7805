"""What is said: thirty seconds, worst first, 演练 at both ends, and only what was read out is covered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from services.dispatch.callouts.line import PartyKind, Want
from services.dispatch.callouts.matter import Basis, Grade, Purpose
from services.dispatch.callouts.words import (
    SPOKEN_ZH_MAX,
    TEXT_MAX,
    Frame,
    Lang,
    grade_of_key,
    interrupted,
    keys_of_reply,
    language_of,
    spoken,
    texted,
)
from shared.vocabulary import Level, Verification
from tests.unit.dispatch.callouts_builders import at, matter


class Names:
    """Checked words."""

    def place(self, scope: str) -> str:
        return {"999901101": "示例镇"}.get(scope, scope)

    def hazard(self, code: str, lang: Lang) -> str:
        return "暴雨" if lang is Lang.ZH else "Rainstorm"

    def hour(self, at: datetime) -> str:
        return f"{at:%H:%M}"


def want(level: Level = Level.RED, kind: PartyKind = PartyKind.HOLDER, minutes: float = 0, **changes: Any) -> Want:
    return Want(
        person="甲",
        case_id="C-0001",
        line_post="T-head",
        as_post="T-head",
        kind=kind,
        matter=matter(level, **changes),
        subject="演示人员004",
        since=at(minutes),
    )


def say(*wants: Want, exercise: bool = True, lang: Lang = Lang.ZH) -> Any:
    return spoken(wants, Names(), Frame(district="示例区", exercise=exercise), lang)


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("kind", list(PartyKind))
def test_an_exercise_begins_and_ends_with_the_word(lang: Lang, purpose: Purpose, kind: PartyKind) -> None:
    word = "演练" if lang is Lang.ZH else "EXERCISE"
    for compose in (spoken, texted):
        text = compose([want(kind=kind, purpose=purpose)], Names(), Frame(district="示例区", exercise=True), lang).text
        assert text.startswith(word)
        assert text.rstrip(" .。").endswith(word)
        assert len(text) <= (TEXT_MAX if compose is texted else 30 * 14)


def test_a_real_call_never_says_exercise() -> None:
    assert "演练" not in say(want(), exercise=False).text


@pytest.mark.parametrize(("lang", "word"), [(Lang.ZH, "演练中止，真实险情"), (Lang.EN, "EXERCISE STOPPED, REAL EVENT")])
def test_after_a_drill_that_a_real_event_stopped_the_first_words_say_so(lang: Lang, word: str) -> None:
    frame = Frame(district="示例区", exercise=False, after_drill=True)
    assert spoken([want()], Names(), frame, lang).text.startswith(word)
    assert texted([want()], Names(), frame, lang).text.startswith(word)
    assert interrupted("濯水镇暴雨红色" * 40, lang).startswith(word)
    assert len(interrupted("濯水镇暴雨红色" * 40, lang)) <= TEXT_MAX


def test_a_measurement_borrows_no_signals_name() -> None:
    text = say(want()).text
    assert "示例镇暴雨达到红色标准（实况）" in text
    assert "预警" not in text
    assert "信号" not in text


def test_a_notice_is_called_a_notice() -> None:
    assert "示例镇接到暴雨红色通知" in say(want(basis=Basis.NOTICE)).text


def test_go_and_look_be_ready() -> None:
    text = say(want(purpose=Purpose.VERIFY)).text
    assert "尚未核实" in text
    assert "前往查看" in text


def test_nobody_verified_is_said() -> None:
    assert "尚无人核实" in say(want(verification=Verification.UNVERIFIED)).text


def test_a_superior_hears_whom_to_stand_in_for() -> None:
    assert "演示人员004未应答，请您接替" in say(want(kind=PartyKind.SUPERIOR)).text


def test_worst_first_and_the_rest_is_not_covered() -> None:
    levels = (Level.ORANGE, Level.YELLOW, Level.BLUE)
    many = [want(level, matter_id=f"{level}/{p}", purpose=p) for level in levels for p in Purpose]
    red = want(Level.RED, matter_id="r/1", minutes=5)
    said = say(*many, red)
    assert said.read[0] == red
    assert 0 < said.left_out == len(many) + 1 - len(said.read)
    assert f"另有{said.left_out}项" in said.text
    assert len(said.text) <= SPOKEN_ZH_MAX
    worst_left_out = max(w.matter.level.rank for w in (*many, red) if w not in said.read)
    assert all(w.matter.level.rank >= worst_left_out for w in said.read)


def test_many_places_of_one_danger_are_one_sentence() -> None:
    """A township in a flash flood is one call, not one a village (duty_room.md A10)."""
    villages = [want(Level.ORANGE, matter_id=f"o/{n}", scope=f"第{n}村") for n in range(6)]
    said = say(want(), *villages)
    assert said.left_out == said.unnamed == 0
    assert "示例镇暴雨达到红色标准（实况）；第0村、第1村、第2村、第3村、第4村、第5村暴雨达到橙色标准" in said.text
    assert said.text.count("请立即到岗") == 1
    english = say(want(), *villages, lang=Lang.EN)
    assert "999901101" not in english.text
    assert len(english.read) == 7


def test_what_cannot_all_be_named_is_counted_and_listed_by_text() -> None:
    many = [want(Level.ORANGE, matter_id=f"o/{n}", scope=f"某某某某村民小组第{n}组") for n in range(9)]
    said = say(want(), *many)
    assert (said.left_out, len(said.read)) == (0, 10)
    assert said.unnamed > 0
    assert "等9处暴雨达到橙色标准" in said.text
    assert len(said.text) <= SPOKEN_ZH_MAX
    listed = texted(said.read, Names(), Frame(district="示例区", exercise=True))
    assert listed.unnamed == 0
    assert all(w.matter.scope in listed.text for w in many)


def test_different_requests_stay_apart() -> None:
    said = say(want(), want(Level.RED, purpose=Purpose.SIGN, matter_id="s"), want(Level.YELLOW, matter_id="y"))
    assert "请立即到岗，组织转移避险。示例镇暴雨红色管控措施1项等您签批。" in said.text
    assert said.text.index("等您签批") < said.text.index("黄色标准（实况）。请到岗值守")


def test_the_same_words_for_two_posts_are_said_once() -> None:
    twin = want(matter_id="b/1")
    said = say(want(), twin)
    assert len(said.read) == 2
    assert said.text.count("红色标准") == 1


@pytest.mark.parametrize(
    ("key", "grade"),
    [
        ("1", Grade.ACTING),
        ("2", Grade.UNDERSTOOD),
        ("3", Grade.CANNOT_ACT),
        ("9", Grade.WRONG_PERSON),
        ("0", None),
        ("5", None),
        ("#", None),
    ],
)
def test_keys(key: str, grade: Grade | None) -> None:
    assert grade_of_key(key) is grade


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        ("1", "1"),
        (" 1 收到", "1"),
        ("１", "1"),
        ("2。", "2"),
        ("9", "9"),
        ("12", ""),
        ("收到", ""),
        ("", ""),
        ("0", ""),
    ],
)
def test_replies(reply: str, key: str) -> None:
    assert keys_of_reply(reply) == key


def test_languages() -> None:
    assert language_of(("tujia", "en", "zh")) is Lang.EN
    assert language_of(()) is Lang.ZH
