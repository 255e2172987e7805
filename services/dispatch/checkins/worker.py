"""报到定时 Says which requests nobody looked at in time; the deadlines live in the store."""

from __future__ import annotations

from collections.abc import Callable

from services.dispatch.checkins.service import CheckIns
from shared.db.tx import Tx
from shared.pack.model import Pack


def ticking(checkins: CheckIns, active_pack: Callable[[], Pack | None]) -> Callable[[Tx], None]:
    """``tick(tx)`` for the frame."""

    def tick(tx: Tx) -> None:
        pack = active_pack()
        if pack is None:
            return
        for realm in tx.realms.ticking():
            checkins.tick(tx, realm, pack)

    return tick
