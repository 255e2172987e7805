"""熔断世界 All fuses of one realm, and the one function that moves them: ``decide(book, world, event, now_us)``.

How each clause of contract §5 is met:

1 *Order.* Timers due before ``now`` fire first, each at its own time; then the batch, as everything that became known
  at one instant: readings in the order (observed, station, metric, given), each fuse evaluated at each distinct
  observed time of its own stations (`evaluate.readings`); then the timers due at ``now``. A fuse stands for itself
  until `veto` and `arms` come, so fuses run by (fuse, scope). One level record a batch and fuse, at the first instant
  of the new level. A timer that is already due when it is set fires at once, at the known time.
2 *Truth* is `probe` (a condition at a station) and `scene` (the quorum over the living).
3 *Quality* is `readings.validate`; living, silence and blindness are `Watch` in the state, `evaluate.see` (readings
  end blindness) and `timing` (its beginning). A fuse is born blind without a record; the end of that is none either.
4, 5 *Up, unconfirmed* is `up`: confirmed as far as good readings carry it and `plausibility` bears it out.
6, 7 *Down, latch* is `down`; only `acts.release` lowers a latched level.
8 *Silence* is `timing`.
9 *Late* is `late.retrace`, applied by `evaluate`: may raise the level now or leave a record only; lowers nothing.
10 *Records* are `state.Transition`; a timer's has observed_at = known_at = due. Outside a trip `trip_id` is null.

For the service. `World` is mutable and deterministic: on a failed commit throw it away and load again with
`World.load(book, states, readings)`. `Decision.states` are new objects, never mutated afterwards; `Decision.readings`
are to be stored as they are (their quality and place in time are decided); `World.load` takes them back in the order
in which they became known, at least as far back as `Book.memory_us` says. Wake up with `Tick` at
`Decision.next_due_us`. Cut off from the broker: `BrokerLost`, also first thing at every start, then `BrokerBack` once
the backlog is applied. After `pack activate` go on with a new book and the same world: running holds keep running.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from services.warning.fuses import acts, notice
from services.warning.fuses.book import Book, FuseKey
from services.warning.fuses.evaluate import readings as take_readings
from services.warning.fuses.events import (
    BrokerBack,
    BrokerLost,
    Decision,
    Event,
    Finding,
    ManualTrip,
    NoticeEnded,
    NoticeOpened,
    ReadingsBatch,
    Refused,
    Release,
    Shelve,
    Tick,
)
from services.warning.fuses.probe import Key
from services.warning.fuses.series import Series
from services.warning.fuses.state import FuseState, NoticeHold, Transition
from services.warning.fuses.timing import broker_back, broker_lost, timers
from services.warning.fuses.turn import Turn
from services.warning.readings.instant import HOUR, SECOND
from services.warning.readings.validate import Checked, ClockMark, Incoming, check, next_mark

PRUNE_EVERY_US = HOUR


class World:
    """熔断世界 of one realm."""

    def __init__(self) -> None:
        self.states: dict[FuseKey, FuseState] = {}
        self.series: dict[Key, Series] = {}
        self.marks: dict[str, ClockMark] = {}
        self.cut_off_us: int | None = None  # since when the broker cannot be heard
        self.now_us = 0
        self._dues: list[tuple[int, FuseKey]] = []  # a heap; entries may be stale
        self._pruned_us = 0

    @classmethod
    def load(cls, book: Book, states: Iterable[FuseState], readings: Iterable[Checked]) -> World:
        """恢复 The world as it was: states as stored, windows rebuilt from readings in the order of their arrival."""
        world = cls()
        for checked in readings:
            world.put(book, checked)
        for series in world.series.values():
            series.settle()
        for state in states:
            world.keep(state)
            world.now_us = max(world.now_us, state.known_us)
        return world

    def put(self, book: Book, checked: Checked) -> None:
        """Take a validated reading into its series; `settle` must follow before anything is evaluated."""
        self.marks_after(checked)
        if checked.fate.moves:
            self.series_of(book, checked.station_id, checked.metric).put(checked)

    def marks_after(self, checked: Checked) -> None:
        mark = next_mark(self.marks.get(checked.station_id), checked)
        if mark is not None:
            self.marks[checked.station_id] = mark

    def series_of(self, book: Book, station_id: str, metric: str) -> Series:
        key = (station_id, metric)
        found = self.series.get(key)
        if found is None:
            limits = book.limits[metric]
            found = Series(limits.kind, book.stations[station_id].interval_s * SECOND, limits.maximum)
            self.series[key] = found
        return found

    def keep(self, state: FuseState) -> None:
        """Replace a fuse's state and queue its next timer."""
        self.states[state.key] = state
        due = state.next_due_us(cut_off=self.cut_off_us is not None)
        if due is not None:
            heapq.heappush(self._dues, (due, state.key))

    def due_keys(self, upto_us: int, *, inclusive: bool) -> list[FuseKey]:
        """The fuses with a timer due, in the order in which fuses run."""
        found: set[FuseKey] = set()
        while self._dues and (self._dues[0][0] < upto_us or (inclusive and self._dues[0][0] == upto_us)):
            found.add(heapq.heappop(self._dues)[1])
        return sorted(key for key in found if key in self.states)

    def next_due_us(self) -> int | None:
        """When the next timer may be due (never too late)."""
        return self._dues[0][0] if self._dues else None

    def requeue(self) -> None:
        """Queue every fuse's next timer again, after timers stood still or a new book."""
        self._dues = []
        for state in list(self.states.values()):
            self.keep(state)

    def prune(self, book: Book) -> None:
        """Forget readings that no window and no late fact can need."""
        if self.now_us - self._pruned_us < PRUNE_EVERY_US:
            return
        self._pruned_us = self.now_us
        for key, series in self.series.items():
            series.prune(self.now_us - book.memory_us.get(key, book.max_lateness_us))


def decide(book: Book, world: World, event: Event, now_us: int) -> Decision:
    """决定 Apply one event at a known time; the world is moved, and what changed is returned."""
    now_us = max(now_us, world.now_us)  # a wall clock that steps back does not undo what was known
    world.now_us = now_us
    decision = Decision()
    _Run(book, world, decision, now_us).run(event)
    decision.next_due_us = world.next_due_us()
    return decision


class _Run:
    def __init__(self, book: Book, world: World, decision: Decision, now_us: int) -> None:
        self.book = book
        self.world = world
        self.decision = decision
        self.now_us = now_us

    def run(self, event: Event) -> None:
        self._timers(inclusive=False)
        if isinstance(event, ReadingsBatch):
            self._readings(event.readings)
        elif isinstance(event, Finding):
            self._act(event.fuse, event.scope, lambda turn: acts.finding(turn, event))
        elif isinstance(event, Release):
            self._act(event.fuse, event.scope, lambda turn: acts.release(turn, event))
        elif isinstance(event, ManualTrip):
            self._act(event.fuse, event.scope, lambda turn: acts.manual_trip(turn, event))
        elif isinstance(event, Shelve):
            self._act(event.fuse, event.scope, lambda turn: acts.shelve(turn, event))
        elif isinstance(event, NoticeOpened | NoticeEnded):
            self._notice(event)
        elif isinstance(event, BrokerLost):
            self._broker_lost()
        elif isinstance(event, BrokerBack):
            self._broker_back()
        else:
            _: Tick = event
        self._timers(inclusive=True)
        self.world.prune(self.book)

    # ---- keeping

    def _turn(self, key: FuseKey) -> Turn:
        state = self.world.states.get(key) or FuseState(fuse=key[0], scope=key[1])
        return Turn(
            self.book.fuses[key],
            state,
            self.world.series,
            self.now_us,
            cut_off=self.world.cut_off_us is not None,
        )

    def _keep(self, state: FuseState, written: list[Transition]) -> None:
        self.world.keep(state)
        self.decision.states[state.key] = state
        self.decision.transitions += written

    # ---- events

    def _timers(self, *, inclusive: bool) -> None:
        for key in self.world.due_keys(self.now_us, inclusive=inclusive):
            due_us = self.world.states[key].next_due_us(cut_off=self.world.cut_off_us is not None)
            if due_us is None or due_us > self.now_us or (due_us == self.now_us and not inclusive):
                self.world.keep(self.world.states[key])  # its timer was moved since it was queued
            elif notice.is_notice_fuse(key[0]):
                self._keep(*notice.expire(self.world.states[key], self.now_us, inclusive=inclusive))
            elif key in self.book.fuses:
                turn = self._turn(key)
                timers(turn, self.now_us, inclusive=inclusive)
                self._keep(turn.state, turn.out)

    def _readings(self, incoming: tuple[Incoming, ...]) -> None:
        order = sorted(incoming, key=lambda r: (r.observed_us, r.station_id, r.metric))
        inside: dict[FuseKey, list[Checked]] = {}
        near: dict[FuseKey, list[Checked]] = {}
        touched: dict[Key, Series] = {}
        for reading in order:
            key = (reading.station_id, reading.metric)
            series = self.world.series_of(self.book, *key)
            mark = self.world.marks.get(reading.station_id)
            checked = check(reading, self.book.limits[reading.metric], series, mark)
            self.decision.readings.append(checked)
            if not checked.fate.moves:
                continue
            self.world.put(self.book, checked)
            touched[key] = series
            for fuse in self.book.by_reading.get(key, ()):
                inside.setdefault(fuse, []).append(checked)
            for fuse in self._doubtful(self.book.near_reading.get(key, ())):
                near.setdefault(fuse, []).append(checked)
        for series in touched.values():
            series.settle()
        for fuse in sorted(inside.keys() | near.keys()):
            turn = self._turn(fuse)
            take_readings(turn, inside.get(fuse, ()), near.get(fuse, ()))
            self._keep(turn.state, turn.out)

    def _doubtful(self, keys: Iterable[FuseKey]) -> Iterable[FuseKey]:
        """Those that a neighbour's reading may confirm."""
        states = self.world.states
        return [key for key in keys if key in states and states[key].doubtful is not None]

    def _act(self, fuse: str, scope: str, act: Callable[[Turn], Refused | None]) -> None:
        if (fuse, scope) not in self.book.fuses:
            self.decision.refused = Refused.UNKNOWN_FUSE
            return
        turn = self._turn((fuse, scope))
        self.decision.refused = act(turn)
        if self.decision.refused is None:
            self._keep(turn.state, turn.out)

    def _notice(self, event: NoticeOpened | NoticeEnded) -> None:
        states = self.world.states
        if isinstance(event, NoticeEnded):
            held = [key for key in sorted(states) if _holds(states[key], event.notice_id)]
            if not held:
                self.decision.refused = Refused.UNKNOWN_NOTICE
            for key in held:
                self._keep(*notice.remove(states[key], event.notice_id, self.now_us, event.by))
            return
        if any(_holds(state, event.notice_id) for state in states.values()):
            self.decision.refused = Refused.ALREADY_OPEN
            return
        if event.valid_to_us is not None and event.valid_to_us <= self.now_us:
            self.decision.refused = Refused.OVER_ALREADY
            return
        if not event.areas:
            self.decision.refused = Refused.UNKNOWN_AREA
            return
        areas = dict.fromkeys((notice.fuse_of(event.type), area) for area in sorted(event.areas))
        if event.corrects is not None:  # the corrected notice may have named other areas, or another type
            for key in [key for key in sorted(states) if _holds(states[key], event.corrects)]:
                if key not in areas:
                    self._keep(*notice.remove(states[key], event.corrects, self.now_us, event.by))
        hold = NoticeHold(event.notice_id, event.level.rank, event.valid_to_us, event.scale)
        for key in areas:
            state = states.get(key) or notice.born(*key)
            observed_us = min(event.valid_from_us, self.now_us)
            self._keep(*notice.put(state, hold, self.now_us, event.by, event.corrects, observed_us))

    def _broker_lost(self) -> None:
        if self.world.cut_off_us is not None:
            return
        self.world.cut_off_us = self.now_us
        for key in sorted(self.world.states):
            if key in self.book.fuses:
                turn = self._turn(key)
                broker_lost(turn)
                self._keep(turn.state, turn.out)
        self.world.requeue()

    def _broker_back(self) -> None:
        lost_us = self.world.cut_off_us
        if lost_us is None:
            return
        self.world.cut_off_us = None
        for key in sorted(self.world.states):
            if key in self.book.fuses:
                turn = self._turn(key)
                broker_back(turn, lost_us)
                self._keep(turn.state, turn.out)
        self.world.requeue()


def _holds(state: FuseState, notice_id: str) -> bool:
    return any(held.notice_id == notice_id for held in state.notices)
