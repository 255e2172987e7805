"""数据库 One store: SQLite (WAL, synchronous=FULL) or PostgreSQL (a schema a service); snapshots for readers.

SQLite must sync at each commit (FULL): with NORMAL a committed reading may roll back after a power loss.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateSchema

from shared.ids import sha256_hex

BUSY_TIMEOUT_MS = 10_000
# Kept open, and so many more for a moment: opening one costs more than most questions that are asked of it.
POOL_SQLITE = {"pool_size": 40, "max_overflow": 10}
POOL_POSTGRESQL = {"pool_size": 10, "max_overflow": 5}


class Store:
    """存储: the engine of one service. ``read()`` gives a snapshot; only `shared.db.writer.Writer` writes."""

    def __init__(self, dsn: str, metadata: MetaData, *, schema: str | None = None) -> None:
        self.metadata = metadata
        self.url = make_url(dsn)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.schema = None if self.is_sqlite else (schema or "public")
        if self.is_sqlite:
            if not self.url.database:
                raise ValueError("the SQLite DSN must name a file: sqlite:////path/to/store.db")
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine: Engine = create_engine(dsn, connect_args={"check_same_thread": False}, **POOL_SQLITE)
            _tune_sqlite(self.engine)
        else:
            self.engine = create_engine(
                dsn,
                connect_args={"options": f"-csearch_path={self.schema}", "connect_timeout": 5},
                pool_pre_ping=True,
                **POOL_POSTGRESQL,
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot; never writes."""
        with self.engine.connect() as conn:
            if not self.is_sqlite:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with conn.begin():
                yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The write transaction. Called by `Writer` and by migrations alone."""
        with self.engine.connect() as conn:
            conn = conn.execution_options(fengsui_write=True)
            with conn.begin():
                yield conn

    def ensure_schema(self) -> None:
        """Create the PostgreSQL schema where it is missing."""
        if self.schema and self.schema != "public":
            with self.engine.begin() as conn:
                conn.execute(CreateSchema(self.schema, if_not_exists=True))

    def close(self) -> None:
        """Close the pool; what a thread still holds, or takes after this, is closed when it gives it back."""
        event.listen(self.engine.pool, "checkin", _close_returned)  # the pool after this one inherits it
        self.engine.dispose()


def _close_returned(_dbapi: Any, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # the driver must not begin transactions of its own
        cursor = dbapi.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        write = conn.get_execution_options().get("fengsui_write", False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class OwnerLock:
    """属主锁 One owner a store: a file lock on SQLite, an advisory lock on PostgreSQL.

    ``try_acquire`` does not wait; a second process stands by and asks again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file: IO[str] | None = None
        self._conn: Connection | None = None

    def try_acquire(self) -> bool:
        return self._try_file() if self._store.is_sqlite else self._try_advisory()

    def _try_file(self) -> bool:
        path = f"{self._store.url.database}.owner"
        handle = open(path, "a+", encoding="ascii")  # noqa: SIM115 - held for the life of the process
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._file = handle
        return True

    def _try_advisory(self) -> bool:
        key = int(sha256_hex(f"fengsui:{self._store.schema}".encode())[:15], 16)
        conn = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        mine = False
        try:
            mine = bool(conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar())
        finally:
            if not mine:
                conn.close()
        self._conn = conn if mine else None
        return mine

    def alive(self) -> bool:
        """Whether the lock is still ours (a lost PostgreSQL session loses it)."""
        if self._store.is_sqlite:
            return self._file is not None
        if self._conn is None:
            return False
        try:
            self._conn.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - any failure of the session means that the lock is gone
            self.release()
            return False
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._conn is not None:
            self._conn.invalidate()  # ends the session, and the lock with it
            self._conn.close()
            self._conn = None
