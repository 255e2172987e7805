"""密钥页 Signing keys: made in the officer's browser, enrolled by an administrator, who gets the public part alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.forms import Form, Trouble, back, read_form, refused, trouble_of
from console.settings import SERVICES
from console.visit import Here, Visit
from shared.auth.keys import key_id_of, public_jwk
from shared.errors import Invalid

ADMIN = "admin"
X_MAX = 64
FIELDS = frozenset({"owner", "person", "jwk", "name", "reason"})
Given = Annotated[str, Query(max_length=200)]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/keys")
    async def page(here: Here, owner: Given = "", x: Given = "", done: Given = "") -> Response:
        """My keys; for an administrator everybody's, and the form that enrols one (filled by a link)."""
        return await _page(here, {"enrol": Form(name="enrol")}, {"owner": owner, "jwk": x[:X_MAX]}, done=done)

    @router.post("/keys")
    async def enrol(here: Here, request: Request) -> Response:
        """Enrol a public key at every service."""
        typed = await read_form(request)
        form = back(typed, name="enrol")
        jwk, wrong = _jwk(typed.text("jwk"))
        if typed.is_resumed or wrong is not None or not typed.text("owner"):
            errors = {"jwk": wrong} if wrong else {}
            if not typed.text("owner"):
                errors["owner"] = {"zh": "写上用户名", "en": "name the user"}
            form = form if typed.is_resumed else replace(form, errors=errors)
            return await _page(here, {"enrol": form}, {}, 200 if typed.is_resumed else 422)
        body = {"owner": typed.text("owner"), "jwk": jwk, "person": typed.text("person") or None}
        return await _everywhere(here, "/v1/keys", {**body, "name": typed.text("name")}, form, "enrol")

    @router.post("/keys/{key_id}/revoke")
    async def revoke(key_id: str, here: Here, request: Request) -> Response:
        """Revoke a key at every service, from now on."""
        typed = await read_form(request)
        form = back(typed, name=f"revoke-{key_id}")
        if typed.is_resumed or not typed.text("reason"):
            errors = {"reason": {"zh": "写明理由", "en": "say the reason"}}
            form = form if typed.is_resumed else replace(form, errors=errors)
            return await _page(here, {form.name: form}, {}, 200 if typed.is_resumed else 422)
        path = f"/v1/keys/{key_id_safe(key_id)}/revoke"
        return await _everywhere(here, path, {"reason": typed.text("reason")}, form, "revoke")

    return router


async def _everywhere(here: Visit, path: str, body: Mapping[str, Any], form: Form, done: str) -> Response:
    """Each service keeps its own list (contract §7); what one of them refused is told with its name."""
    for service in SERVICES:
        trouble = trouble_of(await here.post(service, path, body, key=form.key))
        if trouble is not None:
            named = Trouble({lang: f"{service}: {text}" for lang, text in trouble.text.items()}, trouble.field)
            return await _page(here, {form.name: refused(form, named, FIELDS)}, {}, 409)
    return RedirectResponse(here.url("/keys", done=f"key_{done}"), 303)


async def _page(
    here: Visit, forms: Mapping[str, Form], given: Mapping[str, str], status: int = 200, *, done: str = ""
) -> Response:
    is_admin = ADMIN in here.officer.roles
    query: dict[str, Any] = {"limit": 500} if is_admin else {"owner": here.officer.name}
    asked = (await here.ask({"keys": ("warning", "/v1/keys", query)}))["keys"]
    shown = {
        "keys": asked.items,
        "keys_wrong": asked.wrong,
        "is_admin": is_admin,
        "forms": {"enrol": Form(name="enrol"), **forms},
        "blank": Form(),
        "given": given,
        "given_id": _id_of(forms.get("enrol", Form()).value("jwk", given.get("jwk"))),
        "done": done,
    }
    return await here.page("approval", "approval/keys.html", shown, status)


def _jwk(text: str) -> tuple[dict[str, str], Mapping[str, str] | None]:
    """A public key as JSON (`fengsui key new` prints it), or its ``x`` alone (the officer's page gives it)."""
    try:
        read = json.loads(text) if text.startswith("{") else {"kty": "OKP", "crv": "Ed25519", "x": text}
        given = read.get("jwk", read)
        if "d" in given:
            both = {
                "zh": "这里面有私钥，已经泄露，不能登记；请重新生成",
                "en": "this holds the private key: make a new one",
            }
            return {}, both
        return public_jwk(given), None
    except (ValueError, AttributeError, Invalid):
        return {}, {"zh": "不是 Ed25519 公钥，请重新粘贴", "en": "this is no Ed25519 public key; paste it again"}


def _id_of(text: str) -> str:
    """The key's own name, by which officer and administrator know on the telephone that they mean the same."""
    jwk, wrong = _jwk(text) if text else ({}, {})
    return key_id_of(jwk) if wrong is None else ""


def key_id_safe(key_id: str) -> str:
    if not key_id.replace("-", "").replace("_", "").isalnum() or len(key_id) > X_MAX:
        raise Invalid("this is no key's id", "密钥编号有误", field="key_id")
    return key_id
