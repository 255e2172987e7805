"""取数 All that a score sheet is judged by, as the services' own APIs answer it; nothing is read from a store.

What happened after ``as_of`` is left to the judges to leave out: the drill's clock goes on while we read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

PAGE = 500
PAGES_MAX = 2_000
SERVICES = ("warning", "dispatch", "resources")

Get = Callable[[str, str, Mapping[str, Any]], Any]
"""``get(service, path, query)`` → the JSON that the service answered."""


def gather(get: Get, realm: str, settle: Callable[[], object]) -> dict[str, Any]:
    """取数 One object with everything; the judges read it and nothing else.

    ``settle`` waits a moment once the clock was read, so that what was being written then can be read.
    """
    clock = next(row for row in get("dispatch", "/v1/realm", {})["realms"] if row["realm"] == realm)
    settle()
    trips = _all(get, "warning", "/v1/trips", realm)
    cases = [_case(get, row["case_id"], realm) for row in _all(get, "dispatch", "/v1/callouts", realm)]
    orders = [_one(get, "dispatch", f"/v1/orders/{row['order_id']}", realm) for row in _orders(get, realm)]
    return {
        "realm": realm,
        "pack": get("warning", "/v1/realm", {})["pack"],
        "speed": clock["speed"],
        "as_of": clock["now"],
        "began_at": clock["v0"],
        "realms": {name: [row["realm"] for row in get(name, "/v1/realm", {})["realms"]] for name in SERVICES},
        "trips": [_trip(get, row, realm) for row in trips],
        "alerts": _all(get, "warning", "/v1/alerts", realm),
        "dead_letters": _all(get, "warning", "/v1/dead-letters", realm),
        "cases": cases,
        "orders": orders,
        "stock": _all(get, "resources", "/v1/stock", realm),
        "movements": _all(get, "resources", "/v1/movements", realm),
        "ready": {name: get(name, "/readyz", {}) for name in SERVICES},
        "parked": {
            f"{sender}→{receiver}": get(receiver, f"/v1/inbox/{sender}", {})["parked"]
            for receiver in SERVICES
            for sender in SERVICES
            if sender != receiver
        },
    }


def _case(get: Get, case_id: str, realm: str) -> dict[str, Any]:
    """A case's matters and lines, and its whole log."""
    found = dict(_one(get, "dispatch", f"/v1/callouts/{case_id}", realm))
    found["log"] = _all(get, "dispatch", f"/v1/callouts/{case_id}/log", realm)
    return found


def _trip(get: Get, row: Mapping[str, Any], realm: str) -> dict[str, Any]:
    return dict(_one(get, "warning", f"/v1/trips/{quote(row['trip_id'], safe='/')}", realm))


def _orders(get: Get, realm: str) -> list[dict[str, Any]]:
    return _all(get, "dispatch", "/v1/orders", realm)


def _one(get: Get, service: str, path: str, realm: str) -> Any:
    return get(service, path, {"realm": realm})


def _all(get: Get, service: str, path: str, realm: str) -> list[dict[str, Any]]:
    """Every page of a list."""
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"realm": realm, "limit": PAGE}
    for _ in range(PAGES_MAX):
        page = get(service, path, query)
        items += page["items"]
        if page["next"] is None:
            return items
        query["cursor"] = page["next"]
    raise ValueError(f"{path} has more than {PAGES_MAX} pages")
