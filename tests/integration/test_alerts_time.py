"""What the clock does to approvals and messages: a countersignature that does not come, an expiry, the 48 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import ManualClock, SystemClock
from tests.integration.test_alerts_http import anybody, notice_alert, notice_body
from tests.support.alerts import CHIEF, RELEASED, Crew, crew
from tests.support.packs import loaded, write_pack
from tests.support.warning import Bench, soon, warning_bench


@pytest.fixture
def timed(dsn: str, tmp_path: Path) -> Iterator[tuple[Bench, ManualClock]]:
    clock = ManualClock(SystemClock().now())
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder), clock=clock) as made:
        yield made, clock


def later(timed: tuple[Bench, ManualClock], by: timedelta) -> None:
    bench, clock = timed
    clock.set(clock.now() + by)
    bench.http.headers.update(bench.headers(now=clock.now()))


def by_telephone(team: Crew, alert_id: str, **more: Any) -> dict[str, Any]:
    sheet = team.issuer.to_sign(alert_id)
    team.duty.approve(alert_id, **{"call_back": CHIEF, **more})
    return sheet


def test_a_countersignature_that_does_not_come_is_reported_upward(timed: tuple[Bench, ManualClock]) -> None:
    bench, _ = timed
    team = crew(bench)
    alert_id, _ = notice_alert(bench)
    by_telephone(team, alert_id, call_back={**CHIEF, "post": "T-head", "number": "00000000004"})
    later(timed, timedelta(hours=1, minutes=59))
    assert bench.events("alarm.alert_countersign_overdue") == []
    later(timed, timedelta(minutes=1))
    (alarm,) = soon(lambda: bench.events("alarm.alert_countersign_overdue"))
    assert (alarm["body"]["post"], alarm["body"]["superior"]) == ("T-head", "HQ-deputy")
    reported = [body for body in bench.outbox("alert") if "report_upward" in body]
    assert [(body["alert"]["alert_id"], body["report_upward"]["post"]) for body in reported] == [(alert_id, "T-head")]
    (call,) = bench.get(f"/v1/alerts/{alert_id}")["call_backs"]
    assert call["reported_at"] == call["countersign_by"]
    later(timed, timedelta(hours=2))
    assert len(bench.events("alarm.alert_countersign_overdue")) == 1, "said once"


def test_in_time_nothing_is_reported_and_entered_late_starts_no_clock(timed: tuple[Bench, ManualClock]) -> None:
    bench, clock = timed
    team = crew(bench)
    alert_id, notice_id = notice_alert(bench, "orange")
    sheet = by_telephone(team, alert_id)
    team.issuer.do(alert_id, "approve", team.issuer.signed(sheet))
    team.duty.do(alert_id, "released", RELEASED)
    bench.post("/v1/notices", notice_body("red", notice_id), 201)
    at = (clock.now() - timedelta(hours=3)).isoformat()
    by_telephone(team, alert_id, happened_at=at, entered_late=True)
    calls = bench.get(f"/v1/alerts/{alert_id}")["call_backs"]
    assert [call["countersign_by"] is None for call in calls] == [True, False]
    later(timed, timedelta(hours=5))
    soon(lambda: bench.http.get("/readyz").status_code == 200)
    assert bench.events("alarm.alert_countersign_overdue") == []
    ahead = {**RELEASED, "at": (clock.now() + timedelta(hours=1)).isoformat()}
    refused = bench.http.post(
        f"/v1/alerts/{alert_id}/released",
        json=ahead,
        headers=bench.headers("duty_officer", now=clock.now()),
    )
    assert (refused.status_code, refused.json()["field"]) == (422, "at")


def test_a_public_message_that_runs_out_is_told_and_ended_ones_leave_after_48_hours(
    timed: tuple[Bench, ManualClock],
) -> None:
    bench, clock = timed
    team = crew(bench)
    alert_id, notice_id = notice_alert(bench)
    team.issuer.approve(alert_id)
    team.second.approve(alert_id)
    done = team.duty.do(alert_id, "released", RELEASED)
    later(timed, timedelta(hours=11, minutes=5))
    (alarm,) = soon(lambda: bench.events("alarm.alert_expiring"))
    assert alarm["body"]["identifier"] == done["life"]["standing"]["identifier"]
    later(timed, timedelta(hours=2))
    (shown,) = anybody(bench, "/v1/alerts", in_force="true").json()["items"]
    assert shown["state"] == "released", "expired is not lifted"
    assert bench.get(f"/v1/alerts/{alert_id}")["state"] == "released", "renewals inside leave the public word alone"
    bench.post("/v1/notices", notice_body("normal", notice_id), 201)
    for person in (team.issuer, team.second):
        headers = bench.headers(*person.roles, sub=person.sub, now=clock.now())
        sheet = bench.http.get(f"/v1/alerts/{alert_id}/to-sign?act=end", headers=headers).json()
        bench.post(f"/v1/alerts/{alert_id}/approve", person.signed(sheet), **headers)
    duty = bench.headers("duty_officer", now=clock.now())
    bench.post(f"/v1/alerts/{alert_id}/end", {"reason": "雨停", **RELEASED}, **duty)
    later(timed, timedelta(hours=47, minutes=59))
    assert len(anybody(bench, "/v1/alerts/feed.json").json()["items"]) == 1
    later(timed, timedelta(minutes=2))
    assert anybody(bench, "/v1/alerts/feed.json").json()["items"] == []
    assert anybody(bench, "/v1/alerts/feed.atom").text.count("<entry>") == 0
