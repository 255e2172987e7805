"""演练中止 When a real event ends a drill, and when a drill may go on: pure.

A red that people are called for in earnest (confirmed, told by a notice, or verified by nobody in time) interrupts
every running drill: from then on a call that says 演练 could be taken for one that does not. A red that is still to be
confirmed only warns: go and look, the drill goes on; one that is written down afterwards (补录) starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.realm import ACTUAL, LIVE, RealmClock, RealmState
from shared.vocabulary import Level, Verification

RISES = frozenset({"threshold", "quorum", "notice", "late", "confirmed", "unverified", "manual", "refuted"})
"""Reasons of records that bring news of a danger; a red that is held, latched, silent or blind is no news."""


class Verdict(StrEnum):
    """于演练"""

    NOTHING = "nothing"
    WARN = "warn"  # 有真实红色待核实
    INTERRUPT = "interrupt"  # 演练中止，真实险情


@dataclass(frozen=True, kw_only=True)
class Heard:
    """听到的: what one record of a fuse says"""

    level: Level
    confirmed_level: Level
    verification: Verification
    reason: str
    entered_late: bool = False


def is_real(realm: str, *, exercise_pack: bool) -> bool:
    """Whether what happens in the realm is earnest to a drill: ``actual``, and ``x-live`` under an exercise pack."""
    return realm == ACTUAL or (realm == LIVE and exercise_pack)


def is_drill(realm: str) -> bool:
    """Whether a real event interrupts it: a realm that somebody started, no standing one."""
    return realm not in (ACTUAL, LIVE)


def is_called_red(level: Level, confirmed_level: Level, verification: Verification) -> bool:
    """Whether people are called for a red in earnest (contract §5.5)."""
    unconfirmed = verification in (Verification.UNCONFIRMED, Verification.REFUTED)
    return confirmed_level is Level.RED or (level is Level.RED and not unconfirmed)


def heed(heard: Heard) -> Verdict:
    """What a real record means to the drills that run."""
    if heard.reason not in RISES:
        return Verdict.NOTHING
    if is_called_red(heard.level, heard.confirmed_level, heard.verification):
        return Verdict.WARN if heard.entered_late else Verdict.INTERRUPT
    if heard.level is Level.RED and heard.verification is Verification.UNCONFIRMED:
        return Verdict.WARN
    return Verdict.NOTHING


class Refusal(StrEnum):
    """不能"""

    REAL_RED = "real_red"
    NOT_A_DRILL = "not_a_drill"
    NOT_INTERRUPTED = "not_interrupted"
    ENDED = "drill_ended"


def may_resume(clock: RealmClock | None, *, red_stands: bool) -> Refusal | None:
    """恢复: only what was interrupted, and not while the red stands."""
    if clock is None or not is_drill(clock.realm):
        return Refusal.NOT_A_DRILL
    if clock.state is RealmState.ENDED:
        return Refusal.ENDED
    if clock.is_running:
        return Refusal.NOT_INTERRUPTED
    return Refusal.REAL_RED if red_stands else None


def may_end(clock: RealmClock | None) -> Refusal | None:
    """结束: whatever runs or was interrupted."""
    if clock is None or not is_drill(clock.realm):
        return Refusal.NOT_A_DRILL
    return Refusal.ENDED if clock.state is RealmState.ENDED else None
