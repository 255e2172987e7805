"""The whole district's pack: what it holds, and that the small one lives on in it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from services.command.pack import check_pack, notes_on
from services.resources.readiness.readiness import Holding, assess
from services.resources.readiness.service import coefficients_of
from services.resources.stock.book import Condition, Lot, LotKey, Place, PlaceKind
from services.resources.stock.service import owners_of
from shared.pack.model import Pack
from shared.vocabulary import TOWNSHIP_LIKE
from tests.support.packs import generated

DIVISIONS = Path(__file__).resolve().parents[3] / "deploy" / "districts" / "divisions.csv"
PARK = "500114X01"


def test_it_is_good_and_nothing_is_missing(full_folder: Path) -> None:
    pack, problems = check_pack(full_folder)
    assert problems == []
    assert pack is not None
    assert notes_on(pack) == []


def test_the_same_seed_gives_the_same_bytes(full_folder: Path, tmp_path: Path) -> None:
    generated(tmp_path, "full")
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {path: (full_folder / path).read_bytes() for path in made}


def test_thirty_townships_a_park_and_every_village_by_its_real_name(full_pack: Pack) -> None:
    levels = Counter(str(region.level) for region in full_pack.regions.values())
    assert (levels["district"], levels["street"], levels["township"], levels["park"]) == (1, 6, 24, 1)
    assert levels["village"] == 220
    assert full_pack.regions[PARK].name == "正阳工业园区"
    with DIVISIONS.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            region = full_pack.regions[row["code"]]
            assert row["name"].startswith(region.name)
            assert region.parent == (None if row["code"] == "500114" else row["parent"])
            assert region.lat is not None
    places = [(region.lat, region.lon) for region in full_pack.regions.values() if region.level == "village"]
    assert len(set(places)) == len(places)


def test_water_flows_out_of_the_district_and_never_in_a_circle(full_pack: Pack) -> None:
    for start in full_pack.regions.values():
        seen, here = [start.code], start
        while here.downstream:
            here = full_pack.regions[here.downstream[0]]
            assert here.code not in seen
            seen.append(here.code)


def test_how_much_there_is_of_everything(full_pack: Pack) -> None:
    stations = Counter(station.category for station in full_pack.stations.values())
    least = (
        ("rain", 60),
        ("stage", 15),
        *(("displacement", 60), ("crack", 30), ("tilt", 30)),
        *(("soil", 10), ("drought", 5), ("seismic", 5), ("weather", 5), ("fire", 8)),
        *(("bridge", 4), ("tunnel", 3), ("gallery", 3), ("gas", 2), ("pipeline", 3)),
        *(("weak_flood_point", 7), ("reservoir", 5)),
    )
    assert [name for name, count in least if stations[name] < count] == []
    assert stations["stage"] == 15
    assert sum(site.kind == "danger_point" for site in full_pack.sites.values()) == 60
    assert len(full_pack.roster) >= 500
    assert len(full_pack.units) >= 60
    wanted = {"school", "construction", "mine", "scenic", "ferry", "guesthouse", "hospital", "transport", "chemical"}
    assert wanted <= {unit.industry for unit in full_pack.units.values()}
    assert sum(unit.boarders > 0 for unit in full_pack.units.values()) >= 15
    assert len({house.site for house in full_pack.households.values()}) == 20
    assert len(full_pack.shelters) >= 40
    assert all(shelter.key_post for shelter in full_pack.shelters.values())
    assert len(full_pack.warehouses) == 5
    equipped = {full_pack.township_of(t.region) for t in full_pack.teams.values() if t.kind == "standing"} - {PARK}
    assert 27 <= len(equipped) < 30  # the district's own aim, and a gap to be seen
    assert {f"cards/{name}.yaml" for name in ("flash_flood", "landslide", "forest_fire", "earthquake", "gas")} <= set(
        full_pack.documents
    )
    assert "calendar.yaml" in full_pack.documents


def test_every_township_has_two_heads_and_every_village_a_warden(full_pack: Pack) -> None:
    duties: dict[tuple[str, str], set[str]] = {}
    for duty in full_pack.duties:
        duties.setdefault((duty.object, duty.role), set()).add(duty.post)
    for region in full_pack.regions.values():
        if region.level in TOWNSHIP_LIKE:
            assert len(duties[(region.code, "head")]) == 2, region.name
            assert duties[(region.code, "patrol")]
        elif region.level == "village":
            assert duties[(region.code, "warden")], region.name
    for site in full_pack.sites.values():
        grid = {role for (object_, role) in duties if object_ == site.site_id}
        if site.kind == "danger_point":
            assert {"head", "warden", "patrol", "technical", "verifier"} <= grid, site.site_id
        elif site.kind == "reservoir":
            assert {"head", "technical", "patrol"} <= grid, site.site_id
    for shelter in full_pack.shelters.values():
        assert shelter.key_post in duties[(shelter.shelter_id, "key")]


def test_everybody_has_a_title_and_a_number_that_is_nobodys(full_pack: Pack, full_folder: Path) -> None:
    for post in full_pack.roster.values():
        assert post.person.startswith("演示人员")
        for channel, address in post.contacts:
            if channel in ("voice", "sms", "satphone"):
                assert (address[:6], len(address)) == ("000000", 11), post.post
    titles = _rows(full_folder, "roster.csv")
    assert all(titles[post]["title"] for post in full_pack.roster)
    held: dict[str, set[str]] = {}
    for post in full_pack.roster.values():
        held.setdefault(dict(post.contacts)["voice"], set()).add(post.person)
    assert all(len(people) == 1 for people in held.values())
    assert len(held) < len(full_pack.roster)  # one person holds many posts


def test_invented_rows_say_so(full_folder: Path) -> None:
    for path in sorted(full_folder.glob("*.csv")):
        if path.name not in ("hazards.csv", "metrics.csv", "duties.csv"):
            with path.open(encoding="utf-8", newline="") as stream:
                assert all("演示数据" in row["source"] for row in csv.DictReader(stream)), path.name


def test_stock_falls_short_of_three_thousand_people(full_pack: Pack) -> None:
    now = datetime.fromisoformat("2026-11-23T08:00:00+08:00")
    holdings = [
        Holding(
            Place(PlaceKind.WAREHOUSE, row.warehouse_id),
            Lot(
                LotKey(row.item_code, row.lot_id, row.owner),
                date.fromisoformat(row.expires_on) if row.expires_on else None,
                Condition(row.condition),
                row.reserve_type,
            ),
            row.quantity,
        )
        for row in full_pack.stock
    ]
    found = assess(
        coefficients_of(full_pack),
        holdings,
        people=3_000,
        days=3,
        now=now,
        today=now.date(),
        ours=owners_of(full_pack),
    )
    assert not found.ready
    beds = next(line for guarantee in found.guarantees for line in guarantee.items if line.item_code == "1030201")
    assert 0 < beds.gap <= beds.left_out["not_ours"]  # the city's beds here would do: their owner must be asked


def _rows(folder: Path, name: str) -> dict[str, dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    key = next(iter(rows[0]))
    return {row[key]: row for row in rows}


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("small"), "small")


CHANGED = {  # what the whole district must say differently
    "regions.csv": {("500114112", "downstream")},
    "stations.csv": {("stage-zs-01", "upstream_of")},
}


def test_every_id_of_the_small_pack_means_the_same(small_folder: Path, full_folder: Path) -> None:
    for path in sorted(small_folder.glob("*.csv")):
        if path.name in ("duties.csv", "measures.csv", "authority.csv", "stock.csv"):
            before, after = (
                set((folder / path.name).read_text().splitlines()[1:]) for folder in (small_folder, full_folder)
            )
            assert before <= after, path.name
            continue
        small, full = _rows(small_folder, path.name), _rows(full_folder, path.name)
        different = {
            (key, column)
            for key, row in small.items()
            for column, cell in row.items()
            if full[key][column] != cell and not (column == "serves" and key.startswith("rain-"))
        }
        assert different == CHANGED.get(path.name, set()), path.name


def test_roads_zones_and_routes_of_the_small_pack_are_all_there(small_folder: Path, full_folder: Path) -> None:
    for name in ("roads.geojson", "zones.geojson", "routes.geojson"):
        before, after = (_features(folder / name) for folder in (small_folder, full_folder))
        assert after[: len(before)] == before, name


def _features(path: Path) -> list[Any]:
    found: list[Any] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return found


def test_the_storm_still_stands_over_zhuoshui(full_pack: Pack) -> None:
    people: Counter[str | None] = Counter()
    for site in full_pack.sites.values():
        if site.kind == "danger_point":
            people[full_pack.township_of(site.region)] += site.people
    assert people.most_common(1)[0][0] == "500114112"
