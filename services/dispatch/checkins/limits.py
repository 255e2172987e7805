"""报到限速 How many check-ins are taken: from one address, and from all. In wall time, in memory: a restart forgives.

One address is often many people (a shelter's network, a carrier that shares one address among thousands), so that the
limit is wide; a part of the whole is kept for those who need help, whom "I am safe" must not crowd out.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

PER_ADDRESS_MAX = 120
PER_ADDRESS_SAFE_MAX = 60
PER_ADDRESS_WINDOW = timedelta(minutes=10)
OVERALL_MAX = 1_800
OVERALL_SAFE_MAX = 1_200
OVERALL_WINDOW = timedelta(minutes=1)
TRACKED_MAX = 20_000
RETRY_AFTER_S = 30
IPV6_PREFIX = 64


@dataclass
class Limiter:
    """限速器: ``takes`` counts what it lets in, and nothing else"""

    _all: deque[datetime] = field(default_factory=deque)
    _of: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict)

    def takes(self, address: str, now: datetime, *, help_wanted: bool) -> bool:
        whole = PER_ADDRESS_MAX, OVERALL_MAX
        most_here, most = whole if help_wanted else (PER_ADDRESS_SAFE_MAX, OVERALL_SAFE_MAX)
        key = network_of(address)
        mine = self._of.setdefault(key, deque())
        self._of.move_to_end(key)
        _forget(mine, now - PER_ADDRESS_WINDOW)
        _forget(self._all, now - OVERALL_WINDOW)
        if len(mine) >= most_here or len(self._all) >= most:
            return False
        mine.append(now)
        self._all.append(now)
        while len(self._of) > TRACKED_MAX:
            self._of.popitem(last=False)
        return True


def network_of(address: str) -> str:
    """What counts as one address: a subscriber's whole IPv6 network, for its phones change theirs at will."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{int(parsed) >> (128 - IPV6_PREFIX):x}/{IPV6_PREFIX}"
    return str(parsed)


def _forget(times: deque[datetime], until: datetime) -> None:
    while times and times[0] <= until:
        times.popleft()
