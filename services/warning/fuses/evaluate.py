"""判定 Evaluating a fuse at one instant, and taking one batch of readings (§5.1, §5.3, §5.9)."""

from __future__ import annotations

from collections.abc import Sequence

from services.warning.fuses.down import hold
from services.warning.fuses.late import YOUNG_US, Retraced, breaks_hold, overlay, retrace
from services.warning.fuses.probe import FALSE
from services.warning.fuses.scene import Scene, Suspects, high_rank, instants, suspects_in
from services.warning.fuses.state import Reason, Watch
from services.warning.fuses.turn import Turn
from services.warning.fuses.up import note, reason_of_rise, record_rise, second_source
from services.warning.readings.validate import Checked, Fate


def advance(turn: Turn, t: int, *, rises: bool = True, suspects: Suspects | None = None) -> None:
    """Evaluate at one instant: condition, rise, hold."""
    state = turn.state
    scene = turn.scene(t, suspects)
    worst = scene.worst()
    state.condition = worst
    _unblock(turn, t)
    note(turn, scene, worst)
    if rises and worst > state.level:
        turn.raise_to(worst, t)
        turn.rise = scene
    hold(turn, scene)


def _unblock(turn: Turn, t: int) -> None:
    """A refuted station may trip the level again once its condition was false."""
    if turn.state.blocked:
        turn.state.blocked = tuple(
            (name, rank)
            for name, rank in turn.state.blocked
            if turn.fuse.gauges[name].truth(turn.series, rank, t) != FALSE
        )


def readings(turn: Turn, batch: Sequence[Checked], near: Sequence[Checked] = ()) -> None:
    """一批读数 What became known of the scope's own stations, and of neighbours that may bear them out."""
    state = turn.state
    turn.begin()
    before, newest = state.level, state.newest_us
    for reading in (*batch, *near):
        turn.news.setdefault(reading.station_id, []).append(reading.observed_us)
    _hear(turn, batch)
    _see(turn, batch)
    late = [reading for reading in batch if newest is not None and reading.observed_us < newest]
    times = sorted({r.observed_us for r in batch if newest is None or r.observed_us >= newest})
    told = _look_back(turn, late) if late else None
    if newest is not None and late:
        _note_again(turn, min(reading.observed_us for reading in late), newest)
        if not times:
            advance(turn, newest, rises=False)
    suspects = suspects_in(turn.fuse, turn.series, times[0], times[-1]) if times else {}
    if state.level == 0 and not state.blocked and not any(suspects.values()):
        state.condition = 0  # calm: nothing to rise, nothing to fall
    else:
        for t in times:
            advance(turn, t, suspects=suspects)
    if times:
        state.newest_us = times[-1]
    if state.level > before:
        looked_back = told is not None and turn.rise in told.crossings.values()
        risen_late = looked_back and turn.rise is not None and turn.rise.t not in times  # else it came in time as well
        record_rise(turn, before, Reason.LATE if risen_late else reason_of_rise(turn))
        return
    second_source(turn)
    if told is not None and told.peak > state.level:
        crossing = told.crossings[told.peak]
        turn.record_findings(Reason.LATE, state.level, crossing.findings(told.peak), observed_us=crossing.t)


def _note_again(turn: Turn, since_us: int, newest: int) -> None:
    """Late facts may show that another station said an unconfirmed level too."""
    doubtful = turn.state.doubtful
    if doubtful is not None:
        for t in instants(turn.fuse, turn.series, max(doubtful.first_us, since_us), newest):
            note(turn, turn.scene(t), turn.state.level)


def _hear(turn: Turn, batch: Sequence[Checked]) -> None:
    """Keep who reported last, and when each station would count as silent."""
    watches = turn.state.watch
    for reading in batch:
        name = reading.station_id
        gauge, watch = turn.fuse.gauges[name], watches.get(name)
        if reading.quality.usable and (watch is None or reading.observed_us > watch.last_us):
            watches[name] = Watch(reading.observed_us, reading.observed_us + gauge.alive_us)
        elif watch is not None and not reading.quality.usable and watch.last_us == reading.observed_us:
            last = gauge.last_usable(turn.series, reading.observed_us)
            if last is not None and reading.fate is Fate.REVISION:  # its last word was taken back
                watches[name] = Watch(last, last + gauge.alive_us)
        elif watch is not None and watch.silent and not watch.refuted:
            _reconsider(turn, name, watch)


def _reconsider(turn: Turn, name: str, watch: Watch) -> None:
    """Late facts about a silent station: its last word may have been high after all, or not have been."""
    rank = high_rank(turn.fuse, turn.fuse.gauges[name], turn.series, watch.last_us)
    heard_high = rank > 0 and watch.rank == 0  # then it falls silent again, and is recorded
    turn.state.watch[name] = Watch(watch.last_us, watch.until_us, silent=not heard_high, rank=rank)


def lives(turn: Turn, watch: Watch) -> bool:
    """Whether a station counts as living at the known time."""
    return not watch.silent and watch.until_us > turn.known_us


def _see(turn: Turn, batch: Sequence[Checked]) -> None:
    """Readings may end blindness, from the first instant at which enough stations were living."""
    state = turn.state
    if turn.cut_off or not state.blind or not sees_enough(turn):
        return  # or they are too old to show anything of now
    for t in sorted({reading.observed_us for reading in batch if reading.quality.usable}):
        scene = Scene(turn.fuse, state, turn.series, t)
        if scene.living() >= turn.fuse.rule.quorum.minimum:
            end_blindness(turn, t)
            return


def sees_enough(turn: Turn) -> bool:
    """Whether enough stations are living at the known time."""
    return sum(lives(turn, watch) for watch in turn.state.watch.values()) >= turn.fuse.rule.quorum.minimum


def end_blindness(turn: Turn, observed_us: int) -> None:
    """The end of the blindness that a fuse is born with is no record."""
    state = turn.state
    state.blind = False
    if state.blind_recorded:
        state.blind_recorded = False
        turn.record(Reason.BLIND, state.level, observed_us=observed_us)


def _look_back(turn: Turn, late: Sequence[Checked]) -> Retraced | None:
    """Late facts: raise the level to what it would be now, if the crossing is young; never lower it."""
    state = turn.state
    changed: dict[str, list[int]] = {}
    for reading in late:
        changed.setdefault(reading.station_id, []).append(reading.observed_us)
    if breaks_hold(turn.fuse, state, turn.series, changed):  # it begins again with the arrival
        state.hold_due_us = state.unknown_due_us = None
    told = retrace(turn.fuse, state, turn.series, changed, turn.known_us)
    if told is None:
        return None
    crossing = told.crossings.get(told.level)
    raised_to = None
    if crossing is not None and told.level > state.level and turn.known_us - crossing.t < YOUNG_US:
        raised_to = told.level
        path = state.path
        turn.raise_to(told.level, crossing.t)
        state.path = path
        turn.rise = crossing
        state.confirmed = max(state.confirmed, min(told.confirmed, told.level))
        first_us = min(scene.t for scene in told.crossings.values())
        for t in instants(turn.fuse, turn.series, first_us, state.newest_us or first_us):
            note(turn, turn.scene(t), told.level)
    state.path = overlay(state.path, told.steps, state.newest_us or 0, raised_to)
    return told
