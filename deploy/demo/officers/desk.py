"""桌面 The screens that officers read and the keys they press: plain HTTP with the tokens of credentials.json."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.officers.conduct import DOUBTFUL, Act, Screens, content_of, wants_names
from shared.pack.model import Pack
from shared.vocabulary import RegionLevel

log = logging.getLogger("officers")

TIMEOUT_S = 10.0
PAGE = 500
STALE = 412
READER = "duty_officer"
OPEN_STATES = ("awaiting_signature", "in_force", "acknowledged", "in_progress", "complete", "expired_not_lifted")


class Desk:
    """桌面: credentials are read anew at each look, since tokens are renewed while the system runs."""

    def __init__(self, credentials: Path, pack: Pack, realm: str) -> None:
        self._path, self._realm = credentials, realm
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._held: Mapping[str, Any] = {}
        voices = {post.post: dict(post.contacts).get("voice", "") for post in pack.roster.values()}
        self._phone_book = {post: number for post, number in voices.items() if number}
        villages = [region for region in pack.regions.values() if region.level is RegionLevel.VILLAGE]
        self._villages: Counter[str] = Counter(code for village in villages for code in pack.ancestors(village.code))

    def look(self) -> Screens:
        """What is open now."""
        self._held = json.loads(self._path.read_text(encoding="utf-8"))
        orders = {row["order_id"]: row for row in self._all("dispatch", "/v1/orders", state=OPEN_STATES)}
        lines: list[Mapping[str, Any]] = []
        for case in self._all("dispatch", "/v1/callouts", state="open"):
            shown = self._get("dispatch", f"/v1/callouts/{case['case_id']}")
            lines += [{**line, "case_id": case["case_id"]} for line in shown["lines"]]
        screens = Screens(tuple(orders.values()), tuple(lines), phone_book=self._phone_book, villages=self._villages)
        for order_id in wants_names(screens):
            orders[order_id] = self._get("dispatch", f"/v1/orders/{order_id}")
        doubtful = any(matter["verification"] in DOUBTFUL for line in lines for matter in line["matters"])
        return Screens(
            orders=tuple(orders.values()),
            lines=tuple(lines),
            trips=tuple(self._all("warning", "/v1/trips", open="true")) if doubtful else (),
            stations=tuple(self._all("warning", "/v1/stations")) if doubtful else (),
            phone_book=self._phone_book,
            villages=self._villages,
        )

    def do(self, act: Act) -> int:
        """Press the key; the status. Who may not do it leaves it to the next role; a refusal is logged."""
        for role in act.roles:
            body = dict(act.body)
            if role == READER and act.post is not None:
                body.pop("post", None)  # written down by the duty officer, as told by telephone
            answer = self._press(act, role, body, act.version)
            if answer.status_code == STALE and (newer := _unchanged(act, answer)) is not None:
                answer = self._press(act, role, body, newer)
            if answer.is_success:
                log.info("%s as %s", act.about, role)
                return answer.status_code
            if answer.status_code != 403:
                break
        log.info("%s: %d %s", act.about, answer.status_code, _code(answer))
        return answer.status_code

    def _press(self, act: Act, role: str, body: Mapping[str, Any], version: int | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._held['tokens'][role]}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        url = f"{self._held['services'][act.service]}{act.path}"
        return self._http.post(url, json=body, headers=headers, params={"realm": self._realm})

    def close(self) -> None:
        self._http.close()

    def _all(self, service: str, path: str, **query: Any) -> list[Mapping[str, Any]]:
        """Every page of a list."""
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._get(service, path, limit=PAGE, **query, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def _get(self, service: str, path: str, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._held['tokens'][READER]}"}
        url = f"{self._held['services'][service]}{path}"
        answer = self._http.get(url, params={"realm": self._realm, **query}, headers=headers)
        answer.raise_for_status()
        return answer.json()


def _unchanged(act: Act, answer: httpx.Response) -> int | None:
    """The version that stands now, where what the act is about is still the same (only a countdown went round)."""
    shown = answer.json().get("object") or {}
    return int(shown["version"]) if act.content and shown and content_of(shown) == act.content else None


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return answer.text[:100]
