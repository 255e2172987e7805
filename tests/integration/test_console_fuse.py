"""The page of an alarm over the whole system: what was found is written there; the latch is released, or is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.district import District, whole_district
from tests.support.officer import Officer

CONFIRMED, ALONE, OTHER, BY_HAND = "500114112", "500114107", "500114109", "500114105"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """A confirmed red at 濯水镇 with its orders; one gauge alone at 黑溪镇 and at 黎水镇."""
    with whole_district(tmp_path_factory.mktemp("district")) as made:
        made.storm("rain-zs-01", "rain-zs-02")
        made.storm("rain-hx-01")
        made.storm("rain-ls-01")
        made.soon(lambda: any(f"rainstorm/{CONFIRMED}/1" in order["trip_ids"] for order in held(made)) or None)
        for scope in (ALONE, OTHER):
            made.soon(lambda scope=scope: fuse(made, scope)["verification"] == "unconfirmed" or None)
        yield made


@pytest.fixture
def officer(district: District) -> Iterator[Officer]:
    made = Officer(district.console_url, district.token())
    yield made
    made.close()


def path(scope: str, act: str = "") -> str:
    return f"/fuse/rainstorm/{scope}" + (f"/{act}" if act else "")


def live_part(officer: Officer) -> str:
    """What the page of the fuse that is tripped by hand loads anew, as it stands now."""
    return str(officer.get(path(BY_HAND)).tree.xpath("//div[@data-part]/@data-part")[0])


def held(district: District) -> list[dict[str, Any]]:
    return list(district.get("dispatch", "/v1/orders", held="true", limit=500)["items"])


def fuse(district: District, scope: str) -> dict[str, Any]:
    return dict(district.get("warning", f"/v1/fuses/rainstorm/{scope}"))


def test_nobody_there_saw_it_so_it_is_refuted(district: District, officer: Officer) -> None:
    sheet = officer.get(path(ALONE)).form(path(ALONE, "refute"))
    nameless = officer.send(sheet, reason="河水清，未见上涨（演示数据）")
    assert nameless.status == 422
    assert "写是谁在现场看的" in nameless.refusal()
    again = nameless.form(path(ALONE, "refute"))
    assert again.values["reason"] == ["河水清，未见上涨（演示数据）"]
    done, twice = (officer.send(again, person="演示核实人") for _ in range(2))
    assert "已记下：现场排除" in done.text
    assert twice.answer.url == done.answer.url
    stands = fuse(district, ALONE)
    assert stands["level"] == stands["confirmed_level"] == "orange"  # what was confirmed without it stands
    assert [row["reason"] for row in stands["records"]].count("refuted") == 1
    assert not officer.get(path(ALONE)).has_form(path(ALONE, "confirm"))


def test_two_officers_on_one_alarm_see_both_versions(district: District, officer: Officer) -> None:
    mine = officer.get(path(OTHER)).form(path(OTHER, "refute"))
    theirs = officer.get(path(OTHER)).form(path(OTHER, "confirm"))
    assert "已记下：现场属实" in officer.send(theirs, person="演示核实人", reason="溪水暴涨（演示数据）").text
    assert fuse(district, OTHER)["verification"] == "confirmed"
    late = officer.send(mine, person="演示过路人", reason="没看到（演示数据）")
    assert late.status == 412
    assert "两个版本对照" in late.text
    assert late.form(path(OTHER, "refute")).values["reason"] == ["没看到（演示数据）"]
    assert fuse(district, OTHER)["verification"] == "confirmed"


def test_the_latch_is_not_released_while_measures_are_held(district: District, officer: Officer) -> None:
    page = officer.get(path(CONFIRMED))
    assert "已熔断" in page.text
    assert not page.has_form(path(CONFIRMED, "refute"))  # it is confirmed
    kept = officer.send(page.form(path(CONFIRMED, "release")), reason="雨停了（演示数据）")
    assert kept.status == 409
    assert any(why in kept.refusal() for why in ("条件仍达到该级别", "仍有管控措施生效")), kept.refusal()
    assert kept.form(path(CONFIRMED, "release")).values["reason"] == ["雨停了（演示数据）"]
    assert fuse(district, CONFIRMED)["level"] == "red"


def test_what_was_tripped_by_hand_is_released_by_hand_and_twice_is_once(district: District, officer: Officer) -> None:
    """Below the rule's latch too; the act that ends the trip is answered the same way when it is clicked again."""
    by_hand = {"level": "blue", "reason": "巡查发现积水（演示数据）"}
    part = live_part(officer)
    assert "可办的事已变" not in officer.get(part).text
    tripped = district.post("warning", f"/v1/fuses/rainstorm/{BY_HAND}/trip", by_hand)
    assert tripped.status_code == 200, tripped.text
    assert "可办的事已变" in officer.get(part).text  # the page that is open offers nothing yet
    assert "可办的事已变" not in officer.get(live_part(officer)).text
    sheets = [officer.get(path(BY_HAND)).form(path(BY_HAND, "release"))]

    def released() -> Any:
        """Once dispatch has said that nothing of it is held; until then the form comes back, to be pressed again."""
        page = officer.send(sheets[-1], reason="积水已退（演示数据）")
        if page.status == 200:
            return page
        assert page.status in (409, 412), page.text
        sheets.append(page.form(path(BY_HAND, "release")))
        return None

    done = district.soon(released)
    sheet = sheets[-1]
    again = officer.send(sheet, reason="积水已退（演示数据）")
    assert "已解除锁定" in done.text
    assert (again.status, again.answer.url) == (200, done.answer.url)
    assert fuse(district, BY_HAND)["level"] == "normal"
    over = officer.send(sheet, _key="another-click", reason="再按一次（演示数据）")
    assert over.status in (409, 412)
    assert over.form(path(BY_HAND, "release")).values["reason"] == ["再按一次（演示数据）"]


def test_who_may_not_is_offered_nothing(district: District) -> None:
    reader = Officer(district.console_url, district.token("warehouse_keeper"))
    page = reader.get(path(CONFIRMED))
    assert not any(page.has_form(path(CONFIRMED, act)) for act in ("confirm", "refute", "release"))
    reader.close()
