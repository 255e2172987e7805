"""催签 Rings the signers: one standing matter a signer and case, for all orders that wait for that signature.

A post is called from its turn on until nothing is left that it may sign: later turns call further posts, they let
nobody go. What more comes to wait, a higher level, and a turn that comes round to somebody who answered the phone and
signed nothing ask anew; a countdown that only runs on changes nothing, the callout's own clocks ring. Picking up the
phone signs nothing: the signature is an act of its own, here or recorded from a call-back.

A signature by telephone that was not countersigned in time is told to the signer's superior (`callouts.upward`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from services.dispatch.callouts import upward
from services.dispatch.callouts.matter import Matter, Owed, Purpose
from services.dispatch.callouts.service import Callouts
from services.dispatch.orders import store
from services.dispatch.orders.model import Order
from services.dispatch.orders.service import Change
from services.dispatch.orders.store import Stored
from shared.db.tx import Tx
from shared.vocabulary import Level, Verification

PREFIX = "sign/"  # of matter ids; the post follows


class SignerCalls:
    """催签: brings each case's matters for its signers to what its orders wait for."""

    def __init__(self, callouts: Callouts) -> None:
        self._callouts = callouts

    def follow(self, tx: Tx, realm: str, changes: Iterable[Change], now: datetime) -> None:
        """Some orders changed: ring whom they wait for now, and let go whom nothing waits for any more."""
        changed = list(changes)
        cases = store.cases_of(store.settled(tx), realm, [change.stored.order.order_id for change in changed])
        turns: set[tuple[str, str]] = set()
        for change in changed:
            order = change.stored.order
            case_id = cases.get(order.order_id)
            if case_id is None:
                if order.due_at is None:
                    continue
                case_id = self._case(tx, realm, change.stored, now)
                cases[order.order_id] = case_id
            turns |= {(case_id, post) for post in change.turns}
        waiting: dict[tuple[str, str], list[Stored]] = {}
        for case_id, stored in store.waiting_in(store.settled(tx), realm, cases.values()):
            for post in stored.order.may_sign if stored.order.due_at is not None else ():
                waiting.setdefault((case_id, post), []).append(stored)
        for case_id in sorted(set(cases.values())):
            called = {post for case, post in waiting if case == case_id}
            self._let_go(tx, realm, case_id, called, now)
            for post in sorted(called):
                key = (case_id, post)
                self._ring(tx, realm, case_id, post, waiting[key], is_turn=key in turns, now=now)

    def report(self, tx: Tx, realm: str, owing: Iterable[Stored], now: datetime) -> None:
        """上报 Each signature of these orders that is overdue is told upward; one that came is told no more."""
        held = list(owing)
        cases = store.cases_of(store.settled(tx), realm, [stored.order.order_id for stored in held])
        for stored in held:
            order = stored.order
            case_id = cases.get(order.order_id) or self._case(tx, realm, stored, now)
            for n, signature in enumerate(order.signatures, 1):
                name = f"{order.order_id}/{n}"
                if signature.countersigned_at is not None:
                    upward.countersigned(self._callouts, tx, realm, case_id, name, now)
                elif signature.countersign_overdue and signature.countersign_by and signature.countersign_due_at:
                    post, due_at = signature.countersign_by, signature.countersign_due_at
                    owed = Owed(post=post, order_id=order.order_id, due_at=due_at)
                    about = upward.About(owed=owed, hazard=order.hazard, scope=order.scope)
                    upward.report(self._callouts, tx, realm, case_id, name, about, now)

    def _case(self, tx: Tx, realm: str, stored: Stored, now: datetime) -> str:
        """The case of the order's incident; the order keeps it wherever officers move it."""
        order = stored.order
        case_id = self._callouts.case_for(tx, realm, order.incident_id or order.order_id, now, stored.pack)
        store.save_case(tx, realm, order.order_id, case_id)
        return case_id

    def _let_go(self, tx: Tx, realm: str, case_id: str, called: set[str], now: datetime) -> None:
        for matter_id in self._callouts.standing(tx, realm, case_id, PREFIX):
            if matter_id.removeprefix(PREFIX) not in called:
                self._callouts.end_matter(tx, realm, case_id, matter_id, now)

    def _ring(
        self, tx: Tx, realm: str, case_id: str, post: str, waiting: list[Stored], *, is_turn: bool, now: datetime
    ) -> None:
        matter_id = f"{PREFIX}{post}"
        held = self._callouts.matter(tx, realm, case_id, matter_id)
        version = self._callouts.last_version(tx, realm, case_id, matter_id)
        wanted = _matter(matter_id, post, waiting)
        if held is None:
            self._callouts.join_matter(tx, realm, case_id, replace(wanted, version=version + 1), now)
            return
        again = is_turn and self._callouts.is_answered(tx, realm, case_id, post)
        more = set(wanted.orders) > set(held.orders) or not set(wanted.orders) <= set(held.orders)
        worse = wanted.level.rank > held.level.rank
        if again or more or worse:
            wanted = replace(wanted, version=version + 1, round=held.round + (1 if again else 0))
        else:
            wanted = replace(wanted, version=version, round=held.round)  # less of it, or nothing new
        self._callouts.join_matter(tx, realm, case_id, wanted, now)


def _matter(matter_id: str, post: str, waiting: list[Stored]) -> Matter:
    """All that waits for one signer, said by the worst of it."""
    worst = max(waiting, key=lambda stored: (_level(stored.order).rank, -stored.no))
    order, level = worst.order, _level(worst.order)
    return Matter(
        matter_id=matter_id,
        version=0,
        hazard=order.hazard,
        scope=order.scope,
        level=level,
        confirmed_level=level,
        verification=Verification.CONFIRMED,
        purpose=Purpose.SIGN,
        posts=(post,),
        orders=tuple(stored.order.order_id for stored in waiting),
        region=order.units[0].region if order.units else None,
        pack=worst.pack,
    )


def _level(order: Order) -> Level:
    return order.raise_to.level if order.raise_to else order.level
