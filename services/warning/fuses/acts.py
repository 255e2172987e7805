"""人工处置 What named persons decide about a trip: findings, release, manual trip, shelving (§5.5, §5.7).

Each returns why it is refused, or None after it changed the turn's state and wrote its record.
"""

from __future__ import annotations

from services.warning.fuses.down import hold
from services.warning.fuses.events import Finding, FindingVerdict, ManualTrip, Refused, Release, Shelve
from services.warning.fuses.state import Reason, Watch
from services.warning.fuses.turn import Turn
from services.warning.fuses.up import end_doubt
from services.warning.readings.instant import HOUR
from shared.vocabulary import Level, Verification

SHELF_MAX_US = 8 * HOUR  # one shift; who comes after decides anew


def is_person(turn: Turn, by: str) -> bool:
    """A finding is never the station's own word."""
    return bool(by.strip()) and by not in turn.fuse.gauges


def finding(turn: Turn, act: Finding) -> Refused | None:
    """核实 Confirm or refute what is unconfirmed; an earlier `unverified` does not close the question."""
    state = turn.state
    turn.begin()
    if not is_person(turn, act.by):
        return Refused.NO_PERSON
    hushed = [name for name, watch in state.watch.items() if watch.silent and watch.rank]
    if act.station is not None:
        hushed = [name for name in hushed if name == act.station]
    if act.verdict is FindingVerdict.CONFIRM:
        if state.level == 0 or state.doubtful is None:
            return Refused.NOTHING_UNCONFIRMED
        state.confirmed = state.level
        end_doubt(turn)
        turn.record(Reason.CONFIRMED, state.level, by=act.by)
        return None
    if state.doubtful is None and not hushed:
        return Refused.NOTHING_UNCONFIRMED
    _refute(turn, act.by, hushed)
    return None


def _refute(turn: Turn, by: str, hushed: list[str]) -> None:
    state = turn.state
    before = state.level
    for name in hushed:  # its last word was wrong: it leaves n like any other silent station
        watch = state.watch[name]
        state.watch[name] = Watch(watch.last_us, watch.until_us, silent=True, refuted=True)
    if state.doubtful is not None:
        refuted = [rank for rank in turn.fuse.ranks if state.confirmed < rank <= before]
        blocks = {(name, rank) for name in state.doubtful.sources for rank in refuted if name in turn.fuse.gauges}
        state.blocked = tuple(sorted(blocks | set(state.blocked)))
        state.doubtful, state.confirm_due_us, state.manual = None, None, False
        turn.lower(state.confirmed)
        state.acted_us = turn.known_us
        state.verification = Verification.REFUTED
    t = max(turn.known_us, state.newest_us or turn.known_us)
    scene = turn.scene(t)
    state.condition = scene.worst()
    turn.record(Reason.REFUTED, before, by=by)
    if state.verification is Verification.REFUTED:
        end_doubt(turn)
    turn.close_if_normal()
    hold(turn, turn.scene(t))


def release(turn: Turn, act: Release) -> Refused | None:
    """解除 The signed act that alone lowers a latched level: to what the condition is now."""
    state = turn.state
    turn.begin()
    if state.level == 0:
        return Refused.NO_TRIP
    if not is_person(turn, act.by):
        return Refused.NO_PERSON
    t = max(turn.known_us, state.newest_us or turn.known_us)
    state.condition = turn.scene(t).worst()
    if state.condition >= state.level:
        return Refused.CONDITION_STANDS
    if act.report is None or act.report.answers_n < state.n:
        return Refused.NO_HOLD_REPORT
    if act.report.in_force:
        return Refused.MEASURES_IN_FORCE
    before = state.level
    turn.lower(state.condition)
    state.manual, state.acted_us = False, turn.known_us
    turn.record(Reason.RELEASE, before, by=act.by)
    turn.close_if_normal()
    hold(turn, turn.scene(t))
    return None


def manual_trip(turn: Turn, act: ManualTrip) -> Refused | None:
    """人工熔断 Confirmed by the person who trips it, and latched until released."""
    state = turn.state
    turn.begin()
    if not is_person(turn, act.by):
        return Refused.NO_PERSON
    if act.level.rank not in turn.fuse.ranks:
        return Refused.LEVEL_NOT_DEFINED
    if act.level.rank <= state.level:
        return Refused.NOT_HIGHER
    before = state.level
    turn.raise_to(act.level.rank, turn.known_us)
    state.confirmed, state.manual = state.level, True
    end_doubt(turn)
    turn.record(Reason.MANUAL, before, by=act.by)
    hold(turn, turn.scene(max(turn.known_us, state.newest_us or turn.known_us)))
    return None


def shelve(turn: Turn, act: Shelve) -> Refused | None:
    """暂搁 Quiet below red for a capped time; the level goes on being recorded and any rise ends the shelf."""
    state = turn.state
    turn.begin()
    if not is_person(turn, act.by):
        return Refused.NO_PERSON
    if state.level == 0:
        return Refused.NO_TRIP
    if state.level >= Level.RED.rank:
        return Refused.RED_IS_NEVER_SHELVED
    if not turn.known_us < act.until_us <= turn.known_us + SHELF_MAX_US:
        return Refused.SHELF_TOO_LONG
    state.shelved_until_us = act.until_us
    turn.record(Reason.SHELVED, state.level, due_us=act.until_us, by=act.by)
    return None
