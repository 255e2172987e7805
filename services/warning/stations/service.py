"""监测站用例 Liveness, lag, clock, receipts and maintenance of the registry's stations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.warning.stations import store
from services.warning.stations.receipts import Receipt
from services.warning.stations.status import Online, Skip
from services.warning.stations.store import Life, Maintenance, StationState
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused
from shared.pack.model import Pack, Station
from shared.realm import format_time

MAINTENANCE_MAX = timedelta(hours=2)
LIVING_INTERVALS = 2  # contract §4: silence is 2 intervals where a rule says nothing else
RECEIPTS_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Heard:
    """听到的读数: one stored reading as the registry sees it; times are the realm's."""

    station: str
    metric: str
    value: float | None
    observed_at: datetime  # where it is placed
    claimed_at: datetime  # what the station's clock said
    quality: str
    counted: bool


@dataclass(frozen=True)
class Counted:
    """计数: one (boot, seq) of a station that is stored now, as a reading or as a dead letter (with its code)."""

    station: str
    boot: str
    seq: int
    code: str | None = None


def hear(states: Mapping[str, StationState], heard: Iterable[Heard], now: datetime) -> dict[str, StationState]:
    """The stations' states once these readings are in; pure."""
    by_station: dict[str, list[Heard]] = {}
    for one in heard:
        by_station.setdefault(one.station, []).append(one)
    return {name: _heard(states.get(name) or StationState(name), ones, now) for name, ones in by_station.items()}


def _heard(state: StationState, ones: Sequence[Heard], now: datetime) -> StationState:
    latest = dict(state.latest)
    newest: dict[str, Heard] = {}
    for one in ones:
        if one.metric not in newest or newest[one.metric].observed_at <= one.observed_at:
            newest[one.metric] = one
    for metric, one in newest.items():
        before = latest.get(metric)
        if before is None or datetime.fromisoformat(before["observed_at"]) <= one.observed_at:
            latest[metric] = {
                "value": one.value,
                "observed_at": format_time(one.observed_at),
                "quality": one.quality,
            }
    last = max(newest.values(), key=lambda one: one.observed_at)
    is_newest = state.observed_at is None or last.observed_at >= state.observed_at
    return replace(
        state,
        received_at=now,
        observed_at=last.observed_at if is_newest else state.observed_at,
        lag_s=max(0.0, (now - last.observed_at).total_seconds()) if is_newest else state.lag_s,
        clock_ahead_s=max(0.0, (ones[-1].claimed_at - now).total_seconds()),
        unreceipted=not ones[-1].counted,
        latest=latest,
    )


def count(conn: Connection, realm: str, counted: Iterable[Counted], received_at: datetime) -> None:
    """回执入账 Put what is stored into the receipts of its boots."""
    by_boot: dict[tuple[str, str], list[Counted]] = {}
    for one in counted:
        by_boot.setdefault((one.station, one.boot), []).append(one)
    if not by_boot:
        return
    known = store.load_receipts(conn, realm, by_boot)
    changed = {}
    for key, ones in by_boot.items():
        receipt, number = known.get(key, (Receipt(), 0))
        rejected = [(one.seq, one.code) for one in ones if one.code is not None]
        changed[key] = (receipt.with_seqs(one.seq for one in ones).with_rejected(rejected), number)
    store.save_receipts(conn, realm, received_at, changed)


def take_status(tx: Tx, realm: str, station: str, said: Online | Skip, *, received_at: datetime, now: datetime) -> None:
    """A station's word about itself. The same again (retained messages come at every connection) changes nothing."""
    if isinstance(said, Skip):
        receipt, number = store.load_receipts(tx.conn, realm, [(station, said.boot)]).get(
            (station, said.boot), (Receipt(), 0)
        )
        wider = receipt.with_ranges([(said.first, said.last)])
        if wider != receipt:
            store.save_receipts(tx.conn, realm, received_at, {(station, said.boot): (wider, number)})
            seen = {"skip": [said.first, said.last], "boot": said.boot}
            tx.audit(realm, f"station:{station}", "station.skip", station, body=seen)
            tx.event(realm, "station", station, seen)
        return
    state = store.load_states(tx.conn, realm, [station]).get(station, StationState(station))
    if state.online == said.online:
        return
    store.save_states(tx.conn, realm, [replace(state, online=said.online, status_at=now)])
    tx.event(realm, "station", station, {"online": said.online, "at": format_time(now)})


def begin_maintenance(
    tx: Tx, realm: str, station: str, *, minutes: int, by: str, reason: str, version_matches: Any, now: datetime
) -> StationState:
    """检修 Announce work on a station: its readings are ``test`` until it ends by itself; 0 minutes ends it now."""
    length = timedelta(minutes=minutes)
    if not timedelta(0) <= length <= MAINTENANCE_MAX:
        raise Invalid("minutes: give 0 (ends it now) to 120", "检修时长为 0 至 120 分钟", field="minutes")
    state = store.load_states(tx.conn, realm, [station]).get(station, StationState(station))
    version_matches(state.version)
    if minutes == 0 and not state.in_maintenance(now):
        raise Refused("not_in_maintenance", f"{station} is not in maintenance", f"{station} 未在检修")
    work = Maintenance(since=now, until=now + length, by=by, reason=reason)
    if minutes == 0 and state.maintenance is not None:
        work = replace(state.maintenance, until=now)
    store.save_states(tx.conn, realm, [replace(state, maintenance=work)])
    seen = {"maintenance_until": format_time(work.until), "by": by, "reason": reason}
    tx.audit(realm, by, "station.maintenance", station, reason=reason, body=seen)
    tx.event(realm, "station", station, seen)
    return replace(state, maintenance=work, version=state.version + 1)


def registered(pack: Pack, station: str) -> Station:
    found = pack.stations.get(station)
    if found is None:
        raise NotFound(f"no station {station} in stations.csv", f"监测站表中没有 {station}")
    return found


def station_out(
    district: str, realm: str, station: Station, state: StationState | None, now: datetime
) -> dict[str, Any]:
    """A station with what is known of it."""
    seen = state or StationState(station.station_id)
    kept = seen.maintenance if seen.in_maintenance(now) else None
    return {
        "district": district,
        "realm": realm,
        "station_id": station.station_id,
        "name": station.name,
        "category": station.category,
        "region": station.region,
        "lat": station.lat,
        "lon": station.lon,
        "metrics": list(station.metrics),
        "interval_s": station.interval_s,
        "report_s": station.report_s,
        "state": _liveness(station, seen.life, now),
        "online": seen.online,
        "status_at": _time(seen.status_at),
        "received_at": _time(seen.received_at),
        "observed_at": _time(seen.observed_at),
        "lag_s": seen.lag_s,
        "clock_ahead_s": seen.clock_ahead_s,
        "unreceipted": seen.unreceipted,
        "latest": dict(seen.latest),
        "maintenance": kept
        and {"since": _time(kept.since), "until": _time(kept.until), "by": kept.by, "reason": kept.reason},
        "version": seen.version,
    }


def numbers(stations: Iterable[Station], lives: Mapping[str, Life], now: datetime) -> dict[str, int]:
    """How many stations stand how, as `station_out` says of each."""
    found = Counter(_liveness(one, lives.get(one.station_id, Life()), now) for one in stations)
    return dict(sorted(found.items()))


def _liveness(station: Station, life: Life, now: datetime) -> str:
    """``never`` heard, in ``maintenance``, ``living``, or ``silent``: silence is never read as fine."""
    if life.in_maintenance(now):
        return "maintenance"
    if life.usable_at is None:
        return "silent" if life.ever else "never"
    age_s = (now - life.usable_at).total_seconds()
    return "living" if age_s < LIVING_INTERVALS * station.report_s else "silent"


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None


def tidy(tx: Tx) -> None:
    """Forget the receipts of boots that nobody has spoken of for long."""
    store.forget_receipts(tx.conn, tx.now - RECEIPTS_KEPT)


def list_out(
    district: str, realm: str, stations: Sequence[Station], states: Mapping[str, StationState], now: datetime
) -> list[dict[str, Any]]:
    return [station_out(district, realm, one, states.get(one.station_id), now) for one in stations]
