"""Callouts on a real store and a virtual clock: the exchange's people answer by their scripts, to the second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.demo.exchange.personas import Character, Persona, call_script, text_script
from services.dispatch.callouts import store
from services.dispatch.callouts.line import Line
from services.dispatch.callouts.matter import Matter
from services.dispatch.callouts.service import Callouts
from services.dispatch.callouts.worker import Ringing
from services.dispatch.channels import service as channels_service
from services.dispatch.channels import store as channels_store
from services.dispatch.channels.carrier import Channel, Receipt
from services.dispatch.channels.factory import CarrierSpec
from services.dispatch.channels.store import Stored
from services.dispatch.schema import metadata, tables
from shared.clock import ManualClock
from shared.db.engine import Store
from shared.db.tx import Tx
from shared.db.writer import Writer
from shared.pack.model import Pack
from shared.vocabulary import Level, Verification
from tests.conftest import fresh_schema
from tests.support.packs import TOWNSHIP, tiny_pack

T0 = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)  # 11:05 in the district
REALM = "x-live"
SIMULATOR = CarrierSpec(name="simulator", url="http://127.0.0.1:9", secret="of the tests")
SILENT = Character(persona=Persona.SILENT)


@dataclass
class Planned:
    """A receipt that a phone will give."""

    at: datetime
    realm: str
    attempt_id: str
    receipt: Receipt


class World:
    """One district's callouts; ``people`` by number, everybody else answers at once."""

    def __init__(self, dsn: str, pack: Pack, people: dict[str, Character] | None = None) -> None:
        self.clock = ManualClock(T0)
        self.pack = pack
        self.people = dict(people or {})
        self.store = Store(dsn, metadata, schema=fresh_schema())
        self.store.ensure_schema()
        with self.store.write() as conn:
            metadata.create_all(conn)
        self.writer = Writer(self.store, tables, self.clock, district=pack.district.code, boot="b")
        self.writer.pack = pack.version
        self.writer.start()
        assert self.writer.wait_owner(10)
        self.carriers: tuple[CarrierSpec, ...] = (SIMULATOR,)
        self.callouts = Callouts(lambda version: self.pack, self.carriers)
        self.ringing = Ringing(self.callouts)
        self.planned: list[Planned] = []
        self.carrier_works = True
        self._asked: set[tuple[str, str]] = set()
        self._calls: dict[str, int] = {}

    # -- doing -------------------------------------------------------------------------------------------

    def now(self, realm: str = REALM) -> datetime:
        return self.clock.now()

    def do(self, function: Any) -> Any:
        return self.writer.call(function)

    def open(self, matter: Matter, incident: str = "I-0001", realm: str = REALM) -> str:
        return str(self.do(lambda tx: self.callouts.open_case(tx, realm, incident, matter, tx.domain_now(realm))))

    def join(self, case_id: str, matter: Matter, realm: str = REALM) -> bool:
        return bool(self.do(lambda tx: self.callouts.join_matter(tx, realm, case_id, matter, tx.domain_now(realm))))

    def run(self, minutes: float, realm: str = REALM, every_s: float = 1.0) -> None:
        """Let domain time pass: ticks, rings, phones, receipts."""
        until = self.clock.now() + timedelta(minutes=minutes)
        while True:
            self._pulse(realm)
            at = self._next_instant(realm, every_s)
            if at > until:
                self.clock.set(until)
                return
            self.clock.set(at)

    def _pulse(self, realm: str) -> None:
        self.do(lambda tx: self.ringing.tick_realm(tx, realm, tx.domain_now(realm)))
        self._ask_carrier()
        for planned in sorted((p for p in self.planned if p.at <= self.clock.now()), key=lambda p: p.at):
            self.planned.remove(planned)
            self.do(
                lambda tx, p=planned: self.ringing.receipt(tx, p.realm, p.attempt_id, p.receipt, tx.domain_now(p.realm))
            )

    def _next_instant(self, realm: str, every_s: float) -> datetime:
        """The next thing to happen, at the earliest ``every_s`` from now (the worker's own pace)."""
        now = self.clock.now()
        soonest = now + timedelta(seconds=every_s)
        with self.store.read() as conn:
            dues = [
                *conn.execute(store.lines.select().with_only_columns(store.lines.c.due_at)).scalars(),
                *conn.execute(store.rings.select().with_only_columns(store.rings.c.next_at)).scalars(),
            ]
            waiting = channels_store.queued(conn, 1)
        dues += [p.at for p in self.planned]
        dues.append(now + timedelta(seconds=60))
        upcoming = min(due for due in dues if due is not None)
        return soonest if waiting else max(soonest, upcoming)

    def _ask_carrier(self) -> None:
        """As `channels.worker.Sender` does: ask for what is committed, by its own id, once."""
        with self.store.read() as conn:
            waiting = channels_store.queued(conn, 1000)
        for stored in waiting:
            if not self.carrier_works:
                self.do(lambda tx, s=stored: self._fail(tx, s))
                continue
            key = (stored.realm, stored.attempt.attempt_id)
            self.do(lambda tx, k=key: channels_service.mark_taken(tx, *k, "call"))
            if key not in self._asked:
                self._asked.add(key)
                self._plan(stored)

    def _fail(self, tx: Tx, stored: Stored) -> None:
        failed = channels_service.mark_failed(
            tx, stored.realm, stored.attempt.attempt_id, "503", tx.domain_now(stored.realm)
        )
        if failed is not None:
            self.ringing.attempt_ended(tx, failed, tx.domain_now(stored.realm))

    def _plan(self, stored: Stored) -> None:
        attempt = stored.attempt
        who = self.people.get(attempt.address, Character())
        if attempt.channel is Channel.SMS:
            script = text_script(who)
        else:
            nth = self._calls[attempt.address] = self._calls.get(attempt.address, 0) + 1
            script = call_script(who, nth, attempt.text, 1, attempt.address)
        at = self.clock.now()
        for seq, each in enumerate(script, 1):
            at += timedelta(seconds=each.after_s)
            receipt = Receipt(
                seq=seq, state=each.state, result=each.result, heard_s=each.heard_s, keys=each.keys, cause=each.cause
            )
            self.planned.append(Planned(at=at, realm=stored.realm, attempt_id=attempt.attempt_id, receipt=receipt))

    # -- seeing ------------------------------------------------------------------------------------------

    def line(self, case_id: str, post: str, realm: str = REALM) -> Line:
        with self.store.read() as conn:
            found = store.line(conn, realm, case_id, post)
        assert found is not None, f"{post} has no line"
        return found

    def lines(self, case_id: str, damaged: store.Damaged | None = None, realm: str = REALM) -> dict[str, Line]:
        with self.store.read() as conn:
            return {line.post: line for line in store.lines_of(conn, realm, case_id, damaged)}

    def attempts(self, person: str | None = None, channel: Channel | None = Channel.VOICE) -> list[Stored]:
        with self.store.read() as conn:
            persons = [person] if person else [row.person for row in self.pack.roster.values()]
            found = channels_store.of_persons(conn, REALM, persons)
        return [s for s in found if channel in (None, s.attempt.channel)]

    def minutes(self, person: str, channel: Channel = Channel.VOICE) -> list[float]:
        """When a person was called or texted, in minutes from the start."""
        return [round((s.queued_at - T0).total_seconds() / 60, 2) for s in self.attempts(person, channel)]

    def events(self, prefix: str) -> list[Any]:
        with self.store.read() as conn:
            rows = conn.execute(tables.events.select().order_by(tables.events.c.no)).all()
        return [row for row in rows if row.kind.startswith(prefix)]

    def close(self) -> None:
        self.writer.stop()
        self.store.close()


@contextmanager
def world(dsn: str, folder: Path, people: dict[str, Character] | None = None, **files: Any) -> Iterator[World]:
    """A world on the scaffold's pack: HQ-chief 001, HQ-deputy 002, HQ-duty 003, T-head 004, T-deputy 005, V-head 006,
    V-warden 007 (numbers 0000000000n)."""
    made = World(dsn, tiny_pack(folder, **files), people)
    try:
        yield made
    finally:
        made.close()


def number(n: int) -> str:
    return f"0000000000{n}"


def person(n: int) -> str:
    return f"演示人员00{n}"


def red(version: int = 1, level: Level = Level.RED, **changes: Any) -> Matter:
    values: dict[str, Any] = {
        "matter_id": f"rainstorm/{TOWNSHIP}/1",
        "version": version,
        "hazard": "11B03",
        "scope": TOWNSHIP,
        "level": level,
        "confirmed_level": level,
        "verification": Verification.CONFIRMED,
        "region": TOWNSHIP,
        **changes,
    }
    return Matter(**values)
