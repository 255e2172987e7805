"""演练中止 A real event stops a drill's callouts: nothing of it rings any more, and whom it reached is told so.

The word goes out in the drill's own realm, by text, to everybody whom the drill reached or was ringing; by voice where
there is no number for texts. Whoever is called for the real event hears it there too (`words.Frame.after_drill`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.callouts.book import Book
from services.dispatch.callouts.desk import CallDesk
from services.dispatch.callouts.words import Lang, interrupted, language_of
from services.dispatch.callouts.worker import Ringing
from services.dispatch.channels import service as channels
from services.dispatch.channels import store as attempts
from services.dispatch.channels.carrier import Channel
from services.dispatch.roster.contacts import SMS, VOICE
from shared.db.tx import Tx
from shared.errors import Refused
from shared.realm import Interruption


@dataclass(frozen=True)
class CalledOff:
    """已停: how many calls were taken back, who was told, and who could not be"""

    calls: int
    told: int
    untold: tuple[str, ...] = ()


def call_off(ringing: Ringing, tx: Tx, realm: str, now: datetime) -> int:
    """停呼 What is queued is not sent, what is out is hung up on; how many calls that were."""
    over = channels.call_off(tx, realm, now)
    for stored in over:
        ringing.attempt_ended(tx, stored, now)
    return len(over)


def interrupt(desk: CallDesk, ringing: Ringing, tx: Tx, realm: str, why: Interruption, now: datetime) -> CalledOff:
    """中止 Stop the drill's calls and tell everybody whom it reached."""
    reached = attempts.persons_reached(tx.conn, realm)
    called_off = call_off(ringing, tx, realm, now)
    book = desk.book(tx, realm)
    book.load_reaches(reached)
    untold: list[str] = []
    for person in sorted(reached):
        try:
            _tell(desk, book, person, why, now)
        except Refused:
            untold.append(person)
    return CalledOff(called_off, len(reached) - len(untold), tuple(untold))


def _tell(desk: CallDesk, book: Book, person: str, why: Interruption, now: datetime) -> None:
    reach = book.reach(person)
    channel = next((each for each in (SMS, VOICE) if reach.usable(each)), None)
    if channel is None:
        raise Refused("no_contact", f"{person} has no number", f"{person} 无可用号码")
    lang = language_of(reach.languages)
    stored = channels.make(
        book.tx,
        book.realm,
        desk.carriers,
        channel=Channel(channel),
        person=person,
        address=reach.usable(channel)[0],
        lang=lang,
        text=interrupted(why.zh if lang is Lang.ZH else why.en, lang),
        covers=[],
        now=now,
    )
    book.add_attempt(stored)
