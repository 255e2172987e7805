"""发布用例 Release, cancellation, all-clear: what the release body did becomes messages to the public, in one commit.

The message, its CAP checked against the schema, the place in the feed and the deliveries to the broker are rows of one
transaction; `worker` carries them out and tries again. Nothing is released whose CAP does not validate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.warning.alerts import life as lives
from services.warning.alerts import service, store, store_life, store_public
from services.warning.alerts.acts import Case, Deed, approvers, keep, needed, refusal, when
from services.warning.alerts.alert import AlertState
from services.warning.alerts.bulletin import Bulletin, bulletin_in, msg_type_of
from services.warning.alerts.cap import Reference
from services.warning.alerts.cap_public import Release, public_xml
from services.warning.alerts.life import Act, Life, Purpose, Refusal
from services.warning.alerts.reach import Reach, reach, topics_of
from shared.auth.keys import canonical, digest_of
from shared.db.tx import Tx
from shared.errors import Refused
from shared.realm import ACTUAL, format_time, is_exercise, parse_time

EXPIRY_WARNING = timedelta(hours=1)
REFERENCES_MAX = 20


@dataclass(frozen=True, kw_only=True)
class ReleasedBy:
    """发布登记: 发布工作机构, number, time."""

    body: str
    number: str | None = None
    at: datetime | None = None


def release(tx: Tx, case: Case, by: ReleasedBy, deed: Deed) -> dict[str, Any]:
    """发布 The release body has released the approved words: from here on they are public."""
    if case.realm == ACTUAL and case.pack.district.is_exercise:
        raise Refused(
            "exercise_pack", "the pack's status is Exercise: nothing is released as actual", "区县包为演练状态"
        )
    message = case.message(Purpose.PUBLISH)
    persons = approvers(tx.conn, tx.tables.keys, case, Purpose.PUBLISH)
    refused = lives.may_release(case.life, persons, case.facts)
    if refused is not None:
        raise refusal(refused)
    state = AlertState.UPDATED if case.life.public is not None else AlertState.RELEASED
    row = _publish(tx, case, case.bulletin, Purpose.PUBLISH, message, by, state)
    life = lives.released(case.life, row["no"], row["identifier"])
    return _told(tx, case, life, Act.RELEASE, deed, row)


def withdraw(tx: Tx, case: Case, purpose: Purpose, by: ReleasedBy, deed: Deed) -> dict[str, Any]:
    """撤销或解除 The same for a message that takes back or ends what stands in public."""
    if case.public is None:
        raise refusal(lives.may_withdraw(case.life, purpose, frozenset(), case.facts, 0) or Refusal.NOT_RELEASED)
    message = case.message(purpose)
    persons = approvers(tx.conn, tx.tables.keys, case, purpose)
    refused = lives.may_withdraw(case.life, purpose, persons, case.facts, needed(case, purpose))
    if refused is not None:
        raise refusal(refused)
    state = AlertState.CANCELLED if purpose is Purpose.CANCEL else AlertState.ENDED
    act = Act.CANCEL if purpose is Purpose.CANCEL else Act.END
    row = _publish(tx, case, bulletin_in(message), purpose, message, by, state)
    return _told(tx, case, lives.withdrawn(case.life, purpose), act, deed, row)


def _told(tx: Tx, case: Case, life: Life, act: Act, deed: Deed, row: dict[str, Any]) -> dict[str, Any]:
    body = row["body"]
    seen = {key: body[key] for key in ("identifier", "digest", "scope", "release", "msg_type")}
    standing = service.standing_out(row["identifier"], body) if life.public is not None else None
    return keep(tx, case, life, act, deed, seen, standing=standing)


def _publish(
    tx: Tx,
    case: Case,
    bulletin: Bulletin,
    purpose: Purpose,
    message: dict[str, Any],
    by: ReleasedBy,
    state: AlertState,
) -> dict[str, Any]:
    realm, alert_id = case.realm, case.alert.alert_id
    now = tx.domain_now(realm)
    earlier = store_public.of_alert(tx.conn, realm, alert_id)
    n = len(earlier) + 1
    identifier = f"{alert_id}.p{n}"
    body = _public_out(case, bulletin, purpose, message, identifier, state, now)
    body["release"] = {
        "body": by.body,
        "number": by.number,
        "at": format_time(when(tx, realm, by.at, "at")),
    }
    expires_at = parse_time(body["expires_at"])
    references = _references(case, earlier, now)
    issued = Release(
        identifier=identifier,
        body=by.body,
        number=by.number,
        sent_at=now,
        expires_at=expires_at,
        references=references,
    )
    try:
        xml = public_xml(bulletin, purpose, service.publisher_of(case.pack, case.alert), issued).decode("utf-8")
    except ValueError as error:
        raise Refused(
            "cap_invalid",
            f"its CAP does not validate, so nothing was released: {str(error)[:300]}",
            f"CAP 校验不通过，未发布：{str(error)[:300]}",
        ) from error
    values = {
        "realm": realm,
        "alert_id": alert_id,
        "n": n,
        "identifier": identifier,
        "version": case.alert.version,
        "purpose": purpose.value,
        "scope": bulletin.scope.value,
        "status": bulletin.status.value,
        "state": state.value,
        "region": bulletin.region,
        "level": bulletin.level.value,
        "digest": body["digest"],
        "message": message,
        "body": body,
        "xml": xml,
        "sent_at": now,
        "expires_at": expires_at,
    }
    no = store_public.add(tx.conn, values)
    heard = reach(realm, bulletin.status, bulletin.scope, msg_type_of(purpose, message["supersedes"]), state)
    if heard is not Reach.NOBODY:
        plain, cap = topics_of(realm, tx.district, bulletin.region, alert_id)
        empty = purpose is not Purpose.PUBLISH
        forms = {plain: "empty" if empty else "json", cap: "empty" if empty else "cap"}
        store_public.queue(tx.conn, realm, alert_id, no, forms, tx.now)
        tx.event(realm, "alert.public", alert_id, body, public=True)
    return {**values, "no": no}


def _public_out(
    case: Case,
    bulletin: Bulletin,
    purpose: Purpose,
    message: dict[str, Any],
    identifier: str,
    state: AlertState,
    now: datetime,
) -> dict[str, Any]:
    """The object of contract §6 as everybody may read it: no names, no numbers; signatures are over ``message``."""
    digest = digest_of(canonical(message))
    mark_zh, mark_en = ("【演练】", "[EXERCISE] ") if is_exercise(case.realm) else ("", "")
    return {
        "district": bulletin.district,
        "realm": case.realm,
        "alert_id": bulletin.alert_id,
        "identifier": identifier,
        "version": case.alert.version,
        "trip_ids": list(case.alert.trip_ids),
        "hazard": bulletin.hazard,
        "level": bulletin.level.value,
        "scale": bulletin.scale.value,
        "verification": "confirmed",
        "status": bulletin.status.value,
        "note": f"演练 EXERCISE {case.realm}" if is_exercise(case.realm) else None,
        "act": purpose.value,
        "msg_type": message["msg_type"],
        "scope": bulletin.scope.value,
        "area": message["area"],
        "headline": mark_zh + bulletin.headline.zh,
        "instruction": bulletin.instruction.zh,
        "text": {
            "headline_en": mark_en + bulletin.headline.en,
            "description_zh": bulletin.description.zh,
            "description_en": bulletin.description.en,
            "instruction_en": bulletin.instruction.en,
        },
        "response_types": list(bulletin.response_types),
        "sent_at": format_time(now),
        "effective_at": format_time(now),
        "expires_at": format_time(now + timedelta(seconds=bulletin.valid_for_s)),
        "state": state.value,
        "supersedes": message["supersedes"],
        "digest": digest,
        "signed": {
            "message": message,
            "signatures": [
                {"key_id": a.key_id, "alg": "Ed25519", "value": a.signature, "at": format_time(a.signed_at)}
                for a in case.life.approvals
                if a.digest == digest
            ],
        },
    }


def _references(case: Case, earlier: list[Any], now: datetime) -> tuple[Reference, ...]:
    """Every earlier message that has not expired, the one that stands last; none where nothing stands."""
    if case.public is None:
        return ()
    rows = [row for row in earlier if row.expires_at > now and row.no != case.public.no]
    rows = [*rows[-(REFERENCES_MAX - 1) :], case.public]
    return tuple(Reference(identifier=row.identifier, sent_at=row.sent_at) for row in rows)


def watch(tx: Tx, realm: str) -> None:
    """值守 Countersignatures that did not come are reported upward; public messages that run out are told in time."""
    now = tx.domain_now(realm)
    for row in store_life.overdue(tx.conn, realm, now):
        store_life.mark_reported(tx.conn, row, now)
        seen = {
            "alert_id": row.alert_id,
            "digest": row.digest,
            "post": row.post,
            "superior": row.superior,
            "called_at": format_time(row.at),
            "due_at": format_time(row.due_at),
            "recorded_by": row.recorded_by,
        }
        tx.event(realm, "alarm.alert_countersign_overdue", row.alert_id, seen)
        tx.audit(realm, "service:warning", "alert.countersign_overdue", row.alert_id, body=seen)
        body = store.body_of(tx.conn, realm, row.alert_id)
        tx.emit("dispatch", realm, "alert", row.alert_id, {"alert": body, "report_upward": seen}, pack=body.get("pack"))
    for row in store_public.expiring(tx.conn, realm, now + EXPIRY_WARNING):
        store_public.mark_warned(tx.conn, row.no, now)
        seen = {"alert_id": row.alert_id, "identifier": row.identifier, "expires_at": format_time(row.expires_at)}
        tx.event(realm, "alarm.alert_expiring", row.alert_id, seen)


def sheet(case: Case) -> dict[str, Any]:
    """移交单 What the release body gets: the approved words, their digest and signatures."""
    message = case.message(Purpose.PUBLISH)
    digest = digest_of(canonical(message))
    if case.life.state not in (AlertState.APPROVED, AlertState.HANDED_OVER):
        raise refusal(Refusal.NOT_APPROVED)
    return {
        "district": message["district"],
        "realm": case.realm,
        "alert_id": case.alert.alert_id,
        "state": case.life.state.value,
        "issuer": {"zh": case.pack.district.name_zh, "en": case.pack.district.name_en},
        "area": case.place.name,
        "event": {"zh": case.place.hazard_zh, "en": case.place.hazard_en},
        "message": message,
        "digest": digest,
        "approved_by": sorted(lives.persons_of(case.life.approvals, digest)),
        "signatures": [
            {"key_id": a.key_id, "value": a.signature, "by_telephone": a.voice}
            for a in case.life.approvals
            if a.digest == digest
        ],
        "replaces": message["supersedes"],
    }
