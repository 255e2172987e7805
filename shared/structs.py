"""读入 What is stored or sent, read into its type, and written.

    _LINE = Reader(Line)  # at module level
    _LINE.json(text), _LINE.plain(value)
    Packer(Line).text(line)

msgspec works out a type at its first use; two threads that do so at once end the process (a service that met its first
red while officers looked at it). A reader works it out at import, before there are threads; ruff forbids the other way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec
import msgspec.inspect

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


class Packer(Generic[T]):
    """装入器 The canonical JSON of a struct: sorted keys, no spaces, UTF-8.

    TypeError at its making for a type that holds a float or anything: msgspec writes NaN as null, and what is not known
    would read as nothing.
    """

    def __init__(self, kind: type[T]) -> None:
        for place, each in _parts(msgspec.inspect.type_info(kind), str(getattr(kind, "__name__", kind)), set()):
            if isinstance(each, _UNSURE):
                raise TypeError(f"{place}: a {type(each).__name__} may hold NaN; store it by dump_json")
            if isinstance(each, msgspec.inspect.DictType) and not isinstance(each.key_type, msgspec.inspect.StrType):
                raise TypeError(f"{place}: keys that are no text cannot be sorted")
        self._encoder = msgspec.json.Encoder(order="sorted")

    def text(self, value: T) -> str:
        return self._encoder.encode(value).decode()


_UNSURE = (msgspec.inspect.FloatType, msgspec.inspect.AnyType, msgspec.inspect.CustomType, msgspec.inspect.RawType)


def _parts(of: Any, place: str, seen: set[type]) -> Iterator[tuple[str, msgspec.inspect.Type]]:
    """Each type that may stand somewhere in a value of this one, and where."""
    yield place, of
    kind = getattr(of, "cls", None)
    if kind in seen:
        return
    seen |= {kind} if kind else set()
    for field in getattr(of, "fields", ()):
        yield from _parts(field.type, f"{place}.{field.name}", seen)
    inner = [getattr(of, name) for name in ("item_type", "key_type", "value_type") if hasattr(of, name)]
    for each in (*inner, *getattr(of, "item_types", ()), *getattr(of, "types", ())):
        yield from _parts(each, place, seen)
