"""报到表单 What somebody typed or tapped, made into a check-in. What cannot be read is left out: nothing here refuses.

A form carries a random mark; with what is in it and the time that makes the Idempotency-Key: the same sent twice is
one message, a changed one is another, and so is the same an hour later from a page that a phone kept. The phone keeps
a mark of its own in a cookie, so that its messages are known to be one person's. The visitor's address goes on in
X-Forwarded-For, as our own server has it (`services.command.serve`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import FormData, QueryParams

from shared.chance import new_uuid
from shared.ids import is_id, sha256_hex

COOKIE = "fengsui_m"
COOKIE_S = 30 * 86_400
FORM_BYTES_MAX = 8_192
FIELDS_MAX = 40
LIMITS = {"name": 40, "phone": 24, "place_text": 200, "words": 200}
NEEDS = ("trapped", "injured", "medical", "bedridden", "children")
KINDS = ("need_help", "safe")
PEOPLE_MAX = 999
SAME_S = 600


@dataclass(frozen=True)
class Typed:
    """所填"""

    kind: str
    needs: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    people: int | None = None
    place: str | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    mark: str = ""

    def body(self, device: str, lang: str) -> dict[str, Any]:
        """The check-in as dispatch takes it."""
        made: dict[str, Any] = {"kind": self.kind, "needs": list(self.needs), "device": device, "lang": lang}
        made |= {name: text for name, text in self.texts.items() if text}
        for name in ("people", "place", "lat", "lon", "accuracy_m"):
            value = getattr(self, name)
            if value is not None:
                made[name] = value
        return made


def typed_of(form: FormData | QueryParams) -> Typed:
    """Read a form; a stray value costs that value and nothing else."""

    def text(name: str, most: int = 64) -> str:
        value = form.get(name)
        return " ".join(value.split())[:most] if isinstance(value, str) else ""

    needs = form.getlist("needs")
    lat, lon = _number(text("lat"), -90, 90), _number(text("lon"), -180, 180)
    people = _number(text("people"), 1, PEOPLE_MAX)
    place = text("at")
    return Typed(
        kind=text("kind") if text("kind") in KINDS else KINDS[0],
        needs=tuple(need for need in NEEDS if need in needs),
        texts={name: text(name, most) for name, most in LIMITS.items()},
        people=int(people) if people is not None else None,
        place=place if is_id(place) else None,
        lat=lat if lon is not None else None,
        lon=lon if lat is not None else None,
        accuracy_m=_number(text("accuracy"), 0, 100_000) if lat is not None and lon is not None else None,
        mark=text("mark"),
    )


def _number(text: str, least: float, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if least <= value <= most else None


def device_of(request: Request) -> str:
    """The phone's own mark, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if is_id(known) else new_uuid()


def key_of(typed: Typed, body: Mapping[str, Any], now: datetime) -> str:
    """One message, however often it is sent within minutes; over the edge of two spans it is kept twice and joined."""
    said = repr(sorted((name, value) for name, value in body.items() if name != "device"))
    span = int(now.timestamp() // SAME_S)
    return f"m-{sha256_hex(f'{typed.mark} {span} {said}'.encode())[:40]}"


def is_of_another_site(request: Request) -> bool:
    """Whether another site's page sent this form. Who hides where it comes from is not refused a cry for help."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return True
    return origin not in (None, "null") and urlsplit(str(origin)).netloc != request.headers.get("host", "")


def address_of(request: Request) -> dict[str, str]:
    """The visitor's address for dispatch's limits."""
    return {"X-Forwarded-For": request.client.host} if request.client else {}
