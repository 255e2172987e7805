"""监护 Child processes: started on a leash, started again when they die, stopped in order, their output in DATA/logs.

Everything runs on the caller's thread: the kernel ties a leash to the *thread* that started the child.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.command.datadir import DataDir
from services.command.restart import Restarts, how_it_ended
from shared.clock import Clock

LOG_BYTES_MAX = 20_000_000
STOP_S = 8.0
LOG_LINES_SHOWN = 12
LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """子进程: what to run. ``env`` is added to ours; ``user`` is who it becomes where we are root."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


@dataclass
class _Child:
    spec: Spec
    process: subprocess.Popen[bytes] | None = None
    restarts: Restarts = field(default_factory=Restarts)


class Supervisor:
    """监护: ``start`` each, ``tick`` a few times a second, ``stop`` at the end (last started, first stopped)."""

    def __init__(self, data: DataDir, clock: Clock, say: Callable[[str, str], None], *, stop_s: float = STOP_S) -> None:
        self._stop_s = stop_s
        self._data = data
        self._clock = clock
        self._say = say
        self._children: dict[str, _Child] = {}

    def start(self, spec: Spec) -> None:
        child = self._children.setdefault(spec.name, _Child(spec))
        child.spec = spec
        self._spawn(child)

    def tick(self) -> None:
        """Notice deaths and start again what is due."""
        now = self._clock.monotonic()
        for child in self._children.values():
            name = child.spec.name
            if child.process is not None and (code := child.process.poll()) is not None:
                child.process = None
                child.restarts = child.restarts.died(now)
                pause = (child.restarts.again_at or now) - now
                zh, en = how_it_ended(code)
                self._say(f"{name} {zh}，{pause:g} 秒后重启", f"{name} {en}; starting it again in {pause:g} s")
                self._write_pids()
            elif child.restarts.is_due(now):
                self._spawn(child)

    def alive(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.process is not None and child.process.poll() is None

    def deaths(self, name: str) -> int:
        return self._children[name].restarts.deaths

    def pids(self) -> dict[str, int]:
        running = {name: child.process.pid for name, child in self._children.items() if child.process}
        return {"supervisor": os.getpid(), **running}

    def log_path(self, name: str) -> Path:
        return self._data.logs / f"{name}.log"

    def last_lines(self, name: str) -> list[str]:
        """What a process said last."""
        try:
            with self.log_path(name).open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - 8192))
                return stream.read().decode("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:]
        except OSError as error:
            return [str(error)]

    def stop(self) -> list[str]:
        """SIGTERM in reverse order, SIGKILL to what is still there; the names of those that had to be killed."""
        children = [child for child in reversed(self._children.values()) if child.process is not None]
        killed: list[str] = []
        for child in children:
            process = child.process
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(self._stop_s)
            except subprocess.TimeoutExpired:
                killed.append(child.spec.name)
                process.kill()
                process.wait()
            child.process = None
        self._write_pids()
        return killed

    def _spawn(self, child: _Child) -> None:
        spec = child.spec
        path = self.log_path(spec.name)
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            child.process = subprocess.Popen(  # noqa: S603 - our own programs
                leashed(spec),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **spec.env},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the others in order
            )
        child.restarts = child.restarts.started(self._clock.monotonic())
        self._write_pids()

    def _write_pids(self) -> None:
        self._data.write_pids(self.pids())


def leashed(spec: Spec) -> list[str]:
    """The command that runs the program so that it dies with us."""
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), spec.user or "-", *spec.command]
