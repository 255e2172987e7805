"""评分表 The drill judged as a whole: scores with differences by name, times, who has not answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.command.score import books, chain, orders, rings, times
from services.command.score.climb import LineJudge, judge_line
from services.command.score.findings import Finding, Score, score
from services.command.score.stand_ins import judge_stand_ins
from services.command.score.told import Told, read
from services.dispatch.callouts.clocks import Clocks
from shared.pack.model import Pack

ALLOW_S = 2.0
"""How many wall seconds after its clock a step may come: a tick, a commit, and a machine that has other work."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """评分表"""

    realm: str
    pack: str
    speed: float
    allow_s: float
    began_at: str | None
    as_of: str
    scores: tuple[Score, ...]
    minutes: Mapping[str, Any]
    unanswered: tuple[Mapping[str, Any], ...]

    @property
    def passed(self) -> bool:
        return all(each.passed for each in self.scores)

    def as_dict(self) -> dict[str, Any]:
        return {
            "realm": self.realm,
            "pack": self.pack,
            "speed": self.speed,
            "allow_s": self.allow_s,
            "began_at": self.began_at,
            "as_of": self.as_of,
            "passed": self.passed,
            "scores": [each.as_dict() for each in self.scores],
            "minutes": dict(self.minutes),
            "unanswered": [dict(row) for row in self.unanswered],
        }


def judge(
    facts: Mapping[str, Any],
    pack: Pack,
    clocks: Clocks,
    *,
    allow_s: float = ALLOW_S,
    explained: frozenset[str] = frozenset(),
) -> Sheet:
    """评分 ``facts`` as `gather` brings them; ``explained``: codes of dead letters that a script sends on purpose."""
    told = read(facts)
    allow = timedelta(seconds=allow_s * float(facts["speed"]))
    lines = [judge_line(line, clocks, allow, told.as_of) for line in told.lines]
    scores = (
        _chain(told, pack, clocks, allow),
        _climbs(lines),
        *_rings(told, lines, clocks, allow),
        _orders(told, pack, allow),
        _stock(facts),
        _messages(facts, explained),
        _exercise(told),
    )
    return Sheet(
        realm=str(facts["realm"]),
        pack=str(facts["pack"]),
        speed=float(facts["speed"]),
        allow_s=allow_s,
        began_at=facts.get("began_at"),
        as_of=str(facts["as_of"]),
        scores=scores,
        minutes=times.measure(told, lines, pack, clocks),
        unanswered=tuple(times.unanswered(told, lines)),
    )


def _chain(told: Told, pack: Pack, clocks: Clocks, allow: timedelta) -> Score:
    count, found = chain.judge_chain(told.facts, pack, clocks, told.as_of - allow)
    zh, en = "每次熔断有一条预警、有其叫应", "every trip has one alert and its calls"
    numbers = {"alerts": len(told.facts["alerts"]), "cases": len(told.facts["cases"])}
    return score("trips", zh, en, count, found, must_count=True, numbers=numbers)


def _climbs(lines: list[LineJudge]) -> Score:
    found = [*(finding for line in lines for finding in line.findings), *judge_stand_ins(lines)]
    lates = [late for line in lines for late in line.lates]
    numbers = {
        "steps": len(lates),
        "doors": sum(1 for late in lates if late.kind == "door"),
        "latest_s": round(max((late.by.total_seconds() for late in lates), default=0.0), 1),
    }
    zh, en = "各岗位按区县包的时钟应答或升级", "each post answered or escalated as the pack's clocks say"
    return score("climb", zh, en, len(lines), found, must_count=True, numbers=numbers)


def _rings(told: Told, lines: list[LineJudge], clocks: Clocks, allow: timedelta) -> tuple[Score, Score]:
    wanted = rings.wants_by_person([line.wants for line in lines])
    calls: dict[str, list[Any]] = {}
    for call in told.calls:
        calls.setdefault(call.person, []).append(call)
    texted = {text.person for text in told.texts} - set(calls)  # who has no voice number is called by text
    people = sorted({*wanted, *calls} - texted)
    told_anew = [
        rings.judge_person(person, wanted.get(person, []), calls.get(person, []), clocks, allow, told.as_of)
        for person in people
    ]
    found: list[Finding] = [finding for each in told_anew for finding in each.findings]
    lates = [late.total_seconds() for each in told_anew for late in each.lates]
    numbers = {"people": len(people), "by_text": len(texted), "latest_s": round(max(lates, default=0.0), 1)}
    one = "一人一铃：任何时刻、跨所有案件，无人同时被拨两次"
    only = "只按最急事项的节奏响铃"
    return (
        score(
            "one_ring",
            one,
            "no two live calls for one person over all cases",
            len(told.calls),
            _live(told),
            must_count=True,
        ),
        score("cadence", only, "the worst matter's cadence is the only one", len(told.calls), found, numbers=numbers),
    )


def _live(told: Told) -> list[Finding]:
    return rings.overlapping(told.calls)


def _orders(told: Told, pack: Pack, allow: timedelta) -> Score:
    count, found = orders.judge_orders(told.facts["orders"], pack, allow, told.as_of)
    zh, en = (
        "措施：签发有权、催签按时、状态与人数相符",
        "orders: right authority, chain in time, states and people add up",
    )
    states: dict[str, int] = {}
    for order in told.facts["orders"]:
        states[order["state"]] = states.get(order["state"], 0) + 1
    return score("orders", zh, en, count, found, numbers=states)


def _stock(facts: Mapping[str, Any]) -> Score:
    found = books.judge_stock(facts["stock"], facts["movements"])
    zh, en = "库存：分录合计为零，现存等于进减出", "stock: entries sum to zero, on hand is in less out"
    return score("stock", zh, en, len(facts["movements"]), found, must_count=True)


def _messages(facts: Mapping[str, Any], explained: frozenset[str]) -> Score:
    found = books.judge_messages(facts["ready"], facts["parked"], facts["realm"])
    found += books.judge_dead_letters(facts["dead_letters"], explained)
    zh, en = "消息：全部送达，无搁置，无不明死信", "messages: all arrived, none parked, no dead letter unexplained"
    numbers = {"dead_letters": len(facts["dead_letters"])}
    return score("messages", zh, en, len(facts["ready"]), found, must_count=True, numbers=numbers)


def _exercise(told: Told) -> Score:
    found = books.judge_exercise(told.facts, (*told.calls, *told.texts))
    zh, en = "演练只到模拟交换机，未触及实战", "the exercise reached the simulated exchange alone"
    return score("exercise", zh, en, len(told.calls) + len(told.texts), found)
