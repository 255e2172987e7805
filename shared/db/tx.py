"""事务 What a use case may do inside the one write transaction: read, write, emit, audit, tell, number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.tables import PlatformTables
from shared.errors import Unavailable
from shared.realm import ACTUAL, LIVE, RealmClock


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
        return not clock.is_wall and clock.boot != self.boot

    def ticking(self) -> tuple[str, ...]:
        """Realms whose clock runs, for workers."""
        known = [r for r, c in self._clocks.items() if c.is_wall or c.boot == self.boot]
        return tuple(sorted({*known, LIVE, ACTUAL}))


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
    ) -> None:
        self.conn = conn
        self.now = now
        self.fence = fence
        self.tables = tables
        self.realms = realms
        self.district = district
        self.pack = pack
        self.after: list[Callable[[], None]] = []

    def domain_now(self, realm: str) -> datetime:
        """Domain time of the realm at this transaction."""
        return self.realms.domain_now(realm, self.now)

    def emit(self, receiver: str, realm: str, kind: str, aggregate: str, body: Any, *, pack: str | None = None) -> int:
        """Put a message into the numbered outbox (design §2.3); returns its number."""
        no = self.next_no(realm, f"outbox:{receiver}")
        self.conn.execute(
            insert(self.tables.outbox).values(
                receiver=receiver,
                realm=realm,
                no=no,
                kind=kind,
                aggregate=aggregate,
                pack=pack or self.pack,
                body=body,
                created_at=self.now,
            )
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
        self.conn.execute(
            insert(self.tables.audit).values(
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
        )

    def event(self, realm: str, kind: str, subject: str, body: Any, *, public: bool = False) -> None:
        """Tell followers of ``/v1/events``; ``public`` ones need no token."""
        self.conn.execute(
            insert(self.tables.events).values(
                realm=realm, kind=kind, subject=subject, body=body, public=public, at=self.now
            )
        )

    def next_no(self, realm: str, name: str) -> int:
        """The next number, from 1 without gaps, of ``name`` in the realm."""
        table = self.tables.counters
        dialect = sqlite if self.conn.dialect.name == "sqlite" else postgresql
        statement = (
            dialect.insert(table)
            .values(realm=realm, name=name, value=1)
            .on_conflict_do_update(index_elements=["realm", "name"], set_={"value": table.c.value + 1})
            .returning(table.c.value)
        )
        return int(self.conn.execute(statement).scalar_one())

    def after_commit(self, then: Callable[[], None]) -> None:
        """Run ``then`` once committed: memory caches and wake-ups only, never an effect that must not be lost."""
        self.after.append(then)
