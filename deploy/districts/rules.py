"""规则 Hazards, metrics, fuses, measures, authority, callouts and cards of the sample pack.

Signal thresholds are from the source that each rule names; what has no authority behind it says PROP. None of it has
been approved by anybody: 演示数据.
"""

from __future__ import annotations

from typing import Any

from deploy.districts.places import SOURCE

Row = dict[str, Any]

HAZARDS: tuple[tuple[str, str, str, str], ...] = (
    ("11A01", "洪水", "Flood", "flood"),
    ("11A02", "内涝", "Waterlogging", "flood"),
    ("11A51", "山洪", "Flash flood", "flood"),
    ("11B03", "暴雨", "Rainstorm", "flood"),
    ("11B06", "大风", "Gale", "wind"),
    ("11B14", "雷电", "Lightning", "wind"),
    ("11B37", "地质灾害气象风险", "Geological hazard weather risk", "geology"),
    ("11D01", "滑坡", "Landslide", "geology"),
    ("11D02", "泥石流", "Debris flow", "geology"),
    ("11C02", "地震", "Earthquake", "earthquake"),
    ("11G01", "森林火灾", "Forest fire", "fire"),
)
METRICS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("rain_mm", "mm", "interval", "0", "50", ""),
    ("rain_total_mm", "mm", "cumulative", "0", "99999.9", ""),
    ("stage_m", "m", "level", "0", "3000", "0.5"),
)

DISTRICT_YAML = """\
# 黔江区示例区县包：名称与代码为真实，其余均为演示数据；正式启用前逐项替换，见 README.md
code: "500114"
name: {zh: 黔江区, en: Qianjiang District}
timezone: Asia/Shanghai
sender: fengsui-500114@example.invalid
status: Exercise
max_lateness: 7d
neighbours:
  - {code: "422826", name: 咸丰县, areas: ["422826"], phone: "00000009101"}
  - {code: "500243", name: 彭水苗族土家族自治县, areas: ["500243"], phone: "00000009102"}
  - {code: "500242", name: 酉阳土家族苗族自治县, areas: ["500242"], phone: "00000009103"}
  - {code: "422802", name: 利川市, areas: ["422802"], phone: "00000009104"}
source: 演示数据
"""

RAINSTORM_YAML = """\
- id: rainstorm
  title: {zh: 暴雨, en: Rainstorm}
  hazard: 11B03                 # national event code
  source: "CMA order 16 (2007)"
  per: township                 # one fuse per township
  metric: rain_mm
  levels:
    blue:   [{sum: 12h, at_least: 50}]
    yellow: [{sum: 6h,  at_least: 50}]
    orange: [{sum: 3h,  at_least: 50}]
    red:    [{sum: 3h,  at_least: 100}]
  quorum: {count: 1, of: living, minimum: 1}
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  confirm_after: 5min
  coverage: 80%
  deadband: 10%
  hold: 60min
  latch: orange
  silence: {intervals: 2, above: orange, then: verify}     # verify|escalate|raise
"""

RIVER_STAGE_YAML = """\
# 警戒、保证水位取自 stations.csv；二者相差约 1 米，故涨率单独成条。涨率与“保证以上 1 米”为建议值，未经批准。
- id: river_stage
  title: {zh: 河道水位, en: River stage}
  hazard: 11A01
  source: "演示数据 PROP: 黄=警戒 橙=保证 红=保证以上1米; 涨率 0.5/1.0/2.0 米每小时, 待水利部门核定"
  per: station
  metric: stage_m
  levels:
    yellow: [{value: latest, at_least: station.stage_warning_m}, {rise: 1h, at_least: 0.5}]
    orange: [{value: latest, at_least: station.stage_guarantee_m}, {rise: 1h, at_least: 1.0}]
    red:    [{value: latest, at_least: station.stage_guarantee_m+1}, {rise: 1h, at_least: 2.0}]
  quorum: {count: 1, of: living, minimum: 1}
  plausible: {red: {neighbours: 1, radius: 15km, within: 60min}}
  confirm_after: 5min
  coverage: 80%
  deadband: 0.2                 # 米
  hold: 60min
  latch: orange
  silence: {intervals: 2, above: orange, then: verify}
"""

CALLOUTS_YAML = """\
# 叫应 Who is called, and by which clocks. Every minute is this district's own choice (演示数据), not a norm.
#
# clocks.<level>: stops (weakest answer that ends the climb) · together (rings with the post at once) · attempts,
#   then_every (rings, from when the matter was opened or worsened) · deputy_after · superior_after ·
#   next_superior_every · door_after (somebody goes to the door) · busy_again · text_first · feedback_within
# night: single fields that differ in these hours · feedback.facts: the first report
# rules: every rule that matches (hazards, scope_kinds, levels) is followed; an entry of call names one of
#   duty (of duties.csv), rank (of roster.csv) or post, and of: scope | up | down | within
clocks:
  red:
    stops: acting
    together: [deputy, second]
    attempts: [0min, 2min, 4min]
    then_every: 5min
    superior_after: 3min
    next_superior_every: 3min
    door_after: 8min
    busy_again: 60s
    feedback_within: 15min
  orange:
    stops: acting
    together: [second]
    attempts: [0min, 4min, 8min]
    then_every: 10min
    deputy_after: 8min
    superior_after: 20min
    next_superior_every: 10min
    door_after: 30min
    busy_again: 60s
    feedback_within: 15min
  yellow:
    stops: understood
    attempts: [15min]
    then_every: 30min
    deputy_after: 30min
    superior_after: 60min
    next_superior_every: 60min
    busy_again: 5min
    text_first: true
    feedback_within: 60min
  blue:
    stops: understood
    attempts: [30min]
    then_every: 2h
    deputy_after: 2h
    superior_after: 4h
    next_superior_every: 4h
    busy_again: 10min
    text_first: true
night:
  from: "22:00"
  to: "06:00"
  orange: {attempts: [0min, 3min, 6min]}
  yellow: {attempts: [0min, 15min]}   # a text wakes nobody
feedback: {facts: [commander, villages, evacuating]}
rules:
  - id: red-all
    hazards: ["*"]
    scope_kinds: [district, township, village, station, site, unit, industry]
    levels: [red]
    call:
      - {duty: head, of: scope, feedback: true}
      - {duty: patrol, of: scope}
      - {post: qj-hq-chief}
      - {post: qj-hq-deputy-1}
      - {post: qj-hq-duty}
  - id: red-down
    hazards: ["*"]
    scope_kinds: [township, village]
    levels: [red]
    call:
      - {duty: head, of: down}
      - {duty: warden, of: down}
      - {duty: key, of: down}
  - id: orange-all
    hazards: ["*"]
    scope_kinds: [district, township, village, station, site, unit, industry]
    levels: [orange]
    call:
      - {duty: head, of: scope, feedback: true}
      - {duty: patrol, of: scope}
      - {post: qj-hq-duty}
      - {post: qj-hq-office}
  - id: orange-down
    hazards: ["*"]
    scope_kinds: [township, village]
    levels: [orange]
    call:
      - {duty: warden, of: down}
      - {duty: key, of: down}     # keys and vehicles at orange, not at red
  - id: yellow-all
    hazards: ["*"]
    scope_kinds: ["*"]
    levels: [yellow]
    call:
      - {duty: patrol, of: scope, feedback: true}
      - {post: qj-hq-duty}
  - id: blue-all
    hazards: ["*"]
    scope_kinds: ["*"]
    levels: [blue]
    call:
      - {post: qj-hq-duty}
source: 演示数据
"""

CARD_YAML = """\
# 应急处置卡（三化一卡） 演示数据
id: {id}
title: {{zh: {zh}, en: {en}}}
hazards: [{hazards}]
source: 演示数据
steps:
{steps}
"""
_CARDS: dict[str, tuple[str, str, str, tuple[tuple[str, str, str, str], ...]]] = {
    "rainstorm": (
        "暴雨处置卡",
        "Rainstorm card",
        "11B03",
        (
            ("yellow", "township", "值班员到岗，核对雨量站，通知巡查", "Duty officer on post, gauges checked"),
            ("orange", "village", "危险区老弱病残孕先行转移，开避难点门", "Vulnerable people first, open the shelters"),
            ("red", "village", "危险区全员转移，先撤后报，逐户清点", "Everybody out, count by household"),
            ("red", "school", "留校看护，不放学，通知家长勿来", "Keep pupils, tell parents not to come"),
        ),
    ),
    "flood": (
        "洪水处置卡",
        "Flood card",
        "11A01, 11A51",
        (
            ("yellow", "township", "沿江巡查，劝离垂钓与游泳者", "Patrol the banks, anglers and swimmers away"),
            ("orange", "township", "封闭漫水桥与沿江巷，景区停止涉水项目", "Close the ford and the riverside lane"),
            (
                "red",
                "village",
                "沿江全员转移，封控返回路口，22 时与 6 时点名",
                "Everybody out, guard the way back, roll call",
            ),
        ),
    ),
}


def cards() -> dict[str, str]:
    """处置卡"""
    out: dict[str, str] = {}
    for card_id, (zh, en, hazards, steps) in _CARDS.items():
        lines = [
            f'  - {{level: {level}, who: {who}, zh: "{do_zh}", en: "{do_en}"}}' for level, who, do_zh, do_en in steps
        ]
        text = CARD_YAML.format(id=card_id, zh=zh, en=en, hazards=hazards, steps="\n".join(lines))
        out[f"cards/{card_id}.yaml"] = text
    return out


BASIS = "演示数据：以区防汛抗旱应急预案为准"
# scope kind, industry, level, kind, Chinese, English, exemptions
_MEASURES: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    (
        "region",
        "",
        "orange",
        "ban",
        "禁止无关人员进入沿江沿溪危险区",
        "No entry to danger zones by the water",
        "救援人员",
    ),
    ("region", "", "orange", "disperse", "危险区老弱病残孕先行转移", "Vulnerable people leave danger zones first", ""),
    ("region", "", "red", "ban", "封控危险区，未经允许不得进入和返回", "Danger zones closed, no return", "救援人员"),
    ("region", "", "red", "evacuate", "危险区群众立即转移至避难点", "Everybody leaves the danger zones now", ""),
    ("industry", "school", "orange", "stop", "停止户外教学，推迟放学", "No outdoor lessons, hold dismissal", ""),
    ("industry", "school", "red", "stop", "停课，学生留校上楼看护，不得放学", "Classes stop, keep pupils upstairs", ""),
    (
        "industry",
        "construction",
        "orange",
        "stop",
        "停止高处、深基坑和吊装作业",
        "Stop high, pit and crane work",
        "抢险",
    ),
    ("industry", "construction", "red", "stop", "全面停工，撤离临坡临河工棚", "Stop all work, leave sheds", "抢险"),
    ("industry", "mine", "orange", "stop", "停产撤人", "Stop and withdraw everyone", "排水与值守"),
    (
        "industry",
        "mine",
        "red",
        "stop",
        "停产撤人，未经检查不得复产",
        "Stop, no restart before inspection",
        "排水与值守",
    ),
    ("industry", "scenic", "orange", "stop", "停止涉水、漂流和溶洞项目", "Stop water, rafting and cave tours", ""),
    ("industry", "scenic", "red", "stop", "关闭景区", "Close the scenic area", ""),
    ("industry", "scenic", "red", "disperse", "疏散游客至安全地带", "Lead visitors to safety", ""),
    ("unit", "guesthouse", "orange", "ban", "沿江客栈停止接待新客", "Riverside guest houses take no new guests", ""),
    ("unit", "guesthouse", "red", "evacuate", "沿江客栈住客立即转移", "Guests leave at once", ""),
    ("unit", "hospital", "red", "disperse", "病员转移至高楼层，备转院", "Patients to upper floors", "危重病员就地保障"),
    ("site", "", "orange", "ban", "封闭部位入口", "Close the way in", "救援人员"),
    ("site", "", "red", "ban", "封闭部位，禁止返回", "Closed, no return", "救援人员"),
    ("site", "danger_point", "red", "evacuate", "危险点群众立即撤离", "Everybody leaves the danger point at once", ""),
)
_CHIEF, _D1, _D2 = "qj-hq-chief", "qj-hq-deputy-1", "qj-hq-deputy-2"
_UNTIL = "2027-12-31"
# kind, scope kind, level, signer, deputies, minutes, allowed beforehand by, lifter
_AUTHORITY: tuple[tuple[str, str, str, str, str, int, str, str], ...] = (
    ("ban", "region", "orange", _D1, f"{_D2};{_CHIEF}", 15, "", _D1),
    ("disperse", "region", "orange", _D1, f"{_D2};{_CHIEF}", 15, "", _D1),
    ("ban", "region", "red", _CHIEF, f"{_D1};{_D2}", 3, _CHIEF, _CHIEF),
    ("evacuate", "region", "red", _CHIEF, f"{_D1};{_D2}", 3, "", _CHIEF),
    ("stop", "industry", "orange", _D1, f"{_D2};{_CHIEF}", 15, "", _D1),
    ("stop", "industry", "red", _CHIEF, f"{_D1};{_D2}", 3, "", _CHIEF),
    ("disperse", "industry", "red", _CHIEF, f"{_D1};{_D2}", 3, "", _CHIEF),
    ("ban", "unit", "orange", _D1, f"{_D2};{_CHIEF}", 15, "", _D1),
    ("evacuate", "unit", "red", _CHIEF, f"{_D1};{_D2}", 3, "", _CHIEF),
    ("disperse", "unit", "red", _CHIEF, f"{_D1};{_D2}", 3, "", _CHIEF),
    ("ban", "site", "orange", _D1, f"{_D2};{_CHIEF}", 10, "warden", _D1),
    ("ban", "site", "red", _D1, f"{_D2};{_CHIEF}", 3, "warden", _CHIEF),
    ("evacuate", "site", "red", _D1, f"{_D2};{_CHIEF}", 3, "warden", _CHIEF),
)
ORDERED_HAZARDS = ("11B03", "11A01", "11A51")


def measures() -> list[Row]:
    """措施"""
    names = ("scope_kind", "industry", "level", "kind", "wording_zh", "wording_en", "exemptions")
    return [
        {**dict(zip(names, row, strict=True)), "hazard": hazard, "basis": BASIS, "source": SOURCE}
        for hazard in ORDERED_HAZARDS
        for row in _MEASURES
    ]


def authority() -> list[Row]:
    """权限 Leaving a listed danger point and closing the way in are allowed beforehand; all else waits for a hand."""
    names = ("kind", "scope_kind", "level", "signer", "deputies", "minutes", "preauthorised_by", "lifter")
    return [
        {
            **dict(zip(names, row, strict=True)),
            "hazard": hazard,
            "headquarters": "区防汛抗旱指挥部",
            "preauthorised_until": _UNTIL if row[6] else "",
            "on_expiry": "next_signer",
            "source": SOURCE,
        }
        for hazard in ORDERED_HAZARDS
        for row in _AUTHORITY
    ]
