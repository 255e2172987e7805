"""python -m deploy.station: readings from standard input to the district, kept on disk until receipted.

One reading a line, as JSON ``{"metric": "rain_mm", "value": 0.2, "observed_at": "…Z"}`` or as ``rain_mm,0.2[,…Z]``;
without a time the machine's clock gives it. Exit 0 when all was receipted, 1 when not within --wait.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from deploy.station.client import Link, Place, Station
from deploy.station.queue import Queue

LINE_BYTES_MAX = 8192


def read_line(text: str, now: datetime) -> dict[str, Any]:
    """One reading; ValueError says what a line looks like."""
    if len(text.encode()) > LINE_BYTES_MAX:
        raise ValueError(f"is longer than {LINE_BYTES_MAX} bytes")
    if text.startswith("{"):
        reading = json.loads(text)
        if not isinstance(reading, dict) or not isinstance(reading.get("metric"), str):
            raise ValueError('has no metric; write {"metric": "rain_mm", "value": 0.2}')
    else:
        cells = [cell.strip() for cell in text.split(",")]
        if len(cells) not in (2, 3):
            raise ValueError("is not metric,value[,observed_at]")
        reading = {"metric": cells[0], "value": float(cells[1])} | ({"observed_at": cells[2]} if cells[2:] else {})
    at = datetime.fromisoformat(reading.get("observed_at") or now.isoformat())
    if at.tzinfo is None:
        raise ValueError(f"'{reading['observed_at']}' has no offset; write 2026-06-28T03:05:00Z")
    return {**reading, "observed_at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}


def readings(source: TextIO) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(source, 1):
        if text := line.strip():
            try:
                yield read_line(text, datetime.now(UTC))
            except ValueError as error:
                print(f"<stdin>:{number}: {error}", file=sys.stderr)
                raise SystemExit(1) from None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.station", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", help="default: the station's id, as the broker's ACL wants it")
    parser.add_argument("--password-file", type=Path, help="else the environment variable STATION_PASSWORD")
    parser.add_argument("--protocol", type=int, choices=(5, 311), default=5)
    parser.add_argument("--district", required=True)
    parser.add_argument("--station", required=True)
    parser.add_argument("--drill", help="send to the drill of this name instead")
    parser.add_argument("--queue", type=Path, help="where readings wait; default ./STATION.db")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for the receipts at the end")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    password = os.environ.get("STATION_PASSWORD", "")
    if arguments.password_file:
        password = arguments.password_file.read_text(encoding="utf-8").strip()
    link = Link(arguments.host, arguments.port, arguments.user or arguments.station, password, arguments.protocol)
    queue = Queue(arguments.queue or Path(f"{arguments.station}.db"))
    station = Station(link, Place(arguments.district, arguments.station, arguments.drill), queue)
    station.start()
    try:
        for reading in readings(sys.stdin):
            station.put([reading])
        done = station.wait_receipted(arguments.wait)
    finally:
        station.stop()
    for boot, seq, code in queue.rejected():
        print(f"rejected {boot}/{seq}: {code}", file=sys.stderr)
    if not done:
        why = f" ({station.trouble})" if station.trouble else ""
        print(f"{queue.waiting()} readings wait for a receipt{why}; they stay in the queue", file=sys.stderr)
    queue.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
