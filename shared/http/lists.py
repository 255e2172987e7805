"""列表 ``?limit=&cursor=`` → ``{"items": […], "next": …}``; a cursor is opaque and stable."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar

from fastapi import Query

from shared.errors import Invalid

LIMIT_MAX = 1000
NUMBER_MAX = 2**53  # what JSON keeps exactly, and every database holds
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # what no database takes
T = TypeVar("T", int, str)
Cursor = Annotated[str | None, Query(max_length=500)]


def encode_cursor(position: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(position)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type | UnionType) -> list[Any] | None:
    """The position in a cursor, a value of each of these kinds; Invalid when it is not one of ours."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    if not isinstance(position, list) or len(position) != len(kinds) or not all(map(_is_ours, position, kinds)):
        raise Invalid("cursor: give the 'next' of the page before", "cursor 应为上一页的 next", field="cursor")
    return position


def decode_place(cursor: str | None, kind: type[T]) -> T | None:
    """The position of a list that is ordered by one value."""
    position: list[T] | None = decode_cursor(cursor, kind)
    return None if position is None else position[0]


def _is_ours(part: Any, kind: type | UnionType) -> bool:
    """Of its kind, and such that a database takes it."""
    if isinstance(part, str):
        return isinstance(part, kind) and not _NO_TEXT.search(part)
    if isinstance(part, int) and not isinstance(part, bool):
        return isinstance(part, kind) and 0 <= part < NUMBER_MAX
    return part is None and isinstance(part, kind)


def page(rows: Sequence[dict[str, Any]], limit: int, position_of: Any) -> dict[str, Any]:
    """A page of at most ``limit`` rows out of ``limit + 1`` fetched ones."""
    kept = list(rows[:limit])
    more = len(rows) > limit and kept
    return {"items": kept, "next": encode_cursor(position_of(kept[-1])) if more else None}
