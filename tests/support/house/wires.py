"""线路 What lies between the processes: the outbox's way, the broker, the exchange. Each loses, doubles, delays."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx
from sqlalchemy import select

from deploy.demo.exchange.personas import Character, Step, call_script, crowd, text_script
from services.dispatch.channels.carrier import Receipt
from services.warning.pipeline import Pipeline
from shared.errors import FengsuiError, Unavailable
from shared.http.client import Permanent, Transient
from shared.mqtt.link import Back, Incoming, Lost, Signal
from shared.outbox.inbox import Message
from tests.support.house.world import NAMES, Crashed, Down, Node, World

RECEIPT_AGAIN_S = 5
RECEIPT_TRIES_MAX = 60
DELIVER_MAX = 50


@dataclass
class Odds:
    """坏运气: the chance of each fault, a message; zero once faults have stopped."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    refused: float = 0.0

    def stop(self) -> None:
        self.lost = self.doubled = self.late = self.refused = 0.0


def boxes(world: World, odds: Odds) -> Callable[[Node], None]:
    """Give a new process its ways to the others."""
    dice = world.dice("boxes")

    def on_birth(node: Node) -> None:
        for peer in NAMES:
            if peer != node.name:
                node.frame.sender.reach(peer, Wire(world, node, world.nodes[peer], odds, dice))

    return on_birth


class Wire:
    """发件线路: `shared.http.client.Caller` to another process's inbox, as the route there would take it."""

    def __init__(self, world: World, sender: Node, receiver: Node, odds: Odds, dice: Any) -> None:
        self._world, self._sender, self._receiver, self._odds, self._dice = world, sender, receiver, odds, dice
        self._late: list[dict[str, Any]] = []

    def call(self, method: str, path: str, *, json: Any = None) -> Any:
        if method == "POST" and (json["kind"], json["realm"]) == ("realm", self._world.realm):
            self._world.realm_messages[self._receiver.name][json["no"]] = json["body"]
        if not self._receiver.up or self._dice.random() < self._odds.lost:
            raise Transient(f"{path}: lost")
        if self._dice.random() < self._odds.refused:
            raise Transient(f"{path}: 503", peer_code="busy")
        try:
            if method == "GET":
                return {"applied": self._receiver.do(self._applied)}
            answer = self._post(json)
        except (Crashed, Down, Unavailable) as error:
            raise Transient(f"{path}: {error.code}") from None
        if self._dice.random() < self._odds.lost:
            raise Transient(f"{path}: the answer is lost")
        return answer

    def _post(self, body: dict[str, Any]) -> dict[str, int]:
        if self._late and self._dice.random() < 0.5:
            self._take(self._late.pop())  # an old request that a slow network brings only now
        answer = self._take(body)
        if self._dice.random() < self._odds.doubled:
            answer = self._take(body)
        if self._dice.random() < self._odds.late:
            self._late.append(body)
        return answer

    def _take(self, body: dict[str, Any]) -> dict[str, int]:
        frame = self._receiver.frame
        if body["pack"] is not None:
            frame.packs.get(body["pack"])
        no, kind, aggregate = body["no"], body["kind"], body["aggregate"]
        message = Message(body["sender"], body["realm"], no, kind, aggregate, body["body"], body["pack"])
        applied = self._receiver.call(lambda tx: frame.inbox.receive(tx, message))
        self._world.say(f"{body['sender']}>{self._receiver.name} {no} {kind} {aggregate} = {applied}")
        return {"applied": applied}

    def _applied(self) -> dict[str, int]:
        table = self._receiver.frame.tables.inbox
        with self._receiver.read() as conn:
            rows = conn.execute(select(table).where(table.c.sender == self._sender.name))
            return {row.realm: row.applied for row in rows}

    def close(self) -> None:
        """Nothing is held."""


class Broker:
    """消息总线: one QoS 1 session of the warning service, which outlives it; what is not acknowledged comes again."""

    def __init__(self, world: World, odds: Odds) -> None:
        self.world, self.odds, self.dice = world, odds, world.dice("broker")
        self.connected = False
        self.at_leisure = True  # runs of any size
        self.generation = 0
        self.retained: dict[str, list[bytes]] = {}
        self._mids = count(1)
        self._queue: list[tuple[str, bytes]] = []
        self._inflight: dict[int, Incoming] = {}
        self._backlog = 0
        self._signals: list[Signal] = []
        world.on_death.append(self._on_death)
        world.on_birth.append(self._on_birth)

    @property
    def idle(self) -> bool:
        return self.connected and not self._queue and not self._inflight and not self._signals

    def publish(self, topic: str, payload: bytes) -> None:
        """What a station hands in."""
        if self.dice.random() < self.odds.lost:
            return
        at = len(self._queue)
        if self.dice.random() < self.odds.late:  # reordered
            at = self.dice.randint(0, at)
        self._queue.insert(at, (topic, payload))
        if self.dice.random() < self.odds.doubled:
            self._queue.append((topic, payload))

    def lose_session(self) -> None:
        """The broker forgets all that it held: only the stations still have it."""
        self.world.say(f"broker forgets {len(self._queue) + len(self._inflight)} messages")
        self.cut()
        self._queue.clear()
        self._inflight.clear()

    def cut(self) -> None:
        if self.connected:
            self.connected = False
            self.generation += 1
            self._queue[:0] = [(m.topic, m.payload) for m in self._inflight.values()]
            self._inflight.clear()
            if self.world.warning.up:
                self._signals.append(Lost(self.generation, self.world.clock.now()))

    def connect(self) -> None:
        if not self.connected and self.world.warning.up:
            self.connected = True
            self._backlog = len(self._queue)
            if not self._backlog:
                self._signals.append(Back(self.generation, self.world.clock.now()))

    def pump(self) -> None:
        """Deliver a run to the service."""
        node = self.world.warning
        if not node.up:
            return
        run: list[Signal] = self._signals
        self._signals = []
        if self.connected:
            taken = self._queue[: self.dice.randint(1, DELIVER_MAX) if self.at_leisure else DELIVER_MAX]
            del self._queue[: len(taken)]
            for topic, payload in taken:
                mid = next(self._mids)
                message = Incoming(topic, payload, self.world.clock.now(), mid=mid, generation=self.generation)
                self._inflight[mid] = message
                run.append(message)
            if 0 < self._backlog <= len(taken):
                run.append(Back(self.generation, self.world.clock.now()))
            self._backlog = max(0, self._backlog - len(taken))
        if run:
            self.world.say(f"deliver {len(run)}")
            node.deliver(self._pipeline(), run)

    def ack(self, messages: Any) -> None:
        for message in messages:
            if message.generation == self.generation:
                self._inflight.pop(message.mid, None)

    def take_receipt(self, topic: str, payload: bytes) -> Delivered | None:
        """What the receipt publisher hands in; None while there is no connection."""
        if not self.connected:
            return None
        if self.dice.random() >= self.odds.lost:
            self.retained.setdefault(topic, []).append(payload)
            if self.dice.random() < self.odds.doubled:
                self.retained[topic].append(payload)
        return Delivered(self.dice.random() >= self.odds.refused)

    def _pipeline(self) -> Pipeline:
        pipeline: Pipeline = self.world.warning.frame.app.state.pipeline
        return pipeline

    def _on_birth(self, node: Node) -> None:
        if node.name == "warning":
            self._pipeline().ack = self.ack
            self._pipeline().begin_cut_off()
            self._signals = [Lost(self.generation, self.world.clock.now())]

    def _on_death(self, node: Node) -> None:
        if node.name == "warning":
            self.cut()
            self._signals = []


@dataclass(frozen=True)
class Delivered:
    """已交总线"""

    ok: bool

    def wait(self, timeout_s: float) -> bool:
        return self.ok


@dataclass
class Ringing:
    """一次呼叫 as the exchange knows it; ``until`` in wall time, ``speed`` domain seconds a wall second."""

    realm: str
    attempt_id: str
    number: str
    text: bool
    until: datetime
    speed: float
    said: str = ""
    begun: datetime | None = None
    hung_up: bool = False
    seq: int = 0

    def after(self, seconds: float) -> timedelta:
        """Wall time in which so many seconds of the realm pass."""
        return timedelta(seconds=round(seconds / self.speed, 6))


@dataclass(order=True)
class Letter:
    """待送回执"""

    at: datetime
    order: int
    call: Ringing = field(compare=False)
    receipt: Receipt = field(compare=False)
    tries: int = field(default=0, compare=False)


Deliver = Callable[[Ringing, Receipt], None]


class Exchange:
    """话务台: `Caller` of the simulator carrier; the demo exchange's own people, at each realm's own pace.

    A number rings once at a time over all realms, as a real handset does.
    """

    def __init__(self, world: World, odds: Odds, people: dict[str, Character], others: Character | None = None) -> None:
        self.world, self.odds, self.people, self.dice = world, odds, people, world.dice("exchange")
        self.others = others  # who is not named: this one, else the demo's crowd
        self.outage = False
        self.calls: dict[str, Ringing] = {}
        self.overlaps: list[str] = []
        self.on_call: list[Callable[[Ringing], None]] = []
        self._letters: list[Letter] = []
        self._order = count()

    def is_idle(self, realm: str) -> bool:
        return not any(letter.call.realm == realm for letter in self._letters)

    @property
    def next_at(self) -> datetime | None:
        """When the next call-back is due (wall)."""
        return self._letters[0].at if self._letters else None

    def call(self, method: str, path: str, *, json: Any = None) -> Any:
        if self.outage:
            raise Transient("no exchange") from httpx.ConnectError("refused")
        if self.dice.random() < self.odds.refused:
            raise Permanent("429", peer_code="busy")
        if self.dice.random() < self.odds.lost:
            raise Transient("lost")
        if method == "DELETE":
            return self._hang_up(path.removeprefix("/v1/calls/"))
        call_id = self._take(path.endswith("sms"), json)
        if self.dice.random() < self.odds.lost:
            raise Transient("the answer is lost")
        return {"call_id": call_id}

    def close(self) -> None:
        """Nothing is held."""

    def _take(self, text: bool, body: dict[str, Any]) -> str:
        key = str(body["key"])
        if key in self.calls:
            return key
        _, realm, attempt_id = key.split("/")
        number, now = str(body["to"]), self.world.clock.now()
        who = self.people.get(number) or self.others or crowd(self.world.seed, number)
        nth = 1 + sum(c.number == number and c.text == text for c in self.calls.values())
        if text:
            script = text_script(who)
        elif others := [c for c in self.calls.values() if c.number == number and not c.text and c.until > now]:
            self.overlaps += [key] if any(other.realm == realm for other in others) else []
            script = (Step(after_s=1, state="ended", result="busy"),)
        else:
            script = call_script(who, nth, body["text"], self.world.seed, number)
        call = Ringing(realm, attempt_id, number, text, now, float(body.get("speed", 1.0)), str(body["text"]), now)
        self.calls[key] = call
        for heed in self.on_call:
            heed(call)
        at = now
        for step in (Step(after_s=0, state="accepted"), *script):
            at += call.after(step.after_s)
            call.seq += 1
            self._write(call, step, at)
        call.until = at
        self.world.say(f"call {attempt_id} {'text' if text else 'voice'} {number} {who.persona} until {at:%H:%M:%S}")
        return key

    def _hang_up(self, call_id: str) -> dict[str, str]:
        call = self.calls[call_id]
        now = self.world.clock.now()
        if call.until > now:
            self._letters = [letter for letter in self._letters if letter.call is not call or letter.at <= now]
            heapq.heapify(self._letters)
            call.until, call.hung_up = now, True
            call.seq += 1
            self._write(call, Step(after_s=0, state="ended", result="failed", cause="hung up by the caller"), now)
            self.world.say(f"hang up {call.realm} {call.attempt_id}")
        return {"call_id": call_id, "state": "ended"}

    def _write(self, call: Ringing, step: Step, at: datetime) -> None:
        receipt = Receipt(
            seq=call.seq, state=step.state, result=step.result, heard_s=step.heard_s, keys=step.keys, cause=step.cause
        )
        if self.dice.random() < self.odds.lost / 4:
            return  # the exchange gave up on it
        late = call.after(self.dice.randint(1, 40)) if self.dice.random() < self.odds.late else timedelta()
        heapq.heappush(self._letters, Letter(at + late, next(self._order), call, receipt))
        if self.dice.random() < self.odds.doubled:
            again = at + late + call.after(self.dice.randint(0, 30))
            heapq.heappush(self._letters, Letter(again, next(self._order), call, receipt))

    def tell(self, deliver: Deliver) -> None:
        """Post the call-backs that are due; one that is not taken is posted again."""
        now = self.world.clock.now()
        while self._letters and self._letters[0].at <= now:
            letter = heapq.heappop(self._letters)
            try:
                deliver(letter.call, letter.receipt)
            except FengsuiError:
                letter.tries += 1
                letter.at = now + letter.call.after(RECEIPT_AGAIN_S)
                if letter.tries < RECEIPT_TRIES_MAX:
                    heapq.heappush(self._letters, letter)
            else:
                if self.dice.random() < self.odds.lost and letter.tries < 2:
                    letter.tries += 1  # the answer was lost: posted again
                    letter.at = now + letter.call.after(RECEIPT_AGAIN_S)
                    heapq.heappush(self._letters, letter)
