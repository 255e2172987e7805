"""责任人 Posts, duties and who holds them: invented people 演示人员NNN with numbers from 0000000xxxx.

The shape is real practice: two heads a township (党政同责), a flood deputy, a duty officer, a hydrology verifier;
a head for every village, a warden where there is a danger point; one person may hold several posts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from deploy.districts.places import DISTRICT, SOURCE, TOWNSHIPS, Places

REVIEWED = "2026-04-20"  # the roster is filed before the flood season
WARDENS = {  # village: danger point or None
    "500114112001": "dp-zs-01",
    "500114112003": "dp-zs-02",
    "500114112004": None,
    "500114006005": "dp-fj-01",
    "500114006001": None,
    "500114005003": None,
}
SHARED = {  # one person, two posts
    "qj-hydro": "qj-hq-office",
    "v112210-head": "v112209-head",
    "v005202-head": "v005007-head",
}


@dataclass
class People:
    """岗位表"""

    posts: list[dict[str, str]] = field(default_factory=list)
    duties: list[dict[str, str]] = field(default_factory=list)
    holder: dict[str, int] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=lambda: dict(SHARED))

    def post(self, post: str, region: str, rank: int, superior: str = "", deputy_of: str = "", *more: str) -> str:
        number = self.holder.get(self.shared.get(post, ""), len(set(self.holder.values())) + 1)
        self.holder[post] = number
        phone = f"0000000{number:04d}"
        channels = [f"voice:{phone}", f"sms:{phone}", *more]
        self.posts.append(
            {
                "post": post,
                "person": f"演示人员{number:03d}",
                "region": region,
                "rank": str(rank),
                "deputy_of": deputy_of,
                "superior": superior,
                "channels": ";".join(channels),
                "languages": "zh",
                "reviewed_on": REVIEWED,
                "source": SOURCE,
            }
        )
        return post

    def duty(self, post: str, role: str, *objects: str) -> None:
        self.duties.extend({"post": post, "object": object_, "role": role} for object_ in objects)


def village_head(code: str) -> str:
    return f"{_village(code)}-head"


def village_warden(code: str) -> str:
    return f"{_village(code)}-warden"


def _village(code: str) -> str:
    """``500114112001`` → ``v112001``"""
    return "v" + code[6:9] + code[9:12]


def make_people(places: Places, stations: dict[str, list[str]]) -> People:
    """责任人 ``stations`` are the gauges of each township, for its hydrology verifier."""
    people = People()
    _district(people)
    for township in TOWNSHIPS:
        _township(people, township.code, township.short, stations[township.code])
        villages = [village.code for village in places.villages(township.code)]
        for code in villages:
            _posts_of_village(people, code, township.short)
        for code, beside in zip(villages, [*villages[1:], villages[0]], strict=True):
            if code in WARDENS:
                people.duty(village_head(beside), "neighbour", code)
    return people


def _district(people: People) -> None:
    people.post("qj-hq-chief", DISTRICT, 1, "", "", "satphone:00000009001")
    people.post("qj-hq-deputy-1", DISTRICT, 2, "qj-hq-chief", "qj-hq-chief")
    people.post("qj-hq-deputy-2", DISTRICT, 2, "qj-hq-chief", "qj-hq-chief")
    people.post("qj-hq-office", DISTRICT, 3, "qj-hq-deputy-1")
    people.post("qj-hq-duty", DISTRICT, 4, "qj-hq-office", "", "radio:QJ-01")
    people.post("qj-hydro", DISTRICT, 4, "qj-hq-deputy-1")
    people.post("qj-issuer-a", DISTRICT, 3, "qj-hq-deputy-1")
    people.post("qj-issuer-b", DISTRICT, 3, "qj-hq-deputy-1", "qj-issuer-a")
    people.post("qj-keeper", DISTRICT, 5, "qj-hq-office")
    people.duty("qj-hq-chief", "head", DISTRICT)
    people.duty("qj-hq-duty", "second", "qj-hq-chief")
    people.duty("qj-hydro", "technical", DISTRICT)
    people.duty("qj-hydro", "verifier", DISTRICT)
    people.duty("qj-keeper", "key", "wh-qj-01")


def _township(people: People, code: str, name: str, stations: list[str]) -> None:
    people.post(f"{name}-secretary", code, 3, "qj-hq-chief")
    people.post(f"{name}-mayor", code, 3, "qj-hq-deputy-1")
    people.post(f"{name}-flood", code, 4, f"{name}-mayor", f"{name}-mayor")
    people.post(f"{name}-duty", code, 5, f"{name}-flood", "", f"radio:{name.upper()}-01")
    people.post(f"{name}-hydro", code, 6, f"{name}-flood")
    people.duty(f"{name}-secretary", "head", code)
    people.duty(f"{name}-mayor", "head", code)
    people.duty(f"{name}-flood", "patrol", code)
    people.duty(f"{name}-duty", "second", f"{name}-mayor", f"{name}-secretary")
    people.duty(f"{name}-hydro", "verifier", code, *stations)


def _posts_of_village(people: People, code: str, township: str) -> None:
    head = people.post(village_head(code), code, 7, f"{township}-flood")
    people.duty(head, "head", code)
    if code not in WARDENS:
        people.duty(head, "warden", code)  # small village: who is in charge leads people out
        return
    warden = people.post(village_warden(code), code, 8, head, head, "runner")
    people.duty(warden, "warden", code)
    people.duty(head, "second", warden)
    point = WARDENS[code]
    if point is not None:
        people.duty(warden, "warden", point)
        people.duty(head, "head", point)
