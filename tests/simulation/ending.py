"""收场 Everything is carried out, lifted and released until all is normal: the other half of liveness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from services.dispatch.callouts import store as callouts
from services.dispatch.orders import store as orders
from services.dispatch.orders.events import Event, Lift, Revoke
from services.dispatch.orders.model import Inspection, Order
from services.warning.alerts import store as alerts
from services.warning.fuses import store as fuses
from shared.errors import FengsuiError
from tests.simulation.workload import Night
from tests.support.house.world import Violation

STEP_S = 290  # gauges report every 300 s: never silent
ACTS_EVERY = 6
LASTS_MAX = timedelta(hours=30)  # the rules look back 12 h and step down an hour at a time


class End:
    """收场"""

    def __init__(self, night: Night) -> None:
        self.night, self.world, self.realm = night, night.world, night.world.realm

    def until_normal(self, step: Callable[[float | None], None]) -> None:
        until = self.world.domain + LASTS_MAX
        count = 0
        while self._open_trips():
            if self.world.domain > until:
                raise Violation(f"still not normal: {[trip.trip_id for trip in self._open_trips()]}")
            if count % ACTS_EVERY == 0:
                self._end_orders()
                for trip in self._open_trips():
                    self._release(trip)
            count += 1
            step(STEP_S)
        for _ in range(4):
            step(STEP_S)
        self._nothing_is_left()

    def _open_trips(self) -> list[Row[Any]]:
        table = fuses.trips
        with self.world.warning.read() as conn:
            here = (table.c.realm == self.realm, table.c.closed_at.is_(None))
            return list(conn.execute(select(table).where(*here).order_by(table.c.no)))

    def _release(self, trip: Row[Any]) -> None:
        try:
            self.night.officers.release(trip)
        except FengsuiError as error:
            self.world.say(f"release {trip.trip_id}: {error.code}")

    def _end_orders(self) -> None:
        table = orders.orders
        with self.world.dispatch.read() as conn:
            query = select(table.c.order_id).where(table.c.realm == self.realm)
            ids = conn.execute(query.order_by(table.c.no)).scalars().all()
            found = [orders.get(conn, self.realm, order_id) for order_id in ids]
        for stored in found:
            if stored is not None and stored.order.is_open and stored.order.authority is not None:
                self._end_order(stored.order)

    def _end_order(self, order: Order) -> None:
        assert order.authority is not None
        by, signer = order.authority.lifter, order.authority.signers[0]
        safe = Inspection(by="zs-hydro", at=self.world.domain, safe=True, finding="演示数据")
        acts: list[tuple[str, Event]] = []
        if order.wants_signature:
            acts.append((signer, Revoke(by=signer, ground="演示数据", unsigned_only=True)))
        if order.is_held:
            acts.append((by, Lift(by=by, ground="演示数据", inspection=safe)))
        for who, event in acts:
            self.night.officers.ended.append((order.order_id, who))
            self.night.officers.act(order.order_id, event, who)

    def _nothing_is_left(self) -> None:
        """No alert stands, no case is open, nobody will be rung any more."""
        with self.world.warning.read() as conn:
            standing = [
                row.alert_id
                for row in conn.execute(select(alerts.alerts).where(alerts.alerts.c.realm == self.realm))
                if row.state not in ("ended", "cancelled")
            ]
        with self.world.dispatch.read() as conn:
            cases = [row.case_id for row in callouts.list_cases(conn, self.realm, None, 100, "open")]
            here = (callouts.rings.c.realm == self.realm, callouts.rings.c.next_at.is_not(None))
            rings = conn.execute(select(callouts.rings.c.person).where(*here)).all()
        if standing or cases or rings:
            raise Violation(f"all is normal, but alerts {standing}, cases {cases}, rings {rings} are left")
