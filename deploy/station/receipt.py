"""回执 What the service has stored (contract §2 ``…/receipts``), read from its bytes. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """回执: every seq ≤ ``upto`` of ``boot`` is stored, above it only ``also``; ``rejected`` will never be readable."""

    boot: str
    upto: int
    also: tuple[tuple[int, int], ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()

    def names(self, boot: str, seq: int) -> bool:
        """Whether the reading may leave the station."""
        if boot != self.boot:
            return False
        if seq <= self.upto or any(first <= seq <= last for first, last in self.also):
            return True
        return any(seq == number for number, _ in self.rejected)

    def code_of(self, boot: str, seq: int) -> str | None:
        """Why the service could not take the reading, where it says so."""
        if boot != self.boot:
            return None
        return next((code for number, code in self.rejected if number == seq), None)


def parse_receipt(payload: bytes) -> Receipt:
    """The receipt, or ValueError: a station never deletes on a message that it cannot read whole."""
    body = json.loads(payload)
    if not isinstance(body, dict):
        raise TypeError("a receipt is an object")
    boot, upto = body.get("boot"), body.get("upto")
    if not isinstance(boot, str) or not isinstance(upto, int) or not _number(upto):
        raise ValueError("a receipt has a boot and a number upto")
    also = tuple(_range(item) for item in body.get("also") or ())
    rejected = tuple(_rejected(item) for item in body.get("rejected") or ())
    return Receipt(boot, upto, also, rejected)


def _range(item: Any) -> tuple[int, int]:
    if not isinstance(item, list) or len(item) != 2 or not all(_number(end) for end in item) or item[0] > item[1]:
        raise ValueError("also holds pairs of numbers, first and last")
    return item[0], item[1]


def _rejected(item: Any) -> tuple[int, str]:
    if not isinstance(item, dict) or not _number(item.get("seq")):
        raise ValueError("rejected holds objects with seq and code")
    return item["seq"], str(item.get("code", ""))


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
