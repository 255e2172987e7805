"""交换机接口 The carrier protocol over HTTP, and what a drill needs to direct it."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from deploy.demo.exchange.desk import Desk
from deploy.demo.exchange.personas import read_character

TEXT_MAX = 2_000
SPEED_MAX = 3_600


class CallBody(BaseModel):
    """外呼请求: contract §6, and the pace of the realm that calls (0 = the exchange's own)"""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=1, max_length=128)
    to: str = Field(pattern=r"^[0-9+]{3,20}$")
    text: str = Field(min_length=1, max_length=TEXT_MAX)
    lang: str = Field(default="zh", max_length=8)
    expect_keys: str = Field(default="", max_length=16)
    callback: str = Field(max_length=500)
    speed: float = Field(default=0, ge=0, le=SPEED_MAX)  # domain seconds a wall second of the caller's realm


class OutageBody(BaseModel):
    """通道中断"""

    on: bool


def create_app(desk: Desk) -> FastAPI:
    """The exchange's app over one desk."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.close()

    app = FastAPI(title="Fengsui phone exchange (simulator)", lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "speed": desk.speed, "calls": len(desk.calls), "outage": desk.outage}

    @app.post("/v1/calls")
    async def call(body: CallBody) -> dict[str, str]:
        return _take(desk, "call", body)

    @app.post("/v1/sms")
    async def sms(body: CallBody) -> dict[str, str]:
        return _take(desk, "sms", body)

    @app.get("/v1/calls")
    async def calls(to: str | None = None, kind: str | None = None) -> dict[str, Any]:
        """All calls and texts in the order in which they came."""
        found = [c for c in desk.calls.values() if to in (None, c.to) and kind in (None, c.kind)]
        return {"items": [asdict(c) for c in found], "next": None}

    @app.delete("/v1/calls/{call_id}")
    async def hang_up(call_id: str) -> dict[str, str]:
        """Hang up: the caller wants it no more. One that is over already stays as it ended."""
        found = desk.hang_up(call_id)
        if found is None:
            raise HTTPException(404, f"no call {call_id}")
        return {"call_id": call_id, "state": found.state}

    @app.put("/v1/personas/{number}")
    async def set_persona(number: str, request: Request) -> dict[str, str]:
        """Say how a number answers from now on."""
        try:
            character = read_character(await request.json())
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        desk.people[number] = character
        return {"number": number, "persona": str(character.persona)}

    @app.put("/v1/outage")
    async def outage(body: OutageBody) -> dict[str, bool]:
        """The carrier itself fails: every request is refused with 503."""
        desk.outage = body.on
        return {"on": desk.outage}

    return app


def _take(desk: Desk, kind: str, body: CallBody) -> dict[str, str]:
    if desk.outage:
        raise HTTPException(503, "the exchange is out of order (drill)")
    if not is_loopback(body.callback):
        raise HTTPException(422, "callback must be an address of this machine: http://127.0.0.1:PORT/…")
    taken = desk.take(kind, body.key, body.to, body.text, body.lang, body.expect_keys, body.callback, body.speed)
    if (taken.to, taken.text) != (body.to, body.text):
        raise HTTPException(409, f"key {body.key} was used for another call; take a new one")
    return {"call_id": taken.call_id}


def is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.username is not None:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
