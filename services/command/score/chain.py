"""环节评分 Every trip has one alert, and every trip that calls for people has its case and its lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.command.score.findings import Finding
from services.dispatch.callouts.clocks import Clocks
from services.dispatch.roster.place import kind_of
from shared.pack.model import Pack
from shared.realm import parse_time
from shared.vocabulary import Level

SIGN = "sign/"
APPROVED = frozenset({"approved", "handed_over", "released"})
Trip = Mapping[str, Any]


def calls_from(trip: Trip, pack: Pack, clocks: Clocks) -> datetime | None:
    """When the trip first reached a level at which the pack's rules call somebody to act; None if it never did."""
    kind = kind_of(pack, trip["scope"]) or "district"
    for record in trip["records"]:
        doubtful = record["verification"] in ("unconfirmed", "refuted")
        level = Level(record["confirmed_level"] if doubtful else record["to"])
        if any(rule.matches(trip["hazard"], kind, level) for rule in clocks.rules):
            return parse_time(record["known_at"])
    return None


def judge_chain(facts: Mapping[str, Any], pack: Pack, clocks: Clocks, until: datetime) -> tuple[int, list[Finding]]:
    """From fuse to alert to calls; ``until`` leaves what happened last the time to arrive."""
    found: list[Finding] = []
    alerts: dict[str, list[str]] = {}
    known = {trip["trip_id"] for trip in facts["trips"]}
    for alert in facts["alerts"]:
        found += _alert(alert, known)
        for trip_id in alert["trip_ids"]:
            alerts.setdefault(trip_id, []).append(alert["alert_id"])
    matters: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for case in facts["cases"]:
        for matter in case["matters"]:
            matters.setdefault(matter["matter_id"], []).append(case["case_id"])
        for entry in case["log"]:
            about = str((entry["body"] or {}).get("matter", "")).rpartition("#")[0]
            if about:
                lines[about] = lines.get(about, 0) + 1
        found += _strangers(case, known)
    trips = [trip for trip in facts["trips"] if parse_time(trip["opened_at"]) <= until]
    for trip in trips:
        found += _trip(trip, alerts.get(trip["trip_id"], []))
        since = calls_from(trip, pack, clocks)
        if since is not None and since <= until:
            cases = matters.get(trip["trip_id"], [])
            if len(cases) != 1:
                zh, en = f"应叫应，案件 {cases or '无'}", f"calls for people, cases: {cases or 'none'}"
                found.append(Finding(subject=trip["trip_id"], at=since, zh=zh, en=en))
            elif not lines.get(trip["trip_id"]):
                found.append(Finding(subject=trip["trip_id"], at=since, zh="无人被叫应", en="nobody was called for it"))
    return len(trips), found


def _trip(trip: Trip, alerts: list[str]) -> Iterable[Finding]:
    at = parse_time(trip["opened_at"])
    if len(alerts) != 1 or trip["alert_id"] not in alerts:
        zh = f"应有一条预警信息，实有 {alerts or '无'}（记为 {trip['alert_id']}）"
        yield Finding(subject=trip["trip_id"], at=at, zh=zh, en=f"wants one alert, has {alerts or 'none'}")


def _alert(alert: Mapping[str, Any], known: set[str]) -> Iterable[Finding]:
    name = alert["alert_id"]
    for trip_id in alert["trip_ids"]:
        if trip_id not in known:
            yield Finding(subject=name, zh=f"{trip_id} 并不存在", en=f"speaks for {trip_id}, which is not there")
    if alert["state"] in APPROVED and not alert["life"]["approvals"]:
        yield Finding(subject=name, zh="未经批准即对外", en=f"{alert['state']} without an approval")
    if alert["status"] != "Exercise":
        yield Finding(
            subject=name, zh=f"演练预警的状态为 {alert['status']}", en=f"status {alert['status']} in an exercise"
        )


def _strangers(case: Mapping[str, Any], known: set[str]) -> Iterable[Finding]:
    for matter in case["matters"]:
        if not matter["matter_id"].startswith(SIGN) and matter["matter_id"] not in known:
            zh, en = f"{matter['matter_id']} 无来由", f"{matter['matter_id']} comes from no trip"
            yield Finding(subject=case["case_id"], zh=zh, en=en)
