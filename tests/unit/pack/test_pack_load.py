"""What a valid pack becomes in memory, and that nothing in a file can make the loader raise."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.pack.canonical import format_pack
from shared.pack.files import REPLAY_NEED
from shared.pack.load import load_pack
from shared.pack.scaffold import scaffold
from shared.vocabulary import Level, Measure, RegionLevel
from tests.support.packs import DISTRICT, TOWNSHIP, VILLAGE, edit, loaded, tiny_pack, write_pack


def test_rows_become_types(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path)
    assert (pack.district.code, pack.district.max_lateness_s, pack.district.default_realm) == (
        DISTRICT,
        604_800,
        "x-live",
    )
    village = pack.regions[VILLAGE]
    assert (village.level, village.parent, village.population) == (RegionLevel.VILLAGE, TOWNSHIP, 900)
    station = pack.stations["rain-01"]
    assert (station.report_s, station.serves, station.mobile, station.columns["source"]) == (
        300,
        (TOWNSHIP,),
        False,
        "演示数据",
    )
    assert (pack.metrics["rain_mm"].maximum, pack.metrics["rain_mm"].max_change_per_min) == (50.0, None)
    assert (pack.measures[0].kind, pack.measures[0].level) == (Measure.BAN, Level.RED)
    assert pack.roster["V-warden"].contacts == (("voice", "00000000007"), ("sms", "00000000007"))
    assert pack.shelters["shelter-01"].shelter_class == "emergency"
    assert pack.documents["fuses/rainstorm.yaml"][0].line_of("metric") == 6
    assert pack.ancestors(VILLAGE) == (VILLAGE, TOWNSHIP, DISTRICT)


def test_an_empty_cell_is_unknown_and_never_nought(tmp_path: Path) -> None:
    write_pack(tmp_path)
    edit(tmp_path, "regions.csv", "29.505,108.805,900", ",,")
    edit(tmp_path, "roster.csv", "演示人员007,", ",")
    edit(tmp_path, "roster.csv", "voice:00000000007;sms:00000000007", "")
    pack = loaded(tmp_path)
    village = pack.regions[VILLAGE]
    assert (village.lat, village.lon, village.population) == (None, None, None)
    assert (pack.roster["V-warden"].person, pack.roster["V-warden"].contacts) == ("", ())


def test_lists_may_be_separated_by_spaces(tmp_path: Path) -> None:
    edit(write_pack(tmp_path), "roster.csv", "voice:00000000007;sms", "voice:00000000007 runner  sms")
    assert [channel for channel, _ in loaded(tmp_path).roster["V-warden"].contacts] == ["voice", "runner", "sms"]


@pytest.mark.parametrize("word", ["是", "TRUE", "1", "yes"])
def test_officials_say_yes_in_several_ways(tmp_path: Path, word: str) -> None:
    edit(write_pack(tmp_path), "shelters.csv", "200,true,11B03", f"200,{word},11B03")
    assert loaded(tmp_path).shelters["shelter-01"].accessible is True


def test_replay_needs_five_things_only(tmp_path: Path) -> None:
    kept = {"district.yaml", "regions.csv", "stations.csv", "metrics.csv", "fuses/rainstorm.yaml"}
    write_pack(tmp_path, **{name: None for name in scaffold(DISTRICT) if name not in kept})
    pack, problems = load_pack(tmp_path, REPLAY_NEED)
    assert pack is not None
    assert (problems, len(pack.stations), pack.roster) == ([], 2, {})
    assert load_pack(tmp_path)[0] is None


def test_hours_and_words_in_yaml_stay_text(tmp_path: Path) -> None:
    pack = tiny_pack(
        tmp_path, **{"cards/a.yaml": "from: 22:00\nday: 2026-06-28\non: yes\nn: 3\ncode: 11E02\nb: true\n"}
    )
    card = pack.documents["cards/a.yaml"]
    assert dict(card) == {"from": "22:00", "day": "2026-06-28", "on": "yes", "n": 3, "code": "11E02", "b": True}


NEED = frozenset({"district.yaml"})
FILES = sorted([*scaffold(), "zones.geojson", "roads.geojson", "cards/a.yaml", "calendar.yaml", "teams.csv"])


def _load(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        slow = dict.fromkeys(("callouts.yaml", "fuses/rainstorm.yaml"))  # YAML is slow to read, and not in question
        directory = write_pack(Path(folder), **{**slow, name: content})
        pack, problems = load_pack(directory, NEED)
        assert (pack is None) == bool(problems)
        assert all(problem.line >= 1 and problem.message and problem.file for problem in problems)
        format_pack(directory)
        after, _ = load_pack(directory, NEED)
        assert pack is None or (after is not None and after.version == pack.version)


@example("roads.geojson", b'""')
@example("zones.geojson", b'{"type":"FeatureCollection","features":[1]}')
@given(st.sampled_from(FILES), st.binary(max_size=300))
def test_random_bytes_never_raise(name: str, content: bytes) -> None:
    _load(name, content)


@given(st.sampled_from(sorted(scaffold())), st.data())
def test_a_damaged_file_never_raises(name: str, data: st.DataObject) -> None:
    """Closer to what happens: a good file with one piece replaced."""
    good = scaffold(DISTRICT)[name].encode()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    piece = data.draw(st.one_of(st.binary(max_size=20), st.text(max_size=12).map(str.encode), st.sampled_from(_NASTY)))
    _load(name, good[:start] + piece + good[end:])


_NASTY = [
    *(b"\n", b"\r", b",", b'"', b";", b"\xef\xbb\xbf", b"\xff", b"\0", b"nan", b"1e400", b"-0", b"\xe2\x80\xae"),
    *(b"&a ", b"*a", b"!!int ", b"{", b"[", b"|", b">", b"? ", b"<<: ", b"---\n", b"%YAML 9\n", b"\t", b"0x1", b"1_0"),
    *("；".encode(), "９".encode(), "²".encode(), "\u2028".encode(), b"@", b"99999999999999999999", b"0000-00-00"),
]
