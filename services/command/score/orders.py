"""措施评分 Each order is in force by the right authority or waits while its chain is called as the minutes say. Pure.

Judged from the orders as the API shows them, what was done with each (``acts``), and the pack's authority table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.command.score.findings import Finding
from shared.pack.model import AuthorityRow, Pack
from shared.realm import parse_time
from shared.vocabulary import Level

HELD_IN_ORDER = ("in_force", "acknowledged", "in_progress", "complete")
OUTCOMES = ("shelter", "relatives", "away", "refused", "not_found")
RESTARTS = frozenset({"order.opened", "order.trip_joined", "order.units_added", "order.raise_pending"})
ENDS = frozenset({"order.took_force", "order.stood_down", "order.declined", "order.revoked"})
COUNTERSIGN_WITHIN = timedelta(hours=2)
Order = Mapping[str, Any]


class Judge:
    """评一项措施: collects what is wrong with one order."""

    def __init__(self, order: Order, pack: Pack, allow: timedelta, as_of: datetime) -> None:
        self.order, self.pack, self.allow, self.as_of = order, pack, allow, as_of
        self.findings: list[Finding] = []
        self.rows = authority_rows(pack, order)
        self.acts = [act for act in order["acts"] if parse_time(act["known_at"]) <= as_of]
        self.turns = [act for act in self.acts if act["kind"] == "order.call_signer"]

    def say(self, zh: str, en: str, at: datetime | None = None) -> None:
        self.findings.append(Finding(subject=str(self.order["order_id"]), at=at, zh=zh, en=en))

    def all(self) -> list[Finding]:
        self.force()
        self.chain()
        self.state()
        self.people()
        self.ending()
        return self.findings

    # -- by whose authority ------------------------------------------------------------------------------

    def force(self) -> None:
        signatures = self.order["signatures"]
        if self.order["held"] and not signatures:
            self.say("已生效，却无任何签发", "in force without any signature")
        for signature in signatures:
            self._signature(signature)

    def _signature(self, signature: Mapping[str, Any]) -> None:
        by, via, at = signature["by"], signature["via"], parse_time(signature["at"])
        if via == "preauthorised":
            day = at.astimezone(ZoneInfo(self.pack.district.timezone)).date().isoformat()
            if not any(row.preauthorised_by == by and (row.preauthorised_until or "") >= day for row in self.rows):
                self.say(f"{by} 的预先授权不在权限表中或已过期", f"{by} gave no authority beforehand that holds", at)
            return
        if via == "withdraw_first":
            if self.order["kind"] not in ("evacuate", "disperse") or not signature["countersign_by"]:
                self.say(f"先撤后报（{by}）不成立", f"withdrawn first by {by}, which may not be", at)
            return
        if not any(by in signers_of(row) for row in self.rows):
            self.say(f"{by} 无权签发", f"{by} may not sign this", at)
        elif not any(act["data"].get("post") == by and parse_time(act["at"]) <= at for act in self.turns):
            self.say(f"{by} 未到其签发之时", f"{by} signed before their turn", at)
        if via == "phone":
            self._phone(signature, at)

    def _phone(self, signature: Mapping[str, Any], at: datetime) -> None:
        if not (signature["words"] and signature["recorded_by"]):
            self.say("电话签发缺原话或记录人", "signed by telephone without words or recorder", at)
        due = signature["countersign_due_at"]
        owed = signature["countersigned_at"] is None and not signature["countersign_overdue"]
        if due is not None and owed and parse_time(due) + self.allow < self.as_of:
            self.say("电话签发逾时未补签，亦未上报", "countersign overdue and not reported", parse_time(due))
        if due is not None and parse_time(due) - at > COUNTERSIGN_WITHIN:
            self.say("补签期限超过 2 小时", "more than two hours to countersign", at)

    # -- the chain ---------------------------------------------------------------------------------------

    def chain(self) -> None:
        """Signer after signer, each when the minutes are over; nobody left out, nobody before."""
        runs = list(self._runs())
        waits = self.order["due_at"] is not None and self.order["next_signer"] is not None
        for number, run in enumerate(runs):
            goes_on = waits and number == len(runs) - 1
            tries = [self._explain(run, row, goes_on=goes_on) for row in self.rows]
            if tries and all(tries):
                self.findings.append(max((found[0] for found in tries), key=lambda found: str(found.at)))
        if waits and not runs:
            self.say("待签发，却未叫任何签发人", "waits for a signature, and nobody is called")

    def _runs(self) -> Iterable[list[tuple[datetime, str]]]:
        """Countdowns: each begins with the order or what came to it, and ends with a signature or a new beginning."""
        run: list[tuple[datetime, str]] = []
        fresh: datetime | None = None
        for act in self.acts:
            at = parse_time(act["known_at"])
            if act["kind"] in RESTARTS:
                fresh = at
            elif act["kind"] in ENDS and run and self.order["due_at"] is None:
                yield run
                run = []
            elif act["kind"] == "order.call_signer":
                if fresh == at and run:
                    yield run
                    run = []
                run.append((at, str(act["data"].get("post"))))
        if run:
            yield run

    def _explain(self, run: Sequence[tuple[datetime, str]], row: AuthorityRow, *, goes_on: bool) -> list[Finding]:
        """What of a countdown that begins by this row nothing explains; a higher level begins anew with its own row."""
        signers, number, last = signers_of(row), 0, run[0][0] - timedelta(minutes=max(1, row.minutes))
        for index, (at, post) in enumerate(run):
            wrong = self._wrong_turn(row, number, last, at, post)
            if wrong is not None:
                higher = [
                    each for each in self.rows if each.level.rank > row.level.rank and signers_of(each)[0] == post
                ]
                if index == 0 or not higher:
                    return [wrong]
                rest = [self._explain(run[index:], each, goes_on=goes_on) for each in higher]
                return min(rest, key=lambda found: (len(found), [str(each.at) for each in found]))
            number, last = (number + 1) % len(signers), at
        due = last + timedelta(minutes=max(1, row.minutes))
        if goes_on and due + self.allow < self.as_of:
            return [self._wrong("到时未叫下一签发人", "the next signer was not called when due", due)]
        return []

    def _wrong_turn(self, row: AuthorityRow, number: int, last: datetime, at: datetime, post: str) -> Finding | None:
        wanted, minutes = signers_of(row)[number], max(1, row.minutes)
        if post != wanted:
            return self._wrong(f"叫的是 {post}，应为 {wanted}", f"{post} was called, not {wanted}", at)
        late = at - last - timedelta(minutes=minutes)
        if not -timedelta(milliseconds=1) <= late <= self.allow:
            found = (at - last).total_seconds() / 60
            zh = f"叫 {post} 距上一人 {found:.1f} 分钟，应为 {minutes} 分钟"
            return self._wrong(zh, f"{post} called after {found:.1f} min, not {minutes}", at)
        return None

    def _wrong(self, zh: str, en: str, at: datetime) -> Finding:
        return Finding(subject=str(self.order["order_id"]), at=at, zh=zh, en=en)

    # -- states and people -------------------------------------------------------------------------------

    def state(self) -> None:
        """The order's state is its weakest unit's; what is past its review is expired and still binds."""
        units = [unit["state"] for unit in self.order["units"]]
        held = [state for state in units if state in HELD_IN_ORDER]
        wanted = min(held, key=HELD_IN_ORDER.index) if held else _unheld(units)
        state, review = self.order["state"], self.order["review_at"]
        if state == "expired_not_lifted":
            if not held or review is None or parse_time(review) > self.as_of:
                self.say("称到期未解除，但复核时限未到", "said to be expired before its review")
        elif state != wanted:
            self.say(
                f"状态 {state} 与对象不符，应为 {wanted}", f"state {state} does not follow from its units ({wanted})"
            )
        elif held and review is not None and parse_time(review) + self.allow < self.as_of:
            self.say("复核时限已过，未标到期未解除", "past its review and not said to be", parse_time(review))
        if self.order["held"] != bool(held):
            self.say("“仍有效”与对象不符", "held does not follow from its units")

    def people(self) -> None:
        """应转 = 集中安置 + 投亲靠友 + 外出未在家 + 拒转 + 未联系上, in each unit and together."""
        parts = [unit["people"] for unit in self.order["units"] if unit["people"] and unit["state"] != "revoked"]
        whole = self.order["people"]
        for name, count in [*((u["name"], u["people"]) for u in self.order["units"]), ("", whole)]:
            if count is not None and count["expected"] != sum(count[each] for each in OUTCOMES):
                self.say(f"{name}人数不平：{count}", f"people do not add up {name}: {count}")
            if count is not None and min(count[each] for each in (*OUTCOMES, "returned")) < 0:
                self.say(f"{name}人数为负", f"negative people {name}")
        if whole is not None and whole["expected"] != sum(part["expected"] for part in parts):
            self.say("合计与各对象之和不符", "the whole is not the sum of its units")
        for unit in self.order["units"]:
            if unit["state"] == "complete" and unit["people"] and unit["people"]["not_found"]:
                self.say(f"{unit['name']}已落实，却有人未联系上", f"{unit['name']} complete with people not found")

    def ending(self) -> None:
        """Lifted by the lifter; an evacuation after a safe inspection; return permitted by an act of its own."""
        closing = self.order["closing"]
        if self.order["state"] in ("lifted", "revoked") and closing is None:
            self.say("已结束，却无结束之举", "ended without an act")
        if self.order["state"] == "lifted" and closing is not None:
            if not any(row.lifter == closing["by"] for row in self.rows):
                self.say(f"{closing['by']} 无权解除", f"{closing['by']} may not lift this")
            safe = (closing.get("inspection") or {}).get("safe")
            if self.order["kind"] == "evacuate" and not safe:
                self.say("解除撤离而无安全核查", "evacuation lifted without a safe inspection")


def _unheld(units: Sequence[str]) -> str:
    for state in ("awaiting_signature", "proposed", "lifted"):
        if state in units:
            return state
    return "revoked"


def signers_of(row: AuthorityRow) -> tuple[str, ...]:
    return (row.signer, *(post for post in row.deputies if post != row.signer))


def authority_rows(pack: Pack, order: Order) -> list[AuthorityRow]:
    """The rows of the authority table that could speak for the order, at its level or one that it passed through."""
    family = {code for code, hazard in pack.hazards.items() if hazard.family == _family(pack, order["hazard"])}
    fitting = [
        row
        for row in pack.authority
        if row.kind == order["kind"]
        and row.scope_kind == order["scope_kind"]
        and row.hazard in ("*", order["hazard"], *family)
    ]
    level = Level((order["raise"] or order)["level"])
    return sorted(fitting, key=lambda row: (row.level is not level, row.hazard != order["hazard"], row.hazard == "*"))


def _family(pack: Pack, hazard: str) -> str:
    known = pack.hazards.get(hazard)
    return known.family if known else hazard


def judge_orders(orders: Iterable[Order], pack: Pack, allow: timedelta, as_of: datetime) -> tuple[int, list[Finding]]:
    """All orders that were there by then."""
    there = [order for order in orders if parse_time(order["created_at"]) <= as_of]
    return len(there), [finding for order in there for finding in Judge(order, pack, allow, as_of).all()]
