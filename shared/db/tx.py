"""事务 What a use case may do inside the one write transaction: read, write, emit, audit, tell, number.

What nobody reads back before the commit (outbox, audit, events, counters, a concept's own `Part`) is kept in memory and
written in few statements when the savepoint ends: `Tx.savepoint` begins and ends with nothing kept, so that what fails
takes its own along and nothing else's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Select, Table, bindparam, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared.db.tables import PlatformTables
from shared.db.upsert import upsert
from shared.errors import Unavailable
from shared.realm import ACTUAL, LIVE, RealmClock

GIVEN = "outbox:"  # the counter of the numbers that a receiver's messages were given


class RealmBook:
    """领域簿 The clocks of the realms as committed.

    A drill that was based in another boot stands where the whole system stood still, until its new clock comes: no
    deadline passes, and what was on its way before the clock is still applied. The outbox keeps order: a receiver that
    refused those messages would never get the clock behind them.
    """

    def __init__(self, boot: str | None, stopped_at: datetime | None = None) -> None:
        self.boot = boot
        self.stopped_at = stopped_at
        self._clocks: dict[str, RealmClock] = {}

    def replace(self, clocks: dict[str, RealmClock]) -> None:
        self._clocks = dict(clocks)

    def clocks(self) -> dict[str, RealmClock]:
        return dict(self._clocks)

    def clock(self, realm: str) -> RealmClock:
        """The realm's clock; Unavailable while a drill's clock is not known, or not since when it stands."""
        if realm in (ACTUAL, LIVE):
            return RealmClock(realm)
        found = self._clocks.get(realm)
        if found is not None and not found.is_running:
            return found  # it stands for everybody, whoever stopped meanwhile
        if found is None or (self._stands(found) and self.stopped_at is None):
            raise Unavailable(
                f"the clock of realm {realm} is not known yet; try again",
                f"领域 {realm} 的时钟尚未就绪，请稍后再试",
                code="realm_clock_unknown",
            )
        return found

    def domain_now(self, realm: str, wall: datetime) -> datetime:
        clock = self.clock(realm)
        if self._stands(clock) and self.stopped_at is not None and clock.w0 is not None:
            return clock.at(max(clock.w0, min(self.stopped_at, wall)))
        return clock.at(wall)

    def _stands(self, clock: RealmClock) -> bool:
        return clock.is_running and not clock.is_wall and clock.boot != self.boot

    def ticking(self) -> tuple[str, ...]:
        """Realms whose clock runs, for workers."""
        known = [r for r, c in self._clocks.items() if c.is_running and (c.is_wall or c.boot == self.boot)]
        return tuple(sorted({*known, LIVE, ACTUAL}))


class Lost(Unavailable):
    """事务已失 The transaction is gone, all of it; the writer fails the batch, nobody goes on piece by piece."""


class Part(Protocol):
    """部分: what one concept keeps in memory within a savepoint"""

    def flush(self) -> None:
        """Write what is not written yet; a second time there is nothing to do."""


P = TypeVar("P", bound=Part)


class Tx:
    """事务: handed to every use case; ``now`` is wall time of the transaction, ``domain_now`` the realm's.

    All that is done through it commits together or not at all.
    """

    def __init__(
        self,
        conn: Connection,
        *,
        now: datetime,
        fence: int,
        tables: PlatformTables,
        realms: RealmBook,
        district: str,
        pack: str | None,
        behind_at: datetime | None = None,
    ) -> None:
        self.conn = conn
        self.now = now
        self.fence = fence
        self.tables = tables
        self.realms = realms
        self.district = district
        self.pack = pack
        self.behind_at = behind_at  # wall: when the writer's queue was last found waiting long
        self.after: list[Callable[[], None]] = []
        self.kept: set[Table] = set()  # what has new rows, for whoever waits for some
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._parts: dict[Hashable, Part] = {}
        self._lost: Lost | None = None  # nothing more may be written

    # -- what is kept until the savepoint ends -----------------------------------------------------------

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """All of it or nothing; what was kept before is written first, what failed inside is forgotten."""
        if self._lost is not None:
            raise self._lost
        self.flush()
        self.forget()
        kept = len(self.after)
        self.conn.exec_driver_sql("SAVEPOINT part")  # begin_nested makes each of its statements anew
        try:
            yield
            self.flush()
            self.conn.exec_driver_sql("RELEASE SAVEPOINT part")
        except BaseException as error:
            del self.after[kept:]
            self._roll_back(error)
            raise
        finally:
            self.forget()

    def _roll_back(self, error: BaseException) -> None:
        """To the savepoint. SQLite gives a transaction up by itself (disk full): what came after it would be kept."""
        cause: BaseException = error
        if self._lost is None and not self.conn.invalidated:
            try:
                self.conn.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
                self.conn.exec_driver_sql("RELEASE SAVEPOINT part")
            except SQLAlchemyError as gone:
                cause = error if isinstance(error, DBAPIError) else gone
            else:
                return
        if self._lost is None:
            self._lost = Lost(f"the store gave the transaction up: {type(cause).__name__}: {cause}"[:500])
        if error is not self._lost:
            raise self._lost from cause

    def part(self, key: Hashable, make: Callable[[], P]) -> P:
        """The part under ``key``, made at its first use; the same one until the savepoint ends."""
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = make()
        return found  # type: ignore[return-value]  # one key, one kind of part

    def flush(self) -> None:
        """Write all that is kept; parts first, since they still tell and number."""
        for part in list(self._parts.values()):
            part.flush()
        if self._numbers:
            table = self.tables.counters
            values = [{"realm": r, "name": n, "value": value} for (r, n), value in self._numbers.items()]
            self.upsert(table, values, ("value",))
            self._numbers.clear()
        self.kept |= self._rows.keys()
        for table, rows in self._rows.items():
            self.conn.execute(insert(table), rows)
        self._rows.clear()

    def forget(self) -> None:
        self._rows.clear()
        self._numbers.clear()
        self._parts.clear()

    def upsert(self, table: Table, rows: list[dict[str, Any]], changes: tuple[str, ...]) -> None:
        """Insert rows, or change these columns where the primary key is there already; one statement."""
        if not rows:
            return
        self.conn.execute(upsert(self.conn, table, changes), rows)

    def _keep(self, table: Table, **values: Any) -> None:
        self._rows.setdefault(table, []).append(values)

    # -- what a use case does ----------------------------------------------------------------------------

    def domain_now(self, realm: str) -> datetime:
        """Domain time of the realm at this transaction."""
        return self.realms.domain_now(realm, self.now)

    def emit(self, receiver: str, realm: str, kind: str, aggregate: str, body: Any, *, pack: str | None = None) -> int:
        """Put a message into the numbered outbox (design §2.3); returns its number."""
        no = self.next_no(realm, GIVEN + receiver)
        self._keep(
            self.tables.outbox,
            receiver=receiver,
            realm=realm,
            no=no,
            kind=kind,
            aggregate=aggregate,
            pack=pack or self.pack,
            body=body,
            created_at=self.now,
        )
        return no

    def audit(
        self,
        realm: str,
        actor: str,
        action: str,
        subject: str,
        *,
        reason: str | None = None,
        body: Any = None,
        happened_at: datetime | None = None,
    ) -> None:
        """Record a decision or an access; append-only."""
        self._keep(
            self.tables.audit,
            realm=realm,
            at=self.now,
            happened_at=happened_at,
            actor=actor,
            action=action,
            subject=subject,
            reason=reason,
            body=body,
            fence=self.fence,
        )

    def event(self, realm: str, kind: str, subject: str, body: Any, *, public: bool = False) -> None:
        """Tell followers of ``/v1/events``; ``public`` ones need no token."""
        self._keep(self.tables.events, realm=realm, kind=kind, subject=subject, body=body, public=public, at=self.now)

    def next_no(self, realm: str, name: str) -> int:
        """The next number, from 1 without gaps, of ``name`` in the realm."""
        key = (realm, name)
        if key not in self._numbers:
            here = {"realm": realm, "name": name}
            self._numbers[key] = int(self.conn.execute(_last(self.tables.counters), here).scalar() or 0)
        self._numbers[key] += 1
        return self._numbers[key]

    def after_commit(self, then: Callable[[], None]) -> None:
        """Run ``then`` once committed: memory caches and wake-ups only, never an effect that must not be lost."""
        self.after.append(then)


@lru_cache(maxsize=20)
def _last(counters: Table) -> Select[int]:
    """Made once: to build a statement takes longer than to run it."""
    here = (counters.c.realm == bindparam("realm"), counters.c.name == bindparam("name"))
    return select(counters.c.value).where(*here)
