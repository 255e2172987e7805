"""消息代理 The broker of `fengsui run`: Mosquitto where it is installed, else iotcore; loopback only, never anonymous.

Mosquitto's defaults (20 in flight, 1,000 queued) drop in silence while acknowledging publishers, so they are raised.
iotcore has no access list and no disk; the status pages call it the demo broker.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.command.datadir import DataDir, replace_file
from services.command.ports import LOOPBACK
from services.command.supervisor import Spec
from shared.chance import new_token
from shared.pack.acl import SERVICES_USER, acl_text
from shared.pack.model import Pack

DEMO_USER = "demo"
MESSAGE_BYTES_MAX = 262_144  # a station may send 64 KiB; a CAP file on a loudspeaker's topic is larger
QUEUED_BYTES_MAX = 256_000_000
INFLIGHT_MAX = 1_000
AUTOSAVE_S = 5  # saving on every change costs nine tenths of the speed; stations resend until the receipt anyway
SESSION_DAYS = 30
HASH_ROUNDS = (
    1_000  # the passwords are random tokens that no guessing finds; a district has hundreds of them at each start
)
MOSQUITTO_MAJOR_MIN = 2
OLD_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


@dataclass(frozen=True)
class BrokerUsers:
    """代理用户: name → password. The services' user, the stations, and in an exercise one for all stations."""

    passwords: Mapping[str, str]

    def of(self, user: str) -> str:
        return self.passwords[user]


@dataclass(frozen=True, kw_only=True)
class Broker:
    """代理: which program it is, how it is started, and which MQTT its port speaks (5, or 311 alone)."""

    spec: Spec
    port: int
    is_demo: bool
    protocol: int

    @property
    def kind(self) -> str:
        return "iotcore" if self.is_demo else "mosquitto"


def find_mosquitto() -> str | None:
    """Mosquitto 2 or newer on PATH or in /usr/sbin; older ones know neither our password hashes nor our limits."""
    found = shutil.which("mosquitto") or next((place for place in OLD_PLACES if Path(place).exists()), None)
    if found is None:
        return None
    shown = subprocess.run([found, "-h"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - found above
    version = re.search(r"mosquitto version (\d+)\.", shown.stdout + shown.stderr)
    return found if version and int(version[1]) >= MOSQUITTO_MAJOR_MIN else None


def broker_users(data: DataDir, pack: Pack) -> BrokerUsers:
    """Passwords made once and kept in DATA/secrets."""
    names = [SERVICES_USER, *sorted(pack.stations)]
    if pack.district.is_exercise:
        names.append(DEMO_USER)
    return BrokerUsers({name: data.secret(f"mqtt-{name}") for name in names})


def mosquitto_config(folder: Path, port: int, *, as_root: bool = False) -> str:
    """The configuration file. ``as_root`` only where root's own folder hides DATA from every other user."""
    lines = [
        "# written by `fengsui run` at each start",
        f"listener {port} {LOOPBACK}",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'acl'}",
        "persistence true",
        f"persistence_location {folder}/",
        f"autosave_interval {AUTOSAVE_S}",
        f"persistent_client_expiration {SESSION_DAYS}d",
        f"max_inflight_messages {INFLIGHT_MAX}",
        "max_queued_messages 0",
        f"max_queued_bytes {QUEUED_BYTES_MAX}",
        f"message_size_limit {MESSAGE_BYTES_MAX}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
    ]
    if as_root:
        lines.append("user root")
    return "\n".join(lines) + "\n"


def password_line(user: str, password: str, salt: bytes) -> str:
    """One line of Mosquitto's password file: PBKDF2-HMAC-SHA512, as mosquitto_passwd writes it."""
    hashed = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS)
    return f"{user}:$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(hashed).decode()}"


def access_list(pack: Pack) -> str:
    """The pack's list; in an exercise one user speaks for all stations, and may listen for what must stay silent."""
    if not pack.district.is_exercise:
        return acl_text(pack)
    code = pack.district.code
    listens = (f"fengsui/{code}/alerts/#", f"fengsui-x/{code}/+/alerts/#")
    more = "".join(f"topic read {topic}\n" for topic in listens)
    return f"{acl_text(pack, player_user=DEMO_USER)}\nuser {DEMO_USER}\n{more}"


def prepare_mosquitto(binary: str, data: DataDir, pack: Pack, users: BrokerUsers, port: int) -> Broker:
    """Write Mosquitto's files and say how to start it."""
    folder = data.root / "broker"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    user = _unprivileged_user(folder) if os.geteuid() == 0 else None
    lines = [password_line(name, password, new_token(9).encode()) for name, password in users.passwords.items()]
    files = {
        "mosquitto.conf": mosquitto_config(folder, port, as_root=os.geteuid() == 0 and user is None),
        "passwords": "\n".join(lines) + "\n",
        "acl": access_list(pack),
    }
    for name, text in files.items():
        replace_file(folder / name, text.encode(), 0o600)
    if user is not None:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    spec = Spec(name="broker", command=[binary, "-c", str(folder / "mosquitto.conf")], user=user)
    return Broker(spec=spec, port=port, is_demo=False, protocol=5)


def prepare_embedded(data: DataDir, users: BrokerUsers, port: int, mqtt5_port: int) -> Broker:
    """Write iotcore's file and say how to start it."""
    folder = data.root / "broker"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    path = folder / "iotcore.toml"
    replace_file(path, embedded_config(users, port, mqtt5_port).encode(), 0o600)
    spec = Spec(name="broker", command=[sys.executable, "-m", "services.command.embedded_broker", str(path)])
    return Broker(spec=spec, port=port, is_demo=True, protocol=311)


def embedded_config(users: BrokerUsers, port: int, mqtt5_port: int) -> str:
    """rumqttd's TOML: MQTT 3.1.1 on the port, 5 on a second one; its default limit of 20 KB a message raised."""
    parts = [
        "id = 0",
        "[router]\nid = 0\nmax_connections = 2000\nmax_outgoing_packet_count = 1000\n"
        "max_segment_size = 104857600\nmax_segment_count = 10",
    ]
    for section, number in (("v4", port), ("v5", mqtt5_port)):
        logins = "\n".join(f'"{name}" = "{password}"' for name, password in users.passwords.items())
        parts.append(
            f'[{section}.1]\nname = "{section}"\nlisten = "{LOOPBACK}:{number}"\nnext_connection_delay_ms = 1\n'
            f"[{section}.1.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = {MESSAGE_BYTES_MAX}\n"
            f"max_inflight_count = {INFLIGHT_MAX}\ndynamic_filters = true\n"
            f"[{section}.1.connections.auth]\n{logins}"
        )
    return "\n".join(parts) + "\n"


def _unprivileged_user(folder: Path) -> str | None:
    """Whom the broker becomes when we are root: its package's user, if that user can get into DATA at all."""
    try:
        entry = pwd.getpwnam("mosquitto")
    except KeyError:
        return None
    return entry.pw_name if all(_may_pass(parent, entry) for parent in folder.resolve().parents) else None


def _may_pass(directory: Path, entry: pwd.struct_passwd) -> bool:
    status = directory.stat()
    if status.st_uid == entry.pw_uid:
        return bool(status.st_mode & 0o100)
    return bool(status.st_mode & (0o010 if status.st_gid == entry.pw_gid else 0o001))
