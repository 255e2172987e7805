"""责任人用例 Who can be reached how, and what is struck or added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.dispatch.roster import store
from services.dispatch.roster.contacts import CHANNELS, ContactChange, Edit, Reach, masked, reach_of
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound
from shared.pack.model import Pack

ADDRESS_CHARS_MAX = 64


def reach(conn: Connection, realm: str, pack: Pack, person: str) -> Reach:
    """可达情况 of one person."""
    return reach_of(pack, person, store.edits_of(conn, realm, [person]))


def reaches(conn: Connection, realm: str, pack: Pack, persons: Iterable[str]) -> dict[str, Reach]:
    """可达情况 of many, in one question."""
    wanted = set(persons)
    edits = _by_person(store.edits_of(conn, realm, wanted))
    return {person: reach_of(pack, person, edits.get(person, ())) for person in wanted}


def _by_person(edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.person, []).append(edit)
    return found


def strike(
    tx: Tx, realm: str, person: str, addresses: Iterable[str], change: ContactChange, *, by: str, now: datetime
) -> None:
    """划掉 The addresses are not this person's, or are dead: on every channel and in every case."""
    for address in dict.fromkeys(addresses):
        for channel in ("voice", "sms"):
            _edit(tx, realm, Edit(person=person, channel=channel, address=address, change=change, at=now, by=by))
        seen = {"person": person, "address": masked(address), "change": change.value}
        tx.event(realm, "roster.contact_struck", person, seen)
        tx.audit(realm, by, "roster.strike", person, reason=change.value, body=seen)


def add_contact(
    tx: Tx, realm: str, pack: Pack, post: str, channel: str, address: str, *, by: str, ground: str, now: datetime
) -> str:
    """补号码 A contact given here and now; returns the person. It is tried before the roster's own."""
    row = pack.roster.get(post)
    if row is None:
        raise NotFound(f"post {post} is not in roster.csv", f"责任人名册中没有岗位 {post}", field="post")
    if not row.person:
        raise Invalid(f"post {post} is vacant; name its holder in roster.csv", f"岗位 {post} 空缺", field="post")
    if channel not in CHANNELS:
        raise Invalid(f"channel: choose from {', '.join(CHANNELS)}", field="channel")
    digits = address.lstrip("+")
    if not 0 < len(address) <= ADDRESS_CHARS_MAX or (channel in ("voice", "sms") and not digits.isdigit()):
        raise Invalid(f"address: '{address}' is not a number to call", f"号码“{address}”有误", field="address")
    edit = Edit(
        person=row.person,
        channel=channel,
        address=address,
        change=ContactChange.ADDED,
        at=now,
        by=by,
        ground=ground,
    )
    _edit(tx, realm, edit)
    seen = {"person": row.person, "post": post, "channel": channel, "address": masked(address), "ground": ground}
    tx.event(realm, "roster.contact_added", row.person, seen)
    tx.audit(realm, by, "roster.add_contact", row.person, body=seen)
    return row.person


def listing(conn: Connection, realm: str, pack: Pack, region: str | None = None) -> list[dict[str, Any]]:
    """All posts with their holders; numbers masked; who cannot be called says so."""
    edits = _by_person(store.edits_of(conn, realm))
    out: list[dict[str, Any]] = []
    for row in sorted(pack.roster.values(), key=lambda r: (r.rank, r.post)):
        if region is not None and region not in pack.ancestors(row.region):
            continue
        found = reach_of(pack, row.person, edits.get(row.person, ()))
        out.append(
            {
                "district": pack.district.code,
                "realm": realm,
                "post": row.post,
                "person": row.person,
                "region": row.region,
                "rank": row.rank,
                "deputy_of": row.deputy_of,
                "superior": row.superior,
                "duties": [{"object": d.object, "role": d.role} for d in pack.duties if d.post == row.post],
                "reviewed_on": row.reviewed_on,
                "state": "callable" if found.is_callable else "no_contact",
                "by_people": list(found.by_people),
                "contacts": [
                    {"channel": c.channel, "address": masked(c.address), "struck": c.struck} for c in found.contacts
                ],
            }
        )
    return out


def _edit(tx: Tx, realm: str, edit: Edit) -> None:
    store.add_edit(tx.conn, realm, tx.next_no(realm, "contact_edit"), edit)
