"""The overview's pure parts: what becomes a row, in which order, what a filter takes; unknown is never calm."""

from __future__ import annotations

from typing import Any

from console.names import Names
from console.overview.layers import BY_NAME, FUSES, Item, Seen, items_of, seen_of
from console.overview.view import (
    Area,
    Choice,
    Sight,
    areas_of,
    choice_of,
    listed,
    newest_of,
    sight_of,
    todo_of,
    told_row,
)
from console.peers import Asked

AWAY = Asked(wrong="dispatch: ConnectError")
NAMES = Names(
    "1",
    {"zh": "演示区", "en": "Demo"},
    {"11B03": {"zh": "暴雨", "en": "Rainstorm"}},
    {
        "1": {"code": "1", "name": "演示区", "level": "district", "parent": None},
        "11": {"code": "11", "name": "甲镇", "level": "township", "parent": "1"},
        "111": {"code": "111", "name": "甲村", "level": "village", "parent": "11"},
        "12": {"code": "12", "name": "乙镇", "level": "township", "parent": "1"},
    },
)


def fuse(scope: str = "11", level: str = "red", **more: Any) -> dict[str, Any]:
    row = {"fuse": "rain", "scope": scope, "name": scope, "title": {"zh": "暴雨"}, "per": "township", "region": scope}
    row |= {"level": level, "blind": False, "silent": [], "verification": "confirmed", "why": None}
    row["confirmed_level"] = more.get("confirmed_level", level)
    return row | more


def feature(identity: str, lon: float | None = 108.7, **properties: Any) -> dict[str, Any]:
    geometry = None if lon is None else {"type": "Point", "coordinates": [lon, 29.5]}
    return {"id": identity, "geometry": geometry, "properties": {"name": identity, "region": "111", **properties}}


def station(identity: str, state: str = "living", **more: Any) -> dict[str, Any]:
    return feature(identity, **{"state": state, "latest": {}, "observed_at": None, **more})


def order(identity: str, state: str, level: str = "red", *units: str, **more: Any) -> dict[str, Any]:
    listed_units = [{"unit_id": unit, "state": state, "changed_at": "t"} for unit in units]
    return {"order_id": identity, "state": state, "level": level, "units": listed_units, "due_at": None, **more}


def seen(fuses: list[Any] | None = None, orders: list[Any] | None = None) -> Seen:
    return seen_of(NAMES, Asked(body={"items": fuses or []}), Asked(body={"items": orders or []}))


def made(layer: str, rows: list[Any], known: Seen | None = None) -> list[Item]:
    key = "items" if layer == "fuses" else "features"
    return items_of(BY_NAME[layer], Asked(body={key: rows}), known or seen())


def test_the_worst_first_then_what_is_not_known() -> None:
    rows = [
        fuse("a", "normal"),
        fuse("b", "normal", blind=True),
        fuse("c", "blue"),
        fuse("d", "red", verification="unconfirmed"),
        fuse("e", "orange", silent=["s"]),
    ]
    items = made("fuses", rows)
    assert [(item.id, item.state) for item in items] == [
        ("rain/d", "unconfirmed"),
        ("rain/e", "silent"),
        ("rain/c", "confirmed"),
        ("rain/b", "blind"),
        ("rain/a", "confirmed"),
    ]
    assert [item.unknown for item in items] == [False, True, False, True, False]


def test_a_station_that_is_silent_is_unknown_whatever_its_last_value() -> None:
    latest = {"rain_mm": {"value": 3.0, "observed_at": "t", "quality": "good"}}
    living, silent = station("a", latest=latest), station("b", "silent", latest=latest, observed_at="t")
    items = made("stations", [living, silent, station("c", "never", lon=None)])
    assert [(item.id, item.unknown, item.at) for item in items] == [
        ("b", True, "t"),
        ("c", True, None),
        ("a", False, None),
    ]
    assert items[0].what[0]["value"] == 3.0
    assert items[1].lon is None


def test_a_station_has_the_level_that_a_fuse_reads_off_it() -> None:
    because = [{"station": "a", "level": "orange"}, {"station": "b", "level": "yellow"}]
    known = seen([fuse(why={"because": because}), fuse("b", "red", per="station")])
    levels = {item.id: item.level for item in made("stations", [station("a"), station("b"), station("c")], known)}
    assert levels == {"a": "orange", "b": "red", "c": None}


def test_what_nobody_confirmed_does_not_look_confirmed() -> None:
    because = [{"station": "a", "level": "red"}, {"station": "b", "level": "orange"}]
    flushed = fuse(verification="unverified", confirmed_level="orange", why={"because": because})
    (item,) = made("fuses", [flushed])
    assert item.open
    assert {i.id: i.open for i in made("stations", [station("a"), station("b")], seen([flushed]))} == {
        "a": True,
        "b": False,
    }
    borne_out = fuse("12", why={"because": because[:1]})
    assert not made("stations", [station("a")], seen([borne_out, flushed]))[0].open


def test_a_unit_shows_the_order_that_wants_an_eye_first() -> None:
    orders = [
        order("O-1", "in_force", "orange", "u1"),
        order("O-2", "awaiting_signature", "red", "u1", "u2"),
        order("O-3", "in_force", "red", "u1"),
        order("O-4", "lifted", "red", "u3"),
    ]
    rows = [feature(name, industry="school", people_night=4) for name in ("u1", "u2", "u3")]
    found = {item.id: item for item in made("units", rows, seen(orders=orders))}
    assert found["u1"].what[0]["order"]["order_id"] == "O-2"
    assert (found["u2"].state, found["u2"].level) == ("awaiting_signature", "red")
    assert (found["u3"].state, found["u3"].level) == ("free", None)
    assert found["u1"].township == "11"


def test_a_shelter_of_which_nobody_reported_is_unknown() -> None:
    rows = [feature(name, state=state, night=9, occupied=None) for name, state in (("a", "open"), ("b", "unknown"))]
    assert [(item.id, item.unknown) for item in made("shelters", rows)] == [("b", True), ("a", False)]


def test_a_zone_has_a_level_only_while_it_is_in_force() -> None:
    about = {"hazard": "11B03", "since": None}
    rows = [feature("z1", step="orange", in_force=False, **about), feature("z2", step=None, in_force=True, **about)]
    assert [(item.id, item.state, item.level) for item in made("zones", rows)] == [
        ("z2", "in_force", "red"),
        ("z1", "drawn", None),
    ]


def test_alike_alarms_of_a_township_are_one_group_and_two_are_not() -> None:
    villages = [fuse(name, "red", region="111") for name in ("a", "b", "c")]
    other = [fuse("d", "orange", region="111"), fuse("e", "red", region="12"), fuse("f", "red", region="12")]
    groups = listed(made("fuses", [*villages, *other]), Choice(), NAMES).groups
    assert [[item.id for item in group.items] for group in groups] == [
        ["rain/a", "rain/b", "rain/c"],
        ["rain/e"],
        ["rain/f"],
        ["rain/d"],
    ]


def test_a_filter_takes_what_it_says_and_the_selected_one_always() -> None:
    rows = [station("a"), station("b", "silent"), station("c", region="12")]
    items = made("stations", rows)

    def taken(**chosen: str) -> list[str]:
        return [group.head.id for group in listed(items, Choice(BY_NAME["stations"], **chosen), NAMES).groups]

    assert taken() == ["b", "a", "c"]
    assert taken(township="12") == ["c"]
    assert taken(state="silent") == ["b"]
    assert taken(level="none") == ["b", "a", "c"]
    assert taken(words="C") == ["c"]
    assert taken(words="nothing") == []
    assert taken(words="nothing", sel="stations:a") == ["a"]
    offered = listed(items, Choice(BY_NAME["stations"]), NAMES)
    assert (offered.townships, offered.states) == ([("11", "甲镇"), ("12", "乙镇")], ["living", "silent"])


def test_the_url_says_the_choice_and_nonsense_is_left_out() -> None:
    choice = choice_of("units", "11", "", "", " x ", "stations:a", map_off=True)
    assert choice.query() == "list=units&township=11&q=x&sel=stations%3Aa&map=off"
    assert choice.query(sel=None, map=None) == "list=units&township=11&q=x"
    assert choice_of(None, "", "", "", "", "stations:a", map_off=False).layer.name == "stations"
    odd = choice_of("houses", "", "", "", "", "houses:a", map_off=False)
    assert (odd.layer, odd.sel) == (FUSES, "")


def test_a_township_in_which_nothing_is_seen_is_not_calm() -> None:
    def count(total: int, blind: int, **levels: int) -> dict[str, Any]:
        return {"total": total, "blind": blind, "levels": {"normal": 0, "red": 0, **levels}}

    areas = {"11": count(2, 2, normal=2), "12": count(2, 1, normal=1, red=1), "13": count(1, 0, normal=1)}
    answer = Asked(body={"items": [], "summary": {**count(5, 3, normal=4, red=1), "areas": areas}})
    assert areas_of(answer) == {"11": Area("normal", 2, 2), "12": Area("red", 1, 2), "13": Area("normal", 0, 1)}
    assert [area.sight for area in areas_of(answer).values()] == ["none", "part", "full"]
    assert areas_of(AWAY) == {}


def test_how_much_nobody_watches_is_told_or_not_known() -> None:
    counts = {"total": 5, "blind": 3, "levels": {"normal": 5}}
    assert sight_of(told(fuses=counts)) == Sight(counts)
    assert sight_of(told(fuses=None)).counts is None
    assert sight_of(AWAY) == Sight(None, AWAY.wrong)


def moved(alarm: dict[str, Any] | None, kind: str = "transition", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "body": {"fuse": "rain", "scope": "111", "alarm": alarm, **more}}


def test_an_event_tells_its_row_of_the_list_as_the_list_would_have_it() -> None:
    alarm = fuse("111", "orange", name="甲村")
    row = told_row(moved(alarm), seen())
    assert row is not None
    (item,) = made("fuses", [alarm])
    assert (row["sel"], row["item"], row["rank"]) == (item.sel, item, 3)
    shown = listed([item, item, item], Choice(), NAMES)
    assert row["group"] == shown.groups[0].key
    for name, value in (("township", "11"), ("level", "orange"), ("state", "confirmed")):
        assert row[name] == value
        assert Choice(**{name: value}).takes(item)
    assert Choice(words=row["words"]).takes(item)


def test_an_event_tells_when_its_alarm_is_over_and_nothing_where_it_says_nothing_of_a_row() -> None:
    assert told_row(moved(None), seen()) == {"sel": "fuses:rain/111", "item": None}
    assert told_row(moved(fuse(), kind="station.silent"), seen()) is None
    assert told_row({"kind": "transition", "body": {"fuse": "rain", "scope": "111"}}, seen()) is None


def told(**numbers: Any) -> Asked:
    return Asked(body={"wrong": {}, "numbers": numbers})


def test_what_is_to_do_is_as_the_service_tells_it() -> None:
    to_sign = {"total": 9, "items": [{"order_id": "3"}, {"order_id": "2"}]}
    todo = todo_of(told(to_sign=to_sign, cases=[{"case_id": "C"}]))
    assert ([row["order_id"] for row in todo.orders or ()], todo.more_orders) == (["3", "2"], 7)
    assert (todo.cases, todo.wrong) == ([{"case_id": "C"}], None)


def test_what_is_to_do_and_could_not_be_told_is_not_known_and_says_why() -> None:
    away = todo_of(AWAY)
    assert (away.orders, away.cases, away.wrong) == (None, None, AWAY.wrong)
    uncounted = todo_of(Asked(body={"wrong": {"storage": "disk full"}, "numbers": {"to_sign": None, "cases": []}}))
    assert (uncounted.orders, uncounted.cases, uncounted.wrong) == (None, [], "disk full")
    hidden = todo_of(told(cases=[]))
    assert (hidden.orders, hidden.wrong) == (None, "to_sign: 403")
    nothing = {"to_sign": {"total": 0, "items": []}, "cases": []}
    unwell = todo_of(Asked(body={"wrong": {"carriers": "down"}, "numbers": nothing}))
    assert (unwell.orders, unwell.wrong) == ([], None)


def test_the_newest_lines_say_what_was_entered_late() -> None:
    rows = [{"at": at, "known_at": known, "text": {"zh": at, "en": at}, "kind": "k"} for at, known in ("03", "22")]
    newest = newest_of(told(newest=rows))
    assert [(line.known_at, line.late) for line in newest.lines or ()] == [("3", True), ("2", False)]
    assert (newest_of(AWAY).lines, newest_of(AWAY).wrong) == (None, AWAY.wrong)
