"""The station's disk: numbers, receipts, a lost or older counter, and a full disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from deploy.station.__main__ import read_line
from deploy.station.queue import Queue
from deploy.station.receipt import Receipt
from shared.realm import parse_time

NOW = parse_time("2026-06-28T03:05:00Z")


def rain(*values: float) -> list[dict[str, object]]:
    return [{"metric": "rain_mm", "value": value} for value in values]


def numbers(queue: Queue) -> list[int]:
    return [key[1] for key, _ in queue.after(None, 1000)]


def test_numbers_go_on_after_a_restart_and_only_receipts_delete(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db")
    boot = queue.boot
    assert queue.put(rain(1, 2)) == [(boot, 1), (boot, 2)]
    queue.close()
    queue = Queue(tmp_path / "q.db")
    assert queue.boot == boot
    assert queue.put(rain(3)) == [(boot, 3)]
    assert queue.settle(Receipt("another", 99)) == 0
    assert queue.settle(Receipt(boot, 1, also=((3, 3),))) == 2
    assert numbers(queue) == [2]
    queue.settle(Receipt(boot, 3))
    assert queue.waiting() == 0
    assert queue.put(rain(4)) == [(boot, 4)]
    queue.close()


def test_a_lost_counter_begins_a_new_boot(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db")
    first = queue.boot
    queue.close()
    for file in tmp_path.iterdir():
        file.unlink()
    queue = Queue(tmp_path / "q.db")
    assert queue.boot != first
    queue.close()


def test_a_disk_put_back_from_an_older_copy_gives_no_number_twice(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db")
    boot = queue.boot
    queue.put(rain(1, 2))
    queue.close()
    shutil.copy(tmp_path / "q.db", tmp_path / "old.db")
    old = Queue(tmp_path / "old.db")
    old.put(rain(7))  # number 3 again, of another reading
    receipt = Receipt(boot, 5)  # the service has 5 of this boot
    assert old.behind(receipt)
    old.renew()
    assert old.boot != boot
    assert not old.behind(receipt)
    bodies = [json.loads(text) for _, text in old.after(None, 10)]
    assert [(body["boot"], body["seq"], body["value"]) for body in bodies] == [
        (old.boot, 1, 1),
        (old.boot, 2, 2),
        (old.boot, 3, 7),
    ]
    assert old.put(rain(8)) == [(old.boot, 4)]
    old.close()


def test_what_the_service_cannot_read_is_kept_aside_with_its_code(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db")
    queue.put(rain(1, 2, 3))
    queue.settle(Receipt(queue.boot, 1, rejected=((3, "unit_mismatch"),)))
    assert numbers(queue) == [2]
    assert queue.rejected() == [(queue.boot, 3, "unit_mismatch")]
    queue.settle(Receipt(queue.boot, 3, rejected=((3, "unit_mismatch"),)))
    assert queue.rejected() == [(queue.boot, 3, "unit_mismatch")]
    queue.close()


def test_a_full_disk_gives_up_the_oldest_and_says_so(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db", readings_max=3)
    queue.put(rain(1, 2, 3, 4, 5))
    queue.put(rain(6))
    assert numbers(queue) == [4, 5, 6]
    assert queue.skips() == [(queue.boot, 1, 3)]
    queue.settle(Receipt(queue.boot, 4))
    assert queue.skips() == []
    queue.close()


def test_not_a_number_is_refused_before_it_takes_a_seq(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q.db")
    with pytest.raises(ValueError, match="JSON"):
        queue.put(rain(1, float("nan")))
    assert queue.waiting() == 0
    assert queue.put(rain(2)) == [(queue.boot, 1)]
    queue.close()


def test_a_line_of_readings() -> None:
    assert read_line("rain_mm, 0.2", NOW) == {
        "metric": "rain_mm",
        "value": 0.2,
        "observed_at": "2026-06-28T03:05:00Z",
    }
    given = read_line('{"metric":"stage_m","value":3,"observed_at":"2026-06-28T11:00:00+08:00","unit":"m"}', NOW)
    assert given == {"metric": "stage_m", "value": 3, "observed_at": "2026-06-28T03:00:00Z", "unit": "m"}


@pytest.mark.parametrize("line", ["rain_mm", "rain_mm,x", "{}", "[1]", "rain_mm,1,2026-06-28T03:05:00", "{"])
def test_a_line_that_is_none(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_line(line, NOW)
