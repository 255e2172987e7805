"""流水线 The one writer's work: a batch from queue to commit to acknowledgement, and every other way to move a fuse.

A run of broker messages is one transaction: decode, validate, store, decide, records, alerts, outbox, receipts. PUBACK
goes out after the commit; receipts are published from what is committed (`stations.worker`). What is in memory is
dropped whenever a transaction is rolled back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import prometheus_client
import structlog

from services.warning.alerts import service as alerts
from services.warning.drills import service as drills
from services.warning.fuses import store as fuses_store
from services.warning.fuses.events import (
    BrokerBack,
    Event,
    Finding,
    FindingVerdict,
    NoticeEnded,
    NoticeOpened,
    ReadingsBatch,
    Refused,
    Tick,
)
from services.warning.fuses.service import Deed, Fuses, Record
from services.warning.notices import service as notices
from services.warning.notices import store as notices_store
from services.warning.notices.notice import Notice
from services.warning.readings import service as readings
from services.warning.readings import store as readings_store
from services.warning.readings.decode import Fault, Vocabulary
from services.warning.readings.instant import from_us, to_us
from services.warning.readings.service import Element, Payload
from services.warning.readings.topics import Route, parse_topic
from services.warning.stations import service as stations
from services.warning.stations import store as stations_store
from services.warning.stations.status import parse_status
from services.warning.telling import tell, tell_alert
from shared.db.tx import Tx
from shared.errors import PackUnknown
from shared.frame import Frame
from shared.mqtt.link import Incoming, Lost, Signal
from shared.outbox.inbox import Message
from shared.pack.model import Pack
from shared.realm import parse_time
from shared.vocabulary import Level

log = structlog.get_logger(__name__)

RENEW_EVERY = timedelta(seconds=5)
TIDY_EVERY = timedelta(hours=1)
Ack = Callable[[Sequence[Incoming]], None]


class Pipeline:
    """流水线: a `shared.db.writer.Group`, and the use cases that routes, inbox and ticks call."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.fuses = Fuses(frame.packs.get, notices_store.find)
        self.ack: Ack = lambda _: None  # set once there is a broker
        self._metrics = {
            name: prometheus_client.Counter(f"fengsui_{name}", text, [label], registry=frame.registry)
            for name, text, label in (
                ("readings", "elements of messages by what became of them", "status"),
                ("dead_letters", "what could not be read", "code"),
                ("transitions", "records of fuses", "reason"),
            )
        }
        self._renewed_at: datetime | None = None
        self._tidied_at: datetime | None = None
        frame.writer.on_reset.append(self.fuses.drop)
        frame.inbox.on("holds", self.take_holds)
        frame.inbox.on("finding", self.take_finding)
        frame.every("fuses", self.tick)
        frame.every("alerts", self.renew)

    # -- messages of the broker (Group) ------------------------------------------------------------------

    def apply(self, tx: Tx, items: Sequence[Signal]) -> None:
        """A run of messages and signals in the order in which they came."""
        run: list[Incoming] = []
        for item in items:
            if isinstance(item, Incoming):
                run.append(item)
                continue
            self._messages(tx, run)
            run = []
            if isinstance(item, Lost):
                self._lost(tx)
            else:
                self._back(tx)
        self._messages(tx, run)

    def poison(self, tx: Tx, item: Signal, error: Exception) -> None:
        """A message that alone makes `apply` fail is kept as a dead letter, and shown."""
        log.error("pipeline.poison", error=f"{type(error).__name__}: {error}")
        if isinstance(item, Incoming):
            fault = Fault("internal_error", f"{type(error).__name__}: {error}"[:300])
            self._bury(tx, self._pack(tx).district.default_realm, item, fault)

    def committed(self, items: Sequence[Signal]) -> None:
        """Acknowledge what is committed."""
        self.ack([item for item in items if isinstance(item, Incoming)])

    def _messages(self, tx: Tx, run: Sequence[Incoming]) -> None:
        if not run:
            return
        pack = self._pack(tx)
        by_realm: dict[str, list[Payload]] = defaultdict(list)
        for item in run:
            route = self._route(tx, pack, item.topic)
            if isinstance(route, str):
                self._bury(tx, pack.district.default_realm, item, Fault(route, f"topic {item.topic[:200]}"))
            elif route.tail == "readings":
                by_realm[route.realm].append(Payload(route.station, item.topic, item.payload))
            elif route.tail == "status":
                self._status(tx, pack, route, item)
            else:
                fault = Fault("sl651_not_yet", "SL 651 frames are not read by this version")
                self._bury(tx, route.realm, item, fault, route.station)
        for realm, payloads in by_realm.items():
            self.ingest(tx, realm, payloads)

    def _route(self, tx: Tx, pack: Pack, topic: str) -> Route | str:
        route = parse_topic(topic, tx.district, pack.district.default_realm)
        if isinstance(route, Route) and route.realm not in tx.realms.ticking():
            clock = tx.realms.clocks().get(route.realm)
            return "unknown_realm" if clock is None or clock.is_running else f"drill_{clock.state}"
        return route

    def _status(self, tx: Tx, pack: Pack, route: Route, item: Incoming) -> None:
        if route.station not in pack.stations:
            self._bury(tx, route.realm, item, Fault("unknown_station", "not in the pack"), route.station)
            return
        said = parse_status(item.payload)
        if isinstance(said, str):
            self._bury(tx, route.realm, item, Fault(said, "status is online, offline or a skip"), route.station)
        elif said is not None:
            now = tx.domain_now(route.realm)
            stations.take_status(tx, route.realm, route.station, said, received_at=tx.now, now=now)

    def _bury(self, tx: Tx, realm: str, item: Incoming, fault: Fault, station: str | None = None) -> None:
        letter = readings.letter(realm, item.topic, station, item.payload, fault)
        for fresh in readings_store.bury(tx.conn, [letter], tx.now):
            tx.event(realm, "dead_letter", station or item.topic[:200], readings.letter_event(fresh))
        self._counted(tx, dead_letters=Counter([fault.code]))

    # -- readings ----------------------------------------------------------------------------------------

    def ingest(self, tx: Tx, realm: str, payloads: Sequence[Payload]) -> list[list[Element]]:
        """读数入库并判定 What became of each reading of each message, all in this transaction."""
        pack = self._pack(tx)
        now = tx.domain_now(realm)
        self.fuses.prepare(tx, realm)
        names = {payload.station for payload in payloads if payload.station in pack.stations}
        states = stations_store.load_states(tx.conn, realm, names)
        stored = readings.take(
            tx.conn,
            realm,
            Vocabulary(pack.stations, pack.metrics),
            payloads,
            now=now,
            received_at=tx.now,
            first_id=readings_store.next_id(tx.conn),
            in_test=lambda name: name in states and states[name].in_maintenance(now),
        )
        for letter in stored.fresh_letters:
            tx.event(realm, "dead_letter", letter.station or letter.topic, readings.letter_event(letter))
        records: list[Record] = []
        if stored.fresh:
            decision, records = self.fuses.move(tx, realm, ReadingsBatch(tuple(stored.fresh)))
            readings.settle(tx.conn, stored, decision.readings)
            heard = [
                stations.Heard(
                    one.station_id,
                    one.metric,
                    one.value,
                    from_us(one.observed_us),
                    from_us(one.claimed_us),
                    one.quality.value,
                    one.station_id not in stored.uncounted,
                )
                for one in decision.readings
            ]
            stations_store.save_states(tx.conn, realm, list(stations.hear(states, heard, now).values()))
        self._tell(tx, realm, records or self.fuses.pending(realm))
        counted = [stations.Counted(*one) for one in stored.counted]
        stations.count(tx.conn, realm, counted, tx.now)
        self._counted(
            tx,
            readings=Counter(element.status for elements in stored.elements for element in elements),
            dead_letters=Counter(letter.code for letter in stored.letters),
        )
        return stored.elements

    def ingest_one(self, tx: Tx, realm: str, station: str, topic: str, payload: bytes) -> Sequence[Element]:
        """The same over HTTP."""
        return self.ingest(tx, realm, [Payload(station, topic, payload)])[0]

    # -- broker, clock -----------------------------------------------------------------------------------

    def begin_cut_off(self) -> None:
        """At every start with a broker: blind until its backlog is applied."""
        self.fuses.cut_off = True

    def _lost(self, tx: Tx) -> None:
        self.fuses.cut_off = True
        for realm in self.fuses.realms(tx):
            self._tell(tx, realm, self.fuses.lose_broker(tx, realm))

    def _back(self, tx: Tx) -> None:
        for realm in self.fuses.realms(tx):
            _, records = self.fuses.move(tx, realm, BrokerBack())
            self._tell(tx, realm, records)
        self.fuses.found_broker()

    def tick(self, tx: Tx) -> None:
        """Fire the timers that are due; cheap when none is."""
        if tx.pack is None:
            return
        for realm in self.fuses.realms(tx):
            if self.fuses.is_due(tx, realm):
                _, records = self.fuses.move(tx, realm, Tick())
            else:
                records = self.fuses.pending(realm)
            self._tell(tx, realm, records)

    def renew(self, tx: Tx) -> None:
        """Renew alerts that would expire while they stand; now and then forget what is too old to keep."""
        if tx.pack is None or (self._renewed_at is not None and tx.now - self._renewed_at < RENEW_EVERY):
            return
        self._renewed_at = tx.now
        for realm in tx.realms.ticking():
            for body in alerts.renew(tx, realm, self._pack(tx), tx.domain_now(realm)):
                tell_alert(tx, realm, body)
        if self._tidied_at is None or tx.now - self._tidied_at >= TIDY_EVERY:
            self._tidied_at = tx.now
            readings_store.forget_dead_letters(tx.conn)
            stations.tidy(tx)

    # -- notices and deeds -------------------------------------------------------------------------------

    def enter_notice(self, tx: Tx, realm: str, draft: notices.Draft, by: str) -> tuple[Notice, bool, list[str]]:
        """登记通知 Keep it, and open, change or end its trips."""
        entered = notices.enter(tx, realm, self._pack(tx), draft, by=by, now=tx.domain_now(realm))
        notice = entered.notice
        if not entered.duplicate:
            _, records = self.fuses.move(tx, realm, _event_of(notice, by))
            self._tell(tx, realm, records, _late(draft.happened_at, entered_late=draft.entered_late))
        trips = []
        for area in notice.areas:
            state = fuses_store.state_of(tx.conn, realm, notice.fuse, area)
            if state is not None and state.trip_id is not None:
                trips.append(state.trip_id)
        return notice, entered.duplicate, trips

    def act(self, tx: Tx, realm: str, event: Event, deed: Deed) -> Refused | None:
        """处置 A named person's deed on a fuse: decided, recorded with its reason, told."""
        decision, records = self.fuses.move(tx, realm, event)
        self._tell(tx, realm, records, _late(deed.happened_at, entered_late=deed.entered_late))
        subject = "/".join(str(getattr(event, name)) for name in ("fuse", "scope"))
        refused = decision.refused
        seen = {"reason": deed.reason, "refused": refused.value if refused else None, "finding": deed.finding}
        tx.audit(realm, deed.by, deed.action, subject, reason=deed.reason, body=seen, happened_at=deed.happened_at)
        if isinstance(event, Finding):
            self._keep_finding(tx, realm, event, deed, refused.value if refused else None)
        return refused

    def _keep_finding(
        self, tx: Tx, realm: str, event: Finding, deed: Deed, refused: str | None, trip_id: str | None = None
    ) -> None:
        trip_id = trip_id or fuses_store.newest_trip(tx.conn, realm, event.fuse, event.scope) or ""
        fuses_store.add_finding(
            tx.conn,
            realm,
            {
                "trip_id": trip_id,
                "verdict": event.verdict.value,
                "level": (deed.finding or {}).get("level"),
                "by": {k: v for k, v in (deed.finding or {}).items() if k != "level"},
                "ground": deed.reason,
                "happened_at": deed.happened_at,
                "known_at": tx.domain_now(realm),
                "applied": refused is None,
                "refused": refused,
            },
        )

    # -- messages of dispatch ----------------------------------------------------------------------------

    def take_holds(self, tx: Tx, message: Message) -> None:
        """在管报告 Which measures of a trip are in force."""
        body = message.body
        report = fuses_store.HoldReport(int(body["n"]), tuple(body["holds"]), parse_time(body["at"]))
        known = fuses_store.holds_of(tx.conn, message.realm, str(body["trip_id"]))
        if known is not None and known.n > report.n:
            return
        fuses_store.save_holds(tx.conn, message.realm, str(body["trip_id"]), report, tx.now)
        tx.event(message.realm, "holds", str(body["trip_id"]), {"n": report.n, "held": len(report.holds)})

    def take_finding(self, tx: Tx, message: Message) -> None:
        """核实 A verifier's finding: decides about the level that it was asked about, or stays on record."""
        body, realm = message.body, message.realm
        trip = fuses_store.trip(tx.conn, realm, str(body["trip_id"]))
        by = dict(body["by"])
        happened_at = parse_time(body["happened_at"]) if body.get("happened_at") else None
        verdict = FindingVerdict(body["verdict"])
        ground = str(body.get("ground") or "")
        deed = Deed(
            f"trip.{verdict.value}", str(by.get("person")), ground, happened_at, finding={**by, "level": body["level"]}
        )
        if trip is None:
            raise PackUnknown(f"trip {body['trip_id']} is not known here", code="unknown_trip")
        event = Finding(fuse=trip.fuse, scope=trip.scope, verdict=verdict, by=str(by.get("person") or by.get("post")))
        state = fuses_store.state_of(tx.conn, realm, trip.fuse, trip.scope)
        if trip.closed_at is not None or state is None or state.trip_id != trip.trip_id:
            self._keep_finding(tx, realm, event, deed, "trip_closed", trip.trip_id)
        elif state.level > Level(body["level"]).rank:
            self._keep_finding(tx, realm, event, deed, "other_level", trip.trip_id)
        else:
            self.act(tx, realm, event, deed)

    # -- common ------------------------------------------------------------------------------------------

    def _tell(self, tx: Tx, realm: str, records: Sequence[Record], extra: Mapping[str, Any] | None = None) -> None:
        if any(record.made.fuse.startswith("notice.") for record in records):
            notices.expire(tx, realm, tx.domain_now(realm))
        pack = self._pack(tx)
        tell(tx, self.fuses, realm, pack, records, extra or {})
        drills.heed_records(tx, self.fuses, realm, pack, records, extra or {})
        self._counted(tx, transitions=Counter(record.made.reason.value for record in records))

    def _counted(self, tx: Tx, **counts: Counter[str]) -> None:
        """For the metrics page, once committed."""

        def add() -> None:
            for name, counter in counts.items():
                for label, count in counter.items():
                    self._metrics[name].labels(label).inc(count)

        if any(counts.values()):
            tx.after_commit(add)

    def _pack(self, tx: Tx) -> Pack:
        if tx.pack is None:
            raise PackUnknown("no district pack is active yet", "尚未启用区县包")
        return self._frame.packs.get(tx.pack)


def _event_of(notice: Notice, by: str) -> Event:
    if notice.level is Level.NORMAL:
        return NoticeEnded(notice_id=str(notice.corrects), by=by)
    return NoticeOpened(
        notice_id=notice.notice_id,
        type=notice.type,
        level=notice.level,
        scale=notice.scale,
        areas=notice.areas,
        valid_from_us=to_us(notice.valid_from),
        valid_to_us=to_us(notice.valid_to) if notice.valid_to else None,
        by=by,
        corrects=notice.corrects,
    )


def _late(happened_at: datetime | None, *, entered_late: bool) -> dict[str, Any]:
    """补录: goes with the message, so that it stops clocks and starts none."""
    if not entered_late:
        return {}
    return {"entered_late": True, "happened_at": happened_at.isoformat() if happened_at else None}
