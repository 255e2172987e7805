"""Every bad input of a station has its code, and one bad element loses no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from services.warning.readings.decode import PAYLOAD_BYTES_MAX, Vocabulary, decode
from shared.pack.model import Metric, Station

NOW = datetime(2026, 6, 28, 3, 6, tzinfo=UTC)
STATION = Station(
    station_id="rain-01",
    name="濯水",
    category="rain",
    region="500114112",
    lat=29.0,
    lon=108.0,
    metrics=("rain_mm",),
    interval_s=300,
    report_s=300,
)
METRICS = {
    "rain_mm": Metric(name="rain_mm", unit="mm", kind="interval", minimum=0, maximum=50, max_change_per_min=None),
    "stage_m": Metric(name="stage_m", unit="m", kind="level", minimum=None, maximum=None, max_change_per_min=None),
}
KNOWN = Vocabulary({"rain-01": STATION}, METRICS)
GOOD = {"metric": "rain_mm", "value": 3.2, "observed_at": "2026-06-28T03:05:00Z", "boot": "b7", "seq": 17}


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_one_reading_with_all_its_members() -> None:
    whole = GOOD | {"unit": "mm", "quality": "doubtful", "lat": 29.1, "lon": 108.2, "station_id": "rain-01", "x": 1}
    decoded = decode(json.dumps(whole).encode(), "rain-01", KNOWN, NOW)
    assert decoded.faults == ()
    (given,) = decoded.readings
    assert (given.station, given.metric, given.value, given.boot, given.seq) == ("rain-01", "rain_mm", 3.2, "b7", 17)
    assert given.observed_at == datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
    assert (given.quality, given.lat, given.lon) == ("doubtful", 29.1, 108.2)


def test_an_offset_is_the_same_instant() -> None:
    decoded = decode(json.dumps(GOOD | {"observed_at": "2026-06-28T11:05:00+08:00"}).encode(), "rain-01", KNOWN, NOW)
    assert decoded.readings[0].observed_at == datetime(2026, 6, 28, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 5000, "not_json"),
        (b"[]", "not_a_reading"),
        (b"{}", "not_a_reading"),
        (b"7", "not_a_reading"),
        (b'"online"', "not_a_reading"),
        (b"null", "not_a_reading"),
        (b"[1]", "not_a_reading"),
        (json.dumps(without("value")).encode(), "not_a_reading"),
        (json.dumps(without("metric")).encode(), "not_a_reading"),
        (json.dumps(without("observed_at")).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"value": "3.2"}).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"value": True}).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"value": None}).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"value": float("nan")}).encode(), "not_finite"),
        (json.dumps(GOOD | {"value": float("inf")}).encode(), "not_finite"),
        (json.dumps(GOOD).replace("3.2", "1e999").encode(), "not_finite"),
        (json.dumps(GOOD).replace("3.2", "9" * 400).encode(), "not_finite"),
        (json.dumps(GOOD | {"metric": "snow_mm"}).encode(), "unknown_metric"),
        (json.dumps(GOOD | {"metric": "stage_m"}).encode(), "unknown_metric"),
        (json.dumps(GOOD | {"station_id": "rain-02"}).encode(), "station_mismatch"),
        (json.dumps(GOOD | {"unit": "cm"}).encode(), "unit_mismatch"),
        (json.dumps(GOOD | {"quality": "excellent"}).encode(), "bad_quality"),
        (json.dumps(without("boot")).encode(), "seq_without_boot"),
        (json.dumps(without("seq")).encode(), "boot_without_seq"),
        (json.dumps(GOOD | {"boot": "b 7"}).encode(), "bad_id"),
        (json.dumps(GOOD | {"boot": "b" * 65}).encode(), "bad_id"),
        (json.dumps(GOOD | {"seq": 0}).encode(), "bad_seq"),
        (json.dumps(GOOD | {"seq": 2**60}).encode(), "bad_seq"),
        (json.dumps(GOOD | {"seq": 1.5}).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"observed_at": "yesterday"}).encode(), "bad_time"),
        (json.dumps(GOOD | {"observed_at": "2026-06-28T03:05:00"}).encode(), "bad_time"),
        (json.dumps(GOOD | {"observed_at": "2026-06-28"}).encode(), "bad_time"),
        (json.dumps(GOOD | {"observed_at": "0001-01-01T00:00:00+08:00"}).encode(), "bad_time"),
        (json.dumps(GOOD | {"observed_at": 1782615900}).encode(), "not_a_reading"),
        (json.dumps(GOOD | {"lat": 29.0}).encode(), "bad_place"),
        (json.dumps(GOOD | {"lat": 129.0, "lon": 108.0}).encode(), "bad_place"),
        (b" " * (PAYLOAD_BYTES_MAX + 1), "too_large"),
        (b"x" * 100_000, "too_large"),
    ],
)
def test_what_cannot_be_read_has_a_code(payload: bytes, code: str) -> None:
    decoded = decode(payload, "rain-01", KNOWN, NOW)
    assert decoded.readings == ()
    assert [fault.code for fault in decoded.faults] == [code]
    assert len(decoded.faults[0].head) <= 4096


def test_an_unknown_station_is_one_fault_of_the_whole_message() -> None:
    decoded = decode(json.dumps([GOOD, GOOD]).encode(), "rain-99", KNOWN, NOW)
    assert [(fault.code, fault.index) for fault in decoded.faults] == [("unknown_station", None)]


def test_a_bad_element_loses_no_other_and_keeps_its_count() -> None:
    bad = GOOD | {"seq": 18, "unit": "inch"}
    payload = json.dumps([GOOD, bad, GOOD | {"seq": 19, "value": float("nan")}, 5, GOOD | {"seq": 20}]).encode()
    decoded = decode(payload, "rain-01", KNOWN, NOW)
    assert [(given.index, given.seq) for given in decoded.readings] == [(0, 17), (4, 20)]
    assert [(f.index, f.code, f.boot, f.seq) for f in decoded.faults] == [
        (1, "unit_mismatch", "b7", 18),
        (2, "not_finite", "b7", 19),
        (3, "not_a_reading", None, None),
    ]
    assert json.loads(decoded.faults[0].head)["unit"] == "inch"


@pytest.mark.parametrize("unit", ["\0mm", "\ud800"])
def test_what_a_fault_says_can_be_stored(unit: str) -> None:
    (fault,) = decode(json.dumps(GOOD | {"unit": unit}).encode(), "rain-01", KNOWN, NOW).faults
    assert fault.code in ("unit_mismatch", "not_json")
    assert "\0" not in fault.detail.encode().decode()


def test_whole_numbers_are_numbers() -> None:
    payload = json.dumps([GOOD | {"value": 3}, {"metric": 1}]).encode()
    (given,) = decode(payload, "rain-01", KNOWN, NOW).readings
    assert isinstance(given.value, float)


def test_missing_may_leave_the_value_out() -> None:
    decoded = decode(json.dumps(without("value") | {"quality": "missing"}).encode(), "rain-01", KNOWN, NOW)
    assert decoded.readings[0].value is None


def test_an_element_with_senml_labels_does_not_turn_an_array_into_a_pack() -> None:
    decoded = decode(json.dumps([GOOD, {"n": "rain_mm", "v": 1}]).encode(), "rain-01", KNOWN, NOW)
    assert len(decoded.readings) == 1
    assert [fault.code for fault in decoded.faults] == ["not_a_reading"]


# -- SenML -----------------------------------------------------------------------------------------------


def senml(*records: dict[str, object]) -> tuple[list[tuple[str, float | None, str]], list[str]]:
    decoded = decode(json.dumps(list(records)).encode(), "rain-01", KNOWN, NOW)
    read = [(given.metric, given.value, given.observed_at.isoformat()) for given in decoded.readings]
    return read, [fault.code for fault in decoded.faults]


def test_base_fields_are_resolved() -> None:
    read, faults = senml(
        {"bn": "rain-01/", "bt": 1782615600, "bu": "mm", "n": "rain_mm", "v": 1.5},
        {"n": "rain_mm", "t": 300, "v": 2.5},
        {"bt": 1782616200, "bv": 10, "n": "rain_mm", "v": 0.5},
        {"n": "rain_mm", "t": 300},
    )
    assert faults == []
    assert read == [
        ("rain_mm", 1.5, "2026-06-28T03:00:00+00:00"),
        ("rain_mm", 2.5, "2026-06-28T03:05:00+00:00"),
        ("rain_mm", 10.5, "2026-06-28T03:10:00+00:00"),
        ("rain_mm", 10.0, "2026-06-28T03:15:00+00:00"),
    ]


def test_relative_times_are_from_now_and_none_is_now() -> None:
    read, _ = senml({"n": "rain_mm", "v": 1, "t": -60}, {"n": "rain_mm", "v": 2})
    assert [at for _, _, at in read] == ["2026-06-28T03:05:00+00:00", "2026-06-28T03:06:00+00:00"]


def test_a_device_urn_is_no_station_and_a_base_record_measures_nothing() -> None:
    read, faults = senml({"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1782615600}, {"n": "rain_mm", "v": 1})
    assert (len(read), faults) == (1, [])


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"n": "rain_mm", "vs": "wet"}, "senml_unsupported"),
        ({"n": "rain_mm", "vb": True}, "senml_unsupported"),
        ({"n": "rain_mm", "s": 3}, "senml_unsupported"),
        ({"n": "rain_mm", "v": 1, "new_": 1}, "senml_unsupported"),
        ({"bver": 11, "n": "rain_mm", "v": 1}, "senml_unsupported"),
        ({"n": "rain_mm"}, "not_a_reading"),
        ({"n": "rain_mm", "v": "1"}, "not_a_reading"),
        ({"n": 5, "v": 1}, "not_a_reading"),
        ({"n": "rain mm", "v": 1}, "not_a_reading"),
        ({"n": "rain_mm", "v": float("nan")}, "not_finite"),
        ({"n": "rain_mm", "v": 1, "t": 1e18}, "bad_time"),
        ({"n": "rain_mm", "v": 1, "t": float("inf")}, "bad_time"),
        ({"bn": "rain-02/", "n": "rain_mm", "v": 1}, "station_mismatch"),
        ({"n": "rain_mm", "v": 1, "u": "m"}, "unit_mismatch"),
        ({"n": "rain_mm", "v": 1, "seq": 4}, "seq_without_boot"),
    ],
)
def test_senml_that_cannot_be_read(record: dict[str, object], code: str) -> None:
    read, faults = senml(record, {"bn": "", "n": "rain_mm", "v": 1, "u": "mm"})
    assert faults == [code]
    assert len(read) == 1


def test_senml_may_carry_our_count() -> None:
    payload = json.dumps(
        [{"boot": "b7", "seq": 1, "n": "rain_mm", "v": 1}, {"seq": 2, "n": "rain_mm", "v": 2, "t": -1}]
    )
    decoded = decode(payload.encode(), "rain-01", KNOWN, NOW)
    assert [(given.boot, given.seq) for given in decoded.readings] == [("b7", 1), ("b7", 2)]
