"""演练时钟 The realm's clock for programs that play a drill."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import httpx

from shared.realm import RealmClock, parse_time

log = logging.getLogger("clock")

ASK_CLOCK_S = 2.0


class DrillClock:
    """演练时钟: the realm's clock as warning keeps it, asked for now and then; None while it does not run."""

    def __init__(self, url: str, realm: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=3.0, trust_env=False)
        self._realm = realm
        self._clock: RealmClock | None = None
        self._asked_at: datetime | None = None

    def now(self, wall: datetime) -> datetime | None:
        if self._asked_at is None or (wall - self._asked_at).total_seconds() >= ASK_CLOCK_S:
            self._asked_at = wall
            try:
                answer = self._http.get("/v1/realm")
                answer.raise_for_status()
                self._clock = self._read(answer.json())
            except (httpx.HTTPError, ValueError, KeyError) as error:
                log.info("the realm's clock cannot be had (%s); going by the last one", error)
        return self._clock.at(wall) if self._clock else None

    def _read(self, body: Any) -> RealmClock | None:
        for row in body["realms"]:
            if row["realm"] == self._realm and row["now"]:
                v0, w0 = (parse_time(row[name]) if row[name] else None for name in ("v0", "w0"))
                return RealmClock(self._realm, float(row["speed"]), v0, w0)
        return None
