"""The judge of a line, by hand-made logs: early, late, missed, out of order, or not what follows from the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.command.score.climb import LineJudge, judge_line
from services.command.score.stand_ins import judge_stand_ins
from services.command.score.told import Entry, LineTold, Party
from services.dispatch.callouts.clocks import Clocks, LevelClock, Stops
from shared.realm import parse_time
from shared.vocabulary import Level

START = parse_time("2026-06-27T19:07:00Z")
RED = LevelClock(together=frozenset({"second"}), door_after_s=480)
ORANGE = LevelClock(superior_after_s=600, next_superior_every_s=600, deputy_after_s=300, door_after_s=1200)
CIVIL = LevelClock(
    stops=Stops.UNDERSTOOD, attempts_s=(0, 900), then_every_s=1800, superior_after_s=2400, deputy_after_s=1200
)
LEVELS = {Level.BLUE: CIVIL, Level.YELLOW: CIVIL, Level.ORANGE: ORANGE, Level.RED: RED}
CLOCKS = Clocks(day=LEVELS, night=LEVELS)
ALLOW = timedelta(seconds=20)
PARTIES = (
    Party(person="甲", kind="holder", rung=0, state="called"),
    Party(person="乙", kind="second", rung=1, state="called"),
    Party(person="丙", kind="superior", rung=2, state="called"),
    Party(person="丁", kind="superior", rung=3, state="waiting"),
    Party(person="邻", kind="neighbour", rung=-1, state="waiting"),
)
TRIP = "rainstorm/z/1#act"


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def entry(minutes: float, kind: str, status: str, called: str = "", **body: Any) -> Entry:
    kinds = {party.person: party.kind for party in PARTIES}
    named = [{"person": person, "kind": kinds[person]} for person in called]
    whole = {"post": "T", "person": "甲", "status": status, "called": named, "alarms": [], **body}
    return Entry(no=1, at=at(minutes), kind=kind, post="T", by=None, happened_at=None, body=whole)


def opened(minutes: float = 0, level: str = "red", called: str = "甲乙") -> Entry:
    return entry(minutes, "opened", "calling", called, matter=TRIP, version=1, level=level)


def acts(minutes: float, person: str = "甲", status: str = "answered", grade: str = "acting") -> Entry:
    kind = "answered" if status == "answered" else "answer_too_weak"
    body = {"answered_by": person, "grade": grade, "via": "keypad", "read": {TRIP: 1}, "feedback": {}}
    return entry(minutes, kind, status, **body)


SUPERIOR = entry(3, "superior_called", "climbing", "丙")
SECOND_SUPERIOR = entry(6, "superior_called", "climbing", "丁")
DOOR = entry(8, "door_opened", "climbing", "邻", door=["邻"])
TOP = entry(9, "top_reached", "top_reached", alarms=["top_reached"])
WHOLE = (opened(), SUPERIOR, SECOND_SUPERIOR, DOOR, TOP)


def moved(found: Entry, minutes: float) -> Entry:
    return entry(minutes, found.kind, found.body["status"], "".join(found.called), **_rest(found.body))


def _rest(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key in ("door", "alarms", "matter", "version", "level")}


def judged(entries: tuple[Entry, ...], until: float = 30) -> LineJudge:
    told = LineTold(
        case_id="C-0001", post="T", person="甲", state="", parties=PARTIES, entries=tuple(entries), calls=()
    )
    return judge_line(told, CLOCKS, ALLOW, at(until))


def test_a_climb_by_the_clocks_has_nothing_to_say() -> None:
    judge = judged(WHOLE)
    assert judge.findings == []
    assert [(late.kind, late.by) for late in judge.lates] == [
        (kind, timedelta()) for kind in ("climb", "climb", "door", "climb")
    ]


@pytest.mark.parametrize(
    ("what", "entries", "until", "says"),
    [
        ("answered in time", (opened(), acts(2)), 60, []),
        ("a tick late is no finding", (opened(), moved(SUPERIOR, 3.3)), 6, []),
        ("early by a second", (opened(), moved(SUPERIOR, 2.98)), 5, ["too early"]),
        ("late", (opened(), moved(SUPERIOR, 4)), 6.9, ["late"]),
        ("never", (opened(),), 5, ["nobody further"]),
        ("nobody at the door", (opened(), SUPERIOR, SECOND_SUPERIOR), 8.9, ["nobody was sent"]),
        ("the door before its time", (opened(), SUPERIOR, moved(DOOR, 5)), 5.5, ["too early"]),
        ("a rung passed over", (opened(), moved(SECOND_SUPERIOR, 3)), 4, ["called rung [3], not 2"]),
        ("top before the last rung", (opened(), SUPERIOR, moved(TOP, 6)), 7, ["before rung 3"]),
        ("climbs though answered", (opened(), acts(2), SUPERIOR), 5, ["no such clock", "does not follow"]),
        ("stops for a weak answer", (opened(), acts(2, grade="understood")), 2.5, ["does not follow"]),
        ("goes on for an acting one", (opened(), acts(2, status="calling")), 2.5, ["does not follow"]),
        ("heard stops nothing", (opened(), acts(2, status="calling", grade="heard"), SUPERIOR), 5, []),
        ("understood is enough at yellow", (opened(level="yellow", called="甲"), acts(2, grade="understood")), 60, []),
    ],
)
def test_what_is_not_as_the_clocks_say_is_said(
    what: str, entries: tuple[Entry, ...], until: float, says: list[str]
) -> None:
    found = [finding.en for finding in judged(entries, until).findings]
    assert len(found) == len(says), (what, found)
    assert all(any(part in text for text in found) for part in says), (what, found)


def test_a_worse_level_begins_the_clocks_anew() -> None:
    worse = entry(4, "upgraded", "calling", "乙", matter=TRIP, version=2, level="red")
    first = opened(level="orange", called="甲")
    assert judged((first, worse, moved(SUPERIOR, 7)), 9).findings == []
    assert [f.en for f in judged((first, worse, moved(SUPERIOR, 10)), 10.1).findings] == [
        "superior called 3.0 min late"
    ]


def test_who_cannot_act_is_replaced_at_once_and_that_is_no_early_climb() -> None:
    gone = entry(1, "cannot_act", "calling", answered_by="乙", grade="cannot_act", via="keypad")
    alone = entry(1.5, "cannot_act", "climbing", "丙", answered_by="甲", grade="cannot_act", via="keypad")
    judge = judged((opened(), gone, alone, moved(SECOND_SUPERIOR, 4.5)), 5)
    assert judge.findings == []


def test_an_answer_is_for_what_was_read() -> None:
    other = entry(1, "joined", "calling", matter="rainstorm/y/1#act", version=1, level="red")
    judge = judged((opened(), other, acts(2, status="calling"), SUPERIOR), 5)
    assert judge.findings == []
    assert list(judge.waiting()) == ["rainstorm/y/1#act"]


def test_a_reopened_line_begins_again_and_keeps_nothing_of_the_door() -> None:
    again = entry(40, "upgraded", "calling", "甲乙", matter=TRIP, version=2, level="red")
    late = acts(10, person="丙")
    steps = (*WHOLE, late, again, moved(SUPERIOR, 43), moved(SECOND_SUPERIOR, 46), moved(DOOR, 48))
    assert judged(steps, 48.5).findings == []


def _told_of(minutes: float, kind: str = "superior_called", status: str = "climbing") -> Entry:
    return entry(minutes, kind, status, told=[{"person": "丙", "kind": "superior"}])


def test_who_was_told_by_text_counts_as_called_and_is_not_to_be_rung() -> None:
    judge = judged((opened(), _told_of(3), SECOND_SUPERIOR, DOOR), 8.9)
    assert judge.findings == []
    assert [late.kind for late in judge.lates] == ["climb", "climb", "door"]
    assert {want.person for want in judge.wants[-1][1]} == {"甲", "乙", "丁", "邻"}


@pytest.mark.parametrize(("rung", "says"), [("丙", []), ("", ["at the top, and 丙 was told by text alone"])])
def test_at_the_top_who_was_told_by_text_is_rung(rung: str, says: list[str]) -> None:
    top = entry(9, "top_reached", "top_reached", rung, alarms=["top_reached"])
    judge = judged((opened(), _told_of(3), SECOND_SUPERIOR, DOOR, top), 9.5)
    assert [finding.en for finding in judge.findings] == says
    assert ("丙" in {want.person for want in judge.wants[-1][1]}) is bool(rung)


def test_who_is_rung_after_all_is_wanted_from_then_on() -> None:
    judge = judged((opened(), _told_of(3), entry(4, "rung_again", "climbing", "丙")), 5.5)
    assert judge.findings == []
    assert {want.since for want in judge.wants[-1][1] if want.person == "丙"} == {at(4)}


@pytest.mark.parametrize(
    ("what", "acts_at", "level", "says"),
    [
        ("acts already", 2, "red", 0),
        ("acts in the same instant", 3, "red", 0),
        ("acts only later", 3.1, "red", 1),
        ("acts on less", 2, "orange", 1),
        ("never acts", None, "red", 1),
    ],
)
def test_a_text_in_place_of_a_ring_needs_somebody_who_acts(
    what: str, acts_at: float | None, level: str, says: int
) -> None:
    silent = judged((opened(), _told_of(3)), 5)
    own = [entry(0, "opened", "calling", matter=TRIP, version=1, level=level)]
    if acts_at is not None:
        own.append(acts(acts_at, person="丙"))
    told = LineTold(case_id="C-0001", post="U", person="丙", state="", parties=PARTIES, entries=tuple(own), calls=())
    superior = judge_line(told, CLOCKS, ALLOW, at(5))
    assert len(list(judge_stand_ins([silent, superior]))) == says, what
