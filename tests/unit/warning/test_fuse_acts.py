"""人工处置与事件 Findings, release, manual trips, shelving, notices, the broker: every act, the refused ones too."""

from __future__ import annotations

import pytest

from services.warning.fuses.events import (
    BrokerBack,
    BrokerLost,
    Event,
    Finding,
    FindingVerdict,
    HoldReport,
    ManualTrip,
    NoticeEnded,
    NoticeOpened,
    Refused,
    Release,
    Shelve,
    Tick,
)
from services.warning.readings.validate import Quality
from shared.vocabulary import Level, Scale, Verification
from tests.support.fuse_packs import TOWN, Story, at, book, brief, reading, station

LATCHED = """
- id: rain
  hazard: 11B03
  per: township
  metric: rain_mm
  levels: {yellow: [{sum: 5min, at_least: 20}], orange: [{sum: 5min, at_least: 30}], red: [{sum: 5min, at_least: 40}]}
  plausible: {red: {neighbours: 1, radius: 15km, within: 30min}}
  hold: 30min
  latch: orange
  silence: {intervals: 12}
"""
NEAR, FAR = station("B", lat=29.31), station("C", lat=30.3)


def story(*stations: object) -> Story:
    return Story(book(LATCHED, *(stations or (station("A"),))))  # type: ignore[arg-type]  # stations of the test


def red_alone() -> Story:
    """Red by one gauge: unconfirmed, orange confirmed."""
    told = story()
    told.hear(reading("A", "10:00", 45))
    assert told.brief() == [f"10:00 {TOWN} normal>red threshold unconfirmed/orange"]
    return told


def find(verdict: str, by: str = "李某", when_station: str | None = None) -> Finding:
    return Finding(fuse="rain", scope=TOWN, verdict=FindingVerdict(verdict), by=by, station=when_station)


def release(n: int | None, *in_force: str, by: str = "王某") -> Release:
    report = None if n is None else HoldReport(n, in_force)
    return Release(fuse="rain", scope=TOWN, by=by, report=report)


def last(told: Story) -> str:
    return brief(told.records[-1])


# ---- findings


def test_a_finding_confirms_before_and_after_nobody_looked() -> None:
    for when in ("10:03", "10:07"):
        told = red_alone()
        told.tell(find("confirm"), when)
        assert last(told) == f"{when} {TOWN} red>red confirmed"
        assert told.records[-1].by == "李某"
        assert told.records[-1].confirmed_level is Level.RED
        told.tell(Tick(), "10:30")
        assert told.records[-1].reason.value == "confirmed"  # no clock is left


def test_a_refuted_level_falls_back_and_the_station_is_blocked_until_false_once() -> None:
    told = red_alone()
    told.tell(find("refute"), "10:03")
    record = told.records[-1]
    assert (record.from_, record.to, record.reason.value) == (Level.RED, Level.ORANGE, "refuted")
    assert (record.verification, record.condition) == (Verification.REFUTED, Level.ORANGE)
    told.hear(reading("A", "10:05", 45))  # the same thing again
    assert len(told.records) == 2
    told.hear(reading("A", "10:10", 35))  # red was false once
    told.hear(reading("A", "10:15", 45))
    assert last(told) == f"10:15 {TOWN} orange>red threshold unconfirmed/orange"


def test_another_station_may_trip_what_was_refuted_for_the_first() -> None:
    told = story(station("A"), FAR)
    told.hear(reading("A", "10:00", 45))
    told.tell(find("refute"), "10:03")
    told.hear(reading("C", "10:05", 45))
    assert last(told) == f"10:05 {TOWN} orange>red threshold unconfirmed/orange"


def test_a_doubtful_trip_that_is_refuted_closes() -> None:
    told = story()
    told.hear(reading("A", "10:00", 35, quality=Quality.DOUBTFUL))
    told.tell(find("refute"), "10:02")
    assert last(told) == f"10:02 {TOWN} orange>normal refuted refuted/normal"
    assert told.world.states["rain", TOWN].verification is Verification.CONFIRMED
    told.hear(reading("A", "10:05", 0))
    told.hear(reading("A", "10:10", 35))
    assert last(told) == f"10:10 {TOWN} normal>orange threshold"
    assert [record.trip_id for record in told.records] == ["rain/500114112/1"] * 2 + ["rain/500114112/2"]


def test_a_refuted_silence_no_longer_counts_as_unknown() -> None:
    told = Story(book(LATCHED.replace("latch: orange", "hold: 0min").replace("  hold: 30min\n", ""), station("A"), FAR))
    told.hear(reading("A", "10:00", 35), reading("C", "10:00", 0))
    for minute in range(5, 65, 5):
        told.hear(reading("C", at("10:00") + minute * 60_000_000, 0))
    assert last(told) == f"11:00 {TOWN} orange>orange silence"
    told.hear(reading("C", "11:05", 0))
    assert told.world.states["rain", TOWN].level == 3
    told.tell(find("refute", when_station="A"), "11:06")
    assert told.brief()[-3:] == [
        f"11:06 {TOWN} orange>orange refuted",
        f"11:06 {TOWN} orange>yellow hold",
        f"11:06 {TOWN} yellow>normal hold",
    ]


@pytest.mark.parametrize(
    ("act", "refused"),
    [
        (find("confirm", by="A"), Refused.NO_PERSON),  # never the station itself
        (find("refute", by=" "), Refused.NO_PERSON),
        (Finding(fuse="rain", scope="x", verdict=FindingVerdict.CONFIRM, by="李某"), Refused.UNKNOWN_FUSE),
    ],
)
def test_refused_findings(act: Event, refused: Refused) -> None:
    told = red_alone()
    assert told.tell(act, "10:03") == []
    assert told.refused is refused


def test_a_confirmed_level_has_nothing_to_confirm_or_refute() -> None:
    told = story()
    told.hear(reading("A", "10:00", 35))
    for verdict in ("confirm", "refute"):
        assert told.tell(find(verdict), "10:01") == []
        assert told.refused is Refused.NOTHING_UNCONFIRMED


# ---- release


def latched() -> Story:
    told = story()
    told.hear(reading("A", "10:00", 35))
    told.every(5, "10:05", *[0] * 7)
    assert told.brief() == [f"10:00 {TOWN} normal>orange threshold", f"10:35 {TOWN} orange>orange latched"]
    return told


def test_release_goes_to_the_condition_and_closes() -> None:
    told = latched()
    told.tell(release(2), "10:40")
    record = told.records[-1]
    assert (record.from_, record.to, record.reason.value, record.by) == (Level.ORANGE, Level.NORMAL, "release", "王某")
    told.hear(reading("A", "10:45", 35))
    assert told.records[-1].trip_id == "rain/500114112/2"


def test_release_to_a_condition_that_still_holds_lower_down() -> None:
    told = latched()
    told.hear(reading("A", "10:40", 25))
    told.tell(release(2), "10:41")
    assert last(told) == f"10:41 {TOWN} orange>yellow release"


@pytest.mark.parametrize(
    ("act", "refused"),
    [
        (release(None), Refused.NO_HOLD_REPORT),
        (release(1), Refused.NO_HOLD_REPORT),  # dispatch has not answered the last record yet
        (release(2, "o-1"), Refused.MEASURES_IN_FORCE),
        (release(2, by=""), Refused.NO_PERSON),
        (Release(fuse="rain", scope="500114103", by="王某"), Refused.NO_TRIP),
    ],
)
def test_refused_releases(act: Event, refused: Refused) -> None:
    told = latched()
    assert told.tell(act, "10:40") == []
    assert told.refused is refused


def test_release_is_refused_while_the_condition_stands() -> None:
    told = story()
    told.hear(reading("A", "10:00", 35))
    told.tell(release(1), "10:01")
    assert told.refused is Refused.CONDITION_STANDS


def test_a_release_is_not_undone_by_a_late_reading_of_before() -> None:
    told = latched()
    told.tell(release(2), "10:40")
    told.hear(reading("A", "10:17", 33, known="10:50"))
    assert told.records[-1].reason.value == "release"


# ---- manual trips and shelves


def test_a_manual_trip_is_latched_at_any_level() -> None:
    told = story()
    told.hear(reading("A", "10:00", 0))
    told.tell(ManualTrip(fuse="rain", scope=TOWN, level=Level.YELLOW, by="王某"), "10:01")
    assert last(told) == f"10:01 {TOWN} normal>yellow manual"
    told.every(5, "10:05", *[0] * 8)
    assert told.brief()[1:] == [f"10:31 {TOWN} yellow>yellow latched"]
    told.tell(release(2), "10:45")
    assert last(told) == f"10:45 {TOWN} yellow>normal release"


@pytest.mark.parametrize(
    ("level", "by", "refused"),
    [
        (Level.BLUE, "王某", Refused.LEVEL_NOT_DEFINED),
        (Level.YELLOW, "王某", Refused.NOT_HIGHER),
        (Level.RED, "A", Refused.NO_PERSON),
    ],
)
def test_refused_manual_trips(level: Level, by: str, refused: Refused) -> None:
    told = latched()
    told.tell(ManualTrip(fuse="rain", scope=TOWN, level=level, by=by), "10:40")
    assert told.refused is refused


def test_a_manual_trip_of_a_fuse_that_was_never_heard() -> None:
    told = story()
    told.tell(ManualTrip(fuse="rain", scope="500114103", level=Level.RED, by="王某"), "10:01")
    assert told.brief() == ["10:01 500114103 normal>red manual blind"]


def shelf(until: str, by: str = "王某") -> Shelve:
    return Shelve(fuse="rain", scope=TOWN, until_us=at(until), by=by)


def test_a_shelf_has_an_end_and_a_rise_breaks_it() -> None:
    told = latched()
    told.tell(shelf("11:00"), "10:40")
    record = told.records[-1]
    assert (record.reason.value, record.to, record.due) == ("shelved", Level.ORANGE, "2026-06-28T11:00:00Z")
    told.tell(Tick(), "11:00")
    assert (last(told), told.records[-1].due) == (f"11:00 {TOWN} orange>orange shelved", "2026-06-28T11:00:00Z")
    told.tell(shelf("11:30"), "11:05")
    told.hear(reading("A", "11:10", 45))
    told.tell(Tick(), "11:40")
    assert [record.reason.value for record in told.records[-4:]] == ["shelved", "shelved", "threshold", "unverified"]


@pytest.mark.parametrize(
    ("until", "refused"), [("10:40", Refused.SHELF_TOO_LONG), ("18:41", Refused.SHELF_TOO_LONG), ("18:40", None)]
)
def test_a_shelf_is_capped(until: str, refused: Refused | None) -> None:
    told = latched()
    told.tell(shelf(until), "10:40")
    assert told.refused is refused


def test_red_is_never_shelved_and_nothing_needs_no_shelf() -> None:
    told = red_alone()
    told.tell(shelf("11:00"), "10:01")
    assert told.refused is Refused.RED_IS_NEVER_SHELVED
    told = story()
    told.tell(shelf("11:00"), "10:01")
    assert told.refused is Refused.NO_TRIP


# ---- notices


def opened(notice_id: str, level: Level = Level.ORANGE, until: str | None = "12:00", **more: object) -> NoticeOpened:
    fields: dict[str, object] = {
        "notice_id": notice_id, "type": "rain_signal", "level": level, "scale": Scale.SIGNAL, "areas": (TOWN,),
        "valid_from_us": at("09:55"), "valid_to_us": None if until is None else at(until), "by": "值班员",
    }  # fmt: skip
    return NoticeOpened(**{**fields, **more})  # type: ignore[arg-type]  # the test's own fields


def test_a_notice_opens_a_confirmed_trip_and_ends_with_its_time() -> None:
    told = story()
    told.tell(opened("n1"), "10:00")
    record = told.records[-1]
    assert (record.id, record.trip_id) == (f"notice.rain_signal/{TOWN}/1", f"notice.rain_signal/{TOWN}/1")
    assert (record.to, record.confirmed_level, record.reason.value) == (Level.ORANGE, Level.ORANGE, "notice")
    assert (record.scale, record.observed_at, record.evidence) == (Scale.SIGNAL, "2026-06-28T09:55:00Z", ("n1",))
    assert not record.blind
    told.tell(Tick(), "13:00")
    record = told.records[-1]
    assert (record.from_, record.to, record.known_at) == (Level.ORANGE, Level.NORMAL, "2026-06-28T12:00:00Z")


def test_the_worst_notice_counts_and_a_cancelled_one_gives_way() -> None:
    told = story()
    told.tell(opened("n1"), "10:00")
    told.tell(opened("n2", Level.RED), "10:10")
    told.tell(NoticeEnded(notice_id="n2", by="值班员"), "10:20")
    told.tell(NoticeEnded(notice_id="n1", by="值班员"), "10:30")
    assert told.brief() == [
        f"10:00 {TOWN} normal>orange notice",
        f"10:10 {TOWN} orange>red notice",
        f"10:20 {TOWN} red>orange notice",
        f"10:30 {TOWN} orange>normal notice",
    ]


def test_a_correction_takes_the_place_of_what_it_corrects() -> None:
    told = story()
    told.tell(opened("n1", Level.RED), "10:00")
    told.tell(opened("n2", Level.YELLOW, corrects="n1", areas=("500114103",)), "10:10")
    assert told.brief()[1:] == [f"10:10 {TOWN} red>normal notice", "10:10 500114103 normal>yellow notice"]


@pytest.mark.parametrize(
    ("event", "refused"),
    [
        (NoticeEnded(notice_id="n9"), Refused.UNKNOWN_NOTICE),
        (opened("n1"), Refused.ALREADY_OPEN),
        (opened("n3", until="10:04"), Refused.OVER_ALREADY),
        (opened("n3", areas=()), Refused.UNKNOWN_AREA),
    ],
)
def test_refused_notices(event: Event, refused: Refused) -> None:
    told = story()
    told.tell(opened("n1"), "10:00")
    assert told.tell(event, "10:05") == []
    assert told.refused is refused


# ---- broker


def test_cut_off_from_the_broker_fuses_are_blind_and_silence_stands() -> None:
    told = Story(book(LATCHED.replace("intervals: 12", "intervals: 2"), station("A")))
    told.hear(reading("A", "10:00", 35))
    told.tell(BrokerLost(), "10:05")
    told.tell(Tick(), "11:00")
    assert told.brief()[1:] == [f"10:05 {TOWN} orange>orange blind blind"]
    told.tell(BrokerBack(), "11:00")  # five of its ten minutes are left
    assert last(told) == f"11:00 {TOWN} orange>orange blind"
    told.tell(Tick(), "11:04")
    assert len(told.records) == 3
    told.tell(Tick(), "11:05")
    assert told.brief()[3:] == [f"11:05 {TOWN} orange>orange silence", f"11:05 {TOWN} orange>orange blind blind"]


def test_a_backlog_raises_while_blind_and_blindness_never_lowers() -> None:
    told = Story(book(LATCHED.replace("latch: orange\n", "latch: red\n"), station("A")))
    told.tell(BrokerLost(), "09:00")
    told.hear(reading("A", "10:00", 35))
    told.hear(reading("A", "10:05", 0))
    told.tell(Tick(), "10:50")
    assert told.brief() == [f"10:00 {TOWN} normal>orange threshold blind"]
    told.tell(BrokerBack(), "10:50")
    assert told.world.states["rain", TOWN].blind is False
    told.tell(Tick(), "11:30")
    assert told.world.states["rain", TOWN].level == 3  # nothing was heard since: coverage is gone, never safe
