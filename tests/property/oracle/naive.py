"""神谕: 如何决定 A slow, plain implementation of contract §5 for `fengsui replay`, written from its text alone.

Beside each step stands the sentence it implements; where the text leaves a choice, AMBIGUITIES.md (beside this file)
says which reading was taken and why. The engine is never looked at: a difference between the two is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tests.property.oracle.rows import Region, read_rows, scopes_of
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
from tests.property.oracle.truth import instant as parse_instant

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
    stepped: datetime | None = None  # known time of the last step down
    broken: datetime | None = None  # when a hold that unknown broke would have ended
    refused: str | None = None  # the level at which the latch refused
    confirm_due: datetime | None = None
    tripped_by: list[tuple[str, datetime]] = field(default_factory=list)  # what makes the unconfirmed level true
    since: dict[str, datetime] = field(default_factory=dict)  # first instant at which each level held
    quiet_said: dict[str, datetime] = field(default_factory=dict)  # station: the last reading that was missed
    known: list[Reading] = field(default_factory=list)  # every accepted reading of every station, by arrival
    late_rows: set[int] = field(default_factory=set)
    out: list[Record] = field(default_factory=list)

    # ---- words of the rule ----

    @property
    def judge(self) -> Judge:
        return Judge(self.rule, self.stations, self.metrics, current(self.known))

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
        return r.station in self.members and r.metric == self.rule["metric"]

    # ---- truth of a level over the scope (§5.2) ----

    def living(self, t: datetime) -> int:
        return sum(self.judge.living(name, t) for name in self.members)

    def truth(self, level: str, t: datetime, deadband: bool = False) -> str:
        judge, true, unknown = self.judge, 0, 0
        for name in self.members:
            if not judge.living(name, t):
                # "A station silent at or above `silence.above` counts as unknown …; other silent ones leave n"
                unknown += judge.high_when_last_seen(name, t)
                continue
            answer = judge.station_level(level, name, t, deadband)[0]
            true += answer == T
            unknown += answer == U
        count = int(self.quorum["count"])
        if true >= count:
            return T  # "true at ≥ count stations"
        blind = self.living(t) < int(self.quorum["minimum"])
        return U if blind or true + unknown >= count else F  # "false only when true + unknown < count"

    def true_at(self, level: str, t: datetime) -> list[str]:
        judge = self.judge
        return [m for m in self.members if judge.living(m, t) and judge.station_level(level, m, t)[0] == T]

    def confirmed_at(self, level: str, t: datetime) -> list[str]:
        """The stations that trip the level by themselves: good readings, plausible where the rule asks for it."""
        judge, asked = self.judge, level in (self.rule.get("plausible") or {})
        return [
            name
            for name in self.true_at(level, t)
            if (judge.plausible(level, name, t) if asked else judge.station_level(level, name, t) == (T, True))
        ]

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
            self.since, self.tripped_by = {}, []
        for each in self.judge.defined:
            if RANK[each] <= RANK[level]:
                self.since.setdefault(each, observed)
        self.level = level
        self.confirmed = worse(self.confirmed, confirmed)
        self.begun = self.broken = self.refused = None
        if RANK[self.confirmed] >= RANK[level]:
            self.confirmed, self.verification, self.confirm_due = level, "confirmed", None
        else:
            self.verification = "unconfirmed"
            self.confirm_due = known + self.confirm_after  # runs "from the known time of the batch that began" it
            self.tripped_by = []

    def second_source(self, t: datetime) -> bool:
        """ "that reading is also the second source which confirms"; "never the same station" """
        if self.verification not in ("unconfirmed", "unverified"):
            return False
        count, judge = int(self.quorum["count"]), self.judge
        if self.level in (self.rule.get("plausible") or {}):
            return len({m for m, at in self.tripped_by if judge.plausible(self.level, m, at)}) >= count
        now = set(self.confirmed_at(self.level, t))
        return len(now) >= count and bool(now - {name for name, _ in self.tripped_by})

    def confirm(self) -> None:
        self.confirmed, self.verification, self.confirm_due = self.level, "confirmed", None

    # ---- evaluation at one instant ----

    def evaluate(self, t: datetime, known: datetime) -> None:
        worst = self.worst(t)
        self.condition = worst  # "the worst level true now, raw, without deadband or hold"
        confirmed = self.worst_confirmed(t)
        if RANK[worst] > RANK[self.level]:
            self.rise(worst, confirmed, t, known)
        elif RANK[confirmed] < RANK[self.level]:
            self.confirmed = worse(self.confirmed, confirmed)
        if self.verification in ("unconfirmed", "unverified"):
            self.tripped_by += [(name, t) for name in self.true_at(self.level, t)]
            if self.second_source(t):
                self.confirm()
        self.track(t, known)

    def track(self, t: datetime, known: datetime) -> None:
        """§5.6: is the present level false with deadband, and since when without a break?"""
        if self.level == "normal":
            return
        if self.truth(self.level, t) == T:
            self.refused = None  # "A true condition empties the set"
        answer = self.truth(self.level, t, deadband=True)
        if answer == F:
            self.begun = self.begun or known
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
        mine = [r for r in readings if self.concerns(r)]
        state = self.verification
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
            if why == "threshold" and int(self.quorum["count"]) > 1:
                why = "quorum"  # "a rise that needed more than one station"
            judge = self.judge
            causes = [each for name in self.members for each in judge.because(self.level, name, at)]
            self.write(before, why, at, known, because=causes)
        elif state != self.verification == "confirmed":
            self.write(before, "confirmed", mine[-1].at, known)

    def outside(self, readings: Sequence[Reading], known: datetime) -> None:
        """A reading beyond the scope's own stations may still be the second source."""
        if self.newest is not None and self.second_source(self.newest):
            self.confirm()
            sources = {s for m, at in self.tripped_by for s in self.judge.sources(self.level, m, at)}
            here = [r.at for r in readings if (r.station, r.at) in sources]
            self.write(self.level, "confirmed", min(here, default=readings[-1].at), known)

    def light(self, mine: Sequence[Reading], known: datetime) -> None:
        """ "Fewer living than `minimum`: `blind`, recorded on and off." """
        needed = int(self.quorum["minimum"])
        instants = sorted({r.at for r in mine if r.usable})
        if not instants:
            return
        lit = next((t for t in instants if self.living(t) >= needed), None)
        if self.blind and lit is not None and (self.living(known) >= needed or not self.blind_recorded):
            self.blind = False
            if self.blind_recorded:
                self.write(self.level, "blind", lit, known)
        elif lit is None and not self.blind_recorded:
            self.blind = self.blind_recorded = True
            self.write(self.level, "blind", instants[0], known)

    # ---- §5.9 late ----

    def late(self, late: Sequence[Reading], known: datetime, before: str) -> str:
        """ "The level becomes what it would be now had it been known in time" """
        self.late_rows |= {r.row for r in late}
        assert self.newest is not None
        there = self.rerun(known)
        again = sorted({r.at for r in late} | {t for t in self.evaluated if t >= late[0].at})
        self.evaluated |= {r.at for r in late}
        self.condition = self.worst(self.newest)
        higher = RANK[there.level] > RANK[self.level]
        if higher and known - there.since[there.level] < LATE_LIMIT:  # "younger than 6 h"
            confirmed = there.level if there.verification == "confirmed" else there.confirmed
            self.rise(there.level, confirmed, there.since[there.level], known)
            for level, at in there.since.items():
                self.since[level] = min(at, self.since.get(level, at))
            self.tripped_by = list(there.tripped_by)
        elif higher:  # "else record only"
            self.write(before, "late", there.since[there.level], known)
        if self.level != "normal" and any(self.truth(self.level, t, deadband=True) == T for t in again):
            self.begun = None  # a run of false that the late fact interrupts begins again with its arrival
        if self.verification in ("unconfirmed", "unverified"):
            self.tripped_by += [(name, t) for t in again for name in self.true_at(self.level, t)]
            if self.second_source(self.newest):
                self.confirm()
        self.track(self.newest, known)
        return "late"

    def rerun(self, known: datetime) -> Fuse:
        """The same fuse from the beginning, each late reading known when it happened, up to now."""
        there = Fuse(self.rule, self.scope, self.members, self.stations, self.metrics, flat=True)
        before = [r for r in self.known if r.known < known or r.row in self.late_rows]
        moved = [replace(r, known=r.at) if r.row in self.late_rows else r for r in before]
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
            if last is not None and self.quiet_said.get(name) != last:
                yield name, last + judge.quiet_after(name)  # "last observed + intervals × report_s"

    def timers(self, now: datetime) -> None:
        """All that is due at ``now``: verification, silence before blind, then the hold."""
        judge = self.judge
        due = self.confirm_due
        if due is not None and due <= now:
            self.evaluate_timer(now)
            if self.verification == "unconfirmed" and self.confirm_due == due:
                self.confirm_due, self.verification = None, "unverified"
                self.write(self.level, "unverified", now, now)
        quiet = sorted((at, name) for name, at in self.silences(judge) if at <= now)
        for _, name in quiet:
            last = judge.last_usable(name)
            assert last is not None
            self.quiet_said[name] = last
            self.condition = self.worst(now)
            if judge.high_when_last_seen(name):
                self.fall_silent(name, last, now)
        if quiet:
            if not self.blind and self.living(now) < int(self.quorum["minimum"]):
                self.blind = self.blind_recorded = True
                self.write(self.level, "blind", now, now)
            self.evaluate_timer(now)
        for which in ("broken", "down"):
            at = self.broken if which == "broken" else self.down_due()
            if at is not None and at <= now:
                self.end_of_hold(now)

    def fall_silent(self, name: str, last: datetime, now: datetime) -> None:
        """ "`raise` raises one level, unconfirmed (red stays red)" """
        before, judge = self.level, self.judge
        if judge.silence["then"] == "raise" and judge.higher(before) != before:
            self.rise(judge.higher(before), self.confirmed, now, now)
            self.tripped_by = [(name, last)]
        self.write(before, "silence", now, now)

    def evaluate_timer(self, now: datetime) -> None:
        """ "A rule is evaluated … at timers" """
        before, state = self.level, self.verification
        self.evaluate(now, now)
        if self.level != before:
            count = int(self.quorum["count"])
            self.write(before, "quorum" if count > 1 else "threshold", now, now)
        elif state != self.verification == "confirmed":
            self.write(before, "confirmed", now, now)

    def end_of_hold(self, now: datetime) -> None:
        self.evaluate_timer(now)
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


# ---- the order of things (§5.1) ----


def run(
    fuses: Sequence[Fuse],
    batches: Iterable[tuple[datetime, list[Reading]]],
    until: datetime,
    last_inclusive: bool = True,
) -> None:
    """ "at one known time first the readings, then the timers due"; a due time that is past fires at once."""
    now: datetime | None = None
    for known, readings in batches:
        now = timers_before(fuses, now, known)
        for fuse in fuses:
            fuse.batch(known, readings)
        now = known
    if now is not None:
        timers_before(fuses, now, until + timedelta(microseconds=1) if last_inclusive else until)


def timers_before(fuses: Sequence[Fuse], now: datetime | None, end: datetime) -> datetime | None:
    while now is not None:
        dues = [max(due, now) for fuse in fuses if (due := fuse.due()) is not None]
        if not dues or min(dues) >= end:
            break
        now = min(dues)
        for fuse in fuses:
            due = fuse.due()
            if due is not None and due <= now:
                fuse.timers(now)
    return now


def replay(
    rules: Sequence[Mapping[str, Any]],
    regions: Sequence[Region],
    stations: Sequence[Station],
    metrics: Sequence[Metric],
    rows: Sequence[Mapping[str, Any]],
    until: str | None = None,
    max_lateness: timedelta = timedelta(days=7),
) -> list[Record]:
    """回放 The records that §5 demands for these rows, in its order."""
    by_station = {station.station_id: station for station in stations}
    by_metric = {metric.name: metric for metric in metrics}
    by_code = {region.code: region for region in regions}
    end = parse_instant(until) if until else None
    batches = read_rows(rows, by_metric, end, max_lateness)
    known = [parse_instant(row.get("received_at") or row["observed_at"]) for row in rows]
    fuses = [
        Fuse(rule, scope, members, by_station, by_metric)
        for rule in sorted(rules, key=lambda rule: str(rule["id"]))
        for scope, members in sorted(scopes_of(rule, by_code, by_station).items())
    ]
    run(fuses, batches, end or max(known))
    records = [record for fuse in fuses for record in fuse.out]
    return sorted(records, key=lambda r: (r["known_at"], r["fuse"], r["scope"], r["n"]))
