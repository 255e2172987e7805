"""`fengsui pack …` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.command.pack import app
from shared.errors import Invalid
from shared.pack.acl import acl_text
from tests.support.packs import edit, loaded, sample_pack_dir, tiny_pack, write_pack


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_sample_pack_is_good() -> None:
    result = run("check", sample_pack_dir())
    assert (result.exit_code, result.stderr) == (0, "")
    assert "合格" in result.stdout
    assert "note" not in result.stdout


def test_a_new_pack_is_good(tmp_path: Path) -> None:
    assert run("new", tmp_path / "p", "--code", "500115", "--name-zh", "长寿区").exit_code == 0
    result = run("check", tmp_path / "p", "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["valid"], answer["problems"]) == (0, True, [])
    assert answer["version"].startswith("sha256:")


def test_new_never_writes_over_anything(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    assert run("new", tmp_path).exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_refusal_goes_to_standard_error_with_exit_1(tmp_path: Path) -> None:
    edit(write_pack(tmp_path), "stations.csv", "rain-02,示例村", "rain 02,示例村")
    result = run("check", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("stations.csv:3: station_id 'rain 02' is not an id")


def test_a_program_reads_the_refusal(tmp_path: Path) -> None:
    edit(write_pack(tmp_path), "callouts.yaml", "door_after: 8min", "door_after: soon")
    result = run("check", tmp_path, "--json")
    (problem,) = json.loads(result.stdout)["problems"]
    assert result.exit_code == 1
    assert (problem["file"], problem["line"], problem["field"]) == ("callouts.yaml", 9, "door_after")


def test_wrong_usage_is_2() -> None:
    assert run("check").exit_code == 2
    assert run("new", "x", "--code", "a b").exit_code == 2


def test_gaps_of_a_good_pack_are_noted(tmp_path: Path) -> None:
    edit(write_pack(tmp_path), "roster.csv", "voice:00000000007;sms:00000000007", "runner")
    result = run("check", tmp_path)
    assert result.exit_code == 0
    assert "V-warden 无电话" in result.stdout


def test_format_says_what_it_changed(tmp_path: Path) -> None:
    write_pack(tmp_path)
    (tmp_path / "items.csv").write_bytes((tmp_path / "items.csv").read_bytes().replace(b"\n", b"\r\n"))
    assert run("format", tmp_path).stdout == "items.csv\n"
    assert run("format", tmp_path).stdout == ""
    (tmp_path / "items.csv").write_bytes(b"x")
    assert run("format", tmp_path).exit_code == 1


def test_a_station_speaks_for_itself_alone(tmp_path: Path) -> None:
    text = run("acl", write_pack(tmp_path)).stdout
    blocks = dict(block.split("\n", 1) for block in text.split("\n\n")[1:])
    assert set(blocks) == {"user fengsui-services", "user rain-01", "user rain-02"}
    assert blocks["user rain-01"].split("\n") == [
        "topic write fengsui/999901/rain-01/readings",
        "topic write fengsui/999901/rain-01/sl651",
        "topic write fengsui/999901/rain-01/status",
        "topic read fengsui/999901/rain-01/receipts",
    ]
    assert run("acl", tmp_path, "--services-user", "rain-01").exit_code == 2


def test_a_user_for_all_stations_is_for_exercises(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "a")
    assert "topic write fengsui/999901/+/readings" in acl_text(pack, player_user="player")
    edit(write_pack(tmp_path / "b"), "district.yaml", "status: Exercise", "status: Actual")
    with pytest.raises(Invalid, match="Exercise"):
        acl_text(loaded(tmp_path / "b"), player_user="player")
