"""叫应用语 What is said: checked templates with words from the matters, worst first, at most 30 seconds.

No free text is ever spoken (duty_room.md C9). An exercise begins and ends with 演练. What is alike is said together, so
that one call lists all open matters of a person. What does not fit is not read, is named by its number, and is not
covered by the answer: an answer counts for what was read out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from services.dispatch.callouts.line import PartyKind, Want
from services.dispatch.callouts.matter import Basis, Grade, LineMatter, Purpose
from services.dispatch.channels.carrier import SPOKEN_CHARS_S
from shared.pack.model import Pack
from shared.vocabulary import Level, Verification

SPOKEN_S_MAX = 30
SPOKEN_ZH_MAX = int(SPOKEN_S_MAX * SPOKEN_CHARS_S)
SPOKEN_EN_MAX = SPOKEN_S_MAX * 14  # about 150 words a minute
TEXT_MAX = 500
NAME_MAX = 24
WHY_MAX = 100
NAMED = (100, 8, 5, 3, 2, 1)  # how many places of one fact are named, as many as there is time for
EXPECT_KEYS = "01239"


class Lang(StrEnum):
    """语言"""

    ZH = "zh"
    EN = "en"


KEY_GRADE = {"1": Grade.ACTING, "2": Grade.UNDERSTOOD, "3": Grade.CANNOT_ACT, "9": Grade.WRONG_PERSON}


def grade_of_key(key: str) -> Grade | None:
    """按键: 1 已到岗行动, 2 明白, 3 无法行动, 9 不是本人; 0 repeats and says nothing; others mean nothing."""
    return KEY_GRADE.get(key)


def keys_of_reply(text: str) -> str:
    """短信回复: the first key in a reply, full-width digits too; empty when there is none."""
    plain = text.strip().translate(str.maketrans("０１２３４５６７８９", "0123456789"))
    return plain[0] if plain[:1] in KEY_GRADE and not plain[1:2].isdigit() else ""


class Names(Protocol):
    """名称: the checked words of the pack"""

    def place(self, scope: str) -> str: ...

    def hazard(self, code: str, lang: Lang) -> str: ...

    def hour(self, at: datetime) -> str: ...


@dataclass(frozen=True)
class PackNames:
    """包内名称: names of regions, units, sites, stations, shelters; an unknown id is said as it is written"""

    pack: Pack

    def place(self, scope: str) -> str:
        industry, _, region = scope.rpartition("@")
        pack = self.pack
        found = (
            pack.regions.get(region)
            or pack.units.get(scope)
            or pack.sites.get(scope)
            or pack.shelters.get(scope)
            or pack.warehouses.get(scope)
            or pack.stations.get(scope)
        )
        name = (found.name if found else scope)[:NAME_MAX]
        return f"{name}{industry}" if industry else name

    def hazard(self, code: str, lang: Lang) -> str:
        found = self.pack.hazards.get(code)
        if found is None:
            return "险情" if lang is Lang.ZH else "hazard"
        return found.name_zh if lang is Lang.ZH else found.name_en

    def hour(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.pack.district.timezone)):%H:%M}"


@dataclass(frozen=True, kw_only=True)
class Said:
    """用语: words, and the wants that they tell; ``unnamed`` of them by number alone ("等6处"): a text lists those"""

    text: str
    lang: Lang
    read: tuple[Want, ...]
    left_out: int = 0
    unnamed: int = 0


@dataclass(frozen=True, kw_only=True)
class Frame:
    """开场: the district, whether 演练 begins and ends it, and whether a real event just stopped the hearer's drill"""

    district: str
    exercise: bool
    after_drill: bool = False

    def head(self, lang: Lang) -> str:
        stopped = f"{STOPPED[lang]}{_STOP[lang]}" if self.after_drill else ""
        return (_DRILL[lang] if self.exercise else "") + stopped + _HEAD[lang].format(district=self.district)


def spoken(wants: Iterable[Want], names: Names, frame: Frame, lang: Lang = Lang.ZH) -> Said:
    """电话用语"""
    limit = SPOKEN_ZH_MAX if lang is Lang.ZH else SPOKEN_EN_MAX
    return _compose(tuple(wants), names, frame, lang, limit, by_text=False)


def texted(wants: Iterable[Want], names: Names, frame: Frame, lang: Lang = Lang.ZH) -> Said:
    """短信用语"""
    return _compose(tuple(wants), names, frame, lang, TEXT_MAX, by_text=True)


def interrupted(why: str, lang: Lang = Lang.ZH) -> str:
    """演练中止，真实险情: the one thing that an interrupted drill still says, to all whom it reached."""
    if lang is Lang.ZH:
        return f"{STOPPED[lang]}：{why[:WHY_MAX]}。演练的叫应和指令一律停止，请按真实险情的通知行动。"
    return f"{STOPPED[lang]}: {why[:WHY_MAX]}. All calls and orders of the exercise are void. Act on the real event. "


def language_of(languages: Iterable[str]) -> Lang:
    """The first language of the person that there are templates for; Chinese otherwise."""
    return next((Lang(code) for code in languages if code in tuple(Lang)), Lang.ZH)


STOPPED = {Lang.ZH: "演练中止，真实险情", Lang.EN: "EXERCISE STOPPED, REAL EVENT"}
_STOP = {Lang.ZH: "。", Lang.EN: ". "}
_HEAD = {Lang.ZH: "{district}应急叫应。", Lang.EN: "Emergency call, {district}. "}
_DRILL = {Lang.ZH: "演练。", Lang.EN: "EXERCISE. "}
_KEYS = {
    Lang.ZH: "已到岗行动按1，明白按2，不能行动按3，不是本人按9，重听按0。",
    Lang.EN: "Acting: press 1. Understood: 2. Cannot act: 3. Not me: 9. Repeat: 0. ",
}
_REPLY = {
    Lang.ZH: "回复1已到岗行动，2明白，3不能行动，9不是本人。",
    Lang.EN: "Reply 1 acting, 2 understood, 3 cannot act, 9 not me. ",
}
_MORE = {Lang.ZH: "另有{n}项，稍后再报。", Lang.EN: "{n} more to follow. "}
_LEVEL_EN = {Level.BLUE: "blue", Level.YELLOW: "yellow", Level.ORANGE: "orange", Level.RED: "red"}


def _compose(wants: tuple[Want, ...], names: Names, frame: Frame, lang: Lang, limit: int, *, by_text: bool) -> Said:
    head = frame.head(lang)
    tail = (_REPLY if by_text else _KEYS)[lang] + (_DRILL[lang] if frame.exercise else "")
    ordered = sorted(wants, key=lambda w: (-w.matter.level.rank, w.since, w.key))
    points = [(want, _point(want, names, lang)) for want in ordered]
    room = limit - len(head) - len(tail)
    told = _Told(lang, room)
    read = [want for want, point in points if told.add(point)]
    more = ""
    if len(read) < len(ordered):  # "and more" needs its own time
        told = _Told(lang, room - len(_MORE[lang]) - 2)
        read = [want for want, point in points if told.add(point)]
        more = _MORE[lang].format(n=len(ordered) - len(read))
    return Said(
        text=head + told.text + more + tail,
        lang=lang,
        read=tuple(read),
        left_out=len(ordered) - len(read),
        unnamed=told.unnamed,
    )


@dataclass(frozen=True, kw_only=True)
class _Point:
    """一点: ``prefix`` {place} ``what`` ``reached`` ``ask``; what is alike is said once, for all its places"""

    prefix: str = ""
    place: str
    what: str
    reached: str = ""
    ask: str


class _Told:
    """说出的: points joined as people speak: the places of one danger, the dangers of one level, then what to do.

    A danger that is not told yet and does not fit closes the list: nothing less urgent is read in its place. Where the
    names do not fit, the first are named and all are counted.
    """

    def __init__(self, lang: Lang, room: int) -> None:
        self.lang, self.room = lang, room
        self.text = ""
        self._places: dict[_Point, Counter[str]] = {}  # by the point without its place
        self._named = NAMED[0]
        self._is_full = False

    def add(self, point: _Point) -> bool:
        """Whether it is told now."""
        key = replace(point, place="")
        if self._is_full and key not in self._places:
            return False
        self._count(key, point.place, 1)
        for named in NAMED:
            text = self._say(named)
            if len(text) <= self.room or not self.text:
                self.text, self._named = text, named
                return True
        self._count(key, point.place, -1)
        self._is_full = True
        return False

    @property
    def unnamed(self) -> int:
        """How many points are told by number alone."""
        return sum(sum(list(places.values())[self._named :]) for places in self._places.values())

    def _count(self, key: _Point, place: str, by: int) -> None:
        places = self._places.setdefault(key, Counter())
        places[place] += by
        if not places[place]:
            del places[place]
        if not places:
            del self._places[key]

    def _say(self, named: int) -> str:
        asks: dict[tuple[str, str], dict[str, list[str]]] = {}
        for key, places in self._places.items():
            reached = asks.setdefault((key.prefix, key.ask), {}).setdefault(key.reached, [])
            reached.append(self._names(tuple(places), named) + key.what)
        comma, semicolon = ("、", "；") if self.lang is Lang.ZH else (", ", "; ")
        return "".join(
            prefix + semicolon.join(comma.join(each) + reached for reached, each in facts.items()) + ask
            for (prefix, ask), facts in asks.items()
        )

    def _names(self, places: tuple[str, ...], named: int) -> str:
        said = ("、" if self.lang is Lang.ZH else ", ").join(places[:named])
        if len(places) <= named:
            return said
        return f"{said}等{len(places)}处" if self.lang is Lang.ZH else f"{said} and {len(places) - named} more places"


def _point(want: Want, names: Names, lang: Lang) -> _Point:
    point = _zh(want, names) if lang is Lang.ZH else _en(want, names)
    if want.kind is not PartyKind.SUPERIOR or want.matter.purpose is Purpose.FEEDBACK:
        return point
    subject = want.subject[:NAME_MAX]
    if lang is Lang.ZH:
        instead = f"{subject}未应答{f'（电话{want.number}）' if want.number else ''}，请您接替。"
    else:
        instead = f"{subject} does not answer{f' ({want.number})' if want.number else ''}; take over. "
    return replace(point, prefix=instead + point.prefix)


def _zh(want: Want, names: Names) -> _Point:
    m = want.matter
    hazard, level = names.hazard(m.hazard, Lang.ZH), m.level.zh
    is_notice = m.basis is Basis.NOTICE
    what, reached = (f"接到{hazard}", f"{level}通知") if is_notice else (hazard, f"达到{level}标准（实况）")
    if m.verification is Verification.UNVERIFIED:
        reached += "，尚无人核实"
    high = m.level.rank >= Level.ORANGE.rank
    by_purpose = {
        Purpose.ACT: (what, reached, f"。{'请立即到岗，组织转移避险' if high else '请到岗值守，做好准备'}。"),
        Purpose.VERIFY: (what, reached, "，尚未核实。请立即前往查看，并做好带领群众转移的准备。"),
        Purpose.SIGN: (f"{hazard}{level}管控措施{len(m.orders) or 1}项", "等您签批", "。"),
        Purpose.PREPARE: ("", "", f"预计将受{hazard}影响，请做好准备。"),
        Purpose.OPEN: (what, reached, "。请立即开门，并报告。"),
        Purpose.DOOR: (what, reached, "。"),
        Purpose.FEEDBACK: ("", "", "请补报：谁在指挥、涉及几个村、是否转移。"),
        Purpose.REPORT: (hazard, _owed_zh(m, names), "。特此上报，请督促补签。"),
    }
    what, reached, ask = by_purpose[m.purpose]
    door = f"{want.subject[:NAME_MAX]}无人应答，请上门查看并转告：" if m.purpose is Purpose.DOOR else ""
    return _Point(prefix=door, place=names.place(m.scope), what=what, reached=reached, ask=ask)


def _owed_zh(matter: LineMatter, names: Names) -> str:
    owed = matter.owed
    if owed is None:
        return "，电话签批逾时未补签"
    what = f"措施{owed.order_id}" if owed.order_id else "预警信息"
    return f"{what}由{owed.person[:NAME_MAX]}电话签批，应于{names.hour(owed.due_at)}前补签，至今未签"


def _owed_en(matter: LineMatter, names: Names) -> str:
    owed = matter.owed
    if owed is None:
        return ", a telephone signature was not countersigned in time"
    what = f"measure {owed.order_id}" if owed.order_id else "alert"
    by = owed.person[:NAME_MAX]
    return f", {what} signed by telephone by {by}, countersignature due at {names.hour(owed.due_at)}, not given"


def _en(want: Want, names: Names) -> _Point:
    m = want.matter
    hazard, level = names.hazard(m.hazard, Lang.EN), _LEVEL_EN.get(m.level, "")
    told = "notice received" if m.basis is Basis.NOTICE else "threshold reached (measured)"
    what, reached = f": {hazard}", f", {level} {told}"
    if m.verification is Verification.UNVERIFIED:
        reached += ", verified by nobody"
    high = m.level.rank >= Level.ORANGE.rank
    do = "Go to your post now and move people to safety. " if high else "Stand by at your post. "
    by_purpose = {
        Purpose.ACT: (what, reached, f". {do}"),
        Purpose.VERIFY: (what, reached, ", not confirmed. Go and look now, be ready to lead people out. "),
        Purpose.SIGN: (f": {hazard}, {level}: {len(m.orders) or 1} measures", " wait for your signature", ". "),
        Purpose.PREPARE: ("", "", f": {hazard} expected. Be ready. "),
        Purpose.OPEN: (what, reached, ". Open now and report. "),
        Purpose.DOOR: (what, reached, ". "),
        Purpose.FEEDBACK: ("", "", ": report who commands, how many villages, whether people are moving. "),
        Purpose.REPORT: (f": {hazard}", _owed_en(m, names), ". Reported to you: see that it is signed. "),
    }
    what, reached, ask = by_purpose[m.purpose]
    who = want.subject[:NAME_MAX]
    door = f"{who} does not answer. Go to the door and tell: " if m.purpose is Purpose.DOOR else ""
    return _Point(prefix=door, place=names.place(m.scope), what=what, reached=reached, ask=ask)
