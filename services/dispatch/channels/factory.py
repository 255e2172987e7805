"""通道工厂 Which carriers a realm may use (design §2.7): an exercise constructs the simulator alone, on loopback.

A drill must never ring a real phone, and a real event must never be told to a simulator. The attempts table says the
same in a constraint of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from services.dispatch.channels.carrier import Channel
from shared.errors import Refused
from shared.realm import ACTUAL

SIMULATOR = "simulator"


class CarrierProblem(StrEnum):
    """通道问题"""

    NONE_FOR_EXERCISE = "no_simulator"
    NOT_LOOPBACK = "simulator_not_loopback"
    NONE_FOR_ACTUAL = "no_carrier"


@dataclass(frozen=True, kw_only=True)
class CarrierSpec:
    """通道设置: one carrier as configured; ``simulator`` is a reserved name"""

    name: str
    url: str
    secret: str
    channels: tuple[Channel, ...] = (Channel.VOICE, Channel.SMS)

    @property
    def is_simulator(self) -> bool:
        return self.name == SIMULATOR


def is_loopback(url: str) -> bool:
    """Whether the address is this machine by its own words: no name is looked up."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def carriers_for(realm: str, configured: Iterable[CarrierSpec]) -> tuple[CarrierSpec, ...]:
    """The carriers that the realm may use, best first; Refused says what is missing."""
    specs = tuple(configured)
    if realm == ACTUAL:
        real = tuple(spec for spec in specs if not spec.is_simulator)
        if not real:
            raise Refused(
                CarrierProblem.NONE_FOR_ACTUAL,
                "no carrier is configured for realm actual; set FENGSUI_CARRIERS",
                "真实领域未配置通信通道，请设置 FENGSUI_CARRIERS",
            )
        return real
    simulated = tuple(spec for spec in specs if spec.is_simulator)
    if not simulated:
        raise Refused(
            CarrierProblem.NONE_FOR_EXERCISE,
            f"realm {realm} may use the simulator alone, and none is configured; set FENGSUI_SIMULATOR_URL",
            f"演练领域 {realm} 只能使用模拟通道，尚未设置 FENGSUI_SIMULATOR_URL",
        )
    outside = [spec.url for spec in simulated if not is_loopback(spec.url)]
    if outside:
        raise Refused(
            CarrierProblem.NOT_LOOPBACK,
            f"the simulator's address {outside[0]} is not loopback; an exercise calls nobody outside this machine",
            f"模拟通道地址 {outside[0]} 不是本机回环地址，演练不得外呼",
        )
    return simulated


def carrier_for(realm: str, channel: Channel, configured: Iterable[CarrierSpec]) -> CarrierSpec:
    """The carrier for one channel of a realm."""
    for spec in carriers_for(realm, configured):
        if channel in spec.channels:
            return spec
    raise Refused(
        CarrierProblem.NONE_FOR_ACTUAL if realm == ACTUAL else CarrierProblem.NONE_FOR_EXERCISE,
        f"no carrier of realm {realm} takes {channel}",
        f"领域 {realm} 没有可用的 {channel} 通道",
    )
