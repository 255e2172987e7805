"""实景演练 ``make drill``: the drill on the wall clock with real processes, on SQLite and then on PostgreSQL.

Unattended: a fresh DATA each, `fengsui run` idle, `fengsui drill` beside it until HOURS of its clock are over, the
score sheet, exit 0 or 1. By environment: ``SPEED=60 HOURS=10 ALLOW=2 DRILL=flood-night DATABASES="sqlite postgresql"``
(ALLOW: wall seconds that a step may be late, for a machine that has other work), and ``DSN=`` for a PostgreSQL that
runs already (schemas of its own, left there); without it one is started from the installed programs and thrown away.
What the system said stands in its DATA, which is kept where the drill did not pass.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.clock import SystemClock, poll_until
from tests.support.postgres import cluster, find_binaries

ROOT = Path(__file__).parents[2]
READY_S = 300.0
STOP_S = 60.0
PORT, MQTT_PORT = "8500", "18830"
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Both databases, one after the other; 0 where each that could be played has passed, and one was played."""
    wanted = (os.environ.get("DATABASES") or " ".join(DATABASES)).split()
    if unknown := set(wanted) - set(DATABASES):
        print(f"DATABASES: '{sorted(unknown)[0]}' is not known; give {' '.join(DATABASES)}", file=sys.stderr)
        return 2
    results: dict[str, str] = {}
    for name in wanted:
        with ExitStack() as stack:
            stores = stack.enter_context(_stores(name))
            results[name] = "没有可用的 PostgreSQL / not installed" if stores is None else _play(name, stores)
    print()
    for name, result in results.items():
        print(f"make drill · {name}: {result}")
    played = [result for result in results.values() if result in ("PASS", "FAIL")]
    return 0 if played and "FAIL" not in played else 1


@contextmanager
def _stores(name: str) -> Iterator[Mapping[str, str] | None]:
    """What the environment says of the stores; None where there is no such database."""
    if name == "sqlite":
        yield {"DSN": "", "SCHEMA": ""}
        return
    prefix = f"drill{os.getpid()}"
    if dsn := os.environ.get("DSN"):
        print(f"烽燧 PostgreSQL：DSN 所指，模式前缀 {prefix} / the one of DSN, schemas {prefix}_*")
        yield {"DSN": dsn, "SCHEMA": prefix}
        return
    binaries = find_binaries()
    if binaries is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="fengsui-pg-"))
    try:
        with cluster(binaries, folder, durable=True) as started:
            print(f"烽燧 PostgreSQL：由 {binaries} 临时启动 / started from there for this drill")
            yield {"DSN": started, "SCHEMA": prefix}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _play(name: str, stores: Mapping[str, str]) -> str:
    speed, hours = os.environ.get("SPEED") or "60", os.environ.get("HOURS") or "10"
    drill = os.environ.get("DRILL") or "flood-night"
    data = Path(tempfile.mkdtemp(prefix=f"fengsui-drill-{name}-"))
    told = data / "run.log"
    print(f"\n烽燧 实景演练 {drill}：{name}，{speed} 倍速，演练 {hours} 小时，数据在 {data}", flush=True)
    ports = {"PORT": os.environ.get("PORT") or PORT, "MQTT_PORT": os.environ.get("MQTT_PORT") or MQTT_PORT}
    env = {**os.environ, **ports, **stores, "DATA": str(data), "DRILL": "none", "SPEED": speed, "PYTHONUNBUFFERED": "1"}
    with told.open("w", encoding="utf-8") as output:
        system = subprocess.Popen(
            [sys.executable, "-m", "services", "run"], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        ready = poll_until(lambda: "空闲运行" in told.read_text(encoding="utf-8") or system.poll() is not None, READY_S)
        if not ready or system.poll() is not None:
            print(told.read_text(encoding="utf-8")[-3000:])
            return "FAIL"
        began = SystemClock().monotonic()
        command = [sys.executable, "-m", "services", "drill", drill, "--data", str(data), "--speed", speed]
        command += ["--hours", hours, "--allow", os.environ.get("ALLOW") or "2", "--quiet"]
        passed = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0
        print(f"烽燧 用时 {SystemClock().monotonic() - began:.0f} 秒 / seconds on the wall", flush=True)
    finally:
        if system.poll() is None:
            system.send_signal(signal.SIGINT)
            system.wait(STOP_S)
    if passed:
        shutil.rmtree(data, ignore_errors=True)
    else:
        print(f"烽燧 数据保留在 {data} / DATA is kept")
    return "PASS" if passed else "FAIL"


if __name__ == "__main__":
    sys.exit(main())
