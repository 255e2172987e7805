"""The console on real HTTP over three services that are only their answers: login, pages, parts, streams, away."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from lxml import html

from console.main import create_app
from console.peers import Asked, Peers
from console.settings import ConsoleSettings
from shared.clock import ManualClock
from shared.ids import sha256_hex
from shared.realm import format_time, parse_time
from tests.support.patience import PATIENCE_S
from tests.support.serving import serving

NOW = parse_time("2026-11-23T18:00:00Z")
DOMAIN = parse_time("2024-06-27T15:00:00Z")


def token(exp_s: float = 3600) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": "duty_officer", "roles": ["duty_officer"], "realm": ["*"], "exp": int(NOW.timestamp() + exp_s)}
    return f"{part({})}.{part(claims)}.{part('x')}"


NUMBERS = {
    "ready": True,
    "wrong": {},
    "notes": {"broker": "demo broker"},
    "waiting": 0,
    "parked": 0,
    "numbers": {
        "orders": {},
        "callouts": {"unanswered": 4, "oldest_unanswered_at": None},
        "stations": {"living": 3},
        "checkins": {"need_help": {"unverified": 0}},
        "to_sign": {
            "total": 1,
            "items": [
                {"order_id": "O-1", "kind": "evacuate", "level": "red", "state": "awaiting_signature"}
                | {"name": "<濯水镇>", "units": 2, "wording": {"zh": "转移", "en": "Evacuate"}, "due_at": None}
            ],
        },
        "cases": [],
        "newest": [
            {"at": "2026-06-27T20:30:00Z", "known_at": "2026-06-27T20:30:00Z", "kind": "trip"}
            | {"text": {"zh": "升为红色", "en": "rose to red"}}
        ],
    },
}


TOWNSHIP = "500114112"


def alarm() -> dict[str, Any]:
    because = {"station": "s1", "name": "甲站", "window": "3h", "statistic": "sum", "value": 101.5, "bound": 100}
    row = {"fuse": "rainstorm", "scope": TOWNSHIP, "name": "<濯水镇>", "level": "red", "blind": False}
    row |= {"title": {"zh": "暴雨", "en": "Rainstorm"}, "verification": "unconfirmed", "confirmed_level": "orange"}
    row |= {"per": "township", "region": TOWNSHIP, "silent": [], "stations": ["s1"]}
    why = {"since": format_time(DOMAIN), "reason": "threshold", "because": [{**because, "level": "red"}]}
    return {**row, "why": why}


def told_event(number: int, said: dict[str, Any]) -> str:
    return f"id: {number}\nevent: {said['kind']}\ndata: {json.dumps(said)}\n\n"


def _tell_of_an_incident(app: FastAPI) -> None:
    """One incident, whose timeline has two pages of a line each."""

    @app.get("/v1/incidents/I-0001")
    def incident() -> dict[str, Any]:
        told = {"incident_id": "I-0001", "level": "red", "hazards": [], "areas": [], "opened_at": format_time(DOMAIN)}
        return {**told, "commander": None, "orders": []}

    @app.get("/v1/incidents/I-0001/timeline")
    def timeline(cursor: str | None = None) -> dict[str, Any]:
        said = {"at": format_time(DOMAIN), "known_at": format_time(DOMAIN), "kind": "opened", "subject": "t"}
        text = "旧的一行" if cursor == "older=" else "新的一行"
        items = [{**said, "by": None, "text": {"zh": text, "en": text}}]
        return {"items": items, "next": None if cursor else "older="}


def _tell_of_an_alarm(app: FastAPI) -> None:
    @app.get("/v1/packs/active")
    def pack() -> dict[str, Any]:
        place = {"code": TOWNSHIP, "name": "濯水镇", "level": "township", "parent": None}
        return {"version": "v", "district": "500114", "name": {"zh": "黔江"}, "hazards": [], "regions": [place]}

    @app.get("/v1/fuses")
    def fuses(realm: str) -> dict[str, Any]:
        items = [alarm()] if realm == "x-flood-night" else []
        counts = {"total": 2, "blind": 1, "levels": {"normal": 1, "red": len(items)}}
        return {"items": items, "next": None, "summary": {**counts, "areas": {TOWNSHIP: counts}}}


def service_app(seen: list[httpx.Headers], ends: threading.Event) -> FastAPI:
    """All three services in one."""
    app = FastAPI()

    @app.get("/v1/realm")
    def realm() -> dict[str, Any]:
        clocks = {"speed": 60, "v0": format_time(DOMAIN), "w0": format_time(NOW), "now": format_time(DOMAIN)}
        return {
            "default": "x-live",
            "pack": "v",
            "realms": [
                {"realm": "x-flood-night", **clocks},
                {"realm": "x-live", "speed": 1, "v0": None, "w0": None, "now": format_time(NOW)},
            ],
        }

    @app.get("/v1/numbers")
    def numbers() -> dict[str, Any]:
        return NUMBERS

    _tell_of_an_incident(app)
    _tell_of_an_alarm(app)

    @app.get("/v1/callouts")
    @app.get("/v1/orders")
    @app.get("/v1/stations")
    @app.get("/v1/incidents")
    def nothing(request: Request) -> Response:
        if "authorization" not in request.headers:
            return JSONResponse({"code": "unauthorized"}, 401)
        return JSONResponse({"items": [], "next": None})

    @app.post("/v1/token")
    async def login(request: Request) -> Response:
        form = await request.form()
        if form.get("password") == "right":
            return JSONResponse({"access_token": token(), "expires_in": 3600})
        return JSONResponse({"code": "invalid_grant"}, 401)

    @app.get("/v1/events")
    def events(request: Request, realm: str) -> Response:
        seen.append(httpx.Headers(dict(request.headers)))
        if request.headers.get("last-event-id") == "1":
            return JSONResponse({"code": "gone"}, 410)
        moved = {"kind": "transition", "body": {"fuse": "rainstorm", "scope": TOWNSHIP, "alarm": alarm()}}
        odd = {"kind": "transition", "body": {"fuse": "rainstorm", "scope": TOWNSHIP, "alarm": {"level": "red"}}}
        frame = "retry: 1000\n\n" + told_event(6, moved)  # missed, and told before the figures are
        frame += told_event(7, {"kind": "callout.answered", "realm": realm})
        if request.query_params.get("numbers") == "true":
            frame += f"event: numbers\ndata: {json.dumps(NUMBERS)}\n\n"
        frame += told_event(8, moved) + told_event(9, odd)

        async def said() -> AsyncIterator[str]:
            yield frame[:30]
            yield frame[30:]
            await asyncio.to_thread(ends.wait, PATIENCE_S)

        return StreamingResponse(said(), media_type="text/event-stream")

    return app


class Console:
    def __init__(
        self, url: str, clock: ManualClock, links: Path, headers: list[httpx.Headers], ends: threading.Event
    ) -> None:
        self.url, self.clock, self.links, self.headers = url, clock, links, headers
        self.ends = ends  # whether the services' streams end by themselves
        self.http = httpx.Client(base_url=url, timeout=20)

    def log_in(self) -> None:
        answer = self.http.post("/login", data={"username": "duty_officer", "password": "right"})
        assert answer.status_code == 303


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    clock = ManualClock(NOW)
    headers: list[httpx.Headers] = []
    with ExitStack() as stack:
        ends = threading.Event()
        ends.set()
        stack.callback(ends.set)
        peer = stack.enter_context(serving(service_app(headers, ends)))
        settings = ConsoleSettings(
            host="127.0.0.1", port=0, warning_url=peer, dispatch_url=peer, resources_url=peer, links=tmp_path
        )
        made = Console(stack.enter_context(serving(create_app(settings, clock))), clock, tmp_path, headers, ends)
        stack.callback(made.http.close)
        yield made


def test_nobody_sees_anything_without_a_login(console: Console) -> None:
    assert console.http.get("/").headers["location"] == "/login"
    assert console.http.get("/part/overview/list").status_code == 401
    assert console.http.get("/stream?realm=x-live").status_code == 401
    assert console.http.get("/login").status_code == 200


def test_a_password_logs_in_and_a_wrong_one_does_not(console: Console) -> None:
    wrong = console.http.post("/login", data={"username": "a", "password": "b"})
    assert wrong.status_code == 403
    assert "口令错误" in wrong.text
    answer = console.http.post("/login", data={"username": "duty_officer", "password": "right"})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert console.http.post("/login", data={"token": "not.a.token"}).status_code == 403


def test_another_sites_form_is_refused(console: Console) -> None:
    for path in ("/login", "/logout"):
        answer = console.http.post(path, data={"token": token()}, headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_the_one_time_link(console: Console) -> None:
    (console.links / sha256_hex(b"abc")).write_text(token())
    assert console.http.get("/login?code=wrong").status_code == 403
    assert console.http.get("/login?code=abc").headers["location"] == "/"
    assert console.http.get("/").status_code == 200
    assert console.http.get("/login?code=abc").status_code == 403


def test_the_page_opens_on_the_running_drill_in_both_languages(console: Console) -> None:
    console.log_in()
    page = console.http.get("/")
    assert page.status_code == 200
    for wanted in (
        "演练",
        "x-flood-night",
        "06-27 23:00:00",
        "&lt;濯水镇&gt;",
        "待核实",
        "甲站",
        "101.5",
        "demo broker",
    ):
        assert wanted in page.text
    assert "<濯水镇>" not in page.text
    english = console.http.get("/?lang=en")
    for wanted in ("EXERCISE", "Rainstorm", "unconfirmed", "&lt;濯水镇&gt; +1", "rose to red", "no calls"):
        assert wanted in english.text
    assert "没有告警" in console.http.get("/?realm=x-live&lang=zh").text


def test_nothing_comes_from_elsewhere_and_no_script_stands_in_the_page(console: Console) -> None:
    console.log_in()
    page = console.http.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.text.count("<script") == page.text.count('<script type="module" src="/static/') > 0
    assert 'src="/static/console.js"' in page.text
    assert "style=" not in page.text
    assert "onclick" not in page.text
    for path in ("/static/console.js", "/static/live.js", "/static/console.css", "/static/beacon.svg"):
        answer = console.http.get(path)
        assert answer.status_code == 200
        assert "https://" not in answer.text


def test_of_a_long_timeline_the_page_says_that_there_is_more_and_where(console: Console) -> None:
    console.log_in()
    newest = html.fromstring(console.http.get("/incidents/I-0001?realm=x-flood-night&show=all").text)
    assert "新的一行" in newest.text_content()
    (link,) = newest.xpath("//a[@rel='prev']")
    assert link.text_content() == "更早的记事"
    older = html.fromstring(console.http.get(link.get("href")).text)
    assert "旧的一行" in older.text_content()
    assert "新的一行" not in older.text_content()
    assert "不含最新" in older.text_content()
    assert not older.xpath("//a[@rel='prev']")
    (part,) = older.xpath("//div[@data-part]/@data-part")
    assert "旧的一行" in console.http.get(part).text
    (back,) = older.xpath("//a[text()='最新的记事']/@href")
    assert "新的一行" in console.http.get(back).text


def test_a_part_tells_the_clock_anew(console: Console) -> None:
    console.log_in()
    part = console.http.get("/part/overview/list?realm=x-flood-night")
    assert "<html" not in part.text
    assert parse_time(part.headers["x-domain-now"]) == DOMAIN
    assert console.http.get("/part/nothing").status_code == 404


def test_an_expired_login_is_sent_back_to_the_door(console: Console) -> None:
    console.log_in()
    console.clock.set(NOW + timedelta(hours=2))
    assert console.http.get("/").headers["location"] == "/login?why=expired"
    assert console.http.get("/part/overview/list").status_code == 401


def test_who_had_to_log_in_again_is_back_where_he_was(console: Console) -> None:
    door = console.http.get("/?realm=x-live&lang=en")
    assert door.headers["location"] == "/login"
    login = {"username": "duty_officer", "password": "right"}
    assert console.http.post("/login?next=%2Forders%2FO-0001%3Frealm%3Dx-live", data=login).headers["location"] == (
        "/orders/O-0001?realm=x-live"
    )
    for elsewhere in ("//evil.example", "/\\evil.example", "https://evil.example", "evil"):
        answer = console.http.post("/login", params={"next": elsewhere}, data=login)
        assert answer.headers["location"] == "/"


def test_one_connection_follows_all_services(console: Console) -> None:
    console.log_in()
    mark = {"Last-Event-ID": "dispatch=6,warning=1,evil=2"}
    told: list[str] = []
    with console.http.stream("GET", "/stream?realm=x-live", headers=mark) as answer:
        for line in answer.iter_lines():
            told.append(line)
            if {"event: gap", 'data: {"service":"warning"}'} <= set(told) and sum(
                "callout.answered" in t for t in told
            ) > 1:
                break
    numbers = {(seen["authorization"] != "", seen.get("last-event-id")) for seen in console.headers}
    assert {(True, "6"), (True, "1"), (True, None)} <= numbers
    at = next(n for n, line in enumerate(told) if '"service":"dispatch","event":{"kind": "callout.answered"' in line)
    assert "dispatch=7" in told[at - 1]
    assert not any(line.startswith("event: callout") for line in told)


def test_the_strip_comes_as_the_services_tell_their_numbers_and_is_not_known_where_one_is_away(
    console: Console,
) -> None:
    console.log_in()
    console.ends.clear()
    with console.http.stream("GET", "/stream?realm=x-live&parts=strip,todo,newest") as answer:
        lines = answer.iter_lines()
        told = (json.loads(next(lines).removeprefix("data: ")) for line in lines if line == "event: told")
        shown: dict[str, str] = {}
        while shown.keys() < {"strip", "todo", "newest"}:
            shown |= next(told)["parts"]
        assert '未应答</dt><dd><b class="warn">4</b>' in shown["strip"]
        assert "&lt;濯水镇&gt; +1" in shown["todo"]
        assert "04:30:00" in shown["newest"]
        console.ends.set()
        while "dispatch: away" not in shown["todo"] or "dispatch: away" not in shown["newest"]:
            shown |= next(told)["parts"]
        assert '未应答</dt><dd><b class="unknown">不知道</b>' in shown["strip"]


def transitions(console: Console, service: str, **asked: str) -> list[dict[str, Any]]:
    """The bridge's messages with the three transitions of this service: one missed, one new, one that is not whole."""
    said: list[dict[str, Any]] = []
    with console.http.stream("GET", "/stream", params={"realm": "x-flood-night", **asked}) as answer:
        for line in answer.iter_lines():
            if f'"service":"{service}","event":{{"kind": "transition"' in line:
                said.append(json.loads(line.removeprefix("data: ")))
            if len(said) == 3:
                return said
    pytest.fail(f"{service} said {said}")


def test_a_page_with_the_list_of_alarms_has_with_an_event_the_row_that_it_changes(console: Console) -> None:
    console.log_in()
    listed = console.http.get("/part/overview/list?realm=x-flood-night")
    (row,) = html.fragments_fromstring(listed.text, no_leading_text=True)[-1].xpath("//li[@data-sel]")
    _, said, _ = transitions(console, "warning", rows="true")
    told = said["row"]
    assert (told["sel"], told["rank"], told["township"]) == (row.get("data-sel"), 4, TOWNSHIP)
    (fresh,) = html.fragments_fromstring(told["html"].strip())
    assert fresh.xpath("string(div)").split() == row.xpath("string(div)").split()
    assert "101.5" in fresh.text_content()
    _, said, _ = transitions(console, "warning", rows="true")
    assert said["row"] == told


def test_what_a_page_missed_has_no_row_nor_what_is_not_whole_and_the_stream_goes_on(console: Console) -> None:
    console.log_in()
    console.http.get("/part/overview/list?realm=x-flood-night")  # the words of the pack
    assert ["row" in said for said in transitions(console, "warning", rows="true")] == [False, True, False]
    for asked in ({"service": "warning"}, {"service": "dispatch", "rows": "true"}):
        assert not any("row" in said for said in transitions(console, **asked))


def test_with_every_service_away_the_page_says_so_and_stays(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    settings = ConsoleSettings(host="127.0.0.1", port=0, warning_url=dead, dispatch_url=dead, resources_url=dead)
    with serving(create_app(settings, ManualClock(NOW))) as url, httpx.Client(base_url=url, timeout=30) as http:
        assert http.get("/readyz").json()["notes"].keys() == {"warning", "dispatch", "resources"}
        assert http.post("/login", data={"username": "a", "password": "b"}).status_code == 503
        assert http.post("/login", data={"token": token()}).status_code == 303
        page = http.get("/")
        assert page.status_code == 200
        assert page.text.count("不知道") >= 5
        assert "时钟停住" in page.text
        for layer in ("base", "zones", "marks"):  # the map says so too, and takes off nothing
            assert http.get(f"/part/map/{layer}?realm=x-live").json()["wrong"]
        with http.stream("GET", "/stream?realm=x-live&parts=strip") as stream:  # else a browser gives up for good
            assert stream.status_code == 200
            assert "event: away" in stream.iter_lines()
        assert http.get("/stream?realm=../x").status_code == 404
        wrong = http.get("/stream?realm=x-live&parts=strip,evil")
        assert (wrong.status_code, wrong.json()["field"]) == (422, "parts")


def test_an_unknown_language_is_told_and_the_page_stands(console: Console) -> None:
    console.log_in()
    page = console.http.get("/?lang=fr")
    assert page.status_code == 200
    assert "没有这种语言" in page.text
    assert "This language is not available" in page.text
    assert "fengsui_lang" not in page.headers.get("set-cookie", "")
    assert "没有这种语言" not in console.http.get("/?lang=en").text


def test_a_connection_that_the_service_had_just_closed_is_not_a_service_that_is_away() -> None:
    """A kept connection that dies as it is used again: the question is asked once more, on a new one."""
    asked: list[bytes] = []

    async def ask_twice() -> list[Asked]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            if len(asked) != 2:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                await writer.drain()
            if len(asked) == 1:
                asked.append(await reader.readuntil(b"\r\n\r\n"))  # the second question, and no answer to it
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = ConsoleSettings(host="127.0.0.1", port=0, warning_url=url, dispatch_url=url, resources_url=url)
        peers = Peers(settings)
        try:
            return [await peers.get("warning", "/v1/realm"), await peers.get("warning", "/v1/realm")]
        finally:
            await peers.close()
            server.close()
            await server.wait_closed()

    first, second = asyncio.run(ask_twice())
    assert (first.wrong, second.wrong) == (None, None)
    assert len(asked) == 3
