"""端口 Which loopback ports this run uses: those asked for, or others where they are taken, and it is said."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

TRIES = 200
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
