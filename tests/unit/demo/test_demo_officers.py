"""The drill's officers: who answered acts a little later and only within what the screens show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.demo.officers.conduct import Act, Screens, acts, wants_names
from shared.realm import format_time

NOW = datetime(2024, 6, 27, 15, 0, tzinfo=UTC)


def at(minutes: float) -> str:
    return format_time(NOW + timedelta(minutes=minutes))


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def matter(purpose: str = "act", grade: str | None = "acting", minutes: float = 0, **more: Any) -> dict[str, Any]:
    answered = {"grade": grade, "answered_at": at(minutes) if grade else None, "answered_by": "甲" if grade else None}
    return {"matter_id": "rainstorm/1/1", "version": 1, "purpose": purpose, "orders": [], **answered, **more}


def line(post: str = "v1-warden", region: str = "V1", *matters: dict[str, Any], **more: Any) -> dict[str, Any]:
    acting = any(each["grade"] == "acting" for each in matters)
    answer = {"person": "甲", "post": post, "grade": "acting", "at": at(0)} if acting else None
    base = {"case_id": "C-0001", "post": post, "person": "甲", "region": region, "level": "red", "feedback": None}
    return {**base, "matters": list(matters), "answer": answer, **more}


def unit(state: str, people: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    return {"unit_id": "dp-1", "region": "V1", "post": "v1-warden", "state": state, "changed_at": at(0), **more} | {
        "people": people
    }


def order(kind: str = "ban", *units: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {
        "order_id": "O-0001",
        "kind": kind,
        "level": "red",
        "held": True,
        "version": 3,
        "created_at": at(0),
        "starts_at": at(0),
        "review_at": None,
        "due_at": None,
        "signers": [],
        "signatures": [],
        "lifter": "chief",
        "wording": {"zh": "封闭部位入口"},
        "raise": None,
    }
    return {**base, "units": list(units), **more}


def waiting(number: int = 1) -> dict[str, Any]:
    more = {"order_id": f"O-{number:04}", "held": False, "due_at": at(3), "signers": ["chief", "deputy"]}
    return order("stop", unit("awaiting_signature"), **more)


def done(screens: Screens, minutes: float) -> list[Act]:
    return list(acts(screens, after(minutes)))


def test_who_answers_nothing_does_nothing() -> None:
    silent = line("chief", "D", matter("sign", None, orders=["O-0001"]))
    assert done(Screens(orders=(waiting(), order("ban", unit("in_force"))), lines=(silent,)), 600) == []


def test_a_signer_who_answered_signs_a_little_later_and_not_for_another() -> None:
    deputy = line("deputy", "D", matter("sign", orders=["O-0001"]))
    screens = Screens(orders=(waiting(), waiting(2)), lines=(deputy,), phone_book={"deputy": "00000000002"})
    assert done(screens, 0.5) == []
    (act,) = done(screens, 4)  # O-0002 is not among what the deputy is called for: its turn has not come
    assert act.path == "/v1/orders/O-0001/sign"
    assert act.version == 3
    assert done(screens, 60) == []  # whoever has left the desk must be called again


def test_some_signatures_are_given_by_telephone_and_signed_later() -> None:
    ways: dict[bool, Act] = {}
    for n in range(40):
        deputy = line("deputy", "D", matter("sign", minutes=n, orders=["O-0001"]))
        screens = Screens(orders=(waiting(),), lines=(deputy,), phone_book={"deputy": "00000000002"})
        (act,) = done(screens, n + 4)
        ways["call_back" in act.body] = act
    assert ways[False].body == {"post": "deputy"}
    assert ways[False].roles == ("issuer", "second_issuer")
    call_back = ways[True].body["call_back"]
    assert (call_back["post"], call_back["number"]) == ("deputy", "00000000002")
    assert ways[True].roles == ("duty_officer",)
    signed = {"by": "deputy", "at": at(0), "countersign_by": "deputy", "countersigned_at": None}
    owed = Screens(orders=(order("stop", unit("complete"), signatures=[signed]),))
    assert done(owed, 30) == []
    (act,) = done(owed, 85)
    assert (act.path, act.body) == ("/v1/orders/O-0001/sign", {"post": "deputy"})


def test_a_ban_is_acknowledged_then_done() -> None:
    warden = line("v1-warden", "V1", matter())
    screens = Screens(orders=(order("ban", unit("in_force")),), lines=(warden,))
    assert done(screens, 1) == []
    (act,) = done(screens, 10)
    assert (act.path, act.body["units"]) == ("/v1/orders/O-0001/acknowledge", ["dp-1"])
    taken = replace(screens, orders=(order("ban", unit("acknowledged")),))
    assert done(taken, 10) == []
    assert [act.path for act in done(taken, 50)] == ["/v1/orders/O-0001/complete"]


def test_whoever_of_the_place_answered_stands_in_for_a_silent_warden() -> None:
    head = line("v1-head", "V1", matter())
    elsewhere = line("v2-head", "V2", matter())
    screens = Screens(orders=(order("ban", unit("in_force")),), lines=(elsewhere, head))
    assert [act.post for act in done(screens, 12)] == ["v1-head"]
    assert done(replace(screens, lines=(elsewhere,)), 600) == []


def test_people_leave_household_by_household_and_refusals_have_somebody_near() -> None:
    groups = [{"ref": f"h{n}", "people": 3, "outcome": "not_found"} for n in range(60)]
    people = {"expected": 180, "not_found": 180}
    led = line("v1-warden", "V1", matter())
    screens = Screens(orders=(order("evacuate", unit("acknowledged", people)),), lines=(led,))
    assert wants_names(screens) == ["O-0001"]
    assert done(screens, 600) == []  # without the list nobody can be reported by name
    named = replace(screens, orders=(order("evacuate", unit("acknowledged", people, groups=groups)),))
    early, late = (done(named, minutes)[0].body["people"] for minutes in (20, 80))
    assert 0 < len(early) < len(late) == 60
    assert {group["outcome"] for group in late} == {"shelter", "relatives", "away", "refused"}
    assert all(group.get("with_them") == "甲" for group in late if group["outcome"] == "refused")
    gone = order("evacuate", unit("in_progress", {"expected": 180, "not_found": 0}))
    assert wants_names(replace(screens, orders=(gone,))) == []
    assert [act.path for act in done(replace(screens, orders=(gone,)), 12)] == ["/v1/orders/O-0001/complete"]


def test_where_there_is_no_list_of_names_they_are_counted() -> None:
    guests = order("evacuate", unit("acknowledged", {"expected": 46, "not_found": 46}, groups=[]))
    (act,) = done(Screens(orders=(guests,), lines=(line("v1-warden", "V1", matter()),)), 90)
    assert sum(act.body["numbers"].values()) == 46


@pytest.mark.parametrize(("falls", "verdict"), [((0.2, 0.4), "refute"), ((0.2, 6.0), "confirm"), ((0.2,), "confirm")])
def test_the_verifier_goes_and_looks_and_says_what_is_there(falls: tuple[float, ...], verdict: str) -> None:
    trip = {"trip_id": "rainstorm/1/1", "fuse": "rainstorm", "region": "500114109", "version": 2}
    looking = line("ls-hydro", "500114109", matter("verify"))
    gauges = [{"region": "500114109", "latest": {"rain_mm": {"value": fall}}} for fall in falls]
    elsewhere = {"region": "500114112", "latest": {"rain_mm": {"value": 9.0}}}
    screens = Screens(lines=(looking,), trips=({**trip, "verification": "unverified"},), stations=(*gauges, elsewhere))
    assert done(screens, 10) == []
    (act,) = done(screens, 30)
    assert (act.path, act.body["verdict"]) == ("/v1/callouts/C-0001/findings", verdict)
    assert act.body["by"] == {"post": "ls-hydro", "person": "甲"}
    on_the_spot = line("ls-flood", "500114109", matter("act", minutes=1))
    both = replace(screens, lines=(on_the_spot, looking))
    assert done(both, 30)[0].body["by"]["post"] == "ls-hydro"  # who was sent to look comes first
    assert done(replace(screens, lines=(on_the_spot,)), 32)[0].body["by"]["post"] == "ls-flood"
    settled = replace(screens, trips=({**trip, "verification": "confirmed"},))
    assert done(settled, 30) == []


def test_the_first_report_is_given_once() -> None:
    asked = {"due_at": at(15), "facts": {}, "missing": ["commander", "villages", "evacuating"], "given_at": None}
    head = line("zs-mayor", "T", matter(), feedback=asked)
    screens = Screens(lines=(head,), villages={"T": 9})
    (act,) = done(screens, 13)
    assert act.body["feedback"] == {"commander": "甲", "villages": 9, "evacuating": True}
    assert done(replace(screens, lines=({**head, "feedback": {**asked, "given_at": at(13), "missing": []}},)), 14) == []


def test_what_binds_people_does_not_run_out_in_the_rain() -> None:
    held = order("ban", unit("complete"), review_at=at(60))
    assert done(Screens(orders=(held,)), 25) == []
    (act,) = done(Screens(orders=(held,)), 40)
    assert (act.path, act.body["review_at"], act.body["post"]) == ("/v1/orders/O-0001/extend", at(420), "chief")
