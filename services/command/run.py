"""运行 ``fengsui run``: checks the pack, starts all, plays the drill, keeps watch until Ctrl-C (contract §1)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import httpx

from services.command import broker as brokers
from services.command import credentials as keys
from services.command.access import Access
from services.command.datadir import DataDir
from services.command.demo_keys import enrol_demo_keys
from services.command.drill import Drill, DrillRefused, start_drill
from services.command.environment import Wiring
from services.command.pack import check_pack
from services.command.ports import LOOPBACK, Choice, Claims, choose
from services.command.settings import RunSettings
from services.command.supervisor import Supervisor
from services.command.terminal import Terminal
from services.command.timeline import Follower
from shared.chance import new_uuid
from shared.clock import Clock, SystemClock
from shared.errors import FengsuiError
from shared.pack.canonical import copy_definitions
from shared.pack.model import Pack
from shared.realm import format_time

READY_S = 60.0
TICK_S = 0.2
BEAT_S = 0.2  # a drill at 60 loses at most twelve seconds of its clock to kill -9
TOKENS_AGAIN_S = 4 * 3600.0  # a third of a token's life
EXCHANGE_PORT = 8100
SECOND_MQTT_OFFSET = 1


class Stopped(Exception):
    """已停止 Ctrl-C or SIGTERM while starting."""


def run(settings: RunSettings, terminal: Terminal | None = None, clock: Clock | None = None) -> int:
    """Run until told to stop; the exit code."""
    terminal, clock = terminal or Terminal(), clock or SystemClock()
    pack, problems = check_pack(settings.pack)
    if pack is None:
        for problem in problems:
            print(f"{settings.pack}/{problem}", file=sys.stderr)
        return 1
    data = DataDir(settings.data)
    data.lock()
    try:
        data.refuse_other_district(pack.district.code)
        return _Run(settings, pack, data, terminal, clock).main()
    finally:
        data.unlock()


class _Run:
    """One run of the whole system."""

    def __init__(self, settings: RunSettings, pack: Pack, data: DataDir, terminal: Terminal, clock: Clock) -> None:
        self.settings, self.pack, self.data = settings, pack, data
        self.terminal, self.clock = terminal, clock
        self.boot = new_uuid()[:8]
        self.stopped_at = data.last_alive()
        self.supervisor = Supervisor(data, clock, terminal.say)
        self.claims = Claims()
        self._stop = threading.Event()
        self._beaten = 0.0
        self._tokens_at = 0.0

    def main(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        follower: Follower | None = None
        try:
            copy_definitions(self.settings.pack, self.data.packs, self.pack.version)
            keys.write_accounts(self.data, self.pack)
            self.terminal.say("检查数据库…", "bringing the stores up to date")
            self._upgrade()
            wiring = self._wiring()
            self._start(wiring)
            drill = self._open(wiring)
            if self.pack.district.is_exercise:
                follower = Follower(
                    self.terminal,
                    Access(self.data.root),
                    self.pack,
                    drill.realm if drill else self.pack.district.default_realm,
                    self.clock,
                    fresh=drill is not None and not drill.resumed,
                    tells_rain=drill is not None,
                )
                follower.start()
            self._watch(wiring)
        except Stopped:
            pass
        except FengsuiError as error:
            self.terminal.say(error.zh, error.en if error.en != error.zh else "")
            return 1
        finally:
            if follower is not None:
                follower.stop()
            self._shut_down()
            self.claims.release()
        return 0

    # -- start -------------------------------------------------------------------------------------------

    def _upgrade(self) -> None:
        command = [sys.executable, "-m", "services", "db", "upgrade", "--data", str(self.data.root)]
        where = self.settings.databases
        env = {**os.environ, "DSN": where.dsn or "", "SCHEMA": where.prefix or ""}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)  # noqa: S603 - our own program
        if done.returncode != 0:
            raise FengsuiError(
                f"the stores cannot be upgraded: {done.stderr.strip()}", f"数据库升级失败：{done.stderr.strip()}"
            )

    def _wiring(self) -> Wiring:
        settings = self.settings
        binary = None if settings.embedded_broker else brokers.find_mosquitto()
        asked = [("值班台 console", settings.port)]
        asked += [(name, settings.port + number) for number, name in enumerate(keys.SERVICES, 1)]
        asked += [("MQTT", settings.mqtt_port), ("电话交换机 exchange", EXCHANGE_PORT)]
        if binary is None:
            asked.append(("MQTT 5", settings.mqtt_port + SECOND_MQTT_OFFSET))
        try:
            chosen = choose(asked, self.claims.take)
        except OSError as error:
            raise FengsuiError(str(error)) from error
        self._say_ports(chosen)
        ports = [choice.port for choice in chosen]
        users = brokers.broker_users(self.data, self.pack)
        if binary is not None:
            broker = brokers.prepare_mosquitto(binary, self.data, self.pack, users, ports[4])
        else:
            broker = brokers.prepare_embedded(self.data, users, ports[4], ports[6])
            self.terminal.say(
                "使用内嵌演示代理（无权限表，不落盘）；正式使用请安装 Mosquitto：apt install mosquitto",
                "demo broker: no access list, no disk; install Mosquitto for real use",
            )
        return Wiring(
            settings=settings,
            pack=self.pack,
            data=self.data,
            clock=self.clock,
            boot=self.boot,
            stopped_at=format_time(self.stopped_at) if self.stopped_at else None,
            broker=broker,
            users=users,
            console_port=ports[0],
            service_ports=dict(zip(keys.SERVICES, ports[1:4], strict=True)),
            exchange_port=ports[5],
        )

    def _say_ports(self, chosen: list[Choice]) -> None:
        for choice in chosen:
            if said := choice.said():
                self.terminal.line(f"烽燧 {said}")

    def _start(self, wiring: Wiring) -> None:
        name = self.pack.district.name_zh
        self.terminal.say(
            f"{name} {self.pack.district.code} 启动中（{self.pack.district.status}，数据在 {self.data.root}）",
            f"starting on {wiring.broker.kind} and {self.settings.databases.kind}",
        )
        self.supervisor.start(wiring.broker.spec)
        self._wait("broker", lambda: _listens(wiring.broker.port))
        for spec in wiring.specs():
            self.supervisor.start(spec)
        for service in ("dispatch", "resources", "console"):
            self._wait_ready(wiring, service)
        self.supervisor.start(wiring.warning_spec())
        self._wait_ready(wiring, "warning")

    def _wait_ready(self, wiring: Wiring, service: str) -> None:
        self._wait(service, lambda: _ready(wiring.url(service)))

    def _wait(self, name: str, probe: Callable[[], str | None]) -> None:
        """Until the probe finds nothing wrong; else name the process and show what its log says."""
        deadline = self.clock.monotonic() + READY_S
        while (wrong := probe()) is not None:
            if self.clock.monotonic() >= deadline:
                self.terminal.say(f"{name} 未能就绪：{wrong}", f"{name} is not ready after {READY_S:g} s")
                for line in self.supervisor.last_lines(name):
                    self.terminal.line(f"    {line}")
                path = self.supervisor.log_path(name)
                raise FengsuiError(f"{name} is not ready; its log is {path}", f"{name} 未就绪，日志见 {path}")
            self._pause()

    def _open(self, wiring: Wiring) -> Drill | None:
        """Credentials, the login link and the drill; none of them for a district in earnest."""
        self.data.keep_district(self.pack.district.code)
        self.terminal.say(f"全部就绪：值班台 {wiring.url('console')}", "all ready; the console is at this address")
        if not self.pack.district.is_exercise:
            return None
        tokens = self._write_credentials(wiring)
        link = keys.new_link(self.data, wiring.url("console"), tokens["duty_officer"])
        self.terminal.say(f"一次性登录 {link}", "this link logs in once")
        self.terminal.say(f"口令与令牌 {self.data.root / keys.FILE}", "credentials for mosquitto_pub and curl")
        if self.settings.drill is None:
            self.terminal.say("空闲运行（x-live，与墙上时钟同步）；Ctrl-C 停止", "idle; Ctrl-C stops it")
            return None
        try:
            drill = start_drill(Access(self.data.root), self.settings.drill, self.settings.speed)
        except DrillRefused as refused:  # a real red stands, or it interrupted the drill: live monitoring goes on
            self.terminal.say(f"{refused.zh}；系统空闲运行，Ctrl-C 停止", f"{refused.en}; idle, Ctrl-C stops it")
            return None
        for spec in wiring.demo_specs(drill.name):
            self.supervisor.start(spec)
        self.terminal.say(
            f"演练 {drill.realm} 开始，{drill.speed:g} 倍速，均为演示数据；Ctrl-C 停止",
            f"drill {drill.realm} at {drill.speed:g} times, made-up data; Ctrl-C stops it",
        )
        return drill

    def _write_credentials(self, wiring: Wiring) -> dict[str, str]:
        self._tokens_at = self.clock.monotonic()
        tokens = keys.fetch_tokens(self.data, wiring.url("dispatch"))
        urls = [wiring.url(service) for service in keys.SERVICES]
        signing = enrol_demo_keys(self.data, self.pack, urls, tokens["admin"])
        user = brokers.DEMO_USER
        body = keys.credentials(wiring.addresses(), tokens, user, wiring.users.of(user), signing)
        self.data.write_json(keys.FILE, body)
        return tokens

    # -- while it runs -----------------------------------------------------------------------------------

    def _watch(self, wiring: Wiring) -> None:
        while True:
            self._pause()
            if not self.pack.district.is_exercise:
                continue
            if self.clock.monotonic() - self._tokens_at >= TOKENS_AGAIN_S:
                try:
                    self._write_credentials(wiring)
                except httpx.HTTPError as error:
                    self.terminal.say("令牌未能更新，稍后再试", f"tokens not renewed yet: {type(error).__name__}")
                    self._tokens_at += 60

    def _pause(self) -> None:
        """A moment of watching: deaths, heartbeat, Ctrl-C."""
        if self._stop.wait(TICK_S):
            raise Stopped
        self.supervisor.tick()
        now = self.clock.monotonic()
        if now - self._beaten >= BEAT_S:
            self._beaten = now
            self.data.beat(self.clock.now())

    def _shut_down(self) -> None:
        self.terminal.say("正在停止…", "stopping")
        killed = self.supervisor.stop()
        if killed:
            self.terminal.say(f"强行终止：{', '.join(killed)}", "had to be killed")
        self.data.beat(self.clock.now())
        self.terminal.say("已停止，数据保留", "stopped; the data stays")


def _listens(port: int) -> str | None:
    import socket

    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return None
    except OSError as error:
        return str(error)


def _ready(url: str) -> str | None:
    """What `/readyz` says is wrong, or None."""
    try:
        answer = httpx.get(f"{url}/readyz", timeout=2, trust_env=False)
        if answer.status_code == 200:
            return None
        return "; ".join(f"{name}: {text}" for name, text in answer.json().get("wrong", {}).items()) or "not ready"
    except (httpx.HTTPError, ValueError) as error:
        return f"{type(error).__name__}"
