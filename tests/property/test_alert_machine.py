"""预警一生 in any order of facts and acts, against a naive account of who said yes to which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.warning.alerts.alert import AlertState as S
from services.warning.alerts.life import (
    Act,
    Approval,
    Facts,
    Life,
    Purpose,
    approve,
    may_release,
    may_withdraw,
    on_version,
    persons_needed,
    persons_of,
    redraft,
    released,
    simple,
    withdrawn,
)
from shared.vocabulary import AlertScope, Level

NOW = datetime(2026, 6, 28, 3, 5, tzinfo=UTC)
PEOPLE = st.sampled_from(["a", "b", "c"])
VOICES = st.sampled_from([None, None, "a", "b", "v"])
LEVELS = st.sampled_from([Level.BLUE, Level.ORANGE, Level.RED, Level.RED])
SCOPES = st.sampled_from([AlertScope.PUBLIC, AlertScope.RESTRICTED])
BACKWARD = (Act.RETURN, Act.REJECT, Act.HAND_OVER)


class AlertLife(RuleBasedStateMachine):
    """The model keeps only: which words each person said yes to, who wrote the words, and what was said in public."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.facts = Facts(level=Level.BLUE, confirmed_level=Level.BLUE, scope=AlertScope.PUBLIC, is_over=False)
        self.words = 0
        self.yes: set[tuple[str, str]] = set()  # (digest, person), of all time
        self.said: list[tuple[str, Facts]] = []
        self.writers: dict[str, set[str]] = {}
        self.ended = False
        self._version()

    @property
    def content(self) -> str:
        return f"{self.facts.level}/{self.facts.scope}/{self.words}"

    def digest(self, purpose: Purpose) -> str:
        stands = self.life.public.identifier if self.life.public else None
        return f"{purpose}:{stands}:{self.content if purpose is Purpose.PUBLISH else ''}"

    def _version(self) -> None:
        self.life = on_version(self.life, self.content, self.facts)

    # -- facts -------------------------------------------------------------------------------------------

    @rule(level=LEVELS, confirmed=LEVELS)
    def the_alarm_changes(self, level: Level, confirmed: Level) -> None:
        self._facts(level, min(level, confirmed, key=lambda one: one.rank))

    @rule()
    def the_alarm_is_over(self) -> None:
        if self.life.public is not None:  # before a release there is little to see behind it
            self._facts(Level.NORMAL, Level.NORMAL)

    def _facts(self, level: Level, confirmed: Level) -> None:
        if self.life.state is S.ENDED:
            return
        before = self.life.public
        if level is not self.facts.level:
            self.words += 1  # words written for another level fall
        self.facts = replace(self.facts, level=level, confirmed_level=confirmed, is_over=level is Level.NORMAL)
        self._version()
        assert self.life.public == before, "facts put nothing into public and take nothing out of it"

    @rule()
    def it_is_renewed(self) -> None:
        before = self.life
        self._version()
        assert self.life == before, "what says the same changes nothing"

    # -- acts --------------------------------------------------------------------------------------------

    @rule(who=PEOPLE, scope=SCOPES)
    def drafted(self, who: str, scope: AlertScope) -> None:
        facts, words = replace(self.facts, scope=scope), self.words + 1
        content = f"{facts.level}/{scope}/{words}"
        done = redraft(self.life, content, who, facts)
        if done.refused is None:
            self.life, self.facts, self.words = done.life, facts, words
            self.writers.setdefault(content, set()).update(done.life.drafters)
            assert self.life.state is S.DRAFT

    @rule(who=PEOPLE, voice=VOICES, purpose=st.sampled_from([*Purpose, Purpose.PUBLISH, Purpose.PUBLISH]))
    def signed(self, who: str, voice: str | None, purpose: Purpose) -> None:
        digest = self.digest(purpose)
        approval = Approval(
            digest=digest,
            holder=who,
            owner=who,
            key_id=who,
            signature="s",
            signed_at=NOW,
            at=NOW,
            voice=voice,
        )
        names = approval.persons
        done = approve(self.life, purpose, approval, names, self.facts)
        if done.refused is None:
            if purpose is Purpose.PUBLISH:
                assert self.facts.confirmed
                assert not names & self.writers.get(self.content, set()), "who wrote it never approves it"
            self.yes |= {(digest, name) for name in names}
            again = approve(done.life, purpose, approval, names, self.facts)
            assert (again.refused, again.life) == (None, done.life), "twice is once"
        else:
            assert done.life == self.life, "what is refused changes nothing"
        self.life = done.life

    @rule(purpose=st.sampled_from(Purpose))
    def signed_by_two(self, purpose: Purpose) -> None:
        """The common way, so that releases and ends are met often."""
        self.signed("a", None, purpose)
        self.signed("b", None, purpose)
        if purpose is Purpose.PUBLISH:
            self.released_by_the_body()
        else:
            self.withdrawn_by_the_body(purpose)

    @rule(act=st.sampled_from(BACKWARD))
    def sent_on_or_back(self, act: Act) -> None:
        done = simple(self.life, act)
        if done.refused is None:
            again = simple(done.life, act)
            assert again.refused is not None, "twice is once"
            assert again.life == done.life
        self.life = done.life

    @rule()
    def released_by_the_body(self) -> None:
        digest = self.digest(Purpose.PUBLISH)
        if may_release(self.life, persons_of(self.life.approvals, digest), self.facts) is not None:
            return
        said_yes = {person for known, person in self.yes if known == digest}
        assert len(said_yes) >= persons_needed(self.facts.level, self.facts.scope)
        assert self.facts.confirmed, "an unconfirmed level never reaches the public"
        self.said.append((self.content, self.facts))
        self.life = released(self.life, len(self.said), f"p{len(self.said)}")
        assert may_release(self.life, frozenset({"a", "b"}), self.facts) is not None, "twice is once"

    @rule(purpose=st.sampled_from([Purpose.CANCEL, Purpose.END]))
    def withdrawn_by_the_body(self, purpose: Purpose) -> None:
        digest = self.digest(purpose)
        persons = persons_of(self.life.approvals, digest)
        if may_withdraw(self.life, purpose, persons, self.facts, 2) is not None:
            return
        assert len({person for known, person in self.yes if known == digest}) >= 2
        assert purpose is Purpose.CANCEL or self.facts.is_over, "no all-clear while it stands"
        self.life = withdrawn(self.life, purpose)

    # -- always ------------------------------------------------------------------------------------------

    @invariant()
    def ended_is_ended(self) -> None:
        self.ended = self.ended or self.life.state is S.ENDED
        if self.ended:
            assert (self.life.state, self.life.public) == (S.ENDED, None)

    @invariant()
    def what_stands_was_said(self) -> None:
        if self.life.public is not None:
            assert self.said
            assert self.life.public.content in {content for content, _ in self.said}
        if self.life.state in (S.RELEASED, S.UPDATED):
            assert self.life.public is not None
            assert self.life.public.state is self.life.state

    @invariant()
    def approved_is_approved_by_enough(self) -> None:
        if self.life.state in (S.APPROVED, S.HANDED_OVER):
            persons = persons_of(self.life.approvals, self.digest(Purpose.PUBLISH))
            assert len(persons) >= persons_needed(self.facts.level, self.facts.scope)


TestAlertLife = AlertLife.TestCase
