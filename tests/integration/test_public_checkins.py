"""公众页的报平安与求助: what a phone sends goes on as it was said, and what was not taken is said to be not sent."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from console.public.report import COOKIE, FORM_BYTES_MAX
from tests.support.phone import (
    SECRET,
    Phone,
    phone_at_the_console,
    plain,
)


@pytest.fixture
def phone() -> Iterator[Phone]:
    with phone_at_the_console() as made:
        yield made


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
