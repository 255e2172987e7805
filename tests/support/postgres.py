"""A PostgreSQL of the tests' own: started from the installed binaries, on loopback, thrown away afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.clock import poll_until
from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port


def find_binaries() -> Path | None:
    """The newest installed PostgreSQL's bin folder."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def cluster(binaries: Path, folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a fresh cluster in ``folder``; yields the DSN without a schema. initdb refuses root, so drop to its user.

    ``durable`` keeps fsync, as production has it: what is measured on it counts.
    """
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        pwd.getpwnam(user)
        shutil.chown(folder, user)
        folder.chmod(0o700)
    data, port = folder / "data", free_port()
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "fengsui",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        ],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    log = (folder / "log").open("wb")
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={folder}"]
    server = subprocess.Popen(
        [
            binaries / "postgres",
            "-D",
            data,
            *options,
            "-c",
            f"fsync={'on' if durable else 'off'}",
            "-c",
            "max_connections=60",
        ],
        stdout=log,
        stderr=log,
        user=user,
        cwd=folder,
    )
    try:
        ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
        if not poll_until(lambda: subprocess.run(ready, check=False).returncode == 0 or None, PATIENCE_S):
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
        yield f"postgresql+psycopg://fengsui@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: SIGTERM would wait for the last client
        server.wait(20)
        log.close()
