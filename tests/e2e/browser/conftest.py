"""Tests of the console in a real Chromium over the whole system, both started once for all of them (about ten seconds).

def test_something(district: District, open_page: OpenPage) -> None:
    page = open_page("/")                            # logged in as the duty officer, 1366×768, Chinese
    other = open_page("/orders", role="issuer")      # a second person: another browser profile
    page.get_by_text("濯水镇").first.wait_for()

`district` (tests.support.district) has a confirmed red of the rule rainstorm at 濯水镇 in x-live, with its calls and
orders; its posts answer as the exchange's default persona does. Tests share it: take what is there, and change what is
yours alone (another township, another notice). A page that asked another host, broke the CSP or threw fails its test.
All run in one worker (`xdist_group`), since the system is started once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.chromium import PATIENCE_MS, chromium, launch, officers_page
from tests.support.district import District, whole_district
from tests.support.real import require_real

TOWNSHIP = "500114112"  # 濯水镇
GAUGES = ("rain-zs-01", "rain-zs-02")
SIGNERS = {"issuer": "演示签批人0", "second_issuer": "演示签批人1"}  # one user is one person, in whichever test first
OpenPage = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)


logging.getLogger("apscheduler").setLevel(logging.ERROR)  # on a busy machine a tick may wait for the one before it


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")  # not the session: while Playwright runs, no other test could run an event loop
def browser() -> Iterator[Browser]:
    require_real(chromium(), "Chromium")
    with sync_playwright() as playwright:
        made = launch(playwright)
        yield made
        made.close()


@pytest.fixture(scope="package")  # its clocks tick: what runs after these tests has the machine to itself
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The whole system, with a confirmed red at 濯水镇 that has come as far as orders and calls."""
    require_real(chromium(), "Chromium")
    with whole_district(tmp_path_factory.mktemp("district")) as made:
        made.storm(*GAUGES)
        made.soon(lambda: _red(made))
        made.soon(lambda: made.get("dispatch", "/v1/orders")["items"])
        made.soon(lambda: made.get("dispatch", "/v1/callouts")["items"])
        yield made


@pytest.fixture
def open_page(browser: Browser, district: District) -> Iterator[OpenPage]:
    """``open_page(path, role="duty_officer", url=None, lang="zh", **context)`` → a page of a fresh browser profile."""
    with ExitStack() as stack:

        def make(path: str, role: str | None = "duty_officer", url: str | None = None, **context: Any) -> Page:
            token = district.token(role) if role else None
            page = stack.enter_context(officers_page(browser, url or district.console_url, token, **context))
            page.goto(path)
            return page

        yield make


def _red(district: District) -> bool | None:
    fuse = district.get("warning", f"/v1/fuses/rainstorm/{TOWNSHIP}")
    return (fuse["level"], fuse["verification"]) == ("red", "confirmed") or None
