"""预警信息用例 Trips join the open alert of their hazard and area; each change is a version, published internally.

The internal publication (监测告警, CAP Restricted) needs nobody's approval and goes to nobody but those responsible.
A CAP text that does not validate is alarmed and left out: it must never keep a trip from its callouts.
What the public is told is another thing (`life`): each version is weighed there, and voids approvals of other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from services.warning.alerts import cap, store, store_life
from services.warning.alerts.alert import RENEW_BEFORE, Alert, Part, Place, compose, renewed
from services.warning.alerts.bulletin import Bulletin, Draft, bulletin_of, content_out, facts_of, standing_draft
from services.warning.alerts.life import Life, on_version, persons_needed
from shared.auth.keys import canonical, digest_of
from shared.db.tx import Tx
from shared.errors import InvariantBroken
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import AlertScope, Level

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Joined:
    """并入结果: the alert as it stands, and whether this made a version of it."""

    body: dict[str, Any]
    changed: bool


def join(tx: Tx, realm: str, pack: Pack, *, hazard: str, region: str, part: Part, now: datetime) -> Joined:
    """并入 Put a trip's present state into its alert; opens one where none is open."""
    known = store.alert_of_trip(tx.conn, realm, part.trip_id)
    kept = store.get(tx.conn, realm, known) if known else store.find_open(tx.conn, realm, hazard, region)
    if kept is None:
        number = tx.next_no(realm, f"alert:{region}:{hazard}")
        alert_id = f"{tx.district}-{realm}-{region}-{hazard}-{number}"
        no, before = tx.next_no(realm, "alert"), None
    else:
        alert_id, no, before = kept.alert.alert_id, kept.no, kept.alert
    standing = store.parts_of(tx.conn, realm, alert_id) if kept else []
    part = _with_reasons(part, standing)
    store.save_part(tx.conn, realm, alert_id, part, len(standing) + 1)
    merged = [part if other.trip_id == part.trip_id else other for other in standing]
    if all(other.trip_id != part.trip_id for other in standing):
        merged.append(part)
    alert = compose(before, alert_id, place_of(pack, hazard, region), merged, now)
    if alert is not None:
        return Joined(_publish(tx, realm, pack, no, alert, before), changed=True)
    if before is None:
        raise InvariantBroken("the first version of an alert always says something")
    return Joined(store.body_of(tx.conn, realm, alert_id), changed=False)


def _with_reasons(part: Part, standing: Sequence[Part]) -> Part:
    """A record without conditions (a hold, a finding) leaves standing what the level rested on."""
    if part.because_zh or part.closed:
        return part
    before = next((other for other in standing if other.trip_id == part.trip_id), part)
    return replace(part, because_zh=before.because_zh, because_en=before.because_en)


def renew(tx: Tx, realm: str, pack: Pack, now: datetime) -> list[dict[str, Any]]:
    """续报 Give open alerts a fresh expiry before the old one runs out: expired is not ended."""
    out = []
    for kept in store.expiring(tx.conn, realm, now + RENEW_BEFORE):
        alert = renewed(kept.alert, now)
        if alert is not None:
            out.append(_publish(tx, realm, pack, kept.no, alert, kept.alert))
    return out


def alert_out(district: str, realm: str, alert: Alert, pack: str | None) -> dict[str, Any]:
    """The object of contract §6, without what became of it in public."""
    return {
        "district": district,
        "realm": realm,
        "alert_id": alert.alert_id,
        "version": alert.version,
        "trip_ids": list(alert.trip_ids),
        "hazard": alert.hazard,
        "level": alert.level.value,
        "confirmed_level": alert.confirmed_level.value,
        "scale": alert.scale.value,
        "verification": alert.verification.value,
        "status": cap.status_of(realm).value,
        "msg_type": alert.msg_type.value,
        "scope": AlertScope.RESTRICTED.value,
        "area": {"codes": [alert.region], "polygon": None},
        "headline": alert.headline_zh,
        "instruction": cap.INSTRUCTION_ZH,
        "text": {
            "headline_en": alert.headline_en,
            "description_zh": alert.description_zh,
            "description_en": alert.description_en,
            "instruction_en": cap.INSTRUCTION_EN,
        },
        "sent_at": format_time(alert.sent_at),
        "effective_at": format_time(alert.effective_at),
        "expires_at": format_time(alert.expires_at),
        "state": alert.state.value,
        "supersedes": f"{alert.alert_id}.{alert.version - 1}" if alert.version > 1 else None,
        "release": None,
        "pack": pack,
    }


def with_life(
    body: dict[str, Any], life: Life, draft: Draft, alert: Alert, standing: dict[str, Any] | None
) -> dict[str, Any]:
    """The same with what is proposed to the public, who approved it, and what stands there."""
    facts = facts_of(alert, draft)
    return {
        **body,
        "state": life.state.value,
        "scope": standing["scope"] if standing else AlertScope.RESTRICTED.value,
        "release": standing["release"] if standing else None,
        "life": {
            "step": life.step,
            "proposed": {"level": facts.level.value, "scope": draft.scope.value, "confirmed": facts.confirmed},
            "needs_persons": persons_needed(facts.level, draft.scope),
            "drafters": list(life.drafters),
            "approvals": [
                {
                    "digest": one.digest,
                    "by": one.holder,
                    "key_id": one.key_id,
                    "by_telephone": one.voice,
                    "at": format_time(one.at),
                }
                for one in life.approvals
            ],
            "end_due": facts.is_over and life.public is not None,
            "standing": standing,
        },
    }


def standing_out(identifier: str, public: dict[str, Any]) -> dict[str, Any]:
    """What stands in public, in short: kept with the alert, so that a list needs no second look."""
    keys = ("version", "state", "scope", "level", "headline", "sent_at", "expires_at", "release")
    return {"identifier": identifier, **{key: public[key] for key in keys}}


def propose(district: str, realm: str, pack: Pack, alert: Alert, draft: Draft) -> tuple[Bulletin, str]:
    """拟稿 What would be said to the public now, and the digest of its content."""
    place = place_of(pack, alert.hazard, alert.region)
    bulletin = bulletin_of(district, realm, cap.status_of(realm), alert, place, draft)
    return bulletin, digest_of(canonical(content_out(bulletin)))


def summary(body: dict[str, Any]) -> dict[str, Any]:
    """One line of a timeline."""
    keys = ("alert_id", "version", "level", "confirmed_level", "verification", "state", "msg_type", "headline")
    return {key: body[key] for key in keys} | {"area": body["area"]["codes"], "trip_ids": body["trip_ids"]}


def _publish(tx: Tx, realm: str, pack: Pack, no: int, alert: Alert, before: Alert | None) -> dict[str, Any]:
    life, draft = store_life.load(tx.conn, realm, alert.alert_id)
    draft = standing_draft(draft, alert)
    moved = on_version(life, propose(tx.district, realm, pack, alert, draft)[1], facts_of(alert, draft))
    alert = replace(alert, state=moved.state)
    known = store.body_of(tx.conn, realm, alert.alert_id) if before else {}
    standing = known.get("life", {}).get("standing") if moved.public else None
    body = with_life(alert_out(tx.district, realm, alert, pack.version), moved, draft, alert, standing)
    xml: str | None = None
    try:
        xml = cap.cap_xml(alert, realm, publisher_of(pack, alert), _reference(before)).decode("utf-8")
    except ValueError as error:
        log.exception("cap.invalid", alert=alert.alert_id, version=alert.version)
        seen = {"alert_id": alert.alert_id, "version": alert.version, "message": str(error)[:500]}
        tx.event(realm, "alarm.cap_invalid", alert.alert_id, seen)
    store.save_version(
        tx.conn, realm, no, alert, body=body, identifier=cap.identifier_of(alert), xml=xml, pack=pack.version
    )
    store_life.save(tx.conn, realm, alert.alert_id, moved, draft)
    _tell_of_life(tx, realm, alert, life, moved)
    tx.event(realm, "alert", alert.alert_id, summary(body))
    tx.audit(realm, "service:warning", "alert.publish_internal", alert.alert_id, body=summary(body))
    return body


def _tell_of_life(tx: Tx, realm: str, alert: Alert, before: Life, after: Life) -> None:
    """Whoever signed must hear that it was for nothing; and nobody ends a public message but people."""
    if before.approvals and not after.approvals:
        voided = {"alert_id": alert.alert_id, "version": alert.version, "level": alert.level.value}
        voided |= {"approved_by": sorted({person for one in before.approvals for person in one.persons})}
        tx.event(realm, "alarm.alert_approvals_void", alert.alert_id, voided)
        tx.audit(realm, "service:warning", "alert.approvals_void", alert.alert_id, body=voided)
    if after.public is not None and alert.level is Level.NORMAL:
        due = {"alert_id": alert.alert_id, "identifier": after.public.identifier}
        tx.event(realm, "alarm.alert_end_due", alert.alert_id, due)


def _reference(before: Alert | None) -> cap.Reference | None:
    return cap.Reference(identifier=cap.identifier_of(before), sent_at=before.sent_at) if before else None


def publisher_of(pack: Pack, alert: Alert) -> cap.Publisher:
    """发布方"""
    place = place_of(pack, alert.hazard, alert.region)
    return cap.Publisher(
        sender=pack.district.sender,
        name_zh=pack.district.name_zh,
        name_en=pack.district.name_en,
        timezone=pack.district.timezone,
        area_name=place.name,
        hazard_zh=place.hazard_zh,
        hazard_en=place.hazard_en,
    )


def place_of(pack: Pack, hazard: str, region: str) -> Place:
    """The area's and the hazard's names."""
    known, area = pack.hazards.get(hazard), pack.regions.get(region)
    return Place(
        region=region,
        name=area.name if area else region,
        hazard=hazard,
        hazard_zh=known.name_zh if known else hazard,
        hazard_en=known.name_en if known else hazard,
    )
