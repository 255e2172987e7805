"""Receipts name exactly what is stored; status and topics say what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.warning.readings.topics import Route, parse_topic, receipts_topic
from services.warning.stations.receipts import RANGES_MAX, REJECTED_MAX, Receipt
from services.warning.stations.status import Online, Skip, parse_status


def test_the_low_water_mark_moves_when_the_gap_closes() -> None:
    receipt = Receipt().with_seqs([1, 2, 5, 4, 9])
    assert (receipt.upto, receipt.also) == (2, ((4, 5), (9, 9)))
    receipt = receipt.with_seqs([3])
    assert (receipt.upto, receipt.also) == (5, ((9, 9),))
    assert receipt.with_ranges([(6, 8)]) == Receipt(9)


@given(st.lists(st.integers(1, 60)))
def test_it_covers_what_was_stored_and_nothing_else(seqs: list[int]) -> None:
    one_by_one = Receipt()
    for seq in seqs:
        one_by_one = one_by_one.with_seqs([seq])
    assert one_by_one == Receipt().with_seqs(seqs)
    assert {seq for seq in range(1, 70) if one_by_one.covers(seq)} == set(seqs)


def test_a_ragged_receipt_forgets_the_highest_ranges() -> None:
    receipt = Receipt().with_seqs(range(2, 2 + 4 * RANGES_MAX, 2))
    assert len(receipt.also) == RANGES_MAX
    assert receipt.covers(2)
    assert not receipt.covers(2 + 4 * RANGES_MAX - 2)


def test_rejected_ones_stay_named_up_to_a_limit() -> None:
    receipt = Receipt().with_rejected((seq, "unit_mismatch") for seq in range(1, REJECTED_MAX + 11))
    assert len(receipt.rejected) == REJECTED_MAX
    assert receipt.rejected[-1] == (REJECTED_MAX + 10, "unit_mismatch")
    assert receipt.payload("b7", "2026-06-28T03:05:00Z")["rejected"][-1] == {  # type: ignore[index]  # a list
        "seq": REJECTED_MAX + 10,
        "code": "unit_mismatch",
    }


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", None),
        (b"online", Online(True)),
        (b'"offline"', Online(False)),
        (b'{"skip":[3,9],"boot":"b7"}', Skip("b7", 3, 9)),
        (b'{"skip":[3,9]}', "seq_without_boot"),
        (b'{"skip":[9,3],"boot":"b7"}', "bad_seq"),
        (b'{"skip":[0,3],"boot":"b7"}', "bad_seq"),
        (b'{"skip":[true,3],"boot":"b7"}', "bad_seq"),
        (b'{"skip":3,"boot":"b7"}', "bad_seq"),
        (b"{", "not_json"),
        (b"[1]", "not_a_status"),
        (b"maybe", "not_json"),
        (b"\xff", "not_json"),
        (b"x" * 2000, "too_large"),
    ],
)
def test_status(payload: bytes, said: object) -> None:
    assert parse_status(payload) == said


@pytest.mark.parametrize(
    ("topic", "route"),
    [
        ("fengsui/500114/rain-01/readings", Route("x-live", "rain-01", "readings")),
        ("fengsui-x/500114/live/rain-01/status", Route("x-live", "rain-01", "status")),
        ("fengsui-x/500114/flood-night/rain-01/sl651", Route("x-flood-night", "rain-01", "sl651")),
        ("fengsui/500115/rain-01/readings", "other_district"),
        ("fengsui/500114/rain 01/readings", "bad_id"),
        ("fengsui/500114/rain-01/orders", "unknown_topic"),
        ("fengsui/500114/readings", "unknown_topic"),
        ("fengsui-x/500114/Flood/rain-01/readings", "unknown_realm"),
    ],
)
def test_topics(topic: str, route: Route | str) -> None:
    assert parse_topic(topic, "500114", "x-live") == route


def test_receipts_go_where_the_station_listens() -> None:
    assert receipts_topic("x-live", "x-live", "500114", "rain-01") == "fengsui/500114/rain-01/receipts"
    assert receipts_topic("x-night", "x-live", "500114", "rain-01") == "fengsui-x/500114/night/rain-01/receipts"
    assert receipts_topic("x-live", "actual", "500114", "rain-01") == "fengsui-x/500114/live/rain-01/receipts"
