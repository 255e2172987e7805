"""人员 Officers and verifiers of a seeded zeal: they sign or do not, lift, answer for others, look, release, type in.

What they try is written down before it is tried, so that the checkers know who may have done what.
"""

from __future__ import annotations

import random  # noqa: TID251 - seeded, from the world
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from services.dispatch.callouts import store as callouts_store
from services.dispatch.callouts.events import Answered
from services.dispatch.callouts.matter import Grade, Via
from services.dispatch.orders import store as orders_store
from services.dispatch.orders.events import (
    Acknowledge,
    Complete,
    Event,
    Extend,
    Lift,
    Progress,
    ReportPeople,
    Revoke,
    Sign,
    SignByPhone,
)
from services.dispatch.orders.model import Inspection, Order
from services.dispatch.orders.people import Tally
from services.warning.fuses import store as fuses_store
from services.warning.fuses.events import Finding, FindingVerdict, HoldReport, ManualTrip, Release
from services.warning.fuses.service import Deed, held_orders
from services.warning.notices.service import Draft
from shared.errors import FengsuiError
from shared.http.client import Transient
from shared.vocabulary import Level, Scale
from tests.simulation.field import TOWNSHIP
from tests.support.house.world import Crashed, Down, World


class Officers:
    """人员: ``act_now`` once a step."""

    def __init__(self, world: World) -> None:
        self.world, self.dice = world, world.dice("officers")
        self.zeal = self.dice.choice((0.0, 0.03, 0.1))  # the chance of each kind of act, a step
        self.signed: list[tuple[str, str]] = []  # (order, post) of each signature tried
        self.ended: list[tuple[str, str]] = []  # (order, post) of each lifting or revoking tried

    def act_now(self) -> None:
        if self.world.stands or (self.world.dispatch.up and self.world.is_interrupted(self.world.dispatch)):
            return  # as the routes would answer: 409 `refused:drill_interrupted`
        acts: tuple[Callable[[random.Random], None], ...] = (
            self._sign,
            self._sign,
            self._carry_out,
            self._end_order,
            self._answer,
            self._answer,
            self._finding,
            self._release,
            self._rare,
        )
        for act in acts:
            if self.dice.random() < self.zeal:
                try:
                    act(self.dice)
                except (Crashed, Down, Transient):
                    raise
                except FengsuiError as error:
                    self.world.say(f"{act.__name__}: {error.code}")

    def order(self, dice: random.Random) -> Order | None:
        table = orders_store.orders
        with self.world.dispatch.read() as conn:
            ids = list(
                conn.execute(
                    select(table.c.order_id)
                    .where(table.c.realm == self.world.realm, table.c.state.not_in(["revoked", "lifted"]))
                    .order_by(table.c.no)
                ).scalars()
            )
            found = orders_store.get(conn, self.world.realm, dice.choice(ids)) if ids else None
        return found.order if found else None

    def act(self, order_id: str, made: Event, by: str) -> None:
        realm, pack = self.world.realm, self.world.pack
        orders = self.world.desk.orders
        kept = self.world.dispatch.call(lambda tx: orders.act(tx, realm, order_id, lambda _, __: made, by, pack))
        self.world.say(f"{type(made).__name__} {order_id} by {by}: {kept.order.state}")

    def _sign(self, dice: random.Random) -> None:
        order = self.order(dice)
        if order is None or not order.wants_signature or order.signing is None:
            return
        post = dice.choice(order.signing.signers if dice.random() < 0.3 else order.may_sign)
        self.signed.append((order.order_id, post))
        if dice.random() < 0.3:
            number = next((a for _, a in self.world.pack.roster[post].contacts), "0")
            heard = SignByPhone(by=post, number=number, words="同意（演示数据）", recorded_by="qj-hq-duty")
            self.act(order.order_id, heard, "qj-hq-duty")
        else:
            self.act(order.order_id, Sign(by=post), post)

    def _carry_out(self, dice: random.Random) -> None:
        order = self.order(dice)
        if order is None:
            return
        unit = dice.choice(order.units)
        by = unit.post or "qj-hq-duty"
        events: tuple[Event, ...] = (
            Acknowledge(by=by),
            Progress(by=by, units=(unit.unit_id,)),
            Complete(by=by, units=(unit.unit_id,)),
            ReportPeople(by=by, unit_id=unit.unit_id, numbers=Tally(shelter=dice.randint(0, 40))),
        )
        self.act(order.order_id, dice.choice(events), by)

    def _end_order(self, dice: random.Random) -> None:
        order = self.order(dice)
        if order is None or order.authority is None:
            return
        by = order.authority.lifter if dice.random() < 0.8 else order.authority.signers[-1]
        safe = Inspection(by="zs-hydro", at=self.world.domain, safe=dice.random() < 0.8, finding="演示数据")
        self.ended.append((order.order_id, by))
        made: Event = Lift(by=by, ground="演示数据", inspection=safe)
        if dice.random() < 0.3:
            made = Revoke(by=by, ground="演示数据", unsigned_only=dice.random() < 0.5)
        elif dice.random() < 0.2:
            made = Extend(by=by, ground="演示数据", review_at=self.world.domain + timedelta(hours=8))
        self.act(order.order_id, made, by)

    def _answer(self, dice: random.Random) -> None:
        """Somebody answers by app, or the duty officer for them."""
        realm = self.world.realm
        with self.world.dispatch.read() as conn:
            rows = callouts_store.list_cases(conn, realm, None, 50, "open")
            lines = [x for row in rows for x in callouts_store.lines_of(conn, realm, row.case_id) if x.is_open]
        if not lines:
            return
        line = dice.choice(lines)
        party = dice.choice([p for p in line.parties if p.person])
        grade = dice.choice((Grade.ACTING, Grade.ACTING, Grade.UNDERSTOOD, Grade.CANNOT_ACT, Grade.HEARD))
        answered = Answered(person=party.person, grade=grade, via=Via.ON_BEHALF, by="qj-hq-duty", ground="演示数据")
        callouts = self.world.desk.callouts
        self.world.dispatch.call(
            lambda tx: callouts.answer(tx, realm, line.case_id, line.post, answered, tx.domain_now(realm))
        )
        self.world.say(f"answer {line.case_id}/{line.post} {party.person} {grade}")

    def _finding(self, dice: random.Random) -> None:
        """A verifier went and looked; dispatch sends it on, or it is typed in at warning."""
        realm, trip = self.world.realm, self.trip(dice)
        if trip is None:
            return
        verdict = dice.choice(tuple(FindingVerdict))
        self.world.say(f"finding {trip.trip_id} {verdict}")
        if dice.random() < 0.5:
            event = Finding(fuse=trip.fuse, scope=trip.scope, verdict=verdict, by="演示人员041")
            pipeline, deed = (
                self.world.pipeline,
                Deed("trip.finding", "演示人员041", "演示数据", finding={"level": None}),
            )
            self.world.warning.call(lambda tx: pipeline.act(tx, realm, event, deed))
            return
        with self.world.dispatch.read() as conn:
            case_id = conn.execute(
                select(callouts_store.matters.c.case_id).where(
                    callouts_store.matters.c.realm == realm, callouts_store.matters.c.matter_id == trip.trip_id
                )
            ).scalar()
        if case_id is not None:
            by, callouts = {"post": "zs-hydro", "person": "演示人员041"}, self.world.desk.callouts
            self.world.dispatch.call(
                lambda tx: callouts.finding(
                    tx,
                    realm,
                    case_id,
                    trip.trip_id,
                    verdict.value,
                    by,
                    "演示数据",
                    tx.domain_now(realm),
                    actor="qj-hq-duty",
                )
            )

    def trip(self, dice: random.Random) -> Row[Any] | None:
        if not self.world.warning.up:
            raise Down("warning")
        table = fuses_store.trips
        with self.world.warning.read() as conn:
            here = (table.c.realm == self.world.realm, table.c.closed_at.is_(None))
            rows = conn.execute(select(table).where(*here).order_by(table.c.no)).all()
        return dice.choice(rows) if rows else None

    def _release(self, dice: random.Random) -> None:
        trip = self.trip(dice)
        if trip is not None:
            self.release(trip)

    def release(self, trip: Row[Any]) -> None:
        realm, pipeline = self.world.realm, self.world.pipeline
        with self.world.warning.read() as conn:
            report = fuses_store.holds_of(conn, realm, trip.trip_id)
        said = HoldReport(report.n, held_orders(report)) if report else None
        event = Release(fuse=trip.fuse, scope=trip.scope, by="qj-hq-chief", report=said)
        deed = Deed("trip.release", "qj-hq-chief", "演示数据")
        refused = self.world.warning.call(lambda tx: pipeline.act(tx, realm, event, deed))
        self.world.say(f"release {trip.trip_id}: {refused or 'done'}")

    def _rare(self, dice: random.Random) -> None:
        """A notice typed in, or a fuse tripped by hand."""
        realm, pipeline = self.world.realm, self.world.pipeline
        if not self.world.warning.up or dice.random() < 0.5:
            return
        area, level = TOWNSHIP, dice.choice((Level.YELLOW, Level.ORANGE, Level.RED))
        self.world.say(f"by hand {area} {level}")
        if dice.random() < 0.5:
            event = ManualTrip(fuse="rainstorm", scope=area, level=level, by="qj-hq-duty")
            deed = Deed("trip.manual", "qj-hq-duty", "演示数据")
            self.world.warning.call(lambda tx: pipeline.act(tx, realm, event, deed))
            return
        draft = Draft(
            type="signal",
            number=f"演示{self.world.trace.count}",
            issuer="演示气象台",
            scale=Scale.SIGNAL,
            level=level,
            hazard="11B03",
            areas=(area,),
            valid_from=self.world.domain,
            valid_to=self.world.domain + timedelta(hours=dice.choice((1, 3))),
            text="演示数据",
            read_back_by="演示人员005",
            corrects=None,
        )
        self.world.warning.call(lambda tx: pipeline.enter_notice(tx, realm, draft, "qj-hq-duty"))
