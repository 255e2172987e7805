"""在线状态 What a station says on its status topic: ``online``, ``offline`` (its last will), or what it gives up."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared.ids import is_id

STATUS_BYTES_MAX = 1024
SEQ_MAX = 2**53


@dataclass(frozen=True)
class Online:
    """在线或离线"""

    online: bool


@dataclass(frozen=True)
class Skip:
    """放弃补传: the station has lost these readings and will not send them."""

    boot: str
    first: int
    last: int


def parse_status(payload: bytes) -> Online | Skip | str | None:
    """The station's word; None for a cleared retained message; the dead letter's code when it cannot be read."""
    if not payload:
        return None
    if len(payload) > STATUS_BYTES_MAX:
        return "too_large"
    text = payload.decode("utf-8", "replace").strip()
    if text.strip('"') in ("online", "offline"):
        return Online(text.strip('"') == "online")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return "not_json"
    if not isinstance(raw, dict) or "skip" not in raw:
        return "not_a_status"
    skip, boot = raw["skip"], raw.get("boot")
    if not isinstance(boot, str) or not is_id(boot):
        return "seq_without_boot"
    if (
        not isinstance(skip, list)
        or len(skip) != 2
        or not all(isinstance(seq, int) and not isinstance(seq, bool) and 1 <= seq <= SEQ_MAX for seq in skip)
        or skip[0] > skip[1]
    ):
        return "bad_seq"
    return Skip(boot, skip[0], skip[1])
