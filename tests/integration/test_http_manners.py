"""Idempotency, If-Match, problems, events, realm and health of every service, on real HTTP and both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Column, Text, select, table
from starlette.requests import Request

from shared.auth.tokens import Actor
from shared.db.together import Glance, together
from shared.db.tx import Tx
from shared.errors import Refused
from shared.http.context import Answer, Context, Ctx
from shared.http.numbers import Number
from shared.structs import Reader
from shared.vocabulary import Role
from tests.conftest import fresh_schema
from tests.support.patience import PATIENCE_S
from tests.support.platform import bare_frame, bearer, service_bearer
from tests.support.serving import serving


class ThingBody(BaseModel):
    name: str
    version: int = 0


def thing_routes() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/things")
    def make(body: ThingBody, ctx: Ctx) -> Any:
        ctx.require([Role.DUTY_OFFICER], area="500114112")
        ctx.match(body.version, {"version": body.version})

        def apply(tx: Tx) -> Answer:
            if body.name == "held":
                raise Refused("held", "it is held", "仍在管控中")
            number = tx.next_no(ctx.realm, "thing")
            tx.event(ctx.realm, "thing", body.name, {"number": number}, public=body.name == "public")
            return Answer({"number": number}, 201, number)

        return ctx.write(apply)

    return router


@pytest.fixture
def http(dsn: str) -> Iterator[httpx.Client]:
    frame = bare_frame(dsn, fresh_schema())
    frame.include(thing_routes())
    with serving(frame.app) as url, httpx.Client(base_url=url) as client:
        yield client


OFFICER = bearer("officer", "duty_officer")


def test_the_same_key_and_body_give_the_first_answer_again(http: httpx.Client) -> None:
    sent = OFFICER | {"Idempotency-Key": "k1"}
    first = http.post("/v1/things", json={"name": "a"}, headers=sent)
    again = http.post("/v1/things", json={"name": "a"}, headers=sent)
    assert (first.status_code, first.json()) == (201, {"number": 1})
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, {"number": 1}, "true")
    assert again.headers["etag"] == '"1"'


def test_the_same_key_with_another_body_is_refused(http: httpx.Client) -> None:
    sent = OFFICER | {"Idempotency-Key": "k1"}
    http.post("/v1/things", json={"name": "a"}, headers=sent)
    other = http.post("/v1/things", json={"name": "b"}, headers=sent)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def test_a_key_belongs_to_one_person(http: httpx.Client) -> None:
    http.post("/v1/things", json={"name": "a"}, headers=OFFICER | {"Idempotency-Key": "k1"})
    other = http.post(
        "/v1/things", json={"name": "b"}, headers=bearer("two", "duty_officer") | {"Idempotency-Key": "k1"}
    )
    assert other.json() == {"number": 2}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, {"name": "a"}, 401, "unauthorized"),
        ({"Authorization": "Bearer nonsense"}, {"name": "a"}, 401, "unauthorized"),
        ({"Authorization": "Basic x"}, {"name": "a"}, 401, "unauthorized"),
        (bearer("v", "village"), {"name": "a"}, 403, "wrong_role"),
        (bearer("o", "duty_officer", realms=("x-other",)), {"name": "a"}, 403, "wrong_realm"),
        (bearer("o", "duty_officer", areas=("500243",)), {"name": "a"}, 403, "outside_area"),
        (OFFICER | {"If-Match": '"7"'}, {"name": "a", "version": 8}, 412, "stale_version"),
        (OFFICER, {"name": "held"}, 409, "refused:held"),
        (OFFICER, {"nome": "a"}, 422, "invalid"),
        (OFFICER, {"name": "x" * 2_100_000}, 413, "too_large"),
    ],
)
def test_a_refusal_is_a_problem_document_with_a_code(
    http: httpx.Client, headers: dict[str, str], body: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/v1/things", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]
    assert answer.json()["detail"]


def test_a_stale_version_shows_both(http: httpx.Client) -> None:
    answer = http.post("/v1/things", json={"name": "a", "version": 8}, headers=OFFICER | {"If-Match": '"7"'}).json()
    assert (answer["yours"], answer["current"], answer["object"]) == ("7", 8, {"version": 8})


def test_events_are_numbered_and_public_ones_need_no_token(http: httpx.Client) -> None:
    for name in ("secret", "public"):
        http.post("/v1/things", json={"name": name}, headers=OFFICER)
    all_of_them = http.get("/v1/events?after=0", headers=OFFICER).json()
    assert [item["subject"] for item in all_of_them["items"]] == ["secret", "public"]
    assert [item["subject"] for item in http.get("/v1/events?after=0").json()["items"]] == ["public"]
    assert http.get(f"/v1/events?after={all_of_them['next']}", headers=OFFICER).json()["items"] == []


def test_events_stream_from_the_last_seen_on(http: httpx.Client) -> None:
    for name in ("one", "two"):
        http.post("/v1/things", json={"name": name}, headers=OFFICER)
    headers = OFFICER | {"Accept": "text/event-stream", "Last-Event-ID": "1"}
    with http.stream("GET", "/v1/events", headers=headers) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                assert line == "id: 2"
                break


def test_a_stream_tells_the_numbers_at_first_and_when_they_have_changed(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    frame.include(thing_routes())
    kept = select(frame.tables.counters.c.value).where(frame.tables.counters.c.name == "thing")
    frame.number("things", Number([Role.DUTY_OFFICER], lambda ctx, glance: glance.conn.execute(kept).scalar() or 0))
    asked = OFFICER | {"Accept": "text/event-stream"}
    with serving(frame.app) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        with http.stream("GET", "/v1/events?numbers=true", headers=asked) as stream:
            lines = _sse(stream)
            assert next(lines)["numbers"] == {"things": 0}
            for name in ("one", "two"):
                assert http.post("/v1/things", json={"name": name}, headers=OFFICER).status_code == 201
            said = [next(lines), next(lines)]
            # numbers may know of a thing before its event is told
            while said[-1].get("numbers") != {"things": 2} or sum("subject" in each for each in said) < 2:
                said.append(next(lines))
        assert [each["subject"] for each in said if "subject" in each] == ["one", "two"]
        assert said[-1]["after"] == max(each["id"] for each in said if "id" in each)
        with http.stream("GET", "/v1/events?numbers=true&of=", headers=asked) as stream:
            assert next(_sse(stream))["numbers"] == {}
        with http.stream("GET", "/v1/events?numbers=true&after=0", headers={"Accept": "text/event-stream"}) as public:
            http.post("/v1/things", json={"name": "public"}, headers=OFFICER)
            assert next(_sse(public))["subject"] == "public"


def test_streams_of_the_same_rights_share_a_count_that_knows_their_last_event(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    counting = count(1)
    frame.number("count", Number([Role.DUTY_OFFICER], lambda ctx, glance: next(counting)))
    alone = frame.counts.rest_s(100.0)

    def caller(*areas: str) -> Context:
        actor = Actor("somebody", frozenset({"duty_officer"}), areas, ("*",))
        return Context(frame, Request({"type": "http"}), actor, "x-live", b"")

    async def told(times: int, after: int, now: float, *areas: str) -> set[int]:
        texts = [frame.counts.text(caller(*areas), after, now) for _ in range(times)]
        return {json.loads(text)["numbers"]["count"] for text in await asyncio.gather(*texts)}

    async def one_after_the_other() -> list[set[int]]:
        return [
            await told(5, 7, 100.0, "*"),
            await told(2, 6, 100.5, "*"),
            await told(2, 8, 100.5, "*"),
            await told(2, 8, 102.0, "*"),
            await told(1, 8, 102.0, "500114112"),
        ]

    assert asyncio.run(one_after_the_other()) == [{1}, {1}, {2}, {3}, {4}]
    assert (frame.counts.rest_s(102.5), frame.counts.rest_s(104.0)) == (2 * alone, alone)  # two kinds of readers, none
    frame.store.close()


def _sse(stream: httpx.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))


def test_health_realm_and_metrics(http: httpx.Client) -> None:
    assert http.get("/healthz").json()["status"] == "ok"
    assert http.get("/readyz").json()["ready"] is True
    assert http.get("/v1/realm").json()["default"] == "x-live"
    assert http.get("/metrics").status_code == 401
    assert "fengsui_owner 1.0" in http.get("/metrics", headers=bearer("a", "admin")).text


def test_numbers_hold_what_the_caller_may_read_and_never_a_zero_for_what_is_not_known(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())

    def no_pack(ctx: Context, _: Glance) -> int:
        return len(ctx.frame.require_pack().regions)

    frame.number("realms", Number([Role.DUTY_OFFICER], lambda ctx, glance: [ctx.realm]))
    frame.number("regions", Number([Role.DUTY_OFFICER], no_pack))
    frame.number("secret", Number([Role.ADMIN], lambda ctx, glance: 1))
    frame.ready("broker", lambda: "note: demo broker")
    with serving(frame.app) as url, httpx.Client(base_url=url) as http:
        assert http.get("/v1/numbers").status_code == 401
        told = http.get("/v1/numbers?realm=x-live", headers=OFFICER).json()
        assert told["numbers"] == {"realms": ["x-live"], "regions": None}
        assert (told["ready"], told["wrong"], told["notes"]) == (True, {}, {"broker": "demo broker"})
        assert (told["waiting"], told["parked"]) == (0, 0)
        assert http.get("/v1/numbers?of=realms", headers=OFFICER).json()["numbers"].keys() == {"realms"}
        assert http.get("/v1/numbers?of=", headers=OFFICER).json()["numbers"] == {}
        wrong = http.get("/v1/numbers?of=realms,evil", headers=OFFICER).json()
        assert (wrong["status"], wrong["field"], "secret" in wrong["detail"]) == (422, "of", True)
        beside = http.get("/v1/numbers?realm=x-live", headers=bearer("a", "verifier")).json()
        assert (beside["numbers"], beside["parked"]) == ({}, None)


def test_a_figure_of_what_cannot_be_read_is_not_known_and_says_so_and_the_others_are(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    frame.number("torn", Number([Role.DUTY_OFFICER], lambda ctx, glance: Reader(Role).json('"nobody"')))
    frame.number("realms", Number([Role.DUTY_OFFICER], lambda ctx, glance: [ctx.realm]))
    with serving(frame.app) as url, httpx.Client(base_url=url) as http:
        told = http.get("/v1/numbers?realm=x-live", headers=OFFICER).json()
    assert told["numbers"] == {"torn": None, "realms": ["x-live"]}
    assert (told["ready"], list(told["wrong"])) == (False, ["number torn"])
    assert "nobody" in told["wrong"]["number torn"]


def test_numbers_say_what_is_wrong_while_the_store_cannot_be_read(dsn: str) -> None:
    frame = bare_frame(dsn, fresh_schema())
    gone = together(table("gone", Column("says", Text)).c.says)
    frame.number("things", Number([Role.DUTY_OFFICER], lambda ctx, glance: len(glance.texts(gone)), (gone,)))
    with serving(frame.app) as url, httpx.Client(base_url=url) as http:
        told = http.get("/v1/numbers", headers=OFFICER).json()
    assert told["ready"] is False
    assert "gone" in told["wrong"]["storage"]
    assert (told["numbers"], told["parked"], told["waiting"]) == ({"things": None}, None, None)


def test_the_inbox_takes_messages_only_from_the_service_it_names(http: httpx.Client) -> None:
    message = {
        "sender": "dispatch",
        "realm": "x-live",
        "no": 1,
        "kind": "realm",
        "aggregate": "x",
        "body": {"speed": 1},
    }
    assert http.post("/v1/inbox", json=message).status_code == 401
    assert http.post("/v1/inbox", json=message, headers=OFFICER).json()["code"] == "wrong_role"
    assert http.post("/v1/inbox", json=message, headers=service_bearer("resources")).json()["code"] == "wrong_sender"
    assert http.post("/v1/inbox", json=message, headers=service_bearer("dispatch")).json() == {"applied": 1}
    assert http.post("/v1/inbox", json=message, headers=service_bearer("dispatch")).json() == {"applied": 1}
    ahead = message | {"no": 5}
    assert http.post("/v1/inbox", json=ahead, headers=service_bearer("dispatch")).json() == {"applied": 1}


def test_a_message_of_an_unknown_pack_is_asked_for_again(http: httpx.Client) -> None:
    message = {
        "sender": "dispatch",
        "realm": "x-live",
        "no": 1,
        "kind": "realm",
        "pack": "sha256:" + "0" * 64,
        "body": {"speed": 1},
    }
    answer = http.post("/v1/inbox", json=message, headers=service_bearer("dispatch"))
    assert (answer.status_code, answer.json()["code"]) == (425, "pack_unknown")


@pytest.mark.parametrize("path", ["/v1/inbox/a%00b", "/v1/events?realm=x%00"])
def test_a_nul_in_the_address_is_refused(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers=OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
