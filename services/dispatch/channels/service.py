"""通道用例 Attempts: committed before a carrier is asked, moved by receipts, given up when nothing is heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from services.dispatch.channels import store
from services.dispatch.channels.carrier import (
    Attempt,
    AttemptState,
    Channel,
    Receipt,
    ReceiptDecision,
    Result,
    expire,
    fail,
    receive,
)
from services.dispatch.channels.carrier import withdraw as withdrawal
from services.dispatch.channels.factory import CarrierSpec, carrier_for
from services.dispatch.channels.store import Stored
from shared.db.tx import Tx
from shared.errors import NotFound
from shared.realm import RealmClock

LIVE_MAX_S = 180  # a call of which nothing final was heard: the person may be rung again
TEXT_MAX_S = 600  # a text that no carrier took is stale: it is never sent hours later
CALL_KEEPS_S = 120  # and so is a ring
KEPT_S = {Channel.VOICE: LIVE_MAX_S, Channel.SMS: TEXT_MAX_S}
BEHIND_MAX_S = 120  # wall
WALL_MIN_S = 10  # in a fast drill minutes pass in a wall second: neither is given up before a machine could answer


def make(
    tx: Tx,
    realm: str,
    carriers: Sequence[CarrierSpec],
    *,
    channel: Channel,
    person: str,
    address: str,
    lang: str,
    text: str,
    covers: list[dict[str, Any]],
    now: datetime,
) -> Stored:
    """拟拨 An attempt to be written; a carrier is asked only once it is committed. Refused without a carrier."""
    spec = carrier_for(realm, channel, carriers)
    no = tx.next_no(realm, "attempt")
    attempt = Attempt(attempt_id=f"A-{no:06d}", channel=channel, person=person, address=address, text=text)
    return Stored(
        realm=realm,
        no=no,
        carrier=spec.name,
        attempt=attempt,
        lang=lang,
        covers=covers,
        queued_at=now,
        asked_at=tx.now,
        live=channel is Channel.VOICE,
    )


def find(conn: Connection, realm: str, attempt_id: str) -> Stored:
    found = store.find(conn, realm, attempt_id)
    if found is None:
        raise NotFound(f"attempt {attempt_id} of realm {realm} does not exist", f"没有拨叫记录 {attempt_id}")
    return found


def apply_receipt(
    tx: Tx, realm: str, attempt_id: str, receipt: Receipt, now: datetime
) -> tuple[Stored, ReceiptDecision]:
    """回执 Returns the attempt as it was, and the decision; an old receipt changes nothing."""
    stored = find(tx.conn, realm, attempt_id)
    decision = receive(stored.attempt, receipt, now)
    if not decision.is_refused:
        store.save(tx.conn, realm, decision.state)
    return stored, decision


def mark_taken(tx: Tx, realm: str, attempt_id: str, call_id: str) -> None:
    """受理 The carrier has it. A receipt that was faster is left as it is."""
    attempt = find(tx.conn, realm, attempt_id).attempt
    if attempt.result is Result.WITHDRAWN:  # called off while the carrier was being asked
        store.save(tx.conn, realm, attempt, call_id=call_id, asked_at=tx.now, hang_up_at=tx.now)
        return
    if attempt.state is AttemptState.QUEUED:
        attempt = replace(attempt, state=AttemptState.ACCEPTED)
    store.save(tx.conn, realm, attempt, call_id=call_id, asked_at=tx.now)


def mark_failed(tx: Tx, realm: str, attempt_id: str, cause: str, now: datetime) -> Stored | None:
    """通道拒绝 The carrier surely did not take it. None when it has moved on meanwhile."""
    stored = find(tx.conn, realm, attempt_id)
    if stored.attempt.state is not AttemptState.QUEUED:
        return None
    failed = fail(stored.attempt, cause, now)
    store.save(tx.conn, realm, failed, asked_at=tx.now)
    return msg_replace(stored, failed)


def withdraw(tx: Tx, realm: str, attempt_id: str, now: datetime) -> Stored | None:
    """撤回 Nobody wants it any more and no carrier was asked. None when it has moved on meanwhile."""
    stored = find(tx.conn, realm, attempt_id)
    if stored.attempt.state is not AttemptState.QUEUED:
        return None
    withdrawn = withdrawal(stored.attempt, now)
    store.save(tx.conn, realm, withdrawn)
    return msg_replace(stored, withdrawn)


def call_off(tx: Tx, realm: str, now: datetime) -> list[Stored]:
    """撤下 Nothing of the realm rings any more: what is queued is never sent, on what is out the carrier hangs up."""
    over: list[Stored] = []
    for stored in store.unfinished(tx.conn, realm):
        withdrawn = withdrawal(stored.attempt, now)
        is_out = stored.attempt.state is not AttemptState.QUEUED
        store.save(tx.conn, realm, withdrawn, hang_up_at=tx.now if is_out else None)
        over.append(msg_replace(stored, withdrawn))
    return over


def may_ring(clock: RealmClock, stored: Stored) -> bool:
    """In a drill that a real event interrupted nothing rings but the word of it, which is about no matter."""
    return clock.is_running or not stored.covers


def hung_up(tx: Tx, stored: Stored) -> None:
    """已挂断 Or over by itself."""
    store.save(tx.conn, stored.realm, find(tx.conn, stored.realm, stored.attempt.attempt_id).attempt, hang_up_at=None)


def overdue(tx: Tx, realm: str, now: datetime) -> list[Stored]:
    """逾时 Attempts of which nothing final was heard in time."""
    return store.overdue(tx.conn, patience(tx, realm, now))


def give_up(stored: Stored, now: datetime) -> Stored:
    """过期 No word in time; a receipt that still comes is believed. To be saved by the caller."""
    return msg_replace(stored, expire(stored.attempt, now))


def patience(tx: Tx, realm: str, now: datetime) -> dict[str, Any]:
    """Before when an attempt must have been made, in domain time by channel and in wall time, as `ANY_OVERDUE` asks it.

    While our own queue is behind, the carrier's word may be waiting in it: nothing is given up before `BEHIND_MAX_S`.
    """
    wall = tx.now - timedelta(seconds=WALL_MIN_S)
    if tx.behind_at is not None and tx.behind_at > wall:
        wall = tx.now - timedelta(seconds=BEHIND_MAX_S)
    before = {f"{channel.value}_before": now - timedelta(seconds=KEPT_S[channel]) for channel in store.AUTOMATIC}
    return {"realm": realm, "wall_before": wall, **before}


def is_stale(stored: Stored, now: datetime, wall: datetime) -> bool:
    """Whether a queued attempt is too old to be sent: better a new one with what is true now."""
    limit = CALL_KEEPS_S if stored.attempt.channel is Channel.VOICE else TEXT_MAX_S
    waited = wall - stored.asked_at > timedelta(seconds=WALL_MIN_S)
    return waited and now - stored.queued_at > timedelta(seconds=limit)


def msg_replace(stored: Stored, attempt: Attempt) -> Stored:
    return replace(stored, attempt=attempt, live=False)
