"""凭据 Keys of services and demo users, DATA/credentials.json, and the one-time login link (contract §1).

Only while the pack's status is Exercise do demo users, the file and the link exist. Under ``Actual`` they are taken
away: the accounts that an exercise left behind get keys that nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from services.command.datadir import DataDir, replace_file
from services.dispatch.accounts.service import demo_accounts
from shared.chance import new_token
from shared.ids import sha256_hex
from shared.pack.model import Pack
from shared.vocabulary import Role

SERVICES = ("warning", "dispatch", "resources")
DEMO_ROLES = tuple(role.value for role in Role if role is not Role.SERVICE)
FILE = "credentials.json"
LINKS = "links"
TOKEN_TIMEOUT_S = 10.0


def write_accounts(data: DataDir, pack: Pack) -> None:
    """DATA/secrets/accounts.json, which dispatch reads at its start: who may have a token, for which key."""
    entries: list[dict[str, Any]] = [
        {"username": name, "key": data.secret(f"service-{name}"), "roles": ["service"], "realms": ["*", "actual"]}
        for name in SERVICES
    ]
    if pack.district.is_exercise:
        for account in demo_accounts(pack):
            entries.append(
                {
                    "username": account.username,
                    "key": data.secret(f"user-{account.username}"),
                    "roles": list(account.roles),
                    "areas": list(account.areas),
                    "realms": list(account.realms),
                    "posts": list(account.posts),
                }
            )
    else:
        entries += [_locked(data, name) for name in DEMO_ROLES if (data.secrets / f"user-{name}").exists()]
        (data.root / FILE).unlink(missing_ok=True)
        forget_links(data)
    data.write_json("secrets/accounts.json", entries)


def _locked(data: DataDir, name: str) -> dict[str, Any]:
    """A demo user of an earlier exercise: no role, and a key that is thrown away."""
    return {"username": name, "key": new_token(), "roles": [], "areas": [], "realms": []}


@dataclass(frozen=True)
class Addresses:
    """地址: where this run's programs listen."""

    console: str
    warning: str
    dispatch: str
    resources: str
    mqtt_host: str
    mqtt_port: int
    mqtt_protocol: int


def fetch_tokens(data: DataDir, dispatch_url: str) -> dict[str, str]:
    """A token for each demo user, from the running dispatch."""
    tokens: dict[str, str] = {}
    with httpx.Client(timeout=TOKEN_TIMEOUT_S, trust_env=False) as http:
        for name in DEMO_ROLES:
            grant = {
                "grant_type": "client_credentials",
                "client_id": name,
                "client_secret": data.secret(f"user-{name}"),
            }
            answer = http.post(f"{dispatch_url}/v1/token", data=grant)
            answer.raise_for_status()
            tokens[name] = str(answer.json()["access_token"])
    return tokens


def credentials(
    addresses: Addresses, tokens: Mapping[str, str], user: str, password: str, keys: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What contract §1 says of DATA/credentials.json; ``protocol`` tells which MQTT the port speaks."""
    return {
        "console": addresses.console,
        "services": {
            "warning": addresses.warning,
            "dispatch": addresses.dispatch,
            "resources": addresses.resources,
        },
        "mqtt": {
            "host": addresses.mqtt_host,
            "port": addresses.mqtt_port,
            "username": user,
            "password": password,
            "protocol": addresses.mqtt_protocol,
        },
        "tokens": dict(tokens),
        "keys": dict(keys or {}),
    }


def new_link(data: DataDir, console_url: str, token: str) -> str:
    """一次性登录链接: good for one log-in as the token's user; earlier unused ones are taken back."""
    forget_links(data)
    folder = data.secrets / LINKS
    folder.mkdir(mode=0o700, exist_ok=True)
    code = new_token()
    replace_file(folder / sha256_hex(code.encode()), token.encode(), 0o600)
    return f"{console_url}/login?code={code}"


def forget_links(data: DataDir) -> None:
    folder = data.secrets / LINKS
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
