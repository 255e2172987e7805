"""校验 What a reading is worth before a fuse sees it (contract §2, metrics of §3); pure.

Each clause, in the order in which it decides:

* older than ``max_lateness``: `Fate.TOO_OLD`, stored, moves nothing;
* the same (station, metric, claimed time, value) again: `Fate.DUPLICATE`, also when it was revised since, so that
  a redelivered message cannot undo a revision; another value at the same claimed time: `Fate.REVISION`;
* declared ``test`` (maintenance), ``missing`` or ``bad`` stays so; no value is ``missing``;
* outside ``minimum..maximum``: bad;
* a doubtful clock (over two minutes ahead of receipt, or one that ran backwards within a boot) keeps its claim, makes
  the reading doubtful and places it at receipt time;
* faster than ``max_change_per_min`` against the last good reading before it: doubtful, until three in a row agree
  (each within the same limit of the one before): the third is good, the two before it stay as recorded.

Cumulative counters are compared and differenced by `increment`, which knows resets and rollovers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from services.warning.readings.instant import MINUTE

CLOCK_AHEAD_MAX_US = 2 * MINUTE  # contract §2: over 2 min ahead of receipt is a doubtful clock
CLOCK_BACK_MAX_US = 2 * MINUTE  # a later seq of the same boot that claims to be older by more than this
AGREEING = 3  # readings in a row that make a jump believable
ROLLOVER_FROM = Decimal("0.9")  # a counter that falls from above this share of its maximum …
ROLLOVER_TO = Decimal("0.1")  # … to below this share has rolled over; any other fall is a reset to zero


class Quality(StrEnum):
    """质量: what a reading may do. Good ones trip and clear, doubtful ones only trip, the others neither."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"
    MISSING = "missing"
    TEST = "test"

    @property
    def usable(self) -> bool:
        return self in (Quality.GOOD, Quality.DOUBTFUL)


class Doubt(StrEnum):
    """存疑原因: why a reading is doubtful or bad."""

    NONE = "none"
    DECLARED = "declared"  # the station said so
    RANGE = "range"  # outside minimum..maximum
    CLOCK = "clock"  # ahead of receipt, or ran backwards
    JUMP = "jump"  # faster than max_change_per_min


class Fate(StrEnum):
    """去向: what becomes of a reading."""

    NEW = "new"
    REVISION = "revision"
    DUPLICATE = "duplicate"
    TOO_OLD = "too_old"

    @property
    def moves(self) -> bool:
        """Whether fuses look at it."""
        return self in (Fate.NEW, Fate.REVISION)


Ref = int | str  # how evidence names a reading: row number in replay, reading id in the service


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """来报 One decoded reading of a known station and metric, before validation."""

    station_id: str
    metric: str
    value: float | None
    observed_us: int
    received_us: int
    ref: Ref
    boot: str | None = None
    seq: int | None = None
    quality: Quality = Quality.GOOD


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """校验结果 A reading as it is stored: placed in time, with its quality and the reason of any doubt."""

    station_id: str
    metric: str
    value: float | None
    observed_us: int  # where it is placed
    claimed_us: int  # what the station's clock said
    received_us: int
    ref: Ref
    quality: Quality
    doubt: Doubt
    fate: Fate
    boot: str | None = None
    seq: int | None = None


class ClockMark(msgspec.Struct, frozen=True):
    """时钟标记 The newest trusted (boot, seq, claimed time) of a station."""

    boot: str
    seq: int
    claimed_us: int


@dataclass(frozen=True, slots=True)
class Limits:
    """限值 What metrics.csv and district.yaml say about a metric."""

    kind: str  # interval | cumulative | level
    minimum: Decimal | None
    maximum: Decimal | None
    max_change_per_min: Decimal | None
    max_lateness_us: int


class Past(Protocol):
    """An earlier reading as validation sees it."""

    @property
    def at_us(self) -> int: ...
    @property
    def number(self) -> Decimal | None: ...
    @property
    def doubt(self) -> Doubt: ...


class History(Protocol):
    """The earlier readings of one (station, metric)."""

    def seen_at(self, claimed_us: int) -> Sequence[Decimal | None] | None:
        """Every value ever taken for this claimed time; None if there was none."""
        ...

    def last_good(self, before_us: int) -> Past | None:
        """The newest good reading observed before the instant."""
        ...

    def preceding(self, before_us: int, count: int) -> Sequence[Past]:
        """Up to ``count`` usable readings observed before the instant, newest first."""
        ...


def exact(value: float) -> Decimal:
    """The decimal that a person would write for the number: sums of 0.1 mm must reach 50 mm exactly."""
    return Decimal(repr(value))


def increment(before: Decimal, now: Decimal, maximum: Decimal | None) -> Decimal:
    """增量 What a cumulative counter gained between two readings."""
    if now >= before:
        return now - before
    if maximum is not None and before >= maximum * ROLLOVER_FROM and now <= maximum * ROLLOVER_TO:
        return maximum - before + now
    return now


def check(incoming: Incoming, limits: Limits, history: History, mark: ClockMark | None) -> Checked:
    """校验一条 Decide fate, place, quality and doubt of one reading."""
    number = None if incoming.value is None else exact(incoming.value)
    clock = _clock_is_doubtful(incoming, mark)
    at_us = incoming.received_us if clock else incoming.observed_us
    fate = _fate(incoming, number, limits, history)
    quality, doubt = Quality.GOOD, Doubt.NONE
    if incoming.quality in (Quality.TEST, Quality.MISSING):
        quality, doubt = incoming.quality, Doubt.DECLARED
    elif number is None:
        quality, doubt = Quality.MISSING, Doubt.NONE
    elif incoming.quality is Quality.BAD:
        quality, doubt = Quality.BAD, Doubt.DECLARED
    elif _out_of_range(number, limits):
        quality, doubt = Quality.BAD, Doubt.RANGE
    elif clock:
        quality, doubt = Quality.DOUBTFUL, Doubt.CLOCK
    elif fate.moves and _jumps(number, at_us, limits, history):
        quality, doubt = Quality.DOUBTFUL, Doubt.JUMP
    elif incoming.quality is Quality.DOUBTFUL:
        quality, doubt = Quality.DOUBTFUL, Doubt.DECLARED
    return Checked(
        station_id=incoming.station_id,
        metric=incoming.metric,
        value=incoming.value,
        observed_us=at_us,
        claimed_us=incoming.observed_us,
        received_us=incoming.received_us,
        ref=incoming.ref,
        quality=quality,
        doubt=doubt,
        fate=fate,
        boot=incoming.boot,
        seq=incoming.seq,
    )


def next_mark(mark: ClockMark | None, checked: Checked) -> ClockMark | None:
    """The station's clock mark after a reading; only a trusted claim of a new boot or a higher seq moves it."""
    if checked.boot is None or checked.seq is None or checked.doubt is Doubt.CLOCK or not checked.fate.moves:
        return mark
    if mark is not None and mark.boot == checked.boot and checked.seq <= mark.seq:
        return mark
    return ClockMark(checked.boot, checked.seq, checked.claimed_us)


def _clock_is_doubtful(incoming: Incoming, mark: ClockMark | None) -> bool:
    if incoming.observed_us - incoming.received_us > CLOCK_AHEAD_MAX_US:
        return True
    if mark is None or incoming.boot != mark.boot or incoming.seq is None or incoming.seq <= mark.seq:
        return False
    # A clock that was set right again agrees with receipt: that is a correction, not a doubt.
    went_back = mark.claimed_us - incoming.observed_us > CLOCK_BACK_MAX_US
    return went_back and incoming.received_us - incoming.observed_us > CLOCK_BACK_MAX_US


def _fate(incoming: Incoming, number: Decimal | None, limits: Limits, history: History) -> Fate:
    if incoming.received_us - incoming.observed_us > limits.max_lateness_us:
        return Fate.TOO_OLD
    seen = history.seen_at(incoming.observed_us)
    if seen is None:
        return Fate.NEW
    return Fate.DUPLICATE if number in seen else Fate.REVISION


def _out_of_range(number: Decimal, limits: Limits) -> bool:
    below = limits.minimum is not None and number < limits.minimum
    return below or (limits.maximum is not None and number > limits.maximum)


def _jumps(number: Decimal, at_us: int, limits: Limits, history: History) -> bool:
    if limits.max_change_per_min is None:
        return False
    good = history.last_good(at_us)
    if good is None or not _too_fast(good, number, at_us, limits):
        return False
    run = history.preceding(at_us, AGREEING - 1)
    if len(run) < AGREEING - 1 or any(past.doubt is not Doubt.JUMP for past in run):
        return True
    later, later_us = number, at_us
    for past in run:
        if _too_fast(past, later, later_us, limits) or past.number is None:
            return True
        later, later_us = past.number, past.at_us
    return False


def _too_fast(past: Past, number: Decimal, at_us: int, limits: Limits) -> bool:
    if past.number is None or limits.max_change_per_min is None:
        return False
    if limits.kind == "cumulative":
        change = increment(past.number, number, limits.maximum)
    else:
        change = abs(number - past.number)
    return change * MINUTE > limits.max_change_per_min * (at_us - past.at_us)
