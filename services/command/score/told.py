"""所记 The facts of a drill as the judges read them: the log of each line, the calls of each person. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.realm import parse_time

DOOR_RUNG = -1
TOGETHER = ("deputy", "second")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """记录: one entry of a case's log"""

    no: int
    at: datetime
    kind: str
    post: str
    by: str | None
    happened_at: datetime | None
    body: Mapping[str, Any]

    @property
    def called(self) -> list[str]:
        return [str(each["person"]) for each in self.body.get("called", ())]

    @property
    def told(self) -> list[str]:
        """Superiors who act already: told by text for whom to stand in, not rung."""
        return [str(each["person"]) for each in self.body.get("told", ())]

    @property
    def is_door(self) -> bool:
        return "door" in self.body


@dataclass(frozen=True, kw_only=True)
class Party:
    """同叫人: ``rung`` 0 the post itself, 1 deputies and seconds, then one superior a rung; -1 goes to the door"""

    person: str
    kind: str
    rung: int
    state: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """一次拨叫: ``at`` when it was begun, ``ended_at`` None while it is out"""

    attempt_id: str
    person: str
    channel: str
    carrier: str
    at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    result: str | None


@dataclass(frozen=True, kw_only=True)
class LineTold:
    """一条线的所记"""

    case_id: str
    post: str
    person: str
    state: str
    parties: tuple[Party, ...]
    entries: tuple[Entry, ...]
    calls: tuple[Call, ...]
    matters: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.case_id}/{self.post}"


@dataclass(frozen=True, kw_only=True)
class Told:
    """一场演练的所记"""

    facts: Mapping[str, Any]
    as_of: datetime
    lines: tuple[LineTold, ...]
    calls: tuple[Call, ...]
    texts: tuple[Call, ...] = field(default=())


def read(facts: Mapping[str, Any]) -> Told:
    """Read what was gathered, up to ``as_of``."""
    as_of = parse_time(facts["as_of"])
    lines = [line for case in facts["cases"] for line in _lines(case, as_of)]
    calls = {call.attempt_id: call for line in lines for call in line.calls}
    ordered = sorted(calls.values(), key=lambda call: (call.at, call.attempt_id))
    return Told(
        facts=facts,
        as_of=as_of,
        lines=tuple(lines),
        calls=tuple(call for call in ordered if call.channel == "voice"),
        texts=tuple(call for call in ordered if call.channel != "voice"),
    )


def _lines(case: Mapping[str, Any], as_of: datetime) -> Iterable[LineTold]:
    logs: dict[str, list[Entry]] = {}
    for row in case["log"]:
        entry = _entry(row)
        if entry.post and entry.at <= as_of:
            logs.setdefault(entry.post, []).append(entry)
    for line in case["lines"]:
        entries = logs.get(line["post"], [])
        if not entries:
            continue  # opened after we began to read
        calls = tuple(call for row in line["attempts"] if (call := _call(row)).at <= as_of)
        yield LineTold(
            case_id=case["case_id"],
            post=line["post"],
            person=line["person"],
            state=line["state"],
            parties=tuple(_parties(line["parties"])),
            entries=tuple(entries),
            calls=calls,
            matters=tuple(line["matters"]),
        )


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        no=int(row["no"]),
        at=parse_time(row["at"]),
        kind=row["kind"],
        post=row["post"] or "",
        by=row["by"],
        happened_at=_time(row["happened_at"]),
        body=row["body"] or {},
    )


def _parties(rows: Iterable[Mapping[str, Any]]) -> Iterable[Party]:
    """The board lists them in the order of the climb."""
    rung = 1
    for row in rows:
        kind = row["kind"]
        if kind == "superior":
            rung += 1
        at = {"holder": 0, "neighbour": DOOR_RUNG}.get(kind, 1 if kind in TOGETHER else rung)
        yield Party(person=row["person"], kind=kind, rung=at, state=row["state"])


def _call(row: Mapping[str, Any]) -> Call:
    at = parse_time(row["at"])
    return Call(
        attempt_id=row["attempt_id"],
        person=row["person"],
        channel=row["channel"],
        carrier=row["carrier"],
        at=at,
        answered_at=_time(row["answered_at"]),
        ended_at=_time(row["ended_at"]),
        result=row["result"],
    )


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
