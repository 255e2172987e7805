"""资源服务 What there is, where, and the way out: wires the concepts onto the frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI

from services.resources.atlas import api as atlas_api
from services.resources.evacuation import api as evacuation_api
from services.resources.evacuation import service as evacuation
from services.resources.evacuation import store as evacuation_store
from services.resources.evacuation.worker import Planner
from services.resources.network.service import Networks
from services.resources.readiness import api as readiness_api
from services.resources.schema import metadata, tables
from services.resources.settings import ResourcesSettings
from services.resources.stock import api as stock_api
from services.resources.stock import service as stock
from shared.auth.tokens import TokenVerifier
from shared.clock import Clock
from shared.db.tx import Tx
from shared.frame import Frame
from shared.http.client import TokenSource
from shared.http.context import Context
from shared.outbox.inbox import Message
from shared.realm import ACTUAL


def create_app(
    settings: ResourcesSettings,
    clock: Clock,
    *,
    verifier: TokenVerifier | None = None,
    tokens: TokenSource | None = None,
) -> FastAPI:
    """The resources service's app (资源服务); its `Frame` is ``app.state.frame``."""
    frame = Frame(settings, clock, metadata, tables, verifier=verifier, tokens=tokens)
    planner = Planner(frame, Networks())

    def take_order(tx: Tx, message: Message) -> None:
        # an order keeps the pack it was made with; its zones are that version's
        pack = frame.packs.get(message.pack) if message.pack else frame.require_pack()
        evacuation.take_order(tx, message.realm, pack, message.body)

    frame.inbox.on("order", take_order)
    books = _Books(frame)
    frame.every("stock openings", books.tick)
    frame.ready("stock books", books.finding)

    def shelter_states(ctx: Context) -> Mapping[str, Mapping[str, Any]]:
        with ctx.read() as conn:
            rows = evacuation_store.shelters_now(conn, ctx.realm)
        return {shelter_id: {"state": row.state, "occupied": row.occupied} for shelter_id, row in rows.items()}

    def zones_in_force(ctx: Context) -> Iterable[Any]:
        with ctx.read() as conn:
            return evacuation_store.zones_in_force(conn, ctx.realm)

    frame.include(stock_api.routes())
    frame.include(readiness_api.routes(planner.in_danger))
    frame.include(evacuation_api.routes(planner.current, settings.rescue_phone))
    frame.include(atlas_api.routes(shelter_states, zones_in_force))
    return frame.app


class _Books:
    """账本看护: opens the books of each realm once, and proves them at start and every `PROVE_EVERY` ticks."""

    PROVE_EVERY = 1_200  # ticks; five minutes at the default tick

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._open: set[str] = set()
        self._wrong: dict[str, int] = {}
        self._ticks = 0

    def tick(self, tx: Tx) -> None:
        pack = self._frame.active_pack()
        if pack is None:
            return
        prove = self._ticks % self.PROVE_EVERY == 0
        self._ticks += 1
        for realm in tx.realms.ticking():
            if realm == ACTUAL and pack.district.is_exercise:
                continue  # such a district has no realm actual (contract, head)
            if realm not in self._open:
                stock.open_realm(tx, realm, pack)
                tx.after_commit(lambda realm=realm: self._open.add(realm))  # type: ignore[misc]
            if prove:
                self._wrong[realm] = len(stock.prove(tx, realm))

    def finding(self) -> str | None:
        wrong = {realm: count for realm, count in self._wrong.items() if count}
        return f"stock books do not agree with their log: {wrong}" if wrong else None
