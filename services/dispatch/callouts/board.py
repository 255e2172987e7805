"""叫应看板 Cases as the API shows them: per post what was tried, heard, answered, and when the next try is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.dispatch.callouts.clocks import Clocks
from services.dispatch.callouts.escalation import due_at
from services.dispatch.callouts.line import OPEN_STATUSES, Feedback, Line, LineStatus, Party, PartyState
from services.dispatch.callouts.matter import LineMatter
from services.dispatch.callouts.ring import Ring
from services.dispatch.callouts.tally import Tally, tally
from services.dispatch.channels.carrier import Attempt, Result
from services.dispatch.roster.contacts import masked
from shared.realm import format_time
from shared.vocabulary import worst

# 答复以外的结局: what the board says of somebody who did not answer
TELLS = {
    Result.KEYED: "按键答复",
    Result.HEARD: "听完未按键",
    Result.PART_HEARD: "未听完",
    Result.HUNG_UP: "接听即挂（疑似骚扰拦截）",
    Result.NO_ANSWER: "无人接听",
    Result.BUSY: "占线（已发短信）",
    Result.MACHINE: "语音信箱，不算本人",
    Result.UNREACHABLE: "无法接通",
    Result.BAD_NUMBER: "空号",
    Result.DELIVERED: "短信送达，不算应答",
    Result.WITHDRAWN: "未拨出：已有应答",
    Result.CARRIER_FAILED: "通道故障，非本人原因",
    Result.EXPIRED: "通道未回执",
}

Standing = Mapping[tuple[LineStatus, Tally], int]
"""站位: how many of a case's lines stand how"""


class Call:
    """看板上的一次拨叫: an attempt with when it began and which lines it covered"""

    def __init__(
        self, attempt: Attempt, carrier: str, queued_at: datetime, covers: Sequence[Mapping[str, Any]]
    ) -> None:
        self.attempt = attempt
        self.carrier = carrier
        self.queued_at = queued_at
        self.lines = tuple(dict.fromkeys((str(cover["case_id"]), str(cover["post"])) for cover in covers))

    def out(self) -> dict[str, Any]:
        a = self.attempt
        return {
            "attempt_id": a.attempt_id,
            "channel": a.channel.value,
            "carrier": self.carrier,
            "person": a.person,
            "address": masked(a.address),
            "state": a.state.value,
            "result": a.result.value if a.result else None,
            "says": TELLS.get(a.result) if a.result else None,
            "heard_s": a.heard_s,
            "keys": a.keys,
            "cause": a.cause,
            "at": format_time(self.queued_at),
            "answered_at": _time(a.answered_at),
            "ended_at": _time(a.ended_at),
        }


def by_line(calls: Iterable[Call]) -> dict[tuple[str, str], list[Call]]:
    """The calls of each line (case, post), in the order in which they were made."""
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        for key in call.lines:
            found.setdefault(key, []).append(call)
    return found


def line_out(
    line: Line, clocks: Clocks, now: datetime, mine: Sequence[Call], rings: Mapping[str, Ring]
) -> dict[str, Any]:
    """One line with the calls made for it: contract §6 ``{post, person, attempts, answer, clock, state}`` and more."""
    tries = [
        r.next_at for p in line.parties if (r := rings.get(p.person)) and r.next_at and p.state is PartyState.CALLED
    ]
    answer = line.answer
    return {
        "post": line.post,
        "person": line.person,
        "region": line.region,
        "state": line.status.value,
        "level": line.level(clocks, now).value,
        "matters": [_matter(m) for m in line.matters],
        "parties": [_party(p, rings) for p in line.parties],
        "attempts": [call.out() for call in mine],
        "tried": len(mine),
        "heard": any(c.attempt.result in (Result.HEARD, Result.KEYED) for c in mine),
        "answer": None
        if answer is None
        else {
            "person": answer.person,
            "post": answer.post,
            "grade": answer.grade.value,
            "via": answer.via.value,
            "by": answer.by,
            "ground": answer.ground,
            "at": format_time(answer.at),
            "entered_late": answer.entered_late,
        },
        "feedback": None if line.feedback is None else _feedback(line.feedback, clocks),
        "clock": {
            "from": format_time(line.climb_from),
            "next_step_at": _time(due_at(line, clocks, now)),
            "next_try_at": _time(min(tries, default=None)) if line.is_open else None,
            "door_at": _time(line.door_at),
            "door_done_at": _time(line.door_done_at),
            "top_at": _time(line.top_at),
        },
    }


def summary(lines: Sequence[Line], clocks: Clocks, now: datetime) -> dict[str, Any]:
    """The numbers of a case: should be called, answered, unanswered and since when, told apart by why."""
    standing = Counter((line.status, tally(line)) for line in lines)
    return totals(standing, [line for line in lines if line.status in OPEN_STATUSES], clocks, now)


def totals(standing: Standing, waiting: Sequence[Line], clocks: Clocks, now: datetime) -> dict[str, Any]:
    """The same, made of how many lines stand how, and of those that wait for an answer."""
    live = {key: number for key, number in standing.items() if key[0] is not LineStatus.CLOSED}
    since = [m.opened_at for line in waiting for m in line.unanswered(clocks, now)]
    last = Counter(p.result for line in waiting for p in line.parties if p.result and p.state is PartyState.CALLED)
    return {
        "level": worst(*(each.level for _, each in live)).value,
        "lines": sum(standing.values()),
        "called": sum(live.values()),
        "answered": sum(number for (status, _), number in live.items() if status is LineStatus.ANSWERED),
        "unanswered": len(waiting),
        "top_reached": sum(1 for line in waiting if line.status is LineStatus.TOP_REACHED),
        "doors": sum(1 for line in waiting if line.door_at is not None),
        "no_contact": sum(1 for line in waiting for p in line.parties if p.state is PartyState.NO_CONTACT),
        "struck": sum(each.struck * number for (_, each), number in live.items()),
        "on_behalf": sum(each.is_on_behalf * number for (_, each), number in live.items()),
        "feedback_overdue": sum(each.is_overdue * number for (_, each), number in live.items()),
        "oldest_unanswered_at": _time(min(since, default=None)),
        "by_result": dict(sorted(last.items())),
    }


def unanswered(held: Iterable[tuple[Line, Clocks]], now: datetime) -> dict[str, Any]:
    """Of the lines that wait for an answer: how many, and since when the first does; as the `summary` of each case."""
    waiting = list(held)
    since = [m.opened_at for line, clocks in waiting for m in line.unanswered(clocks, now)]
    return {"unanswered": len(waiting), "oldest_unanswered_at": _time(min(since, default=None))}


def _matter(m: LineMatter) -> dict[str, Any]:
    return {
        "matter_id": m.matter_id,
        "version": m.version,
        "purpose": m.purpose.value,
        "level": m.level.value,
        "hazard": m.hazard,
        "scope": m.scope,
        "verification": m.verification.value,
        "orders": list(m.orders),
        "owed": msgspec.to_builtins(m.owed),
        "opened_at": format_time(m.opened_at),
        "grade": m.grade.value if m.grade else None,
        "answered_by": m.answered_by,
        "answered_at": _time(m.answered_at),
    }


def _party(p: Party, rings: Mapping[str, Ring]) -> dict[str, Any]:
    ring = rings.get(p.person)
    return {
        "post": p.post,
        "person": p.person,
        "kind": p.kind.value,
        "state": p.state.value,
        "called_at": _time(p.called_at),
        "result": p.result,
        "result_at": _time(p.result_at),
        "accepted_at": _time(p.accepted_at),
        "ringing": bool(ring and ring.live),
        "next_try_at": _time(ring.next_at) if ring and p.state is PartyState.CALLED else None,
    }


def _feedback(feedback: Feedback, clocks: Clocks) -> dict[str, Any]:
    return {
        "due_at": _time(feedback.due_at),
        "facts": feedback.facts,
        "missing": [fact for fact in clocks.facts if fact not in feedback.facts],
        "given_at": _time(feedback.given_at),
        "overdue_at": _time(feedback.overdue_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
