"""人物 Who acts in a scene: officers at their screens (the real routes), and telephones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deploy.demo.exchange.personas import Character, Persona
from shared.auth.keys import key_id_of, new_private_jwk, public_jwk, sign
from tests.support.house.wires import Ringing

if TYPE_CHECKING:
    from tests.e2e.scenes.stage import Stage

Body = dict[str, Any]
ACTS_AT = {
    "callouts": "dispatch",
    "orders": "dispatch",
    "incidents": "dispatch",
    "responses": "dispatch",
    "reports": "dispatch",
    "roster": "dispatch",
    "checkins": "dispatch",
    "shelters": "resources",
    "stock": "resources",
    "movements": "resources",
    "evacuation": "resources",
}


@dataclass(frozen=True)
class Phone:
    """电话"""

    stage: Stage
    number: str

    def _is(self, **details: Any) -> None:
        self.stage.exchange.people[self.number] = Character(**details)

    def never_answers(self) -> None:
        self._is(persona=Persona.SILENT)

    def answers(self, key: str = "1") -> None:
        """Listens to the end and presses a key."""
        self._is(persona=Persona.PROMPT, key=key)

    def listens_only(self) -> None:
        self._is(persona=Persona.LISTENS)

    def is_engaged(self, calls: int = 1) -> None:
        self._is(persona=Persona.BUSY, calls=calls)

    def is_somebody_elses(self) -> None:
        """Key 9."""
        self._is(persona=Persona.WRONG_PERSON)

    def blocks_robots(self) -> None:
        """Cut within three seconds."""
        self._is(persona=Persona.HANGS_UP)

    def listens_long(self) -> None:
        """Picks up late and hears everything: on the line for the better part of a minute."""
        self._is(persona=Persona.LISTENS, pick_up_s=25.0)

    def has_no_signal(self, mast: str) -> None:
        self._is(persona=Persona.DEAD_MAST, mast=mast)

    def calls(self, realm: str | None = None) -> list[Ringing]:
        """All rings and texts, in order; of one realm, where it is named."""
        calls = self.stage.exchange.calls.values()
        return [call for call in calls if call.number == self.number and realm in (None, call.realm)]

    @property
    def heard(self) -> list[str]:
        """All that was said or texted to it, in order."""
        return [call.said for call in self.calls()]

    @property
    def rang(self) -> int:
        """How often it rang."""
        return len(self.spoken)

    @property
    def spoken(self) -> list[str]:
        """What it rang for, ring by ring."""
        return [call.said for call in self.calls() if not call.text]

    @property
    def texts(self) -> list[str]:
        return [call.said for call in self.calls() if call.text]


@dataclass(frozen=True)
class Officer:
    """值班员 or another account: every act is a request to the service that owns it."""

    stage: Stage
    user: str
    realm: str | None = None

    def inside(self, realm: str) -> Officer:
        """The same person in another realm."""
        return replace(self, realm=realm)

    # -- requests ----------------------------------------------------------------------------------------

    def get(self, path: str, service: str | None = None, **params: Any) -> Any:
        answer = self.stage.http(service or _owner(path)).get(
            path, params=self._where() | params, headers=self.stage.bearer(self.user)
        )
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(
        self, path: str, body: Mapping[str, Any], status: int = 200, service: str | None = None, **headers: str
    ) -> Any:
        answer = self.stage.http(service or _owner(path)).post(
            path, params=self._where(), json=body, headers=self.stage.bearer(self.user) | headers
        )
        assert answer.status_code == status, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def _where(self) -> dict[str, str]:
        return {"realm": self.realm or self.stage.realm}

    # -- acts --------------------------------------------------------------------------------------------

    def types_notice(self, type_: str, level: str, hazard: str, areas: list[str], text: str, **more: Any) -> Body:
        """登记通知"""
        scale = more.pop("scale", "signal")
        issuer = more.pop("issuer", "区气象台（演示数据）")
        body = {"type": type_, "level": level, "hazard": hazard, "areas": areas, "text": text, "scale": scale}
        found: Body = self.post("/v1/notices", body | {"issuer": issuer} | more, 201)
        return found

    def orders(self, **params: Any) -> list[Body]:
        found: list[Body] = self.get("/v1/orders", limit=500, **params)["items"]
        return found

    def signs(self, order: Body, status: int = 200, **body: Any) -> Body:
        found: Body = self.post(f"/v1/orders/{order['order_id']}/sign", body, status)
        return found

    def signs_by_phone(self, post: str, order: Body, words: str = "同意，立即执行。", status: int = 200) -> Body:
        """电话签批: the signer is rung back at the registered number, the words are written down."""
        call_back = {"post": post, "number": self.stage.number(post), "words": words, "recorded_by": "qj-hq-duty"}
        return self.signs(order, status, call_back=call_back)

    # -- alerts ------------------------------------------------------------------------------------------

    def alert(self, region: str, hazard: str) -> Body:
        """The open alert of a hazard in an area."""
        items = self.get("/v1/alerts", in_force="true", area=region)["items"]
        found: Body = next(item for item in items if item["hazard"] == hazard)
        return found

    def releases_by_phone(self, alert_id: str, post: str, words: str = "同意发布。") -> None:
        """一键一话: this officer's key, and the recorded voice of a signer; then handed over and released."""
        jwk = new_private_jwk()
        key = {"owner": self.user, "jwk": public_jwk(jwk), "person": self.stage.person("qj-hq-duty")}
        self.stage.user("admin").post("/v1/keys", key, 201, service="warning")
        sheet = self.get(f"/v1/alerts/{alert_id}/to-sign", act="publish")
        call_back = {"post": post, "number": self.stage.number(post), "words": words, "recorded_by": "qj-hq-duty"}
        signed = {
            "act": "publish",
            "digest": sheet["digest"],
            "key_id": key_id_of(jwk),
            "signature": sign(jwk, sheet["canonical"].encode()),
            "reason": "电话请示",
            "call_back": call_back,
        }
        self.post(f"/v1/alerts/{alert_id}/approve", signed)
        center = "区预警信息发布中心（演示数据）"
        self.post(f"/v1/alerts/{alert_id}/hand-over", {"body": center, "via": "电话", "reason": "移交发布"})
        self.post(f"/v1/alerts/{alert_id}/released", {"body": center, "number": "演练2026-017", "reason": "已发布"})

    # -- people who are called ---------------------------------------------------------------------------

    def cases(self, **params: Any) -> list[Body]:
        found: list[Body] = self.get("/v1/callouts", **params)["items"]
        return found

    def board(self, case_id: str) -> Body:
        found: Body = self.get(f"/v1/callouts/{case_id}/board")
        return found

    def answers_for(self, case_id: str, post: str, grade: str, ground: str, **more: Any) -> Body:
        """代答: who gave it, and on which ground."""
        body = {"post": post, "grade": grade, "via": "on_behalf", "by": "qj-hq-duty", "ground": ground, **more}
        found: Body = self.post(f"/v1/callouts/{case_id}/answers", body)
        return found

    def says_of_trip(self, verdict: str, trip_id: str, person: str, ground: str) -> Body:
        """核实: ``confirm`` or ``refute``, by a named person on the spot."""
        case_id = next(c["case_id"] for c in self.cases() if trip_id in self._matters(c["case_id"]))
        body = {"trip_id": trip_id, "verdict": verdict, "by": {"person": person}, "ground": ground}
        found: Body = self.post(f"/v1/callouts/{case_id}/findings", body, 202)
        return found

    def _matters(self, case_id: str) -> list[str]:
        return [matter["matter_id"] for matter in self.get(f"/v1/callouts/{case_id}")["matters"]]

    def counts_people(self, order: Body, unit_id: str, people: list[Body], **more: Any) -> Body:
        """人员登记: by household."""
        found: Body = self.post(
            f"/v1/orders/{order['order_id']}/people", {"unit_id": unit_id, "people": people, **more}
        )
        return found

    def minutes_ago(self, minutes: float) -> str:
        return (self.stage.world.clock.now() - timedelta(minutes=minutes)).isoformat()


def _owner(path: str) -> str:
    return ACTS_AT.get(path.split("/")[2], "warning")
