"""接替评分 Who was told by text to stand in did act on their own line then; else the telephone had to ring. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.command.score.climb import LineJudge
from services.command.score.findings import Finding
from shared.vocabulary import Level


def judge_stand_ins(lines: Sequence[LineJudge]) -> Iterable[Finding]:
    """Of every text in place of a ring: whether the superior's own line acted at that instant on a level as bad."""
    own: dict[str, list[LineJudge]] = {}
    for line in lines:
        own.setdefault(line.told.person, []).append(line)
    for line in lines:
        for stood in line.spared:
            acted = max((_acted_at(each, stood.at) for each in own.get(stood.person, ())), default=0)
            if acted < max(stood.level.rank, Level.BLUE.rank):
                zh = f"{stood.person}：并未在处置同等事项，却只发短信、未拨电话"
                en = f"{stood.person} was told by text and not rung, and did not act on anything as bad"
                yield Finding(subject=line.told.name, at=stood.at, zh=zh, en=en)


def _acted_at(line: LineJudge, at: datetime) -> int:
    """The level acted on then; of several steps in one instant the worst, since their order is not told."""
    before = [level.rank for when, level in line.acting if when < at][-1:]
    return max([*before, *(level.rank for when, level in line.acting if when == at)], default=0)
