"""告知 What leaves warning when a fuse moved: the alert's version, the message to dispatch, a line of the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.warning.alerts import service as alerts
from services.warning.alerts.alert import Part
from services.warning.fuses import store as fuses_store
from services.warning.fuses import views
from services.warning.fuses.book import Described, FuseKey
from services.warning.fuses.service import Fuses, Record
from services.warning.notices import service as notices
from services.warning.notices import store as notices_store
from shared.db.tx import Tx
from shared.pack.model import Pack
from shared.realm import format_time, parse_time
from shared.vocabulary import Level

STATISTIC_ZH = {
    "sum": "累计",
    "mean": "平均",
    "max": "最大",
    "min": "最小",
    "count": "次数",
    "rise": "上升",
    "fall": "下降",
    "rate": "变率",
    "sustained": "持续",
    "value": "实时值",
}
BECAUSE_SHOWN = 6


def tell(tx: Tx, fuses: Fuses, realm: str, pack: Pack, records: Sequence[Record], extra: Mapping[str, Any]) -> None:
    """告知 Each record in its order. ``extra`` goes with every message: when and that it was entered late (补录)."""
    for record in records:
        made, trip = record.made, record.trip
        about = fuses.describe(tx.conn, realm, fuses.book(realm), made.fuse, made.scope)
        alarm = _alarm(tx, fuses, realm, pack, (made.fuse, made.scope))
        if trip is None:
            tx.event(realm, "transition", made.id, {**_line(record, about, None), "alarm": alarm})
            continue
        notice = notices_store.get(tx.conn, realm, trip.notice_id) if trip.notice_id else None
        part = _part(record, about, pack, is_notice=notice is not None)
        now = parse_time(made.known_at)
        joined = alerts.join(
            tx, realm, pack, hazard=trip.hazard, region=alert_region(pack, trip.region), part=part, now=now
        )
        alert = joined.body
        if trip.alert_id is None:
            fuses_store.change_trip(tx.conn, realm, trip.trip_id, {"alert_id": alert["alert_id"]})
        tx.emit(
            "dispatch",
            realm,
            "transition",
            trip.trip_id,
            {
                "transition": record.body,
                "trip": {
                    "trip_id": trip.trip_id,
                    "fuse": trip.fuse,
                    "scope": trip.scope,
                    "opened_at": _time(trip.opened_at),
                    "closed_at": _time(trip.closed_at),
                },
                "fuse": {
                    "id": made.fuse,
                    "title": {"zh": about.title_zh, "en": about.title_en},
                    "hazard": trip.hazard,
                    "per": about.per,
                },
                "scope": {
                    "id": made.scope,
                    "kind": about.per,
                    "region": trip.region,
                    "name": about.name,
                    "industry": about.industry,
                },
                "alert": alert,
                "notice": notices.notice_out(tx.district, realm, notice) if notice else None,
                **extra,
            },
            pack=trip.pack,
        )
        tx.event(realm, "transition", made.id, {**_line(record, about, alert["alert_id"]), "alarm": alarm})
        tx.audit(realm, made.by or "service:warning", "fuse.transition", made.id, reason=made.reason.value)


def tell_alert(tx: Tx, realm: str, body: dict[str, Any]) -> None:
    """A version that no record of a fuse brought about."""
    tx.emit("dispatch", realm, "alert", body["alert_id"], {"alert": body}, pack=body["pack"])


def alert_region(pack: Pack, region: str) -> str:
    """The township-or-larger area that an alert of a scope in ``region`` is for."""
    return pack.township_of(region) or (region if region in pack.regions else pack.district.code)


def _part(record: Record, about: Described, pack: Pack, *, is_notice: bool) -> Part:
    made = record.made
    because = [
        (
            f"{pack.stations[b.station].name if b.station in pack.stations else b.station}"
            f"{b.window}{STATISTIC_ZH.get(b.statistic, b.statistic)} {b.value:g}（{b.level.zh}界限 {b.bound:g}）",
            f"{b.station}: {b.statistic} {b.window} is {b.value:g} ({b.level.value} from {b.bound:g})",
        )
        for b in made.because[:BECAUSE_SHOWN]
    ]
    return Part(
        trip_id=record.trip.trip_id,
        title_zh=about.title_zh,
        title_en=about.title_en,
        scale=made.scale,
        level=made.to,
        confirmed_level=made.confirmed_level,
        verification=made.verification,
        closed=made.to is Level.NORMAL,
        is_notice=is_notice,
        because_zh="；".join(zh for zh, _ in because),
        because_en="; ".join(en for _, en in because),
    )


def _alarm(tx: Tx, fuses: Fuses, realm: str, pack: Pack, key: FuseKey) -> dict[str, Any] | None:
    """The row of ``GET /v1/fuses?alarmed=true`` as it stands now: who hears of it need not ask. None: it is over."""
    state = fuses.state(realm, key)
    if state is None or not views.stands_out(state):
        return None
    book = fuses.books.get(pack.version)
    about = fuses.describe(tx.conn, realm, book, *key)
    words = fuses_store.words_of_trips(tx.conn, realm, [state.trip_id] if state.trip_id else [])
    return views.alarm_out(book, realm, key, about, state, words)


def _line(record: Record, about: Described, alert_id: str | None) -> dict[str, Any]:
    """One line of a timeline: what a person needs to follow the night."""
    made = record.made
    return {
        "id": made.id,
        "trip_id": made.trip_id,
        "fuse": made.fuse,
        "scope": made.scope,
        "name": about.name,
        "title": about.title_zh,
        "from": made.from_.value,
        "to": made.to.value,
        "condition": made.condition.value,
        "confirmed_level": made.confirmed_level.value,
        "verification": made.verification.value,
        "reason": made.reason.value,
        "blind": made.blind,
        "known_at": made.known_at,
        "observed_at": made.observed_at,
        "by": made.by,
        "stations": sorted({b.station for b in made.because}),
        "evidence": len(made.evidence),
        "alert_id": alert_id,
    }


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None
