"""上调与核实 Rising, and how much of it is confirmed (§5.4, §5.5)."""

from __future__ import annotations

from services.warning.fuses.probe import TRUE
from services.warning.fuses.proof import Proof, hear_witnesses, proof_of
from services.warning.fuses.scene import Scene
from services.warning.fuses.state import Doubtful, Hushed, Reason
from services.warning.fuses.turn import Turn
from services.warning.readings.instant import SECOND
from shared.errors import InvariantBroken
from shared.vocabulary import Verification


def note(turn: Turn, scene: Scene, worst: int) -> None:
    """Remember where each level above the confirmed one held, for the question what is confirmed."""
    for rank in turn.fuse.ranks:
        if not turn.state.confirmed < rank <= worst:
            continue
        if len(scene.supporters(rank)) >= scene.count:
            turn.true_at.setdefault(rank, scene.t)
        good = scene.supporters(rank, TRUE)
        if len(good) >= scene.count:
            turn.good_at.setdefault(rank, []).append((scene.t, good))


def reason_of_rise(turn: Turn) -> Reason:
    return Reason.QUORUM if turn.fuse.rule.quorum.count > 1 else Reason.THRESHOLD


def record_rise(turn: Turn, before: int, reason: Reason, due_us: int | None = None) -> None:
    """One record for a level that rose in this batch, confirmed as far as its evidence goes."""
    state, scene = turn.state, turn.rise
    if scene is None:
        raise InvariantBroken(f"{state.key} rose without an instant")
    if state.confirmed >= state.level:  # late facts that only kept what was confirmed
        end_doubt(turn)
    else:
        first_us = min((at for rank, at in turn.true_at.items() if rank <= state.level), default=scene.t)
        begin_doubt(turn, scene.supporters(state.level), first_us)
        _confirm(turn, rising=True)
    turn.record_findings(reason, before, scene.findings(state.level), observed_us=scene.t, due_us=due_us)


def begin_doubt(turn: Turn, sources: tuple[str, ...], first_us: int, hushed: Hushed | None = None) -> None:
    """What is above the confirmed level is unconfirmed, and its clock starts; what was said before still counts."""
    state, before = turn.state, turn.state.doubtful
    state.verification = Verification.UNCONFIRMED
    state.confirm_due_us = turn.known_us + turn.fuse.rule.confirm_after_s * SECOND
    state.doubtful = Doubtful(
        sources,
        first_us if before is None else min(first_us, before.first_us),
        hushed=(*(before.hushed if before else ()), *((hushed,) if hushed else ())),
        borne=before.borne if before else (),
    )


def end_doubt(turn: Turn) -> None:
    """All of the level is confirmed."""
    state = turn.state
    state.verification = Verification.CONFIRMED
    state.doubtful, state.confirm_due_us = None, None


def second_source(turn: Turn) -> None:
    """Another station may confirm the unconfirmed level, never the same one; a lower level is confirmed as it would be
    if it rose now, so that calls and orders go on at what is sure."""
    proof = _confirm(turn)
    if proof is not None:
        turn.record_findings(Reason.CONFIRMED, turn.state.level, proof.findings, observed_us=proof.at_us)


def _confirm(turn: Turn, *, rising: bool = False) -> Proof | None:
    """Confirm the worst level for which there is a proof now."""
    state = turn.state
    hear_witnesses(turn)
    for rank in turn.fuse.ranks:
        if state.doubtful is None or not state.confirmed < rank <= state.level:
            continue
        proof = proof_of(turn, state.doubtful, rank, rising=rising)
        if proof is not None:
            state.confirmed = rank
            if rank == state.level:
                end_doubt(turn)
            return proof
    return None
