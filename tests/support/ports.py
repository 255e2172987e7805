"""端口 Ports for the tests' own servers, each worker's apart.

They lie below those that the kernel gives to outgoing connections (from 32768 on): one of these may be taken by any
client between being found free and being listened on.
"""

from __future__ import annotations

import os
import socket
from itertools import count

FIRST, SLICE, SLICES = 20_000, 1_200, 10
_worker = int("0" + os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")) % SLICES
_steps = count(os.getpid() * 13)


def free_port(block: int = 1) -> int:
    """The first of ``block`` ports in a row on which nobody listens; none is given twice before all were."""
    for _ in range(SLICE):
        step = next(_steps) % (SLICE // block) * block
        first = FIRST + _worker * SLICE + step
        if all(_is_free(port) for port in range(first, first + block)):
            return first
    raise RuntimeError(f"no free port from {FIRST + _worker * SLICE} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what has just ended is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
