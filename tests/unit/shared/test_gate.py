"""The one gate: role × realm × area."""

from __future__ import annotations

import pytest

from shared.auth.gate import check, covers
from shared.auth.tokens import Actor
from shared.errors import Forbidden
from shared.pack.model import District, Pack, Region
from shared.vocabulary import RegionLevel, Role


def region(code: str, parent: str | None, level: RegionLevel) -> Region:
    return Region(code=code, name=code, parent=parent, level=level, lat=None, lon=None, population=None)


PACK = Pack(
    version="sha256:test",
    district=District(
        code="1", name_zh="区", name_en="D", timezone="Asia/Shanghai", sender="s", status="Exercise", max_lateness_s=1
    ),
    regions={
        "1": region("1", None, RegionLevel.DISTRICT),
        "11": region("11", "1", RegionLevel.TOWNSHIP),
        "111": region("111", "11", RegionLevel.VILLAGE),
        "12": region("12", "1", RegionLevel.TOWNSHIP),
    },
)


def actor(*roles: str, areas: tuple[str, ...] = ("1",), realms: tuple[str, ...] = ("*",)) -> Actor:
    return Actor("somebody", frozenset(roles), areas, realms)


@pytest.mark.parametrize(
    ("who", "wanted", "realm", "area", "code"),
    [
        (actor("duty_officer"), [Role.DUTY_OFFICER], "x-live", "111", None),
        (actor("duty_officer"), [Role.ISSUER], "x-live", None, "wrong_role"),
        (actor("duty_officer"), [Role.ISSUER, Role.DUTY_OFFICER], "x-live", None, None),
        (actor(), [Role.DUTY_OFFICER], "x-live", None, "wrong_role"),
        (actor("nonsense"), [Role.DUTY_OFFICER], "x-live", None, "wrong_role"),
        (actor("admin"), [Role.DUTY_OFFICER], "x-live", None, None),
        (actor("admin"), [Role.ISSUER], "x-live", None, "wrong_role"),
        (actor("admin"), [Role.SERVICE], "x-live", None, "wrong_role"),
        (actor("duty_officer"), [Role.DUTY_OFFICER], "actual", None, "wrong_realm"),
        (actor("duty_officer", realms=("actual",)), [Role.DUTY_OFFICER], "actual", None, None),
        (actor("duty_officer", realms=("x-a",)), [Role.DUTY_OFFICER], "x-b", None, "wrong_realm"),
        (actor("township", areas=("11",)), [Role.TOWNSHIP], "x-live", "111", None),
        (actor("township", areas=("11",)), [Role.TOWNSHIP], "x-live", "12", "outside_area"),
        (actor("township", areas=("11",)), [Role.TOWNSHIP], "x-live", "1", "outside_area"),
        (actor("township", areas=()), [Role.TOWNSHIP], "x-live", "11", "outside_area"),
    ],
)
def test_gate(who: Actor, wanted: list[Role], realm: str, area: str | None, code: str | None) -> None:
    if code is None:
        check(who, wanted, realm, area, PACK)
        return
    with pytest.raises(Forbidden) as refused:
        check(who, wanted, realm, area, PACK)
    assert refused.value.code == code


def test_without_a_pack_only_the_named_area_is_covered() -> None:
    assert covers(["11"], "11", None)
    assert not covers(["1"], "11", None)
    assert covers(["*"], "anything", None)
