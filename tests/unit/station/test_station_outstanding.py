"""Receipts and re-sending of the reference station: pure, on seconds that the test brings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.station.outstanding import BATCH_BYTES, BATCH_READINGS, RESEND_MAX_S, Outstanding, batches, pause_s
from deploy.station.receipt import Receipt, parse_receipt


def keys(*numbers: int, boot: str = "b1") -> list[tuple[str, int]]:
    return [(boot, number) for number in numbers]


def test_a_receipt_names_upto_also_and_rejected_of_its_own_boot_alone() -> None:
    receipt = parse_receipt(
        b'{"boot":"b1","upto":3,"also":[[5,6]],"rejected":[{"seq":8,"code":"unit_mismatch"}],"received_at":"x"}'
    )
    assert [seq for seq in range(1, 10) if receipt.names("b1", seq)] == [1, 2, 3, 5, 6, 8]
    assert not any(receipt.names("b2", seq) for seq in range(10))
    assert receipt.code_of("b1", 8) == "unit_mismatch"
    assert receipt.code_of("b1", 3) is None
    assert receipt.code_of("b2", 8) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'{"boot":"b1"}',
        b'{"upto":3}',
        b'{"boot":"b1","upto":"3"}',
        b'{"boot":"b1","upto":true}',
        b'{"boot":"b1","upto":-1}',
        b'{"boot":"b1","upto":3,"also":[[6,5]]}',
        b'{"boot":"b1","upto":3,"also":[[5]]}',
        b'{"boot":"b1","upto":3,"also":["56"]}',
        b'{"boot":"b1","upto":3,"rejected":[4]}',
        b"\xff",
    ],
)
def test_a_receipt_that_cannot_be_read_whole_deletes_nothing(payload: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_receipt(payload)


def test_a_reading_is_sent_again_until_a_receipt_names_it() -> None:
    out = Outstanding()
    out.sent(keys(1, 2), 0)
    assert out.due(9.9) == []
    assert out.due(10) == keys(1, 2)
    out.sent(keys(1, 2), 10)
    assert out.due(29.9) == []
    assert out.settle(Receipt("b1", 1)) == keys(1)
    assert out.due(30) == keys(2)
    assert out.next_due_s() == 30
    assert out.settle(Receipt("b1", 0, also=((2, 2),))) == keys(2)
    assert out.next_due_s() is None


def test_pauses_grow_to_a_bound() -> None:
    pauses = [pause_s(times) for times in range(1, 60)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 10
    assert pauses[-1] == RESEND_MAX_S


def test_a_new_connection_sends_everything_anew() -> None:
    out = Outstanding(window=3)
    out.sent(keys(1, 2, 3), 0)
    assert out.room() == 0
    out.connection_lost()
    assert out.room() == 3
    assert out.due(1e9) == []


@given(st.lists(st.text(min_size=1, max_size=400), max_size=600))
def test_batches_keep_order_and_bounds(texts: list[str]) -> None:
    bodies = [(("b1", number), json.dumps(text)) for number, text in enumerate(texts, 1)]
    made = batches(bodies)
    assert [key for group, _ in made for key in group] == [key for key, _ in bodies]
    assert [text for _, payload in made for text in json.loads(payload)] == texts
    for group, payload in made:
        assert 1 <= len(group) <= BATCH_READINGS
        assert len(group) == 1 or len(payload.encode()) <= BATCH_BYTES + 2
