"""MQTT 连接 A paho client whose messages are acknowledged by the caller, after commit.

MQTT 3.1.1, QoS 1, a fixed client id and a session that outlives the service: what is not acknowledged comes again.
The network thread only queues; a forwarder thread hands on, and may block, so that keep-alive never waits for a store.
A queue that is full ends the connection (nothing is lost: the session stays) until half of it is applied.

Packet ids are reused after a reconnect, so an acknowledgement of an earlier connection is dropped
(`Incoming.generation`).

`Lost` and `Back` travel in the same stream as the messages. ``Back`` comes when the backlog is through: after
subscribing the link sends itself a probe, and the broker queues that behind all that it kept for this session.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from shared.clock import Clock

log = structlog.get_logger(__name__)

QUEUE_BYTES_MAX = 64_000_000
KEEPALIVE_S = 30
INFLIGHT_MAX = 1_000
OUT_QUEUE_MAX = 10_000
PROBE_TRIES = 2  # some brokers end the connection of who publishes where the ACL does not allow it
QUIET_S = 2.0
WAKE_S = 0.5
REFUSED_FROM = 0x80  # MQTT 3.1.1 §3.9.3: a SUBACK return code from here on is a failure


@dataclass(frozen=True, kw_only=True)
class LinkOptions:
    """连接参数: where the broker is and who we are there. The client id names the session: one process a time."""

    host: str
    port: int
    client_id: str
    subscriptions: tuple[str, ...]
    probe_topic: str
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    backoff_min_s: float = 0.5
    backoff_max_s: float = 10.0
    queue_messages_max: int = 20_000
    probe_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """收到的消息: one message as it came, with what its acknowledgement needs."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False
    mid: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """断开: cut off from the broker (also at the start, until the first connection)."""

    generation: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Back:
    """恢复: connected again, and all that the broker had kept is through."""

    generation: int
    at: datetime


Signal = Incoming | Lost | Back
Deliver = Callable[[Signal], bool]


@dataclass
class Sent:
    """已交发送: a publication on its way. ``wait`` must not be called on the network thread."""

    _info: MQTTMessageInfo

    def wait(self, timeout_s: float) -> bool:
        """Whether the broker acknowledged it in time."""
        try:
            self._info.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError):
            return False
        return self._info.is_published()


@dataclass
class _Inbound:
    """The bounded queue between the network thread and the forwarder."""

    messages_max: int
    entries: deque[Signal] = field(default_factory=deque)
    size: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, entry: Signal) -> bool:
        with self.changed:
            if isinstance(entry, Incoming):
                if len(self.entries) >= self.messages_max or self.size >= QUEUE_BYTES_MAX:
                    return False
                self.size += len(entry.payload)
            self.entries.append(entry)
            self.changed.notify()
            return True

    def take(self, timeout_s: float) -> Signal | None:
        with self.changed:
            if not self.entries:
                self.changed.wait(timeout_s)
            if not self.entries:
                return None
            entry = self.entries.popleft()
            if isinstance(entry, Incoming):
                self.size -= len(entry.payload)
            return entry

    def half_empty(self) -> bool:
        with self.changed:
            return len(self.entries) <= self.messages_max // 2 and self.size <= QUEUE_BYTES_MAX // 2


class Link:
    """连接: ``deliver`` gets each `Incoming`, `Lost` and `Back` in order on the forwarder thread, and may block."""

    def __init__(self, options: LinkOptions, clock: Clock, deliver: Deliver) -> None:
        self.options = options
        self._clock = clock
        self._deliver = deliver
        self._inbound = _Inbound(options.queue_messages_max)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._overloaded = threading.Event()
        self._connected = False
        self._generation = 0
        self._caught_up = 0  # the last generation whose backlog is through
        self._probing_since: float | None = None
        self._probes_failed = 0
        self._last_message = 0.0
        self._problem: str | None = "not connected yet"
        self._note: str | None = None
        self._client = self._make_client()
        self._forwarder = threading.Thread(target=self._forward, name="mqtt-forward", daemon=True)

    # -- for the service ---------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connected

    def start(self) -> None:
        """Connect in the background; the first thing delivered is `Lost`."""
        self._inbound.put(Lost(0, self._clock.now()))
        self._forwarder.start()
        self._connect()

    def stop(self) -> None:
        """Leave the broker; the session stays there and keeps what comes."""
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()
        with self._inbound.changed:
            self._inbound.changed.notify()
        if self._forwarder.is_alive():
            self._forwarder.join(10)

    def ack(self, messages: Iterable[Incoming]) -> None:
        """PUBACK messages whose effects are committed. Those of an earlier connection will come again."""
        with self._lock:
            if not self._connected:
                return
            for message in messages:
                if message.generation == self._generation and message.mid:
                    self._client.ack(message.mid, 1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> Sent | None:
        """Hand a QoS 1 publication to the broker; None while there is no connection."""
        if not self._connected:
            return None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        return None if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE else Sent(info)

    def problem(self) -> str | None:
        """What is wrong, for /readyz; a text that begins with ``note:`` is a remark."""
        where = f"{self.options.host}:{self.options.port}"
        if self._problem is not None:
            return f"the broker at {where}: {self._problem}"
        return f"note: the broker at {where}: {self._note}" if self._note else None

    # -- connection --------------------------------------------------------------------------------------

    def _make_client(self) -> Client:
        o = self.options
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=o.client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.max_inflight_messages_set(INFLIGHT_MAX)
        client.max_queued_messages_set(OUT_QUEUE_MAX)
        client.reconnect_delay_set(o.backoff_min_s, o.backoff_max_s)  # type: ignore[arg-type]  # seconds, any number
        if o.username is not None:
            client.username_pw_set(o.username, o.password)
        if o.ca_file is not None:
            client.tls_set(ca_certs=o.ca_file)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _connect(self) -> None:
        self._client.connect_async(self.options.host, self.options.port, KEEPALIVE_S)
        self._client.loop_start()

    def _new_generation(self, *, connected: bool) -> None:
        with self._lock:
            self._connected = connected
            self._generation += 1

    def _on_pre_connect(self, _client: Client, _userdata: Any) -> None:
        self._new_generation(connected=False)

    def _on_connect(self, client: Client, _userdata: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._problem = f"refuses us: {reason}"
            log.error("mqtt.refused", reason=str(reason))
            return
        with self._lock:
            self._connected = True
        self._problem = None
        log.info("mqtt.connected", session=bool(flags.session_present))
        client.subscribe([(topic, 1) for topic in (*self.options.subscriptions, self.options.probe_topic)])

    def _on_connect_fail(self, _client: Client, _userdata: Any) -> None:
        self._problem = "cannot be reached"

    def _on_disconnect(self, _c: Client, _u: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        was = self._connected
        self._new_generation(connected=False)
        if self._probing_since is not None and self._probes_failed < PROBE_TRIES:
            self._probes_failed += 1
        self._probing_since = None
        if self._overloaded.is_set():
            self._problem = "paused until the queue is half applied"
        elif not self._stopping.is_set():
            self._problem = f"connection lost: {reason}"
        if was:
            log.warning("mqtt.disconnected", reason=str(reason))
            self._inbound.put(Lost(self._generation, self._clock.now()))

    def _on_subscribe(
        self, client: Client, _userdata: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        refused = [
            topic
            for topic, reason in zip((*self.options.subscriptions, self.options.probe_topic), reasons, strict=False)
            if reason.value >= REFUSED_FROM
        ]
        if refused:
            self._problem = (
                f"refuses our subscription to {', '.join(refused)}; check the ACL of {self.options.username}"
            )
            log.error("mqtt.subscription_refused", topics=refused)
        self._probing_since = self._last_message = self._clock.monotonic()
        if self._probes_failed < PROBE_TRIES:
            client.publish(self.options.probe_topic, str(self._generation).encode(), qos=1)

    # -- messages ----------------------------------------------------------------------------------------

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if self._overloaded.is_set():
            return  # not acknowledged: it comes again with the next connection
        now = self._clock.now()
        self._last_message = self._clock.monotonic()
        if message.topic == self.options.probe_topic:
            client.ack(message.mid, message.qos)
            if message.payload == str(self._generation).encode():
                self._probing_since, self._note, self._probes_failed = None, None, 0
                self._caught_up = self._generation
                self._inbound.put(Back(self._generation, now))
            return
        mid = message.mid if message.qos == 1 else 0
        incoming = Incoming(message.topic, bytes(message.payload), now, message.retain, mid, self._generation)
        if not self._inbound.put(incoming):
            log.warning("mqtt.overloaded")
            self._overloaded.set()
            client.disconnect()

    def _forward(self) -> None:
        while not self._stopping.is_set():
            entry = self._inbound.take(WAKE_S)
            if entry is not None:
                self._deliver(entry)
            if self._overloaded.is_set() and self._inbound.half_empty():
                self._client.loop_stop()
                self._client = self._make_client()  # paho's loop leaves its wake-up sockets open when started again
                self._overloaded.clear()
                self._connect()
            self._give_up_probe()

    def _give_up_probe(self) -> None:
        """A broker whose ACL swallows the probe must not leave the fuses blind for ever: go by silence instead."""
        since, now = self._probing_since, self._clock.monotonic()
        if (
            since is None
            or now - since < self.options.probe_timeout_s
            or now - self._last_message < min(QUIET_S, self.options.probe_timeout_s)
        ):
            return
        self._probing_since = None
        self._probes_failed = PROBE_TRIES - 1  # one more try with the next connection
        self._note = f"our own probe on {self.options.probe_topic} does not come back; allow it in the ACL"
        log.warning("mqtt.probe_lost", topic=self.options.probe_topic)
        if self._connected and self._caught_up != self._generation:
            self._caught_up = self._generation
            self._inbound.put(Back(self._generation, self._clock.now()))
