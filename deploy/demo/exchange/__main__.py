"""电话交换机 ``python -m deploy.demo.exchange``; see the package's docstring."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

import uvicorn

from deploy.demo.exchange.app import create_app
from deploy.demo.exchange.cast import read_cast
from deploy.demo.exchange.desk import Desk

SECRET_CHARS_MIN = 16


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; prints its address as soon as it listens."""
    parser = argparse.ArgumentParser(prog="deploy.demo.exchange", description="phone exchange of exercises (simulator)")
    parser.add_argument("--port", type=int, default=int(os.environ.get("EXCHANGE_PORT", "0")))
    parser.add_argument("--speed", type=float, default=float(os.environ.get("EXCHANGE_SPEED", "1")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("EXCHANGE_SEED", "1")))
    parser.add_argument("--cast", type=Path, default=None, help="YAML: who of the roster answers how")
    parser.add_argument("--roster", type=Path, default=None, help="the pack's roster.csv, which --cast speaks of")
    options = parser.parse_args(arguments)
    secret = os.environ.get("EXCHANGE_SECRET", "")
    if len(secret) < SECRET_CHARS_MIN:
        print(f"EXCHANGE_SECRET: give at least {SECRET_CHARS_MIN} characters", file=sys.stderr)
        return 2
    if options.speed <= 0:
        print("--speed must be more than 0", file=sys.stderr)
        return 2
    if (options.cast is None) != (options.roster is None):
        print("--cast and --roster are given together", file=sys.stderr)
        return 2
    try:
        people = read_cast(options.cast, options.roster) if options.cast else {}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    desk = Desk(secret, speed=options.speed, seed=options.seed, people=people)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))  # loopback only: this is a simulator
    except OSError as error:
        print(f"port {options.port} cannot be used: {error.strerror}; give another --port", file=sys.stderr)
        return 1
    print(f"exchange http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(create_app(desk), log_level="warning", timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
