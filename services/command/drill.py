"""演练 Begins a drill at warning, or goes on with the one that DATA holds; an ended one gets a new realm.

``fengsui drill`` plays it for so long of the drill's clock, then judges it: exit 0 passed, 1 not.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from deploy.demo.flood_night import END_MIN, NIGHT_MIN, START
from services.command.access import Access
from services.command.environment import demo_specs
from services.command.score.report import FAILED, score_of, tell
from services.command.score.sheet import ALLOW_S
from services.command.supervisor import Spec, leashed
from services.command.terminal import Terminal
from services.command.timeline import Follower
from shared.clock import Clock
from shared.errors import FengsuiError
from shared.pack.canonical import open_version, version_folder
from shared.pack.model import Pack
from shared.realm import format_time, parse_time

TIMEOUT_S = 10.0
NAMES_MAX = 1000
LASTS = timedelta(minutes=NIGHT_MIN)
"""How much of the drill's clock is played before it is judged: ten hours in ten minutes at 60."""
ASK_CLOCK_S = 1.0
LEAVE_S = 10.0
SCRIPTS = {"flood-night": (START, timedelta(minutes=END_MIN))}


class DrillRefused(FengsuiError):
    """演练未能开始"""

    code = "drill_refused"


@dataclass(frozen=True)
class Drill:
    """演练: ``name`` without the realm's ``x-``; ``resumed`` where DATA already held it."""

    name: str
    speed: float
    resumed: bool = False

    @property
    def realm(self) -> str:
        return f"x-{self.name}"


def start_drill(access: Access, script: str, speed: float) -> Drill:
    """The script's drill, begun or gone on with."""
    start, length = SCRIPTS[script]
    headers = {"Authorization": f"Bearer {access.token('admin')}"}
    with httpx.Client(base_url=access.url("warning"), timeout=TIMEOUT_S, trust_env=False, headers=headers) as http:
        there = {row["realm"]: row for row in _json(http.get("/v1/realm"))["realms"]}
        name = next(name for name in _names(script) if not _is_over(there.get(f"x-{name}"), start + length))
        row = there.get(f"x-{name}")
        if row is not None:
            _check_running(row)
            return Drill(name, float(row["speed"]), resumed=True)
        _json(http.post("/v1/realms", json={"name": name, "speed": speed, "v0": format_time(start)}))
    return Drill(name, speed)


def _names(script: str) -> list[str]:
    return [script, *(f"{script}-{number}" for number in range(2, NAMES_MAX))]


def _is_over(row: Any, end: datetime) -> bool:
    if row is None:
        return False
    return row.get("state") == "ended" or (row["now"] is not None and parse_time(row["now"]) >= end)


def _check_running(row: Any) -> None:
    """A drill that a real event interrupted goes on, or ends, only by an officer's act."""
    if row.get("state") != "interrupted":
        return
    why, realm = row["interruption"], row["realm"]
    raise DrillRefused(
        f"a real event interrupted {realm} at {why['since']}: {why['en']} ({why['trip_id']}); "
        f"an officer resumes or ends it: POST /v1/realms/{realm}/resume or /end",
        f"演练 {realm} 已于 {why['since']} 中止，真实险情：{why['zh']}；"
        f"由值班人员恢复或结束：POST /v1/realms/{realm}/resume 或 /end",
    )


def _json(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise DrillRefused(
            f"warning refuses the drill: {answer.status_code} {answer.text[:300]}",
            f"预警服务拒绝开始演练：{answer.status_code} {answer.text[:300]}",
        )
    return answer.json()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """演练要求: ``lasts`` of the drill's clock is played; ``score_only`` plays nothing and judges what there is."""

    script: str
    speed: float
    lasts: timedelta = LASTS
    allow_s: float = ALLOW_S
    score_only: bool = False
    quiet: bool = False
    as_json: bool = False


def play(access: Access, wish: Wish, terminal: Terminal, clock: Clock) -> int:
    """``fengsui drill``: play it against the running system, tell its timeline, print the score sheet.

    Ctrl-C ends the play early and judges what there is; a second one stops at once.
    """
    stop = _on_signal()
    pack = _frozen_pack(access)
    drill = running_drill(access, wish.script) if wish.score_only else start_drill(access, wish.script, wish.speed)
    with ExitStack() as stack:
        if not wish.score_only:
            specs = demo_specs(access.data, version_folder(access.data / "packs", pack.version), drill.name)
            programs = [stack.enter_context(_program(access, drill, spec)) for spec in specs]
            if not _play(access, wish, drill, pack, terminal, clock, stop, programs):
                return FAILED
            for program in programs:
                program.terminate()  # many stations: they take their leave while we judge
        stop.clear()
        terminal.say("评分…", "judging")
        sheet = score_of(access, drill.realm, pack, clock, stop.wait, wish.allow_s)
        return tell(sheet, pack.district.timezone, terminal.line, as_json=wish.as_json)


@contextmanager
def _program(access: Access, drill: Drill, spec: Spec) -> Iterator[subprocess.Popen[bytes]]:
    """The drill's stations, or its people; what they say goes to DATA/logs."""
    with (access.data / "logs" / f"drill-{drill.name}.log").open("ab") as output:
        program = subprocess.Popen(  # noqa: S603 - our own program
            leashed(spec), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            program.kill()  # what has no receipt stays in its queue
            program.wait()


def _play(
    access: Access,
    wish: Wish,
    drill: Drill,
    pack: Pack,
    terminal: Terminal,
    clock: Clock,
    stop: threading.Event,
    programs: Sequence[subprocess.Popen[bytes]],
) -> bool:
    """Whether stations and people played to the end; False where one of them died."""
    going_on = "继续 goes on" if drill.resumed else "开始 begins"
    until = SCRIPTS[wish.script][0] + wish.lasts
    at = until.astimezone(ZoneInfo(pack.district.timezone)).strftime("%m-%d %H:%M")
    terminal.say(
        f"演练 {drill.realm} {going_on}，{drill.speed:g} 倍速，至演练时间 {at}，均为演示数据",
        "made-up data; Ctrl-C ends it early",
    )
    follower = Follower(terminal, access, pack, drill.realm, clock, fresh=not drill.resumed, tells_rain=True)
    if not wish.quiet:
        follower.start()
    asked = 0.0
    while not stop.wait(0.2) and all(program.poll() is None for program in programs):
        if clock.monotonic() - asked >= ASK_CLOCK_S:
            asked = clock.monotonic()
            now = _now_of(access, drill.realm)
            if now is not None and now >= until:
                break
    follower.stop()
    dead = next((program for program in programs if program.poll() is not None), None)
    if dead is not None:
        where = access.data / "logs" / f"drill-{drill.name}.log"
        terminal.say(f"演练播放中断，见 {where}", f"stations or people stopped with {dead.returncode}")
    return dead is None


def _on_signal() -> threading.Event:
    """Set at the first Ctrl-C; the second does what it does anywhere."""
    stop = threading.Event()

    def heard(*_: object) -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, heard)
    return stop


def _realms(access: Access) -> dict[str, Any]:
    answer = httpx.get(f"{access.url('warning')}/v1/realm", timeout=TIMEOUT_S, trust_env=False)
    return {row["realm"]: row for row in _json(answer)["realms"]}


def _now_of(access: Access, realm: str) -> datetime | None:
    """The drill's clock; None while it stands, or while nobody says it."""
    try:
        now = _realms(access)[realm]["now"]
    except (httpx.HTTPError, KeyError, FengsuiError):
        return None
    return parse_time(now) if now else None


def running_drill(access: Access, script: str) -> Drill:
    """The script's newest drill, to be judged as it stands."""
    there = _realms(access)
    begun = [name for name in _names(script) if f"x-{name}" in there]
    if not begun:
        raise DrillRefused(
            f"no drill {script} has begun here; fengsui drill {script} plays it", f"{script} 尚未开始，没有可评的"
        )
    return Drill(begun[-1], float(there[f"x-{begun[-1]}"]["speed"]), resumed=True)


def _frozen_pack(access: Access) -> Pack:
    """The version that the running system has in service."""
    version = _json(httpx.get(f"{access.url('warning')}/v1/realm", timeout=TIMEOUT_S, trust_env=False))["pack"]
    pack = open_version(access.data / "packs", str(version))
    if pack is None:
        raise DrillRefused(f"{access.data}: the pack in service ({version}) is not in this DATA; give its DATA")
    return pack
