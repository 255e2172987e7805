"""调度服务 A transition becomes incident, case, orders and an answer, once; signing, doing, lifting on real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.clock import ManualClock, poll_until
from shared.http.lists import encode_cursor
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.support.dispatch import KEY, NOW, Room, dispatch_service, transition
from tests.support.patience import PATIENCE_S
from tests.support.resources import sample_pack

TRIP = "rainstorm/500114112/1"
SAFE = {"by": "地质技术员", "at": format_time(NOW + timedelta(minutes=1)), "safe": True, "finding": "坡体稳定"}


@pytest.fixture(scope="module")
def house(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One service a database; its clock stands still."""
    folder = tmp_path_factory.mktemp("dispatch")
    with dispatch_service(module_dsn, fresh_schema(), folder, ManualClock(NOW)) as found:
        yield found


@pytest.fixture
def room(house: Room) -> Room:
    """A realm of its own for each test."""
    return house.beside(f"x-{fresh_schema().replace('_', '-')}")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def moving(dsn: str, tmp_path: Path, clock: ManualClock) -> Iterator[Room]:
    """A service whose clock the test moves."""
    with dispatch_service(dsn, fresh_schema(), tmp_path, clock) as found:
        yield found


def one(room: Room, kind: str, scope_kind: str, **more: Any) -> dict[str, Any]:
    found = [o for o in room.orders() if (o["kind"], o["scope_kind"]) == (kind, scope_kind)]
    found = [o for o in found if all(o[key] == value for key, value in more.items())]
    assert len(found) == 1, found
    return found[0]


def test_a_red_trip_makes_incident_case_orders_and_answers_holds(room: Room) -> None:
    assert room.send(transition()) == 2  # after the realm's clock
    incident = room.get("/v1/incidents")["items"][0]
    assert (incident["incident_id"], incident["level"], incident["areas"]) == ("I-0001", "red", ["500114112"])
    cases = room.get("/v1/callouts")["items"]
    assert [(case["case_id"], case["incident_id"]) for case in cases] == [("C-0001", "I-0001")]
    by_table = {
        (row.kind.value, row.scope_kind): row.preauthorised_by is not None
        for row in sample_pack().authority
        if row.hazard == "11B03" and row.level == "red"
    }
    orders = [order for order in room.orders() if order["level"] == "red"]
    assert len(orders) >= 6
    for order in orders:
        at_once = by_table[(order["kind"], order["scope_kind"])]
        assert order["state"] == ("in_force" if at_once else "awaiting_signature"), order
    holds = room.sent("holds")[-1]
    assert (holds["trip_id"], holds["n"]) == (TRIP, 1)
    assert {hold["order_id"] for hold in holds["holds"]} == {o["order_id"] for o in room.orders(held=True)}
    kinds = [line["kind"] for line in room.get("/v1/incidents/I-0001/timeline")["items"]]
    assert {"trip.threshold", "order.took_force", "order.call_signer", "callout.case_opened"} <= set(kinds)


def test_the_numbers_are_those_of_the_lists(room: Room) -> None:
    room.send(transition())
    told = room.get("/v1/numbers")["numbers"]
    cases = [case["numbers"] for case in room.get("/v1/callouts", state="open")["items"]]
    assert told["callouts"] == {
        "unanswered": sum(numbers["unanswered"] for numbers in cases),
        "oldest_unanswered_at": min(numbers["oldest_unanswered_at"] for numbers in cases),
    }
    assert told["callouts"]["unanswered"] > 0
    assert told["orders"] == room.get("/v1/orders", limit=1)["summary"]
    assert told["checkins"] == room.get("/v1/checkins", limit=1)["numbers"]
    assert told["cases"] == [
        {"case_id": case["case_id"], "numbers": case["numbers"]} for case in room.get("/v1/callouts")["items"]
    ]
    lines = room.get("/v1/incidents/I-0001/timeline")["items"]
    assert len(told["newest"]) == min(12, len(lines))
    assert {(line["kind"], line["known_at"]) for line in told["newest"]} <= {(e["kind"], e["known_at"]) for e in lines}
    known = [line["known_at"] for line in told["newest"]]
    assert known == sorted(known, reverse=True)


def test_of_the_orders_to_sign_those_come_first_whose_time_ends_then_the_worst(room: Room) -> None:
    room.send(transition())
    told = room.get("/v1/numbers", of="to_sign")["numbers"]["to_sign"]
    waiting = [order for order in room.orders() if order["state"] in ("proposed", "awaiting_signature")]
    assert told["total"] == len(waiting) > 0
    rank = {level: number for number, level in enumerate(("red", "orange", "yellow", "blue"))}
    waiting.sort(key=lambda order: (order["due_at"] or "9", rank[order["level"]], order["order_id"]))
    assert [head["order_id"] for head in told["items"]] == [order["order_id"] for order in waiting[:6]]
    assert told["items"][0]["name"] == waiting[0]["units"][0]["name"]


def test_the_newest_lines_of_a_timeline_are_those_known_last(room: Room) -> None:
    room.send(transition())
    room.send(transition(n=2, before="red", to="orange", reason="hold"))
    whole = room.get("/v1/incidents/I-0001/timeline")["items"]
    last = room.get("/v1/incidents/I-0001/timeline", limit=3)["items"]
    assert len(whole) > len(last) == 3
    assert all(line in whole for line in last)
    assert min(line["known_at"] for line in last) >= max(line["known_at"] for line in whole if line not in last)
    (earlier,) = room.get("/v1/incidents/I-0001/timeline", limit=1)["items"]
    assert earlier in last


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_the_pages_of_a_timeline_are_the_whole_of_it_each_line_once(room: Room, limit: int) -> None:
    room.send(transition())
    whole = room.get("/v1/incidents/I-0001/timeline")
    assert whole["next"] is None
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = room.get("/v1/incidents/I-0001/timeline", limit=limit, **({"cursor": cursor} if cursor else {}))
        pages.append(page["items"])
        cursor = page["next"]
        assert 0 < len(page["items"]) <= limit
    known = [[line["known_at"] for line in page] for page in pages]
    assert all(min(newer) >= max(older) for newer, older in pairwise(known))
    assert sorted(map(str, chain.from_iterable(pages))) == sorted(map(str, whole["items"]))
    assert len({str(line) for line in whole["items"]}) > 7


@pytest.mark.parametrize("position", [[1, 2], ["a", None, None], [2**70, None, None], "x", [1, 2, 3, 4]])
def test_a_cursor_that_is_none_of_ours_is_refused(room: Room, position: object) -> None:
    room.send(transition())
    cursor = encode_cursor(position) if isinstance(position, list) else position
    answer = room.http.get(
        "/v1/incidents/I-0001/timeline",
        params={"realm": room.realm, "cursor": cursor},
        headers=room.bearer("duty_officer"),
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor"), answer.text


def test_orders_are_features_where_their_units_are(room: Room) -> None:
    assert room.http.get("/collections/orders/items").status_code == 401
    room.send(transition())
    found = room.get("/collections/orders/items", limit=500)["features"]
    assert [f["id"] for f in found] == [order["order_id"] for order in room.orders()]
    states = Counter(order["state"] for order in room.orders())
    assert room.get("/v1/orders", limit=1)["summary"] == dict(states)  # of all, whatever is asked for
    pack = sample_pack()
    for feature in found:
        units = [unit["unit_id"] for unit in feature["properties"]["units"]]
        rows = [pack.units.get(u) or pack.sites.get(u) or pack.regions.get(u) for u in units]
        assert feature["geometry"]["coordinates"] == [[row.lon, row.lat] for row in rows if row and row.lon]


def test_the_same_message_again_changes_nothing(room: Room) -> None:
    room.send(transition(), no=2)
    before = (room.orders(), room.sent("holds"), room.get("/v1/incidents"))
    assert room.send(transition(), no=2) == 2
    assert (room.orders(), room.sent("holds"), room.get("/v1/incidents")) == before


def test_unconfirmed_orders_nothing_and_is_answered_all_the_same(room: Room) -> None:
    room.send(transition(verification="unconfirmed", confirmed="normal"))
    assert room.orders() == []
    assert room.sent("holds") == [{"trip_id": TRIP, "n": 1, "holds": [], "at": format_time(NOW)}]
    assert len(room.get("/v1/callouts")["items"]) == 1


def test_unverified_leaves_listed_danger_points_and_nothing_else(room: Room) -> None:
    room.send(transition(verification="unconfirmed", confirmed="normal"))
    room.send(transition(n=2, before="red", verification="unverified", confirmed="normal", reason="unverified"))
    orders = room.orders()
    assert [(order["kind"], order["scope_kind"], order["state"]) for order in orders] == [
        ("evacuate", "site", "in_force")
    ]
    danger_points = {site.site_id for site in sample_pack().sites.values() if site.kind == "danger_point"}
    assert {unit["unit_id"] for unit in orders[0]["units"]} <= danger_points


def test_a_downward_or_ended_trip_changes_nothing_in_force(room: Room) -> None:
    room.send(transition())
    held = room.sent("holds")[-1]["holds"]
    room.send(transition(n=2, before="red", to="orange", reason="hold"))
    room.send(transition(n=3, before="orange", to="normal", reason="hold"))
    last = room.sent("holds")[-1]
    assert (last["n"], last["holds"]) == (3, held)
    waiting = [order for order in room.orders() if not order["held"]]
    assert waiting
    assert {(order["state"], order["due_at"]) for order in waiting} == {("proposed", None)}


def test_a_notice_comes_the_same_way(room: Room) -> None:
    notice = {"notice_id": "N-1", "issuer": "区气象台", "number": "12", "hazard": "11B03", "areas": ["500114112"]}
    room.send(transition("notice.signal", reason="notice", notice=notice))
    assert {order["trip_ids"][0] for order in room.orders()} == {"notice.signal/500114112/1"}
    first = room.get("/v1/incidents/I-0001/timeline")["items"]
    assert any("区气象台 12" in line["text"]["zh"] for line in first)


def test_touching_trips_share_incident_case_and_orders(room: Room) -> None:
    room.send(transition())
    count = len(room.orders())
    room.send(transition("river_stage", "500114112", hazard="11A01"))
    assert len(room.get("/v1/incidents")["items"]) == 1
    assert len(room.get("/v1/callouts")["items"]) == 1
    assert len(room.orders()) == count
    assert all(len(order["trip_ids"]) == 2 for order in room.orders())


# --- signing ---------------------------------------------------------------------------------------------------


def test_the_signer_signs_with_if_match_and_once(room: Room) -> None:
    room.send(transition())
    order = one(room, "evacuate", "region")
    path = f"/v1/orders/{order['order_id']}/sign"
    stale = room.post(path, {}, "issuer", **{"If-Match": '"99"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert stale.json()["current"] == order["version"]
    headers = {"If-Match": f'"{order["version"]}"', "Idempotency-Key": "sign-1"}
    signed = room.post(path, {}, "issuer", **headers)
    assert signed.status_code == 200, signed.text
    assert (signed.json()["state"], signed.json()["issuer"]) == ("in_force", order["next_signer"])
    again = room.post(path, {}, "issuer", **headers)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (signed.json(), "true")
    evacuation = room.sent("order", "resources")[-1]
    assert (evacuation["order"]["order_id"], evacuation["order"]["state"]) == (order["order_id"], "in_force")
    assert evacuation["zone"] == {"hazard": "11B03", "areas": ["500114112"], "level": "red"}
    assert order["order_id"] in {hold["order_id"] for hold in room.sent("holds")[-1]["holds"]}


def test_who_may_not_sign_is_refused_with_the_reason(room: Room) -> None:
    room.send(transition())
    order = one(room, "evacuate", "region")
    path = f"/v1/orders/{order['order_id']}/sign"
    assert room.post(path, {}, "village").status_code == 403
    not_mine = room.post(path, {"post": "qj-hq-chief"}, "second_issuer")
    chief_is_deputy = "qj-hq-chief" in {p for row in sample_pack().authority for p in row.deputies}
    assert not_mine.status_code == (200 if chief_is_deputy else 403)


def test_silence_calls_the_next_signer_and_signs_nothing(moving: Room, clock: ManualClock) -> None:
    moving.send(transition())
    order = one(moving, "evacuate", "region")
    clock.set(NOW + timedelta(minutes=3, seconds=1))
    moved = poll_until(
        lambda: one(moving, "evacuate", "region")["next_signer"] != order["next_signer"] or None, PATIENCE_S
    )
    assert moved
    later = one(moving, "evacuate", "region")
    assert later["state"] == "awaiting_signature"
    # the first signer had it before him when his turn passed on: what he read still stands, and he may sign it
    assert later["version"] == order["version"]
    seen = {"If-Match": f'"{order["version"]}"'}
    assert moving.post(f"/v1/orders/{order['order_id']}/sign", {}, "issuer", **seen).status_code == 200
    # two of one order: the second did not see that it is signed
    assert moving.post(f"/v1/orders/{order['order_id']}/sign", {}, "issuer", **seen).status_code == 412


def test_a_telephone_signature_needs_the_registered_number(room: Room) -> None:
    room.send(transition())
    order = one(room, "evacuate", "region")
    path = f"/v1/orders/{order['order_id']}/sign"
    call = {"post": order["next_signer"], "number": "19999999999", "words": "同意", "recorded_by": "值班员"}
    refused = room.post(path, {"call_back": call})
    assert (refused.status_code, refused.json()["code"]) == (409, "refused:number_not_registered")
    number = sample_pack().roster[order["next_signer"]].contacts[0][1]
    signed = room.post(path, {"call_back": {**call, "number": number}})
    assert signed.status_code == 200, signed.text
    signature = signed.json()["signatures"][-1]
    assert (signature["via"], signature["countersign_due_at"]) == ("phone", format_time(NOW + timedelta(hours=2)))
    countersigned = room.post(path, {"post": order["next_signer"]}, "issuer")
    assert countersigned.json()["signatures"][-1]["countersigned_at"] == format_time(NOW)


# --- what may come, and who may do it --------------------------------------------------------------------------


def choices(room: Room, order_id: str, user: str) -> dict[str, tuple[str, str]]:
    return {c["act"]: (c["state"], c["reason"]) for c in room.get(f"/v1/orders/{order_id}", user)["choices"]}


def test_an_order_says_what_the_asker_may_do_and_the_acts_agree(room: Room) -> None:
    room.send(transition())
    waiting = one(room, "evacuate", "region")["order_id"]
    issuer = choices(room, waiting, "issuer")
    assert issuer["sign"] == ("open", "done")
    assert issuer["lift"] == ("refused", "not_in_force")
    assert issuer["acknowledge"] == ("refused", "wrong_role")
    duty = choices(room, waiting, "duty_officer")
    assert (duty["sign"], duty["sign_by_phone"][0], duty["acknowledge"]) == (
        ("refused", "wrong_role"),
        "open",
        ("refused", "not_in_force"),
    )
    assert room.post(f"/v1/orders/{waiting}/sign", {}, "issuer").status_code == 200
    assert choices(room, waiting, "issuer")["sign"] == ("refused", "nothing_to_sign")
    held = one(room, "evacuate", "site")["order_id"]
    commander = choices(room, held, "commander")
    assert commander["lift"] == ("open", "done")
    assert commander["complete"] == ("refused", "people_unaccounted")
    assert commander["permit_return"] == ("refused", "not_lifted")
    body = {"ground": "核查安全", "inspection": SAFE}
    assert room.post(f"/v1/orders/{held}/lift", body, "commander").status_code == 200
    assert choices(room, held, "commander")["permit_return"] == ("open", "done")


def test_a_notice_can_be_foreseen_and_comes_as_foreseen(room: Room) -> None:
    asked = {"hazard": "11B03", "level": "red", "areas": ["500114112"]}
    seen = room.get("/v1/incidents/preview", **asked)
    assert room.get("/v1/incidents")["items"] == []
    assert room.orders() == []
    room.send(transition("notice.signal", reason="notice", notice={"hazard": "11B03", "areas": ["500114112"]}))
    case = room.get("/v1/callouts")["items"][0]["case_id"]
    called = {line["post"] for line in room.get(f"/v1/callouts/{case}")["lines"]}
    signers = {order["next_signer"] for order in room.orders() if order["next_signer"]}
    assert {post["post"] for post in seen["posts"]} == called - (signers - {p["post"] for p in seen["posts"]})
    assert len(seen["orders"]) == len(room.orders())
    assert {order["signer"] for order in seen["orders"] if not order["in_force"]} == signers
    for wrong in ({"areas": ["nowhere"]}, {"hazard": "x"}, {"level": "purple"}):
        where = {"realm": room.realm, **asked, **wrong}
        assert room.http.get("/v1/incidents/preview", params=where, headers=room.bearer("issuer")).status_code == 422


# --- carrying out and ending -----------------------------------------------------------------------------------


def test_people_are_counted_by_name_before_it_is_complete(room: Room) -> None:
    room.send(transition())
    order = one(room, "evacuate", "site")
    shown = room.get(f"/v1/orders/{order['order_id']}")
    unit = next(each for each in shown["units"] if each["unit_id"] == "dp-zs-01")
    assert unit["people"]["not_found"] == unit["people"]["expected"] > 0
    path = f"/v1/orders/{order['order_id']}"
    body = {"units": ["dp-zs-01"]}
    assert room.post(f"{path}/acknowledge", body, "village").status_code == 200
    early = room.post(f"{path}/complete", body, "village")
    assert (early.status_code, early.json()["code"]) == (409, "refused:people_unaccounted")
    households = [{"ref": group["ref"], "people": group["people"], "outcome": "relatives"} for group in unit["groups"]]
    report = {"unit_id": "dp-zs-01", "people": households}
    assert room.post(f"{path}/people", report, "village").status_code == 200
    done = room.post(f"{path}/complete", body, "village")
    assert done.status_code == 200, done.text
    assert next(u for u in done.json()["units"] if u["unit_id"] == "dp-zs-01")["state"] == "complete"


def test_lift_needs_lifter_and_inspection_and_return_is_another_act(room: Room) -> None:
    room.send(transition())
    order = one(room, "evacuate", "site")
    path = f"/v1/orders/{order['order_id']}"
    wrong = room.post(f"{path}/permit-return", {"inspection": SAFE}, "commander")
    assert wrong.json()["code"] == "refused:not_lifted"
    bare = room.post(f"{path}/lift", {"ground": "雨停"}, "commander")
    assert bare.json()["code"] == "refused:inspection_missing"
    lifted = room.post(f"{path}/lift", {"ground": "核查安全", "inspection": SAFE}, "commander")
    assert (lifted.status_code, lifted.json()["state"]) == (200, "lifted")
    assert order["order_id"] not in {hold["order_id"] for hold in room.sent("holds")[-1]["holds"]}
    home = room.post(f"{path}/permit-return", {"inspection": SAFE}, "commander")
    assert home.json()["return_permitted"]["inspection"]["by"] == "地质技术员"


def test_review_time_passed_is_expired_and_still_held(moving: Room, clock: ManualClock) -> None:
    moving.send(transition())
    clock.set(NOW + timedelta(hours=6, minutes=1))
    expired = poll_until(lambda: moving.orders(state="expired_not_lifted") or None, PATIENCE_S)
    assert expired
    assert all(order["held"] for order in expired)


def test_withdraw_first_binds_at_once_and_owes_a_countersign(room: Room) -> None:
    body = {
        "hazard": "11B03",
        "kind": "evacuate",
        "level": "red",
        "scope": "dp-zs-01",
        "wording_zh": "后山响动，立即撤离",
        "basis": "先撤后报",
        "withdraw_first": True,
    }
    made = room.post("/v1/orders", body, "village")
    assert made.status_code == 201, made.text
    assert made.json()["state"] == "in_force"
    assert made.json()["signatures"][0]["countersign_due_at"] == format_time(NOW + timedelta(hours=2))
    assert room.post("/v1/orders", {**body, "kind": "ban"}, "village").json()["code"] == "refused:moves_nobody"
    assert room.post("/v1/orders", {**body, "scope": "nowhere"}).status_code == 422


def test_officers_merge_and_split_and_orders_follow(room: Room) -> None:
    room.send(transition())
    room.send(transition("river_stage", "500114112", hazard="11A01", opening=1))
    trip = "river_stage/500114112/1"
    made = room.post("/v1/incidents/I-0001/split", {"trip_ids": [trip], "ground": "另一条河"})
    assert (made.status_code, made.json()["incident_id"]) == (200, "I-0002")
    merged = room.post("/v1/incidents/I-0002/merge", {"into": "I-0001", "ground": "实为一处"})
    assert {each["trip_id"] for each in merged.json()["trips"]} == {TRIP, trip}
    refused = room.post("/v1/incidents/I-0002/split", {"trip_ids": [trip], "ground": "x"})
    assert refused.json()["code"] == "refused:merged_away"
    texts = [line["kind"] for line in room.get("/v1/incidents/I-0001/timeline")["items"]]
    assert "split" in texts
    assert "merged" in texts


# --- logging in ------------------------------------------------------------------------------------------------


def test_tokens_are_had_for_the_right_secret_alone_and_guessing_is_slowed(room: Room) -> None:
    def ask(**form: str) -> tuple[int, str]:
        answer = room.http.post("/v1/token", data=form)
        return answer.status_code, answer.json().get("code", "")

    key = {"grant_type": "client_credentials", "client_id": "neighbour"}
    assert ask(grant_type="magic") == (400, "unsupported_grant_type")
    assert ask(**key, client_secret="wrong" * 6) == (401, "invalid_grant")
    assert ask(**key, client_secret=KEY)[0] == 200
    for _ in range(8):
        assert ask(**key, client_secret="wrong" * 6)[0] == 401
    assert ask(**key, client_secret=KEY) == (429, "too_many")
    assert room.get("/v1/me", "commander")["posts"]


def test_an_administrator_makes_a_person_with_a_password(room: Room) -> None:
    body = {"username": "zhang", "secret": "correct horse", "roles": ["duty_officer"], "areas": ["500114"]}
    assert room.post("/v1/accounts", body, "duty_officer").status_code == 403
    assert room.post("/v1/accounts", body | {"secret": "short"}, "admin").status_code == 422
    assert room.post("/v1/accounts", body, "admin").status_code == 201
    form = {"grant_type": "password", "username": "zhang", "password": "correct horse"}
    token = room.http.post("/v1/token", data=form).json()["access_token"]
    me = room.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"}, params={"realm": room.realm}).json()
    assert (me["sub"], me["areas"]) == ("zhang", ["500114"])
    assert room.http.get("/.well-known/jwks.json").json()["keys"][0]["crv"] == "Ed25519"
