"""仿真 A few seeds of the whole system with its faults; ``make sim SEEDS=200`` plays as many as one likes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update

from services.dispatch.callouts import store as callouts
from services.dispatch.callouts.case_log import log
from services.dispatch.channels import store as channels
from services.resources.stock import store as stock
from services.warning.alerts import store as alerts
from services.warning.fuses import store as fuses
from services.warning.readings import store as readings
from shared.realm import LIVE
from tests.simulation.checkers import Checkers
from tests.simulation.play import play
from tests.support.house.world import RAM, Violation

SLICE = (9,)  # a night with crashes
HARMED = 4  # a drill that a real red interrupts
SAME = 5
ON_POSTGRESQL = 7
ROOT = Path(__file__).parents[2]
Harm = Callable[[Connection], object]
Check = Callable[[Checkers, Connection], None]


def _while_stopped(checkers: Checkers, conn: Connection) -> None:
    """As if the last word of the drill's clock had been that it is interrupted."""
    told = checkers.world.realm_messages["dispatch"]
    told[max(told)] = {**told[max(told)], "state": "interrupted"}
    checkers.stopped.nothing_rings(conn)


HARM: dict[str, tuple[str, Harm, Check]] = {
    "a receipted reading is gone": (
        "warning",
        lambda conn: conn.execute(delete(readings.readings).where(readings.readings.c.id < 9)),
        lambda checkers, conn: checkers.receipted_is_stored(conn, all_of_them=True),
    ),
    "a reading is there twice": (
        "warning",
        lambda conn: conn.execute(update(readings.readings).values(id=readings.readings.c.id + 1_000_000, value=1.0)),
        lambda checkers, conn: checkers.receipted_is_stored(conn, all_of_them=True),
    ),
    "an alert is gone": ("warning", lambda conn: conn.execute(delete(alerts.alerts)), Checkers.one_alert),
    "a fuse stands otherwise": (
        "warning",
        lambda conn: conn.execute(delete(fuses.states)),
        Checkers.same_as_rebuilt,
    ),
    "a number is missing": (
        "dispatch",
        lambda conn: conn.execute(delete(log).where(log.c.no == 2)),
        lambda checkers, conn: checkers.numbers(checkers.world.dispatch, conn),
    ),
    "nobody was called": (
        "dispatch",
        lambda conn: conn.execute(delete(callouts.lines)),
        lambda checkers, conn: checkers.calls_made(conn),
    ),
    "a ring is forgotten": (
        "dispatch",
        lambda conn: conn.execute(delete(callouts.rings)),
        Checkers.lines_climb,
    ),
    "somebody was called in earnest": (
        "dispatch",
        lambda conn: conn.execute(update(callouts.cases).where(callouts.cases.c.realm != LIVE).values(realm="actual")),
        lambda checkers, conn: checkers.nothing_of_actual(checkers.world.dispatch, conn),
    ),
    "goods are lost": (
        "resources",
        lambda conn: conn.execute(update(stock.balances).values(quantity=stock.balances.c.quantity + 1)),
        Checkers.stock_sums_to_zero,
    ),
    "a drill that is stopped calls somebody": (
        "dispatch",
        lambda conn: conn.execute(update(channels.attempts).values(covers=[{"case_id": "C-0001"}])),
        _while_stopped,
    ),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where the machine allows it: nothing here outlives the test."""
    memory = RAM if os.access(RAM, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fengsui-sim-", dir=memory) as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLICE)
def test_what_is_promised_holds_whatever_goes_wrong(seed: int, folder: Path) -> None:
    play(seed, folder, short=True)


def _holds(check: Check, checkers: Checkers, conn: Connection) -> bool:
    try:
        check(checkers, conn)
    except Violation:
        return False
    return True


@pytest.mark.slow
def test_the_checkers_notice_what_they_are_there_for(folder: Path) -> None:
    """At rest all is well; with one thing harmed, the checker of that thing says so."""

    def harm_each(checkers: Checkers) -> None:
        for what, (service, harm, check) in HARM.items():
            with checkers.world.nodes[service].frame.store.engine.connect() as conn, conn.begin() as undone:
                check(checkers, conn)
                harm(conn)
                assert not _holds(check, checkers, conn), f"nobody noticed: {what}"
                undone.rollback()

    played = play(HARMED, folder, short=True, at_rest=harm_each)
    assert played.figures["interrupted"], "nothing was stopped: of that the checker has seen nothing"


@pytest.mark.slow
def test_the_same_seed_is_the_same_night_in_any_process(folder: Path) -> None:
    """Also where sets and dicts of text come in another order."""
    played = play(SAME, folder, short=True)
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(SAME), "--short"]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert re.findall(r"trace (\w+)", found.stdout)[-1] == played.digest


@pytest.mark.slow
def test_it_holds_on_postgresql_too(folder: Path, postgres_dsn: str) -> None:
    play(ON_POSTGRESQL, folder, dsn=postgres_dsn, short=True)
