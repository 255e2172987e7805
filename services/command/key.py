"""密钥命令 ``fengsui key new NAME``: an Ed25519 key pair; the private part stays in one file of yours (0600).

``fengsui key sign`` signs what ``/to-sign`` gives, after showing it and checking that its bytes say the same:

    curl -H "$AUTH" $W/v1/alerts/$ID/to-sign | fengsui key sign --as issuer | curl -H "$AUTH" --json @- $W/…/approve
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.command.access import Access
from shared.auth.keyfile import read_private, write_private
from shared.auth.keys import canonical, digest_of, key_id_of, new_private_jwk, public_jwk, sign
from shared.errors import FengsuiError, Invalid
from shared.ids import is_id

REFUSED = 1
SHEET_BYTES_MAX = 1_000_000

app = typer.Typer(no_args_is_help=True, help="签名密钥 signing keys: new, sign.")


@app.command("new")
def new_key(
    name: Annotated[str, typer.Argument(help="谁的密钥 whose key, as in the user name")],
    out: Annotated[Path | None, typer.Option(help="私钥文件 where the private key goes; default NAME.key.json")] = None,
) -> None:
    """新密钥 Write the private key (0600) and print the public part, ready to enrol with POST /v1/keys."""
    if not is_id(name):
        raise typer.BadParameter("a name is of A-Z a-z 0-9 _ -, at most 64")
    path = out or Path(f"{name}.key.json")
    jwk = new_private_jwk()
    try:
        write_private(path, jwk)
    except FileExistsError:
        typer.echo(f"{path}:1: is there already; a key that somebody may sign with is never replaced", err=True)
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        typer.echo(f"{path}:1: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(REFUSED) from None
    typer.echo(json.dumps({"key_id": key_id_of(jwk), "owner": name, "jwk": public_jwk(jwk)}, sort_keys=True))
    typer.echo(f"私钥 private key: {path} (0600)；登记 enrol: POST /v1/keys {{owner, person, jwk}}", err=True)


@app.command("sign")
def sign_sheet(
    sheet: Annotated[
        Path | None, typer.Argument(help="/to-sign 的答复 what it answered; default standard input")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="私钥文件 a private key that key new made")] = None,
    user: Annotated[str | None, typer.Option("--as", help="演示用户 a demo user of DATA's credentials.json")] = None,
    data: Annotated[Path, typer.Option(help="数据目录 DATA of the running exercise", envvar="DATA")] = Path("data"),
    reason: Annotated[str, typer.Option(help="理由 the reason that is kept with it")] = "",
) -> None:
    """签名 Print the body of POST /v1/alerts/{id}/approve; what is signed is told on standard error."""
    try:
        jwk = _private(key, user, data)
        body = _signed(_sheet(sheet), jwk, reason)
    except FengsuiError as error:
        typer.echo(f"{sheet or '<stdin>'}:1: {error.en}", err=True)
        raise typer.Exit(REFUSED) from None
    typer.echo(json.dumps(body, ensure_ascii=False, sort_keys=True))


def _private(key: Path | None, user: str | None, data: Path) -> dict[str, str]:
    if (key is None) == (user is None):
        raise typer.BadParameter("give --key FILE or --as USER")
    if key is not None:
        try:
            return read_private(key)
        except OSError as error:
            raise Invalid(f"{key}: cannot be read: {error.strerror}") from None
    keys = Access(data).read()["keys"]
    if user not in keys:
        raise Invalid(f"{data}/credentials.json has no key of '{user}'; known are {', '.join(keys) or 'none'}")
    return dict(keys[user]["jwk"])


def _sheet(path: Path | None) -> dict[str, Any]:
    try:
        text = path.read_bytes() if path else sys.stdin.buffer.read(SHEET_BYTES_MAX)
        sheet = json.loads(text)
    except (OSError, ValueError) as error:
        raise Invalid(f"not the answer of /to-sign: {error}") from None
    if not isinstance(sheet, dict) or not {"message", "canonical", "digest", "act"} <= sheet.keys():
        code = sheet.get("code", "") if isinstance(sheet, dict) else ""
        raise Invalid(f"not the answer of /to-sign: canonical, digest, message are missing {code}".strip())
    return sheet


def _signed(sheet: Mapping[str, Any], jwk: Mapping[str, str], reason: str) -> dict[str, Any]:
    """Never signs bytes that say something else than the message that is shown."""
    message = sheet["message"]
    told = canonical(message)
    if told.decode("utf-8") != sheet["canonical"] or digest_of(told) != sheet["digest"]:
        raise Invalid("message, canonical and digest do not belong together; nothing is signed")
    for name in ("act", "level", "scope", "headline", "instruction"):
        typer.echo(f"{name}: {json.dumps(message.get(name), ensure_ascii=False)}", err=True)
    return {
        "act": sheet["act"],
        "digest": sheet["digest"],
        "key_id": key_id_of(jwk),
        "signature": sign(jwk, told),
        "reason": reason,
    }
