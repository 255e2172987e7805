"""上报 A signature given by telephone that nobody countersigned in time is told to the superior, once (contract §8).

A report is a matter of its own in the incident's case. It is called by yellow's clocks whatever the danger's level:
somebody hears of it soon, at night too, and no neighbour is sent to a superior's door for a missing paper. Heard to
the end is enough; it stands on the board until the countersignature comes, and what comes first takes the call back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace

from services.dispatch.callouts.matter import Matter, Owed, Purpose
from services.dispatch.callouts.service import Callouts
from services.dispatch.roster.who import Gap, GapReason, reported_to
from shared.db.tx import Tx
from shared.vocabulary import Level

PREFIX = "report/"  # of matter ids; whose signature follows
LEVEL = Level.YELLOW
BY_SYSTEM = "callouts"


@dataclass(frozen=True, kw_only=True)
class About:
    """所报: what is owed, for which danger where; ``superior`` is whom the teller knows as such"""

    owed: Owed
    hazard: str
    scope: str
    superior: str | None = None


def report(callouts: Callouts, tx: Tx, realm: str, case_id: str, signature: str, about: About, now: datetime) -> None:
    """上报 Call whoever is above the post that owes it; ``signature`` names it for good: reported once, never again."""
    matter_id = f"{PREFIX}{signature}"
    if callouts.last_version(tx, realm, case_id, matter_id):
        return
    book = callouts.book(tx, realm)
    pack = callouts.packs(book.case(case_id).pack)
    row = pack.roster.get(about.owed.post)
    owed = replace(about.owed, person=row.person if row and row.person else about.owed.post)
    to = reported_to(pack, owed.post, about.superior)
    if to is None:
        callouts.note_gap(tx, realm, case_id, Gap(reason=GapReason.NOBODY, what=f"above {owed.post}"), now)
        return
    told = {"matter_id": matter_id, "owed": msgspec.to_builtins(owed), "to": to}
    book.log(case_id, to, "reported_upward", now, by=BY_SYSTEM, body=told)
    tx.event(realm, "callout.reported_upward", case_id, told)
    tx.audit(realm, BY_SYSTEM, "callout.reported_upward", f"{case_id}/{to}", body=told)
    matter = Matter(
        matter_id=matter_id,
        version=1,
        hazard=about.hazard,
        scope=about.scope,
        level=LEVEL,
        confirmed_level=LEVEL,
        purpose=Purpose.REPORT,
        posts=(to,),
        owed=owed,
        pack=pack.version,
    )
    callouts.join_matter(tx, realm, case_id, matter, now)


def countersigned(callouts: Callouts, tx: Tx, realm: str, case_id: str, signature: str, now: datetime) -> None:
    """补签 Nobody is called any more about this signature; it was never reported: nothing."""
    callouts.end_matter(tx, realm, case_id, f"{PREFIX}{signature}", now)
