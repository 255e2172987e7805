"""What the terminal says of the services' events: drawn together, each countdown once, nothing empty."""

from __future__ import annotations

from typing import Any

from services.command.lines import ALIKE_MAX, Event, Said, Teller, said_of

AT = "2024-06-27T15:00:00Z"


class Plain:
    def person(self, person: str) -> str:
        return f"<{person}>"

    def place(self, scope: str) -> str:
        return scope


def event(kind: str, subject: str = "C-0001", **body: Any) -> Event:
    return Event(1, kind, subject, {"at": AT, **body})


def told(kind: str, subject: str, zh: str) -> Event:
    return Event(
        1, "timeline", "I-0001", {"kind": kind, "subject": subject, "known_at": AT, "text": {"zh": zh, "en": zh}}
    )


def test_a_burst_of_rings_is_one_line() -> None:
    events = [event("callout.attempt", person=f"p{n}", channel="voice") for n in range(6)]
    assert said_of(events, Plain()) == [Said(AT, "电话响起：<p0>、<p1>、<p2>、<p3> 等 6 人", "phones ring (6)")]


def test_texts_do_not_ring_and_a_keyed_end_is_told_by_its_answer() -> None:
    events = [
        event("callout.attempt", person="a", channel="sms"),
        event("callout.attempt_ended", person="b", result="keyed"),
        event("callout.attempt_ended", person="c", result="busy"),
        event("callout.answered", answered_by="b", grade="acting"),
        event("callout.answered", status="answered"),
        event("never.heard.of"),
    ]
    assert [said.zh for said in said_of(events, Plain())] == ["占线，已发短信：<c>", "应答“已行动”：<b>"]


def test_an_escalation_names_both_and_a_door_who_goes() -> None:
    events = [
        event("callout.superior_called", person="a", called=[{"person": "b", "kind": "superior"}]),
        event("callout.door_opened", person="a", door=["n"]),
        event("callout.door_opened", person="c", door=[]),
    ]
    assert [said.zh for said in said_of(events, Plain())] == [
        "无人应答，升级叫应上级：<a>→<b>",
        "派人上门：<a>（<n>）、<c>",
    ]


def test_one_threshold_in_many_places_is_one_line() -> None:
    trips = [told("trip.threshold", f"flash_flood/村{n}/1", f"村{n}山洪雨量达到红色标准（实况）") for n in range(5)]
    other = told("trip.threshold", "rainstorm/镇/1", "镇暴雨达到红色标准（实况）")
    assert [said.zh for said in said_of([*trips, other], Plain())] == [
        "村0、村1、村2 等 5 处山洪雨量达到红色标准（实况）",
        "镇暴雨达到红色标准（实况）",
    ]


def test_many_measures_of_one_kind_are_a_few_lines_and_how_many_more() -> None:
    most = ALIKE_MAX["order.took_force"]
    lines = said_of([told("order.took_force", f"O-{n}", f"生效{n}") for n in range(most + 4)], Plain())
    assert [said.zh for said in lines] == [f"生效{n}" for n in range(most)] + ["……同类另有 4 项，见值班台"]
    lines = said_of([told("order.took_force", f"O-{n}", f"生效{n}") for n in range(most + 1)], Plain())
    assert len(lines) == most + 1  # "one more" would be as long as the one


def test_a_countdown_that_goes_round_is_told_once_for_each_measure() -> None:
    teller = Teller(Plain())
    assert len(teller.say([told("order.call_signer", "O-1", "请甲签发")])) == 1
    assert teller.say([told("order.call_signer", "O-1", "请乙签发")]) == []
    assert len(teller.say([told("order.call_signer", "O-2", "请甲签发")])) == 1
    assert len(teller.say([event("alert", "A1"), event("alert", "A1")])) == 1
    assert teller.say([event("alert", "A1")]) == []
    assert len(teller.say([told("order.took_force", "O-1", "生效"), told("order.took_force", "O-1", "生效")])) == 2
