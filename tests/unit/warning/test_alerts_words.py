"""发布稿: default words by level, drafts that fall with their situation, the diff, and CAP that always validates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from services.warning.alerts import cap
from services.warning.alerts.alert import Alert, AlertState, Place
from services.warning.alerts.bulletin import (
    Bulletin,
    Draft,
    Words,
    basis_of,
    bulletin_in,
    bulletin_of,
    differences,
    facts_of,
    message_of,
    over,
    standing_draft,
)
from services.warning.alerts.cap_public import Release, public_xml
from services.warning.alerts.feed import atom
from services.warning.alerts.life import Purpose
from services.warning.alerts.life import Refusal as R
from services.warning.alerts.signing import CallBack, Voice, authorised, check_call_back, check_key
from shared.auth.keys import SigningKey, canonical, key_id_of, new_private_jwk, public_jwk, sign, verify
from shared.errors import Invalid
from shared.pack.model import AuthorityRow, District, Pack, Post
from shared.vocabulary import AlertScope, Level, Measure, MsgType, Scale, Status, Verification

NOW = datetime(2026, 6, 28, 3, 5, 7, 250, tzinfo=UTC)
PLACE = Place(region="500114112", name="濯水镇", hazard="11B03", hazard_zh="暴雨", hazard_en="Rainstorm")
ALERT = Alert(
    alert_id="500114-actual-500114112-11B03-1",
    version=3,
    trip_ids=("rainstorm/500114112/1",),
    hazard="11B03",
    level=Level.RED,
    confirmed_level=Level.RED,
    scale=Scale.MONITORING,
    verification=Verification.CONFIRMED,
    msg_type=MsgType.UPDATE,
    region="500114112",
    headline_zh="h",
    headline_en="h",
    description_zh="d",
    description_en="d",
    sent_at=NOW,
    effective_at=NOW,
    expires_at=NOW + timedelta(hours=12),
    state=AlertState.DRAFT,
)
BY = cap.Publisher(
    sender="fengsui@example.invalid",
    name_zh="黔江区",
    name_en="Qianjiang District",
    timezone="Asia/Shanghai",
    area_name="濯水镇",
    hazard_zh="暴雨",
    hazard_en="Rainstorm",
)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


def bulletin(draft: Draft | None = None, realm: str = "actual") -> Bulletin:
    return bulletin_of("500114", realm, cap.status_of(realm), ALERT, PLACE, draft or Draft())


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.NORMAL])
@pytest.mark.parametrize("scale", list(Scale))
def test_default_words_name_no_signal_and_both_languages(level: Level, scale: Scale) -> None:
    alert = replace(ALERT, level=level, scale=scale)
    made = bulletin_of("500114", "actual", Status.ACTUAL, alert, PLACE, Draft())
    assert "预警信号" not in made.headline.zh
    assert level.zh in made.headline.zh
    assert level.value in made.headline.en
    assert "Evacuate" not in made.response_types, "an order comes from who may sign it"
    assert all(words.zh and words.en.isascii() is ("濯" not in words.en) for words in (made.headline, made.instruction))


def test_a_draft_falls_with_its_situation_but_not_for_whom_it_is_meant() -> None:
    draft = Draft(
        basis=basis_of(ALERT), scope=AlertScope.RESTRICTED, level=Level.ORANGE, headline=Words(zh="橙色", en="")
    )
    assert standing_draft(draft, ALERT) == draft
    assert facts_of(ALERT, draft).level is Level.ORANGE
    risen = replace(ALERT, confirmed_level=Level.ORANGE)
    assert standing_draft(draft, risen) == Draft(scope=AlertScope.RESTRICTED)
    made = bulletin_of("500114", "actual", Status.ACTUAL, ALERT, PLACE, draft)
    assert (made.headline.zh, made.headline.en) == ("橙色", "濯水镇: orange rainstorm criteria reached (observed)")


def test_the_diff_names_what_a_signer_must_look_at() -> None:
    first = message_of(bulletin(), Purpose.PUBLISH, None)
    same = message_of(bulletin(), Purpose.PUBLISH, "a.p1")
    assert differences(first, same) == []
    assert (first["msg_type"], same["msg_type"]) == ("Alert", "Update")
    lower = message_of(bulletin(Draft(level=Level.BLUE)), Purpose.PUBLISH, "a.p1")
    changed = {row["field"]: (row["before"], row["after"]) for row in differences(first, lower)}
    assert changed["level"] == ("red", "blue")
    assert changed["response_types"] == (["Avoid", "Prepare"], ["Monitor"])
    assert bulletin_in(first) == bulletin()


@pytest.mark.parametrize("realm", ["actual", "x-live", "x-flood-night"])
@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("scope", [AlertScope.PUBLIC, AlertScope.RESTRICTED])
def test_cap_of_every_message_validates(realm: str, purpose: Purpose, scope: AlertScope) -> None:
    made = bulletin_of("500114", realm, cap.status_of(realm), ALERT, PLACE, Draft(scope=scope))
    if purpose is not Purpose.PUBLISH:
        made = over(made, PLACE, purpose)
    earlier = (
        cap.Reference(identifier="a.p1", sent_at=NOW - timedelta(hours=2)),
        cap.Reference(identifier="a.p2", sent_at=NOW - timedelta(hours=1)),
    )
    issued = Release(
        identifier="a.p3",
        body="发布中心",
        number="17",
        sent_at=NOW,
        expires_at=NOW + timedelta(seconds=made.valid_for_s),
        references=earlier,
    )
    root = etree.fromstring(public_xml(made, purpose, BY, issued))
    found = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert found["status"] == ("Actual" if realm == "actual" else "Exercise")
    assert ("EXERCISE" in found.get("note", "")) is (realm != "actual")
    assert found["msgType"] == ("Cancel" if purpose is Purpose.CANCEL else "Update")
    assert found["references"].split()[-1] == "fengsui@example.invalid,a.p2,2026-06-28T10:05:07+08:00"
    responses = [e.text for e in root.findall("{*}info/{*}responseType")]
    assert ("AllClear" in responses) is (purpose is Purpose.END)
    assert [e.text for e in root.findall("{*}info/{*}language")] == ["zh-CN", "en-US"]
    assert str(root.findtext("{*}info/{*}expires")) > str(root.findtext("{*}info/{*}effective"))


@given(TEXT, TEXT)
def test_cap_and_atom_validate_whatever_people_type(zh: str, en: str) -> None:
    words = Words(zh=zh, en=en)
    draft = Draft(headline=words, description=words, instruction=words)
    made = bulletin_of("500114", "x-live", Status.EXERCISE, ALERT, PLACE, draft)
    issued = Release(identifier="a.p1", body=zh, number=en, sent_at=NOW, expires_at=NOW + timedelta(hours=1))
    assert public_xml(made, Purpose.PUBLISH, BY, issued)
    message = message_of(made, Purpose.PUBLISH, None)
    key = new_private_jwk()
    assert verify(public_jwk(key), canonical(message), sign(key, canonical(message)))
    item = {
        **message,
        "identifier": "a.p1",
        "headline": zh,
        "instruction": zh,
        "text": {"headline_en": en, "description_zh": zh, "description_en": en, "instruction_en": en},
        "sent_at": "2026-06-28T03:05:07Z",
        "effective_at": "2026-06-28T03:05:07Z",
        "state": "released",
    }
    for lang in ("zh", "en"):
        feed = etree.fromstring(atom("500114", {"zh": zh, "en": en}, "x-live", [item], lang))
        assert len(feed.findall("{*}entry")) == 1


# -- who may approve -------------------------------------------------------------------------------------


def post(name: str, person: str, *contacts: tuple[str, str]) -> Post:
    return Post(
        post=name,
        person=person,
        region="500114",
        rank=1,
        deputy_of=None,
        superior="chief",
        contacts=contacts,
        languages=("zh",),
        reviewed_on=None,
    )


PACK = Pack(
    version="sha256:0",
    district=District(
        code="500114",
        name_zh="黔江区",
        name_en="Qianjiang",
        timezone="Asia/Shanghai",
        sender="x",
        status="Actual",
        max_lateness_s=1,
    ),
    roster={
        one.post: one
        for one in (
            post("chief", "演示人员001", ("voice", "00000000001"), ("sms", "00000000011")),
            post("deputy", "演示人员002", ("satphone", "0000-0009-001")),
            post("empty", ""),
            post("warden", "演示人员007", ("voice", "00000000007")),
        )
    },
    authority=(
        AuthorityRow(
            hazard="11B03",
            kind=Measure.BAN,
            scope_kind="region",
            level=Level.RED,
            headquarters="演示",
            signer="chief",
            deputies=("deputy", "empty"),
            minutes=3,
            preauthorised_by=None,
            preauthorised_until=None,
            lifter="warden",
            on_expiry="next_signer",
        ),
    ),
)


@pytest.mark.parametrize(
    ("call", "desk", "drafters", "found"),
    [
        (("chief", "00000000001", "值班员"), (), (), "演示人员001"),
        (("chief", "(0000) 000-0001", "值班员"), (), (), "演示人员001"),
        (("deputy", "00000009001", "值班员"), (), (), "演示人员002"),
        (("chief", "00000000011", "值班员"), (), (), R.NUMBER_UNKNOWN),
        (("chief", "", "值班员"), (), (), R.NUMBER_UNKNOWN),
        (("warden", "00000000007", "值班员"), (), (), R.NO_AUTHORITY),
        (("empty", "00000000001", "值班员"), (), (), R.NO_AUTHORITY),
        (("nobody", "00000000001", "值班员"), (), (), R.NO_AUTHORITY),
        (("chief", "00000000001", "演示人员001"), (), (), R.SELF_RECORDED),
        (("chief", "00000000001", "chief"), (), (), R.SELF_RECORDED),
        (("chief", "00000000001", "值班员"), ("演示人员001",), (), R.SAME_PERSON),
        (("chief", "00000000001", "值班员"), (), ("演示人员001",), R.DRAFTER_APPROVES),
    ],
)
def test_the_voice_is_the_posts_own(
    call: tuple[str, str, str], desk: tuple[str, ...], drafters: tuple[str, ...], found: str | R
) -> None:
    call_back = CallBack(post=call[0], number=call[1], words="同意", recorded_by=call[2])
    voice = check_call_back(call_back, PACK, "11B03", desk, drafters)
    assert (voice.person if isinstance(voice, Voice) else voice) == found


def test_who_may_speak_for_a_hazard() -> None:
    assert authorised(PACK, "11B03") == {"chief", "deputy", "empty"}
    assert authorised(PACK, "12A01") == {"chief", "deputy", "empty"}, "a hazard without rows: all signers of the table"


def test_a_key_counts_while_it_is_valid_and_for_these_bytes_alone() -> None:
    jwk = new_private_jwk()
    key = SigningKey(key_id=key_id_of(jwk), owner="issuer", jwk=public_jwk(jwk), valid_from=NOW)
    message = {"level": "red", "n": 1}
    good = sign(jwk, canonical(message))
    assert check_key(key, message, good, NOW) is None
    assert check_key(key, {"n": 1, "level": "red"}, good, NOW) is None, "the order of keys is not signed"
    assert check_key(key, {**message, "level": "blue"}, good, NOW) is R.BAD_SIGNATURE
    assert check_key(key, message, good + "A", NOW) is R.BAD_SIGNATURE
    assert check_key(None, message, good, NOW) is R.KEY_INVALID
    assert check_key(key, message, good, NOW - timedelta(seconds=1)) is R.KEY_INVALID
    revoked = replace(key, revoked_at=NOW + timedelta(hours=1))
    assert check_key(revoked, message, good, NOW + timedelta(minutes=59)) is None
    assert check_key(revoked, message, good, NOW + timedelta(hours=1)) is R.KEY_INVALID


@pytest.mark.parametrize(
    "jwk",
    [{}, {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, {"kty": "RSA"}],
)
def test_what_is_no_ed25519_key_is_refused(jwk: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="jwk"):
        public_jwk(jwk)


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """Appendix A.3 of RFC 8037 gives the key and its thumbprint."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert key_id_of({**jwk, "use": "sig"}) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
