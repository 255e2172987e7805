"""列表 ``?limit=&cursor=`` → ``{"items": […], "next": …}``; a cursor is opaque and stable."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

from shared.errors import Invalid

LIMIT_MAX = 1000
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=500)]


def encode_cursor(position: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(position)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, parts: int) -> list[Any] | None:
    """The position in a cursor; Invalid when it is not one of ours."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(position, list) or len(position) != parts:
            raise ValueError("wrong shape")  # noqa: TRY301 - one answer for all that is wrong with a cursor
    except ValueError:
        raise Invalid(
            "cursor: give the 'next' of the page before", "cursor 应为上一页的 next", field="cursor"
        ) from None
    return position


def page(rows: Sequence[dict[str, Any]], limit: int, position_of: Any) -> dict[str, Any]:
    """A page of at most ``limit`` rows out of ``limit + 1`` fetched ones."""
    kept = list(rows[:limit])
    more = len(rows) > limit and kept
    return {"items": kept, "next": encode_cursor(position_of(kept[-1])) if more else None}
