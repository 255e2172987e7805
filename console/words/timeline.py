"""时间线用语"""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, tuple[str, str]] = {
    "timeline": ("时间线", "Timeline"),
    "no_incidents": ("没有事件", "no incidents"),
    "commander": ("指挥长", "commander"),
    "peak": ("最高", "peak"),
    "incident_live": ("进行中", "going on"),
    "incident_over": ("已平息", "over"),
    "show_main": ("要点", "Main points"),
    "show_alarms": ("告警与预警", "Alarms and alerts"),
    "show_calls": ("叫应", "Calls"),
    "show_orders": ("措施", "Measures"),
    "show_officers": ("人的处置", "What people did"),
    "show_all": ("全部", "Everything"),
    "still_open": ("未了事项", "Still open"),
    "nothing_open": ("没有未了事项", "nothing is open"),
    "lines_count": ("条", "lines"),
    "lines_older": ("更早的记事", "Older lines"),
    "lines_newest": ("最新的记事", "Newest lines"),
    "lines_before": ("此处从较早的记事起，不含最新", "older lines alone, not the newest"),
    "known_at": ("何时知道", "known at"),
    "what": ("何事", "what"),
    "by": ("何人", "by"),
}
