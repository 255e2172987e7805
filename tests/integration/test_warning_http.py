"""The warning service over real HTTP, on both databases: a reading, a transition, an alert, a message to dispatch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from shared.clock import ManualClock, SystemClock
from tests.support.packs import TOWNSHIP, loaded, write_pack
from tests.support.warning import Bench, soon, storm, warning_bench

TRIP = f"rainstorm/{TOWNSHIP}/1"


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as made:
        yield made


def test_two_gauges_trip_red_confirmed_with_alert_and_message(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        answer = bench.post(f"/v1/stations/{gauge}/readings", readings)
        assert {result["status"] for result in answer["results"]} == {"stored"}
    trip = bench.get(f"/v1/trips/{TRIP}")
    assert (trip["level"], trip["confirmed_level"], trip["verification"]) == ("red", "red", "confirmed")
    fuse = bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")
    assert (fuse["level"], fuse["blind"], fuse["latched"], fuse["trip_id"]) == ("red", False, True, TRIP)
    sent = bench.outbox("transition")
    assert [body["transition"]["id"] for body in sent] == [record["id"] for record in trip["records"]]
    assert sent[-1]["alert"]["level"] == "red"
    assert sent[-1]["scope"]["kind"] == "township"
    alert = bench.get(f"/v1/alerts/{trip['alert_id']}")
    assert (alert["state"], alert["status"], alert["scope"]) == ("draft", "Exercise", "Restricted")
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        answer = bench.post(f"/v1/stations/{gauge}/readings", readings)
        assert {result["status"] for result in answer["results"]} == {"duplicate"}
    assert bench.get(f"/v1/trips/{TRIP}")["version"] == trip["version"]
    assert len(bench.outbox("transition")) == len(sent)


def test_the_alarmed_ones_their_summary_and_the_curve_behind_them(bench: Bench) -> None:
    calm = bench.get("/v1/fuses", alarmed=True)
    assert calm["items"] == []
    assert calm["summary"]["areas"][TOWNSHIP]["levels"]["normal"] > 0
    assert calm["summary"]["levels"]["normal"] == calm["summary"]["blind"] == calm["summary"]["total"] > 0
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        bench.post(f"/v1/stations/{gauge}/readings", readings)
    alarmed = bench.get("/v1/fuses", alarmed=True)
    assert [(row["fuse"], row["scope"]) for row in alarmed["items"]] == [("rainstorm", TOWNSHIP)]
    why = alarmed["items"][0]["why"]
    assert why["reason"] == "confirmed"  # the second gauge came after the first and bore it out
    assert why["evidence"] > 0
    assert why["because"][0]["name"] == bench.pack.stations[why["because"][0]["station"]].name
    assert alarmed["summary"]["levels"]["red"] == alarmed["summary"]["areas"][TOWNSHIP]["levels"]["red"] == 1
    assert alarmed["summary"]["total"] == calm["summary"]["total"]
    fuse = bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}")
    assert fuse["rule"]["metric"] == "rain_mm"
    trend = bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}/trend", hours=6)
    red = next(panel for panel in trend["panels"] if any(bound["level"] == "red" for bound in panel["bounds"]))
    assert (red["statistic"], red["unit"]) == ("sum", "mm")
    assert {line["station"] for line in red["lines"]} >= {"rain-01", "rain-02"}
    at, value, sure = red["lines"][0]["points"][-1]
    assert (at, round(value), sure) == (trend["to"], 101, True)
    bench.get("/v1/fuses/rainstorm/nowhere/trend", 404)
    bench.get(f"/v1/fuses/rainstorm/{TOWNSHIP}/trend", 422, hours=1000)


def transitions(bench: Bench) -> list[Any]:
    """What the events of this kind say, first to last."""
    return [event["body"] for event in bench.get("/v1/events", limit=500)["items"] if event["kind"] == "transition"]


def test_an_event_tells_the_row_of_its_alarm_and_the_figures_are_those_of_the_list(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        bench.post(f"/v1/stations/{gauge}/readings", readings)
    listed = bench.get("/v1/fuses", alarmed=True)
    assert transitions(bench)[-1]["alarm"] == listed["items"][0]
    figures = bench.get("/v1/numbers", of="fuses")["numbers"]["fuses"]
    assert figures == {name: value for name, value in listed["summary"].items() if name != "areas"}
    assert figures["levels"]["red"] == 1


def test_stations_and_fuses_are_features_for_those_with_a_token(bench: Bench) -> None:
    for name in ("stations", "fuses"):  # a level that nobody has approved stands on no public page
        assert httpx.get(f"{bench.base}/collections/{name}/items").status_code == 401
    stations = bench.get("/collections/stations/items")["features"]
    assert {f["id"] for f in stations} == set(bench.pack.stations)
    assert {f["properties"]["state"] for f in stations} == {"never"}
    one = bench.get(f"/collections/fuses/items/rainstorm/{TOWNSHIP}")
    region = bench.pack.regions[TOWNSHIP]
    assert one["geometry"]["coordinates"] == [region.lon, region.lat]
    assert (one["properties"]["level"], one["properties"]["blind"]) == ("normal", True)


def test_one_gauge_alone_waits_for_a_finding(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    bench.post("/v1/stations/rain-01/readings", storm(["rain-01"], now)["rain-01"])
    trip = bench.get(f"/v1/trips/{TRIP}")
    assert (trip["level"], trip["verification"]) == ("red", "unconfirmed")
    assert trip["confirmed_level"] != "red"
    bench.post(f"/v1/trips/{TRIP}/confirm", {"reason": "看过了"}, 403, **bench.headers("maintainer"))
    bench.post(f"/v1/trips/{TRIP}/confirm", {"reason": "看过了"}, 403, **bench.headers("verifier", areas=["500000"]))
    bench.post(f"/v1/trips/{TRIP}/confirm", {}, 422)
    stale = bench.post(f"/v1/trips/{TRIP}/confirm", {"reason": "看过了"}, 412, **{"If-Match": '"0"'})
    assert stale["code"] == "stale_version"
    body = {"reason": "河水已漫过便桥", "person": "演示人员005", "post": "T-deputy"}
    done = bench.post(f"/v1/trips/{TRIP}/confirm", body, **{"If-Match": f'"{trip["version"]}"'})
    assert (done["verification"], done["confirmed_level"]) == ("confirmed", "red")
    again = bench.post(f"/v1/trips/{TRIP}/confirm", body, 409)
    assert again["code"] == "refused:nothing_unconfirmed"
    shown = bench.get(f"/v1/trips/{TRIP}")
    assert [finding["applied"] for finding in shown["findings"]] == [True, False]
    assert shown["records"][-1]["reason"] == "confirmed"
    assert shown["records"][-1]["by"] == "演示人员005"


def test_release_needs_a_report_and_a_fallen_condition(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(hours=4)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        bench.post(f"/v1/stations/{gauge}/readings", readings)
    trip = bench.get(f"/v1/trips/{TRIP}")
    level = trip["level"]
    no_report = bench.post(f"/v1/trips/{TRIP}/release", {"reason": "雨停"}, 409)
    assert no_report["code"] in ("refused:no_hold_report", "refused:condition_stands")
    dry = [
        {"metric": "rain_mm", "value": 0, "observed_at": (now + timedelta(minutes=5 * i)).isoformat()}
        for i in range(1, 49)
    ]
    for gauge in ("rain-01", "rain-02"):
        bench.post(f"/v1/stations/{gauge}/readings", dry)
    trip = bench.get(f"/v1/trips/{TRIP}")
    assert trip["level"] == level
    assert bench.post(f"/v1/trips/{TRIP}/release", {"reason": "雨停"}, 409)["code"] == "refused:no_hold_report"
    holds(bench, 1, TRIP, trip["version"], [{"order_id": "O-0001", "state": "in_force", "kind": "ban"}])
    held = bench.post(f"/v1/trips/{TRIP}/release", {"reason": "雨停"}, 409)
    assert held["code"] == "refused:measures_in_force"
    assert bench.get(f"/v1/trips/{TRIP}")["holds"]["in_force"] == ["O-0001"]
    holds(bench, 2, TRIP, trip["version"], [])
    done = bench.post(f"/v1/trips/{TRIP}/release", {"reason": "雨停"}, **{"Idempotency-Key": "r1"})
    assert (done["level"], done["version"]) == (trip["condition"], trip["version"] + 1)
    again = bench.http.post(f"/v1/trips/{TRIP}/release", json={"reason": "雨停"}, headers={"Idempotency-Key": "r1"})
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (200, "true", done)
    assert transitions(bench)[-1]["alarm"] == bench.get("/v1/fuses", alarmed=True)["items"][0]
    receipt = bench.get(f"/v1/trips/{TRIP}/receipt")
    assert receipt["rule"]["id"] == "rainstorm"
    assert len(receipt["sha256"]) == 64
    assert {row["station_id"] for row in receipt["readings"]} <= {"rain-01", "rain-02"}


def holds(bench: Bench, no: int, trip_id: str, n: int, held: list[dict[str, str]]) -> None:
    message = {
        "sender": "dispatch",
        "realm": "x-live",
        "no": no,
        "kind": "holds",
        "aggregate": trip_id,
        "body": {"trip_id": trip_id, "n": n, "holds": held, "at": SystemClock().now().isoformat()},
    }
    assert bench.post("/v1/inbox", message, **bench.headers("service", sub="service:dispatch")) == {"applied": no}


def test_a_finding_that_comes_from_dispatch_decides(bench: Bench) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    bench.post("/v1/stations/rain-01/readings", storm(["rain-01"], now)["rain-01"])
    message = {
        "sender": "dispatch",
        "realm": "x-live",
        "no": 1,
        "kind": "finding",
        "aggregate": TRIP,
        "body": {
            "trip_id": TRIP,
            "level": "red",
            "verdict": "refute",
            "by": {"post": "T-deputy", "person": "演示人员005"},
            "ground": "现场未下雨，雨量筒被冲洗",
            "happened_at": now.isoformat(),
        },
    }
    bench.post("/v1/inbox", message, **bench.headers("service", sub="service:dispatch"))
    shown = bench.get(f"/v1/trips/{TRIP}")
    assert shown["level"] == shown["confirmed_level"] != "red"
    assert shown["records"][-1]["reason"] == "refuted"
    assert shown["findings"][0]["applied"] is True


def test_manual_trip_and_shelving(bench: Bench) -> None:
    path = f"/v1/fuses/rainstorm/{TOWNSHIP}/trip"
    body = {
        "level": "yellow",
        "reason": "村民来电：溪水变浑",
        "entered_late": True,
        "happened_at": "2026-06-28T03:05:00Z",
    }
    bench.post(path, body, 403, **bench.headers("township", areas=["500000"]))
    bench.post(path, body, 412, **{"If-Match": '"7"'})
    made = bench.post(path, body, **{"If-Match": '"0"'})
    assert (made["trip_id"], made["level"], made["verification"]) == (TRIP, "yellow", "confirmed")
    assert bench.outbox("transition")[0]["entered_late"] is True
    assert bench.post(path, body, 409)["code"] == "refused:not_higher"
    until = (SystemClock().now() + timedelta(hours=1)).isoformat()
    shelved = bench.post(f"/v1/trips/{TRIP}/shelve", {"reason": "已派人守", "until": until})
    assert shelved["version"] == 2
    too_long = {"reason": "x", "until": (SystemClock().now() + timedelta(hours=9)).isoformat()}
    assert bench.post(f"/v1/trips/{TRIP}/shelve", too_long, 409)["code"] == "refused:shelf_too_long"
    bench.post("/v1/trips/rainstorm/nowhere/1/shelve", too_long, 404)
    bench.post("/v1/fuses/flood/x/trip", body, 404)


def test_a_notice_opens_a_trip_is_corrected_and_cancelled(bench: Bench) -> None:
    body = {
        "type": "signal",
        "number": "2026年第7号",
        "issuer": "示例区气象台",
        "scale": "signal",
        "level": "orange",
        "hazard": "11B03",
        "areas": [TOWNSHIP],
        "text": "未来3小时降雨将达50毫米以上",
        "read_back_by": "演示人员003",
        "file": {"name": "通知.jpg", "media_type": "image/jpeg", "content_base64": "5ryU56S6"},
    }
    trip_id = f"notice.signal/{TOWNSHIP}/1"
    made = bench.post("/v1/notices", body, 201)
    assert (made["notice_id"], made["trip_ids"], made["file"]["size"]) == ("N-0001", [trip_id], 6)
    trip = bench.get(f"/v1/trips/{trip_id}")
    assert (trip["level"], trip["verification"], trip["notice_id"]) == ("orange", "confirmed", "N-0001")
    alert = bench.get(f"/v1/alerts/{trip['alert_id']}")
    assert "收到橙色通知" in alert["headline"]
    assert bench.post("/v1/notices", body, 200)["duplicate"] is True
    assert bench.post("/v1/notices", {**body, "level": "red"}, 409)["code"] == "refused:number_taken"
    second = {**body, "number": "2026年第8号", "level": "red", "corrects": "N-0001"}
    corrected = bench.post("/v1/notices", second, 201)
    assert corrected["trip_ids"] == [trip_id]
    assert bench.get(f"/v1/trips/{trip_id}")["level"] == "red"
    assert bench.get("/v1/notices/N-0001")["ended_by"] == "N-0002"
    assert bench.post("/v1/notices", {**body, "number": "9", "corrects": "N-0001"}, 409)["code"] == (
        "refused:already_corrected"
    )
    assert bench.http.request("DELETE", "/v1/notices/N-0002").json()["code"] == "refused:never_deleted"
    cancel = {**body, "number": "2026年第10号", "level": "normal", "corrects": "N-0002"}
    assert bench.post("/v1/notices", cancel, 201)["trip_ids"] == []
    closed = bench.get(f"/v1/trips/{trip_id}")
    assert (closed["level"], closed["closed_at"] is None) == ("normal", False)
    last = transitions(bench)[-1]
    assert (last["to"], last["alarm"]) == ("normal", None)
    assert bench.get("/v1/fuses", alarmed=True)["items"] == []
    ended = bench.get(f"/v1/alerts/{trip['alert_id']}")
    assert (ended["state"], ended["msg_type"]) == ("ended", "Cancel")
    assert "不等于允许返回" in ended["headline"]
    assert bench.http.get("/v1/notices/N-0001/file").content == "演示".encode()
    assert [item["notice_id"] for item in bench.get("/v1/notices", limit=2)["items"]] == ["N-0003", "N-0002"]
    for wrong, field in (
        ({"areas": ["500"]}, "areas"),
        ({"hazard": "99X"}, "hazard"),
        ({"type": "Signal!"}, "type"),
        ({"level": "normal"}, "level"),
        ({"valid_to": "2026-06-01T00:00:00Z"}, "valid_to"),
        ({"file": {"name": "x", "content_base64": "%%%"}}, "file.content_base64"),
    ):
        assert bench.post("/v1/notices", {**body, "number": "11", **wrong}, 422)["field"] == field
    bench.post("/v1/notices", {**body, "number": "12"}, 403, **bench.headers("drafter", areas=["999902"]))


@pytest.fixture
def timed(dsn: str, tmp_path: Path) -> Iterator[tuple[Bench, ManualClock]]:
    clock = ManualClock(SystemClock().now())
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder), clock=clock) as made:
        yield made, clock


REPORT = {
    "type": "report",
    "issuer": "村民",
    "scale": "risk",
    "level": "yellow",
    "hazard": "11B03",
    "areas": [TOWNSHIP],
    "text": "坡上有裂缝",
}


def test_a_notice_ends_when_its_validity_does(timed: tuple[Bench, ManualClock]) -> None:
    bench, clock = timed
    over = clock.now() + timedelta(minutes=10)
    (trip_id,) = bench.post("/v1/notices", {**REPORT, "valid_to": over.isoformat()}, 201)["trip_ids"]
    clock.set(over)
    soon(lambda: bench.get(f"/v1/trips/{trip_id}")["closed_at"])
    assert bench.get("/v1/notices/N-0001")["ended_by"] == "valid_to"
    assert bench.outbox("transition")[-1]["notice"]["ended_by"] == "valid_to"


def test_an_open_alert_is_renewed_before_it_expires(timed: tuple[Bench, ManualClock]) -> None:
    bench, clock = timed
    (trip_id,) = bench.post("/v1/notices", REPORT, 201)["trip_ids"]
    alert_id = bench.get(f"/v1/trips/{trip_id}")["alert_id"]
    clock.set(clock.now() + timedelta(hours=11, minutes=30))
    (sent,) = soon(lambda: bench.outbox("alert"))
    bench.http.headers.update(bench.headers(now=clock.now()))
    alert = bench.get(f"/v1/alerts/{alert_id}")
    assert (alert["version"], alert["state"], alert["expires_at"]) == (2, "draft", sent["alert"]["expires_at"])
    assert bench.get(f"/v1/trips/{trip_id}")["closed_at"] is None


def test_a_high_station_that_falls_silent_is_told(timed: tuple[Bench, ManualClock]) -> None:
    bench, clock = timed
    bench.post("/v1/stations/rain-01/readings", storm(["rain-01"], clock.now())["rain-01"])
    before = bench.get(f"/v1/trips/{TRIP}")
    clock.set(clock.now() + timedelta(minutes=10))
    after = soon(lambda: _changed(bench, before["version"]))
    reasons = [record["reason"] for record in after["records"]]
    assert {"silence", "blind", "unverified"} <= set(reasons)
    assert reasons.index("silence") < reasons.index("blind")
    assert (after["level"], after["blind"]) == ("red", True)
    assert [body["transition"]["reason"] for body in bench.outbox("transition")] == reasons


def _changed(bench: Bench, version: int) -> Any:
    trip = bench.get(f"/v1/trips/{TRIP}")
    return trip if trip["version"] > version else None


def test_alerts_are_drafts_and_the_public_sees_none(bench: Bench, tmp_path: Path) -> None:
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(["rain-01", "rain-02"], now).items():
        bench.post(f"/v1/stations/{gauge}/readings", readings)
    (alert,) = bench.get("/v1/alerts", area=TOWNSHIP[:6], level="red", in_force="true")["items"]
    assert alert["headline"] == "示例镇达到暴雨红色标准（实况）"
    assert bench.get("/v1/alerts", level="blue")["items"] == []
    feed = bench.get("/v1/alerts/feed.json", after=0)
    assert feed["items"][-1]["version"] == alert["version"]
    answer = bench.http.get(f"/v1/alerts/{alert['alert_id']}.xml")
    assert answer.headers["content-type"].startswith("application/cap+xml")
    root = etree.fromstring(answer.content)
    cap = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
    texts = [root.findtext(f"c:{name}", namespaces=cap) for name in ("status", "scope", "msgType")]
    assert texts == ["Exercise", "Restricted", "Update" if alert["version"] > 1 else "Alert"]
    assert ("references" in answer.text) is (alert["version"] > 1)
    unchanged = bench.http.get(f"/v1/alerts/{alert['alert_id']}.xml", headers={"If-None-Match": answer.headers["etag"]})
    assert unchanged.status_code == 304
    with httpx.Client(base_url=bench.base) as nobody:
        assert nobody.get("/v1/alerts").json()["items"] == []
        assert nobody.get("/v1/alerts/feed.json").json()["items"] == []
        assert nobody.get(f"/v1/alerts/{alert['alert_id']}").status_code == 404
        assert nobody.get(f"/v1/alerts/{alert['alert_id']}.xml").status_code == 404
        for path in ("/v1/fuses", "/v1/trips", "/v1/stations", "/v1/dead-letters", "/v1/notices"):
            assert nobody.get(path).status_code == 401, path


def test_maintenance_gives_test_readings_and_ends_by_itself(bench: Bench) -> None:
    path = "/v1/stations/rain-01/maintenance"
    bench.post(path, {"minutes": 121, "reason": "率定"}, 422)
    bench.post(path, {"minutes": 10, "reason": "率定"}, 403, **bench.headers("village"))
    bench.post(path, {"minutes": 0, "reason": "率定"}, 409)
    begun = bench.post(path, {"minutes": 10, "reason": "率定"}, **{"If-Match": '"0"'})
    assert begun["state"] == "maintenance"
    now = SystemClock().now() - timedelta(seconds=1)
    answer = bench.post("/v1/stations/rain-01/readings", storm(["rain-01"], now)["rain-01"])
    assert {result["quality"] for result in answer["results"]} == {"test"}
    assert bench.get("/v1/trips")["items"] == []
    assert bench.post(path, {"minutes": 0, "reason": "完成"})["state"] == "silent"
    bench.post("/v1/stations/rain-02/readings", storm(["rain-02"], now)["rain-02"])
    assert bench.get("/v1/stations/rain-02")["state"] == "living"
    one = bench.get("/v1/stations/rain-02")
    assert one["receipts"][0]["upto"] == 36
    assert one["latest"]["rain_mm"]["quality"] == "good"
    bench.post("/v1/stations/rain-02/readings", {"metric": "rain_mm", "value": 0, "observed_at": now.isoformat()})
    names = [item["station_id"] for item in bench.get("/v1/stations", unreceipted="true")["items"]]
    assert names == ["rain-02"]


@pytest.mark.parametrize(
    ("station", "payload", "status", "code"),
    [
        ("rain-01", b"{", 422, "not_json"),
        ("rain-99", b"{}", 404, "unknown_station"),
        ("rain-01", b" " * 70_000, 413, "too_large"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_and_kept(
    bench: Bench, station: str, payload: bytes, status: int, code: str
) -> None:
    answer = bench.http.post(f"/v1/stations/{station}/readings", content=payload)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    (letter,) = bench.get("/v1/dead-letters", code=code)["items"]
    assert (letter["station_id"], letter["size"]) == (station, len(payload))
    bench.http.post(f"/v1/stations/{station}/readings", content=payload)
    assert bench.get("/v1/dead-letters", code=code)["items"][0]["count"] == 2
