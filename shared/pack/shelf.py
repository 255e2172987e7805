"""包架 The versions of the district pack that this service has, by hash; 425 for one it does not have yet."""

from __future__ import annotations

import threading
from pathlib import Path

from shared.errors import PackUnknown
from shared.pack.canonical import open_version
from shared.pack.model import Pack

KEPT_MAX = 8


class PackShelf:
    """包架: loads each version once; ``get`` raises PackUnknown until the operator has delivered it."""

    def __init__(self, packs_dir: Path) -> None:
        self._dir = packs_dir
        self._packs: dict[str, Pack] = {}
        self._lock = threading.Lock()

    def get(self, version: str) -> Pack:
        with self._lock:
            found = self._packs.get(version)
            if found is None:
                found = open_version(self._dir, version)
                if found is None:
                    raise PackUnknown(f"district pack {version} is not here yet", f"尚未收到区县包 {version}")
                while len(self._packs) >= KEPT_MAX:
                    del self._packs[next(iter(self._packs))]
                self._packs[version] = found
            return found

    def put(self, pack: Pack) -> None:
        """Keep a pack that was made in memory (tests, replay)."""
        with self._lock:
            self._packs[pack.version] = pack
