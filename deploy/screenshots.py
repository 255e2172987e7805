"""界面截图 docs/images/*.png: the console on the flood night, for README and the guides.

    python -m deploy.screenshots [NAME …]

Starts the sample district on the drill (a DATA of its own), waits until the night is red and measures wait for a
signature, and takes every picture of `SHOTS`. Needs Chromium, a Chinese font and the packages of console/frontend.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from console.session import parts_of
from shared.clock import poll_until

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images"
DRILL = "flood-night"
REALM = f"x-{DRILL}"
READY_S = 180.0
RED_S = 600.0
SETTLE_S = 120.0
# its streams are live, and where there is a map, its marks are drawn
SETTLED = """() => {
    const links = document.querySelectorAll('.link'), map = document.getElementById('map');
    const live = [...links].every((link) => link.classList.contains('live'));
    return live && (!map || (Number(map.dataset.marks) > 0 && Boolean(map.map?.loaded())));
}"""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGS = ["--headless", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


class Night:
    """当夜: the running system, as a duty officer asks it"""

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self.console = str(credentials["console"])
        self._credentials = credentials

    def token(self, role: str) -> str:
        return str(self._credentials["tokens"][role])

    def get(self, service: str, path: str, **query: str) -> Any:
        answer = httpx.get(
            self._credentials["services"][service] + path,
            params={"realm": REALM, **query},
            headers={"Authorization": f"Bearer {self.token('duty_officer')}"},
            timeout=30,
            trust_env=False,
        )
        return answer.raise_for_status().json()

    def reds(self) -> list[Mapping[str, Any]]:
        """The confirmed reds of townships."""
        found = self.get("warning", "/v1/fuses", alarmed="true", limit="1000")["items"]
        return [
            row
            for row in found
            if row["per"] == "township" and (row["level"], row["verification"]) == ("red", "confirmed")
        ]

    def is_ripe(self) -> bool | None:
        """Two townships red, and measures that wait for a signature."""
        if len(self.reds()) < 2:
            return None
        return any(row["state"] == "awaiting_signature" for row in self.get("dispatch", "/v1/orders")["items"]) or None


@dataclass(frozen=True)
class Shot:
    """一张: ``path`` of the page, or what makes it of the night; ``before`` is done on the page first"""

    name: str
    path: str | Callable[[Night], str]
    role: str | None = "duty_officer"
    lang: str = "zh"
    size: tuple[int, int] = (1366, 768)
    dark: bool = False
    before: Callable[[Page], None] | None = None


def worst(night: Night) -> str:
    row = night.reds()[0]
    return f"{row['fuse']}/{row['scope']}"


# A room adds its pictures here.
SHOTS: Sequence[Shot] = (
    Shot("overview", "/"),
    Shot("overview-en-dark", "/", lang="en", dark=True),
    Shot("fuse", lambda night: f"/fuse/{worst(night)}", size=(1366, 900)),
    Shot("board", "/board"),
    Shot("orders", "/orders"),
    Shot("approval", "/approval"),
    Shot("notice", "/notices"),
    Shot("public", "/m", role=None, size=(390, 844)),
)


def take(browser: Browser, night: Night, shot: Shot) -> None:
    """One picture."""
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if shot.dark else "light", locale="zh-CN"
    )
    try:
        cookies = parts_of(night.token(shot.role)) if shot.role else {}
        for name, value in {**cookies, "fengsui_lang": shot.lang}.items():
            context.add_cookies([{"name": name, "value": value, "url": night.console}])
        page = context.new_page()
        path = shot.path if isinstance(shot.path, str) else shot.path(night)
        page.goto(f"{night.console}{path}{'&' if '?' in path else '?'}realm={REALM}")
        if not poll_until(lambda: page.evaluate(SETTLED) or None, SETTLE_S, 0.5):
            print(f"{shot.name}: not all of the page was there within {SETTLE_S:g} s", file=sys.stderr)
        if shot.before is not None:
            shot.before(page)
        page.screenshot(path=FOLDER / f"{shot.name}.png")
        print(f"docs/images/{shot.name}.png")
    finally:
        context.close()


def main(wanted: Sequence[str]) -> int:
    unknown = set(wanted) - {shot.name for shot in SHOTS}
    if unknown:
        print(
            f"there is no picture {', '.join(sorted(unknown))}; give {', '.join(s.name for s in SHOTS)}",
            file=sys.stderr,
        )
        return 2
    chromium = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        print("本机没有 Chromium / Chromium is not installed: apt install chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fengsui-shots-") as folder:
        data = Path(folder)
        environment = {**os.environ, "DATA": folder, "DRILL": DRILL, "SPEED": "60"}
        with (data / "run.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services", "run"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        try:
            return _shoot(data / "credentials.json", chromium, [s for s in SHOTS if not wanted or s.name in wanted])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _shoot(credentials: Path, chromium: str, shots: Sequence[Shot]) -> int:
    if not poll_until(lambda: credentials.exists() or None, READY_S, 0.5):
        print(f"the system did not start within {READY_S:g} s", file=sys.stderr)
        return 1
    night = Night(json.loads(credentials.read_text(encoding="utf-8")))
    print("等待当夜转红 / waiting for the night to turn red", flush=True)
    if not poll_until(lambda: _asked(night.is_ripe), RED_S, 2.0):
        print(f"no confirmed red within {RED_S:g} s", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        for shot in shots:
            take(browser, night, shot)
        browser.close()
    return 0


def _asked(probe: Callable[[], bool | None]) -> bool | None:
    """Nothing while the drill has not begun yet."""
    try:
        return probe()
    except httpx.HTTPError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
