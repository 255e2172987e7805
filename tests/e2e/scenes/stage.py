"""舞台 One night of the whole district on the virtual clock, told in the words of duty_room.md §E.

    night.phone("qj-hq-chief").never_answers()
    night.at("03:07").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)
    night.between("03:07", "03:08").expects(rung("zs-mayor"), rung("zs-flood"))
    night.at("03:08").officer.signs_by_phone("qj-hq-deputy-1", order)

The three services are the real ones on real stores, their outboxes hand over, officers act through the real routes
with real tokens, phones speak the carrier's protocol with signed call-backs. Nothing waits: time jumps to the next
thing that is due. Clock times are Beijing's; an hour that has passed is tomorrow's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
from sqlalchemy import select

from deploy.demo.exchange.personas import Character
from services.dispatch.accounts import service as accounts
from services.dispatch.callouts import store as callouts
from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import Receipt, sign
from services.dispatch.orders import store as orders
from shared.errors import FengsuiError
from shared.http.client import Transient
from shared.pack.model import Pack
from shared.realm import LIVE
from tests.e2e.scenes.people import Officer, Phone
from tests.support.house.rounds import Rounds
from tests.support.house.wires import Broker, Exchange, Odds, Ringing
from tests.support.house.world import Crashed, Down, World
from tests.support.serving import serving

BEIJING = ZoneInfo("Asia/Shanghai")
KEY = "k" * 32
TOKEN_LASTS = timedelta(minutes=50)
STEP_MIN = timedelta(seconds=1)
STEP_MAX = timedelta(seconds=60)
JUST_NOW = timedelta(seconds=5)  # what fell due within one round is looked at in the next
GAUGE_EVERY = timedelta(minutes=5)
SECRET = "simulator"

Probe = Callable[["Stage"], Any]


@dataclass(frozen=True)
class Check:
    """所见: something that can be seen, in words"""

    words: str
    probe: Probe


class Stage:
    """舞台: ``at`` goes to an hour and gives the stage back; ``between`` goes there and looks all the way."""

    def __init__(self, seed: int, folder: Path, pack: Pack, begins: datetime, dsn: str | None = None) -> None:
        self.world = World(seed, folder, pack, drill=False, speed=1.0, start=begins.astimezone(UTC), dsn=dsn)
        self.pack, self.realm = pack, LIVE
        odds = Odds()
        self.broker = Broker(self.world, odds)
        self.broker.at_leisure = False
        self.exchange = Exchange(self.world, odds, {}, others=Character())
        self.rounds = Rounds(self.world, self.broker, self.exchange, odds)
        self.rounds.deliver = self._post_receipt  # type: ignore[method-assign]  # signed, through the route
        self._clients: dict[tuple[str, int], httpx.Client] = {}
        self._served = ExitStack()
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._seq: dict[tuple[str, str], int] = {}
        self.officer = Officer(self, "duty_officer")

    # -- time --------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Beijing time."""
        return self.world.clock.now().astimezone(BEIJING)

    def at(self, hour: str) -> Stage:
        """Time passes until this hour."""
        self._until(self._hour(hour), lambda: False)
        return self

    def between(self, begin: str, end: str) -> Span:
        """From one hour to the other; what is asked of the span is looked at at every step."""
        self.at(begin)
        return Span(self, self._hour(end))

    def _hour(self, text: str) -> datetime:
        hours, minutes, *rest = map(int, text.split(":"))
        at = self.now.replace(hour=hours, minute=minutes, second=rest[0] if rest else 0, microsecond=0)
        return at if at >= self.now.replace(microsecond=0) else at + timedelta(days=1)

    def _until(self, end: datetime, seen: Callable[[], bool]) -> bool:
        """Whether it was seen by then."""
        while True:
            self.pulse()
            if seen():
                return True
            now = self.world.clock.now()
            if now >= end:
                return False
            self.world.advance((min(self._next(now), end) - now).total_seconds())

    def pulse(self) -> None:
        """Everything that moves by itself, once."""
        self.broker.connect()
        for actor in self.rounds.actors():
            try:
                actor()
            except (Crashed, Down, Transient):
                continue  # it is not there, or cannot be reached: it is tried again
        assert not self.world.errors, self.world.errors[:1]

    def _next(self, now: datetime) -> datetime:
        """When the next thing is due, a second from now at the earliest."""
        if not self.world.dispatch.up:
            return now + STEP_MAX
        ticking = self.world.dispatch.frame.writer.realms.ticking()
        with self.world.dispatch.read() as conn:
            queued = channels.queued(conn, 1)
            due = [
                self._wall(row.realm, row[1])
                for table, column in (
                    (callouts.lines, callouts.lines.c.due_at),
                    (callouts.rings, callouts.rings.c.next_at),
                    (orders.orders, orders.orders.c.wake_at),
                )
                for row in conn.execute(select(table.c.realm, column).where(column.is_not(None)))
                if row.realm in ticking
            ]
        due += [self.exchange.next_at] if self.exchange.next_at else []
        soonest = now + STEP_MIN
        if queued or not self.broker.idle or any(now - JUST_NOW < at <= now for at in due):
            return soonest
        return max(soonest, min([*(at for at in due if at > now), now + STEP_MAX]))

    def _wall(self, realm: str, at: datetime) -> datetime:
        clock = self.world.dispatch.frame.writer.realms.clocks().get(realm)
        if clock is None or clock.v0 is None or clock.w0 is None:
            return at
        return clock.w0 + (at - clock.v0) / clock.speed

    # -- who is there ------------------------------------------------------------------------------------

    def user(self, name: str) -> Officer:
        """Somebody else with an account: issuer, second_issuer, commander, verifier, township, maintainer…"""
        return Officer(self, name)

    def person(self, post: str) -> str:
        return self.pack.roster[post].person

    def number(self, post: str) -> str:
        return next(address for channel, address in self.pack.roster[post].contacts if channel == "voice")

    def phone(self, post: str) -> Phone:
        """The telephone of a post's holder; who is not told otherwise answers at once and presses 1."""
        return Phone(self, self.number(post))

    # -- what happens ------------------------------------------------------------------------------------

    def gauges(self, *stations: str, realm: str = LIVE) -> Gauges:
        """Stations as they speak over MQTT."""
        return Gauges(self, stations, realm)

    def drill(self, name: str, begins: str, speed: float = 1.0) -> str:
        """演练开始: a drill whose clock shows this hour of another night; its realm."""
        v0 = datetime.fromisoformat(begins).replace(tzinfo=BEIJING).isoformat()
        self.officer.post("/v1/realms", {"name": name, "speed": speed, "v0": v0}, 201)
        return f"x-{name}"

    def publish(self, station: str, readings: list[dict[str, Any]], realm: str = LIVE) -> None:
        """An array of readings, numbered as the station does it."""
        key = (realm, station)
        for reading in readings:
            self._seq[key] = self._seq.get(key, 0) + 1
            reading |= {"boot": "b1", "seq": self._seq[key]}
        self.broker.publish(f"{self.world.topics(realm)}/{station}/readings", json.dumps(readings).encode())

    def loses_power(self, minutes: float) -> None:
        """停电 All of ours is off at once, and comes back so much later as another boot; telephones ring on."""
        world = self.world
        for node in world.nodes.values():
            node.stop()
        self.broker.cut()
        world.stopped_at = world.clock.now()
        world.boot = f"boot-{int(world.boot.removeprefix('boot-')) + 1}"
        world.stand_still(minutes * 60)
        for node in world.nodes.values():
            node.start()
        self.pulse()

    # -- over HTTP ---------------------------------------------------------------------------------------

    def http(self, service: str) -> httpx.Client:
        """The service over HTTP, as the process that runs now; a world has no threads, so the app has no lifespan."""
        node = self.world.nodes[service]
        key = (service, node.boots)
        if key not in self._clients:
            url = self._served.enter_context(serving(node.frame.app, lifespan="off"))
            self._clients[key] = self._served.enter_context(httpx.Client(base_url=url, timeout=20, trust_env=False))
        return self._clients[key]

    def bearer(self, user: str) -> dict[str, str]:
        held = self._tokens.get(user)
        if held is None or self.world.clock.now() - held[1] > TOKEN_LASTS:
            form = {"grant_type": "client_credentials", "client_id": user, "client_secret": KEY}
            answer = self.http("dispatch").post("/v1/token", data=form)
            assert answer.status_code == 200, answer.text
            held = self._tokens[user] = (answer.json()["access_token"], self.world.clock.now())
        return {"Authorization": f"Bearer {held[0]}"}

    def _post_receipt(self, call: Ringing, receipt: Receipt) -> None:
        if not self.world.dispatch.up:
            raise FengsuiError("dispatch is down")
        body = msgspec.json.encode(receipt)
        stamp = str(int(self.world.clock.now().timestamp()))
        headers = {"X-Timestamp": stamp, "X-Signature": sign(SECRET, stamp, body)}
        path = f"/v1/attempts/{call.attempt_id}/receipts"
        answer = self.http("dispatch").post(path, params={"realm": call.realm}, content=body, headers=headers)
        if not answer.is_success:
            raise FengsuiError(f"{path}: {answer.status_code} {answer.text}")

    # -- the house ---------------------------------------------------------------------------------------

    def enrol(self) -> None:
        """The demo accounts of the pack, all with one key."""
        hashed = accounts.hash_secret(accounts.SecretKind.KEY, KEY)
        known = [(account, hashed) for account in accounts.demo_accounts(self.pack)]
        self.world.dispatch.call(lambda tx: accounts.ensure_keys(tx, known, by="test"))

    def end(self) -> None:
        self._served.close()
        self.world.end()


@dataclass(frozen=True)
class Span:
    """一段时间"""

    stage: Stage
    end: datetime

    def expects(self, *checks: Check) -> Stage:
        """Each was seen at some instant of the span; the stage stands where the last of them was."""
        missing = list(checks)

        def seen() -> bool:
            missing[:] = [check for check in missing if not check.probe(self.stage)]
            return not missing

        found = self.stage._until(self.end, seen)
        assert found, f"by {self.end.astimezone(BEIJING):%H:%M:%S} not seen: " + "; ".join(c.words for c in missing)
        return self.stage

    def always(self, *checks: Check) -> Stage:
        """Each holds at every step, to the end."""

        def broken() -> bool:
            for check in checks:
                assert check.probe(self.stage), f"at {self.stage.now:%H:%M:%S} no longer true: {check.words}"
            return False

        self.stage._until(self.end, broken)
        return self.stage

    def never(self, *checks: Check) -> Stage:
        """None holds at any step, to the end."""

        def broken() -> bool:
            for check in checks:
                assert not check.probe(self.stage), f"at {self.stage.now:%H:%M:%S}, and should not: {check.words}"
            return False

        self.stage._until(self.end, broken)
        return self.stage


@dataclass(frozen=True)
class Gauges:
    """几个站"""

    stage: Stage
    stations: tuple[str, ...]
    realm: str = LIVE

    def rain(self, mm: float, within: timedelta = timedelta(hours=3)) -> Stage:
        """So much has fallen by now at each, five minutes at a time: what a gauge reports that had no link."""
        count = int(within / GAUGE_EVERY)
        share = round(mm / count, 3)
        values = [share] * (count - 1) + [round(mm - share * (count - 1), 3)]
        for station in self.stations:
            times = [self._domain - GAUGE_EVERY * (count - 1 - i) for i in range(count)]
            self.stage.publish(
                station, [_reading("rain_mm", v, t) for v, t in zip(values, times, strict=True)], self.realm
            )
        return self.stage

    def climbs(self, over: timedelta = timedelta(hours=1), **span: tuple[float, float]) -> Stage:
        """From one value to another by now, five minutes at a time: ``stage_m=(429.0, 431.5)``."""
        count = int(over / GAUGE_EVERY)
        for station in self.stations:
            for metric, (low, high) in span.items():
                values = [round(low + (high - low) * i / count, 2) for i in range(count + 1)]
                times = [self._domain - GAUGE_EVERY * (count - i) for i in range(count + 1)]
                readings = [_reading(metric, value, at) for value, at in zip(values, times, strict=True)]
                self.stage.publish(station, readings, self.realm)
        return self.stage

    def reads(self, **values: float) -> Stage:
        """One reading of each metric, now: ``stage_m=431.2``."""
        for station in self.stations:
            self.stage.publish(station, [_reading(m, v, self._domain) for m, v in values.items()], self.realm)
        return self.stage

    @property
    def _domain(self) -> datetime:
        frame = self.stage.world.warning.frame
        return frame.domain_now(self.realm).replace(microsecond=0)


def _reading(metric: str, value: float, at: datetime) -> dict[str, Any]:
    return {"metric": metric, "value": value, "observed_at": at.isoformat()}


@contextmanager
def stage(seed: int, folder: Path, pack: Pack, begins: datetime, dsn: str | None = None) -> Iterator[Stage]:
    """A stage from its beginning to its end; an error that a service logs fails the scene."""
    made = Stage(seed, folder, pack, begins, dsn)
    with made.world.listening():
        made.world.begin()
        try:
            made.enrol()
            made.pulse()
            yield made
        finally:
            made.end()
