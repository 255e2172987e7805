"""数据目录 DATA: the lock, the heartbeat from which downtime is known, who runs, and secrets (0700, files 0600)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.chance import new_token
from shared.errors import FengsuiError, OtherDistrict
from shared.realm import format_time, parse_time


class DataInUse(FengsuiError):
    """数据目录已被占用 Another `fengsui run` holds DATA."""

    code = "data_in_use"


class DataDir:
    """数据目录: made where it is missing; open for one `fengsui run` at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: int | None = None
        for folder in (root, self.logs, self.secrets, self.packs):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.chmod(0o700)

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def packs(self) -> Path:
        return self.root / "packs"

    def lock(self) -> None:
        """Take DATA/lock, or say who has it. The kernel lets go of it when the process dies, however it dies."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "?"
            os.close(descriptor)
            raise DataInUse(
                f"{self.root / 'lock'}: another fengsui run (process {owner}) uses this DATA; "
                "stop it, or give another folder by DATA=",
                f"{self.root / 'lock'}：另一个 fengsui run（进程 {owner}）正在使用该数据目录；"
                "请先停止它，或用 DATA= 另指目录",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def refuse_other_district(self, code: str) -> None:
        """DATA is one district's for good: a pack of another is refused before anything is written."""
        path = self.root / "district"
        held = path.read_text(encoding="ascii").strip() if path.exists() else ""
        if held and held != code:
            raise OtherDistrict(
                f"{path}: DATA holds district {held}, the pack is of {code}; nothing was changed: "
                "give another folder by DATA=, or the pack of this district by PACK=",
                f"{path}：该数据目录属于区县 {held}，区县包属于 {code}；未作任何改动："
                "请用 DATA= 另指目录，或用 PACK= 给出本区县的包",
            )

    def keep_district(self, code: str) -> None:
        """Once the services have taken the pack: whose DATA this is."""
        replace_file(self.root / "district", f"{code}\n".encode(), 0o644)

    def last_alive(self) -> datetime | None:
        """When the whole system was last seen alive before this start."""
        try:
            return parse_time((self.root / "alive").read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return None  # never ran, or cut short while writing: the drills' clocks then count from now

    def beat(self, now: datetime) -> None:
        """Write the heartbeat; a half-written one is never seen."""
        replace_file(self.root / "alive", format_time(now).encode() + b"\n", 0o644)

    def write_pids(self, pids: Mapping[str, int]) -> None:
        replace_file(self.root / "pids.json", json.dumps(dict(pids), indent=1).encode() + b"\n", 0o644)

    def secret(self, name: str) -> str:
        """The secret of that name, made once."""
        path = self.secrets / name
        if not path.exists():
            replace_file(path, new_token().encode(), 0o600)
        return path.read_text(encoding="ascii").strip()

    def write_json(self, name: str, body: Any) -> Path:
        """A file for its owner's eyes alone."""
        path = self.root / name
        replace_file(path, json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n", 0o600)
        return path


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """All of the new content or all of the old, with the mode from the first byte on."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    os.replace(fresh, path)
