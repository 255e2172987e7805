"""一人一铃 One live call a person over all cases (design §3, duty_room.md A10): what is new joins it, worst first.

The worst matter's cadence is the only one. A worse matter begins it anew; another as bad rings when its own would
begin (at once at red and orange), if that is before the next ring and the phone did not ring within the last three
minutes; anything less waits for the next ring. Busy is answered by a
text and a ring after `busy_again`, and is never counted as absent; a carrier that fails is not the person's fault.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from services.dispatch.callouts.clocks import Clocks, LevelClock
from services.dispatch.callouts.line import Want
from services.dispatch.channels.carrier import Result
from shared.vocabulary import Level, worst

MERGE_S = 180  # upgrades of the same level within three minutes share one ring
PAUSE_S = 20  # between the end of one ring and the next
CARRIER_AGAIN_S = 30
PROBE_S = 300  # on a mast that is down one phone is tried, the others wait

WantKey = tuple[str, str, str, int]
TEXT_AFTER = frozenset(
    {Result.BUSY, Result.NO_ANSWER, Result.HUNG_UP, Result.PART_HEARD, Result.MACHINE, Result.UNREACHABLE}
)


class RingReason(StrEnum):
    """响铃缘由"""

    NOBODY_WANTS = "nobody_wants"
    FIRST = "first"
    WORSE = "worse"
    NEW_AS_BAD = "new_as_bad"
    JOINS_NEXT = "joins_next"
    JOINS_AFTER_CALL = "joins_after_call"
    UNCHANGED = "unchanged"
    RINGING = "ringing"
    CADENCE = "cadence"
    BUSY_AGAIN = "busy_again"
    CARRIER_AGAIN = "carrier_again"
    WAITS_FOR_MAST = "waits_for_mast"
    WAITS_FOR_LINE = "waits_for_line"
    MAST_UP = "mast_up"
    # refused
    LIVE_ALREADY = "live_already"
    NOT_THIS_CALL = "not_this_call"
    NOTHING_TO_SAY = "nothing_to_say"


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """铃: the ringing of one person; ``live`` is the attempt that is out now, ``next_at`` when the next may begin."""

    person: str
    base_at: datetime | None = None
    level: Level = Level.NORMAL
    known: tuple[WantKey, ...] = ()
    texted: tuple[WantKey, ...] = ()
    tries: int = 0
    live: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_result: str | None = None
    retry_at: datetime | None = None
    next_at: datetime | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """待叫事项变了: all that this person is to hear, over all cases"""

    wants: tuple[Want, ...]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """拨出"""

    attempt_id: str
    wants: tuple[Want, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """结束"""

    attempt_id: str
    result: Result
    wants: tuple[Want, ...]


class MastDown(msgspec.Struct, frozen=True, kw_only=True):
    """基站中断: the ring that was due waits, another phone of the same mast is the probe"""


class LineTaken(msgspec.Struct, frozen=True, kw_only=True):
    """占线: the only phone is ringing for somebody else, or no carrier is there: again in a moment"""


class MastUp(msgspec.Struct, frozen=True, kw_only=True):
    """基站恢复: the probe got through, so whoever waited is rung now"""


RingEvent = Wanted | Started | Ended | MastDown | LineTaken | MastUp


class RingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """决定: ``text`` = send the text now."""

    state: Ring
    reason: RingReason
    text: bool = False
    is_refused: bool = False

    @classmethod
    def refused(cls, state: Ring, reason: RingReason) -> RingDecision:
        return cls(state=state, reason=reason, is_refused=True)


def step(ring: Ring, event: RingEvent, now: datetime, clocks: Clocks) -> RingDecision:
    """One step of a person's ringing."""
    match event:
        case Wanted():
            return _wanted(ring, event.wants, now, clocks)
        case Started():
            if ring.live is not None:
                return RingDecision.refused(ring, RingReason.LIVE_ALREADY)
            if not event.wants:
                return RingDecision.refused(ring, RingReason.NOTHING_TO_SAY)
            state = replace(
                ring, live=event.attempt_id, started_at=now, tries=ring.tries + 1, retry_at=None, next_at=None
            )
            return RingDecision(state=state, reason=RingReason.RINGING)
        case Ended():
            return _ended(ring, event, now, clocks)
        case MastDown():
            return _moved(ring, now + timedelta(seconds=PROBE_S), RingReason.WAITS_FOR_MAST)
        case LineTaken():
            return _moved(ring, now + timedelta(seconds=CARRIER_AGAIN_S), RingReason.WAITS_FOR_LINE)
        case MastUp():
            return _moved(ring, now, RingReason.MAST_UP)


def _moved(ring: Ring, to: datetime, reason: RingReason) -> RingDecision:
    if ring.next_at is None:
        return RingDecision.refused(ring, RingReason.NOTHING_TO_SAY)
    return RingDecision(state=replace(ring, retry_at=to, next_at=to), reason=reason)


def _wanted(ring: Ring, wants: tuple[Want, ...], now: datetime, clocks: Clocks) -> RingDecision:
    if not wants:
        idle = replace(ring, base_at=None, level=Level.NORMAL, known=(), tries=0, retry_at=None, next_at=None)
        return RingDecision(state=idle, reason=RingReason.NOBODY_WANTS)
    keys = tuple(dict.fromkeys(w.key for w in wants))
    new = [w for w in wants if w.key not in ring.known]
    worst_new = worst(*(w.matter.level for w in new))
    state = replace(ring, known=keys)
    if not ring.known or worst_new.rank > ring.level.rank:
        reason = RingReason.WORSE if ring.known else RingReason.FIRST
        base = max(now, min(w.since for w in new))
        state = replace(state, base_at=base, level=worst_new, tries=0, retry_at=None, started_at=_live_start(ring))
    elif new and worst_new is ring.level and not _rang_lately(ring, now):
        reason = RingReason.NEW_AS_BAD
        state = replace(state, retry_at=_first_of(ring, max(now, min(w.since for w in new)), clocks, now))
    else:
        reason = RingReason.JOINS_NEXT if new else RingReason.UNCHANGED
        state = replace(state, level=worst(*(w.matter.level for w in wants)))
    if ring.live is not None:
        after = reason if reason is RingReason.UNCHANGED else RingReason.JOINS_AFTER_CALL
        return RingDecision(state=state, reason=after)
    clock = clocks.at(state.level, now)
    state = replace(state, next_at=_next_at(state, clock))
    text = bool(new) and clock.text_first and reason is not RingReason.UNCHANGED
    return RingDecision(state=replace(state, texted=keys) if text else state, reason=reason, text=text)


def _first_of(ring: Ring, since: datetime, clocks: Clocks, now: datetime) -> datetime:
    """When another matter as bad is first rung for: by its own clock, or with the next ring if that comes before."""
    clock = clocks.at(ring.level, now)
    own = since + timedelta(seconds=clock.attempts_s[0])
    coming = ring.retry_at or (_slot_after(ring.base_at, ring.started_at, clock) if ring.base_at else own)
    return max(now, min(own, coming))


def _live_start(ring: Ring) -> datetime | None:
    """A new cadence forgets earlier rings; one that is out now still counts as the last."""
    return ring.started_at if ring.live is not None else None


def _rang_lately(ring: Ring, now: datetime) -> bool:
    return ring.started_at is not None and now - ring.started_at < timedelta(seconds=MERGE_S)


def _ended(ring: Ring, event: Ended, now: datetime, clocks: Clocks) -> RingDecision:
    if ring.live != event.attempt_id:
        return RingDecision.refused(ring, RingReason.NOT_THIS_CALL)
    keys = tuple(dict.fromkeys(w.key for w in event.wants))
    state = replace(ring, live=None, ended_at=now, last_result=event.result, known=keys)
    if event.result is Result.WITHDRAWN:  # the phone never rang
        state = replace(state, started_at=None, ended_at=ring.ended_at, last_result=ring.last_result)
    if not keys:
        return RingDecision(
            state=replace(state, base_at=None, level=Level.NORMAL, tries=0, retry_at=None, next_at=None),
            reason=RingReason.NOBODY_WANTS,
        )
    clock = clocks.at(state.level, now)
    reason, retry = _again(event.result, ring.retry_at, now, clock)
    state = replace(state, retry_at=retry)
    unheard = [key for key in keys if key not in ring.texted]
    text = event.result in TEXT_AFTER and bool(unheard)
    state = replace(state, next_at=_next_at(state, clock), texted=keys if text else ring.texted)
    return RingDecision(state=state, reason=reason, text=text)


def _again(
    result: Result, held: datetime | None, now: datetime, clock: LevelClock
) -> tuple[RingReason, datetime | None]:
    if result is Result.BUSY:
        return RingReason.BUSY_AGAIN, now + timedelta(seconds=clock.busy_again_s)
    if result is Result.CARRIER_FAILED:
        return RingReason.CARRIER_AGAIN, now + timedelta(seconds=CARRIER_AGAIN_S)
    return RingReason.CADENCE, held


def _next_at(ring: Ring, clock: LevelClock) -> datetime | None:
    """The first slot of the cadence after the last ring; slots missed while nobody could ring are not made up."""
    if ring.base_at is None:
        return None
    at = ring.retry_at or _slot_after(ring.base_at, ring.started_at, clock)
    if ring.ended_at is not None:
        at = max(at, ring.ended_at + timedelta(seconds=PAUSE_S))
    return at


def _slot_after(base: datetime, last: datetime | None, clock: LevelClock) -> datetime:
    for offset in clock.attempts_s:
        slot = base + timedelta(seconds=offset)
        if last is None or slot > last:
            return slot
    start = base + timedelta(seconds=clock.attempts_s[-1])
    every = timedelta(seconds=clock.then_every_s)
    passed = ((last or start) - start) // every + 1
    return start + passed * every
