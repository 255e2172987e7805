"""Apps on real HTTP: uvicorn in a thread of this process, on a free loopback port."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI

from services.command.serve import KEEP_ALIVE_S
from shared.clock import poll_until
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port


class _Server(uvicorn.Server):
    """What is still open after the grace is cut, as the end of a process would cut it: this process goes on."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # the transports close in the loop's next turn


@contextmanager
def serving(app: FastAPI, port: int | None = None, lifespan: Literal["auto", "off"] = "auto") -> Iterator[str]:
    """Serve ``app`` and yield its base URL; without its lifespan where somebody else starts what it stands on."""
    chosen = port or free_port()
    server = _Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=chosen,
            lifespan=lifespan,
            log_level="warning",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
    )
    thread = threading.Thread(target=server.run, name=f"serve-{chosen}", daemon=True)
    thread.start()
    try:
        if not poll_until(lambda: server.started or None, PATIENCE_S):
            raise RuntimeError("the app did not start")
        yield f"http://127.0.0.1:{chosen}"
    finally:
        server.should_exit = True
        thread.join(20)
