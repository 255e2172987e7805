"""评分 What a judge finds: each difference by name, with when and in both languages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.realm import format_time


@dataclass(frozen=True, kw_only=True)
class Finding:
    """差异: what is not as it should be"""

    subject: str
    zh: str
    en: str
    at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        at = format_time(self.at) if self.at else None
        return {"subject": self.subject, "at": at, "zh": self.zh, "en": self.en}


@dataclass(frozen=True, kw_only=True)
class Score:
    """一项评分: ``counted`` is how many things were judged; where it must count, nothing judged is no pass."""

    key: str
    zh: str
    en: str
    counted: int
    findings: tuple[Finding, ...] = ()
    must_count: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.findings and not (self.must_count and self.counted == 0)

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "zh": self.zh,
            "en": self.en,
            "passed": self.passed,
            "counted": self.counted,
            "numbers": dict(self.numbers),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def score(
    key: str,
    zh: str,
    en: str,
    counted: int,
    findings: Iterable[Finding],
    *,
    must_count: bool = False,
    numbers: Mapping[str, Any] | None = None,
) -> Score:
    """A score with its findings in the order of time."""
    found = sorted(findings, key=lambda finding: (finding.at is not None, finding.at, finding.subject))
    return Score(
        key=key,
        zh=zh,
        en=en,
        counted=counted,
        findings=tuple(found),
        must_count=must_count,
        numbers=numbers or {},
    )
