"""Who is called: duties, ranks and regions up and down, chains, gaps; and callouts.yaml refused with file and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.dispatch.callouts.clocks import Clocks, read_clocks
from services.dispatch.roster.place import kind_of, place_of
from services.dispatch.roster.who import (
    CallRule,
    Duty,
    Gap,
    GapReason,
    Of,
    Selector,
    callees_for,
    callees_of_posts,
    callees_to_verify,
    superiors_of,
)
from shared.pack.located import load_yaml
from shared.pack.model import Pack
from shared.vocabulary import Level
from tests.support.packs import DISTRICT, TOWNSHIP, VILLAGE, edit, loaded, tiny_pack, write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return tiny_pack(tmp_path)


def rule(*selectors: Selector, levels: frozenset[Level] = frozenset({Level.RED})) -> CallRule:
    return CallRule(rule_id="r", hazards=("*",), scope_kinds=("*",), levels=levels, call=selectors)


def posts(pack: Pack, *selectors: Selector, scope: str = TOWNSHIP) -> set[str]:
    found = callees_for(
        pack, [rule(*selectors)], hazard="11B03", scope_kind=kind_of(pack, scope), scope=scope, level=Level.RED
    )
    return {callee.post for callee in found.callees}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(duty=Duty.HEAD), {"T-head"}),
        (Selector(duty=Duty.HEAD, of=Of.DOWN), {"V-head"}),
        (Selector(duty=Duty.HEAD, of=Of.WITHIN), {"T-head", "V-head"}),
        (Selector(duty=Duty.WARDEN, of=Of.DOWN), {"V-warden"}),
        (Selector(duty=Duty.KEY, of=Of.DOWN), {"V-warden"}),
        (Selector(rank=3, of=Of.SCOPE), {"T-head"}),
        (Selector(rank=3, of=Of.UP), {"HQ-duty"}),
        (Selector(rank=1, of=Of.UP), {"HQ-chief"}),
        (Selector(post="HQ-duty"), {"HQ-duty"}),
    ],
)
def test_selectors(pack: Pack, selector: Selector, expected: set[str]) -> None:
    assert posts(pack, selector) == expected


def test_a_deputy_has_no_line_by_rank(pack: Pack) -> None:
    assert "T-deputy" not in posts(pack, Selector(rank=4), Selector(duty=Duty.HEAD))


def test_who_rings_with_the_post_and_the_way_up(pack: Pack) -> None:
    found = callees_for(
        pack, [rule(Selector(duty=Duty.HEAD))], hazard="x", scope_kind="township", scope=TOWNSHIP, level=Level.RED
    )
    callee = found.callees[0]
    assert [h.post for h in callee.deputies] == ["T-deputy"]
    assert [h.post for h in callee.seconds] == ["V-head"]
    assert [h.post for h in callee.superiors] == ["HQ-deputy", "HQ-chief"]


def test_a_deputys_way_up_is_that_of_the_post(pack: Pack) -> None:
    without = replace(pack.roster["T-deputy"], superior=None)
    changed = replace(pack, roster={**pack.roster, "T-deputy": without})
    assert [h.post for h in superiors_of(changed, "T-deputy")] == ["HQ-deputy", "HQ-chief"]


def test_a_circle_of_superiors_ends(pack: Pack) -> None:
    circle = replace(pack.roster["HQ-chief"], superior="T-head")
    changed = replace(pack, roster={**pack.roster, "HQ-chief": circle})
    assert [h.post for h in superiors_of(changed, "T-head")] == ["HQ-deputy", "HQ-chief"]


def test_unconfirmed_calls_verifiers_and_wardens(pack: Pack) -> None:
    found = callees_to_verify(pack, scope_kind="township", scope=TOWNSHIP)
    assert {c.post for c in found.callees} == {"T-deputy", "V-warden"}
    assert found.gaps == ()


def test_a_scope_without_verifier_is_a_gap(pack: Pack) -> None:
    found = callees_to_verify(pack, scope_kind="village", scope=VILLAGE)
    assert Gap(reason=GapReason.NO_VERIFIER, what=VILLAGE) in found.gaps
    assert {c.post for c in found.callees} == {"V-warden"}


def test_without_a_rule_the_heads_above_are_called_and_the_gap_shown(pack: Pack) -> None:
    found = callees_for(pack, [], hazard="11B03", scope_kind="village", scope=VILLAGE, level=Level.RED)
    assert {c.post for c in found.callees} == {"V-head"}
    assert found.gaps[0].reason is GapReason.NO_RULE


def test_an_unknown_scope_calls_the_highest_post(pack: Pack) -> None:
    found = callees_for(pack, [], hazard="11B03", scope_kind="village", scope="nowhere", level=Level.RED)
    assert {c.post for c in found.callees} == {"HQ-chief"}


def test_a_selector_that_finds_nobody_is_a_gap(pack: Pack) -> None:
    found = callees_for(
        pack,
        [rule(Selector(duty=Duty.PATROL), Selector(duty=Duty.HEAD))],
        hazard="x",
        scope_kind="township",
        scope=TOWNSHIP,
        level=Level.RED,
    )
    assert [g.reason for g in found.gaps] == [GapReason.NO_POST]


def test_a_post_without_contact_is_called_all_the_same_and_shown(pack: Pack) -> None:
    mute = replace(pack.roster["T-head"], contacts=())
    changed = replace(pack, roster={**pack.roster, "T-head": mute})
    found = callees_of_posts(changed, ["T-head", "nobody"])
    assert [c.post for c in found.callees] == ["T-head"]
    assert {g.reason for g in found.gaps} == {GapReason.NO_CONTACT, GapReason.NO_POST}


def test_a_post_named_twice_is_called_once(pack: Pack) -> None:
    both = [rule(Selector(duty=Duty.HEAD)), rule(Selector(post="T-head", feedback=True))]
    found = callees_for(pack, both, hazard="x", scope_kind="township", scope=TOWNSHIP, level=Level.RED)
    assert [(c.post, c.feedback) for c in found.callees] == [("T-head", True)]


@pytest.mark.parametrize(
    ("scope", "kind", "region"),
    [
        (DISTRICT, "district", DISTRICT),
        (TOWNSHIP, "township", TOWNSHIP),
        (VILLAGE, "village", VILLAGE),
        (f"school@{TOWNSHIP}", "industry", TOWNSHIP),
        ("school-01", "unit", TOWNSHIP),
        ("point-01", "site", VILLAGE),
        ("rain-02", "station", VILLAGE),
        ("nowhere", "unknown", None),
    ],
)
def test_scopes_read_as_places(pack: Pack, scope: str, kind: str, region: str | None) -> None:
    assert kind_of(pack, scope) == kind
    assert place_of(pack, kind, scope).region == region


class TestCalloutsYaml:
    """callouts.yaml: file, line, what is wrong, what would be right."""

    def read(self, tmp_path: Path, old: str, new: str) -> tuple[Clocks | None, list[str]]:
        good = loaded(write_pack(tmp_path / "pack"))
        edit(tmp_path / "pack", "callouts.yaml", old, new)
        document, problems = load_yaml(tmp_path / "pack" / "callouts.yaml", "callouts.yaml")
        clocks, more = read_clocks(document, good)
        return clocks, [str(p) for p in (*problems, *more)]

    def test_the_scaffold_reads(self, pack: Pack) -> None:
        clocks, problems = read_clocks(pack.documents["callouts.yaml"], pack)
        assert problems == []
        assert clocks is not None
        red = clocks.day[Level.RED]
        assert (red.attempts_s, red.then_every_s, red.superior_after_s, red.door_after_s, red.busy_again_s) == (
            (0, 120, 240),
            300,
            180,
            480,
            60,
        )
        assert red.together == {"deputy", "second"}

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "    stops: acting\n    together",
                "    stops: understood\n    together",
                "callouts.yaml:4: 'understood' cannot stop",
            ),
            ("superior_after: 3min", "superior_after: 3 minutes", "callouts.yaml:8: '3 minutes' is not a duration"),
            ("door_after: 8min", "door_after: 1min", "callouts.yaml:9: door_after must not come before"),
            ("busy_again: 60s", "busy_again: 1s", "callouts.yaml:10: busy_again must be at least 10s"),
            ("attempts: [0min, 2min, 4min]", "attempts: [2min, 0min]", "callouts.yaml:6: attempts must rise"),
            ("together: [deputy, second]", "together: [everybody]", "callouts.yaml:5: 'everybody' is not known"),
            ("text_first: true\n  blue", "text_first: maybe\n  blue", "text_first must be true or false"),
            ("  blue:\n", "  mauve:\n", "'mauve' is not a field of clocks"),
            ("{duty: head, of: scope", "{duty: chief, of: scope", "duty 'chief' is not known"),
            ("{post: HQ-duty}", "{post: HQ-nobody}", "post 'HQ-nobody' is not in roster.csv"),
            ("{post: HQ-duty}", "{post: HQ-duty, rank: 1}", "exactly one of duty, rank, post"),
            ("{post: HQ-duty}", "{rank: first}", "must be a number from 1"),
            ("of: down", "of: sideways", "of 'sideways' is not known"),
            ('hazards: ["*"]', "hazards: [99Z99]", "'99Z99' is not known here"),
            ("levels: [blue,", "levels: [purple,", "'purple' is not known here"),
            ("facts: [commander,", "facts: [weather,", "'weather' is not known here"),
            ("rules:", "rule:", "'rule' is not a field of callouts.yaml"),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        clocks, problems = self.read(tmp_path, old, new)
        assert clocks is None
        assert any(said in problem for problem in problems), problems

    def test_not_a_mapping(self, pack: Pack) -> None:
        clocks, problems = read_clocks(["x"], pack)
        assert clocks is None
        assert problems[0].line == 1

    def test_night_changes_single_fields(self, tmp_path: Path) -> None:
        from datetime import UTC, datetime

        night = 'night:\n  from: "22:00"\n  to: "06:00"\n  orange: {attempts: [0min, 1min]}\nfeedback:'
        clocks, problems = self.read(tmp_path, "feedback: {facts", f"{night} {{facts")
        assert problems == []
        assert clocks is not None
        three_at_night = datetime(2026, 6, 27, 19, 0, tzinfo=UTC)  # 03:00 Beijing time
        noon = datetime(2026, 6, 27, 4, 0, tzinfo=UTC)
        assert clocks.at(Level.ORANGE, three_at_night).attempts_s == (0, 60)
        assert clocks.at(Level.ORANGE, noon).attempts_s == (0, 180, 360)
        assert clocks.at(Level.RED, three_at_night).superior_after_s == 180
