"""路网用例 One network per pack version, made once and shared by all readers."""

from __future__ import annotations

import threading

from services.resources.network.graph import Anchor, Network, build, roads_of
from shared.pack.model import Pack

KEPT_MAX = 4


class Networks:
    """路网架: ``get(pack)`` makes the network of a pack's roads and shelters, or gives the one made before."""

    def __init__(self) -> None:
        self._made: dict[str, Network] = {}
        self._lock = threading.Lock()

    def get(self, pack: Pack) -> Network:
        with self._lock:
            found = self._made.get(pack.version)
            if found is None:
                anchors = [Anchor(s.shelter_id, s.lon, s.lat) for s in pack.shelters.values()]
                found = build(roads_of(pack.geojson.get("roads.geojson")), anchors)
                while len(self._made) >= KEPT_MAX:
                    del self._made[next(iter(self._made))]
                self._made[pack.version] = found
            return found
