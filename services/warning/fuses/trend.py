"""趋势 What a fuse looks at, over time: each statistic of its rule at each of its stations, with the levels' bounds.

A rule compares windows of several lengths, so that one curve of readings would not say why it tripped: there is one
panel for each (metric, statistic, window), and in it the very value that the engine compares. Where the engine has no
value there is none here, and where it cannot say *false* the point is not ``sure``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.warning.fuses.book import Fuse
from services.warning.fuses.probe import FALSE, TRUE, Both, Leaf, Probe, SeriesMap
from shared.vocabulary import Level, level_of_rank

LINES_MAX = 8  # stations of one panel, the highest first
PanelKey = tuple[str, str, str]  # metric, statistic, window


@dataclass(frozen=True)
class Point:
    """点: ``value`` None where the engine has none; ``sure`` where it could say true or false."""

    at_us: int
    value: Decimal | None
    sure: bool


@dataclass(frozen=True)
class Bound:
    """界限: at ``station`` alone where each has its own; ``joint``: only together with others (`all`)"""

    level: Level
    bound: Decimal
    upward: bool
    joint: bool
    station: str | None


@dataclass
class Panel:
    """图幅: one statistic over one window"""

    metric: str
    statistic: str
    window: str
    bounds: list[Bound] = field(default_factory=list)
    lines: dict[str, list[Point]] = field(default_factory=dict)


def panels(fuse: Fuse, series: SeriesMap, instants: Sequence[int]) -> list[Panel]:
    """The panels of one fuse at these instants, in the order of the rule's levels from the worst down."""
    found: dict[PanelKey, Panel] = {}
    leaves: dict[PanelKey, dict[str, Leaf]] = {}
    for station, gauge in sorted(fuse.gauges.items()):
        for rank in gauge.ranks:
            for leaf, joint in _leaves(gauge.levels[rank]):
                if not leaf.measured or leaf.bound is None:
                    continue
                key = (leaf.key[1], leaf.statistic.value, leaf.window)
                panel = found.setdefault(key, Panel(*key))
                leaves.setdefault(key, {}).setdefault(station, leaf)
                panel.bounds.append(Bound(level_of_rank(rank), leaf.bound, leaf.upward, joint, station))
    for key, panel in found.items():
        panel.bounds = _merged(panel.bounds)
        lines = {station: _line(leaf, series, instants) for station, leaf in leaves[key].items()}
        panel.lines = dict(sorted(lines.items(), key=_height, reverse=True)[:LINES_MAX])
        shown = [bound for bound in panel.bounds if bound.station is None or bound.station in panel.lines]
        panel.bounds = shown
    return list(found.values())


def _leaves(probes: Sequence[Probe]) -> Iterator[tuple[Leaf, bool]]:
    for probe in probes:
        if isinstance(probe, Both):
            yield from ((leaf, True) for leaf, _ in _leaves(probe.members))
        else:
            yield probe, False


def _line(leaf: Leaf, series: SeriesMap, instants: Sequence[int]) -> list[Point]:
    points = []
    for at in instants:
        verdict, value = leaf.reads(series, at)
        points.append(Point(at, value, verdict in (FALSE, TRUE)))
    return points


def _height(item: tuple[str, list[Point]]) -> Decimal:
    return max((point.value for point in item[1] if point.value is not None), default=Decimal("-Infinity"))


def _merged(bounds: Sequence[Bound]) -> list[Bound]:
    """The worst level first; of several for one level the one met first; what all stations share is said once."""
    met_first: dict[tuple[int, bool, str | None], Bound] = {}
    for bound in bounds:
        key = (-bound.level.rank, bound.joint, bound.station)
        known = met_first.get(key)
        if known is None or (bound.bound < known.bound) == bound.upward:
            met_first[key] = bound
    by_level: dict[tuple[int, bool], list[Bound]] = {}
    for (rank, joint, _), bound in sorted(met_first.items(), key=lambda item: item[0][:2]):
        by_level.setdefault((rank, joint), []).append(bound)
    shown: list[Bound] = []
    for held in by_level.values():
        shared = len({bound.bound for bound in held}) == 1
        shown += [replace(held[0], station=None)] if shared else held
    return shown
