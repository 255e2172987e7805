"""交叉引用 Whether what one file of the pack names exists in another; skipped where the other file is absent."""

from __future__ import annotations

from collections.abc import Mapping

from shared.pack.model import District
from shared.pack.specs import DUTY_ROLES
from shared.pack.table import Parsed, Problems
from shared.vocabulary import TOWNSHIP_LIKE, RegionLevel

Rows = Mapping[str, list[Parsed]]

_DEPTH = {RegionLevel.DISTRICT: 0, RegionLevel.VILLAGE: 2, RegionLevel.GROUP: 3} | dict.fromkeys(TOWNSHIP_LIKE, 1)
_PARENT = {
    1: "the district",
    2: "a township, street or park",
    3: "a village",
}
# (file, field) names a row of the target's key column
_LINKS: tuple[tuple[str, str, str, str], ...] = (
    ("stations.csv", "region", "regions.csv", "code"),
    ("stations.csv", "metrics", "metrics.csv", "name"),
    ("regions.csv", "downstream", "regions.csv", "code"),
    ("measures.csv", "hazard", "hazards.csv", "code"),
    ("authority.csv", "hazard", "hazards.csv", "code"),
    ("authority.csv", "signer", "roster.csv", "post"),
    ("authority.csv", "deputies", "roster.csv", "post"),
    ("authority.csv", "lifter", "roster.csv", "post"),
    ("roster.csv", "region", "regions.csv", "code"),
    ("roster.csv", "deputy_of", "roster.csv", "post"),
    ("roster.csv", "superior", "roster.csv", "post"),
    ("duties.csv", "post", "roster.csv", "post"),
    ("units.csv", "region", "regions.csv", "code"),
    ("units.csv", "post", "roster.csv", "post"),
    ("sites.csv", "region", "regions.csv", "code"),
    ("sites.csv", "post", "roster.csv", "post"),
    ("households.csv", "site", "sites.csv", "site_id"),
    ("households.csv", "group", "regions.csv", "code"),
    ("households.csv", "responsible_post", "roster.csv", "post"),
    ("households.csv", "shelter", "shelters.csv", "shelter_id"),
    ("shelters.csv", "region", "regions.csv", "code"),
    ("shelters.csv", "key_post", "roster.csv", "post"),
    ("warehouses.csv", "region", "regions.csv", "code"),
    ("warehouses.csv", "key_post", "roster.csv", "post"),
    ("items.csv", "substitutes", "items.csv", "item_code"),
    ("stock.csv", "warehouse_id", "warehouses.csv", "warehouse_id"),
    ("stock.csv", "item_code", "items.csv", "item_code"),
    ("teams.csv", "region", "regions.csv", "code"),
    ("teams.csv", "post", "roster.csv", "post"),
)
_KEYS = {
    "regions.csv": "code",
    "units.csv": "unit_id",
    "sites.csv": "site_id",
    "stations.csv": "station_id",
    "shelters.csv": "shelter_id",
    "warehouses.csv": "warehouse_id",
    "roster.csv": "post",
}
_SCOPES = ("regions.csv", "units.csv", "sites.csv")
_DUTY_OBJECTS: dict[str, tuple[str, ...]] = dict.fromkeys(DUTY_ROLES, tuple(_KEYS)) | {
    "verifier": ("stations.csv", *_SCOPES),
    "warden": ("regions.csv", "sites.csv", "units.csv"),
    "second": ("roster.csv", *_SCOPES),
    "neighbour": _SCOPES,
    "key": ("shelters.csv", "warehouses.csv"),
    "head": _SCOPES,
}


def check_references(rows: Rows, district: District | None, problems: Problems) -> None:
    """查引用 All cross references of the files that are present."""
    for file, field, target, column in _LINKS:
        if file in rows and target in rows:
            _check_link(rows, file, field, target, column, problems)
    if "regions.csv" in rows:
        _check_regions(rows["regions.csv"], district, problems)
    if "stations.csv" in rows:
        _check_station_scopes(rows, problems)
    if "roster.csv" in rows:
        _check_chain(rows["roster.csv"], "roster.csv", "post", "superior", problems)
        _check_deputies(rows["roster.csv"], problems)
    if "duties.csv" in rows:
        _check_duties(rows, problems)
    if "authority.csv" in rows and "roster.csv" in rows:
        _check_preauthorised(rows, problems)
    if "measures.csv" in rows:
        _check_industries(rows, problems)
    if "measures.csv" in rows and "authority.csv" in rows:
        _check_every_measure_has_authority(rows, problems)


def _ids(rows: Rows, file: str, column: str | None = None) -> set[str]:
    return {row.cells[column or _KEYS[file]] for row in rows.get(file, ())}


def _named(row: Parsed, field: str) -> tuple[str, ...]:
    value = getattr(row.value, field)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _check_link(rows: Rows, file: str, field: str, target: str, column: str, problems: Problems) -> None:
    known = _ids(rows, target, column)
    for row in rows[file]:
        for name in _named(row, field):
            if name not in known and not (name == "*" and file == "authority.csv"):
                problems.add(
                    file, row.line, f"{field} '{name}' is not in {target}; use a value of its column '{column}'", field
                )


def _check_regions(regions: list[Parsed], district: District | None, problems: Problems) -> None:
    by_code = {row.value.code: row for row in regions}
    for row in regions:
        region = row.value
        if region.code in region.downstream:
            problems.add(
                "regions.csv", row.line, f"downstream '{region.code}' is the region itself; remove it", "downstream"
            )
        if region.level is RegionLevel.DISTRICT:
            if district is not None and region.code != district.code:
                problems.add(
                    "regions.csv",
                    row.line,
                    f"level 'district' is given to '{region.code}' but district.yaml says '{district.code}'; "
                    "a pack has one district",
                    "level",
                )
            if region.parent is not None:
                problems.add(
                    "regions.csv",
                    row.line,
                    f"parent '{region.parent}' is given; leave it empty for the district",
                    "parent",
                )
            continue
        if region.parent is None:
            problems.add(
                "regions.csv",
                row.line,
                "parent is empty; only the district has none, use a code from column 'code'",
                "parent",
            )
            continue
        parent = by_code.get(region.parent)
        if parent is None:
            problems.add(
                "regions.csv",
                row.line,
                f"parent '{region.parent}' is not a region; use a code from column 'code' "
                "or leave it empty for the district",
                "parent",
            )
        elif _DEPTH[parent.value.level] != _DEPTH[region.level] - 1:
            problems.add(
                "regions.csv",
                row.line,
                f"parent '{region.parent}' is a {parent.value.level}; a {region.level} lies in "
                f"{_PARENT[_DEPTH[region.level]]}",
                "parent",
            )
    if district is not None and district.code not in by_code:
        problems.add(
            "regions.csv", 1, f"code '{district.code}' of district.yaml has no row; add it with level district", "code"
        )
    _check_chain(regions, "regions.csv", "code", "parent", problems)


def _check_chain(rows: list[Parsed], file: str, key: str, link: str, problems: Problems) -> None:
    """No row may reach itself over ``link``; each cycle is told once, at its first row."""
    by_key = {str(getattr(row.value, key)): row for row in rows}
    done: set[str] = set()
    for row in rows:
        path: list[str] = []
        at: str | None = str(getattr(row.value, key))
        while at is not None and at in by_key and at not in done and at not in path:
            path.append(at)
            at = getattr(by_key[at].value, link)
        if at in path:
            circle = path[path.index(at) :]
            first = min(circle, key=lambda name: by_key[name].line)
            problems.add(
                file,
                by_key[first].line,
                f"{link} '{getattr(by_key[first].value, link)}' leads back to '{first}' "
                f"({' → '.join([*circle[:8], circle[0]])}); break the circle",
                link,
            )
        done.update(path)


def _check_deputies(roster: list[Parsed], problems: Problems) -> None:
    for row in roster:
        if row.value.deputy_of == row.value.post:
            problems.add(
                "roster.csv",
                row.line,
                f"deputy_of '{row.value.post}' is the post itself; name the post it stands in for",
                "deputy_of",
            )


def _check_station_scopes(rows: Rows, problems: Problems) -> None:
    if not all(file in rows for file in _SCOPES):
        return  # a part of a pack: what is served cannot be known
    scopes: set[str] = set().union(*(_ids(rows, file) for file in _SCOPES))
    upstream = scopes | _ids(rows, "stations.csv")
    for row in rows["stations.csv"]:
        for field, known, what in (
            ("serves", scopes, "region, unit or site"),
            ("upstream_of", upstream, "station, region, unit or site"),
        ):
            for name in _named(row, field):
                if name not in known:
                    problems.add(
                        "stations.csv", row.line, f"{field} '{name}' is no {what}; use an id of this pack", field
                    )
                elif name == row.value.station_id:
                    problems.add("stations.csv", row.line, f"{field} '{name}' is the station itself; remove it", field)


def _check_duties(rows: Rows, problems: Problems) -> None:
    industries = {str(row.value.industry) for row in rows.get("units.csv", ())}
    ids = {file: _ids(rows, file) for file in _KEYS if file in rows}
    for row in rows["duties.csv"]:
        duty = row.value
        files = _DUTY_OBJECTS[duty.role]
        if not all(file in ids for file in files):
            continue
        industry, at, region = duty.object.partition("@")
        if at:
            known = industry in industries and region in ids.get("regions.csv", ())
        else:
            known = any(duty.object in ids[file] for file in files)
        if not known:
            where = ", ".join(file.removesuffix(".csv") for file in files)
            problems.add(
                "duties.csv",
                row.line,
                f"object '{duty.object}' is not known to role {duty.role}; use an id of {where}",
                "object",
            )
        elif duty.role == "second" and duty.object == duty.post:
            problems.add(
                "duties.csv",
                row.line,
                f"object '{duty.object}' is the post itself; the second is another post",
                "object",
            )


def _check_preauthorised(rows: Rows, problems: Problems) -> None:
    known = _ids(rows, "roster.csv") | set(DUTY_ROLES)
    for row in rows["authority.csv"]:
        name = row.value.preauthorised_by
        if name is not None and name not in known:
            problems.add(
                "authority.csv",
                row.line,
                f"preauthorised_by '{name}' is neither a post of roster.csv nor a duty; use one, e.g. warden or head",
                "preauthorised_by",
            )


def _check_industries(rows: Rows, problems: Problems) -> None:
    """An industry that no unit has is a misspelt one: its measure would reach nobody."""
    for file, attribute, scope_kinds in (
        ("units.csv", "industry", ("industry", "unit")),
        ("sites.csv", "kind", ("site",)),
    ):
        if file not in rows:
            continue
        known = {getattr(row.value, attribute) for row in rows[file]}
        for row in rows["measures.csv"]:
            name = row.value.industry
            if row.value.scope_kind in scope_kinds and name is not None and name not in known:
                message = f"industry '{name}' is not in {file}; use a value of its column '{attribute}'"
                problems.add("measures.csv", row.line, message, "industry")


def _check_every_measure_has_authority(rows: Rows, problems: Problems) -> None:
    granted = {
        (row.value.hazard, row.value.kind, row.value.scope_kind, row.value.level) for row in rows["authority.csv"]
    }
    for row in rows["measures.csv"]:
        measure = row.value
        key = (measure.kind, measure.scope_kind, measure.level)
        if (measure.hazard, *key) not in granted and ("*", *key) not in granted:
            problems.add(
                "measures.csv",
                row.line,
                f"kind '{measure.kind}' of hazard {measure.hazard} on a {measure.scope_kind} at {measure.level} "
                f"has no row in authority.csv; add one with hazard {measure.hazard} or *",
                "kind",
            )
