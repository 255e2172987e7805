"""The broker's files: limits that lose nothing, nobody anonymous, each station for itself."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from services.command.broker import (
    DEMO_USER,
    HASH_ROUNDS,
    MESSAGE_BYTES_MAX,
    BrokerUsers,
    access_list,
    broker_users,
    embedded_config,
    mosquitto_config,
    password_line,
)
from services.command.datadir import DataDir
from shared.pack.acl import SERVICES_USER
from shared.pack.model import Pack
from tests.support.packs import DISTRICT, tiny_pack
from tests.support.real import require_real


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return tiny_pack(tmp_path / "pack")


def in_earnest(pack: Pack) -> Pack:
    return replace(pack, district=replace(pack.district, status="Actual"))


def topics_of(acl: str, user: str) -> list[str]:
    found: list[str] = []
    current = ""
    for line in acl.splitlines():
        word, _, rest = line.partition(" ")
        if word == "user":
            current = rest
        elif word == "topic" and current == user:
            found.append(rest)
    return found


def test_mosquitto_drops_nothing_and_serves_loopback_alone() -> None:
    lines = mosquitto_config(Path("/d/broker"), 1884).splitlines()
    for wanted in (
        "listener 1884 127.0.0.1",
        "allow_anonymous false",
        "max_inflight_messages 1000",
        "max_queued_messages 0",
        "message_size_limit 262144",
        "persistence true",
        "password_file /d/broker/passwords",
        "acl_file /d/broker/acl",
    ):
        assert wanted in lines
    assert any(line.startswith("max_queued_bytes ") for line in lines)
    assert sum(line.startswith("listener") for line in lines) == 1
    assert "user root" not in lines
    assert "user root" in mosquitto_config(Path("/d/broker"), 1884, as_root=True).splitlines()


def test_passwords_are_stored_as_mosquitto_hashes_them() -> None:
    line = password_line("rain-01", "secret", b"twelve bytes")
    user, hashed = line.split(":")
    _, kind, rounds, salt, value = hashed.split("$")
    assert (user, kind, rounds) == ("rain-01", "7", str(HASH_ROUNDS))
    wanted = hashlib.pbkdf2_hmac("sha512", b"secret", base64.b64decode(salt), HASH_ROUNDS)
    assert base64.b64decode(value) == wanted
    assert "secret" not in line


def test_mosquitto_itself_takes_the_password_file(tmp_path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    require_real(tool, "mosquitto_passwd")
    path = tmp_path / "passwords"
    path.write_text(password_line("rain-01", "secret", b"twelve bytes") + "\n")
    done = subprocess.run([tool or "", "-D", str(path), "rain-01"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_in_an_exercise_one_user_speaks_for_all_stations_and_may_listen_for_releases(pack: Pack) -> None:
    acl = access_list(pack)
    demo = topics_of(acl, DEMO_USER)
    assert f"write fengsui/{DISTRICT}/+/readings" in demo
    assert f"read fengsui/{DISTRICT}/alerts/#" in demo
    assert f"read fengsui-x/{DISTRICT}/+/alerts/#" in demo
    assert not any(topic.startswith("write") and "alerts" in topic for topic in demo)
    assert topics_of(acl, "rain-01") == [
        f"write fengsui/{DISTRICT}/rain-01/readings",
        f"write fengsui/{DISTRICT}/rain-01/sl651",
        f"write fengsui/{DISTRICT}/rain-01/status",
        f"read fengsui/{DISTRICT}/rain-01/receipts",
    ]


def test_in_earnest_nobody_speaks_for_another(pack: Pack, tmp_path: Path) -> None:
    actual = in_earnest(pack)
    assert topics_of(access_list(actual), DEMO_USER) == []
    assert DEMO_USER not in broker_users(DataDir(tmp_path / "data"), actual).passwords
    assert set(broker_users(DataDir(tmp_path / "data"), pack).passwords) == {
        DEMO_USER,
        SERVICES_USER,
        *pack.stations,
    }


def test_the_embedded_broker_is_loopback_with_logins_and_a_raised_limit() -> None:
    config = tomllib.loads(embedded_config(BrokerUsers({"demo": "pw-1"}), 1884, 1885))
    assert config["v4"]["1"]["listen"] == "127.0.0.1:1884"
    assert config["v5"]["1"]["listen"] == "127.0.0.1:1885"
    for version in ("v4", "v5"):
        connections = config[version]["1"]["connections"]
        assert connections["max_payload_size"] == MESSAGE_BYTES_MAX
        assert connections["auth"] == {"demo": "pw-1"}
