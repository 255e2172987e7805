"""仿真世界 Three real services on real stores, one virtual clock, and one seed that decides all that goes wrong.

The services are composed by their own ``create_app`` and never started as servers: ticks, rounds and deliveries are
called by hand, one at a time, so that the same seed is the same run. A crash is an exception inside the commit (nothing
is kept) or right after it (all is kept, nobody hears of it); the process is then abandoned and built anew on its files.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from services.dispatch import main as dispatch_main
from services.dispatch.channels.factory import SIMULATOR, CarrierSpec
from services.dispatch.schema import metadata as dispatch_metadata
from services.dispatch.settings import DispatchSettings
from services.resources import main as resources_main
from services.resources.schema import metadata as resources_metadata
from services.resources.settings import ResourcesSettings
from services.warning import main as warning_main
from services.warning.drills.service import tell_realm
from services.warning.pipeline import Pipeline
from services.warning.schema import metadata as warning_metadata
from services.warning.settings import WarningSettings
from shared.auth.tokens import TokenSigner, TokenVerifier
from shared.clock import ManualClock
from shared.db.engine import Store
from shared.db.tx import Tx
from shared.errors import FengsuiError, Unavailable
from shared.frame import Frame, save_realm
from shared.mqtt.link import Signal
from shared.pack.model import Pack
from shared.realm import LIVE, drill_clock, format_time
from tests.conftest import fresh_schema
from tests.support.platform import FixedTokens

T = TypeVar("T")
NAMES = ("warning", "dispatch", "resources")
METADATA = {"warning": warning_metadata, "dispatch": dispatch_metadata, "resources": resources_metadata}
PEERS = {name: f"http://127.0.0.1:9/{name}" for name in NAMES}  # never dialled: every line is given another way
STEPS_SHOWN = 30
RAM = Path("/dev/shm")  # noqa: S108 - a store that need not survive the machine; falls back to the usual place
OWNER_S = 20.0
GATE_S = 20.0


class Violation(AssertionError):
    """违例: a promise was broken."""


class SimCrash(Exception):
    """崩溃: raised inside a commit; nothing of it is kept."""


class Crashed(FengsuiError):
    """已崩溃: whoever asked gets no answer; whether it was done nobody can tell."""

    code = "crashed"


class Down(FengsuiError):
    """停机: the process is not there."""

    code = "down"


@dataclass
class Trace:
    """轨迹: every step in words, and a digest of them all; no clock but the virtual one."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=STEPS_SHOWN))
    count: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    all: list[str] | None = None

    def say(self, text: str) -> None:
        self.count += 1
        self.lines.append(text)
        self._digest.update(text.encode() + b"\n")
        if self.all is not None:
            self.all.append(text)

    @property
    def digest(self) -> str:
        return str(self._digest.hexdigest())


class Node:
    """进程: one service; ``do`` runs something in it and may not come back."""

    def __init__(self, world: World, name: str, dsn: str, schema: str | None) -> None:
        self.world, self.name, self.dsn, self.schema = world, name, dsn, schema
        self.frame: Frame
        self.up = False
        self.back_at: datetime | None = None  # by `World.elapsed`
        self.boots = 0
        self._armed: str | None = None
        self._spared = 0  # commits that an armed crash lets pass
        self._dead = False
        self._commits = 0

    def start(self) -> None:
        """Build the process on its files; the owner lock must be free again."""
        self._armed, self._dead, self._spared = None, False, 0
        self.frame = self.world.compose(self)
        engine = self.frame.store.engine
        event.listen(engine, "commit", self._on_commit)
        event.listen(engine, "begin", self._on_begin)
        self.frame.writer.start()
        if not self.frame.writer.wait_owner(OWNER_S):
            raise Violation(f"{self.name} does not become owner: {self.frame.writer.failing}")
        self.up, self.back_at = True, None
        self.boots += 1
        for hook in self.world.on_birth:
            hook(self)

    def stop(self) -> None:
        """The process is gone; its files stay."""
        self.up, self._dead = False, True
        self.frame.writer.stop()
        self.frame.sender.stop()
        self.frame.store.close()

    def crash_soon(self, when: str) -> None:
        """The next commit is the last: ``before`` it or ``after`` it; with ``hiccup`` it fails and life goes on."""
        self._armed = when

    def do(self, function: Callable[[], T]) -> T:
        """Run something of this process to its end; Crashed when it did not live to tell."""
        if not self.up:
            raise Down(f"{self.name} is down")
        before = self._commits
        try:
            result = function()
        except FengsuiError:
            if self._dead:
                self.world.bury(self, "before its commit")
                raise Crashed(self.name) from None
            raise
        if self._dead:  # the crash was in a part that retries by itself
            self.world.bury(self, "before its commit")
            raise Crashed(self.name)
        if self._armed == "after" and self._commits > before:
            self.world.bury(self, "after its commit")
            raise Crashed(self.name)
        return result

    def call(self, function: Callable[[Tx], T]) -> T:
        """Run a use case in the writer."""
        return self.do(lambda: self.frame.writer.call(function))

    def deliver(self, group: Pipeline, items: Sequence[Signal]) -> None:
        """Hand messages to the writer as one batch: a command holds the writer until all of them are queued."""
        self.do(lambda: self._deliver(group, items))

    def _deliver(self, group: Pipeline, items: Sequence[Signal]) -> None:
        writer, entered, opened = self.frame.writer, threading.Event(), threading.Event()

        def gate(_: Tx) -> None:
            entered.set()
            opened.wait(GATE_S)

        self._spared = 1
        held = writer.submit(gate)
        entered.wait(GATE_S)
        for item in items:
            writer.put(group, item)
        done = writer.submit(lambda _: None)
        opened.set()
        held.result(GATE_S)
        try:
            done.result(GATE_S)
        except Unavailable:
            if self._dead:
                raise
            writer.call(lambda _: None)  # the messages are tried again before anything else is

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.frame.store.read() as conn:
            yield conn

    def _on_begin(self, conn: Connection) -> None:
        if self._dead and conn.get_execution_options().get("fengsui_write"):
            raise SimCrash(self.name)

    def _on_commit(self, conn: Connection) -> None:
        if not conn.get_execution_options().get("fengsui_write"):
            return
        if self._spared:
            self._spared -= 1
            return
        if self._armed == "before":
            self._dead = self.world.dying = True
            raise SimCrash(self.name)
        if self._armed == "hiccup":
            self._armed, self.world.dying = None, True
            raise OperationalError("COMMIT", {}, OSError("disk full"))
        self.world.dying = False
        self._commits += 1


class World:
    """世界: the three processes, the clock and the trace. Everybody else in the simulation holds on to it."""

    def __init__(
        self, seed: int, folder: Path, pack: Pack, *, drill: bool, speed: float, start: datetime, dsn: str | None = None
    ) -> None:
        self.seed, self.folder, self.pack = seed, folder, pack
        self.trace = Trace()
        self.realm = "x-sim" if drill else LIVE
        self.speed = speed if drill else 1.0
        self.domain = self.elapsed = start
        self.stands = False  # the drill is interrupted: its clock stands, what was elapsed goes on
        self.realm_messages: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)  # receiver: what was sent, by no
        self.clock = ManualClock(start)
        self.boot = "boot-1"
        self.stopped_at: datetime | None = None
        self.errors: list[MutableMapping[str, Any]] = []
        self.dying = False  # what is logged now is expected
        self.on_death: list[Callable[[Node], None]] = []
        self.on_birth: list[Callable[[Node], None]] = []
        prefix = fresh_schema()
        schemas = {name: f"{prefix}_{name}" if dsn else None for name in NAMES}
        self.nodes = {n: Node(self, n, dsn or f"sqlite:///{folder / n}.db", schemas[n]) for n in NAMES}
        self.warning, self.dispatch, self.resources = (self.nodes[name] for name in NAMES)

    @property
    def is_drill(self) -> bool:
        return self.realm != LIVE

    # -- time --------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Domain seconds pass; while a drill is interrupted, as many as they would have been."""
        self.elapsed += timedelta(seconds=seconds)
        if not self.stands:
            self.domain += timedelta(seconds=seconds)
        self.clock.set(self.clock.now() + timedelta(seconds=seconds / self.speed))

    def stand_still(self, wall_seconds: float) -> None:
        """The whole system is stopped: a drill's clock stands, the wall's goes on."""
        self.clock.set(self.clock.now() + timedelta(seconds=wall_seconds))
        if not self.is_drill:
            self.domain += timedelta(seconds=wall_seconds)
            self.elapsed += timedelta(seconds=wall_seconds)

    def dice(self, about: str) -> random.Random:
        """A stream of its own, so that a change in one place does not move all others."""
        return random.Random(f"{self.seed}/{about}")

    def topics(self, realm: str) -> str:
        """Where a realm's stations speak (contract §2)."""
        district = self.pack.district.code
        return f"fengsui/{district}" if realm == LIVE else f"fengsui-x/{district}/{realm.removeprefix('x-')}"

    def say(self, text: str) -> None:
        self.trace.say(f"{self.domain:%d %H:%M:%S} {text}")

    # -- processes ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        for node in self.nodes.values():
            store = Store(node.dsn, METADATA[node.name], schema=node.schema)
            store.ensure_schema()
            with store.write() as conn:
                METADATA[node.name].create_all(conn)
            store.close()
            node.start()
        if self.is_drill:
            self.warning.call(self._start_drill)

    def _start_drill(self, tx: Tx) -> None:
        clock = drill_clock(self.realm.removeprefix("x-"), self.speed, self.domain, tx.now, tx.realms.boot)
        save_realm(tx, clock)
        tell_realm(tx, clock)

    def told_of_drill(self, node: Node) -> dict[str, Any]:
        """The last word of the drill's clock in the node's inbox: what it was told, not what it made of that."""
        table, messages = node.frame.tables.inbox, self.realm_messages[node.name]
        with node.read() as conn:
            query = select(table.c.applied).where(table.c.sender == "warning", table.c.realm == self.realm)
            applied = conn.execute(query).scalar() or 0
        return messages[max(came)] if (came := [no for no in messages if no <= applied]) else {}

    def is_interrupted(self, node: Node) -> bool:
        return self.is_drill and self.told_of_drill(node).get("state") == "interrupted"

    def is_ticking(self, node: Node) -> bool:
        """Whether time passes there: in a drill, once its clock of this boot has come, and while it runs."""
        told = self.told_of_drill(node) if self.is_drill else {}
        return not self.is_drill or (told.get("state"), told.get("boot")) == ("running", self.boot)

    def end(self) -> None:
        for node in self.nodes.values():
            if node.up:
                node.stop()

    def compose(self, node: Node) -> Frame:
        """The service as its own ``main`` composes it."""
        common: dict[str, Any] = {
            "service": node.name,
            "district": self.pack.district.code,
            "dsn": node.dsn,
            "schema": node.schema,
            "packs_dir": self.folder / "packs",
            "pack": self.pack.version,
            "boot": self.boot,
            "stopped_at": format_time(self.stopped_at) if self.stopped_at else None,
            "peers": PEERS,
        }
        key_file = self.folder / "token-key.json"
        verifier = TokenVerifier(local=TokenSigner.from_file(key_file).jwks)
        if node.name == "warning":
            app = warning_main.create_app(WarningSettings(**common), self.clock, verifier=verifier)
        elif node.name == "dispatch":
            carrier = CarrierSpec(name=SIMULATOR, url="http://127.0.0.1:9", secret="simulator")
            app = dispatch_main.create_app(
                DispatchSettings(**common, key_file=key_file, carriers=(carrier,)), self.clock
            )
        else:
            tokens = FixedTokens(node.name)
            app = resources_main.create_app(ResourcesSettings(**common), self.clock, verifier=verifier, tokens=tokens)
        frame: Frame = app.state.frame
        frame.packs.put(self.pack)
        return frame

    def bury(self, node: Node, when: str) -> None:
        """A process died: it is abandoned as it was."""
        node.stop()
        self.dying = False
        self.say(f"CRASH {node.name} {when}")
        for hook in self.on_death:
            hook(node)

    @property
    def desk(self) -> dispatch_main.Desk:
        """The composed parts of dispatch."""
        if not self.dispatch.up:
            raise Down("dispatch")
        desk: dispatch_main.Desk = self.dispatch.frame.app.state.desk
        return desk

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of warning."""
        if not self.warning.up:
            raise Down("warning")
        pipeline: Pipeline = self.warning.frame.app.state.pipeline
        return pipeline

    # -- log ---------------------------------------------------------------------------------------------

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Errors that the services log are findings, unless the process was dying."""

        def keep(_logger: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
            if method in ("error", "exception", "critical") and not self.dying:
                self.errors.append(entry)
            raise structlog.DropEvent

        before = structlog.get_config()
        structlog.configure(processors=[keep], cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)
