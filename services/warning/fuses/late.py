"""迟到事实 What would have been, had a late reading been known in time (§5.9); pure and apart from the live machine.

`retrace` looks for the first instant at which, with everything known now, a level held that was above the scope's level
at that time, or within a hold at whose end the level was left; from there it lets the level rise, hold, step down and
latch in event time up to now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.warning.fuses.book import Fuse, Gauge
from services.warning.fuses.probe import DOUBTED, FALSE, TRUE, SeriesMap
from services.warning.fuses.scene import Scene, instants
from services.warning.fuses.state import FuseState, Left
from services.warning.readings.instant import HOUR, SECOND

YOUNG_US = 6 * HOUR  # contract §5.9: an older crossing is a record only
Path = tuple[tuple[int, int], ...]


@dataclass
class Retraced:
    """重演结果: the level that would hold now, and the instants at which each level was first crossed."""

    level: int = 0
    confirmed: int = 0  # what was confirmed of a level that was only kept
    peak: int = 0  # the worst new crossing; 0 if a level was only kept
    crossings: dict[int, Scene] = field(default_factory=dict)  # level → scene at which it (or worse) first held
    steps: list[tuple[int, int]] = field(default_factory=list)  # (instant, level from then on)


def level_at(path: Path, t: int) -> int:
    """The level that the path had at an instant."""
    i = bisect_right(path, t, key=lambda step: step[0])
    return path[i - 1][1] if i else 0


def follow(path: Path, t: int, level: int, keep_us: int) -> Path:
    """The path with ``level`` from ``t`` on; what is older than ``keep_us`` is forgotten."""
    kept = [step for step in path if step[0] < t]
    first = max((i for i, step in enumerate(kept) if step[0] <= t - keep_us), default=0)
    return (*kept[first:], (t, level))


def overlay(path: Path, steps: list[tuple[int, int]], upto_us: int, raised_to: int | None) -> Path:
    """The path before ``upto_us`` raised to what would have been; from then on ``raised_to``, or as it was."""
    retold = tuple(steps)
    instants = sorted({t for t, _ in path if t < upto_us} | {t for t, _ in steps if t < upto_us})
    before = [(t, max(level_at(path, t), level_at(retold, t))) for t in instants]
    if raised_to is not None:
        return (*before, (upto_us, raised_to))
    return (*before, (upto_us, level_at(path, upto_us)), *(step for step in path if step[0] > upto_us))


def retrace(
    fuse: Fuse,
    state: FuseState,
    series: SeriesMap,
    changed: Mapping[str, list[int]],
    now_us: int,
) -> Retraced | None:
    """Re-evaluate after late facts; None if they make no difference to any level."""
    newest = state.newest_us
    if newest is None or not changed:
        return None

    def scene(t: int) -> Scene:
        return Scene(fuse, state, series, t)

    found = _first_difference(fuse, state, series, changed, scene)
    if found is None:
        return None
    return _LiveOn(fuse, series, state.path, scene).run(found, newest, now_us)


def _affected(fuse: Fuse, state: FuseState, changed: Mapping[str, list[int]]) -> tuple[int, int]:
    """The span of instants at which the changed readings can make a difference."""
    start = min(min(times) for times in changed.values())
    last = max(max(times) for times in changed.values())
    reach = max(fuse.rule.memory_s * SECOND, *(fuse.gauges[name].alive_us for name in changed))
    return start, min(state.newest_us or 0, last + reach)


@dataclass(frozen=True)
class _Difference:
    """The first instant at which it would have been another way."""

    scene: Scene
    crossing: Scene  # where the late facts first showed the level
    left: Left | None = None  # the level that would not have been left; None for a new crossing


def _first_difference(
    fuse: Fuse,
    state: FuseState,
    series: SeriesMap,
    changed: Mapping[str, list[int]],
    scene: Callable[[int], Scene],
) -> _Difference | None:
    """The first instant of a new crossing, or one that breaks a hold.

    Only changed stations can have made either, so the others are asked where one of them says so.
    """
    gauges = [fuse.gauges[name] for name in changed]
    start, end = _affected(fuse, state, changed)
    lefts = [left for left in state.left if left.until_us >= start and left.since_us > state.acted_us]
    if not lefts and not any(gauge.could_be_true(series, start, end) for gauge in gauges):
        return None
    said: dict[int, int] = {}  # level that a changed station satisfies by itself → the first instant
    for t in instants(fuse, series, start, end):
        rank = max(gauge.rank_at(series, t) for gauge in gauges)
        for level in range(rank, 0, -1):
            said.setdefault(level, t)
        if rank > level_at(state.path, t):
            found = scene(t)
            if found.worst() > level_at(state.path, t):
                return _Difference(found, found)
        left = next((left for left in lefts if left.since_us <= t <= left.until_us), None)
        if left is not None and (left.level in said or _still_held(fuse, series, gauges, left.level, t)):
            found = scene(t)
            if found.eased(left.level) != FALSE:
                return _Difference(found, scene(said.get(left.level, t)), left)
    return None


def _still_held(fuse: Fuse, series: SeriesMap, gauges: list[Gauge], level: int, t: int) -> bool:
    rank = fuse.governing(level)
    return any(
        gauge.truth(series, rank, t, eased=True) >= DOUBTED or gauge.rank_at(series, t, floor=level) for gauge in gauges
    )


def breaks_hold(fuse: Fuse, state: FuseState, series: SeriesMap, changed: Mapping[str, list[int]]) -> bool:
    """Whether late facts show that the level's condition held within the hold that is running."""
    if state.hold_due_us is None or state.hold_from_us is None:
        return False
    start, end = _affected(fuse, state, changed)
    gauges = [fuse.gauges[name] for name in changed]
    for t in instants(fuse, series, max(start, state.hold_from_us), end):
        held = _still_held(fuse, series, gauges, state.level, t)
        if held and Scene(fuse, state, series, t).eased(state.level) == TRUE:
            return True
    return False


class _LiveOn:
    """The level machine of §5.4, 5.6, 5.7 on event time: each instant known when it was observed."""

    def __init__(self, fuse: Fuse, series: SeriesMap, path: Path, scene: Callable[[int], Scene]) -> None:
        self.fuse = fuse
        self.series = series
        self.path = path
        self.scene = scene
        self.found = Retraced()
        self.hold_due_us: int | None = None

    def run(self, difference: _Difference, newest: int, now_us: int) -> Retraced:
        first, left = difference.scene, difference.left
        if left is not None:  # it would not have been left
            self.found.level, self.found.confirmed = left.level, left.confirmed
            self.found.crossings = {rank: difference.crossing for rank in self.fuse.ranks if rank <= left.level}
            self.found.steps.append((first.t, left.level))
        self._look(first)
        for t in instants(self.fuse, self.series, first.t + 1, newest):
            self._timers(t - 1)
            self._look(self.scene(t))
        self._timers(now_us)
        return self.found

    def _look(self, scene: Scene) -> None:
        found = self.found
        worst = scene.worst()
        if worst > found.level:
            for rank in self.fuse.ranks:
                if found.level < rank <= worst:
                    found.crossings.setdefault(rank, scene)
            found.level = worst
            if worst > level_at(self.path, scene.t):
                found.peak = max(found.peak, worst)
            found.steps.append((scene.t, worst))
        if found.level == 0 or worst >= found.level or self._latched() or scene.eased(found.level) != FALSE:
            self.hold_due_us = None
        elif self.hold_due_us is None:
            self.hold_due_us = scene.t + self.fuse.rule.hold_s * SECOND

    def _latched(self) -> bool:
        latch = self.fuse.rule.latch
        return latch is not None and self.found.level >= latch.rank

    def _timers(self, upto_us: int) -> None:
        while self.hold_due_us is not None and self.hold_due_us <= upto_us:
            due, self.hold_due_us = self.hold_due_us, None
            if self.scene(due).eased(self.found.level) == FALSE:
                self.found.level = self.fuse.below(self.found.level)
                self.found.steps.append((due, self.found.level))
                self._look(self.scene(due))
