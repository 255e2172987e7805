"""The page of one alarm in Chromium: why, the curve and its table, what it caused, down to raw readings."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.browser.conftest import TOWNSHIP, OpenPage
from tests.support.chromium import serious_findings

FUSE = f"/fuse/rainstorm/{TOWNSHIP}"


def test_why_the_red_is_red(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(f'[id="row-fuses:rainstorm/{TOWNSHIP}"] [data-pick]').click()
    page.get_by_role("link", name="依据与趋势").click()
    page.wait_for_url(f"**{FUSE}?**")
    expect(page.locator("h1")).to_contain_text("濯水镇")
    expect(page.locator("h1")).to_contain_text("已熔断")  # measures are in force
    expect(page.locator(".standing")).to_contain_text("锁定")
    expect(page.locator(".why li").first).to_contain_text("≥")
    figure = page.locator(".plot").first
    expect(figure.locator("path.rule-red")).to_be_attached()
    assert "濯水镇1号雨量站" in (figure.locator("svg[role=img]").get_attribute("aria-label") or "")
    figure.get_by_text("以表格查看").click()
    expect(figure.locator("table").first).to_contain_text(re.compile(r"濯水镇1号雨量站.*\d\d\.\d"))
    expect(page.locator(".caused").first).to_contain_text("O-")
    expect(page.locator("table").last).to_contain_text("红")
    assert serious_findings(page) == []
    page.locator(".why a").first.click()
    expect(page.locator("h1")).to_contain_text("原始读数")
    expect(page.locator("tbody tr").nth(5)).to_contain_text("mm")
    assert serious_findings(page) == []


def test_it_needs_no_script_and_says_it_in_english(open_page: OpenPage) -> None:
    page = open_page(f"{FUSE}?hours=24&lang=en", java_script_enabled=False)
    expect(page.locator("h1")).to_contain_text("Rainstorm")
    expect(page.locator(".plot path.curve").first).to_be_attached()
