"""The notice form over the whole system: typed, foreseen, sent once, corrected, refused without losing a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.district import District, whole_district
from tests.support.officer import Officer, Page, Sheet

FILLED = {
    "type": "risk_forecast",
    "issuer": "示例区气象局（演示数据）",
    "scale": "risk",
    "level": "yellow",
    "hazard": "11B37",
    "areas": "水田、新华乡",
    "text": "未来六小时有地质灾害风险（演示数据）",
    "read_back_by": "值班员乙（演示数据）",
}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    with whole_district(tmp_path_factory.mktemp("district")) as made:
        yield made


@pytest.fixture
def officer(district: District) -> Iterator[Officer]:
    made = Officer(district.console_url, district.token())
    yield made
    made.close()


def blank(officer: Officer) -> Sheet:
    return officer.get("/notices").form("/notices")


def entered(district: District, number: str) -> list[dict[str, Any]]:
    return [each for each in district.get("warning", "/v1/notices")["items"] if each["number"] == number]


def seen(officer: Officer, **values: str) -> Page:
    """The form with what it would open beside it."""
    page = officer.send(blank(officer), **{**FILLED, **values})
    assert page.status == 200, page.answer.text
    return page


def officer_sees(officer: Officer, path: str) -> Page | None:
    """The notice's page once dispatch has heard of all its trips."""
    page = officer.get(path)
    return None if "正在交给" in page.text or "个案" not in page.text else page


def test_what_it_opens_is_shown_before_it_is_sent_and_comes_so(district: District, officer: Officer) -> None:
    page = seen(officer, number="风险 1 号", areas="水田乡", level="red")
    assert entered(district, "风险 1 号") == []
    assert "确认发出" in page.text
    count = int(re.search(r"(\d+) 个岗位立即叫应", page.text)[1])  # type: ignore[index]  # None fails the test just as well
    assert count > 5
    done = officer.send(page.form("/notices"))
    assert "通知已登记" in done.text
    (notice,) = entered(district, "风险 1 号")
    assert (notice["level"], sorted(notice["areas"])) == ("red", ["500114251"])
    assert notice["read_back_by"] == FILLED["read_back_by"]
    path = f"/notices/{notice['notice_id']}"
    opened = district.soon(lambda: officer_sees(officer, path))
    case = re.search(r"C-\d{4}", opened.text)
    assert case

    def all_called() -> bool | None:
        """Signers come besides, and who other notices call: the case may have been open before this one joined it."""
        lines = district.get("dispatch", f"/v1/callouts/{case[0]}")["lines"]
        acting = [{m["scope"] for m in line["matters"] if m["purpose"] == "act"} for line in lines]
        return sum("500114251" in scopes for scopes in acting) == count or None

    assert district.soon(all_called)


def test_a_double_click_is_one_notice_and_the_same_paper_is_told(district: District, officer: Officer) -> None:
    sheet = seen(officer, number="风险 2 号").form("/notices")
    first, again = officer.send(sheet), officer.send(sheet)
    assert first.answer.url == again.answer.url
    assert len(entered(district, "风险 2 号")) == 1
    elsewhere = officer.send(seen(officer, number="风险 2 号").form("/notices"))
    assert "此前已登记" in elsewhere.text
    taken = officer.send(seen(officer, number="风险 2 号", level="orange").form("/notices"))
    assert (taken.status, "文号已登记" in taken.refusal()) == (409, True)
    assert taken.form("/notices").values["text"] == [FILLED["text"]]
    assert len(entered(district, "风险 2 号")) == 1


def test_each_wrong_field_says_so_and_all_that_was_typed_stays(officer: Officer) -> None:
    photo = {"file": ("通知.jpg", b"\xff\xd8 a photo", "image/jpeg")}
    wrong = {**FILLED, "areas": "水田、无此镇、石", "issuer": "", "valid_to": "明天", "level": None}
    page = officer.send(blank(officer), files=photo, **wrong)
    assert page.status == 422
    for said in ("没有“无此镇”这个区域", "可能是", "谁发的", "时间写作", "选一个级别"):
        assert said in page.refusal()
    held = page.form("/notices").values
    assert (held["areas"], held["valid_to"], held["text"]) == (["水田、无此镇、石"], ["明天"], [FILLED["text"]])
    assert held["file_name"] == ["通知.jpg"]
    right = officer.send(page.form("/notices"), **{**FILLED, "number": "风险 3 号", "valid_to": "23:59"})
    if "确认发出" in right.text:
        right = officer.send(right.form("/notices"))
    assert "通知已登记" in right.text
    kept = officer.http.get(right.tree.xpath("//a[@download]/@href")[0])
    assert (kept.content, kept.headers["content-disposition"]) == (b"\xff\xd8 a photo", "attachment")
    large = officer.send(blank(officer), files={"file": ("大.jpg", b"x" * 1_000_001, "image/jpeg")}, **FILLED)
    assert (large.status, "1 MB" in large.answer.text) == (413, True)


def test_a_correction_begins_with_what_it_corrects_and_can_cancel(district: District, officer: Officer) -> None:
    officer.send(seen(officer, number="风险 4 号", areas="白土").form("/notices"))
    (notice,) = entered(district, "风险 4 号")
    form = officer.get(f"/notices?corrects={notice['notice_id']}").form("/notices")
    assert (form.values["areas"], form.values["level"]) == (["白土乡"], ["yellow"])
    done = officer.send(form, number="风险 5 号", level="normal")
    assert "取消" in done.text
    (old,) = entered(district, "风险 4 号")
    (new,) = entered(district, "风险 5 号")
    assert (old["ended_by"], new["corrects"]) == (new["notice_id"], old["notice_id"])
    twice = officer.send(officer.get(f"/notices?corrects={notice['notice_id']}").form("/notices"), level="normal")
    assert (twice.status, new["notice_id"] in twice.refusal()) == (409, True)


def test_an_expired_login_loses_nothing_and_sends_nothing(district: District, officer: Officer) -> None:
    photo = {"file": ("通知.jpg", b"a photo", "image/jpeg")}
    sheet = seen(officer, number="风险 6 号").form("/notices")
    officer.log_in(None)
    door = officer.send(sheet, files=photo)
    assert "您填写的内容都还在" in door.text
    wrong = officer.send(door.form("/login"), token="not.a.token")
    assert wrong.status == 403
    back = officer.send(wrong.form("/login"), token=district.token())
    form = officer.send(back.form("/notices"))  # a script does this by itself
    assert entered(district, "风险 6 号") == []
    held = form.form("/notices").values
    assert (held["number"], held["areas"], held["file_name"]) == (["风险 6 号"], ["水田、新华乡"], ["通知.jpg"])
    assert "通知已登记" in officer.send(form.form("/notices")).text
    assert len(entered(district, "风险 6 号")) == 1


def test_only_our_own_pages_send_forms_and_only_who_may(district: District, officer: Officer) -> None:
    sheet = seen(officer, number="风险 7 号").form("/notices")
    strange = officer.http.post(sheet.action, data=sheet.values, headers={"Origin": "http://evil.example"})
    assert strange.status_code == 403
    verifier = Officer(district.console_url, district.token("verifier"))
    refused = verifier.send(sheet)
    assert refused.status == 403
    assert refused.refusal() != ""
    assert refused.form("/notices").values["number"] == ["风险 7 号"]
    assert entered(district, "风险 7 号") == []
    verifier.close()


def test_in_english_too(district: District) -> None:
    officer = Officer(district.console_url, district.token(), "en")
    page = officer.send(blank(officer), **{**FILLED, "areas": "nowhere"})
    assert "there is no area 'nowhere'" in page.refusal()
    assert "Send it now" in officer.send(page.form("/notices"), areas="新华乡").text
    officer.close()
