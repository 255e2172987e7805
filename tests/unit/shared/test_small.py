"""The small shared modules: levels, polylines, distances, cursors, waiting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import poll_until
from shared.errors import Invalid
from shared.geo import decode_polyline, distance_m, encode_polyline
from shared.http.lists import decode_cursor, decode_place, encode_cursor, page
from shared.ids import is_id, is_realm
from shared.settings import Env, SettingError
from shared.vocabulary import LEVELS, Level, level_of_rank, worst


def test_levels_are_ordered() -> None:
    assert [level.rank for level in LEVELS] == [0, 1, 2, 3, 4]
    assert all(level_of_rank(level.rank) is level for level in LEVELS)
    assert worst(Level.BLUE, Level.RED, Level.YELLOW) is Level.RED
    assert worst() is Level.NORMAL


COORDINATES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(st.lists(COORDINATES, max_size=20))
def test_polylines_round_trip_to_a_metre(points: list[tuple[float, float]]) -> None:
    back = decode_polyline(encode_polyline(points))
    assert len(back) == len(points)
    for (lat, lon), (lat2, lon2) in zip(points, back, strict=True):
        assert abs(lat - lat2) <= 1e-5
        assert abs(lon - lon2) <= 1e-5


def test_polyline_of_the_published_example() -> None:
    assert encode_polyline([(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


def test_distance_of_a_degree_of_latitude() -> None:
    assert distance_m(29.0, 108.7, 30.0, 108.7) == pytest.approx(111_195, abs=5)


def test_cursor_round_trip_and_refusal() -> None:
    assert decode_cursor(encode_cursor(["重庆　a", 3, None]), str, int, int | None) == ["重庆　a", 3, None]
    assert decode_place(encode_cursor([3]), int) == 3
    assert decode_cursor(None, str, int) is decode_place(None, int) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense!",
        "濯水",
        "eyJhIjoxfQ",
        "W1tb" * 100,
        encode_cursor(["a"]),
        encode_cursor([3, "a"]),
        encode_cursor(["a", None]),
        encode_cursor(["a", True]),
        encode_cursor(["a", -1]),
        encode_cursor(["a", 2**63]),
        encode_cursor(["a", 1.0]),
        encode_cursor(["a\0", 3]),
        encode_cursor(["a\ud800", 3]),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        decode_cursor(wrong, str, int)


def test_a_page_says_whether_there_is_more() -> None:
    rows = [{"n": n} for n in range(3)]
    first = page(rows, 2, lambda row: [row["n"]])
    assert first["items"] == [{"n": 0}, {"n": 1}]
    assert decode_place(first["next"], int) == 1
    assert page(rows, 3, lambda row: [row["n"]])["next"] is None
    assert page([], 3, lambda row: [row["n"]]) == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("text", "good"), [("rain-zs-01", True), ("", False), ("a/b", False), ("濯水", False), ("a" * 65, False)]
)
def test_ids(text: str, good: bool) -> None:
    assert is_id(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [("actual", True), ("x-live", True), ("x-", False), ("Actual", False), ("x-A", False), ("", False)],
)
def test_realms(text: str, good: bool) -> None:
    assert is_realm(text) is good


def test_settings_name_what_is_wrong() -> None:
    env = Env({"FENGSUI_PORT": "many", "FENGSUI_DSN": ""})
    with pytest.raises(SettingError, match="FENGSUI_PORT is 'many'"):
        env.port("PORT", 1)
    with pytest.raises(SettingError, match="FENGSUI_DSN is not set"):
        env.text("DSN")
    assert env.number("TICK_S", 0.25, 0.05, 60) == 0.25


def test_poll_until_gives_up() -> None:
    answers = iter([None, None, "found"])
    assert poll_until(lambda: next(answers), 5, 0.001) == "found"
    assert poll_until(lambda: None, 0.01, 0.001) is None
