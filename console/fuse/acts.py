"""告警办理 What an officer may do with an alarm: write down what was found on the spot, release its latch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console.forms import Both, Typed, late

FIELDS: Mapping[str, frozenset[str]] = {
    "confirm": frozenset({"person", "reason", "happened_at"}),
    "refute": frozenset({"person", "reason", "happened_at"}),
    "release": frozenset({"reason", "happened_at"}),
}


def facts(fuse: Mapping[str, Any]) -> dict[str, str]:
    """What is decided on, to be laid beside a later version."""
    return {name: str(fuse[name]) for name in ("level", "condition", "confirmed_level", "verification")}


def read(act: str, typed: Typed, now: datetime | None) -> tuple[dict[str, Any], dict[str, Both]]:
    """The body of an act, and what is wrong with its form."""
    errors: dict[str, Both] = {}
    body: dict[str, Any] = {"reason": typed.text("reason")}
    if not body["reason"]:
        errors["reason"] = (
            {"zh": "写明理由", "en": "say the reason"}
            if act == "release"
            else {"zh": "写现场看到了什么", "en": "say what was seen there"}
        )
    if act != "release":
        body["person"] = typed.text("person")
        if not body["person"]:
            errors["person"] = {"zh": "写是谁在现场看的", "en": "say who stood there"}
    return {**body, **late(typed, errors, now)}, errors
