"""Fixtures of the whole suite: stores on both databases, hypothesis profiles, a time zone that is nobody's."""

from __future__ import annotations

import faulthandler
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import MetaData

from shared.db.engine import Store
from tests.support.authorities import one_authority
from tests.support.postgres import cluster, find_binaries
from tests.support.real import require_real

os.environ["TZ"] = "America/St_Johns"  # neither UTC nor Asia/Shanghai: a naive time shows
time.tzset()
os.environ["SSL_CERT_FILE"] = str(one_authority())

# Without the phase that explains a failure: below Python 3.12 it traces every line of every example, many times slower.
PHASES = tuple(phase for phase in Phase if phase is not Phase.explain)
CALM = {"deadline": None, "phases": PHASES, "suppress_health_check": list(HealthCheck)}
# `make test` says the same thing twice; `make fuzz` draws anew each time, and what it finds becomes a test of its own.
settings.register_profile("dev", max_examples=50, derandomize=True, **CALM)
settings.register_profile("fuzz", max_examples=500, **CALM)
settings.register_profile("nightly", max_examples=5000, **CALM)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

CRASHES = "FENGSUI_TEST_CRASHES"  # the folder in which each worker writes where it was when it crashed

SHARED = Path(__file__).parents[1].parent / "shared"
# Systems that a module starts once: its tests stay in one worker (`--dist loadgroup`), else each would start its own.
SHARED_BY_A_MODULE = {"district", "office", "still", "facts", "module_dsn"}
_numbers = count(1)


@pytest.hookimpl(trylast=True)  # after pytest's own, which writes into the midst of all that goes on
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        faulthandler.enable(os.open(Path(os.environ[CRASHES]) / f"{os.getpid()}.txt", os.O_CREAT | os.O_WRONLY))
    else:
        os.environ[CRASHES] = tempfile.mkdtemp(prefix="fengsui-crashes-")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Of a process that crashed the report says no more than so: its stacks come last, where they are read."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ[CRASHES])
    for told in sorted(folder.iterdir()):
        if text := told.read_text(encoding="utf-8", errors="replace"):
            terminalreporter.section(f"crashed: process {told.stem}")
            terminalreporter.write_line(text)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A PostgreSQL of this run's own."""
    binaries = find_binaries()
    require_real(binaries, "PostgreSQL")
    assert binaries is not None
    with (
        tempfile.TemporaryDirectory(prefix="fengsui-pg-", ignore_cleanup_errors=True) as folder,
        cluster(binaries, Path(folder)) as dsn,
    ):
        yield dsn


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The DSN of an empty store, on each database in turn (give ``schema`` a fresh name on PostgreSQL)."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def module_dsn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same for a service that a whole module shares."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
def make_store(dsn: str) -> Iterator[Callable[[MetaData], Store]]:
    """``make_store(metadata)`` → a store with its tables, dropped afterwards."""
    made: list[Store] = []

    def make(metadata: MetaData) -> Store:
        store = Store(dsn, metadata, schema=fresh_schema())
        store.ensure_schema()
        with store.write() as conn:
            metadata.create_all(conn)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


def fresh_schema() -> str:
    """A schema name that no other test of this process uses."""
    return f"t{os.getpid()}_{next(_numbers)}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """``../shared/data``; the test skips where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared is not here")
    return SHARED / "data"


@pytest.hookimpl(tryfirst=True)  # before the plug-in that reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)
        if "postgres_dsn" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)
        if SHARED_BY_A_MODULE & set(getattr(item, "fixturenames", ())) and not item.get_closest_marker("xdist_group"):
            store = getattr(item, "callspec", None) and item.callspec.params.get("module_dsn", "")  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{store}"))
