"""锁定依赖 requirements*.txt: compiled from pyproject.toml for every supported Python, hashed, naming no index.

    python deploy/lock.py            compile both (needs uv on PATH) and write the hash of their inputs into the header
    python deploy/lock.py --check    no network: does each lock still belong to pyproject.toml?

`--check` needs nothing but the standard library and `packaging`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# inputs: sha256:"
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*])?==(?P<version>[^\s;\\]+)[^\n]*(?P<hashes>(?:\n +--hash=\S+.*)*)", re.M
)
ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|git\+", re.I)


@dataclass(frozen=True)
class Lock:
    """锁文件: its name, the extra it adds, and what pyproject.toml asks of it."""

    file: str
    extra: str | None
    requires_python: str
    wanted: tuple[str, ...]

    @property
    def inputs(self) -> str:
        said = json.dumps([self.requires_python, sorted(self.wanted)])
        return hashlib.sha256(said.encode()).hexdigest()


def locks(pyproject: str) -> list[Lock]:
    project = tomllib.loads(pyproject)["project"]
    base = tuple(project["dependencies"])
    dev = tuple(project["optional-dependencies"]["dev"])
    python = project["requires-python"]
    return [Lock("requirements.txt", None, python, base), Lock("requirements-dev.txt", "dev", python, base + dev)]


def problems(lock: Lock, text: str) -> list[str]:
    """漂移: why ``text`` is not the lock of these inputs; each with what to do."""
    found: list[str] = []
    lines = text.splitlines()
    if not lines or lines[0] != HEADER + lock.inputs:
        found.append(f"{lock.file}:1: the header names other inputs than pyproject.toml has; run `make lock`")
    pins: dict[str, list[str]] = {}
    for match in PIN.finditer(text):
        pins.setdefault(canonicalize_name(match["name"]), []).append(match["version"])
        if not match["hashes"]:
            number = text.count("\n", 0, match.start()) + 1
            found.append(f"{lock.file}:{number}: {match['name']} has no hash; run `make lock`")
    found += [
        f"{lock.file}:{number}: names an address ({line.strip()[:60]}); a user's mirror would be passed over"
        for number, line in enumerate(lines, 1)
        if ADDRESS.search(line)
    ]
    for text_wanted in lock.wanted:
        wanted = Requirement(text_wanted)
        versions = pins.get(canonicalize_name(wanted.name), [])
        if not versions:
            found.append(f"{lock.file}:1: {wanted.name} is in pyproject.toml and not here; run `make lock`")
        found += [
            f"{lock.file}:1: {wanted.name}=={version} is not {wanted.specifier}; run `make lock`"
            for version in versions
            if not wanted.specifier.contains(version, prereleases=True)
        ]
    return found


def compile_lock(lock: Lock, uv: str) -> str:
    extra = ["--extra", lock.extra] if lock.extra else []
    minimum = lock.requires_python.removeprefix(">=")
    command = [uv, "pip", "compile", "pyproject.toml", *extra, "--universal", "--generate-hashes", "--no-header"]
    command += ["--no-emit-index-url", "--python-version", minimum, "--quiet"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    return f"{HEADER}{lock.inputs}\n{done.stdout}"


def main() -> int:
    parser = argparse.ArgumentParser(description="requirements*.txt from pyproject.toml")
    parser.add_argument("--check", action="store_true", help="say where a lock and pyproject.toml differ; no network")
    arguments = parser.parse_args()
    wanted = locks((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if arguments.check:
        found = [line for lock in wanted for line in problems(lock, (ROOT / lock.file).read_text(encoding="utf-8"))]
        print("\n".join(found), file=sys.stderr, end="\n" if found else "")
        return 1 if found else 0
    uv = shutil.which("uv")
    if uv is None:
        print(
            "deploy/lock.py: uv is not on PATH; install it (pip install uv) and run `make lock` again", file=sys.stderr
        )
        return 1
    for lock in wanted:
        (ROOT / lock.file).write_text(compile_lock(lock, uv), encoding="utf-8")
        print(f"{lock.file}: {lock.inputs[:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
