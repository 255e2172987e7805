"""HTTP 客户端 The one module that calls out. An outside call ends as an answer, `Transient` or `Permanent`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx

from shared.errors import FengsuiError
from shared.http.tls import authorities

TIMEOUT = httpx.Timeout(5.0, connect=2.0)
ANSWER_BYTES_MAX = 8_000_000
TOKEN_EARLY_S = 60


class Transient(FengsuiError):
    """暂时失败 The other side could not be reached or asks to try again; the outbox decides when."""

    status = 502
    code = "peer_transient"


class Permanent(FengsuiError):
    """永久失败 The other side refuses this message for good."""

    status = 502
    code = "peer_refused"


RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 401})


class TokenSource(Protocol):
    """令牌来源: gives this service's token, and a new one after `forget`."""

    def get(self) -> str | None: ...

    def forget(self) -> None: ...


class FixedToken:
    """给定令牌: a token that somebody handed over; there is no other when it expires."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get(self) -> str:
        return self._token

    def forget(self) -> None:
        """Nothing to renew."""


class ServiceTokens:
    """服务令牌 client_credentials of this service at the token endpoint, renewed a minute early."""

    def __init__(self, url: str | None, client_id: str, secret: str | None, now: Callable[[], datetime]) -> None:
        self._url, self._id, self._secret, self._now = url, client_id, secret, now
        self._token: str | None = None
        self._until: datetime | None = None
        self._lock = threading.Lock()

    def get(self) -> str | None:
        if self._url is None or self._secret is None:
            return None
        with self._lock:
            if self._token is None or self._until is None or self._now() >= self._until:
                form = {"grant_type": "client_credentials", "client_id": self._id, "client_secret": self._secret}
                try:
                    answer = httpx.post(self._url, data=form, timeout=TIMEOUT)
                except httpx.HTTPError as error:
                    raise Transient(f"the token endpoint cannot be reached: {error}") from error
                if answer.status_code != 200:
                    raise Transient(f"the token endpoint answered {answer.status_code}")
                body = answer.json()
                self._token = str(body["access_token"])
                self._until = self._now() + timedelta(seconds=int(body.get("expires_in", 300)) - TOKEN_EARLY_S)
            return self._token

    def forget(self) -> None:
        with self._lock:
            self._token = None


class Caller(Protocol):
    """呼叫方: what talks to one service; `ServiceClient` over HTTP, a simulation in memory."""

    def call(self, method: str, path: str, *, json: Any = None) -> Any: ...

    def close(self) -> None: ...


class ServiceClient:
    """服务客户端: JSON over HTTP to one base URL, with this service's token."""

    def __init__(self, base_url: str, tokens: TokenSource | None = None) -> None:
        self.base_url = base_url
        self._tokens = tokens
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT, verify=authorities())

    def call(self, method: str, path: str, *, json: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON answer; `Transient` or `Permanent` carry the other side's code in ``extra['peer_code']``."""
        sent = dict(headers or {})
        token = self._tokens.get() if self._tokens else None
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            answer = self._http.request(method, path, json=json, headers=sent)
        except httpx.HTTPError as error:
            raise Transient(f"{method} {path}: {type(error).__name__}: {error}") from error
        if len(answer.content) > ANSWER_BYTES_MAX:
            raise Permanent(f"{method} {path}: the answer is larger than {ANSWER_BYTES_MAX} bytes")
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as error:
                raise Transient(f"{method} {path}: the answer is not JSON") from error
        if answer.status_code == 401 and self._tokens:
            self._tokens.forget()
        kind = Transient if answer.status_code in RETRYABLE else Permanent
        raise kind(f"{method} {path}: {answer.status_code} {answer.text[:300]}", peer_code=_code(answer))

    def close(self) -> None:
        self._http.close()


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", answer.status_code))
    except (ValueError, AttributeError):
        return str(answer.status_code)
