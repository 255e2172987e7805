"""真实红色 In some drills a red in earnest comes in between, and later an officer who lets the drill go on.

It knows nothing of what must follow: that `stopped.StoppedDrill` says.
"""

from __future__ import annotations

from datetime import timedelta

from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import AttemptState
from services.warning.drills import service as drills
from services.warning.fuses.events import ManualTrip
from services.warning.fuses.service import Deed
from services.warning.notices.service import Draft
from shared.errors import FengsuiError
from shared.realm import LIVE
from shared.vocabulary import Level, Scale
from tests.simulation.field import TOWNSHIP
from tests.support.house.world import Crashed, World

OFTEN = 0.7
PATIENCE = timedelta(minutes=12)


class RealRed:
    """真实红色: ``act_now`` once a step; does nothing on a night that is no drill."""

    def __init__(self, world: World) -> None:
        dice = world.dice("real red")
        self.world = world
        drawn = dice.random() < OFTEN
        self.at = world.domain + timedelta(minutes=dice.randint(6, 16)) if drawn and world.is_drill else None
        self.queued = dice.random() < 0.7  # it comes while calls wait to be sent, else while some are out
        self.by_notice = dice.random() < 0.5  # stands until it ends; tripped by hand, nothing is above the threshold
        self.stands_for = timedelta(minutes=dice.randint(2, 9) / world.speed)
        self.steps = dice.randint(3, 9)  # until an officer first tries to go on
        self.interrupted = 0

    def act_now(self) -> None:
        world = self.world
        if self.at is None or world.domain < self.at or not world.warning.up:
            return
        try:
            if not self.interrupted:
                if self._at_work() or world.domain > self.at + PATIENCE:
                    self._raise()
            elif world.stands:
                self.steps -= 1
                if self.steps <= 0:
                    world.warning.call(
                        lambda tx: drills.resume(tx, world.realm, world.pack, by="qj-hq-chief", reason="演示数据")
                    )
        except Crashed:
            world.warning.start()  # at once: whether it was done stands in its store, and the clock goes by that
        except FengsuiError as error:
            world.say(f"real red: {error.code}")
        self._look()

    def _at_work(self) -> bool:
        """Whether the drill is just calling people: then there is something to stop."""
        if not self.world.dispatch.up:
            return False
        with self.world.dispatch.read() as conn:
            going = [stored.attempt.state for stored in channels.unfinished(conn, self.world.realm)]
        return AttemptState.QUEUED in going if self.queued else bool(going)

    def _raise(self) -> None:
        pipeline = self.world.pipeline
        if not self.by_notice:
            event = ManualTrip(fuse="rainstorm", scope=TOWNSHIP, level=Level.RED, by="qj-hq-duty")
            deed = Deed("trip.manual", "qj-hq-duty", "演示数据")
            self.world.warning.call(lambda tx: pipeline.act(tx, LIVE, event, deed))
            return
        now = self.world.clock.now()
        draft = Draft(
            type="signal",
            number="演示真实险情",
            issuer="演示气象台",
            scale=Scale.SIGNAL,
            level=Level.RED,
            hazard="11B03",
            areas=(TOWNSHIP,),
            valid_from=now,
            valid_to=now + self.stands_for,
            text="演示数据",
            read_back_by="演示人员005",
            corrects=None,
        )
        self.world.warning.call(lambda tx: pipeline.enter_notice(tx, LIVE, draft, "qj-hq-duty"))

    def _look(self) -> None:
        """Whether the drill's clock stands now."""
        world = self.world
        stands = not world.warning.frame.writer.realms.clock(world.realm).is_running
        if stands != world.stands:
            world.stands = stands
            self.interrupted += stands
            world.say(f"the drill {'is interrupted' if stands else 'goes on'}")
