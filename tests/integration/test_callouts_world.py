"""One case on real stores: clocks of issue 2 item 5, one ring a person, failures told apart, upgrades, crashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, literal
from sqlalchemy.exc import IntegrityError

from deploy.demo.exchange.personas import Character, Persona
from services.dispatch.callouts.events import Answered
from services.dispatch.callouts.line import LineStatus, PartyKind, PartyState
from services.dispatch.callouts.matter import Grade, Purpose, Via
from services.dispatch.callouts.store import lines as lines_table
from services.dispatch.channels import store as channels_store
from services.dispatch.channels.carrier import Attempt, Channel, Receipt, ReceiptReason, Result
from services.dispatch.channels.factory import CarrierSpec
from services.dispatch.channels.store import Stored
from services.dispatch.roster import service as roster
from shared.errors import Refused
from shared.vocabulary import Level, Verification
from tests.integration.callouts_world import REALM, SILENT, T0, World, number, person, red, world

S = LineStatus
EVERYBODY_SILENT = {number(n): SILENT for n in range(1, 8)}


@pytest.fixture
def make(dsn: str, tmp_path: Path) -> Iterator[Any]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def build(people: dict[str, Character] | None = None, **files: Any) -> World:
            return stack.enter_context(world(dsn, tmp_path / "pack", people, **files))

        yield build


def test_everybody_answers_at_once(make: Any) -> None:
    w = make()
    case = w.open(red())
    w.run(2)
    assert {line.status for line in w.lines(case).values()} == {S.ANSWERED}
    assert w.attempts(channel=Channel.SMS) == []
    assert all(s.attempt.text.startswith("演练") and s.attempt.text.endswith("演练。") for s in w.attempts())
    assert {s.carrier for s in w.attempts()} == {"simulator"}


def test_nobody_answers(make: Any) -> None:
    """Rings at 0, 2, 4, then every five; superior at 3; door at 8; the top is an alarm, and the phones go on."""
    w = make(EVERYBODY_SILENT)
    case = w.open(red())
    w.run(21)
    assert w.minutes(person(4)) == [0, 2, 4, 9, 14, 19]
    assert w.minutes(person(5))[0] == 0  # the deputy rings together with the post
    line = w.line(case, "T-head")
    called = {p.person: p.called_at for p in line.parties}
    assert [(called[person(n)] - T0).total_seconds() / 60 for n in (4, 5, 6, 2, 1)] == [0, 0, 0, 3, 6]
    assert line.door_at is not None
    assert (line.door_at - T0).total_seconds() == 480
    assert line.status is S.TOP_REACHED
    assert {e.body["post"] for e in w.events("alarm.callout_top_reached")} >= {"T-head"}


def test_never_two_live_calls_and_one_ring_for_many_posts(make: Any) -> None:
    """V-head is called as V-head, as second of T-head and as the warden's superior: one phone, one cadence."""
    w = make(EVERYBODY_SILENT)
    w.open(red())
    w.open(red(matter_id="landslide/point-01/1", hazard="11B03", scope="point-01"), "I-0002")
    w.run(12)
    rung = w.minutes(person(6))
    assert rung == [0, 2, 4, 9]
    covers = {(c["case_id"], c["post"]) for c in w.attempts(person(6))[1].covers}
    assert {case for case, _ in covers} == {"C-0001", "C-0002"}
    for each in w.pack.roster.values():
        spans = [(s.queued_at, s.attempt.ended_at or w.clock.now()) for s in w.attempts(each.person)]
        assert all(a_end <= b_start for (_, a_end), (b_start, _) in pairwise(spans))


def test_who_acts_already_is_told_by_text_whom_to_stand_in_for(make: Any) -> None:
    """The warden and her village head are silent; the township head acts on the same red and hears of her by text."""
    w = make({number(7): SILENT, number(6): SILENT})
    case = w.open(red())
    w.run(12)
    line = w.line(case, "V-warden")
    superiors = [p for p in line.parties if p.kind is PartyKind.SUPERIOR and p.called_at]
    acting = [p.person for p in superiors if _own_line_acts(w, case, p.person)]
    assert acting == [person(4)]
    for each in superiors:
        texts = [s for s in w.attempts(each.person, Channel.SMS) if f"{person(7)}未应答" in s.attempt.text]
        rung = [s for s in w.attempts(each.person) if f"{person(7)}未应答" in s.attempt.text]
        assert (each.state is PartyState.TOLD) is (each.person in acting)
        assert bool(rung) is (each.person not in acting)
        if each.person in acting:
            assert len(texts) == 1
            assert f"（电话{number(7)}），请您接替" in texts[0].attempt.text
    called = {p.person: ((p.called_at or T0) - T0).total_seconds() / 60 for p in superiors}
    assert (called[person(6)], called[person(4)]) == (3, 6)
    assert line.door_at is not None
    assert (line.door_at - T0).total_seconds() == 480


def test_at_the_top_the_one_who_acts_is_rung_and_his_key_ends_it(make: Any) -> None:
    """All are silent but the township head, who was told by text alone: a text that arrived is no answer."""
    w = make({who: each for who, each in EVERYBODY_SILENT.items() if who != number(4)})
    case = w.open(red())
    w.run(30)
    line = w.line(case, "V-warden")
    assert line.status is LineStatus.ANSWERED
    assert line.top_at is not None
    assert line.answer is not None
    assert (line.answer.person, line.answer.via, line.answer.at > line.top_at) == (person(4), Via.KEYPAD, True)


def _own_line_acts(w: World, case: str, who: str) -> bool:
    own = [line for line in w.lines(case).values() if line.person == who]
    return any(m.grade is Grade.ACTING and m.answered_by == who for line in own for m in line.matters)


def test_where_no_text_goes_out_who_acts_is_rung(make: Any) -> None:
    w = make({number(7): SILENT, number(6): SILENT})
    case = w.open(red())
    w.run(4)
    w.callouts.carriers = tuple(replace(each, channels=(Channel.VOICE,)) for each in w.callouts.carriers)
    w.run(3)
    party = w.line(case, "V-warden").party_of(person(4))
    assert party is not None
    assert (party.state, party.text_failed) == (PartyState.CALLED, True)
    assert any(f"{person(7)}未应答" in s.attempt.text for s in w.attempts(person(4)))


def test_busy_is_texted_and_rung_again_after_a_minute(make: Any) -> None:
    w = make({**EVERYBODY_SILENT, number(4): Character(persona=Persona.BUSY, calls=2)})
    case = w.open(red())
    w.run(4)
    first, second, third = w.minutes(person(4))[:3]
    assert first == 0
    assert second == pytest.approx(1.03, abs=0.04)
    assert third == pytest.approx(2.07, abs=0.06)
    assert w.minutes(person(4), Channel.SMS)[0] == pytest.approx(0.03, abs=0.03)
    assert len(w.minutes(person(4), Channel.SMS)) == 1
    assert w.line(case, "T-head").status is S.ANSWERED


def test_a_wrong_number_is_struck_in_all_cases_at_once(make: Any) -> None:
    w = make({**EVERYBODY_SILENT, number(7): Character(persona=Persona.WRONG_PERSON)})
    first = w.open(red())
    second = w.open(red(matter_id="landslide/point-01/1", scope="point-01"), "I-0002")
    w.run(10)
    assert len(w.minutes(person(7))) == 1
    for case in (first, second):
        states = [p.state for line in w.lines(case).values() for p in line.parties if p.person == person(7)]
        assert states
        assert set(states) == {PartyState.STRUCK}
    with w.store.read() as conn:
        assert not roster.reach(conn, REALM, w.pack, person(7)).is_callable
    warden = w.line(first, "V-warden")
    superior = next(p for p in warden.parties if p.person == person(6))
    assert superior.called_at is not None
    assert (superior.called_at - T0).total_seconds() < 60


def test_a_number_given_afterwards_is_called(make: Any) -> None:
    w = make({**EVERYBODY_SILENT, number(4): Character(persona=Persona.BAD_NUMBER)})
    case = w.open(red())
    w.run(1)
    line = w.line(case, "T-head")
    assert line.party_of(person(4)).state is PartyState.NO_CONTACT
    assert w.events("alarm.callout_no_contact")

    def add(tx: Any) -> None:
        found = roster.add_contact(
            tx, REALM, w.pack, "T-head", "voice", "00000000044", by="duty-1", ground="家属提供", now=tx.now
        )
        w.callouts.contact_found(tx, REALM, found, tx.now)

    w.do(add)
    w.run(1)
    assert w.attempts(person(4))[-1].attempt.address == "00000000044"
    assert w.line(case, "T-head").status is S.ANSWERED


def test_machines_and_half_listeners_are_no_people(make: Any) -> None:
    w = make(
        {
            **EVERYBODY_SILENT,
            number(4): Character(persona=Persona.MACHINE),
            number(5): Character(persona=Persona.LISTENS),
            number(6): Character(persona=Persona.HANGS_UP),
        }
    )
    case = w.open(red())
    w.run(2.9)
    results = {p.person: p.result for p in w.line(case, "T-head").parties}
    assert results[person(4)] == Result.MACHINE
    assert results[person(5)] == Result.HEARD
    assert results[person(6)] == Result.HUNG_UP
    assert w.line(case, "T-head").is_open


def test_the_text_is_answered(make: Any) -> None:
    w = make({**EVERYBODY_SILENT, number(4): Character(persona=Persona.SMS_REPLIER)})
    case = w.open(red())
    w.run(2)
    answer = w.line(case, "T-head").answer
    assert answer is not None
    assert (answer.person, answer.via) == (person(4), Via.SMS)


def test_a_dead_mast_is_one_item_and_one_probe(make: Any) -> None:
    dead = {number(n): Character(persona=Persona.DEAD_MAST, mast="mast-07") for n in (4, 5, 6, 7)}
    w = make({**EVERYBODY_SILENT, **dead})
    w.open(red())
    w.run(14)
    alarms = w.events("alarm.callout_blackout")
    assert len(alarms) == 1
    assert alarms[0].body["place"] == "mast-07"
    tries = {n: len(w.minutes(person(n))) for n in (4, 5, 6, 7)}
    probe = max(tries, key=lambda n: tries[n])
    assert tries[probe] >= 3
    assert all(tries[n] <= 2 for n in tries if n != probe), tries
    w.people[number(probe)] = Character(persona=Persona.LISTENS)
    w.run(6)
    assert w.events("callout.blackout_over")
    assert all(len(w.minutes(person(n))) > tries[n] for n in tries)


def test_a_carrier_that_fails_is_nobodys_fault(make: Any) -> None:
    w = make()
    w.carrier_works = False
    case = w.open(red())
    w.run(2)
    results = {s.attempt.result for s in w.attempts(person(4))}
    assert results <= {Result.CARRIER_FAILED, None}
    assert len(w.attempts(person(4))) >= 3
    w.carrier_works = True
    w.run(1.5)
    assert w.line(case, "T-head").status is S.ANSWERED


def test_a_carrier_that_falls_silent_is_given_up_and_rung_again(make: Any) -> None:
    w = make({**EVERYBODY_SILENT})
    w._plan = lambda stored: None  # type: ignore[method-assign]  # the carrier takes all and never calls back
    w.open(red())
    w.run(5)
    first, second = w.attempts(person(4))[:2]
    assert first.attempt.result is Result.EXPIRED
    assert (second.queued_at - first.queued_at).total_seconds() > 180


def test_without_a_carrier_nobody_is_called_and_that_is_an_alarm(make: Any) -> None:
    w = make()
    w.callouts.carriers = (CarrierSpec(name="telecom", url="https://c.example.invalid", secret="s"),)
    w.open(red())
    w.run(1)
    assert w.attempts() == []
    assert w.events("alarm.callout_no_carrier")
    assert "simulator" in (w.ringing.probe() or "")
    w.callouts.carriers = w.carriers
    w.run(1)
    assert w.attempts()
    assert w.ringing.probe() is None


def test_unconfirmed_calls_who_looks_and_confirmed_calls_all(make: Any) -> None:
    w = make()
    case = w.open(red(confirmed_level=Level.NORMAL, verification=Verification.UNCONFIRMED))
    assert {post: {m.purpose for m in line.matters} for post, line in w.lines(case).items()} == {
        "T-deputy": {Purpose.VERIFY},
        "V-warden": {Purpose.VERIFY},
    }
    w.run(2)
    assert all("前往查看" in s.attempt.text for s in w.attempts())
    assert w.join(case, red(version=2))
    lines = w.lines(case)
    assert set(lines) == {"T-deputy", "V-warden", "T-head", "HQ-duty"}
    assert all({m.purpose for m in line.matters} == {Purpose.ACT} for line in lines.values())
    w.run(2)
    assert {line.status for line in w.lines(case).values()} == {S.ANSWERED}


def test_refuted_ends_what_was_called_for_it(make: Any) -> None:
    w = make(EVERYBODY_SILENT)
    case = w.open(red(confirmed_level=Level.NORMAL, verification=Verification.UNCONFIRMED))
    w.run(1)
    w.join(case, red(version=2, level=Level.NORMAL, verification=Verification.REFUTED))
    assert {line.status for line in w.lines(case).values()} == {S.CLOSED}
    before = len(w.attempts())
    w.run(10)
    assert len(w.attempts()) == before


def test_a_rise_calls_who_acts_again_and_the_same_version_changes_nothing(make: Any) -> None:
    w = make()
    case = w.open(red(level=Level.YELLOW))
    w.run(20)
    assert w.line(case, "T-head").status is S.ANSWERED
    calls = len(w.attempts(person(4)))
    assert not w.join(case, red(level=Level.YELLOW))
    assert w.join(case, red(version=2))
    w.run(2)
    assert len(w.attempts(person(4))) == calls + 1
    assert w.line(case, "T-head").matters[0].level is Level.RED


def test_an_on_behalf_answer_needs_who_and_ground(make: Any) -> None:
    w = make(EVERYBODY_SILENT)
    case = w.open(red())

    def answer(**changes: Any) -> Any:
        given = Answered(person=person(4), grade=Grade.ACTING, via=Via.ON_BEHALF, **changes)
        return w.do(lambda tx: w.callouts.answer(tx, REALM, case, "T-head", given, tx.now))

    with pytest.raises(Refused, match="who"):
        answer(ground="电话")
    with pytest.raises(Refused, match="ground"):
        answer(by="duty-1")
    assert answer(by="duty-1", ground="本人电话确认").state.status is S.ANSWERED


def test_back_entered_matters_call_nobody(make: Any) -> None:
    w = make()
    case = w.open(red(entered_late=True, happened_at=T0))
    w.run(10)
    assert w.lines(case) == {}
    assert w.attempts(channel=None) == []
    w.join(case, red(version=2))
    assert w.lines(case)


def test_a_finding_goes_to_warning_with_name_and_ground(make: Any) -> None:
    w = make(EVERYBODY_SILENT)
    case = w.open(red(confirmed_level=Level.NORMAL, verification=Verification.UNCONFIRMED))
    trip = f"rainstorm/{red().scope}/1"
    by = {"post": "T-deputy", "person": person(5)}
    w.do(lambda tx: w.callouts.finding(tx, REALM, case, trip, "confirm", by, "沟道涨水", tx.now, actor="verifier-1"))
    with w.store.read() as conn:
        from services.dispatch.schema import tables

        sent = conn.execute(tables.outbox.select().where(tables.outbox.c.kind == "finding")).one()
    assert (sent.receiver, sent.aggregate) == ("warning", trip)
    assert sent.body["by"] == by
    assert (sent.body["verdict"], sent.body["level"]) == ("confirm", "red")
    assert w.line(case, "T-deputy").status is S.ANSWERED


def test_a_line_that_cannot_be_read_stops_no_other_and_is_begun_anew(make: Any) -> None:
    """Its alarm comes once; who was called by it is called again, the others at the minutes of any other night."""
    w = make(EVERYBODY_SILENT)
    case = w.open(red())
    w.run(1)
    _damage(w, case, "T-head")
    w.run(20)
    assert [e.body["post"] for e in w.events("alarm.callout_line_unreadable")] == ["T-head"]
    assert {e.body["post"] for e in w.events("alarm.callout_top_reached")} == set(w.lines(case))
    line = w.line(case, "T-head")
    assert min(m.opened_at for m in line.matters) == T0 + timedelta(minutes=2, seconds=1)  # seen when its ring was due
    assert w.minutes(person(4)) == [0, 2.02, 4.02, 6.02, 11.02, 16.02]
    assert w.ringing.probe() is None


def test_what_cannot_be_read_is_told_by_the_transaction_that_is_kept(make: Any) -> None:
    w = make()
    case = w.open(red())
    w.run(2)
    _damage(w, case, "T-head", due_at=None)

    def look(tx: Any) -> None:
        w.callouts.book(tx, REALM).lines(case)

    def fail(tx: Any) -> None:
        look(tx)
        raise Refused("no", "no", "no")

    with pytest.raises(Refused):
        w.do(fail)
    assert w.events("alarm.callout_line_unreadable") == []
    for _ in range(2):
        w.do(look)
    assert len(w.events("alarm.callout_line_unreadable")) == 1
    w.run(1)
    assert w.line(case, "T-head").status is S.ANSWERED
    assert len(w.attempts(person(4))) == 2


@pytest.mark.parametrize("how", ["ended", "closed"])
def test_where_nobody_is_called_any_more_what_cannot_be_read_rests(make: Any, how: str) -> None:
    w = make()
    case = w.open(red())
    w.run(2)
    if how == "ended":
        w.do(lambda tx: w.callouts.end_matter(tx, REALM, case, red().matter_id, tx.now))
    else:
        w.do(lambda tx: w.callouts.close_case(tx, REALM, case, "officer", tx.now))
    _damage(w, case, "T-head", due_at=w.now())
    w.run(2)
    assert set(w.lines(case, lambda *_: None)) == {"HQ-duty", "V-warden"}
    assert w.attempts(person(4))[-1].queued_at < T0 + timedelta(minutes=2)
    assert "T-head" in w.ringing.probe()


def _damage(w: World, case: str, post: str, **more: Any) -> None:
    """As a disk would: the text of one line is no line any more."""
    here = lines_table.c.case_id == case, lines_table.c.post == post
    with w.store.write() as conn:
        conn.execute(lines_table.update().where(*here).values(state=literal('{"case_id":', Text), **more))


def test_receipts_out_of_order_and_doubled(make: Any) -> None:
    w = make(EVERYBODY_SILENT)
    case = w.open(red())
    w._plan = lambda stored: None  # type: ignore[method-assign]
    w.run(0.1)
    attempt = w.attempts(person(4))[0].attempt.attempt_id
    end = Receipt(seq=3, state="ended", result="answered", heard_s=20, keys="1")

    def take(receipt: Receipt) -> Any:
        return w.do(lambda tx: w.ringing.receipt(tx, REALM, attempt, receipt, tx.now))

    assert take(end) is ReceiptReason.KEY_PRESSED
    assert take(end) is ReceiptReason.OLD_SEQ
    assert take(Receipt(seq=2, state="answered")) is ReceiptReason.OLD_SEQ
    assert w.line(case, "T-head").status is S.ANSWERED


def test_a_crash_between_commit_and_carrier_rings_once(make: Any) -> None:
    """The attempt is committed first and its id is the carrier's key: who asks again asks for the same ring."""
    w = make(EVERYBODY_SILENT)
    w.open(red())
    w.do(lambda tx: w.ringing.tick_realm(tx, REALM, tx.now))
    with w.store.read() as conn:
        waiting = channels_store.queued(conn, 100)
    assert waiting
    restarted = type(w.ringing)(w.callouts)
    w.do(lambda tx: restarted.tick_realm(tx, REALM, tx.now))
    with w.store.read() as conn:
        assert channels_store.queued(conn, 100) == waiting


def stored(realm: str, carrier: str, attempt_id: str, who: str = "甲", no: int = 900) -> Stored:
    return Stored(
        realm=realm,
        no=no,
        carrier=carrier,
        attempt=Attempt(attempt_id=attempt_id, channel=Channel.VOICE, person=who, address="00000000099", text="演练"),
        lang="zh",
        covers=[],
        queued_at=T0,
        asked_at=T0,
        live=True,
    )


@pytest.mark.parametrize(
    ("realm", "carrier", "allowed"),
    [
        ("actual", "telecom", True),
        ("actual", "simulator", False),
        ("x-live", "simulator", True),
        ("x-live", "telecom", False),
        ("x-flood-night", "simulator", True),
        ("x-flood-night", "telecom", False),
    ],
)
def test_the_database_says_the_same(make: Any, realm: str, carrier: str, allowed: bool) -> None:
    w = make()
    attempt = stored(realm, carrier, "A-900000")
    if allowed:
        w.do(lambda tx: channels_store.add(tx.conn, attempt))
    else:
        with pytest.raises(IntegrityError):
            w.do(lambda tx: channels_store.add(tx.conn, attempt))


def test_the_database_knows_one_live_call_a_person(make: Any) -> None:
    w = make()
    w.do(lambda tx: channels_store.add(tx.conn, stored(REALM, "simulator", "A-900001")))
    with pytest.raises(IntegrityError):
        w.do(lambda tx: channels_store.add(tx.conn, stored(REALM, "simulator", "A-900002", no=901)))
