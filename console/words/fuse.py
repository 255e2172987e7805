"""熔断页用语"""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, tuple[str, str]] = {
    "fuse_in_force": ("已熔断", "measures in force"),
    "on_overview": ("在总览中查看", "show on the overview"),
    "condition": ("当前条件", "condition now"),
    "confirmed_level": ("已核实级别", "confirmed level"),
    "verification": ("核实", "verification"),
    "latch": ("锁定", "latch"),
    "latches_from": ("起锁定：", "latches from"),
    "hold": ("降级", "stepping down"),
    "steps_down": ("距降级", "steps down in"),
    "refused_by": ("不予降级", "stepping down refused by"),
    "sight": ("观测", "sight"),
    "sees": ("有读数", "sees"),
    "readings_behind": ("条读数为据", "readings behind it"),
    "no_grounds": ("没有达到标准的依据", "no grounds given"),
    "by_rule": ("规则", "rule"),
    "by_notice": ("依据通知", "by notice"),
    "trend": ("趋势", "Curve"),
    "other_statistics": ("该规则的其他统计量", "other statistics of the rule"),
    "highest": ("最高", "highest"),
    "as_table": ("以表格查看", "as a table"),
    "when": ("时刻", "when"),
    "caused": ("引出的措施与叫应", "Measures and calls it caused"),
    "records": ("变化记录", "Records"),
    "heard_at": ("得知", "known"),
    "observed_at": ("观测", "observed"),
    "why_moved": ("原因", "reason"),
    "reports_every": ("每", "reports every"),
    "minutes": ("分钟上报", "min"),
    "lag": ("时延", "lag"),
    "unreceipted": ("无回执", "unreceipted"),
    "metric": ("要素", "metric"),
    "value": ("数值", "value"),
    "quality": ("质量", "quality"),
    "number": ("编号", "number"),
    "revision": ("更正", "revision"),
}
