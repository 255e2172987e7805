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
    """运行 Start everything, keep watch. From the environment: PACK DATA DSN SCHEMA PORT MQTT_PORT DRILL SPEED."""
    from services.command.run import run as run_all
    from services.command.settings import read_run_settings

    raise typer.Exit(run_all(read_run_settings()))


@app.command()
def serve(service: Annotated[Literal["warning", "dispatch", "resources", "console"], typer.Argument()]) -> None:
    """启动一个服务 One service; settings from FENGSUI_* in the environment."""
    from services.command.serve import Service
    from services.command.serve import serve as serve_one

    serve_one(Service(service))


@app.command()
def replay(
    directory: Annotated[Path, typer.Argument(help="区县包文件夹 the pack's folder")],
    readings: Annotated[Path, typer.Argument(help="读数表 station_id,metric,value,observed_at,…")],
    as_json: Annotated[bool, typer.Option("--json", help="每行一条记录 one record a line")] = False,
    until: Annotated[str | None, typer.Option(help="到何时为止 RFC 3339; default: the last known time")] = None,
) -> None:
    """回放 The pack's fuses over recorded readings, with the production engine."""
    from services.warning.replay.service import run_replay
    from shared.realm import parse_time

    try:
        end = parse_time(until) if until else None
    except ValueError as error:
        raise typer.BadParameter(f"--until: {error}") from None
    raise typer.Exit(run_replay(directory, readings, end, as_json, sys.stdout, sys.stderr))


@app.command()
def drill(
    name: Annotated[Literal["flood-night"], typer.Argument(help="剧本 the script")],
    data: Data = Path("data"),
    speed: Annotated[float, typer.Option(help="倍速; phones answer at the pace of SPEED of fengsui run")] = 60.0,
    hours: Annotated[
        float, typer.Option(min=0.05, max=24, help="演练多少小时后评分 hours of the drill's clock")
    ] = 10.0,
    allow: Annotated[
        float, typer.Option(min=0.1, max=60, help="一步可晚多少秒（墙上时钟）wall seconds that a step may be late")
    ] = 2.0,
    score: Annotated[bool, typer.Option("--score", help="只评分 play nothing, judge the drill as it stands")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="不讲时间线 no timeline, the sheet alone")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 the sheet as one JSON object")] = False,
) -> None:
    """演练 Play a drill against the running system, tell its timeline, print its score sheet; exit 0 passed, 1 not."""
    from datetime import timedelta

    from services.command.access import Access
    from services.command.drill import Wish, play
    from services.command.terminal import Terminal
    from shared.clock import SystemClock

    wish = Wish(
        script=name,
        speed=speed,
        lasts=timedelta(hours=hours),
        allow_s=allow,
        score_only=score,
        quiet=quiet or as_json,
        as_json=as_json,
    )
    terminal = Terminal(quiet=as_json)
    raise typer.Exit(play(Access(data.expanduser().absolute()), wish, terminal, SystemClock()))


@app.command()
def prepare(
    pack: Annotated[Path, typer.Argument(help="区县包文件夹 the pack's folder")],
    data: Data = Path("data"),
    database_host: Annotated[str, typer.Option(help="数据库主机 as the services reach it")] = "postgres",
) -> None:
    """准备部署 Keys, broker passwords, access list, the frozen pack: before the first start; safe to repeat."""
    from services.command.prepare import prepare as write

    made = write(pack, data.expanduser().absolute(), database_host)
    typer.echo(f"{made.district.name_zh} {made.version}: 已就绪 ready in {data}")


@db_app.command("upgrade")
def db_upgrade(
    data: Data = Path("data"),
    dsn: Annotated[
        str,
        typer.Option(envvar="DSN", show_envvar=True, help="PostgreSQL postgresql+psycopg://…; one schema a service"),
    ] = "",
    schema: Annotated[str, typer.Option(envvar="SCHEMA", help="模式前缀 leads the schemas' names")] = "",
) -> None:
    """升级 Bring the three stores to the newest revision; those of DATA, or of a PostgreSQL."""
    from services.command.databases import SERVICES, read_databases

    databases = read_databases(data.expanduser().absolute(), {"DSN": dsn, "SCHEMA": schema})
    for name in SERVICES:
        databases.upgrade(name)
        typer.echo(f"{name}: 已是最新 up to date（{databases.kind}）")


def main() -> int:
    """The console script. What loads the services' rules is added only when it is wanted."""
    wanted = sys.argv[1:2]
    if wanted in ([], ["pack"], ["--help"]):
        from services.command.pack import app as pack_app

        app.add_typer(pack_app, name="pack")
    if wanted in ([], ["cap"], ["--help"]):
        from services.command.cap import app as cap_app

        app.add_typer(cap_app, name="cap")
    if wanted in ([], ["key"], ["--help"]):
        from services.command.key import app as key_app

        app.add_typer(key_app, name="key")
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
