"""一轮 What moves by itself in the house, once each: broker, receipts, ticks, outboxes, carrier, phones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from services.dispatch.channels import store as channels_store
from services.dispatch.channels.carrier import Receipt
from services.warning.stations.worker import ReceiptPublisher
from tests.support.house.wires import Broker, Exchange, Odds, Ringing, boxes
from tests.support.house.world import NAMES, Node, World

ASKED_AT_ONCE = 100
Actor = Callable[[], None]


class Rounds:
    """一轮: made before the world begins; ``actors`` are called one after another, in whatever order."""

    def __init__(self, world: World, broker: Broker, exchange: Exchange, odds: Odds) -> None:
        self.world, self.broker, self.exchange = world, broker, exchange
        self.ticked_at: list[datetime] = []  # when dispatch's clocks were looked at
        self._publisher: ReceiptPublisher | None = None
        world.on_birth += [boxes(world, odds), self._on_birth]

    def actors(self) -> list[Actor]:
        world = self.world
        return [
            self.broker.pump,
            self._receipts,
            *(partial(self._tick, world.nodes[name]) for name in NAMES),
            *(partial(self._post, world.nodes[name], peer) for name in NAMES for peer in NAMES if peer != name),
            self._carry,
            self._hear_back,
        ]

    def _receipts(self) -> None:
        node = self.world.warning
        if node.up and self._publisher is not None:
            node.do(self._publisher.round)

    def _tick(self, node: Node) -> None:
        for name, function in node.frame.ticks if node.up else ():
            node.call(function)
            if name == "callouts" and self.world.is_ticking(node):
                self.ticked_at.append(self.world.domain)

    @staticmethod
    def _post(node: Node, peer: str) -> None:
        if node.up:
            node.do(lambda: node.frame.sender.round(peer))

    def _carry(self) -> None:
        """Ask the carrier for what is queued, as the sender's threads do."""
        node = self.world.dispatch
        if not node.up:
            return
        node.do(self.world.desk.sender.hang_up)
        with node.read() as conn:
            waiting = channels_store.queued(conn, ASKED_AT_ONCE)
        for stored in waiting:
            node.do(partial(self.world.desk.sender.ask, stored))

    def _hear_back(self) -> None:
        self.exchange.tell(self.deliver)

    def deliver(self, call: Ringing, receipt: Receipt) -> None:
        """A call-back, as the route would take it."""
        node, desk = self.world.dispatch, self.world.desk
        reason = node.call(
            lambda tx: desk.ringing.receipt(tx, call.realm, call.attempt_id, receipt, tx.domain_now(call.realm))
        )
        self.world.say(f"receipt {call.attempt_id} {receipt.seq} {receipt.state} {receipt.keys} = {reason}")

    def _on_birth(self, node: Node) -> None:
        if node.name == "dispatch":
            self.world.desk.sender.reach("simulator", self.exchange)
        if node.name == "warning":
            frame = node.frame
            self._publisher = ReceiptPublisher(
                frame.store,
                frame.writer,
                self.world.clock,
                self.broker.take_receipt,
                lambda realm, station: f"{self.world.topics(realm)}/{station}/receipts",
            )
