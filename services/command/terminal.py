"""终端 Lines on the operator's terminal: Chinese first, a short English gloss, whole lines from any thread."""

from __future__ import annotations

import sys
import threading
from datetime import datetime, timedelta
from typing import TextIO
from zoneinfo import ZoneInfo


class Terminal:
    """终端: ``quiet`` leaves away what is only said, for a program that reads the rest."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stdout
        self._quiet = quiet
        self._lock = threading.Lock()

    def line(self, text: str = "") -> None:
        """One line, at once; a terminal that went away stops nothing."""
        with self._lock:
            try:
                self._stream.write(f"{text}\n")
                self._stream.flush()
            except (OSError, ValueError):
                return

    def say(self, zh: str, en: str = "") -> None:
        if not self._quiet:
            self.line(f"烽燧 {zh}" + (f" / {en}" if en else ""))


def day_and_clock(at: datetime, zone: str) -> str:
    """Domain time as the district reads it: ``06-27 22:31:05``."""
    return at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M:%S")


def spoken_span(span: timedelta) -> str:
    """A short span in words: 3分05秒."""
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds // 60}分{seconds % 60:02d}秒" if seconds >= 60 else f"{seconds}秒"
