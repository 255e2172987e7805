"""叫应记事 The callouts' own log, said in lines for an incident's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.dispatch.incidents.timeline import Entry
from shared.vocabulary import Level

_WORDS: dict[str, tuple[str, str]] = {
    "case_opened": ("开始叫应", "callout begun"),
    "reported_upward": (
        "电话签批逾时未补签，上报",
        "telephone signature not countersigned in time, reported upward to",
    ),
    "case_closed": ("叫应结束", "callout closed"),
    "gap": ("叫应缺口！", "nobody to call!"),
    "finding": ("现场核实结论", "finding on the spot"),
    "matter_entered_late": ("补录事项", "matter entered late"),
    "opened": ("开始呼叫", "called"),
    "joined": ("并入同一通话", "joined the same call"),
    "upgraded": ("级别升高，重新呼叫", "worse: called again"),
    "downgraded": ("级别降低", "calmer"),
    "covered_by_acting": ("已在处置，短信告知", "acting already, told by text"),
    "matter_ended": ("事项结束", "over"),
    "answered": ("已应答", "answered"),
    "answer_too_weak": ("已接听，尚未确认处置", "heard, not acting yet"),
    "heard_stops_nothing": ("仅收听，继续叫应", "heard only, calling goes on"),
    "cannot_act": ("本人无法处置，转叫代理人", "cannot act, the deputy is called"),
    "wrong_person": ("号码不是本人，已划掉", "wrong person, struck"),
    "struck_elsewhere": ("号码已在别处划掉", "number struck in another case"),
    "no_contact": ("无可用联系方式！", "no contact!"),
    "contact_found": ("补到联系方式", "contact found"),
    "busy_is_not_absent": ("占线，短信告知，稍后再拨", "busy: a text, and again soon"),
    "deputy_called": ("转叫代理人", "deputy called"),
    "superior_called": ("转叫上级", "superior called"),
    "told_by_text": ("上级已在行动，短信告知接替", "a superior acts already, told by text to stand in"),
    "rung_again": ("上级改由电话叫应", "the superior is rung after all"),
    "top_reached": ("已升至最高仍无人应答！", "the top is reached and nobody answered!"),
    "door_opened": ("派人上门", "somebody goes to the door"),
    "door_accepted": ("已出发上门", "on the way to the door"),
    "feedback_given": ("首报已反馈", "first report given"),
    "feedback_incomplete": ("首报不全", "first report incomplete"),
    "feedback_overdue": ("首报逾时！", "first report overdue!"),
    "attempt_noted": ("拨叫结果已记", "how the call ended is noted"),
    "late_starts_nothing": ("补录，不再叫应", "entered late, nobody is called for it"),
    "closed": ("本线结束", "line closed"),
}

VERDICTS = {"confirm": ("属实", "confirmed"), "refute": ("排除", "refuted")}
GRADES = {
    "acting": ("已行动", "acting"),
    "understood": ("明白", "understood"),
    "heard": ("听到", "heard"),
    "cannot_act": ("无法行动", "cannot act"),
    "wrong_person": ("非本人", "wrong person"),
    "busy": ("占线", "busy"),
}
VIAS = {
    "app": ("应用", "by app"),
    "keypad": ("按键", "by key"),
    "sms": ("短信", "by text"),
    "code": ("短信代码", "by code"),
    "on_behalf": ("代答", "on behalf"),
}
GAPS = {
    "no_rule": ("叫应规则中没有这一项，改叫上级负责人", "no rule for this: the heads above are called"),
    "no_post": ("没有对应岗位", "no such post"),
    "no_verifier": ("没有核实人", "nobody to verify"),
    "no_contact": ("没有联系方式", "no contact"),
    "nobody": ("无人可叫", "nobody to call"),
}


def told(
    case_id: str, kind: str, post: str | None, at: datetime, happened_at: datetime | None, by: str | None, body: Any
) -> Entry:
    """One line of the log."""
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    zh, en = _WORDS.get(kind, (kind, kind.replace("_", " ")))
    who = " ".join(part for part in (post, str(said.get("person") or "")) if part)
    level = said.get("level")
    if level in tuple(Level):
        zh, en = f"{zh}（{Level(level).zh}）", f"{en} ({level})"
    called = [str(each.get("person")) for each in said.get("called") or () if isinstance(each, Mapping)]
    if called:
        zh, en = f"{zh}：呼叫 {'、'.join(called)}", f"{en}: ringing {', '.join(called)}"
    owed = said.get("owed")
    if isinstance(owed, Mapping):
        what = owed.get("order_id") or owed.get("alert_id")
        zh = f"{zh}：{owed.get('person')}（{owed.get('post')}）{what}，应于 {owed.get('due_at')} 前补签"
        en = f"{owed.get('person')} ({owed.get('post')}) owes {what} since {owed.get('due_at')}: {en} {post}"
    told = [str(each.get("person")) for each in said.get("told") or () if isinstance(each, Mapping)]
    if told:
        zh, en = f"{zh}：短信告知 {'、'.join(told)}（已在行动）", f"{en}: text to {', '.join(told)} (acting already)"
    if kind == "gap":
        why = _said(GAPS, said.get("reason"))
        zh, en = f"{zh}{why[0]} {said.get('what')}", f"{en} {why[1]}: {said.get('what')}"
    if kind == "finding":
        verdict = _said(VERDICTS, said.get("verdict"))
        zh, en = f"{zh}：{verdict[0]}，{said.get('ground')}", f"{en}: {verdict[1]}, {said.get('ground')}"
    if said.get("grade"):
        grade, via = _said(GRADES, said["grade"]), _said(VIAS, said.get("via"))
        zh, en = f"{zh}（{grade[0]}，{via[0]}）", f"{en} ({grade[1]}, {via[1]})"
    return Entry(
        at=happened_at or at,
        known_at=at,
        kind=f"callout.{kind}",
        subject=case_id,
        text_zh=f"{case_id} {who} {zh}".replace("  ", " "),
        text_en=f"{case_id} {who} {en}".replace("  ", " "),
        by=by,
        data=dict(said),
    )


def _said(words: Mapping[str, tuple[str, str]], code: Any) -> tuple[str, str]:
    """In both languages; what a later version adds stands as it is."""
    return words.get(str(code), (str(code), str(code)))
