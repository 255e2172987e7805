"""平静的站 The stations that the storm does not play: plausible values at their own interval, so that they are living.

One gateway speaks for all of them, as a district's data concentrator would: one connection, counted readings, nothing
kept on disk. What it loses is a gap that the receipts go on showing. 演示数据.
"""

from __future__ import annotations

import hashlib
import json
import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.station.client import KEEPALIVE_S, RECONNECT_MAX_S, Link, Place
from shared.pack.model import Pack

STORM_METRICS = frozenset({"rain_mm", "stage_m"})
# metric: about this much, give or take, decimals; a station keeps its own middle within the first spread
CALM: Mapping[str, tuple[float, float, float, int]] = {
    "displacement_mm": (18.0, 12.0, 0.3, 1),
    "crack_mm": (9.0, 5.0, 0.1, 2),
    "tilt_deg": (0.6, 0.4, 0.01, 2),
    "soil_moisture_pct": (34.0, 4.0, 0.4, 1),
    "dry_days": (0.0, 0.0, 0.0, 0),
    "eew_intensity": (0.0, 0.0, 0.0, 1),
    "fire_index": (11.0, 4.0, 0.5, 1),
    "temp_c": (22.5, 1.5, 0.3, 1),
    "humidity_pct": (94.0, 3.0, 1.0, 0),
    "visibility_m": (3_200.0, 900.0, 120.0, 0),
    "wind_ms": (3.6, 1.4, 0.6, 1),
    "gust_ms": (7.2, 1.6, 0.9, 1),
    "bridge_load_ratio": (0.34, 0.1, 0.02, 2),
    "bridge_strain_ue": (140.0, 40.0, 6.0, 0),
    "tunnel_co_ppm": (14.0, 5.0, 1.5, 0),
    "tunnel_wall_mm": (1.4, 0.6, 0.05, 2),
    "gas_lel_pct": (0.8, 0.6, 0.2, 1),
    "gallery_water_m": (0.06, 0.03, 0.01, 2),
    "pipe_pressure_mpa": (3.9, 0.5, 0.03, 2),
    "reservoir_m": (6.4, 1.8, 0.02, 2),
}
FIRST_WITHIN_S = 600  # not all speak at once, and nobody waits a day for a daily station


@dataclass(frozen=True)
class CalmStation:
    """平静的站: what it measures and how often."""

    station_id: str
    interval: timedelta
    phase: timedelta
    metrics: tuple[str, ...]

    def readings(self, at: datetime) -> list[dict[str, object]]:
        """What it measures at the instant; the same instant always gives the same."""
        stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        made: list[dict[str, object]] = []
        for metric in self.metrics:
            middle, own, ripple, decimals = CALM[metric]
            mine = _dice(self.station_id, metric).uniform(-own, own)
            now = _dice(self.station_id, metric, stamp).uniform(-ripple, ripple)
            made.append({"metric": metric, "value": round(middle + mine + now, decimals), "observed_at": stamp})
        return made

    def last_due(self, start: datetime, now: datetime) -> datetime | None:
        """The last instant at which it measured."""
        first = start + self.phase
        return None if now < first else first + (now - first) // self.interval * self.interval


def calm_stations(pack: Pack) -> list[CalmStation]:
    """The pack's stations that measure neither rain nor stage, with what we know plausible values of."""
    made = []
    for station in pack.stations.values():
        metrics = tuple(metric for metric in station.metrics if metric in CALM)
        if metrics and STORM_METRICS.isdisjoint(station.metrics):
            phase = _dice(station.station_id).randrange(min(FIRST_WITHIN_S, station.interval_s))
            interval = timedelta(seconds=station.interval_s)
            made.append(CalmStation(station.station_id, interval, timedelta(seconds=phase), metrics))
    return made


class Gateway:
    """数据汇集网关: publishes for many stations over one connection."""

    def __init__(self, link: Link, district: str, drill: str, stations: Iterable[CalmStation]) -> None:
        self._stations = list(stations)
        self._roots = {s.station_id: Place(district, s.station_id, drill).root for s in self._stations}
        self._boot = f"g{secrets.token_hex(4)}"
        self._seq: dict[str, int] = {}
        self._sent: dict[str, datetime] = {}
        self._link = link
        version = MQTTProtocolVersion.MQTTv5 if link.protocol == 5 else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gateway-{drill}",
            protocol=version,
            clean_session=True if version == MQTTProtocolVersion.MQTTv311 else None,
        )
        self._client.username_pw_set(link.user, link.password)
        self._client.reconnect_delay_set(1, RECONNECT_MAX_S)

    def start(self) -> None:
        self._client.connect_async(self._link.host, self._link.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def tick(self, start: datetime, now: datetime) -> int:
        """Send what is due by now, the newest of each station alone; how many readings that were."""
        if not self._client.is_connected():
            return 0
        made = 0
        for station in self._stations:
            due = station.last_due(start, now)
            if due is None or due == self._sent.get(station.station_id):
                continue
            self._sent[station.station_id] = due
            readings = [self._counted(station.station_id, reading) for reading in station.readings(due)]
            self._client.publish(f"{self._roots[station.station_id]}/readings", json.dumps(readings), qos=1)
            made += len(readings)
        return made

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _counted(self, station_id: str, reading: dict[str, object]) -> dict[str, object]:
        self._seq[station_id] = self._seq.get(station_id, 0) + 1
        return {**reading, "boot": self._boot, "seq": self._seq[station_id]}


def _dice(*words: str) -> random.Random:
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
