"""YAML 与行号 YAML whose every mapping and key remembers its line, so that a refusal can name it.

Narrower than YAML on purpose, since officials edit it: no anchors, no tags, no ``yes``/``on`` booleans, no times
(``3h``, ``22:00`` and ISO instants stay text), decimal numbers only.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

YAML_BYTES_MAX = 1_000_000
YAML_DEPTH_MAX = 30
YAML_DIGITS_MAX = 18  # more digits than any count or code has


@dataclass(frozen=True)
class Problem:
    """问题: one finding of a check, printed as ``file:line: what is wrong and what would be right``."""

    file: str
    line: int
    message: str
    field: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Located(dict[str, Any]):
    """带行号的映射: knows the line of itself (``.line``) and of each key (``.line_of(key)``), from 1."""

    line: int = 0

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self._lines: dict[str, int] = {}

    def put(self, key: str, value: Any, line: int) -> None:
        self[key] = value
        self._lines[key] = line

    def line_of(self, key: str) -> int:
        return self._lines.get(key, self.line)


class _Loader(yaml.CSafeLoader):
    """libyaml with the narrow scalars of this module."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{tag}" for tag in ("null", "bool", "int", "float", "str"))

_COLLECTION_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class _Refused(Exception):
    """A construct that this reader does not take; becomes a Problem."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def load_yaml(path: Path, name: str) -> tuple[Any, list[Problem]]:
    """读 YAML Read one YAML file. ``name`` is how it is called in problems. Duplicate keys are problems."""
    try:
        if path.stat().st_size > YAML_BYTES_MAX:
            return None, [_too_large(name)]
        return parse_yaml(path.read_bytes(), name)
    except OSError as error:
        return None, [Problem(name, 1, f"cannot be read: {error.strerror}")]


def parse_yaml(data: bytes, name: str) -> tuple[Any, list[Problem]]:
    """解析 YAML The same from bytes: the value (None if it cannot be used) and the problems."""
    if len(data) > YAML_BYTES_MAX:
        return None, [_too_large(name)]
    problems: list[Problem] = []
    try:
        text = data.decode("utf-8-sig")
        _refuse_depth(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return None, [Problem(name, 1, "is empty")]
        return _build(node, name, problems), problems
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return None, [Problem(name, line, "is not UTF-8; save it as UTF-8")]
    except _Refused as error:
        return None, [Problem(name, error.line, error.message)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [Problem(name, mark.line + 1 if mark is not None else 1, f"is not YAML: {error.problem}")]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [Problem(name, line, f"holds a character that YAML forbids: {error.reason}")]


def _too_large(name: str) -> Problem:
    return Problem(name, 1, f"is larger than {YAML_BYTES_MAX} bytes; split it")


def _refuse_depth(text: str) -> None:
    """The composer recurses: look at the flat event stream first, so that depth and anchors cost nothing."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        line = mark.line + 1 if mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, "uses an anchor (& or *); write the value out in each place")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > YAML_DEPTH_MAX:
                raise _Refused(line, f"is nested deeper than {YAML_DEPTH_MAX} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _build(node: yaml.Node, name: str, problems: list[Problem]) -> Any:
    if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTION_TAGS:
        raise _Refused(node.start_mark.line + 1, f"uses the tag {node.tag}; write a plain list or mapping")
    if isinstance(node, yaml.MappingNode):
        found = Located(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused(line, "a key is itself a list or mapping; keys are plain words")
            key = str(key_node.value)
            if key in found:
                problems.append(Problem(name, line, f"{key} appears twice; keep one", key))
            found.put(key, _build(value_node, name, problems), line)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, name, problems) for item in node.value]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    line = node.start_mark.line + 1
    text = str(node.value)
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if node.tag not in _PLAIN_TAGS:
        raise _Refused(line, f"uses the tag {node.tag}; write a plain value")
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind in ("int", "float"):
            if len(text) > YAML_DIGITS_MAX:
                raise _Refused(line, f"'{text[:24]}…' has more than {YAML_DIGITS_MAX} digits; quote it if it is a code")
            number = int(text) if kind == "int" else float(text)
            if not math.isfinite(number):
                raise _Refused(line, f"'{text}' is not a finite number")
            return number
    except (ValueError, KeyError):
        raise _Refused(line, f"'{text[:40]}' is not a value of the tag {node.tag}; write a plain value") from None
    return text
