"""Ticks come to the disk in blocks, by a thread of their own: smaller, as safe, never in the lamps' way."""

from __future__ import annotations

import threading
import time
import zlib
from pathlib import Path

import pytest

from controller.journal import FIRST_LINE, JournalError, JournalWriter, read_journal
from controller.journal_disk import BLOCK, BLOCK_BYTES_MAX, block, framed
from controller.replay import replay
from controller.vocabulary import Sensors
from tests.journal_street import Drive, journal_of
from tests.test_journal import records

TICKS_A_BLOCK = 100


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Drive]:
    path = tmp_path_factory.mktemp("disk") / "day.journal"
    return path, journal_of(path, "actuated", 60, block_ticks=TICKS_A_BLOCK)


def test_a_day_in_blocks_replays_to_the_bit_and_is_a_part_of_the_size(
    day: tuple[Path, Drive], tmp_path: Path
) -> None:
    path, drive = day
    plain = tmp_path / "plain.journal"
    journal_of(plain, "actuated", 60, block_ticks=1)
    assert path.stat().st_size < plain.stat().st_size / 2, "though the toy street's occupancies are noise"
    result = replay(path)
    assert result.identical
    assert (result.ticks, result.same_state, result.dropped_bytes) == (600, True, 0)
    assert list(result.decisions) == drive.decisions
    assert len(records(path.read_bytes())) == 2 + 600 / TICKS_A_BLOCK + 1


def test_a_tear_costs_the_block_it_is_in_and_no_other(day: tuple[Path, Drive], tmp_path: Path) -> None:
    data = day[0].read_bytes()
    starts = [at for at, _ in records(data)]
    torn = tmp_path / "torn.journal"
    for blocks in range(6):
        for into in (1, 17, 400):
            torn.write_bytes(data[: starts[2 + blocks] + into])
            reader = read_journal(torn)
            assert len(list(reader)) == TICKS_A_BLOCK * blocks
            assert (reader.dropped_bytes, reader.end) == (into, None)


def test_whatever_byte_of_a_block_is_changed_is_found(day: tuple[Path, Drive], tmp_path: Path) -> None:
    data = bytearray(day[0].read_bytes())
    start, end = (at for at, _ in records(bytes(data))[3:5])
    odd = tmp_path / "odd.journal"
    for at in range(start, end, 97):
        data[at] ^= 0x10
        odd.write_bytes(data)
        with pytest.raises(JournalError, match=f"byte {start}: "):
            list(read_journal(odd))
        data[at] ^= 0x10


def forged(day: tuple[Path, Drive], tmp_path: Path, payload: bytes) -> Path:
    payloads = [p for _, p in records(day[0].read_bytes())]
    path = tmp_path / "forged.journal"
    path.write_bytes(
        FIRST_LINE + b"".join(framed(k, p) for k, p in enumerate([*payloads[:2], payload, payloads[-1]]))
    )
    return path


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (BLOCK + b"no zlib", "cannot be unpacked"),
        (BLOCK + zlib.compress(b"\x05"), "ends inside a length"),
        (BLOCK + zlib.compress(b"\xff\xff\x00\x00abc"), "a record of 65535 bytes in a block with 3 left"),
        (BLOCK + zlib.compress(bytes(8)), "a record of 0 bytes"),
        (BLOCK + zlib.compress(b"\x03\x00\x00\x00Txy") + b"more", "more than|does not end"),
        (BLOCK + zlib.compress(b"\x03\x00\x00\x00Txy")[:-5], "does not end"),
        (BLOCK + zlib.compress(bytes(BLOCK_BYTES_MAX + 9)), "a block of more than"),
        (block([BLOCK + b"in a block", b"T"]), "unknown kind"),
    ],
)  # fmt: skip
def test_a_block_that_is_none_is_refused_though_its_checksum_is_right(
    day: tuple[Path, Drive], tmp_path: Path, payload: bytes, reason: str
) -> None:
    with pytest.raises(JournalError, match=reason):
        list(read_journal(forged(day, tmp_path, payload)))


class SlowDisk:
    """A disk that hangs until it is let go."""

    closed = False

    def __init__(self) -> None:
        self.go = threading.Event()
        self.bytes = 0

    def write(self, chunk: memoryview) -> int:
        self.go.wait(30)
        self.bytes += len(chunk)
        return len(chunk)

    def fileno(self) -> int:
        raise OSError(9, "Bad file descriptor")


def test_a_disk_that_hangs_delays_no_lamp(tmp_path: Path) -> None:
    alarms: list[str] = []
    drive = Drive("greedy")
    journal = JournalWriter(tmp_path / "a.journal", drive.controller, "greedy", Sensors.LOOPS, alarms.append)
    journal._disk.file.close()
    journal._disk.file = disk = SlowDisk()  # type: ignore[assignment]
    worst_s = 0.0
    for _ in range(30):
        drive.run(1, journal)
        began = time.perf_counter()
        journal.flush()
        worst_s = max(worst_s, time.perf_counter() - began)
    assert disk.bytes == 0
    assert journal._disk.backlog_bytes > 0
    assert worst_s < 1.0, "handing over waits for nobody"
    disk.go.set()
    journal.close()
    assert disk.bytes > 0
    assert drive.lamps == Drive("greedy").run(30).lamps
    assert len(alarms) == 1
    assert "Bad file descriptor" in alarms[0]
