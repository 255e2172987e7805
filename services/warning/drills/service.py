"""演练用例 The drills' clocks: started, told to the others, re-based in a new boot, interrupted, resumed, ended.

A drill's clock is kept here and sent on. It stops only while the whole system is stopped (with a new boot it goes on
from where it stood when the system was last alive, so that downtime expires nothing) and while a real event interrupts
the drill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from services.warning.alerts import store_public
from services.warning.drills.drill import (
    Heard,
    Refusal,
    Verdict,
    heed,
    is_called_red,
    is_drill,
    is_real,
    may_end,
    may_resume,
)
from services.warning.fuses import store as fuses_store
from services.warning.fuses.service import Fuses, Record
from shared.db.tx import Tx
from shared.errors import NotFound, Refused
from shared.frame import save_realm
from shared.pack.model import Pack
from shared.realm import ACTUAL, LIVE, Interruption, RealmClock, format_time
from shared.vocabulary import Level, Verification

RECEIVERS = ("dispatch", "resources")
OPEN_MAX = 5000
DOUBT = {
    Verification.UNCONFIRMED: ("（待核实）", " (unconfirmed)"),
    Verification.UNVERIFIED: ("（无人核实）", " (unverified)"),
}
WORDS = ("演练中止，真实险情", "EXERCISE STOPPED, REAL EVENT")


def start(tx: Tx, clock: RealmClock, pack: Pack | None, by: str) -> None:
    """开始 A new realm; refused while one of that name is there, and while a real red stands."""
    held = tx.realms.clocks().get(clock.realm)
    if held is not None:
        over = f"realm {clock.realm} is there already ({held.state.value}); take another name"
        raise Refused("realm_running", over, f"领域 {clock.realm} 已存在（{held.state.value}），请换名")
    red = standing_red(tx, pack)
    if red is not None:
        raise _refused(Refusal.REAL_RED, red)
    _keep(tx, clock, "realm.start", by)


def on_owner(tx: Tx, stopped_at: datetime | None) -> None:
    """The first act of an owner: the drills' clocks in this boot."""
    for clock in tx.realms.clocks().values():
        if clock.is_wall or not clock.is_running or clock.boot == tx.realms.boot:
            continue
        stood = stopped_at or _last_alive(tx, clock.realm) or tx.now
        _keep(tx, clock.rebased(stood, tx.now, tx.realms.boot), "realm.rebase", "service:warning")


def heed_records(
    tx: Tx, fuses: Fuses, realm: str, pack: Pack, records: Sequence[Record], extra: Mapping[str, Any]
) -> None:
    """听险情 A red in earnest ends every drill that runs; one that is not confirmed warns."""
    if not is_real(realm, exercise_pack=pack.district.is_exercise):
        return
    running = [clock for clock in tx.realms.clocks().values() if is_drill(clock.realm) and clock.is_running]
    for record in records if running else ():
        made = record.made
        late = bool(extra.get("entered_late"))
        heard = Heard(
            level=made.to,
            confirmed_level=made.confirmed_level,
            verification=made.verification,
            reason=made.reason.value,
            entered_late=late,
        )
        verdict = heed(heard)
        if verdict is Verdict.NOTHING or record.trip is None:
            continue
        why = _why(tx, fuses, realm, pack, record)
        for clock in running:
            if verdict is Verdict.WARN:
                tx.event(
                    clock.realm, "alarm.drill_warned", clock.realm, {"realm": clock.realm, "interruption": why.out()}
                )
            else:
                _interrupt(tx, clock, why)
        if verdict is Verdict.INTERRUPT:
            return


def _why(tx: Tx, fuses: Fuses, realm: str, pack: Pack, record: Record) -> Interruption:
    made, trip = record.made, record.trip
    about = fuses.describe(tx.conn, realm, fuses.book(realm), made.fuse, made.scope)
    zh, en = f"{about.name}{about.title_zh}{made.to.zh}", f"{about.name}: {about.title_en}, {made.to.value}"
    hazard = pack.hazards.get(trip.hazard)
    if trip.notice_id and hazard is not None:
        zh, en = (
            f"{about.name}{hazard.name_zh}{made.to.zh}通知",
            f"{about.name}: {hazard.name_en}, {made.to.value} notice",
        )
    if made.verification in DOUBT:
        zh, en = zh + DOUBT[made.verification][0], en + DOUBT[made.verification][1]
    return Interruption(since=tx.now, realm=realm, trip_id=trip.trip_id, zh=zh, en=en)


def _interrupt(tx: Tx, clock: RealmClock, why: Interruption) -> None:
    """中止 The clock stands, the others are told, what stands on the drill's loudspeakers is taken back."""
    stopped = clock.interrupted(why)
    _keep(tx, stopped, "realm.interrupt", "service:warning", reason=why.trip_id)
    seen = {
        "realm": clock.realm,
        "zh": f"{WORDS[0]}：{why.zh}",
        "en": f"{WORDS[1]}: {why.en}",
        "interruption": why.out(),
    }
    for realm in (clock.realm, why.realm):
        tx.event(realm, "alarm.drill_interrupted", clock.realm, seen)
    store_public.interrupt(tx.conn, clock.realm, tx.now)


def resume(tx: Tx, realm: str, pack: Pack | None, *, by: str, reason: str) -> RealmClock:
    """恢复 By a named person, with the reason; what stood on the loudspeakers stands again."""
    clock = _find(tx, realm)
    red = standing_red(tx, pack)
    refused = may_resume(clock, red_stands=red is not None)
    if refused is not None:
        raise _refused(refused, red)
    going_on = clock.resumed(tx.now, tx.realms.boot)
    _keep(tx, going_on, "realm.resume", by, reason=reason)
    store_public.resume(tx.conn, realm, tx.now)
    return going_on


def end(tx: Tx, realm: str, *, by: str, reason: str) -> RealmClock:
    """结束 For good: nothing of it moves any more, everything of it can be read."""
    clock = _find(tx, realm)
    refused = may_end(clock)
    if refused is not None:
        raise _refused(refused, None)
    over = clock.ended(tx.now)
    _keep(tx, over, "realm.end", by, reason=reason)
    store_public.clear(tx.conn, realm, tx.now)
    return over


def standing_red(tx: Tx, pack: Pack | None) -> str | None:
    """真实红色 The trip of a real realm that is red by its condition now and that people are called for, if any."""
    exercise_pack = pack is not None and pack.district.is_exercise
    for realm in (ACTUAL, LIVE):
        if not is_real(realm, exercise_pack=exercise_pack):
            continue
        for trip in fuses_store.page_of_trips(tx.conn, realm, is_open=True, before_no=None, limit=OPEN_MAX):
            last = trip.last
            said = Level(last["to"]), Level(last["confirmed_level"]), Verification(last["verification"])
            if last["condition"] == Level.RED.value and is_called_red(*said):
                return str(trip.trip_id)
    return None


def tell_realm(tx: Tx, clock: RealmClock) -> None:
    """Send a drill's clock to those who live by it."""
    for receiver in RECEIVERS:
        tx.emit(receiver, clock.realm, "realm", clock.realm, realm_out(clock))


def realm_out(clock: RealmClock) -> dict[str, Any]:
    return {
        "realm": clock.realm,
        "speed": clock.speed,
        "v0": format_time(clock.v0) if clock.v0 else None,
        "w0": format_time(clock.w0) if clock.w0 else None,
        "boot": clock.boot,
        "state": clock.state.value,
        "interruption": clock.interruption.out() if clock.interruption else None,
    }


def _keep(tx: Tx, clock: RealmClock, action: str, by: str, reason: str | None = None) -> None:
    save_realm(tx, clock)
    tell_realm(tx, clock)
    tx.audit(clock.realm, by, action, clock.realm, reason=reason, body=realm_out(clock))
    tx.event(clock.realm, "realm", clock.realm, realm_out(clock))


def _find(tx: Tx, realm: str) -> RealmClock:
    clock = tx.realms.clocks().get(realm)
    if clock is None:
        raise NotFound(f"there is no realm {realm}", f"没有领域 {realm}")
    return clock


def _refused(refusal: Refusal, red: str | None) -> Refused:
    en, zh = {
        Refusal.REAL_RED: (
            f"a real red stands ({red}); refute, release or wait for its end, then begin or go on with the drill",
            f"真实红色仍在（{red}），排除、解除或等其结束后方可开始或恢复演练",
        ),
        Refusal.NOT_A_DRILL: ("this realm is no drill", "该领域不是演练"),
        Refusal.NOT_INTERRUPTED: ("this drill was not interrupted", "该演练并未中止"),
        Refusal.ENDED: ("this drill has ended", "该演练已结束"),
    }[refusal]
    return Refused(refusal.value, en, zh)


def _last_alive(tx: Tx, realm: str) -> datetime | None:
    """Where nobody noted when the system was last alive: its last event of the realm (wall time)."""
    table = tx.tables.events
    return tx.conn.execute(select(func.max(table.c.at)).where(table.c.realm == realm)).scalar()
