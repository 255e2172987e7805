"""The flood night's first hour on the virtual clock, through the real services, judged by the drill's own score sheet.

On both databases it passes; and with one thing in what the services answered changed, the score of that thing says so.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.exchange.cast import read_cast
from deploy.demo.flood_night import START
from deploy.demo.player import gauges_of, storm_of
from services.command.environment import CAST
from services.command.score.gather import gather
from services.command.score.sheet import Sheet, judge
from services.command.score.words import lines_of
from services.dispatch.callouts.clocks import Clocks, read_clocks
from shared.realm import format_time, parse_time
from tests.e2e.scenes.stage import BEIJING, Stage, stage
from tests.support.house.world import RAM
from tests.support.packs import sample_pack_dir
from tests.support.resources import sample_pack

BEFORE = timedelta(hours=4)
STEP = timedelta(minutes=5)
BEGINS = START + timedelta(minutes=45)  # what fell before comes along
LASTS = timedelta(minutes=66)
ALLOW_S = 2.0
SEED = 1
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def facts(module_dsn: str) -> Iterator[Facts]:
    """What the services answer an hour into the night, ten minutes after the red."""
    memory = RAM if os.access(RAM, os.W_OK) else None
    dsn = None if module_dsn.startswith("sqlite") else module_dsn
    with (
        tempfile.TemporaryDirectory(prefix="fengsui-night-", dir=memory) as folder,
        stage(SEED, Path(folder), sample_pack(), BEGINS.astimezone(BEIJING), dsn) as night,
    ):
        _play(night)
        yield gather(_get(night), night.realm, lambda: None)


def _play(night: Stage) -> None:
    """The gauges of the storm's foot; who answers how is the demo's cast."""
    night.exchange.people |= read_cast(CAST, sample_pack_dir() / "roster.csv")
    once = night.pulse

    def pulse() -> None:
        """Twice in one instant: what warning tells is rung for before time goes on."""
        once()
        once()

    night.pulse = pulse  # type: ignore[method-assign]
    gauges = gauges_of(night.pack)
    storm = storm_of(night.pack, gauges)
    near = [gauge for gauge in gauges if max(map(abs, storm.at_km(gauge))) < 6]
    now = START - BEFORE
    while now < START + LASTS:
        upto = max(now + STEP, BEGINS)
        night.at(f"{upto.astimezone(BEIJING):%H:%M:%S}")
        for gauge in near:
            night.publish(gauge.station_id, [dict(row) for row in storm.readings(gauge, START, now, upto)])
        now = upto
    night.at(f"{(now + timedelta(seconds=30)).astimezone(BEIJING):%H:%M:%S}")


def _get(night: Stage) -> Callable[[str, str, Mapping[str, Any]], Any]:
    def get(service: str, path: str, query: Mapping[str, Any]) -> Any:
        answer = night.http(service).get(path, params=dict(query), headers=night.bearer("duty_officer"))
        assert answer.status_code == 200 or path == "/readyz", f"{path}: {answer.text}"
        return answer.json()

    return get


def _sheet(facts: Facts) -> Sheet:
    pack = sample_pack()
    clocks, problems = read_clocks(pack.documents["callouts.yaml"], pack)
    assert isinstance(clocks, Clocks), problems
    return judge(facts, pack, clocks, allow_s=ALLOW_S)


def failing(facts: Facts) -> set[str]:
    return {each.key for each in _sheet(facts).scores if not each.passed}


@pytest.mark.slow
def test_the_night_passes_and_what_is_not_as_it_should_be_is_said(facts: Facts) -> None:
    sheet = _sheet(facts)
    assert sheet.passed, "\n".join(lines_of(sheet, "Asia/Shanghai"))
    counted = {each.key: each.counted for each in sheet.scores}
    assert counted["trips"] >= 3
    assert counted["climb"] >= 10
    assert counted["one_ring"] >= 30
    assert counted["orders"] >= 5
    numbers = {each.key: each.numbers for each in sheet.scores}
    assert numbers["climb"]["steps"] >= 5
    assert numbers["climb"]["doors"] >= 1
    assert sheet.minutes["fuse_to_first_ring_min"]["count"] >= 3
    text = json.dumps(facts)
    told = {what: failing(_harmed(text, harm)) for what, (_, harm) in HARM.items()}
    assert told == {what: wanted for what, (wanted, _) in HARM.items()}


def _harmed(facts: str, harm: Callable[[Facts], None]) -> Facts:
    changed: Facts = json.loads(facts)
    harm(changed)
    return changed


def _line(facts: Facts, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case, and the first entry of that kind in its log."""
    return next((case, entry) for case in facts["cases"] for entry in case["log"] if entry["kind"] == kind)


def _moved(text: str, minutes: float) -> str:
    return format_time(parse_time(text) + timedelta(minutes=minutes))


def _calls(facts: Facts) -> Iterator[dict[str, Any]]:
    for case in facts["cases"]:
        for line in case["lines"]:
            yield from line["attempts"]


def _superior_early(facts: Facts) -> None:
    """One who was rung, not one who acts already and was told by text."""
    entry = next(e for c in facts["cases"] for e in c["log"] if e["kind"] == "superior_called" and e["body"]["called"])
    entry["at"] = _moved(entry["at"], -1)


def _superior_never(facts: Facts) -> None:
    """As if the climb had stopped: neither this superior nor any later one was called."""
    case, entry = _line(facts, "superior_called")
    case["log"] = [e for e in case["log"] if e["post"] != entry["post"] or e["no"] < entry["no"]]


def _answer_forgotten(facts: Facts) -> None:
    """Somebody acted, and the line goes on ringing."""
    _, entry = _line(facts, "answered")
    entry["body"]["status"] = "calling"


def _ring_late(facts: Facts) -> None:
    voice = [call for call in _calls(facts) if call["channel"] == "voice" and call["ended_at"]]
    first = min(voice, key=lambda call: str(call["at"]))
    for call in voice:
        if call["attempt_id"] == first["attempt_id"]:
            call["at"] = _moved(first["at"], 0.4)


def _rung_twice(facts: Facts) -> None:
    """A second call to a person who is on the telephone."""
    case = facts["cases"][0]
    line = next(line for line in case["lines"] if any(a["channel"] == "voice" for a in line["attempts"]))
    first = next(a for a in line["attempts"] if a["channel"] == "voice")
    line["attempts"].append({**first, "attempt_id": "A-999999", "at": _moved(first["at"], 0.05)})


def _signed_by_nobody_s_right(facts: Facts) -> None:
    order = next(order for order in facts["orders"] if order["held"])
    order["signatures"] = [{**order["signatures"][0], "by": "v112001-head", "via": "hand"}]


def _chain_skipped(facts: Facts) -> None:
    waiting = [order for order in facts["orders"] if order["due_at"]]
    turns = [act for order in waiting for act in order["acts"] if act["kind"] == "order.call_signer"]
    turns[-1]["data"]["post"] = "v112001-head"


def _people_lost(facts: Facts) -> None:
    order = next(order for order in facts["orders"] if order["people"] and order["people"]["expected"])
    order["people"]["not_found"] -= 1


def _state_better_than_its_units(facts: Facts) -> None:
    next(order for order in facts["orders"] if order["state"] == "in_force")["state"] = "complete"


def _through_a_real_carrier(facts: Facts) -> None:
    for call in _calls(facts):
        call["carrier"] = "telecom" if call["attempt_id"] == "A-000001" else call["carrier"]


def _goods_lost(facts: Facts) -> None:
    facts["stock"][0]["on_hand"] -= 1


def _one_sided(facts: Facts) -> None:
    facts["movements"][0]["entries"].pop()


HARM: Mapping[str, tuple[set[str], Callable[[Facts], None]]] = {
    "the superior a minute early": ({"climb", "cadence"}, _superior_early),
    "the superior never": ({"climb", "cadence"}, _superior_never),
    "an answer forgotten": ({"climb"}, _answer_forgotten),
    "a ring late": ({"cadence"}, _ring_late),
    "two rings at once": ({"one_ring"}, _rung_twice),
    "signed without authority": ({"orders"}, _signed_by_nobody_s_right),
    "a signer skipped": ({"orders"}, _chain_skipped),
    "a person lost": ({"orders"}, _people_lost),
    "a state better than its units": ({"orders"}, _state_better_than_its_units),
    "goods lost": ({"stock"}, _goods_lost),
    "a movement with one side": ({"stock"}, _one_sided),
    "an alert gone": ({"trips"}, lambda facts: facts["alerts"].clear()),
    "a case gone": ({"trips", "climb", "one_ring"}, lambda facts: facts["cases"].clear()),
    "a real carrier": ({"exercise"}, _through_a_real_carrier),
    "a message left": (
        {"messages"},
        lambda facts: facts["ready"]["warning"]["outbox"][0].update(waiting=1),
    ),
    "a message parked": (
        {"messages"},
        lambda facts: facts["parked"]["warning→dispatch"].append(
            {"realm": facts["realm"], "no": 1, "kind": "transition", "aggregate": "t", "code": "x"}
        ),
    ),
    "a dead letter": (
        {"messages"},
        lambda facts: facts["dead_letters"].append({"code": "not_json", "station_id": "rain-zs-01"}),
    ),
    "a trace of earnest": ({"exercise"}, lambda facts: facts["realms"]["dispatch"].append("actual")),
}
