"""读入 What is stored or sent, read into its type.

    _LINE = Reader(Line)  # at module level
    _LINE.json(text), _LINE.plain(value)

msgspec works out a type at its first use; two threads that do so at once end the process (a service that met its first
red while officers looked at it). A reader works it out at import, before there are threads; ruff forbids the other way.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Reader(Generic[T]):
    """读入器 of a struct or dataclass and all that it holds; raises ``msgspec.MsgspecError`` for what is none."""

    def __init__(self, kind: type[T]) -> None:
        self._kind, self._decoder = kind, msgspec.json.Decoder(kind)

    def json(self, text: str | bytes) -> T:
        return self._decoder.decode(text)

    def plain(self, value: Any) -> T:
        """From dicts, lists and plain values."""
        return msgspec.convert(value, self._kind)
