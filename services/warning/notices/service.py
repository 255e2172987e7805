"""通知用例 Enter, correct, cancel and end notices; what that does to fuses is the pipeline's."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.warning.notices import store
from services.warning.notices.notice import TYPE, Notice, NoticeFile
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused, TooLarge
from shared.ids import sha256_hex
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import Level, Scale

FILE_BYTES_MAX = 1_000_000
AREAS_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Draft:
    """来件: a notice as it was typed in."""

    type: str
    number: str | None
    issuer: str
    scale: Scale
    level: Level
    hazard: str
    areas: tuple[str, ...]
    valid_from: datetime | None
    valid_to: datetime | None
    text: str
    read_back_by: str | None
    corrects: str | None
    file_name: str | None = None
    file_media_type: str = "application/octet-stream"
    file_base64: str | None = None
    happened_at: datetime | None = None
    entered_late: bool = False


@dataclass(frozen=True)
class Entered:
    """登记结果: the notice, the one it replaced, and whether it was known already."""

    notice: Notice
    replaced: Notice | None = None
    duplicate: bool = False


def enter(tx: Tx, realm: str, pack: Pack, draft: Draft, *, by: str, now: datetime) -> Entered:
    """登记通知 Keep a notice; a paper that came twice is told so and changes nothing."""
    check(draft, pack, now)
    corrected = _corrected(tx.conn, realm, draft)
    file = _file(draft)
    notice = Notice(
        notice_id="",
        type=draft.type,
        number=draft.number,
        issuer=draft.issuer,
        scale=draft.scale,
        level=draft.level,
        hazard=draft.hazard,
        areas=tuple(dict.fromkeys(draft.areas)),
        valid_from=draft.valid_from or now,
        valid_to=draft.valid_to,
        text=draft.text,
        read_back_by=draft.read_back_by,
        file=file[0] if file else None,
        corrects=draft.corrects,
        entered_by=by,
        entered_at=now,
        happened_at=draft.happened_at,
        entered_late=draft.entered_late,
    )
    known = store.find_paper(tx.conn, realm, draft.type, draft.number, draft.issuer) if draft.number else None
    if known is not None:
        if known.says_the_same(notice):
            return Entered(known, duplicate=True)
        raise Refused(
            "number_taken",
            f"{draft.issuer} {draft.number} is here as {known.notice_id} and says something else; "
            f"enter the newer paper under its own number with corrects = {known.notice_id}",
            f"该文号已登记为 {known.notice_id} 且内容不同；请以新文号登记并填写 corrects",
            notice_id=known.notice_id,
        )
    if corrected is not None and corrected.ended_by is not None and corrected.ended_by != "valid_to":
        raise Refused(
            "already_corrected",
            f"{corrected.notice_id} was corrected by {corrected.ended_by} already; correct that one",
            f"{corrected.notice_id} 已被 {corrected.ended_by} 更正，请更正后者",
            notice_id=corrected.ended_by,
        )
    no = tx.next_no(realm, "notice")
    notice = replace(notice, notice_id=f"N-{no:04d}")
    if notice.level is Level.NORMAL:
        notice = replace(notice, ended_at=now, ended_by=notice.notice_id)
    if file:
        store.keep_file(tx.conn, file[0].sha256, file[1])
    store.add(tx.conn, realm, no, notice)
    if corrected is not None:
        store.end(tx.conn, realm, corrected.notice_id, now, notice.notice_id)
        corrected = replace(corrected, ended_at=now, ended_by=notice.notice_id)
    tx.audit(
        realm,
        by,
        "notice.enter",
        notice.notice_id,
        reason=draft.number,
        body=notice_out(tx.district, realm, notice),
        happened_at=draft.happened_at,
    )
    tx.event(realm, "notice", notice.notice_id, summary(notice))
    return Entered(notice, replaced=corrected)


def expire(tx: Tx, realm: str, now: datetime) -> list[Notice]:
    """到期 End the notices whose validity is over; returns them."""
    over = [replace(notice, ended_at=now, ended_by="valid_to") for notice in store.due(tx.conn, realm, now)]
    for notice in over:
        store.end(tx.conn, realm, notice.notice_id, now, "valid_to")
        tx.event(realm, "notice", notice.notice_id, summary(notice))
    return over


def check(draft: Draft, pack: Pack, now: datetime) -> None:
    """Refuse what cannot be right, by field."""
    if not TYPE.fullmatch(draft.type):
        raise Invalid("type: use a-z 0-9 _ and begin with a letter, such as signal or reservoir_release", field="type")
    if draft.hazard not in pack.hazards:
        known = ", ".join(sorted(pack.hazards))
        raise Invalid(f"hazard: '{draft.hazard}' is not in hazards.csv; known are {known}", field="hazard")
    if not draft.areas or len(draft.areas) > AREAS_MAX:
        raise Invalid(f"areas: name 1 to {AREAS_MAX} region codes", field="areas")
    for area in draft.areas:
        if area not in pack.regions:
            raise Invalid(f"areas: '{area}' is not in regions.csv", f"区域 {area} 不在区划表中", field="areas")
    if draft.level is Level.NORMAL and draft.corrects is None:
        raise Invalid("level: normal cancels a notice; name it in corrects", field="level")
    starts = draft.valid_from or now
    if draft.valid_to is not None and draft.valid_to <= starts:
        raise Invalid("valid_to: must be later than valid_from", "截止时间应晚于开始时间", field="valid_to")
    if draft.valid_to is not None and draft.valid_to <= now and draft.level is not Level.NORMAL:
        raise Invalid("valid_to: is over already; nothing would be in force", "该通知已过有效期", field="valid_to")


def get(conn: Connection, realm: str, notice_id: str) -> Notice:
    found = store.get(conn, realm, notice_id)
    if found is None:
        raise NotFound(f"no notice {notice_id} in {realm}", f"没有通知 {notice_id}")
    return found


def notice_out(district: str, realm: str, notice: Notice) -> dict[str, Any]:
    """The object of contract §6."""
    kept = notice.file
    return {
        "district": district,
        "realm": realm,
        "notice_id": notice.notice_id,
        "type": notice.type,
        "number": notice.number,
        "issuer": notice.issuer,
        "scale": notice.scale.value,
        "level": notice.level.value,
        "hazard": notice.hazard,
        "areas": list(notice.areas),
        "valid_from": format_time(notice.valid_from),
        "valid_to": format_time(notice.valid_to) if notice.valid_to else None,
        "text": notice.text,
        "read_back_by": notice.read_back_by,
        "file": kept and {"name": kept.name, "media_type": kept.media_type, "sha256": kept.sha256, "size": kept.size},
        "corrects": notice.corrects,
        "entered_by": notice.entered_by,
        "entered_at": format_time(notice.entered_at),
        "happened_at": format_time(notice.happened_at) if notice.happened_at else None,
        "entered_late": notice.entered_late,
        "ended_at": format_time(notice.ended_at) if notice.ended_at else None,
        "ended_by": notice.ended_by,
    }


def summary(notice: Notice) -> dict[str, Any]:
    """One line of a timeline."""
    return {
        "notice_id": notice.notice_id,
        "type": notice.type,
        "number": notice.number,
        "issuer": notice.issuer,
        "level": notice.level.value,
        "hazard": notice.hazard,
        "areas": list(notice.areas),
        "corrects": notice.corrects,
        "ended_by": notice.ended_by,
    }


def _corrected(conn: Connection, realm: str, draft: Draft) -> Notice | None:
    if draft.corrects is None:
        return None
    found = store.get(conn, realm, draft.corrects)
    if found is None:
        raise Invalid(f"corrects: there is no notice {draft.corrects}", field="corrects")
    if found.type != draft.type:
        raise Invalid(f"type: {found.notice_id} is a {found.type}; a correction has the same type", field="type")
    return found


def _file(draft: Draft) -> tuple[NoticeFile, bytes] | None:
    if draft.file_base64 is None:
        return None
    try:
        content = base64.b64decode(draft.file_base64, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("file.content_base64: is not base64", field="file.content_base64") from None
    if len(content) > FILE_BYTES_MAX:
        raise TooLarge(f"file: {len(content)} bytes; at most {FILE_BYTES_MAX}", f"附件超过 {FILE_BYTES_MAX} 字节")
    digest = sha256_hex(content)
    name = draft.file_name or digest[:12]
    return NoticeFile(name=name, media_type=draft.file_media_type, sha256=digest, size=len(content)), content
