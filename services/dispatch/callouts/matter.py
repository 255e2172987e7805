"""事项 What somebody is called about, and how an answer is graded (contract §6)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from services.dispatch.callouts.clocks import Stops
from shared.vocabulary import Level, Verification


class Purpose(StrEnum):
    """叫应目的: what the person is asked to do"""

    ACT = "act"  # 到岗、组织转移
    VERIFY = "verify"  # 前往核实，做好准备
    SIGN = "sign"  # 签批
    PREPARE = "prepare"  # 有险情将至，做好准备 (an armed fuse)
    OPEN = "open"  # 开门: the key holder of a shelter or warehouse
    DOOR = "door"  # 上门: go to somebody who does not answer
    FEEDBACK = "feedback"  # 补报首报事实
    REPORT = "report"  # 上报: hear what somebody below left undone; nothing is to be done at once


class Basis(StrEnum):
    """依据: what the matter rests on; a measurement never borrows a signal's name (duty_room.md B2)"""

    MEASURED = "measured"  # 监测实况
    NOTICE = "notice"  # 通知


class Grade(StrEnum):
    """答复: how strong an answer is; only the first three have an order"""

    HEARD = "heard"
    UNDERSTOOD = "understood"
    ACTING = "acting"
    CANNOT_ACT = "cannot_act"
    WRONG_PERSON = "wrong_person"
    BUSY = "busy"

    @property
    def strength(self) -> int:
        return _STRENGTH.get(self, 0)


_STRENGTH = {Grade.HEARD: 1, Grade.UNDERSTOOD: 2, Grade.ACTING: 3}


class Via(StrEnum):
    """答复途径"""

    APP = "app"
    KEYPAD = "keypad"
    SMS = "sms"
    CODE = "code"
    ON_BEHALF = "on_behalf"


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """欠签: a signature given by telephone and not countersigned in time: whose, of what, due when"""

    post: str
    due_at: datetime
    person: str = ""
    order_id: str | None = None
    alert_id: str | None = None


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """事项: one trip (or order, or armed scope) that a case calls about; ``version`` rises with each transition.

    ``level`` may be unconfirmed; ``confirmed_level`` is what may be acted on (contract §5.5). ``posts`` names whom to
    call where the caller knows (a signer); otherwise the pack's rules and duties say it. ``orders`` are what waits for
    that signer, and ``round`` counts how often the chain of signers came round to them. ``owed`` is what is reported.
    """

    matter_id: str
    version: int
    hazard: str
    scope: str
    level: Level
    confirmed_level: Level
    verification: Verification = Verification.CONFIRMED
    purpose: Purpose = Purpose.ACT
    basis: Basis = Basis.MEASURED
    scope_kind: str | None = None
    stations: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    round: int = 0
    owed: Owed | None = None
    region: str | None = None
    pack: str | None = None
    happened_at: datetime | None = None
    entered_late: bool = False

    @property
    def calls_at(self) -> Level:
        """The level at which posts are called to act: an unverified level is called like a confirmed one."""
        if self.verification is Verification.UNCONFIRMED:
            return self.confirmed_level
        return self.confirmed_level if self.verification is Verification.REFUTED else self.level

    @property
    def verifies_at(self) -> Level | None:
        """The level at which verifiers and wardens are called to look; None when there is nothing to look at."""
        if self.verification is Verification.UNCONFIRMED and self.level.rank > self.confirmed_level.rank:
            return self.level
        return None


class LineMatter(msgspec.Struct, frozen=True, kw_only=True):
    """线上事项: one matter as one line carries it.

    ``asked`` is the version that last asked for a confirmation: a worse one does; a calmer or unchanged one (a record
    that a fuse is blind, say) does not, and must not void what people answer to the version that they were read.
    """

    matter_id: str
    version: int
    purpose: Purpose
    level: Level
    scope: str
    opened_at: datetime
    hazard: str = ""
    basis: Basis = Basis.MEASURED
    verification: Verification = Verification.CONFIRMED
    orders: tuple[str, ...] = ()
    round: int = 0
    owed: Owed | None = None
    asked: int = 0
    grade: Grade | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None

    def is_answered(self, stops: Stops) -> bool:
        """Whether the answer is strong enough: a report is delivered once it was heard to the end."""
        enough = Grade.HEARD if self.purpose is Purpose.REPORT else Grade(stops)
        return self.grade is not None and self.grade.strength >= enough.strength

    def is_for(self, person: str) -> bool:
        """Nobody is told upward of what they owe themselves, and their word delivers no report."""
        return self.owed is None or self.owed.person != person

    @property
    def key(self) -> str:
        return f"{self.matter_id}#{self.purpose}"

    def asks_again(self, held: LineMatter) -> bool:
        """再请签批: something more waits for the signer, or their turn came again; an answer before does not count."""
        return not set(self.orders) <= set(held.orders) or self.round > held.round

    def is_less_of(self, held: LineMatter) -> bool:
        """减项: some of it was signed meanwhile; the same matter, asking for less."""
        return self.version == held.version and set(self.orders) < set(held.orders)


def worst_first(matters: tuple[LineMatter, ...]) -> tuple[LineMatter, ...]:
    """最急者先: by level, then the oldest."""
    return tuple(sorted(matters, key=lambda m: (-m.level.rank, m.opened_at, m.matter_id)))
