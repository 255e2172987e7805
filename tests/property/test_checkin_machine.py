"""群众报到 In whatever order people report and officers look: help stands until somebody closes it, nothing shrinks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.dispatch.checkins.checkin import (
    CheckIn,
    Kind,
    Look,
    Looked,
    Need,
    Priority,
    Reason,
    Receiver,
    Report,
    State,
    joined,
    look,
    opened,
    unseen,
)

START = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)
REPORTS = st.builds(
    Report,
    receipt=st.just("R-000001"),
    at=st.just(START),
    kind=st.sampled_from(Kind),
    needs=st.lists(st.sampled_from(Need), max_size=2).map(tuple),
    people=st.none() | st.integers(1, 4),
    phone=st.sampled_from([None, "00000000001"]),
    lat=st.none() | st.floats(29, 30),
    lon=st.just(108.7),
    entered_late=st.booleans(),
)


class CheckInMachine(RuleBasedStateMachine):
    """The model knows what was ever asked for, and whether an officer closed it since."""

    checkin: CheckIn

    @initialize(first=REPORTS)
    def begin(self, first: Report) -> None:
        self.now = START
        self.checkin = opened("P-0001", first).checkin
        self.asked = first.kind is Kind.NEED_HELP
        self.needs = set(first.needs) if self.asked else set()
        self.most = first.people or 0
        self.count = 1
        self.closed = False

    @rule(said=REPORTS)
    def report(self, said: Report) -> None:
        if self.closed:
            return  # a closed one takes no report: the service opens another
        before = self.checkin
        decision = joined(before, replace(said, at=self.now))
        self.checkin = decision.checkin
        self.count += 1
        self.most = max(self.most, said.people or 0)
        if said.kind is Kind.NEED_HELP:
            self.asked = True
            self.needs |= set(said.needs)
        assert (decision.reason is Reason.SAFE_AFTER_HELP) == (said.kind is Kind.SAFE and before.kind is Kind.NEED_HELP)
        if decision.reason is Reason.JOINED:
            assert (self.checkin.state, self.checkin.look_due_at) == (before.state, before.look_due_at)

    @rule(
        act=st.sampled_from(Look),
        to=st.sampled_from([None, *Receiver]),
        words=st.sampled_from(["", "情况属实"]),
        late=st.booleans(),
    )
    def officer(self, act: Look, to: Receiver | None, words: str, late: bool) -> None:
        before = self.checkin
        decision = look(before, Looked(act=act, by="a", at=self.now, to=to, words=words, entered_late=late))
        self.checkin = decision.checkin
        if decision.refused:
            assert self.checkin == before
        elif act is Look.CLOSE:
            assert words or not self.asked
            self.closed = True

    @rule(minutes=st.integers(0, 30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        was_due = self.checkin.look_due_at is not None and self.checkin.look_due_at <= self.now
        decision = unseen(self.checkin, self.now)
        assert (decision.reason is Reason.UNSEEN) == was_due
        self.checkin = decision.checkin

    @invariant()
    def nothing_shrinks_and_help_stands(self) -> None:
        c = self.checkin
        assert c.reports == self.count
        assert (c.kind is Kind.NEED_HELP) == self.asked
        assert set(c.needs) == (self.needs if self.asked else set())
        assert (c.people or 0) == self.most
        assert (c.state is State.CLOSED) == self.closed
        assert (c.priority is Priority.SAFE) == (not self.asked)
        if self.closed or not self.asked:
            assert c.look_due_at is None


TestCheckInMachine = CheckInMachine.TestCase
