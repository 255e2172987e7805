"""读取规则 The rules of a pack's ``fuses/*.yaml``, or everything that is wrong with them (contract §4).

Every problem names file, line, field and what would be right. A field that this version does not implement (`veto`,
`arms`, forecast and notice conditions) and any unknown field is refused, never ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import rfc8785

from services.warning.fuses import quantity
from services.warning.fuses.conditions import read_levels
from services.warning.fuses.report import Report
from services.warning.fuses.rule import (
    Deadband,
    Node,
    Per,
    Plausible,
    Quorum,
    Rule,
    Silence,
    Then,
    conditions,
)
from shared.ids import is_id, sha256_hex
from shared.pack.located import Located, Problem
from shared.pack.model import Pack
from shared.vocabulary import Level

REQUIRED = ("id", "hazard", "per", "metric", "levels")
DECIDING = ("quorum", "plausible", "confirm_after", "coverage", "deadband", "hold", "latch", "silence")
FIELDS = (*REQUIRED, "title", "source", *DECIDING)
LATER = {
    "veto": "is not implemented in this version; remove it (a fuse that vetoes stepping down)",
    "arms": "is not implemented in this version; remove it (a fuse that arms others downstream)",
}
TRIP_LEVELS = tuple(level.value for level in Level if level is not Level.NORMAL)


def read_rules(pack: Pack) -> tuple[tuple[Rule, ...], list[Problem]]:
    """读取规则 All rules of the pack by id, and the problems; a rule with a problem is left out."""
    problems: list[Problem] = []
    found: dict[str, Rule] = {}
    for file in sorted(name for name in pack.documents if name.startswith("fuses/")):
        document = pack.documents[file]
        if not isinstance(document, list):
            problems.append(Problem(file, 1, "holds no list of rules; begin each rule with '- id: …'"))
            continue
        for item in document:
            report = Report(file, problems)
            if not isinstance(item, Located):
                report.at(1, None, "an entry of the list is no rule; begin each rule with '- id: …'")
                continue
            rule = _Reader(pack, item, report).rule()
            if rule is None:
                continue
            if rule.id in found:
                other = found[rule.id]
                report.field(item, "id", f"'{rule.id}' is already the rule at {other.file}:{other.line}; rename one")
            else:
                found[rule.id] = rule
    problems.sort(key=lambda problem: (problem.file, problem.line))
    return tuple(found[name] for name in sorted(found)), problems


def rule_version(document: Mapping[str, Any]) -> str:
    """规则版本 ``sha256:…`` of the rule as written, in canonical form (RFC 8785)."""
    plain = json.loads(json.dumps(document))
    return "sha256:" + sha256_hex(rfc8785.dumps(plain))


@dataclass
class _Reader:
    pack: Pack
    item: Located
    report: Report

    def rule(self) -> Rule | None:
        item, report = self.item, self.report
        before = report.count
        report.known(item, FIELDS, LATER)
        for name in REQUIRED:
            if name not in item:
                report.at(item.line, name, f"the rule has no '{name}'")
        identity = self._id()
        title_zh, title_en = self._title()
        metric = self._metric()
        per = self._per()
        levels = read_levels(self.pack, item, metric, report)
        deadband = self._deadband(metric, levels)
        values: dict[str, Any] = {
            "quorum": self._quorum(),
            "plausible": self._plausible(levels),
            "confirm_after_s": self._duration("confirm_after", 300),
            "coverage": self._coverage(),
            "deadband": deadband,
            "hold_s": self._duration("hold", 0),
            "latch": self._level(item, "latch", None),
            "silence": self._silence(),
        }
        if report.count > before:
            return None
        return Rule(
            id=identity,
            title_zh=title_zh,
            title_en=title_en,
            hazard=self._hazard(),
            source=str(item.get("source", "")),
            per=Per(per),
            metric=metric,
            levels=MappingProxyType(levels),
            version=rule_version(item),
            file=report.file,
            line=item.line,
            **values,
        )

    def _id(self) -> str:
        value = self.item.get("id")
        if value is not None and not (isinstance(value, str) and is_id(value)):
            self.report.field(self.item, "id", f"'{value}' is no id; use up to 64 of A-Z a-z 0-9 _ -")
        return str(value)

    def _title(self) -> tuple[str, str]:
        title = self.item.get("title")
        if title is None:
            return str(self.item.get("id")), str(self.item.get("id"))
        if not isinstance(title, Located) or not all(isinstance(title.get(k), str) for k in ("zh", "en")):
            self.report.field(self.item, "title", "needs both languages: {zh: 暴雨, en: Rainstorm}")
            return "", ""
        self.report.known(title, ("zh", "en"))
        return title["zh"], title["en"]

    def _hazard(self) -> str:
        return str(self.item["hazard"])

    def _metric(self) -> str:
        value = self.item.get("metric")
        if value is not None and not (isinstance(value, str) and value in self.pack.metrics):
            self.report.choice(self.item, "metric", value, self.pack.metrics, "metrics.csv has")
        return str(value)

    def _per(self) -> str:
        value = self.item.get("per")
        if value is not None and value not in list(Per):
            self.report.choice(self.item, "per", value, [per.value for per in Per], "one of")
        hazard = self.item.get("hazard")
        if hazard is not None and self.pack.hazards and str(hazard) not in self.pack.hazards:
            self.report.choice(self.item, "hazard", hazard, self.pack.hazards, "hazards.csv has")
        return str(value)

    def _level(self, at: Located, name: str, default: Level | None) -> Level | None:
        if name not in at:
            return default
        if at[name] not in TRIP_LEVELS:
            self.report.choice(at, name, at[name], TRIP_LEVELS, "one of")
            return default
        return Level(at[name])

    def _duration(self, name: str, default: int) -> int:
        if name not in self.item:
            return default
        value = quantity.duration_s(self.item[name])
        if value is None:
            self.report.field(self.item, name, f"'{self.item[name]}' is no duration; write 10min, 3h, 1d or 1h30min")
        return default if value is None else value

    def _coverage(self) -> Fraction:
        if "coverage" not in self.item:
            return Fraction(80, 100)
        value = quantity.percent(self.item["coverage"])
        if value is None or not 0 < value <= 100:
            self.report.field(self.item, "coverage", f"'{self.item['coverage']}' is no share; write 80%")
            return Fraction(80, 100)
        return Fraction(value) / 100

    def _quorum(self) -> Quorum:
        section = self.report.section(self.item, "quorum", ("count", "of", "minimum"), "{count: 2, of: living}")
        if section is None:
            return Quorum()
        if section.get("of", "living") != "living":
            self.report.choice(section, "of", section["of"], ["living"], "this version counts only")
        counts = []
        for name in ("count", "minimum"):
            value = quantity.whole(section.get(name, 1), 1)
            if value is None:
                self.report.field(section, name, f"'{section[name]}' is no count of stations; write 1, 2, …")
            counts.append(value or 1)
        return Quorum(*counts)

    def _plausible(self, levels: Mapping[Level, object]) -> Mapping[Level, Plausible]:
        names = [level.value for level in levels]
        section = self.report.section(
            self.item, "plausible", TRIP_LEVELS, "{red: {neighbours: 1, radius: 15km, within: 30min}}"
        )
        found: dict[Level, Plausible] = {}
        for name in section or ():
            if name not in TRIP_LEVELS:
                continue
            if name not in names:
                self.report.field(section, name, f"'{name}' is no level of this rule; it has {', '.join(names)}")
            fields = ("neighbours", "radius", "within")
            body = self.report.section(section, name, fields, "{neighbours: 1, radius: 15km, within: 30min}")
            if body is None:
                continue
            count = quantity.whole(body.get("neighbours", 1), 1)
            radius = quantity.distance_m(body.get("radius"))
            within = quantity.duration_s(body.get("within"))
            if count is None:
                self.report.field(body, "neighbours", f"'{body['neighbours']}' is no count of stations; write 1")
            if radius is None:
                self.report.field(body, "radius", f"'{body.get('radius')}' is no distance; write 15km or 800m")
            if within is None:
                self.report.field(body, "within", f"'{body.get('within')}' is no duration; write 30min")
            if count is not None and radius is not None and within is not None:
                found[Level(name)] = Plausible(count, radius, within)
        return MappingProxyType(found)

    def _silence(self) -> Silence:
        example = "{intervals: 2, above: orange, then: verify}"
        section = self.report.section(self.item, "silence", ("intervals", "above", "then"), example)
        if section is None:
            return Silence()
        intervals = quantity.ratio(section.get("intervals", 2))
        if intervals is None or intervals < 1:
            self.report.field(section, "intervals", f"'{section['intervals']}' must be 1 or more report intervals")
            intervals = Fraction(2)
        then = section.get("then", "verify")
        if then not in list(Then):
            self.report.choice(section, "then", then, [item.value for item in Then], "one of")
            then = "verify"
        above = self._level(section, "above", Level.ORANGE)
        return Silence(intervals, above or Level.ORANGE, Then(then))

    def _deadband(self, metric: str, levels: Mapping[Level, tuple[Node, ...]]) -> Deadband:
        if "deadband" not in self.item:
            return Deadband()
        value = self.item["deadband"]
        known = self.pack.metrics.get(metric)
        share = quantity.percent(value)
        if share is not None:
            if share >= 100:
                self.report.field(self.item, "deadband", f"'{value}' leaves no way down; write less than 100%")
            self._percent_fits(levels)
            return Deadband(percent=share)
        unit = known.unit if known else ""
        amount = quantity.amount(value, unit)
        if amount is None or amount < 0:
            example = f"10%, or an amount in {unit} such as 0.2" if unit else "10%, or an amount such as 0.2"
            self.report.field(self.item, "deadband", f"'{value}' is no deadband; write {example}")
            return Deadband()
        return Deadband(amount=amount)

    def _percent_fits(self, levels: Mapping[Level, tuple[Node, ...]]) -> None:
        """A percentage of a stage means nothing: its zero is arbitrary (contract §4)."""
        for nodes in levels.values():
            for leaf in conditions(nodes):
                metric = self.pack.metrics.get(leaf.metric)
                if leaf.bound.column is None and not (metric and metric.kind == "level"):
                    continue
                what = f"station.{leaf.bound.column}" if leaf.bound.column else f"the level metric {leaf.metric}"
                unit = metric.unit if metric else "its unit"
                self.report.field(
                    self.item, "deadband", f"a percentage does not fit {what}; write an amount in {unit} such as 0.2"
                )
                return
