"""回执 What of one boot's readings is stored: the low-water mark, the ranges above it, and what was rejected (pure).

A station deletes only what a receipt names, so a set that grew too ragged forgets its highest ranges: those readings
are stored already, are sent again, and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

RANGES_MAX = 200
REJECTED_MAX = 100


@dataclass(frozen=True)
class Receipt:
    """回执: of one (station, boot). Every seq ≤ ``upto`` is stored, above it those in ``also`` (inclusive ranges)."""

    upto: int = 0
    also: tuple[tuple[int, int], ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()

    def covers(self, seq: int) -> bool:
        return seq <= self.upto or any(low <= seq <= high for low, high in self.also)

    def with_ranges(self, ranges: Iterable[tuple[int, int]]) -> Receipt:
        """The receipt once these inclusive ranges are stored (or given up by the station) too."""
        merged: list[tuple[int, int]] = [(1, self.upto)] if self.upto else []
        for low, high in sorted([*self.also, *ranges]):
            if high < low or high < 1:
                continue
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((max(low, 1), high))
        upto = merged.pop(0)[1] if merged and merged[0][0] == 1 else 0
        return replace(self, upto=upto, also=tuple(merged[:RANGES_MAX]))

    def with_seqs(self, seqs: Iterable[int]) -> Receipt:
        return self.with_ranges((seq, seq) for seq in seqs)

    def with_rejected(self, rejected: Iterable[tuple[int, str]]) -> Receipt:
        """Name what was set aside as a dead letter; the newest `REJECTED_MAX` stay named."""
        seen = dict(self.rejected)
        for seq, code in rejected:
            seen.pop(seq, None)
            seen[seq] = code
        return replace(self, rejected=tuple(seen.items())[-REJECTED_MAX:])

    def payload(self, boot: str, received_at: str) -> dict[str, object]:
        """The retained message of contract §2."""
        return {
            "boot": boot,
            "upto": self.upto,
            "also": [list(pair) for pair in self.also],
            "rejected": [{"seq": seq, "code": code} for seq, code in self.rejected],
            "received_at": received_at,
        }
