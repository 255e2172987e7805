"""场景二 03:07 濯水红色，一名值班员，第一签发人不应答。

03:07 red at 濯水, one officer, first signer silent. Seen: post, deputy and second ring together; the second signer
approves by telephone, on record, as soon as it is his turn; /m, feed and loudspeakers are empty until then; the leader
on duty is woken if the officer does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.scenes.seen import (
    answered,
    event,
    events,
    in_force,
    orders_of,
    public_is_silent,
    rung,
    rung_at_once,
    seen,
)
from tests.e2e.scenes.stage import Stage

ZHUOSHUI = "500114112"
FIRST, SECOND = "qj-hq-chief", "qj-hq-deputy-1"


def test_the_second_signer_approves_by_telephone(begin: Callable[..., Stage]) -> None:
    night = begin("03:05")
    night.phone(FIRST).never_answers()
    night.at("03:07").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)

    night.between("03:07", "03:08").expects(
        rung_at_once("zs-mayor", "zs-flood", "zs-duty", "zs-secretary"),  # post, deputy, second; both heads
        rung(FIRST, SECOND),
    )
    night.between("03:08", "03:09").expects(answered("zs-mayor", "zs-secretary", "v112001-warden"))
    (leave,) = orders_of(night, "evacuate", ZHUOSHUI)
    assert leave["state"] == "awaiting_signature"
    assert in_force("evacuate", "dp-zs-01").probe(night)  # the listed danger point was allowed beforehand
    night.officer.signs_by_phone(SECOND, leave, status=409)  # not his turn yet
    assert public_is_silent.probe(night)

    night.at("03:10").officer.signs_by_phone(SECOND, leave, words="同意转移，马上走。")
    (signed,) = orders_of(night, "evacuate", ZHUOSHUI)
    assert signed["state"] == "in_force"
    (signature,) = signed["signatures"]
    assert (signature["by"], signature["via"], signature["words"]) == (SECOND, "phone", "同意转移，马上走。")
    assert signature["at"] <= "2026-06-27T19:10:01Z"

    assert public_is_silent.probe(night)
    alert = night.officer.alert(ZHUOSHUI, "11B03")
    night.officer.releases_by_phone(alert["alert_id"], SECOND)
    assert not public_is_silent.probe(night)
    (public,) = night.http("warning").get("/v1/alerts/feed.json", params={"realm": night.realm}).json()["items"]
    assert (public["level"], public["headline"][:4]) == ("red", "【演练】")


def test_nothing_is_public_while_nobody_signs(begin: Callable[..., Stage]) -> None:
    night = begin("03:06")
    night.phone(FIRST).never_answers()
    night.at("03:07").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)
    night.between("03:07", "03:20").always(public_is_silent)
    (leave,) = orders_of(night, "evacuate", ZHUOSHUI)
    assert leave["state"] == "awaiting_signature"
    assert leave["next_signer"] != FIRST  # it went on to the next, and on, and took force by nobody's silence
    assert events(night, "alarm.order_no_signer")


def test_the_leader_on_duty_is_woken_when_the_officer_does_nothing(begin: Callable[..., Stage]) -> None:
    night = begin("03:06")
    night.phone("qj-hq-duty").never_answers()
    night.at("03:07").gauges("rain-zs-01", "rain-zs-02").rain(mm=102)
    name, leader = night.person("qj-hq-duty"), night.phone("qj-hq-office")
    stands_in = seen("the leader is asked to stand in", lambda _: any(f"{name}未应答" in said for said in leader.heard))
    night.between("03:07", "03:09:55").never(stands_in)
    night.between("03:09:55", "03:10:10").expects(stands_in)
    night.between("03:10", "03:12").expects(answered("qj-hq-duty"), event("callout.answered", post="qj-hq-duty"))
