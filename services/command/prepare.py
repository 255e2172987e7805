"""准备部署 ``fengsui prepare``: what containers or a process manager need before the services first start.

Into DATA: the pack frozen by its hash and its name in ``pack``, the services' keys, the broker's passwords and access
list, and the database's password. Run again it keeps every secret and takes in what is new in the pack.
"""

from __future__ import annotations

from pathlib import Path

from services.command.broker import access_list, broker_users, password_line
from services.command.credentials import SERVICES, write_accounts
from services.command.datadir import DataDir, replace_file
from services.command.pack import check_pack
from shared.chance import new_token
from shared.errors import Invalid
from shared.pack.canonical import copy_definitions
from shared.pack.model import Pack

DATABASE = "fengsui"
DATABASE_PORT = 5432


def prepare(pack_dir: Path, root: Path, database_host: str) -> Pack:
    """Write everything; the pack that was checked."""
    pack, problems = check_pack(pack_dir)
    if pack is None:
        raise Invalid("\n".join(f"{pack_dir}/{problem}" for problem in problems))
    data = DataDir(root)
    data.refuse_other_district(pack.district.code)
    copy_definitions(pack_dir, data.packs, pack.version)
    write_accounts(data, pack)
    for name in SERVICES:
        data.secret(f"service-{name}")
    _broker(data, pack)
    password = data.secret("postgres")
    (root / "database").mkdir(mode=0o700, exist_ok=True)
    replace_file(root / "database" / "password", password.encode(), 0o600)
    pgpass = f"{database_host}:{DATABASE_PORT}:{DATABASE}:{DATABASE}:{password}\n"
    replace_file(data.secrets / "pgpass", pgpass.encode(), 0o600)
    data.keep_district(pack.district.code)
    replace_file(root / "pack", pack.version.encode() + b"\n", 0o644)
    return pack


def _broker(data: DataDir, pack: Pack) -> None:
    """A user for each station and one for the services; who may read and write what."""
    folder = data.root / "broker"
    folder.mkdir(mode=0o700, exist_ok=True)
    users = broker_users(data, pack)
    lines = [password_line(name, password, new_token(9).encode()) for name, password in users.passwords.items()]
    replace_file(folder / "passwords", ("\n".join(lines) + "\n").encode(), 0o600)
    replace_file(folder / "acl", access_list(pack).encode(), 0o600)
