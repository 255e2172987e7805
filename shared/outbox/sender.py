"""发件 The sending end: one thread a receiver, in order per realm, from the number that the receiver says it has.

The receiver's answer is the truth: a receiver restored from a backup is caught up by itself. A sender that was restored
itself (the receiver is ahead of all it ever numbered) gives what it has not had acknowledged new numbers, and alarms.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Text, cast, delete, insert, select, update

from shared.db.engine import Store
from shared.db.tables import PlatformTables
from shared.db.together import Glance, together
from shared.db.tx import GIVEN, Tx
from shared.db.writer import Writer
from shared.errors import FengsuiError
from shared.http.client import Caller, Permanent, ServiceClient, TokenSource, Transient

log = structlog.get_logger(__name__)

RUN_MAX = 200
IDLE_S = 1.0
BACKOFF_MAX_S = 10.0
SAVE_EVERY = 50
KEEP = timedelta(days=30)


class Sender:
    """发件: ``start`` begins a thread for each peer; ``wake`` after each commit."""

    def __init__(
        self,
        name: str,
        store: Store,
        tables: PlatformTables,
        writer: Writer,
        peers: Mapping[str, str],
        tokens: TokenSource,
    ) -> None:
        self._name, self._store, self._tables, self._writer = name, store, tables, writer
        state, counters = tables.outbox_state, tables.counters
        self._acked = together(state.c.receiver, state.c.realm, cast(state.c.acked, Text))
        given = counters.c.name.startswith(GIVEN, autoescape=True)
        self._given = together(counters.c.name, counters.c.realm, cast(counters.c.value, Text), where=given)
        self.asks = (self._acked, self._given)
        """what `status` reads"""
        self._lines = {
            peer: _Line(self, peer, ServiceClient(url, tokens)) for peer, url in peers.items() if peer != name
        }

    def reach(self, peer: str, caller: Caller) -> None:
        """Reach a receiver by another way than HTTP; before `start`, or instead of it with `round`."""
        self._lines[peer].client.close()
        self._lines[peer].client = caller

    def round(self, peer: str) -> bool:
        """One round of a line by hand, for simulations; whether anything moved. Raises what a thread would retry."""
        return self._lines[peer].round()

    def start(self) -> None:
        for line in self._lines.values():
            line.thread.start()

    def wake(self) -> None:
        for line in self._lines.values():
            line.signal.set()

    def stop(self) -> None:
        for line in self._lines.values():
            line.stopping.set()
            line.signal.set()
        for line in self._lines.values():
            if line.thread.is_alive():
                line.thread.join(10)
            line.client.close()

    def status(self, glance: Glance | None = None) -> list[dict[str, Any]]:
        """Per receiver: what is waiting and the last error, for /readyz, metrics and the console."""
        if glance is None:
            with self._store.read() as conn:
                return self.status(Glance(conn, self.asks))
        acked = {(receiver, realm): int(no) for receiver, realm, no in glance.texts(self._acked)}
        waiting: dict[str, int] = dict.fromkeys(self._lines, 0)
        for name, realm, last in glance.texts(self._given):
            receiver = name.removeprefix(GIVEN)
            line = self._lines.get(receiver)
            heard = line.applied.get(realm) if line else None  # fresher than what is saved now and then
            known = acked.get((receiver, realm), 0) if heard is None else heard
            waiting[receiver] = waiting.get(receiver, 0) + max(0, int(last) - known)
        return [
            {
                "receiver": peer,
                "waiting": count,
                "error": self._lines[peer].error if peer in self._lines else "no address",
            }
            for peer, count in sorted(waiting.items())
            if count or peer in self._lines
        ]


class _Line:
    """One receiver."""

    def __init__(self, owner: Sender, peer: str, client: Caller) -> None:
        self.owner, self.peer, self.client = owner, peer, client
        self.signal, self.stopping = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"outbox-{peer}", daemon=True)
        self.error: str | None = None
        self.applied: dict[str, int] = {}
        self._saved: dict[str, int] = {}
        counters = owner._tables.counters
        self._last = select(counters.c.realm, counters.c.value).where(counters.c.name == GIVEN + peer)

    def _run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            self.signal.clear()
            try:
                moved = self.round()
                failures, self.error = 0, None
                if not moved:
                    self.signal.wait(IDLE_S)
            except (Transient, Permanent, FengsuiError) as error:
                failures += 1
                self.error = str(error)
                log.warning("outbox.retry", receiver=self.peer, failures=failures, error=str(error))
                self.stopping.wait(min(BACKOFF_MAX_S, 0.1 * 2 ** min(failures, 7)))
            except Exception as error:
                failures += 1
                self.error = f"{type(error).__name__}: {error}"
                log.exception("outbox.failed", receiver=self.peer)
                self.stopping.wait(min(BACKOFF_MAX_S, 0.2 * 2 ** min(failures, 6)))

    def round(self) -> bool:
        """Send what is waiting; whether anything moved."""
        try:
            return self._send_all()
        except FengsuiError:
            self.applied.clear()  # ask again how far the receiver is
            raise

    def _send_all(self) -> bool:
        if not self.owner._writer.is_owner:
            return False
        if not self.applied:
            self._ask()
        moved = False
        for realm, last in self._last_numbers().items():
            if self.stopping.is_set():
                break
            applied = self.applied.setdefault(realm, 0)
            if applied > last:
                self._renumber(realm, applied, last)
                moved = True
            elif applied < last:
                self._send_run(realm, applied)
                moved = True
        return moved

    def _ask(self) -> None:
        answer = self.client.call("GET", f"/v1/inbox/{self.owner._name}")
        self.applied = {str(realm): int(no) for realm, no in answer.get("applied", {}).items()}

    def _last_numbers(self) -> dict[str, int]:
        """The last number ever given per realm (the counter outlives pruned rows)."""
        with self.owner._store.read() as conn:
            return {row.realm: int(row.value) for row in conn.execute(self._last)}

    def _send_run(self, realm: str, applied: int) -> None:
        out = self.owner._tables.outbox
        with self.owner._store.read() as conn:
            rows = conn.execute(
                select(out)
                .where(out.c.receiver == self.peer, out.c.realm == realm, out.c.no > applied)
                .order_by(out.c.no)
                .limit(RUN_MAX)
            ).all()
        if not rows:
            raise Permanent(f"messages after {applied} of realm {realm} are no longer kept; restore from a backup")
        if rows[0].no != applied + 1:
            raise Permanent(f"message {applied + 1} of realm {realm} is no longer kept; restore from a backup")
        for row in rows:
            if self.stopping.is_set():
                break
            answer = self.client.call(
                "POST",
                "/v1/inbox",
                json={
                    "sender": self.owner._name,
                    "realm": realm,
                    "no": row.no,
                    "kind": row.kind,
                    "aggregate": row.aggregate,
                    "pack": row.pack,
                    "body": row.body,
                },
            )
            self.applied[realm] = int(answer["applied"])
            if self.applied[realm] != row.no:
                break  # behind or ahead of what we thought: go on from where it says it is
        self._save(realm)

    def _save(self, realm: str) -> None:
        applied = self.applied[realm]
        behind = applied - self._saved.get(realm, 0)
        if behind == 0 or (behind < SAVE_EVERY and self.signal.is_set()):
            return
        table, counters, peer = self.owner._tables.outbox_state, self.owner._tables.counters, self.peer

        def save(tx: Tx) -> None:
            given = tx.conn.execute(
                select(counters.c.value).where(counters.c.realm == realm, counters.c.name == GIVEN + peer)
            ).scalar()
            if applied > (given or 0):
                return  # it has more than we gave since the restore: what we have is not acknowledged by that
            values = {"acked": applied, "parked": 0, "error": None, "changed_at": tx.now}
            where = (table.c.receiver == peer, table.c.realm == realm)
            if tx.conn.execute(update(table).where(*where).values(**values)).rowcount == 0:
                tx.conn.execute(insert(table).values(receiver=peer, realm=realm, **values))
            out = self.owner._tables.outbox
            tx.conn.execute(
                delete(out).where(
                    out.c.receiver == peer, out.c.realm == realm, out.c.no <= applied, out.c.created_at < tx.now - KEEP
                )
            )

        self.owner._writer.call(save)
        self._saved[realm] = applied

    def _renumber(self, realm: str, applied: int, last: int) -> None:
        """We were restored from a backup: number what is not known to be acknowledged anew, and alarm."""
        tables, peer = self.owner._tables, self.peer

        def renumber(tx: Tx) -> None:
            out, state, counters = tables.outbox, tables.outbox_state, tables.counters
            acked = tx.conn.execute(
                select(state.c.acked).where(state.c.receiver == peer, state.c.realm == realm)
            ).scalar()
            here = (out.c.receiver == peer, out.c.realm == realm, out.c.no > (acked or 0))
            rows = tx.conn.execute(select(out).where(*here).order_by(out.c.no)).all()
            tx.conn.execute(delete(out).where(*here))
            tx.conn.execute(
                update(counters).where(counters.c.realm == realm, counters.c.name == GIVEN + peer).values(value=applied)
            )
            for row in rows:
                tx.emit(peer, realm, row.kind, row.aggregate, row.body, pack=row.pack)
            seen = {"receiver": peer, "applied": applied, "last": last, "renumbered": len(rows)}
            tx.event(realm, "alarm.outbox_restored", peer, seen)
            tx.audit(realm, "service", "outbox.renumber", peer, reason="receiver_ahead", body=seen)

        log.error("outbox.receiver_ahead", receiver=peer, realm=realm, applied=applied, last=last)
        self.owner._writer.call(renumber)
