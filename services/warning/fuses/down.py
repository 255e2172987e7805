"""下调与闭锁 Stepping down, and what refuses it (§5.6, §5.7)."""

from __future__ import annotations

from services.warning.fuses.probe import FALSE, UNKNOWN
from services.warning.fuses.scene import Scene
from services.warning.fuses.state import Left, Reason, Refusal
from services.warning.fuses.turn import PATH_KEPT_US, Turn
from services.warning.readings.instant import SECOND


def hold(turn: Turn, scene: Scene) -> None:
    """Whether the way down begins, goes on or is broken, as things are in ``scene``."""
    state = turn.state
    if state.level == 0:
        return
    if state.condition >= state.level:
        state.refused_by = ()
        state.hold_due_us = state.unknown_due_us = None
        return
    eased = scene.eased(state.level)
    if eased == FALSE:
        if state.hold_due_us is None and not state.refused_by:
            state.hold_due_us = turn.known_us + turn.fuse.rule.hold_s * SECOND
            state.hold_from_us = scene.t
    elif eased == UNKNOWN:
        if state.hold_due_us is not None and state.unknown_due_us is None:
            state.unknown_due_us = state.hold_due_us  # one record at the instant at which it would have ended
        state.hold_due_us = None
    else:
        state.hold_due_us = state.unknown_due_us = None


def step(turn: Turn, t: int) -> None:
    """A hold has ended: one level down, or one record of who refuses it."""
    state = turn.state
    state.hold_due_us = None
    refusals = _refusals(turn)
    before = state.level
    if refusals:
        if (refusals, before) != (state.refused_by, state.refused_level):
            state.refused_by, state.refused_level = refusals, before
            reason = Reason.VETO if any(refusal.kind == "veto" for refusal in refusals) else Reason.LATCHED
            turn.record(reason, before, due_us=turn.known_us, refused_by=refusals)
        return
    if state.hold_from_us is not None:
        kept = tuple(left for left in state.left if left.until_us > turn.known_us - PATH_KEPT_US)
        state.left = (*kept, Left(state.hold_from_us, turn.known_us, before, state.confirmed))
    turn.lower(turn.fuse.below(before))
    turn.record(Reason.HOLD, before, due_us=turn.known_us)
    turn.close_if_normal()
    hold(turn, turn.scene(t))


def _refusals(turn: Turn) -> tuple[Refusal, ...]:
    """Veto fuses will join the latch here."""
    state = turn.state
    if state.is_latched(turn.fuse.rule.latch):
        return (Refusal("latch", state.fuse, state.scope),)
    return ()
