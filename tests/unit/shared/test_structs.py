"""读入、装入: what is written reads as it was; many threads may read the first of a type at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db.types import StructJson, dump_json
from shared.structs import Packer, Reader
from shared.vocabulary import Level

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


class Inner(msgspec.Struct, frozen=True):
    at: datetime | None
    level: Level
    share: Decimal = Decimal("0.10")


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    zh: str
    inner: tuple[Inner, ...] = ()
    facts: dict[str, str | int | bool] = {}


INNERS = st.builds(Inner, st.none() | st.datetimes(timezones=st.just(UTC)), st.sampled_from(Level), st.decimals(0, 1))
FACTS = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans())
OUTERS = st.builds(Outer, zh=st.text(), inner=st.lists(INNERS).map(tuple), facts=FACTS)


@given(OUTERS)
def test_a_struct_is_written_as_its_plain_values_would_be_and_reads_as_it_was(value: Outer) -> None:
    text = Packer(Outer).text(value)
    assert text == dump_json(msgspec.to_builtins(value))
    assert StructJson(Outer).read(text) == value


def test_what_was_read_last_is_kept_by_its_text() -> None:
    kept, text = StructJson(Inner, kept=2), Packer(Inner).text(Inner(None, Level.RED))
    assert kept.read(text) is kept.read(text)
    assert StructJson(Inner).read(text) is not StructJson(Inner).read(text)


class Loose(msgspec.Struct):
    n: int


class Deep(msgspec.Struct):
    names: list[str]
    points: dict[str, tuple[float, ...] | None]


@pytest.mark.parametrize("kind", [float, list[Any], Deep, dict[str, Deep | None]])
def test_what_may_be_nan_is_refused_since_it_would_be_written_as_nothing(kind: Any) -> None:
    with pytest.raises(TypeError, match="NaN"):
        Packer(kind)


def test_what_cannot_be_written_or_kept_is_refused_at_its_making() -> None:
    with pytest.raises(TypeError, match="keys"):
        Packer(dict[str, dict[int, str]])
    with pytest.raises(TypeError, match="frozen"):
        StructJson(Loose, kept=1)
    assert StructJson(Loose).read('{"n":1}') == Loose(1)
