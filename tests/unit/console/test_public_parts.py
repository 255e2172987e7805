"""公众页 parts: language, what is read as the way out (never as safe), old answers, forms, drawing, code."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.datastructures import FormData, QueryParams

from console.peers import Asked
from console.public.ask import Spot, spot_of
from console.public.lang import Language, language_of
from console.public.qr import code_svg
from console.public.report import SAME_S, key_of, typed_of
from console.public.sketch import sketch_svg
from console.public.sources import FAILED_S, FRESH_S, KEPT_FOR, Seen, Sources
from console.public.view import MUST_LEAVE, WayState, Where, alerts_of, place_of, way_of
from console.times import moment
from console.words.public import TEXT

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)


# --- language ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "accept", "read"),
    [
        (None, None, Language("zh")),
        (None, "", Language("zh")),
        (None, "*", Language("zh")),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", Language("zh")),
        (None, "en-GB;q=0.7,zh;q=0.3", Language("en")),
        (None, "fr-FR,fr;q=0.9,en;q=0.1", Language("en")),
        (None, "fr-FR,de;q=0.9", Language("en", "fr")),
        (None, "fr,en;q=0", Language("en", "fr")),
        ("en", "zh-CN", Language("en")),
        ("zh-Hans", "en", Language("zh")),
        ("fr", "zh-CN", Language("zh", "fr")),
        ("fr", None, Language("en", "fr")),
        ("<b>", "zh", Language("zh", "<b>")),
        (None, "en;q=x, ,;;", Language("zh")),
    ],
)
def test_language(asked: str | None, accept: str | None, read: Language) -> None:
    assert language_of(asked, accept) == read


def test_every_sentence_stands_in_both_languages_with_the_same_blanks() -> None:
    for name, (zh, en) in TEXT.items():
        assert zh, name
        assert en, name
        assert zh.count("{") == en.count("{"), name


# --- the way out ------------------------------------------------------------------------------------------------

OK = Seen(Asked(body={"status": "not_in_danger"}, status=200), NOW)


def seen(status: str, *codes: str, is_old: bool = False, **more: Any) -> Seen:
    warnings = [{"code": code, "zh": code, "en": code} for code in codes]
    return Seen(Asked(body={"status": status, "warnings": warnings, **more}, status=200), NOW, is_old)


AWAY = Seen(Asked(wrong="resources: ConnectError"), NOW, wrong="x")
E, W, N = Where.EXACT, Where.WIDE, Where.NOWHERE


@pytest.mark.parametrize(
    ("answer", "where", "state"),
    [
        (seen("inside"), E, WayState.INSIDE),
        (seen("inside"), W, WayState.INSIDE),
        (seen("route"), E, WayState.ROUTE),
        (seen("no_route"), E, WayState.NO_ROUTE),
        (seen("not_in_danger", "holds_for_this_version"), E, WayState.CALM),
        (seen("not_in_danger", "holds_for_this_version"), W, WayState.CALM_WIDE),  # a village is wider than its middle
        (seen("not_in_danger"), N, WayState.CHOOSE),
        (seen("unknown", "plan_being_made"), E, WayState.UNKNOWN),
        (seen("unknown", "plan_overdue"), W, WayState.UNKNOWN),
        (seen("unknown", "no_current_plan"), E, WayState.NO_PLAN),
        (seen("unknown", "no_current_plan", "order_without_zone"), E, WayState.UNKNOWN),
        (seen("something new"), E, WayState.UNKNOWN),
        (seen("not_in_danger", is_old=True), E, WayState.AWAY),
        (AWAY, E, WayState.AWAY),
        (Seen(Asked(body=[], status=200), NOW), E, WayState.AWAY),
        (None, E, WayState.CHOOSE),
    ],
)
def test_how_an_answer_is_read(answer: Seen | None, where: Where, state: WayState) -> None:
    way = way_of(answer, where)
    assert way.state is state
    assert way.must_leave == (state in MUST_LEAVE)
    assert not way.has_way or way.shelter is not None


def test_only_one_state_says_that_one_need_not_leave() -> None:
    states = {way_of(seen(status), where).state for status in ("unknown", "x", "") for where in (E, W)}
    assert not states & {WayState.CALM, WayState.CALM_WIDE}


# --- the place --------------------------------------------------------------------------------------------------


def bundle(place: Any = None, region: str = "t", **more: Any) -> Seen:
    body = {"district": "d", "region": {"id": region, "name": "镇"}, "place": place, "places": [], **more}
    return Seen(Asked(body=body, status=200), NOW)


@pytest.mark.parametrize(
    ("answer", "by_position", "where"),
    [
        (bundle({"id": "t", "name": "镇", "kind": "township"}), False, N),
        (bundle({"id": "v", "name": "村", "kind": "village"}), False, W),
        (bundle({"id": "u", "name": "客栈", "kind": "unit"}), False, E),
        (bundle(None), True, E),
        (bundle(None), False, N),
        (bundle(None, "d"), True, N),
        (None, False, N),
        (AWAY, False, N),
    ],
)
def test_how_exactly_a_place_is_known(answer: Seen | None, by_position: bool, where: Where) -> None:
    assert place_of(answer, by_position=by_position).where is where


def test_a_position_elsewhere_is_said_to_be() -> None:
    assert place_of(bundle(None, "d"), by_position=True).is_elsewhere
    assert not place_of(bundle(None, "d"), by_position=False).is_elsewhere


@pytest.mark.parametrize(
    ("state", "usable", "is_old", "note", "is_no"),
    [
        ("open", True, False, "shelter_open", False),
        ("open", None, False, "shelter_open", False),
        ("open", False, False, "shelter_danger", True),
        ("open", True, True, "shelter_doubt", False),
        ("full", False, True, "shelter_full", True),
        ("unusable", None, False, "shelter_unusable", True),
        ("unknown", True, False, "shelter_unknown", False),
    ],
)
def test_what_is_said_of_a_shelter(state: str, usable: bool | None, is_old: bool, note: str, is_no: bool) -> None:
    shelter = {"name": "避难点", "state": state, "usable": usable, "accessible": True}
    known = bundle(None, shelters=[shelter])
    answer = Seen(known.asked, NOW, is_old)
    (found,) = place_of(answer, by_position=False).shelters
    assert (found.note, found.is_no) == (note, is_no)
    assert note in TEXT


# --- alerts -----------------------------------------------------------------------------------------------------


def alert(state: str, level: str = "red", until: str = "2026-06-28T12:00:00Z") -> dict[str, Any]:
    text = {"headline_en": "e", "instruction_en": "i"}
    return {"state": state, "level": level, "headline": "h", "instruction": "i", "text": text, "expires_at": until}


def test_the_worst_first_and_what_ran_out_still_stands() -> None:
    items = [alert("released", "blue"), alert("updated", "red", "2026-06-28T03:00:00Z"), alert("ended"), alert("draft")]
    found = alerts_of(Seen(Asked(body={"items": items}, status=200), NOW), NOW)
    assert [(each.level, each.is_expired) for each in found.standing] == [("red", True), ("blue", False)]
    assert (len(found.ended), found.is_known, found.old_at) == (2, True, None)


def test_no_answer_is_not_no_alert() -> None:
    assert not alerts_of(AWAY, NOW).is_known
    assert not alerts_of(Seen(Asked(body={"strange": 1}, status=200), NOW), NOW).is_known
    old = alerts_of(Seen(Asked(body={"items": [alert("released")]}, status=200), NOW, is_old=True), None)
    assert (old.old_at, old.standing[0].is_expired) == (NOW, False)


# --- sources ----------------------------------------------------------------------------------------------------


class Service:
    """A service that counts who asks, and can be away."""

    def __init__(self) -> None:
        self.asked, self.away, self.now = 0, False, NOW

    async def get(self, service: str, path: str, token: str | None, **query: Any) -> Asked:
        self.asked += 1
        await asyncio.sleep(0)
        return Asked(wrong="away") if self.away else Asked(body={"n": self.asked}, status=200)


def test_all_who_ask_at_once_share_an_answer_and_an_old_one_is_marked() -> None:
    service = Service()
    sources = Sources(service, lambda: service.now)  # type: ignore[arg-type]  # the part of Peers that it uses

    async def play() -> None:
        many = await asyncio.gather(*(sources.get("warning", "/v1/alerts", area="t") for _ in range(50)))
        assert {each.body["n"] for each in many} == {1}
        service.now += timedelta(seconds=FRESH_S / 2)
        assert (await sources.get("warning", "/v1/alerts", area="t")).body["n"] == 1
        assert (await sources.get("warning", "/v1/alerts", area="other")).body["n"] == 2
        service.now += timedelta(seconds=FRESH_S)
        assert (await sources.get("warning", "/v1/alerts", area="t")).body["n"] == 3
        first, service.away = service.now, True
        service.now += timedelta(minutes=5)
        old = await sources.get("warning", "/v1/alerts", area="t")
        assert (old.body["n"], old.is_old, old.at) == (3, True, first)
        never = await sources.get("warning", "/v1/alerts", area="t", keep=False)
        assert (never.is_missing, never.body) == (True, {})
        count = service.asked
        service.now += timedelta(seconds=FAILED_S / 2)
        await sources.get("warning", "/v1/alerts", area="t")
        assert service.asked == count  # one that hangs is not waited for by each visitor in turn
        service.now += KEPT_FOR
        assert (await sources.get("warning", "/v1/alerts", area="t")).is_missing

    with ThreadPoolExecutor(1) as pool:  # Playwright's own loop may run in this thread
        pool.submit(asyncio.run, play()).result()


def test_a_refusal_is_an_answer() -> None:
    assert not Seen(Asked(body={"code": "not_found"}, wrong="404", status=404), NOW).is_missing
    assert Seen(Asked(body={"code": "x"}, wrong="503", status=503), NOW).is_missing
    assert Seen(Asked(wrong="200", status=200), NOW).is_missing  # not JSON


# --- forms ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_costs_itself_alone() -> None:
    given = [("kind", "need_help"), ("needs", "trapped"), ("needs", "flying"), ("people", "三"), ("at", "../x")]
    given += [("lat", "29.3"), ("lon", "x"), ("phone", " 000 \n1 "), ("words", "水" * 500), ("mark", "m")]
    typed = typed_of(FormData(given))
    body = typed.body("device", "zh")
    assert body["needs"] == ["trapped"]
    assert body["phone"] == "000 1"
    assert len(body["words"]) == 200
    assert not {"people", "place", "lat", "lon", "accuracy_m", "name"} & set(body)
    assert typed_of(FormData([])).kind == "need_help"  # who says nothing more is not taken to be safe
    assert typed_of(QueryParams("kind=safe&lat=nan&lon=1")).lat is None


def test_a_message_sent_twice_is_one_and_a_changed_one_another() -> None:
    typed = typed_of(FormData([("kind", "need_help"), ("mark", "m")]))
    body = typed.body("device", "zh")
    key = key_of(typed, body, NOW)
    assert key == key_of(typed, typed.body("another", "zh"), NOW)
    assert key != key_of(typed, {**body, "people": 3}, NOW)
    assert key != key_of(typed, body, NOW + timedelta(seconds=SAME_S))  # a page that a phone kept for weeks


@pytest.mark.parametrize(
    ("query", "spot"),
    [
        ("at=guest-1", Spot(at="guest-1")),
        ("at=../etc", Spot()),
        ("lat=29.3&lon=108.77", Spot(lat=29.3, lon=108.77)),
        ("lat=29.3&lon=108.77&at=guest-1", Spot(lat=29.3, lon=108.77)),
        ("lat=29.3", Spot()),
        ("lat=nan&lon=108", Spot()),
        ("lat=91&lon=108&at=v", Spot(at="v")),
        ("", Spot()),
    ],
)
def test_where_one_asks_about(query: str, spot: Spot) -> None:
    assert spot_of(QueryParams(query)) == spot


# --- drawing and code -------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def test_the_sketch_is_a_drawing_of_what_there_is() -> None:
    ring = [[108.76, 29.30], [108.78, 29.30], [108.78, 29.32], [108.76, 29.30]]
    zone = {"kind": "danger", "geometry": {"type": "MultiPolygon", "coordinates": [[ring], [ring]]}}
    people = {"kind": "population", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    line = [(108.77, 29.31), (108.765, 29.315)]
    whole = ElementTree.fromstring(sketch_svg(line[0], line, line[-1], [zone, people]))  # noqa: S314 - our own text
    assert len(whole.findall(f"{SVG}path")) == 4  # two areas, the way and its border
    assert len(whole.findall(f"{SVG}circle")) == 1
    for empty in (
        sketch_svg(None, [], None, []),
        sketch_svg(line[0], [], None, [zone]),
        sketch_svg(None, [], None, [zone]),
    ):
        assert ElementTree.fromstring(empty).tag == f"{SVG}svg"  # noqa: S314 - our own text


def test_the_code_names_its_place_and_escapes_it() -> None:
    text = code_svg("https://example.invalid/m?at=guest-1", "客栈 <一> & 一个名字很长的地方", "示例区")
    root = ElementTree.fromstring(text)  # noqa: S314 - our own text
    said = "".join(root.itertext())
    for wanted in ("扫码看出路", "Scan: way out", "客栈 <一> &", "示例区", "119"):
        assert wanted in said
    assert root.findall(f".//{SVG}path")


def test_moments_as_people_read_them() -> None:
    assert moment("2026-06-27T19:05:00Z", "zh") == "6月28日 03:05"
    assert moment(NOW, "en") == "28 Jun 11:07"
    assert moment(None, "zh") == "—"
