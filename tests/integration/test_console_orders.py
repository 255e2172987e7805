"""Orders at the console over the whole system: signed by hand, by voice, together; carried out, lifted; two at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from console.times import field
from shared.clock import SystemClock
from tests.support.district import District, whole_district
from tests.support.officer import Officer, Page
from tests.support.resources import sample_pack

TOWNSHIP = "500114112"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """A red at 濯水镇 with its orders."""
    with whole_district(tmp_path_factory.mktemp("district")) as made:
        made.storm("rain-zs-01", "rain-zs-02")
        made.soon(lambda: any(o["scope"] == TOWNSHIP and o["level"] == "red" for o in orders(made)) or None)
        yield made


@pytest.fixture
def officers(district: District) -> Iterator[dict[str, Officer]]:
    roles = ("issuer", "second_issuer", "commander", "duty_officer", "village", "verifier")
    made = {role: Officer(district.console_url, district.token(role)) for role in roles}
    yield made
    for officer in made.values():
        officer.close()


def orders(district: District, **wanted: Any) -> list[dict[str, Any]]:
    found = district.get("dispatch", "/v1/orders", limit=500)["items"]
    return [each for each in found if all(each[name] == value for name, value in wanted.items())]


def waiting(district: District) -> str:
    """An order that nobody signed yet; each test takes another."""
    return str(orders(district, state="awaiting_signature")[0]["order_id"])


def stands(district: District, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = district.get("dispatch", f"/v1/orders/{order_id}")
    return found


def can(page: Page) -> list[str]:
    return [each.text_content() for each in page.tree.xpath("//details[contains(@class,'act')]/summary/b")]


def test_the_list_says_what_waits_for_whom(district: District, officers: dict[str, Officer]) -> None:
    mine = officers["issuer"].get("/orders").text
    assert "等您签" in mine
    assert "一并签发" in mine
    assert "等您签" not in officers["duty_officer"].get("/orders").text
    signer = orders(district, state="awaiting_signature")[0]["next_signer"]
    assert sample_pack().roster[signer].person in officers["duty_officer"].get("/orders").text


def test_a_signature_takes_force_once_and_the_rest_is_explained(
    district: District, officers: dict[str, Officer]
) -> None:
    order_id = waiting(district)
    page = officers["issuer"].get(f"/orders/{order_id}")
    assert can(page)[0] == "签发"
    assert "措施尚未生效" in page.text  # why lifting is not offered
    sheet = page.form(f"/orders/{order_id}/sign")
    done, again = officers["issuer"].send(sheet), officers["issuer"].send(sheet)
    assert "已签发，已生效" in done.text
    assert again.answer.url == done.answer.url
    order = stands(district, order_id)
    assert (order["held"], len(order["signatures"])) == (True, 1)
    reader = officers["verifier"].get(f"/orders/{order_id}")
    assert can(reader) == []
    assert "您的角色不能办理此项" in reader.text


def test_two_officers_on_one_order_see_both_versions(district: District, officers: dict[str, Officer]) -> None:
    order_id = waiting(district)
    mine = officers["commander"].get(f"/orders/{order_id}").form(f"/orders/{order_id}/sign_by_phone")
    theirs = officers["issuer"].get(f"/orders/{order_id}").form(f"/orders/{order_id}/sign")
    assert officers["issuer"].send(theirs).status == 200
    late = officers["commander"].send(mine, number="00000000002", words="同意，立即执行。")
    assert late.status == 412
    assert "已有人办理过" in late.refusal()
    assert "没有待签发的内容" in late.text
    assert late.form(f"/orders/{order_id}/sign_by_phone").values["words"] == ["同意，立即执行。"]
    rows = {row[0]: tuple(row[1:]) for row in _table(late, "两个版本对照")}
    assert rows["状态"] == ("待签", "生效")
    assert rows["签字数"] == ("0", "1")


def _table(page: Page, title: str) -> list[list[str]]:
    rows = page.tree.xpath(f"//section[h2='{title}']//tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row.iter("td")] for row in rows]


def test_what_was_typed_survives_another_officers_act(district: District, officers: dict[str, Officer]) -> None:
    order_id = waiting(district)
    officers["issuer"].send(officers["issuer"].get(f"/orders/{order_id}").form(f"/orders/{order_id}/sign"))
    path = f"/orders/{order_id}"
    lift = officers["commander"].get(path).form(f"{path}/lift")
    officers["duty_officer"].send(officers["duty_officer"].get(path).form(f"{path}/acknowledge"))
    late = officers["commander"].send(lift, ground="险情已排除（演示数据）", **_looked())
    assert late.status == 412
    held = late.form(f"{path}/lift")
    assert held.values["ground"] == ["险情已排除（演示数据）"]
    done = officers["commander"].send(held)  # having seen both, he goes on
    assert "已解除管控" in done.text
    assert stands(district, order_id)["state"] == "lifted"


def _looked(safe: str = "yes") -> dict[str, str]:
    at = field(SystemClock().now() + timedelta(minutes=1))  # fields are to the minute; the order began in this one
    return {"by": "地质技术员（演示数据）", "at": at, "finding": "坡体稳定，无新裂缝（演示数据）", "safe": safe}


def test_a_voice_signs_from_the_registered_number_only(district: District, officers: dict[str, Officer]) -> None:
    order_id = waiting(district)
    path = f"/orders/{order_id}/sign_by_phone"
    sheet = officers["duty_officer"].get(f"/orders/{order_id}").form(path)
    empty = officers["duty_officer"].send(sheet)
    assert (empty.status, "对方的原话" in empty.refusal()) == (422, True)
    wrong = officers["duty_officer"].send(empty.form(path), number="00000099999", words="同意")
    assert (wrong.status, "登记号码" in wrong.refusal()) == (409, True)
    assert wrong.form(path).values["words"] == ["同意"]
    post = wrong.form(path).values["post"][0]
    number = sample_pack().roster[post].contacts[0][1]
    done = officers["duty_officer"].send(wrong.form(path), number=number)
    assert "两小时内补签" in done.text
    (signature,) = stands(district, order_id)["signatures"]
    assert (signature["via"], signature["words"], signature["recorded_by"]) == ("phone", "同意", "duty_officer")
    page = officers["issuer"].get("/orders")
    assert "等您补签" in page.text


def test_alike_are_signed_together_each_by_itself(district: District, officers: dict[str, Officer]) -> None:
    page = officers["issuer"].get("/orders/together")
    forms = [form for form in page.tree.iter("form") if form.get("action", "").startswith("/orders/together")]
    largest = max(forms, key=lambda form: len(form.xpath(".//input[@name='order']")))
    ids = [box.get("value") for box in largest.xpath(".//input[@name='order']")]
    assert len(ids) > 1
    data: dict[str, list[str]] = {}
    for name, value in largest.form_values():
        data.setdefault(name, []).append(value)
    left_out, stale = ids[0], ids[-1]
    data["order"] = ids[1:]
    data[f"match.{stale}"] = ["999"]
    done = Page(officers["issuer"].http.post(largest.get("action"), data=data))
    assert done.text.count("已签发，已生效") == len(ids) - 2
    assert "已有人办理过" in done.refusal()
    states = {each["order_id"]: each["held"] for each in orders(district) if each["order_id"] in ids}
    assert [states[left_out], states[stale]] == [False, False]
    assert all(states[each] for each in ids[1:-1])


def test_people_are_named_before_it_is_done_and_return_is_another_act(
    district: District, officers: dict[str, Officer]
) -> None:
    order_id = next(
        order["order_id"]
        for order in orders(district, kind="evacuate", held=True)
        if any(unit["people"]["expected"] for unit in order["units"])
    )
    path = f"/orders/{order_id}"
    officers["village"].send(officers["village"].get(path).form(f"{path}/acknowledge"))
    page = officers["village"].get(path)
    assert "尚有人员未联系上" in page.text
    sheet = page.form(f"{path}/people")
    nothing = officers["village"].send(sheet)
    assert (nothing.status, "还没有填写" in nothing.refusal()) == (422, True)
    units = [unit for unit in stands(district, order_id)["units"] if unit["people"]["not_found"]]
    for unit in units:
        sheet = officers["village"].get(f"{path}?unit={unit['unit_id']}").form(f"{path}/people")
        refs = sheet.values.get("ref", [])
        for ref in refs:
            sheet.values[f"outcome.{ref}"] = ["relatives"]
        numbers = {} if refs else {"relatives": str(unit["people"]["not_found"])}
        assert "人员已登记" in officers["village"].send(sheet, **numbers).text
    assert stands(district, order_id)["people"]["not_found"] == 0
    done = officers["village"].send(officers["village"].get(path).form(f"{path}/complete"))
    assert "已落实" in done.text
    lift = officers["commander"].get(path).form(f"{path}/lift")
    bare = officers["commander"].send(lift, ground="雨停")
    assert (bare.status, "谁到现场看的" in bare.refusal()) == (422, True)
    unsafe = officers["commander"].send(bare.form(f"{path}/lift"), **_looked("no"))
    assert (unsafe.status, "不安全" in unsafe.refusal()) == (409, True)
    assert "已解除管控；不等于允许返回" in officers["commander"].send(unsafe.form(f"{path}/lift"), safe="yes").text
    home = officers["commander"].get(path)
    assert "尚未允许返回" in home.text
    assert "已允许返回" in officers["commander"].send(home.form(f"{path}/permit_return"), **_looked()).text


def test_an_unknown_order_and_an_unknown_act_are_told(officers: dict[str, Officer]) -> None:
    officers["issuer"].get("/orders/O-9999", 404)
    sheet = officers["issuer"].http.post("/orders/O-0001/explode", data={"_key": "k"})
    assert sheet.status_code == 404


# -- calls ---------------------------------------------------------------------------------------------------------


def a_line(district: District, state: tuple[str, ...] = ("calling", "climbing", "top_reached", "answered")) -> str:
    """``CASE/POST`` of a line of the red case."""
    case = district.get("dispatch", "/v1/callouts")["items"][-1]["case_id"]
    posts = district.get("dispatch", f"/v1/callouts/{case}/board")["posts"]
    line = next(each for each in posts if each["state"] in state and each["post"].startswith("v1"))
    return f"{case}/{line['post']}"


def test_the_board_says_who_and_how_often(district: District, officers: dict[str, Officer]) -> None:
    page = officers["duty_officer"].get("/board?show=all")
    where = a_line(district)
    assert page.tree.xpath(f"//a[contains(@href, '/board/{where}')]")
    assert "未应答" in page.text
    assert officers["duty_officer"].http.get("/part/board-list").headers["x-domain-now"]
    officers["duty_officer"].get("/board/C-0001/nobody", 404)


def test_an_answer_on_behalf_names_who_and_on_which_ground(district: District, officers: dict[str, Officer]) -> None:
    where = a_line(district)
    case, post = where.split("/")
    page = officers["duty_officer"].get(f"/board/{where}")
    bare = officers["duty_officer"].send(page.form(f"/board/{where}/answer"))
    assert (bare.status, "凭什么" in bare.refusal()) == (422, True)
    done = officers["duty_officer"].send(bare.form(f"/board/{where}/answer"), ground="本人回电（演示数据）")
    assert "已记下代答" in done.text
    log = district.get("dispatch", f"/v1/callouts/{case}/log")["items"]
    told = [each["body"] for each in log if each["post"] == post and each["body"].get("via") == "on_behalf"]
    assert told[-1]["ground"] == "本人回电（演示数据）"
    met = officers["duty_officer"].send(done.form(f"/board/{where}/met"), place="村委会（演示数据）")
    assert "已记下当面告知" in met.text
    verifier = officers["verifier"].send(page.form(f"/board/{where}/answer"), ground="x")
    assert (verifier.status, verifier.form(f"/board/{where}/answer").values["ground"]) == (403, ["x"])


def test_a_wrong_number_is_struck_and_another_is_given(district: District, officers: dict[str, Officer]) -> None:
    where = a_line(district)
    form = officers["duty_officer"].get(f"/board/{where}").form(f"/board/{where}/wrong")
    done = officers["duty_officer"].send(form, ground="接电话的是别人（演示数据）")
    assert "号码已在所有个案划掉" in done.text
    bad = officers["duty_officer"].send(done.form(f"/board/{where}/contact"), address="abc", ground="x")
    assert bad.status == 422
    right = officers["duty_officer"].send(bad.form(f"/board/{where}/contact"), address="00000088888", ground="邻居提供")
    assert "号码已补" in right.text


def test_an_incident_tells_both_times_and_what_is_open(district: District, officers: dict[str, Officer]) -> None:
    incident = district.get("dispatch", "/v1/incidents")["items"][-1]["incident_id"]
    page = officers["duty_officer"].get(f"/incidents/{incident}")
    assert "未了事项" in page.text
    assert page.tree.xpath("//table[contains(@class,'log')]//tr")
    some = officers["duty_officer"].get(f"/incidents/{incident}?show=orders")
    assert all("O-" in row.text_content() for row in some.tree.xpath("//table[contains(@class,'log')]/tbody/tr"))
    order_id = orders(district, held=True)[0]["order_id"]
    path = f"/orders/{order_id}"
    sheet = officers["duty_officer"].get(path).form(f"{path}/progress")
    then = field(SystemClock().now() - timedelta(minutes=20))
    noted = officers["duty_officer"].send(sheet, entered_late="1", happened_at=then, note="断电时已执行（演示数据）")
    assert "已登记进展" in noted.text
    told = officers["duty_officer"].get(f"/incidents/{stands(district, order_id)['incident_id']}?show=orders")
    late = [row for row in told.tree.xpath("//tr[contains(@class,'is-late')]") if order_id in row.text_content()]
    assert late
    officers["duty_officer"].get("/incidents/I-9999", 404)
