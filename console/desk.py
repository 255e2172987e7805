"""值班台部件 What every route of the console needs: the services, the wall clock, the templates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fastapi import Request
from jinja2 import Environment

from console.peers import Asked, Peers
from console.session import Officer, current
from console.settings import ConsoleSettings

VENDOR = Path(__file__).parent / "frontend" / "node_modules" / "maplibre-gl" / "dist"
VENDOR_FILES = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs")


@dataclass
class Desk:
    """值班台部件"""

    settings: ConsoleSettings
    peers: Peers
    now: Callable[[], datetime]
    templates: Environment
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    packs: dict[str, Asked] = field(default_factory=dict)  # the words of a version never change

    @property
    def has_map(self) -> bool:
        """Whether the map's package was installed (deploy/frontend.py); without it lists stand in."""
        return all((VENDOR / name).is_file() for name in VENDOR_FILES)

    def keep_pack(self, asked: Asked) -> None:
        """Keep the words of the pack in service under their version, and no other's."""
        if not asked.wrong and isinstance(asked.body, dict) and asked.body.get("version"):
            self.packs = {str(asked.body["version"]): asked}

    def officer(self, request: Request) -> Officer | None:
        return current(request, self.now())
