"""坐标系 GCJ-02 and BD-09 on request; stored is WGS-84 (CGCS2000 agrees within a metre).

The published obfuscation of Chinese consumer maps, about 500 m at Qianjiang; the way back is found by iteration to
under a centimetre. Outside China the maps are not shifted.
"""

from __future__ import annotations

from enum import StrEnum
from math import atan2, cos, pi, radians, sin, sqrt

_A = 6378245.0  # Krasovsky 1940
_E2 = 0.00669342162296594323
_BD = pi * 3000.0 / 180.0
_ROUNDS = 12


class Crs(StrEnum):
    """坐标系"""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_crs(lat: float, lon: float, crs: Crs) -> tuple[float, float]:
    """WGS-84 to the asked datum, (lat, lon)."""
    if crs is Crs.WGS84 or not _in_china(lat, lon):
        return lat, lon
    lat, lon = _shift(lat, lon)
    if crs is Crs.GCJ02:
        return lat, lon
    z = sqrt(lon * lon + lat * lat) + 0.00002 * sin(lat * _BD)
    theta = atan2(lat, lon) + 0.000003 * cos(lon * _BD)
    return z * sin(theta) + 0.006, z * cos(theta) + 0.0065


def from_crs(lat: float, lon: float, crs: Crs) -> tuple[float, float]:
    """The asked datum back to WGS-84, (lat, lon)."""
    if crs is Crs.WGS84 or not _in_china(lat, lon):
        return lat, lon
    here = (lat, lon)
    for _ in range(_ROUNDS):
        there = to_crs(*here, crs)
        here = (here[0] + lat - there[0], here[1] + lon - there[1])
    return here


def _in_china(lat: float, lon: float) -> bool:
    return 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271


def _shift(lat: float, lon: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    waves = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    d_lat += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    d_lat += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    d_lon += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    d_lon += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    magic = 1 - _E2 * sin(radians(lat)) ** 2
    root = sqrt(magic)
    d_lat = d_lat * 180.0 / ((_A * (1 - _E2)) / (magic * root) * pi)
    d_lon = d_lon * 180.0 / (_A / root * cos(radians(lat)) * pi)
    return lat + d_lat, lon + d_lon
