"""一步 One event on one fuse: the working copy of its state, and the pen that writes its records."""

from __future__ import annotations

from collections.abc import Iterable

from services.warning.fuses.book import Fuse
from services.warning.fuses.late import follow
from services.warning.fuses.probe import Finding, SeriesMap
from services.warning.fuses.scene import Scene, Suspects
from services.warning.fuses.state import (
    Because,
    FuseState,
    Reason,
    Refusal,
    Transition,
    level_of,
    write,
)
from services.warning.readings.instant import DAY
from services.warning.readings.validate import Ref
from shared.vocabulary import Verification

PATH_KEPT_US = 8 * DAY  # late facts are at most max_lateness (7 d) old


class Turn:
    """一步: what the modules `evaluate up down timing acts` work on. Read ``state`` and ``out`` when it is done."""

    def __init__(
        self, fuse: Fuse, state: FuseState, series: SeriesMap, known_us: int, *, cut_off: bool = False
    ) -> None:
        self.fuse = fuse
        self.state = state.copy()
        for gone in self.state.watch.keys() - fuse.gauges.keys():  # a new pack took the station out of the scope
            del self.state.watch[gone]
        self.series = series
        self.known_us = max(known_us, state.known_us)  # a clock that steps back does not undo what was known
        self.cut_off = cut_off
        self.out: list[Transition] = []
        self.news: dict[str, list[int]] = {}  # station → instants of what is heard in this batch
        self.rise: Scene | None = None  # where the new level of this batch first held
        self.true_at: dict[int, int] = {}  # level → the first instant
        self.good_at: dict[int, list[tuple[int, tuple[str, ...]]]] = {}  # level → instants, stations with good readings

    def begin(self) -> None:
        """A batch, act or timer at the known time: nothing has risen in it yet."""
        self.state.known_us = self.known_us
        self.news, self.rise = {}, None
        self.true_at, self.good_at = {}, {}

    def scene(self, t: int, suspects: Suspects | None = None) -> Scene:
        return Scene(self.fuse, self.state, self.series, t, cut_off=self.cut_off, suspects=suspects)

    # ---- levels

    def raise_to(self, level: int, at_us: int) -> None:
        """Set a higher level in force from an instant on."""
        state = self.state
        if state.level == 0:
            state.openings += 1
        state.level = level
        state.path = follow(state.path, at_us, level, PATH_KEPT_US)
        state.refused_by = ()
        state.hold_due_us = state.unknown_due_us = None
        state.shelved_until_us = None  # nothing hides a rise

    def lower(self, level: int) -> None:
        """Set a lower level; what was confirmed cannot be above it."""
        state = self.state
        state.level = level
        state.path = follow(state.path, self.known_us, level, PATH_KEPT_US)
        state.refused_by, state.refused_level = (), 0
        state.hold_due_us = state.unknown_due_us = None
        state.confirmed = min(state.confirmed, level)
        if level == state.confirmed:
            state.verification = Verification.CONFIRMED
            state.doubtful, state.confirm_due_us = None, None

    def close_if_normal(self) -> None:
        """Once normal, nothing of the trip remains."""
        if self.state.level == 0:
            self.state.verification = Verification.CONFIRMED
            self.state.shelved_until_us = None
            self.state.manual = False

    # ---- records

    def record_findings(
        self,
        reason: Reason,
        before: int,
        findings: Iterable[tuple[int, Finding]],
        *,
        observed_us: int | None = None,
        due_us: int | None = None,
    ) -> None:
        """A record with the conditions (level, finding) and readings that it rests on."""
        known = list(findings)
        because = tuple(
            Because(level_of(rank), f.statistic, f.window, float(f.value), float(f.bound), f.station)
            for rank, f in known
        )
        refs = {ref for _, finding in known for ref in finding.refs}
        evidence = tuple(sorted(refs, key=lambda ref: (isinstance(ref, str), ref)))
        self.record(reason, before, observed_us=observed_us, due_us=due_us, because=because, evidence=evidence)

    def record(
        self,
        reason: Reason,
        before: int,
        *,
        observed_us: int | None = None,
        due_us: int | None = None,
        because: tuple[Because, ...] = (),
        evidence: tuple[Ref, ...] = (),
        refused_by: tuple[Refusal, ...] = (),
        by: str | None = None,
    ) -> None:
        """Write one record of the present state; ``before`` is the level that it came from."""
        self.out.append(
            write(
                self.state,
                reason,
                before,
                known_us=self.known_us,
                version=self.fuse.rule.version,
                observed_us=observed_us,
                due_us=due_us,
                because=because,
                evidence=evidence,
                refused_by=refused_by,
                by=by,
            )
        )
