"""预警处置用例 What persons do with an alert: sign, return, reject, hand over, release, draft anew, cancel, end.

Each act is decided by `life`, kept with its reason, told to dispatch and to who follows the events. Nothing here talks
to a broker: a release commits its messages as rows, and `worker` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table

from services.warning.alerts import life as lives
from services.warning.alerts import service, store, store_life, store_public
from services.warning.alerts.alert import Alert, Place
from services.warning.alerts.bulletin import (
    Bulletin,
    Draft,
    basis_of,
    bulletin_in,
    differences,
    facts_of,
    message_of,
    over,
)
from services.warning.alerts.life import Act, Approval, Decision, Facts, Life, Purpose, Refusal, persons_needed
from services.warning.alerts.signing import REFUSALS, CallBack, Voice, check_call_back, check_key, voices
from shared.auth.enrolment import find_key, keys_by_id, persons_of_owner
from shared.auth.keys import SigningKey, canonical, digest_of
from shared.db.tx import Tx
from shared.errors import Forbidden, Invalid, NotFound, Refused, StaleVersion
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import AlertScope, Level

AHEAD_MAX = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """经办: who does it, why, and when it happened where that was earlier (补录)."""

    by: str
    reason: str
    happened_at: datetime | None = None
    entered_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Signature:
    """签名: what an approver sends."""

    digest: str
    key_id: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """办理件: an alert with all that an act on it needs."""

    realm: str
    alert: Alert
    pack: Pack
    place: Place
    life: Life
    draft: Draft
    bulletin: Bulletin
    content: str
    facts: Facts
    public: Any  # the row of what stands in public, or None

    @property
    def version(self) -> str:
        return f"{self.alert.version}.{self.life.step}"

    def message(self, purpose: Purpose) -> dict[str, Any]:
        """The object to sign; Refused where there is nothing to sign to that end."""
        supersedes = self.public.identifier if self.public is not None else None
        if purpose is Purpose.PUBLISH:
            return message_of(self.bulletin, purpose, supersedes)
        if self.public is None:
            raise refusal(Refusal.NOT_RELEASED)
        return message_of(over(bulletin_in(self.public.message), self.place, purpose), purpose, supersedes)


def open_case(conn: Connection, realm: str, pack: Pack, alert_id: str) -> Case:
    kept = store.get(conn, realm, alert_id)
    if kept is None:
        raise NotFound(f"no alert {alert_id} in {realm}", f"没有预警 {alert_id}")
    alert = kept.alert
    life, draft = store_life.load(conn, realm, alert_id)
    district = pack.district.code
    bulletin, content = service.propose(district, realm, pack, alert, draft)
    return Case(
        realm=realm,
        alert=alert,
        pack=pack,
        place=service.place_of(pack, alert.hazard, alert.region),
        life=life,
        draft=draft,
        bulletin=bulletin,
        content=content,
        facts=facts_of(alert, draft),
        public=store_public.get(conn, life.public.no) if life.public else None,
    )


def to_sign(case: Case, purpose: Purpose) -> dict[str, Any]:
    """待签内容 The bytes, what they say, and how that differs from what stands in public."""
    message = case.message(purpose)
    data = canonical(message)
    digest = digest_of(data)
    have = lives.persons_of(case.life.approvals, digest)
    wanted = needed(case, purpose)
    refused = blocked(case, purpose)
    return {
        "district": message["district"],
        "realm": case.realm,
        "alert_id": case.alert.alert_id,
        "version": case.alert.version,
        "state": case.life.state.value,
        "act": purpose.value,
        "digest": digest,
        "canonical": data.decode("utf-8"),
        "message": message,
        "against": case.public.identifier if case.public is not None else None,
        "diff": differences(case.public.message if case.public is not None else None, message),
        "persons": {"needed": wanted, "have": sorted(have), "missing": max(0, wanted - len(have))},
        "drafters": list(case.life.drafters),
        "voices": voices(case.pack, case.alert.hazard),
        "blocked": None
        if refused is None
        else {"code": refused.value, "zh": REFUSALS[refused][1], "en": REFUSALS[refused][0]},
    }


def blocked(case: Case, purpose: Purpose) -> Refusal | None:
    """不予签批的原因 Why signing would be refused whoever signs."""
    nobody = Approval(
        digest="", holder="", owner="", key_id="", signature="", signed_at=case.alert.sent_at, at=case.alert.sent_at
    )
    return lives.approve(case.life, purpose, nobody, frozenset(), case.facts).refused


def needed(case: Case, purpose: Purpose) -> int:
    """须几人 How many persons approve this message."""
    if purpose is Purpose.PUBLISH or case.public is None:
        return persons_needed(case.facts.level, case.facts.scope)
    return persons_needed(Level(case.public.level), AlertScope(case.public.scope))


def approvers(conn: Connection, keys: Table, case: Case, purpose: Purpose) -> frozenset[str]:
    """已批准的人 Whose approvals of this message count now."""
    return valid_persons(conn, keys, case.life, digest_of(canonical(case.message(purpose))))


def approve(
    tx: Tx,
    case: Case,
    purpose: Purpose,
    signed: Signature,
    call_back: CallBack | None,
    deed: Deed,
    *,
    owes_only: bool = False,
) -> dict[str, Any]:
    """批准 A signature, with or without the recorded voice of a second person; or such a voice's countersignature.

    ``owes_only``: who signs here may countersign and nothing else.
    """
    key = find_key(tx.conn, tx.tables.keys, signed.key_id)
    if key is not None and key.owner != deed.by:
        raise Forbidden("this key is enrolled for somebody else", "该密钥登记在他人名下", code="not_your_key")
    if key is not None and call_back is None and _countersigns(tx, case, signed, key, deed):
        return store.body_of(tx.conn, case.realm, case.alert.alert_id)
    if owes_only:
        raise Forbidden("signing alone needs the role of a signer", "您的角色不能单独签批", code="wrong_role")
    message = case.message(purpose)
    digest = digest_of(canonical(message))
    if signed.digest != digest:
        raise StaleVersion(
            f"you signed {signed.digest}, but {digest} of version {case.alert.version} is proposed now; read it again",
            f"您签的是 {signed.digest}，现待批内容为版本 {case.alert.version} 的 {digest}，请重新核对",
            yours=signed.digest,
            current=digest,
            version=case.alert.version,
            object=to_sign(case, purpose),
        )
    _refuse(check_key(key, message, signed.signature, tx.now))
    if key is None:
        raise refusal(Refusal.KEY_INVALID)
    mine = frozenset({deed.by, key.holder, *persons_of_owner(tx.conn, tx.tables.keys, deed.by)})
    voice = _voice(case, purpose, call_back, mine)
    at = _when(tx, case.realm, deed)
    approval = Approval(
        digest=digest,
        holder=key.holder,
        owner=key.owner,
        key_id=key.key_id,
        signature=signed.signature,
        signed_at=tx.now,
        at=at,
        voice=voice.person if voice else None,
    )
    decision = lives.approve(case.life, purpose, approval, mine, case.facts)
    _refuse(decision.refused)
    if decision.life == case.life:
        return store.body_of(tx.conn, case.realm, case.alert.alert_id)
    seen: dict[str, Any] = {"purpose": purpose.value, "digest": digest, "key_id": key.key_id, "by": key.holder}
    if voice is not None and call_back is not None:
        due_at = None if deed.entered_late else at + lives.COUNTERSIGN_WITHIN
        _keep_call_back(tx, case, call_back, voice, approval, message, due_at)
        seen["call_back"] = {
            "post": voice.post,
            "person": voice.person,
            "number": call_back.number,
            "words": call_back.words,
            "recorded_by": call_back.recorded_by,
            "countersign_by": format_time(due_at) if due_at else None,
        }
    return _keep(tx, case, decision.life, Act.APPROVE, deed, seen)


def _voice(case: Case, purpose: Purpose, call_back: CallBack | None, mine: frozenset[str]) -> Voice | None:
    if call_back is None:
        return None
    drafters = case.life.drafters if purpose is Purpose.PUBLISH else ()
    found = check_call_back(call_back, case.pack, case.alert.hazard, mine, drafters)
    if isinstance(found, Refusal):
        raise refusal(found, field="call_back")
    return found


def _keep_call_back(
    tx: Tx,
    case: Case,
    call_back: CallBack,
    voice: Voice,
    approval: Approval,
    message: dict[str, Any],
    due_at: datetime | None,
) -> None:
    if store_life.call_back(tx.conn, case.realm, case.alert.alert_id, approval.digest, voice.person) is not None:
        return  # rung again for the same words: the first call's clock runs
    values = {
        "digest": approval.digest,
        "person": voice.person,
        "post": voice.post,
        "number": call_back.number,
        "words": call_back.words,
        "recorded_by": call_back.recorded_by,
        "superior": voice.superior,
        "at": approval.at,
        "due_at": due_at,
        "message": message,
    }
    store_life.add_call_back(tx.conn, case.realm, case.alert.alert_id, values)


def _countersigns(tx: Tx, case: Case, signed: Signature, key: SigningKey, deed: Deed) -> bool:
    """补签 Whether this is the signature that a voice still owes. It is taken whatever became of the alert since."""
    alert_id = case.alert.alert_id
    row = store_life.call_back(tx.conn, case.realm, alert_id, signed.digest, key.holder)
    if row is None:
        return False
    if row.countersigned_at is not None:
        return True
    _refuse(check_key(key, row.message, signed.signature, tx.now))
    at = tx.domain_now(case.realm)
    store_life.countersign(tx.conn, row, at=at, key_id=key.key_id, signature=signed.signature)
    seen = {"alert_id": alert_id, "digest": signed.digest, "post": row.post, "late": row.reported_at is not None}
    _note(tx, case, "countersign", deed, seen, case.life.step)
    tx.event(case.realm, "alert.countersigned", alert_id, seen)
    if row.reported_at is not None:  # whoever is called about it need not be any more
        body = store.body_of(tx.conn, case.realm, alert_id)
        told = {"alert": body, "countersigned": {**seen, "at": format_time(at)}}
        tx.emit("dispatch", case.realm, "alert", alert_id, told, pack=body["pack"])
    return True


def step_back(tx: Tx, case: Case, act: Act, deed: Deed) -> dict[str, Any]:
    """退回、否决"""
    decision = lives.simple(case.life, act)
    return _keep(tx, case, _decided(decision), act, deed, {"content": case.content})


def hand_over(tx: Tx, case: Case, deed: Deed, *, body: str, via: str, received_by: str | None) -> dict[str, Any]:
    """移交 To the release body: how, and who took it."""
    decision = lives.simple(case.life, Act.HAND_OVER)
    seen = {"body": body, "via": via, "received_by": received_by, "at": format_time(_when(tx, case.realm, deed))}
    return _keep(tx, case, _decided(decision), Act.HAND_OVER, deed, seen)


def redraft(tx: Tx, case: Case, draft: Draft, deed: Deed) -> dict[str, Any]:
    """改稿 A person's own words for the present situation; a draft again, with no approvals."""
    alert = case.alert
    if case.public is not None and (case.public.scope, draft.scope) == ("Public", AlertScope.RESTRICTED):
        raise Invalid(
            "scope: a public message stands; end or cancel it before you speak to fewer",
            "scope：公开信息仍在播，须先解除或撤销",
            field="scope",
        )
    if draft.level is not None and not Level.NORMAL.rank < draft.level.rank <= alert.level.rank:
        raise Invalid(
            f"level: give one up to {alert.level.value}, which is what the alarm has",
            f"level 不得高于监测告警级别（{alert.level.zh}）",
            field="level",
        )
    _, content = service.propose(tx.district, case.realm, case.pack, alert, draft)
    names = [deed.by, *persons_of_owner(tx.conn, tx.tables.keys, deed.by)]
    life, facts = case.life, facts_of(alert, draft)
    for name in names:
        life = _decided(lives.redraft(life, content, name, facts))
    return _keep(tx, case, life, Act.UPDATE, deed, {"content": content, "basis": list(basis_of(alert))}, draft)


def refusal(reason: Refusal, field: str | None = None) -> Refused:
    en, zh = REFUSALS[reason]
    return Refused(reason.value, en, zh, field=field)


def valid_persons(conn: Connection, keys: Table, life: Life, digest: str) -> frozenset[str]:
    """Who approved, less those whose key turned out to have been lost before they signed."""
    of_digest = [one for one in life.approvals if one.digest == digest]
    known = keys_by_id(conn, keys, {one.key_id for one in of_digest})
    void = {a.key_id for a in of_digest if a.key_id not in known or not known[a.key_id].valid_at(a.signed_at)}
    return lives.persons_of(life.approvals, digest, void)


def when(tx: Tx, realm: str, at: datetime | None, field: str) -> datetime:
    """Domain time of an act; what is yet to come was not done."""
    now = tx.domain_now(realm)
    if at is None:
        return now
    if at > now + AHEAD_MAX:
        raise Invalid(f"{field}: this lies ahead; give when it was done", f"{field} 不得晚于当前时间", field=field)
    return min(at, now)


def keep(
    tx: Tx,
    case: Case,
    life: Life,
    act: Act,
    deed: Deed,
    seen: dict[str, Any],
    *,
    draft: Draft | None = None,
    standing: dict[str, Any] | None,
) -> dict[str, Any]:
    """Keep the life, the act and its reason; tell dispatch and who follows."""
    realm, alert_id = case.realm, case.alert.alert_id
    draft = draft or case.draft
    known = store.body_of(tx.conn, realm, alert_id)
    body = service.with_life(known, life, draft, case.alert, standing)
    store.save_body(tx.conn, realm, alert_id, body)
    store_life.save(tx.conn, realm, alert_id, life, draft)
    _note(tx, case, act.value, deed, seen, life.step)
    told = {**service.summary(body), "act": act.value, "by": deed.by, "reason": deed.reason}
    tx.event(realm, f"alert.{act.value}", alert_id, told)
    extra = {"entered_late": True} if deed.entered_late else {}
    tx.emit("dispatch", realm, "alert", alert_id, {"alert": body, **extra}, pack=body["pack"])
    return body


def _keep(
    tx: Tx, case: Case, life: Life, act: Act, deed: Deed, seen: dict[str, Any], draft: Draft | None = None
) -> dict[str, Any]:
    known = store.body_of(tx.conn, case.realm, case.alert.alert_id)
    return keep(tx, case, life, act, deed, seen, draft=draft, standing=known.get("life", {}).get("standing"))


def _note(tx: Tx, case: Case, act: str, deed: Deed, seen: dict[str, Any], step: int) -> None:
    realm, alert_id = case.realm, case.alert.alert_id
    values = {
        "version": case.alert.version,
        "step": step,
        "act": act,
        "by": deed.by,
        "at": _when(tx, realm, deed),
        "recorded_at": tx.now,
        "reason": deed.reason,
        "body": seen,
    }
    store_life.add_act(tx.conn, realm, alert_id, values)
    happened_at = deed.happened_at
    tx.audit(realm, deed.by, f"alert.{act}", alert_id, reason=deed.reason, body=seen, happened_at=happened_at)


def _when(tx: Tx, realm: str, deed: Deed) -> datetime:
    return when(tx, realm, deed.happened_at, "happened_at")


def _decided(decision: Decision) -> Life:
    _refuse(decision.refused)
    return decision.life


def _refuse(reason: Refusal | None) -> None:
    if reason is not None:
        raise refusal(reason)
