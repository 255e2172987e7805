"""神谕: 如何决定 A slow, plain implementation of contract §5 for `fengsui replay`, written from its text alone.

Beside each step stands the sentence it implements; where the text leaves a choice, AMBIGUITIES.md (beside this file)
says which reading was taken and why. It was written without the
engine; where the text was open and both readings could stand, it was brought to the engine's afterwards, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tests.property.oracle.order import run
from tests.property.oracle.truth import (
    RANK,
    F,
    Judge,
    Metric,
    Reading,
    Station,
    T,
    U,
    current,
    duration,
)

FIRST_DARK_IS_RECORDED = False  # ambiguity 10
LATE_LIMIT = timedelta(hours=6)
Record = dict[str, Any]


def worse(*levels: str) -> str:
    return max(levels, key=RANK.__getitem__)


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


@dataclass
class Fuse:
    """One fuse on one scope: everything that §5 makes it remember. Truth is asked of `Judge` anew each time."""

    rule: Mapping[str, Any]
    scope: str
    members: tuple[str, ...]  # station ids
    stations: Mapping[str, Station]
    metrics: Mapping[str, Metric]
    flat: bool = False  # in a rerun "had it been known in time" nothing is late
    level: str = "normal"
    confirmed: str = "normal"
    verification: str = "confirmed"
    condition: str = "normal"
    openings: int = 0
    n: int = 0
    blind: bool = True  # "A scope that never had one is blind without a record"
    blind_recorded: bool = False
    newest: datetime | None = None  # newest observed_at that this scope has evaluated
    evaluated: set[datetime] = field(default_factory=set)
    begun: datetime | None = None  # known time at which the present run of false began
    begun_at: datetime | None = None  # the instant that began it
    stepped: datetime | None = None  # known time of the last step down
    broken: datetime | None = None  # when a hold that unknown broke would have ended
    refused: str | None = None  # the level at which the latch refused
    confirm_due: datetime | None = None
    # while unconfirmed, what makes the level and those below it true: level, station, instant
    tripped_by: list[tuple[str, str, datetime]] = field(default_factory=list)
    doubted: datetime | None = None  # since when something above the confirmed level holds
    # level, station, instant where a silence raised the level, and the known time
    hushed: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    first: set[str] = field(default_factory=set)  # the stations that the unconfirmed level rose by
    risen: datetime | None = None  # known time of the last rise
    now: datetime | None = None
    since: dict[str, datetime] = field(default_factory=dict)  # first instant at which each level held
    # station: the last reading after which it was silent, and whether that was high
    quiet_said: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    known: list[Reading] = field(default_factory=list)  # every accepted reading of every station, by arrival
    out: list[Record] = field(default_factory=list)
    _judge: tuple[int, Judge] | None = None

    # ---- words of the rule ----

    @property
    def judge(self) -> Judge:
        if self._judge is None or self._judge[0] != len(self.known):
            self._judge = (len(self.known), Judge(self.rule, self.stations, self.metrics, current(self.known)))
        return self._judge[1]

    @property
    def hold(self) -> timedelta:
        return duration(self.rule.get("hold", 0))

    @property
    def confirm_after(self) -> timedelta:
        return duration(self.rule.get("confirm_after", "5min"))

    @property
    def quorum(self) -> Mapping[str, Any]:
        return {"count": 1, "of": "living", "minimum": 1, **(self.rule.get("quorum") or {})}

    @property
    def latched(self) -> bool:
        """ "at `latch` and above the level stays exactly where it is" """
        latch = self.rule.get("latch")
        return latch is not None and RANK[self.level] >= RANK[latch]

    def concerns(self, r: Reading) -> bool:
        return r.station in self.members and r.metric in self.judge.metrics_read

    # ---- truth of a level over the scope (§5.2) ----

    def living(self, t: datetime) -> int:
        return sum(self.judge.living(name, t) for name in self.members)

    def living_now(self, known: datetime) -> int:
        """Also by readings of a clock that is a little ahead."""
        judge, last = self.judge, {name: self.judge.last_usable(name) for name in self.members}
        return sum(at is not None and known - at < judge.quiet_after(name) for name, at in last.items())

    def at_or_above(self, level: str, name: str, t: datetime) -> bool:
        """A station that satisfies a worse level stands for this one too."""
        return any(
            RANK[each] >= RANK[level] and self.judge.station_level(each, name, t)[0] == T for each in self.judge.defined
        )

    def truth(self, level: str, t: datetime, deadband: bool = False) -> str:
        judge, true, unknown = self.judge, 0, 0
        for name in self.members:
            if not self.judge.living(name, t):
                # "A station silent at or above `silence.above` counts as unknown …; other silent ones leave n"
                unknown += judge.high_when_last_seen(name, t)
                continue
            answer = judge.station_level(level, name, t, deadband)[0]
            if self.at_or_above(level, name, t):
                answer = T
            true += answer == T
            unknown += answer == U
        count = int(self.quorum["count"])
        if true >= count:
            return T  # "true at ≥ count stations"
        blind = self.living(t) < int(self.quorum["minimum"])
        return U if blind or true + unknown >= count else F  # "false only when true + unknown < count"

    def true_at(self, level: str, t: datetime) -> list[str]:
        return [m for m in self.members if self.judge.living(m, t) and self.at_or_above(level, m, t)]

    def kept_at(self, level: str, t: datetime) -> list[str]:
        """The same with deadband: what would have kept the level."""
        living = [m for m in self.members if self.judge.living(m, t)]
        return [
            m for m in living if self.at_or_above(level, m, t) or self.judge.station_level(level, m, t, True)[0] == T
        ]

    def confirmed_at(self, level: str, t: datetime) -> list[str]:
        """The stations that trip the level by themselves: good readings, plausible where the rule asks for it."""
        judge, asked = self.judge, level in (self.rule.get("plausible") or {})
        return [
            name
            for name in self.true_at(level, t)
            if (judge.plausible(level, name, t) if asked else self.good_at(level, name, t))
        ]

    def good_at(self, level: str, name: str, t: datetime) -> bool:
        worse_or_same = [each for each in self.judge.defined if RANK[each] >= RANK[level]]
        return any(self.judge.station_level(each, name, t) == (T, True) for each in worse_or_same)

    def worst(self, t: datetime) -> str:
        return worse("normal", *(level for level in self.judge.defined if self.truth(level, t) == T))

    def worst_confirmed(self, t: datetime) -> str:
        count = int(self.quorum["count"])
        return worse("normal", *(each for each in self.judge.defined if len(self.confirmed_at(each, t)) >= count))

    # ---- what is written ----

    def write(self, before: str, reason: str, observed: datetime, known: datetime, **more: Any) -> None:
        self.n += 1
        if self.flat:
            return
        self.out.append(
            {
                "id": f"{self.rule['id']}/{self.scope}/{self.n}",
                "trip_id": f"{self.rule['id']}/{self.scope}/{self.openings}"
                if {before, self.level} != {"normal"}
                else None,
                "n": self.n,
                "fuse": self.rule["id"],
                "scope": self.scope,
                "from": before,
                "to": self.level,
                "condition": self.condition,
                "confirmed_level": self.confirmed,
                "observed_at": stamp(observed),
                "known_at": stamp(known),
                "reason": reason,
                "verification": self.verification,
                "blind": self.blind,
                "because": more.get("because", []),
                "refused_by": more.get("refused_by", []),
                "by": None,
                "due": None,
                "realm": "x-replay",
            }
        )

    # ---- §5.4, §5.5: up ----

    def rise(self, level: str, confirmed: str, observed: datetime, known: datetime) -> None:
        """ "Up: at once"; "A level that is not plausible rises `unconfirmed`" """
        if self.level == "normal":
            self.openings += 1
            self.since = {}
        for each in self.judge.defined:
            if RANK[each] <= RANK[level]:
                self.since.setdefault(each, observed)
        self.level, self.risen = level, known
        self.confirmed = worse(self.confirmed, confirmed)
        self.begun = self.broken = self.refused = None
        if RANK[self.confirmed] >= RANK[level]:
            self.confirmed, self.verification, self.confirm_due = level, "confirmed", None
        else:
            if self.verification == "confirmed":
                self.tripped_by, self.hushed, self.doubted = [], [], observed
            self.verification = "unconfirmed"
            self.confirm_due = known + self.confirm_after  # runs "from the known time of the batch that began" it
            self.first = set(self.true_at(level, observed))

    def best_confirmed(self, t: datetime) -> str:
        """ "that reading is also the second source which confirms" (the level, or one below it)"""
        best = self.confirmed
        if self.verification in ("unconfirmed", "unverified"):
            asked, count, judge = self.rule.get("plausible") or {}, int(self.quorum["count"]), self.judge
            for level in judge.defined:
                by = [(name, at) for each, name, at in self.tripped_by if each == level]
                silent = [(name, at, since) for each, name, at, since in self.hushed if each == level]
                if RANK[level] > RANK[self.level] or not (by or silent):
                    continue
                if any(judge.plausible(level, name, at, since) for name, at, since in silent if level in asked):
                    sure = True
                elif level not in asked and self.risen == self.now:  # one batch: its good readings trip as well
                    sure = len(self.confirmed_at(level, t)) >= count
                elif level in asked:
                    sure = len({name for name, at in by if judge.plausible(level, name, at)}) >= count
                elif level == self.level:
                    now = set(self.confirmed_at(level, t))
                    sure = len(now) >= count and bool(now - self.first)  # "never the same station"
                else:
                    sure = len(self.confirmed_at(level, t)) >= count
                best = worse(best, level) if sure else best
        return best

    def seek_second_source(self, t: datetime) -> None:
        best = self.best_confirmed(t)
        if best == self.level and self.verification in ("unconfirmed", "unverified"):
            self.confirm()
        self.confirmed = worse(self.confirmed, best)

    def confirm(self) -> None:
        self.confirmed, self.verification, self.confirm_due = self.level, "confirmed", None

    # ---- evaluation at one instant ----

    def evaluate(self, t: datetime, known: datetime, timer: bool = False) -> None:
        self.now = known
        worst = self.worst(t)
        self.condition = worst  # "the worst level true now, raw, without deadband or hold"
        confirmed = self.worst_confirmed(t)
        if RANK[worst] > RANK[self.level]:
            self.rise(worst, confirmed, t, known)
        if not timer:  # what is said is said by a reading
            self.remember(t)
        if not timer or self.risen == known:  # a second source is a reading
            self.seek_second_source(t)
        self.track(t, known)

    def remember(self, t: datetime) -> None:
        if self.verification in ("unconfirmed", "unverified") and self.doubted is not None and t >= self.doubted:
            for level in self.judge.defined:
                self.tripped_by += [(level, name, t) for name in self.true_at(level, t)]

    def track(self, t: datetime, known: datetime) -> None:
        """§5.6: is the present level false with deadband, and since when without a break?"""
        if self.level == "normal":
            return
        answer = self.truth(self.level, t, deadband=True)
        if self.truth(self.level, t) == T:
            self.refused, answer = None, T  # "A true condition empties the set"
        if answer == F:
            if self.begun is None:
                self.begun, self.begun_at = known, t
            return
        if answer == U and self.begun is not None and self.refused is None:
            self.broken = self.broken or self.hold_end  # "unknown breaks it: one record when it would have ended"
        if answer == T:
            self.broken = None
        self.begun = None

    @property
    def hold_end(self) -> datetime | None:
        """ "one level …; the next no earlier than `hold` later" """
        if self.begun is None or self.level == "normal":
            return None
        return max(self.begun, self.stepped or self.begun) + self.hold

    # ---- a batch ----

    def batch(self, known: datetime, readings: Sequence[Reading]) -> None:
        self.known += readings
        self.now = known
        mine = [r for r in readings if self.concerns(r)]
        state, sure = self.verification, self.confirmed
        before = self.level
        if not mine:
            self.outside(readings, known)
            return
        newest = self.newest
        late = [] if self.flat or newest is None else [r for r in mine if r.at < newest]
        self.light(mine, known)
        why = self.late(late, known, before) if late else "threshold"
        old = sorted({r.at for r in mine} if self.flat else {r.at for r in mine if r not in late})
        for t in old:
            height = self.level
            self.evaluate(t, known)
            if self.level != height:
                why = "threshold"
            self.newest = max(t, self.newest or t)
            self.evaluated.add(t)
        if newest is not None and old and old[-1] < newest:  # only in a rerun
            self.evaluate(newest, known)
        if self.level != before:  # "One level record a batch and scope"
            at = self.since[self.level]  # "the first instant at which the new level held"
            if why == "late" and at in old:
                why = "threshold"  # it came in time as well
            if why == "threshold" and int(self.quorum["count"]) > 1:
                why = "quorum"  # "a rise that needed more than one station"
            judge = self.judge
            causes = [each for name in self.members for each in judge.because(self.level, name, at)]
            self.write(before, why, at, known, because=causes)
        elif state != self.verification == "confirmed" or self.confirmed != sure:
            self.write(before, "confirmed", self.source_at(readings), known)

    def outside(self, readings: Sequence[Reading], known: datetime) -> None:
        """A reading beyond the scope's own stations may still be the second source."""
        if self.newest is None:
            return
        sure, state = self.confirmed, self.verification
        self.seek_second_source(self.newest)
        if (sure, state) != (self.confirmed, self.verification):
            self.write(self.level, "confirmed", self.source_at(readings), known)

    def source_at(self, readings: Sequence[Reading]) -> datetime:
        """The observed_at of the reading of this batch that is the second source."""
        judge = self.judge
        asked = self.confirmed in (self.rule.get("plausible") or {})
        by = [(m, at) for level, m, at in self.tripped_by if level == self.confirmed] if asked else []
        sources = {s for m, at in by for s in judge.sources(self.confirmed, m, at)}
        here = [r.at for r in readings if (r.station, r.at) in sources]
        others = [r.at for r in readings if r.station not in self.first]
        return min(here or others, default=max(r.at for r in readings))

    def light(self, mine: Sequence[Reading], known: datetime) -> None:
        """ "Fewer living than `minimum`: `blind`, recorded on and off." """
        needed = int(self.quorum["minimum"])
        instants = sorted({r.at for r in mine if r.usable})
        if not instants:
            return
        lit = next((t for t in instants if self.living(t) >= needed), None)
        if self.blind and lit is not None and self.living_now(known) >= needed:
            self.blind = False
            if self.blind_recorded:
                self.write(self.level, "blind", lit, known)
        elif lit is None and not self.blind_recorded and FIRST_DARK_IS_RECORDED:
            self.blind = self.blind_recorded = True
            self.write(self.level, "blind", instants[0], known)

    # ---- §5.9 late ----

    def late(self, late: Sequence[Reading], known: datetime, before: str) -> str:
        """ "The level becomes what it would be now had it been known in time" """
        assert self.newest is not None
        there = self.rerun(known, [r for r in self.known if r.known == known and r.at > self.newest])
        again = sorted({r.at for r in late} | {t for t in self.evaluated if t >= late[0].at})
        self.evaluated |= {r.at for r in late}
        self.condition = self.worst(self.newest)
        higher = RANK[there.level] > RANK[self.level]
        names = {r.station for r in late}
        crossed = [t for t in again if higher and names & set(self.true_at(there.level, t))]
        held = [t for t in crossed if RANK[self.worst(t)] >= RANK[there.level]]
        kept = not held
        if kept:  # it would only have been kept
            held = [t for t in again if higher and names & set(self.kept_at(there.level, t))]
            held = [t for t in held if self.truth(there.level, t, True) != F]
        since = self.begun_at
        if self.begun and since is not None and any(t >= since and self.truth(self.level, t, True) == T for t in again):
            self.begun = None  # a run of false that the late fact interrupts begins again with its arrival
        if held and known - held[0] < LATE_LIMIT:  # "younger than 6 h"
            confirmed = worse("normal", *(self.worst_confirmed(t) for t in again if t >= held[0]))
            if kept:
                confirmed = there.level if there.verification == "confirmed" else there.confirmed
            self.rise(there.level, confirmed, held[0], known)
            self.doubted = min(at for at in (self.doubted, there.doubted, held[0]) if at is not None)
        elif held:  # "else record only"
            self.write(before, "late", held[0], known)
        for t in again:
            self.remember(t)
            if self.doubted is not None and t >= self.doubted:
                self.seek_second_source(t)
        self.seek_second_source(self.newest)
        self.track(self.newest, known)
        return "late"

    def rerun(self, known: datetime, in_time: Sequence[Reading]) -> Fuse:
        """The same fuse from the beginning, every reading known when it happened, up to now; what comes in time with
        the late facts is still to be evaluated."""
        there = Fuse(self.rule, self.scope, self.members, self.stations, self.metrics, flat=True)
        moved = [replace(r, known=r.at) for r in self.known if r not in in_time]
        moved.sort(key=lambda r: (r.known, r.at))
        run(
            [there], ((k, list(rows)) for k, rows in groupby(moved, key=lambda r: r.known)), known, last_inclusive=False
        )
        return there

    # ---- timers ----

    def due(self) -> datetime | None:
        """When something of this fuse is due next; the past counts as now."""
        judge = self.judge
        quiet = [at for _, at in self.silences(judge)]
        return min(
            [at for at in (*quiet, self.confirm_due, self.broken, self.down_due()) if at is not None], default=None
        )

    def down_due(self) -> datetime | None:
        return None if self.refused == self.level and self.latched else self.hold_end

    def silences(self, judge: Judge) -> Iterator[tuple[str, datetime]]:
        for name in self.members:
            last = judge.last_usable(name)
            said = self.quiet_said.get(name)
            if last is None or said in ((last, True), (last, judge.high_when_last_seen(name))):
                continue
            if said is None or said[0] != last or judge.high_when_last_seen(name):
                yield name, last + judge.quiet_after(name)  # "last observed + intervals × report_s"

    def timers(self, now: datetime) -> None:
        """All that is due at ``now``: verification, silence before blind, then the hold."""
        judge = self.judge
        due = self.confirm_due
        quiet = sorted((at, name) for name, at in self.silences(judge) if at <= now)
        self.evaluate_timer(now)
        if due is not None and due <= now and self.verification == "unconfirmed" and self.confirm_due == due:
            self.confirm_due, self.verification = None, "unverified"
            self.write(self.level, "unverified", now, now)
        for _, name in quiet:
            last = judge.last_usable(name)
            assert last is not None
            self.quiet_said[name] = (last, judge.high_when_last_seen(name))
            if judge.high_when_last_seen(name):
                self.fall_silent(name, last, now)
        if quiet and not self.blind and self.living(now) < int(self.quorum["minimum"]):
            self.blind = self.blind_recorded = True
            self.write(self.level, "blind", now, now)
        for which in ("broken", "down"):
            at = self.broken if which == "broken" else self.down_due()
            if at is not None and at <= now:
                self.end_of_hold(now)

    def fall_silent(self, name: str, last: datetime, now: datetime) -> None:
        """ "`raise` raises one level, unconfirmed (red stays red)" """
        before, judge = self.level, self.judge
        if self.flat:
            return  # it comes after the late facts have made the level what it would be
        if judge.silence["then"] == "raise" and judge.higher(before) != before:
            self.rise(judge.higher(before), self.confirmed, now, now)
            self.hushed.append((self.level, name, now, now))
            self.first, self.doubted = {name}, min(self.doubted or last, last)
            self.track(now, now)
        self.write(before, "silence", now, now)

    def evaluate_timer(self, now: datetime) -> None:
        """ "A rule is evaluated … at timers": not before what was observed already by a clock that is a little ahead"""
        before = self.level
        self.evaluate(max(now, self.newest or now), now, timer=True)
        if self.level != before:
            count = int(self.quorum["count"])
            self.write(before, "quorum" if count > 1 else "threshold", now, now)

    def end_of_hold(self, now: datetime) -> None:
        if self.broken is not None and self.broken <= now:
            self.broken = None
            self.write(self.level, "unknown", now, now)
        due = self.down_due()
        if due is None or due > now:
            return
        if self.latched:
            # "one record with `to` = `from`, reason … `latched`, and `refused_by`; again only when that set or the
            # level changes"
            self.refused = self.level
            by = [{"kind": "latch", "fuse": self.rule["id"], "scope": self.scope}]
            self.write(self.level, "latched", now, now, refused_by=by)
            return
        before, self.level = self.level, self.judge.lower(self.level)
        self.stepped, self.begun, self.broken = now, None, None
        self.since = {level: at for level, at in self.since.items() if RANK[level] <= RANK[self.level]}
        if RANK[self.level] <= RANK[self.confirmed]:
            self.confirm()
        self.write(before, "hold", now, now)
        if self.level == "normal":
            self.stepped = None
        self.track(now, now)
