"""群众报到 on real HTTP and both databases: anybody reports, officers of the area look, nothing personal gets out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.dispatch.checkins.bodies import BODY_BYTES_MAX
from services.dispatch.checkins.limits import PER_ADDRESS_SAFE_MAX
from shared.clock import ManualClock, poll_until
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.support.dispatch import KEY, NOW, Room, dispatch_service, transition
from tests.support.patience import PATIENCE_S
from tests.support.resources import sample_pack

PHONE = "00000000123"
PLACE = "dp-zs-01"


@pytest.fixture(scope="module")
def house(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One service a database; its clock stands still."""
    folder = tmp_path_factory.mktemp("checkins")
    with dispatch_service(module_dsn, fresh_schema(), folder, ManualClock(NOW)) as found:
        yield found


@pytest.fixture
def room(house: Room) -> Room:
    """A realm of its own for each test."""
    return house.beside(f"x-{fresh_schema().replace('_', '-')}")


_addresses = iter(range(1, 1_000_000))


def say(room: Room, kind: str = "need_help", *, address: str | None = None, **more: Any) -> httpx.Response:
    """As the console passes it on, from an address of its own."""
    n = next(_addresses)
    origin = address or f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
    key = more.pop("key", None)
    headers = {"X-Forwarded-For": origin} | ({"Idempotency-Key": key} if key else {})
    return room.http.post("/v1/checkins", params={"realm": room.realm}, json={"kind": kind, **more}, headers=headers)


def receipt(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["receipt"])


def listed(room: Room, user: str = "duty_officer", **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = room.get("/v1/checkins", user, **params)["items"]
    return items


def act(room: Room, checkin_id: str, user: str = "duty_officer", **body: Any) -> httpx.Response:
    match = body.pop("match", None)
    headers = {"If-Match": f'"{match}"'} if match else {}
    return room.post(f"/v1/checkins/{checkin_id}/look", body, user, **headers)


def lines(room: Room) -> list[tuple[str, str]]:
    items = room.get("/v1/incidents/I-0001/timeline")["items"]
    return [(line["kind"], line["text"]["zh"]) for line in items if line["kind"].startswith("checkin")]


def events(room: Room) -> list[tuple[str, Any]]:
    items = room.get("/v1/events", after=0, limit=500)["items"]
    return [(item["kind"], item["body"]) for item in items if "checkin" in item["kind"]]


def test_anybody_may_ask_for_help_and_is_told_that_it_is_not_rescue(room: Room) -> None:
    answer = say(room, needs=["trapped"], people=3, name="演示群众", phone=PHONE, place=PLACE, words="水到二楼了")
    body = answer.json()
    assert (answer.status_code, body["receipt"], body["state"]) == (201, "R-000001", "unverified")
    assert "119" in body["text"]["zh"]
    assert "call 119" in body["text"]["en"]
    assert PHONE not in answer.text
    found = listed(room)[0]
    assert (found["checkin_id"], found["state"], found["priority"]) == ("P-0001", "unverified", "urgent")
    assert (found["phone"], found["name"], found["people"]) == (PHONE, "演示群众", 3)
    assert found["region"] == sample_pack().sites[PLACE].region
    assert found["look_due_at"] == format_time(NOW + timedelta(minutes=3))


def test_without_position_or_name_it_is_kept_too(room: Room) -> None:
    receipt(say(room))
    found = listed(room)[0]
    assert (found["region"], found["position"], found["name"]) == (None, None, None)
    assert found["priority"] == "help"


def test_the_same_key_is_the_same_message_and_a_second_phone_call_joins(room: Room) -> None:
    first = say(room, phone=PHONE, key="k-1")
    again = say(room, phone=PHONE, key="k-1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    joined = say(room, phone=f"+86 {PHONE}", needs=["injured"])
    assert joined.json().keys() == first.json().keys()
    assert receipt(joined) == "R-000002"  # a number of its own: nobody learns who reported before
    assert receipt(say(room)) == "R-000003"
    both = listed(room)
    assert [(each["reports"], each["priority"]) for each in both] == [(2, "urgent"), (1, "help")]
    whole = room.get("/v1/checkins/P-0001")
    assert [a["receipt"] for a in whole["acts"]] == ["R-000001", "R-000002"]
    assert [each["checkin_id"] for each in listed(room, receipt="R-000002")] == ["P-0001"]


def test_need_help_first_then_the_longest_waiting_page_by_page(room: Room) -> None:
    for kind, needs in (("safe", []), ("need_help", []), ("safe", []), ("need_help", ["medical"]), ("need_help", [])):
        receipt(say(room, kind, needs=needs))
    order = ["P-0004", "P-0002", "P-0005", "P-0001", "P-0003"]
    assert [each["checkin_id"] for each in listed(room)] == order
    seen, cursor = [], None
    for _ in range(3):
        page = room.get("/v1/checkins", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["checkin_id"] for each in page["items"]]
        cursor = page["next"]
    assert (seen, cursor) == (order, None)
    assert page["numbers"]["need_help"] == {"unverified": 3, "verified": 0, "handed_over": 0, "closed": 0}


def test_nobody_reads_them_without_a_token_nor_outside_the_area(room: Room) -> None:
    account = {"username": "zhuoshui", "secret": KEY, "kind": "key", "roles": ["township"], "areas": ["500114112"]}
    assert room.post("/v1/accounts", account, "admin").status_code == 201
    receipt(say(room, place=PLACE, phone=PHONE))
    receipt(say(room, place="500114006"))
    receipt(say(room))
    for path in ("/v1/checkins", "/v1/checkins/P-0001"):
        assert room.http.get(path, params={"realm": room.realm}).status_code == 401
    assert [each["checkin_id"] for each in listed(room, "zhuoshui")] == ["P-0001"]
    assert act(room, "P-0001", "zhuoshui", act="verify").status_code == 200
    for other in ("P-0002", "P-0003"):
        where = {"realm": room.realm}
        answer = room.http.get(f"/v1/checkins/{other}", params=where, headers=room.bearer("zhuoshui"))
        assert (answer.status_code, answer.json()["code"]) == (403, "outside_area")
        assert act(room, other, "zhuoshui", act="verify").status_code == 403
    refused = room.http.get("/v1/checkins", params={"realm": room.realm}, headers=room.bearer("warehouse_keeper"))
    assert refused.json()["code"] == "wrong_role"


def test_an_officer_looks_hands_over_and_closes(room: Room) -> None:
    room.send(transition())
    receipt(say(room, place=PLACE, needs=["injured"], phone=PHONE, name="演示群众"))
    assert act(room, "P-0001", act="hand_over", to="120").json()["code"] == "refused:words_missing"
    assert act(room, "P-0001", act="hand_over", words="已联系").json()["code"] == "refused:receiver_missing"
    version = listed(room)[0]["version"]
    assert act(room, "P-0001", act="tried", match=version).status_code == 200
    stale = act(room, "P-0001", act="verify", match=version)
    assert (stale.status_code, stale.json()["object"]["checkin_id"]) == (412, "P-0001")
    assert act(room, "P-0001", act="verify", words="回拨属实").json()["state"] == "verified"
    assert act(room, "P-0001", act="verify").json()["code"] == "refused:already_verified"
    handed = act(room, "P-0001", act="hand_over", to="120", words="120 指挥中心已受理")
    assert (handed.json()["state"], handed.json()["look_due_at"]) == ("handed_over", None)
    late = {"happened_at": format_time(NOW - timedelta(minutes=9)), "entered_late": True}
    assert act(room, "P-0001", act="close", words="已送医", **late).json()["state"] == "closed"
    assert act(room, "P-0001", act="close", words="再办").json()["code"] == "refused:already_closed"
    assert listed(room) == []
    assert [each["checkin_id"] for each in listed(room, state="closed")] == ["P-0001"]
    told = lines(room)
    assert told[0][0] == "checkin.closed"  # 补录: it happened before all of this
    assert {kind for kind, _ in told[1:]} == {
        f"checkin.{what}" for what in ("opened", "tried", "verified", "handed_over")
    }
    assert any("120 急救" in text for _, text in told)
    assert not any(PHONE in text or "演示群众" in text for _, text in told)
    looks = [a for a in room.get("/v1/checkins/P-0001")["acts"] if a["kind"] == "look"]
    assert [a["body"]["by"] for a in looks] == ["duty_officer"] * 4
    assert receipt(say(room, phone=PHONE)) == "R-000002"  # after closing: a new one that names the old
    assert listed(room)[0]["follows"] == "P-0001"


def test_events_tell_nothing_personal_and_nothing_to_the_public(room: Room) -> None:
    receipt(say(room, name="演示群众", phone=PHONE, place=PLACE, lat=29.31, lon=108.77, words="在楼顶"))
    seen = events(room)
    assert [kind for kind, _ in seen] == ["checkin"]
    text = str(seen)
    for personal in ("演示群众", PHONE, "29.31", "楼顶"):
        assert personal not in text
    public = room.http.get("/v1/events", params={"realm": room.realm, "after": 0}).json()["items"]
    assert not [item for item in public if "checkin" in item["kind"]]


def test_said_to_be_safe_finds_nobody_and_fills_no_timeline(room: Room) -> None:
    room.send(transition())
    before = [order["people"] for order in room.orders()]
    for _ in range(12):
        receipt(say(room, "safe", place=PLACE, people=4))
    assert [order["people"] for order in room.orders()] == before
    told = lines(room)
    assert [kind for kind, _ in told] == ["checkin.safe"] * 4  # at 1, 2, 5 and 10
    assert any("累计 10 件" in text and "不计入已找到" in text for _, text in told)


def test_safe_after_help_leaves_the_request_open(room: Room) -> None:
    room.send(transition())
    receipt(say(room, phone=PHONE, place=PLACE))
    receipt(say(room, "safe", phone=PHONE))
    found = listed(room)[0]
    assert (found["kind"], found["state"]) == ("need_help", "unverified")
    assert found["said_safe_at"] == format_time(NOW)
    assert {kind for kind, _ in lines(room)} == {"checkin.opened", "checkin.safe_after_help"}


def test_an_officer_writes_down_what_was_told_by_telephone(room: Room) -> None:
    body = {"kind": "need_help", "place": PLACE, "entered_late": True, "happened_at": format_time(NOW)}
    answer = room.post("/v1/checkins", body)
    assert answer.status_code == 201
    acts = room.get("/v1/checkins/P-0001")["acts"]
    assert acts[0]["body"]["by"] == "duty_officer"
    assert listed(room)[0]["look_due_at"] is None  # 补录 starts no clock


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "lost"}, "kind"),
        ({"kind": "safe", "people": 0}, "people"),
        ({"kind": "safe", "lat": 29.3}, "lat"),
        ({"kind": "safe", "lat": 290, "lon": 108}, "lat"),
        ({"kind": "safe", "words": "x" * 201}, "words"),
        ({"kind": "safe", "state": "verified"}, "state"),
    ],
)
def test_wrong_fields_are_named(room: Room, body: dict[str, Any], field: str) -> None:
    answer = say(room, **body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert listed(room) == []


def test_a_large_body_is_refused_unread(room: Room) -> None:
    where = {"realm": room.realm}
    big = b'{"kind":"safe","words":"' + b"x" * BODY_BYTES_MAX + b'"}'
    json_type = {"Content-Type": "application/json"}
    declared = room.http.post("/v1/checkins", params=where, content=big, headers=json_type)
    assert (declared.status_code, declared.json()["code"]) == (413, "too_large")
    streamed = room.http.post("/v1/checkins", params=where, content=iter([big[:2000], big[2000:]]), headers=json_type)
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too_large")


def test_there_is_no_realm_actual_in_an_exercise(room: Room) -> None:
    answer = room.http.post("/v1/checkins", params={"realm": "actual"}, json={"kind": "need_help"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_realm")
    assert "119" in answer.json()["title"]
    unknown = room.http.post("/v1/checkins", params={"realm": "x-nobody"}, json={"kind": "need_help"})
    assert unknown.status_code == 503  # a drill whose clock is not known (yet)


def test_one_address_is_slowed_down_and_help_gets_through_longer(room: Room) -> None:
    address = "203.0.113.7"
    for _ in range(PER_ADDRESS_SAFE_MAX):
        receipt(say(room, "safe", address=address))
    slowed = say(room, "safe", address=address)
    assert (slowed.status_code, slowed.json()["code"], slowed.headers["retry-after"]) == (429, "too_many", "30")
    assert "119" in slowed.json()["title"]
    receipt(say(room, address=address))
    receipt(say(room, "safe", address="203.0.113.8"))
    # who writes further addresses in front is still known by the last hop that is not ours
    assert say(room, "safe", address=f"198.51.100.1, {address}").status_code == 429
    assert room.post("/v1/checkins", {"kind": "safe"}).status_code == 201  # officers are not slowed down


def test_many_at_once_are_all_kept_and_numbered_once(room: Room) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: receipt(say(room, "safe", phone=f"000000{n % 10:05}")), range(40)))
    assert sorted(answers) == [f"R-{n:06}" for n in range(1, 41)]
    found = listed(room)
    assert (len(found), sum(each["reports"] for each in found)) == (10, 40)


def test_nobody_looking_is_alarmed_in_time(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with dispatch_service(f"sqlite:///{tmp_path / 's.db'}", fresh_schema(), tmp_path, clock) as room:
        room.send(transition())
        receipt(say(room, needs=["trapped"], place=PLACE))
        clock.set(NOW + timedelta(minutes=3))
        alarm = poll_until(lambda: [body for kind, body in events(room) if kind == "alarm.checkin_unseen"], PATIENCE_S)
        assert alarm is not None
        assert (alarm[0]["checkin_id"], alarm[0]["unseen_told"]) == ("P-0001", 1)
        assert ("checkin.unseen", "P-0001 濯水镇") in [(kind, text[:10]) for kind, text in lines(room)]
        assert act(room, "P-0001", act="hand_over", to="119", words="已出动").status_code == 200
