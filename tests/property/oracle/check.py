"""神谕: 对照 How the lines of a storm are compared with records."""

from __future__ import annotations

from typing import Any

from tests.property.oracle.storm import Storm, clock


def expected(storm: Storm) -> list[dict[str, Any]]:
    """The lines of a storm as the fields that they fix."""
    out = []
    for line in storm.lines():
        known, levels, reason, *rest = line.split()
        before, _, after = levels.partition(">")
        given = dict(word.split("=") for word in rest)
        fields: dict[str, Any] = {
            "known_at": clock(known),
            "observed_at": clock(given.get("obs", known)),
            "from": before,
            "to": after,
            "reason": reason,
            "verification": given.get("ver", "confirmed"),
            "confirmed_level": given.get("conf", after),
            "blind": given.get("blind") == "yes",
            "scope": given.get("in", "T1"),
        }
        if "cond" in given:
            fields["condition"] = given["cond"]
        if "trip" in given:
            fields["trip"] = int(given["trip"])
        fields["refused"] = [given["refused"]] if "refused" in given else []
        out.append(fields)
    return out


def view(record: dict[str, Any]) -> dict[str, Any]:
    """A record with what lines speak of in their words."""
    trip = record["trip_id"]
    return {
        **record,
        "trip": int(trip.rsplit("/", 1)[1]) if trip else None,
        "refused": [each["kind"] for each in record["refused_by"]],
    }


def line(record: dict[str, Any]) -> str:
    got = view(record)
    return (
        f"{got['known_at'][11:19]} {got['from']}>{got['to']} {got['reason']} obs={got['observed_at'][11:19]} "
        f"ver={got['verification']} conf={got['confirmed_level']} cond={got['condition']} blind={got['blind']} "
        f"in={got['scope']} trip={got['trip']} refused={got['refused']}"
    )


def differences(storm: Storm, records: list[dict[str, Any]]) -> str:
    """Nothing, or a text that shows both sides."""
    wanted = expected(storm)
    wrong = len(wanted) != len(records)
    for want, record in zip(wanted, records, strict=False):
        got = view(record)
        wrong = wrong or any(got[name] != value for name, value in want.items())
    if not wrong:
        return ""
    return "\n".join([storm.name, f"  {storm.sentence}", "wanted", *storm.lines(), "got", *map(line, records)])


# ---- engine and oracle

ASKED = (
    *("fuse", "scope", "from", "to", "condition", "confirmed_level", "observed_at", "known_at", "reason"),
    *("verification", "blind", "refused_by"),
)


def _asked(record: dict[str, Any]) -> dict[str, Any]:
    """What the text fixes of a record; AMBIGUITIES.md says why the rest is left open."""
    out = {name: record[name] for name in ASKED}
    if record["reason"] in ("blind", "late"):
        del out["condition"]  # 19: before or after the readings of the same batch
    if record["reason"] in ("late", "confirmed"):
        del out["observed_at"]  # 22, 32: the first instant of the reading, of the hold, or of the batch
    if {record["from"], record["to"]} != {"normal"}:
        out["trip_id"] = record["trip_id"]  # 18
    return out


def disagreement(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], *, late: bool = False) -> str:
    """Nothing, or both sides. With ``late`` facts about what nobody can see any more, `unknown` records are open."""

    def fixed(record: dict[str, Any]) -> bool:
        if record["reason"] == "late" and record["from"] == record["to"]:
            return False  # 20: a late crossing that changed no level may have a record or none
        return not (late and record["reason"] == "unknown")  # 30

    left, right = ([_asked(record) for record in filter(fixed, side)] for side in (ours, theirs))
    return "" if left == right else "\n".join(["", "oracle", *map(line, ours), "engine", *map(line, theirs)])
