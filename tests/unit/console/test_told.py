"""Parts that come with the stream: said when they read otherwise, and not known once a service is silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.peers import Asked
from console.told import SILENT_S, Part, Telling, asks

AWAY = Asked(wrong="dispatch: away")
BOTH = Part("both", "b", {"warning": ("stations",), "dispatch": ("orders",)}, lambda told: dict(told))
ONE = Part("one", "o", {"dispatch": ("orders", "cases")}, lambda told: {"dispatch": told["dispatch"]})


def said(number: int, after: int = 0) -> Asked:
    return Asked(body={"after": after, "numbers": {"orders": number}}, status=200)


def text(part: Part, values: Mapping[str, Any]) -> str:
    needed = {name: values[name] for name in sorted(part.needs)}
    return ",".join(f"{name}={asked.wrong or asked.body['numbers']['orders']}" for name, asked in needed.items())


def telling() -> Telling:
    made = Telling([BOTH, ONE], text)
    made.take("warning", said(1), 0.0)
    made.take("dispatch", said(2), 0.0)
    return made


def test_each_service_is_asked_once_for_what_all_parts_need() -> None:
    assert asks([BOTH, ONE]) == {
        "warning": ("warning", "/v1/numbers", {"of": "stations"}),
        "dispatch": ("dispatch", "/v1/numbers", {"of": "cases,orders"}),
    }


def test_a_part_waits_for_all_the_services_that_it_needs() -> None:
    made = Telling([BOTH, ONE], text)
    assert made.take("dispatch", said(2), 0.0) == {"one": "dispatch=2"}
    assert made.take("warning", said(1), 0.0) == {"both": "dispatch=2,warning=1"}


def test_what_reads_as_before_is_not_said_again() -> None:
    made = telling()
    assert made.take("dispatch", said(2, after=7), 1.0) == {}
    assert made.take("resources", said(9), 1.0) == {}  # no part needs it
    assert made.take("dispatch", said(3, after=8), 1.1) == {"both": "dispatch=3,warning=1", "one": "dispatch=3"}


def test_a_service_that_is_away_is_not_known_until_it_tells_again() -> None:
    made = telling()
    away = made.take("dispatch", AWAY, 1.0)
    assert away == {"both": "dispatch=dispatch: away,warning=1", "one": "dispatch=dispatch: away"}
    assert made.take("dispatch", AWAY, 2.0) == {}
    assert made.take("dispatch", said(2), 3.0)["one"] == "dispatch=2"


def test_a_service_that_hangs_is_not_known_however_well_the_others_are() -> None:
    made = telling()
    assert made.take("warning", said(1), SILENT_S) == {}
    silent = made.take("warning", said(1), SILENT_S + 0.1)
    assert silent == {"both": "dispatch=dispatch: silent,warning=1", "one": "dispatch=dispatch: silent"}
    assert made.take("warning", said(1), SILENT_S + 2) == {}
    assert made.take("dispatch", said(2), SILENT_S + 3)["one"] == "dispatch=2"
