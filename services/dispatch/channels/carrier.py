"""通道 One attempt to reach one person through a carrier: its states, its receipts, and the carrier's signature.

Accepted by a carrier is not reached; a text delivered is not read; a machine that answers is not a person
(design §2.5). Receipts carry a ``seq``: an old one never wins over a newer one, in whatever order they arrive.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

HEARD_ALL_SHARE = 0.9  # a listener who stays for this share of the text has heard it
HANG_UP_S = 3.0  # cut within three seconds: a handset or carrier that blocks robot calls is suspected
SIGNATURE_WINDOW_S = 300
SPOKEN_CHARS_S = 4.5
KEYS_MAX = 32
CAUSE_MAX = 100


class Channel(StrEnum):
    """通道: ``roster.csv`` channels; the last four are carried by people and are tasks, not calls"""

    VOICE = "voice"
    SMS = "sms"
    APP = "app"
    RADIO = "radio"
    SATPHONE = "satphone"
    RUNNER = "runner"


CALLED_BY_MACHINE = (Channel.VOICE, Channel.SMS)


class AttemptState(StrEnum):
    """拨叫状态: the last two are ends"""

    QUEUED = "queued"  # committed, the carrier not asked yet
    ACCEPTED = "accepted"
    RINGING = "ringing"
    ANSWERED = "answered"  # somebody or something picked up
    DELIVERED = "delivered"  # a text on the handset; replies may follow
    ENDED = "ended"
    EXPIRED = "expired"  # our own guess: no word from the carrier in time; a later receipt corrects it


class Result(StrEnum):
    """拨叫结果: how an attempt ended, told apart (duty_room.md A8, A11, A12)"""

    KEYED = "keyed"  # a key was pressed or a reply sent: see the answer
    HEARD = "heard"  # to the end, no key
    PART_HEARD = "part_heard"
    HUNG_UP = "hung_up"  # 0–3 s: 疑似骚扰拦截
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    MACHINE = "machine"
    UNREACHABLE = "unreachable"  # off, no signal, or the mast is down (see cause)
    BAD_NUMBER = "bad_number"  # 空号
    DELIVERED = "delivered"  # a text without an answer
    WITHDRAWN = "withdrawn"  # never sent: what it was about was answered meanwhile
    CARRIER_FAILED = "carrier_failed"  # not the person's fault
    EXPIRED = "expired"


ENDED = frozenset({AttemptState.ENDED, AttemptState.EXPIRED})
_PROGRESS = {
    "accepted": AttemptState.ACCEPTED,
    "ringing": AttemptState.RINGING,
    "answered": AttemptState.ANSWERED,
    "delivered": AttemptState.DELIVERED,
    "ended": AttemptState.ENDED,
}
RECEIPT_STATES = tuple(_PROGRESS)
RECEIPT_RESULTS = ("answered", "no_answer", "busy", "machine", "unreachable", "bad_number", "delivered", "failed")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """回执: what a carrier calls back with; ``result`` says how it ended, ``heard_s`` how long somebody listened"""

    seq: int
    state: str
    result: str | None = None
    heard_s: float | None = None
    keys: str = ""
    cause: str | None = None
    at: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """拨叫: one attempt; its id is the carrier's key, so that a repeated request is not a second ring"""

    attempt_id: str
    channel: Channel
    person: str
    address: str
    text: str
    state: AttemptState = AttemptState.QUEUED
    seq: int = 0
    result: Result | None = None
    heard_s: float | None = None
    keys: str = ""
    cause: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def spoken_s(self) -> float:
        return len(self.text) / SPOKEN_CHARS_S


class ReceiptReason(StrEnum):
    """回执缘由"""

    TAKEN = "taken"
    ENDED = "ended"
    KEY_PRESSED = "key_pressed"
    CORRECTS_EXPIRY = "corrects_expiry"
    # refused, and answered with 200 all the same: the carrier need not send it again
    OLD_SEQ = "old_seq"
    UNKNOWN_STATE = "unknown_state"


class ReceiptDecision(msgspec.Struct, frozen=True, kw_only=True):
    """决定: ``new_keys`` are the keys that no earlier receipt brought"""

    state: Attempt
    reason: ReceiptReason
    new_keys: str = ""
    is_refused: bool = False


def receive(attempt: Attempt, receipt: Receipt, now: datetime) -> ReceiptDecision:
    """Apply one receipt. Keys may come in a receipt before the last; what ended stays ended."""
    if receipt.state not in _PROGRESS:
        return ReceiptDecision(state=attempt, reason=ReceiptReason.UNKNOWN_STATE, is_refused=True)
    if receipt.seq <= attempt.seq:
        return ReceiptDecision(state=attempt, reason=ReceiptReason.OLD_SEQ, is_refused=True)
    was_expired = attempt.state is AttemptState.EXPIRED
    was_ended = attempt.state is AttemptState.ENDED
    reached = AttemptState.ENDED if was_ended else _PROGRESS[receipt.state]
    if was_expired and reached is not AttemptState.ENDED:
        reached = AttemptState.EXPIRED  # given up: it is not live again, but keys and an end are believed
    keys = receipt.keys[:KEYS_MAX] or attempt.keys
    new_keys = keys[len(attempt.keys) :] if keys.startswith(attempt.keys) else keys
    taken = replace(
        attempt,
        seq=receipt.seq,
        state=reached,
        keys=keys,
        heard_s=attempt.heard_s if receipt.heard_s is None else max(receipt.heard_s, attempt.heard_s or 0.0),
        cause=receipt.cause[:CAUSE_MAX] if receipt.cause else attempt.cause,
        answered_at=attempt.answered_at or (now if reached is AttemptState.ANSWERED else None),
    )
    if reached is AttemptState.ENDED:
        result = _result(taken, receipt.result) if not was_ended or new_keys else taken.result
        taken = replace(taken, result=result, ended_at=attempt.ended_at if was_ended else now)
    if was_expired and (new_keys or reached is AttemptState.ENDED):
        return ReceiptDecision(state=taken, reason=ReceiptReason.CORRECTS_EXPIRY, new_keys=new_keys)
    if new_keys:
        return ReceiptDecision(state=taken, reason=ReceiptReason.KEY_PRESSED, new_keys=new_keys)
    reason = ReceiptReason.ENDED if reached is AttemptState.ENDED and not was_ended else ReceiptReason.TAKEN
    return ReceiptDecision(state=taken, reason=reason)


def _result(attempt: Attempt, said: str | None) -> Result:
    if attempt.keys:
        return Result.KEYED
    if said == "answered":
        return _listened(attempt)
    told = {
        "no_answer": Result.NO_ANSWER,
        "busy": Result.BUSY,
        "machine": Result.MACHINE,
        "unreachable": Result.UNREACHABLE,
        "bad_number": Result.BAD_NUMBER,
        "delivered": Result.DELIVERED,
        "failed": Result.CARRIER_FAILED,
    }
    # an end that says nothing we know is the carrier's failure, never the person's
    return told.get(said or "", Result.CARRIER_FAILED)


def _listened(attempt: Attempt) -> Result:
    heard = attempt.heard_s or 0.0
    if heard <= HANG_UP_S:
        return Result.HUNG_UP
    return Result.HEARD if heard >= attempt.spoken_s * HEARD_ALL_SHARE else Result.PART_HEARD


def expire(attempt: Attempt, now: datetime) -> Attempt:
    """过期: no word in time. A stale ring is never sent late; a receipt that still comes is believed.

    A text of which the last word was "delivered" is delivered and not answered: the carrier did give its word.
    """
    result = Result.DELIVERED if attempt.state is AttemptState.DELIVERED else Result.EXPIRED
    return replace(attempt, state=AttemptState.EXPIRED, result=result, ended_at=now)


def withdraw(attempt: Attempt, now: datetime) -> Attempt:
    """撤回: nobody wants this person any more, and no carrier was asked."""
    return replace(attempt, state=AttemptState.ENDED, result=Result.WITHDRAWN, ended_at=now)


def fail(attempt: Attempt, cause: str, now: datetime) -> Attempt:
    """通道故障: the carrier refused or could not be reached."""
    return replace(
        attempt, state=AttemptState.ENDED, result=Result.CARRIER_FAILED, cause=cause[:CAUSE_MAX], ended_at=now
    )


# -- signature (contract §6) -----------------------------------------------------------------------------


class SignatureProblem(StrEnum):
    """签名问题"""

    MISSING = "signature_missing"
    OUT_OF_WINDOW = "signature_out_of_window"
    WRONG = "signature_wrong"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=HMAC(secret, timestamp "." body)``"""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def check_signature(
    secret: str, timestamp: str | None, signature: str | None, body: bytes, wall_now: datetime
) -> SignatureProblem | None:
    """None when the call-back is the carrier's own and fresh. ``wall_now`` is wall time in every realm."""
    if not timestamp or not signature:
        return SignatureProblem.MISSING
    try:
        sent = int(timestamp)
    except ValueError:
        return SignatureProblem.MISSING
    if abs(wall_now.timestamp() - sent) > SIGNATURE_WINDOW_S:
        return SignatureProblem.OUT_OF_WINDOW
    if not hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode()):
        return SignatureProblem.WRONG
    return None
