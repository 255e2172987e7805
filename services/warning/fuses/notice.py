"""通知熔断 The fuse `notice.TYPE` of a region: open while a notice of that type is in force there (§6).

Its level is the worst of the notices in force; it is always confirmed. `valid_to` or a cancelling notice ends a notice;
measures stay (they are lifted by their own act).
"""

from __future__ import annotations

import rfc8785

from services.warning.fuses.state import FuseState, NoticeHold, Reason, Transition, write
from shared.ids import sha256_hex
from shared.vocabulary import Scale

PREFIX = "notice."


def fuse_of(notice_type: str) -> str:
    return PREFIX + notice_type


def is_notice_fuse(fuse: str) -> bool:
    return fuse.startswith(PREFIX)


def born(fuse: str, scope: str) -> FuseState:
    """A notice fuse needs no station: it is never blind."""
    return FuseState(fuse=fuse, scope=scope, blind=False)


def put(
    state: FuseState, notice: NoticeHold, known_us: int, by: str | None, corrects: str | None, observed_us: int
) -> tuple[FuseState, list[Transition]]:
    """生效 A notice comes into force, in place of the one it corrects."""
    kept = tuple(held for held in state.notices if held.notice_id not in (notice.notice_id, corrects))
    return _settle(state, (*kept, notice), known_us, by=by, scale=notice.scale, observed_us=observed_us)


def remove(state: FuseState, notice_id: str, known_us: int, by: str | None) -> tuple[FuseState, list[Transition]]:
    """解除 A notice is cancelled."""
    gone = [held for held in state.notices if held.notice_id == notice_id]
    kept = tuple(held for held in state.notices if held.notice_id != notice_id)
    scale = gone[0].scale if gone else Scale.SIGNAL
    return _settle(state, kept, known_us, by=by, scale=scale)


def expire(state: FuseState, upto_us: int, *, inclusive: bool = True) -> tuple[FuseState, list[Transition]]:
    """到期 Notices whose `valid_to` has come end, each at its own time."""
    out: list[Transition] = []
    while True:
        due = state.next_due_us(cut_off=False)
        if due is None or due > upto_us or (due == upto_us and not inclusive):
            return state, out
        now = max(due, state.known_us)
        gone = [held for held in state.notices if held.until_us is not None and held.until_us <= now]
        kept = tuple(held for held in state.notices if held not in gone)
        state, written = _settle(state, kept, now, by=None, scale=gone[0].scale, due_us=now)
        out += written


def _settle(
    state: FuseState,
    notices: tuple[NoticeHold, ...],
    known_us: int,
    *,
    by: str | None,
    scale: Scale,
    due_us: int | None = None,
    observed_us: int | None = None,
) -> tuple[FuseState, list[Transition]]:
    state = state.copy()
    ended = tuple(held.notice_id for held in state.notices if held not in notices)
    state.known_us = max(known_us, state.known_us)
    state.notices = notices
    before, level = state.level, max((held.rank for held in notices), default=0)
    worst = [held.scale for held in notices if held.rank == level]
    state.level = state.condition = state.confirmed = level
    if before == 0 and level:
        state.openings += 1
    if before == level and due_us is not None:
        return state, []  # one of several ended and the level stays
    named = tuple(held.notice_id for held in notices if held.rank == level) or ended
    record = write(
        state,
        Reason.NOTICE,
        before,
        known_us=state.known_us,
        version=_version(state.fuse),
        observed_us=observed_us,
        due_us=due_us,
        evidence=named,
        by=by,
        scale=worst[0] if worst else scale,
    )
    return state, [record]


def _version(fuse: str) -> str:
    """A notice has no rule; its version names the built-in one."""
    return "sha256:" + sha256_hex(rfc8785.dumps({"id": fuse}))
