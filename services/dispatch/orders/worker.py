"""措施定时与催签 Wakes what is due in each realm whose clock runs, and rings the signer whose turn it is.

The deadlines live in the store. Signers ring through callouts, in the incident's case, until somebody signs; picking
up the phone signs nothing: the signature is an act of its own, here or recorded from a call-back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.dispatch.callouts.matter import Matter, Purpose
from services.dispatch.callouts.service import Callouts
from services.dispatch.orders import store
from services.dispatch.orders.service import Orders
from services.dispatch.orders.store import Stored
from shared.db.tx import Tx
from shared.vocabulary import Verification


def ticking(orders: Orders) -> Callable[[Tx], None]:
    """``tick(tx)`` for the frame."""

    def tick(tx: Tx) -> None:
        for realm in tx.realms.ticking():
            orders.tick(tx, realm)

    return tick


class SignerCalls:
    """催签: one matter an order, named by its number; a later version names the next signer."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts

    def call(self, tx: Tx, realm: str, stored: Stored, post: str, now: datetime) -> None:
        order = stored.order
        level = order.raise_to.level if order.raise_to else order.level
        matter = Matter(
            matter_id=order.order_id,
            version=stored.version,
            hazard=order.hazard,
            scope=order.scope,
            level=level,
            confirmed_level=level,
            verification=Verification.CONFIRMED,
            purpose=Purpose.SIGN,
            posts=(post,),
            region=order.units[0].region if order.units else None,
            pack=stored.pack,
        )
        case_id = store.case_of(tx.conn, realm, order.order_id)
        if case_id is not None:
            self._callouts.join_matter(tx, realm, case_id, matter, now)
            return
        opened = self._callouts.open_case(tx, realm, order.incident_id or order.order_id, matter, now)
        store.save_case(tx, realm, order.order_id, opened)

    def done(self, tx: Tx, realm: str, stored: Stored, now: datetime) -> None:
        case_id = store.case_of(tx.conn, realm, stored.order.order_id)
        if case_id is not None:
            self._callouts.end_matter(tx, realm, case_id, stored.order.order_id, now)
