"""How many statements dispatch needs: a red trip opens in few, a tick with nothing due asks once. No timing here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from services.dispatch.callouts import store as callouts
from services.dispatch.callouts.events import Answered
from services.dispatch.callouts.matter import Grade, Via
from services.dispatch.channels import service
from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import Attempt, Channel
from services.dispatch.channels.store import Stored
from services.dispatch.orders import store as orders
from services.dispatch.orders.events import Revoke, Sign
from services.dispatch.schema import tables
from shared.db.tx import Tx
from tests.bench.dispatch import REALM, Bench, enlarged
from tests.conftest import fresh_schema
from tests.support.resources import sample_pack
from tests.support.statements import counting

INTAKE_MAX = 60  # 44 when this was written
TICK_MAX = 40
RECEIPT_MAX = 20
TOWNSHIP = "500114112"
CHIEF, FIRST_DEPUTY, SECOND_DEPUTY = "qj-hq-chief", "qj-hq-deputy-1", "qj-hq-deputy-2"


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(dsn, fresh_schema(), tmp_path, sample_pack())
    yield made
    made.close()


def realms(bench: Bench) -> int:
    return len(bench.frame.writer.realms.ticking())


def test_a_red_trip_its_rings_and_its_receipts_need_few_statements(bench: Bench) -> None:
    with counting(bench.frame.store.engine) as intake:
        bench.red(TOWNSHIP)
    assert intake.work <= INTAKE_MAX, intake
    with counting(bench.frame.store.engine) as rings:
        bench.tick("callouts")
    assert rings.work <= TICK_MAX, rings
    with counting(bench.frame.store.engine) as answers:
        taken = bench.receipts()
    assert taken > 10
    assert answers.work / taken <= RECEIPT_MAX, answers


def test_a_district_ten_times_the_size_needs_no_more(dsn: str, tmp_path: Path) -> None:
    large = Bench(dsn, fresh_schema(), tmp_path, enlarged(sample_pack(), 4))
    try:
        with counting(large.frame.store.engine) as intake:
            large.red(large.pack.district.code)
        assert intake.work <= INTAKE_MAX, intake
        with counting(large.frame.store.engine) as rings:
            large.tick("callouts")
        assert rings.work <= TICK_MAX, rings
    finally:
        large.close()


def test_a_tick_with_nothing_due_asks_once_a_realm(bench: Bench) -> None:
    bench.red(TOWNSHIP)
    bench.tick("callouts")
    for name in ("callouts", "orders"):
        with counting(bench.frame.store.engine) as seen:
            bench.tick(name)
        assert seen.work == realms(bench), (name, seen)


# --- signers ---------------------------------------------------------------------------------------------------


def sign_matters(bench: Bench) -> dict[str, Any]:
    """The standing matters for signers, by their posts."""
    with bench.frame.store.read() as conn:
        held = callouts.matters_of(conn, REALM, "C-0001")
    return {m.matter_id.removeprefix("sign/"): m for m, ended in held if m.purpose == "sign" and ended is None}


def waiting(bench: Bench) -> list[Any]:
    with bench.frame.store.read() as conn:
        rows = [stored for _, stored in orders.waiting_in(conn, REALM, ["C-0001"])]
    return [stored for stored in rows if stored.order.due_at is not None]


def events(bench: Bench, kind: str) -> list[Any]:
    with bench.frame.store.read() as conn:
        return list(conn.execute(select(tables.events).where(tables.events.c.kind == kind)).all())


def line(bench: Bench, post: str) -> Any:
    with bench.frame.store.read() as conn:
        return callouts.line(conn, REALM, "C-0001", post)


def act(bench: Bench, order_id: str, make: Any, by: str) -> None:
    desk, pack = bench.app.state.desk, bench.pack
    bench.frame.writer.call(lambda tx: desk.orders.act(tx, REALM, order_id, make, by, pack))


def answer(bench: Bench, post: str, person: str) -> None:
    given = Answered(person=person, grade=Grade.ACTING, via=Via.APP)
    desk = bench.app.state.desk
    bench.frame.writer.call(lambda tx: desk.callouts.answer(tx, REALM, "C-0001", post, given, tx.domain_now(REALM)))


def signer_of(stored: Any) -> str:
    return str(stored.order.signing.signers[0])


def test_a_signer_has_one_matter_for_all_that_waits(bench: Bench) -> None:
    bench.red(TOWNSHIP)
    for post, matter in sign_matters(bench).items():
        mine = {stored.order.order_id for stored in waiting(bench) if signer_of(stored) == post}
        assert set(matter.orders) == mine
        assert matter.version == 1
    assert len(sign_matters(bench)[CHIEF].orders) > 1
    bench.tick("callouts")
    with bench.frame.store.read() as conn:
        said = [s.attempt.text for s in channels.of_persons(conn, REALM, [bench.pack.roster[CHIEF].person])]
    assert len([text for text in said if "等您签批" in text]) == 1


def test_a_countdown_calls_further_signers_and_lets_nobody_go(bench: Bench) -> None:
    bench.red(TOWNSHIP)
    before = sign_matters(bench)[CHIEF]
    bench.tick("orders", 3.05)
    bench.tick("orders", 3.05)
    after = sign_matters(bench)
    assert after[CHIEF] == before  # he rings on by the callout's own clocks
    assert {CHIEF, FIRST_DEPUTY, SECOND_DEPUTY} <= set(after)
    assert set(after[SECOND_DEPUTY].orders) >= set(before.orders)


def test_the_chain_begins_again_and_alarms_once_a_round(bench: Bench) -> None:
    bench.red(TOWNSHIP)
    answer(bench, CHIEF, bench.pack.roster[CHIEF].person)  # "I am acting", and signs nothing
    assert not line(bench, CHIEF).is_open
    orders_of_chief = set(sign_matters(bench)[CHIEF].orders)
    for _ in range(3):
        bench.tick("orders", 3.05)
    alarms = events(bench, "alarm.order_no_signer")
    assert len(alarms) == 1
    assert set(alarms[0].body["order_ids"]) >= orders_of_chief
    again = sign_matters(bench)[CHIEF]
    assert (again.round, again.version) == (1, 2)
    assert line(bench, CHIEF).is_open
    for _ in range(3):
        bench.tick("orders", 3.05)
    assert sign_matters(bench)[CHIEF] == again  # still ringing: nothing to ask anew
    assert len(events(bench, "alarm.order_no_signer")) == 2


def test_what_is_signed_leaves_the_call_and_the_last_one_ends_it(bench: Bench) -> None:
    bench.red(TOWNSHIP)
    first = sign_matters(bench)[CHIEF]
    ring = line(bench, CHIEF)
    act(bench, first.orders[0], lambda order, now: Sign(by=CHIEF), CHIEF)
    fewer = sign_matters(bench)[CHIEF]
    assert (fewer.orders, fewer.version) == (first.orders[1:], first.version)
    assert line(bench, CHIEF).climb_from == ring.climb_from
    for order_id in fewer.orders:
        act(bench, order_id, lambda order, now: Revoke(by=CHIEF, ground="误报", unsigned_only=True), CHIEF)
    assert CHIEF not in sign_matters(bench)


# --- rings that nobody wants any more ---------------------------------------------------------------------------


class Line:
    """A carrier that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, method: str, path: str, *, json: Any = None) -> Any:
        self.asked.append(str(json["to"]))
        return {"call_id": "1"}

    def close(self) -> None:
        """Nothing is open."""


def queued(bench: Bench, person: str) -> Stored:
    with bench.frame.store.read() as conn:
        return next(s for s in channels.queued(conn, 1000) if s.attempt.person == person)


def test_a_queued_ring_is_withdrawn_when_it_is_answered_meanwhile(bench: Bench) -> None:
    desk, carrier = bench.app.state.desk, Line()
    desk.sender.reach("simulator", carrier)
    bench.red(TOWNSHIP)
    bench.tick("callouts")
    with bench.frame.store.read() as conn:
        lines = callouts.lines_of(conn, REALM, "C-0001")
    post = next(each for each in lines if each.needs_feedback)
    stored, other = queued(bench, post.person), queued(bench, bench.pack.roster[CHIEF].person)
    for each in lines:
        if each.party_of(post.person):
            answer(bench, each.post, post.person)
    assert desk.sender.ask(stored)
    assert desk.sender.ask(other)
    assert carrier.asked == [other.attempt.address]
    with bench.frame.store.read() as conn:
        kept = channels.find(conn, REALM, stored.attempt.attempt_id)
        ring = callouts.ring(conn, REALM, post.person)
    assert kept is not None
    assert (kept.attempt.result, kept.live, ring.live, ring.started_at) == ("withdrawn", False, None, None)


# --- our own slowness -------------------------------------------------------------------------------------------


def overdue(bench: Bench, asked_s_ago: float) -> int:
    """Of one call of a fast drill, ten domain minutes old: whether it counts as silent."""
    now = bench.clock.now()
    attempt = Attempt(attempt_id="A-1", channel=Channel.VOICE, person="甲", address="00000000099", text="演练")
    stored = Stored(
        realm="x-fast",
        no=1,
        carrier="simulator",
        attempt=attempt,
        lang="zh",
        covers=[],
        queued_at=now - timedelta(minutes=10),
        asked_at=now - timedelta(seconds=asked_s_ago),
        live=True,
    )

    def look(tx: Tx) -> int:
        channels.add(tx.conn, stored)
        found = len(service.overdue(tx, "x-fast", now))
        tx.conn.execute(delete(channels.attempts).where(channels.attempts.c.realm == "x-fast"))
        return found

    return int(bench.frame.writer.call(look))


def test_no_word_from_the_carrier_is_not_said_while_our_queue_is_behind(bench: Bench) -> None:
    assert [overdue(bench, seconds) for seconds in (5, 20, 130)] == [0, 1, 1]
    bench.frame.writer.behind_at = bench.clock.now() - timedelta(seconds=5)
    assert [overdue(bench, seconds) for seconds in (20, 130)] == [0, 1]
    bench.frame.writer.behind_at = bench.clock.now() - timedelta(seconds=15)
    assert overdue(bench, 20) == 1
