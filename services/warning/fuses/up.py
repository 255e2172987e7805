"""上调与核实 Rising, and how much of it is confirmed (§5.4, §5.5)."""

from __future__ import annotations

from services.warning.fuses.plausibility import witnesses
from services.warning.fuses.probe import TRUE, Finding
from services.warning.fuses.scene import Scene
from services.warning.fuses.state import Doubtful, Reason
from services.warning.fuses.turn import Turn
from services.warning.readings.instant import SECOND
from shared.errors import InvariantBroken
from shared.vocabulary import Verification


def note(turn: Turn, scene: Scene, worst: int) -> None:
    """Remember where each level above the confirmed one first held, for the question what is confirmed."""
    for rank in turn.fuse.ranks:
        if not turn.state.confirmed < rank <= worst:
            continue
        true = scene.supporters(rank)
        if len(true) < scene.count:
            continue
        turn.true_at.setdefault(rank, (scene.t, true))
        good = scene.supporters(rank, TRUE)
        if len(good) >= scene.count:
            turn.good_at.setdefault(rank, (scene.t, good))


def reason_of_rise(turn: Turn) -> Reason:
    return Reason.QUORUM if turn.fuse.rule.quorum.count > 1 else Reason.THRESHOLD


def record_rise(turn: Turn, before: int, reason: Reason, due_us: int | None = None) -> None:
    """One record for a level that rose in this batch, confirmed as far as its evidence goes."""
    state, scene = turn.state, turn.rise
    if scene is None:
        raise InvariantBroken(f"{state.key} rose without an instant")
    holds_still = state.condition >= state.level and state.newest_us is not None
    last_us = max(scene.t, state.newest_us or scene.t) if holds_still else scene.t
    state.confirmed = max(state.confirmed, _borne_out(turn, last_us))
    begin_doubt(turn, Doubtful(scene.supporters(state.level), scene.t, last_us))
    findings = [(state.level, finding) for finding in scene.findings(state.level)]
    turn.record_findings(reason, before, findings, observed_us=scene.t, due_us=due_us)


def begin_doubt(turn: Turn, doubtful: Doubtful) -> None:
    """What is above the confirmed level is unconfirmed, and its clock starts."""
    state = turn.state
    if state.confirmed >= state.level:
        end_doubt(turn)
        return
    state.verification = Verification.UNCONFIRMED
    state.doubtful = doubtful
    state.confirm_due_us = turn.known_us + turn.fuse.rule.confirm_after_s * SECOND


def end_doubt(turn: Turn) -> None:
    """All of the level is confirmed."""
    state = turn.state
    state.verification = Verification.CONFIRMED
    state.doubtful, state.confirm_due_us = None, None


def _borne_out(turn: Turn, last_us: int) -> int:
    """The worst level of this batch that good readings carry and, where the rule asks for it, a neighbour bears out."""
    for rank in turn.fuse.ranks:
        if rank > turn.state.level or rank not in turn.true_at:
            continue
        nearby = turn.fuse.nearby.get(rank)
        if nearby is None:
            if rank in turn.good_at:
                return rank
            continue
        first_us, sources = turn.true_at[rank]
        quorum = turn.fuse.rule.quorum.count
        if witnesses(nearby, sources, turn.series, first_us, max(first_us, last_us), quorum):
            return rank
    return 0


def second_source(turn: Turn) -> None:
    """Another station may confirm the unconfirmed level, never the same one; a lower level is confirmed as it would be
    if it rose now, so that calls and orders go on at what is sure."""
    state = turn.state
    if state.doubtful is None:
        return
    for rank in turn.fuse.ranks:
        if not state.confirmed < rank <= state.level:
            continue
        proof, at_us = _proof(turn, state.doubtful, rank)
        if proof:
            state.confirmed = rank
            if rank == state.level:
                end_doubt(turn)
            turn.record_findings(Reason.CONFIRMED, state.level, proof, observed_us=at_us)
            return


def _proof(turn: Turn, doubtful: Doubtful, rank: int) -> tuple[list[tuple[int, Finding]], int]:
    """What confirms a level now, each with the level that it shows, and the instant of the last of it."""
    series, quorum = turn.series, turn.fuse.rule.quorum.count
    nearby = turn.fuse.nearby.get(rank)
    if nearby is None:
        at_us, names = turn.good_at.get(rank, (0, ()))
        same = doubtful.sources if rank == turn.state.level else ()
        gauges = [turn.fuse.gauges[name] for name in names if name not in same]
        return [(rank, finding) for gauge in gauges for finding in gauge.findings(series, rank, at_us)], at_us
    found = witnesses(nearby, doubtful.sources, series, doubtful.first_us, doubtful.last_us, quorum)
    if not found and rank in turn.true_at:
        at_us, names = turn.true_at[rank]
        found = witnesses(nearby, names, series, at_us, at_us, quorum)
    proof = [(witness.rank, finding) for witness in found for finding in witness.findings(series)]
    return proof, found[-1].at_us if found else 0
