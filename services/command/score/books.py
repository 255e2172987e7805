"""账目评分 Stock adds up, all messages arrived, nothing unreadable is left over, no exercise left the house. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from services.command.score.findings import Finding
from services.command.score.told import Call
from shared.realm import ACTUAL, is_exercise

SIMULATOR = "simulator"
EDGES = frozenset({"opening", "supplier", "lost"})
Facts = Mapping[str, Any]


def judge_stock(stock: Iterable[Mapping[str, Any]], movements: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Every movement sums to zero, and what lies somewhere is what came in less what went out."""
    found: list[Finding] = []
    summed: Counter[tuple[str, ...]] = Counter()
    for movement in movements:
        net: Counter[tuple[str, ...]] = Counter()
        for entry in movement["entries"]:
            lot = (entry["item_code"], entry["lot_id"], entry["owner"])
            net[lot] += entry["quantity"]
            summed[(entry["place"], *lot)] += entry["quantity"]
        off = {lot: count for lot, count in net.items() if count}
        if off:
            zh, en = f"分录不平 {off}", f"entries do not sum to zero: {off}"
            found.append(Finding(subject=str(movement["movement_id"]), zh=zh, en=en))
    kept: dict[tuple[str, ...], int] = {}
    for row in stock:
        at: tuple[str, ...] = (row["place"], row["item_code"], row["lot_id"], row["owner"])
        kept[at] = row["on_hand"]
        if row["on_hand"] < 0 or row["reserved"] > row["on_hand"]:
            zh = f"现存 {row['on_hand']}，已许 {row['reserved']}"
            found.append(
                Finding(subject="/".join(at), zh=zh, en=f"on hand {row['on_hand']}, promised {row['reserved']}")
            )
    for at in sorted({*kept, *(at for at, count in summed.items() if count and _is_inside(at[0]))}):
        if kept.get(at, 0) != summed[at]:
            zh, en = (
                f"现存 {kept.get(at, 0)}，进减出 {summed[at]}",
                f"on hand {kept.get(at, 0)}, in less out {summed[at]}",
            )
            found.append(Finding(subject="/".join(at), zh=zh, en=en))
    return found


def _is_inside(place: str) -> bool:
    return place.partition(":")[0] not in EDGES


def judge_messages(
    ready: Mapping[str, Any], parked: Mapping[str, Iterable[Mapping[str, Any]]], realm: str
) -> list[Finding]:
    """Outboxes drained, nothing set aside, and each service says that it is well."""
    found: list[Finding] = []
    for service, state in ready.items():
        for name, text in state["wrong"].items():
            found.append(Finding(subject=service, zh=f"未就绪：{name} {text}", en=f"not ready: {name}: {text}"))
        for box in state["outbox"]:
            if box.get("waiting") or box.get("error"):
                line = f"{service}→{box.get('receiver')}"
                zh = f"待发 {box.get('waiting')} 条 {box.get('error') or ''}".strip()
                found.append(
                    Finding(subject=line, zh=zh, en=f"{box.get('waiting')} waiting {box.get('error') or ''}".strip())
                )
    for line, rows in parked.items():
        for row in rows:
            if row["realm"] == realm:
                what = f"{row['kind']} {row['aggregate']} {row['code']}"
                found.append(Finding(subject=line, zh=f"搁置 {what}", en=f"parked {what}"))
    return found


def judge_dead_letters(letters: Iterable[Mapping[str, Any]], explained: frozenset[str]) -> list[Finding]:
    """What could not be read must have been meant to be unreadable."""
    found = []
    for row in letters:
        if row["code"] not in explained:
            who, code = row.get("station_id") or row.get("topic") or "?", row["code"]
            found.append(
                Finding(subject=str(who), zh=f"死信 {code}，未说明原因", en=f"dead letter {code}, unexplained")
            )
    return found


def judge_exercise(facts: Facts, calls: Iterable[Call]) -> list[Finding]:
    """演练不出门: every call through the simulated exchange, and no trace in the realm of earnest."""
    found = [
        Finding(
            subject=call.attempt_id,
            at=call.at,
            zh=f"演练拨叫走了通道 {call.carrier}",
            en=f"an exercise called through {call.carrier}",
        )
        for call in calls
        if call.carrier != SIMULATOR
    ]
    if not is_exercise(facts["realm"]):
        found.append(Finding(subject=facts["realm"], zh="不是演练领域", en="not an exercise"))
    for service, realms in facts["realms"].items():
        if ACTUAL in realms:
            found.append(Finding(subject=service, zh="存在实战领域 actual", en="the realm actual is there"))
    return found
