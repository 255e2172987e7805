"""熔断展示 Fuses and trips as the API shows them, and the trip receipt (one page, machine form)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from sqlalchemy import Connection

from services.warning.fuses import store, trend
from services.warning.fuses.book import Book, Described, Fuse
from services.warning.fuses.rule import Rule
from services.warning.fuses.service import held_orders
from services.warning.fuses.state import FuseState, level_of
from services.warning.fuses.store import Stand, Word
from services.warning.fuses.world import World
from services.warning.readings import store as readings_store
from services.warning.readings.instant import SECOND, rfc3339, to_us
from services.warning.readings.service import incoming_of, reading_out
from shared.ids import sha256_hex
from shared.pack.model import Station
from shared.realm import format_time
from shared.vocabulary import LEVELS

RECORDS_SHOWN = 50
EVIDENCE_MAX = 5_000
POINTS_MAX = 240  # of one curve: a screen has no more
UNHEARD = (0, True)  # level and blindness of a fuse that never had a reading
MARGIN = timedelta(hours=1)  # the reading before a window says what its first one stands for


def fuse_out(book: Book, realm: str, key: tuple[str, str], about: Described, state: FuseState | None) -> dict[str, Any]:
    """A fuse on its scope as it stands; one that never had a reading is blind."""
    fuse = book.fuses.get(key)
    seen = state or FuseState(fuse=key[0], scope=key[1])
    return {
        "district": book.district,
        "realm": realm,
        "fuse": key[0],
        "scope": key[1],
        "title": {"zh": about.title_zh, "en": about.title_en},
        "hazard": about.hazard,
        "per": about.per,
        "region": about.region,
        "name": about.name,
        "level": level_of(seen.level).value,
        "condition": level_of(seen.condition).value,
        "confirmed_level": level_of(seen.confirmed).value,
        "verification": seen.verification.value,
        "blind": seen.blind,
        "latched": seen.is_latched(fuse.rule.latch if fuse else None),
        "trip_id": seen.trip_id,
        "version": seen.n,
        "stations": list(fuse.gauges) if fuse else [],
        "silent": sorted(name for name, watch in seen.watch.items() if watch.silent),
        "hold_until": _time(seen.hold_due_us),
        "confirm_until": _time(seen.confirm_due_us),
        "shelved_until": _time(seen.shelved_until_us),
        "refused_by": [{"kind": r.kind, "fuse": r.fuse, "scope": r.scope} for r in seen.refused_by],
        "notices": [held.notice_id for held in seen.notices],
        "rule_version": fuse.rule.version if fuse else None,
    }


def alarm_out(
    book: Book,
    realm: str,
    key: tuple[str, str],
    about: Described,
    state: FuseState | None,
    words: Mapping[str, Sequence[Word]],
) -> dict[str, Any]:
    """告警 A fuse that stands out, and why; ``words`` has the records of its trip, by trip."""
    shown = fuse_out(book, realm, key, about, state)
    told = words.get(shown["trip_id"])
    return {**shown, "why": why_out(told, book.stations) if told else None}


def summary_of(places: Mapping[tuple[str, str], str], states: Mapping[tuple[str, str], FuseState]) -> dict[str, Any]:
    """汇总 What a list of the alarmed ones leaves out: how many fuses stand at each level, how many see nothing.

    ``places`` says in which township (or larger area) each fuse lies; ``areas`` gives the same for each of them.
    """
    areas: dict[str, Counter[tuple[int, bool]]] = {}
    for key, area in places.items():
        state = states.get(key)
        stands = (state.level, state.blind) if state else UNHEARD
        areas.setdefault(area, Counter())[stands] += 1
    whole = sum(areas.values(), Counter[tuple[int, bool]]())
    return {**_counted(whole), "areas": {area: _counted(each) for area, each in sorted(areas.items())}}


def numbers_of(keys: Iterable[tuple[str, str]], states: Mapping[tuple[str, str], Stand]) -> dict[str, Any]:
    """总数 The same without the areas."""
    return _counted(Counter((state.level, state.blind) if (state := states.get(key)) else UNHEARD for key in keys))


def _counted(stands: Mapping[tuple[int, bool], int]) -> dict[str, Any]:
    levels = dict.fromkeys((level.value for level in LEVELS), 0)
    for (level, _), number in stands.items():
        levels[level_of(level).value] += number
    blind = sum(number for (_, is_blind), number in stands.items() if is_blind)
    return {"total": sum(stands.values()), "blind": blind, "levels": levels}


def why_out(words: Sequence[Word], stations: Mapping[str, Station]) -> dict[str, Any]:
    """何故 Of a trip's records, first to last: since when its level stands, the last word, the last grounds."""
    newest, told = words[-1], next((word for word in reversed(words) if word.because), None)
    moved = next((word for word in reversed(words) if word.from_ != word.to), words[0])
    named = [
        {**b, "name": stations[b["station"]].name if b["station"] in stations else b["station"]}
        for b in (told.because if told else ())
    ]
    return {
        "since": moved.known_at,
        "reason": newest.reason,
        "known_at": newest.known_at,
        "evidence": len(told.evidence) if told else 0,
        "because": named,
    }


def stands_out(state: FuseState | None) -> bool:
    """值得一看 Above normal, or with a station that fell silent while it was high."""
    return state is not None and (state.level > 0 or any(watch.silent for watch in state.watch.values()))


def trend_out(fuse: Fuse | None, conn: Connection, realm: str, book: Book, now: datetime, hours: int) -> dict[str, Any]:
    """趋势 The panels of a fuse over the last hours; a notice fuse has none."""
    start = now - timedelta(hours=hours)
    shown: dict[str, Any] = {"from": rfc3339(to_us(start)), "to": rfc3339(to_us(now)), "panels": []}
    if fuse is None:
        return shown
    rule = fuse.rule
    since = start - timedelta(seconds=rule.memory_s) - MARGIN
    rows = readings_store.of_stations_since(conn, realm, fuse.gauges, rule.metrics, since)
    world = World.load(book, (), (incoming_of(row) for row in rows))
    step_s = max(hours * 3600 // POINTS_MAX, min((book.stations[name].interval_s for name in fuse.gauges), default=300))
    instants = [to_us(now) - back * step_s * SECOND for back in range(hours * 3600 // step_s, -1, -1)]
    shown["panels"] = [
        {
            "metric": panel.metric,
            "unit": book.metrics[panel.metric].unit,
            "statistic": panel.statistic,
            "window": panel.window,
            "bounds": [
                {
                    "level": bound.level.value,
                    "bound": float(bound.bound),
                    "upward": bound.upward,
                    "joint": bound.joint,
                    "station": bound.station,
                }
                for bound in panel.bounds
            ],
            "lines": [
                {
                    "station": station,
                    "name": book.stations[station].name,
                    "points": [[rfc3339(p.at_us), None if p.value is None else float(p.value), p.sure] for p in points],
                }
                for station, points in panel.lines.items()
            ],
        }
        for panel in trend.panels(fuse, world.series, instants)
    ]
    return shown


def rule_out(rule: Rule) -> dict[str, Any]:
    """规则 What a rule asks, for people who want to know why."""
    return {
        "id": rule.id,
        "title": {"zh": rule.title_zh, "en": rule.title_en},
        "source": rule.source,
        "metric": rule.metric,
        "version": rule.version,
        "quorum": {"count": rule.quorum.count, "minimum": rule.quorum.minimum},
        "confirm_after_s": rule.confirm_after_s,
        "hold_s": rule.hold_s,
        "latch": rule.latch.value if rule.latch else None,
    }


def trip_out(
    district: str, realm: str, trip: Any, report: store.HoldReport | None, state: FuseState | None = None
) -> dict[str, Any]:
    """A trip as it stands (``state``) or as its last record left it, with what dispatch last said of its measures."""
    last = trip.last
    if state is not None and state.trip_id == trip.trip_id:
        last = {
            "to": level_of(state.level).value,
            "condition": level_of(state.condition).value,
            "confirmed_level": level_of(state.confirmed).value,
            "verification": state.verification.value,
            "blind": state.blind,
        }
    return {
        "district": district,
        "realm": realm,
        "trip_id": trip.trip_id,
        "fuse": trip.fuse,
        "scope": trip.scope,
        "region": trip.region,
        "hazard": trip.hazard,
        "alert_id": trip.alert_id,
        "notice_id": trip.notice_id,
        "opened_at": format_time(trip.opened_at),
        "closed_at": format_time(trip.closed_at) if trip.closed_at else None,
        "level": last["to"],
        "condition": last["condition"],
        "confirmed_level": last["confirmed_level"],
        "verification": last["verification"],
        "blind": last["blind"],
        "version": trip.last_n,
        "pack": trip.pack,
        "holds": holds_out(report),
    }


def trip_of(conn: Connection, district: str, realm: str, trip: Any) -> dict[str, Any]:
    """The same from the store."""
    report = store.holds_of(conn, realm, trip.trip_id)
    return trip_out(district, realm, trip, report, store.state_of(conn, realm, trip.fuse, trip.scope))


def holds_out(report: store.HoldReport | None) -> dict[str, Any] | None:
    """None means not asked or not answered yet: never read as nothing held."""
    if report is None:
        return None
    return {"n": report.n, "at": format_time(report.at), "in_force": list(held_orders(report)), "all": report.holds}


def findings_out(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "verdict": row.verdict,
            "level": row.level,
            "by": row.by,
            "ground": row.ground,
            "happened_at": format_time(row.happened_at) if row.happened_at else None,
            "known_at": format_time(row.known_at),
            "applied": row.applied,
            "refused": row.refused,
        }
        for row in rows
    ]


def receipt_out(conn: Connection, district: str, realm: str, trip: Any, book: Book) -> dict[str, Any]:
    """熔断凭据 What was known, by which rule, from which readings, who decided; ``sha256`` is over RFC 8785 bytes."""
    records = store.records_of_trip(conn, realm, trip.trip_id)
    refs = {ref for record in records for ref in record["evidence"] if isinstance(ref, int)}
    evidence = readings_store.by_ids(conn, sorted(refs)[:EVIDENCE_MAX])
    fuse = book.fuses.get((trip.fuse, trip.scope))
    whole = {
        "trip": trip_of(conn, district, realm, trip),
        "rule": fuse
        and {
            "id": fuse.rule.id,
            "title": {"zh": fuse.rule.title_zh, "en": fuse.rule.title_en},
            "source": fuse.rule.source,
            "version": fuse.rule.version,
            "stations": list(fuse.gauges),
        },
        "records": records,
        "readings": [reading_out(district, realm, row) for row in evidence],
        "evidence_left_out": max(0, len(refs) - EVIDENCE_MAX),
        "findings": findings_out(store.findings_of(conn, realm, trip.trip_id)),
    }
    return {**whole, "sha256": sha256_hex(rfc8785.dumps(_plain(whole)))}


def _time(us: int | None) -> str | None:
    return None if us is None else rfc3339(us)


def _plain(value: Any) -> Any:
    """JSON types only (a hold report's tuples become lists)."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
