"""The drill's officers against the real dispatch: they sign, lead people out, and nothing is left of a silent chief."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.officers.__main__ import Shift
from deploy.demo.officers.desk import Desk
from shared.clock import ManualClock, poll_until
from shared.vocabulary import Role
from tests.conftest import fresh_schema
from tests.support.dispatch import NOW, REALM, Room, dispatch_service, transition
from tests.support.resources import sample_pack

CHIEF, DEPUTY = "qj-hq-chief", "qj-hq-deputy-1"
STEP = timedelta(minutes=3)
ENOUGH = 60  # looks


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def room(tmp_path: Path, clock: ManualClock) -> Iterator[Room]:
    with dispatch_service(f"sqlite:///{tmp_path / 'store.db'}", fresh_schema(), tmp_path, clock) as found:
        yield found


@pytest.fixture
def desk(room: Room, tmp_path: Path) -> Iterator[Desk]:
    tokens = {role.value: room.bearer(role.value)["Authorization"][7:] for role in Role if role is not Role.SERVICE}
    services = dict.fromkeys(("warning", "dispatch", "resources"), str(room.http.base_url).rstrip("/"))
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"services": services, "tokens": tokens}), encoding="utf-8")
    found = Desk(path, sample_pack(), REALM)
    yield found
    found.close()


def everybody_but_the_chief_acts(room: Room) -> None:
    for case in room.get("/v1/callouts")["items"]:
        for line in room.get(f"/v1/callouts/{case['case_id']}")["lines"]:
            if line["post"] != CHIEF and line["state"] not in ("answered", "closed"):
                body = {"post": line["post"], "grade": "acting", "via": "on_behalf", "ground": "电话", "by": "值班员"}
                assert room.post(f"/v1/callouts/{case['case_id']}/answers", body).is_success


def test_a_red_night_is_signed_for_and_its_people_accounted_for(room: Room, desk: Desk, clock: ManualClock) -> None:
    room.send(transition())
    shift = Shift(desk)
    for _ in range(ENOUGH):
        everybody_but_the_chief_acts(room)
        clock.set(clock.now() + STEP)
        poll_until(lambda: _quiet(room, clock), 5)
        shift.tick(clock.now())
        if all(order["state"] == "complete" for order in _led(room)):
            break
    orders = room.orders()
    assert all(order["held"] for order in orders), [(o["order_id"], o["state"]) for o in orders]
    signatures = [signature for order in orders for signature in order["signatures"]]
    assert {signature["by"] for signature in signatures if signature["via"] != "preauthorised"} == {DEPUTY}
    left = next(o for o in orders if o["kind"] == "evacuate" and o["scope_kind"] == "site")
    named = next(u for u in room.get(f"/v1/orders/{left['order_id']}")["units"] if u["unit_id"] == "dp-zs-01")
    assert named["people"]["not_found"] == 0
    assert all(group["outcome"] != "not_found" for group in named["groups"])
    assert left["state"] == "complete"


def _led(room: Room) -> list[dict[str, Any]]:
    """Orders whose every unit has somebody who was called for it."""
    return [order for order in room.orders() if order["scope_kind"] in ("site", "region")]


def _quiet(room: Room, clock: ManualClock) -> bool | None:
    """Whether the countdowns that were due have been seen to."""
    due = [order["due_at"] for order in room.orders() if order["due_at"]]
    return all(each > clock.now().isoformat() for each in due) or None
