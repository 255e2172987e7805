"""待发队列 The station's own disk: readings until their receipt, the counter, and what was given up. SQLite, synced.

The counter lives beside the readings: when the file is lost, so is the counter, and a new boot id begins. When the file
was put back from an older copy, a receipt above the counter shows it, and `renew` begins a new boot likewise.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.station.outstanding import Key
from deploy.station.receipt import Receipt

READINGS_MAX = 500_000  # five years of one gauge; beyond it the oldest is given up and said so by a skip
REJECTED_KEPT = 1000

SCHEMA = """
CREATE TABLE IF NOT EXISTS boots (no INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS readings (boot_no INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (boot_no, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS skips (boot TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (boot, first));
CREATE TABLE IF NOT EXISTS rejected (no INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT, seq INTEGER, code TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""  # noqa: E501 - one table a line


class Queue:
    """待发队列: safe to call from the station's thread and the network's."""

    def __init__(self, path: Path, *, readings_max: int = READINGS_MAX) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._max = readings_max
        with self._lock:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
            row = self._db.execute("SELECT no, boot FROM boots ORDER BY no DESC LIMIT 1").fetchone()
            self._boot_no: int
            self.boot: str
            self._boot_no, self.boot = row if row else self._new_boot()

    def put(self, readings: Iterable[Mapping[str, Any]]) -> list[Key]:
        """Store readings with the next numbers; on return they survive a power cut."""
        with self._lock, _transaction(self._db):
            (last,) = self._db.execute("SELECT last_seq FROM boots WHERE no = ?", (self._boot_no,)).fetchone()
            rows = []
            for last, reading in enumerate(readings, last + 1):  # noqa: B020 - the counter goes on from the stored one
                body = {**reading, "boot": self.boot, "seq": last}
                rows.append((self._boot_no, last, json.dumps(body, ensure_ascii=False, allow_nan=False)))
            self._db.executemany("INSERT INTO readings VALUES (?, ?, ?)", rows)
            self._db.execute("UPDATE boots SET last_seq = ? WHERE no = ?", (last, self._boot_no))
            self._give_up_oldest()
        return [(self.boot, seq) for _, seq, _ in rows]

    def waiting(self) -> int:
        """Readings that no receipt has named."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM readings").fetchone()[0])

    def after(self, key: Key | None, limit: int) -> list[tuple[Key, str]]:
        """The next readings in order, behind ``key``."""
        with self._lock:
            number, seq = (self._number(key[0]), key[1]) if key else (0, 0)
            rows = self._db.execute(
                "SELECT boot, seq, body FROM readings JOIN boots ON no = boot_no"
                " WHERE (boot_no, seq) > (?, ?) ORDER BY boot_no, seq LIMIT ?",
                (number, seq, limit),
            ).fetchall()
        return [((boot, seq), body) for boot, seq, body in rows]

    def bodies(self, keys: Iterable[Key]) -> list[tuple[Key, str]]:
        """Those of the readings that are still here."""
        found = []
        with self._lock:
            for key in keys:
                row = self._db.execute(
                    "SELECT body FROM readings WHERE boot_no = ? AND seq = ?", (self._number(key[0]), key[1])
                ).fetchone()
                if row:
                    found.append((key, row[0]))
        return found

    def settle(self, receipt: Receipt) -> int:
        """Delete what the receipt names; keep aside what the service could not read. Returns how many left."""
        with self._lock, _transaction(self._db):
            number = self._number(receipt.boot)
            for seq, code in receipt.rejected:
                self._db.execute(
                    "INSERT INTO rejected (boot, seq, code, body)"
                    " SELECT ?, seq, ?, body FROM readings WHERE boot_no = ? AND seq = ?",
                    (receipt.boot, code, number, seq),
                )
            self._db.execute("DELETE FROM rejected WHERE no <= (SELECT max(no) FROM rejected) - ?", (REJECTED_KEPT,))
            ranges = [(0, receipt.upto), *receipt.also, *((seq, seq) for seq, _ in receipt.rejected)]
            gone = sum(
                self._db.execute(
                    "DELETE FROM readings WHERE boot_no = ? AND seq BETWEEN ? AND ?", (number, first, last)
                ).rowcount
                for first, last in ranges
            )
            self._db.execute("DELETE FROM skips WHERE boot = ? AND last <= ?", (receipt.boot, receipt.upto))
        return gone

    def behind(self, receipt: Receipt) -> bool:
        """Whether the service has seen higher numbers of this boot than this disk ever gave."""
        with self._lock:
            (last,) = self._db.execute("SELECT last_seq FROM boots WHERE no = ?", (self._boot_no,)).fetchone()
        highest = max([receipt.upto, *(end for _, end in receipt.also)])
        return receipt.boot == self.boot and highest > int(last)

    def renew(self) -> None:
        """Begin a new boot and give its numbers to what still waits of the current one."""
        with self._lock, _transaction(self._db):
            old = self._boot_no
            rows = self._db.execute("SELECT body FROM readings WHERE boot_no = ? ORDER BY seq", (old,)).fetchall()
            self._boot_no, self.boot = self._new_boot()
            for seq, (text,) in enumerate(rows, 1):
                body = {**json.loads(text), "boot": self.boot, "seq": seq}
                self._db.execute(
                    "INSERT INTO readings VALUES (?, ?, ?)",
                    (self._boot_no, seq, json.dumps(body, ensure_ascii=False)),
                )
            self._db.execute("DELETE FROM readings WHERE boot_no = ?", (old,))
            self._db.execute("UPDATE boots SET last_seq = ? WHERE no = ?", (len(rows), self._boot_no))

    def skips(self) -> list[tuple[str, int, int]]:
        """What was given up and not yet passed by a receipt: (boot, first, last)."""
        with self._lock:
            return self._db.execute("SELECT boot, first, last FROM skips ORDER BY boot, first").fetchall()

    def rejected(self) -> list[tuple[str, int, str]]:
        """What the service could not read: (boot, seq, code)."""
        with self._lock:
            return self._db.execute("SELECT boot, seq, code FROM rejected ORDER BY no").fetchall()

    def note(self, name: str, value: str | None = None) -> str | None:
        """A word that survives with the queue (how far a player has come); set it by giving a value."""
        with self._lock:
            if value is not None:
                self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
                return value
            row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _new_boot(self) -> tuple[int, str]:
        boot = f"b{secrets.token_hex(4)}"
        number = self._db.execute("INSERT INTO boots (boot, last_seq) VALUES (?, 0)", (boot,)).lastrowid
        return int(number or 0), boot

    def _number(self, boot: str) -> int:
        if boot == self.boot:
            return self._boot_no
        row = self._db.execute("SELECT no FROM boots WHERE boot = ?", (boot,)).fetchone()
        return int(row[0]) if row else 0

    def _give_up_oldest(self) -> None:
        (count,) = self._db.execute("SELECT count(*) FROM readings").fetchone()
        for boot_no, boot, seq in self._db.execute(
            "SELECT boot_no, boot, seq FROM readings JOIN boots ON no = boot_no ORDER BY boot_no, seq LIMIT ?",
            (max(0, count - self._max),),
        ).fetchall():
            self._db.execute("DELETE FROM readings WHERE boot_no = ? AND seq = ?", (boot_no, seq))
            joined = self._db.execute("UPDATE skips SET last = ? WHERE boot = ? AND last = ?", (seq, boot, seq - 1))
            if joined.rowcount == 0:
                self._db.execute("INSERT INTO skips VALUES (?, ?, ?)", (boot, seq, seq))


class _transaction:
    """All or nothing, also when the process dies in between."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")
