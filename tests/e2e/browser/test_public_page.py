"""公众页 in Chromium on a phone's screen: what a frightened person and a guest from abroad can do with it.

The town is 冯家街道, which no other browser test touches; its slope is drawn as a danger area in force.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from shared.auth.keys import key_id_of, new_private_jwk, public_jwk, sign
from tests.e2e.browser.conftest import SIGNERS, TOWNSHIP, OpenPage
from tests.support.chromium import officers_page, serious_findings
from tests.support.district import District

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
GUEST, SLOPE = "guest-fj-01", "dp-fj-01"
BYTES_MAX = 50_000


@pytest.fixture(scope="package")
def night(district: District) -> District:
    """濯水's red is released to the public, and the slope's area is in force."""
    body = {"zones": [{"zone_id": "zone-fj-slope"}], "end": [], "reason": "会商（演示数据）"}
    assert district.post("resources", "/v1/evacuation/plans", body).status_code == 202
    keys = {role: new_private_jwk() for role in SIGNERS}
    for role, jwk in keys.items():
        enrol = {"owner": role, "jwk": public_jwk(jwk), "person": SIGNERS[role]}
        assert district.post("warning", "/v1/keys", enrol, "admin").status_code == 201
    here = {"in_force": "true", "area": TOWNSHIP}
    released = district.get("warning", "/v1/alerts", scope="Public", **here)["items"]
    for alert in [] if released else district.get("warning", "/v1/alerts", level="red", **here)["items"]:
        path = f"/v1/alerts/{alert['alert_id']}"
        for role, jwk in keys.items():
            sheet = district.get("warning", f"{path}/to-sign", role)
            signature = sign(jwk, sheet["canonical"].encode())
            said = {"act": sheet["act"], "digest": sheet["digest"], "key_id": key_id_of(jwk)}
            said |= {"signature": signature, "reason": "核对无误"}
            assert district.post("warning", f"{path}/approve", said, role).status_code == 200
        release = {"body": "区预警信息发布中心（演示数据）", "number": "演练-1"}
        assert district.post("warning", f"{path}/released", release).status_code == 200
    route = f"{district.urls['resources']}/v1/evacuation/route"
    district.soon(lambda: district.http.get(route, params={"at": SLOPE}).json()["status"] == "inside" or None)
    return district


@pytest.fixture
def on_phone(night: District, open_page: OpenPage) -> Callable[..., Page]:
    """``on_phone(path, **context)`` → the page on a phone's screen, nobody logged in."""

    def make(path: str, **context: Any) -> Page:
        return open_page(path, role=None, **{**PHONE, **context})

    return make


def test_who_scans_the_code_at_the_slope_is_led_out(on_phone: Callable[..., Page]) -> None:
    page = on_phone(f"/m?at={SLOPE}")
    page.get_by_text("您在危险区里。现在就走！").wait_for()
    for said in ("演练，不是真实险情", "明白卡上的路线", "怎么走", "同时请拨打 119 / 120"):
        assert page.get_by_text(said).first.is_visible(), said
    assert page.get_by_role("heading").first.inner_text().startswith("冯家街道")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # nothing to push sideways
    way, alerts = page.locator("#way"), page.get_by_role("heading", name="现在的预警")
    way_box, alerts_box = way.bounding_box(), alerts.bounding_box()
    assert way_box is not None
    assert alerts_box is not None
    assert way_box["y"] < alerts_box["y"]


def test_a_guest_reads_english_by_one_tap(on_phone: Callable[..., Page]) -> None:
    page = on_phone("/m?at=500114112")
    assert page.get_by_text("红色").first.is_visible()
    page.get_by_role("link", name="English").click()
    page.get_by_text("RED").first.wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    left = re.sub(r"[\u4e00-\u9fff·]+镇|中文", "", page.locator("main").inner_text())
    assert "Alerts in force" in left
    page.get_by_label("Village, community or house").select_option(label="演示客栈一")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("heading", name="My way out").wait_for()


def test_help_is_sent_without_scripts_and_seen_at_the_desk(
    night: District, on_phone: Callable[..., Page], open_page: OpenPage
) -> None:
    page = on_phone("/m", java_script_enabled=False)
    page.get_by_label("乡镇、街道").select_option(label="冯家街道")
    page.get_by_role("button", name="看这里").click()
    page.get_by_label("村、社区、单位").select_option(value=GUEST)
    page.get_by_role("button", name="看这里").click()
    assert page.get_by_role("button", name="用手机定位").count() == 0
    page.get_by_role("link", name="我需要帮助").last.click()
    page.get_by_label("被困，出不来").check()
    page.get_by_label("一共几个人").fill("3")
    page.get_by_label("电话", exact=True).fill("00000000777")
    page.get_by_role("button", name="发出求助").click()
    page.get_by_role("heading", name="求助已收到").wait_for()
    assert page.get_by_text("这不等于救援已经出发").is_visible()
    number = page.locator(".receipt b").inner_text()
    (found,) = night.get("dispatch", "/v1/checkins", receipt=number)["items"]
    assert (found["priority"], found["people"], found["place"]) == ("urgent", 3, GUEST)
    assert (found["state"], found["region_name"]) == ("unverified", "冯家街道")
    desk = open_page("/checkins")
    desk.get_by_role("row", name=re.compile("紧急.*被困")).first.wait_for()
    desk.get_by_role("link", name=found["checkin_id"]).click()
    desk.get_by_label("移交救援").check()
    desk.get_by_role("button", name="登记").click()
    desk.get_by_text("移交须写明移交给谁").wait_for()  # refused, and nothing that was typed is lost
    assert desk.get_by_label("移交救援").is_checked()
    desk.get_by_label("119 消防救援").check()
    desk.get_by_label(re.compile("^情况")).fill("119 已派车")
    desk.get_by_role("button", name="登记").click()
    desk.get_by_role("heading", name=re.compile("已移交")).wait_for()
    assert desk.get_by_text("119 已派车").is_visible()
    assert serious_findings(desk) == []


def test_safe_is_sent_by_script_and_the_same_phone_is_one_person(
    night: District, on_phone: Callable[..., Page]
) -> None:
    page = on_phone(f"/m/report?kind=safe&at={SLOPE}")
    numbers = []
    for _ in range(2):
        page.get_by_role("button", name="发出：我平安").click()
        page.get_by_role("heading", name="平安已收到").wait_for()
        numbers.append(page.locator(".receipt b").inner_text())
        page.goto(f"/m/report?kind=safe&at={SLOPE}")
    first, second = (night.get("dispatch", "/v1/checkins", receipt=number)["items"] for number in numbers)
    assert numbers[0] != numbers[1]
    assert [each["checkin_id"] for each in first] == [each["checkin_id"] for each in second]
    assert first[0]["reports"] == 2


def test_position_by_permission_alone(on_phone: Callable[..., Page]) -> None:
    here = {"latitude": 29.3695, "longitude": 108.7931, "accuracy": 8}
    page = on_phone("/m", geolocation=here, permissions=["geolocation"])
    assert "lat=" not in page.url
    page.get_by_role("button", name="用手机定位").click()
    page.wait_for_url("**lat=29.36950**")
    page.get_by_text("手机定位，在 冯家街道 一带").wait_for()
    page.get_by_text("您在危险区里。现在就走！").wait_for()


@contextmanager
def phone_at(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    with officers_page(browser, url, None, **{**PHONE, **context}) as page:
        yield page


def kept(page: Page, says: str, *paths: str) -> None:
    """Wait until the phone has kept the page as it ``says`` now, these besides, and what it shows without any."""
    page.wait_for_function(
        """async ([says, paths]) => {
          const cache = await caches.open('m-pages');
          const here = await cache.match(location.href);
          const urls = (await cache.keys()).map((key) => new URL(key.url).pathname + new URL(key.url).search);
          const has = (path) => urls.some((url) => url.startsWith(path));
          return here && (await here.text()).includes(says) && paths.every(has);
        }""",
        arg=[says, [*paths, "/m/offline?lang=zh"]],
    )


def test_read_with_the_server_stopped_it_is_old_and_never_safe(browser: Browser, night: District) -> None:
    calm = "/m?at=school-fj-01"
    with ExitStack() as stack:
        server = ExitStack()
        url = server.enter_context(night.another_console())
        page = stack.enter_context(phone_at(browser, url))
        page.goto(calm)
        page.get_by_text("您这里目前不用转移").wait_for()
        kept(page, "您这里目前不用转移", "/m/report?", "/m/bundle.json?")
        page.goto(f"/m?at={SLOPE}")
        page.get_by_text("您在危险区里。现在就走！").wait_for()
        kept(page, "您在危险区里。现在就走！")
        server.close()

        page.goto(calm)
        page.get_by_text("这是以前的内容，可能已过时！").wait_for()
        page.get_by_text(re.compile("分钟前")).wait_for()
        assert not page.get_by_text("您这里目前不用转移").is_visible()
        assert page.get_by_text("不知道您这里安全不安全").is_visible()
        page.goto(f"/m?at={SLOPE}")
        page.get_by_text("这是以前的内容，可能已过时！").wait_for()
        assert page.get_by_text("您在危险区里。现在就走！").is_visible()  # what was known of the way stays
        assert serious_findings(page) == []
        page.goto("/m?at=guest-zs-02")  # never opened before
        page.get_by_role("heading", name="没有网络").wait_for()
        assert page.get_by_text("不知道您这里安全不安全").is_visible()
        page.goto(calm)
        page.get_by_role("link", name="我需要帮助").last.click()
        page.get_by_role("button", name="马上发出，不填").click()
        page.get_by_text("还没有发出去").wait_for()
        assert page.get_by_role("link", name="119").first.is_visible()


def test_an_open_page_says_by_itself_that_it_is_cut_off(browser: Browser, night: District) -> None:
    with ExitStack() as stack:
        server = ExitStack()
        url = server.enter_context(night.another_console())
        page = stack.enter_context(phone_at(browser, url))
        page.goto("/m?at=school-fj-01")
        page.get_by_text("您这里目前不用转移").wait_for()
        server.close()
        page.evaluate("window.dispatchEvent(new Event('online'))")  # it looks again
        page.get_by_text("这是以前的内容，可能已过时！").wait_for()
        assert not page.get_by_text("您这里目前不用转移").is_visible()


def test_small_from_here_alone_and_for_everybody(night: District, on_phone: Callable[..., Page]) -> None:
    page = on_phone("about:blank")
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.__setitem__(answer.url, len(answer.body())))
    page.goto(f"{night.console_url}/m?at={SLOPE}")
    page.get_by_text("您在危险区里").wait_for()
    page.wait_for_load_state("networkidle")
    before_the_map = sum(size for url, size in sizes.items() if "sketch" not in url and "bundle" not in url)
    assert before_the_map < BYTES_MAX, sizes
    for path in (f"/m?at={SLOPE}", "/m?lang=en", "/m/report?kind=need_help"):
        page.goto(night.console_url + path)
        assert serious_findings(page) == [], path
    page.goto(f"{night.console_url}/m?at={SLOPE}")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "跳到出路"
