"""上调与核实 Rising, and how much of it is confirmed (§5.4, §5.5)."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from services.warning.fuses.book import Nearby
from services.warning.fuses.plausibility import Witness, witnesses
from services.warning.fuses.probe import TRUE, Finding
from services.warning.fuses.scene import Scene, instants, suspects_in
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
    first_us = min((at for rank, at in turn.true_at.items() if rank <= state.level), default=scene.t)
    doubtful = begin_doubt(turn, scene.supporters(state.level), first_us)
    for rank in turn.fuse.ranks:
        if not state.confirmed < rank <= state.level:
            continue
        if _proof(turn, doubtful, rank, since_us=doubtful.first_us, rising=True) is not None:
            state.confirmed = rank
            break
    if state.confirmed == state.level:
        end_doubt(turn)
    turn.record_findings(reason, before, scene.findings(state.level), observed_us=scene.t, due_us=due_us)


def begin_doubt(turn: Turn, sources: tuple[str, ...], first_us: int, hushed: Hushed | None = None) -> Doubtful:
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
    return state.doubtful


def end_doubt(turn: Turn) -> None:
    """All of the level is confirmed."""
    state = turn.state
    state.verification = Verification.CONFIRMED
    state.doubtful, state.confirm_due_us = None, None


def second_source(turn: Turn, heard_us: int) -> None:
    """Another station may confirm the unconfirmed level, never the same one; a lower level is confirmed as it would be
    if it rose now, so that calls and orders go on at what is sure. ``heard_us``: the oldest instant that is news."""
    state = turn.state
    for rank in turn.fuse.ranks:
        if state.doubtful is None or not state.confirmed < rank <= state.level:
            continue
        proof = _proof(turn, state.doubtful, rank, since_us=heard_us)
        if proof is not None:
            state.confirmed = rank
            if rank == state.level:
                end_doubt(turn)
            turn.record_findings(Reason.CONFIRMED, state.level, proof.findings, observed_us=proof.at_us)
            return


@dataclass(frozen=True)
class _Proof:
    findings: tuple[tuple[int, Finding], ...]  # each with the level that it shows
    at_us: int  # the last instant of it


def _proof(turn: Turn, doubtful: Doubtful, rank: int, *, since_us: int, rising: bool = False) -> _Proof | None:
    """What confirms a level; what was said before ``since_us`` was looked at then."""
    nearby, series = turn.fuse.nearby.get(rank), turn.series
    if nearby is not None:
        found = _borne_out(turn, doubtful, rank, nearby, since_us)
        shown = tuple(each for witness in found for each in witness.findings(series))
        return _Proof(shown, max(witness.at_us for witness in found)) if found else None
    same = doubtful.sources if rank == turn.state.level and not rising else ()
    for t, names in turn.good_at.get(rank, ()):
        gauges = [turn.fuse.gauges[name] for name in names if name not in same]
        if gauges:
            return _Proof(tuple(each for gauge in gauges for each in gauge.evidence(series, rank, t)), t)
    return None


def _borne_out(turn: Turn, doubtful: Doubtful, rank: int, nearby: Nearby, since_us: int) -> list[Witness]:
    """The neighbours of as many stations as the quorum asks for; one is enough for a level raised by silence."""
    state, series = turn.state, turn.series
    for raised, name, last_us in doubtful.hushed:
        if raised == rank and (found := witnesses(nearby, name, series, last_us)):
            return list(found)
    borne = {name for level, name in doubtful.borne if level == rank}
    named: dict[str, Witness] = {}
    start = max(doubtful.first_us, since_us - nearby.within_us)
    end = max(turn.known_us, state.newest_us or 0)
    suspects = suspects_in(turn.fuse, series, start, end)
    for t in instants(turn.fuse, series, start, end) if suspects[rank] else ():
        for name in turn.scene(t, suspects).supporters(rank):
            if name not in borne and (found := witnesses(nearby, name, series, t)):
                borne.add(name)
                named |= {witness.gauge.station_id: witness for witness in found}
        if named and len(borne) >= turn.fuse.rule.quorum.count:
            return sorted(named.values(), key=lambda witness: (witness.at_us, witness.gauge.station_id))
    if named and state.doubtful is not None:  # some, but not enough
        kept = tuple(sorted({*doubtful.borne, *((rank, name) for name in borne)}))
        state.doubtful = msgspec.structs.replace(state.doubtful, borne=kept)
    return []
