"""演练负荷 One seeded night: a storm, its people, and everything that can go wrong on the way; then faults stop.

It knows nothing of what is right: that the checkers say.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from deploy.demo.exchange.personas import Character, Persona
from shared.errors import Unavailable
from shared.http.client import Permanent, Transient
from tests.simulation.field import FAULTS, Fault, Storm, gauges
from tests.simulation.interruption import RealRed
from tests.simulation.officers import Officers
from tests.support.house.rounds import Actor, Rounds
from tests.support.house.wires import Broker, Exchange, Odds
from tests.support.house.world import NAMES, Crashed, Down, World

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
        self.rounds = Rounds(world, self.broker, self.exchange, self.odds)
        world.begin()
        self.storm, self.gauges = Storm(world), gauges(world)
        self.crashes = dice.choice((0.0, 0.005, 0.02))  # a node and step
        self.hiccups = dice.choice((0.0, 0.02, 0.08))
        self.troubles = dice.choice((0.0, 0.01, 0.03))
        self.officers, self.real_red = Officers(world), RealRed(world)
        self.faults = True
        self.broker_back_at: datetime | None = None
        self.exchange_back_at: datetime | None = None

    # -- one step ----------------------------------------------------------------------------------------

    def step(self, seconds: float | None = None) -> None:
        self.world.advance(self.dice.choice(STEPS_S) if seconds is None else seconds)
        if self.faults:
            self._trouble()
        self._revive()
        actors: list[Actor] = [
            self._stations,
            *self.rounds.actors(),
            self.officers.act_now,
            self.real_red.act_now,
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

    # -- what goes wrong ---------------------------------------------------------------------------------

    def _trouble(self) -> None:
        dice, world = self.dice, self.world
        for name in NAMES:
            node = world.nodes[name]
            if node.up and dice.random() < self.crashes:
                node.crash_soon(dice.choice(("before", "after")))
                node.back_at = world.elapsed + timedelta(seconds=dice.choice((0, 10, 60, 400)))
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
            self.broker_back_at = world.elapsed + timedelta(seconds=dice.choice((10, 120, 900)))
        if dice.random() < self.troubles / 2 and self.exchange_back_at is None:
            world.say("exchange gone")
            self.exchange.outage = True
            self.exchange_back_at = world.elapsed + timedelta(seconds=dice.choice((20, 200, 600)))

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
            if not node.up and (node.back_at is None or node.back_at <= world.elapsed):
                node.start()
                world.say(f"{node.name} is back")
        if self.broker_back_at is not None and self.broker_back_at <= world.elapsed:
            self.broker_back_at = None
        if self.broker_back_at is None:
            self.broker.connect()
        if self.exchange_back_at is not None and self.exchange_back_at <= world.elapsed:
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
        found += [] if self.exchange.is_idle(self.world.realm) else ["exchange"]
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
