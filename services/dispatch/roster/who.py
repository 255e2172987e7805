"""叫谁 Who is called for a (hazard, scope, level): posts up and down, their deputies, seconds and superiors.

Rules come from the pack's ``callouts.yaml`` (read by `callouts.clocks.read_clocks`), posts and duties from
``roster.csv`` and ``duties.csv``. A selector that finds nobody, a rule that is missing and a post without a
contact are *gaps*: shown and escalated, never skipped in silence (duty_room.md A12, design §2.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.dispatch.roster.place import Place, place_of, regions_below
from services.dispatch.roster.register import Register, register_of
from shared.pack.model import Pack, Post
from shared.vocabulary import Level

EVERY = "*"
SUPERIORS_MAX = 12


class Duty(StrEnum):
    """职责: role of ``duties.csv``"""

    VERIFIER = "verifier"
    WARDEN = "warden"
    SECOND = "second"
    NEIGHBOUR = "neighbour"
    KEY = "key"
    HEAD = "head"
    PATROL = "patrol"
    TECHNICAL = "technical"


class Of(StrEnum):
    """范围: where a selector looks, seen from the scope"""

    SCOPE = "scope"  # the scope itself and the region it lies in
    UP = "up"  # the regions above
    DOWN = "down"  # regions, sites, units and shelters below
    WITHIN = "within"  # scope and down


@dataclass(frozen=True, kw_only=True)
class Selector:
    """选人: one line of a rule's ``call``; exactly one of duty, rank, post."""

    duty: Duty | None = None
    rank: int | None = None
    post: str | None = None
    of: Of = Of.SCOPE
    feedback: bool = False


@dataclass(frozen=True, kw_only=True)
class CallRule:
    """叫应规则: every rule that matches is followed; who is named twice is called once."""

    rule_id: str
    hazards: tuple[str, ...]
    scope_kinds: tuple[str, ...]
    levels: frozenset[Level]
    call: tuple[Selector, ...]

    def matches(self, hazard: str, scope_kind: str, level: Level) -> bool:
        return (
            (EVERY in self.hazards or hazard in self.hazards)
            and (EVERY in self.scope_kinds or scope_kind in self.scope_kinds)
            and level in self.levels
        )


class GapReason(StrEnum):
    """缺口: why somebody who should be called cannot be"""

    NO_RULE = "no_rule"  # nothing in callouts.yaml matches: the heads above are called instead
    NO_POST = "no_post"  # a selector found nobody
    NO_VERIFIER = "no_verifier"
    NO_CONTACT = "no_contact"
    NOBODY = "nobody"  # not even a head above: the district has no one to call


@dataclass(frozen=True, kw_only=True)
class Gap:
    """缺口: shown on the board beside the lines"""

    reason: GapReason
    what: str


@dataclass(frozen=True, kw_only=True)
class Holder:
    """持岗人: a post and the person who holds it"""

    post: str
    person: str


@dataclass(frozen=True, kw_only=True)
class Callee:
    """被叫岗位: one line to be: the post, who rings with it or after it, and the way up."""

    post: str
    person: str
    region: str
    deputies: tuple[Holder, ...] = ()
    seconds: tuple[Holder, ...] = ()
    superiors: tuple[Holder, ...] = ()
    neighbours: tuple[Holder, ...] = ()
    feedback: bool = False


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """叫应名单: whom to call, and whom there is nobody for"""

    callees: tuple[Callee, ...] = ()
    gaps: tuple[Gap, ...] = ()


def callees_for(
    pack: Pack, rules: Iterable[CallRule], *, hazard: str, scope_kind: str, scope: str, level: Level
) -> Resolution:
    """The posts to call when ``level`` is confirmed (or unverified) on the scope."""
    place = place_of(pack, scope_kind, scope)
    chosen: dict[str, bool] = {}
    gaps: list[Gap] = []
    matching = [rule for rule in rules if rule.matches(hazard, place.kind, level)]
    for rule in matching:
        for selector in rule.call:
            found = _select(pack, selector, place)
            if not found:
                gaps.append(Gap(reason=GapReason.NO_POST, what=f"{rule.rule_id}: {_name(selector)} of {scope}"))
            for post in found:
                chosen[post] = chosen.get(post, False) or selector.feedback
    if not matching:
        gaps.append(Gap(reason=GapReason.NO_RULE, what=f"{hazard} {place.kind} {level}"))
    if not chosen:
        chosen = dict.fromkeys(_last_resort(pack, place), True)
    return _resolution(pack, chosen, place, gaps)


def callees_to_verify(pack: Pack, *, scope_kind: str, scope: str, stations: Iterable[str] = ()) -> Resolution:
    """Verifiers and wardens of an unconfirmed level: "go and look, be ready" (contract §5.5)."""
    place = place_of(pack, scope_kind, scope)
    objects = place.scope | place.down | set(stations)
    verifiers = _by_duty(pack, Duty.VERIFIER, objects)
    gaps = [] if verifiers else [Gap(reason=GapReason.NO_VERIFIER, what=scope)]
    chosen = dict.fromkeys((*verifiers, *_by_duty(pack, Duty.WARDEN, objects)), False)
    if not chosen:
        chosen = dict.fromkeys(_last_resort(pack, place), False)
    return _resolution(pack, chosen, place, gaps)


def callees_of_posts(pack: Pack, posts: Iterable[str]) -> Resolution:
    """Posts named by the caller: the next signer, a key holder, an armed scope's posts."""
    chosen: dict[str, bool] = {}
    gaps: list[Gap] = []
    for post in posts:
        if post in pack.roster:
            chosen[post] = False
        else:
            gaps.append(Gap(reason=GapReason.NO_POST, what=f"post {post}"))
    return _resolution(pack, chosen, Place(kind="post", scope=frozenset(), region=None), gaps)


def superiors_of(pack: Pack, post: str) -> tuple[Holder, ...]:
    """The way up from a post to the top of its chain; a vacant superior is passed over, a circle ends it."""
    chain: list[Holder] = []
    seen = {post}
    row = pack.roster.get(post)
    at = row.superior if row else None
    if row and at is None and row.deputy_of and row.deputy_of in pack.roster:
        at = pack.roster[row.deputy_of].superior
    while at is not None and at not in seen and len(chain) < SUPERIORS_MAX:
        seen.add(at)
        above = pack.roster.get(at)
        if above is None:
            break
        if above.person:
            chain.append(Holder(post=above.post, person=above.person))
        at = above.superior
    return tuple(chain)


def reported_to(pack: Pack, post: str, superior: str | None = None) -> str | None:
    """上报对象 Who hears what ``post`` left undone: its superior, else the district's heads, else its highest posts.

    ``superior`` is whom the caller knows as such. Never the person who left it undone, in whatever post; None when the
    roster has nobody else.
    """
    row = pack.roster.get(post)
    above = [superior] if superior else []
    above += [holder.post for holder in superiors_of(pack, post)]
    above += _by_duty(pack, Duty.HEAD, {pack.district.code})
    of_district = [other for other in pack.roster.values() if other.region == pack.district.code]
    above += [other.post for other in sorted(of_district, key=lambda other: (other.rank, other.post))]
    for candidate in above:
        found = pack.roster.get(candidate)
        if found and found.person and found.post != post and (row is None or found.person != row.person):
            return found.post
    return None


def _resolution(pack: Pack, chosen: dict[str, bool], place: Place, gaps: list[Gap]) -> Resolution:
    rows = [pack.roster[post] for post in chosen if post in pack.roster]
    if not rows:
        gaps.append(Gap(reason=GapReason.NOBODY, what=", ".join(sorted(place.scope)) or "named posts"))
    for row in rows:
        if not row.contacts:
            gaps.append(Gap(reason=GapReason.NO_CONTACT, what=f"{row.post} {row.person}".strip()))
    rows.sort(key=lambda row: (-row.rank, row.post))  # those nearest to the danger first
    return Resolution(
        callees=tuple(_callee(pack, row, feedback=chosen[row.post]) for row in rows),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _callee(pack: Pack, row: Post, *, feedback: bool) -> Callee:
    register = register_of(pack)
    objects = {row.post, *register.objects.get(row.post, ())}
    return Callee(
        post=row.post,
        person=row.person,
        region=row.region,
        deputies=_holders(register.by_principal.get(row.post, ())),
        seconds=_holders(_rows(pack, register.posts_with(Duty.SECOND, objects | {row.region}), row.post)),
        superiors=superiors_of(pack, row.post),
        neighbours=_holders(_rows(pack, _neighbours(pack, register, row, objects), row.post)),
        feedback=feedback,
    )


def _holders(rows: Iterable[Post]) -> tuple[Holder, ...]:
    ordered = sorted(rows, key=lambda row: (row.rank, row.post))
    return tuple(Holder(post=row.post, person=row.person) for row in ordered)


def _rows(pack: Pack, posts: Iterable[str], without: str) -> list[Post]:
    return [pack.roster[post] for post in posts if post in pack.roster and post != without]


def _neighbours(pack: Pack, register: Register, row: Post, objects: set[str]) -> tuple[str, ...]:
    """Who can go to the door: the ``neighbour`` duty, else the nearest other village's warden."""
    named = register.posts_with(Duty.NEIGHBOUR, objects | {row.region})
    if named:
        return named
    nearest: tuple[float, str] | None = None
    own = pack.regions.get(row.region)
    if own is None or own.lat is None or own.lon is None:
        return ()
    for other, post in register.in_charge.get(own.parent, ()):
        if other.code == own.code or post == row.post or other.lat is None or other.lon is None:
            continue
        far = (other.lat - own.lat) ** 2 + (other.lon - own.lon) ** 2
        if nearest is None or (far, post) < nearest:
            nearest = (far, post)
    return (nearest[1],) if nearest else ()


def _select(pack: Pack, selector: Selector, place: Place) -> tuple[str, ...]:
    if selector.post is not None:
        return (selector.post,) if selector.post in pack.roster else ()
    objects = _objects(pack, selector.of, place)
    if selector.duty is not None:
        return _by_duty(pack, selector.duty, objects)
    return tuple(
        row.post
        for row in pack.roster.values()
        if row.rank == selector.rank and row.region in objects and row.deputy_of is None
    )


def _objects(pack: Pack, of: Of, place: Place) -> frozenset[str]:
    if of is Of.UP:
        return frozenset(pack.ancestors(place.region)[1:]) if place.region else frozenset()
    if of is Of.DOWN:
        return place.down
    if of is Of.WITHIN:
        return place.scope | place.down
    return place.scope


def _by_duty(pack: Pack, role: Duty, objects: Iterable[str]) -> tuple[str, ...]:
    return register_of(pack).posts_with(role, objects)


def _last_resort(pack: Pack, place: Place) -> tuple[str, ...]:
    """No rule and nobody found: the heads above, else the highest posts of the district."""
    if place.region:
        for region in pack.ancestors(place.region):
            heads = _by_duty(pack, Duty.HEAD, {region})
            if heads:
                return heads
    highest = min((row.rank for row in pack.roster.values()), default=None)
    return tuple(row.post for row in pack.roster.values() if row.rank == highest)


def _name(selector: Selector) -> str:
    if selector.duty is not None:
        return f"{selector.duty} {selector.of}"
    return f"rank {selector.rank} {selector.of}" if selector.rank is not None else f"post {selector.post}"


__all__ = [
    "CallRule",
    "Callee",
    "Duty",
    "Gap",
    "GapReason",
    "Holder",
    "Of",
    "Resolution",
    "Selector",
    "callees_for",
    "callees_of_posts",
    "callees_to_verify",
    "regions_below",
    "reported_to",
    "superiors_of",
]
