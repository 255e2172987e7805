"""访问 The running system as DATA/credentials.json tells of it: addresses and tokens, read anew at each use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from services.command.credentials import FILE
from shared.errors import FengsuiError


class NotRunning(FengsuiError):
    """系统未运行 There are no credentials of a running exercise in DATA."""

    code = "not_running"


class Access:
    """访问: tokens are renewed while the system runs, so that nothing of the file is kept."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.path = data / FILE

    def read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise NotRunning(
                f"{self.path}: cannot be read ({error}); start the system first: make run, or give its DATA",
                f"{self.path}：无法读取；请先启动系统（make run），或用 DATA 指明其数据目录",
            ) from error

    def url(self, service: str) -> str:
        return str(self.read()["services"][service])

    def token(self, role: str) -> str:
        return str(self.read()["tokens"][role])
