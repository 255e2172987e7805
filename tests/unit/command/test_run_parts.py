"""The pure parts of `fengsui run`: settings, ports, restarts, the data folder, the drill's name."""

from __future__ import annotations

import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from services.command.datadir import DataDir, DataInUse
from services.command.drill import _is_over
from services.command.pack import activate
from services.command.ports import Choice, Claims, choose
from services.command.prepare import prepare
from services.command.restart import MAX_S, STEADY_S, Restarts, how_it_ended, pause_s
from services.command.run import run
from services.command.settings import SAMPLE_PACK, read_run_settings
from shared.errors import OtherDistrict
from shared.realm import parse_time
from shared.settings import SettingError, check_dsn
from tests.support.packs import write_pack

NOW = parse_time("2026-06-28T03:05:00Z")


def test_settings_of_the_contract() -> None:
    settings = read_run_settings({})
    assert (settings.port, settings.mqtt_port, settings.drill, settings.speed) == (8000, 1883, "flood-night", 60)
    assert settings.pack == SAMPLE_PACK
    assert settings.data.name == "data"
    settings = read_run_settings({"PORT": "8100", "MQTT_PORT": "1884", "DRILL": "none", "SPEED": "1.5", "DATA": "/x"})
    assert (settings.port, settings.mqtt_port, settings.drill, settings.speed) == (8100, 1884, None, 1.5)
    assert settings.data == Path("/x")
    assert read_run_settings({"DRILL": "none"}).speed == 1
    assert read_run_settings({"BROKER": "embedded"}).embedded_broker


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "80x"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "８０００"),
        ("MQTT_PORT", "-1"),
        ("DRILL", "storm"),
        ("BROKER", "rabbit"),
        ("SPEED", "0"),
        ("SPEED", "nan"),
        ("SPEED", "3601"),
        ("SPEED", "fast"),
        ("DSN", "postgresql://fengsui:geheim@h/d"),
        ("DSN", "sqlite:////tmp/x.db"),
        ("SCHEMA", "Drill"),
        ("SCHEMA", "a;drop"),
        ("SCHEMA", "a" * 41),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name) as refused:
        read_run_settings({name: value})
    assert "geheim" not in refused.value.en + refused.value.zh


def test_the_stores_are_files_in_data_or_schemas_of_one_postgresql() -> None:
    files = read_run_settings({"DATA": "/x"}).databases
    assert files.kind == "SQLite"
    assert files.settings_of("warning") == {"DSN": "sqlite:////x/warning.db"}
    dsn = "postgresql+psycopg://fengsui@h/d"
    assert read_run_settings({"DSN": dsn}).databases.settings_of("dispatch") == {"DSN": dsn, "SCHEMA": "dispatch"}
    ours = read_run_settings({"DSN": dsn, "SCHEMA": "drill"}).databases
    assert ours.settings_of("resources") == {"DSN": dsn, "SCHEMA": "drill_resources"}


@pytest.mark.parametrize("dsn", ["postgres://u:geheim@h/d", "warning.db"])
def test_a_service_refuses_a_database_that_it_cannot_speak_to(dsn: str) -> None:
    with pytest.raises(SettingError, match="FENGSUI_DSN") as refused:
        check_dsn(dsn, "FENGSUI_DSN")
    assert "geheim" not in refused.value.en + refused.value.zh


def test_taken_ports_are_replaced_and_said() -> None:
    taken = {8000, 8004, 1883}
    chosen = choose(
        [("console", 8000), ("warning", 8001), ("dispatch", 8002), ("resources", 8003), ("MQTT", 1883)],
        free=lambda port: port not in taken,
    )
    assert [choice.port for choice in chosen] == [8005, 8001, 8002, 8003, 1884]
    said = chosen[0].said()
    assert said is not None
    assert "8000" in said
    assert "8005" in said
    assert Choice("x", 1, 1).said() is None


def test_no_two_get_the_same_port() -> None:
    chosen = choose([("a", 9000), ("b", 9000), ("c", 9000)], free=lambda _: True)
    assert len({choice.port for choice in chosen}) == 3


WANTED = [("console", 8000), ("warning", 8001), ("MQTT", 1883), ("exchange", 8100)]


def test_runs_that_start_at_the_same_moment_choose_different_ports(tmp_path: Path) -> None:
    """Nothing listens yet anywhere: only what each holds keeps them apart."""
    runs = [Claims(tmp_path / "claims", free=lambda _: True) for _ in range(8)]
    begin = threading.Barrier(len(runs))

    def start(claims: Claims) -> list[int]:
        begin.wait()
        return [choice.port for choice in choose(WANTED, claims.take)]

    with ThreadPoolExecutor(len(runs)) as pool:
        ports = [port for chosen in pool.map(start, runs) for port in chosen]
    assert len(set(ports)) == len(runs) * len(WANTED)
    assert {8000, 8001, 1883, 8100} <= set(ports)
    for claims in runs:
        claims.release()
    assert [choice.port for choice in choose(WANTED, runs[0].take)] == [8000, 8001, 1883, 8100]
    runs[0].release()


def test_a_port_on_which_somebody_listens_is_no_claim(tmp_path: Path) -> None:
    mine, others = Claims(tmp_path, free=lambda port: port != 8000), Claims(tmp_path, free=lambda _: True)
    assert not mine.take(8000)
    assert others.take(8000)
    assert not mine.take(8000)
    others.release()


def test_no_free_port_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(OSError, match="PORT="):
        choose([("a", 9000)], free=lambda _: False)


def test_restarts_come_later_and_later_and_a_steady_run_is_forgiven() -> None:
    state = Restarts().started(0)
    assert not state.is_due(1e9)
    pauses = []
    now = 0.0
    for _ in range(12):
        state = state.died(now)
        assert state.again_at is not None
        pauses.append(state.again_at - now)
        assert not state.is_due(state.again_at - 0.01)
        now = state.again_at
        assert state.is_due(now)
        state = state.started(now)
    assert pauses == sorted(pauses)
    assert pauses[0] == pause_s(1) < 1
    assert pauses[-1] == MAX_S
    state = state.died(now + STEADY_S)
    assert state.deaths == 1


@pytest.mark.parametrize(("code", "word"), [(-9, "signal 9"), (1, "exited with 1"), (0, "exited with 0")])
def test_how_a_process_ended_is_said_in_both_languages(code: int, word: str) -> None:
    zh, en = how_it_ended(code)
    assert en.endswith(word)
    assert zh != en


def test_data_is_one_districts_for_good(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.refuse_other_district("500114")  # a new one, or one of which no service has taken a pack
    data.keep_district("500114")
    data.refuse_other_district("500114")
    other = write_pack(tmp_path / "other")
    settings = read_run_settings({"PACK": str(other), "DATA": str(data.root)})
    for command in (
        lambda: run(settings),
        lambda: prepare(other, data.root, "postgres"),
        lambda: activate(other, data.root),
    ):
        with pytest.raises(OtherDistrict, match="holds district 500114, the pack is of 999901") as refused:
            command()
        assert "属于区县 500114" in refused.value.zh
    assert list(data.packs.iterdir()) == []
    assert not (data.root / "credentials.json").exists()
    data.lock()  # and the lock is free again
    data.unlock()


def test_the_lock_refuses_a_second_run_and_names_the_first(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.lock()
    with pytest.raises(DataInUse, match=r"process [0-9]+"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_the_heartbeat_tells_when_the_system_was_last_alive(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    assert data.last_alive() is None
    data.beat(NOW)
    data.beat(NOW + timedelta(seconds=1))
    assert data.last_alive() == NOW + timedelta(seconds=1)
    (tmp_path / "alive").write_text("2026-06-28T03:")
    assert data.last_alive() is None


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    secret = data.secret("service-warning")
    assert len(secret) >= 24
    assert data.secret("service-warning") == secret
    assert data.secret("service-dispatch") != secret
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "service-warning").stat().st_mode) == 0o600
    path = data.write_json("credentials.json", {"名": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8")) == {"名": 1}


def test_a_drill_is_over_only_by_its_own_clock() -> None:
    assert not _is_over(None, NOW)
    assert not _is_over({"now": None}, NOW)
    assert not _is_over({"now": "2026-06-28T03:04:59Z"}, NOW)
    assert _is_over({"now": "2026-06-28T03:05:00Z"}, NOW)
