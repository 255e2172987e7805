"""服务接口 What the console asks the services, always with the officer's token; an answer or why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from console.settings import ConsoleSettings
from shared.http.tls import authorities

TIMEOUT = httpx.Timeout(4.0)  # a machine that is busy is not a service that is away: who is away refuses at once
STREAM_TIMEOUT = httpx.Timeout(4.0, read=30.0)  # three heartbeats
KEPT = httpx.Limits(
    max_connections=200, max_keepalive_connections=50, keepalive_expiry=10.0
)  # services keep theirs 20 s
UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # `streams.STREAMS_MAX` is the limit
ANSWER_BYTES_MAX = 4_000_000
_PLAIN = msgspec.json.Decoder()  # of no type


Ask = tuple[str, str, Mapping[str, Any]]
"""``(service, path, query)``"""


@dataclass(frozen=True)
class Asked:
    """答复: ``body`` where the service answered; else ``wrong`` says what kept it, and ``status`` its code."""

    body: Any = None
    wrong: str | None = None
    status: int = 0

    @property
    def cut(self) -> bool:
        """Whether there is more than was asked for: a count of these rows would be too small."""
        return self.next is not None

    @property
    def next(self) -> str | None:
        """The cursor of what comes after these rows."""
        return self.body.get("next") if isinstance(self.body, dict) else None

    @property
    def items(self) -> list[Any]:
        found = self.body.get("items", []) if isinstance(self.body, dict) else []
        return found if isinstance(found, list) else []


class Peers:
    """三个服务: one connection pool for each."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(timeout=TIMEOUT, limits=KEPT, trust_env=False, verify=authorities())
        # streams stay open as long as pages do: in one pool with the questions they would leave these no connection
        self._streams = httpx.AsyncClient(
            timeout=STREAM_TIMEOUT, limits=UNLIMITED, trust_env=False, verify=authorities()
        )

    async def close(self) -> None:
        await self._http.aclose()
        await self._streams.aclose()

    async def get(self, service: str, path: str, token: str | None = None, **query: str | int | None) -> Asked:
        """One GET; never raises for what the other side does."""
        params = {name: value for name, value in query.items() if value is not None}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = self._settings.url(service) + path
        try:
            try:
                answer = await self._http.get(url, params=params, headers=headers)
            except (httpx.ReadError, httpx.RemoteProtocolError):  # a kept connection that the service had just closed
                answer = await self._http.get(url, params=params, headers=headers)
        except httpx.HTTPError as error:
            return Asked(wrong=f"{service}: {type(error).__name__}")
        return _asked(service, answer)

    async def download(self, service: str, path: str, token: str, **query: str) -> tuple[bytes, str] | None:
        """A file as it is, with its media type; None where there is none to be had."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self._http.get(self._settings.url(service) + path, params=query, headers=headers)
        except httpx.HTTPError:
            return None
        if not answer.is_success or len(answer.content) > ANSWER_BYTES_MAX:
            return None
        return answer.content, answer.headers.get("content-type", "application/octet-stream")

    async def post(
        self,
        service: str,
        path: str,
        token: str | None,
        body: Mapping[str, Any],
        *,
        match: int | str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str | None,
    ) -> Asked:
        """One change; ``match`` is the version that was seen (If-Match), ``key`` makes a double click one act."""
        sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        sent |= {"If-Match": f'"{match}"'} if match is not None else {}
        sent |= {"Idempotency-Key": key} if key else {}
        params = {name: value for name, value in query.items() if value is not None}
        url = self._settings.url(service) + path
        try:
            answer = await self._http.post(url, params=params, headers=sent, json=dict(body))
        except httpx.HTTPError as error:
            return Asked(wrong=f"{service}: {type(error).__name__}")
        return _asked(service, answer)

    async def many(self, asks: Mapping[str, Ask], token: str | None) -> dict[str, Asked]:
        """Several at once: ``{name: (service, path, query)}``."""
        answers = await asyncio.gather(
            *(self.get(service, path, token, **query) for service, path, query in asks.values())
        )
        return dict(zip(asks, answers, strict=True))

    async def token_for(self, username: str, password: str) -> Asked:
        """``POST /v1/token``: a person's password, or an account's key."""
        grant = {"grant_type": "password", "username": username, "password": password}
        try:
            answer = await self._http.post(f"{self._settings.dispatch_url}/v1/token", data=grant)
        except httpx.HTTPError as error:
            return Asked(wrong=f"dispatch: {type(error).__name__}")
        return _asked("dispatch", answer)

    @asynccontextmanager
    async def stream(
        self, service: str, token: str, realm: str, last_event_id: str | None, of: str
    ) -> AsyncIterator[httpx.Response]:
        """The service's event stream as it comes, its numbers ``of`` these names among the events."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        url = f"{self._settings.url(service)}/v1/events"
        async with self._streams.stream(
            "GET", url, params={"realm": realm, "numbers": "true", "of": of}, headers=headers, timeout=STREAM_TIMEOUT
        ) as answer:
            yield answer


def _asked(service: str, answer: httpx.Response) -> Asked:
    if len(answer.content) > ANSWER_BYTES_MAX:
        return Asked(wrong=f"{service}: answer too large", status=answer.status_code)
    try:
        body = _PLAIN.decode(answer.content)
    except ValueError:
        return Asked(wrong=f"{service}: {answer.status_code}", status=answer.status_code)
    if answer.is_success:
        return Asked(body=body, status=answer.status_code)
    code = body.get("code") if isinstance(body, dict) else None
    return Asked(body=body, wrong=f"{service}: {answer.status_code} {code or ''}".strip(), status=answer.status_code)
