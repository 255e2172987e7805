"""CAP in: what is valid is read, what producers get wrong is repaired and said, what is hostile is refused unread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from typer.testing import CliRunner

from services.command.cap import app
from services.command.key import app as key_app
from services.warning.alerts.cap import schema_12
from services.warning.alerts.cap_check import Checked, Severity, check
from services.warning.alerts.cap_tree import ALERTS_MAX, BYTES_MAX, CAP_12, DEPTH_MAX, CapRefused
from services.warning.alerts.cap_values import language_of, ring_of, time_of
from shared.auth.keyfile import read_private
from shared.auth.keys import key_id_of

GOOD = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="{CAP_12}">
  <identifier>x-1</identifier>
  <sender>sender@example.invalid</sender>
  <sent>2026-06-28T11:05:00+08:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>zh-CN</language>
    <category>Met</category>
    <event>暴雨</event>
    <responseType>Avoid</responseType>
    <urgency>Immediate</urgency>
    <severity>Severe</severity>
    <certainty>Observed</certainty>
    <expires>2026-06-28T23:05:00+08:00</expires>
    <senderName>演示数据</senderName>
    <headline>暴雨橙色</headline>
    <description>三小时五十毫米。</description>
    <instruction>远离河道。</instruction>
    <web>https://example.invalid/</web>
    <contact>00000000001</contact>
    <area>
      <areaDesc>濯水镇</areaDesc>
      <polygon>29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1</polygon>
    </area>
  </info>
</alert>
"""


def one(text: str | bytes) -> Checked:
    (checked,) = check(text if isinstance(text, bytes) else text.encode())
    return checked


def changed(old: str, new: str) -> Checked:
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times"
    return one(GOOD.replace(old, new))


def codes(checked: Checked) -> set[str]:
    return {repair.code for repair in checked.repairs}


def found(checked: Checked) -> set[str]:
    return {finding.code for finding in checked.findings}


def test_a_good_one_has_nothing_to_be_said_about() -> None:
    checked = one(GOOD)
    assert (checked.valid, checked.read, checked.repairs, checked.findings) == (True, True, [], [])
    assert checked.alert["info"][0]["headline"] == "暴雨橙色"
    assert etree.fromstring(checked.xml).findtext("{*}info/{*}event") == "暴雨"


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    [
        (f' xmlns="{CAP_12}"', "", "namespace", None),
        (CAP_12, "urn:oasis:names:tc:emergency:cap:1.1", "version", None),
        (CAP_12, "http://www.incident.com/cap/1.0", "version", None),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T03:05:00Z", "time", "2026-06-28T03:05:00-00:00"),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T11:05:00.123+08:00", "time", "2026-06-28T11:05:00+08:00"),
        ("2026-06-28T11:05:00+08:00", "2026-06-28 11:05:00+08:00", "time", "2026-06-28T11:05:00+08:00"),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T11:05+0800", "time", "2026-06-28T11:05:00+08:00"),
        ("2026-06-28T11:05:00+08:00", "2569-06-28T11:05:00+07:00", "time", "2026-06-28T11:05:00+07:00"),
        ("2026-06-28T11:05:00+08:00", "20260628110500", "time", "2026-06-28T11:05:00+08:00"),
        ("<status>Actual", "<status>actual", "word", "<status>Actual<"),
        ("<certainty>Observed", "<certainty>Very Likely", "word", "<certainty>Likely<"),
        ("<severity>Severe", "<severity>Terrible", "word", "<severity>Unknown<"),
        ("<responseType>Avoid", "<responseType>Run", "word", None),
        ("<language>zh-CN", "<language>zh_CN", "language", "<language>zh-CN<"),
        ("<urgency>Immediate</urgency>", "", "missing", "<urgency>Unknown<"),
        ("<category>Met</category>", "", "missing", "<category>Other<"),
        ("<event>暴雨</event>", "", "missing", "<event>暴雨橙色<"),
        ("<areaDesc>濯水镇</areaDesc>", "", "missing", "<areaDesc>?<"),
        ("<event>", "<web/><event>", "empty", None),
        ("<web>", "<vendor>x</vendor><web>", "unknown_element", None),
        ("<web>https://example.invalid/</web>", "<Web>https://example.invalid/</Web>", "name", "<web>https"),
        ("<web>", "{}<web>", "stray_text", None),
        ("<contact>", "<contact>112</contact><contact>", "joined", "112\n00000000001"),
        ("<urgency>", "<urgency>Past</urgency><urgency>", "repeated", "<urgency>Past<"),
        (" 29.1,108.1</polygon>", "</polygon>", "polygon_closed", "29.3,108.3 29.1,108.1</polygon>"),
        (
            "29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1",
            "[29.1,108.1]; [29.1,108.3]; [29.3,108.3]; [29.1,108.1]",
            "polygon_brackets",
            "<polygon>29.1,108.1 29.1,108.3",
        ),
        (
            "29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1",
            "108.1,29.1 108.3,29.1 108.3,29.3 108.1,29.1",
            "polygon_swapped",
            "<polygon>29.1,108.1 29.1,108.3",
        ),
        (
            "29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1",
            "-18.0,179.5 -18.0,181.5 -17.0,181.5 -18.0,179.5",
            "polygon_date_line",
            "-18.0,-178.5",
        ),
        ("29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1", "29.1,108.1 29.1,108.3", "polygon", None),
        ("29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1", "3237.5 10812.2", "polygon", None),
        (
            "<polygon>29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1</polygon>",
            "<circle>29.1 108.1 5</circle>",
            "circle",
            "29.1,108.1 5",
        ),
        (
            "<polygon>29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1</polygon>",
            "<geocode>SAME=006109</geocode>",
            "pair",
            "<value>006109<",
        ),
        (
            "<scope>Public</scope>",
            "<references>a,b,2026-06-28T01:05:00+08:00</references><scope>Public</scope>",
            "order",
            None,
        ),
    ],
)
def test_what_can_only_mean_one_thing_is_repaired_and_recorded(old: str, new: str, code: str, text: str | None) -> None:
    checked = changed(old, new)
    assert checked.read, checked.errors
    assert code in codes(checked)
    assert all(repair.line > 1 for repair in checked.repairs)
    assert schema_12().validate(etree.fromstring(checked.xml))
    if text is not None:
        assert text in checked.xml.decode()


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("<scope>Public</scope>", "", "no_scope", 2),
        ("<scope>Public", "<scope>Everybody", "scope", 8),
        ("<status>Actual", "<status>Real", "status", 6),
        ("<identifier>x-1</identifier>", "<identifier/>", "no_identifier", 2),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T11:05:00", "sent", 5),
        ("2026-06-28T11:05:00+08:00", "2026-02-30T11:05:00+08:00", "sent", 5),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T11:05:00,08:00", "sent", 5),
        ("<language>zh-CN", "<language>xx", "unknown_language", 10),
        ("<language>zh-CN", "<language>klingon", "unknown_language", 10),
        ("<language>zh-CN", "<language>中文", "unknown_language", 10),
    ],
)
def test_what_nobody_can_know_is_refused_with_its_line(old: str, new: str, code: str, line: int) -> None:
    checked = changed(old, new)
    assert not checked.read
    assert code in {finding.code for finding in checked.errors}
    assert line in {finding.line for finding in checked.errors}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<language>zh-CN</language>", "", "no_language"),
        ("<instruction>远离河道。</instruction>", "", "no_instruction"),
        ("<expires>2026-06-28T23:05:00+08:00</expires>", "", "no_expires"),
        ("<expires>2026-06-28T23:05:00+08:00", "<expires>2026-06-28T10:05:00+08:00", "expires_first"),
        ("<polygon>29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1</polygon>", "", "bare_area"),
        ("29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1", "0,0 2,2 0,2 2,0 0,0", "self_crossing"),
        (
            "<polygon>29.1,108.1 29.1,108.3 29.3,108.3 29.1,108.1</polygon>",
            "<circle>29.1,108.1 0</circle>",
            "no_radius",
        ),
        ("三小时五十毫米。", "三小时&lt;br/&gt;五十毫米。", "html"),
        ("三小时五十毫米。", "暴雨橙色", "same_text"),
        ("暴雨橙色", "暴" * 141, "long_headline"),
        ("<status>Actual", "<status>Exercise", "exercise_note"),
        ("<msgType>Alert", "<msgType>Cancel", "no_references"),
        ("<scope>Public", "<scope>Restricted", "restriction"),
        ("<scope>Public", "<scope>Private", "addresses"),
        ("x-1", "x 1", "bad_id"),
        ("2026-06-28T11:05:00+08:00", "2026-06-28T03:05:00+00:00", "utc"),
        ("<severity>Severe", "<severity>Unknown", "unknown_severity"),
    ],
)
def test_what_a_producer_should_know(old: str, new: str, code: str) -> None:
    checked = changed(old, new)
    assert checked.read
    assert code in found(checked)
    assert all(finding.severity is not Severity.ERROR for finding in checked.findings)


def test_references_are_looked_at() -> None:
    text = GOOD.replace("<msgType>Alert", "<msgType>Update").replace(
        "</scope>",
        "</scope><references>sender@example.invalid,x-1,2026-06-28T11:05:00+08:00 "
        "a,b,2027-01-01T00:00:00+08:00 c</references>",
    )
    assert {"self_reference", "future_reference", "reference"} <= found(one(text))


def test_the_file_of_an_envelope_and_of_many() -> None:
    alert = GOOD.partition("?>")[2]
    edxl = '<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"><contentObject><xmlContent>'
    envelope = f"{edxl}{alert}</xmlContent></contentObject></EDXLDistribution>"
    assert codes(one(envelope)) == {"wrapper"}
    several = check(f"<alerts>{alert}{alert}</alerts>".encode())
    assert [checked.read for checked in several] == [True, True]
    with pytest.raises(CapRefused, match="at most"):
        check(f"<alerts>{alert * (ALERTS_MAX + 1)}</alerts>".encode())


LAUGHS = (
    '<!DOCTYPE alert [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    + "".join(f'<!ENTITY {chr(c + 1)} "{f"&{chr(c)};" * 8}">' for c in range(ord("b"), ord("m")))
    + "]>"
)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (GOOD.replace("<alert", f"{LAUGHS}<alert", 1).replace("x-1", "&m;").encode(), "doctype"),
        (GOOD.replace("<alert", '<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/x.dtd"><alert', 1).encode(), "doctype"),
        (GOOD.replace("UTF-8", "UTF-16").replace("<alert", "<!DOCTYPE alert><alert", 1).encode("utf-16"), "doctype"),
        (GOOD.replace("x-1", "&nbsp;").encode(), "not_xml"),
        (GOOD[:-20].encode(), "not_xml"),
        (b"", "not_xml"),
        (b"\x00\x01\x02", "not_xml"),
        (b"<?xml version='1.0' encoding='martian'?><alert/>", "not_xml"),
        (b"{}", "not_xml"),
        (b"<html><body>alert</body></html>", "not_cap"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"><entry/></feed>', "not_cap"),
        (b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1), "too_deep"),
        (b"<alert>" + b"<a/>" * 100_001 + b"</alert>", "too_many"),
        (b" " * (BYTES_MAX + 1), "too_large"),
    ],
)
def test_what_is_hostile_or_no_cap_is_refused_unread(data: bytes, code: str) -> None:
    with pytest.raises(CapRefused) as refused:
        check(data)
    assert refused.value.code == code
    assert refused.value.line >= 1


def test_other_encodings_blank_lines_before_and_includes() -> None:
    assert one(GOOD.replace("UTF-8", "UTF-16").encode("utf-16")).read
    assert one(GOOD.replace("UTF-8", "GB18030").encode("gb18030")).alert["info"][0]["event"] == "暴雨"
    late = one(f"\n\n{GOOD}".replace("<status>Actual", "<status>Real"))
    assert [finding.line for finding in late.errors] == [8]
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    checked = changed("<web>", f"{include}<web>")
    assert checked.read
    assert b"root:" not in checked.xml


def refused_as(data: bytes) -> str | None:
    """Why it is refused at the door; None where it was read, as far as that went."""
    try:
        alerts = check(data)
    except CapRefused as refused:
        return refused.code
    for checked in alerts:
        assert checked.read is not bool(checked.errors)
        assert not checked.read or schema_12().validate(etree.fromstring(checked.xml))
    return None


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    assert refused_as(data) in {"not_xml", "not_cap", "doctype"}


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 40), st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_damage_breaks_it(at: int, length: int, text: str) -> None:
    """Cut out of a good one, or overwritten: read, refused by line, or refused at the door; never an error of ours."""
    damaged = (GOOD[:at] + text + GOOD[at + length :]).encode()
    assert refused_as(damaged) in {None, "not_xml", "not_cap", "doctype"}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2026-06-28T03:05:07Z", "2026-06-28T03:05:07-00:00"),
        ("2026-6-28T3:05:07+08", "2026-06-28T03:05:07+08:00"),
        ("2026-06-28T03:05:60Z", "2026-06-28T03:05:59-00:00"),
        ("2026-06-28", None),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
        ("٢٠٢٦-06-28T03:05:07Z", "2026-06-28T03:05:07-00:00"),
    ],
)
def test_times(text: str, right: str | None) -> None:
    assert time_of(text) == right


@pytest.mark.parametrize(
    "tag", ["zh-CN", "zh-tw", "zh-mo", "he-IL", "my", "dv", "tl", "hi", "is", "ar", "fil", "sr-Latn-RS"]
)
def test_languages_of_the_world(tag: str) -> None:
    assert language_of(tag) == tag


def test_a_ring_of_many_points_is_quick() -> None:
    text = " ".join(f"{i / 1000},{(i * 7919) % 90}" for i in range(5000))
    assert ring_of(text) is not None


# -- the samples and the command -------------------------------------------------------------------------

UNREADABLE = {"dec112_optional-properties-1.xml": "sent", "google_invalid.cap": "no_scope"}


def test_all_samples_of_real_producers(shared_data: Path) -> None:
    """What the schema accepts is read; of the others what can be known; one is an attack."""
    samples = [path for path in sorted((shared_data / "cap").iterdir()) if path.suffix != ".xsd"]
    assert len(samples) > 20
    for path in samples:
        if path.name == "google_xee.cap":
            with pytest.raises(CapRefused, match="DOCTYPE"):
                check(path.read_bytes())
            continue
        checked = one(path.read_bytes())
        root = etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False))
        assert checked.valid is schema_12().validate(root), path.name
        assert checked.read is (path.name not in UNREADABLE), (path.name, checked.errors)
        if not checked.read:
            assert [finding.code for finding in checked.errors] == [UNREADABLE[path.name]]
        elif not checked.valid:
            assert checked.repairs, path.name


def test_the_command(tmp_path: Path) -> None:
    good, bad, attack = (tmp_path / name for name in ("good.xml", "bad.xml", "attack.xml"))
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(GOOD.replace("<language>zh-CN", "<language>xx"), encoding="utf-8")
    attack.write_text(GOOD.replace("<alert", "<!DOCTYPE alert>\n<alert", 1), encoding="utf-8")
    run = CliRunner().invoke
    done = run(app, ["check", str(good)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "合格 valid" in done.stdout
    done = run(app, ["check", str(good), str(bad), str(attack)])
    assert done.exit_code == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{bad}:10: 'xx' is no language")
    assert second.startswith(f"{attack}:2: has a DOCTYPE")
    done = run(app, ["check", "--json", str(good), str(attack)])
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["read"], row["valid"]) for row in shown] == [(True, True), (False, False)]
    assert shown[1]["refused"]["code"] == "doctype"
    assert run(app, ["check", str(tmp_path / "none.xml")]).exit_code == 2
    huge = tmp_path / "huge.xml"
    with huge.open("wb") as file:
        file.truncate(20_000_000)
    done = run(app, ["check", str(huge)])
    assert (done.exit_code, "is 20000000 bytes" in done.stderr) == (1, True)


def test_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "issuer.json"
    done = CliRunner().invoke(key_app, ["new", "issuer", "--out", str(path)])
    assert done.exit_code == 0
    shown = json.loads(done.stdout)
    private = read_private(path)
    assert (path.stat().st_mode & 0o777, key_id_of(private)) == (0o600, shown["key_id"])
    assert "d" not in shown["jwk"]
    again = CliRunner().invoke(key_app, ["new", "issuer", "--out", str(path)])
    assert (again.exit_code, read_private(path)) == (1, private)
    assert CliRunner().invoke(key_app, ["new", "a/b"]).exit_code == 2
