"""收件箱 The receiving end: applied in order, each message in its own transaction with the number that it moves.

A message that is refused for good parks its aggregate: it and what follows for that aggregate are kept, shown and
alarmed, and stop no other. An unexpected failure is tried `TRIES_MAX` times before it parks; a store that is down
parks nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import insert, select, update

from shared.db.tx import Tx
from shared.errors import FengsuiError, PackUnknown, Unavailable

log = structlog.get_logger(__name__)
TRIES_MAX = 5


@dataclass(frozen=True)
class Message:
    """消息: one numbered message as it arrived."""

    sender: str
    realm: str
    no: int
    kind: str
    aggregate: str
    body: Any
    pack: str | None = None


Handler = Callable[[Tx, Message], None]


class Inbox:
    """收件箱: handlers by kind. ``receive`` runs in the writer's transaction and returns the number applied."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._failures: Counter[tuple[str, str, int]] = Counter()

    def on(self, kind: str, handler: Handler) -> None:
        """Register the one handler of a kind."""
        if kind in self._handlers:
            raise ValueError(f"kind '{kind}' has a handler already")
        self._handlers[kind] = handler

    def receive(self, tx: Tx, message: Message) -> int:
        """Apply ``message`` if it is the next one; otherwise only say how far we are."""
        applied = self.applied(tx, message.sender, message.realm)
        if message.no != applied + 1:
            return applied
        if self._is_parked(tx, message):
            self._park(tx, message, "aggregate_parked", "an earlier message of this aggregate is parked")
        else:
            self._apply_or_park(tx, message)
        self._advance(tx, message)
        self._failures.pop((message.sender, message.realm, message.no), None)
        return message.no

    def applied(self, tx: Tx, sender: str, realm: str) -> int:
        table = tx.tables.inbox
        found = tx.conn.execute(
            select(table.c.applied).where(table.c.sender == sender, table.c.realm == realm)
        ).scalar()
        return int(found or 0)

    def _apply_or_park(self, tx: Tx, message: Message) -> None:
        handler = self._handlers.get(message.kind)
        if handler is None:
            self._park(tx, message, "unknown_kind", f"this service knows no message of kind '{message.kind}'")
            return
        try:
            with tx.savepoint():
                handler(tx, message)
        except (Unavailable, PackUnknown):
            raise
        except FengsuiError as error:
            self._park(tx, message, error.code, error.en)
        except Exception as error:
            key = (message.sender, message.realm, message.no)
            self._failures[key] += 1
            log.exception("inbox.handler_failed", kind=message.kind, no=message.no, tries=self._failures[key])
            if self._failures[key] < TRIES_MAX:
                raise Unavailable("an error of ours; try again", "处理出错，请重试", code="internal_error") from error
            self._park(tx, message, "internal_error", f"{type(error).__name__}: {error}")

    def _is_parked(self, tx: Tx, message: Message) -> bool:
        table = tx.tables.inbox_parked
        found = tx.conn.execute(
            select(table.c.no)
            .where(
                table.c.sender == message.sender,
                table.c.realm == message.realm,
                table.c.aggregate == message.aggregate,
            )
            .limit(1)
        ).first()
        return found is not None

    def _park(self, tx: Tx, message: Message, code: str, why: str) -> None:
        tx.conn.execute(
            insert(tx.tables.inbox_parked).values(
                sender=message.sender,
                realm=message.realm,
                no=message.no,
                kind=message.kind,
                aggregate=message.aggregate,
                body=message.body,
                code=code,
                message=why[:2000],
                at=tx.now,
            )
        )
        seen = {"sender": message.sender, "no": message.no, "kind": message.kind, "code": code, "message": why[:500]}
        tx.event(message.realm, "alarm.message_parked", message.aggregate, seen)
        tx.audit(message.realm, f"service:{message.sender}", "inbox.park", message.aggregate, reason=code, body=seen)
        log.error("inbox.parked", **seen)

    def _advance(self, tx: Tx, message: Message) -> None:
        table = tx.tables.inbox
        moved = tx.conn.execute(
            update(table)
            .where(table.c.sender == message.sender, table.c.realm == message.realm)
            .values(applied=message.no, changed_at=tx.now)
        )
        if moved.rowcount == 0:
            tx.conn.execute(
                insert(table).values(sender=message.sender, realm=message.realm, applied=message.no, changed_at=tx.now)
            )
