"""措施的说法 Orders as contract §6 shows them, and what happened to them in one line for the timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.dispatch.orders.events import Effect, EffectKind
from services.dispatch.orders.model import STATE_ZH, Inspection, Order, OrderUnit, Signature, Via
from services.dispatch.orders.people import People
from shared.realm import format_time
from shared.vocabulary import MEASURE_ZH

VIA_ZH = {
    Via.HAND: "签发",
    Via.PHONE: "电话签发",
    Via.PREAUTHORISED: "预先授权",
    Via.WITHDRAW_FIRST: "先撤后报",
}

_SAID: dict[EffectKind, tuple[str, str]] = {
    EffectKind.OPENED: ("{what}：拟对 {count} 个对象采取", "{what_en}: proposed for {count}"),
    EffectKind.CALL_SIGNER: ("{what}：请 {post} 签发", "{what_en}: {post} is called to sign"),
    EffectKind.NO_SIGNER: ("{what}：签发人均未签，或无签发人！", "{what_en}: nobody signed, or there is no signer!"),
    EffectKind.TOOK_FORCE: ("{what}：{via} {post}，{count} 个对象生效", "{what_en}: in force for {count} by {post}"),
    EffectKind.RAISED: ("{what}：升至{level}", "{what_en}: raised to {level_en}"),
    EffectKind.RAISE_PENDING: ("{what}：拟升级，待签发", "{what_en}: a higher level waits for its signature"),
    EffectKind.TRIP_JOINED: ("{what}：并入新的触发", "{what_en}: a further trip joined"),
    EffectKind.UNITS_ADDED: ("{what}：增加 {count} 个对象", "{what_en}: {count} more"),
    EffectKind.STOOD_DOWN: ("{what}：触发已结束，停止催签", "{what_en}: its trip ended, nobody is called to sign"),
    EffectKind.COUNTERSIGNED: ("{what}：{post} 已补签", "{what_en}: countersigned by {post}"),
    EffectKind.COUNTERSIGN_OVERDUE: (
        "{what}：{post} 逾时未补签，上报",
        "{what_en}: {post} did not countersign in time",
    ),
    EffectKind.PROGRESSED: ("{what}：{count} 个对象{state}", "{what_en}: {count} now {state_en}"),
    EffectKind.PEOPLE: ("{what}：{people}", "{what_en}: {people_en}"),
    EffectKind.MORE_PEOPLE: ("{what}：实有人数多于名单", "{what_en}: more people than the list knew"),
    EffectKind.RETURNED_UNASKED: ("{what}：有人擅自返回！", "{what_en}: people went back without leave!"),
    EffectKind.COMPLETED: ("{what}：{count} 个对象已落实", "{what_en}: complete for {count}"),
    EffectKind.EXTENDED: ("{what}：延期", "{what_en}: extended"),
    EffectKind.EXPIRED: (
        "{what}：复核时限已到，未解除，仍然有效！",
        "{what_en}: review time passed, not lifted, still in force!",
    ),
    EffectKind.LIFTED: ("{what}：{post} 解除 {count} 个对象的管控", "{what_en}: lifted for {count} by {post}"),
    EffectKind.REVOKED: ("{what}：{post} 撤销", "{what_en}: revoked by {post}"),
    EffectKind.DECLINED: ("{what}：{post} 不予签发", "{what_en}: declined by {post}"),
    EffectKind.RETURN_PERMITTED: ("{what}：{post} 允许返回", "{what_en}: {post} permits the return"),
}


def say(order: Order, effect: Effect) -> tuple[str, str]:
    """One line in Chinese and in English."""
    zh, en = _SAID[effect.kind]
    via = order.signature.via if order.signature else Via.HAND
    words = {
        "what": f"{order.order_id} {order.level.zh}·{MEASURE_ZH[order.kind]} {order.wording_zh}",
        "what_en": f"{order.order_id} {order.kind} ({order.level})",
        "count": len(effect.units),
        "post": effect.post or "",
        "via": VIA_ZH[via],
        "level": order.level.zh,
        "level_en": order.level.value,
        "state": STATE_ZH[order.state],
        "state_en": order.state.value.replace("_", " "),
        "people": _people_zh(order.people),
        "people_en": _people_en(order.people),
    }
    return zh.format(**words), en.format(**words)


def _people_zh(people: People) -> str:
    each = people.as_dict()
    return (
        f"应转{each['expected']} 安置{each['shelter']} 投亲{each['relatives']} 外出{each['away']} "
        f"拒转{each['refused']} 未联系上{each['not_found']} 擅自返回{each['returned']}"
    )


def _people_en(people: People) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in people.as_dict().items())


def show(order: Order, *, by_name: bool = False) -> dict[str, Any]:
    """措施对象 (contract §6). ``by_name`` adds who the people are; names are for those who may know them."""
    pending = order.raise_to
    return {
        "order_id": order.order_id,
        "incident_id": order.incident_id,
        "trip_ids": list(order.trip_ids),
        "hazard": order.hazard,
        "kind": order.kind.value,
        "level": order.level.value,
        "state": order.state.value,
        "held": order.is_held,
        "scope": order.scope,
        "scope_kind": order.scope_kind.value,
        "industry": order.industry,
        "area": {"codes": sorted({unit.region for unit in order.units})},
        "wording": {"zh": order.wording_zh, "en": order.wording_en},
        "basis": order.basis,
        "exemptions": order.exemptions,
        "issuer": order.issuer,
        "headquarters": order.authority.headquarters if order.authority else None,
        "lifter": order.authority.lifter if order.authority else None,
        "created_at": format_time(order.created_at),
        "starts_at": _time(order.starts_at),
        "review_at": _time(order.review_at),
        "due_at": _time(order.due_at),
        "next_signer": order.next_signer,
        "signers": list(order.signing.signers) if order.wants_signature and order.signing else [],
        "signatures": [_signature(signature) for signature in order.signatures],
        "raise": None
        if pending is None
        else {
            "level": pending.level.value,
            "wording": {"zh": pending.wording_zh, "en": pending.wording_en},
            "state": "awaiting_signature" if order.due_at else "proposed",
        },
        "units": [_unit(unit, by_name) for unit in order.units],
        "people": order.people.as_dict() if order.moves_people else None,
        "closing": None
        if order.closing is None
        else {
            "by": order.closing.by,
            "at": format_time(order.closing.at),
            "ground": order.closing.ground,
            "inspection": _inspection(order.closing.inspection),
        },
        "return_permitted": None
        if order.returned is None
        else {
            "by": order.returned.by,
            "at": format_time(order.returned.at),
            "inspection": _inspection(order.returned.inspection),
        },
    }


def head(order: Order) -> dict[str, Any]:
    """Of an order what a list of those that wait for a signature says."""
    return {
        "order_id": order.order_id,
        "kind": order.kind.value,
        "level": order.level.value,
        "state": order.state.value,
        "name": order.units[0].name if order.units else order.scope,
        "units": len(order.units),
        "wording": {"zh": order.wording_zh, "en": order.wording_en},
        "due_at": _time(order.due_at),
    }


def _unit(unit: OrderUnit, by_name: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "unit_id": unit.unit_id,
        "kind": unit.kind.value,
        "name": unit.name,
        "region": unit.region,
        "post": unit.post,
        "state": unit.state.value,
        "changed_at": _time(unit.changed_at),
        "changed_by": unit.changed_by,
        "note": unit.note,
        "people": unit.people.as_dict() if unit.people else None,
    }
    if by_name and unit.people is not None:
        shown["groups"] = [
            {
                "ref": group.ref,
                "people": group.people,
                "outcome": group.outcome.value,
                "returned": group.returned,
                "with_them": group.with_them,
                "note": group.note,
                "by": group.by,
                "at": format_time(group.at),
            }
            for group in unit.people.groups
        ]
    return shown


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "by": signature.by,
        "at": format_time(signature.at),
        "via": signature.via.value,
        "words": signature.words,
        "recorded_by": signature.recorded_by,
        "countersign_by": signature.countersign_by,
        "countersign_due_at": _time(signature.countersign_due_at),
        "countersigned_at": _time(signature.countersigned_at),
        "countersign_overdue": signature.countersign_overdue,
    }


def _inspection(inspection: Inspection | None) -> dict[str, Any] | None:
    if inspection is None:
        return None
    return {
        "by": inspection.by,
        "at": format_time(inspection.at),
        "safe": inspection.safe,
        "finding": inspection.finding,
    }


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None
