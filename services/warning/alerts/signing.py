"""签批核对 Who may approve: keys and their holders, voices on the telephone and their registered numbers; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.warning.alerts.life import Refusal
from shared.auth.keys import SigningKey, canonical, verify
from shared.pack.model import Pack

CALLED = ("voice", "satphone")
_NOT_DIGITS = re.compile(r"[\s\-()（）+]")


@dataclass(frozen=True, kw_only=True)
class CallBack:
    """回拨记录: whom, on which number, what was said, and who wrote it down."""

    post: str
    number: str
    words: str
    recorded_by: str


@dataclass(frozen=True, kw_only=True)
class Voice:
    """电话批准人: the person who holds the post, and who stands above."""

    person: str
    post: str
    superior: str | None


def authorised(pack: Pack, hazard: str) -> frozenset[str]:
    """可批准岗位 Signers and deputies of the hazard in the authority table; of all hazards where it has none."""
    rows = [row for row in pack.authority if row.hazard in (hazard, "*")] or list(pack.authority)
    return frozenset(post for row in rows for post in (row.signer, *row.deputies) if post)


def voices(pack: Pack, hazard: str) -> list[dict[str, str]]:
    """可电话批准者 The posts whose holders may approve by telephone; their numbers stay in the roster."""
    held = (pack.roster.get(post) for post in sorted(authorised(pack, hazard)))
    return [{"post": row.post, "person": row.person} for row in held if row and row.person]


def check_key(key: SigningKey | None, message: Mapping[str, Any], signature: str, now: datetime) -> Refusal | None:
    """验签 A key that counts now, and its signature over the canonical bytes."""
    if key is None or not key.valid_at(now):
        return Refusal.KEY_INVALID
    return None if verify(key.jwk, canonical(message), signature) else Refusal.BAD_SIGNATURE


def check_call_back(
    call_back: CallBack, pack: Pack, hazard: str, at_desk: Iterable[str], drafters: Iterable[str]
) -> Voice | Refusal:
    """核对回拨 The number must be the post's own in the roster; the voice is nobody at the desk, and wrote nothing."""
    post = pack.roster.get(call_back.post)
    if post is None or not post.person or post.post not in authorised(pack, hazard):
        return Refusal.NO_AUTHORITY
    numbers = {_digits(address) for channel, address in post.contacts if channel in CALLED}
    if _digits(call_back.number) not in numbers:
        return Refusal.NUMBER_UNKNOWN
    if call_back.recorded_by in (post.person, post.post):
        return Refusal.SELF_RECORDED
    if post.person in frozenset(at_desk):
        return Refusal.SAME_PERSON
    if post.person in frozenset(drafters):
        return Refusal.DRAFTER_APPROVES
    return Voice(person=post.person, post=post.post, superior=post.superior)


def _digits(number: str) -> str:
    return _NOT_DIGITS.sub("", number)


REFUSALS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.NOT_APPROVED: ("it is not approved yet", "尚未批准"),
    Refusal.NOT_RELEASED: ("nothing of it stands in public", "尚未对外发布"),
    Refusal.RETURNED: ("it was returned; change the text with update first", "已退回，请先改稿"),
    Refusal.REJECTED: ("it was rejected; draft anew with update if it must be said", "已否决；确需发布请重新拟稿"),
    Refusal.CANCELLED: ("it was cancelled", "已撤销"),
    Refusal.ENDED: ("it has ended", "已解除"),
    Refusal.NOTHING_PROPOSED: ("nothing new is proposed to the public", "没有待办的发布稿"),
    Refusal.ALREADY_HANDED_OVER: ("it was handed over already", "已移交"),
    Refusal.ALREADY_RELEASED: ("it was released already; update it to say something else", "已发布；如需更改请改稿"),
    Refusal.STILL_OPEN: (
        "the alarm still stands; an all-clear would be wrong (cancel withdraws what should not have been said)",
        "监测告警仍在，不得解除；误发请用撤销",
    ),
    Refusal.OVER: ("the alarm is over; end what stands in public instead", "监测告警已结束，请办理解除"),
    Refusal.UNCONFIRMED: (
        "this level is not confirmed; confirm it, or draft at the confirmed level with update {level}",
        "该级别未经核实，不得批准对外发布；请先核实，或按已核实级别改稿",
    ),
    Refusal.DRAFTER_APPROVES: ("who wrote it does not approve it", "拟稿人不得批准"),
    Refusal.SAME_PERSON: ("two different persons are needed, and this is one", "须由两名不同人员批准"),
    Refusal.SELF_RECORDED: (
        "recorded_by: the one who was called cannot be the one who writes it down",
        "记录人不得为被叫人本人",
    ),
    Refusal.NUMBER_UNKNOWN: (
        "number: this is not a telephone number of that post in the roster; ring the registered one",
        "号码与责任人名册登记不符，请回拨登记号码",
    ),
    Refusal.NO_AUTHORITY: (
        "post: it signs nothing for this hazard in authority.csv, or nobody holds it",
        "该岗位不在该灾种签发权限表内，或无人任职",
    ),
    Refusal.BAD_SIGNATURE: ("the signature is not of these bytes by this key", "签名校验不通过"),
    Refusal.KEY_INVALID: ("this key is not enrolled, not valid yet, or revoked", "密钥未登记、未生效或已吊销"),
    Refusal.STALE_DIGEST: ("this is not what is proposed now", "待批内容已变化"),
    Refusal.APPROVALS_MISSING: (
        "not enough different persons have approved these words; see to-sign",
        "批准人数不足，请先完成签批",
    ),
}
