"""行为 What each officer does next, from what the screens show and the hour; pure, the same screens give the same acts.

Minutes are the drill's. Everything follows from the screens, so that who starts anew goes on where things stand.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.realm import format_time, parse_time

Row = Mapping[str, Any]
BY_PHONE = 0.3  # of the signers' turns
DUTY_OFFICER = "duty_officer"
SIGNING = ("issuer", "second_issuer")
LEADING = ("village", "township", "duty_officer")  # who cannot do it himself is written down by the duty officer
REPORTING = ("township", "village", "duty_officer")
FINDING = ("verifier", "duty_officer")
# minutes: (soonest, latest)
SIGNS = (0.7, 3.0)
COUNTERSIGNS = (35.0, 80.0)
ACKNOWLEDGES = (2.0, 9.0)
CARRIES_OUT = (12.0, 45.0)
LEAVES = (8.0, 75.0)  # a household, from when the order binds
COMPLETES = (3.0, 10.0)
LOOKS = (14.0, 28.0)
FIRST_REPORT = (5.0, 12.0)
AT_DESK = timedelta(minutes=40)
EXTENDS_BEFORE = timedelta(minutes=30)
EXTENDS_BY = timedelta(hours=6)
WET_MM = 3.0  # a five-minute reading of a neighbouring gauge that says: it is really raining like that
DOUBTFUL = ("unconfirmed", "unverified")
RAIN_FUSES = ("rainstorm", "flash_flood")
MOVES_PEOPLE = ("evacuate", "disperse")
OUTCOMES = {"shelter": 54, "relatives": 26, "away": 13, "refused": 7}


@dataclass(frozen=True)
class Act:
    """动作: one request; ``roles`` in the order in which they may do it, ``about`` names it once for all."""

    service: str
    path: str
    body: Mapping[str, Any]
    roles: tuple[str, ...]
    about: str
    version: int | None = None
    post: str | None = None
    content: tuple[str, ...] = ()  # what of the object the act is about: while this stands, a newer version will do


@dataclass(frozen=True)
class Screens:
    """屏幕: what is open in the realm now; ``named`` are orders with their people by name."""

    orders: tuple[Row, ...] = ()
    lines: tuple[Row, ...] = ()  # of the call boards, each with its case_id
    trips: tuple[Row, ...] = ()
    stations: tuple[Row, ...] = ()
    phone_book: Mapping[str, str] = field(default_factory=dict)  # post → number
    villages: Mapping[str, int] = field(default_factory=dict)  # region → villages in it


@dataclass(frozen=True)
class Acting:
    """已行动的人: a post that answered 已行动, and when"""

    post: str
    person: str
    region: str
    at: datetime


def acts(screens: Screens, now: datetime) -> Iterator[Act]:
    """All that is due, the most urgent first."""
    yield from signatures(screens, now)
    yield from findings(screens, now)
    yield from countersignatures(screens, now)
    yield from extensions(screens, now)
    yield from first_reports(screens, now)
    yield from carrying_out(screens, now)


def acting(lines: Iterable[Row]) -> list[Acting]:
    """Who said that they act, the earliest first."""
    found = []
    for line in lines:
        if (answer := line["answer"]) and answer["grade"] == "acting":
            person = answer["person"] or line["person"]
            found.append(Acting(line["post"], person, line["region"], parse_time(answer["at"])))
    return sorted(found, key=lambda each: (each.at, each.post))


# -- signing ---------------------------------------------------------------------------------------------


def signatures(screens: Screens, now: datetime) -> Iterator[Act]:
    """签发 A signer who answered the phone stays at the desk for a while and signs what waits for him, now and then by
    telephone; whose turn has not come, and who answers nothing, signs nothing."""
    waiting = {order["order_id"]: order for order in screens.orders if order["due_at"]}
    for line in screens.lines:
        for matter in line["matters"]:
            awake_at = _awake_at(line) if matter["purpose"] == "sign" else None
            if awake_at is None or now - awake_at > AT_DESK:
                continue
            post = line["post"]
            by_phone = _dice("phone", post, format_time(awake_at)).random() < BY_PHONE and post in screens.phone_book
            for order in (waiting[each] for each in matter["orders"] if each in waiting):
                since = max(awake_at, parse_time(order["created_at"]))
                if now >= since + _after(SIGNS, "sign", post, order["order_id"]):
                    yield _signature(order, post, screens.phone_book[post] if by_phone else None)


def _awake_at(line: Row) -> datetime | None:
    """When the post's own holder last said that he acts."""
    answered = [
        parse_time(matter["answered_at"])
        for matter in line["matters"]
        if matter["grade"] == "acting" and matter["answered_by"] == line["person"]
    ]
    return max(answered, default=None)


def _signature(order: Row, post: str, number: str | None) -> Act:
    path, about = f"/v1/orders/{order['order_id']}/sign", f"sign {order['order_id']} v{order['version']} {post}"
    if number is None:
        return Act("dispatch", path, {"post": post}, SIGNING, about, order["version"], post, content_of(order))
    words = f"{order['order_id']}，同意，按预案执行。（演示）"
    call_back = {"post": post, "number": number, "words": words, "recorded_by": "演示值班员"}
    return Act(
        "dispatch", path, {"call_back": call_back}, (DUTY_OFFICER,), about, order["version"], None, content_of(order)
    )


def content_of(order: Row) -> tuple[str, ...]:
    """What a signature is about: the words and to which level they rise, not where a countdown stands."""
    rising = order["raise"] or {}
    return (order["kind"], order["level"], order["wording"]["zh"], str(rising.get("level")))


def countersignatures(screens: Screens, now: datetime) -> Iterator[Act]:
    """补签 What was said on the telephone is signed when the signer is up."""
    for order in screens.orders:
        for signature in order["signatures"]:
            post = signature["countersign_by"]
            if post is None or signature["countersigned_at"] is not None:
                continue
            about = f"countersign {order['order_id']} {post} {signature['at']}"
            if now >= parse_time(signature["at"]) + _after(COUNTERSIGNS, about):
                path = f"/v1/orders/{order['order_id']}/sign"
                yield Act("dispatch", path, {"post": post}, SIGNING, about, None, post)


def extensions(screens: Screens, now: datetime) -> Iterator[Act]:
    """延期 It still rains: what binds people does not run out overnight."""
    for order in screens.orders:
        if not order["held"] or not order["review_at"] or now < parse_time(order["review_at"]) - EXTENDS_BEFORE:
            continue
        until = format_time(max(now, parse_time(order["review_at"])) + EXTENDS_BY)
        body = {"review_at": until, "ground": "雨势未尽，继续管控。（演示）", "post": order["lifter"]}
        about = f"extend {order['order_id']} {order['review_at']}"
        path = f"/v1/orders/{order['order_id']}/extend"
        yield Act("dispatch", path, body, ("commander", "issuer"), about, order["version"], order["lifter"])


# -- carrying out ----------------------------------------------------------------------------------------


def carrying_out(screens: Screens, now: datetime) -> Iterator[Act]:
    """落实 Who leads people out, or whoever of the same place answered, acknowledges, reports, completes."""
    found = acting(screens.lines)
    by_post = {each.post: each for each in found}
    by_region: dict[str, Acting] = {}
    for each in found:
        by_region.setdefault(each.region, each)
    for order in screens.orders:
        for unit in order["units"]:
            who = by_post.get(unit["post"] or "") or by_region.get(unit["region"])
            if who is not None and order["held"] and (act := _next_step(order, unit, who, now)) is not None:
                yield act


def _next_step(order: Row, unit: Row, who: Acting, now: datetime) -> Act | None:
    since = parse_time(unit["changed_at"]) if unit["changed_at"] else now
    key = f"{order['order_id']}/{unit['unit_id']}"
    units = {"units": [unit["unit_id"]]}
    if unit["state"] == "in_force":
        due = max(since, who.at) + _after(ACKNOWLEDGES, "acknowledge", key)
        return _step(order, "acknowledge", units, who, key) if now >= due else None
    if unit["state"] not in ("acknowledged", "in_progress"):
        return None
    if order["kind"] not in MOVES_PEOPLE:
        return _step(order, "complete", units, who, key) if now >= since + _after(CARRIES_OUT, "do", key) else None
    if unit["people"] and unit["people"]["not_found"]:
        return _people(order, unit, who, now) if "groups" in unit else None
    return _step(order, "complete", units, who, key) if now >= since + _after(COMPLETES, "done", key) else None


def _step(order: Row, step: str, body: Mapping[str, Any], who: Acting, key: str) -> Act:
    path = f"/v1/orders/{order['order_id']}/{step}"
    about = f"{step} {key} {order['level']}"
    return Act("dispatch", path, {**body, "post": who.post}, LEADING, about, order["version"], who.post)


def wants_names(screens: Screens) -> list[str]:
    """Orders whose people somebody is leading out now: their names have to be looked up."""
    found = acting(screens.lines)
    led = {each.post for each in found} | {each.region for each in found}
    return [
        order["order_id"]
        for order in screens.orders
        if order["held"]
        and order["kind"] in MOVES_PEOPLE
        and any(
            unit["state"] in ("acknowledged", "in_progress")
            and unit["people"]
            and unit["people"]["not_found"]
            and not led.isdisjoint({unit["post"], unit["region"]})
            for unit in order["units"]
        )
    ]


def _people(order: Row, unit: Row, who: Acting, now: datetime) -> Act | None:
    """人员 Household by household as they leave; where there is no list of names, one count at the end."""
    began = parse_time(order["starts_at"])
    gone, on_list = [], 0
    for group in unit["groups"]:
        on_list += group["people"]
        key = f"{order['order_id']}/{group['ref']}"
        if group["outcome"] == "not_found" and now >= began + _after(LEAVES, "leave", key):
            outcome = _outcome(group["ref"])
            near = {"with_them": who.person} if outcome == "refused" else {}
            gone.append({"ref": group["ref"], "people": group["people"], "outcome": outcome, **near})
    body: dict[str, Any] = {"unit_id": unit["unit_id"], "people": gone, "post": who.post}
    unlisted = unit["people"]["expected"] - on_list
    if not gone and unlisted > 0 and now >= began + timedelta(minutes=LEAVES[1]):
        away = unlisted // 8
        at_relatives = (unlisted - away) // 3
        body["numbers"] = {"shelter": unlisted - away - at_relatives, "relatives": at_relatives, "away": away}
    elif not gone:
        return None
    about = f"people {order['order_id']}/{unit['unit_id']} {unit['people']['not_found']}"
    path = f"/v1/orders/{order['order_id']}/people"
    return Act("dispatch", path, body, LEADING, about, order["version"], who.post)


def _outcome(ref: str) -> str:
    return _dice("outcome", ref).choices(list(OUTCOMES), weights=list(OUTCOMES.values()))[0]


# -- looking and reporting -------------------------------------------------------------------------------


def findings(screens: Screens, now: datetime) -> Iterator[Act]:
    """核实 Who went to look, or is on the spot for it, says what is there: as wet as the gauge has it, or not."""
    for trip in screens.trips:
        if trip["verification"] not in DOUBTFUL:
            continue
        there = [
            (matter["purpose"] != "verify", parse_time(matter["answered_at"]), line["post"], line)
            for line in screens.lines
            for matter in line["matters"]
            if matter["matter_id"] == trip["trip_id"] and matter["grade"] == "acting"
        ]
        if not there:
            continue
        _, since, post, line = min(there, key=lambda each: each[:3])
        if now < since + _after(LOOKS, "look", trip["trip_id"]):
            continue
        is_so = _is_so(trip, screens.stations)
        body = {
            "trip_id": trip["trip_id"],
            "verdict": "confirm" if is_so else "refute",
            "by": {"post": post, "person": line["answer"]["person"] if line["answer"] else line["person"]},
            "ground": "现场雨势与读数相符（演示）" if is_so else "现场雨势不大，该站雨量筒被冲洗，读数不实（演示）",
        }
        path, about = f"/v1/callouts/{line['case_id']}/findings", f"finding {trip['trip_id']} {trip['version']}"
        yield Act("dispatch", path, body, FINDING, about)


def _is_so(trip: Row, stations: Iterable[Row]) -> bool:
    """On the spot: does it rain like that at any gauge of the place now? Where there is but one, it is believed."""
    place = str(trip["region"])[:9]
    falls = [
        float(station["latest"]["rain_mm"]["value"] or 0.0)
        for station in stations
        if str(station["region"]).startswith(place) and "rain_mm" in station["latest"]
    ]
    if trip["fuse"] not in RAIN_FUSES or len(falls) < 2:
        return True
    return max(falls) >= WET_MM


def first_reports(screens: Screens, now: datetime) -> Iterator[Act]:
    """首报 Who commands, how many villages, whether people leave: said once by who was asked for it."""
    for line in screens.lines:
        feedback, answer = line["feedback"], line["answer"]
        if not feedback or feedback["given_at"] or not feedback["missing"] or not answer or answer["grade"] != "acting":
            continue
        key = f"{line['case_id']}/{line['post']}"
        if now < parse_time(answer["at"]) + _after(FIRST_REPORT, "report", key):
            continue
        facts = {
            "commander": answer["person"] or line["person"],
            "villages": screens.villages.get(line["region"], 1),
            "evacuating": line["level"] in ("orange", "red"),
        }
        body = {
            "post": line["post"],
            "person": answer["person"] or line["person"],
            "grade": "acting",
            "feedback": facts,
        }
        about = f"report {key} {feedback['due_at']}"
        yield Act("dispatch", f"/v1/callouts/{line['case_id']}/answers", body, REPORTING, about)


def _after(span: tuple[float, float], *key: str) -> timedelta:
    return timedelta(minutes=_dice(*key).uniform(*span))


def _dice(*key: str) -> random.Random:
    digest = hashlib.sha256("/".join(key).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
