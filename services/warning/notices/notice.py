"""通知 What an authority tells us or a person reports, as it was typed in (contract §6); pure.

A notice is never deleted. Another one corrects it (``corrects``); one with level normal cancels what it corrects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from shared.vocabulary import Level, Scale

TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
FUSE_PREFIX = "notice."


@dataclass(frozen=True, kw_only=True)
class NoticeFile:
    """附件: a photo or scan; the bytes are kept under their hash."""

    name: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Notice:
    """通知"""

    notice_id: str
    type: str
    number: str | None
    issuer: str
    scale: Scale
    level: Level
    hazard: str
    areas: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime | None
    text: str
    read_back_by: str | None
    file: NoticeFile | None
    corrects: str | None
    entered_by: str
    entered_at: datetime
    happened_at: datetime | None = None
    entered_late: bool = False
    ended_at: datetime | None = None
    ended_by: str | None = None  # the notice that corrected or cancelled it, or valid_to

    @property
    def fuse(self) -> str:
        """The fuse whose trip it opens."""
        return FUSE_PREFIX + self.type

    @property
    def in_force(self) -> bool:
        return self.ended_at is None and self.level is not Level.NORMAL

    def says_the_same(self, other: Notice) -> bool:
        """Whether the paper came twice (by another channel), whoever typed it."""
        return (self.level, self.hazard, frozenset(self.areas), self.scale, self.corrects) == (
            other.level,
            other.hazard,
            frozenset(other.areas),
            other.scale,
            other.corrects,
        )
