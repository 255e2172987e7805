"""`fengsui` 命令 (contract §1). Each subcommand imports what it needs when it runs, so that ``--help`` is quick.

Exit 0 done, 1 refused input, 2 wrong usage; errors on standard error as ``file:line: …``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from shared.errors import FengsuiError
from shared.settings import SettingError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="烽燧 Fengsui: early warning, callout and response for a mountain district.",
)
db_app = typer.Typer(no_args_is_help=True, help="数据库 The three stores: upgrade.")
app.add_typer(db_app, name="db")

Data = Annotated[Path, typer.Option(help="数据目录 the data folder", envvar="DATA")]


@app.command()
def run() -> None:
    """运行 Start everything and keep watch. Reads PACK DATA PORT MQTT_PORT DRILL SPEED from the environment."""
    from services.command.run import run as run_all
    from services.command.settings import read_run_settings

    raise typer.Exit(run_all(read_run_settings()))


@app.command()
def serve(service: Annotated[Literal["warning", "dispatch", "resources", "console"], typer.Argument()]) -> None:
    """启动一个服务 One service; settings from FENGSUI_* in the environment."""
    from services.command.serve import Service
    from services.command.serve import serve as serve_one

    serve_one(Service(service))


@db_app.command("upgrade")
def db_upgrade(
    data: Data = Path("data"),
    dsn: Annotated[str | None, typer.Option(help="PostgreSQL; one schema a service")] = None,
) -> None:
    """升级 Bring the three stores to the newest revision; those of DATA, or of a PostgreSQL."""
    from services.command.databases import SERVICES, dsn_of, upgrade_store

    for name in SERVICES:
        upgrade_store(name, dsn or dsn_of(data.expanduser().absolute(), name), schema=name if dsn else None)
        typer.echo(f"{name}: 已是最新 up to date")


def main() -> int:
    """The console script. The pack's commands load the services' rules, so they are added only when they are wanted."""
    if sys.argv[1:2] in ([], ["pack"], ["--help"]):
        from services.command.pack import app as pack_app

        app.add_typer(pack_app, name="pack")
    try:
        app(prog_name="fengsui")
    except SettingError as error:
        print(f"{error.zh}\n{error.en}" if error.zh != error.en else error.en, file=sys.stderr)
        return 2
    except FengsuiError as error:
        print(error.zh if error.zh == error.en else f"{error.zh}\n{error.en}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
