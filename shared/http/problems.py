"""问题文档 RFC 9457 problem documents: a stable ``code``, the field, a sentence in Chinese and in English."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import FengsuiError

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, code: str, en: str, zh: str, *, field: str | None = None, extra: dict[str, Any] | None = None
) -> JSONResponse:
    """One problem document."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": zh,
        "detail": en,
        **(extra or {}),
    }
    if field is not None:
        body["field"] = field
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status in (429, 503, 425):
        headers["Retry-After"] = str((extra or {}).get("retry_after_s", 1))
    return JSONResponse(body, status, headers, MEDIA_TYPE)


class RefuseNul:
    """PostgreSQL cannot hold NUL in text: an address with one is refused at the door, for every route alike."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            answer = problem(422, "invalid", "the address holds a NUL character", "地址中含有 NUL 字符", field="path")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


class RefuseLarge:
    """413: a body over the limit of its path is refused before anything reads it whole, declared or not."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self._app = app
        self._limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, seen = self._limit_of(scope["path"]), 0
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            answer = problem(413, "too_large", f"the body is larger than {limit} bytes", f"正文超过 {limit} 字节")
            await answer(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, f"the body is larger than {limit} bytes")
            return message

        await self._app(scope, counted, send)


def install(app: FastAPI) -> None:
    """Every error of the app becomes a problem document; a bug is logged with its trace and gives no detail away."""

    app.add_middleware(RefuseNul)

    @app.exception_handler(FengsuiError)
    async def on_domain(_: Request, error: FengsuiError) -> JSONResponse:
        return problem(error.status, error.code, error.en, error.zh, field=error.field, extra=error.extra)

    @app.exception_handler(RequestValidationError)
    async def on_validation(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0] if error.errors() else {"loc": (), "msg": "invalid"}
        field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or None
        return problem(
            422,
            "invalid",
            f"{field or 'body'}: {first['msg']}",
            f"字段 {field or '正文'} 有误：{first['msg']}",
            field=field,
            extra={
                "errors": [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()[:20]]
            },
        )

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        codes = {404: ("not_found", "不存在"), 405: ("method_not_allowed", "方法不允许"), 413: ("too_large", "过大")}
        code, zh = codes.get(error.status_code, ("http_error", str(error.detail)))
        return problem(error.status_code, code, str(error.detail), zh)

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        log.error("http.bug", path=request.url.path, exc_info=error)
        return problem(500, "internal_error", "an error of ours; it is logged", "系统内部错误，已记录")
