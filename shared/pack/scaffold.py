"""新建区县包 The smallest valid pack, for ``fengsui pack new``: one township, everything marked 演示数据.

Numbers are from the range 0000000xxxx that belongs to nobody; coordinates are a bare hillside. Status is Exercise.
"""

from __future__ import annotations

from collections.abc import Mapping

_DISTRICT = """\
code: "{d}"
name: {{zh: {zh}, en: {en}}}
timezone: Asia/Shanghai
sender: fengsui-{d}@example.invalid  # CAP sender of your publishing body
status: Exercise                     # Actual only after roster, rules and authority are approved
max_lateness: 7d
neighbours: []
source: 演示数据
"""

_RAINSTORM = """\
- id: rainstorm
  title: {zh: 暴雨, en: Rainstorm}
  hazard: 11B03
  source: "CMA order 16 (2007)"
  per: township
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
  silence: {intervals: 2, above: orange, then: verify}
"""

_CALLOUTS = """\
# 叫应 Who is called, and by which clocks; minutes are this district's own choice, not a norm. 演示数据
clocks:
  red:
    stops: acting
    together: [deputy, second]
    attempts: [0min, 2min, 4min]
    then_every: 5min
    superior_after: 3min
    door_after: 8min
    busy_again: 60s
    feedback_within: 15min
  orange:
    stops: acting
    attempts: [0min, 3min, 6min]
    then_every: 10min
    superior_after: 20min
    feedback_within: 15min
  yellow:
    stops: understood
    attempts: [0min, 15min]
    then_every: 30min
    superior_after: 60min
    text_first: true
  blue:
    stops: understood
    attempts: [30min]
    then_every: 1h
    superior_after: 2h
    text_first: true
feedback: {facts: [commander, villages, evacuating]}
rules:
  - id: all-hazards
    hazards: ["*"]
    scope_kinds: ["*"]
    levels: [blue, yellow, orange, red]
    call:
      - {duty: head, of: scope, feedback: true}
      - {duty: warden, of: down}
      - {post: HQ-duty}
"""

_FILES: Mapping[str, str] = {
    "district.yaml": _DISTRICT,
    "hazards.csv": """\
code,name_zh,name_en,family
11B03,暴雨,Rainstorm,flood
""",
    "regions.csv": """\
code,name,parent,level,lat,lon,population,downstream,source
{d},{zh},,district,29.5,108.8,2000,,演示数据
{d}101,示例镇,{d},township,29.5,108.8,2000,,演示数据
{d}101001,示例村,{d}101,village,29.505,108.805,900,,演示数据
""",
    "metrics.csv": """\
name,unit,kind,minimum,maximum,max_change_per_min
rain_mm,mm,interval,0,50,
""",
    "stations.csv": """\
station_id,name,category,region,lat,lon,metrics,interval_s,report_s,serves,upstream_of,datum_offset_m,\
stage_warning_m,stage_guarantee_m,mobile,source
rain-01,示例镇雨量站,rain,{d}101,29.5,108.8,rain_mm,300,,{d}101,,,,,false,演示数据
rain-02,示例村雨量站,rain,{d}101001,29.505,108.805,rain_mm,300,,{d}101,,,,,false,演示数据
""",
    "measures.csv": """\
scope_kind,industry,hazard,level,kind,wording_zh,wording_en,basis,exemptions,source
region,,11B03,red,ban,禁止进入危险区,No entry to the danger zone,演示数据,救援人员,演示数据
industry,school,11B03,red,stop,停课，学生留校看护,"Classes stop, pupils stay in care",演示数据,,演示数据
site,danger_point,11B03,red,evacuate,危险区群众立即转移,Leave the danger point at once,演示数据,,演示数据
""",
    "authority.csv": """\
hazard,kind,scope_kind,level,headquarters,signer,deputies,minutes,preauthorised_by,preauthorised_until,lifter,on_expiry,source
11B03,ban,region,red,示例区防汛抗旱指挥部,HQ-chief,HQ-deputy,15,,,HQ-chief,next_signer,演示数据
11B03,stop,industry,red,示例区防汛抗旱指挥部,HQ-chief,HQ-deputy,10,,,HQ-chief,next_signer,演示数据
11B03,evacuate,site,red,示例区防汛抗旱指挥部,T-head,HQ-deputy,5,warden,2027-12-31,HQ-chief,next_signer,演示数据
""",
    "roster.csv": """\
post,person,region,rank,deputy_of,superior,channels,languages,reviewed_on,source
HQ-chief,演示人员001,{d},1,,,voice:00000000001;sms:00000000001,zh,2026-04-20,演示数据
HQ-deputy,演示人员002,{d},2,HQ-chief,HQ-chief,voice:00000000002;sms:00000000002,zh,2026-04-20,演示数据
HQ-duty,演示人员003,{d},3,,HQ-deputy,voice:00000000003;sms:00000000003,zh,2026-04-20,演示数据
T-head,演示人员004,{d}101,3,,HQ-deputy,voice:00000000004;sms:00000000004,zh,2026-04-20,演示数据
T-deputy,演示人员005,{d}101,4,T-head,T-head,voice:00000000005;sms:00000000005,zh,2026-04-20,演示数据
V-head,演示人员006,{d}101001,5,,T-head,voice:00000000006;sms:00000000006,zh,2026-04-20,演示数据
V-warden,演示人员007,{d}101001,6,,V-head,voice:00000000007;sms:00000000007,zh,2026-04-20,演示数据
""",
    "duties.csv": """\
post,object,role
HQ-chief,{d},head
T-head,{d}101,head
T-deputy,{d}101,verifier
V-head,{d}101001,head
V-head,T-head,second
V-warden,{d}101001,warden
V-warden,point-01,warden
V-warden,shelter-01,key
T-deputy,warehouse-01,key
""",
    "units.csv": """\
unit_id,name,industry,region,lat,lon,people_day,people_night,people_holiday,boarders,post,source
school-01,示例小学,school,{d}101,29.501,108.801,240,30,0,30,T-deputy,演示数据
""",
    "sites.csv": """\
site_id,name,kind,region,lat,lon,households,people,post,source
point-01,示例滑坡点,danger_point,{d}101001,29.506,108.806,2,7,V-warden,演示数据
""",
    "households.csv": """\
household_id,site,group,people,vulnerable,responsible_post,shelter,approved_route,source
house-001,point-01,{d}101001,4,1,V-warden,shelter-01,,演示数据
house-002,point-01,{d}101001,3,0,V-warden,shelter-01,,演示数据
""",
    "shelters.csv": """\
shelter_id,name,region,lat,lon,class,floor_m2,m2_per_person,day,night,accessible,hazards_ok,key_post,confirmed_on,source
shelter-01,示例小学操场教室,{d}101,29.501,108.801,emergency,400,2.0,200,200,true,11B03,V-warden,2026-04-20,演示数据
""",
    "warehouses.csv": """\
warehouse_id,name,region,lat,lon,owner,key_post,source
warehouse-01,示例镇物资点,{d}101,29.5,108.8,示例镇,T-deputy,演示数据
""",
    "items.csv": """\
item_code,name,unit,guarantee,per_person_day,substitutes,source
1010100,方便食品,kg,food,0.6,,演示数据
1010200,饮用水,L,water,3,,演示数据
""",
    "stock.csv": """\
warehouse_id,item_code,lot_id,quantity,expires_on,condition,reserve_type,owner,source
warehouse-01,1010100,L001,300,2027-12-31,good,physical,示例镇,演示数据
warehouse-01,1010200,L002,1500,2027-12-31,good,physical,示例镇,演示数据
""",
    "fuses/rainstorm.yaml": _RAINSTORM.replace("{", "{{").replace("}", "}}"),
    "callouts.yaml": _CALLOUTS.replace("{", "{{").replace("}", "}}"),
}


def scaffold(code: str = "999901", name_zh: str = "示例区", name_en: str = "Example District") -> dict[str, str]:
    """新建 The files of the smallest valid pack by their path inside it."""
    return {name: text.format(d=code, zh=name_zh, en=name_en) for name, text in _FILES.items()}
