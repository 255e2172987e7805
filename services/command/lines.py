"""时间线用语 What the services' events say on the terminal: bursts drawn together, Chinese first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

NAMED_MAX = 4
LINES_MAX = 4
ALIKE_MAX = {"order.opened": 0, "order.took_force": 3, "order.call_signer": 2, "order.trip_joined": 0}

RESULTS = {
    "keyed": ("按键应答", "answered by key"),
    "heard": ("听完未按键", "heard, no key"),
    "part_heard": ("未听完", "heard in part"),
    "hung_up": ("接听即挂", "hung up at once"),
    "no_answer": ("无人接听", "no answer"),
    "busy": ("占线，已发短信", "busy, texted"),
    "machine": ("语音信箱，不算本人", "machine, not a person"),
    "unreachable": ("无法接通", "unreachable"),
    "bad_number": ("空号", "dead number"),
    "carrier_failed": ("通道故障", "carrier failed"),
    "expired": ("通道未回执", "no word from carrier"),
}
GRADES = {
    "acting": ("已行动", "acting"),
    "understood": ("明白", "understood"),
    "heard": ("听到", "heard"),
    "cannot_act": ("无法行动", "cannot act"),
    "wrong_person": ("不是本人，号码划掉", "wrong person, number struck"),
}
QUIET_RESULTS = frozenset({"keyed", "delivered"})  # the answer itself says more; a text delivered is no answer


class Names(Protocol):
    """名称: what ids are called in the pack"""

    def person(self, person: str) -> str: ...

    def place(self, scope: str) -> str: ...


@dataclass(frozen=True)
class Said:
    """一行: ``at`` is domain time as the event has it"""

    at: str
    zh: str
    en: str


@dataclass(frozen=True)
class Event:
    """事件: one of ``GET /v1/events``"""

    no: int
    kind: str
    subject: str
    body: Mapping[str, Any]


def said_of(events: Sequence[Event], names: Names) -> list[Said]:
    """The lines of one burst, in the order in which the events came."""
    told: dict[str, list[Said]] = {}
    drawn: dict[tuple[str, str], _Group] = {}
    for event in events:
        if event.kind == "timeline":
            told.setdefault(str(event.body.get("kind", "")), []).append(_told(event))
            continue
        maker = _MAKERS.get(event.kind)
        if maker is None:
            continue
        for key, who in maker(event, names):
            group = drawn.setdefault(key, _Group(str(event.body.get("at") or ""), []))
            if who not in group.who:
                group.who.append(who)
    lines = [line for kind, same in told.items() for line in _few(same, ALIKE_MAX.get(kind, LINES_MAX))]
    lines += [Said(group.at, *_drawn(key, group.who)) for key, group in drawn.items()]
    return lines


@dataclass
class _Group:
    at: str
    who: list[str]


def _drawn(key: tuple[str, str], who: Sequence[str]) -> tuple[str, str]:
    zh, en = key
    shown = "、".join(who[:NAMED_MAX]) + (f" 等 {len(who)} 人" if len(who) > NAMED_MAX else "")
    return f"{zh}：{shown}" if shown else zh, f"{en} ({len(who)})" if len(who) > 1 else en


def _told(event: Event) -> Said:
    """A line of the incident's timeline, which comes with its words."""
    text = event.body.get("text") or {}
    return Said(str(event.body.get("known_at", "")), str(text.get("zh", "")), str(text.get("en", "")))


def _few(lines: Sequence[Said], most: int) -> list[Said]:
    """At red twenty measures open at once: a few of each kind, and how many more."""
    if len(lines) <= most + 1 and most:
        return list(lines)
    left = len(lines) - most
    return [*lines[:most], Said(lines[-1].at, f"……同类另有 {left} 项，见值班台", f"{left} more like it")]


Made = Iterable[tuple[tuple[str, str], str]]


def _attempt(event: Event, names: Names) -> Made:
    if event.body.get("channel") == "voice":
        yield ("电话响起", "phones ring"), names.person(str(event.body.get("person", "")))


def _ended(event: Event, names: Names) -> Made:
    result = str(event.body.get("result", ""))
    if result not in QUIET_RESULTS:
        zh, en = RESULTS.get(result, (result, result))
        yield (zh, en), names.person(str(event.body.get("person", "")))


def _answered(event: Event, names: Names) -> Made:
    grade = str(event.body.get("grade", ""))
    zh, en = GRADES.get(grade, (grade, grade))
    yield (f"应答“{zh}”", f"answered: {en}"), names.person(str(event.body.get("answered_by", "")))


def _superior(event: Event, names: Names) -> Made:
    called = [names.person(str(each["person"])) for each in event.body.get("called", ())]
    missing = names.person(str(event.body.get("person", "")))
    for who in called:
        yield ("无人应答，升级叫应上级", "no acting answer: superior called"), f"{missing}→{who}"


def _top(event: Event, names: Names) -> Made:
    yield ("已升至最高仍无人应答", "top reached, nobody answered"), names.person(str(event.body.get("person", "")))


def _door(event: Event, names: Names) -> Made:
    by = "、".join(names.person(str(name)) for name in event.body.get("door", ()))
    who = names.person(str(event.body.get("person", "")))
    yield ("派人上门", "door task"), f"{who}（{by}）" if by else who


def _blackout(event: Event, names: Names) -> Made:
    place = names.place(str(event.body.get("place") or event.subject))
    yield ("一处基站下多人失联，按“失联”一项处置", "one mast, many unreachable: one item"), place


_MAKERS: Mapping[str, Callable[[Event, Names], Made]] = {
    "callout.attempt": _attempt,
    "callout.attempt_ended": _ended,
    "callout.answered": _answered,
    "callout.answer_too_weak": _answered,
    "callout.cannot_act": _answered,
    "callout.wrong_person": _answered,
    "callout.superior_called": _superior,
    "callout.top_reached": _top,
    "callout.door_opened": _door,
    "alarm.callout_blackout": _blackout,
}
