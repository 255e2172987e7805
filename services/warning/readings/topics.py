"""主题 Which realm, station and kind of message an MQTT topic names (contract §2)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.ids import is_id, is_realm

TAILS = ("readings", "status", "sl651")


@dataclass(frozen=True)
class Route:
    """去向: where a message belongs."""

    realm: str
    station: str
    tail: str


def parse_topic(topic: str, district: str, default_realm: str) -> Route | str:
    """The route, or the dead letter's code."""
    parts = topic.split("/")
    if parts[0] == "fengsui" and len(parts) == 4:
        _, code, station, tail = parts
        realm = default_realm
    elif parts[0] == "fengsui-x" and len(parts) == 5:
        _, code, name, station, tail = parts
        realm = f"x-{name}"
    else:
        return "unknown_topic"
    if code != district:
        return "other_district"
    if tail not in TAILS:
        return "unknown_topic"
    if not is_id(station):
        return "bad_id"
    return Route(realm, station, tail) if is_realm(realm) else "unknown_realm"


def subscriptions(district: str) -> tuple[str, ...]:
    """What the service listens to."""
    return tuple(f"{prefix}/+/{tail}" for prefix in _prefixes(district) for tail in TAILS)


def receipts_topic(realm: str, default_realm: str, district: str, station: str) -> str:
    """Where a station of the realm reads its receipts."""
    if realm == default_realm:
        return f"fengsui/{district}/{station}/receipts"
    return f"fengsui-x/{district}/{realm.removeprefix('x-')}/{station}/receipts"


def _prefixes(district: str) -> tuple[str, str]:
    return f"fengsui/{district}", f"fengsui-x/{district}/+"
