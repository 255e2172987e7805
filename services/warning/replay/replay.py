"""回放 A pack's fuses over recorded readings, with the production engine (contract §5.1, §5.10); pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from services.warning.fuses.book import Book
from services.warning.fuses.events import ReadingsBatch, Tick
from services.warning.fuses.state import Transition
from services.warning.fuses.world import World, decide
from services.warning.readings.instant import parse_rfc3339
from services.warning.readings.validate import Incoming

REALM = "x-replay"


def replay(book: Book, readings: Iterable[Incoming], until_us: int | None = None) -> list[Transition]:
    """回放 Every record that the readings lead to until ``until_us`` (default: the last known time), in order.

    What becomes known at one instant is one batch; then the timers due at that instant fire.
    """
    rows = sorted(readings, key=lambda r: (r.received_us, r.observed_us, r.station_id, r.metric, r.ref))
    world, found = World(), list[Transition]()
    last_us = None
    for known_us, batch in groupby(rows, key=lambda r: r.received_us):
        if until_us is not None and known_us > until_us:
            break
        found += decide(book, world, ReadingsBatch(tuple(batch)), known_us).transitions
        last_us = known_us
    end_us = until_us if until_us is not None else last_us
    if end_us is not None:
        found += decide(book, world, Tick(), end_us).transitions
    return sorted(found, key=_order)


def _order(record: Transition) -> tuple[int, str, str, int]:
    return (parse_rfc3339(record.known_at), record.fuse, record.scope, record.n)


def as_object(record: Transition, district: str) -> dict[str, Any]:
    """The record as the contract's object, with district and realm."""
    return {**record.as_dict(), "district": district, "realm": REALM}


def json_lines(records: Iterable[Transition], district: str) -> Iterator[str]:
    """One object a line, keys sorted: the same readings give the same bytes."""
    for record in records:
        yield json.dumps(as_object(record, district), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def readable(record: Transition) -> str:
    """One line for a person."""
    level = f"{record.from_.zh}→{record.to.zh}" if record.from_ is not record.to else record.to.zh
    marks = [record.verification.value] if record.verification.value != "confirmed" else []
    if record.confirmed_level is not record.to:
        marks.append(f"confirmed {record.confirmed_level.value}")
    marks += ["blind"] if record.blind else []
    marks += [f"refused by {refusal.kind}" for refusal in record.refused_by]
    why = "; ".join(f"{b.station} {b.statistic} {b.window} {b.value:g} / {b.bound:g}" for b in record.because[:3])
    more = f" (+{len(record.because) - 3})" if len(record.because) > 3 else ""
    parts = [record.known_at, f"{record.fuse}/{record.scope}", f"#{record.n}", level, record.reason.value]
    parts += [f"[{', '.join(marks)}]"] if marks else []
    parts += [why + more] if why else []
    if record.observed_at != record.known_at:
        parts.append(f"observed {record.observed_at}")
    return "  ".join(parts)
