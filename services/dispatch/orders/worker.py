"""措施定时 Wakes what is due in each realm whose clock runs; the deadlines live in the store."""

from __future__ import annotations

from collections.abc import Callable

from services.dispatch.orders.service import Orders
from shared.db.tx import Tx


def ticking(orders: Orders) -> Callable[[Tx], None]:
    """``tick(tx)`` for the frame."""

    def tick(tx: Tx) -> None:
        for realm in tx.realms.ticking():
            orders.tick(tx, realm)

    return tick
