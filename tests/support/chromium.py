"""真实浏览器 Debian's Chromium under Playwright, and what each page must hold: nothing from elsewhere, nothing inline.

with officers_page(browser, district.console_url, district.token()) as page:
    page.goto("/")  # as the duty officer; script errors, CSP violations and outside requests fail at the end

`serious_findings(page)` is what axe-core says is serious or critical; it needs the packages of console/frontend.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from console.session import parts_of
from shared.clock import poll_until
from tests.support.real import require_real

PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parents[2] / "console" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SCREEN = (1366, 768)
LOCAL = ("127.0.0.1", "")
PATIENCE_MS = 30_000  # for whatever a page waits for, on a machine that runs other tests


def chromium() -> str | None:
    """Where Chromium is, if it is."""
    return next((path for path in PATHS if Path(path).exists()), None) or shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    path = chromium()
    require_real(path, "Chromium")
    return playwright.chromium.launch(executable_path=path, args=ARGS)


@contextmanager
def officers_page(browser: Browser, url: str, token: str | None, *, lang: str = "zh", **context: Any) -> Iterator[Page]:
    """A fresh browser profile at ``url``, logged in with ``token`` (None: not); afterwards what went wrong fails."""
    size = {"width": SCREEN[0], "height": SCREEN[1]}
    made = browser.new_context(**{"base_url": url, "viewport": size, "locale": "zh-CN", **context})
    made.set_default_timeout(PATIENCE_MS)
    if token is not None:
        ours = {"url": url, "httpOnly": True, "sameSite": "Strict"}
        made.add_cookies([{"name": name, "value": part, **ours} for name, part in parts_of(token).items()])
    made.add_cookies([{"name": "fengsui_lang", "value": lang, "url": url}])
    wrong = watch(made)
    try:
        yield made.new_page()
    finally:
        made.close()
    assert not wrong, wrong


def watch(context: BrowserContext) -> list[str]:
    """What goes wrong in a context from now on: outside requests, CSP violations, script errors."""
    wrong: list[str] = []

    def on_request(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in LOCAL:
            wrong.append(f"a request left this machine: {url}")

    context.on("request", lambda request: on_request(request.url))
    context.on("weberror", lambda error: wrong.append(f"script error: {error.error}"))
    context.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    return wrong


def until(page: Page, expression: str, argument: Any = None) -> None:
    """Until the page's own script says so; `Page.wait_for_function` evaluates text, which our policy forbids."""
    found = poll_until(lambda: page.evaluate(expression, argument) or None, PATIENCE_MS / 1000, 0.05)
    assert found, f"never: {expression}"


def serious_findings(page: Page) -> list[str]:
    """无障碍 What axe-core finds serious or critical on the page as it stands."""
    require_real(AXE.exists(), "axe-core (console/frontend)")
    page.evaluate(AXE.read_text(encoding="utf-8"))  # by the debugger: the page's own policy allows no such script
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes'][:4]]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
