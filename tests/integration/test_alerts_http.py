"""An alert from draft to all-clear over real HTTP with real signatures, on both databases; and who may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from services.warning.alerts.cap import NAMESPACE, schema_12
from shared.auth.keys import canonical, digest_of, new_private_jwk, public_jwk, verify
from tests.support.alerts import CHIEF, RELEASED, Crew, Person, crew, public, raise_red
from tests.support.packs import TOWNSHIP, edit, loaded, write_pack
from tests.support.warning import Bench, warning_bench

CAP = {"c": NAMESPACE}


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as made:
        yield made


@pytest.fixture
def actual(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    """A pack in service: realm actual."""
    folder = write_pack(tmp_path / "pack")
    edit(folder, "district.yaml", "status: Exercise", "status: Actual")
    with warning_bench(dsn, tmp_path, folder, loaded(folder)) as made:
        made.http.headers.update(made.headers(realm="actual"))
        yield made


def released(team: Crew, alert_id: str) -> dict[str, Any]:
    team.issuer.approve(alert_id)
    team.second.approve(alert_id)
    done: dict[str, Any] = team.duty.do(alert_id, "released", RELEASED)
    return done


def anybody(bench: Bench, path: str, status: int = 200, **params: Any) -> Any:
    with public(bench) as nobody:
        answer = nobody.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer


def notice_alert(bench: Bench, level: str = "red") -> tuple[str, str]:
    """An alert that a notice opened: it can be raised and ended at will. (alert id, notice id)"""
    notice = bench.post("/v1/notices", notice_body(level), 201)
    (alert,) = bench.get("/v1/alerts", in_force="true", area=TOWNSHIP)["items"]
    return alert["alert_id"], notice["notice_id"]


def notice_body(level: str, corrects: str | None = None) -> dict[str, Any]:
    return {
        "type": "signal",
        "number": f"演示-{level}-{corrects or 1}"[:60],
        "issuer": "区气象台（演示数据）",
        "scale": "signal",
        "level": level,
        "hazard": "11B03",
        "areas": [TOWNSHIP],
        "text": "暴雨预警信号（演示数据）",
        "corrects": corrects,
    }


def test_two_keys_release_and_all_clear(bench: Bench) -> None:
    team = crew(bench)
    alert_id, notice_id = notice_alert(bench)
    sheet = team.issuer.to_sign(alert_id)
    assert digest_of(canonical(sheet["message"])) == sheet["digest"]
    assert sheet["canonical"].encode() == canonical(sheet["message"])
    assert sheet["persons"] == {"needed": 2, "have": [], "missing": 2}
    assert {"field": "level", "zh": "级别", "en": "level", "before": None, "after": "red"} in sheet["diff"]
    assert team.duty.do(alert_id, "released", RELEASED, 409)["code"] == "refused:not_approved"
    one = team.issuer.approve(alert_id)
    assert (one["state"], one["life"]["approvals"][0]["by"]) == ("draft", "演示人员001")
    again = team.issuer.approve(alert_id)
    assert (again["state"], len(again["life"]["approvals"])) == ("draft", 1), "the same person twice is one person"
    assert team.duty.do(alert_id, "released", RELEASED, 409)["code"] == "refused:not_approved"
    assert team.second.approve(alert_id)["state"] == "approved"
    sheet = bench.get(f"/v1/alerts/{alert_id}/hand-over")
    assert sheet["approved_by"] == ["演示人员001", "演示人员002"]
    handed = team.duty.do(alert_id, "hand-over", {"body": RELEASED["body"], "via": "传真", "reason": "送发布中心"})
    assert handed["state"] == "handed_over"
    assert anybody(bench, "/v1/alerts").json()["items"] == []
    done = team.duty.do(alert_id, "released", RELEASED)
    assert (done["state"], done["scope"], done["release"]["number"]) == ("released", "Public", RELEASED["number"])
    assert team.duty.do(alert_id, "released", RELEASED, 409)["code"] == "refused:already_released"
    (shown,) = anybody(bench, "/v1/alerts", in_force="true").json()["items"]
    assert (shown["status"], shown["scope"], shown["state"], shown["level"]) == (
        "Exercise",
        "Public",
        "released",
        "red",
    )
    assert shown["headline"].startswith("【演练】")
    for signature, signer in zip(shown["signed"]["signatures"], (team.issuer, team.second), strict=True):
        assert verify(public_jwk(signer.jwk), canonical(shown["signed"]["message"]), signature["value"])
    assert "演示人员" not in str(shown), "names never"

    assert team.duty.do(alert_id, "end", {"reason": "雨停"}, 409)["code"] == "refused:still_open"
    bench.post("/v1/notices", notice_body("normal", notice_id), 201)
    after = bench.get(f"/v1/alerts/{alert_id}")
    assert (after["state"], after["life"]["end_due"], after["level"]) == ("released", True, "normal")
    assert [item["identifier"] for item in anybody(bench, "/v1/alerts", in_force="true").json()["items"]] == [
        shown["identifier"]
    ], "nobody but people ends what stands in public"
    assert bench.events("alarm.alert_end_due")
    assert team.duty.do(alert_id, "end", {"reason": "雨停"}, 409)["code"] == "refused:approvals_missing"
    team.issuer.approve(alert_id, act="end")
    team.second.approve(alert_id, act="end")
    ended = team.duty.do(alert_id, "end", {"reason": "雨停", **RELEASED})
    assert (ended["state"], ended["life"]["standing"]) == ("ended", None)
    xml = etree.fromstring(anybody(bench, f"/v1/alerts/{alert_id}.xml").content)
    assert schema_12().validate(xml)
    assert xml.findtext("c:msgType", namespaces=CAP) == "Update"
    assert [e.text for e in xml.findall("c:info/c:responseType", CAP)] == ["AllClear", "AllClear"]
    assert {e.text for e in xml.findall("c:info/c:urgency", CAP)} == {"Past"}
    assert shown["identifier"] in (xml.findtext("c:references", namespaces=CAP) or "")
    (left,) = anybody(bench, "/v1/alerts/feed.json").json()["items"]
    assert left["state"] == "ended", "an ended alert stays in the feed for 48 h"
    assert anybody(bench, "/v1/alerts", in_force="true").json()["items"] == []
    told = [body["alert"]["state"] for body in bench.outbox("alert")]
    assert told[-1] == "ended"
    assert [act["act"] for act in bench.get(f"/v1/alerts/{alert_id}")["acts"]][:4] == [
        "approve",
        "approve",
        "hand_over",
        "released",
    ]


def test_one_key_and_a_recorded_call_back(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    team.duty.approve(alert_id, 403)
    wrong = [
        ({**CHIEF, "number": "00000000009"}, "number_unknown"),
        ({**CHIEF, "post": "V-warden", "number": "00000000007"}, "no_authority"),
        ({**CHIEF, "post": "HQ-nobody"}, "no_authority"),
        ({**CHIEF, "recorded_by": "演示人员001"}, "self_recorded"),
    ]
    for call_back, code in wrong:
        assert team.duty.approve(alert_id, 409, call_back=call_back)["code"] == f"refused:{code}"
    assert team.issuer.approve(alert_id, 409, call_back=CHIEF)["code"] == "refused:same_person"
    done = team.duty.approve(alert_id, call_back={**CHIEF, "number": "0000-0000 001"})
    assert done["state"] == "approved"
    assert done["life"]["approvals"][0]["by_telephone"] == "演示人员001"
    (call,) = bench.get(f"/v1/alerts/{alert_id}")["call_backs"]
    assert (call["words"], call["countersigned_at"]) == (CHIEF["words"], None)
    assert call["countersign_by"] > call["at"]
    before = team.issuer.to_sign(alert_id)
    assert team.duty.do(alert_id, "released", RELEASED)["state"] == "released"
    sheet = bench.get(
        f"/v1/alerts/{alert_id}/to-sign", digest=call["digest"]
    )  # what was approved, not what is proposed now
    assert (sheet["canonical"], sheet["owing"]) == (before["canonical"], ["演示人员001"])
    bench.get(f"/v1/alerts/{alert_id}/to-sign", 404, digest="sha256:0")
    forged = {**team.issuer.signed(sheet), "signature": team.second.signed(sheet)["signature"]}
    assert team.issuer.do(alert_id, "approve", forged, 409)["code"] == "refused:bad_signature"
    assert team.issuer.do(alert_id, "approve", team.issuer.signed(sheet))["state"] == "released"
    (call,) = bench.get(f"/v1/alerts/{alert_id}")["call_backs"]
    assert call["countersigned_at"] is not None
    team.issuer.do(alert_id, "approve", team.issuer.signed(sheet))  # twice is once
    assert len(bench.events("alert.countersigned")) == 1
    assert "00000000001" not in anybody(bench, "/v1/alerts").text


def test_a_rise_voids_what_was_signed_and_shows_both(bench: Bench) -> None:
    team = crew(bench)
    alert_id, notice_id = notice_alert(bench, "orange")
    sheet = team.issuer.to_sign(alert_id)
    team.issuer.do(alert_id, "approve", team.issuer.signed(sheet))
    team.second.do(alert_id, "approve", team.second.signed(sheet))
    team.duty.do(alert_id, "released", RELEASED)
    bench.post("/v1/notices", notice_body("red", notice_id), 201)
    risen = bench.get(f"/v1/alerts/{alert_id}")
    assert (risen["state"], risen["level"], risen["life"]["standing"]["level"]) == ("draft", "red", "orange")
    (shown,) = anybody(bench, "/v1/alerts").json()["items"]
    assert (shown["level"], shown["state"]) == ("orange", "released"), "what was released stands until it is replaced"
    stale = team.issuer.do(alert_id, "approve", team.issuer.signed(sheet), 412)
    assert (stale["code"], stale["yours"]) == ("stale_version", sheet["digest"])
    assert stale["object"]["digest"] == stale["current"] != sheet["digest"]
    fields = {row["field"]: (row["before"], row["after"]) for row in stale["object"]["diff"]}
    assert fields["level"] == ("orange", "red")
    team.issuer.approve(alert_id)
    assert team.second.approve(alert_id)["state"] == "approved"
    assert team.duty.do(alert_id, "released", RELEASED)["state"] == "updated"
    xml = etree.fromstring(anybody(bench, f"/v1/alerts/{alert_id}.xml").content)
    assert xml.findtext("c:msgType", namespaces=CAP) == "Update"
    assert str(xml.findtext("c:references", namespaces=CAP)).split(",")[1] == shown["identifier"]
    assert bench.events("alarm.alert_approvals_void") == []


def test_approvals_of_a_draft_that_rose_are_void_and_said_so(bench: Bench) -> None:
    team = crew(bench)
    alert_id, notice_id = notice_alert(bench, "yellow")
    released_one = team.issuer.approve(alert_id)
    assert released_one["life"]["needs_persons"] == 2
    bench.post("/v1/notices", notice_body("orange", notice_id), 201)
    assert bench.get(f"/v1/alerts/{alert_id}")["life"]["approvals"] == []
    (alarm,) = bench.events("alarm.alert_approvals_void")
    assert alarm["body"]["approved_by"] == ["演示人员001"]


def test_an_unconfirmed_level_is_never_approved(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench, gauges=("rain-01",))
    assert bench.get(f"/v1/alerts/{alert_id}")["verification"] == "unconfirmed"
    sheet = team.issuer.to_sign(alert_id)
    assert sheet["blocked"]["code"] == "unconfirmed"
    assert team.issuer.approve(alert_id, 409)["code"] == "refused:unconfirmed"
    assert team.duty.approve(alert_id, 409, call_back=CHIEF)["code"] == "refused:unconfirmed"
    lower = {"level": "orange", "reason": "按已核实的橙色发布"}
    drafted = team.drafter.do(alert_id, "update", lower)
    assert drafted["life"]["proposed"] == {"level": "orange", "scope": "Public", "confirmed": True}
    team.issuer.approve(alert_id)
    assert team.second.approve(alert_id)["state"] == "approved"
    released_ = team.duty.do(alert_id, "released", RELEASED)
    assert released_["life"]["standing"]["level"] == "orange"


def test_who_drafts_never_approves_and_words_are_kept(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    writer = Person(bench, "issuer", ("issuer", "drafter"), None, jwk=team.issuer.jwk)
    text = {
        "headline": {"zh": "濯水河谷请立即避险"},
        "instruction": {"zh": "往高处走。", "en": "Go uphill."},
        "response_types": ["Evacuate"],
        "valid_for_s": 7200,
        "reason": "补充地点",
    }
    assert writer.do(alert_id, "update", text)["state"] == "draft"
    assert team.issuer.approve(alert_id, 409)["code"] == "refused:drafter_approves"
    assert team.duty.approve(alert_id, 409, call_back=CHIEF)["code"] == "refused:drafter_approves"
    message = team.second.to_sign(alert_id)["message"]
    assert message["headline"]["zh"] == "濯水河谷请立即避险"
    assert "red rainstorm" in message["headline"]["en"], "Chinese never stands as English"
    team.second.approve(alert_id)
    deputy = {**CHIEF, "post": "T-head", "number": "00000000004"}
    assert team.duty.approve(alert_id, call_back=deputy)["state"] == "approved"
    team.duty.do(alert_id, "released", RELEASED)
    xml = etree.fromstring(anybody(bench, f"/v1/alerts/{alert_id}.xml").content)
    assert [e.text for e in xml.findall("c:info/c:language", CAP)] == ["zh-CN", "en-US"]
    assert xml.findtext("c:info/c:responseType", namespaces=CAP) == "Evacuate"


def test_returned_rejected_and_drafted_anew(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    team.issuer.approve(alert_id)
    assert team.second.do(alert_id, "return", {"reason": "地点不清"})["life"]["approvals"] == []
    assert team.issuer.approve(alert_id, 409)["code"] == "refused:returned"
    assert team.drafter.do(alert_id, "update", {"reason": "改"})["state"] == "draft"
    assert team.second.do(alert_id, "reject", {"reason": "不必发布"})["state"] == "rejected"
    for act in ("return", "reject"):
        assert team.second.do(alert_id, act, {"reason": "再"}, 409)["code"] == "refused:rejected"
    assert team.drafter.do(alert_id, "update", {"reason": "雨势加大，重新拟稿"})["state"] == "draft"
    bench.post(f"/v1/alerts/{alert_id}/reject", {}, 422)
    bench.post(f"/v1/alerts/{alert_id}/reject", {"reason": "x"}, 403, **bench.headers("admin"))
    bench.post(f"/v1/alerts/{alert_id}/reject", {"reason": "x"}, 403, **bench.headers("issuer", areas=["500114"]))
    bench.post("/v1/alerts/none/reject", {"reason": "x"}, 404, **team.issuer.headers)
    assert bench.events("alert.reject")[0]["body"]["reason"] == "不必发布"


def test_if_match_and_idempotency(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    etag = bench.http.get(f"/v1/alerts/{alert_id}").headers["etag"]
    body = team.issuer.signed(team.issuer.to_sign(alert_id))
    once = team.issuer.do(alert_id, "approve", body, **{"If-Match": etag, "Idempotency-Key": "k1"})
    again = bench.http.post(
        f"/v1/alerts/{alert_id}/approve",
        json=body,
        headers={**team.issuer.headers, "If-Match": etag, "Idempotency-Key": "k1"},
    )
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (200, "true", once)
    second = team.second.signed(team.second.to_sign(alert_id))
    team.second.do(alert_id, "approve", second, **{"If-Match": etag})  # the first signature is no conflict
    stale = team.duty.do(alert_id, "released", RELEASED, 412, **{"If-Match": etag})
    assert (stale["yours"], stale["current"]) == (
        etag.strip('"'),
        bench.http.get(f"/v1/alerts/{alert_id}").headers["etag"].strip('"'),
    )
    assert stale["object"]["digest"] == body["digest"]


def test_a_lost_key_counts_no_more(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    keys = bench.get("/v1/keys", owner="issuer")["items"]
    team.issuer.approve(alert_id)
    team.second.approve(alert_id)
    bench.post(f"/v1/keys/{keys[0]['key_id']}/revoke", {"reason": "遗失", "at": keys[0]["valid_from"]})
    assert team.duty.do(alert_id, "released", RELEASED, 409)["code"] == "refused:approvals_missing"
    assert team.issuer.approve(alert_id, 409)["code"] == "refused:key_invalid"
    thief = Person(bench, "second", ("second_issuer",), jwk=team.issuer.jwk)
    assert thief.do(alert_id, "approve", thief.signed(thief.to_sign(alert_id)), 403)["code"] == "not_your_key"


def test_keys_are_enrolled_by_an_administrator(bench: Bench) -> None:
    jwk = new_private_jwk()
    body = {"owner": "issuer", "jwk": public_jwk(jwk)}
    bench.post("/v1/keys", body, 403, **bench.headers("issuer"))
    assert "泄露" in bench.post("/v1/keys", {**body, "jwk": jwk}, 422)["title"]
    bench.post("/v1/keys", {**body, "jwk": {"kty": "RSA"}}, 422)
    bench.post("/v1/keys", {**body, "valid_from": "2020-01-01T00:00:00Z"}, 422)
    made = bench.post("/v1/keys", body, 201)
    assert bench.post("/v1/keys", body, 200) == made
    assert bench.post("/v1/keys", {**body, "owner": "second"}, 409)["code"] == "refused:key_enrolled"
    bench.post(f"/v1/keys/{made['key_id']}/revoke", {"reason": "换发"})
    assert bench.post("/v1/keys", body, 409)["code"] == "refused:key_enrolled"
    bench.post("/v1/keys/none/revoke", {"reason": "换发"}, 404)
    (shown,) = bench.get("/v1/keys", owner="issuer")["items"]
    assert shown["revoked_at"] is not None
    mine = bench.headers("issuer", sub="issuer")
    assert bench.http.get("/v1/keys", params={"owner": "issuer"}, headers=mine).json()["items"] == [shown]
    for other in ({"owner": "second"}, {}):
        assert bench.http.get("/v1/keys", params=other, headers=mine).status_code == 403


def choices(bench: Bench, person: Person, alert_id: str) -> dict[str, str]:
    answer = bench.http.get(f"/v1/alerts/{alert_id}", headers=person.headers)
    return {each["act"]: each["reason"] or "open" for each in answer.json()["choices"]}


def test_an_alert_says_what_the_asker_may_do(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    assert choices(bench, team.drafter, alert_id) == {"update": "open"} | dict.fromkeys(
        ("approve", "return", "reject", "hand_over", "released", "cancel", "end"), "wrong_role"
    )
    before = choices(bench, team.issuer, alert_id)
    assert (before["approve"], before["released"], before["cancel"]) == ("open", "not_approved", "not_released")
    released(team, alert_id)
    after = choices(bench, team.issuer, alert_id)
    assert (after["approve"], after["released"], after["end"]) == (
        "already_released",
        "already_released",
        "still_open",
    )
    assert after["cancel"] == "approvals_missing"


def test_feeds_etag_cursor_filters_and_languages(bench: Bench) -> None:
    team = crew(bench)
    assert anybody(bench, "/v1/alerts/feed.json").json()["items"] == []
    alert_id = raise_red(bench)
    released(team, alert_id)
    with public(bench) as nobody:
        for path in ("/v1/alerts/feed.json", "/v1/alerts/feed.atom", f"/v1/alerts/{alert_id}.xml"):
            first = nobody.get(path)
            assert first.status_code == 200
            known = nobody.get(path, headers={"If-None-Match": f'W/"x", {first.headers["etag"]}'})
            assert (known.status_code, known.content) == (304, b"")
        feed = nobody.get("/v1/alerts/feed.json").json()
        assert nobody.get("/v1/alerts/feed.json", params={"after": feed["next"]}).json() == {**feed, "items": []}
        for params, found in (
            ({"area": "999901"}, 1),
            ({"area": "500114"}, 0),
            ({"level": "blue"}, 0),
            ({"level": "red"}, 1),
            ({"in_force": "true"}, 1),
            ({"in_force": "false"}, 0),
        ):
            assert len(nobody.get("/v1/alerts/feed.json", params=params).json()["items"]) == found, params
            assert (
                len(etree.fromstring(nobody.get("/v1/alerts/feed.atom", params=params).content).findall("{*}entry"))
                == found
            )
        english = nobody.get("/v1/alerts/feed.atom", params={"lang": "en"})
        assert "[EXERCISE] 示例镇: red rainstorm" in english.text
        assert english.headers["content-type"].startswith("application/atom+xml")
        unknown = nobody.get("/v1/alerts/feed.atom", params={"lang": "xx"})
        assert (unknown.status_code, unknown.json()["field"]) == (422, "lang")
        link = etree.fromstring(english.content).findall("{*}entry/{*}link")[0]
        assert nobody.get(f"/v1/alerts/{link.get('href')}").status_code == 200
        assert nobody.get("/v1/alerts/feed.json", params={"realm": "actual"}).json()["items"] == []
        assert nobody.get(f"/v1/alerts/{alert_id}/to-sign").status_code == 401
        assert nobody.get("/v1/keys").status_code == 401
        assert set(nobody.get(f"/v1/alerts/{alert_id}").json()) & {"acts", "call_backs", "life", "versions"} == set()


def test_cancel_withdraws_what_should_not_have_been_said(bench: Bench) -> None:
    team = crew(bench)
    alert_id = raise_red(bench)
    assert team.duty.do(alert_id, "cancel", {"reason": "误发"}, 409)["code"] == "refused:not_released"
    released(team, alert_id)
    team.issuer.approve(alert_id, act="cancel")
    assert team.duty.do(alert_id, "cancel", {"reason": "误发"}, 409)["code"] == "refused:approvals_missing"
    team.duty.approve(alert_id, act="cancel", call_back={**CHIEF, "post": "HQ-deputy", "number": "00000000002"})
    done = team.duty.do(alert_id, "cancel", {"reason": "误发", **RELEASED})
    assert done["state"] == "cancelled"
    assert team.duty.do(alert_id, "cancel", {"reason": "误发"}, 409)["code"] == "refused:cancelled"
    xml = etree.fromstring(anybody(bench, f"/v1/alerts/{alert_id}.xml").content)
    assert xml.findtext("c:msgType", namespaces=CAP) == "Cancel"
    assert bench.get("/v1/alerts", in_force="true")["items"][0]["alert_id"] == alert_id, "the internal alarm goes on"
    assert team.drafter.do(alert_id, "update", {"reason": "险情属实，重新发布"})["state"] == "draft"


def test_actual_goes_to_the_public(actual: Bench) -> None:
    team = crew(actual, realm="actual")
    alert_id = raise_red(actual)
    released(team, alert_id)
    (shown,) = anybody(actual, "/v1/alerts").json()["items"]
    assert (shown["realm"], shown["status"], shown["note"]) == ("actual", "Actual", None)
    topics = {row["topic"] for row in actual.get(f"/v1/alerts/{alert_id}")["deliveries"]}
    base = f"fengsui/999901/alerts/{TOWNSHIP}/{alert_id}"
    assert topics == {base, f"{base}/cap"}


def test_a_restricted_message_needs_one_key_below_red_and_stays_inside(bench: Bench) -> None:
    team = crew(bench)
    alert_id, _ = notice_alert(bench, "yellow")
    team.drafter.do(alert_id, "update", {"scope": "Restricted", "reason": "只发责任单位"})
    assert team.issuer.approve(alert_id)["state"] == "approved"
    assert team.duty.do(alert_id, "released", RELEASED)["scope"] == "Restricted"
    assert anybody(bench, "/v1/alerts").json()["items"] == []
    anybody(bench, f"/v1/alerts/{alert_id}", 404)
    anybody(bench, f"/v1/alerts/{alert_id}.xml", 404)
    assert bench.get(f"/v1/alerts/{alert_id}")["deliveries"] == []
