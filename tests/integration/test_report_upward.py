"""上报 A telephone signature that nobody countersigns rings the superior once, for orders and for alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.exchange.personas import Character, Persona
from services.dispatch.callouts.line import LineStatus
from services.dispatch.callouts.matter import Grade
from services.dispatch.callouts.upward import PREFIX
from services.dispatch.incidents.service import timeline
from services.dispatch.main import create_app
from services.dispatch.orders.events import Sign, SignByPhone
from services.dispatch.orders.service import Make
from services.dispatch.orders.store import listing
from services.dispatch.schema import metadata
from services.dispatch.settings import DispatchSettings
from shared.clock import ManualClock
from shared.frame import Frame
from shared.outbox.inbox import Message
from shared.realm import format_time
from tests.conftest import fresh_schema
from tests.integration.callouts_world import REALM, SILENT, SIMULATOR, T0, World, number, person
from tests.support.dispatch import transition
from tests.support.packs import TOWNSHIP, tiny_pack

TWO_HOURS = timedelta(hours=2)
DUE = T0 + TWO_HOURS
TRIP = f"rainstorm/{TOWNSHIP}/1"
ALERT = {
    "alert_id": "A-1",
    "trip_ids": [TRIP],
    "state": "released",
    "hazard": "11B03",
    "area": {"codes": [TOWNSHIP]},
    "version": 1,
}
OWED = {"alert_id": "A-1", "digest": "sha256:aa", "post": "T-head", "superior": "HQ-deputy", "due_at": format_time(DUE)}
LISTENS = Character(persona=Persona.LISTENS)


class House(World):
    """The whole service on a store, its clock and its carrier in the test's hand."""

    def __init__(self, dsn: str, folder: Path, people: dict[str, Character]) -> None:
        self.clock, self.people = ManualClock(T0), people
        self.folder, self.dsn, self.schema = folder, dsn, fresh_schema()
        self.pack = tiny_pack(folder / "pack")
        self.planned, self.carrier_works = [], True
        self._asked, self._calls, self._no = set(), {}, 0
        self.start()

    def start(self) -> None:
        settings = DispatchSettings(
            service="dispatch",
            district=self.pack.district.code,
            dsn=self.dsn,
            schema=self.schema,
            packs_dir=self.folder / "packs",
            pack=self.pack.version,
            boot="boot-1",
            key_file=self.folder / "token-key.json",
            carriers=(SIMULATOR,),
        )
        app = create_app(settings, self.clock)
        self.frame: Frame = app.state.frame
        self.frame.packs.put(self.pack)
        self.store, self.writer = self.frame.store, self.frame.writer
        self.store.ensure_schema()
        with self.store.write() as conn:
            metadata.create_all(conn)
        self.writer.start()
        assert self.writer.wait_owner(10)
        desk = app.state.desk
        self.callouts, self.ringing, self.orders = desk.callouts, desk.ringing, desk.orders

    def restart(self) -> None:
        self.close()
        self.start()

    def _pulse(self, realm: str) -> None:
        self.do(lambda tx: self.orders.tick(tx, realm))
        super()._pulse(realm)

    def send(self, kind: str, body: dict[str, Any]) -> None:
        self._no += 1
        message = Message("warning", REALM, self._no, kind, TRIP, body, self.pack.version)
        self.do(lambda tx: self.frame.inbox.receive(tx, message))

    def red(self) -> str:
        """A red trip; the ban that waits for HQ-chief."""
        self.send("transition", transition("rainstorm", TOWNSHIP, at=T0))
        with self.store.read() as conn:
            (ban,) = [s.order for _, s in listing(conn, REALM, limit=50) if s.order.kind == "ban"]
        return ban.order_id

    def act(self, order_id: str, make: Make) -> None:
        self.do(lambda tx: self.orders.act(tx, REALM, order_id, make, "duty", self.pack))

    def signs_by_phone(self, order_id: str, n: int, post: str, **more: Any) -> None:
        call = SignByPhone(by=post, number=number(n), words="同意", recorded_by="HQ-duty", **more)
        self.act(order_id, lambda _, __: call)

    def later(self, minutes: float) -> None:
        """Nothing happens for so long, then a minute is played."""
        self.clock.set(self.clock.now() + timedelta(minutes=minutes))
        self.run(1, every_s=10)

    def reported(self) -> list[Any]:
        return [row.body for row in self.events("callout.reported_upward")]

    def told(self, n: int) -> list[tuple[datetime, str]]:
        """The calls to a person that told of something owed."""
        return [(s.queued_at, s.attempt.text) for s in self.attempts(person(n)) if "补签" in s.attempt.text]

    def lines_said(self, kind: str) -> list[str]:
        with self.store.read() as conn:
            lines, _ = timeline(conn, REALM, "I-0001", 1000)
            return [f"{e.text_zh} {e.text_en}" for e in lines if e.kind == kind]


@pytest.fixture
def house(dsn: str, tmp_path: Path) -> Iterator[Callable[..., House]]:
    with ExitStack() as stack:

        def build(**people: Character) -> House:
            made = House(dsn, tmp_path, {number(int(n[1:])): who for n, who in people.items()})
            stack.callback(lambda: made.close())
            return made

        yield build


def test_an_order_that_was_signed_by_telephone_only(house: Any) -> None:
    """HQ-deputy owes it: HQ-chief is rung once, hears it, and is rung no more; a restart changes nothing."""
    w = house(p1=SILENT)
    ban = w.red()
    w.later(16)  # HQ-chief's fifteen minutes are over
    w.signs_by_phone(ban, 2, "HQ-deputy")
    due = w.clock.now() + TWO_HOURS
    w.people[number(1)] = LISTENS
    w.later(119)
    assert w.told(1) == []
    w.restart()
    w.run(3)
    ((at, text),) = w.told(1)
    assert due <= at <= due + timedelta(minutes=3)
    hour = f"{due + timedelta(hours=8):%H:%M}"
    assert f"措施{ban}由{person(2)}电话签批，应于{hour}前补签，至今未签" in text
    line = w.line("C-0001", "HQ-chief")
    (owed,) = [m for m in line.matters if m.matter_id.startswith(PREFIX)]
    assert (owed.grade, owed.answered_by) == (Grade.HEARD, person(1))
    (said,) = w.reported()
    assert (said["to"], said["owed"]["post"], said["owed"]["order_id"]) == ("HQ-chief", "HQ-deputy", ban)
    (row,) = w.lines_said("callout.reported_upward")
    assert person(2) in row
    assert "上报" in row
    assert "reported upward" in row
    w.restart()
    w.later(60)
    assert len(w.told(1)) == 1
    assert len(w.reported()) == 1


def test_the_chief_has_nobody_above_and_the_next_of_the_district_hears_of_it(house: Any) -> None:
    w = house()
    ban = w.red()
    w.signs_by_phone(ban, 1, "HQ-chief")
    w.run(1)
    w.later(120)
    assert [said["to"] for said in w.reported()] == ["HQ-deputy"]
    assert len(w.told(2)) == 1
    assert w.told(1) == []


def test_a_countersignature_takes_back_a_call_that_reached_nobody(house: Any) -> None:
    w = house()
    ban = w.red()
    w.signs_by_phone(ban, 1, "HQ-chief")
    w.later(1)
    w.people[number(2)] = SILENT
    w.later(120)
    assert len(w.told(2)) == 1
    w.act(ban, lambda _, __: Sign(by="HQ-chief"))
    w.later(60)
    assert len(w.told(2)) == 1
    assert all(not m.matter_id.startswith(PREFIX) for line in w.lines("C-0001").values() for m in line.matters)


@pytest.mark.parametrize("how", ["in_time", "entered_late"])
def test_nothing_is_reported(house: Any, how: str) -> None:
    w = house()
    ban = w.red()
    w.run(1)
    late = {"entered_late": True, "happened_at": T0} if how == "entered_late" else {}
    w.signs_by_phone(ban, 1, "HQ-chief", **late)
    if how == "in_time":
        w.later(110)
        w.act(ban, lambda _, __: Sign(by="HQ-chief"))
    w.later(130)
    assert w.reported() == []
    assert w.told(2) == []


def test_an_alert_that_was_approved_by_telephone_only(house: Any) -> None:
    w = house()
    w.red()
    w.run(1)
    w.people[number(2)] = SILENT
    w.later(120)
    w.send("alert", {"alert": ALERT, "report_upward": OWED})
    w.send("alert", {"alert": ALERT, "report_upward": OWED})  # said twice is called once
    w.run(1)
    ((_, text),) = w.told(2)
    hour = f"{DUE + timedelta(hours=8):%H:%M}"
    assert f"预警信息由{person(4)}电话签批，应于{hour}前补签，至今未签" in text
    assert w.line("C-0001", "HQ-deputy").status is not LineStatus.ANSWERED
    assert [(said["to"], said["owed"]["alert_id"]) for said in w.reported()] == [("HQ-deputy", "A-1")]
    w.send("alert", {"alert": ALERT, "countersigned": {**OWED, "late": True}})
    w.later(60)
    assert len(w.told(2)) == 1
    (row,) = w.lines_said("alert.countersigned")
    assert "补签" in row
    w.send("alert", {"alert": ALERT, "report_upward": OWED})
    w.run(2)
    assert len(w.reported()) == 1, "a signature is reported once, also after it came"


@pytest.mark.parametrize(("superior", "to"), [(None, "HQ-deputy"), ("gone", "HQ-deputy"), ("HQ-chief", "HQ-chief")])
def test_whom_warning_names_is_called_where_the_roster_has_them(house: Any, superior: str | None, to: str) -> None:
    w = house()
    w.red()
    w.send("alert", {"alert": ALERT, "report_upward": {**OWED, "superior": superior}})
    assert [said["to"] for said in w.reported()] == [to]


def test_an_alert_entered_late_calls_nobody(house: Any) -> None:
    w = house()
    w.red()
    w.send("alert", {"alert": ALERT, "entered_late": True, "report_upward": OWED})
    assert w.reported() == []


def test_it_is_called_where_everybody_is_calm_again(house: Any) -> None:
    """The trip ended and its case is closed: the paper is owed all the same, in the same case."""
    w = house()
    ban = w.red()
    w.signs_by_phone(ban, 1, "HQ-chief")
    w.send("transition", transition("rainstorm", TOWNSHIP, n=2, before="red", to="normal", at=T0))
    w.later(121)
    assert len(w.told(2)) == 1
    assert set(w.lines("C-0001")) >= {"HQ-deputy"}
