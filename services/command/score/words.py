"""评分表的写法 The score sheet in lines for a terminal: Chinese first, a gloss in English, names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.command.score.findings import Finding, Score
from services.command.score.sheet import Sheet
from shared.realm import parse_time
from shared.vocabulary import Level

FINDINGS_SHOWN = 8
NAMES_SHOWN = 30
RESULTS_ZH: Mapping[str | None, str] = {
    "no_answer": "无人接听",
    "busy": "占线",
    "machine": "语音信箱",
    "unreachable": "无法接通",
    "hung_up": "接听即挂",
    "part_heard": "未听完",
    "heard": "听完未按键",
    "keyed": "按过键",
    "bad_number": "空号",
    "carrier_failed": "通道故障",
    "expired": "无回执",
    "withdrawn": "未拨出",
    "ringing": "正在拨",
    None: "未拨",
}
MINUTES = (
    ("fuse_to_first_ring_min", "熔断 → 首次响铃", "fuse to first ring"),
    ("fuse_to_first_acting_min", "熔断 → 首个“已行动”", "fuse to first acting answer"),
    ("post_to_acting_min", "岗位被叫 → “已行动”", "post called to acting"),
)


def lines_of(sheet: Sheet, zone: str) -> list[str]:
    """The whole sheet."""
    verdict = "通过 PASS" if sheet.passed else "不通过 FAIL"
    span = (
        f"{_clock(sheet.began_at, zone)} – {_clock(sheet.as_of, zone)}" if sheet.began_at else _clock(sheet.as_of, zone)
    )
    return [
        "",
        f"════ 演练评分表 Score sheet · {sheet.realm} · {span} · {sheet.speed:g} 倍速 ════",
        f"   一步不得早于其钟，可晚 {sheet.allow_s:g} 秒（墙上时钟，演练中 {sheet.allow_s * sheet.speed:g} 秒）"
        " / no step before its clock; wall seconds that it may be late",
        *(line for each in sheet.scores for line in _score(each, zone)),
        "── 用时（演练时钟，分钟）Times in minutes of the drill's clock",
        *(_spread(zh, en, sheet.minutes[key]) for key, zh, en in MINUTES),
        *_left("未响铃的熔断 fuses not rung", sheet.minutes["fuses_not_rung"]),
        *_left("尚无人行动的熔断 fuses nobody acts on yet", sheet.minutes["fuses_nobody_acts_on"]),
        *_unanswered(sheet.unanswered, zone),
        f"════ {verdict} ════",
    ]


def _score(each: Score, zone: str) -> Iterable[str]:
    mark = "✔" if each.passed else "✘"
    numbers = "，".join(f"{key} {value}" for key, value in each.numbers.items())
    counted = f"{each.counted} 项" + (f"；{numbers}" if numbers else "")
    yield f" {mark} {each.zh}（{counted}）/ {each.en}"
    if each.must_count and each.counted == 0:
        yield "     ! 没有可评的内容，不算通过 / nothing to judge is no pass"
    for finding in each.findings[:FINDINGS_SHOWN]:
        yield f"     ! {_finding(finding, zone)}"
    left = len(each.findings) - FINDINGS_SHOWN
    if left > 0:
        yield f"     … 另有 {left} 处，见 --json / {left} more"


def _finding(finding: Finding, zone: str) -> str:
    at = f"{_local(finding.at, zone)} " if finding.at else ""
    return f"{at}{finding.subject} {finding.zh} / {finding.en}"


def _spread(zh: str, en: str, found: Mapping[str, Any]) -> str:
    if not found["count"]:
        return f"   {zh}：无 / {en}: none"
    return f"   {zh}：p50 {found['p50']}  p95 {found['p95']}  最长 {found['max']}（{found['count']} 次）/ {en}"


def _left(what: str, names: list[str]) -> Iterable[str]:
    if names:
        more = f" 等 {len(names)} 起" if len(names) > NAMES_SHOWN else ""
        yield f"   {what}：{'、'.join(names[:NAMES_SHOWN])}{more}"


def _unanswered(rows: Iterable[Mapping[str, Any]], zone: str) -> Iterable[str]:
    rows = list(rows)
    yield f"── 未应答 Unanswered：{len(rows)} 个岗位 posts"
    for row in rows[:NAMES_SHOWN]:
        top = "，已到顶" if row["top_reached"] else ""
        last = RESULTS_ZH.get(row["last_call"], str(row["last_call"]))
        level = Level(row["level"]).zh
        who, since = f"{row['person']}（{row['case_id']}/{row['post']}）", _clock(row["since"], zone)
        yield f"   {who}{level}，自 {since}{top}，末次：{last}"
    if len(rows) > NAMES_SHOWN:
        yield f"   … 另有 {len(rows) - NAMES_SHOWN} 个 more"


def _clock(text: str, zone: str) -> str:
    return _local(parse_time(text), zone)


def _local(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M:%S")
