"""密钥命令 ``fengsui key new NAME``: an Ed25519 key pair; the private part stays in one file of yours (0600)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shared.auth.keyfile import write_private
from shared.auth.keys import key_id_of, new_private_jwk, public_jwk
from shared.ids import is_id

REFUSED = 1

app = typer.Typer(no_args_is_help=True, help="签名密钥 signing keys: new.")


@app.callback()
def _group() -> None:
    """Keeps ``new`` a subcommand while it is the only one."""


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
