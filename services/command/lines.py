"""时间线用语 What the services' events say on the terminal: bursts drawn together, Chinese first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

NAMED_MAX = 4
PLACES_MAX = 3
TRIPPED = "trip.threshold"
LINES_MAX = 4
ALIKE_MAX = {"order.took_force": 3, "order.call_signer": 2, "order.no_signer": 1, "order.raised": 1}
UNTOLD = frozenset({"order.opened", "order.trip_joined", "order.raise_pending"})  # what follows says more
TOLD_ONCE = frozenset({"order.call_signer", "order.no_signer", "alert"})

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
    "withdrawn": ("未拨出，已有应答", "not rung, answered meanwhile"),
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
QUIET_RESULTS = frozenset({"keyed", "delivered", "withdrawn"})  # the answer itself says more; a text is no answer


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


class Teller:
    """讲述: remembers what was told of which measure, so that a countdown that goes round is not told each time."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._told: set[tuple[str, str]] = set()

    def say(self, events: Sequence[Event]) -> list[Said]:
        """The lines of one burst, in the order in which the events came."""
        return said_of([event for event in events if self._is_new(event)], self._names)

    def _is_new(self, event: Event) -> bool:
        kind = str(event.body.get("kind", "")) if event.kind == "timeline" else event.kind
        if kind not in TOLD_ONCE:
            return True
        key = (kind, str(event.body.get("subject", "")) if event.kind == "timeline" else event.subject)
        is_new = key not in self._told
        self._told.add(key)
        return is_new


def said_of(events: Sequence[Event], names: Names) -> list[Said]:
    """The lines of these events, without memory."""
    told: dict[str, list[Said]] = {}
    drawn: dict[tuple[str, str], _Group] = {}
    for event in events:
        if event.kind == "timeline":
            if event.body.get("kind") == TRIPPED:
                continue  # many places at once: drawn together below
            told.setdefault(str(event.body.get("kind", "")), []).append(_told(event))
            continue
        maker = _MAKERS.get(event.kind)
        if maker is None:
            continue
        for key, who in maker(event, names):
            group = drawn.setdefault(key, _Group(str(event.body.get("at") or ""), []))
            if who not in group.who:
                group.who.append(who)
    lines = _places(events, names)
    lines += [
        line for kind, same in told.items() if kind not in UNTOLD for line in _few(same, ALIKE_MAX.get(kind, LINES_MAX))
    ]
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


def _places(events: Sequence[Event], names: Names) -> list[Said]:
    """Trips of one burst: the places of which the same is said are one line."""
    drawn: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for event in events:
        if event.kind != "timeline" or event.body.get("kind") != TRIPPED:
            continue
        said, place = _told(event), names.place(str(event.body.get("subject", "")).partition("/")[2].rpartition("/")[0])
        key = (said.zh.removeprefix(place), said.en.removeprefix(place).strip())
        drawn.setdefault(key, (said.at, []))[1].append(place if said.zh.startswith(place) else "")
    lines = []
    for (zh, en), (at, places) in drawn.items():
        more = f" 等 {len(places)} 处" if len(places) > PLACES_MAX else ""
        shown = "、".join(places[:PLACES_MAX])
        lines.append(Said(at, f"{shown}{more}{zh}", f"{en} ({len(places)})" if len(places) > 1 else en))
    return lines


def _few(lines: Sequence[Said], most: int) -> list[Said]:
    """At red twenty measures open at once: a few of each kind, and how many more."""
    if len(lines) <= most + 1:
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
    if not grade:  # the line was answered by something else than a person's answer
        return
    zh, en = GRADES.get(grade, (grade, grade))
    yield (f"应答“{zh}”", f"answered: {en}"), names.person(str(event.body.get("answered_by", "")))


def _superior(event: Event, names: Names) -> Made:
    called = [names.person(str(each["person"])) for each in event.body.get("called", ())]
    missing = names.person(str(event.body.get("person", "")))
    for who in called:
        yield ("无人应答，升级叫应上级", "no acting answer: superior called"), f"{missing}→{who}"
    for each in event.body.get("told", ()):
        who = names.person(str(each["person"]))
        yield ("无人应答，上级已在行动，短信请其接替", "superior acts already: told by text"), f"{missing}→{who}"


def _top(event: Event, names: Names) -> Made:
    yield ("已升至最高仍无人应答", "top reached, nobody answered"), names.person(str(event.body.get("person", "")))


def _door(event: Event, names: Names) -> Made:
    by = "、".join(names.person(str(name)) for name in event.body.get("door", ()))
    who = names.person(str(event.body.get("person", "")))
    yield ("派人上门", "door task"), f"{who}（{by}）" if by else who


def _blackout(event: Event, names: Names) -> Made:
    place = names.place(str(event.body.get("place") or event.subject))
    yield ("一处基站下多人失联，按“失联”一项处置", "one mast, many unreachable: one item"), place


def _alert(event: Event, _: Names) -> Made:
    yield ("预警信息起草（未批准，不对外）", "alert drafted, not approved, not public"), event.subject


_MAKERS: Mapping[str, Callable[[Event, Names], Made]] = {
    "alert": _alert,
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
