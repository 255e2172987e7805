"""区县包命令 ``fengsui pack check | new | format | acl | activate``; a refusal says file, line and what would be right.

Exit 0 done, 1 refused input, 2 wrong usage (contract §1). `CHECKERS` is where each service adds what only it can
judge; `shared.pack` knows no service.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from services.command.datadir import DataDir
from services.dispatch.callouts.clocks import FILE as CALLOUTS_FILE
from services.dispatch.callouts.clocks import read_clocks
from services.warning.fuses.rules import read_rules
from shared.errors import Invalid
from shared.http.client import FixedToken, Permanent, ServiceClient, Transient
from shared.ids import is_id
from shared.pack.acl import SERVICES_USER, acl_text
from shared.pack.canonical import copy_definitions, format_pack
from shared.pack.load import load_pack
from shared.pack.located import Problem
from shared.pack.model import Pack
from shared.pack.scaffold import scaffold
from shared.pack.version import openings_of

REFUSED = 1

Checker = Callable[[Pack], list[Problem]]


def _check_callouts(pack: Pack) -> list[Problem]:
    return read_clocks(pack.documents[CALLOUTS_FILE], pack)[1]


def _check_rules(pack: Pack) -> list[Problem]:
    return read_rules(pack)[1]


CHECKERS: tuple[Checker, ...] = (_check_rules, _check_callouts)

app = typer.Typer(
    no_args_is_help=True,
    help="区县包：检查、新建、规整、权限表、启用 The district pack: check, new, format, acl, activate.",
)

Directory = Annotated[Path, typer.Argument(help="区县包文件夹 the pack's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="机器可读 one JSON object")]


def check_pack(directory: Path) -> tuple[Pack | None, list[Problem]]:
    """查区县包 The files and what every service says of them; the pack only if nothing is wrong."""
    pack, problems = load_pack(directory)
    if pack is None:
        return None, problems
    for checker in CHECKERS:
        problems = [*problems, *checker(pack)]
    return (None if problems else pack), problems


def notes_on(pack: Pack) -> list[str]:
    """提示 What a valid pack still lacks: shown, never refused, because at night it is shown as a gap too."""
    notes = [f"岗位 {post.post} 无人 nobody holds it" for post in pack.roster.values() if not post.person]
    notes += [
        f"岗位 {post.post} 无电话 no voice number"
        for post in pack.roster.values()
        if not any(channel in ("voice", "satphone") for channel, _ in post.contacts)
    ]
    led = {duty.object for duty in pack.duties if duty.role in ("head", "warden")}
    notes += [
        f"{region.name} {region.code} 无负责人 no head or warden in duties.csv"
        for region in pack.regions.values()
        if region.level != "group" and region.code not in led
    ]
    return notes


@app.command()
def check(directory: Directory, as_json: AsJson = False) -> None:
    """检查 Check everything; name file, line, field and remedy of what is wrong."""
    pack, problems = check_pack(directory)
    notes = notes_on(pack) if pack else []
    if as_json:
        found = [{"file": p.file, "line": p.line, "field": p.field, "message": p.message} for p in problems]
        version = pack.version if pack else None
        _print_json({"valid": pack is not None, "version": version, "problems": found, "notes": notes})
    elif pack is not None:
        typer.echo(f"{pack.district.name_zh} {pack.district.code} {pack.district.status} {pack.version}")
        typer.echo(
            f"{len(pack.regions)} regions, {len(pack.stations)} stations, {len(pack.roster)} posts, "
            f"{len(pack.measures)} measures, {len(pack.shelters)} shelters: 合格 good"
        )
        for note in notes:
            typer.echo(f"提示 note: {note}")
    if pack is None:
        _refuse([] if as_json else problems)


@app.command()
def new(
    directory: Directory,
    code: Annotated[str, typer.Option(help="区县代码 six digits")] = "999901",
    name_zh: Annotated[str, typer.Option(help="中文名")] = "示例区",
    name_en: Annotated[str, typer.Option(help="English name")] = "Example District",
) -> None:
    """新建 Write the smallest valid pack to start from, all of it 演示数据."""
    if not is_id(code) or any(mark in f"{name_zh}{name_en}" for mark in '",:#{}\n'):
        raise typer.BadParameter("a code is A-Z a-z 0-9 _ -, and names are letters and spaces")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        _refuse([Problem(str(directory), 1, "is not an empty folder; name a new one")])
    for name, text in scaffold(code, name_zh, name_en).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(f"{directory}: 已新建 written; next: fengsui pack check {directory}")


@app.command("format")
def format_(directory: Directory) -> None:
    """规整 Canonical form: encoding, line ends, quotes, column order; rows stay in their order."""
    changed, problems = format_pack(directory)
    for name in changed:
        typer.echo(name)
    if problems:
        _refuse(problems)


@app.command()
def acl(
    directory: Directory,
    services_user: Annotated[str, typer.Option(help="服务的用户名 the services' broker user")] = SERVICES_USER,
) -> None:
    """权限表 Print the broker's access list (Mosquitto): each station for itself, the services for all."""
    pack, problems = load_pack(directory)
    if pack is None:
        _refuse(problems)
        return
    try:
        typer.echo(acl_text(pack, services_user), nl=False)
    except Invalid as error:
        raise typer.BadParameter(error.en) from error


@app.command()
def activate(
    directory: Directory,
    data: Annotated[Path, typer.Option(help="数据目录 the data folder", envvar="DATA")] = Path("data"),
) -> None:
    """启用 Put a new version into service: checked, kept by its hash, then activated on the running system.

    Trips, cases and orders that are open keep the version that they began with. Stock, persons and contacts are
    openings: a version that is already here keeps those it was first read with, and a difference is said.
    """
    pack, problems = check_pack(directory)
    if pack is None:
        _refuse(problems)
        return
    kept_in = DataDir(data.expanduser().absolute())
    kept_in.refuse_other_district(pack.district.code)
    packs = kept_in.packs
    kept = copy_definitions(directory, packs, pack.version)
    if openings_of(kept) != openings_of(directory):
        typer.echo(
            "提示 note: 库存、人员或联系方式与首次读入的不同，未改动；请按盘点和通讯录变更逐项录入\n"
            "stock, persons or contacts differ from what was first read and were not changed: enter counts and contacts"
        )
    _call_activate(data, pack.version)
    typer.echo(f"{pack.district.name_zh} {pack.version}: 已启用 active")


def _call_activate(data: Path, version: str) -> None:
    """Ask warning, the owner of rule activations, with the administrator's token; say what it answered."""
    path = data.expanduser().absolute() / "credentials.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        url, token = found["services"]["warning"], found["tokens"]["admin"]
    except (OSError, ValueError, KeyError):
        _refuse([Problem(str(path), 1, "is not there or not whole; name the DATA folder of the running system")])
        return
    try:
        ServiceClient(url, FixedToken(token)).call("POST", "/v1/packs/activate", json={"version": version})
    except (Transient, Permanent) as error:
        typer.echo(f"{url}: {error.en}", err=True)
        raise typer.Exit(REFUSED) from error


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _refuse(problems: list[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(REFUSED)
