"""可达范围 Where a message may go, and under which topic; pure.

An exercise cannot name an ordinary topic: `root_of` is the only place that makes one, from the realm alone, and a
constraint of the store says the same.
"""

from __future__ import annotations

from enum import StrEnum

from services.warning.alerts.alert import AlertState
from shared.ids import is_id, is_realm
from shared.realm import ACTUAL
from shared.vocabulary import AlertScope, MsgType, Status

SAID = frozenset({AlertState.RELEASED, AlertState.UPDATED, AlertState.CANCELLED, AlertState.ENDED})
SAID_AS = frozenset({MsgType.ALERT, MsgType.UPDATE, MsgType.CANCEL})


class Reach(StrEnum):
    """可达范围"""

    NOBODY = "nobody"  # stays with those responsible
    EXERCISE = "exercise"  # the exercise's own topics and feeds
    PUBLIC = "public"  # public page, feeds, loudspeakers


def reach(realm: str, status: Status, scope: AlertScope, msg_type: MsgType, state: AlertState) -> Reach:
    """Who may hear of a message: the whole truth about what is public (contract §2)."""
    if scope is not AlertScope.PUBLIC or msg_type not in SAID_AS or state not in SAID:
        return Reach.NOBODY
    if realm == ACTUAL:
        return Reach.PUBLIC if status is Status.ACTUAL else Reach.NOBODY
    return Reach.EXERCISE if status is Status.EXERCISE and is_realm(realm) else Reach.NOBODY


def root_of(realm: str, district: str) -> str:
    """``fengsui/D`` for the realm actual alone; ``fengsui-x/D/NAME`` for the exercise ``x-NAME``."""
    if not is_realm(realm) or not is_id(district):
        raise ValueError(f"no topic for realm '{realm}' of district '{district}'")
    return f"fengsui/{district}" if realm == ACTUAL else f"fengsui-x/{district}/{realm.removeprefix('x-')}"


def topics_of(realm: str, district: str, region: str, alert_id: str) -> tuple[str, str]:
    """主题 Where the JSON and the CAP of an alert are kept."""
    if not is_id(region) or any(mark in alert_id for mark in "/+#\x00 "):
        raise ValueError(f"no topic for alert '{alert_id}' in '{region}'")
    base = f"{root_of(realm, district)}/alerts/{region}/{alert_id}"
    return base, f"{base}/cap"
