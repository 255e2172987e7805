"""Real children: started again when they die, stopped in order, and gone when the supervisor itself is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.command.datadir import DataDir
from services.command.supervisor import Spec, Supervisor
from shared.clock import SystemClock, poll_until
from tests.support.patience import PATIENCE_S

SLEEPER = "import signal, sys; print('up', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
)
KEEPER = """
import sys, time
from pathlib import Path
from services.command.datadir import DataDir
from services.command.supervisor import Spec, Supervisor
from shared.clock import SystemClock
supervisor = Supervisor(DataDir(Path(sys.argv[1])), SystemClock(), print)
supervisor.start(Spec(name="child", command=[sys.executable, "-c", sys.argv[2]]))
sys.stdin.read()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_up(data: DataDir, name: str, times: int = 1) -> bool | None:
    path = data.logs / f"{name}.log"
    return (path.exists() and path.read_text().count("up") >= times) or None


def is_gone(pid: int) -> bool | None:
    """Whether the process has ended (a zombie that nobody reaped has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z" or None
    except FileNotFoundError:
        return True


def test_what_dies_comes_back_and_is_said_in_one_line(tmp_path: Path) -> None:
    data, said = DataDir(tmp_path), []
    supervisor = Supervisor(data, SystemClock(), lambda zh, _: said.append(zh))
    supervisor.start(Spec(name="sleeper", command=python(SLEEPER)))
    assert poll_until(lambda: is_up(data, "sleeper"), PATIENCE_S)
    first = supervisor.pids()["sleeper"]
    os.kill(first, signal.SIGKILL)

    def back() -> bool | None:
        supervisor.tick()
        return is_up(data, "sleeper", 2)

    assert poll_until(back, PATIENCE_S)
    assert supervisor.pids()["sleeper"] != first
    assert len(said) == 1
    assert "sleeper 被信号 9 终止" in said[0]
    assert supervisor.last_lines("sleeper") == ["up", "up"]
    assert supervisor.stop() == []
    assert set(supervisor.pids()) == {"supervisor"}


def test_a_program_that_is_not_there_is_tried_again_later_and_later(tmp_path: Path) -> None:
    data, said = DataDir(tmp_path), []
    supervisor = Supervisor(data, SystemClock(), lambda zh, _: said.append(zh))
    supervisor.start(Spec(name="nothing", command=[str(tmp_path / "no-such-program")]))

    def twice() -> bool | None:
        supervisor.tick()
        return len(said) >= 2 or None

    assert poll_until(twice, PATIENCE_S)
    assert "0.5 秒" in said[0]
    assert "1 秒" in said[1]
    assert "no-such-program" in "\n".join(supervisor.last_lines("nothing"))
    supervisor.stop()


def test_what_does_not_listen_is_killed_and_named(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    supervisor = Supervisor(data, SystemClock(), lambda *_: None, stop_s=0.3)
    supervisor.start(Spec(name="stubborn", command=python(STUBBORN)))
    assert poll_until(lambda: is_up(data, "stubborn"), PATIENCE_S)
    assert supervisor.stop() == ["stubborn"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    keeper = subprocess.Popen([*python(KEEPER), str(tmp_path), SLEEPER], stdin=subprocess.PIPE)
    try:
        assert poll_until(lambda: is_up(data, "child"), PATIENCE_S)
        child = int((tmp_path / "pids.json").read_text().split('"child": ')[1].split("\n")[0])
        assert not is_gone(child)
    finally:
        keeper.kill()
        keeper.communicate()
    assert poll_until(lambda: is_gone(child), PATIENCE_S)
