"""Callouts against chance: any order of answers, failures, upgrades, late entries and ticks keeps what was promised.

A naive desk glues the pure cores together: lines of two cases over shared people, one ring a person. The promises:
every line is answered as its level demands, or has climbed to the top within the sum of its clocks; nobody has two
live calls; a wrong person is never called again; busy is never absent; an act entered late starts no clock; over all
cases the worst matter's cadence is the only one; a superior who acts already is told by text, and is rung only for what
is worse, elsewhere, or could not be told, or at the top of the climb.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import msgspec
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.dispatch.callouts import board
from services.dispatch.callouts import ring as rings
from services.dispatch.callouts.clocks import DEFAULTS, Clocks
from services.dispatch.callouts.escalation import due_at, step
from services.dispatch.callouts.events import (
    ActsChanged,
    Answered,
    Attempted,
    ContactFound,
    ContactLost,
    Decision,
    Event,
    MatterEnded,
    MatterJoined,
    StandIn,
    Tick,
)
from services.dispatch.callouts.line import OUT, Line, LineStatus, PartyKind, PartyState, Want, new_line, wants_of
from services.dispatch.callouts.matter import Grade, LineMatter, Purpose, Via
from services.dispatch.callouts.stand_in import acting_of, covers
from services.dispatch.callouts.tally import tally
from services.dispatch.channels.carrier import Result
from services.dispatch.roster.who import Callee, Holder
from shared.vocabulary import Level, worst

TALLIES = import_module("services.dispatch.migrations.versions.0006_tallies")
T0 = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
CLOCKS = Clocks(day=DEFAULTS, night=DEFAULTS)
PEOPLE = "甲乙丙丁戊己"
LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
ENDS = [r for r in Result if r is not Result.KEYED]
KEYS = [Grade.HEARD, Grade.UNDERSTOOD, Grade.ACTING, Grade.CANNOT_ACT, Grade.WRONG_PERSON]

CALLEES = {
    ("C-1", "head"): Callee(
        post="head",
        person="甲",
        region="t",
        deputies=(Holder(post="deputy", person="乙"),),
        seconds=(Holder(post="village", person="丙"),),
        superiors=(Holder(post="vice", person="丁"), Holder(post="chief", person="戊")),
        neighbours=(Holder(post="next", person="己"),),
        feedback=True,
    ),
    ("C-1", "village"): Callee(post="village", person="丙", region="v", superiors=(Holder(post="head", person="甲"),)),
    ("C-2", "head"): Callee(post="head", person="甲", region="t", superiors=(Holder(post="chief", person="戊"),)),
    ("C-2", "chief"): Callee(post="chief", person="戊", region="d"),
}


class CalloutMachine(RuleBasedStateMachine):
    """值班室 The duty room that hypothesis plays."""

    @initialize()
    def begin(self) -> None:
        self.now = T0
        self.lines: dict[tuple[str, str], Line] = {key: new_line(key[0], callee, T0) for key, callee in CALLEES.items()}
        self.rings = {person: rings.Ring(person=person) for person in PEOPLE}
        self.live: dict[str, tuple[str, tuple[Want, ...]]] = {}
        self.struck: set[str] = set()
        self.version = 0
        self.calls = 0
        self.busy_at: dict[str, datetime] = {}
        self.texts: set[tuple[tuple[str, str], str, str, int]] = set()

    # -- the glue that `callouts.service` is in earnest ----------------------------------------------------

    def move(self, key: tuple[str, str], event: Event) -> Decision:
        before = self.lines[key]
        decision = step(before, event, self.now, CLOCKS, self.acts)
        if decision.is_refused:
            assert decision.state == before
            assert decision.effects == ()
        self.lines[key] = decision.state
        for effect in decision.effects:
            if isinstance(effect, StandIn):
                self.texts |= {(key, effect.person, m.key, m.asked or m.version) for m in effect.matters}
        if acting_of(before) != acting_of(decision.state):
            self._acts_changed(decision.state.person)
        return decision

    def acts(self, person: str, matter: LineMatter) -> bool:
        own = [m for line in self.lines.values() if line.person == person for m in acting_of(line)]
        return any(covers(m, matter, lambda inner, outer: (inner, outer) == ("p", "t")) for m in own)

    def _acts_changed(self, person: str) -> None:
        for key, line in self.lines.items():
            party = line.party_of(person)
            if line.is_open and party is not None and party.kind is PartyKind.SUPERIOR:
                self.move(key, ActsChanged())

    def wants(self, person: str) -> tuple[Want, ...]:
        found = [w for line in self.lines.values() for w in wants_of(line, CLOCKS, self.now) if w.person == person]
        return tuple(found)

    def refresh(self, persons: Iterable[str] = PEOPLE) -> None:
        for person in persons:
            self.rings[person] = rings.step(
                self.rings[person], rings.Wanted(wants=self.wants(person)), self.now, CLOCKS
            ).state

    def tick(self) -> None:
        for key in self.lines:
            for _ in range(20):
                due = due_at(self.lines[key], CLOCKS, self.now)
                if due is None or due > self.now:
                    break
                self.move(key, Tick())
            else:
                raise AssertionError("a clock that stays due")
        self.refresh()
        for person, ring in self.rings.items():
            due_wants = tuple(w for w in self.wants(person) if w.since <= self.now)
            if ring.next_at is not None and ring.next_at <= self.now and due_wants:
                self.calls += 1
                call = f"A-{self.calls}"
                decision = rings.step(ring, rings.Started(attempt_id=call, wants=due_wants), self.now, CLOCKS)
                assert not decision.is_refused
                assert self._is_a_slot(ring), "rung by another cadence than the worst matter's"
                assert person not in self.live, "two live calls for one person"
                assert person not in self.struck, "a wrong person was called again"
                if person in self.busy_at:
                    assert self.now >= self.busy_at.pop(person) or decision.state.level is Level.RED
                self.live[person] = (call, due_wants)
                self.rings[person] = decision.state

    def _is_a_slot(self, ring: rings.Ring) -> bool:
        """Over all cases: a slot of the worst matter, a second call after busy, or as soon as the last call is over."""
        assert ring.next_at is not None
        assert ring.base_at is not None
        clock = CLOCKS.at(worst(*(w.matter.level for w in self.wants(ring.person))), self.now)
        soon = ring.ended_at + timedelta(seconds=rings.PAUSE_S) if ring.ended_at else None
        if ring.next_at in (ring.retry_at, soon):
            return True
        after_s = (ring.next_at - ring.base_at).total_seconds()
        return after_s in clock.attempts_s or (after_s - clock.attempts_s[-1]) % clock.then_every_s == 0

    # -- what happens ------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(sorted(CALLEES)), level=st.sampled_from(LEVELS), trip=st.sampled_from(["rain", "slide"]))
    def matter(self, key: tuple[str, str], level: Level, trip: str) -> None:
        self.version += 1
        self.move(key, MatterJoined(matter=self._matter(trip, level)))
        self.refresh()

    @rule(key=st.sampled_from(sorted(CALLEES)), level=st.sampled_from(LEVELS))
    def matter_entered_late(self, key: tuple[str, str], level: Level) -> None:
        self.version += 1
        before = {k: due_at(line, CLOCKS, self.now) for k, line in self.lines.items()}
        self.move(key, MatterJoined(matter=self._matter("rain", level), entered_late=True))
        assert {k: due_at(line, CLOCKS, self.now) for k, line in self.lines.items()} == before

    def _matter(self, trip: str, level: Level) -> LineMatter:
        return LineMatter(
            matter_id=trip,
            version=self.version,
            purpose=Purpose.ACT,
            level=level,
            scope="t" if trip == "rain" else "p",
            opened_at=self.now,
        )

    @rule(key=st.sampled_from(sorted(CALLEES)), trip=st.sampled_from(["rain", "slide"]))
    def matter_over(self, key: tuple[str, str], trip: str) -> None:
        self.move(key, MatterEnded(key=f"{trip}#act"))
        self.refresh()

    @rule(seconds=st.sampled_from([1, 20, 45, 60, 180, 300, 900]))
    def time_passes(self, seconds: int) -> None:
        """From one thing that is due to the next, as the worker wakes; a second at least between two."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            dues = [due_at(line, CLOCKS, self.now) for line in self.lines.values()]
            dues += [ring.next_at for ring in self.rings.values()]
            soonest = min((due for due in dues if due is not None), default=until)
            self.now = min(until, max(soonest, self.now + timedelta(seconds=1)))
            self.tick()

    @precondition(lambda self: bool(self.live))
    @rule(data=st.data(), result=st.sampled_from(ENDS))
    def call_ends(self, data: st.DataObject, result: Result) -> None:
        person = data.draw(st.sampled_from(sorted(self.live)))
        called = {k: [p.person for p in line.parties if p.state is PartyState.CALLED] for k, line in self.lines.items()}
        self._end(person, result)
        if result is Result.BUSY:
            after = {k: [p.person for p in v.parties if p.state is PartyState.CALLED] for k, v in self.lines.items()}
            assert after == called, "busy was taken for absent"
            ring = self.rings[person]
            if ring.next_at is not None:
                clock = CLOCKS.at(ring.level, self.now)
                assert ring.next_at == self.now + timedelta(seconds=clock.busy_again_s)

    @precondition(lambda self: bool(self.live))
    @rule(data=st.data(), grade=st.sampled_from(KEYS))
    def key_pressed(self, data: st.DataObject, grade: Grade) -> None:
        person = data.draw(st.sampled_from(sorted(self.live)))
        _, wants = self.live[person]
        read: dict[tuple[str, str], dict[str, int]] = {}
        for want in wants:
            read.setdefault((want.case_id, want.line_post), {})[want.matter.key] = want.matter.version
        if grade is Grade.WRONG_PERSON:
            self._strike(person, set(read))
        else:
            for key, versions in read.items():
                self.move(key, Answered(person=person, grade=grade, via=Via.KEYPAD, read=versions))
        self.refresh()
        self._end(person, Result.KEYED)

    @rule(key=st.sampled_from(sorted(CALLEES)), grade=st.sampled_from(KEYS), ago=st.sampled_from([0, 60, 600]))
    def entered_late(self, key: tuple[str, str], grade: Grade, ago: int) -> None:
        line = self.lines[key]
        person = line.person
        assume(grade is not Grade.WRONG_PERSON or person not in self.live)
        before = due_at(line, CLOCKS, self.now)
        called = {p.person for p in line.parties if p.state is PartyState.CALLED}
        event = Answered(
            person=person,
            grade=grade,
            via=Via.ON_BEHALF,
            by="值班员",
            ground="纸质记录",
            happened_at=self.now - timedelta(seconds=ago),
            entered_late=True,
        )
        decision = self.move(key, event)
        after = due_at(self.lines[key], CLOCKS, self.now)
        assert after in (before, None) or not decision.state.is_open or (before is not None and after >= before), (
            "an act entered late started a clock"
        )
        assert {p.person for p in self.lines[key].parties if p.state is PartyState.CALLED} <= called
        if grade is Grade.WRONG_PERSON and not decision.is_refused:
            self._strike(person, {key}, late=True)
        self.refresh()

    @rule(key=st.sampled_from(sorted(CALLEES)), data=st.data())
    def text_is_lost(self, key: tuple[str, str], data: st.DataObject) -> None:
        told = sorted(p.person for p in self.lines[key].parties if p.state is PartyState.TOLD)
        assume(told and self.lines[key].is_open)
        person = data.draw(st.sampled_from(told))
        self.move(key, Attempted(person=person, result=Result.CARRIER_FAILED, by_text=True))
        self.refresh()
        assert any(w.person == person for w in wants_of(self.lines[key], CLOCKS, self.now)), "neither told nor rung"

    @rule(key=st.sampled_from(sorted(CALLEES)), grade=st.sampled_from(KEYS[:4]))
    def text_is_answered(self, key: tuple[str, str], grade: Grade) -> None:
        line = self.lines[key]
        told = [p.person for p in line.parties if p.state is PartyState.TOLD]
        assume(told and line.is_open)
        read = {m.key: m.version for m in line.unanswered(CLOCKS, self.now)}
        self.move(key, Answered(person=told[0], grade=grade, via=Via.SMS, read=read))
        if grade is Grade.ACTING:
            assert self.lines[key].status is LineStatus.ANSWERED
        self.refresh()

    @precondition(lambda self: bool(self.struck))
    @rule(data=st.data())
    def number_found(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(sorted(self.struck)))
        self.struck.discard(person)
        for key in self.lines:
            self.move(key, ContactFound(person=person))
        self.refresh()

    def _strike(self, person: str, asked: set[tuple[str, str]], *, late: bool = False) -> None:
        self.struck.add(person)
        for key, line in self.lines.items():
            if line.party_of(person) is None:
                continue
            if key in asked and not late:
                decision = self.move(key, Answered(person=person, grade=Grade.WRONG_PERSON, via=Via.KEYPAD))
                if not decision.is_refused:
                    continue
            self.move(key, ContactLost(person=person, state=PartyState.STRUCK, entered_late=late))

    def _end(self, person: str, result: Result) -> None:
        call, wants = self.live.pop(person)
        for want in wants:
            self.move((want.case_id, want.line_post), Attempted(person=person, result=result))
        ended = rings.Ended(attempt_id=call, result=result, wants=self.wants(person))
        decision = rings.step(self.rings[person], ended, self.now, CLOCKS)
        assert not decision.is_refused
        self.rings[person] = decision.state

    # -- what was promised -------------------------------------------------------------------------------

    @invariant()
    def answered_as_the_level_demands(self) -> None:
        for line in getattr(self, "lines", {}).values():
            for m in line.matters if line.status is LineStatus.ANSWERED else ():
                high = m.level.rank >= Level.ORANGE.rank
                assert m.grade is Grade.ACTING or (not high and m.grade is Grade.UNDERSTOOD), m

    @invariant()
    def open_lines_ring_or_climb(self) -> None:
        """Never silence: an open line has somebody to ring, or a clock, or has said that its top is reached."""
        for line in getattr(self, "lines", {}).values():
            if line.is_open:
                rung = any(p.state is PartyState.CALLED for p in line.parties)
                assert rung or line.status is LineStatus.TOP_REACHED or due_at(line, CLOCKS, self.now) is not None

    @invariant()
    def at_the_top_within_the_sum_of_the_clocks(self) -> None:
        for line in getattr(self, "lines", {}).values():
            if not line.is_open or line.status is LineStatus.TOP_REACHED:
                continue
            clock = CLOCKS.at(line.level(CLOCKS, self.now), self.now)
            rungs = line.top_rung + 1
            bound = clock.deputy_after_s + clock.superior_after_s + rungs * clock.next_superior_every_s + 60
            worst_s = max(bound, _sum_of_all(line))
            assert self.now - max(line.climb_from, line.rung_at) <= timedelta(seconds=worst_s)

    @invariant()
    def who_acts_already_is_told_and_all_others_ring(self) -> None:
        """The rule, said again: the superior's own acting answer, to at least this level, there or around it."""
        for key, line in getattr(self, "lines", {}).items():
            waiting = line.unanswered(CLOCKS, self.now) if line.is_open else ()
            for party in line.parties if waiting else ():
                if party.state not in (PartyState.CALLED, PartyState.TOLD):
                    continue
                if party.kind is not PartyKind.SUPERIOR:
                    assert party.state is PartyState.CALLED
                    continue
                own = [
                    m
                    for other in self.lines.values()
                    if other.person == party.person and other.status is not LineStatus.CLOSED
                    for m in other.matters
                    if m.grade is Grade.ACTING and m.answered_by == party.person
                ]
                acts = all(
                    any(o.level.rank >= m.level.rank and o.scope in (m.scope, "t") for o in own) for m in waiting
                )
                told = party.state is PartyState.TOLD
                at_top = line.status is LineStatus.TOP_REACHED
                assert told is (acts and not party.text_failed and not at_top), (key, party)
                news = {(key, party.person, m.key, m.asked or m.version) for m in waiting}
                assert not told or news <= self.texts, "neither rung nor told by whom not answered"

    @invariant()
    def whoever_is_wanted_has_a_ring(self) -> None:
        for person in PEOPLE if hasattr(self, "rings") else ():
            ring = self.rings[person]
            if self.wants(person):
                assert person in self.live or ring.next_at is not None, f"{person} is wanted and nobody rings"
            if person in self.struck:
                assert not self.wants(person) or person in self.live

    @invariant()
    def a_case_counts_its_lines(self) -> None:
        """The numbers, said again of the lines themselves; as a store of before the tallies would have them too."""
        lines = list(getattr(self, "lines", {}).values())
        numbers = board.summary(lines, CLOCKS, self.now) if lines else {}
        live = [line for line in lines if line.status is not LineStatus.CLOSED]
        for name, found in {
            "level": [worst(*(m.level for line in live for m in line.matters))] if lines else [],
            "called": live,
            "answered": [line for line in live if line.status is LineStatus.ANSWERED],
            "unanswered": [line for line in live if line.is_open],
            "struck": [p for line in live for p in line.parties if p.state is PartyState.STRUCK],
            "on_behalf": [line for line in live if line.answer and line.answer.via is Via.ON_BEHALF],
            "feedback_overdue": [
                line for line in live if line.feedback and line.feedback.overdue_at and not line.feedback.given_at
            ],
        }.items():
            assert not lines or numbers[name] == (found[0] if name == "level" else len(found)), name
        for line in lines:
            assert TALLIES._tally(msgspec.to_builtins(line)) == msgspec.to_builtins(tally(line))

    @invariant()
    def nobody_is_out_and_called(self) -> None:
        for line in getattr(self, "lines", {}).values():
            for want in wants_of(line, CLOCKS, self.now):
                party = line.party_of(want.person)
                assert party is not None
                assert party.state not in OUT or want.matter.purpose is Purpose.FEEDBACK
                assert party.kind is not PartyKind.NEIGHBOUR or want.matter.purpose is Purpose.DOOR


def _sum_of_all(line: Line) -> int:
    """The slowest climb of any level, for lines whose level fell in the middle of it."""
    slowest = max(DEFAULTS.values(), key=lambda c: c.superior_after_s)
    return slowest.superior_after_s + (line.top_rung + 1) * slowest.next_superior_every_s + 60


TestCallouts = CalloutMachine.TestCase
TestCallouts.settings = settings(stateful_step_count=30)


def test_silence_reaches_the_top_at_every_level() -> None:
    """Nobody ever answers: the top is reached within the sum of the clocks, and the phones ring on."""
    for level in LEVELS:
        line = new_line("C-1", CALLEES[("C-1", "head")], T0)
        matter = LineMatter(matter_id="rain", version=1, purpose=Purpose.ACT, level=level, scope="t", opened_at=T0)
        line = step(line, MatterJoined(matter=matter), T0, CLOCKS).state
        clock = CLOCKS.at(level, T0)
        while line.status is not LineStatus.TOP_REACHED:
            due = due_at(line, CLOCKS, T0)
            assert due is not None
            line = step(line, Tick(), due, CLOCKS).state
        assert line.top_at is not None
        assert line.top_at - T0 <= timedelta(seconds=clock.superior_after_s + 2 * clock.next_superior_every_s)
        assert {w.person for w in wants_of(line, CLOCKS, line.top_at)} >= set("甲乙丙丁戊")
