"""The version names the definitions: not their spelling, and not the openings. Frozen copies are what they say."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.pack.canonical import copy_definitions, format_pack, open_version, version_folder
from shared.pack.version import openings_of
from tests.support.packs import edit, loaded, sample_pack_dir, tiny_pack, write_pack


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_bytes(change(path.read_text(encoding="utf-8")).encode())


def _quote_all(text: str) -> str:
    lines = text.splitlines()
    return (
        "\n".join(line if '"' in line else ",".join(f'"{cell}"' for cell in line.split(",")) for line in lines) + "\n"
    )


SPELLINGS: dict[str, Callable[[Path], None]] = {
    "line ends": lambda d: _rewrite(d / "regions.csv", lambda text: text.replace("\n", "\r\n")),
    "byte order mark": lambda d: _rewrite(d / "roster.csv", lambda text: "\ufeff" + text),
    "quotes": lambda d: _rewrite(d / "measures.csv", _quote_all),
    "empty rows and columns": lambda d: _rewrite(
        d / "hazards.csv", lambda text: text.replace("\n", ",,\n") + "\n,,,\n"
    ),
    "spaces around": lambda d: _rewrite(d / "metrics.csv", lambda text: text.replace(",", " , ")),
    "column order": lambda d: _rewrite(
        d / "duties.csv",
        lambda text: "".join(",".join(reversed(line.split(","))) + "\n" for line in text.splitlines()),
    ),
    "list separator": lambda d: edit(d, "shelters.csv", ",11B03,V-warden", ",11B03;,V-warden"),
    "comments and layout of YAML": lambda d: _rewrite(d / "callouts.yaml", lambda text: "# new\n\n" + text),
    "stock": lambda d: edit(d, "stock.csv", "L001,300", "L001,299"),
    "contacts": lambda d: edit(d, "roster.csv", "voice:00000000007", "voice:00000000099"),
    "who holds a post": lambda d: edit(d, "roster.csv", "演示人员007", "演示人员070"),
    "rule tests and notes": lambda d: (d / "README.md").touch(),
}
MEANINGS: dict[str, Callable[[Path], None]] = {
    "a threshold": lambda d: edit(d, "fuses/rainstorm.yaml", "at_least: 100", "at_least: 101"),
    "a clock": lambda d: edit(d, "callouts.yaml", "door_after: 8min", "door_after: 9min"),
    "an authority": lambda d: edit(d, "authority.csv", "T-head,HQ-deputy,5", "T-head,HQ-deputy,6"),
    "a superior": lambda d: edit(d, "roster.csv", "6,,V-head", "6,,T-head"),
    "an extra column": lambda d: edit(
        d, "hazards.csv", "family\n11B03,暴雨,Rainstorm,flood", "family,x\n11B03,暴雨,Rainstorm,flood,1"
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spelling_and_openings_leave_the_version(tmp_path: Path, name: str) -> None:
    before = tiny_pack(tmp_path).version
    SPELLINGS[name](tmp_path)
    assert loaded(tmp_path).version == before


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning_makes_a_new_version(tmp_path: Path, name: str) -> None:
    before = tiny_pack(tmp_path).version
    MEANINGS[name](tmp_path)
    assert loaded(tmp_path).version != before


@pytest.mark.parametrize("name", ["stock", "contacts", "who holds a post"])
def test_other_openings_are_noticed(tmp_path: Path, name: str) -> None:
    before = openings_of(write_pack(tmp_path))
    SPELLINGS["line ends"](tmp_path)
    assert openings_of(tmp_path) == before
    SPELLINGS[name](tmp_path)
    assert openings_of(tmp_path) != before


def _digest(directory: Path) -> str:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return hashlib.sha256(
        b"".join(str(path.relative_to(directory)).encode() + path.read_bytes() for path in files)
    ).hexdigest()


def test_format_twice_is_format_once(tmp_path: Path) -> None:
    write_pack(tmp_path)
    version = loaded(tmp_path).version
    for name in ("line ends", "byte order mark", "quotes", "empty rows and columns", "column order", "list separator"):
        SPELLINGS[name](tmp_path)
    changed, problems = format_pack(tmp_path)
    assert (sorted(changed), problems) == (
        ["duties.csv", "hazards.csv", "measures.csv", "regions.csv", "roster.csv", "shelters.csv"],
        [],
    )
    once = _digest(tmp_path)
    assert format_pack(tmp_path) == ([], [])
    assert (_digest(tmp_path), loaded(tmp_path).version) == (once, version)


def test_format_keeps_the_officials_rows_and_comments(tmp_path: Path) -> None:
    write_pack(tmp_path)
    (tmp_path / "callouts.yaml").write_text("# 备注 kept\r\na: 1  # too\r\n", encoding="utf-8", newline="")
    format_pack(tmp_path)
    assert (tmp_path / "callouts.yaml").read_bytes() == "# 备注 kept\na: 1  # too\n".encode()


def test_format_leaves_a_wrong_file_alone(tmp_path: Path) -> None:
    write_pack(tmp_path, **{"hazards.csv": b'code,x\r\n"a'})
    changed, problems = format_pack(tmp_path)
    assert (changed, [problem.file for problem in problems]) == ([], ["hazards.csv"])
    assert (tmp_path / "hazards.csv").read_bytes() == b'code,x\r\n"a'


def test_a_version_is_frozen_once_and_opened_by_its_hash(tmp_path: Path) -> None:
    source, packs = tmp_path / "source", tmp_path / "packs"
    shutil.copytree(sample_pack_dir(), source)
    pack = loaded(source)
    folder = copy_definitions(source, packs, pack.version)
    assert folder == version_folder(packs, pack.version)
    again = open_version(packs, pack.version)
    assert again == pack
    before = _digest(folder)
    edit(source, "stock.csv", "QJ-T1,760", "QJ-T1,1")
    assert copy_definitions(source, packs, pack.version) == folder
    assert _digest(folder) == before
    assert [path.name for path in packs.iterdir()] == [folder.name]


def test_a_folder_that_changed_after_its_check_is_not_frozen(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "source")
    edit(tmp_path / "source", "fuses/rainstorm.yaml", "at_least: 100", "at_least: 1")
    with pytest.raises(ValueError, match="has changed"):
        copy_definitions(tmp_path / "source", tmp_path / "packs", pack.version)
    assert list((tmp_path / "packs").iterdir()) == []


def test_a_version_that_is_not_here_or_damaged(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "source")
    assert open_version(tmp_path / "packs", pack.version) is None
    folder = copy_definitions(tmp_path / "source", tmp_path / "packs", pack.version)
    edit(folder, "fuses/rainstorm.yaml", "at_least: 100", "at_least: 1")
    with pytest.raises(Unavailable, match="damaged"):
        open_version(tmp_path / "packs", pack.version)


@pytest.mark.parametrize("version", ["", "sha256:", "sha256:../../etc", "sha256:" + "G" * 64])
def test_a_version_is_no_path(tmp_path: Path, version: str) -> None:
    with pytest.raises(ValueError, match="pack version"):
        open_version(tmp_path, version)
