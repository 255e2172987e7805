"""The overview in Chromium: the red is seen; list, map, card and URL share one selection; so without the map."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from shared.clock import poll_until
from tests.e2e.browser.conftest import TOWNSHIP, OpenPage
from tests.support.chromium import PATIENCE_MS, serious_findings, until
from tests.support.district import District
from tests.support.real import require_real
from tests.support.resources import sample_pack

RED = f"fuses:rainstorm/{TOWNSHIP}"
GAUGE = "stations:rain-zs-01"
WANT = "(name) => { import('/static/live.js').then((live) => live.want(document.getElementById(name))); }"


@pytest.fixture(scope="module", autouse=True)
def _map_is_installed() -> None:
    from console.desk import VENDOR, VENDOR_FILES

    require_real(all((VENDOR / name).is_file() for name in VENDOR_FILES), "MapLibre (console/frontend)")


def row(page: Page, sel: str) -> str:
    return f'[id="row-{sel}"]'


def drawn(page: Page) -> None:
    """Until the map has drawn its marks."""
    until(page, "Number(document.getElementById('map').dataset.marks) > 0")
    until(page, "document.getElementById('map').map.loaded()")


def look_at_the_gauge(page: Page) -> list[float]:
    """Move the map there; where that is."""
    station = sample_pack().stations[GAUGE.partition(":")[2]]
    at = [station.lon, station.lat]
    page.evaluate("at => document.getElementById('map').map.jumpTo({center: at, zoom: 13})", at)
    return at


def sees_the_gauge(page: Page) -> None:
    """Until the gauge's mark, red or orange, stands in the middle of the map, and its ground is copied."""
    until(
        page,
        """() => {
            const pixels = (name, of) => {
                const canvas = document.querySelector(`#map canvas.${name}`), { width, height } = canvas;
                return canvas.getContext('2d').getImageData(...of(width, height)).data;
            };
            const [red, green, blue] = pixels('map-over', (width, height) => [width / 2, height / 2, 1, 1]);
            const ground = pixels('map-copy', (width, height) => [0, 0, width, height]);
            return red > 120 && green < red * .7 && blue < red * .5 && ground.some((part) => part > 0);
        }""",
    )


def click_on_map(page: Page, station_id: str) -> None:
    """Go to where a station is, and click it once it is drawn there and nothing lies on it."""
    station = sample_pack().stations[station_id]
    at = [station.lon, station.lat]
    page.evaluate("at => document.getElementById('map').map.jumpTo({center: at, zoom: 15})", at)
    until(
        page,
        """([at, sel]) => {
            const map = document.getElementById('map').map;
            if (!map.loaded() || map.isMoving()) return false;
            return document.getElementById('map').overlay.found(map.project(at)).sel === sel;
        }""",
        [at, f"stations:{station_id}"],
    )
    x, y = page.evaluate(
        """at => {
            const place = document.getElementById('map');
            const box = place.getBoundingClientRect(), drawn = place.map.project(at);
            return [box.x + drawn.x, box.y + drawn.y];
        }""",
        at,
    )
    page.mouse.click(x, y)


def test_the_red_is_seen_and_one_selection_is_shared(open_page: OpenPage) -> None:
    page = open_page("/")
    red = page.locator(row(page, RED))
    expect(red).to_contain_text("濯水镇")
    expect(red.locator(".level")).to_have_text("红")
    expect(page.locator("header.head")).to_contain_text("演练")
    drawn(page)
    # from the list to the map
    red.locator("[data-pick]").click()
    expect(page.locator("#card")).to_contain_text("3h累计")
    expect(page.locator("#map")).to_have_attribute("data-chosen", RED)
    assert f"sel={RED.replace(':', '%3A').replace('/', '%2F')}" in page.url
    # from the map to the list, which turns to the stations
    click_on_map(page, GAUGE.partition(":")[2])
    gauge = page.locator(row(page, GAUGE))
    expect(gauge.locator("[data-pick]")).to_have_attribute("aria-current", "true")
    expect(page.locator("#card")).to_contain_text("濯水镇1号雨量站")
    expect(gauge.locator(".level")).to_have_text(re.compile("红|橙"))  # the alarm is read off this gauge
    # a link shows the same to somebody else
    page.goto(page.url)
    expect(page.locator("#card")).to_contain_text("濯水镇1号雨量站")
    assert serious_findings(page) == []


def test_without_a_graphics_card_the_map_is_copied_as_it_is_drawn_and_keeps_its_keys(open_page: OpenPage) -> None:
    page = open_page(f"/?sel={GAUGE}")
    drawn(page)
    expect(page.locator("#map .maplibregl-canvas:not(.map-copy)")).to_be_hidden()
    look_at_the_gauge(page)
    sees_the_gauge(page)
    before = page.evaluate("document.getElementById('map').map.getCenter().lng")
    page.locator("#map .map-copy").press("ArrowRight")
    until(page, "lng => document.getElementById('map').map.getCenter().lng > lng", before)


def test_a_map_whose_drawing_the_browser_took_away_is_copied_again_once_it_is_given_back(open_page: OpenPage) -> None:
    page = open_page(f"/?sel={GAUGE}")
    drawn(page)
    look_at_the_gauge(page)
    sees_the_gauge(page)
    page.evaluate(  # in the middle of a copy, and with an empty copy to begin with
        """() => {
            const { map } = document.getElementById('map'), drawing = map.gl.getExtension('WEBGL_lose_context');
            map.once('webglcontextlost', () => setTimeout(() => drawing.restoreContext()));
            map.copy();
            drawing.loseContext();
            map.shown.width = map.shown.width;
        }"""
    )
    sees_the_gauge(page)
    assert page.evaluate("document.getElementById('map').map.gl.isContextLost()") is False


def test_an_alarm_is_on_the_map_with_its_event_and_the_ground_is_not_drawn_for_it(
    district: District, open_page: OpenPage
) -> None:
    page = open_page("/")
    drawn(page)
    until(page, "(({ map }) => !map.drawing && !map.copying && !map.again)(document.getElementById('map'))")
    page.route("**/part/map/marks?*", lambda route: None)  # from here on the map knows what the events say
    page.evaluate(
        """code => {
            const { map, overlay } = document.getElementById('map');
            const town = overlay.regions.find((each) => each.code === code);
            window.ground = 0;
            map.on('render', () => { window.ground += 1; });
            window.middle = () => {
                const { x, y, scale } = overlay.at, [east, south] = town.middle;
                const at = [x + east * scale, y + south * scale].map((part) => part * devicePixelRatio);
                return overlay.pens[0].getImageData(...at, 1, 1).data.join();
            };
            window.calm = window.middle();
        }""",
        "500114117",
    )
    district.read("fire-xnh-01", "fire_index", 75)
    until(page, "window.middle() !== window.calm")  # the township's colour
    assert page.evaluate("window.ground") == 0


TOLD = """([scope, township, level]) => document.dispatchEvent(new CustomEvent('live:event', { detail: {
    service: 'warning',
    event: { kind: 'transition', body: { scope, to: level, confirmed_level: level, verification: 'confirmed' } },
    row: { sel: `fuses:flash_flood/${scope}`, township },
} }))"""
LEVEL = "code => document.getElementById('map').overlay.areas[code].level"
COLOURS = """code => {
    const { overlay } = document.getElementById('map'), pen = overlay.pens[0];
    const { path } = overlay.regions.find((each) => each.code === code), { width, height } = pen.canvas;
    const { data } = pen.getImageData(0, 0, width, height), found = new Set();
    overlay.far(pen);
    for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
        if (pen.isPointInPath(path, x, y)) found.add(data.slice((y * width + x) * 4, (y * width + x) * 4 + 3).join());
    }
    return found.size;
}"""


def test_a_villages_alarm_colours_its_township_and_an_older_answer_does_not_put_it_out(open_page: OpenPage) -> None:
    page = open_page("/")
    drawn(page)
    held: list[Route] = []
    page.route("**/part/map/marks?*", lambda route: held.append(route))
    page.evaluate("document.dispatchEvent(new CustomEvent('live:all'))")
    assert poll_until(lambda: page.evaluate("1") and held, PATIENCE_MS / 1000)
    asked = held.pop()
    old = asked.fetch().json()  # as it stood before the event, and answered after it
    old["areas"]["500114106"]["level"] = "normal"
    page.evaluate("window.before = document.getElementById('map').overlay.areas")
    page.evaluate("window.before['500114106'].level = 'normal'")  # whatever other tests left there
    page.evaluate(TOLD, ["500114106201", "500114106", "orange"])
    assert page.evaluate(LEVEL, "500114106") == "orange"
    asked.fulfill(json=old)
    until(page, "document.getElementById('map').overlay.areas !== window.before")
    assert page.evaluate(LEVEL, "500114106") == "orange"


def test_a_township_of_which_nothing_is_known_does_not_look_calm(open_page: OpenPage) -> None:
    page = open_page("/")
    drawn(page)
    page.evaluate(
        "document.getElementById('map').overlay.set({ areas: { 500114109: { level: 'normal', sight: 'all' } } })"
    )
    page.evaluate("document.getElementById('map').overlay.paintNow()")
    seen, unknown = page.evaluate(COLOURS, "500114109"), page.evaluate(COLOURS, "500114121")
    assert unknown > seen  # hatched


def test_danger_zones_that_cannot_be_had_stay_on_the_map_and_it_says_so(open_page: OpenPage) -> None:
    page = open_page("/")
    drawn(page)
    zones = "document.getElementById('map').overlay.zones.length"
    until(page, f"{zones} > 0")
    away = {"type": "FeatureCollection", "features": [], "wrong": ["resources: away"]}
    page.route("**/part/map/zones?*", lambda route: route.fulfill(json=away))
    page.evaluate("document.dispatchEvent(new CustomEvent('live:all'))")
    expect(page.locator("#map .map-wrong")).to_contain_text("resources: away")
    assert page.evaluate(zones) > 0


def before_the_townships(open_page: OpenPage) -> tuple[Page, Route]:
    """The page with its map, and the townships' answer, which is held back."""
    page = open_page("/login", role=None)
    held: list[Route] = []
    page.route("**/part/map/base?*", lambda route: held.append(route))
    page.context.add_cookies(open_page("/").context.cookies())
    page.goto(f"/?sel={GAUGE}")
    assert poll_until(lambda: page.evaluate("Boolean(document.getElementById('map').map)") and held, PATIENCE_MS / 1000)
    return page, held.pop()


def test_the_map_stays_where_the_officer_went_before_the_townships_came(open_page: OpenPage) -> None:
    page, townships = before_the_townships(open_page)
    at = look_at_the_gauge(page)
    townships.continue_()
    until(page, "document.getElementById('map').map.querySourceFeatures('regions').length > 0")
    sees_the_gauge(page)
    assert page.evaluate("document.getElementById('map').map.getCenter().toArray()") == pytest.approx(at)


def test_the_map_stays_as_near_as_the_officer_took_it_before_the_townships_came(open_page: OpenPage) -> None:
    page, townships = before_the_townships(open_page)
    page.evaluate("document.getElementById('map').map.setZoom(12.5) && null")
    townships.continue_()
    until(page, "document.getElementById('map').map.querySourceFeatures('regions').length > 0")
    assert page.evaluate("document.getElementById('map').map.getZoom()") == pytest.approx(12.5)


def test_townships_that_could_not_be_had_are_asked_for_again(open_page: OpenPage) -> None:
    page = open_page("/login", role=None)
    page.clock.install()
    page.route("**/part/map/base?*", lambda route: route.abort(), times=1)
    page.context.add_cookies(open_page("/").context.cookies())
    page.goto(f"/?sel={GAUGE}")
    until(page, "Number(document.getElementById('map').dataset.marks) > 0")
    assert page.evaluate("document.getElementById('map').overlay.regions.length") == 0
    page.clock.fast_forward(20_000)
    until(page, "document.getElementById('map').overlay.regions.length > 0")


def test_where_all_is_well_every_number_is_known_and_the_rest_comes_with_the_stream(open_page: OpenPage) -> None:
    page = open_page("/")
    until(page, "['strip', 'todo', 'newest'].every((name) => document.getElementById(name).told)")
    for name, says in (("strip", "待送消息"), ("todo", "C-0001"), ("newest", re.compile(r"\d\d:\d\d:\d\d"))):
        part = page.locator(f"#{name}")
        expect(part).to_contain_text(says)
        expect(part).not_to_contain_text("不知道")
        expect(part.locator(".unknown, .bad")).to_have_count(0)


def test_an_answer_that_is_older_than_what_the_stream_told_is_not_shown(
    district: District, open_page: OpenPage
) -> None:
    page = open_page("/")
    until(page, "document.getElementById('strip').told")
    held: list[Route] = []
    page.route("**/part/strip?*", lambda route: held.append(route))
    page.evaluate(WANT, "strip")
    assert poll_until(lambda: page.evaluate("1") and held, PATIENCE_MS / 1000)  # it is under way
    page.evaluate(
        """() => {
            const strip = document.getElementById('strip');
            window.toldBefore = strip.told;
            new MutationObserver(() => { window.saw = `${window.saw ?? ''} ${strip.textContent}`; })
                .observe(strip, { childList: true, subtree: true });
        }"""
    )
    district.read("rain-fj-04", "rain_mm", 1.0)  # a station less that was never heard
    until(page, "document.getElementById('strip').told !== window.toldBefore")
    assert len(held) == 1
    held.pop().fulfill(body="<p>old</p>")

    def shows_a_newer_one() -> bool | None:
        """Begun when the first is through; one more where the stream told something while it was under way."""
        page.evaluate(WANT, "strip")
        while held:
            held.pop().fulfill(body="<p>new</p>")
        return "new" in page.evaluate("window.saw ?? ''") or None

    assert poll_until(shows_a_newer_one, PATIENCE_MS / 1000)
    assert "old" not in page.evaluate("window.saw")


def without_loads_of_the_list(page: Page) -> list[Route]:
    """From now on the list is told by the stream alone; its loads that are held back."""
    expect(page.locator(".link.live")).to_have_count(3)
    until(page, "document.getElementById('list').asked")  # those of the beginning are through
    held: list[Route] = []
    page.route("**/part/overview/list?*", lambda route: held.append(route))
    page.evaluate(
        """document.addEventListener('live:event', ({ detail: { row } }) => {
            (window.toldOf ??= []).push(row?.sel);
            window.toldAt ??= performance.now();
        })"""
    )
    return held


def test_an_alarm_comes_whole_with_its_event_and_an_older_answer_does_not_take_it_back(
    district: District, open_page: OpenPage
) -> None:
    page = open_page("/?map=off")
    held = without_loads_of_the_list(page)
    before = page.evaluate("document.getElementById('list').innerHTML")
    page.evaluate(WANT, "list")
    assert poll_until(lambda: page.evaluate("1") and held, PATIENCE_MS / 1000)
    district.read("fire-ml-01", "fire_index", 75)
    alarm = page.locator(row(page, "fuses:forest_fire/500114111"))
    for says in ("马喇镇", "森林火险", "75"):
        expect(alarm).to_contain_text(says)
    expect(alarm.locator("[data-age]")).to_have_text("<1分")
    ranks = page.evaluate("[...document.querySelectorAll('#list > ol > li')].map((row) => Number(row.dataset.rank))")
    assert len(ranks) > 1
    assert ranks == sorted(ranks, reverse=True)
    held.pop().fulfill(body=f"{before}<p id='answered'></p>")
    expect(page.locator("#answered")).to_be_attached()
    expect(alarm).to_contain_text("森林火险")


def test_an_alarm_that_came_stays_marked_and_in_focus_when_the_list_is_loaded(
    district: District, open_page: OpenPage
) -> None:
    page = open_page("/?map=off")
    without_loads_of_the_list(page)
    district.read("fire-tj-01", "fire_index", 75)
    sel = "fuses:forest_fire/500114123"
    page.locator(row(page, sel)).locator("[data-pick]").focus()
    page.unroute("**/part/overview/list?*")  # what was held back goes on
    page.evaluate(WANT, "list")
    until(page, f"document.getElementById('row-{sel}').source")  # as the server's list has it
    assert page.evaluate("document.activeElement.id") == f"pick-{sel}"
    marked = f"document.getElementById('row-{sel}').classList.contains('arrived')"
    assert page.evaluate(f"{marked} || performance.now() - window.toldAt > 4000")
    until(page, f"!{marked}")


def test_what_the_officer_asks_for_himself_does_not_wait_for_the_list_to_rest(open_page: OpenPage) -> None:
    page = open_page("/?map=off")
    expect(page.locator(".link.live")).to_have_count(3)
    page.evaluate("for (const each of document.querySelectorAll('#list, .tabs a')) each.dataset.pace = 3600000")
    page.evaluate(WANT, "list")  # and now it rests for an hour
    until(page, "document.getElementById('list').asked")
    page.keyboard.press("2")
    expect(page.locator(row(page, GAUGE))).to_be_attached()
    page.keyboard.press("1")
    expect(page.locator(row(page, RED))).to_be_attached()


def test_an_alarm_that_the_filter_does_not_take_is_not_listed_when_its_event_comes(
    district: District, open_page: OpenPage
) -> None:
    page = open_page(f"/?map=off&township={TOWNSHIP}")
    without_loads_of_the_list(page)
    district.read("fire-jd-01", "fire_index", 75)
    until(page, "window.toldOf?.includes('fuses:forest_fire/500114253')")
    expect(page.locator("#list li[data-sel*='500114253']")).to_have_count(0)
    expect(page.locator(row(page, RED))).to_be_attached()


def test_it_works_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(row(page, RED)).wait_for()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("监测站")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(row(page, GAUGE))).to_be_attached()
    page.keyboard.press("j")
    expect(page.locator("#card h2")).to_be_visible()
    first = page.locator("#overview").get_attribute("data-sel")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator("#overview").get_attribute("data-sel") == first
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("濯水镇1号")
    expect(page.locator("#list li.row")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.locator(row(page, RED)).wait_for()
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/notices?**")


def test_without_the_map_lists_stand_in_and_the_page_says_so(open_page: OpenPage) -> None:
    page = open_page("/login", role=None)
    page.route("**/vendor/**", lambda route: route.abort())
    page.context.add_cookies(open_page("/").context.cookies())
    page.goto(f"/?list=stations&township={TOWNSHIP}")
    expect(page.locator("#map")).to_contain_text("以列表代替")
    page.locator(row(page, GAUGE)).locator("[data-pick]").click()
    expect(page.locator("#card")).to_contain_text("濯水镇1号雨量站")


def test_without_scripts_links_and_forms_do_the_same(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    expect(page.locator(row(page, RED))).to_contain_text("濯水镇")
    page.get_by_role("link", name="监测站", exact=True).click()
    page.select_option("#filter-township", TOWNSHIP)
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("#list li.row")).not_to_have_count(0)
    assert f"township={TOWNSHIP}" in page.url
    page.locator(row(page, GAUGE)).locator("[data-pick]").click()
    expect(page.locator("#card")).to_contain_text("濯水镇1号雨量站")


def test_a_new_alarm_comes_by_itself(open_page: OpenPage, district: District) -> None:
    page = open_page("/?lang=en&map=off", color_scheme="dark")
    page.locator(row(page, RED)).wait_for()
    expect(page.locator(".link.live")).to_have_count(3)
    district.read("fire-zs-01", "fire_index", 75)
    alarm = page.locator(row(page, f"fuses:forest_fire/{TOWNSHIP}"))
    expect(alarm).to_contain_text("Forest fire")
    assert serious_findings(page) == []
