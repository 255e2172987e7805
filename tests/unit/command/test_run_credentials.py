"""Keys, tokens and links: in an exercise for a newcomer's first command, in earnest for nobody."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from services.command.credentials import DEMO_ROLES, FILE, Addresses, credentials, new_link, write_accounts
from services.command.datadir import DataDir
from shared.ids import sha256_hex
from shared.pack.model import Pack
from tests.support.packs import tiny_pack


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return tiny_pack(tmp_path / "pack")


def accounts(data: DataDir) -> dict[str, dict[str, object]]:
    entries = json.loads((data.secrets / "accounts.json").read_text(encoding="utf-8"))
    return {entry["username"]: entry for entry in entries}


def test_an_exercise_has_services_and_the_twelve_demo_users(tmp_path: Path, pack: Pack) -> None:
    data = DataDir(tmp_path / "data")
    write_accounts(data, pack)
    first = accounts(data)
    assert set(first) == {"warning", "dispatch", "resources", *DEMO_ROLES}
    assert len(DEMO_ROLES) == 12
    assert all("actual" not in str(first[name]["realms"]) for name in DEMO_ROLES)
    assert stat.S_IMODE((data.secrets / "accounts.json").stat().st_mode) == 0o600
    write_accounts(data, pack)
    assert accounts(data) == first


def test_in_earnest_nothing_of_an_exercise_is_left(tmp_path: Path, pack: Pack) -> None:
    data = DataDir(tmp_path / "data")
    write_accounts(data, pack)
    before = accounts(data)
    data.write_json(FILE, {})
    new_link(data, "http://127.0.0.1:8000", "token")
    actual = replace(pack, district=replace(pack.district, status="Actual"))
    write_accounts(data, actual)
    after = accounts(data)
    assert not (data.root / FILE).exists()
    assert not list((data.secrets / "links").iterdir())
    for name in DEMO_ROLES:
        assert after[name]["roles"] == []
        assert after[name]["key"] != before[name]["key"]


def test_a_fresh_system_in_earnest_has_no_demo_user(tmp_path: Path, pack: Pack) -> None:
    data = DataDir(tmp_path / "data")
    write_accounts(data, replace(pack, district=replace(pack.district, status="Actual")))
    assert set(accounts(data)) == {"warning", "dispatch", "resources"}


def test_a_new_link_takes_back_the_one_before(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    new_link(data, "http://x", "one")
    url = new_link(data, "http://x", "two")
    code = url.partition("code=")[2]
    kept = list((data.secrets / "links").iterdir())
    assert [path.name for path in kept] == [sha256_hex(code.encode())]
    assert kept[0].read_text() == "two"
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600


def test_the_file_is_as_the_contract_has_it() -> None:
    addresses = Addresses("http://c", "http://w", "http://d", "http://r", "127.0.0.1", 1883, 5)
    body = credentials(addresses, {"admin": "t"}, "demo", "pw")
    assert set(body) == {"console", "services", "mqtt", "tokens", "keys"}
    assert set(body["services"]) == {"warning", "dispatch", "resources"}
    assert set(body["mqtt"]) >= {"host", "port", "username", "password"}
    assert body["keys"] == {}
