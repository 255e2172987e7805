"""随流而来 Parts of a page that come with the stream, made of the services' numbers: no page has to ask for them.

    PART = Part("todo", "overview/todo.html", {"dispatch": ("to_sign", "cases")}, values)

A page has the part as ``<section id="todo" data-part="URL" data-told>``; the URL gives the same when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.peers import Ask, Asked
from console.settings import SERVICES

SILENT_S = 6.0  # services tell their numbers every two seconds: who is silent for longer is not known


@dataclass(frozen=True)
class Part:
    """页面一块: its element's id, its template, the figures that it needs of each service, the template's values"""

    name: str
    template: str
    needs: Mapping[str, tuple[str, ...]]
    values: Callable[[Mapping[str, Asked]], Mapping[str, Any]]


def figures(service: str, parts: Iterable[Part]) -> str:
    """What these parts need of a service, as ``of`` is written."""
    return ",".join(sorted({name for part in parts for name in part.needs.get(service, ())}))


def asks(parts: Iterable[Part]) -> dict[str, Ask]:
    """What these parts need, by service."""
    wanted = tuple(parts)
    return {
        service: (service, "/v1/numbers", {"of": figures(service, wanted)})
        for service in SERVICES
        if any(service in part.needs for part in wanted)
    }


class Telling:
    """报页: what one page's parts read as the services tell their numbers; each is said when it reads otherwise."""

    def __init__(self, parts: Iterable[Part], render: Callable[[Part, Mapping[str, Any]], str]) -> None:
        self._parts, self._render = tuple(parts), render
        self._told: dict[str, Asked] = {}
        self._at: dict[str, float] = {}  # monotonic
        self._shown: dict[str, str] = {}

    def take(self, service: str, said: Asked, now: float) -> dict[str, str]:
        """The parts that read otherwise now, by name."""
        self._at[service] = now
        changed = [name for name, at in self._at.items() if now - at > SILENT_S and not self._told[name].wrong]
        self._told |= {name: Asked(wrong=f"{name}: silent") for name in changed}
        before = self._told.get(service)
        self._told[service] = said
        if before is None or _facts(before) != _facts(said):
            changed.append(service)
        found = {}
        for part in self._parts:
            if part.needs.keys().isdisjoint(changed) or not part.needs.keys() <= self._told.keys():
                continue
            html = self._render(part, part.values(self._told))
            if html != self._shown.get(part.name):
                found[part.name] = self._shown[part.name] = html
        return found


def _facts(asked: Asked) -> Any:
    """What was said but for the number of the event that it knows of."""
    body = asked.body if isinstance(asked.body, dict) else {}
    return asked.wrong, {name: value for name, value in body.items() if name != "after"}
