"""Receipts told apart, old ones never winning; the carrier's signature; which carrier a realm may construct."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.channels.carrier import (
    RECEIPT_STATES,
    Attempt,
    AttemptState,
    Channel,
    Receipt,
    ReceiptReason,
    Result,
    SignatureProblem,
    check_signature,
    expire,
    fail,
    receive,
    sign,
    withdraw,
)
from services.dispatch.channels.factory import CarrierProblem, CarrierSpec, carrier_for, carriers_for, is_loopback
from shared.errors import Refused

T0 = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
TEXT = "演" * 90  # twenty spoken seconds
A, R = AttemptState, ReceiptReason


def attempt(state: AttemptState = A.QUEUED, seq: int = 0) -> Attempt:
    return Attempt(
        attempt_id="A-000001",
        channel=Channel.VOICE,
        person="甲",
        address="00000000004",
        text=TEXT,
        state=state,
        seq=seq,
    )


@pytest.mark.parametrize("before", [s for s in A if s not in (A.ENDED, A.EXPIRED)])
@pytest.mark.parametrize("state", RECEIPT_STATES)
def test_a_newer_receipt_moves_the_attempt(before: AttemptState, state: str) -> None:
    decision = receive(attempt(before, 3), Receipt(seq=4, state=state, result="no_answer"), T0)
    assert not decision.is_refused
    assert decision.state.state == state
    assert decision.reason is (R.ENDED if state == "ended" else R.TAKEN)


@pytest.mark.parametrize("before", list(A))
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_an_old_receipt_never_wins(before: AttemptState, seq: int) -> None:
    held = attempt(before, 3)
    decision = receive(held, Receipt(seq=seq, state="ended", result="busy", keys="1"), T0)
    assert decision.reason is R.OLD_SEQ
    assert decision.is_refused
    assert decision.state == held


@pytest.mark.parametrize("before", list(A))
def test_an_unknown_state_changes_nothing(before: AttemptState) -> None:
    held = attempt(before)
    decision = receive(held, Receipt(seq=9, state="teleported"), T0)
    assert (decision.reason, decision.state) == (R.UNKNOWN_STATE, held)


@pytest.mark.parametrize(
    ("receipt", "result"),
    [
        (Receipt(seq=4, state="ended", result="answered", heard_s=20, keys="1"), Result.KEYED),
        (Receipt(seq=4, state="ended", result="answered", heard_s=20), Result.HEARD),
        (Receipt(seq=4, state="ended", result="answered", heard_s=18.1), Result.HEARD),
        (Receipt(seq=4, state="ended", result="answered", heard_s=8), Result.PART_HEARD),
        (Receipt(seq=4, state="ended", result="answered", heard_s=3), Result.HUNG_UP),
        (Receipt(seq=4, state="ended", result="answered", heard_s=0), Result.HUNG_UP),
        (Receipt(seq=4, state="ended", result="answered"), Result.HUNG_UP),
        (Receipt(seq=4, state="ended", result="no_answer"), Result.NO_ANSWER),
        (Receipt(seq=4, state="ended", result="busy"), Result.BUSY),
        (Receipt(seq=4, state="ended", result="machine", heard_s=20), Result.MACHINE),
        (Receipt(seq=4, state="ended", result="unreachable", cause="mast-07"), Result.UNREACHABLE),
        (Receipt(seq=4, state="ended", result="bad_number"), Result.BAD_NUMBER),
        (Receipt(seq=4, state="ended", result="delivered"), Result.DELIVERED),
        (Receipt(seq=4, state="ended", result="failed"), Result.CARRIER_FAILED),
        (Receipt(seq=4, state="ended", result="sunspots"), Result.CARRIER_FAILED),
        (Receipt(seq=4, state="ended"), Result.CARRIER_FAILED),
    ],
)
def test_how_an_attempt_ended(receipt: Receipt, result: Result) -> None:
    assert receive(attempt(A.ANSWERED, 3), receipt, T0).state.result is result


def test_keys_are_news_once() -> None:
    first = receive(attempt(A.RINGING, 2), Receipt(seq=3, state="answered", keys="1"), T0)
    assert first.new_keys == "1"
    last = receive(first.state, Receipt(seq=4, state="ended", result="answered", keys="19"), T0)
    assert last.new_keys == "9"
    assert receive(last.state, Receipt(seq=5, state="ended", result="answered", keys="19"), T0).new_keys == ""


def test_a_reply_may_come_after_the_end() -> None:
    ended = receive(attempt(A.DELIVERED, 2), Receipt(seq=3, state="ended", result="delivered"), T0).state
    later = receive(ended, Receipt(seq=4, state="ended", result="answered", keys="1"), T0 + timedelta(minutes=5))
    assert (later.new_keys, later.state.result) == ("1", Result.KEYED)
    assert later.state.ended_at == T0


def test_what_ended_does_not_begin_again() -> None:
    ended = receive(attempt(A.RINGING, 2), Receipt(seq=3, state="ended", result="busy"), T0).state
    later = receive(ended, Receipt(seq=4, state="ringing"), T0)
    assert (later.state.state, later.state.result) == (A.ENDED, Result.BUSY)


def test_expiry_is_our_guess_and_a_receipt_corrects_it() -> None:
    guessed = expire(attempt(A.ACCEPTED, 1), T0)
    assert (guessed.state, guessed.result) == (A.EXPIRED, Result.EXPIRED)
    late = receive(guessed, Receipt(seq=4, state="ended", result="answered", heard_s=20, keys="1"), T0)
    assert (late.reason, late.state.result, late.new_keys) == (R.CORRECTS_EXPIRY, Result.KEYED, "1")


def test_a_carrier_that_fails_is_not_the_persons_fault() -> None:
    failed = fail(attempt(), "503", T0)
    assert (failed.state, failed.result, failed.cause) == (A.ENDED, Result.CARRIER_FAILED, "503")


def test_limits_of_keys_and_cause() -> None:
    long = receive(attempt(), Receipt(seq=1, state="ended", result="answered", keys="1" * 99, cause="c" * 999), T0)
    assert len(long.state.keys) == 32
    assert len(long.state.cause or "") == 100


class TestSignature:
    """contract §6: sha256=HMAC(secret, timestamp "." body), 300 s"""

    body = b'{"seq":1}'

    def check(self, **changes: str | None) -> SignatureProblem | None:
        stamp = str(int(T0.timestamp()))
        given = {"secret": "s", "stamp": stamp, "mac": sign("s", stamp, self.body), **changes}
        return check_signature(str(given["secret"]), given["stamp"], given["mac"], self.body, T0)

    def test_known_answer(self) -> None:
        mac = "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
        assert sign("key", "1", b"{}") == f"sha256={mac}"

    def test_the_carriers_own(self) -> None:
        assert self.check() is None

    def test_missing(self) -> None:
        assert self.check(mac=None) is SignatureProblem.MISSING
        assert self.check(stamp=None) is SignatureProblem.MISSING
        assert self.check(stamp="soon") is SignatureProblem.MISSING

    def test_another_secret(self) -> None:
        assert self.check(secret="other") is SignatureProblem.WRONG

    def test_another_time_was_not_signed(self) -> None:
        assert self.check(stamp=str(int(T0.timestamp()) + 1)) is SignatureProblem.WRONG

    @pytest.mark.parametrize(
        ("off_s", "problem"), [(0, None), (300, None), (-300, None), (301, "late"), (-301, "late")]
    )
    def test_the_window(self, off_s: int, problem: str | None) -> None:
        stamp = str(int(T0.timestamp()) + off_s)
        found = self.check(stamp=stamp, mac=sign("s", stamp, self.body))
        assert found is (SignatureProblem.OUT_OF_WINDOW if problem else None)

    def test_not_ascii(self) -> None:
        assert self.check(mac="sha256=假") is SignatureProblem.WRONG


SIM = CarrierSpec(name="simulator", url="http://127.0.0.1:8101", secret="s")
FAR = CarrierSpec(name="simulator", url="http://192.0.2.9:8101", secret="s")
REAL = CarrierSpec(name="telecom", url="https://carrier.example.invalid", secret="s")
VOICE = CarrierSpec(name="voice", url="https://v.example.invalid", secret="s", channels=(Channel.VOICE,))
TABLE = [
    ("actual", (), CarrierProblem.NONE_FOR_ACTUAL),
    ("actual", (SIM,), CarrierProblem.NONE_FOR_ACTUAL),
    ("actual", (REAL,), ("telecom",)),
    ("actual", (SIM, REAL), ("telecom",)),
    ("actual", (FAR, REAL), ("telecom",)),
    ("x-live", (), CarrierProblem.NONE_FOR_EXERCISE),
    ("x-live", (REAL,), CarrierProblem.NONE_FOR_EXERCISE),
    ("x-live", (SIM,), ("simulator",)),
    ("x-live", (SIM, REAL), ("simulator",)),
    ("x-live", (REAL, SIM), ("simulator",)),
    ("x-live", (FAR,), CarrierProblem.NOT_LOOPBACK),
    ("x-live", (FAR, REAL), CarrierProblem.NOT_LOOPBACK),
    ("x-live", (SIM, FAR), CarrierProblem.NOT_LOOPBACK),
    ("x-flood-night", (REAL,), CarrierProblem.NONE_FOR_EXERCISE),
    ("x-flood-night", (SIM, REAL), ("simulator",)),
    ("x-actual", (SIM, REAL), ("simulator",)),
    ("Actual", (REAL,), CarrierProblem.NONE_FOR_EXERCISE),
]


@pytest.mark.parametrize(("realm", "configured", "expected"), TABLE)
def test_an_exercise_constructs_the_simulator_alone(
    realm: str, configured: tuple[CarrierSpec, ...], expected: tuple[str, ...] | CarrierProblem
) -> None:
    if isinstance(expected, CarrierProblem):
        with pytest.raises(Refused) as refused:
            carriers_for(realm, configured)
        assert refused.value.reason == expected
    else:
        assert tuple(spec.name for spec in carriers_for(realm, configured)) == expected


def test_a_channel_without_a_carrier_is_refused() -> None:
    assert carrier_for("actual", Channel.VOICE, (VOICE,)) is VOICE
    with pytest.raises(Refused, match="takes sms"):
        carrier_for("actual", Channel.SMS, (VOICE,))


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8101", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8101", True),
        ("http://localhost:8101", True),
        ("https://localhost", True),
        ("http://127.0.0.1.example.invalid", False),
        ("http://localhost.example.invalid", False),
        ("http://0.0.0.0:8101", False),
        ("http://user@127.0.0.1", False),
        ("http://192.0.2.1", False),
        ("http://[2001:db8::1]", False),
        ("ftp://127.0.0.1", False),
        ("127.0.0.1:8101", False),
        ("", False),
    ],
)
def test_loopback_by_its_own_words(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_a_text_that_was_delivered_is_not_one_without_a_word() -> None:
    given_up = expire(attempt(A.DELIVERED, 1), T0)
    assert (given_up.state, given_up.result) == (A.EXPIRED, Result.DELIVERED)
    reply = receive(given_up, Receipt(seq=2, state="ended", result="answered", keys="1"), T0)
    assert (reply.reason, reply.state.result, reply.new_keys) == (R.CORRECTS_EXPIRY, Result.KEYED, "1")


def test_a_withdrawn_ring_has_ended() -> None:
    taken_back = withdraw(attempt(), T0)
    assert (taken_back.state, taken_back.result, taken_back.ended_at) == (A.ENDED, Result.WITHDRAWN, T0)
