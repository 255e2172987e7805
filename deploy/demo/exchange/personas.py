"""人物 How invented people answer: at once, late, busy, hanging up, wrong, machine, dead mast, half-listening.

A persona is a script: the receipts that one call or text gives, in domain seconds after the carrier accepted it. The
same seed, number and attempt always give the same script, so a drill is deterministic.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

GIVE_UP_S = 45
CHARS_S = 4.5


class Persona(StrEnum):
    """人物"""

    PROMPT = "prompt"  # answers at once, key 1
    LATE = "late"  # only the second call is answered
    BUSY = "busy"  # engaged for the first calls, then answers
    HANGS_UP = "hangs_up"  # cut after two seconds, always: a handset that blocks robot calls
    WRONG_PERSON = "wrong_person"  # key 9
    MACHINE = "machine"  # an answering machine
    DEAD_MAST = "dead_mast"  # unreachable, with the mast as cause
    HALF_LISTENER = "half_listener"  # leaves half-way the first time
    SMS_REPLIER = "sms_replier"  # no answer by phone, answers the text
    UNDERSTANDS = "understands"  # key 2
    CANNOT_ACT = "cannot_act"  # key 3
    LISTENS = "listens"  # hears all, presses nothing
    SILENT = "silent"  # never answers
    BAD_NUMBER = "bad_number"


@dataclass(frozen=True, kw_only=True)
class Character:
    """性格: one number's persona; ``calls`` is how many calls are missed or engaged before it answers"""

    persona: Persona = Persona.PROMPT
    calls: int = 1
    key: str = "1"
    mast: str = "mast-01"
    pick_up_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """一步: a receipt, and how long after the one before"""

    after_s: float
    state: str
    result: str | None = None
    heard_s: float | None = None
    keys: str = ""
    cause: str | None = None


# what share of unnamed numbers is what kind of person
_CROWD = (
    (Persona.PROMPT, 62),
    (Persona.LATE, 12),
    (Persona.BUSY, 8),
    (Persona.HALF_LISTENER, 5),
    (Persona.SMS_REPLIER, 4),
    (Persona.HANGS_UP, 3),
    (Persona.MACHINE, 2),
    (Persona.SILENT, 2),
    (Persona.WRONG_PERSON, 1),
    (Persona.CANNOT_ACT, 1),
)


def crowd(seed: int, number: str) -> Character:
    """The character of a number that nobody named."""
    dice = _dice(seed, number, 0)
    persona = dice.choices([p for p, _ in _CROWD], weights=[w for _, w in _CROWD])[0]
    return Character(persona=persona, calls=dice.randint(1, 2))


def read_character(entry: Any) -> Character:
    """A character out of a settings file or request: a persona's name, or a mapping with its details."""
    if isinstance(entry, str):
        entry = {"persona": entry}
    if not isinstance(entry, Mapping):
        raise ValueError("a character is a persona's name or a mapping with persona, calls, key, mast, pick_up_s")  # noqa: TRY004 - a wrong entry is one kind of error
    unknown = set(entry) - {"persona", "calls", "key", "mast", "pick_up_s"}
    if unknown:
        raise ValueError(f"'{sorted(unknown)[0]}' is not known; give persona, calls, key, mast, pick_up_s")
    names = tuple(Persona)
    if entry.get("persona") not in names:
        raise ValueError(f"persona '{entry.get('persona')}' is not known; choose from {', '.join(names)}")
    made = Character(persona=Persona(entry["persona"]))
    pick_up = entry.get("pick_up_s")
    return replace(
        made,
        calls=int(entry.get("calls", made.calls)),
        key=str(entry.get("key", made.key)),
        mast=str(entry.get("mast", made.mast)),
        pick_up_s=None if pick_up is None else float(pick_up),
    )


# how much of the text is listened to, and which key follows, once somebody has picked up
_LISTENERS: Mapping[Persona, tuple[float, str | None]] = {
    Persona.PROMPT: (1.0, None),  # None = the character's own key
    Persona.LATE: (1.0, None),
    Persona.BUSY: (1.0, None),
    Persona.HALF_LISTENER: (1.0, None),
    Persona.WRONG_PERSON: (0.8, "9"),
    Persona.UNDERSTANDS: (1.0, "2"),
    Persona.CANNOT_ACT: (1.0, "3"),
    Persona.LISTENS: (1.0, ""),
}


def call_script(who: Character, nth: int, text: str, seed: int, number: str) -> tuple[Step, ...]:
    """What the ``nth`` call (from 1) to this number gives."""
    pick_up_s = who.pick_up_s if who.pick_up_s is not None else _dice(seed, number, nth).uniform(3, 9)
    spoken_s = max(3.0, len(text) / CHARS_S)
    early = _never_picked_up(who, nth)
    if early is not None:
        return early
    if who.persona is Persona.HANGS_UP:
        return _picked_up(pick_up_s, 2.0)
    if who.persona is Persona.MACHINE:
        return _picked_up(pick_up_s, spoken_s, result="machine")
    if who.persona is Persona.HALF_LISTENER and nth <= who.calls:
        return _picked_up(pick_up_s, max(4.0, spoken_s * 0.4))
    share, key = _LISTENERS[who.persona]
    return _picked_up(pick_up_s, spoken_s * share, who.key if key is None else key)


_RINGING = Step(after_s=1, state="ringing")


def _never_picked_up(who: Character, nth: int) -> tuple[Step, ...] | None:
    no_answer = (_RINGING, Step(after_s=GIVE_UP_S, state="ended", result="no_answer"))
    match who.persona:
        case Persona.SILENT | Persona.SMS_REPLIER:
            return no_answer
        case Persona.LATE if nth <= who.calls:
            return no_answer
        case Persona.BUSY if nth <= who.calls:
            return (Step(after_s=2, state="ended", result="busy"),)
        case Persona.DEAD_MAST:
            return (Step(after_s=4, state="ended", result="unreachable", cause=who.mast),)
        case Persona.BAD_NUMBER:
            return (Step(after_s=2, state="ended", result="bad_number"),)
        case _:
            return None


def _picked_up(pick_up_s: float, heard_s: float, keys: str = "", result: str = "answered") -> tuple[Step, ...]:
    return (
        _RINGING,
        Step(after_s=pick_up_s, state="answered"),
        Step(after_s=heard_s, state="ended", result=result, heard_s=round(heard_s, 1), keys=keys),
    )


def text_script(who: Character) -> tuple[Step, ...]:
    """What a text to this number gives. Delivered is all that most people's phones ever say."""
    match who.persona:
        case Persona.DEAD_MAST:
            return ()
        case Persona.BAD_NUMBER:
            return (Step(after_s=2, state="ended", result="bad_number"),)
        case Persona.SMS_REPLIER:
            return (
                Step(after_s=3, state="delivered"),
                Step(after_s=40, state="ended", result="answered", keys=who.key),
            )
        case _:
            return (Step(after_s=3, state="delivered"), Step(after_s=1, state="ended", result="delivered"))


def _dice(seed: int, number: str, nth: int) -> random.Random:
    digest = hashlib.sha256(f"{seed}/{number}/{nth}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
