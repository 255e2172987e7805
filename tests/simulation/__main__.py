"""仿真 ``make sim SEEDS=200`` plays many seeds, ``make sim SEED=7`` one, with every step; exit 1 when one failed."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.simulation.play import Failed, once, play


def one(seed: int, *, short: bool) -> int:
    """One seed, all of its steps."""
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fengsui-sim-") as folder:
        try:
            played = play(seed, Path(folder), told=told, short=short)
        except Failed as error:
            print("\n".join(told))
            print(error, file=sys.stderr)
            return 1
    print("\n".join(told))
    print(f"seed {seed}: {played.steps} steps, {_words(played.figures)}, trace {played.digest}")
    return 0


def many(first: int, count: int, jobs: int) -> int:
    """Seeds from ``first`` on, with progress."""
    failed: list[int] = []
    sums: Counter[str] = Counter()
    began = time.monotonic()
    seeds = range(first, first + count)
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=25) as pool:
        for done, (seed, found) in enumerate(zip(seeds, pool.imap(once, seeds), strict=True), 1):
            if isinstance(found, str):
                failed.append(seed)
                print(f"\n{found}\n", file=sys.stderr)
            else:
                sums.update(found.figures | {"steps": found.steps})
            print(
                f"\r{done}/{count} seeds, {len(failed)} failed, {time.monotonic() - began:.0f} s ", end="", flush=True
            )
    print(f"\n{_words(sums)}")
    if failed:
        print(f"failed: {' '.join(map(str, failed))}; see one again with make sim SEED={failed[0]}", file=sys.stderr)
    return 1 if failed else 0


def _words(figures: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in figures.items())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one and show every step")
    parser.add_argument("--short", action="store_true", help="as `make test` plays it")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return one(arguments.seed, short=arguments.short)
    return many(arguments.first, arguments.seeds, arguments.jobs)


if __name__ == "__main__":
    sys.exit(main())
