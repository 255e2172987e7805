"""CAP 命令 ``fengsui cap check FILE…``: what a file says, what was repaired, what its producer should know.

Exit 0 when every file could be read, 1 when one was refused, 2 for wrong usage (contract §1). Signing and verifying
XML signatures is not in this version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.warning.alerts.cap_check import Checked, Severity, check
from services.warning.alerts.cap_tree import BYTES_MAX, CapRefused
from shared.ids import sha256_hex

REFUSED = 1

app = typer.Typer(no_args_is_help=True, help="CAP 预警文件：检查 alerts of others: check.")


@app.callback()
def _group() -> None:
    """Keeps ``check`` a subcommand while it is the only one."""


@app.command("check")
def check_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="CAP 文件")],
    as_json: Annotated[bool, typer.Option("--json", help="每个文件一行 one JSON object a line")] = False,
    bytes_max: Annotated[int, typer.Option(min=1_000, max=50_000_000, help="最大字节数 largest file read")] = BYTES_MAX,
) -> None:
    """检查 Read tolerantly, record each repair, find faults; errors on standard error as file:line: …"""
    refused = False
    for path in files:
        try:
            alerts = check(_read(path, bytes_max), bytes_max=bytes_max)
        except CapRefused as error:
            refused = True
            if as_json:
                _print(_refused_out(path, error))
            typer.echo(f"{path}:{error.line}: {error.message}", err=True)
            continue
        refused = refused or any(not alert.read for alert in alerts)
        if as_json:
            _print(_out(path, alerts))
        else:
            _tell(path, alerts)
        for alert in alerts:
            for finding in alert.errors:
                typer.echo(f"{path}:{finding.line}: {finding.message}", err=True)
    if refused:
        raise typer.Exit(REFUSED)


def _read(path: Path, bytes_max: int) -> bytes:
    """One byte more than the limit is enough to know; a file of 20 MB is not read to its end."""
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise CapRefused("too_large", 1, f"is {path.stat().st_size} bytes; at most {bytes_max} are read (--bytes-max)")
    return data


def _tell(path: Path, alerts: list[Checked]) -> None:
    for alert in alerts:
        state = "合格 valid" if alert.valid else "可读 read" if alert.read else "拒收 refused"
        infos: list[dict[str, Any]] = alert.alert.get("info", [])
        info = infos[0] if infos else {}
        what = info.get("headline") or info.get("event") or ""
        head = alert.alert
        said = " ".join(str(head.get(name, "?")) for name in ("identifier", "status", "msgType", "scope"))
        typer.echo(f"{path}:{alert.line}: {state}: {said} {what}".rstrip())
        for repair in alert.repairs:
            typer.echo(f"{path}:{repair.line}: 修复 repaired: {repair.message}")
        for finding in alert.findings:
            if finding.severity is not Severity.ERROR:
                zh = "警告" if finding.severity is Severity.WARNING else "提示"
                typer.echo(f"{path}:{finding.line}: {zh} {finding.severity.value}: {finding.message}")


def _out(path: Path, alerts: list[Checked]) -> dict[str, Any]:
    return {
        "file": str(path),
        "sha256": sha256_hex(path.read_bytes()),
        "read": all(alert.read for alert in alerts),
        "valid": all(alert.valid for alert in alerts),
        "refused": None,
        "alerts": [
            {
                "line": alert.line,
                "cap": alert.version,
                "valid": alert.valid,
                "read": alert.read,
                "repairs": [{"line": r.line, "code": r.code, "message": r.message} for r in alert.repairs],
                "findings": [
                    {"severity": f.severity.value, "line": f.line, "code": f.code, "message": f.message}
                    for f in alert.findings
                ],
                "alert": alert.alert,
            }
            for alert in alerts
        ],
    }


def _refused_out(path: Path, error: CapRefused) -> dict[str, Any]:
    why = {"code": error.code, "line": error.line, "message": error.message}
    return {"file": str(path), "sha256": None, "read": False, "valid": False, "refused": why, "alerts": []}


def _print(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, sort_keys=True))
