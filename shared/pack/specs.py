"""表结构 The columns of contract §3, file by file, and how a row becomes its type of `shared.pack.model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from shared.pack import cells, model
from shared.pack.cells import CellError
from shared.pack.table import Column, Spec

SCOPE_KINDS = ("region", "industry", "unit", "site")
DUTY_ROLES = ("verifier", "warden", "second", "neighbour", "key", "head", "patrol", "technical")
GUARANTEES = ("food", "clothing", "water", "shelter", "medical", "other")
INTERVAL_S_MAX = 86_400
PEOPLE_MAX = 10_000_000
ON_EXPIRY = "next_signer"

_people = cells.integer(0, PEOPLE_MAX)
Cells = Mapping[str, str]


def _need(name: str, parse: cells.Parser) -> Column:
    return Column(name, parse)


def _may(name: str, parse: cells.Parser, default: Any = None) -> Column:
    return Column(name, parse, required=False, default=default)


def _row(kind: Callable[..., Any], *dropped: str, **renamed: str) -> Callable[[dict[str, Any], Cells], Any]:
    """A builder: the values by column name, some under another name, ``dropped`` ones only checked."""

    def build(values: dict[str, Any], _cells: Cells) -> Any:
        _both_or_neither(values)
        return kind(**{renamed.get(name, name): value for name, value in values.items() if name not in dropped})

    return build


def _both_or_neither(values: dict[str, Any]) -> None:
    if ("lat" in values) and ((values["lat"] is None) != (values["lon"] is None)):
        missing = "lat" if values["lat"] is None else "lon"
        raise CellError(f"{missing} is empty; give lat and lon together, or neither")


def _station(values: dict[str, Any], row: Cells) -> model.Station:
    _both_or_neither(values)
    if not values["mobile"] and values["lat"] is None:
        raise CellError("lat is empty; a station that is not mobile needs its place")
    report_s = values["report_s"] or values["interval_s"]
    if report_s < values["interval_s"]:
        raise CellError(
            f"report_s {report_s} is below interval_s {values['interval_s']}; a station cannot send more often than "
            "it measures, leave it empty"
        )
    warning, guarantee = values.pop("stage_warning_m"), values.pop("stage_guarantee_m")
    if warning is not None and guarantee is not None and guarantee <= warning:
        raise CellError(
            f"stage_guarantee_m {guarantee:g} is not above stage_warning_m {warning:g}; 保证 lies above 警戒"
        )
    return model.Station(**{**values, "report_s": report_s, "columns": MappingProxyType(dict(row))})


def _metric(values: dict[str, Any], _row: Cells) -> model.Metric:
    low, high = values["minimum"], values["maximum"]
    if low is not None and high is not None and low >= high:
        raise CellError(f"minimum {low:g} is not below maximum {high:g}; exchange them or correct one")
    return model.Metric(**values)


def _measure(values: dict[str, Any], _row: Cells) -> model.MeasureRow:
    if values["industry"] is None and values["scope_kind"] == "industry":
        raise CellError("industry is empty; a row of scope_kind industry names its industry")
    if values["industry"] is not None and values["scope_kind"] == "region":
        raise CellError(
            "industry is given in a row of scope_kind region; leave it empty (a site row names a kind of site)"
        )
    return model.MeasureRow(**values)


def _authority(values: dict[str, Any], _row: Cells) -> model.AuthorityRow:
    if values["signer"] in values["deputies"]:
        raise CellError(f"deputies name the signer '{values['signer']}'; the next signer must be another post")
    if values["preauthorised_by"] and not values["preauthorised_until"]:
        raise CellError("preauthorised_until is empty; an authorisation given in advance ends on a date")
    if values["preauthorised_until"] and not values["preauthorised_by"]:
        raise CellError("preauthorised_by is empty; name the post or duty that authorised in advance")
    return model.AuthorityRow(**values)


def _on_expiry(value: str) -> str:
    if value != ON_EXPIRY:
        raise CellError(
            f"{cells.quoted(value)} is refused; a measure never enters into force by silence, write {ON_EXPIRY}"
        )
    return value


def _household(values: dict[str, Any], _row: Cells) -> model.Household:
    if values["vulnerable"] > values["people"]:
        raise CellError(f"vulnerable {values['vulnerable']} is more than people {values['people']}; correct one")
    return model.Household(**values)


_PLACE = (_need("lat", cells.latitude), _need("lon", cells.longitude))
_MAYBE_PLACE = (_may("lat", cells.latitude), _may("lon", cells.longitude))
_id, _text = cells.identifier, cells.text

SPECS: Mapping[str, Spec] = {
    "hazards.csv": Spec(
        (_need("code", _id), _need("name_zh", _text), _need("name_en", _text), _need("family", _id)),
        ("code",),
        _row(model.Hazard),
    ),
    "regions.csv": Spec(
        (
            *(_need("code", _id), _need("name", _text), _may("parent", _id), _need("level", cells.region_level)),
            *_MAYBE_PLACE,
            *(_may("population", _people), _may("downstream", cells.id_list, ())),
        ),
        ("code",),
        _row(model.Region),
    ),
    "metrics.csv": Spec(
        (
            *(_need("name", _id), _need("unit", _text)),
            _need("kind", cells.one_of(("interval", "cumulative", "level"))),
            *(_may("minimum", cells.number), _may("maximum", cells.number)),
            _may("max_change_per_min", cells.positive),
        ),
        ("name",),
        _metric,
    ),
    "stations.csv": Spec(
        (
            *(_need("station_id", _id), _need("name", _text), _need("category", _text), _need("region", _id)),
            *_MAYBE_PLACE,
            _need("metrics", cells.id_list),
            _need("interval_s", cells.integer(1, INTERVAL_S_MAX)),
            _may("report_s", cells.integer(1, INTERVAL_S_MAX)),
            *(_may("serves", cells.id_list, ()), _may("upstream_of", cells.id_list, ())),
            _may("datum_offset_m", cells.number),
            *(_may("stage_warning_m", cells.number), _may("stage_guarantee_m", cells.number)),
            _may("mobile", cells.boolean, False),
        ),
        ("station_id",),
        _station,
    ),
    "measures.csv": Spec(
        (
            *(_need("scope_kind", cells.one_of(SCOPE_KINDS)), _may("industry", _id), _need("hazard", _id)),
            *(_need("level", cells.level), _need("kind", cells.measure)),
            *(_need("wording_zh", _text), _need("wording_en", _text), _need("basis", _text)),
            _may("exemptions", _text),
        ),
        ("scope_kind", "industry", "hazard", "level", "kind", "wording_zh"),
        _measure,
    ),
    "authority.csv": Spec(
        (
            *(_need("hazard", cells.hazard_or_any), _need("kind", cells.measure)),
            *(_need("scope_kind", cells.one_of(SCOPE_KINDS)), _need("level", cells.level)),
            *(_need("headquarters", _text), _need("signer", _id), _may("deputies", cells.id_list, ())),
            _need("minutes", cells.integer(1, 1440)),
            *(_may("preauthorised_by", _id), _may("preauthorised_until", cells.iso_date)),
            *(_need("lifter", _id), _need("on_expiry", _on_expiry)),
        ),
        ("hazard", "kind", "scope_kind", "level"),
        _authority,
    ),
    "roster.csv": Spec(
        (
            *(_need("post", _id), _may("person", _text, ""), _need("region", _id)),
            _need("rank", cells.integer(1, 99)),
            *(_may("deputy_of", _id), _may("superior", _id)),
            *(_may("channels", cells.contacts, ()), _may("languages", cells.id_list, ())),
            _may("reviewed_on", cells.iso_date),
        ),
        ("post",),
        _row(model.Post, channels="contacts"),
    ),
    "duties.csv": Spec(
        (_need("post", _id), _need("object", cells.scope_id), _need("role", cells.one_of(DUTY_ROLES))),
        ("post", "object", "role"),
        _row(model.Duty),
    ),
    "units.csv": Spec(
        (
            *(_need("unit_id", _id), _need("name", _text), _need("industry", _id), _need("region", _id)),
            *_MAYBE_PLACE,
            *(_need("people_day", _people), _need("people_night", _people), _need("people_holiday", _people)),
            *(_may("boarders", _people, 0), _may("post", _id)),
        ),
        ("unit_id",),
        _row(model.Unit),
    ),
    "sites.csv": Spec(
        (
            *(_need("site_id", _id), _need("name", _text), _need("kind", _id), _need("region", _id)),
            *_MAYBE_PLACE,
            *(_may("households", _people, 0), _may("people", _people, 0), _may("post", _id)),
        ),
        ("site_id",),
        _row(model.Site),
    ),
    "households.csv": Spec(
        (
            *(_need("household_id", _id), _need("site", _id), _may("group", _id)),
            *(_need("people", _people), _may("vulnerable", _people, 0)),
            *(_may("responsible_post", _id), _may("shelter", _id), _may("approved_route", _text)),
        ),
        ("household_id",),
        _household,
    ),
    "shelters.csv": Spec(
        (
            *(_need("shelter_id", _id), _need("name", _text), _need("region", _id)),
            *_PLACE,
            *(_need("class", _text), _need("floor_m2", cells.at_least(0)), _need("m2_per_person", cells.positive)),
            *(_need("day", _people), _need("night", _people), _need("accessible", cells.boolean)),
            *(_may("hazards_ok", cells.hazard_list, ()), _may("key_post", _id)),
            *(_may("confirmed_on", cells.iso_date), _may("source", _text)),
        ),
        ("shelter_id",),
        _row(model.Shelter, "source", **{"class": "shelter_class"}),
    ),
    "warehouses.csv": Spec(
        (
            *(_need("warehouse_id", _id), _need("name", _text), _need("region", _id)),
            *_PLACE,
            *(_need("owner", _text), _may("key_post", _id)),
        ),
        ("warehouse_id",),
        _row(model.Warehouse),
    ),
    "items.csv": Spec(
        (
            *(_need("item_code", cells.item_code), _need("name", _text), _need("unit", _text)),
            _need("guarantee", cells.one_of(GUARANTEES)),
            *(_may("per_person_day", cells.positive), _may("substitutes", cells.item_list, ())),
            _may("source", _text),
        ),
        ("item_code",),
        _row(model.Item),
    ),
    "stock.csv": Spec(
        (
            *(_need("warehouse_id", _id), _need("item_code", cells.item_code), _need("lot_id", _id)),
            _need("quantity", cells.integer(0, 999_999_999)),
            _may("expires_on", cells.iso_date),
            *(_need("condition", _text), _need("reserve_type", _text), _need("owner", _text)),
            _may("source", _text),
        ),
        ("warehouse_id", "item_code", "lot_id"),
        _row(model.StockRow, "source"),
    ),
    "teams.csv": Spec(
        (
            *(_need("team_id", _id), _need("name", _text)),
            _need("kind", cells.one_of(("professional", "standing", "mass"))),
            _need("region", _id),
            *_MAYBE_PLACE,
            *(_need("strength", _people), _may("skills", cells.text_list, ()), _may("equipment", _text)),
            _may("post", _id),
        ),
        ("team_id",),
        _row(model.Team),
    ),
}
