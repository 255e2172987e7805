"""一局 One seed from beginning to end: the night with its faults, then calm, then rest; checked all the way."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from services.dispatch.channels import store as channels
from services.dispatch.orders import store as orders
from services.warning.fuses import store as fuses
from services.warning.readings import store as readings
from tests.simulation.checkers import Checkers
from tests.simulation.ending import End
from tests.simulation.workload import Night
from tests.support.house.world import METADATA, RAM, Node, Violation, World
from tests.support.resources import sample_pack

AFTER_STORM = timedelta(minutes=15)
CALM = timedelta(minutes=25)
SHORT_STEPS, SHORT_CALM = 40, timedelta(minutes=3)
CALM_STEP_S = 60
REST_STEP_S = 20
REST_STEPS_MAX = 90
LONG_EVERY = 12  # one seed in so many goes on until everything is normal again
DRILL_EVERY = 4  # and one in so many is a drill, whose clock stands while the system does


@dataclass(frozen=True)
class Played:
    """战果: what a seed came to."""

    seed: int
    digest: str
    steps: int
    figures: dict[str, int]


class Failed(AssertionError):
    """失败: with all that is needed to see it again."""


def play(
    seed: int,
    folder: Path,
    *,
    dsn: str | None = None,
    told: list[str] | None = None,
    short: bool = False,
    at_rest: Callable[[Checkers], None] | None = None,
) -> Played:
    """Play one seed; Failed says what broke, the last steps, and how to see it again. ``short``: for `make test`."""
    start = datetime(2026, 6, 28, seed * 7 % 24, tzinfo=UTC)
    drill = seed % DRILL_EVERY == 0
    world = World(seed, folder, sample_pack(), drill=drill, speed=60.0 if seed % 8 else 6.0, start=start, dsn=dsn)
    world.trace.all = told
    with world.listening():
        try:
            return _play(world, at_rest, short=short)
        except Exception as error:
            steps = "\n".join(world.trace.lines)
            raise Failed(
                f"seed {seed}: {type(error).__name__}: {error}\nlast steps:\n{steps}\n"
                f"play it again: make sim SEED={seed}{' SHORT=1' if short else ''}"
            ) from error
        finally:
            world.end()


def once(seed: int) -> Played | str:
    """One seed in a folder of its own; what failed comes as text."""
    memory = RAM if os.access(RAM, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fengsui-sim-", dir=memory) as folder:
        try:
            return play(seed, Path(folder))
        except Failed as error:
            return str(error)


def _play(world: World, at_rest: Callable[[Checkers], None] | None, *, short: bool) -> Played:
    night = Night(world)
    checkers = Checkers(night)
    steps = 0

    def step(seconds: float | None = None) -> None:
        nonlocal steps
        steps += 1
        night.step(seconds)
        checkers.after_step()

    def rest() -> None:
        for _ in range(REST_STEPS_MAX):
            step(REST_STEP_S)
            if night.settled:
                checkers.at_end()
                return
        raise Violation(f"no rest after faults have stopped: {night.unsettled}")

    while world.domain < night.storm.ends + AFTER_STORM and not (short and steps >= SHORT_STEPS):
        step()
    night.calm()
    until = world.domain + (SHORT_CALM if short else CALM)
    while world.domain < until:
        step(CALM_STEP_S)
    rest()
    if world.seed % LONG_EVERY == 0 and not short:
        End(night).until_normal(step)
        rest()
    if at_rest is not None:
        at_rest(checkers)
    for node in world.nodes.values():
        world.say(f"{node.name} holds {_contents(node)}")
    figures = _figures(world) | {"interrupted": night.real_red.interrupted}
    return Played(world.seed, world.trace.digest, steps, figures)


def _contents(node: Node) -> str:
    """A digest of all that is stored."""
    digest = hashlib.sha256()
    with node.read() as conn:
        for table in METADATA[node.name].sorted_tables:
            rows = conn.execute(select(table).order_by(*table.primary_key.columns))
            digest.update(repr([tuple(row) for row in rows]).encode())
    return digest.hexdigest()


def _figures(world: World) -> dict[str, int]:
    figures = {"lines": world.trace.count, "boots": sum(node.boots for node in world.nodes.values())}
    with world.warning.read() as conn:
        for name, table in (("readings", readings.readings), ("records", fuses.transitions), ("trips", fuses.trips)):
            figures[name] = conn.execute(select(func.count()).select_from(table)).scalar_one()
    with world.dispatch.read() as conn:
        for name, table in (("calls", channels.attempts), ("orders", orders.orders)):
            figures[name] = conn.execute(select(func.count()).select_from(table)).scalar_one()
    return figures
