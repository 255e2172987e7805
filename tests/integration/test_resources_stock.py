"""资源服务·库存 Openings, movements, reservations, readiness and map collections on real HTTP and both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from services.resources.stock import store
from services.resources.stock.service import open_realm
from shared.clock import SystemClock, poll_until
from shared.frame import Frame
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.platform import bearer, service_bearer
from tests.support.resources import resources_service, sample_pack

KEEPER = bearer("keeper", "warehouse_keeper")
OFFICER = bearer("officer", "duty_officer")
BEDS, QUILTS = "1030201", "1020101"


@pytest.fixture
def service(dsn: str, tmp_path: Path) -> Iterator[tuple[httpx.Client, Frame]]:
    with resources_service(dsn, fresh_schema(), tmp_path / "packs") as found:
        yield found


@pytest.fixture
def http(service: tuple[httpx.Client, Frame]) -> httpx.Client:
    return service[0]


@pytest.fixture(scope="module")
def still(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One service for all that changes nothing."""
    packs = tmp_path_factory.mktemp("stock") / "packs"
    with resources_service(module_dsn, fresh_schema(), packs) as (client, _):
        yield client


def issue(quantity: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "issue",
        "source": "warehouse:wh-qj-01",
        "destination": "consumed:sh-zs-01",
        "item_code": BEDS,
        "quantity": quantity,
        "reason": "安置",
        **more,
    }


def beds(http: httpx.Client, realm: str = "x-live") -> dict[str, int]:
    rows = http.get("/v1/stock", params={"item_code": BEDS, "realm": realm}, headers=OFFICER).json()["items"]
    return {f"{row['place']}/{row['lot_id']}": row["on_hand"] for row in rows}


def test_the_books_open_with_the_packs_stock_once_and_agree_with_their_log(
    service: tuple[httpx.Client, Frame],
) -> None:
    http, frame = service
    wanted = {f"warehouse:{r.warehouse_id}/{r.lot_id}": r.quantity for r in sample_pack().stock if r.item_code == BEDS}
    assert beds(http) == wanted
    assert http.get("/readyz").json()["ready"]
    with frame.store.read() as conn:
        assert store.disproved(conn, "x-live") == []
        assert not store.is_open(conn, "actual")
        opened = conn.execute(select(store.openings)).all()
    assert [row.realm for row in opened] == ["x-live"]


def test_a_movement_is_booked_and_the_same_key_books_it_once(http: httpx.Client) -> None:
    sent = KEEPER | {"Idempotency-Key": "m1"}
    first = http.post("/v1/movements", json=issue(50), headers=sent)
    again = http.post("/v1/movements", json=issue(50), headers=sent)
    assert first.status_code == again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    assert sum(entry["quantity"] for entry in first.json()["entries"]) == 0
    assert beds(http)["warehouse:wh-qj-01/QJ-C1"] == 1800
    assert beds(http)["consumed:sh-zs-01/QJ-C1"] == 50


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (issue(99_999), 409, "refused:short"),
        (issue(1, lot_id="QJ-C2"), 409, "refused:damaged"),
        (issue(1, item_code="1010101", lot_id="QJ-F0"), 409, "refused:expired"),
        (issue(1, item_code=QUILTS, lot_id="QJ-Q2"), 409, "refused:owner_act_missing"),
        (issue(1, source="warehouse:nowhere"), 422, "invalid"),
        (issue(1, source="cellar:1"), 422, "invalid"),
        (issue(1, item_code="9999999"), 422, "invalid"),
        (issue(0), 422, "invalid"),
        ({**issue(1), "quantity": 1.5}, 422, "invalid"),
        (issue(1, destination="warehouse:wh-zs-01"), 409, "refused:wrong_path"),
        (issue(1, surprise=1), 422, "invalid"),
    ],
)
def test_a_wrong_movement_is_refused_with_its_reason(
    still: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    before = beds(still)
    answer = still.post("/v1/movements", json=body, headers=KEEPER)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert beds(still) == before


def test_goods_of_the_city_move_by_the_citys_act(http: httpx.Client) -> None:
    act = {"owner": "重庆市", "by": "市级值班(演示)", "reference": "演示调令1号"}
    answer = http.post("/v1/movements", json=issue(5, item_code=QUILTS, lot_id="QJ-Q2", owner_act=act), headers=KEEPER)
    assert answer.status_code == 201


def test_two_keepers_cannot_give_the_same_beds(http: httpx.Client) -> None:
    def take(_: int) -> int:
        return http.post("/v1/movements", json=issue(300), headers=KEEPER).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(take, range(10)))
    assert codes.count(201) == 6  # of 1,850 good beds
    assert codes.count(409) == 4
    assert beds(http)["warehouse:wh-qj-01/QJ-C1"] == 50


def test_what_is_reserved_waits_for_its_holder(http: httpx.Client) -> None:
    until = format_time(SystemClock().now() + timedelta(hours=6))
    body = {"place": "warehouse:wh-qj-01", "item_code": BEDS, "quantity": 1800, "holder": "O-0001"}
    made = http.post("/v1/reservations", json={**body, "until": until, "reason": "预留"}, headers=KEEPER)
    assert made.status_code == 201
    lease = made.json()["items"][0]["lease_id"]
    assert http.post("/v1/movements", json=issue(100), headers=KEEPER).json()["code"] == "refused:short"
    assert http.post("/v1/movements", json=issue(100, lease_id=lease), headers=KEEPER).status_code == 201
    listed = http.get("/v1/reservations", headers=KEEPER).json()["items"]
    assert [(row["lease_id"], row["quantity"]) for row in listed] == [(lease, 1700)]
    assert http.post(f"/v1/reservations/{lease}/release", json={"reason": "解除"}, headers=KEEPER).status_code == 200
    assert http.post("/v1/movements", json=issue(100), headers=KEEPER).status_code == 201
    past = format_time(SystemClock().now() - timedelta(hours=1))
    late = http.post("/v1/reservations", json={**body, "until": past, "reason": "预留"}, headers=KEEPER)
    assert late.json()["code"] == "refused:no_end"


def test_stock_is_for_those_who_may_see_it_and_keepers_move_only_their_own(still: httpx.Client) -> None:
    assert still.get("/v1/stock").status_code == 401
    assert still.get("/v1/readiness").status_code == 401
    assert still.get("/v1/stock", headers=bearer("n", "neighbour")).status_code == 403
    elsewhere = bearer("zs", "warehouse_keeper", areas=("500114112",))
    refused = still.post("/v1/movements", json=issue(1), headers=elsewhere)
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_area")
    other_realm = bearer("k", "warehouse_keeper", realms=("x-other",))
    assert still.post("/v1/movements", json=issue(1), headers=other_realm).json()["code"] == "wrong_realm"


def test_readiness_names_the_item_that_binds(still: httpx.Client) -> None:
    answer = still.get("/v1/readiness?people=3000&days=3", headers=OFFICER).json()
    assert (answer["state"], answer["binding_item"]) == ("short", BEDS)
    lines = {line["guarantee"]: line for line in answer["guarantees"]}
    assert list(lines) == ["food", "clothing", "water", "shelter", "medical"]
    shelter = lines["shelter"]
    assert (shelter["need"], shelter["usable"], shelter["gap"]) == (3000, 2070, 930)
    food = lines["food"]
    assert (food["usable"], food["deliverable"], food["gap"]) == (5350, 1800, 0)
    assert food["items"][0]["left_out"] == {"expired": 600}
    quilts = next(item for item in lines["clothing"]["items"] if item["item_code"] == QUILTS)
    assert quilts["by_owner"]["重庆市"] == 2500
    assert quilts["left_out"] == {"not_ours": 2500}
    assert all(item["source"] == "演示数据" for line in lines.values() for item in line["items"])
    assert still.get("/v1/readiness?people=0", headers=OFFICER).status_code == 422


def test_a_drill_has_its_own_stock(http: httpx.Client) -> None:
    now = format_time(SystemClock().now())
    clock = {"realm": "x-night", "speed": 60, "v0": "2026-06-27T18:00:00Z", "w0": now, "boot": "boot-1"}
    body = {"sender": "warning", "realm": "x-night", "no": 1, "kind": "realm", "aggregate": "x-night", "body": clock}
    assert http.post("/v1/inbox", json=body, headers=service_bearer("warning")).json() == {"applied": 1}

    def opened() -> bool:
        return bool(beds(http, "x-night"))

    assert poll_until(opened, PATIENCE_S)
    answer = http.post("/v1/movements?realm=x-night", json=issue(100), headers=KEEPER)
    assert answer.status_code == 201
    assert beds(http, "x-night")["warehouse:wh-qj-01/QJ-C1"] == 1750
    assert beds(http)["warehouse:wh-qj-01/QJ-C1"] == 1850


def test_books_that_were_tampered_with_are_found(service: tuple[httpx.Client, Frame]) -> None:
    _, frame = service
    table = store.balances
    mine = (table.c.lot_id == "QJ-C1", table.c.place_kind == "warehouse")
    changed = update(table).where(*mine).values(quantity=9_999)
    frame.writer.call(lambda tx: tx.conn.execute(changed) and None)
    with frame.store.read() as conn:
        wrong = store.disproved(conn, "x-live")
    assert [(row["kept"], row["summed"]) for row in wrong] == [(9_999, 1_850)]


def test_one_lot_id_with_two_expiry_dates_opens_as_two_lots(service: tuple[httpx.Client, Frame]) -> None:
    http, frame = service
    row = sample_pack().stock[0]
    other = replace(row, warehouse_id="wh-zs-01", expires_on="2026-12-31")
    pack = replace(sample_pack(), stock=(row, other))
    assert frame.writer.call(lambda tx: open_realm(tx, "actual", pack))
    assert not frame.writer.call(lambda tx: open_realm(tx, "actual", pack))
    reader = bearer("reader", "duty_officer", realms=("actual",))
    items = http.get("/v1/stock?realm=actual", headers=reader).json()["items"]
    assert {item["lot_id"] for item in items} == {"QJ-F1", "QJ-F1-wh-zs-01"}
    kinds = [event["kind"] for event in http.get("/v1/events?after=0&realm=actual", headers=reader).json()["items"]]
    assert "alarm.stock_opening" in kinds


def test_stock_pages_reach_everything_once(still: httpx.Client) -> None:
    seen: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = still.get("/v1/stock", params=params, headers=OFFICER).json()
        seen += [(row["place"], row["lot_id"]) for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == len(sample_pack().stock)


def test_the_log_of_movements_proves_the_books(http: httpx.Client) -> None:
    assert http.post("/v1/movements", json=issue(3), headers=KEEPER).status_code == 201
    log: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = http.get("/v1/movements", params=query, headers=OFFICER).json()
        log += page["items"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert [row["no"] for row in log] == sorted({row["no"] for row in log})
    assert {sum(entry["quantity"] for entry in row["entries"]) for row in log} == {0}
    assert log[-1]["kind"] == "issue"
    summed: dict[str, int] = {}
    for entry in (entry for row in log for entry in row["entries"] if entry["item_code"] == BEDS):
        key = f"{entry['place']}/{entry['lot_id']}"
        summed[key] = summed.get(key, 0) + entry["quantity"]
    now = beds(http)
    assert {key: summed.get(key) for key in now} == now
    assert http.get("/v1/movements").status_code == 401
