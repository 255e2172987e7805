"""叫应时钟 ``callouts.yaml`` read: who is called, and by which clocks, by level and hour.

The file's shape (every duration like ``60s 3min 1h``; all minutes are the pack's, none is a norm):

    clocks:                          # one block for each of blue yellow orange red
      red:
        stops: acting                # weakest answer that ends the climb; red and orange: acting only (contract §6)
        together: [deputy, second]   # who rings with the post at once
        attempts: [0min, 2min, 4min] # rings, counted from when the matter was opened or worsened
        then_every: 5min
        deputy_after: 3min           # where the deputy does not ring together
        superior_after: 3min         # no stopping answer: the superior
        next_superior_every: 3min    # and each further one; default superior_after
        door_after: 8min             # somebody goes to the door
        busy_again: 60s
        text_first: false            # a text beside the first ring (a text always follows busy or a failed ring)
        feedback_within: 15min       # the first facts, from lines whose selector says `feedback: true`
    night:                           # single fields that differ in these hours of the district
      from: "22:00"
      to: "06:00"
      orange: {attempts: [0min, 2min, 5min]}
    feedback: {facts: [commander, villages, evacuating]}
    rules:
      - id: flood-township
        hazards: ["*"]               # national event codes, or *
        scope_kinds: [township]      # contract §4 `per`, or *
        levels: [orange, red]
        call:                        # of: scope | up | down | within
          - {duty: head, of: scope, feedback: true}
          - {duty: warden, of: down}
          - {rank: 2, of: up}
          - {post: FXB-01}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from services.dispatch.roster.who import EVERY, CallRule, Duty, Of, Selector
from shared.pack.located import Located, Problem
from shared.pack.model import Pack
from shared.vocabulary import Level

FILE = "callouts.yaml"
SCOPE_KINDS = ("district", "township", "village", "industry", "unit", "site", "station")
CALLED_LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
FACTS = ("commander", "villages", "evacuating", "moved")
ATTEMPTS_MAX = 20
RULES_MAX = 500


class Stops(StrEnum):
    """止叫答复: the weakest answer that stops the climb; ``heard`` never does"""

    UNDERSTOOD = "understood"
    ACTING = "acting"


@dataclass(frozen=True, kw_only=True)
class LevelClock:
    """一级之钟: the clocks of one level, in seconds"""

    stops: Stops = Stops.ACTING
    together: frozenset[str] = frozenset()
    attempts_s: tuple[int, ...] = (0, 120, 240)
    then_every_s: int = 300
    deputy_after_s: int = 180
    superior_after_s: int = 180
    next_superior_every_s: int = 180
    door_after_s: int | None = None
    busy_again_s: int = 60
    text_first: bool = False
    feedback_within_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """叫应时钟: the whole of callouts.yaml; an immutable part of a pack version"""

    day: Mapping[Level, LevelClock]
    night: Mapping[Level, LevelClock]
    night_from_min: int | None = None
    night_to_min: int | None = None
    timezone: str = "Asia/Shanghai"
    facts: tuple[str, ...] = ("commander", "villages", "evacuating")
    rules: tuple[CallRule, ...] = ()
    pack_version: str = ""

    def at(self, level: Level, now: datetime) -> LevelClock:
        """The clocks of a level at this hour of the district."""
        return (self.night if self.is_night(now) else self.day)[max(level, Level.BLUE, key=lambda x: x.rank)]

    def is_night(self, now: datetime) -> bool:
        if self.night_from_min is None or self.night_to_min is None:
            return False
        local = now.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        if self.night_from_min <= self.night_to_min:
            return self.night_from_min <= minute < self.night_to_min
        return minute >= self.night_from_min or minute < self.night_to_min


_CIVIL = LevelClock(
    stops=Stops.UNDERSTOOD,
    attempts_s=(0, 900),
    then_every_s=1800,
    deputy_after_s=1200,
    superior_after_s=2400,
    next_superior_every_s=1800,
)
DEFAULTS: Mapping[Level, LevelClock] = {
    Level.RED: LevelClock(together=frozenset({"deputy", "second"}), door_after_s=480, feedback_within_s=900),
    Level.ORANGE: LevelClock(
        deputy_after_s=300,
        superior_after_s=600,
        next_superior_every_s=300,
        door_after_s=1200,
        feedback_within_s=900,
    ),
    Level.YELLOW: replace(_CIVIL, text_first=True, feedback_within_s=3600),
    Level.BLUE: replace(_CIVIL, text_first=True, attempts_s=(1800,), then_every_s=3600),
}


def default_clocks(pack: Pack) -> Clocks:
    """The clocks of issue 2 where a pack leaves them out; rules are never invented."""
    return Clocks(day=DEFAULTS, night=DEFAULTS, timezone=pack.district.timezone, pack_version=pack.version)


_DURATION = re.compile(r"(\d{1,6})\s*(s|min|h)")
_UNIT_S = {"s": 1, "min": 60, "h": 3600}


@dataclass
class _Reader:
    """Collects problems with the line they are on."""

    pack: Pack
    problems: list[Problem] = field(default_factory=list)

    def say(self, where: Any, key: str | None, message: str) -> None:
        line = where.line_of(key) if isinstance(where, Located) and key else getattr(where, "line", 1)
        self.problems.append(Problem(FILE, line, message, key))

    def only(self, where: Located, allowed: tuple[str, ...], what: str) -> None:
        for key in where:
            if key not in allowed:
                self.say(where, key, f"'{key}' is not a field of {what}; fields are {', '.join(allowed)}")

    def seconds(self, where: Located, key: str) -> int | None:
        found = _DURATION.fullmatch(str(where[key]).strip())
        if not found:
            self.say(where, key, f"'{where[key]}' is not a duration; write 60s, 3min or 1h")
            return None
        return int(found[1]) * _UNIT_S[found[2]]

    def listed(self, where: Located, key: str, allowed: tuple[str, ...] | None) -> tuple[str, ...]:
        value = where.get(key)
        if not isinstance(value, list) or not value:
            self.say(where, key, f"'{key}' must be a list that is not empty")
            return ()
        names = tuple(str(item) for item in value)
        for name in names:
            if allowed is not None and name not in allowed:
                self.say(where, key, f"'{name}' is not known here; choose from {', '.join(allowed)}")
        return names


def read_clocks(document: Any, pack: Pack) -> tuple[Clocks | None, list[Problem]]:
    """Read ``callouts.yaml``; with problems nothing is returned, each named by file and line."""
    reader = _Reader(pack)
    if not isinstance(document, Located):
        return None, [Problem(FILE, 1, "must be a mapping with clocks, rules and feedback")]
    reader.only(document, ("clocks", "night", "feedback", "rules", "source"), FILE)
    day = _levels(reader, document, "clocks", DEFAULTS)
    night, hours = _night(reader, document, day)
    facts = _facts(reader, document)
    rules = _rules(reader, document)
    if reader.problems:
        return None, reader.problems
    return Clocks(
        day=day,
        night=night,
        night_from_min=hours[0],
        night_to_min=hours[1],
        timezone=pack.district.timezone,
        facts=facts,
        rules=rules,
        pack_version=pack.version,
    ), []


def _levels(
    reader: _Reader, document: Located, key: str, base: Mapping[Level, LevelClock]
) -> Mapping[Level, LevelClock]:
    block = document.get(key)
    if not isinstance(block, Located):
        reader.say(document, key, f"'{key}' is missing; give a block for each of blue, yellow, orange, red")
        return base
    reader.only(block, tuple(CALLED_LEVELS), key)
    out = dict(base)
    for level in CALLED_LEVELS:
        if level not in block:
            reader.say(block, None, f"level '{level}' has no clocks; give attempts and superior_after")
        else:
            out[level] = _level(reader, block, level, base[level])
    return out


_LEVEL_FIELDS = (
    "stops",
    "together",
    "attempts",
    "then_every",
    "deputy_after",
    "superior_after",
    "next_superior_every",
    "door_after",
    "busy_again",
    "text_first",
    "feedback_within",
)


def _level(reader: _Reader, block: Located, level: Level, base: LevelClock) -> LevelClock:
    given = block[level]
    if not isinstance(given, Located):
        reader.say(block, level, f"'{level}' must hold clocks such as superior_after: 3min")
        return base
    reader.only(given, _LEVEL_FIELDS, "a level's clocks")
    changes: dict[str, Any] = {}
    for name in _LEVEL_FIELDS:
        if name not in given:
            continue
        if name in {f.name.removesuffix("_s") for f in fields(LevelClock) if f.name.endswith("_s")} - {"attempts"}:
            seconds = reader.seconds(given, name)
            if seconds is not None:
                changes[f"{name}_s"] = seconds
    if "superior_after_s" in changes and "next_superior_every_s" not in changes:
        changes["next_superior_every_s"] = changes["superior_after_s"]
    if "attempts" in given:
        changes["attempts_s"] = _attempts(reader, given) or base.attempts_s
    if "together" in given:
        changes["together"] = frozenset(reader.listed(given, "together", ("deputy", "second")))
    if "text_first" in given:
        changes["text_first"] = given["text_first"] is True
        if not isinstance(given["text_first"], bool):
            reader.say(given, "text_first", "text_first must be true or false")
    if "stops" in given:
        changes["stops"] = _stops(reader, given, level, base)
    found = replace(base, **changes)
    _sane(reader, given, found)
    return found


def _sane(reader: _Reader, given: Located, clock: LevelClock) -> None:
    for name in ("then_every", "superior_after", "next_superior_every", "busy_again"):
        if getattr(clock, f"{name}_s") < 10:
            reader.say(given, name, f"{name} must be at least 10s, or the phone never stops ringing")
    if clock.door_after_s is not None and clock.door_after_s < clock.superior_after_s:
        reader.say(given, "door_after", "door_after must not come before superior_after")


def _stops(reader: _Reader, given: Located, level: Level, base: LevelClock) -> Stops:
    value = str(given["stops"])
    allowed = (Stops.ACTING,) if level.rank >= Level.ORANGE.rank else tuple(Stops)
    if value not in allowed:
        reader.say(given, "stops", f"'{value}' cannot stop the climb at {level}; write {' or '.join(allowed)}")
        return base.stops
    return Stops(value)


def _attempts(reader: _Reader, given: Located) -> tuple[int, ...]:
    value = given["attempts"]
    if not isinstance(value, list) or not value or len(value) > ATTEMPTS_MAX:
        reader.say(given, "attempts", f"attempts must be 1 to {ATTEMPTS_MAX} durations such as [0min, 2min, 4min]")
        return ()
    out: list[int] = []
    for item in value:
        found = _DURATION.fullmatch(str(item).strip())
        if not found:
            reader.say(given, "attempts", f"'{item}' is not a duration; write 0min, 2min")
            return ()
        out.append(int(found[1]) * _UNIT_S[found[2]])
    if out != sorted(set(out)):
        reader.say(given, "attempts", "attempts must rise, each later than the one before")
        return ()
    return tuple(out)


def _night(
    reader: _Reader, document: Located, day: Mapping[Level, LevelClock]
) -> tuple[Mapping[Level, LevelClock], tuple[int | None, int | None]]:
    block = document.get("night")
    if block is None:
        return day, (None, None)
    if not isinstance(block, Located):
        reader.say(document, "night", 'night must hold from: "22:00", to: "06:00" and levels')
        return day, (None, None)
    reader.only(block, ("from", "to", *CALLED_LEVELS), "night")
    hours = (_hour(reader, block, "from"), _hour(reader, block, "to"))
    out = dict(day)
    for level in CALLED_LEVELS:
        if level in block:
            out[level] = _level(reader, block, level, day[level])
    return out, hours


def _hour(reader: _Reader, block: Located, key: str) -> int | None:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", str(block.get(key, "")))
    if not found:
        reader.say(block, key, f'{key} must be an hour of the day in quotes, such as "22:00"')
        return None
    return int(found[1]) * 60 + int(found[2])


def _facts(reader: _Reader, document: Located) -> tuple[str, ...]:
    block = document.get("feedback")
    if block is None:
        return FACTS[:3]
    if not isinstance(block, Located):
        reader.say(document, "feedback", "feedback must hold facts: [commander, villages, evacuating]")
        return FACTS[:3]
    reader.only(block, ("facts",), "feedback")
    return reader.listed(block, "facts", FACTS)


def _rules(reader: _Reader, document: Located) -> tuple[CallRule, ...]:
    block = document.get("rules")
    if not isinstance(block, list) or not block or len(block) > RULES_MAX:
        reader.say(document, "rules", f"rules must be a list of 1 to {RULES_MAX}; without them nobody is called")
        return ()
    out: list[CallRule] = []
    seen: set[str] = set()
    for item in block:
        if not isinstance(item, Located):
            reader.say(document, "rules", "each rule holds id, hazards, scope_kinds, levels, call")
            continue
        rule = _rule(reader, item)
        if rule.rule_id in seen:
            reader.say(item, "id", f"rule '{rule.rule_id}' appears twice; keep one")
        seen.add(rule.rule_id)
        out.append(rule)
    return tuple(out)


def _rule(reader: _Reader, item: Located) -> CallRule:
    reader.only(item, ("id", "hazards", "scope_kinds", "levels", "call", "source"), "a rule")
    if not str(item.get("id", "")).strip():
        reader.say(item, None, "a rule needs an id")
    hazards = reader.listed(item, "hazards", (EVERY, *reader.pack.hazards) if reader.pack.hazards else None)
    kinds = reader.listed(item, "scope_kinds", (EVERY, *SCOPE_KINDS))
    levels = reader.listed(item, "levels", tuple(CALLED_LEVELS))
    call = item.get("call")
    selectors: list[Selector] = []
    if not isinstance(call, list) or not call:
        reader.say(item, "call", "call must name somebody, such as - {duty: head, of: scope}")
    else:
        for entry in call:
            selector = _selector(reader, item, entry)
            if selector is not None:
                selectors.append(selector)
    return CallRule(
        rule_id=str(item.get("id", "")),
        hazards=hazards,
        scope_kinds=kinds,
        levels=frozenset(Level(level) for level in levels if level in CALLED_LEVELS),
        call=tuple(selectors),
    )


def _selector(reader: _Reader, item: Located, entry: Any) -> Selector | None:
    if not isinstance(entry, Located):
        reader.say(item, "call", "each entry of call is a mapping such as {duty: head, of: scope}")
        return None
    reader.only(entry, ("duty", "rank", "post", "of", "feedback"), "a call entry")
    named = [key for key in ("duty", "rank", "post") if key in entry]
    if len(named) != 1:
        reader.say(entry, None, "a call entry names exactly one of duty, rank, post")
        return None
    key, value = named[0], entry[named[0]]
    if key == "duty" and value not in tuple(Duty):
        reader.say(entry, key, f"duty '{value}' is not known; choose from {', '.join(Duty)}")
        return None
    if key == "rank" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        reader.say(entry, key, f"rank '{value}' must be a number from 1 (the highest)")
        return None
    if key == "post" and value not in reader.pack.roster:
        reader.say(entry, key, f"post '{value}' is not in roster.csv")
        return None
    of = entry.get("of", Of.SCOPE)
    if of not in tuple(Of):
        reader.say(entry, "of", f"of '{of}' is not known; choose from {', '.join(Of)}")
        return None
    return Selector(
        duty=Duty(value) if key == "duty" else None,
        rank=value if key == "rank" else None,
        post=str(value) if key == "post" else None,
        of=Of(of),
        feedback=entry.get("feedback") is True,
    )


def seconds(value: int) -> timedelta:
    return timedelta(seconds=value)
