"""公众页 on real HTTP over three services that are only their answers: in force, way out, away, language, size."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from console.public.pages import REFRESH_S, SOON_S
from shared.realm import format_time
from tests.support.phone import (
    BYTES_MAX,
    NOW,
    ROUTE,
    Phone,
    phone_at_the_console,
    plain,
    released,
    shown,
)


@pytest.fixture
def phone() -> Iterator[Phone]:
    with phone_at_the_console() as made:
        yield made


# --- what the page says -----------------------------------------------------------------------------------------


def test_a_place_in_danger_is_led_out_first_and_then_told_why(phone: Phone) -> None:
    phone.world.alerts = [released()]
    html = phone.get("/m?at=guest-1")
    text = shown(html)
    wanted = (
        "演练，不是真实险情",
        "演示客栈一",
        "您在危险区里。现在就走！",
        "1号避难点&lt;b&gt;",
        "约 960 米",
        "走路约 20 分钟",
        "开没开门不知道",
        "参考路线，未经现场核实",
        "向西走约 20 米",
        "夜间行走",
        "濯水镇达到暴雨red标准（实况）",
        "请立即远离河道",
        "不要进入，不要返回",
        "同时请拨打 119 / 120",
        "我需要帮助",
        "我平安",
        "已开门",
    )
    places = [text.find(each) for each in wanted]
    assert -1 not in places, wanted[places.index(-1)]
    assert places == sorted(places)  # the order in which it is read aloud
    assert "<b>1号" not in html
    assert 'href="tel:119"' in html


def test_nothing_said_is_no_promise(phone: Phone) -> None:
    text = shown(phone.get("/m"))
    assert "没有预警，不等于没有危险" in text
    assert "先选您在哪里" in text
    assert "我的出路" not in text
    town = shown(phone.get("/m?at=500114112"))
    assert "您在危险区里" not in town  # a township is not a place to be led from
    assert "桐木村" in town


@pytest.mark.parametrize(
    ("status", "place", "said", "unsaid"),
    [
        ("not_in_danger", "guest-1", "您这里目前不用转移", "现在就走"),
        ("not_in_danger", "v-1", "您站的地方安全不安全，不知道", "您这里目前不用转移"),
        ("unknown", "guest-1", "不知道，不等于安全", "不用转移"),
        ("no_route", "guest-1", "往高处走", "怎么走"),
        ("route", "guest-1", "您这里要转移", "您在危险区里"),
    ],
)
def test_each_status_in_plain_words(phone: Phone, status: str, place: str, said: str, unsaid: str) -> None:
    phone.world.route = {**ROUTE, "status": status}
    text = shown(phone.get(f"/m?at={place}"))
    assert said in text
    assert unsaid not in text


def test_calm_is_said_only_while_it_is_new(phone: Phone) -> None:
    phone.world.route = {"status": "not_in_danger", "phone": "119"}
    html = phone.get("/m?at=guest-1")
    fresh = re.search(r'(?s)<div class="only-fresh">(.*?)</div>', html)
    assert fresh is not None
    assert "目前不用转移" in fresh[1]
    rest = html.replace(fresh[0], "")
    assert "目前不用转移" not in rest  # the worker and the style sheet hide it on an old page …
    assert "不知道您这里安全不安全" in rest  # … and show this instead


def test_an_ended_alert_is_not_leave_to_return_and_an_expired_one_stands(phone: Phone) -> None:
    phone.world.alerts = [released(state="ended"), released("orange", until="2026-06-28T03:00:00Z")]
    text = shown(phone.get("/m?at=guest-1"))
    assert "解除预警，不等于允许返回" in text
    assert "已过有效期，但没有解除" in text


# --- services away ----------------------------------------------------------------------------------------------


def test_alerts_stand_when_warning_is_away_and_say_how_old_they_are(phone: Phone) -> None:
    phone.world.alerts = [released()]
    phone.get("/m?at=guest-1")
    phone.world.away = {"warning"}
    phone.wait(600)
    text = shown(phone.get("/m?at=guest-1"))
    assert "濯水镇达到暴雨red标准" in text
    assert "现在连不上预警系统。下面是 6月28日 11:07 查到的" in text
    other = shown(phone.get("/m?at=500114112"))  # the same township
    assert "濯水镇达到暴雨red标准" in other


def test_without_any_answer_nothing_is_called_safe(phone: Phone) -> None:
    phone.world.route = {**ROUTE, "status": "not_in_danger"}
    assert "目前不用转移" in shown(phone.get("/m?at=guest-1"))
    phone.world.away = {"warning", "resources", "dispatch"}
    phone.wait()
    for path in ("/m?at=guest-1", "/m?at=v-1", "/m?lat=29.3&lon=108.77"):
        text = shown(phone.get(path))
        assert "现在查不到出路" in text
        assert "不知道，不等于安全" in text
        assert "目前不用转移" not in text
        assert "119" in text
    assert "演练，不是真实险情" in shown(phone.get("/m"))  # an exercise stays one


@pytest.mark.parametrize("status", ["unknown", "route", "not_in_danger"])
def test_what_is_not_known_is_asked_for_again_soon(phone: Phone, status: str) -> None:
    """A new plan is made in seconds: who stands there does not wait a minute for it."""
    phone.world.route = {**ROUTE, "status": status}
    (every,) = re.findall(r'data-refresh="(\d+)"', phone.get("/m?at=guest-1"))
    assert int(every) == (SOON_S if status == "unknown" else REFRESH_S)
    assert SOON_S < REFRESH_S


def test_a_console_that_never_heard_of_warning_knows_no_alerts(phone: Phone) -> None:
    phone.world.away = {"warning", "resources"}
    text = shown(phone.get("/m?at=guest-1"))
    assert "现在查不到预警，不等于没有预警" in text
    assert "暂时连不上系统" in text
    assert "没有查到已发布的预警" not in text


def test_only_a_whole_page_may_be_kept_by_the_phone(phone: Phone) -> None:
    assert phone.http.get("/m?at=guest-1").headers["x-whole"] == "1"
    phone.world.away = {"resources"}
    phone.wait()
    answer = phone.http.get("/m?at=guest-1")
    assert "x-whole" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_many_phones_are_one_question_to_the_services(phone: Phone) -> None:
    for _ in range(20):
        phone.get("/m?at=guest-1")
    assert len(phone.world.asked) == 4  # realm, bundle, route, alerts


# --- realm, language, place -------------------------------------------------------------------------------------


def test_the_realm_is_the_packs_and_a_drill_must_be_asked_for(phone: Phone) -> None:
    clock = {"speed": 60, "v0": format_time(NOW), "w0": format_time(NOW), "now": format_time(NOW)}
    phone.world.drills = [{"realm": "x-night", **clock}]
    first = phone.get("/m")
    assert 'href="/m?lang=zh&amp;realm=x-night"' in first
    drill = phone.get("/m?realm=x-night&at=guest-1")
    assert "realm=x-night" in drill
    phone.world.default = "actual"
    phone.wait()
    real = phone.get("/m")
    assert "演练" not in real  # who lives here never lands in a drill by himself
    assert "x-night" not in real
    assert "没有这个页面" in phone.get("/m?realm=x-nobody", 404)
    assert "没有这个页面" in phone.get("/m?realm=../x", 404)


def test_languages(phone: Phone) -> None:
    english = phone.get("/m?at=guest-1", **{"Accept-Language": "en-GB"})
    assert '<html lang="en"' in english
    assert "You are in a danger area. Leave now!" in plain(english)
    assert "Go west for about 20 m" in english
    assert 'hreflang="zh-CN"' in english
    french = phone.get("/m?at=guest-1", **{"Accept-Language": "fr-FR,fr"})
    assert "not available in “fr”; it is shown in English" in french
    assert "没有“de”的页面，显示中文" in phone.get("/m?lang=de")
    assert '<html lang="zh-CN"' in phone.get("/m?lang=zh", **{"Accept-Language": "en"})


def test_an_unknown_place_asks_again(phone: Phone) -> None:
    text = shown(phone.get("/m?at=nowhere", 404))
    assert "没有这个地点，请重新选" in text
    assert "乡镇、街道" in text


# --- small, ours, strict ----------------------------------------------------------------------------------------


def test_the_page_is_small_ours_and_strict(phone: Phone) -> None:
    phone.world.alerts = [released("red"), released("orange"), released("yellow")]
    answer = phone.http.get("/m?at=guest-1")
    total = len(answer.content)
    links = re.findall(r'(?:href|src)="(/m/static/[^"]+)"', answer.text)
    assert len(links) == 2
    for link in links:
        asset = phone.http.get(link)
        assert "immutable" in asset.headers["cache-control"]
        assert "://" not in asset.text
        total += len(asset.content)
    total += len(phone.http.get("/m/worker.js").content)
    assert total < BYTES_MAX, total
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.text.count("<script") == 1
    for inline in ("style=", "onclick", "<style", "http://", "https://"):
        assert inline not in answer.text


def test_the_worker_stays_in_its_room(phone: Phone) -> None:
    answer = phone.http.get("/m/worker.js")
    assert answer.headers["service-worker-allowed"] == "/m"
    assert answer.headers["cache-control"] == "no-cache"
    for path in ("/m/static/worker.js", "/m/static/../m.js", "/m/static/none.css"):
        assert phone.http.get(path).status_code == 404


def test_codes_are_made_for_places_of_the_pack_alone(phone: Phone) -> None:
    answer = phone.http.get("/m/qr/guest-1.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "https://m.example.invalid/m?at=guest-1" in answer.text
    assert "演示客栈一" in answer.text
    for place in ("nowhere", "..%2Fx", "x" * 80):
        assert phone.http.get(f"/m/qr/{place}.svg").status_code == 404


def test_the_sketch_comes_after_the_words(phone: Phone) -> None:
    html = phone.get("/m?at=guest-1")
    assert html.index("/m/sketch.svg") > html.index("报平安 · 求助")
    assert phone.http.get("/m/sketch.svg?at=guest-1").text.startswith("<svg")
    phone.world.away = {"resources"}
    phone.wait()
    assert phone.http.get("/m/sketch.svg?at=guest-1").status_code == 404


def test_the_page_says_nothing_of_an_officer(phone: Phone) -> None:
    """The console's cookie opens nothing here, and is passed on to nobody."""
    phone.http.cookies.set("fengsui", "a.b.c")
    phone.send(kind="safe")
    headers, _, _ = phone.world.said[0]
    assert "authorization" not in headers
    assert "cookie" not in headers
