"""调度基准 How long dispatch's one writer is held: a red trip, first rings, receipts, countdowns, doing nothing.

    python -m tests.bench.dispatch [--times 1 11] [--json]

The sample pack's townships are repeated ``times`` over, so that 11 stands for a district with over 500 posts; the red
trip is the district's. Figures are statements, milliseconds of work (which the gate looks at) and on the clock, and the
work as a ratio to the smallest pack.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import Receipt
from services.dispatch.channels.factory import SIMULATOR, CarrierSpec
from services.dispatch.main import create_app
from services.dispatch.schema import metadata
from services.dispatch.settings import DispatchSettings
from shared.clock import ManualClock
from shared.db.tx import Tx
from shared.outbox.inbox import Message
from shared.pack.model import Pack
from tests.support.dispatch import transition
from tests.support.postgres import cluster, find_binaries
from tests.support.resources import sample_pack
from tests.support.statements import counting

NOW = datetime(2026, 6, 28, 3, 7, tzinfo=UTC)
REALM = "x-live"
OPENS_WITHIN_MS = 2000.0
INTAKE_MAX = 120


def enlarged(pack: Pack, times: int) -> Pack:
    """The pack with everything below its townships repeated under other ids."""
    if times == 1:
        return pack
    top = next(code for code, region in pack.regions.items() if region.parent not in pack.regions)
    regions, roster, duties = dict(pack.regions), dict(pack.roster), list(pack.duties)
    units, sites, households = dict(pack.units), dict(pack.sites), dict(pack.households)
    for n in range(2, times + 1):
        name = _namer(pack, top, n)
        for region in pack.regions.values():
            if region.code != top:
                regions[name(region.code)] = replace(region, code=name(region.code), parent=name(region.parent))
        for post in pack.roster.values():
            if post.region != top:
                person, number = f"{post.person}-{n}", f"{n:03d}"
                contacts = tuple((channel, address + number) for channel, address in post.contacts)
                more = {"deputy_of": name(post.deputy_of), "superior": name(post.superior)}
                made = replace(post, post=name(post.post), person=person, region=name(post.region), contacts=contacts)
                roster[made.post] = replace(made, **more)
        for duty in pack.duties:
            if name(duty.post) != duty.post:
                duties.append(replace(duty, post=name(duty.post), object=name(duty.object)))
        for unit in pack.units.values():
            made_unit = replace(unit, unit_id=name(unit.unit_id), region=name(unit.region), post=name(unit.post))
            units[made_unit.unit_id] = made_unit
        for site in pack.sites.values():
            made_site = replace(site, site_id=name(site.site_id), region=name(site.region), post=name(site.post))
            sites[made_site.site_id] = made_site
        for house in pack.households.values():
            made_house = replace(house, household_id=f"{house.household_id}-{n}", site=name(house.site))
            households[made_house.household_id] = made_house
    version = "sha256:" + f"{times:064x}"
    documents = copy.deepcopy(dict(pack.documents))
    down = next(rule for rule in documents["callouts.yaml"]["rules"] if rule["id"] == "red-down")
    down["scope_kinds"].append("district")  # so that a district's red calls everybody
    return replace(
        pack,
        documents=documents,
        version=version,
        regions=regions,
        roster=roster,
        duties=tuple(duties),
        units=units,
        sites=sites,
        households=households,
    )


def _namer(pack: Pack, top: str, n: int) -> Callable[[Any], Any]:
    kept = {top, *(post.post for post in pack.roster.values() if post.region == top)}
    known = {*pack.regions, *pack.roster, *pack.units, *pack.sites}
    return lambda code: f"{code}-{n}" if code in known and code not in kept else code


class Bench:
    """台架: one dispatch on an empty store; a clock that it moves by hand"""

    def __init__(self, dsn: str, schema: str, folder: Path, pack: Pack) -> None:
        self.clock, self.pack = ManualClock(NOW), pack
        settings = DispatchSettings(
            service="dispatch",
            district=pack.district.code,
            dsn=dsn,
            schema=schema,
            packs_dir=folder / "packs",
            pack=pack.version,
            boot="boot-1",
            key_file=folder / "token-key.json",
            carriers=(CarrierSpec(name=SIMULATOR, url="http://127.0.0.1:9", secret="simulator"),),
        )
        self.app = create_app(settings, self.clock)
        self.frame = self.app.state.frame
        self.frame.packs.put(pack)
        self.frame.store.ensure_schema()
        with self.frame.store.write() as conn:
            metadata.create_all(conn)
        self.frame.writer.start()
        self.frame.writer.wait_owner(10)
        self.no = 0

    def close(self) -> None:
        self.frame.writer.stop()
        self.frame.store.close()

    def red(self, scope: str) -> None:
        self.no += 1
        body = transition("rainstorm", scope)
        body["scope"] |= {"kind": "district" if scope == self.pack.district.code else "township", "region": scope}
        message = Message("warning", REALM, self.no, "transition", scope, body, self.pack.version)
        self.frame.writer.call(lambda tx: self.frame.inbox.receive(tx, message), 300)

    def tick(self, name: str, minutes: float = 0) -> None:
        self.clock.set(self.clock.now() + timedelta(minutes=minutes))
        tick = dict(self.frame.ticks)[name]
        self.frame.writer.call(tick, 300)

    def ticks(self) -> None:
        for name in ("callouts", "orders"):
            self.tick(name)

    def receipts(self) -> int:
        """Every phone that rings is answered with 1."""
        with self.frame.store.read() as conn:
            waiting = [s for s in channels.queued(conn, 10_000) if s.attempt.channel == "voice"]
        take = self.app.state.desk.ringing.receipt
        ended = Receipt(seq=3, state="ended", result="answered", heard_s=20, keys="1")
        for stored in waiting:
            attempt_id = stored.attempt.attempt_id
            self.frame.writer.call(lambda tx, a=attempt_id: _take(take, tx, a, ended), 300)
        return len(waiting)


def _take(take: Any, tx: Tx, attempt_id: str, receipt: Receipt) -> None:
    take(tx, REALM, attempt_id, receipt, tx.domain_now(REALM))


def measure(dsn: str, schema: str, folder: Path, times: int) -> dict[str, dict[str, float]]:
    """One red trip from its transition to the last answer."""
    found: dict[str, dict[str, float]] = {}
    bench = Bench(dsn, schema, folder, enlarged(sample_pack(), times))

    def run(what: str, function: Callable[[], Any]) -> None:
        with counting(bench.frame.store.engine) as seen:
            began, worked = time.perf_counter(), time.process_time()
            made = function()
            spent, cpu = time.perf_counter() - began, time.process_time() - worked
        each = made if isinstance(made, int) and made else 1
        found[what] = {
            "statements": round(seen.work / each, 1),
            "cpu_ms": round(cpu * 1000 / each, 2),
            "ms": round(spent * 1000 / each, 2),
        }

    scope = bench.pack.district.code if times > 1 else "500114112"
    try:
        run("idle", bench.ticks)
        run("red", lambda: bench.red(scope))
        run("rings", lambda: bench.tick("callouts"))
        run("again", lambda: bench.tick("callouts"))
        run("climb", lambda: bench.tick("callouts", 3.05))
        run("countdown", lambda: bench.tick("orders"))
        run("receipt", bench.receipts)
        run("rings-2", lambda: bench.tick("callouts", 1))
        run("quiet", bench.ticks)
    finally:
        bench.close()
    found["size"] = {"posts": len(bench.pack.roster)}
    return found


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, Callable[[int], str]]]:
    with ExitStack() as stack:
        found: dict[str, Callable[[int], str]] = {"sqlite": lambda n: f"sqlite:///{folder / f'bench-{n}.db'}"}
        binaries = find_binaries()
        if binaries is not None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fengsui-bench-pg-")))
            dsn = stack.enter_context(cluster(binaries, place))
            found["postgresql"] = lambda _: dsn
        yield found


def main() -> int:
    """Measure, show, and say whether the gates hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 11])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as name:
        folder = Path(name)
        with databases(folder) as found:
            for database, dsn in found.items():
                for times in chosen.times:
                    results[f"{database} x{times}"] = measure(dsn(times), f"bench{times}", folder, times)
    if chosen.json:
        print(json.dumps(results))
    else:
        _show(results)
    wrong = _gates(results)
    for line in wrong:
        print(f"GATE {line}", file=sys.stderr)
    return 1 if wrong else 0


def _show(results: dict[str, Any]) -> None:
    for name, found in results.items():
        base = results[f"{name.split()[0]} {next(iter(results)).split()[1]}"]
        print(f"{name}: {found['size']['posts']} posts")
        for what, figures in found.items():
            if what != "size":
                ratio = figures["cpu_ms"] / base[what]["cpu_ms"]
                spent = f"{figures['cpu_ms']:9.1f} ms of work {figures['ms']:9.1f} ms on the clock"
                print(f"  {what:10} {figures['statements']:8} statements {spent}  x{ratio:.1f}")


def _gates(results: dict[str, Any]) -> list[str]:
    wrong = []
    for name, found in results.items():
        if found["red"]["cpu_ms"] > OPENS_WITHIN_MS:
            wrong.append(f"{name}: a red trip took {found['red']['cpu_ms']} ms of work")
        if name.endswith("x1") and found["red"]["statements"] > INTAKE_MAX:
            wrong.append(f"{name}: a red trip took {found['red']['statements']} statements")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
