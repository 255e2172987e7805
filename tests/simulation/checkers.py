"""检验 What must hold, whatever went wrong: safety after every step, liveness once faults have stopped.

Apart from the workload, and as far as can be from the code that it judges: it reads committed rows, the stations' own
books and the exchange's own book, and counts for itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Table, func, select

from services.dispatch.callouts import store as callouts
from services.dispatch.callouts.case_log import log
from services.dispatch.callouts.clocks import Clocks, read_clocks
from services.dispatch.callouts.line import Line, LineStatus, PartyKind, PartyState
from services.dispatch.callouts.matter import Grade
from services.dispatch.callouts.ring import Ring
from services.dispatch.channels import store as channels
from services.dispatch.incidents import store as incidents
from services.dispatch.orders import store as orders
from services.dispatch.orders.model import HELD, TERMINAL, Order, OrderState, Via
from services.resources.evacuation import store as evacuation
from services.resources.stock import store as stock
from services.warning.alerts import store as alerts
from services.warning.fuses import memory
from services.warning.fuses import store as fuses
from services.warning.fuses.series import Series
from services.warning.fuses.world import World as FuseWorld
from services.warning.readings import store as readings
from services.warning.readings.instant import to_us
from shared.realm import ACTUAL
from shared.vocabulary import Level, Measure
from tests.simulation.stopped import StoppedDrill
from tests.simulation.workload import Night
from tests.support.house.world import METADATA, Node, Violation

DEEP_EVERY = 5
RECENT = timedelta(hours=3)
CALLED = {  # whom the sample pack's callouts.yaml calls at once, read by eye
    "orange": (("head", "patrol"), ("qj-hq-duty", "qj-hq-office")),
    "red": (("head", "patrol"), ("qj-hq-chief", "qj-hq-deputy-1", "qj-hq-duty")),
}
ENOUGH = {
    level: {Grade.ACTING} if level in (Level.ORANGE, Level.RED) else {Grade.ACTING, Grade.UNDERSTOOD} for level in Level
}  # contract §6; the pack's yellow and blue stop at understood


@dataclass
class Seen:
    """已见: what earlier steps showed, so that each row is judged once."""

    upto: Counter[str] = field(default_factory=Counter)
    chains: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    told: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, tuple[int, OrderState]] = field(default_factory=dict)
    overdue: dict[str, dict[Any, datetime]] = field(default_factory=dict)
    climbing: dict[tuple[str, str], tuple[datetime, set[Level]]] = field(default_factory=dict)


def demand(kept: Any, text: str) -> None:
    if not kept:
        raise Violation(text)


def _recent(series: Series | None, now: datetime) -> list[tuple[Any, ...]]:
    """The readings of the last hours: older ones may be forgotten at different times."""
    since = to_us(now - RECENT)
    entries = series.entries if series else []
    return [(e.at_us, e.claimed_us, e.number, e.quality, e.doubt, e.ref, e.seen) for e in entries if e.at_us > since]


class Checkers:
    """检验"""

    def __init__(self, night: Night) -> None:
        self.night, self.world, self.realm = night, night.world, night.world.realm
        self.seen = Seen()
        pack = self.world.pack
        clocks, problems = read_clocks(pack.documents["callouts.yaml"], pack)
        demand(clocks, f"callouts.yaml: {problems}")
        assert clocks is not None
        self.clocks: Clocks = clocks
        self.live: FuseWorld | None = None
        self._steps = 0
        self._checked: dict[str, int] = {}
        self.stopped = StoppedDrill(self.world, night.exchange)

    def after_step(self) -> None:
        self._steps += 1
        demand(not self.world.errors, f"a service logged an error: {self.world.errors[:1]}")
        demand(not self.night.exchange.overlaps, f"two live calls to one number: {self.night.exchange.overlaps}")
        deep = self._steps % DEEP_EVERY == 0
        if self.world.warning.up:
            with self.world.warning.read() as conn:
                self.receipted_is_stored(conn, all_of_them=False)
                self.records(conn)
                self.numbers(self.world.warning, conn)
                if deep:
                    self.one_alert(conn)
        if self.world.dispatch.up:
            with self.world.dispatch.read() as conn:
                self.told_in_order(conn)
                self.numbers(self.world.dispatch, conn)
                self.orders_bind(conn)
                self.nothing_lies(conn)
                self.stopped.nothing_rings(conn)
                if deep:
                    self.lines_climb(conn)
        if self.world.resources.up and deep:
            with self.world.resources.read() as conn:
                self.numbers(self.world.resources, conn)

    def at_end(self) -> None:
        """Faults have stopped and everything has come to rest."""
        fuses_now = self.world.pipeline.fuses
        self.live = self.world.warning.call(lambda tx: fuses_now.prepare(tx, self.realm)).world
        for node in self.world.nodes.values():
            with node.read() as conn:
                self.nothing_of_actual(node, conn)
                self.nothing_parked(node, conn)
        with self.world.warning.read() as warning, self.world.dispatch.read() as dispatch:
            self.receipted_is_stored(warning, all_of_them=True)
            self.one_alert(warning)
            self.same_as_rebuilt(warning)
            self.all_told()
            self.stopped.goes_on()
            self.calls_made(dispatch)
            self.lines_climb(dispatch)
            self.answered_enough(dispatch)
            self.holds_agree(warning, dispatch)
            with self.world.resources.read() as resources:
                self.evacuations_known(dispatch, resources)
                self.stock_sums_to_zero(resources)

    # -- readings ----------------------------------------------------------------------------------------

    def receipted_is_stored(self, conn: Connection, *, all_of_them: bool) -> None:
        """What a station deleted because of a receipt is a reading, or a dead letter, exactly once."""
        for gauge in self.night.gauges:
            name = gauge.station.station_id
            start = 0 if all_of_them else self._checked.get(name, 0)
            for key in gauge.settled[start:]:
                body = gauge.written[key]
                found = self._stored(conn, name, body)
                demand(found == 1, f"{name} {key} was receipted and is stored {found} times: {body}")
            self._checked[name] = len(gauge.settled)

    def _stored(self, conn: Connection, name: str, body: dict[str, Any]) -> int:
        table, dead = readings.readings, readings.dead_letters
        if isinstance(body["value"], float):
            here = (
                table.c.realm == self.realm,
                table.c.station == name,
                table.c.metric == body["metric"],
                table.c.observed_at == datetime.fromisoformat(body["observed_at"]),
                table.c.value == body["value"],
            )
            count = int(conn.execute(select(func.count()).where(*here)).scalar_one())
            if count:
                return count
        buried = (dead.c.realm == self.realm, dead.c.station == name)
        query = select(dead.c.code).where(*buried, dead.c.boot == body["boot"], dead.c.seq == body["seq"])
        return len(set(conn.execute(query).scalars()))

    # -- fuses and alerts --------------------------------------------------------------------------------

    def records(self, conn: Connection) -> None:
        """Records of one fuse are numbered without a gap, each goes on from the one before; each is told once."""
        table = fuses.transitions
        for row in conn.execute(
            select(table)
            .where(table.c.realm == self.realm, table.c.no > self.seen.upto["records"])
            .order_by(table.c.no)
        ):
            self.seen.upto["records"] += 1
            demand(row.no == self.seen.upto["records"], f"record {row.id} has no {row.no}")
            chain, body = self.seen.chains[(row.fuse, row.scope)], row.body
            demand(row.n == len(chain) + 1, f"{row.id}: expected n {len(chain) + 1}")
            before = chain[-1]["to"] if chain else "normal"
            demand(body["from"] == before, f"{row.id}: from {body['from']}, but it stood at {before}")
            chain.append(body)
            demand(row.known_at <= self.world.domain + timedelta(seconds=1), f"{row.id} is known in the future")
        out = self.world.warning.frame.tables.outbox
        for row in self._outbox(conn, out, "dispatch"):
            if row.kind == "transition":
                self.seen.sent[row.aggregate].append(row.body["transition"]["n"])
        for (fuse, scope), chain in self.seen.chains.items():
            for trip_id in {body["trip_id"] for body in chain} - {None}:
                made = [body["n"] for body in chain if body["trip_id"] == trip_id]
                sent = self.seen.sent.get(trip_id, [])
                demand(sent == made, f"{fuse}/{scope} {trip_id}: records {made}, told {sent}")

    def _outbox(self, conn: Connection, out: Table, receiver: str) -> Iterable[Any]:
        query = select(out).where(out.c.receiver == receiver, out.c.no > self.seen.upto[receiver])
        rows = conn.execute(query.where(out.c.realm == self.realm).order_by(out.c.no)).all()
        for row in rows:
            self.seen.upto[receiver] += 1
            demand(row.no == self.seen.upto[receiver], f"outbox to {receiver}: {row.no} after a gap")
        return rows

    def one_alert(self, conn: Connection) -> None:
        """Each trip is in exactly one alert, which speaks of it; one open alert a hazard and area."""
        rows = conn.execute(select(alerts.alerts).where(alerts.alerts.c.realm == self.realm)).all()
        bodies = {row.alert_id: row for row in rows}
        opened = Counter(
            (row.hazard, row.region) for row in rows if row.state not in ("cancelled", "ended", "rejected")
        )
        demand(all(n == 1 for n in opened.values()), f"more than one open alert: {opened}")
        for trip in conn.execute(select(fuses.trips).where(fuses.trips.c.realm == self.realm)):
            found = bodies.get(trip.alert_id)
            demand(found is not None, f"trip {trip.trip_id} has no alert")
            assert found is not None
            joined = [a for a, row in bodies.items() if trip.trip_id in row.body["trip_ids"]]
            demand(joined == [trip.alert_id], f"trip {trip.trip_id} is in alerts {joined}")
            if trip.closed_at is None:
                demand(found.state not in ("ended", "cancelled"), f"{trip.trip_id} is open, its alert {found.state}")

    def same_as_rebuilt(self, conn: Connection) -> None:
        """What the writer has in memory is what a new process would make of the store."""
        books, live = self.world.pipeline.fuses.books, self.live
        demand(live is not None, "the writer's world was not taken")
        assert live is not None
        made = memory.load(conn, self.realm, books, self.world.pack.version, self.world.domain).world
        for key in live.states.keys() | made.states.keys():
            here, there = live.states.get(key), made.states.get(key)
            demand(here == there, f"{key}: in memory {here}, rebuilt {there}")
        for name, mark in made.marks.items():
            demand(live.marks.get(name) == mark, f"{name}: clock mark {live.marks.get(name)}, rebuilt {mark}")
        for reading, series in made.series.items():
            kept = _recent(live.series.get(reading), self.world.domain)
            demand(kept == _recent(series, self.world.domain), f"{reading} has other readings when rebuilt")

    # -- numbers -----------------------------------------------------------------------------------------

    def numbers(self, node: Node, conn: Connection) -> None:
        """Counters without gaps: as many as were given are there, and none twice."""
        counters = node.frame.tables.counters
        given = {row.name: row.value for row in conn.execute(select(counters).where(counters.c.realm == self.realm))}
        counted: dict[str, Table] = {
            "warning": {"trip": fuses.trips, "transition": fuses.transitions, "alert": alerts.alerts},
            "dispatch": {
                "orders": orders.orders,
                "case": callouts.cases,
                "attempt": channels.attempts,
                "case_log": log,
                "incidents": incidents.incidents,
            },
            "resources": {"movement": stock.movements},
        }[node.name]
        for name, table in counted.items():
            top, count = conn.execute(
                select(func.max(table.c.no), func.count()).where(table.c.realm == self.realm)
            ).one()
            last = given.get(name, 0)
            demand((top or 0) == count == last, f"{node.name} {name}: counter {last}, {count} rows up to {top}")
        out = node.frame.tables.outbox
        for receiver, top, count in conn.execute(
            select(out.c.receiver, func.max(out.c.no), func.count())
            .where(out.c.realm == self.realm)
            .group_by(out.c.receiver)
        ):
            last = given.get(f"outbox:{receiver}")
            demand(top == count == last, f"{node.name} outbox to {receiver}: {count} up to {top}, counter {last}")

    # -- dispatch ----------------------------------------------------------------------------------------

    def told_in_order(self, conn: Connection) -> None:
        """Each record of a trip reached its incident's timeline once, in its order."""
        table = incidents.incident_entries
        here = (table.c.realm == self.realm, table.c.no > self.seen.upto["entries"])
        for row in conn.execute(select(table).where(*here).order_by(table.c.no)):
            self.seen.upto["entries"] = row.no
            if not row.kind.startswith("trip."):
                continue
            told = self.seen.told[row.subject]
            told.append(row.data["n"])
            sent = self.seen.sent.get(row.subject, [])
            if self.world.warning.up:
                demand(told == sent[: len(told)], f"{row.subject}: told {told}, sent {sent}")

    def nothing_lies(self, conn: Connection) -> None:
        """What was due when the clocks were last looked at is not due any more."""
        due: dict[str, tuple[Table, Callable[[Any], Any]]] = {
            "due_at": (callouts.lines, lambda row: (row.case_id, row.post)),
            "next_at": (callouts.rings, lambda row: row.person),
            "wake_at": (orders.orders, lambda row: row.order_id),
        }
        ticks = self.night.rounds.ticked_at
        if len(ticks) < 2:
            return
        for column, (table, key) in due.items():
            at = table.c[column]
            late = conn.execute(select(table).where(table.c.realm == self.realm, at <= ticks[-2])).all()
            found = {key(row): row._mapping[column] for row in late}
            before = self.seen.overdue.get(column, {})
            stuck = {k: v for k, v in found.items() if before.get(k) == v}
            fresh_tick = self.seen.upto[f"ticks:{column}"] + 2 <= len(ticks)
            demand(not (stuck and fresh_tick), f"{column} is past and nothing happens: {stuck}")
            if fresh_tick:
                self.seen.overdue[column] = found
                self.seen.upto[f"ticks:{column}"] = len(ticks)

    def orders_bind(self, conn: Connection) -> None:
        """Nothing binds without authority or signature; nothing that bound is let go but by a signed act."""
        for row in conn.execute(select(orders.orders).where(orders.orders.c.realm == self.realm)):
            version, state = self.seen.orders.get(row.order_id, (0, OrderState.PROPOSED))
            if version == row.version:
                continue
            found = orders.get(conn, self.realm, row.order_id)
            assert found is not None
            order = found.order
            demand(state not in TERMINAL or order.state is state, f"{order.order_id} was {state}, is {order.state}")
            if state in HELD and order.state not in HELD:
                ended = {who for which, who in self.night.officers.ended if which == order.order_id}
                closed = order.closing is not None and order.closing.by in ended
                demand(closed and order.state in TERMINAL, f"{order.order_id} let go by nobody: {order.state}")
            if order.is_held:
                self._may_bind(order)
            self.seen.orders[row.order_id] = (row.version, order.state)

    def _may_bind(self, order: Order) -> None:
        demand(order.signatures, f"{order.order_id} binds without a signature")
        for one in order.signatures:
            if one.via in (Via.HAND, Via.PHONE):
                signed = (order.order_id, one.by) in self.night.officers.signed
                demand(signed, f"{order.order_id}: {one.by} never signed")
            else:
                demand(one.via is Via.PREAUTHORISED, f"{order.order_id} binds by {one.via}")
                rows = [
                    row
                    for row in self.world.pack.authority
                    if row.preauthorised_by and row.kind is order.kind and row.hazard == order.hazard
                ]
                demand(rows, f"{order.order_id}: nobody allowed {order.kind} beforehand")

    def lines_climb(self, conn: Connection) -> None:
        """Whoever has not answered climbs in time, and everybody called has a ring that is out or will be."""
        here, made = callouts.rings.c.realm == self.realm, channels.attempts
        rings = {row.person: row.state for row in conn.execute(select(callouts.rings).where(here))}
        live = {
            row.attempt_id: row.live or row.state not in ("ended", "expired")
            for row in conn.execute(
                select(made.c.attempt_id, made.c.live, made.c.state).where(made.c.realm == self.realm)
            )
        }
        for case in callouts.list_cases(conn, self.realm, None, 1000, None):
            for line in callouts.lines_of(conn, self.realm, case.case_id):
                if line.is_open:
                    self._climbs(line)
                    self._rings(line, rings, live)

    def _climbs(self, line: Line) -> None:
        key, now = (line.case_id, line.post), self.world.domain
        since, levels = self.seen.climbing.get(key, (line.climb_from, set()))
        levels = {*levels, line.level(self.clocks, now)} if since == line.climb_from else {line.level(self.clocks, now)}
        self.seen.climbing[key] = (line.climb_from, levels)
        if line.status is LineStatus.TOP_REACHED:
            return
        rungs = max(1, line.top_rung)
        bound_s = max(
            max(clock.superior_after_s, clock.deputy_after_s) + (rungs - 1) * clock.next_superior_every_s
            for level in levels
            for clock in (self.clocks.day[level], self.clocks.night[level])
        )
        late = now - line.climb_from - timedelta(seconds=bound_s) - (rungs + 2) * self._gap(line.climb_from)
        demand(late <= timedelta(0), f"{key} should have climbed to the top {late} ago: {line}")

    def _gap(self, since: datetime) -> timedelta:
        """The longest time that nobody looked at the clocks since then."""
        looked = [at for at in self.night.rounds.ticked_at if at >= since]
        points = [since, *looked, self.world.domain]
        return max(b - a for a, b in pairwise(points)) + timedelta(seconds=1)

    def _rings(self, line: Line, rings: dict[str, Ring], live: dict[str, bool]) -> None:
        for party in line.parties:
            if party.state is not PartyState.CALLED or party.kind is PartyKind.NEIGHBOUR:
                continue
            ring = rings.get(party.person)
            demand(ring, f"{line.case_id}/{line.post}: {party.person} is called and has no ring")
            assert ring is not None
            out = ring.live
            demand(out or ring.next_at, f"{line.case_id}/{line.post}: nobody will ring {party.person}: {ring}")
            demand(out is None or live.get(out), f"{party.person} waits for {out}, which has ended")

    # -- at the end --------------------------------------------------------------------------------------

    def nothing_of_actual(self, node: Node, conn: Connection) -> None:
        for table in METADATA[node.name].sorted_tables:
            if "realm" in table.c:
                found = conn.execute(select(func.count()).where(table.c.realm == ACTUAL)).scalar_one()
                demand(found == 0, f"{node.name}.{table.name} holds {found} rows of realm actual")
        if node.name == "dispatch":
            carriers = set(conn.execute(select(channels.attempts.c.carrier)).scalars())
            demand(carriers <= {"simulator"}, f"an exercise was called through {carriers}")

    def nothing_parked(self, node: Node, conn: Connection) -> None:
        parked = conn.execute(select(node.frame.tables.inbox_parked)).all()
        demand(not parked, f"{node.name} parked {parked[:1]}")
        events = node.frame.tables.events
        odd = ("alarm.cap_invalid", "alarm.outbox_restored", "alarm.stock_books", "alarm.callout_no_carrier")
        rows = conn.execute(select(events.c.kind, events.c.body).where(events.c.kind.in_(odd))).all()
        demand(not rows, f"{node.name} raised {rows[:1]}")

    def all_told(self) -> None:
        for trip_id, sent in self.seen.sent.items():
            told = self.seen.told.get(trip_id, [])
            demand(told == sent, f"{trip_id}: sent {sent}, told {told}")

    def calls_made(self, dispatch: Connection) -> None:
        """Each alert that calls has its case, and the posts that the pack names have their lines."""
        lines = {
            (line.post, matter)
            for case in callouts.list_cases(dispatch, self.realm, None, 1000, None)
            for line in callouts.lines_of(dispatch, self.realm, case.case_id)
            for matter in self._ever_on(dispatch, case.case_id)
        }
        for (fuse, scope), trip_id in self._trips():
            worst = self._worst_confirmed(fuse, scope, trip_id)
            if worst not in CALLED:
                continue
            roles, posts = CALLED[worst]
            where = scope if scope in self.world.pack.regions else self.world.pack.stations[scope].region
            named = [d.post for d in self.world.pack.duties if d.object == where and d.role in roles]
            missing = [post for post in (*named, *posts) if (post, trip_id) not in lines]
            demand(not missing, f"{trip_id} was {worst}, and nobody called {missing}")

    def _trips(self) -> list[tuple[tuple[str, str], str]]:
        found = {(key, body["trip_id"]) for key, chain in self.seen.chains.items() for body in chain if body["trip_id"]}
        return sorted(found)

    def _ever_on(self, conn: Connection, case_id: str) -> set[str]:
        query = select(callouts.matters.c.matter_id)
        here = (callouts.matters.c.realm == self.realm, callouts.matters.c.case_id == case_id)
        return set(conn.execute(query.where(*here)).scalars())

    def _worst_confirmed(self, fuse: str, scope: str, trip_id: str) -> str:
        chain = [body for body in self.seen.chains[(fuse, scope)] if body["trip_id"] == trip_id]
        firm = [Level(b["to"] if b["verification"] == "confirmed" else b["confirmed_level"]) for b in chain]
        return max(firm, key=lambda level: level.rank).value

    def answered_enough(self, conn: Connection) -> None:
        """What counts as answered was answered as its level demands; the rest is within its clocks (`_climbs`)."""
        for case in callouts.list_cases(conn, self.realm, None, 1000, None):
            for line in callouts.lines_of(conn, self.realm, case.case_id):
                if line.status is LineStatus.ANSWERED:
                    weak = [m for m in line.matters if m.grade not in ENOUGH[m.level]]
                    demand(not weak, f"{line.case_id}/{line.post} counts as answered: {weak}")

    def holds_agree(self, warning: Connection, dispatch: Connection) -> None:
        """Warning knows of each trip what is in force, in answer to its last record."""
        for trip in warning.execute(select(fuses.trips).where(fuses.trips.c.realm == self.realm)):
            report = fuses.holds_of(warning, self.realm, trip.trip_id)
            demand(report is not None, f"{trip.trip_id}: dispatch never said what is held")
            assert report is not None
            demand(report.n == trip.last_n, f"{trip.trip_id}: last record {trip.last_n}, answered {report.n}")
            held = {
                stored.order.order_id: stored.order.state.value
                for stored in orders.of_trip(dispatch, self.realm, trip.trip_id)
                if stored.order.is_held
            }
            said = {hold["order_id"]: hold["state"] for hold in report.holds}
            demand(said.keys() == held.keys(), f"{trip.trip_id}: warning knows {said}, in force are {held}")

    def evacuations_known(self, dispatch: Connection, resources: Connection) -> None:
        here = evacuation.orders.c.realm == self.realm
        known = {row.order_id: row for row in resources.execute(select(evacuation.orders).where(here))}
        for row in dispatch.execute(select(orders.orders).where(orders.orders.c.realm == self.realm)):
            if row.kind != Measure.EVACUATE.value:
                continue
            held = OrderState(row.state) in HELD
            told = known.get(row.order_id)
            demand(told is not None, f"{row.order_id}: resources never heard of the evacuation")
            assert told is not None
            demand(bool(told.held) == held, f"{row.order_id} is {row.state}, resources has it held={told.held}")

    def stock_sums_to_zero(self, conn: Connection) -> None:
        """Nothing was made or lost: each lot's entries sum to zero, each balance is the sum of its entries."""
        wrong = stock.disproved(conn, self.realm)
        demand(not wrong, f"stock: {wrong[:3]}")
