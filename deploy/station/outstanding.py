"""待回执 Which readings are on their way, and when each is to be sent again. Pure: the caller brings the seconds.

A reading is sent, then sent again with growing pauses until a receipt names it, however often the broker has
acknowledged it. No more than a window is on its way at once; a new connection begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from deploy.station.receipt import Receipt

RESEND_FIRST_S = 10.0
RESEND_MAX_S = 300.0
WINDOW = 2000
BATCH_READINGS = 200
BATCH_BYTES = 60_000  # contract §2: ≤ 64 KiB; the rest is brackets and room

Key = tuple[str, int]


@dataclass(frozen=True)
class Sent:
    """已发: how often, and when again (monotonic seconds)."""

    times: int
    again_at: float


def pause_s(times: int) -> float:
    """Seconds to wait for a receipt after the ``times``-th sending."""
    return float(min(RESEND_MAX_S, RESEND_FIRST_S * 2 ** min(times - 1, 16)))


@dataclass
class Outstanding:
    """待回执: the keys (boot, seq) on their way."""

    window: int = WINDOW
    on_the_way: dict[Key, Sent] = field(default_factory=dict)

    def room(self) -> int:
        return max(0, self.window - len(self.on_the_way))

    def sent(self, keys: Iterable[Key], now_s: float) -> None:
        for key in keys:
            before = self.on_the_way.get(key)
            times = before.times + 1 if before else 1
            self.on_the_way[key] = Sent(times, now_s + pause_s(times))

    def due(self, now_s: float) -> list[Key]:
        """What no receipt named in time, in the order in which it was first sent."""
        return [key for key, sent in self.on_the_way.items() if sent.again_at <= now_s]

    def next_due_s(self) -> float | None:
        return min((sent.again_at for sent in self.on_the_way.values()), default=None)

    def settle(self, receipt: Receipt) -> list[Key]:
        """Take off what the receipt names."""
        named = [key for key in self.on_the_way if receipt.names(*key)]
        for key in named:
            del self.on_the_way[key]
        return named

    def connection_lost(self) -> None:
        """Nothing is on its way over a connection that is gone; all of it is sent again over the next."""
        self.on_the_way.clear()


def batches(bodies: Iterable[tuple[Key, str]]) -> list[tuple[list[Key], str]]:
    """Arrays of readings, each within the contract's 64 KiB."""
    made: list[tuple[list[Key], str]] = []
    keys: list[Key] = []
    texts: list[str] = []
    size = 2
    for key, text in bodies:
        length = len(text.encode()) + 1
        if keys and (size + length > BATCH_BYTES or len(keys) >= BATCH_READINGS):
            made.append((keys, f"[{','.join(texts)}]"))
            keys, texts, size = [], [], 2
        keys.append(key)
        texts.append(text)
        size += length
    if keys:
        made.append((keys, f"[{','.join(texts)}]"))
    return made
