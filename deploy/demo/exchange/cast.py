"""角色表 Who of the pack's roster answers how: ``cast.yaml`` names posts and dead masts, the roster their numbers.

A cast is written for one pack; in another the posts and places that its roster does not have are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.demo.exchange.personas import Character, Persona, read_character


def read_cast(path: Path, roster: Path) -> dict[str, Character]:
    """Number → character; ValueError names the file and what is wrong with it."""
    document = _mapping(path, _yaml(path))
    if unknown := set(document) - {"posts", "masts"}:
        raise ValueError(f"{path}:1: '{sorted(unknown)[0]}' is not known; give posts, masts")
    numbers, regions = _phone_book(roster)
    people: dict[str, Character] = {}
    for mast, places in _mapping(path, document.get("masts", {})).items():
        for region in places:
            under = Character(persona=Persona.DEAD_MAST, mast=str(mast))
            people.update(dict.fromkeys(regions.get(str(region), ()), under))
    for post, entry in _mapping(path, document.get("posts", {})).items():
        try:
            character = read_character(entry)
        except ValueError as error:
            raise ValueError(f"{path}:1: post {post}: {error}") from error
        if post in numbers:
            people[numbers[post]] = character
    return people


def _phone_book(roster: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Post → number, region → numbers."""
    numbers: dict[str, str] = {}
    regions: dict[str, set[str]] = {}
    for row in _rows(roster):
        for contact in row["channels"].split(";"):
            channel, _, number = contact.partition(":")
            if channel == "voice":
                numbers[row["post"]] = number
                regions.setdefault(row["region"], set()).add(number)
    return numbers, regions


def _rows(roster: Path) -> Iterator[Mapping[str, str]]:
    try:
        with roster.open(encoding="utf-8-sig", newline="") as stream:
            yield from csv.DictReader(stream)
    except OSError as error:
        raise ValueError(f"{roster}:1: cannot be read: {error}") from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}:1: cannot be read: {error}") from error


def _mapping(path: Path, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path}:1: must be a mapping, such as 'posts: {{zs-mayor: prompt}}'")  # noqa: TRY004 - one error type for a wrong file
    return value
