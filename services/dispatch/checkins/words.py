"""报到用语 What is said of check-ins: to who sent one, and on the incident's timeline (never a name or a number)."""

from __future__ import annotations

from services.dispatch.checkins.checkin import CheckIn, Kind, Look, Looked, Need, Reason, Receiver

EMERGENCY = ("119", "120", "110")

NEED_WORDS: dict[Need, tuple[str, str]] = {
    Need.TRAPPED: ("被困", "trapped"),
    Need.INJURED: ("有人受伤", "injured"),
    Need.MEDICAL: ("急需医药", "urgent medical need"),
    Need.BEDRIDDEN: ("有人走不动", "cannot walk"),
    Need.CHILDREN: ("有小孩", "children"),
}
RECEIVER_WORDS: dict[Receiver, tuple[str, str]] = {
    Receiver.FIRE: ("119 消防救援", "119 fire and rescue"),
    Receiver.MEDICAL: ("120 急救", "120 ambulance"),
    Receiver.POLICE: ("110 公安", "110 police"),
    Receiver.TOWNSHIP: ("乡镇（街道）", "the township"),
    Receiver.TEAM: ("救援队伍", "a rescue team"),
}
REASON_WORDS: dict[Reason, tuple[str, str]] = {
    Reason.OPENED: ("群众求助（未核实）", "somebody asks for help (unverified)"),
    Reason.WORSE: ("同一人报告加重，需重新查看", "the same person reports worse: look again"),
    Reason.AGAIN: ("同一人再次求助，可能救援未到", "the same person asks again: help may not have come"),
    Reason.SAFE_AFTER_HELP: ("求助后又报平安（未核实，求助仍有效）", "says safe now (unverified; the request stands)"),
    Reason.TRIED: ("已联系，未接通", "tried, not reached"),
    Reason.VERIFIED: ("已核实", "verified"),
    Reason.HANDED_OVER: ("已移交", "handed over"),
    Reason.CLOSED: ("已办结", "closed"),
    Reason.UNSEEN: ("求助无人查看！", "nobody has looked at this request!"),
}
REFUSAL_WORDS: dict[Reason, tuple[str, str]] = {
    Reason.ALREADY_VERIFIED: ("此前已核实，没有新的报告", "it was verified before and nothing new was reported"),
    Reason.ALREADY_CLOSED: ("该报到已办结；此人再报会另立编号", "it is closed; a new report gets a number of its own"),
    Reason.RECEIVER_MISSING: ("移交须写明移交给谁", "say to whom it is handed over"),
    Reason.WORDS_MISSING: ("移交和办结求助须写明情况", "say what was agreed or found"),
}
THANKS: dict[Kind, tuple[str, str]] = {
    Kind.NEED_HELP: (
        "已收到，值班员会查看。这不等于救援已经出发：请同时拨打 119 / 120。",
        "Received; the duty officer will look at it. This does not mean that help is on its way: also call 119 or 120.",
    ),
    Kind.SAFE: (
        "已收到，尚未核实。情况变了请再报；需要救援请拨打 119 / 120。",
        "Received, not verified yet. Report again if things change; to be rescued call 119 or 120.",
    ),
}


def say(checkin: CheckIn, reason: Reason, place: str, looked: Looked | None = None) -> tuple[str, str]:
    """One line of the timeline, without anything personal."""
    zh, en = REASON_WORDS[reason]
    where_zh, where_en = place or "地点不明", place or "place not known"
    facts_zh = [NEED_WORDS[need][0] for need in checkin.needs]
    facts_en = [NEED_WORDS[need][1] for need in checkin.needs]
    if checkin.people is not None:
        facts_zh.append(f"{checkin.people} 人")
        facts_en.append(f"{checkin.people} people")
    if looked is not None and looked.act is Look.HAND_OVER and looked.to is not None:
        to_zh, to_en = RECEIVER_WORDS[looked.to]
        zh, en = f"{zh}：{to_zh}", f"{en} to {to_en}"
    if looked is not None and looked.words:
        zh, en = f"{zh}，{looked.words}", f"{en}: {looked.words}"
    known_zh = f"（{'、'.join(facts_zh)}）" if facts_zh else ""
    known_en = f" ({', '.join(facts_en)})" if facts_en else ""
    return f"{checkin.checkin_id} {where_zh} {zh}{known_zh}", f"{checkin.checkin_id} {where_en}: {en}{known_en}"


def say_safe_count(count: int) -> tuple[str, str]:
    return (
        f"群众报平安累计 {count} 件（未核实，不计入已找到）",
        f"{count} said to be safe (unverified, counted as nobody found)",
    )


def is_round(count: int) -> bool:
    """1, 2, 5, 10, 20, 50 …: a whole town that is safe must not bury the timeline."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count in (1, 2, 5)
