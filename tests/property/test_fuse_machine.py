"""熔断状态机 A fuse under random readings, lags, duplicates, revisions, silence and restarts, against a naive model.

Two worlds hear the same: one is thrown away and loaded from its rows at random moments (kill -9), the other never. The
model recomputes what is true from the list of readings, with fractions and without any window structure.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.warning.fuses.book import Book
from services.warning.fuses.events import Decision, Event, HoldReport, ReadingsBatch, Refused, Release, Tick
from services.warning.fuses.state import FuseState, Transition
from services.warning.fuses.world import World, decide
from services.warning.readings.instant import MINUTE, parse_rfc3339
from services.warning.readings.validate import Checked, Incoming, Quality
from shared.structs import Reader
from shared.vocabulary import Level
from tests.support.fuse_packs import TOWN, at, book, reading, station

RULE = """
- id: rain
  hazard: 11B03
  per: township
  metric: rain_mm
  levels:
    yellow: [{sum: 15min, at_least: 10}]
    orange: [{sum: 15min, at_least: 20}]
    red:    [{sum: 15min, at_least: 30}]
  quorum: {count: QUORUM, minimum: 1}
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  deadband: 10%
  hold: HOLDmin
  silence: {intervals: 3, above: orange, then: THEN}
"""
STATE, CHECKED = Reader(FuseState), Reader(Checked)
BOUNDS = {Level.YELLOW: 10, Level.ORANGE: 20, Level.RED: 30}
LOWERING = {"hold", "release", "refuted"}
NAMES = ("A", "B", "C")
values = st.sampled_from([0, 0, 0, 0.1, 2.5, 3.4, 6, 9.9, 10, 12, 20, 31])
qualities = st.sampled_from([Quality.GOOD] * 8 + [Quality.DOUBTFUL, Quality.BAD, Quality.TEST])


def worst_of(told: dict[tuple[str, int], tuple[float, bool]], count: int, t: int) -> Level:
    """The worst level that good and doubtful readings give at an instant, added up one by one."""
    votes = dict.fromkeys(BOUNDS, 0)
    for name in NAMES:
        inside = [
            Fraction(str(value)) for (who, when), (value, usable) in told.items()
            if who == name and usable and t - 15 * MINUTE < when <= t
        ]  # fmt: skip
        fresh = any(who == name and usable and t - 15 * MINUTE < when <= t for (who, when), (_, usable) in told.items())
        for level, bound in BOUNDS.items():
            votes[level] += fresh and bool(inside) and sum(inside) >= bound
    return max((level for level, n in votes.items() if n >= count), key=lambda level: level.rank, default=Level.NORMAL)


class FuseMachine(RuleBasedStateMachine):
    @initialize(
        count=st.integers(1, 2),
        hold=st.sampled_from([0, 5, 12, 30]),
        then=st.sampled_from(["verify", "raise"]),
        latch=st.sampled_from([None, "orange"]),
    )
    def begin(self, count: int, hold: int, then: str, latch: str | None) -> None:
        text = RULE.replace("QUORUM", str(count)).replace("HOLD", str(hold)).replace("THEN", then)
        text += f"  latch: {latch}\n" if latch else ""
        self.book: Book = book(text, *(station(name) for name in NAMES))
        self.count, self.hold, self.latch = count, hold * MINUTE, latch
        self.now = at("10:00")
        self.steady, self.restarted = World(), World()
        self.rows: list[Checked] = []
        self.told: dict[tuple[str, int], tuple[float, bool]] = {}
        self.records: list[Transition] = []
        self.sent: list[Incoming] = []
        self.newest = 0
        self.on_time_worst = Level.NORMAL

    # ---- what happens

    def tell(self, event: Event) -> Decision:
        before = self.level
        one, other = decide(self.book, self.steady, event, self.now), decide(self.book, self.restarted, event, self.now)
        assert one.transitions == other.transitions
        assert one.states == other.states
        assert one.refused == other.refused
        self.rows += one.readings
        self.check(before, one.transitions)
        self.records += one.transitions
        return one

    @property
    def state(self) -> FuseState | None:
        return self.steady.states.get(("rain", TOWN))

    @property
    def level(self) -> Level:
        return self.records[-1].to if self.records else Level.NORMAL

    @rule(data=st.data(), forward=st.sampled_from([0, 1, 5, 5, 5]))
    def hear(self, data: st.DataObject, forward: int) -> None:
        """A batch of up to three readings, some of them late or revised, in any order."""
        self.now += forward * MINUTE
        batch = []
        for _ in range(data.draw(st.integers(1, 3))):
            lag = data.draw(st.sampled_from([0, 0, 0, 0, 1, 5, 20]))
            when = (self.now - lag * MINUTE) // (5 * MINUTE) * (5 * MINUTE)
            name, quality = data.draw(st.sampled_from(NAMES)), data.draw(qualities)
            batch.append(reading(name, when, data.draw(values), known=self.now, quality=quality))
        batch = list({(r.station_id, r.observed_us): r for r in batch}.values())
        late = any(r.observed_us < self.newest for r in batch)
        decision = self.tell(ReadingsBatch(tuple(data.draw(st.permutations(batch)))))
        self.sent = batch
        for checked in decision.readings:
            if checked.fate.moves:
                self.told[checked.station_id, checked.observed_us] = (checked.value or 0, checked.quality.usable)
                self.newest = max(self.newest, checked.observed_us)
        if not late:  # up: at once, to the worst true level
            instants = {checked.observed_us for checked in decision.readings if checked.fate.moves}
            for t in instants:
                assert self.level.rank >= worst_of(self.told, self.count, t).rank or self.lowered(decision)

    def lowered(self, decision: Decision) -> bool:
        """With a hold of nothing a level may fall again in the same instant."""
        return self.hold == 0 and any(record.reason.value == "hold" for record in decision.transitions)

    @precondition(lambda self: self.sent)
    @rule()
    def hear_again(self) -> None:
        """Redelivery changes nothing."""
        state = self.state
        decision = self.tell(ReadingsBatch(tuple(self.sent)))
        assert decision.transitions == []
        assert self.state == state
        assert not any(checked.fate.moves for checked in decision.readings)

    @rule(minutes=st.sampled_from([0, 1, 3, 10, 40, 200]))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        self.tell(Tick())

    @rule()
    def tick_again(self) -> None:
        """A tick alone changes nothing."""
        self.tell(Tick())
        assert self.tell(Tick()).transitions == []

    @precondition(lambda self: self.state is not None and self.state.level)
    @rule()
    def release(self) -> None:
        self.tell(Tick())  # what is due comes first
        state = self.state
        assert state is not None
        act = Release(fuse="rain", scope=TOWN, by="王某", report=HoldReport(state.n))
        decision = self.tell(act)
        if state.level and not decision.refused:
            assert decision.transitions[0].reason.value == "release"
            assert decision.transitions[0].to == decision.transitions[0].condition
        else:
            assert decision.refused in (Refused.CONDITION_STANDS, Refused.NO_TRIP)

    @rule()
    def restart(self) -> None:
        """kill -9: states and readings come back from their rows, nothing else does."""
        packed = [msgspec.json.encode(state) for state in self.restarted.states.values()]
        states = [STATE.json(row) for row in packed]
        rows = [CHECKED.json(msgspec.json.encode(row)) for row in self.rows]
        self.restarted = World.load(self.book, states, rows)

    # ---- what must always hold

    def check(self, before: Level, records: list[Transition]) -> None:
        level, known = before, ""
        for record in records:
            assert record.from_ == level
            assert record.known_at >= known
            assert record.observed_at <= record.known_at or record.reason.value != "hold"
            if record.to.rank < record.from_.rank:
                assert record.reason.value in LOWERING
            if record.reason.value == "hold":
                defined = [Level.NORMAL, *BOUNDS]
                assert record.to == defined[defined.index(record.from_) - 1]
                assert record.condition.rank < record.from_.rank
                assert not record.blind
                assert self.latch is None or record.from_.rank < Level(self.latch).rank
            if record.reason.value in ("unknown", "latched", "silence", "blind", "unverified", "confirmed"):
                assert record.to == record.from_ or record.reason.value == "silence"
            assert (record.verification.value == "confirmed") == (record.confirmed_level == record.to)
            assert record.confirmed_level.rank <= record.to.rank
            assert (record.trip_id is None) == (record.to is record.from_ is Level.NORMAL)
            level, known = record.to, record.known_at

    @invariant()
    def records_are_numbered_and_holds_keep_their_distance(self) -> None:
        if not hasattr(self, "records"):
            return
        assert [record.n for record in self.records] == list(range(1, len(self.records) + 1))
        steps = [parse_rfc3339(record.known_at) for record in self.records if record.reason.value == "hold"]
        changes = [parse_rfc3339(r.known_at) for r in self.records if r.to != r.from_]
        for step in steps:
            earlier = [change for change in changes if change < step]
            assert self.hold == 0 or not earlier or step - earlier[-1] >= self.hold

    @invariant()
    def the_state_says_what_the_last_record_says(self) -> None:
        state = getattr(self, "book", None) and self.state
        if state:
            assert state.level == self.level.rank
            assert (state.doubtful is None) == (state.confirmed == state.level)


FuseMachine.TestCase.settings = settings(stateful_step_count=40)
TestFuseMachine = FuseMachine.TestCase
