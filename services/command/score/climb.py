"""升级评分 Each line's log against the pack's clocks: who is called when, the door, the top, what stops the climb.

Told anew from the log alone, apart from the machine that acted (``callouts.escalation``): a step that came before its
clock, after it, or never, is named. ``wants`` is whom the line wanted to reach from when on, for the judge of rings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.command.score.findings import Finding
from services.command.score.told import DOOR_RUNG, Entry, LineTold, Party
from services.command.score.wanted import EXACT, Held, Late, StandIn, Want, span
from services.dispatch.callouts.clocks import Clocks, LevelClock
from shared.vocabulary import Level

STRENGTH = {"heard": 1, "understood": 2, "acting": 3}
CLIMBS = ("deputy_called", "superior_called", "top_reached")
LOST = ("cannot_act", "wrong_person", "struck_elsewhere", "no_contact")
ANSWERS = ("answered", "answer_too_weak", "heard_stops_nothing", "feedback_given", "feedback_incomplete")
FEEDBACK_RING_AFTER = timedelta(minutes=5)


class LineJudge:
    """一条线: `take` each entry in order, then `close` at the end of the observation."""

    def __init__(self, told: LineTold, clocks: Clocks, allow: timedelta) -> None:
        self.told, self.clocks, self.allow = told, clocks, allow
        self.findings: list[Finding] = []
        self.lates: list[Late] = []
        self.wants: list[tuple[datetime, tuple[Want, ...]]] = []
        self.spared: list[StandIn] = []
        self.acting: list[tuple[datetime, Level]] = []  # on what the post's own holder acts
        self.opened_at: datetime | None = None
        self.acting_at: datetime | None = None
        self.open = self.top = False
        self.matters: dict[str, Held] = {}
        self._parties = {party.person: party for party in told.parties if party.person}
        self._called: dict[str, datetime] = {}
        self._accepted: set[str] = set()
        self._by_text: set[str] = set()
        lost = {
            str(entry.body.get("who", entry.body.get("answered_by"))) for entry in told.entries if entry.kind in LOST
        }
        self._out = {p.person for p in told.parties if p.state == "no_contact" and p.person not in lost}
        self._rung, self._rung_at = -1, told.entries[0].at
        self._from, self._seen_at = told.entries[0].at, told.entries[0].at
        self._door_at: datetime | None = None
        self._answered_by: str | None = None
        self._feedback_overdue: datetime | None = None
        self._reminded = False
        self._said: set[tuple[str, datetime]] = set()

    # -- the log -----------------------------------------------------------------------------------------

    def take(self, entry: Entry) -> None:
        self._missed(entry.at, entry)
        self._judge_steps(entry)
        {
            **dict.fromkeys(("opened", "joined", "upgraded"), self._join),
            **dict.fromkeys(ANSWERS, self._answer),
            **dict.fromkeys(LOST, self._lose),
            **dict.fromkeys(CLIMBS, self._climb),
            "downgraded": self._calm,
            "covered_by_acting": self._cover,
            "matter_ended": self._end,
            "contact_found": self._find,
            "door_accepted": self._accept,
            "feedback_overdue": self._overdue,
            "closed": self._close_line,
        }.get(entry.kind, _nothing)(entry)
        if entry.is_door:
            self._door_at = entry.at
        self._mark(entry)
        self._agree(entry)
        self._seen_at = entry.at
        self.acting.append((entry.at, self._acting()))
        self.wants.append((entry.at, tuple(self._wants())))

    def close(self, as_of: datetime) -> None:
        """The end of the observation: what was due before it must have been done."""
        self._missed(as_of)

    def _join(self, entry: Entry) -> None:
        body = entry.body
        key, level, version = str(body["matter"]), Level(body["level"]), int(body["version"])
        before = _worst(held.level for held in self.waiting().values())
        self.matters.pop(key, None)
        self.matters[key] = Held(level=level, version=version, asked=version, opened_at=entry.at)
        self.opened_at = self.opened_at or entry.at
        if not self.open:
            self._start(entry)
            return
        if level.rank > before.rank:
            self._from = entry.at
            if self.top:
                self.top, self._rung_at = False, entry.at
        self._mark(entry)
        self._together()

    def _start(self, entry: Entry) -> None:
        self.open, self.top = True, False
        self._from = self._rung_at = entry.at
        self._door_at = self._answered_by = self._feedback_overdue = None
        self._reminded = False
        self._called.clear()
        self._accepted.clear()
        self._by_text.clear()
        self._mark(entry)
        rungs = sorted(self._parties[person].rung for person in self._called if person in self._parties)
        ringing = [rung for rung in rungs if rung != DOOR_RUNG]
        self._rung = ringing[0] if ringing else self._top_rung
        self.top = not ringing
        self._together()

    def _together(self) -> None:
        """Where all deputies and seconds ring with the post, the next rung is the superior's."""
        first = [party for party in self.told.parties if party.rung == 1]
        if self._rung == 0 and first and all(p.person in self._called or p.person in self._out for p in first):
            self._rung = 1

    def _answer(self, entry: Entry) -> None:
        body, person = entry.body, str(entry.body["answered_by"])
        grade, at, read = str(body["grade"]), entry.happened_at or entry.at, body.get("read")
        for key, held in self.matters.items():
            covers = held.opened_at <= at if read is None else held.asked <= read.get(key, -1) <= held.version
            if covers and STRENGTH.get(grade, 0) > STRENGTH.get(held.grade or "", 0):
                self.matters[key] = replace(held, grade=grade, by=person)
        if self._answered_by is None or grade == "acting":
            self._answered_by = person
        if grade == "acting" and self.acting_at is None:
            self.acting_at = at
        asked = any(key.endswith("#feedback") for key in read or ())
        if self._feedback_overdue and (asked or body.get("feedback")) and body["via"] in ("keypad", "sms"):
            self._reminded = True
        if entry.kind == "feedback_given":
            self._feedback_overdue = None
        self._settle()

    def _lose(self, entry: Entry) -> None:
        person = str(entry.body.get("who", entry.body.get("answered_by")))
        party = self._parties.get(person)
        if party is not None and (entry.kind != "wrong_person" or party.state == "struck"):
            self._out.add(person)
        if entry.kind in ("cannot_act", "wrong_person"):
            for key, held in self.matters.items():
                if held.by == person:
                    self.matters[key] = replace(held, grade=None, by=None)
            if not self.open and self.matters and self.waiting():
                self._start(entry)
                return
        self._advance(entry)

    def _advance(self, entry: Entry) -> None:
        """Somebody who rang is out: whoever comes next came at once."""
        rungs = [self._parties[p].rung for p in self._climbed(entry) if p in self._parties]
        self._mark(entry)
        onward = [rung for rung in rungs if rung > self._rung]
        if onward:
            self._rung, self._rung_at = max(onward), entry.at
        if "top_reached" in entry.body.get("alarms", ()):
            self._reach_top(entry)

    def _climb(self, entry: Entry) -> None:
        wanted = self._next_rung()
        on = {self._parties[p].rung for p in self._climbed(entry) if p in self._parties} - {DOOR_RUNG}
        self._mark(entry)
        if entry.kind == "top_reached":
            if wanted is not None:
                self._say(
                    entry.at, f"第 {wanted} 级尚未叫应即报“已到顶”", f"top said to be reached before rung {wanted}"
                )
            self._reach_top(entry)
            return
        if on - {wanted}:
            self._say(
                entry.at, f"叫的是第 {sorted(on)} 级，应为第 {wanted} 级", f"called rung {sorted(on)}, not {wanted}"
            )
        self._rung = max([*on, wanted if wanted is not None else self._rung])
        self._rung_at = entry.at

    def _reach_top(self, entry: Entry) -> None:
        self.top = True
        for person in sorted(self._by_text - self._out):
            self._say(entry.at, f"已到顶，仍未拨{person}的电话", f"at the top, and {person} was told by text alone")

    def _climbed(self, entry: Entry) -> set[str]:
        """Who the step reached; who was told by text and is rung now, or the other way, was reached before."""
        return {person for person in (*entry.called, *entry.told) if person not in self._called}

    def _calm(self, entry: Entry) -> None:
        held = self.matters.get(str(entry.body["matter"]))
        if held is not None:
            changed = replace(held, level=Level(entry.body["level"]), version=int(entry.body["version"]))
            self.matters[str(entry.body["matter"])] = changed
        self._settle()

    def _cover(self, entry: Entry) -> None:
        version = int(entry.body["version"])
        self.matters[str(entry.body["matter"])] = Held(
            level=Level(entry.body["level"]),
            version=version,
            asked=0,
            opened_at=entry.at,
            grade="acting",
            by=self._answered_by,
        )

    def _end(self, entry: Entry) -> None:
        self.matters.pop(str(entry.body["matter"]), None)
        if self.matters:
            self._settle()
        else:
            self.open = self.top = False
            self._feedback_overdue = None

    def _find(self, entry: Entry) -> None:
        self._out.discard(str(entry.body.get("who")))
        self._mark(entry)

    def _accept(self, entry: Entry) -> None:
        self._accepted.add(str(entry.body["answered_by"]))

    def _overdue(self, entry: Entry) -> None:
        self._feedback_overdue = entry.at

    def _close_line(self, entry: Entry) -> None:
        self.open = self.top = False
        self._feedback_overdue = None

    def _settle(self) -> None:
        if self.open and not self.waiting():
            self.open = self.top = False

    def _mark(self, entry: Entry) -> None:
        for person in entry.called:
            if person in self._by_text:  # rung after all
                self._by_text.discard(person)
                self._called[person] = entry.at
            self._called.setdefault(person, entry.at)
        for person in entry.told:
            self._by_text.add(person)
            stood = StandIn(person=person, at=entry.at, level=_worst(m.level for m in self.waiting().values()))
            if stood not in self.spared:
                self.spared.append(stood)
            self._called.setdefault(person, entry.at)

    def _acting(self) -> Level:
        own = [
            held.level
            for key, held in self.matters.items()
            if key.endswith("#act") and held.grade == "acting" and held.by == self.told.person
        ]
        return _worst(own)

    # -- the clocks --------------------------------------------------------------------------------------

    def waiting(self) -> dict[str, Held]:
        return {key: held for key, held in self.matters.items() if not self._is_answered(key, held)}

    def _is_answered(self, key: str, held: Held) -> bool:
        stops = "acting" if held.level.rank >= Level.ORANGE.rank else str(self.clocks.day[held.level].stops)
        if key.endswith("#report"):  # to be heard, nothing to be done
            stops = "heard"
        return STRENGTH.get(held.grade or "", 0) >= STRENGTH[stops]

    def _clock(self, at: datetime) -> LevelClock:
        waiting = self.waiting() or self.matters
        return self.clocks.at(_worst(held.level for held in waiting.values()), at)

    @property
    def _top_rung(self) -> int:
        return max((party.rung for party in self.told.parties), default=0)

    def _next_rung(self) -> int | None:
        """The next rung on which somebody may still be called."""
        able = {p.rung for p in self.told.parties if p.person and p.person not in self._out and p.rung > self._rung}
        return min(able, default=None)

    def _climb_due(self, clock: LevelClock) -> datetime | None:
        if not self.open or self.top:
            return None
        if self._rung == 0 and any(party.rung == 1 for party in self.told.parties):
            return self._from + timedelta(seconds=clock.deputy_after_s)
        if self._rung <= 1:
            return max(self._from + timedelta(seconds=clock.superior_after_s), self._rung_at)
        return max(self._from, self._rung_at) + timedelta(seconds=clock.next_superior_every_s)

    def _door_due(self, clock: LevelClock) -> datetime | None:
        if not self.open or self._door_at is not None or clock.door_after_s is None:
            return None
        return self._from + timedelta(seconds=clock.door_after_s)

    def _dues(self, at: datetime) -> Iterable[tuple[str, datetime]]:
        """What falls due, by the clocks of that hour."""
        clock = self._clock(at)
        for kind, due in (("climb", self._climb_due(clock)), ("door", self._door_due(clock))):
            if due is not None:
                yield kind, due

    def _missed(self, until: datetime, step: Entry | None = None) -> None:
        """What was due long before ``until`` and was not done, unless ``step`` does it now: that one is late.

        Day and night may have changed meanwhile: the later of both counts.
        """
        if not self.matters:
            return
        done = {kind for kind in ("door", "climb") if step is not None and _does(step, kind)}
        by_now, before = dict(self._dues(until)), dict(self._dues(self._seen_at))
        for kind in (by_now.keys() & before.keys()) - done:
            due = max(by_now[kind], before[kind])
            if due + self.allow < until and (kind, due) not in self._said:
                self._said.add((kind, due))
                zh, en = _MISSED[kind]
                self._say(due, f"{zh}（应在此时）", f"{en} when it was due")

    def _judge_steps(self, entry: Entry) -> None:
        """A step of the clocks: not before its instant, and soon after it."""
        for kind in ("door", "climb"):
            if _does(entry, kind):
                self._judge(entry, kind)

    def _judge(self, entry: Entry, kind: str) -> None:
        due = dict(self._dues(entry.at)).get(kind)
        zh, en = _STEPS.get(entry.kind if kind == "climb" else "door_opened", (entry.kind, entry.kind))
        if due is None:
            self._say(entry.at, f"{zh}：此时并无此钟", f"{en}: no such clock was running")
            return
        late = entry.at - due
        if late < -EXACT:
            self._say(entry.at, f"{zh}早了 {span(-late)}", f"{en} {span(-late)} too early")
        self.lates.append(Late(self.told.name, kind, entry.at, late))
        turned = dict(self._dues(self._seen_at)).get(kind)
        late = entry.at - max(due, turned or due)
        if late > self.allow and (kind, due) not in self._said:
            self._say(entry.at, f"{zh}晚了 {span(late)}", f"{en} {span(late)} late")
        self._said.add((kind, due))

    def _agree(self, entry: Entry) -> None:
        """The line's own state must be the one that follows from its log."""
        status = entry.body.get("status")
        said_open = status in ("calling", "climbing", "top_reached")
        if status is not None and said_open != self.open:
            zh = "仍在叫应" if said_open else "已停止叫应"
            self._say(
                entry.at,
                f"{zh}，与记录推得的不符（{entry.kind}）",
                f"{status} does not follow from the log ({entry.kind})",
            )
            self.open = said_open

    # -- whom it wants -----------------------------------------------------------------------------------

    def _wants(self) -> Iterable[Want]:
        waiting = self.waiting()
        for person, called_at in self._called.items() if self.open else ():
            party = self._parties.get(person)
            if party is None or person in self._out or person in self._by_text:
                continue
            if party.kind == "neighbour":
                yield from self._door_want(party, called_at, waiting)
                continue
            for key, held in waiting.items():
                yield self._want(person, key, held.level, held.asked or held.version, max(called_at, held.opened_at))
        asked = self._answered_by
        if not self.open and self.matters and self._feedback_overdue and asked and not self._reminded:
            key, held = max(self.matters.items(), key=lambda item: item[1].level.rank)
            about = key.rpartition("#")[0] + "#feedback"
            since = self._feedback_overdue + FEEDBACK_RING_AFTER
            if asked not in self._out:
                yield self._want(asked, about, held.level, held.asked or held.version, since)

    def _door_want(self, party: Party, called_at: datetime, waiting: Mapping[str, Held]) -> Iterable[Want]:
        if waiting and party.person not in self._accepted:
            held = max(waiting.values(), key=lambda each: each.level.rank)
            about = f"door:{self.told.post}#door"
            yield self._want(party.person, about, held.level, held.asked or held.version, called_at)

    def _want(self, person: str, about: str, level: Level, asked: int, since: datetime) -> Want:
        return Want(person=person, key=(self.told.case_id, self.told.post, about, asked), level=level, since=since)

    def _say(self, at: datetime, zh: str, en: str) -> None:
        self.findings.append(Finding(subject=self.told.name, at=at, zh=f"{self.told.person}：{zh}", en=en))


def judge_line(told: LineTold, clocks: Clocks, allow: timedelta, as_of: datetime) -> LineJudge:
    """Tell one line anew from its log."""
    judge = LineJudge(told, clocks, allow)
    for entry in told.entries:
        judge.take(entry)
    judge.close(as_of)
    return judge


def _does(entry: Entry, kind: str) -> bool:
    return entry.is_door if kind == "door" else entry.kind in CLIMBS


def _nothing(_: Entry) -> None:
    """Moves no clock."""


def _worst(levels: Iterable[Level]) -> Level:
    return max(levels, key=lambda level: level.rank, default=Level.NORMAL)


_STEPS: Mapping[str, tuple[str, str]] = {
    "deputy_called": ("叫副岗", "deputy called"),
    "superior_called": ("叫上级", "superior called"),
    "top_reached": ("报“已到顶”", "top reached"),
    "door_opened": ("派人上门", "door task"),
}
_MISSED: Mapping[str, tuple[str, str]] = {
    "climb": ("到时未升级", "nobody further was called"),
    "door": ("到时未派人上门", "nobody was sent to the door"),
}
