"""What officers do, in Chromium: a notice by keyboard, two keys of two browsers, on behalf, an order's life."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.times import field
from shared.clock import SystemClock
from tests.e2e.browser.conftest import SIGNERS, TOWNSHIP, OpenPage
from tests.support.chromium import serious_findings
from tests.support.district import District

SIGNED, SIGNED_GAUGES = "500114109", ("rain-ls-01", "rain-ls-02")
SPARE, OTHER = "太极镇", "水市镇"  # townships that no other test of the browser takes
ROOMS = ("/board", "/orders", "/approval", "/notices", "/incidents", "/keys", "/orders/together")


def type_notice(page: Page, area: str) -> None:
    """By keyboard alone, from the field that has the focus when the page opens."""
    keys = page.keyboard
    keys.press("Tab")
    keys.type("演练〔2026〕9号")
    keys.press("Tab")
    keys.type("示例区气象台（演示数据）")
    keys.press("Tab")
    page.locator("[name=hazard]").select_option("11B03")
    keys.press("Tab")
    keys.press("Space")
    keys.press("Tab")
    keys.press("Tab")
    keys.type(area[:2])
    expect(page.locator("#areas-list li")).to_have_count(1)
    keys.press("Enter")
    page.locator("[name=text]").focus()
    keys.type("未来三小时有红色暴雨（演示数据）")


def test_a_notice_is_typed_by_keyboard_and_its_case_is_seen(district: District, open_page: OpenPage) -> None:
    page = open_page("/notices")
    type_notice(page, SPARE)
    expect(page.locator("#foresee")).to_contain_text("个岗位立即叫应")
    page.locator("[name=read_back_by]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("通知已登记")).to_be_visible()
    case = page.locator("a", has_text=re.compile(r"C-\d{4}")).first
    expect(case).to_be_visible()
    case.click()
    expect(page.locator("table.calls, .none").first).to_be_visible()


def test_an_expired_login_gives_the_typed_notice_back(district: District, open_page: OpenPage) -> None:
    page = open_page("/notices")
    type_notice(page, OTHER)
    page.context.clear_cookies(name=re.compile("fengsui.*"))
    page.locator("[name=read_back_by]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("您填写的内容都还在")).to_be_visible()
    page.get_by_text("用令牌登录").first.click()
    page.locator("[name=token]").fill(district.token())
    page.locator("button.main").click()
    expect(page.locator("[name=number]")).to_have_value("演练〔2026〕9号")
    expect(page.locator("[name=areas]")).to_have_value(f"{OTHER}、")
    assert not [n for n in district.get("warning", "/v1/notices")["items"] if "水市" in str(n["areas"])]


def reds_of_its_own(district: District) -> list[dict[str, Any]]:
    """黎水镇 turns red, for this test alone: what another test has released is not signed any more."""
    district.storm(*SIGNED_GAUGES)
    fuse = f"/v1/fuses/rainstorm/{SIGNED}"
    district.soon(lambda: district.get("warning", fuse)["confirmed_level"] == "red" or None)
    found: list[dict[str, Any]] = district.soon(
        lambda: district.get("warning", "/v1/alerts", area=SIGNED, level="red", in_force="true")["items"]
    )
    return found


def test_two_browsers_with_two_keys_approve_and_it_is_handed_over(district: District, open_page: OpenPage) -> None:
    admin = open_page("/keys", role="admin")
    signers = {role: open_page("/keys", role=role) for role in SIGNERS}
    for role, page in signers.items():
        page.get_by_role("button", name="生成我的密钥").click()
        link = page.locator("#my-key-link")
        expect(link).to_be_visible()
        admin.goto(link.input_value())
        admin.locator("[name=person]").fill(SIGNERS[role])
        admin.get_by_role("button", name="登记密钥").click()
        expect(admin.get_by_text("密钥已登记")).to_be_visible()
    alerts = reds_of_its_own(district)
    path = f"/approval/{alerts[0]['alert_id']}"
    for page in signers.values():
        page.goto(path)
        expect(page.locator("#key-state")).to_have_text("密钥可用")
        assert serious_findings(page) == []
        page.locator("#sign").click()
        expect(page.get_by_text("签名已记录")).to_be_visible()
    duty = open_page(path)
    form = duty.locator("form[action*='hand-over']")
    form.locator("[name=body]").fill("示例区预警信息发布中心（演示数据）")
    form.locator("[name=via]").fill("系统")
    form.locator("[name=received_by]").fill("接收人（演示数据）")
    form.locator("[name=reason]").fill("已批准")
    form.locator("button").click()
    expect(duty.get_by_text("已登记移交")).to_be_visible()
    expect(duty.get_by_text("接收人（演示数据）").first).to_be_visible()


def test_what_is_not_shown_is_not_signed(district: District, open_page: OpenPage) -> None:
    alerts = district.get("warning", "/v1/alerts", area=TOWNSHIP, in_force="true")["items"]
    alert = next(each for each in alerts if each["level"] != "red")
    page = open_page("/keys", role="commander")
    page.get_by_role("button", name="生成我的密钥").click()
    expect(page.locator("#my-key-link")).to_be_visible()
    page.goto(f"/approval/{alert['alert_id']}")
    page.evaluate("document.querySelector('[data-field=\"headline.zh\"]').textContent = '别的话'")
    page.locator("#sign").click()
    expect(page.locator("#key-state")).to_contain_text("没有签名")
    assert district.get("warning", f"/v1/alerts/{alert['alert_id']}")["life"]["approvals"] == []


def test_an_answer_on_behalf_is_one_key_away(district: District, open_page: OpenPage) -> None:
    page = open_page("/board?show=all")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_be_visible()
    assert serious_findings(page) == []
    page.locator("#answer [name=ground]").fill("本人回电（演示数据）")
    page.keyboard.press("Enter")
    expect(page.get_by_text("已记下代答")).to_be_visible()


def test_an_order_is_signed_and_lifted_after_an_inspection_and_two_see_both_versions(
    district: District, open_page: OpenPage
) -> None:
    orders = district.get("dispatch", "/v1/orders", limit=500)["items"]
    waiting = next(o for o in orders if o["state"] == "awaiting_signature")
    path = f"/orders/{waiting['order_id']}"
    commander, issuer = open_page(path, role="commander"), open_page(path, role="issuer")
    issuer.get_by_role("button", name="签发，立即生效").click()
    expect(issuer.get_by_text("已签发，已生效")).to_be_visible()
    assert serious_findings(issuer) == []
    commander.locator("summary", has_text="电话签发").click()
    late = commander.locator("form[action*='sign_by_phone']")
    late.locator("[name=number]").fill("00000000002")
    late.locator("[name=words]").fill("同意（演示数据）")
    late.locator("button").click()
    expect(commander.get_by_text("两个版本对照")).to_be_visible()
    expect(commander.locator("[name=words]")).to_have_value("同意（演示数据）")
    held = next(o for o in orders if o["kind"] == "evacuate" and o["held"])
    commander.goto(f"/orders/{held['order_id']}")
    commander.locator("summary", has_text="解除管控").click()
    form = commander.locator("form[action*='/lift']")
    form.locator("[name=by]").fill("地质技术员（演示数据）")
    form.locator("[name=at]").fill(field(SystemClock().now() + timedelta(minutes=1)))
    form.locator("[name=finding]").fill("坡体稳定（演示数据）")
    form.locator("[name=safe][value=yes]").check()
    form.locator("[name=ground]").fill("核查安全（演示数据）")
    form.locator("button").click()
    expect(commander.get_by_text("已解除管控；不等于允许返回")).to_be_visible()


@pytest.mark.parametrize("path", ROOMS)
def test_nothing_serious_for_who_cannot_see_or_point(open_page: OpenPage, path: str) -> None:
    page = open_page(path, role="admin" if path == "/keys" else "issuer" if "together" in path else "duty_officer")
    assert serious_findings(page) == []
