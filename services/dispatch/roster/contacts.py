"""联系方式 How a person can be reached: the pack's channels, less what was struck, plus what was added here.

Contacts are openings of the pack (design §2.8): what a duty officer strikes or adds stands beside them, with who and
why, and is never rewritten. A person without a number to call is a state of its own, shown and escalated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.dispatch.roster.register import register_of
from shared.pack.model import Pack

VOICE = "voice"
SMS = "sms"
CALLED = (VOICE, SMS)
CHANNELS = ("voice", "sms", "app", "radio", "satphone", "runner")


class ContactChange(StrEnum):
    """改动: what was done to a contact here"""

    WRONG_PERSON = "wrong_person"
    BAD_NUMBER = "bad_number"
    ADDED = "added"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """改动记录: the newest edit of one address decides"""

    person: str
    channel: str
    address: str
    change: ContactChange
    at: datetime
    by: str
    ground: str | None = None


@dataclass(frozen=True, kw_only=True)
class Contact:
    """联系方式: one address; ``struck`` says why it is not used any more"""

    channel: str
    address: str
    struck: ContactChange | None = None


@dataclass(frozen=True, kw_only=True)
class Reach:
    """可达情况: all contacts of one person, and those that may be used"""

    person: str
    contacts: tuple[Contact, ...]
    languages: tuple[str, ...] = ()

    def usable(self, channel: str) -> tuple[str, ...]:
        return tuple(c.address for c in self.contacts if c.channel == channel and c.struck is None)

    @property
    def is_callable(self) -> bool:
        """Whether a carrier can call or text; radio, satellite phone and runner need people."""
        return any(self.usable(channel) for channel in CALLED)

    @property
    def by_people(self) -> tuple[str, ...]:
        """Channels that only people can use: shown as a task."""
        return tuple(dict.fromkeys(c.channel for c in self.contacts if c.channel not in (*CALLED, "app")))


def reach_of(pack: Pack, person: str, edits: Iterable[Edit]) -> Reach:
    """Contacts over all posts that the person holds, the first post's first, with the edits applied."""
    changes: dict[tuple[str, str], ContactChange] = {}
    added: list[tuple[str, str]] = []
    for edit in sorted(edits, key=lambda e: e.at):
        changes[(edit.channel, edit.address)] = edit.change
        if edit.change is ContactChange.ADDED:
            added.append((edit.channel, edit.address))
    rows = register_of(pack).by_person.get(person, ())
    # an address that was added is newer than the roster's, so it is tried first
    pairs = dict.fromkeys([*reversed(added), *(pair for row in rows for pair in row.contacts)])
    contacts = []
    for channel, address in pairs:
        change = changes.get((channel, address))
        struck = None if change in (None, ContactChange.ADDED) else change
        contacts.append(Contact(channel=channel, address=address, struck=struck))
    languages = tuple(dict.fromkeys(code for row in rows for code in row.languages))
    return Reach(person=person, contacts=tuple(contacts), languages=languages)


def masked(address: str) -> str:
    """号码遮盖: lists show the first three and last two digits."""
    return address if len(address) < 8 else f"{address[:3]}{'*' * (len(address) - 5)}{address[-2:]}"
