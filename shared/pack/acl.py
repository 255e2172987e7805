"""主题权限 The broker's access list in Mosquitto's format: a station speaks for itself alone (contract §2)."""

from __future__ import annotations

from shared.errors import Invalid
from shared.ids import is_id
from shared.pack.model import Pack

SERVICES_USER = "fengsui-services"
STATION_WRITES = ("readings", "sl651", "status")
STATION_READS = ("receipts",)


def acl_text(pack: Pack, services_user: str = SERVICES_USER, player_user: str | None = None) -> str:
    """权限表 User name = station id. ``player_user`` may speak for every station: exercises only."""
    users = [services_user, *([player_user] if player_user else [])]
    for user in users:
        if not is_id(user) or user in pack.stations:
            raise Invalid(f"'{user}' cannot be a broker user beside the stations; choose another name", field="user")
    if player_user and not pack.district.is_exercise:
        raise Invalid("a user for all stations exists only while the pack's status is Exercise", field="player_user")
    code = pack.district.code
    lines = [
        f"# {pack.district.name_zh} {pack.version}",
        "# written by `fengsui pack acl`; who is not named here may neither read nor write",
        "",
        f"user {services_user}",
        f"topic readwrite fengsui/{code}/#",
        f"topic readwrite fengsui-x/{code}/#",
    ]
    if player_user:
        lines += ["", f"user {player_user}"]
        lines += _topics(f"fengsui/{code}/+") + _topics(f"fengsui-x/{code}/+/+")
    for station_id in sorted(pack.stations):
        lines += ["", f"user {station_id}", *_topics(f"fengsui/{code}/{station_id}")]
    return "\n".join(lines) + "\n"


def _topics(prefix: str) -> list[str]:
    return [
        *(f"topic write {prefix}/{tail}" for tail in STATION_WRITES),
        *(f"topic read {prefix}/{tail}" for tail in STATION_READS),
    ]
