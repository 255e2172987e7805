"""重启 When a process that died is started again: soon at first, later and later while it keeps dying. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_S = 0.5
MAX_S = 30.0
STEADY_S = 60.0  # one that ran for so long has earned a quick restart


@dataclass(frozen=True)
class Restarts:
    """重启计数: deaths in a row; ``again_at`` is when to start again (monotonic seconds), None while it runs."""

    deaths: int = 0
    started_at: float = 0.0
    again_at: float | None = None

    def started(self, now_s: float) -> Restarts:
        return replace(self, started_at=now_s, again_at=None)

    def died(self, now_s: float) -> Restarts:
        deaths = 1 if now_s - self.started_at >= STEADY_S else self.deaths + 1
        return replace(self, deaths=deaths, again_at=now_s + pause_s(deaths))

    def is_due(self, now_s: float) -> bool:
        return self.again_at is not None and now_s >= self.again_at


def pause_s(deaths: int) -> float:
    """Seconds before the start that follows the ``deaths``-th death in a row."""
    return float(min(MAX_S, FIRST_S * 2 ** min(deaths - 1, 16)))


def how_it_ended(code: int) -> tuple[str, str]:
    """(Chinese, English) for a process's return code."""
    if code < 0:
        return f"被信号 {-code} 终止", f"killed by signal {-code}"
    return f"退出，代码 {code}", f"exited with {code}"
