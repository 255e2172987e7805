"""所见 What can be seen in a scene, each in words: `Check`s for ``between(…).expects``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from services.warning.alerts import store_public
from tests.e2e.scenes.people import Body
from tests.e2e.scenes.stage import Check, Stage

DANGER_POINTS = ("dp-zs-01", "dp-zs-02")  # 濯水古镇沿江低洼院落, 蒲花河口滩地院落


def seen(words: str, probe: Callable[[Stage], Any]) -> Check:
    return Check(words, probe)


# -- telephones ------------------------------------------------------------------------------------------


def rung(*posts: str) -> Check:
    """Their telephones have rung."""
    return seen(f"{', '.join(posts)} rung", lambda s: all(s.phone(post).rang for post in posts))


def texted(*posts: str) -> Check:
    return seen(f"{', '.join(posts)} texted", lambda s: all(s.phone(post).texts for post in posts))


def rung_at_once(*posts: str) -> Check:
    """These telephones rang in the same second."""

    def probe(stage: Stage) -> bool:
        first = [_first_ring(stage, post) for post in posts]
        return None not in first and len(set(first)) == 1

    return seen(f"{', '.join(posts)} rung together", probe)


def _first_ring(stage: Stage, post: str) -> Any:
    with stage.world.dispatch.read() as conn:
        table = _attempts()
        return conn.execute(
            select(table.c.queued_at)
            .where(table.c.person == stage.person(post), table.c.channel == "voice", table.c.realm == stage.realm)
            .order_by(table.c.no)
        ).scalar()


def _attempts() -> Any:
    from services.dispatch.channels.store import attempts

    return attempts


# -- the board -------------------------------------------------------------------------------------------


def line(stage: Stage, post: str) -> Body | None:
    """The post's line in the newest case that calls it."""
    for case in stage.officer.cases():
        for found in stage.officer.board(case["case_id"])["posts"]:
            if found["post"] == post:
                return dict(found)
    return None


def answered(*posts: str) -> Check:
    """Each post is answered for, by whoever answered."""

    def probe(stage: Stage) -> bool:
        return all((found := line(stage, post)) is not None and found["state"] == "answered" for post in posts)

    return seen(f"{', '.join(posts)} answered", probe)


def event(kind: str, **body: Any) -> Check:
    """An event of this kind came, with these fields."""

    def probe(stage: Stage) -> bool:
        return any(all(e["body"].get(k) == v for k, v in body.items()) for e in events(stage, kind))

    return seen(f"event {kind} {body}", probe)


def events(stage: Stage, kind: str, realm: str | None = None) -> list[Body]:
    found: list[Body] = []
    for node in stage.world.nodes.values():
        table = node.frame.tables.events
        where = (table.c.realm == (realm or stage.realm), table.c.kind == kind)
        with node.read() as conn:
            rows = conn.execute(select(table).where(*where).order_by(table.c.no)).all()
        found += [{"subject": row.subject, "body": row.body, "at": row.at} for row in rows]
    return found


# -- orders and the public -------------------------------------------------------------------------------


def orders_of(stage: Stage, kind: str, unit: str, level: str = "red") -> list[Body]:
    """The orders of a kind and level that bind a unit, newest last."""
    return [
        order
        for order in stage.officer.orders(kind=kind)
        if order["level"] == level and any(each["unit_id"] == unit for each in order["units"])
    ]


def in_force(kind: str, unit: str, level: str = "red") -> Check:
    def probe(stage: Stage) -> bool:
        return any(order["state"] == "in_force" for order in orders_of(stage, kind, unit, level))

    return seen(f"{level} {kind} of {unit} in force", probe)


def _public_is_silent(stage: Stage) -> bool:
    feed = stage.http("warning").get("/v1/alerts/feed.json", params={"realm": stage.realm})
    assert feed.status_code == 200, feed.text
    with stage.world.warning.read() as conn:
        sent = conn.execute(select(store_public.deliveries.c.no)).all()
    return feed.json()["items"] == [] and not sent


public_is_silent = seen("nothing on the feed, /m and loudspeakers", _public_is_silent)
