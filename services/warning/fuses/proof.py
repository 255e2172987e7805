"""佐证 What confirms an unconfirmed level: good readings, or other stations that bear it out (§5.5)."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from services.warning.fuses.book import Nearby
from services.warning.fuses.plausibility import Witness, first_witness, witnesses
from services.warning.fuses.probe import Finding
from services.warning.fuses.scene import instants, suspects_in
from services.warning.fuses.state import Doubtful, Hushed
from services.warning.fuses.turn import Turn


@dataclass(frozen=True)
class Proof:
    """佐证"""

    findings: tuple[tuple[int, Finding], ...]  # each with the level that it shows
    at_us: int  # the last instant of it


def proof_of(turn: Turn, doubtful: Doubtful, rank: int, *, rising: bool) -> Proof | None:
    """What confirms a level. A level that rises in this batch may rest on good readings of one station; later the
    unconfirmed level itself needs another."""
    nearby, series = turn.fuse.nearby.get(rank), turn.series
    if nearby is not None:
        found = _after_silence(turn, doubtful, rank, nearby) or _borne_out(turn, doubtful, rank, nearby, rising=rising)
        shown = tuple(each for witness in found for each in witness.findings(series))
        return Proof(shown, max(witness.at_us for witness in found)) if found else None
    same = doubtful.sources if rank == turn.state.level and not rising else ()
    for t, names in turn.good_at.get(rank, ()):
        gauges = [turn.fuse.gauges[name] for name in names if name not in same]
        if gauges:
            return Proof(tuple(each for gauge in gauges for each in gauge.evidence(series, rank, t)), t)
    return None


def hear_witnesses(turn: Turn) -> None:
    """Keep which neighbours bear out, in this batch, what a silence raised: only what is heard after it counts."""
    doubtful = turn.state.doubtful
    if doubtful is not None and doubtful.hushed and turn.news:
        heard = tuple(_hear(turn, hushed) for hushed in doubtful.hushed)
        turn.state.doubtful = msgspec.structs.replace(doubtful, hushed=heard)


def _hear(turn: Turn, hushed: Hushed) -> Hushed:
    nearby = turn.fuse.nearby.get(hushed.rank)
    found = [] if nearby is None else _news_of(turn, hushed, nearby)
    more = tuple(witness.gauge.station_id for witness in found if witness.gauge.station_id not in hushed.by)
    return msgspec.structs.replace(hushed, by=(*hushed.by, *more)) if more else hushed


def _news_of(turn: Turn, hushed: Hushed, nearby: Nearby) -> list[Witness]:
    found = []
    for gauge in nearby.gauges.get(hushed.station, ()):
        times = [t for t in turn.news.get(gauge.station_id, ()) if abs(t - hushed.due_us) <= nearby.within_us]
        witness = first_witness(gauge, nearby, turn.series, sorted(times))
        if witness is not None:
            found.append(witness)
    return found


def _after_silence(turn: Turn, doubtful: Doubtful, rank: int, nearby: Nearby) -> list[Witness]:
    """One silence that is borne out is enough, whatever the quorum."""
    for hushed in doubtful.hushed:
        if hushed.rank == rank and len(hushed.by) >= nearby.count:
            return _news_of(turn, hushed, nearby)
    return []


def _borne_out(turn: Turn, doubtful: Doubtful, rank: int, nearby: Nearby, *, rising: bool) -> list[Witness]:
    """The neighbours of as many stations as the quorum asks for; what was heard before was looked at before."""
    state, series = turn.state, turn.series
    borne = {name for level, name in doubtful.borne if level == rank}
    named: dict[str, Witness] = {}
    heard_us = min((t for times in turn.news.values() for t in times), default=turn.known_us)
    start = doubtful.first_us if rising else max(doubtful.first_us, heard_us - nearby.within_us)
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
        kept = tuple(sorted({*state.doubtful.borne, *((rank, name) for name in borne)}))
        state.doubtful = msgspec.structs.replace(state.doubtful, borne=kept)
    return []
