"""读取条件 The ``levels`` of a rule: any-of lists of conditions, `all` nests (contract §4)."""

from __future__ import annotations

from typing import Any

from services.warning.fuses import quantity
from services.warning.fuses.report import Report
from services.warning.fuses.rule import AllOf, Bound, Condition, Node, Op, Statistic
from shared.pack.located import Located
from shared.pack.model import Pack
from shared.vocabulary import Level

STATISTICS = tuple(statistic.value for statistic in Statistic)
OPS = tuple(op.value for op in Op)
FIELDS = (*STATISTICS, *OPS, "metric", "all")
LATER = {
    "forecast": "conditions on a forecast are not implemented in this version; remove it",
    "notice": "conditions on a notice are not implemented in this version; remove it",
}
EXAMPLE = "{sum: 3h, at_least: 50}"
DEPTH_MAX = 8
CONDITIONS_MAX = 50  # of one level


def read_levels(pack: Pack, rule: Located, metric: str, report: Report) -> dict[Level, tuple[Node, ...]]:
    """The rule's levels from the lowest up, each with its any-of list."""
    section = rule.get("levels")
    if section is None:
        return {}
    if not isinstance(section, Located) or not section:
        report.field(rule, "levels", f"must be a mapping of levels to lists, such as red: [{EXAMPLE}]")
        return {}
    names = [level.value for level in Level if level is not Level.NORMAL]
    report.known(section, names)
    reader = _Conditions(pack, metric, report)
    found: dict[Level, tuple[Node, ...]] = {}
    for name in names:
        if name in section:
            nodes = reader.any_of(section, name, 0)
            if nodes:
                found[Level(name)] = nodes
    return found


class _Conditions:
    def __init__(self, pack: Pack, metric: str, report: Report) -> None:
        self.pack = pack
        self.metric = metric
        self.report = report

    def any_of(self, owner: Located, name: str, depth: int) -> tuple[Node, ...]:
        items = owner[name]
        if not isinstance(items, list) or not items:
            self.report.field(owner, name, f"must be a list of conditions such as [{EXAMPLE}]")
            return ()
        if len(items) > CONDITIONS_MAX or depth > DEPTH_MAX:
            self.report.field(owner, name, f"has over {CONDITIONS_MAX} conditions or {DEPTH_MAX} nested lists")
            return ()
        nodes = [self._node(owner, name, item, depth) for item in items]
        return tuple(node for node in nodes if node is not None)

    def _node(self, owner: Located, name: str, item: Any, depth: int) -> Node | None:
        if not isinstance(item, Located):
            self.report.field(owner, name, f"'{item}' is no condition; write {EXAMPLE}")
            return None
        self.report.known(item, FIELDS, LATER)
        if "all" in item:
            if len(item) > 1:
                self.report.at(item.line, "all", "field 'all': stands alone; put the other fields inside its list")
                return None
            return AllOf(self.any_of(item, "all", depth + 1))
        return self._condition(item)

    def _condition(self, item: Located) -> Condition | None:
        before = self.report.count
        statistics = [key for key in item if key in STATISTICS]
        ops = [key for key in item if key in OPS]
        if len(statistics) != 1:
            self.report.at(item.line, None, f"a condition needs one of {', '.join(STATISTICS)}; write {EXAMPLE}")
        if len(ops) != 1:
            self.report.at(item.line, None, f"a condition needs one of {', '.join(OPS)}; write {EXAMPLE}")
        metric = self._metric(item)
        if self.report.count > before or not (statistics and ops):
            return None
        window_s = self._window(item, Statistic(statistics[0]), metric)
        bound = self._bound(item, ops[0])
        if self.report.count > before or window_s is None or bound is None:
            return None
        text = str(item[statistics[0]])
        return Condition(metric, Statistic(statistics[0]), window_s, text, Op(ops[0]), bound)

    def _metric(self, item: Located) -> str:
        value = item.get("metric", self.metric)
        if "metric" in item and not (isinstance(value, str) and value in self.pack.metrics):
            self.report.choice(item, "metric", value, self.pack.metrics, "metrics.csv has")
        elif "metric" in item and not any(value in s.metrics for s in self.pack.stations.values()):
            self.report.field(item, "metric", f"no station in stations.csv measures '{value}'")
        return str(value)

    def _window(self, item: Located, statistic: Statistic, metric: str) -> int | None:
        value = item[statistic.value]
        if statistic is Statistic.VALUE:
            if value != "latest":
                self.report.field(item, "value", f"'{value}' is not possible; write value: latest")
                return None
            return 0
        window_s = quantity.duration_s(value)
        if not window_s:
            self.report.field(item, statistic.value, f"'{value}' is no window; write 10min, 3h, 1d or 1h30min")
            return None
        known = self.pack.metrics.get(metric)
        if statistic is Statistic.SUM and known is not None and known.kind == "level":
            self.report.field(item, "sum", f"'{metric}' is of kind level and has no sum; use value, max, mean or rise")
            return None
        return window_s

    def _bound(self, item: Located, op: str) -> Bound | None:
        value = item[op]
        number = quantity.number(value)
        if number is not None:
            return Bound(number)
        column = quantity.station_column(value)
        if column is None:
            self.report.field(item, op, f"'{value}' is no bound; write 50, station.COLUMN or station.COLUMN+0.5")
            return None
        name, offset = column
        if not self._column_is_numeric(item, op, name):
            return None
        return Bound(offset, name)

    def _column_is_numeric(self, item: Located, op: str, name: str) -> bool:
        stations = self.pack.stations.values()
        headers = dict.fromkeys(header for station in stations for header in station.columns)
        if stations and name not in headers:
            known = [f"station.{header}" for header in headers]
            self.report.choice(item, op, f"station.{name}", known, "stations.csv has")
            return False
        for station in stations:
            text = station.columns.get(name, "").strip()
            if text and quantity.cell(text) is None:
                wrong = f"station.{name} is '{text}' at station {station.station_id}"
                self.report.field(item, op, f"{wrong}; it must be a number or empty")
                return False
        return True
