"""签批测试台 Persons with keys who sign what an alert would say, over real HTTP with real Ed25519 signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from shared.auth.keys import key_id_of, new_private_jwk, public_jwk, sign
from shared.clock import SystemClock
from tests.support.packs import TOWNSHIP
from tests.support.warning import Bench, storm

RELEASED = {"body": "示例区预警信息发布中心（演示数据）", "number": "演练2026-017"}
WORDS = "同意发布，按红色执行。"
CHIEF = {"post": "HQ-chief", "number": "00000000001", "words": WORDS, "recorded_by": "值班员（演示数据）"}


@dataclass
class Person:
    """签批人: a user with a key of his own."""

    bench: Bench
    sub: str
    roles: tuple[str, ...]
    person: str | None = None
    realm: str = "*"
    jwk: dict[str, str] = field(default_factory=new_private_jwk)

    @property
    def headers(self) -> dict[str, str]:
        return self.bench.headers(*self.roles, sub=self.sub, realm=self.realm)

    def enrol(self) -> Person:
        body = {"owner": self.sub, "jwk": public_jwk(self.jwk), "person": self.person}
        self.bench.post("/v1/keys", body, 201, **self.bench.headers("admin", realm=self.realm))
        return self

    def to_sign(self, alert_id: str, act: str = "publish") -> dict[str, Any]:
        answer = self.bench.http.get(f"/v1/alerts/{alert_id}/to-sign", params={"act": act}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def signed(self, sheet: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The approval of what lies before him."""
        return {
            "act": sheet["act"],
            "digest": sheet["digest"],
            "key_id": key_id_of(self.jwk),
            "signature": sign(self.jwk, sheet["canonical"].encode()),
            "reason": "核对无误",
            **more,
        }

    def approve(self, alert_id: str, status: int = 200, act: str = "publish", **more: Any) -> Any:
        return self.do(alert_id, "approve", self.signed(self.to_sign(alert_id, act), **more), status)

    def do(self, alert_id: str, act: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self.bench.post(f"/v1/alerts/{alert_id}/{act}", body, status, **{**self.headers, **headers})


@dataclass
class Crew:
    """一班人"""

    issuer: Person
    second: Person
    duty: Person
    drafter: Person


def crew(bench: Bench, realm: str = "*") -> Crew:
    """Two signers and the duty officer with enrolled keys, and a drafter without."""
    made = Crew(
        issuer=Person(bench, "issuer", ("issuer",), "演示人员001", realm),
        second=Person(bench, "second", ("second_issuer",), "演示人员002", realm),
        duty=Person(bench, "duty", ("duty_officer",), "演示人员003", realm),
        drafter=Person(bench, "drafter", ("drafter",), None, realm),
    )
    for person in (made.issuer, made.second, made.duty):
        person.enrol()
    return made


def raise_red(bench: Bench, *, gauges: tuple[str, ...] = ("rain-01", "rain-02"), total_mm: float = 101.0) -> str:
    """A storm now; the id of the township's alert."""
    now = SystemClock().now() - timedelta(seconds=1)
    for gauge, readings in storm(gauges, now, total_mm=total_mm).items():
        answer = bench.http.post(f"/v1/stations/{gauge}/readings", json=readings)
        assert answer.status_code == 200, answer.text
    (alert,) = bench.get("/v1/alerts", in_force="true", area=TOWNSHIP)["items"]
    return str(alert["alert_id"])


def public(bench: Bench) -> httpx.Client:
    """Somebody without a token."""
    return httpx.Client(base_url=bench.base, timeout=10)
