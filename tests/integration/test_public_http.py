"""公众页 on real HTTP over three services that are only their answers: in force, way out, away, check-ins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from console.main import create_app
from console.public.report import COOKIE, FORM_BYTES_MAX
from console.public.sources import FRESH_S
from console.settings import ConsoleSettings
from shared.clock import ManualClock
from shared.realm import format_time, parse_time
from tests.support.serving import serving

NOW = parse_time("2026-06-28T03:07:00Z")
BYTES_MAX = 50_000
SECRET = ("演示人员", "00000000123")
ROUTE = {
    "status": "inside",
    "basis": "computed",
    "shelter": {"name": "1号避难点<b>", "lat": 29.31, "lon": 108.76},
    "shelter_state": "unknown",
    "distance_m": 960,
    "minutes": 20,
    "steps": [{"zh": "向西走约 20 米", "en": "Go west for about 20 m"}],
    "warnings": [{"code": "night", "zh": "夜间行走", "en": "walking in the dark"}],
    "phone": "119",
}


@dataclass
class World:
    """What the services answer now, and what they were asked."""

    route: dict[str, Any] = field(default_factory=lambda: dict(ROUTE))
    alerts: list[dict[str, Any]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    default: str = "x-live"
    drills: list[dict[str, Any]] = field(default_factory=list)
    said: list[tuple[dict[str, str], dict[str, Any], str | None]] = field(default_factory=list)
    checkin: tuple[int, dict[str, Any]] | None = None
    asked: list[str] = field(default_factory=list)

    def bundle(self, at: str | None) -> dict[str, Any]:
        head = {"district": "500114", "district_name": {"zh": "黔江区", "en": "Qianjiang"}, "phone": "119"}
        if at is None:
            towns = [{"id": "500114112", "name": "濯水镇", "kind": "township"}]
            return head | {"region": {"id": "500114", "name": "黔江区"}, "place": None, "places": towns}
        kinds = {"500114112": ("濯水镇", "township"), "guest-1": ("演示客栈一", "unit"), "v-1": ("桐木村", "village")}
        name, kind = kinds[at]
        shelter = {
            "name": "1号避难点",
            "lat": 29.31,
            "lon": 108.76,
            "state": "open",
            "usable": True,
            "accessible": True,
        }
        zone = {"kind": "danger", "hazard": "11A01", "hazard_name": {"zh": "洪水", "en": "Flood"}}
        return head | {
            "region": {"id": "500114112", "name": "濯水镇"},
            "place": {"id": at, "name": name, "kind": kind},
            "places": [{"id": "v-1", "name": "桐木村", "kind": "village"}],
            "shelters": [shelter],
            "zones": [zone],
        }


def service_app(name: str, world: World) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def away(request: Request, call_next: Any) -> Response:
        world.asked.append(request.url.path)
        if name in world.away:
            return JSONResponse({"code": "storage_unavailable"}, 503)
        answer: Response = await call_next(request)
        return answer

    @app.get("/v1/realm")
    def realm() -> dict[str, Any]:
        rows = [{"realm": world.default, "speed": 1, "v0": None, "w0": None, "now": format_time(NOW)}]
        return {"default": world.default, "realms": rows + world.drills}

    @app.get("/v1/alerts")
    def alerts() -> dict[str, Any]:
        return {"items": world.alerts, "next": None}

    @app.get("/v1/evacuation/route")
    def route(format: str = "json") -> Any:
        if format == "geojson":
            line = {"type": "LineString", "coordinates": [[108.77, 29.31], [108.76, 29.31]]}
            return {"type": "Feature", "geometry": line, "properties": world.route}
        return world.route

    @app.get("/v1/evacuation/bundle")
    def bundle(at: str | None = None) -> Response:
        try:
            return JSONResponse(world.bundle(at))
        except KeyError:
            return JSONResponse({"code": "not_found"}, 404)

    @app.post("/v1/checkins")
    async def check_in(request: Request, realm: str | None = None) -> Response:
        world.said.append((dict(request.headers), await request.json(), realm))
        if world.checkin is not None:
            return JSONResponse(world.checkin[1], world.checkin[0])
        kind = world.said[-1][1]["kind"]
        return JSONResponse({"receipt": f"R-{len(world.said):06}", "kind": kind, "at": format_time(NOW)}, 201)

    return app


class Phone:
    """A phone in front of the console."""

    def __init__(self, http: httpx.Client, world: World, clock: ManualClock) -> None:
        self.http, self.world, self.clock = http, world, clock

    def get(self, path: str = "/m", status: int = 200, **headers: str) -> str:
        answer = self.http.get(path, headers={"Accept-Language": "zh-CN"} | headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def wait(self, seconds: float = FRESH_S + 1) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def send(self, query: str = "", **fields: Any) -> httpx.Response:
        return self.http.post(f"/m/report{query}", data=fields, headers={"Accept-Language": "zh-CN"})


@pytest.fixture
def phone() -> Iterator[Phone]:
    world, clock = World(), ManualClock(NOW)
    with ExitStack() as stack:
        urls = {
            f"{name}_url": stack.enter_context(serving(service_app(name, world)))
            for name in ("warning", "dispatch", "resources")
        }
        settings = ConsoleSettings(host="127.0.0.1", port=0, public_url="https://m.example.invalid", **urls)
        url = stack.enter_context(serving(create_app(settings, clock)))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=20))
        yield Phone(http, world, clock)


def plain(html: str) -> str:
    """What is read, in its order."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<head>.*?</head>", "", html)))


def shown(html: str) -> str:
    """The same without what only an old page shows."""
    return plain(re.sub(r'(?s)<div class="[^"]*only-stale".*?</div>', "", html))


def released(level: str = "red", state: str = "released", until: str = "2026-06-28T15:00:00Z") -> dict[str, Any]:
    return {
        "level": level,
        "state": state,
        "headline": f"濯水镇达到暴雨{level}标准（实况）",
        "instruction": "请立即远离河道",
        "text": {"headline_en": f"{level} rainstorm", "instruction_en": "Leave the river"},
        "sent_at": "2026-06-28T03:00:00Z",
        "expires_at": until,
    }


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


# --- check-ins --------------------------------------------------------------------------------------------------


def test_a_request_for_help_goes_on_with_the_visitors_address(phone: Phone) -> None:
    form = phone.get("/m/report?kind=need_help&at=guest-1")
    assert plain(form).index("先打电话") < plain(form).index("怎么了")
    mark = re.search(r'name="mark" value="([^"]+)"', form)
    assert mark is not None
    fields = {"kind": "need_help", "needs": ["trapped", "children"], "people": "3", "at": "guest-1", "mark": mark[1]}
    fields |= {"name": SECRET[0], "phone": SECRET[1], "lat": "29.31", "lon": "108.77", "accuracy": "12"}
    answer = phone.http.post("/m/report", data=fields, headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 201
    assert "R-000001" in answer.text
    assert "这不等于救援已经出发" in answer.text
    assert not [each for each in SECRET if each in answer.text]
    headers, body, realm = phone.world.said[0]
    assert (headers["x-forwarded-for"], realm) == ("203.0.113.9", "x-live")
    assert "authorization" not in headers
    assert (body["needs"], body["people"], body["place"], body["lat"]) == (["trapped", "children"], 3, "guest-1", 29.31)
    cookie = answer.headers["set-cookie"].lower()
    for wanted in ("httponly", "samesite=lax", "path=/m"):
        assert wanted in cookie
    phone.http.post("/m/report", data=fields)
    keys = [said[0]["idempotency-key"] for said in phone.world.said]
    assert keys[0] == keys[1]  # a double click
    assert phone.world.said[1][1]["device"] == body["device"] == phone.http.cookies[COOKIE]
    phone.http.post("/m/report", data={**fields, "people": "4"})
    assert phone.world.said[2][0]["idempotency-key"] != keys[0]


def test_safe_is_sent_as_safe_and_is_not_called_verified(phone: Phone) -> None:
    answer = phone.send("?lang=en", kind="safe", mark="m")
    assert phone.world.said[0][1]["kind"] == "safe"
    assert "not verified yet" in answer.text


@pytest.mark.parametrize(("status", "text"), [(429, "报的人太多"), (503, "没有发出去"), (422, "没有发出去")])
def test_what_was_not_taken_is_said_to_be_not_sent(phone: Phone, status: int, text: str) -> None:
    phone.world.checkin = (status, {"code": "x", "title": "x", "detail": "x"})
    answer = phone.send(kind="need_help", name=SECRET[0], needs="injured", mark="m-1")
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert text in answer.text
    assert "119" in answer.text
    assert "R-0" not in answer.text
    assert f'value="{SECRET[0]}"' in answer.text  # nothing that was typed is lost
    assert 'value="injured" checked' in answer.text
    assert 'value="m-1"' in answer.text


def test_with_dispatch_away_it_is_not_sent(phone: Phone) -> None:
    phone.world.away = {"dispatch"}
    assert "没有发出去！请马上打 119" in phone.send(kind="need_help").text


def test_another_sites_form_is_not_sent_on_and_who_hides_is_not_refused(phone: Phone) -> None:
    for strange in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = phone.http.post("/m/report", data={"kind": "safe"}, headers=strange)
        assert answer.status_code == 403
    assert phone.world.said == []
    assert phone.http.post("/m/report", data={"kind": "safe"}, headers={"Origin": "null"}).status_code == 201


def test_a_large_form_is_refused_unread(phone: Phone) -> None:
    answer = phone.http.post("/m/report", data={"kind": "safe", "words": "x" * FORM_BYTES_MAX})
    assert (answer.status_code, phone.world.said) == (413, [])


def test_the_page_says_nothing_of_an_officer(phone: Phone) -> None:
    """The console's cookie opens nothing here, and is passed on to nobody."""
    phone.http.cookies.set("fengsui", "a.b.c")
    phone.send(kind="safe")
    headers, _, _ = phone.world.said[0]
    assert "authorization" not in headers
    assert "cookie" not in headers
