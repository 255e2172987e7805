"""The cast of the flood night: people of the sample pack whom the exchange can play, every way to fail among them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy.demo.exchange.cast import read_cast
from deploy.demo.exchange.personas import Persona, crowd
from services.dispatch.callouts.blackout import PHONES_MIN
from tests.support.packs import loaded, sample_pack_dir

CAST = Path(__file__).resolve().parents[3] / "deploy" / "demo" / "cast.yaml"
ROSTER = sample_pack_dir() / "roster.csv"


def test_it_names_posts_and_places_of_the_pack_and_every_way_to_fail() -> None:
    pack = loaded(sample_pack_dir())
    document = yaml.safe_load(CAST.read_text(encoding="utf-8"))
    assert set(document["posts"]) <= pack.roster.keys()
    assert {region for places in document["masts"].values() for region in places} <= pack.regions.keys()
    people = read_cast(CAST, ROSTER)
    assert {character.persona for character in people.values()} == set(Persona)
    assert people[dict(pack.roster["v112003-warden"].contacts)["voice"]].persona is Persona.SILENT


def test_a_dead_mast_takes_every_phone_of_its_places_and_is_seen_as_one() -> None:
    pack = loaded(sample_pack_dir())
    under = {number for number, character in read_cast(CAST, ROSTER).items() if character.mast == "mast-zs-03"}
    places = {"500114112004", "500114112209"}
    assert under == {dict(post.contacts)["voice"] for post in pack.roster.values() if post.region in places}
    assert len(under) >= PHONES_MIN


def test_the_rest_are_a_crowd_of_many_kinds() -> None:
    pack = loaded(sample_pack_dir())
    named = read_cast(CAST, ROSTER)
    numbers = {dict(post.contacts)["voice"] for post in pack.roster.values()} - named.keys()
    kinds = [crowd(1, number).persona for number in sorted(numbers)]
    assert len(set(kinds)) >= 10
    assert kinds.count(Persona.PROMPT) > len(kinds) / 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "must be a mapping"),
        ("people: {}", "'people' is not known"),
        ("posts: {a: heroic}", "post a: persona 'heroic' is not known"),
        ("posts: [", "cannot be read"),
    ],
)
def test_a_wrong_cast_is_refused_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "cast.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_cast(tmp_path / "cast.yaml", ROSTER)


def test_of_another_packs_roster_it_takes_whom_it_knows(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("post,region,channels\nzs-mayor,1,voice:00000000009\n", encoding="utf-8")
    assert set(read_cast(CAST, tmp_path / "roster.csv")) == {"00000000009"}
