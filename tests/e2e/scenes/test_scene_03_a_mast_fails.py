"""场景三 03:20 一座基站断了，14 个岗位打不通。

03:20 one mast fails, 14 posts dead. Seen: one line 失联, not 14 retries; somebody reached by another way is written
down with time and ground; the mast's return is noticed. Tasks for runners and the report upward come later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.scenes.seen import answered, events, line, seen
from tests.e2e.scenes.stage import Stage

MAST = "濯水-基站03（演示数据）"
DEAD = (
    "v112001-head",
    "v112001-warden",
    "v112003-head",
    "v112003-warden",
    "v112004-head",
    "v112004-warden",
    "v112005-head",
    "v112006-head",
    "v112202-head",
    "v112203-head",
    "v112209-head",
    "zs-duty",
    "scenic-zs-01-committee",
    "scenic-zs-02-committee",
)


def _dark(night: Stage) -> None:
    for post in DEAD:
        night.phone(post).has_no_signal(MAST)
    night.at("03:20").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)


def _blackouts(night: Stage) -> list[dict[str, object]]:
    found: list[dict[str, object]] = night.officer.board("C-0001")["blackouts"]
    return found


def test_one_line_and_one_probe(begin: Callable[..., Stage]) -> None:
    night = begin("03:19")
    assert len(DEAD) == 14
    _dark(night)
    night.between("03:20", "03:22").expects(seen("失联", lambda s: bool(_blackouts(s))))
    night.at("03:22")
    (blackout,) = _blackouts(night)
    persons = {night.person(post) for post in DEAD}
    assert blackout["place"] == MAST
    assert set(blackout["persons"]) == persons  # type: ignore[call-overload]
    assert len(events(night, "alarm.callout_blackout")) == 1

    rang = {post: night.phone(post).rang for post in DEAD}
    night.at("03:40")
    again = {post: night.phone(post).rang - rang[post] for post in DEAD}
    probes = {night.person(post) for post, count in again.items() if count}
    assert len(probes) == 1, f"one phone of the mast is tried, the others wait: {again}"
    assert max(again.values()) <= 4  # a probe each five minutes

    # nobody took the dark ones for absent people: the climb went on by the clocks, and said why
    warden = line(night, "v112001-warden")
    assert warden is not None
    assert {p["result"] for p in warden["parties"] if p["kind"] == "holder"} == {"unreachable"}


def test_reached_by_satellite_telephone_is_written_down(begin: Callable[..., Stage]) -> None:
    night = begin("03:19")
    _dark(night)
    night.at("03:31")
    person = night.person("v112003-warden")
    told = night.officer.answers_for(
        "C-0001", "v112003-warden", "acting", "03:28 卫星电话接通，本人已带人上山", person=person,
        happened_at=night.officer.minutes_ago(3),
    )  # fmt: skip
    assert told["line"]["state"] == "answered"
    (entry,) = [
        e
        for e in night.officer.get("/v1/incidents/I-0001/timeline")["items"]
        if e["kind"] == "callout.answered" and e["data"].get("post") == "v112003-warden"
    ]
    assert (entry["at"], entry["known_at"]) == ("2026-06-27T19:28:00Z", "2026-06-27T19:31:00Z")
    assert answered("v112003-warden").probe(night)


def test_when_the_mast_is_back_all_are_rung_at_once(begin: Callable[..., Stage]) -> None:
    night = begin("03:19")
    _dark(night)
    night.at("03:24")
    for post in DEAD:
        night.phone(post).answers()
    before = {post: night.phone(post).rang for post in DEAD}
    back = seen("the mast is back", lambda s: bool(events(s, "callout.blackout_over")))
    night.between("03:24", "03:31").expects(back)
    over = night.now
    waiting = [post for post in DEAD if (found := line(night, post)) and found["state"] != "answered"]
    late = seen("all rung", lambda s: all(s.phone(post).rang > before[post] for post in waiting))
    night.between(f"{over:%H:%M:%S}", "03:32").expects(late)
    assert (night.now - over).total_seconds() <= 30


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for dispatch in depth: tasks for runner and radio")
def test_a_runner_is_sent_and_comes_back(begin: Callable[..., Stage]) -> None:
    night = begin("03:19")
    _dark(night)
    night.at("03:22")
    task = {"kind": "runner", "place": MAST, "due_at": night.officer.minutes_ago(-30)}
    night.officer.post("/v1/tasks", task, 201, service="dispatch")


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="waits for reporting upward: 首报 续报")
def test_the_report_upward_names_the_gap(begin: Callable[..., Stage]) -> None:
    night = begin("03:19")
    _dark(night)
    night.at("03:25")
    report = night.officer.get("/v1/reports/first")
    assert MAST in str(report)
