"""定时 What happens when nothing is heard: silence, blindness, ends of holds and clocks (§5.1, §5.3, §5.5, §5.8)."""

from __future__ import annotations

from services.warning.fuses.down import hold, step
from services.warning.fuses.evaluate import advance, end_blindness, sees_enough
from services.warning.fuses.rule import Then
from services.warning.fuses.scene import high_rank
from services.warning.fuses.state import Hushed, Reason, Watch
from services.warning.fuses.turn import Turn
from services.warning.fuses.up import begin_doubt, reason_of_rise, record_rise
from shared.errors import InvariantBroken
from shared.vocabulary import Verification

FIRINGS_MAX = 10_000  # of one fuse in one go; more is a bug


def timers(turn: Turn, upto_us: int, *, inclusive: bool = True) -> None:
    """定时 Fire what is due up to an instant, each at its own time."""
    for _ in range(FIRINGS_MAX):
        due = turn.state.next_due_us(cut_off=turn.cut_off)
        if due is None or due > upto_us or (due == upto_us and not inclusive):
            return
        turn.known_us = max(due, turn.state.known_us)
        _fire(turn)
    raise InvariantBroken(f"fuse {turn.state.key} never comes to rest")


def _fire(turn: Turn) -> None:
    state, now = turn.state, turn.known_us
    turn.begin()
    before = state.level
    hushed = _hush(turn)
    t = max(now, state.newest_us or now)
    advance(turn, t)
    if state.level > before:
        record_rise(turn, before, reason_of_rise(turn), due_us=now)
    if _due(state.confirm_due_us, now):
        state.confirm_due_us = None
        state.verification = Verification.UNVERIFIED
        turn.record(Reason.UNVERIFIED, state.level, due_us=now)
    for name in hushed:
        _record_silence(turn, name, t)
    _go_blind(turn)
    if _due(state.unknown_due_us, now):
        state.unknown_due_us = None
        turn.record(Reason.UNKNOWN, state.level, due_us=now)
    if _due(state.hold_due_us, now):
        step(turn, t)
    if _due(state.shelved_until_us, now):
        state.shelved_until_us = None
        turn.record(Reason.SHELVED, state.level, due_us=now)


def _due(due_us: int | None, now_us: int) -> bool:
    return due_us is not None and due_us <= now_us


def _hush(turn: Turn) -> list[str]:
    """Mark the stations that have become silent; the names of those whose last word was high."""
    watches = turn.state.watch
    if turn.cut_off:
        return []
    due = [(w.until_us, name) for name, w in watches.items() if not w.silent and w.until_us <= turn.known_us]
    for _, name in due:
        watch = watches[name]
        rank = high_rank(turn.fuse, turn.fuse.gauges[name], turn.series, watch.last_us)
        watches[name] = Watch(watch.last_us, watch.until_us, silent=True, rank=rank)
    return [name for _, name in sorted(due) if watches[name].rank]


def _record_silence(turn: Turn, name: str, t: int) -> None:
    state, before = turn.state, turn.state.level
    watch = state.watch[name]
    raised = turn.fuse.above(before) if turn.fuse.rule.silence.then is Then.RAISE else before
    if raised > before:
        turn.raise_to(raised, turn.known_us)
        begin_doubt(turn, (name,), watch.last_us, Hushed(raised, name, turn.known_us))
        hold(turn, turn.scene(t))
    findings = turn.fuse.gauges[name].findings(turn.series, watch.rank, watch.last_us)
    turn.record_findings(Reason.SILENCE, before, [(watch.rank, finding) for finding in findings], due_us=turn.known_us)


def _go_blind(turn: Turn) -> None:
    state = turn.state
    if not (state.blind or turn.cut_off or sees_enough(turn)):
        state.blind = state.blind_recorded = True
        turn.record(Reason.BLIND, state.level, due_us=turn.known_us)


def broker_lost(turn: Turn) -> None:
    """与消息总线断开: the fuse is blind until the backlog is applied."""
    turn.begin()
    if not turn.state.blind:
        turn.state.blind = turn.state.blind_recorded = True
        turn.record(Reason.BLIND, turn.state.level)


def broker_back(turn: Turn, lost_us: int) -> None:
    """恢复连接: silence timers go on; the time cut off does not count against a station."""
    turn.begin()
    for name, watch in turn.state.watch.items():
        if not watch.silent:
            stood = max(0, turn.known_us - max(lost_us, watch.last_us))
            until = watch.last_us + turn.fuse.gauges[name].alive_us + stood
            turn.state.watch[name] = Watch(watch.last_us, until)
    if turn.state.blind and sees_enough(turn):
        end_blindness(turn, turn.known_us)
