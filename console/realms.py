"""领域 Which realm a page shows, and its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.peers import Asked
from console.times import parse

LIVE_REALM = "x-live"


@dataclass(frozen=True)
class RealmView:
    """领域: its clock as `GET /v1/realm` tells it; ``now`` is None while the clock stands."""

    realm: str
    speed: float
    now: datetime | None
    v0: str | None
    w0: str | None

    @property
    def is_exercise(self) -> bool:
        return self.realm != "actual"


def realms_of(asked: Asked) -> tuple[list[RealmView], str]:
    """All realms and the default one; nothing where warning does not answer."""
    if not isinstance(asked.body, dict) or asked.wrong:
        return [], ""
    rows = [
        RealmView(row["realm"], float(row["speed"]), parse(row["now"]), row["v0"], row["w0"])
        for row in asked.body["realms"]
    ]
    return rows, str(asked.body["default"])


def choose_realm(realms: Sequence[RealmView], default: str, wanted: str | None) -> RealmView | None:
    """The asked realm; else the drill that began last and whose clock runs; else the default."""
    if wanted is not None:
        return next((realm for realm in realms if realm.realm == wanted), None)
    drills = [realm for realm in realms if realm.w0 and realm.now is not None]
    if drills:
        return max(drills, key=lambda realm: realm.w0 or "")
    return next((realm for realm in realms if realm.realm == default), None)
