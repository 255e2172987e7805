"""值班员测试台 An officer at the console without a browser: opens pages, fills their forms as they stand, sends them.

officer = Officer(district.console_url, district.token("issuer"))
page = officer.get("/orders/O-0001")
page = officer.send(page.form("/orders/O-0001/sign"), ground="…")     # what the form holds already goes with it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from lxml import html

from console.session import COOKIES, parts_of

Values = dict[str, list[str]]


@dataclass
class Sheet:
    """一张表单: where it goes and what it holds"""

    action: str
    values: Values


@dataclass
class Page:
    """一页: what came back, as text and as a tree"""

    answer: httpx.Response
    tree: Any = field(init=False)

    def __post_init__(self) -> None:
        self.tree = html.fromstring(self.answer.text) if self.answer.text else None

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        """What is read on it, blanks run together."""
        return " ".join(self.tree.text_content().split())

    def has_form(self, action: str) -> bool:
        return any(each.get("action", "").partition("?")[0] == action for each in self.tree.iter("form"))

    def form(self, action: str) -> Sheet:
        """The form that is sent to this path, with what stands in it."""
        found = [each for each in self.tree.iter("form") if each.get("action", "").partition("?")[0] == action]
        assert found, f"no form for {action} on {self.answer.url}: {[f.get('action') for f in self.tree.iter('form')]}"
        values: Values = {}
        for name, value in found[0].form_values():
            values.setdefault(name, []).append(value)
        return Sheet(found[0].get("action"), values)

    def refusal(self) -> str:
        """What the page says is wrong, all of it."""
        said = self.tree.xpath("//*[@role='alert' or contains(@class, 'wrong')]")
        return " ".join(" ".join(each.text_content().split()) for each in said)


class Officer:
    """值班员: one login; ``lang`` of the pages."""

    def __init__(self, url: str, token: str | None, lang: str = "zh") -> None:
        self.http = httpx.Client(base_url=url, timeout=30, follow_redirects=True, trust_env=False)
        self.http.cookies.set("fengsui_lang", lang)
        if token is not None:
            self.log_in(token)

    def log_in(self, token: str | None) -> None:
        for name in COOKIES:
            if name in self.http.cookies:
                self.http.cookies.delete(name)
        for name, part in parts_of(token or "").items():
            self.http.cookies.set(name, part)

    def get(self, path: str, status: int = 200) -> Page:
        page = Page(self.http.get(path))
        assert page.status == status, page.answer.text
        return page

    def send(self, sheet: Sheet, files: Mapping[str, Any] | None = None, **values: str | list[str] | None) -> Page:
        """Send a form with these fields changed (None leaves one out)."""
        data: Values = dict(sheet.values)
        for name, value in values.items():
            if value is None:
                data.pop(name, None)
            else:
                data[name] = [value] if isinstance(value, str) else value
        return Page(self.http.post(sheet.action, data=data, files=files))

    def close(self) -> None:
        self.http.close()
