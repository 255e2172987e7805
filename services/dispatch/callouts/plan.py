"""叫应计划 What one version of a matter means for the lines of its case: who joins, who is calmed, whose part ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.line import Line
from services.dispatch.callouts.matter import LineMatter, Matter, Purpose
from services.dispatch.roster.place import kind_of
from services.dispatch.roster.who import (
    Callee,
    Gap,
    Resolution,
    callees_for,
    callees_of_posts,
    callees_to_verify,
)
from shared.pack.model import Pack
from shared.vocabulary import Level, Verification


@dataclass(frozen=True, kw_only=True)
class Plan:
    """叫应计划: ``joins`` in the order of calling, ``ends`` as (post, matter key)"""

    joins: tuple[tuple[Callee, LineMatter], ...] = ()
    ends: tuple[tuple[str, str], ...] = ()
    gaps: tuple[Gap, ...] = ()


def plan(matter: Matter, pack: Pack, clocks: Clocks, lines: Mapping[str, Line], now: datetime) -> Plan:
    """Whom this version calls. Who was called stays called while the trip lives, at its new level."""
    called = {post: keys for post, line in lines.items() if (keys := _keys(line, matter.matter_id))}
    if matter.level is Level.NORMAL:
        return Plan(ends=tuple((post, key) for post, keys in sorted(called.items()) for key in sorted(keys)))
    resolution, to_verify = _resolve(matter, pack, clocks)
    joins: dict[tuple[str, Purpose], tuple[Callee, LineMatter]] = {}
    acts_at = matter.calls_at if not matter.posts else matter.level
    for callee in resolution.callees:
        joins[(callee.post, matter.purpose)] = (callee, _on_line(matter, matter.purpose, acts_at, now))
    look_at = matter.verifies_at
    for callee in to_verify.callees if look_at else ():
        level = look_at or Level.NORMAL
        joins[(callee.post, Purpose.VERIFY)] = (callee, _on_line(matter, Purpose.VERIFY, level, now))
    if acts_at is not Level.NORMAL and not matter.posts:  # who names posts names all: the signer before is let go
        for callee in _still_called(matter, pack, called, {post for post, _ in joins}):
            joins[(callee.post, matter.purpose)] = (callee, _on_line(matter, matter.purpose, acts_at, now))
    wanted = {(post, f"{matter.matter_id}#{purpose}") for post, purpose in joins}
    ends = tuple(
        (post, key) for post, keys in sorted(called.items()) for key in sorted(keys) if (post, key) not in wanted
    )
    gaps = tuple(dict.fromkeys((*resolution.gaps, *to_verify.gaps)))
    return Plan(joins=tuple(joins.values()), ends=ends, gaps=gaps)


def _resolve(matter: Matter, pack: Pack, clocks: Clocks) -> tuple[Resolution, Resolution]:
    if matter.posts:
        return callees_of_posts(pack, matter.posts), Resolution()
    kind = matter.scope_kind or kind_of(pack, matter.scope)
    acting = Resolution()
    if matter.calls_at is not Level.NORMAL:
        acting = callees_for(
            pack, clocks.rules, hazard=matter.hazard, scope_kind=kind, scope=matter.scope, level=matter.calls_at
        )
    looking = Resolution()
    if matter.verifies_at is not None:
        looking = callees_to_verify(pack, scope_kind=kind, scope=matter.scope, stations=matter.stations)
    return acting, looking


def _still_called(
    matter: Matter, pack: Pack, called: Mapping[str, frozenset[str]], planned: set[str]
) -> tuple[Callee, ...]:
    """Falling is not all-clear, and who was told "be ready" hears that it is confirmed."""
    act = f"{matter.matter_id}#{matter.purpose}"
    look = f"{matter.matter_id}#{Purpose.VERIFY}"
    confirmed = matter.verification in (Verification.CONFIRMED, Verification.UNVERIFIED)
    posts = [
        post for post, keys in called.items() if post not in planned and (act in keys or (confirmed and look in keys))
    ]
    return callees_of_posts(pack, sorted(posts)).callees if posts else ()


def _keys(line: Line, matter_id: str) -> frozenset[str]:
    return frozenset(m.key for m in line.matters if m.matter_id == matter_id)


def _on_line(matter: Matter, purpose: Purpose, level: Level, now: datetime) -> LineMatter:
    return LineMatter(
        matter_id=matter.matter_id,
        version=matter.version,
        purpose=purpose,
        level=level,
        scope=matter.scope,
        opened_at=now,
        hazard=matter.hazard,
        basis=matter.basis,
        verification=matter.verification,
        orders=matter.orders,
        round=matter.round,
        owed=matter.owed,
    )


def persons_of(lines: Iterable[Line]) -> set[str]:
    """Everybody on these lines."""
    return {party.person for line in lines for party in line.parties if party.person}
