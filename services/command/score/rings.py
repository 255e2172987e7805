"""响铃评分 One person, one ring: no two live calls at once over all cases, and one cadence, the worst matter's. Pure.

The cadence is told anew from what the lines wanted (`climb.LineJudge.wants`) and from the calls alone, apart from the
machine that rang (``callouts.ring``). A ring before its slot, long after it, for nobody, or never, is named. Who was
last out of reach is not judged until the next ring: a mast that is down is probed by one phone for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from services.command.score.findings import Finding
from services.command.score.told import Call
from services.command.score.wanted import EXACT, Want, WantKey, span
from services.dispatch.callouts.clocks import Clocks, LevelClock
from shared.realm import format_time
from shared.vocabulary import Level

MERGE = timedelta(seconds=180)
PAUSE = timedelta(seconds=20)
CARRIER_AGAIN = timedelta(seconds=30)


def overlapping(calls: Iterable[Call]) -> list[Finding]:
    """Two live calls of one person at one time."""
    by_person: dict[str, list[Call]] = {}
    for call in calls:
        by_person.setdefault(call.person, []).append(call)
    found = []
    for person, own in by_person.items():
        for first, second in pairwise(sorted(own, key=lambda call: (call.at, call.attempt_id))):
            if first.ended_at is None or second.at < first.ended_at:
                until = format_time(first.ended_at) if first.ended_at else "—"
                found.append(
                    Finding(
                        subject=person,
                        at=second.at,
                        zh=f"{person} 正在通话（{first.attempt_id} 至 {until}）时又被拨打 {second.attempt_id}",
                        en=f"rung by {second.attempt_id} while {first.attempt_id} was out",
                    )
                )
    return found


@dataclass
class RingJudge:
    """一人之铃: changes of what is wanted and calls, in order; `close` at the end."""

    person: str
    clocks: Clocks
    allow: timedelta
    findings: list[Finding] = field(default_factory=list)
    lates: list[timedelta] = field(default_factory=list)
    judged: int = 0
    _wants: Mapping[WantKey, Want] = field(default_factory=dict)
    _known: frozenset[WantKey] = frozenset()
    _base: datetime | None = None
    _level: Level = Level.NORMAL
    _live: bool = False
    _started: datetime | None = None
    _ended: datetime | None = None
    _retry: datetime | None = None
    _next: datetime | None = None
    _unreached: bool = False
    _changed_at: datetime | None = None
    _touched_at: datetime | None = None
    _afresh_at: datetime | None = None
    _swapped_at: datetime | None = None
    _rest: tuple[datetime | None, datetime | None] = (None, None)

    def want(self, wants: Mapping[WantKey, Want], now: datetime) -> None:
        """What this person is to hear has changed, or came and went in one instant."""
        self._touched_at = now
        if wants == self._wants:
            return
        self._missed(now)
        self._wants, self._changed_at = wants, now
        keys = frozenset(wants)
        new = [want for key, want in wants.items() if key not in self._known]
        knew, self._known = self._known, keys
        self._swapped_at = now if knew and keys and knew.isdisjoint(keys) else None
        if not wants:
            self._base = self._retry = self._next = None
            self._level = Level.NORMAL
            return
        worst_new = max((want.level for want in new), key=lambda level: level.rank, default=Level.NORMAL)
        if not knew or worst_new.rank > self._level.rank:
            self._base = max(now, min(want.since for want in new))
            self._level, self._retry = worst_new, None
            self._started = self._started if self._live else None
        elif new and worst_new is self._level and not self._rang_lately(now):
            own = max(now, min(want.since for want in new)) + timedelta(seconds=self._clock(now).attempts_s[0])
            coming = self._retry or (slot_after(self._base, self._started, self._clock(now)) if self._base else own)
            self._retry = min(own, coming)
        else:
            self._level = max((want.level for want in wants.values()), key=lambda level: level.rank)
        if not self._live:
            self._next = self._slot(now)

    def ring(self, call: Call) -> None:
        """A phone begins to ring."""
        late = call.at - self._next if self._next is not None else None
        self.judged += 1
        if late is not None and late < -EXACT and self._begins_afresh(call.at):
            late = timedelta(0)
        if late is None:
            # Queued and taken back in one batch, as the answer came with the slot: that telephone never rang.
            crossed = call.result == "withdrawn" and self._touched_at == call.at
            if not self._live and not crossed:
                self._say(call.at, "无事可告却拨出", "rung though nothing was to be said")
        elif late < -EXACT and not self._unreached:
            self._say(call.at, f"早于应响之时 {span(-late)}", f"rang {span(-late)} before the cadence")
        elif late > self.allow and not self._unreached:
            self._say(call.at, f"晚于应响之时 {span(late)}", f"rang {span(late)} after the cadence")
        if late is not None and not self._unreached:
            self.lates.append(late)
        self._rest = (self._started, self._ended)
        self._live, self._started, self._next, self._retry, self._unreached = True, call.at, None, None, False
        self._afresh_at = self._swapped_at = None

    def end(self, call: Call, now: datetime) -> None:
        """It rings no more."""
        self._live, self._ended = False, now
        if call.result == "withdrawn":  # the phone never rang
            self._started, self._ended = None, self._rest[1]
        self._unreached = call.result == "unreachable"
        if not self._wants:
            self._base = self._retry = self._next = None
            return
        if call.result == "busy":
            self._retry = now + timedelta(seconds=self._clock(now).busy_again_s)
        if call.result == "carrier_failed":
            self._retry = now + CARRIER_AGAIN
        self._next = self._slot(now)
        self._afresh_at = now if self._changed_at == now else None

    def close(self, as_of: datetime) -> None:
        self._missed(as_of)

    # -- the cadence -------------------------------------------------------------------------------------

    def _clock(self, now: datetime) -> LevelClock:
        return self.clocks.at(self._level, now)

    def _rang_lately(self, now: datetime) -> bool:
        return self._started is not None and now - self._started < MERGE

    def _begins_afresh(self, at: datetime) -> bool:
        """Whether another cadence may have begun: an instant does not tell whether lines were answered or asked first.

        What ended a call and what is new came at one instant; or all that was to be heard went as something new came.
        """
        level = max((want.level for want in self._wants.values()), key=lambda level: level.rank, default=Level.NORMAL)
        first = timedelta(seconds=self.clocks.at(level, at).attempts_s[0])
        rested = [self._ended + PAUSE] if self._ended is not None else []
        for began, soonest in ((self._afresh_at, timedelta(0)), (self._swapped_at, first)):
            if began is None:
                continue
            slot = max(began + soonest, *rested)
            if slot - EXACT <= at <= slot + self.allow:
                self._base, self._level = began, level
                return True
        return False

    def _slot(self, now: datetime) -> datetime | None:
        if self._base is None:
            return None
        at = max(now, self._retry or slot_after(self._base, self._started, self._clock(now)))
        return at if self._ended is None else max(at, self._ended + PAUSE)

    def _missed(self, until: datetime) -> None:
        if self._next is not None and not self._unreached and not self._live and self._next + self.allow < until:
            self._say(self._next, "到时未响铃", "did not ring when it was due")
            self._unreached = True  # said once

    def _say(self, at: datetime, zh: str, en: str) -> None:
        self.findings.append(Finding(subject=self.person, at=at, zh=f"{self.person}：{zh}", en=en))


def slot_after(base: datetime, last: datetime | None, clock: LevelClock) -> datetime:
    """The first instant of the cadence after the last ring; those that passed meanwhile are not made up."""
    at = base + timedelta(seconds=clock.attempts_s[0])
    number = 0
    while last is not None and at <= last:
        number += 1
        if number < len(clock.attempts_s):
            at = base + timedelta(seconds=clock.attempts_s[number])
        else:
            at += timedelta(seconds=clock.then_every_s)
    return at


def judge_person(
    person: str,
    changes: Sequence[tuple[datetime, Mapping[WantKey, Want]]],
    calls: Sequence[Call],
    clocks: Clocks,
    allow: timedelta,
    as_of: datetime,
) -> RingJudge:
    """Tell one person's ringing anew: at one instant first what changed, then the end of a call, then a new one."""
    judge = RingJudge(person, clocks, allow)
    steps: list[tuple[datetime, int, int]] = [(at, 0, number) for number, (at, _) in enumerate(changes)]
    for number, call in enumerate(calls):
        steps.append((call.at, 2, number))
        if call.ended_at is not None and call.ended_at <= as_of:
            steps.append((call.ended_at, 1, number))
    for at, what, number in sorted(steps):
        if what == 0:
            judge.want(changes[number][1], at)
        elif what == 1:
            judge.end(calls[number], at)
        else:
            judge.ring(calls[number])
    judge.close(as_of)
    return judge


def wants_by_person(
    told: Iterable[Sequence[tuple[datetime, tuple[Want, ...]]]],
) -> dict[str, list[tuple[datetime, Mapping[WantKey, Want]]]]:
    """What each person was to hear, over all lines, whenever it changed; one instant is one change.

    But where a line had nothing left to say and then something new, both are told: a cadence ended and another began.
    """
    steps = [(at, line, wants) for line, history in enumerate(told) for at, wants in history]
    standing: dict[int, tuple[Want, ...]] = {}
    by_person: dict[str, dict[int, tuple[Want, ...]]] = {}
    out: dict[str, list[tuple[datetime, Mapping[WantKey, Want]]]] = {}
    silenced: dict[str, int] = {}  # by which line a person had nothing to hear any more
    for at, line, wants in sorted(steps, key=lambda step: (step[0], step[1])):
        touched = {want.person for want in (*standing.get(line, ()), *wants)}
        standing[line] = wants
        for person in touched:
            own = by_person.setdefault(person, {})
            own[line] = tuple(want for want in wants if want.person == person)
            now = {want.key: want for each in own.values() for want in each}
            history = out.setdefault(person, [])
            began_anew = bool(now) and silenced.get(person) == line
            if history and history[-1][0] == at and not began_anew:
                history[-1] = (at, now)
            else:
                history.append((at, now))
            silenced.pop(person, None)
            if not now:
                silenced[person] = line
    return out
