"""测站 The station on the wire: MQTT QoS 1, last will, receipts, and one thread that keeps sending what has none.

station = Station(Link(host, port, user, password), Place("500114", "RG-01"), Queue(path))
station.start(); station.put([{"metric": "rain_mm", "value": 0.2, "observed_at": "…Z"}])
station.wait_receipted(30); station.stop()
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.station.outstanding import Key, Outstanding, batches
from deploy.station.queue import Queue
from deploy.station.receipt import parse_receipt

log = logging.getLogger("station")

KEEPALIVE_S = 30
RECONNECT_MAX_S = 60
PAUSE_MAX_S = 5.0
READ_ROWS = 1000


@dataclass(frozen=True)
class Link:
    """链路: the broker and who we are there. 5 shows a refused publish; 311 is for brokers without it."""

    host: str
    port: int
    user: str
    password: str
    protocol: int = 5


@dataclass(frozen=True)
class Place:
    """测点: ``drill`` sends to the drill ``x-<drill>`` and nowhere else."""

    district: str
    station_id: str
    drill: str | None = None

    @property
    def root(self) -> str:
        head = f"fengsui-x/{self.district}/{self.drill}" if self.drill else f"fengsui/{self.district}"
        return f"{head}/{self.station_id}"


class Station:
    """测站客户端: keeps a reading until a receipt names it."""

    def __init__(self, link: Link, place: Place, queue: Queue, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.link, self.place, self.queue = link, place, queue
        self.trouble: str | None = None
        self._monotonic = monotonic
        self._outstanding = Outstanding()
        self._last: Key | None = None  # the newest reading that was handed to the broker on this connection
        self._woken = threading.Condition()
        self._connected = False
        self._stopping = False
        self._client = self._make_client()
        self._sender = threading.Thread(target=self._run, name=f"station-{place.station_id}", daemon=True)

    # -- for the station's program ----------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and keep connecting; readings wait on disk meanwhile."""
        self._client.connect_async(self.link.host, self.link.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()
        self._sender.start()

    def put(self, readings: Iterable[Mapping[str, Any]]) -> list[Key]:
        """Store readings; they go out when there is a connection. Returns their (boot, seq)."""
        keys = self.queue.put(readings)
        self._wake()
        return keys

    def wait_receipted(self, timeout_s: float) -> bool:
        """Whether everything was receipted within the time."""
        deadline = self._monotonic() + timeout_s
        with self._woken:
            while self.queue.waiting():
                left = deadline - self._monotonic()
                if left <= 0:
                    return False
                self._woken.wait(min(left, PAUSE_MAX_S))
        return True

    def stop(self) -> None:
        """Say ``offline`` and leave; what has no receipt stays on disk."""
        with self._woken:
            self._stopping = True
            self._woken.notify_all()
        if self._sender.ident:
            self._sender.join(PAUSE_MAX_S)
        if self._connected:
            self._client.publish(f"{self.place.root}/status", "offline", qos=1, retain=True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    # -- the network's thread ---------------------------------------------------------------------------

    def _make_client(self) -> mqtt.Client:
        version = MQTTProtocolVersion.MQTTv5 if self.link.protocol == 5 else MQTTProtocolVersion.MQTTv311
        name = f"station-{self.place.station_id}" + (f"-{self.place.drill}" if self.place.drill else "")
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=version,
            clean_session=True if version == MQTTProtocolVersion.MQTTv311 else None,
        )
        client.username_pw_set(self.link.user, self.link.password)
        client.will_set(f"{self.place.root}/status", "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self.trouble = f"the broker refused the connection: {code}"
            log.warning("%s: %s", self.place.station_id, self.trouble)
            return
        self.trouble = None
        client.subscribe(f"{self.place.root}/receipts", qos=1)
        client.publish(f"{self.place.root}/status", "online", qos=1, retain=True)
        for boot, first, last in self.queue.skips():
            skip = json.dumps({"skip": [first, last], "boot": boot})
            client.publish(f"{self.place.root}/status", skip, qos=1)
        with self._woken:
            self._outstanding.connection_lost()
            self._last = None
            self._connected = True
            self._woken.notify_all()

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        with self._woken:
            self._connected = False
            if not self._stopping:
                self.trouble = self.trouble or f"disconnected: {code}"
                log.info("%s: disconnected: %s", self.place.station_id, code)

    def _on_publish(self, _client: mqtt.Client, _data: Any, _mid: int, code: Any, _properties: Any) -> None:
        if code.is_failure:  # MQTT 5 alone tells; the reading stays here and is sent again with back-off
            self.trouble = f"the broker refused a publish: {code}"
            log.warning("%s: %s", self.place.station_id, self.trouble)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            receipt = parse_receipt(bytes(message.payload))
        except (ValueError, TypeError) as error:
            self.trouble = f"a receipt cannot be read: {error}"
            log.warning("%s: %s", self.place.station_id, self.trouble)
            return
        with self._woken:
            if self.queue.behind(receipt):
                log.warning("%s: the service knows more than this disk; a new boot begins", self.place.station_id)
                self.queue.renew()
                self._outstanding.connection_lost()
                self._last = None
            else:
                self.queue.settle(receipt)
                self._outstanding.settle(receipt)
            self._woken.notify_all()

    # -- the sender's thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._woken:
                if self._stopping:
                    return
                payloads = self._take_due() if self._connected else []
                if not payloads:
                    self._woken.wait(self._pause())
            for payload in payloads:  # outside the lock: paho has locks of its own
                self._client.publish(f"{self.place.root}/readings", payload, qos=1)

    def _take_due(self) -> list[str]:
        """What is due again and what is new, as payloads, marked as sent. Called with the lock."""
        now = self._monotonic()
        rows = self.queue.bodies(self._outstanding.due(now)[:READ_ROWS])
        fresh = self.queue.after(self._last, min(READ_ROWS, self._outstanding.room()))
        if fresh:
            self._last = fresh[-1][0]
        made = batches([*rows, *fresh])
        for keys, _ in made:
            self._outstanding.sent(keys, now)
        return [payload for _, payload in made]

    def _pause(self) -> float:
        due = self._outstanding.next_due_s() if self._connected else None
        return PAUSE_MAX_S if due is None else max(0.05, min(PAUSE_MAX_S, due - self._monotonic()))

    def _wake(self) -> None:
        with self._woken:
            self._woken.notify_all()
