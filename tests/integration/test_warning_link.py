"""The broker link by itself: what is not acknowledged comes again, a full queue pauses, a lost probe heals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from shared.clock import SystemClock
from shared.mqtt.link import Back, Incoming, Link, LinkOptions, Lost, Signal
from tests.support.real import mosquitto, require_real
from tests.support.warning import Broker, soon

pytestmark = pytest.mark.real


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    binary = mosquitto()
    require_real(binary, "Mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Broker(str(binary), folder)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def options(broker: Broker) -> LinkOptions:
    return LinkOptions(
        host="127.0.0.1",
        port=broker.port,
        client_id="link",
        subscriptions=("in/+",),
        probe_topic="probe/link",
        backoff_min_s=0.1,
        backoff_max_s=0.5,
    )


@pytest.fixture
def publish(broker: Broker) -> Iterator[Callable[[str, int], None]]:
    client = Client(CallbackAPIVersion.VERSION2, client_id="publisher")
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    soon(client.is_connected)

    def send(topic: str, count: int) -> None:
        for number in range(count):
            client.publish(topic, str(number), qos=1).wait_for_publish(10)

    yield send
    client.disconnect()
    client.loop_stop()


class Taker:
    """Keeps what is delivered; ``gate`` closed makes it block like a writer whose store is slow."""

    def __init__(self) -> None:
        self.got: list[Signal] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, signal: Signal) -> bool:
        self.gate.wait(20)
        self.got.append(signal)
        return True

    def messages(self) -> list[Incoming]:
        return [signal for signal in self.got if isinstance(signal, Incoming)]

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(signal, kind) for signal in self.got)


def test_it_begins_lost_and_is_back_after_the_backlog(
    options: LinkOptions, publish: Callable[[str, int], None]
) -> None:
    first = Taker()
    link = Link(options, SystemClock(), first)
    assert link.problem() is not None
    link.start()
    soon(lambda: first.count(Back))
    assert isinstance(first.got[0], Lost)
    assert link.problem() is None
    link.stop()
    publish("in/a", 50)
    second = Taker()
    link = Link(options, SystemClock(), second)
    link.start()
    soon(lambda: second.count(Back))
    assert [type(signal) for signal in second.got] == [Lost, *[Incoming] * 50, Back]
    link.ack(second.messages())
    link.stop()


def test_what_is_not_acknowledged_comes_again_and_an_old_ack_is_dropped(
    options: LinkOptions, broker: Broker, publish: Callable[[str, int], None]
) -> None:
    taker = Taker()
    link = Link(options, SystemClock(), taker)
    link.start()
    soon(lambda: taker.count(Back))
    publish("in/a", 3)
    old = soon(lambda: taker.messages() if len(taker.messages()) == 3 else None)
    link.ack(old[:1])
    soon(lambda: link.connected)
    broker.stop()
    soon(lambda: taker.count(Lost) == 2)
    assert "127.0.0.1" in str(link.problem())
    assert link.publish("out", b"x") is None
    broker.start()
    soon(lambda: taker.count(Back) == 2)
    again = taker.messages()[3:]
    assert {message.payload for message in again} >= {b"1", b"2"}
    link.ack(old)  # of the connection before: must acknowledge nothing
    link.stop()
    third = Taker()
    link = Link(options, SystemClock(), third)
    link.start()
    soon(lambda: third.count(Back))
    assert {message.payload for message in third.messages()} >= {b"1", b"2"}
    link.stop()


def test_a_full_queue_pauses_and_loses_nothing(options: LinkOptions, publish: Callable[[str, int], None]) -> None:
    taker = Taker()
    link = Link(replace(options, queue_messages_max=10), SystemClock(), taker)
    link.start()
    soon(lambda: taker.count(Back))
    taker.gate.clear()
    publish("in/a", 40)
    soon(lambda: "paused" in (link.problem() or ""))
    taker.gate.set()

    def drained() -> bool:
        messages = taker.messages()
        link.ack(messages)
        return {message.payload for message in messages} == {str(n).encode() for n in range(40)}

    soon(drained, 30)
    soon(lambda: link.problem() is None)
    link.stop()


def test_a_probe_that_the_acl_swallows_is_told_and_heals(tmp_path: Path, broker: Broker, options: LinkOptions) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write in/#\n", encoding="utf-8")
    broker.kill()
    broker.restrict(acl)
    broker.start()
    taker = Taker()
    link = Link(replace(options, probe_timeout_s=0.5), SystemClock(), taker)
    link.start()
    soon(lambda: taker.count(Back))
    assert str(link.problem()).startswith("note:")
    assert "ACL" in str(link.problem())
    link.stop()
