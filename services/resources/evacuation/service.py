"""疏散用例 Zones and orders in, numbered plans out.

An evacuation order brings the drawn zones of its hazard and area into force. Its lifting ends the order here and not
the zone: a measure lifted is not leave to return (design §6), so an officer ends a zone by an act of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.resources.evacuation import store
from services.resources.evacuation.plan import (
    DrawnZone,
    PlanInput,
    Refuge,
    ShelterNow,
    ShelterState,
    Snapshot,
    Zone,
    zones_for_order,
)
from services.resources.network.hazard import read_polygon
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound
from shared.ids import is_id
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import Level

HELD = frozenset({"in_force", "acknowledged", "in_progress", "complete", "expired_not_lifted"})
ORDER_STATES = HELD | {"proposed", "awaiting_signature", "lifted", "revoked"}
ORDER_KINDS = frozenset({"ban", "stop", "evacuate", "disperse"})
REFUGE_KINDS = frozenset({"refuge", "high_ground", "assembly_point"})
AREAS_MAX = 5_000


@dataclass(frozen=True, kw_only=True)
class ZoneDraft:
    """手绘区域: one area that an officer drew, or names from the pack's drawn zones."""

    zone_id: str
    hazard: str | None = None
    kind: str = "danger"
    region: str | None = None
    geometry: Any = None
    source: str = "手绘"
    review_at: datetime | None = None


def drawn_zones(pack: Pack) -> list[DrawnZone]:
    """The zones of zones.geojson (预先划定的危险区)."""
    found: list[DrawnZone] = []
    for feature in (pack.geojson.get("zones.geojson") or {}).get("features", ()):
        properties = feature.get("properties") or {}
        region = str(properties.get("region") or properties.get("site") or "") or None
        if region is not None and region in pack.sites:
            region = pack.sites[region].region
        step = properties.get("step")
        found.append(
            DrawnZone(
                zone_id=str(properties.get("zone_id") or f"zone-{len(found) + 1}"),
                hazard=properties.get("hazard") or None,
                kind=str(properties.get("kind") or "danger"),
                step=Level(step) if step in {level.value for level in Level} else None,
                region=region,
                within=frozenset(pack.ancestors(region)) if region else frozenset(),
                geometry=feature["geometry"],
                source=str(properties.get("source") or ""),
            )
        )
    return found


def take_order(tx: Tx, realm: str, pack: Pack, body: Any) -> bool:
    """What dispatch tells of an order (收到措施). Whether a new plan was asked for."""
    order = _read_order(body)
    if order is None:
        return False
    order_id, state, hazard, level, areas = order
    before = store.order(tx.conn, realm, order_id)
    held = state in HELD
    mapped: dict[str, list[str]] = dict(before.zones) if before is not None else {}
    now = tx.domain_now(realm)
    by = f"order:{order_id}"
    fresh = held and (before is None or not before.held or before.level != level or list(before.areas) != areas)
    if fresh:
        chosen = {area: zones_of(pack, hazard, level, [area]) for area in areas}
        wide = zones_of(pack, hazard, level, _scope(body))
        for zone in {zone.zone_id: zone for found in [*chosen.values(), wide] for zone in found}.values():
            _bring_into_force(tx, realm, pack, _draft(zone), now, by)
        for area, found in chosen.items():
            mapped[area] = sorted({*mapped.get(area, ()), *(zone.zone_id for zone in found)})
    values = {"state": state, "hazard": hazard, "level": level, "areas": areas, "zones": mapped}
    store.put_order(tx.conn, realm, order_id, {**values, "held": held, "changed_at": tx.now})
    changed = fresh or (before is not None and bool(before.held) != held)
    if changed:
        tx.audit(realm, by, "evacuation.order", order_id, reason=state, body={"zones": mapped})
        ask_for_plan(tx, realm, pack, by=by, reason=f"order {order_id} is {state}")
    undrawn = [area for area in areas if not mapped.get(area)]
    if fresh and undrawn:
        seen = {"order_id": order_id, "hazard": hazard, "areas": undrawn}
        tx.event(realm, "alarm.order_without_zone", order_id, seen)
    return changed


def _read_order(body: Any) -> tuple[str, str, str | None, str | None, list[str]] | None:
    """(id, state, hazard, level, areas) of ``{order, zone}``; None where it moves nobody.

    What is wrong is refused for good: an order that is half understood must be seen by somebody.
    """
    order = body.get("order") if isinstance(body, Mapping) else None
    if not isinstance(order, Mapping) or not isinstance(order.get("order_id"), str):
        raise Invalid(
            "an order message is {order: {order_id, kind, state, …}, zone: {hazard, areas, level}}", code="bad_order"
        )
    kind, state = order.get("kind"), order.get("state")
    if kind not in ORDER_KINDS or state not in ORDER_STATES:
        raise Invalid(f"order kind '{kind}' or state '{state}' is not known", code="bad_order", field="order.state")
    if kind != "evacuate":
        return None
    zone = body.get("zone") or {}
    if not isinstance(zone, Mapping):
        raise Invalid("zone is {hazard, areas, level}", code="bad_order", field="zone")
    level = zone.get("level") or order.get("level")
    if level is not None and level not in {one.value for one in Level}:
        raise Invalid(f"level '{level}' is not known", code="bad_order", field="zone.level")
    listed = [unit for unit in order.get("units") or () if isinstance(unit, Mapping) and "unit_id" in unit]
    bound = [unit for unit in listed if unit.get("state") in HELD] or listed
    units = [str(unit["unit_id"]) for unit in bound]
    area = zone.get("areas") or order.get("area") or []
    named = [area] if isinstance(area, str) else [str(code) for code in area]
    areas = sorted({*units} or {*named})
    if not areas or len(areas) > AREAS_MAX:
        raise Invalid("an evacuation order names whom it moves: units, or areas", code="bad_order", field="zone.areas")
    return order["order_id"], state, zone.get("hazard") or order.get("hazard"), level, areas


def _scope(body: Any) -> list[str]:
    named = (body.get("zone") or {}).get("areas") or []
    return [named] if isinstance(named, str) else [str(code) for code in named]


def zones_of(pack: Pack, hazard: str | None, level: str | None, areas: Sequence[str]) -> list[DrawnZone]:
    """The pack's zones for a hazard in these areas; another hazard of the family stands in where none is drawn."""
    # every chain ends at the district: a zone elsewhere in it must not match for that alone
    chains = {
        area: (frozenset(pack.ancestors(region_of(pack, area) or area)) - {pack.district.code}) or frozenset({area})
        for area in areas
    }
    wanted = Level(level) if level else None
    if hazard is None:
        return zones_for_order(drawn_zones(pack), frozenset(), wanted, chains)
    family = pack.hazards[hazard].family if hazard in pack.hazards else None
    kin = frozenset({code for code, found in pack.hazards.items() if found.family == family} | {hazard})
    own = zones_for_order(drawn_zones(pack), frozenset({hazard}), wanted, chains)
    return own or zones_for_order(drawn_zones(pack), kin, wanted, chains)


def region_of(pack: Pack, area: str) -> str | None:
    """The region that a region, unit or site lies in."""
    for table in (pack.units, pack.sites):
        if area in table:
            return str(table[area].region)
    return area if area in pack.regions else None


def _draft(zone: DrawnZone) -> ZoneDraft:
    return ZoneDraft(
        zone_id=zone.zone_id,
        hazard=zone.hazard,
        kind=zone.kind,
        region=zone.region,
        geometry=zone.geometry,
        source=zone.source,
    )


def change_zones(
    tx: Tx, realm: str, pack: Pack, drafts: Sequence[ZoneDraft], end: Sequence[str], *, by: str, reason: str
) -> dict[str, Any]:
    """Zones drawn or ended by an officer (手绘危险区、解除危险区), and the plan that follows."""
    now = tx.domain_now(realm)
    known = {zone.zone_id: zone for zone in drawn_zones(pack)}
    for draft in drafts:
        if draft.geometry is None:
            if draft.zone_id not in known:
                raise NotFound(
                    f"zone '{draft.zone_id}' is not drawn in zones.geojson; give its geometry",
                    f"未划定危险区 {draft.zone_id}，请给出图形",
                    field="zones",
                )
            draft = _draft(known[draft.zone_id])
        else:
            read_polygon(draft.geometry, "zones.geometry")
            if draft.hazard is None or draft.hazard not in pack.hazards:
                raise Invalid(f"hazard '{draft.hazard}' is not in hazards.csv", "灾种代码不存在", field="hazard")
        _bring_into_force(tx, realm, pack, draft, now, by)
    for zone_id in end:
        if not store.end_zone(tx.conn, realm, zone_id, now):
            raise NotFound(f"zone '{zone_id}' is not in force", f"危险区 {zone_id} 未生效", field="end")
    version = ask_for_plan(tx, realm, pack, by=by, reason=reason)
    body = {"zones": [draft.zone_id for draft in drafts], "ended": list(end), "plan": version}
    tx.audit(realm, by, "evacuation.zones", str(version), reason=reason, body=body)
    found = store.plan(tx.conn, realm, version)
    return plan_out(found, pack.district.code)


def _bring_into_force(tx: Tx, realm: str, pack: Pack, draft: ZoneDraft, now: datetime, by: str) -> None:
    if not is_id(draft.zone_id):
        raise Invalid("zone_id: use A-Z a-z 0-9 _ -", "zone_id 只可用字母、数字、_、-", field="zone_id")
    family = pack.hazards[draft.hazard].family if draft.hazard and draft.hazard in pack.hazards else None
    values = {
        "hazard": draft.hazard,
        "family": family,
        "kind": draft.kind,
        "region": draft.region,
        "geometry": draft.geometry,
        "source": draft.source,
        "review_at": draft.review_at,
        "since": now,
        "by": by,
    }
    store.put_zone(tx.conn, realm, draft.zone_id, values)


def set_shelter(
    tx: Tx,
    realm: str,
    pack: Pack,
    shelter_id: str,
    state: ShelterState,
    *,
    occupied: int | None,
    note: str | None,
    by: str,
) -> dict[str, Any]:
    """A shelter opened, filled or failed (避难场所状态); what leads there changes with it."""
    if shelter_id not in pack.shelters:
        raise NotFound(f"there is no shelter '{shelter_id}'", f"没有避难场所 {shelter_id}")
    values = {"state": state.value, "occupied": occupied, "note": note, "by": by, "at": tx.now}
    version = store.put_shelter(tx.conn, realm, shelter_id, values)
    out = {
        "district": pack.district.code,
        "realm": realm,
        "shelter_id": shelter_id,
        "state": state.value,
        "occupied": occupied,
        "note": note,
        "at": format_time(tx.now),
        "version": version,
    }
    tx.audit(realm, by, "shelter.state", shelter_id, reason=state.value, body=out)
    tx.event(realm, "shelter.state", shelter_id, {k: v for k, v in out.items() if k != "note"}, public=True)
    if store.head(tx.conn, realm) is not None:
        ask_for_plan(tx, realm, pack, by=by, reason=f"shelter {shelter_id} is {state}")
    return out


def ask_for_plan(tx: Tx, realm: str, pack: Pack, *, by: str, reason: str) -> int:
    """Number the next plan with all that it depends on; the planner makes, proves and publishes it."""
    held = store.orders_held(tx.conn, realm)
    in_force = store.zones_in_force(tx.conn, realm)
    danger = {row.zone_id for row in in_force if row.kind == "danger"}
    ordered = {area for row in held for area in row.areas if danger & set(row.zones.get(area, ()))}
    blind = {area for row in held for area in row.areas} - ordered
    states = store.shelters_now(tx.conn, realm)
    inputs = {
        "zones": [[row.zone_id, row.version] for row in in_force],
        "unmapped": [row.order_id for row in held if blind & set(row.areas)],
        "ordered": sorted(ordered),
        "blind": sorted(blind),
        "shelters": {shelter_id: row.state for shelter_id, row in sorted(states.items())},
        "shelters_version": sum(row.version for row in states.values()),
    }
    values = {"pack": pack.version, "inputs": inputs, "reason": reason, "by": by, "made_at": tx.domain_now(realm)}
    version = store.add_plan(tx.conn, realm, values)
    tx.event(realm, "evacuation.plan_pending", str(version), {"plan": version, "reason": reason}, public=True)
    return version


def plan_input(conn: Connection, pack: Pack, row: Any) -> PlanInput:
    """All that a numbered plan depends on, as it was when it was numbered."""
    inputs = row.inputs
    states = inputs["shelters"]
    return PlanInput(
        realm=row.realm,
        version=row.version,
        pack=row.pack,
        zones=tuple(_zone(zone) for zone in store.zone_versions(conn, row.realm, inputs["zones"])),
        unmapped=tuple(inputs["unmapped"]),
        ordered=frozenset(inputs["ordered"]),
        blind=frozenset(inputs["blind"]),
        shelters=tuple(shelters_of(pack, states)),
        shelters_version=int(inputs["shelters_version"]),
        refuges=tuple(refuges_of(pack)),
    )


def shelters_of(pack: Pack, states: Mapping[str, str]) -> Iterable[ShelterNow]:
    for shelter in pack.shelters.values():
        yield ShelterNow(
            shelter_id=shelter.shelter_id,
            name=shelter.name,
            region=shelter.region,
            lat=shelter.lat,
            lon=shelter.lon,
            state=ShelterState(states.get(shelter.shelter_id, ShelterState.UNKNOWN.value)),
            hazards_ok=frozenset(shelter.hazards_ok),
            accessible=shelter.accessible,
            capacity=shelter.day,
        )


def refuges_of(pack: Pack) -> Iterable[Refuge]:
    for site in pack.sites.values():
        if site.kind in REFUGE_KINDS and site.lat is not None and site.lon is not None:
            yield Refuge(site.site_id, site.name, site.kind, site.lat, site.lon)


def close_plan(tx: Tx, snapshot: Snapshot) -> bool:
    """Publish a proved plan, or refuse one that failed; False where a newer one replaced it meanwhile."""
    plan, state = snapshot.plan, "published" if snapshot.proved else "refused"
    findings = [vars(finding) for finding in snapshot.findings]
    report = snapshot.report()
    values = {
        "state": state,
        "published_at": tx.now,
        "network": snapshot.network.version,
        "hazard": plan.hazard_version(),
        "report": report,
        "findings": findings,
    }
    if not store.close_plan(tx.conn, plan.realm, plan.version, values):
        return False
    seen = {"plan": plan.version, "state": state, "report": report}
    tx.audit(plan.realm, "service", f"evacuation.{state}", str(plan.version), body={**seen, "findings": findings})
    if snapshot.proved:
        tx.event(plan.realm, "evacuation.plan_published", str(plan.version), {"plan": plan.version}, public=True)
    else:
        tx.event(plan.realm, "alarm.plan_failed_proof", str(plan.version), {**seen, "findings": findings})
    return True


def plan_out(row: Any, district: str) -> dict[str, Any]:
    return {
        "district": district,
        "realm": row.realm,
        "version": row.version,
        "pack": row.pack,
        "state": row.state,
        "zones": [pair[0] for pair in row.inputs["zones"]],
        "unmapped_orders": row.inputs["unmapped"],
        "reason": row.reason,
        "by": row.by,
        "made_at": format_time(row.made_at),
        "published_at": format_time(row.published_at) if row.published_at else None,
        "network": row.network,
        "hazard": row.hazard,
        "report": row.report,
        "findings": row.findings,
    }


def _zone(row: Any) -> Zone:
    return Zone(
        zone_id=row.zone_id,
        version=row.version,
        hazard=row.hazard,
        family=row.family,
        kind=row.kind,
        geometry=row.geometry,
        source=row.source,
        region=row.region,
        review_at=row.review_at,
    )
