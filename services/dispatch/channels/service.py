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
    expire,
    fail,
    receive,
)
from services.dispatch.channels.factory import CarrierSpec, carrier_for
from services.dispatch.channels.store import Stored
from shared.db.tx import Tx
from shared.errors import NotFound

LIVE_MAX_S = 180  # a call of which nothing final was heard: the person may be rung again
TEXT_MAX_S = 600  # a text that no carrier took is stale: it is never sent hours later
CALL_KEEPS_S = 120  # and so is a ring
WALL_MIN_S = 10  # in a fast drill minutes pass in a wall second: neither is given up before a machine could answer


def queue(
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
    """排队 Write the attempt; the sender asks the carrier only after this is committed. Refused without a carrier."""
    spec = carrier_for(realm, channel, carriers)
    no = tx.next_no(realm, "attempt")
    attempt = Attempt(attempt_id=f"A-{no:06d}", channel=channel, person=person, address=address, text=text)
    stored = Stored(
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
    store.add(tx.conn, stored)
    return stored


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


def give_up(tx: Tx, realm: str, now: datetime) -> list[Stored]:
    """过期 Attempts of which nothing final was heard in time."""
    gone: list[Stored] = []
    wall = tx.now - timedelta(seconds=WALL_MIN_S)
    for channel, limit_s in ((Channel.VOICE, LIVE_MAX_S), (Channel.SMS, TEXT_MAX_S)):
        for stored in store.overdue(tx.conn, realm, channel, now - timedelta(seconds=limit_s), wall):
            given_up = expire(stored.attempt, now)
            store.save(tx.conn, realm, given_up)
            gone.append(msg_replace(stored, given_up))
    return gone


def is_stale(stored: Stored, now: datetime, wall: datetime) -> bool:
    """Whether a queued attempt is too old to be sent: better a new one with what is true now."""
    limit = CALL_KEEPS_S if stored.attempt.channel is Channel.VOICE else TEXT_MAX_S
    waited = wall - stored.asked_at > timedelta(seconds=WALL_MIN_S)
    return waited and now - stored.queued_at > timedelta(seconds=limit)


def msg_replace(stored: Stored, attempt: Attempt) -> Stored:
    return replace(stored, attempt=attempt, live=False)
