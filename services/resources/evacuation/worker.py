"""方案生成 Makes, proves and publishes numbered plans off the writer's thread, and holds the snapshots to answer from.

A snapshot is made from the plan's row alone, so that a process that starts, stands by or only reads makes the same one.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import structlog

from services.resources.evacuation import service, store
from services.resources.evacuation.plan import Snapshot, build_snapshot
from services.resources.network.service import Networks
from shared.errors import FengsuiError
from shared.frame import Frame

log = structlog.get_logger(__name__)
IDLE_S = 0.5


class Planner:
    """方案生成器: ``current(realm)`` for readers; one thread that follows the newest plan of each realm."""

    def __init__(self, frame: Frame, networks: Networks) -> None:
        self._frame = frame
        self._networks = networks
        self._snapshots: dict[str, Snapshot] = {}
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evacuation-planner", daemon=True)
        self.failing: str | None = None
        frame.writer.on_commit.append(self._signal.set)
        frame.on_start(self._thread.start)
        frame.on_stop(self._stop)
        frame.ready("evacuation planner", lambda: self.failing)

    def current(self, realm: str) -> Snapshot | None:
        """The snapshot that was made last; it may be older than the newest plan."""
        return self._snapshots.get(realm)

    def in_danger(self, realm: str) -> frozenset[str]:
        """Warehouses and shelters that lie in a danger area now (库房被淹则不计)."""
        snapshot, pack = self.current(realm), self._frame.active_pack()
        if snapshot is None or pack is None:
            return frozenset()
        places = {w.warehouse_id: (w.lon, w.lat) for w in pack.warehouses.values()}
        places |= {s.shelter_id: (s.lon, s.lat) for s in pack.shelters.values()}
        return frozenset(ref for ref, (lon, lat) in places.items() if snapshot.danger.lies_in(lon, lat))

    def refresh(self) -> None:
        """Make the newest plan of each realm where we do not have it, and close it if it is pending."""
        with self._frame.store.read() as conn:
            newest = store.heads(conn)
        wrong: list[str] = []
        for row in newest:
            try:
                self._follow(row)
            except FengsuiError as error:  # a pack that is not here yet, a store that is down: others go on
                wrong.append(f"{row.realm}: {error.en}")
        self.failing = "; ".join(wrong) or None

    def _follow(self, row: Any) -> None:
        made = self._snapshots.get(row.realm)
        if made is None or made.plan.version != row.version:
            made = self._make(row)
        if row.state == "pending" and self._frame.writer.is_owner:
            self._frame.writer.call(partial(service.close_plan, snapshot=made))
        # answered from only once it is closed: nobody is led by what is not on record
        self._snapshots[row.realm] = made

    def _make(self, row: Any) -> Snapshot:
        pack = self._frame.packs.get(row.pack)
        with self._frame.store.read() as conn:
            plan = service.plan_input(conn, pack, row)
        return build_snapshot(plan, self._networks.get(pack))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait(IDLE_S)
            self._signal.clear()
            if self._stopping.is_set():
                return
            try:
                self.refresh()
            except Exception as error:
                self.failing = f"{type(error).__name__}: {error}"
                log.exception("planner.failed")
                self._stopping.wait(IDLE_S)

    def _stop(self) -> None:
        self._stopping.set()
        self._signal.set()
        if self._thread.is_alive():
            self._thread.join(10)
