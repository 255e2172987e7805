"""全区责任人 The sample's posts first (people keep their numbers), then everybody else's.

Two heads a township (党政同责), duty room, hydrology, geology, forestry and area officers; a head and a warden in every
village; the four-fold grid of each hazard point (monitor, village head, township geology officer, area officer);
reservoir three persons (行政 head, 技术 technical, 巡查 patrol); headquarters by hazard; one contact for each unit.
"""

from __future__ import annotations

from itertools import pairwise

from deploy.districts.people import People
from deploy.districts.places import DISTRICT
from deploy.districts.whole.places import PARK, Area, Land
from deploy.districts.whole.points import Point, leader, village_post
from deploy.districts.whole.tables import Row

ENDINGS = ("secretary", "mayor", "flood", "duty", "hydro", "geo", "forest", "area")
HEADQUARTERS = {  # word of the post ids, and the hazard codes that it answers for (B9)
    "geo": ("11B37", "11D01", "11D02"),
    "fire": ("11B25", "11G01"),
    "quake": ("11C02",),
    "safety": ("QJ-GAS",),
}
OWNERS = {  # post of a works' owner and what kinds it looks after
    "qj-road": ("bridge", "tunnel"),
    "qj-gas": ("gallery", "gas_station"),
    "qj-pipe": ("pipeline",),
}
SHARED = {"zyp-geo": "zyp-hydro", "zyp-area": "zyp-flood", "qj-seis": "qj-quake-office"}  # one person, two posts
MONITOR_IS_WARDEN = 3  # at every third point the village's warden is also its monitor


def enlarge(people: People, land: Land, points: list[Point], works: list[Row], units: list[Row]) -> None:
    """责任人 Add every post and duty that the sample does not have."""
    people.shared.update(SHARED)
    people.shared.update({f"mon-{point.site}": leader(point.village) for point in points[::MONITOR_IS_WARDEN]})
    _district(people)
    for area in land.areas:
        _township(people, area)
        _villages(people, land, area)
    for point in points:
        _grid(people, point)
    _works(people, works)
    _units(people, units)


def _district(people: People) -> None:
    for word in HEADQUARTERS:
        chief = people.post(f"qj-{word}-chief", DISTRICT, 2, "qj-hq-chief")
        people.post(f"qj-{word}-deputy", DISTRICT, 3, chief, chief)
        people.post(f"qj-{word}-office", DISTRICT, 4, chief)
    for post, superior in (
        ("qj-road", "qj-hq-office"),
        ("qj-gas", "qj-safety-office"),
        ("qj-pipe", "qj-safety-office"),
        ("qj-seis", "qj-quake-office"),
        ("qj-water", "qj-hq-office"),
        ("qj-keeper-2", "qj-hq-office"),
    ):
        people.post(post, DISTRICT, 5, superior)
    people.duty("qj-hq-office", "patrol", DISTRICT)
    people.duty("qj-keeper-2", "key", "wh-zy-01")


def _township(people: People, area: Area) -> None:
    """What the sample's townships already have stays; geology, forestry and area officers are new everywhere."""
    short, code = area.short, area.code
    if not area.is_small:
        people.post(f"{short}-secretary", code, 3, "qj-hq-chief")
        people.post(f"{short}-mayor", code, 3, "qj-hq-deputy-1")
        people.post(f"{short}-flood", code, 4, f"{short}-mayor", f"{short}-mayor")
        people.post(f"{short}-duty", code, 5, f"{short}-flood", "", f"radio:{short.upper()}-01")
        people.post(f"{short}-hydro", code, 6, f"{short}-flood")
        people.duty(f"{short}-secretary", "head", code)
        people.duty(f"{short}-mayor", "head", code)
        people.duty(f"{short}-flood", "patrol", code)
        people.duty(f"{short}-duty", "second", f"{short}-mayor", f"{short}-secretary")
        people.duty(f"{short}-hydro", "verifier", code)
    for ending in ("geo", "forest", "area"):
        people.post(f"{short}-{ending}", code, 6, f"{short}-flood")
    people.duty(f"{short}-geo", "technical", code)


def _villages(people: People, land: Land, area: Area) -> None:
    codes = [village.code for village in land.villages(area.code)]
    for code in codes:
        head, warden = village_post(code, "head"), village_post(code, "warden")
        if area.is_small:
            people.duty(leader(code), "patrol", code)
            continue
        people.post(head, code, 7, f"{area.short}-flood")
        people.post(warden, code, 8, head, head, "runner")
        people.duty(head, "head", code)
        people.duty(head, "second", warden)
        people.duty(warden, "warden", code)
        people.duty(warden, "patrol", code)
    if not area.is_small:
        for code, beside in pairwise([*codes, *codes[:1]]):
            people.duty(village_post(beside, "head"), "neighbour", code)


def _grid(people: People, point: Point) -> None:
    """四重网格: who watches, who leads the village, the township's geology officer, the area's officer."""
    head, led = village_post(point.village, "head"), leader(point.village)
    monitor = people.post(f"mon-{point.site}", point.village, 9, led, "", "runner")
    people.duty(monitor, "patrol", point.site)
    people.duty(f"{point.short}-geo", "technical", point.site)
    people.duty(f"{point.short}-area", "verifier", point.site)
    if point.is_new:
        people.duty(led, "warden", point.site)
        people.duty(head, "head", point.site)


def _works(people: People, works: list[Row]) -> None:
    """Bridges, tunnels, galleries and pipes have their owner; reservoirs three persons; plants their duty room."""
    for n, site in enumerate(works):
        site_id, kind, region = site["site_id"], site["kind"], site["region"]
        short = site_id.split("-")[1]
        people.duty(f"{short}-flood", "warden", site_id)  # who sees to it that nobody stays there
        if kind == "reservoir":
            head = people.post(f"{site_id}-head", region, 4, "qj-hq-deputy-1")
            technical = people.post(f"{site_id}-tech", region, 6, head)
            patrol = people.post(f"{site_id}-patrol", region, 8, technical, "", "runner")
            people.duty(head, "head", site_id)
            people.duty(technical, "technical", site_id)
            people.duty(patrol, "patrol", site_id)
            people.duty(patrol, "verifier", site_id)
            continue
        owner = next((post for post, kinds in OWNERS.items() if kind in kinds), f"{short}-flood")
        if kind == "hydropower":
            owner = people.post(site["post"], region, 5, f"{short}-flood", "", f"satphone:{n + 90_200:011d}")
        people.duty(owner, "technical", site_id)
        people.duty(owner, "verifier", site_id)
        people.duty(f"{short}-flood", "patrol", site_id)


def _units(people: People, units: list[Row]) -> None:
    """Each unit has its own contact; scenic areas a committee (管委会) with a duty room behind its head."""
    for unit in units:
        unit_id, region = unit["unit_id"], unit["region"]
        short = unit_id.split("-")[1]
        if unit["industry"] == "scenic":
            head = people.post(f"{unit_id}-committee", region, 5, f"{short}-mayor")
            people.post(f"{unit_id}-duty", region, 6, head, head)
            people.duty(head, "head", unit_id)
            people.duty(f"{unit_id}-duty", "patrol", unit_id)
        elif unit["post"] == f"{unit_id}-head":
            people.post(unit["post"], region, 7, f"{short}-duty")
            people.duty(unit["post"], "head", unit_id)
            if region == PARK:  # it has no villages: each works leads its own people out
                people.duty(unit["post"], "warden", unit_id)


def verify_stations(people: People, stations: list[Row], points: list[Point]) -> None:
    """核实人 Who goes and looks at each station."""
    short_of = {point.site: point.short for point in points}
    known = {(duty["object"], duty["role"]) for duty in people.duties}
    for row in stations:
        if (row["station_id"], "verifier") not in known:
            people.duty(_verifier(row, short_of), "verifier", row["station_id"])


def _verifier(row: Row, short_of: dict[str, str]) -> str:
    category, short = row["category"], row["station_id"].split("-")[1]
    if category in ("displacement", "crack", "tilt"):
        return f"{short_of[row['serves']]}-geo"
    if category in ("bridge", "tunnel", "gallery", "gas", "pipeline", "weak_flood_point", "reservoir"):
        site = row["station_id"].split("-", 1)[1]
        short = site.split("-")[1]
        named = {"reservoir": f"{site}-patrol", "weak_flood_point": f"{short}-hydro", "gas": "qj-gas"}
        owners = {kind: post for post, kinds in OWNERS.items() for kind in kinds}
        return named.get(category) or owners[category]
    return {"fire": f"{short}-forest", "seismic": "qj-seis"}.get(category, f"{short}-hydro")
