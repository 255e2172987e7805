"""预演 What a notice would open if it were sent now: who is called, what is ordered. Nothing is written.

It asks the same pure planners that the intake asks (`callouts.plan`, `orders.authority`), so that what is shown before
sending is what happens after it, except for what changes in between.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.matter import Basis, Matter
from services.dispatch.callouts.plan import plan
from services.dispatch.orders.authority import Trigger, claims
from services.dispatch.orders.model import Claim
from services.dispatch.roster.who import Callee, Gap
from shared.pack.model import Pack
from shared.vocabulary import Level, Verification

TRIP = "preview"


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """预演结果: each post once, with the areas that it is called for; each measure with what it would bind"""

    callees: tuple[tuple[Callee, tuple[str, ...]], ...]
    gaps: tuple[Gap, ...]
    claims: tuple[Claim, ...]


def foresee(pack: Pack, clocks: Clocks, *, hazard: str, level: Level, areas: Sequence[str], now: datetime) -> Foreseen:
    """A notice is confirmed, and opens one trip in each of its areas."""
    called: dict[str, tuple[Callee, list[str]]] = {}
    gaps: list[Gap] = []
    wanted: list[Claim] = []
    for area in dict.fromkeys(areas):
        matter = Matter(
            matter_id=TRIP,
            version=1,
            hazard=hazard,
            scope=area,
            level=level,
            confirmed_level=level,
            basis=Basis.NOTICE,
        )
        planned = plan(matter, pack, clocks, {}, now)
        gaps += planned.gaps
        for callee, _ in planned.joins:
            called.setdefault(callee.post, (callee, []))[1].append(area)
        trigger = Trigger(
            trip_id=TRIP,
            n=1,
            hazard=hazard,
            scope=area,
            level=level,
            confirmed_level=level,
            verification=Verification.CONFIRMED,
        )
        wanted += claims(pack, trigger, now)
    return Foreseen(
        callees=tuple((callee, tuple(where)) for callee, where in called.values()),
        gaps=tuple(dict.fromkeys(gaps)),
        claims=tuple(wanted),
    )


def persons_in(foreseen: Foreseen) -> set[str]:
    return {callee.person for callee, _ in foreseen.callees if callee.person}


def out(foreseen: Foreseen, pack: Pack, mute: Collection[str]) -> dict[str, Any]:
    """As the API shows it; ``mute`` are those whom no number reaches."""
    return {
        "posts": [
            {
                "post": callee.post,
                "person": callee.person,
                "region": callee.region,
                "region_name": pack.regions[callee.region].name if callee.region in pack.regions else callee.region,
                "areas": list(areas),
                "deputies": len(callee.deputies),
                "state": "no_contact" if not callee.person or callee.person in mute else "callable",
            }
            for callee, areas in foreseen.callees
        ],
        "gaps": [{"reason": gap.reason.value, "what": gap.what} for gap in foreseen.gaps],
        "orders": [
            {
                "kind": claim.kind.value,
                "level": claim.level.value,
                "scope": claim.scope,
                "wording": {"zh": claim.wording_zh, "en": claim.wording_en},
                "in_force": claim.in_force,
                "signer": claim.authority.signers[0] if claim.authority and claim.authority.signers else None,
                "units": len(claim.units),
                "people": sum(unit.expected for unit in claim.units),
            }
            for claim in foreseen.claims
        ],
    }
