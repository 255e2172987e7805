"""唯一写者 The one writer of a store: one thread applies everything in group commits (design §2.2).

Commands wait for their commit and get their decision; each has a savepoint, so that one that is refused leaves the
others untouched. Messages of a `Group` (readings) are handed to it together, in order; they are acknowledged
after the commit. While storage fails, groups are tried again with back-off and the bounded queue pushes back.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from shared.clock import Clock
from shared.db.engine import OwnerLock, Store
from shared.db.tables import PlatformTables
from shared.db.tx import Lost, RealmBook, Tx
from shared.db.types import BigId
from shared.errors import FengsuiError, TooMany, Unavailable
from shared.realm import RealmClock, RealmState, interruption_in

log = structlog.get_logger(__name__)
T = TypeVar("T")

QUEUE_MAX = 20_000
BATCH_MAX = 2_000
LINGER_S = 0.01
CALL_TIMEOUT_S = 15.0
BEHIND_S = 2.0  # who waits longer than this in the queue finds us behind
STANDBY_EVERY_S = 0.5
BACKOFF_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)


class Group(Protocol):
    """成组消息 How a run of queued messages is applied, acknowledged, or set aside."""

    def apply(self, tx: Tx, items: Sequence[Any]) -> None:
        """Apply all items in this transaction."""

    def poison(self, tx: Tx, item: Any, error: Exception) -> None:
        """Record an item that alone makes `apply` fail, so that it is not lost and stops nobody."""

    def committed(self, items: Sequence[Any]) -> None:
        """The items are committed: acknowledge them."""


@dataclass
class _Call:
    function: Callable[[Tx], Any]
    future: Future[Any]
    queued_at: float  # monotonic


@dataclass
class _Item:
    group: Group
    item: Any


_STOP = object()


class Writer:
    """唯一写者: start it with the service, stop it last. ``on_reset`` callbacks run after a rolled-back batch."""

    def __init__(
        self,
        store: Store,
        tables: PlatformTables,
        clock: Clock,
        *,
        district: str,
        boot: str | None = None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self.store = store
        self.tables = tables
        self.clock = clock
        self.district = district
        self.realms = RealmBook(boot)
        self.pack: str | None = None
        self.on_owner: list[Callable[[Tx], None]] = []
        self.on_reset: list[Callable[[], None]] = []
        self.on_commit: list[Callable[[], None]] = []
        self.on_rows: list[tuple[Table, Callable[[], None]]] = []  # after a commit with new rows of this table
        self.fence = 0
        self.failing: str | None = None
        self.behind_at: datetime | None = None  # wall: when an entry was last found waiting long
        owner, ours = tables.owner, bindparam("ours", type_=BigId)
        self._still_ours = update(owner).where(owner.c.id == 1, owner.c.fence == ours).values(fence=ours)
        self._lock = OwnerLock(store)
        self._queue: queue.Queue[Any] = queue.Queue(queue_max)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._owner = threading.Event()
        self._stopping = threading.Event()

    # -- for the edge ------------------------------------------------------------------------------------

    @property
    def is_owner(self) -> bool:
        return self._owner.is_set()

    @property
    def depth(self) -> int:
        return self._queue.qsize()

    def start(self) -> None:
        self._thread.start()

    def wait_owner(self, timeout_s: float) -> bool:
        return self._owner.wait(timeout_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Apply what is queued, then stop."""
        self._stopping.set()
        if self._thread.is_alive():
            try:
                self._queue.put(_STOP, timeout=timeout_s)
            except queue.Full:
                log.warning("writer.stop_queue_full", depth=self.depth)
            self._thread.join(timeout_s)
        self._lock.release()

    def submit(self, function: Callable[[Tx], T]) -> Future[T]:
        """Queue a command; its future resolves after the commit. Full queue: 429, nothing taken."""
        return self.submit_together([function])[0]

    def submit_together(self, functions: Iterable[Callable[[Tx], T]]) -> list[Future[T]]:
        """Queue commands for one transaction, each in a savepoint of its own: one that is refused stops no other."""
        if self._stopping.is_set():
            raise Unavailable("the service is stopping", "服务正在停止")
        if not self.is_owner:
            raise Unavailable(
                "this process is not the owner of the store; it stands by",
                "本进程为备用，暂不受理写入",
                code="not_owner",
            )
        calls = [_Call(function, Future(), self.clock.monotonic()) for function in functions]
        try:
            if calls:
                self._queue.put_nowait(calls)
        except queue.Full:
            raise TooMany("the writer's queue is full; try again", "写入队列已满，请稍后再试") from None
        return [call.future for call in calls]

    def call(self, function: Callable[[Tx], T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        """Apply a command and wait for its commit. A time-out does not undo it: retry with the same key."""
        return self.answer(self.submit(function), timeout_s)

    @staticmethod
    def answer(future: Future[T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        """What a submitted command answered, once it is committed."""
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise Unavailable(
                "the store did not answer in time; retry with the same Idempotency-Key",
                "存储未及时应答，请用同一 Idempotency-Key 重试",
            ) from None

    def put(self, group: Group, item: Any, timeout_s: float | None = None) -> bool:
        """Queue a message of a group; blocks while the queue is full (back-pressure). False on time-out or stop."""
        while not self._stopping.is_set():
            try:
                self._queue.put([_Item(group, item)], timeout=timeout_s or 0.5)
            except queue.Full:
                if timeout_s is not None:
                    return False
            else:
                return True
        return False

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        if not self._become_owner():
            return
        while True:
            batch, stop = self._take()
            if batch:
                self._apply_until_done(batch)
            if stop:
                return

    def _become_owner(self) -> bool:
        while not self._stopping.is_set():
            try:
                if self._lock.try_acquire():
                    self._begin_ownership()
                    self.failing = None
                    self._owner.set()
                    log.info("writer.owner", fence=self.fence)
                    return True
                self.failing = "another process owns the store"
            except Exception as error:
                self.failing = f"{type(error).__name__}: {error}"
                log.exception("writer.cannot_own")
                self._lock.release()
            self._stopping.wait(STANDBY_EVERY_S)
        return False

    def _begin_ownership(self) -> None:
        owner, realms, packs = self.tables.owner, self.tables.realms, self.tables.packs
        now = self.clock.now()
        with self.store.write() as conn:
            row = conn.execute(select(owner.c.fence).where(owner.c.id == 1)).scalar()
            self.fence = (row or 0) + 1
            values = {"fence": self.fence, "holder": self.realms.boot or "serve", "since": now}
            if row is None:
                conn.execute(insert(owner).values(id=1, **values))
            else:
                conn.execute(update(owner).where(owner.c.id == 1).values(**values))
            self.realms.replace(
                {
                    r.realm: RealmClock(
                        r.realm, r.speed, r.v0, r.w0, r.boot, RealmState(r.state), interruption_in(r.interruption)
                    )
                    for r in conn.execute(select(realms))
                }
            )
            self.pack = conn.execute(select(packs.c.version).where(packs.c.active)).scalar() or self.pack
            tx = self._tx(conn)
            for hook in self.on_owner:
                hook(tx)
            tx.flush()
        for then in tx.after:
            then()

    def _take(self) -> tuple[list[Any], bool]:
        first = self._queue.get()
        if first is _STOP:
            return [], True
        batch = list(first)
        deadline = self.clock.monotonic() + LINGER_S
        while len(batch) < BATCH_MAX:
            wait = deadline - self.clock.monotonic() if isinstance(batch[-1], _Item) else 0.0
            try:
                entry = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is _STOP:
                return batch, True
            batch.extend(entry)
        return batch, False

    def _apply_until_done(self, batch: list[Any]) -> None:
        """Commands fail at once when storage fails; group items stay and are tried again."""
        attempt = 0
        while batch:
            try:
                self._apply(batch)
                self.failing = None
                return
            except Exception as error:
                self.failing = f"{type(error).__name__}: {error}"
                log.exception("writer.batch_failed", entries=len(batch))
                for reset in self.on_reset:
                    reset()
                failed = Unavailable("the store could not commit; nothing was kept, try again", "存储未能提交，请重试")
                for entry in batch:
                    if isinstance(entry, _Call) and not entry.future.done():
                        entry.future.set_exception(failed)
                batch = [entry for entry in batch if isinstance(entry, _Item)]
                if self._stopping.wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]):
                    return  # not acknowledged, so the broker delivers them again
                attempt += 1

    def _apply(self, batch: list[Any]) -> None:
        self._note_wait(batch[0])
        answers: list[tuple[Future[Any], Any, Exception | None]] = []
        done: list[tuple[Group, list[Any]]] = []
        with self.store.write() as conn:
            self._check_fence(conn)
            tx = self._tx(conn)
            at = 0
            while at < len(batch):
                entry = batch[at]
                if isinstance(entry, _Call):
                    answers.append((entry.future, *self._call(tx, entry)))
                    at += 1
                    continue
                upto = at
                while upto < len(batch) and isinstance(batch[upto], _Item) and batch[upto].group is entry.group:
                    upto += 1
                items = [e.item for e in batch[at:upto]]
                self._apply_group(tx, entry.group, items)
                done.append((entry.group, items))
                at = upto
        for then in tx.after:
            then()
        for group, items in done:
            group.committed(items)
        for future, result, error in answers:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        for wake in (*self.on_commit, *(wake for table, wake in self.on_rows if table in tx.kept)):
            wake()

    def _note_wait(self, first: Any) -> None:
        """The oldest entry of a batch tells how far behind we are."""
        if isinstance(first, _Call) and self.clock.monotonic() - first.queued_at > BEHIND_S:
            self.behind_at = self.clock.now()

    def _call(self, tx: Tx, entry: _Call) -> tuple[Any, Exception | None]:
        try:
            with tx.savepoint():
                return entry.function(tx), None
        except Lost:
            raise
        except DBAPIError as error:
            if error.connection_invalidated or not _is_data_error(error):
                raise
            self._reset_after_refusal()
            return None, error
        except Exception as error:  # noqa: BLE001 - handed to the caller through its future
            if not isinstance(error, FengsuiError):
                self._reset_after_refusal()
            return None, error

    def _reset_after_refusal(self) -> None:
        for reset in self.on_reset:
            reset()

    def _apply_group(self, tx: Tx, group: Group, items: list[Any]) -> None:
        """All together; where that fails, one by one, and the culprit alone is set aside."""
        try:
            with tx.savepoint():
                group.apply(tx, items)
                return
        except Lost:
            raise
        except DBAPIError as error:
            if not _is_data_error(error):
                raise
        except Exception:
            log.exception("writer.group_failed", items=len(items))
        for item in items:
            self._reset_after_refusal()
            try:
                with tx.savepoint():
                    group.apply(tx, [item])
            except Lost:
                raise
            except DBAPIError as error:
                if not _is_data_error(error):
                    raise
                self._set_aside(tx, group, item, error)
            except Exception as error:  # noqa: BLE001 - recorded by poison
                self._reset_after_refusal()
                self._set_aside(tx, group, item, error)

    @staticmethod
    def _set_aside(tx: Tx, group: Group, item: Any, error: Exception) -> None:
        with tx.savepoint():
            group.poison(tx, item, error)

    def _check_fence(self, conn: Any) -> None:
        if conn.execute(self._still_ours, {"ours": self.fence}).rowcount != 1:
            self._owner.clear()
            raise Unavailable("another process took over the store", "存储已由其他进程接管", code="not_owner")

    def _tx(self, conn: Any) -> Tx:
        return Tx(
            conn,
            now=self.clock.now(),
            fence=self.fence,
            tables=self.tables,
            realms=self.realms,
            district=self.district,
            pack=self.pack,
            behind_at=self.behind_at,
        )


def _is_data_error(error: DBAPIError) -> bool:
    """A statement that the data make wrong (constraint, type), not a store that is down or full."""
    return type(error).__name__ in {"IntegrityError", "DataError", "ProgrammingError", "InterfaceError"}
