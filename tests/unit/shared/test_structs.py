"""读入: many threads may read the first of a type at once (msgspec alone ends the process then)."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from shared.structs import Reader

FIRST_READS = """
import sys, threading
from shared.structs import Reader

sys.setswitchinterval(1e-6)
MANY = "".join(f"    f{n}: tuple[{{inner}}, ...] | None = None\\n" for n in range(8))
for _ in range(150):  # each with types that nobody has read yet
    source = "from __future__ import annotations\\nimport msgspec\\n"
    for depth in range(6):
        source += f"class S{depth}(msgspec.Struct):\\n" + MANY.format(inner=f"S{depth - 1}" if depth else "int")
    exec(source, globals())
    reader, together, read = Reader(S5), threading.Barrier(4), []

    def first():
        together.wait()
        read.append(reader.json('{"f0": [{"f1": [{"f2": []}]}]}') == reader.plain({"f0": [{"f1": [{"f2": []}]}]}))

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [True] * 4
print("read")
"""


def test_first_reads_in_many_threads_end_no_process() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_READS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr[-2000:]


def test_what_is_none_is_refused() -> None:
    numbers = Reader(list[int])
    assert numbers.json("[1]") == numbers.plain([1]) == [1]
    with pytest.raises(msgspec.ValidationError):
        numbers.plain(["a"])
    with pytest.raises(msgspec.DecodeError):
        numbers.json("[")
