"""The phone exchange's people, and its desk over real HTTP on loopback: idempotent, signed, one ring a phone."""

from __future__ import annotations

import httpx
import pytest

from deploy.demo.exchange.app import create_app, is_loopback
from deploy.demo.exchange.desk import Desk
from deploy.demo.exchange.personas import Character, Persona, call_script, crowd, read_character, text_script
from shared.clock import poll_until
from tests.support.patience import PATIENCE_S
from tests.support.serving import serving

TEXT = "演" * 90
NUMBER = "00000000004"
EXPECTED = {
    Persona.PROMPT: ["answered:1"] * 3,
    Persona.LATE: ["no_answer:", "answered:1", "answered:1"],
    Persona.BUSY: ["busy:", "answered:1", "answered:1"],
    Persona.HANGS_UP: ["answered:"] * 3,
    Persona.WRONG_PERSON: ["answered:9"] * 3,
    Persona.MACHINE: ["machine:"] * 3,
    Persona.DEAD_MAST: ["unreachable:"] * 3,
    Persona.HALF_LISTENER: ["answered:", "answered:1", "answered:1"],
    Persona.SMS_REPLIER: ["no_answer:"] * 3,
    Persona.UNDERSTANDS: ["answered:2"] * 3,
    Persona.CANNOT_ACT: ["answered:3"] * 3,
    Persona.LISTENS: ["answered:"] * 3,
    Persona.SILENT: ["no_answer:"] * 3,
    Persona.BAD_NUMBER: ["bad_number:"] * 3,
}


@pytest.mark.parametrize("persona", list(Persona))
def test_how_people_answer(persona: Persona) -> None:
    who = Character(persona=persona)
    ends = [call_script(who, nth, TEXT, 1, NUMBER)[-1] for nth in (1, 2, 3)]
    assert [f"{end.result}:{end.keys}" for end in ends] == EXPECTED[persona]
    assert all(end.state == "ended" for end in ends)


def test_who_hangs_up_hears_three_seconds_at_most() -> None:
    end = call_script(Character(persona=Persona.HANGS_UP), 1, TEXT, 1, NUMBER)[-1]
    assert end.heard_s is not None
    assert end.heard_s <= 3


def test_a_dead_mast_takes_no_text_and_names_itself() -> None:
    who = Character(persona=Persona.DEAD_MAST, mast="mast-07")
    assert text_script(who) == ()
    assert call_script(who, 1, TEXT, 1, NUMBER)[-1].cause == "mast-07"


def test_the_text_replier_replies() -> None:
    assert text_script(Character(persona=Persona.SMS_REPLIER))[-1].keys == "1"


def test_the_same_seed_gives_the_same_people() -> None:
    numbers = [f"0000000{n:04d}" for n in range(200)]
    assert [crowd(7, n) for n in numbers] == [crowd(7, n) for n in numbers]
    assert {crowd(7, n).persona for n in numbers} > {Persona.PROMPT, Persona.LATE, Persona.BUSY}
    assert [crowd(7, n) for n in numbers] != [crowd(8, n) for n in numbers]


@pytest.mark.parametrize("entry", ["sleepy", {"persona": "late", "mood": 1}, 7, {}])
def test_wrong_characters_are_refused(entry: object) -> None:
    with pytest.raises(ValueError, match=r"persona|mood"):
        read_character(entry)


def test_a_character_in_detail() -> None:
    assert read_character({"persona": "late", "calls": 3}) == Character(persona=Persona.LATE, calls=3)


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "https://127.0.0.1/x", "http://a@127.0.0.1/", "x"])
def test_call_backs_stay_on_this_machine(url: str) -> None:
    assert not is_loopback(url)


def test_who_is_hung_up_on_has_a_free_telephone_at_once() -> None:
    """A drill that a real event stops must not keep the line engaged."""
    desk = Desk("secret", people={NUMBER: Character(persona=Persona.LISTENS, pick_up_s=60)})
    body = {"to": NUMBER, "text": TEXT, "callback": "http://127.0.0.1:9/x"}
    with serving(create_app(desk)) as url, httpx.Client(base_url=url, timeout=10, trust_env=False) as http:
        drill = http.post("/v1/calls", json=body | {"key": "d/x-drill/A-1"}).json()["call_id"]
        assert poll_until(lambda: desk.calls[drill].state == "ringing", PATIENCE_S)
        assert http.delete(f"/v1/calls/{drill}").json() == {"call_id": drill, "state": "ended"}
        assert http.delete(f"/v1/calls/{drill}").json()["state"] == "ended"  # a second time changes nothing
        assert (desk.calls[drill].result, desk.calls[drill].receipts[-1]["cause"]) == (
            "failed",
            "hung up by the caller",
        )
        real = http.post("/v1/calls", json=body | {"key": "d/x-live/A-1"}).json()["call_id"]
        assert not desk.calls[real].overlapped
        assert poll_until(lambda: desk.calls[real].state == "ringing", PATIENCE_S), "it rings, and is not engaged"
        assert http.delete("/v1/calls/call-999999").status_code == 404
