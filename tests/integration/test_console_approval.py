"""Approval at the console over the whole system: signed by two, by a voice, returned, released, ended; two at once.

Who has no script signs elsewhere and pastes (`fengsui key sign`); that is what these tests do, with real signatures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.command.datadir import DataDir
from services.command.demo_keys import enrol_demo_keys
from shared.auth.keys import key_id_of, new_private_jwk, public_jwk, sign
from tests.support.district import District, whole_district
from tests.support.officer import Officer, Page
from tests.support.resources import sample_pack

ROLES = ("issuer", "second_issuer", "duty_officer", "drafter", "commander", "admin")
CHIEF = "qj-hq-chief"
RELEASED = {"body": "示例区预警信息发布中心（演示数据）", "number": "演练2026-017"}
SPARE = iter(("500114105", "500114106", "500114107", "500114108", "500114109", "500114110", "500114111"))


class Office:
    """签批室: officers, their keys, and alerts of a test's own"""

    def __init__(self, district: District, keys: dict[str, Any]) -> None:
        self.district, self.keys = district, keys
        self.officers = {role: Officer(district.console_url, district.token(role)) for role in ROLES}

    def alert(self, level: str = "orange") -> str:
        """An alert that a notice opened, in a township that no other test takes."""
        area = next(SPARE)
        body = {
            "type": "signal",
            "issuer": "示例区气象台（演示数据）",
            "scale": "signal",
            "level": level,
            "hazard": "11B03",
            "areas": [area],
            "text": "演示数据",
        }
        assert self.district.post("warning", "/v1/notices", body).status_code == 201
        (alert,) = self.district.get("warning", "/v1/alerts", area=area, in_force="true")["items"]
        return str(alert["alert_id"])

    def stands(self, alert_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.district.get("warning", f"/v1/alerts/{alert_id}")
        return found

    def page(self, role: str, alert_id: str, **query: str) -> Page:
        return self.officers[role].get(f"/approval/{alert_id}?{httpx.QueryParams(query)}")

    def approve(self, role: str, page: Page, **more: str) -> Page:
        """Sign the bytes that stand on the page."""
        path = page.answer.url.path.removesuffix("/approve")
        canonical = page.tree.get_element_by_id("canonical").text_content()
        jwk = self.keys[role]["jwk"]
        signed = {"key_id": key_id_of(jwk), "signature": sign(jwk, canonical.encode())}
        return self.officers[role].send(page.form(f"{path}/approve"), **signed, **more)

    def act(self, role: str, alert_id: str, act: str, **values: str) -> Page:
        sheet = self.page(role, alert_id).form(f"/approval/{alert_id}/{act}")
        return self.officers[role].send(sheet, **values)

    def released(self, level: str = "orange") -> str:
        alert_id = self.alert(level)
        for role in ("issuer", "second_issuer"):
            self.approve(role, self.page(role, alert_id))
        assert "已登记发布" in self.act("duty_officer", alert_id, "released", **RELEASED).text
        return alert_id


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with whole_district(tmp_path_factory.mktemp("district")) as district:
        services = [district.urls[name] for name in ("warning", "dispatch", "resources")]
        data = DataDir(tmp_path_factory.mktemp("keys"))
        made = Office(district, enrol_demo_keys(data, sample_pack(), services, district.token("admin")))
        yield made
        for officer in made.officers.values():
            officer.close()


def test_two_sign_one_hands_over_and_the_release_is_noted(office: Office) -> None:
    alert_id = office.alert()
    page = office.page("issuer", alert_id)
    assert "还差 2 人签批" in page.text
    assert "全文都是新的" in page.text
    (area,) = office.stands(alert_id)["area"]["codes"]
    assert f"{sample_pack().regions[area].population} 人" in page.text
    first = office.approve("issuer", page)
    assert "签名已记录" in first.text
    assert "还差 1 人签批" in first.text
    again = office.approve("issuer", office.page("issuer", alert_id))
    assert "还差 1 人签批" in again.text  # the same person twice is once
    assert "签批人数已够" in office.approve("second_issuer", office.page("second_issuer", alert_id)).text
    sheet = office.officers["duty_officer"].get(f"/approval/{alert_id}/sheet")
    assert office.keys["issuer"]["person"] in sheet.text
    bare = office.act("duty_officer", alert_id, "hand-over", reason="已批准")
    assert (bare.status, "写上发布机构" in bare.refusal()) == (422, True)
    handed = office.officers["duty_officer"].send(
        bare.form(f"/approval/{alert_id}/hand-over"),
        body=RELEASED["body"],
        via="传真",
        received_by="接收人（演示数据）",
    )
    assert "已移交" in handed.text
    assert "接收人（演示数据）" in handed.text
    form = handed.form(f"/approval/{alert_id}/released")
    assert form.values["body"] == [RELEASED["body"]]  # the one to which it went
    done = office.officers["duty_officer"].send(form, number=RELEASED["number"])
    assert "已登记发布，对外可见" in done.text
    assert office.stands(alert_id)["release"]["number"] == RELEASED["number"]


def test_a_signature_of_other_words_is_refused_and_nothing_counts(office: Office) -> None:
    alert_id = office.alert()
    page = office.page("issuer", alert_id)
    jwk = office.keys["issuer"]["jwk"]
    form = page.form(f"/approval/{alert_id}/approve")
    forged = office.officers["issuer"].send(form, key_id=key_id_of(jwk), signature=sign(jwk, b"other words"))
    assert (forged.status, "签名校验不通过" in forged.refusal()) == (409, True)
    bare = office.officers["issuer"].send(form)
    assert (bare.status, "还没有签名" in bare.refusal()) == (422, True)
    stolen = office.keys["second_issuer"]["jwk"]
    signature = sign(stolen, page.tree.get_element_by_id("canonical").text_content().encode())
    other = office.officers["issuer"].send(form, key_id=key_id_of(stolen), signature=signature)
    assert (other.status, "他人名下" in other.refusal()) == (403, True)
    assert office.stands(alert_id)["life"]["approvals"] == []


def test_words_that_changed_meanwhile_are_shown_beside_those_that_were_read(office: Office) -> None:
    alert_id = office.alert()
    read = office.page("issuer", alert_id)
    drafted = office.act("drafter", alert_id, "update", headline_zh="阿蓬江水位快速上涨，请远离河道", reason="更具体")
    assert "已改稿" in drafted.text
    late = office.approve("issuer", read, reason="已核对")
    assert late.status == 412
    assert "已有人办理过" in late.refusal()
    assert "阿蓬江水位快速上涨，请远离河道" in late.text
    assert "收到橙色通知" not in " ".join(late.tree.xpath("//*[@id='sheet']//text()"))
    rows = [" ".join(row.text_content().split()) for row in late.tree.xpath("//section[h2='两个版本对照']//tr")]
    assert any(row.startswith("headline.zh") for row in rows)
    assert late.form(f"/approval/{alert_id}/approve").values["reason"] == ["已核对"]
    assert "签名已记录" in office.approve("issuer", late).text
    refused = office.officers["drafter"].get(f"/approval/{alert_id}")
    assert not refused.has_form(f"/approval/{alert_id}/approve")


def test_one_key_and_a_voice_and_the_countersignature_after_the_release(office: Office) -> None:
    alert_id = office.alert()
    number = sample_pack().roster[CHIEF].contacts[0][1]
    voice = {"post": CHIEF, "number": "00000099999", "words": "同意发布。"}
    wrong = office.approve("duty_officer", office.page("duty_officer", alert_id), **voice)
    assert (wrong.status, "登记不符" in wrong.refusal()) == (409, True)
    assert wrong.form(f"/approval/{alert_id}/approve").values["words"] == ["同意发布。"]
    done = office.approve("duty_officer", wrong, number=number)
    assert "签批人数已够" in done.text
    assert "待补签" in done.text
    office.act("duty_officer", alert_id, "released", **RELEASED)
    chief = sample_pack().roster[CHIEF].person
    (holder,) = [role for role, key in office.keys.items() if key["person"] == chief]
    page = office.page(holder, alert_id)
    (owed,) = page.tree.xpath("//a[contains(@href, 'owed=')]/@href")
    countersigned = office.approve(holder, office.officers[holder].get(owed))
    assert "签名已记录" in countersigned.text
    (call,) = office.stands(alert_id)["call_backs"]
    assert (call["recorded_by"], call["countersigned_at"] is not None) == ("duty_officer", True)


def test_returned_is_drafted_anew_and_rejected_is_not_said(office: Office) -> None:
    alert_id = office.alert()
    bare = office.act("issuer", alert_id, "return")
    assert (bare.status, "写明理由" in bare.refusal()) == (422, True)
    back = office.officers["issuer"].send(bare.form(f"/approval/{alert_id}/return"), reason="范围写清楚")
    assert "已退回修改" in back.text
    assert "范围写清楚" in back.text
    assert "已退回，请先改稿" in office.page("second_issuer", alert_id).text
    long = office.act("drafter", alert_id, "update", headline_zh="x", hours="99", reason="改")
    assert (long.status, "1 至 48 小时" in long.refusal()) == (422, True)
    office.officers["drafter"].send(long.form(f"/approval/{alert_id}/update"), hours="6")
    assert office.district.get("warning", f"/v1/alerts/{alert_id}/to-sign")["message"]["valid_for_s"] == 6 * 3600
    office.act("second_issuer", alert_id, "reject", reason="不宜对外")
    assert office.stands(alert_id)["state"] == "rejected"


def test_what_stands_is_compared_and_taken_back_by_two(office: Office) -> None:
    alert_id = office.released()
    office.act("drafter", alert_id, "update", instruction_zh="请立即上高处，不要过桥。", reason="桥面进水")
    page = office.page("issuer", alert_id)
    assert "不要过桥" in "".join(page.tree.xpath("//table[contains(@class,'diff')]//mark/text()"))
    cancel = office.page("issuer", alert_id, act="cancel")
    assert "信息撤销" in cancel.text
    early = (
        office.act("duty_officer", alert_id, "cancel", reason="误发", body="x") if cancel.has_form("cancel") else None
    )
    assert early is None  # it is not offered before two have signed
    for role in ("issuer", "second_issuer"):
        office.approve(role, office.page(role, alert_id, act="cancel"))
    done = office.act("duty_officer", alert_id, "cancel", reason="误发", **RELEASED)
    assert "已撤销" in done.text
    assert office.stands(alert_id)["state"] == "cancelled"


def test_the_list_says_what_is_due(office: Office) -> None:
    alert_id = office.alert("red")
    page = office.officers["issuer"].get("/approval")
    section = page.tree.xpath(f"//section[.//a[contains(@href, '{alert_id}')]]/h2")[0].text_content()
    assert section.startswith("待签批")
    office.officers["issuer"].get("/approval/no-such-alert", 404)


def test_an_administrator_enrols_what_an_officer_made_and_revokes_it(office: Office) -> None:
    mine = office.officers["drafter"].get("/keys")
    assert not mine.has_form("/keys")
    assert "没有" in mine.text
    jwk = new_private_jwk()
    admin = office.officers["admin"]
    page = admin.get(f"/keys?owner=drafter&x={public_jwk(jwk)['x']}")
    assert key_id_of(jwk) in page.text
    wrong = admin.send(page.form("/keys"), jwk="not a key")
    assert (wrong.status, "不是 Ed25519 公钥" in wrong.refusal()) == (422, True)
    burnt = admin.send(page.form("/keys"), jwk=str({**jwk}).replace("'", '"'))
    assert "私钥" in burnt.refusal()
    assert "密钥已登记" in admin.send(page.form("/keys"), name="值班室左机").text
    for service in ("warning", "dispatch", "resources"):
        (kept,) = office.district.get(service, "/v1/keys", "admin", owner="drafter")["items"]
        assert kept["key_id"] == key_id_of(jwk)
    assert key_id_of(jwk) in office.officers["drafter"].get("/keys").text
    revoke = admin.get("/keys").form(f"/keys/{key_id_of(jwk)}/revoke")
    assert admin.send(revoke).status == 422
    assert "密钥已吊销" in admin.send(revoke, reason="换机").text
    (kept,) = office.district.get("warning", "/v1/keys", "admin", owner="drafter")["items"]
    assert kept["revoked_at"] is not None
    assert office.officers["issuer"].send(page.form("/keys")).status == 409  # no administrator
