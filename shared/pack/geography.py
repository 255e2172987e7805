"""地理文件 GeoJSON of the pack (RFC 7946): zones, roads and approved routes, checked as shapes and as references."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from shared.ids import is_id
from shared.pack.table import Problems
from shared.vocabulary import LEVELS, Level

GEOJSON_BYTES_MAX = 64_000_000
FEATURES_MAX = 200_000
POSITIONS_MAX = 2_000_000
_SHAPES = {
    "zones.geojson": {"Polygon", "MultiPolygon"},
    "roads.geojson": {"LineString", "MultiLineString"},
    "routes.geojson": {"LineString"},
}
_DEPTH = {"LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
GEOJSON_FILES = tuple(_SHAPES)
_STEPS = tuple(level.value for level in LEVELS if level is not Level.NORMAL)
_LAYER_LINKS: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = {
    "zones.geojson": (  # property, tables that hold its ids, words that it may be
        ("kind", (), ("danger", "population")),
        ("step", (), _STEPS),
        ("hazard", ("hazards.csv",), ()),
        ("region", ("regions.csv", "sites.csv"), ()),
    ),
    "routes.geojson": (("site", ("sites.csv",), ()), ("shelter", ("shelters.csv",), ())),
}


def read_geojson(data: bytes, name: str, problems: Problems) -> Any:
    """读 GeoJSON The FeatureCollection as parsed, or None with problems."""
    if len(data) > GEOJSON_BYTES_MAX:
        problems.add(name, 1, f"is larger than {GEOJSON_BYTES_MAX} bytes; simplify the lines or use roads.osm.pbf")
        return None
    try:
        found = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        problems.add(name, data[: error.start].count(b"\n") + 1, "is not UTF-8; save it as UTF-8")
        return None
    except json.JSONDecodeError as error:
        problems.add(name, error.lineno, f"is not JSON: {error.msg}")
        return None
    except (RecursionError, ValueError) as error:
        problems.add(name, 1, f"is not GeoJSON: {str(error)[:100]}")
        return None
    features = found.get("features") if isinstance(found, dict) else None
    if not isinstance(features, list) or found.get("type") != "FeatureCollection":
        problems.add(name, 1, "type is not FeatureCollection; save the layer as GeoJSON (RFC 7946)", "type")
        return None
    if len(features) > FEATURES_MAX:
        problems.add(name, 1, f"has {len(features)} features; at most {FEATURES_MAX} are taken")
        return None
    before = len(problems)
    lines = feature_lines(data, len(features))
    seen: set[str] = set()
    left = POSITIONS_MAX
    for at, feature in enumerate(features):
        line = lines[at]
        left -= _check_feature(feature, name, line, f"feature {at + 1}", problems, seen)
        if left < 0:
            problems.add(name, line, f"has more than {POSITIONS_MAX} positions; simplify the lines")
            return None
    return found if len(problems) == before else None


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number; RFC 8259 has none")


def feature_lines(data: bytes, count: int) -> list[int]:
    """要素行号 Where the features begin, if each has a line of its own (`pack format`); else line 1 for all."""
    lines = [at for at, line in enumerate(data.splitlines(), 1) if b'"Feature"' in line]
    return lines if len(lines) == count else [1] * count


def _check_feature(feature: Any, name: str, line: int, what: str, problems: Problems, seen: set[str]) -> int:
    """Problems of one feature; the number of its positions."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict) or not isinstance(properties, dict):
        problems.add(name, line, f"{what} needs a geometry and properties")
        return 0
    kind = geometry.get("type")
    if not isinstance(kind, str) or kind not in _SHAPES[name]:
        problems.add(
            name, line, f"{what}: geometry is a {str(kind)[:40]}; use {' or '.join(sorted(_SHAPES[name]))}", "geometry"
        )
        return 0
    id_field = {"roads.geojson": "edge_id", "routes.geojson": "route_id", "zones.geojson": "zone_id"}.get(name)
    id_field = None if name == "zones.geojson" and "zone_id" not in properties else id_field
    if id_field is not None:
        value = properties.get(id_field)
        if not isinstance(value, str) or not is_id(value):
            problems.add(name, line, f"{what}: {id_field} is missing or not an id; use A-Z a-z 0-9 _ -", id_field)
        elif value in seen:
            problems.add(name, line, f"{what}: {id_field} '{value}' appears twice; give each its own", id_field)
        else:
            seen.add(value)
    if not isinstance(properties.get("source"), str) and name != "roads.geojson":
        problems.add(name, line, f"{what}: source is missing; say who drew it, 演示数据 when made up", "source")
    return _check_positions(geometry.get("coordinates"), _DEPTH[kind], kind, name, line, what, problems)


def _check_positions(value: Any, depth: int, kind: str, name: str, line: int, what: str, problems: Problems) -> int:
    """Problems of nested coordinates, ``depth`` lists above the positions; the number of positions."""
    if not isinstance(value, list) or not value:
        problems.add(name, line, f"{what}: coordinates are missing", "coordinates")
        return 0
    if depth > 1:
        return sum(_check_positions(part, depth - 1, kind, name, line, what, problems) for part in value)
    least = 4 if kind.endswith("Polygon") else 2
    if len(value) < least:
        problems.add(name, line, f"{what}: has {len(value)} positions; it needs {least}", "coordinates")
    elif least == 4 and value[0] != value[-1]:
        problems.add(name, line, f"{what}: a ring is not closed; repeat its first position at its end", "coordinates")
    wrong = next((position for position in value if not _is_position(position)), None)
    if wrong is not None:
        problems.add(
            name,
            line,
            f"{what}: {str(wrong)[:40]} is no position; use [lon, lat] in WGS-84 degrees (are they exchanged?)",
            "coordinates",
        )
    return len(value)


def _is_position(value: Any) -> bool:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        return False
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
        return False
    lon, lat = value[0], value[1]
    return -180 <= lon <= 180 and -90 <= lat <= 90 and all(abs(part) < 1e5 and math.isfinite(part) for part in value)


def check_layers(
    layers: Mapping[str, Any], files: Mapping[str, bytes], known: Mapping[str, set[str]], problems: Problems
) -> None:
    """图层引用 What zones and routes name: hazard, region, site, shelter. ``known``: the ids of the tables present."""
    for name, links in _LAYER_LINKS.items():
        features = (layers.get(name) or {}).get("features", ())
        lines = feature_lines(files.get(name, b""), len(features))
        for at, feature in enumerate(features):
            for field, tables, words in links:
                value = feature["properties"].get(field)
                if value is None or (tables and not all(table in known for table in tables)):
                    continue
                allowed = set(words).union(*(known[table] for table in tables))
                if str(value) not in allowed:
                    what = ", ".join(words) if words else f"an id of {' or '.join(tables)}"
                    message = f"feature {at + 1}: {field} '{str(value)[:60]}' is not known; use {what}"
                    problems.add(name, lines[at], message, field)


def route_ids(geojson: Mapping[str, Any]) -> set[str]:
    """明白卡路线 The ids of the approved routes."""
    features = (geojson.get("routes.geojson") or {}).get("features", ())
    return {str(feature["properties"]["route_id"]) for feature in features}
