"""演练中的人 ``python -m deploy.demo.officers``; see the package's docstring."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import httpx

from deploy.demo.clock import DrillClock
from deploy.demo.officers.conduct import Act, acts
from deploy.demo.officers.desk import STALE, Desk
from shared.pack.load import load_pack

log = logging.getLogger("officers")

LOOK_S = 2.0  # how often they look at their screens
ACTS_A_LOOK = 12  # people have two hands
REFUSED = 400
AGAIN_AFTER = timedelta(minutes=10)  # a refused act is not tried again at once


class Shift:
    """当班: looks, acts, remembers what was refused and when."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tried: dict[str, datetime] = {}

    def tick(self, now: datetime) -> int:
        """One look at the screens and what follows from it; how many acts were taken."""
        screens = self._desk.look()
        due = (act for act in acts(screens, now) if self._may(act, now))
        taken, touched = 0, set[str]()
        for act in islice(due, ACTS_A_LOOK * 4):
            if taken >= ACTS_A_LOOK:
                break
            if act.path.rsplit("/", 1)[0] in touched:
                continue  # its version has moved on since the look
            status = self._desk.do(act)
            taken += status < REFUSED
            if status != STALE:  # what somebody else has changed meanwhile is looked at again
                self._tried[act.about] = now
            if act.version is not None:
                touched.add(act.path.rsplit("/", 1)[0])
        return taken

    def _may(self, act: Act, now: datetime) -> bool:
        tried = self._tried.get(act.about)
        return tried is None or now - tried >= AGAIN_AFTER


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo.officers", description="the people of a drill")
    parser.add_argument("--credentials", type=Path, required=True, help="DATA/credentials.json of the running system")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--drill", default="flood-night", help="the realm's name without x-")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    pack, problems = load_pack(arguments.pack)
    if pack is None:
        print("\n".join(map(str, problems)), file=sys.stderr)
        return 1
    realm = f"x-{arguments.drill}"
    credentials = json.loads(arguments.credentials.read_text(encoding="utf-8"))
    clock = DrillClock(credentials["services"]["warning"], realm)
    desk = Desk(arguments.credentials, pack, realm)
    shift = Shift(desk)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    while not stopping.wait(LOOK_S):
        now = clock.now(datetime.now(UTC))
        if now is None:
            continue
        try:
            shift.tick(now)
        except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
            log.info("the screens are dark for a moment: %s %s", type(error).__name__, error)
    desk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
