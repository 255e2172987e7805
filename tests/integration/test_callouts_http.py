"""A drill at sixty-fold speed over real HTTP: dispatch, the phone exchange, signed call-backs, a restart in between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Text, literal

from deploy.demo.exchange.app import create_app as create_exchange
from deploy.demo.exchange.desk import Desk
from deploy.demo.exchange.personas import Character, Persona
from services.dispatch.accounts import service as accounts
from services.dispatch.callouts.store import lines
from services.dispatch.channels.carrier import sign
from services.dispatch.channels.factory import SIMULATOR, CarrierSpec
from services.dispatch.main import create_app
from services.dispatch.schema import metadata
from services.dispatch.settings import DispatchSettings
from shared.clock import SystemClock, poll_until
from shared.db.tx import Tx
from shared.frame import Frame, save_realm
from shared.realm import drill_clock
from tests.conftest import fresh_schema
from tests.support.dispatch import KEY, NOW, RED_ZONE, transition
from tests.support.ports import free_port
from tests.support.resources import sample_pack
from tests.support.serving import serving

SECRET = "exchange secret of the tests"
REALM = "x-night"
SPEED = 60.0


class Night:
    """A drill: dispatch and exchange, each on its port."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.pack = sample_pack()
        self.dsn, self.schema, self.folder = dsn, fresh_schema(), folder
        self.port, self.exchange_port = free_port(), free_port()
        self.desk = Desk(SECRET, people={self.number(p.post): Character() for p in self.pack.roster.values()})
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        self.frame: Frame | None = None
        self._tokens: dict[str, dict[str, str]] = {}
        self._no = 0

    def number(self, post: str) -> str:
        return next((a for c, a in self.pack.roster[post].contacts if c == "voice"), "00000009999")

    def is_(self, post: str, persona: Persona, **more: Any) -> None:
        self.desk.people[self.number(post)] = Character(persona=persona, **more)

    @contextmanager
    def dispatch(self) -> Iterator[Frame]:
        settings = DispatchSettings(
            service="dispatch",
            district=self.pack.district.code,
            dsn=self.dsn,
            schema=self.schema,
            packs_dir=self.folder / "packs",
            pack=self.pack.version,
            boot="boot-1",
            tick_s=0.2,
            key_file=self.folder / "token-key.json",
            carriers=(CarrierSpec(name=SIMULATOR, url=f"http://127.0.0.1:{self.exchange_port}", secret=SECRET),),
            callback_url=f"http://127.0.0.1:{self.port}",
        )
        app = create_app(settings, SystemClock())
        frame: Frame = app.state.frame
        frame.packs.put(self.pack)
        frame.store.ensure_schema()
        with frame.store.write() as conn:
            metadata.create_all(conn)
        hashed = accounts.hash_secret(accounts.SecretKind.KEY, KEY)
        warning = accounts.Account(
            username="warning", kind=accounts.SecretKind.KEY, roles=("service",), realms=("*", "actual")
        )
        known = [(account, hashed) for account in (*accounts.demo_accounts(self.pack), warning)]
        frame.writer.on_owner.append(lambda tx: accounts.ensure_keys(tx, known, by="test"))
        with serving(app, self.port):
            self.frame = frame
            yield frame

    def begin(self) -> None:
        clock = drill_clock("night", SPEED, NOW, SystemClock().now(), "boot-1")

        def save(tx: Tx) -> None:
            save_realm(tx, clock)

        assert self.frame is not None
        self.frame.writer.call(save)

    def bearer(self, user: str) -> dict[str, str]:
        if user not in self._tokens:
            form = {"grant_type": "client_credentials", "client_id": user, "client_secret": KEY}
            answer = self.http.post("/v1/token", data=form)
            assert answer.status_code == 200, answer.text
            self._tokens[user] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self._tokens[user]

    def send(self, body: dict[str, Any]) -> None:
        self._no += 1
        message = {
            "sender": "warning",
            "realm": REALM,
            "no": self._no,
            "kind": "transition",
            "aggregate": body["transition"]["trip_id"],
            "pack": self.pack.version,
            "body": body,
        }
        answer = self.http.post("/v1/inbox", json=message, headers=self.bearer("warning"))
        assert answer.status_code == 200, answer.text

    def get(self, path: str, user: str = "duty_officer") -> Any:
        answer = self.http.get(path, params={"realm": REALM}, headers=self.bearer(user))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, user: str = "duty_officer") -> httpx.Response:
        return self.http.post(path, params={"realm": REALM}, json=body, headers=self.bearer(user))

    def board(self) -> dict[str, Any]:
        return {line["post"]: line for line in self.get("/v1/callouts/C-0001/board")["posts"]}

    def all_act(self) -> dict[str, Any] | None:
        """The board, once everybody acts on the trip (signers go on being called: nobody signs here)."""
        board = self.board()
        trip = [m for line in board.values() for m in line["matters"] if m["purpose"] == "act"]
        return board if trip and all(m["grade"] == "acting" for m in trip) else None

    def wait(self, probe: Callable[[], Any], timeout_s: float = 30) -> Any:
        found = poll_until(probe, timeout_s, 0.1)
        assert found, json.dumps(self.board(), ensure_ascii=False, indent=1)[:6000]
        return found

    def calls(self, post: str | None = None, kind: str = "call") -> list[Any]:
        number = self.number(post) if post else None
        return [c for c in self.desk.calls.values() if c.kind == kind and number in (None, c.to)]


@pytest.fixture
def night(dsn: str, tmp_path: Path) -> Iterator[Night]:
    made = Night(dsn, tmp_path)
    with ExitStack() as stack:
        stack.callback(made.http.close)
        stack.enter_context(serving(create_exchange(made.desk), made.exchange_port))
        yield made


def test_a_red_night_over_real_http(night: Night) -> None:
    night.is_("zs-mayor", Persona.LATE, calls=1)
    night.is_("zs-secretary", Persona.BUSY, calls=1)
    night.is_("zs-duty", Persona.SILENT)  # the secretary's second: so the secretary is rung again
    night.is_("v112001-head", Persona.WRONG_PERSON)
    night.is_("v112003-head", Persona.SILENT)
    with night.dispatch():
        night.begin()
        night.send(transition())
        board = night.wait(night.all_act, timeout_s=60)
        assert board["zs-mayor"]["answer"]["grade"] == "acting"
        assert len(night.calls("zs-secretary")) >= 2
        assert night.calls("zs-secretary", "sms")
        wrong = night.calls("v112001-head")
        assert len(wrong) == 1, [
            (c.key, c.accepted_at[14:22], [(r["at"][14:22], r["seq"], r["state"], r["keys"]) for r in c.receipts])
            for c in wrong
        ]
        assert {c.result for c in night.calls("v112003-head")} <= {"no_answer", "busy", None}
        ids = Counter(c.key for c in night.desk.calls.values())
        assert set(ids.values()) == {1}
        assert not [c for c in night.desk.calls.values() if c.overlapped]
        assert all(c.text.startswith("演练") for c in night.desk.calls.values())
        assert night.get("/v1/callouts/C-0001")["numbers"]["struck"] >= 1
        shown = board["zs-mayor"]["attempts"][0]
        assert "*" in shown["address"]
        assert shown["result"] == "no_answer"
        log = night.get("/v1/callouts/C-0001/log")["items"]
        assert {"opened", "answered", "wrong_person"} <= {entry["kind"] for entry in log}


def test_dispatch_restarts_in_the_middle(night: Night) -> None:
    """Nothing is rung twice for one attempt, nothing is forgotten, the climb goes on."""
    for post in night.pack.roster:
        night.is_(post, Persona.LATE, calls=1)
    with night.dispatch():
        night.begin()
        night.send(transition())
        night.wait(lambda: len(night.calls()) >= 5 or None)
    before = set(night.desk.calls)
    with night.dispatch():
        night.wait(night.all_act, timeout_s=60)
        assert set(night.desk.calls) > before
        assert max(Counter(c.key for c in night.desk.calls.values()).values()) == 1
        assert not [c for c in night.desk.calls.values() if c.overlapped]


def test_the_board_names_what_cannot_be_read_and_a_start_begins_it_anew(night: Night) -> None:
    """Also where nobody waits for it any more: the answer that it held is not known."""
    with night.dispatch() as frame:
        night.begin()
        night.send(transition())
        before = night.wait(night.all_act, timeout_s=60)
        here = lines.c.realm == REALM, lines.c.case_id == "C-0001", lines.c.post == "v112001-head"
        with frame.store.write() as conn:
            conn.execute(lines.update().where(*here).values(state=literal("{}", Text), due_at=None))
        board = night.get("/v1/callouts/C-0001/board")
        assert board["unreadable"] == ["v112001-head"]
        assert {line["post"] for line in board["posts"]} == before.keys() - {"v112001-head"}
        assert night.get("/v1/callouts/C-0001")["unreadable"] == ["v112001-head"]
    rung = len(night.calls("v112001-head"))
    with night.dispatch():
        after = night.wait(night.all_act, timeout_s=60)
        night.wait(lambda: not night.get("/v1/callouts/C-0001/board")["unreadable"] or None)
        night.wait(night.all_act, timeout_s=60)
        assert len(night.calls("v112001-head")) > rung
        assert after.keys() <= night.board().keys() == before.keys()
        kinds = [(e["post"], e["kind"]) for e in night.get("/v1/callouts/C-0001/log")["items"]]
        assert ("v112001-head", "line_begun_anew") in kinds


def test_receipts_are_signed_and_fresh(night: Night) -> None:
    for post in night.pack.roster:
        night.is_(post, Persona.SILENT)
    with night.dispatch():
        night.begin()
        night.send(transition())
        night.wait(lambda: night.calls() or None)
        attempt = night.calls()[0].key.rsplit("/", 1)[1]
        body = json.dumps({"seq": 99, "state": "ended", "result": "answered", "heard_s": 20, "keys": "1"}).encode()

        def send(stamp: int, secret: str = SECRET, path: str = attempt, content: bytes = body) -> httpx.Response:
            headers = {"X-Timestamp": str(stamp), "X-Signature": sign(secret, str(stamp), content)}
            return night.http.post(
                f"/v1/attempts/{path}/receipts", params={"realm": REALM}, content=content, headers=headers
            )

        now = int(SystemClock().now().timestamp())
        assert night.http.post(f"/v1/attempts/{attempt}/receipts?realm={REALM}", content=body).status_code == 401
        assert send(now, secret="another").json()["code"] == "signature_wrong"
        assert send(now - 301).json()["code"] == "signature_out_of_window"
        assert send(now, path="A-999999").status_code == 404
        assert send(now, content=b"[]").status_code == 422
        assert send(now).json()["reason"] == "key_pressed"
        assert send(now).json()["reason"] == "old_seq"


def test_answers_and_findings_over_http(night: Night) -> None:
    for post in night.pack.roster:
        night.is_(post, Persona.SILENT)
    with night.dispatch():
        night.begin()
        night.send(transition(verification="unconfirmed", confirmed="normal"))
        night.wait(lambda: night.calls() or None)
        path = "/v1/callouts/C-0001"
        looking = set(night.board())
        assert "zs-hydro" in looking
        given = {"post": "zs-hydro", "grade": "acting", "via": "on_behalf"}
        assert night.post(f"{path}/answers", given).json()["code"] == "refused:on_behalf_needs_who"
        assert (
            night.post(f"{path}/answers", given | {"by": "值班员"}).json()["code"] == "refused:on_behalf_needs_ground"
        )
        assert night.post(f"{path}/answers", given | {"by": "值班员", "ground": "对讲机"}).status_code == 200
        assert night.post(f"{path}/answers", {"post": "nobody", "grade": "acting"}).status_code == 404
        assert night.post(f"{path}/answers", {"post": "zs-hydro", "grade": "shrug"}).status_code == 422
        late = given | {"by": "值班员", "ground": "纸", "entered_late": True}
        assert night.post(f"{path}/answers", late).json()["field"] == "happened_at"
        finding = {
            "trip_id": f"rainstorm/{RED_ZONE}/1",
            "verdict": "confirm",
            "by": {"post": "zs-hydro", "person": night.pack.roster["zs-hydro"].person},
            "ground": "河水漫过便桥",
        }
        assert night.post(f"{path}/findings", finding, "verifier").status_code == 202
        assert night.post(f"{path}/findings", finding | {"trip_id": "x/y/1"}).status_code == 404
        assert night.get("/v1/callouts")["items"][0]["case_id"] == "C-0001"
        assert night.http.get(path).status_code == 401
        roster = night.get("/v1/roster")["items"]
        assert all("*" in c["address"] or len(c["address"]) < 8 for p in roster for c in p["contacts"])


def test_the_exchange_calls_back_to_this_machine_only(night: Night) -> None:
    body = {"key": "k", "to": "00000000001", "text": "演练", "callback": "http://192.0.2.1/x"}
    answer = httpx.post(f"http://127.0.0.1:{night.exchange_port}/v1/calls", json=body, trust_env=False)
    assert answer.status_code == 422
    assert night.desk.calls == {}
