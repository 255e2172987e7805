"""用时 Minutes from the fuse to the first ring and the first acting answer, and who has not answered, by name. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.command.score.chain import calls_from
from services.command.score.climb import LineJudge
from services.command.score.told import Told
from services.dispatch.callouts.clocks import Clocks
from shared.pack.model import Pack
from shared.realm import format_time

RINGING = "ringing"


def spread(values: Iterable[float]) -> dict[str, float | int | None]:
    """How many, p50, p95 and the worst (nearest rank), in minutes."""
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": _rank(ordered, 0.50),
        "p95": _rank(ordered, 0.95),
        "max": round(ordered[-1], 2) if ordered else None,
    }


def _rank(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 2) if ordered else None


def measure(told: Told, judges: Iterable[LineJudge], pack: Pack, clocks: Clocks) -> dict[str, Any]:
    """From each fuse, and from each post's line, in minutes of the drill's clock."""
    opened = {trip["trip_id"]: at for trip in told.facts["trips"] if (at := calls_from(trip, pack, clocks)) is not None}
    rung: dict[str, datetime] = {}
    acted: dict[str, datetime] = {}
    for line in told.lines:
        for trip_id, joined in _joined(line.entries).items():
            ring = min((call.at for call in line.calls if call.at >= joined), default=None)
            _earliest(rung, trip_id, ring)
            acts = [
                e.happened_at or e.at
                for e in line.entries
                if e.body.get("grade") == "acting" and e.at >= joined and _covers(e.body.get("read"), trip_id)
            ]
            _earliest(acted, trip_id, min(acts, default=None))
    posts = [judge for judge in judges if judge.opened_at is not None]
    return {
        "fuse_to_first_ring_min": spread(_minutes(opened[t], rung[t]) for t in opened if t in rung),
        "fuse_to_first_acting_min": spread(_minutes(opened[t], acted[t]) for t in opened if t in acted),
        "post_to_acting_min": spread(
            _minutes(judge.opened_at, judge.acting_at) for judge in posts if judge.opened_at and judge.acting_at
        ),
        "fuses_not_rung": sorted(set(opened) - set(rung)),
        "fuses_nobody_acts_on": sorted(set(opened) - set(acted)),
    }


def _joined(entries: Iterable[Any]) -> Mapping[str, datetime]:
    """When each trip first called this line to act."""
    joined: dict[str, datetime] = {}
    for entry in entries:
        about, _, purpose = str(entry.body.get("matter", "")).rpartition("#")
        if about and purpose == "act" and entry.kind in ("opened", "joined", "upgraded"):
            joined.setdefault(about, entry.at)
    return joined


def _covers(read: Mapping[str, Any] | None, trip_id: str) -> bool:
    return read is None or f"{trip_id}#act" in read


def _earliest(times: dict[str, datetime], key: str, at: datetime | None) -> None:
    if at is not None and (key not in times or at < times[key]):
        times[key] = at


def _minutes(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 60


def unanswered(told: Told, judges: Iterable[LineJudge]) -> list[dict[str, Any]]:
    """未应答: each post that is still being called, the worst and the longest first, with how the last call ended."""
    last = {call.person: call.result or RINGING for call in told.calls}
    rows: list[tuple[int, dict[str, Any]]] = []
    for judge in judges:
        waiting = judge.waiting() if judge.open else {}
        if not waiting:
            continue
        worst = max((held.level for held in waiting.values()), key=lambda level: level.rank)
        since = min(held.opened_at for held in waiting.values())
        row = {
            "case_id": judge.told.case_id,
            "post": judge.told.post,
            "person": judge.told.person,
            "level": worst.value,
            "since": format_time(since),
            "top_reached": judge.top,
            "last_call": last.get(judge.told.person),
        }
        rows.append((-worst.rank, row))
    return [row for _, row in sorted(rows, key=lambda each: (each[0], each[1]["since"], each[1]["post"]))]
