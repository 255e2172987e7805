"""What an alert says of its trips: the worst speaks, doubt is said, the end is no leave to return; CAP validates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from services.warning.alerts import cap
from services.warning.alerts.alert import RENEW_BEFORE, VALID_FOR, Alert, AlertState, Part, Place, compose, renewed
from shared.vocabulary import Level, MsgType, Scale, Verification

NOW = datetime(2026, 6, 28, 3, 5, 7, 123456, tzinfo=UTC)
PLACE = Place(region="500114112", name="濯水镇", hazard="11B03", hazard_zh="暴雨", hazard_en="Rainstorm")


def part(number: int, level: Level, verification: Verification = Verification.CONFIRMED, **more: object) -> Part:
    values = {
        "trip_id": f"rainstorm/500114112/{number}",
        "title_zh": "暴雨",
        "title_en": "Rainstorm",
        "scale": Scale.MONITORING,
        "level": level,
        "confirmed_level": level if verification is Verification.CONFIRMED else Level.NORMAL,
        "verification": verification,
        "closed": level is Level.NORMAL,
        **more,
    }
    return Part(**values)  # type: ignore[arg-type]  # a test's own dictionary


def made(before: Alert | None, *parts: Part, now: datetime = NOW) -> Alert:
    alert = compose(before, "500114-x-live-500114112-11B03-1", PLACE, parts, now)
    assert alert is not None
    return alert


@pytest.mark.parametrize(
    ("one", "headline"),
    [
        (part(1, Level.RED), "濯水镇达到暴雨红色标准（实况）"),
        (part(1, Level.RED, Verification.UNCONFIRMED), "濯水镇达到暴雨红色标准（实况），待核实"),
        (part(1, Level.ORANGE, Verification.UNVERIFIED), "濯水镇达到暴雨橙色标准（实况），无人核实"),
        (part(1, Level.YELLOW, is_notice=True, title_zh="气象台7号"), "濯水镇收到黄色通知：气象台7号"),
        (part(1, Level.NORMAL), "濯水镇暴雨监测告警结束（不等于允许返回）"),
    ],
)
def test_headlines_never_name_a_signal(one: Part, headline: str) -> None:
    assert made(None, one).headline_zh == headline


def test_the_worst_speaks_and_what_was_measured_before_what_was_told() -> None:
    told = part(1, Level.RED, is_notice=True, scale=Scale.SIGNAL, title_zh="气象台7号")
    alert = made(None, told, part(2, Level.RED), part(3, Level.BLUE))
    assert (alert.level, alert.scale, alert.msg_type, alert.state) == (
        Level.RED,
        Scale.MONITORING,
        MsgType.ALERT,
        AlertState.DRAFT,
    )
    assert alert.headline_zh.endswith("（实况）")


def test_versions_are_made_by_what_changes_and_by_nothing_else() -> None:
    first = made(None, part(1, Level.ORANGE))
    assert compose(first, first.alert_id, PLACE, [part(1, Level.ORANGE)], NOW + timedelta(hours=1)) is None
    second = made(first, part(1, Level.RED), now=NOW + timedelta(minutes=5))
    assert (second.version, second.msg_type, second.effective_at) == (2, MsgType.UPDATE, first.effective_at)
    ended = made(second, part(1, Level.NORMAL))
    assert (ended.version, ended.msg_type, ended.state, ended.is_open) == (3, MsgType.CANCEL, AlertState.ENDED, False)
    assert renewed(ended, NOW + VALID_FOR) is None


def test_it_is_renewed_only_when_its_expiry_is_near() -> None:
    alert = made(None, part(1, Level.RED))
    assert renewed(alert, alert.expires_at - RENEW_BEFORE - timedelta(seconds=1)) is None
    again = renewed(alert, alert.expires_at - RENEW_BEFORE)
    assert again is not None
    assert (again.version, again.headline_zh) == (2, alert.headline_zh)


@pytest.mark.parametrize("realm", ["x-live", "actual"])
def test_cap_validates_whatever_the_text(realm: str) -> None:
    by = cap.Publisher(
        sender="fengsui@example.invalid",
        name_zh="黔江区",
        name_en="Qianjiang",
        timezone="Asia/Shanghai",
        area_name="濯水镇 <&>",
        hazard_zh="暴雨",
        hazard_en="Rainstorm",
    )
    first = made(None, part(1, Level.RED, Verification.UNCONFIRMED, because_zh="1号站\x00\x1b累计 101 <&"))
    second = made(first, part(1, Level.NORMAL))
    for alert, before in ((first, None), (second, cap.Reference(identifier="a.1", sent_at=first.sent_at))):
        root = etree.fromstring(cap.cap_xml(alert, realm, by, before))
        found = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert found["status"] == ("Exercise" if realm == "x-live" else "Actual")
        assert (found["scope"], found["sent"]) == ("Restricted", "2026-06-28T11:05:07+08:00")
        assert ("references" in found) is (before is not None)
