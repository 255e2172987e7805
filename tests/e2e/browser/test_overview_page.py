"""The overview in Chromium."""

from __future__ import annotations

from tests.e2e.browser.conftest import OpenPage


def test_the_red_is_seen(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_text("濯水镇").first.wait_for()
    assert "演练" in page.locator("header").inner_text()
