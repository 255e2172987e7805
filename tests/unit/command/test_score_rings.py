"""The judge of one person's ringing: the cadence told anew, and each way in which a phone may ring otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from services.command.score.rings import judge_person, overlapping, slot_after, wants_by_person
from services.command.score.told import Call
from services.command.score.wanted import Want, WantKey
from shared.vocabulary import Level
from tests.unit.command.test_score_climb import ALLOW, CLOCKS, RED, at

Wants = Mapping[WantKey, Want]
Change = tuple[datetime, Wants]


def want(level: Level = Level.RED, since: float = 0, name: str = "a", person: str = "甲") -> Want:
    return Want(person=person, key=("C-0001", "T", f"{name}#act", 1), level=level, since=at(since))


def change(minutes: float, *wants: Want) -> Change:
    return at(minutes), {each.key: each for each in wants}


def call(minutes: float, ends: float | None, result: str | None = "no_answer", no: int = 0, person: str = "甲") -> Call:
    return Call(
        attempt_id=f"A-{no or minutes}",
        person=person,
        channel="voice",
        carrier="simulator",
        at=at(minutes),
        answered_at=None,
        ended_at=at(ends) if ends is not None else None,
        result=result if ends is not None else None,
    )


BEGINS = change(0, want())
OVER = change(4.4)


@pytest.mark.parametrize(
    ("what", "changes", "calls", "until", "says"),
    [
        ("the cadence", [BEGINS, OVER], [call(0, 0.7), call(2, 2.7), call(4, 4.4, "answered")], 30, []),
        ("then every five", [BEGINS], [call(0, 0.7), call(2, 2.7), call(4, 4.7), call(9, 9.7)], 13, []),
        ("before its slot", [BEGINS], [call(0, 0.7), call(1.5, 1.9)], 1.95, ["before the cadence"]),
        ("long after its slot", [BEGINS], [call(0, 0.7), call(3, 3.2)], 3.3, ["after the cadence"]),
        ("not at all", [BEGINS], [call(0, 0.7)], 4, ["did not ring"]),
        ("for nobody", [BEGINS, change(1)], [call(0, 1, "answered"), call(2, 2.4)], 5, ["nothing was to be said"]),
        ("busy: again in a minute", [BEGINS], [call(0, 0.1, "busy"), call(1.1, 1.8)], 1.9, []),
        ("busy is not absent", [BEGINS], [call(0, 0.1, "busy"), call(2, 2.4)], 2.45, ["after the cadence"]),
        ("a carrier that failed", [BEGINS], [call(0, 0.1, "carrier_failed"), call(0.6, 1.2)], 1.9, []),
        ("out of reach is not judged", [BEGINS], [call(0, 0.1, "unreachable"), call(7, 7.7)], 8, []),
        ("never rung at all: withdrawn", [BEGINS, change(0.1)], [call(0, 0.1, "withdrawn")], 9, []),
        (
            "queued and taken back in the batch of the answer",
            [BEGINS, change(2)],
            [call(0, 0.7), call(2, 3, "withdrawn")],
            9,
            [],
        ),
        (
            "wanted, queued, answered and taken back in one batch",
            [BEGINS, change(1), change(2)],
            [call(0, 0.7, "answered"), call(2, 3, "withdrawn")],
            9,
            [],
        ),
        (
            "withdrawn, but queued after the answer",
            [BEGINS, change(1.5)],
            [call(0, 0.7), call(2, 3, "withdrawn")],
            9,
            ["nothing was to be said"],
        ),
        (
            "a worse matter begins anew",
            [change(0, want(Level.ORANGE)), change(1, want(Level.ORANGE), want(name="b", since=1))],
            [call(0, 0.7), call(1.05, 1.7), call(3, 3.5)],
            4,
            [],
        ),
        (
            "a lesser one joins the next ring",
            [BEGINS, change(1, want(), want(Level.ORANGE, 1, "b"))],
            [call(0, 0.7), call(2, 2.7)],
            3,
            [],
        ),
        (
            "and has no cadence of its own",
            [BEGINS, change(1, want(), want(Level.ORANGE, 1, "b"))],
            [call(0, 0.7), call(1.05, 1.6), call(2, 2.7)],
            3,
            ["before the cadence"],
        ),
        (
            "another as bad shares the next ring within three minutes",
            [BEGINS, change(1, want(), want(name="b", since=1))],
            [call(0, 0.7), call(2, 2.7)],
            3,
            [],
        ),
        (
            "all was answered for him while he was rung, and something new came at that instant",
            [BEGINS, change(2.3, want(name="b", since=2.3))],
            [call(0, 0.7), call(2, 2.7, "answered"), call(3.05, 3.6)],
            3.9,
            [],
        ),
        (
            "but no sooner than a line rests",
            [BEGINS, change(2.3, want(name="b", since=2.3))],
            [call(0, 0.7), call(2, 2.7, "answered"), call(2.9, 3.6)],
            3.9,
            ["before the cadence"],
        ),
        (
            "nor where something of before still stands",
            [BEGINS, change(2.3, want(), want(name="b", since=2.3))],
            [call(0, 0.7), call(2, 2.7, "answered"), call(3.05, 3.6)],
            3.9,
            ["before the cadence"],
        ),
    ],
)
def test_the_worst_matters_cadence_is_the_only_one(
    what: str, changes: list[Change], calls: list[Call], until: float, says: list[str]
) -> None:
    found = [finding.en for finding in judge_person("甲", changes, calls, CLOCKS, ALLOW, at(until)).findings]
    assert len(found) == len(says), (what, found)
    assert all(part in text for part, text in zip(says, found, strict=True)), (what, found)


def test_a_line_that_was_answered_and_asks_anew_at_one_instant_begins_another_cadence() -> None:
    """The superior answers for the post; in the same batch another village's red comes to the same line."""
    one = [(at(0), (want(),)), (at(4), ()), (at(4), (want(name="b", since=4),))]
    history = wants_by_person([one])["甲"]
    assert [(when, len(wants)) for when, wants in history] == [(at(0), 1), (at(4), 0), (at(4), 1)]
    calls = [call(0, 0.7, no=1), call(2, 2.7, no=2), call(4, 4.7, no=3), call(6, 6.7, no=4)]
    assert judge_person("甲", history, calls, CLOCKS, ALLOW, at(7)).findings == []
    as_before = [call(0, 0.7, no=1), call(2, 2.7, no=2), call(5, 5.7, no=3)]
    assert judge_person("甲", history, as_before, CLOCKS, ALLOW, at(6)).findings != []


def test_another_line_that_joins_at_the_instant_of_an_answer_goes_on_with_the_cadence() -> None:
    """Which of the two came first their logs do not tell."""
    one, other = [(at(0), (want(),)), (at(4), ())], [(at(4), (want(name="b", since=4),))]
    assert [(when, len(wants)) for when, wants in wants_by_person([one, other])["甲"]] == [(at(0), 1), (at(4), 1)]


def test_slots_that_passed_are_not_made_up() -> None:
    assert slot_after(at(0), None, RED) == at(0)
    assert slot_after(at(0), at(3), RED) == at(4)
    assert slot_after(at(0), at(17), RED) == at(19)


def test_two_live_calls_of_one_person_are_found_and_of_two_are_none() -> None:
    first, second = call(0, 2, no=1), call(1, 3, no=2)
    assert [finding.subject for finding in overlapping([first, second])] == ["甲"]
    assert overlapping([first, call(1, 3, no=2, person="乙")]) == []
    assert overlapping([first, call(2, 3, no=2)]) == []
    assert len(overlapping([call(0, None, no=1), call(5, 6, no=2)])) == 1


def test_what_a_person_is_to_hear_is_one_list_over_all_lines() -> None:
    one = [(at(0), (want(),)), (at(4), ())]
    other = [(at(1), (want(name="b", since=1), want(name="c", person="乙")))]
    found = wants_by_person([one, other])
    assert [(when, len(wants)) for when, wants in found["甲"]] == [(at(0), 1), (at(1), 2), (at(4), 1)]
    assert [(when, len(wants)) for when, wants in found["乙"]] == [(at(1), 1)]
