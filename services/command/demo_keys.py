"""演示签名密钥 Signing keys of the demo users, enrolled while the pack's status is Exercise (contract §1).

So that a newcomer can approve an alert by `fengsui key sign` and curl. Made once and kept in DATA/secrets; two demo
users never stand for one person, for two approvals ask for two persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from services.command.datadir import DataDir
from services.dispatch.accounts.service import demo_accounts
from shared.auth.keyfile import load_or_make
from shared.auth.keys import key_id_of, public_jwk
from shared.pack.model import Pack
from shared.vocabulary import Role

SIGNERS = (Role.ISSUER, Role.SECOND_ISSUER, Role.COMMANDER, Role.DUTY_OFFICER)
TIMEOUT_S = 10.0


def enrol_demo_keys(data: DataDir, pack: Pack, urls: Iterable[str], admin_token: str) -> dict[str, Any]:
    """Enrol at each service; ``{user: {key_id, person, jwk}}`` for credentials.json, the private part in it."""
    shown: dict[str, Any] = {}
    persons = persons_of(pack)
    headers = {"Authorization": f"Bearer {admin_token}"}
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, headers=headers) as http:
        for role in SIGNERS:
            jwk = _kept(data, role.value)
            for url in urls:
                if not _enrol(http, url, role.value, jwk, persons.get(role)):  # revoked since: another one
                    jwk = _kept(data, role.value, fresh=True)
                    _enrol(http, url, role.value, jwk, persons.get(role))
            shown[role.value] = {"key_id": key_id_of(jwk), "person": persons.get(role), "jwk": jwk}
    return shown


def persons_of(pack: Pack) -> dict[Role, str]:
    """Who each demo user is in the roster: the holder of its first post that is nobody else's here."""
    posts = {account.username: account.posts for account in demo_accounts(pack)}
    found: dict[Role, str] = {}
    for role in SIGNERS:
        held = (pack.roster[post].person for post in posts[role.value] if post in pack.roster)
        person = next((name for name in held if name and name not in found.values()), None)
        if person is not None:
            found[role] = person
    return found


def _kept(data: DataDir, name: str, *, fresh: bool = False) -> dict[str, str]:
    path = data.secrets / f"key-{name}.json"
    if fresh:
        path.unlink()
    return load_or_make(path)


def _enrol(http: httpx.Client, url: str, owner: str, jwk: Mapping[str, str], person: str | None) -> bool:
    """Whether it is enrolled now."""
    body = {"owner": owner, "person": person, "jwk": public_jwk(jwk), "name": "演示密钥"}
    answer = http.post(f"{url}/v1/keys", json=body)
    if answer.status_code == httpx.codes.CONFLICT:
        return False
    answer.raise_for_status()
    return True
