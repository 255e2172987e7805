"""演练负荷 One seeded night: a storm, its people, and everything that can go wrong on the way; then faults stop.

It knows nothing of what is right: that the checkers say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from deploy.demo.exchange.personas import Character, Persona
from services.dispatch.channels import store as channels_store
from services.dispatch.channels.carrier import Receipt
from services.warning.stations.worker import ReceiptPublisher
from shared.errors import Unavailable
from shared.http.client import Permanent, Transient
from tests.simulation.field import FAULTS, Fault, Storm, gauges
from tests.simulation.officers import Officers
from tests.simulation.wires import Broker, Exchange, Odds, boxes
from tests.simulation.world import NAMES, Crashed, Down, Node, World

STEPS_S = (10, 30, 60, 120)


class Night:
    """一夜: ``step`` moves the world by one step; ``calm`` stops all faults."""

    def __init__(self, world: World) -> None:
        self.world = world
        dice = self.dice = world.dice("night")
        harsh = dice.choice((0.0, 0.05, 0.15, 0.3))
        self.odds = Odds(lost=harsh, doubled=harsh, late=harsh, refused=harsh / 2)
        self.broker = Broker(world, self.odds)
        self.exchange = Exchange(world, self.odds, _people(world))
        self._publisher: ReceiptPublisher | None = None
        world.on_birth += [boxes(world, self.odds), self._on_birth]
        world.begin()
        self.storm, self.gauges = Storm(world), gauges(world)
        self.crashes = dice.choice((0.0, 0.005, 0.02))  # a node and step
        self.hiccups = dice.choice((0.0, 0.02, 0.08))
        self.troubles = dice.choice((0.0, 0.01, 0.03))
        self.officers = Officers(world)
        self.faults = True
        self.broker_back_at: datetime | None = None
        self.exchange_back_at: datetime | None = None
        self.ticked_at: list[datetime] = []  # when dispatch's clocks were looked at

    # -- one step ----------------------------------------------------------------------------------------

    def step(self, seconds: float | None = None) -> None:
        self.world.advance(self.dice.choice(STEPS_S) if seconds is None else seconds)
        if self.faults:
            self._trouble()
        self._revive()
        actors: list[Callable[[], None]] = [
            self._stations,
            self.broker.pump,
            self._receipts,
            *(self._ticks(self.world.nodes[name]) for name in NAMES),
            *(self._post(self.world.nodes[name], peer) for name in NAMES for peer in NAMES if peer != name),
            self._carry,
            self._hear_back,
            self.officers.act_now,
        ]
        if self.faults:
            self.dice.shuffle(actors)
        for actor in actors:
            try:
                actor()
            except (Crashed, Down):
                pass  # whoever it was has died on the way; the others go on
            except (Transient, Permanent, Unavailable) as error:
                self.world.say(f"failed: {error.en}")

    def _stations(self) -> None:
        for gauge in self.gauges:
            gauge.observe(self.storm.rain_mm(gauge), self.storm.rise_m(gauge), self.dice)
            if self.broker_back_at is None:
                gauge.hear(self.broker)
                gauge.send(self.broker)

    def _receipts(self) -> None:
        node = self.world.warning
        if node.up and self._publisher is not None:
            node.do(self._publisher.round)

    def _ticks(self, node: Node) -> Callable[[], None]:
        def tick() -> None:
            for name, function in node.frame.ticks if node.up else ():
                node.call(function)
                if name == "callouts":
                    self.ticked_at.append(self.world.domain)

        return tick

    def _post(self, node: Node, peer: str) -> Callable[[], None]:
        def post() -> None:
            if node.up:
                node.do(lambda: node.frame.sender.round(peer))

        return post

    def _carry(self) -> None:
        """Ask the carrier for what is queued, as the sender's threads do."""
        node = self.world.dispatch
        if not node.up:
            return
        with node.read() as conn:
            waiting = channels_store.queued(conn, 100)
        for stored in waiting:
            node.do(lambda stored=stored: self.world.desk.sender.ask(stored))  # type: ignore[misc]

    def _hear_back(self) -> None:
        node, realm = self.world.dispatch, self.world.realm

        def deliver(attempt_id: str, receipt: Receipt) -> None:
            reason = node.call(
                lambda tx: self.world.desk.ringing.receipt(tx, realm, attempt_id, receipt, tx.domain_now(realm))
            )
            self.world.say(f"receipt {attempt_id} {receipt.seq} {receipt.state} {receipt.keys} = {reason}")

        self.exchange.tell(deliver)

    def _on_birth(self, node: Node) -> None:
        if node.name == "dispatch":
            self.world.desk.sender.reach("simulator", self.exchange)
        if node.name == "warning":
            frame = node.frame
            root = self.gauge_root()
            self._publisher = ReceiptPublisher(
                frame.store,
                frame.writer,
                self.world.clock,
                self.broker.take_receipt,
                lambda _, station: f"{root}/{station}/receipts",
            )

    def gauge_root(self) -> str:
        district, realm = self.world.pack.district.code, self.world.realm
        return f"fengsui/{district}" if realm == "x-live" else f"fengsui-x/{district}/{realm.removeprefix('x-')}"

    # -- what goes wrong ---------------------------------------------------------------------------------

    def _trouble(self) -> None:
        dice, world = self.dice, self.world
        for name in NAMES:
            node = world.nodes[name]
            if node.up and dice.random() < self.crashes:
                node.crash_soon(dice.choice(("before", "after")))
                node.back_at = world.domain + timedelta(seconds=dice.choice((0, 10, 60, 400)))
            elif node.up and dice.random() < self.hiccups:
                node.crash_soon("hiccup")
        if dice.random() < self.crashes / 4:
            self._black_out()
        if dice.random() < self.troubles:
            gauge = dice.choice(self.gauges)
            gauge.fault = dice.choice((Fault.NONE, *FAULTS))
            world.say(f"gauge {gauge.station.station_id} {gauge.fault}")
        if dice.random() < self.troubles / 3:
            dice.choice(self.gauges).new_boot()
        if dice.random() < self.troubles / 2 and self.broker_back_at is None:
            world.say("broker gone")
            if dice.random() < 0.3:
                self.broker.lose_session()
            self.broker.cut()
            self.broker_back_at = world.domain + timedelta(seconds=dice.choice((10, 120, 900)))
        if dice.random() < self.troubles / 2 and self.exchange_back_at is None:
            world.say("exchange gone")
            self.exchange.outage = True
            self.exchange_back_at = world.domain + timedelta(seconds=dice.choice((20, 200, 600)))

    def _black_out(self) -> None:
        """Everything of ours loses power at once; a drill's clock stands until all is back."""
        world = self.world
        world.say("BLACKOUT")
        for node in world.nodes.values():
            if node.up:
                world.bury(node, "by blackout")
        world.stopped_at = world.clock.now()
        world.boot = f"boot-{int(world.boot.removeprefix('boot-')) + 1}"
        world.stand_still(self.dice.choice((1, 60, 1800)))
        for name in self.dice.sample(NAMES, len(NAMES)):
            world.nodes[name].start()

    def _revive(self) -> None:
        world = self.world
        for node in world.nodes.values():
            if not node.up and (node.back_at is None or node.back_at <= world.domain):
                node.start()
                world.say(f"{node.name} is back")
        if self.broker_back_at is not None and self.broker_back_at <= world.domain:
            self.broker_back_at = None
        if self.broker_back_at is None:
            self.broker.connect()
        if self.exchange_back_at is not None and self.exchange_back_at <= world.domain:
            self.exchange_back_at, self.exchange.outage = None, False

    def calm(self) -> None:
        """Faults stop; what happened stays to be made good."""
        self.world.say("faults stop")
        self.faults = False
        self.odds.stop()
        self.broker.at_leisure = False
        self.exchange_back_at, self.exchange.outage, self.broker_back_at = None, False, None
        for node in self.world.nodes.values():
            node.back_at = None
            node.crash_soon("never")
        for gauge in self.gauges:
            gauge.fault = Fault.NONE
            gauge.next_at = self.gauges[0].next_at  # all at one instant, so that there is rest in between

    @property
    def unsettled(self) -> list[str]:
        """What is still on its way."""
        nodes = self.world.nodes.values()
        found = [node.name for node in nodes if not node.up]
        found += [f"{n.name}: {row}" for n in nodes if n.up for row in n.frame.sender.status() if row["waiting"]]
        found += [gauge.station.station_id for gauge in self.gauges if gauge.disk]
        found += [] if self.broker.idle else ["broker"]
        found += [] if self.exchange.idle else ["exchange"]
        return found

    @property
    def settled(self) -> bool:
        return not self.unsettled


def _people(world: World) -> dict[str, Character]:
    """Most are the demo's crowd; some seeds have a township without a mast, or a night in which nobody answers."""
    dice = world.dice("people")
    people: dict[str, Character] = {}
    mood = dice.choice(("crowd", "crowd", "mast", "nobody", "everybody"))
    dark = dice.choice(sorted({row.region for row in world.pack.roster.values()}))
    for _, row in sorted(world.pack.roster.items()):
        for _, number in row.contacts:
            if mood == "everybody":
                people[number] = Character(persona=Persona.PROMPT)
            elif mood == "nobody":
                people[number] = Character(persona=dice.choice((Persona.SILENT, Persona.LISTENS, Persona.MACHINE)))
            elif mood == "mast" and row.region.startswith(dark):
                people[number] = Character(persona=Persona.DEAD_MAST, mast=f"mast-{dark}")
    return people
