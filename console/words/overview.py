"""总览用语"""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, tuple[str, str]] = {
    "fuses": ("监测告警", "Monitoring alarms"),
    "fuse": ("规则", "rule"),
    "place": ("地点", "place"),
    "level": ("级别", "level"),
    "verification": ("核实", "verification"),
    "why": ("依据", "why"),
    "since": ("起于", "since"),
    "board": ("叫应", "Calls"),
    "post": ("岗位", "post"),
    "state": ("状态", "state"),
    "tried": ("已叫", "tried"),
    "answer": ("应答", "answer"),
    "next_try": ("下次", "next try"),
    "orders": ("禁停撤疏措施", "Measures"),
    "measure": ("措施", "measure"),
    "issuer": ("签发", "issuer"),
    "due": ("时限", "due"),
    "people": ("人员", "people"),
    "timeline": ("时间线", "Timeline"),
    "no_fuses": ("没有告警，全部正常", "no alarms, all normal"),
    "no_calls": ("没有正在进行的叫应", "no calls"),
    "no_orders": ("没有措施", "no measures"),
    "no_events": ("尚无事件", "nothing yet"),
    "blind": ("盲区", "blind"),
    "latched": ("锁定，待人工解除", "latched, waits for release"),
    "silent": ("失联", "silent"),
    "confirm_until": ("待核实至", "to be confirmed by"),
}
