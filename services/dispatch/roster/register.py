"""名册索引 A pack's roster and duties by what they are looked up by: a district has thousands, a red asks for hundreds.

Made once a pack and kept for the few packs in service; a pack never changes, so neither does its register.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.pack.model import Pack, Post, Region

KEPT_MAX = 8


@dataclass(frozen=True, kw_only=True)
class Register:
    """名册索引: everything in the order of the pack's files"""

    by_person: Mapping[str, tuple[Post, ...]]
    by_principal: Mapping[str, tuple[Post, ...]]  # deputies
    objects: Mapping[str, frozenset[str]]  # of a post's duties
    by_duty: Mapping[tuple[str, str], tuple[tuple[int, str], ...]]  # (role, object) → (row, post)
    in_charge: Mapping[str | None, tuple[tuple[Region, str], ...]]  # parent region → its regions' wardens
    households: Mapping[str, tuple[tuple[str, int], ...]]  # site → (household, people)
    below: Mapping[str, frozenset[str]]  # region → all regions under it

    def posts_with(self, role: str, objects: Iterable[str]) -> tuple[str, ...]:
        """The posts with a duty towards one of the objects, each once."""
        rows = sorted(row for each in objects for row in self.by_duty.get((role, each), ()))
        return tuple(dict.fromkeys(post for _, post in rows))

    def region_of(self, person: str) -> str:
        """Where a person's first post is; empty where the roster does not know the person."""
        rows = self.by_person.get(person, ())
        return rows[0].region if rows else ""


_KEPT: dict[str, tuple[Pack, Register]] = {}


def register_of(pack: Pack) -> Register:
    """The register of a pack; two packs under one version (made in tests) are told apart."""
    kept = _KEPT.get(pack.version)
    if kept is not None and kept[0] is pack:
        return kept[1]
    while len(_KEPT) >= KEPT_MAX:
        _KEPT.pop(next(iter(_KEPT)), None)
    made = _made(pack)
    _KEPT[pack.version] = (pack, made)
    return made


def _made(pack: Pack) -> Register:
    persons: dict[str, list[Post]] = {}
    deputies: dict[str, list[Post]] = {}
    for row in pack.roster.values():
        if row.person:
            persons.setdefault(row.person, []).append(row)
        if row.deputy_of:
            deputies.setdefault(row.deputy_of, []).append(row)
    objects: dict[str, set[str]] = {}
    duties: dict[tuple[str, str], list[tuple[int, str]]] = {}
    wardens: dict[str | None, list[tuple[Region, str]]] = {}
    for n, duty in enumerate(pack.duties):
        objects.setdefault(duty.post, set()).add(duty.object)
        if duty.post in pack.roster:
            duties.setdefault((duty.role, duty.object), []).append((n, duty.post))
        region = pack.regions.get(duty.object)
        if duty.role == "warden" and region is not None:
            wardens.setdefault(region.parent, []).append((region, duty.post))
    houses: dict[str, list[tuple[str, int]]] = {}
    for house in pack.households.values():
        houses.setdefault(house.site, []).append((house.household_id, house.people))
    below: dict[str, set[str]] = {}
    for code in pack.regions:
        for above in pack.ancestors(code)[1:]:
            below.setdefault(above, set()).add(code)
    return Register(
        by_person={person: tuple(rows) for person, rows in persons.items()},
        by_principal={post: tuple(rows) for post, rows in deputies.items()},
        objects={post: frozenset(found) for post, found in objects.items()},
        by_duty={key: tuple(rows) for key, rows in duties.items()},
        in_charge={parent: tuple(found) for parent, found in wardens.items()},
        households={site: tuple(found) for site, found in houses.items()},
        below={region: frozenset(found) for region, found in below.items()},
    )
