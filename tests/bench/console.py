"""值班台基准 What an officer waits for while the flood night runs: the first screen, and each change on it.

    python -m tests.bench.console [--minutes 3] [--loads 10] [--json]

Starts `fengsui run` on a DATA of its own with the drill at SPEED (60), waits for the first red and opens the overview
in Chromium. References of the same run: an empty page of the console (the login), and a bare client of each service's
event stream. All is counted from the instant at which that client has an event: ``event`` till the page has it,
``row`` till an alarm's row is painted, a part's name till its new content is: parts that come with the stream by each
event that their figures tell of for the first time, the others by the first load after the event. A burst counts as
often as it has events; ``change: …`` counts each change on the page once, from the oldest event in it. ``settled: …``
are those after the page's first ten seconds, in which it makes its map.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from shared.clock import SystemClock, poll_until
from tests.support.chromium import PATIENCE_MS, chromium, launch, officers_page

ROOT = Path(__file__).parents[2]
REALM = "x-flood-night"
PORT, MQTT_PORT = "8600", "18930"
READY_S, RED_S, STOP_S = 300.0, 240.0, 60.0
FIRST_SCREEN_MS = 1500.0
LIVE_MS = 100.0  # what an update is to stay under
OPENING_MS = 10_000
PIECE_S = 10.0  # how often the page is waited for: progress is told in between


Had = dict[tuple[str, int], float]
"""参照 When a bare client had each event: (service, number) → milliseconds of the wall's clock."""

RECORDER = """
performance.setResourceTimingBufferSize(50000);
window.benchSeen = [];
const stamp = () => performance.timeOrigin + performance.now();
document.addEventListener("live:event", ({ detail: { service, event } }) => {
  const said = { what: "event", service, kind: event.kind, id: event.id, at: Date.parse(event.at), t: stamp() };
  window.benchSeen.push(said);
  if (event.kind !== "transition") return;
  const row = () => document.getElementById(`row-fuses:${event.body.fuse}/${event.body.scope}`);
  requestAnimationFrame(() => { if (row()) said.painted = stamp(); });
});
document.addEventListener("live:loaded", ({ detail: part }) => {
  const said = { what: "loaded", part: part.dataset.part.split("?")[0], t: stamp() };
  said.told = part.told === part.benchedTold ? null : part.told;
  part.benchedTold = part.told;
  said.isNew = part.shown !== part.benched;
  part.benched = part.shown;
  requestAnimationFrame(() => { said.painted = stamp(); window.benchSeen.push(said); });
});
"""
LOADS = """() => performance.getEntriesByType("resource").filter((e) => e.name.includes("/part/"))
  .map((e) => ({ part: new URL(e.name).pathname, began: performance.timeOrigin + e.startTime,
                 ended: performance.timeOrigin + e.responseEnd }))"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
PARTS = "() => [...document.querySelectorAll('[data-part]')].map((p) => [p.dataset.part.split('?')[0], p.dataset.on])"


@contextmanager
def night(folder: Path, speed: str) -> Iterator[dict[str, Any]]:
    """The whole system with the drill; its credentials."""
    told = folder / "run.log"
    env = {**os.environ, "DATA": str(folder / "data"), "DRILL": "flood-night", "SPEED": speed}
    env |= {"PORT": PORT, "MQTT_PORT": MQTT_PORT, "PYTHONUNBUFFERED": "1"}
    with told.open("w", encoding="utf-8") as output:
        system = subprocess.Popen(
            [sys.executable, "-m", "services", "run"], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        ready = poll_until(lambda: "均为演示数据" in told.read_text("utf-8") or system.poll() is not None, READY_S)
        if not ready or system.poll() is not None:
            raise SystemExit(told.read_text(encoding="utf-8")[-3000:])
        yield json.loads((folder / "data" / "credentials.json").read_text(encoding="utf-8"))
    finally:
        if system.poll() is None:
            system.send_signal(signal.SIGINT)
            system.wait(STOP_S)


def wait_for_red(held: Mapping[str, Any]) -> None:
    url, headers = f"{held['services']['warning']}/v1/fuses", bearer(held)
    query: dict[str, str | int] = {"alarmed": "true", "realm": REALM, "limit": 1000}

    def red() -> bool | None:
        fuses = httpx.get(url, params=query, headers=headers, timeout=20).json()["items"]
        return any(fuse["level"] == "red" for fuse in fuses) or None

    if not poll_until(red, RED_S, 1.0):
        raise SystemExit("the drill came to no red")


def bearer(held: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {held['tokens']['duty_officer']}"}


def follow(service: str, held: Mapping[str, Any], stop: threading.Event, had: Had) -> None:
    """The reference: when a client of the service itself has each event."""
    clock, headers = SystemClock(), bearer(held) | {"Accept": "text/event-stream"}
    url = f"{held['services'][service]}/v1/events"
    with (
        httpx.Client(timeout=httpx.Timeout(30), trust_env=False) as http,
        http.stream("GET", url, params={"realm": REALM}, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        while not stop.is_set():
            try:
                line = next(lines)
            except httpx.HTTPError:
                if stop.is_set():
                    return  # the system was stopped first
                raise
            if not line.startswith("data:"):
                continue
            had[service, json.loads(line[5:])["id"]] = clock.now().timestamp() * 1000


def first_paints(browser: Browser, url: str, token: str | None, path: str, times: int) -> list[float]:
    """Milliseconds to the first contentful paint, each in a fresh browser profile."""
    found = []
    for _ in range(times):
        with officers_page(browser, url, token) as page:
            page.goto(path, wait_until="domcontentloaded")
            painted = poll_until(lambda page=page: page.evaluate(PAINT), PATIENCE_MS / 1000, 0.05)  # type: ignore[misc]
            assert painted
            found.append(float(painted))
    return found


def look(page: Page, seconds: float) -> tuple[list[Any], list[Any], list[Any]]:
    """What the page noted within so many seconds: what was said and shown, its loads, its parts."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while (left := end - clock.monotonic()) > 0:
        print(f"  … {left:.0f} s", file=sys.stderr, flush=True)
        page.wait_for_timeout(min(left, PIECE_S) * 1000)
    return page.evaluate("window.benchSeen"), page.evaluate(LOADS), page.evaluate(PARTS)


def later(seen: list[Any], loads: list[Any], parts: list[Any], had: Had) -> dict[str, list[float]]:
    """By what was waited for: milliseconds after a bare client had the event."""
    events = [each for each in seen if each["what"] == "event" and (each["service"], each["id"]) in had]
    found: dict[str, list[float]] = {"event": [], "row": []}
    for event in events:
        event["had"] = had[event["service"], event["id"]]
        found["event"].append(event["t"] - event["had"])
        if "painted" in event:
            found["row"].append(event["painted"] - event["had"])
    for each in seen:
        if each["what"] == "loaded" and each["isNew"] and each["told"]:
            since, upto = each["told"]["events"]
            numbers = range(since + 1, upto + 1) if None not in (since, upto) else ()
            keys = [(each["told"]["service"], number) for number in numbers]
            times = [had[key] for key in keys if key in had]
            found.setdefault(each["part"], []).extend(each["painted"] - at for at in times)
            if times:
                found.setdefault(f"change: {each['part']}", []).append(each["painted"] - min(times))
    for part, on in parts:
        mine = [load for load in loads if load["part"] == part]
        shown = [each for each in seen if each["what"] == "loaded" and each["part"] == part]
        for event in events:
            if not concerns(on or "", event):
                continue
            load = next((load for load in mine if load["began"] >= event["t"]), None)
            paint = load and next((each for each in shown if each["t"] >= load["ended"]), None)
            if load and paint:
                found.setdefault(part, []).append(paint["painted"] - event["had"])
    return found


def concerns(on: str, event: Mapping[str, Any]) -> bool:
    """As live.js: ``service`` or ``service:kind``, the kind's own kinds with it."""
    wanted = [each.partition(":") for each in on.split()]
    kinds = [what for of, _, what in wanted if of == event["service"]]
    return any(not what or f"{event['kind']}.".startswith(f"{what}.") for what in kinds)


def figures(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    within = sum(value <= LIVE_MS for value in ordered) / len(ordered)
    shown = {"seen": len(ordered), "median": statistics.median(ordered), "p95": high, "worst": ordered[-1]}
    return {**shown, "within": 100 * within}


def measure(minutes: float, loads: int, query: str = "") -> dict[str, dict[str, float]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fengsui-bench-")))
        held = stack.enter_context(night(folder, os.environ.get("SPEED") or "60"))
        wait_for_red(held)
        url, token = held["console"], held["tokens"]["duty_officer"]
        browser = launch(stack.enter_context(sync_playwright()))
        found = {"login": first_paints(browser, url, None, "/login", loads)}
        found["first screen"] = first_paints(browser, url, token, f"/?realm={REALM}", loads)
        stop, had = threading.Event(), Had()
        stack.callback(stop.set)
        for service in held["services"]:
            threading.Thread(target=follow, args=(service, held, stop, had), daemon=True).start()
        page = stack.enter_context(officers_page(browser, url, token))
        page.add_init_script(RECORDER)
        page.goto(f"/?realm={REALM}&{query}")
        page.locator("#list li[data-sel]").first.wait_for(state="attached")  # it may lie in a folded group
        seen, loaded, parts = look(page, minutes * 60)
        found |= later(seen, loaded, parts, had)
        opened = min(each["t"] for each in seen) + OPENING_MS
        settled = later([each for each in seen if each["t"] >= opened], loaded, parts, had)
        found |= {f"settled: {name}": values for name, values in settled.items()}
    return {name: figures(values) for name, values in found.items() if values}


def main() -> int:
    """Measure, show, and say whether the gates hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--query", default="", help="more of the page: map=off")
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chromium() is None:
        print("值班台基准需要 Chromium / the console's figures need Chromium", file=sys.stderr)
        return 1
    found = measure(chosen.minutes, chosen.loads, chosen.query)
    if chosen.json:
        print(json.dumps(found))
    else:
        print("console under the drill, milliseconds (parts: after a bare client of the service has the event)")
        for name, each in found.items():
            shown = f"median {each['median']:6.0f}  95 % {each['p95']:6.0f}  worst {each['worst']:6.0f}"
            shown += f"  {each['within']:5.1f} % within {LIVE_MS:.0f}" if name not in ("login", "first screen") else ""
            print(f"  {name:40} {each['seen']:6.0f} seen  {shown}")
        ratio = found["first screen"]["median"] / found["login"]["median"]
        print(f"  first screen / login: x{ratio:.1f}")
    wrong = gates(found)
    for line in wrong:
        print(f"GATE {line}", file=sys.stderr)
    return 1 if wrong else 0


def gates(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    wrong = []
    if found["first screen"]["worst"] > FIRST_SCREEN_MS:
        wrong.append(f"the first screen took {found['first screen']['worst']:.0f} ms")
    if "row" not in found:
        wrong.append("no alarm was seen to come")
    elif found["row"]["median"] > LIVE_MS:
        wrong.append(f"an alarm's row came {found['row']['median']:.0f} ms after its event")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
