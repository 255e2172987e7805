"""停演检验 What must hold of a drill that a real red interrupted: nothing of it rings until an officer lets it go on.

Judged by what was sent and received (the inbox's numbers and the exchange's own book), not by what dispatch made of it.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from services.dispatch.channels import store as channels
from tests.support.house.wires import Exchange, Ringing
from tests.support.house.world import Violation, World

WORDS = ("演练中止，真实险情", "EXERCISE STOPPED, REAL EVENT")


class StoppedDrill:
    """停演检验"""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world = world
        self.rung: list[str] = []
        self.about: set[str] | None = None  # attempts about matters, while it is stopped
        exchange.on_call.append(self._heed_call)

    def _heed_call(self, call: Ringing) -> None:
        """The exchange takes a call or a text: dispatch knows by now what its inbox has."""
        said_so = any(words in call.said for words in WORDS)
        if call.realm == self.world.realm and not said_so and self.world.is_interrupted(self.world.dispatch):
            self.rung.append(f"{call.attempt_id} to {call.number}: {call.said[:60]}")

    def nothing_rings(self, conn: Connection) -> None:
        """No call or text of the drill begins, nor is one written down to be made, but the word that it was stopped."""
        if self.rung:
            raise Violation(f"called in a drill that was stopped: {self.rung[:3]}")
        if not self.world.is_interrupted(self.world.dispatch):
            self.about = None
            return
        made = channels.attempts
        rows = conn.execute(select(made.c.attempt_id, made.c.covers).where(made.c.realm == self.world.realm))
        about = {row.attempt_id for row in rows if row.covers}
        fresh = (
            about - self.about if self.about is not None else set()
        )  # what was made earlier in that step is no fault
        if fresh:
            raise Violation(f"written down to be called, though the drill is stopped: {sorted(fresh)[:3]}")
        self.about = about

    def goes_on(self) -> None:
        """Whoever let it go on is heard by all: nobody's clock of the drill stands for good."""
        for node in self.world.nodes.values() if self.world.is_drill else ():
            clock = node.frame.writer.realms.clock(self.world.realm)
            if not clock.is_running:
                raise Violation(f"{node.name}: the drill is {clock.state}")
