"""读数序列 The readings of one (station, metric) in event time, with exact prefix sums.

A `Series` keeps every reading that moves something; two `Track`s are derived from it: *usable* (good and doubtful) and
*good*. They are the same object until a doubtful reading comes. Late readings and revisions only mark where the tracks
must be rebuilt; `settle` does it once a batch.

Coverage: each reading stands for the time since the one before it, at most one interval (a cumulative counter's
difference stands for its whole gap). On a regular grid this is the count of present intervals; jitter and bursts do not
fool it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from decimal import Decimal

from services.warning.readings.validate import Checked, Quality, Ref, exact, increment

ZERO = Decimal(0)


class Entry:
    """One stored reading; replaced in place by a revision."""

    __slots__ = ("at_us", "claimed_us", "doubt", "number", "quality", "ref", "seen")

    def __init__(self, checked: Checked) -> None:
        self.seen: tuple[Decimal | None, ...] = ()
        self.take(checked)

    def take(self, checked: Checked) -> None:
        self.at_us = checked.observed_us
        self.claimed_us = checked.claimed_us
        self.number = None if checked.value is None else exact(checked.value)
        self.quality = checked.quality
        self.doubt = checked.doubt
        self.ref: Ref = checked.ref
        self.seen = (*self.seen, self.number)

    def __lt__(self, other: Entry) -> bool:
        return (self.at_us, self.claimed_us) < (other.at_us, other.claimed_us)


class Track:
    """时序: times, values, references; ``cum[i]`` and ``cover[i]`` are the sums over the first ``i`` readings."""

    __slots__ = ("cover", "cum", "falls", "ref", "span", "t", "v")

    def __init__(self) -> None:
        self.t: list[int] = []
        self.v: list[Decimal] = []
        self.ref: list[Ref] = []
        self.span: list[int] = []
        self.cum: list[Decimal] = [ZERO]
        self.cover: list[int] = [0]
        self.falls = False  # whether a negative value was ever in it: then sums are not bounded by longer sums

    def append(self, t: int, v: Decimal, ref: Ref, span: int) -> None:
        self.t.append(t)
        self.v.append(v)
        self.ref.append(ref)
        self.span.append(span)
        self.cum.append(self.cum[-1] + v)
        self.cover.append(self.cover[-1] + span)
        self.falls = self.falls or v < 0

    def cut(self, size: int) -> None:
        """Forget everything from position ``size`` on."""
        del self.t[size:], self.v[size:], self.ref[size:], self.span[size:]
        del self.cum[size + 1 :], self.cover[size + 1 :]

    def times(self, start: int, end: int) -> list[int]:
        """The times in [start, end]."""
        return self.t[bisect_left(self.t, start) : bisect_right(self.t, end)]


class Series:
    """读数序列 of one station and metric (a `validate.History` too)."""

    __slots__ = ("_by_claim", "_dirty_us", "_doubtful", "entries", "good", "interval_us", "kind", "maximum", "usable")

    def __init__(self, kind: str, interval_us: int, maximum: Decimal | None) -> None:
        self.kind = kind
        self.interval_us = interval_us
        self.maximum = maximum
        self.entries: list[Entry] = []
        self.usable = Track()
        self.good = self.usable
        self._by_claim: dict[int, Entry] = {}
        self._doubtful = 0
        self._dirty_us: int | None = None

    # ---- writing

    def put(self, checked: Checked) -> None:
        """Take a reading that moves something: a new one or a revision."""
        entry = self._by_claim.get(checked.claimed_us)
        if entry is None:
            entry = Entry(checked)
            self._by_claim[entry.claimed_us] = entry
            if self.entries and entry < self.entries[-1]:
                insort(self.entries, entry)
            else:
                self.entries.append(entry)
            self._mark(entry.at_us)
        else:
            self._doubtful -= entry.quality is Quality.DOUBTFUL
            self._mark(min(entry.at_us, checked.observed_us))
            moved = entry.at_us != checked.observed_us
            if moved:
                self.entries.remove(entry)
            entry.take(checked)
            if moved:
                insort(self.entries, entry)
        self._doubtful += entry.quality is Quality.DOUBTFUL

    def prune(self, before_us: int) -> None:
        """Forget what no window and no late reading can need any more."""
        keep = bisect_left(self.entries, before_us, key=lambda entry: entry.at_us)
        if keep == 0:
            return
        for entry in self.entries[:keep]:
            self._doubtful -= entry.quality is Quality.DOUBTFUL
            del self._by_claim[entry.claimed_us]
        del self.entries[:keep]
        self.usable = self.good = Track()
        self._dirty_us = self.entries[0].at_us if self.entries else None
        self.settle()

    def _mark(self, at_us: int) -> None:
        self._dirty_us = at_us if self._dirty_us is None else min(self._dirty_us, at_us)

    def settle(self) -> None:
        """Bring both tracks up to date."""
        if self._dirty_us is None:
            return
        start = bisect_left(self.entries, self._dirty_us, key=lambda entry: entry.at_us)
        shared = self.good is self.usable
        if shared and self._doubtful:  # the first doubtful reading parts the tracks
            self.good, shared = Track(), False
            self._extend(self.good, 0, doubtful=False)
        elif not shared:
            self.good.cut(bisect_left(self.good.t, self._dirty_us))
            self._extend(self.good, start, doubtful=False)
        self.usable.cut(bisect_left(self.usable.t, self._dirty_us))
        self._extend(self.usable, start, doubtful=True)
        self._dirty_us = None

    def _extend(self, track: Track, start: int, *, doubtful: bool) -> None:
        def takes(entry: Entry) -> bool:
            return entry.quality is Quality.GOOD or (doubtful and entry.quality is Quality.DOUBTFUL)

        i = start - 1
        while i >= 0 and not takes(self.entries[i]):
            i -= 1
        before = self.entries[i] if i >= 0 else None
        for entry in self.entries[start:]:
            if not takes(entry) or entry.number is None:
                continue
            if self.kind == "cumulative":
                if before is not None and before.number is not None:
                    gain = increment(before.number, entry.number, self.maximum)
                    track.append(entry.at_us, gain, entry.ref, entry.at_us - before.at_us)
            else:
                gap = self.interval_us if before is None else entry.at_us - before.at_us
                track.append(entry.at_us, entry.number, entry.ref, min(gap, self.interval_us))
            before = entry

    # ---- validate.History

    def seen_at(self, claimed_us: int) -> Sequence[Decimal | None] | None:
        entry = self._by_claim.get(claimed_us)
        return None if entry is None else entry.seen

    def last_good(self, before_us: int) -> Entry | None:
        for i in range(bisect_left(self.entries, before_us, key=lambda entry: entry.at_us) - 1, -1, -1):
            if self.entries[i].quality is Quality.GOOD:
                return self.entries[i]
        return None

    def preceding(self, before_us: int, count: int) -> list[Entry]:
        found: list[Entry] = []
        for i in range(bisect_left(self.entries, before_us, key=lambda entry: entry.at_us) - 1, -1, -1):
            if len(found) == count:
                break
            if self.entries[i].quality.usable:
                found.append(self.entries[i])
        return found

    # ---- reading

    def last_usable(self, upto_us: int) -> int | None:
        """When the newest usable reading not after an instant was observed; a counter's first one too."""
        for i in range(bisect_right(self.entries, upto_us, key=lambda entry: entry.at_us) - 1, -1, -1):
            if self.entries[i].quality.usable:
                return self.entries[i].at_us
        return None

    def times(self, after_us: int, upto_us: int) -> list[int]:
        """The distinct observed times of all readings in (after, upto]."""
        i = bisect_right(self.entries, after_us, key=lambda entry: entry.at_us)
        j = bisect_right(self.entries, upto_us, key=lambda entry: entry.at_us)
        return sorted({entry.at_us for entry in self.entries[i:j]})
