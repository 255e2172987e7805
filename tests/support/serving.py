"""Apps on real HTTP: uvicorn in a thread of this process, on a free loopback port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from shared.clock import poll_until
from tests.support.postgres import free_port


@contextmanager
def serving(app: FastAPI, port: int | None = None) -> Iterator[str]:
    """Serve ``app`` (with its lifespan) and yield its base URL."""
    chosen = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=chosen, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, name=f"serve-{chosen}", daemon=True)
    thread.start()
    try:
        if not poll_until(lambda: server.started or None, 20):
            raise RuntimeError("the app did not start")
        yield f"http://127.0.0.1:{chosen}"
    finally:
        server.should_exit = True
        thread.join(20)
