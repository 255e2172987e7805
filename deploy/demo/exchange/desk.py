"""话务台 Calls and texts as they run: idempotent by key, one live call a number, call-backs signed and repeated."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from deploy.demo.exchange.personas import Character, Step, call_script, crowd, text_script

log = logging.getLogger("exchange")

CALLS_MAX = 50_000
BACKOFF_S = (0.1, 0.3, 1.0, 2.0, 5.0)
TRIES_MAX = 60


@dataclass
class Call:
    """一次呼叫: as ``GET /v1/calls`` lists it"""

    call_id: str
    kind: str
    key: str
    to: str
    text: str
    lang: str
    expect_keys: str
    callback: str
    nth: int
    persona: str
    accepted_at: str
    speed: float
    state: str = "accepted"
    result: str | None = None
    heard_s: float | None = None
    keys: str = ""
    seq: int = 1
    requests: int = 1
    overlapped: bool = False
    callback_failures: int = 0
    receipts: list[dict[str, Any]] = field(default_factory=list)


class Desk:
    """话务台: all calls of this run. ``speed`` is domain seconds a wall second, where a request does not say."""

    def __init__(self, secret: str, *, speed: float = 1.0, seed: int = 1, people: dict[str, Character] | None = None):
        self.secret = secret
        self.speed = speed
        self.seed = seed
        self.people = dict(people or {})
        self.calls: dict[str, Call] = {}
        self.outage = False
        self._by_key: dict[str, Call] = {}
        self._times: Counter[tuple[str, str]] = Counter()  # how often each number had a call, a text
        self._live: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._playing: dict[str, tuple[asyncio.Task[None], asyncio.Queue[bytes | None]]] = {}
        self._http = httpx.AsyncClient(timeout=5.0, trust_env=False, follow_redirects=False)

    def character(self, number: str) -> Character:
        return self.people.get(number) or crowd(self.seed, number)

    def take(
        self, kind: str, key: str, to: str, text: str, lang: str, expect_keys: str, callback: str, speed: float
    ) -> Call:
        """Accept a call or text; the same key again is the same call and rings nobody twice. ``speed`` 0 = our own."""
        known = self._by_key.get(key)
        if known is not None:
            known.requests += 1
            return known
        if len(self.calls) >= CALLS_MAX:
            raise OverflowError(f"this exchange keeps {CALLS_MAX} calls; restart it")
        who = self.character(to)
        self._times[kind, to] += 1
        call = Call(
            call_id=f"{kind}-{len(self.calls) + 1:06d}",
            kind=kind,
            key=key,
            to=to,
            text=text,
            lang=lang,
            expect_keys=expect_keys,
            callback=callback,
            nth=self._times[kind, to],
            persona=str(who.persona),
            accepted_at=_now(),
            speed=speed or self.speed,
        )
        self.calls[call.call_id] = call
        self._by_key[key] = call
        script = text_script(who) if kind == "sms" else self._ring(call, who)
        receipts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._playing[call.call_id] = (self._begin(self._play(call, script, receipts)), receipts)
        self._begin(self._deliver(call, receipts))
        return call

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def hang_up(self, call_id: str) -> Call | None:
        """挂断 The caller wants it no more: the telephone is free at once. None where there is no such call."""
        call = self.calls.get(call_id)
        if call is None:
            return None
        playing = self._playing.pop(call_id, None)
        if playing is not None and call.state != "ended":
            task, receipts = playing
            task.cancel()
            self._say(call, Step(after_s=0, state="ended", result="failed", cause="hung up by the caller"), receipts)
            receipts.put_nowait(None)
        return call

    def _ring(self, call: Call, who: Character) -> tuple[Step, ...]:
        """A phone rings once at a time: who is already being called is engaged, and the log says so."""
        other = self.calls.get(self._live.get(call.to, ""))
        if other is not None and other.state != "ended":
            call.overlapped = other.overlapped = True
            return (Step(after_s=1, state="ended", result="busy"),)
        self._live[call.to] = call.call_id
        return call_script(who, call.nth, call.text, self.seed, call.to)

    async def _play(self, call: Call, script: tuple[Step, ...], receipts: asyncio.Queue[bytes | None]) -> None:
        """The phone rings on at its own pace, whether or not its receipts are taken."""
        self._write(call, Step(after_s=0, state="accepted"), receipts)
        for step in script:
            await asyncio.sleep(step.after_s / call.speed)
            self._say(call, step, receipts)
        receipts.put_nowait(None)
        self._playing.pop(call.call_id, None)

    def _say(self, call: Call, step: Step, receipts: asyncio.Queue[bytes | None]) -> None:
        call.seq += 1
        call.state, call.result = step.state, step.result
        call.keys = step.keys if set(step.keys) <= set(call.expect_keys) or call.kind == "sms" else ""
        call.heard_s = step.heard_s
        self._write(call, step, receipts)

    def _write(self, call: Call, step: Step, receipts: asyncio.Queue[bytes | None]) -> None:
        receipt = {
            "key": call.key,
            "call_id": call.call_id,
            "seq": call.seq,
            "state": step.state,
            "result": step.result,
            "heard_s": step.heard_s,
            "keys": call.keys,
            "cause": step.cause,
            "at": _now(),
        }
        call.receipts.append(receipt)
        receipts.put_nowait(json.dumps(receipt, ensure_ascii=False, separators=(",", ":")).encode())

    async def _deliver(self, call: Call, receipts: asyncio.Queue[bytes | None]) -> None:
        """Post each receipt until it is taken (2xx), in order; each try is signed anew."""
        while (body := await receipts.get()) is not None:
            for attempt in range(TRIES_MAX):
                if await self._post(call, body):
                    break
                call.callback_failures += 1
                await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            else:
                log.error("call-back given up: %s", call.call_id)
                return

    async def _post(self, call: Call, body: bytes) -> bool:
        stamp = str(int(datetime.now(UTC).timestamp()))
        mac = hmac.new(self.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Timestamp": stamp, "X-Signature": f"sha256={mac}"}
        try:
            answer = await self._http.post(call.callback, content=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("call-back of %s not taken: %s", call.call_id, error)
            return False
        return answer.is_success

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
