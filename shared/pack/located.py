"""YAML 与行号 YAML whose every mapping and key remembers its line, so that a refusal can name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


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
    """A mapping that knows the line of itself (``.line``) and of each key (``.line_of(key)``), from 1."""

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


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps times and dates as text: ``3h`` and ISO instants are ours to read."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

YAML_BYTES_MAX = 1_000_000
YAML_DEPTH_MAX = 30


def load_yaml(path: Path, name: str) -> tuple[Any, list[Problem]]:
    """Read one YAML file. ``name`` is how it is called in problems. Duplicate keys are problems."""
    problems: list[Problem] = []
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, [Problem(name, 1, f"cannot be read: {error.strerror}")]
    if len(data) > YAML_BYTES_MAX:
        return None, [Problem(name, 1, f"is larger than {YAML_BYTES_MAX} bytes")]
    try:
        node = yaml.compose(data.decode("utf-8-sig"), Loader=_Loader)
        if node is None:
            return None, [Problem(name, 1, "is empty")]
        return _build(node, name, problems, 0), problems
    except UnicodeDecodeError:
        return None, [Problem(name, 1, "is not UTF-8; save it as UTF-8")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Problem(name, line, f"is not YAML: {error.problem}")]


def _build(node: yaml.Node, name: str, problems: list[Problem], depth: int) -> Any:
    if depth > YAML_DEPTH_MAX:
        raise yaml.MarkedYAMLError(problem="is nested too deeply", problem_mark=node.start_mark)
    if isinstance(node, yaml.MappingNode):
        found = Located(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in found:
                problems.append(Problem(name, line, f"key '{key}' appears twice; keep one", key))
            found.put(key, _build(value_node, name, problems, depth + 1), line)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, name, problems, depth + 1) for item in node.value]
    constructor = _Loader("")
    try:
        return constructor.construct_object(node)
    finally:
        constructor.dispose()
