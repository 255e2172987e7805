"""端口 Which loopback ports this run uses: those asked for, or others where they are taken, and it is said.

Between choosing a port and listening there seconds pass (the exchange's only begins with the drill), so a run holds
what it chose by a lock for as long as it lives: two that start at the same moment choose different ones.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TRIES = 200
FOLDER = "fengsui-ports-{uid}"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Choice:
    """端口选择: ``asked`` differs from ``port`` where it was taken."""

    name: str
    asked: int
    port: int

    def said(self) -> str | None:
        """The line for the terminal where another port had to be taken."""
        if self.port == self.asked:
            return None
        zh = f"端口 {self.asked} 被占用，{self.name} 改用 {self.port}"
        return f"{zh} / port {self.asked} is taken, {self.name} uses {self.port}"


def is_free(port: int) -> bool:
    """Whether nothing listens there, on loopback or on every address."""
    for host in ("", LOOPBACK):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


class Claims:
    """占用: the ports of one run, each by a lock on a file of its own; the kernel lets go when the process dies."""

    def __init__(self, folder: Path | None = None, free: Callable[[int], bool] = is_free) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / FOLDER.format(uid=os.getuid())
        self._free = free
        self._held: list[int] = []

    def take(self, port: int) -> bool:
        """Whether the port is ours now: no other run of this user holds it, and nothing listens there."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / str(port)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if not self._free(port):
            os.close(descriptor)
            return False
        self._held.append(descriptor)
        return True

    def release(self) -> None:
        """Once nothing of this run listens any more. The files stay: one that is removed could be locked twice."""
        while self._held:
            os.close(self._held.pop())


def choose(wanted: Iterable[tuple[str, int]], free: Callable[[int], bool] = is_free) -> list[Choice]:
    """A port for each name, the asked one where it is free, else the next free one; never the same twice."""
    taken: set[int] = set()
    chosen: list[Choice] = []
    wanted = list(wanted)
    asked_for = {port for _, port in wanted}
    for name, asked in wanted:
        others = (port for port in range(asked + 1, asked + TRIES) if port <= 65535 and port not in asked_for)
        port = next((p for p in (asked, *others) if p not in taken and free(p)), None)
        if port is None:
            raise OSError(f"no free port near {asked} for {name}; give another by PORT= or MQTT_PORT=")
        taken.add(port)
        chosen.append(Choice(name, asked, port))
    return chosen
