"""人员清单 People by name: 应转 = 集中安置 + 投亲靠友 + 外出未在家 + 拒转 + 未联系上.

Whoever was not reported on is *not found*: silence is never read as gone. A shelter's arrivals never equal the
people who moved, since most go to relatives. Those who went back are counted apart: they are in danger again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

GROUPS_MAX = 5_000
PEOPLE_MAX = 100_000


class Outcome(StrEnum):
    """去向"""

    SHELTER = "shelter"  # 集中安置
    RELATIVES = "relatives"  # 投亲靠友
    AWAY = "away"  # 外出未在家
    REFUSED = "refused"  # 拒转
    NOT_FOUND = "not_found"  # 未联系上


REPORTED = (Outcome.SHELTER, Outcome.RELATIVES, Outcome.AWAY, Outcome.REFUSED)


@dataclass(frozen=True, kw_only=True)
class Group:
    """户或人: a household or a person by name, and where they are.

    ``ref`` is a household id or a name; a refusal says who stays near (``with_them``), because a refusal is a
    person and never a count. ``returned`` of these people went back without leave.
    """

    ref: str
    people: int
    outcome: Outcome
    by: str
    at: datetime
    returned: int = 0
    with_them: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tally:
    """分项人数: reported as numbers alone, from a place where no list of names exists"""

    shelter: int = 0
    relatives: int = 0
    away: int = 0
    refused: int = 0
    returned: int = 0

    def of(self, outcome: Outcome) -> int:
        return {
            Outcome.SHELTER: self.shelter,
            Outcome.RELATIVES: self.relatives,
            Outcome.AWAY: self.away,
            Outcome.REFUSED: self.refused,
        }.get(outcome, 0)

    @property
    def reported(self) -> int:
        return self.shelter + self.relatives + self.away + self.refused


@dataclass(frozen=True, kw_only=True)
class People:
    """应转人员: ``expected`` = shelter + relatives + away + refused + not_found, always."""

    listed: int = 0
    groups: tuple[Group, ...] = ()
    numbers: Tally = Tally()

    def count(self, outcome: Outcome) -> int:
        if outcome is Outcome.NOT_FOUND:
            return self.expected - sum(self.count(each) for each in REPORTED)
        named = sum(group.people for group in self.groups if group.outcome is outcome)
        return named + self.numbers.of(outcome)

    @property
    def expected(self) -> int:
        """应转: the list's figure, or more where more people were met than the list knew (visitors, kin)."""
        named = sum(group.people for group in self.groups)
        reported = sum(self.count(each) for each in REPORTED)
        return max(self.listed, named, reported)

    @property
    def returned(self) -> int:
        return sum(group.returned for group in self.groups) + self.numbers.returned

    @property
    def unaccounted(self) -> int:
        """下落不明: nobody has said where they are."""
        return self.count(Outcome.NOT_FOUND)

    @property
    def unnamed_refusals(self) -> int:
        """Refusals that came as a number, or by name with nobody near them."""
        alone = sum(g.people for g in self.groups if g.outcome is Outcome.REFUSED and not g.with_them)
        return alone + self.numbers.refused

    def as_dict(self) -> dict[str, int]:
        """The object of contract §6."""
        counts = {outcome.value: self.count(outcome) for outcome in Outcome}
        return {"expected": self.expected, **counts, "returned": self.returned}


def report(
    people: People, groups: Iterable[Group] = (), numbers: Tally | None = None, listed: int | None = None
) -> People:
    """登记 Take in a report: a name replaces what was said of that name, numbers replace the last numbers."""
    by_ref = {group.ref: group for group in people.groups}
    for group in groups:
        known = by_ref.get(group.ref)
        # the same said twice keeps its first hour
        if known is None or replace(group, by=known.by, at=known.at) != known:
            by_ref[group.ref] = group
    return replace(
        people,
        listed=people.listed if listed is None else listed,
        groups=tuple(by_ref[ref] for ref in sorted(by_ref)),
        numbers=people.numbers if numbers is None else numbers,
    )


def wrong_with(groups: Iterable[Group], numbers: Tally | None, listed: int | None) -> str | None:
    """What makes a report unusable, in words for the one who typed it; None if it can be taken in."""
    seen = 0
    for group in groups:
        seen += 1
        if not group.ref.strip():
            return "ref is empty: name the household or the person"
        if not 0 <= group.people <= PEOPLE_MAX:
            return f"people of '{group.ref}' must be 0 to {PEOPLE_MAX}"
        if not 0 <= group.returned <= group.people:
            return f"returned of '{group.ref}' must be 0 to its people"
    if seen > GROUPS_MAX:
        return f"more than {GROUPS_MAX} entries; send them in parts"
    if listed is not None and not 0 <= listed <= PEOPLE_MAX:
        return f"expected must be 0 to {PEOPLE_MAX}"
    if numbers is None:
        return None
    figures = (numbers.shelter, numbers.relatives, numbers.away, numbers.refused, numbers.returned)
    if not all(0 <= figure <= PEOPLE_MAX for figure in figures):
        return f"every number must be 0 to {PEOPLE_MAX}"
    if numbers.returned > numbers.reported:
        return "returned is more than the people reported"
    return None


def from_list(listed: int, households: Iterable[tuple[str, int]], at: datetime) -> People:
    """应转名单: every household of the list begins as not found, so that the unmet are known by name."""
    groups = [
        Group(ref=ref, people=people, outcome=Outcome.NOT_FOUND, by="households.csv", at=at)
        for ref, people in households
    ]
    return People(listed=listed, groups=tuple(sorted(groups, key=lambda group: group.ref)))


def total(parts: Iterable[People]) -> People:
    """合计 One figure over several units; names of different units stay apart by their order."""
    listed = 0
    groups: list[Group] = []
    sums = {"shelter": 0, "relatives": 0, "away": 0, "refused": 0, "returned": 0}
    for part in parts:
        listed += part.expected
        groups += part.groups
        for key in sums:
            sums[key] += getattr(part.numbers, key)
    return People(listed=listed, groups=tuple(groups), numbers=Tally(**sums))
