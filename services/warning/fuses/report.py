"""问题收集 Collects what is wrong with a rules file, each with line, field and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from shared.pack.located import Located, Problem

LISTED_MAX = 12  # a remedy names at most so many of the possible values


class Report:
    """问题收集 of one file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self._problems = problems
        self.count = 0

    def at(self, line: int, field: str | None, message: str) -> None:
        self.count += 1
        self._problems.append(Problem(self.file, line, message, field))

    def field(self, owner: Located | None, name: str, message: str) -> None:
        """A problem of one field of a mapping."""
        line = owner.line_of(name) if owner is not None else 1
        self.at(line, name, f"field '{name}': {message}")

    def choice(self, owner: Located, name: str, value: object, choices: Iterable[str], have: str) -> None:
        """A value that is none of the possible ones; a near spelling is named."""
        known = [str(choice) for choice in choices]
        near = get_close_matches(str(value), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"{have} {_listed(known)}"
        self.field(owner, name, f"'{value}' is unknown; {hint}")

    def known(self, owner: Located, fields: Iterable[str], later: Mapping[str, str] | None = None) -> None:
        """Refuse every field that is not one of ``fields``; ``later`` says why for those still to come."""
        names = list(fields)
        for name in owner:
            if name in names:
                continue
            if later and name in later:
                self.field(owner, name, later[name])
                continue
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {_listed(names)}"
            self.field(owner, name, f"is unknown; {hint}")

    def section(self, owner: Located | None, name: str, fields: Iterable[str], example: str) -> Located | None:
        """The mapping under ``name``, its fields checked; None where it is absent or no mapping."""
        if owner is None or name not in owner:
            return None
        value = owner[name]
        if not isinstance(value, Located):
            self.field(owner, name, f"must be a mapping such as {example}")
            return None
        self.known(value, fields)
        return value


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:LISTED_MAX])
    return f"{shown}, …" if len(names) > LISTED_MAX else shown or "nothing"
