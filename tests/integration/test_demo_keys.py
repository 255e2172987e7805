"""A newcomer approves an alert from the shell: demo keys that `fengsui run` enrols, and `fengsui key sign`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.command.datadir import DataDir
from services.command.demo_keys import SIGNERS, enrol_demo_keys, persons_of
from services.command.key import app
from shared.auth.keyfile import write_private
from shared.auth.keys import key_id_of, new_private_jwk
from tests.support.alerts import RELEASED, raise_red
from tests.support.packs import loaded, write_pack
from tests.support.resources import sample_pack
from tests.support.warning import Bench, warning_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = write_pack(tmp_path / "pack")
    with warning_bench(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, folder, loaded(folder)) as made:
        yield made


def enrol(bench: Bench, data: DataDir) -> dict[str, Any]:
    return enrol_demo_keys(data, bench.pack, [bench.base], bench.token("admin", sub="admin"))


def to_sign(bench: Bench, alert_id: str) -> dict[str, Any]:
    sheet: dict[str, Any] = bench.get(f"/v1/alerts/{alert_id}/to-sign")
    return sheet


def signed(tmp_path: Path, sheet: dict[str, Any], *how: str) -> Any:
    return CliRunner().invoke(app, ["sign", "--data", str(tmp_path / "data"), *how], input=json.dumps(sheet))


def test_two_demo_keys_approve_what_the_shell_signs(bench: Bench, tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    keys = enrol(bench, data)
    assert enrol(bench, data) == keys  # the next start finds the same keys
    data.write_json("credentials.json", {"keys": keys})
    alert_id = raise_red(bench)
    for user in ("issuer", "second_issuer"):
        done = signed(tmp_path, to_sign(bench, alert_id), "--as", user, "--reason", "核对无误")
        assert done.exit_code == 0, done.output
        assert "headline" in done.stderr
        body = json.loads(done.stdout)
        bench.post(f"/v1/alerts/{alert_id}/approve", body, **bench.headers(user, sub=user))
    shown = bench.post(f"/v1/alerts/{alert_id}/released", RELEASED, **bench.headers("duty_officer"))
    assert shown["state"] == "released"


def test_what_does_not_belong_together_is_not_signed(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_private(path, new_private_jwk())
    sheet = to_sign(bench, raise_red(bench))
    assert signed(tmp_path, sheet, "--key", str(path)).exit_code == 0
    other = {**sheet, "message": {**sheet["message"], "level": "blue"}}
    for wrong in (other, {**sheet, "digest": "sha256:" + "0" * 64}, {"code": "unauthorized"}):
        done = signed(tmp_path, wrong, "--key", str(path))
        assert (done.exit_code, done.stdout) == (1, "")
    assert signed(tmp_path, sheet).exit_code == 2
    assert signed(tmp_path, sheet, "--as", "nobody").exit_code == 1


def test_a_revoked_demo_key_is_replaced(bench: Bench, tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    old = enrol(bench, data)["issuer"]["key_id"]
    bench.post(f"/v1/keys/{old}/revoke", {"reason": "遗失"})
    fresh = enrol(bench, data)["issuer"]
    assert fresh["key_id"] == key_id_of(fresh["jwk"]) != old


def test_demo_users_stand_for_different_persons() -> None:
    persons = persons_of(sample_pack())
    assert set(persons) == set(SIGNERS) - {"duty_officer"}
    assert len(set(persons.values())) == len(persons)
