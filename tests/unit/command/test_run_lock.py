"""Lock drift: a lock that is not of this pyproject.toml, lacks a hash or names an index is told by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.lock import HEADER, locks, problems

PYPROJECT = """
[project]
requires-python = ">=3.11"
dependencies = ["alpha>=1,<2", "beta_two[extra]>=3"]
[project.optional-dependencies]
dev = ["gamma"]
"""
BASE, DEV = locks(PYPROJECT)
HASH = "    --hash=sha256:00\n"
PINS = ("alpha==1.5", "beta-two==3.1 ; python_version < '3.12'", "beta-two==4")
GOOD = f"{HEADER}{BASE.inputs}\n" + "".join(f"{pin} \\\n{HASH}" for pin in PINS)


def test_a_fitting_lock_has_no_problem() -> None:
    assert problems(BASE, GOOD) == []
    assert problems(DEV, GOOD.replace(BASE.inputs, DEV.inputs) + f"gamma==1 \\\n{HASH}") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace(BASE.inputs, "0"), "requirements.txt:1: the header"),
        ("", "requirements.txt:1: the header"),
        (GOOD.replace("alpha==1.5", "alpha==2.5"), "alpha==2.5 is not"),
        (GOOD.replace("alpha==1.5", "other==1.5"), "alpha is in pyproject.toml and not here"),
        (GOOD.replace(f"alpha==1.5 \\\n{HASH}", "alpha==1.5\n"), "requirements.txt:2: alpha has no hash"),
        (GOOD + "--index-url https://mirror.example/simple\n", "names an address"),
        (GOOD + "x @ git+ssh://host/x\n", "names an address"),
    ],
)
def test_drift_is_told(text: str, said: str) -> None:
    assert any(said in line for line in problems(BASE, text))


def test_the_inputs_are_what_is_asked_for_and_not_its_order() -> None:
    other = PYPROJECT.replace('"alpha>=1,<2", "beta_two[extra]>=3"', '"beta_two[extra]>=3", "alpha>=1,<2"')
    assert locks(other)[0].inputs == BASE.inputs
    assert locks(PYPROJECT.replace("<2", "<3"))[0].inputs != BASE.inputs
    assert locks(PYPROJECT.replace("3.11", "3.12"))[0].inputs != BASE.inputs


def test_this_repositorys_locks_fit() -> None:
    root = Path(__file__).resolve().parents[3]
    for lock in locks((root / "pyproject.toml").read_text(encoding="utf-8")):
        assert problems(lock, (root / lock.file).read_text(encoding="utf-8")) == []
