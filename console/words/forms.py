"""表单用语 What every form says."""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, tuple[str, str]] = {
    "form_wrong": ("有几处要改，见标红的栏目；其余已保留", "some fields need another look; the rest is kept"),
    "entered_late": ("补录（事后写下）", "Entered late (补录)"),
    "entered_late_note": (
        "这是事后补录：停下该停的钟，不再打电话",
        "written down afterwards: it stops clocks and calls nobody",
    ),
    "happened_at": ("何时发生", "when it happened"),
    "time_hint": ("06-28 03:05 或 3:05", "06-28 03:05 or 3:05"),
    "late_mark": ("补录", "entered late"),
    "yours_seen": ("您看到的", "what you saw"),
    "now_there": ("现在", "now"),
    "changed": ("已变", "changed"),
    "two_versions": ("两个版本对照", "Both versions"),
    "reason": ("理由", "reason"),
    "ground": ("依据", "ground"),
    "cancel_back": ("返回", "Back"),
    "hazard": ("灾种", "hazard"),
    "scale": ("标度", "scale"),
    "areas": ("区域", "areas"),
    "incident": ("事件", "incident"),
    "case": ("个案", "case"),
    "nobody": ("无人", "nobody"),
    "vacant": ("空缺", "vacant"),
    "file": ("附件", "file"),
    "units_count": ("个对象", "units"),
    "people_count": ("人", "people"),
    "answered_of": ("已应答", "answered"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
}
