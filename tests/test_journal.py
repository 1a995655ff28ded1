"""The journal: what was written is read; what was cut off is said; what was damaged is refused."""

from __future__ import annotations

import errno
import struct
import zlib
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from controller import journal as journal_module
from controller.journal import FIRST_LINE, FRAMING_BYTES, JournalError, JournalWriter, read_journal
from controller.journal_codec import TickRecord
from controller.journal_disk import framed
from controller.vocabulary import Sensors
from tests.journal_street import Drive, journal_of, network


class File(bytes):
    """Bytes that a failing test does not print."""

    def __repr__(self) -> str:
        return f"{len(self)} bytes"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a journal of 30 s with full sensors."""
    path = tmp_path_factory.mktemp("journal") / "day.journal"
    journal_of(path, seconds=30, sensors=Sensors.FULL)
    return File(path.read_bytes())


def records(data: bytes) -> list[tuple[int, bytes]]:
    """(byte, payload) of every record, read without the product's help."""
    found, at = [], len(FIRST_LINE)
    while at < len(data):
        length, number, payload_crc, head_crc = struct.unpack_from("<IIII", data, at)
        payload = data[at + 16 : at + 16 + length]
        assert number == len(found)
        assert payload_crc == zlib.crc32(payload)
        assert head_crc == zlib.crc32(data[at : at + 12])
        found.append((at, payload))
        at += 16 + length
    return found


def written(path: Path, payloads: list[bytes]) -> Path:
    """A file with these payloads, every frame and checksum right."""
    path.write_bytes(FIRST_LINE + b"".join(framed(k, payload) for k, payload in enumerate(payloads)))
    return path


def read_all(path: Path) -> tuple[list[TickRecord], int]:
    reader = read_journal(path)
    return list(reader), reader.dropped_bytes


def test_every_tick_comes_back_as_it_was(tmp_path: Path) -> None:
    drive = journal_of(tmp_path / "a.journal", "actuated", 45, Sensors.FULL)
    reader = read_journal(tmp_path / "a.journal")
    assert reader.network.street == drive.network.street
    assert (reader.header.controller, reader.header.sensors) == ("actuated", Sensors.FULL)
    assert reader.header.policy == drive.controller.policy

    again = Drive("actuated", Sensors.FULL)
    lamps: Any = None
    for k, tick in enumerate(reader):
        if k % 10 == 0:
            again._read()
            assert tick.frame is not None
            for name in ("sequence", "time_ms", "n_tracks"):
                assert getattr(tick.frame, name) == getattr(again.frame, name)
            for name in ("detector_on", "detector_count", "detector_occupancy", "lamps_shown"):
                assert getattr(tick.frame, name).dtype is getattr(again.frame, name).dtype
                np.testing.assert_array_equal(getattr(tick.frame, name), getattr(again.frame, name))
            for name in ("track_segment", "track_distance_m", "track_speed_m_per_s", "track_kind"):
                given_tracks = getattr(again.frame, name)[: again.frame.n_tracks]
                np.testing.assert_array_equal(getattr(tick.frame, name), given_tracks)
        else:
            assert tick.frame is None  # nothing new was read, nothing is written
        lamps = lamps if tick.lamps is None else tick.lamps
        assert lamps.tobytes() == drive.lamps[k]
        assert tick.now_ms == again.now_ms
        again.frame.lamps_shown[:] = lamps
        again.controller.tick(again.frame, again.now_ms)
        again.now_ms += 100
    assert k == 449
    assert reader.end is not None
    assert reader.end.digest == drive.controller.state.digest()
    assert reader.dropped_bytes == 0


def test_a_file_cut_off_anywhere_is_read_up_to_the_cut(whole: bytes, tmp_path: Path) -> None:
    found = records(whole)
    path = tmp_path / "torn.journal"
    ends = [at for at, _ in found[2:]] + [len(whole)]
    last = len(found) - 1
    for k in (2, 3, last // 2, last - 1, last):
        start, stop = ends[k - 2], ends[k - 1]
        body = start + FRAMING_BYTES
        for cut in {start, start + 1, body - 1, body, (start + stop) // 2, stop - 1}:
            path.write_bytes(whole[:cut])
            ticks, dropped = read_all(path)
            assert len(ticks) == k - 2
            assert dropped == cut - start


def test_pages_lost_with_the_power_are_a_cut(whole: bytes, tmp_path: Path) -> None:
    found = records(whole)
    at = found[-2][0]
    for kept in (at, at + FRAMING_BYTES + 3):
        (tmp_path / "torn.journal").write_bytes(whole[:kept].ljust(len(whole) + 5000, b"\0"))
        ticks, dropped = read_all(tmp_path / "torn.journal")
        assert len(ticks) == len(found) - 4
        assert dropped == len(whole) + 5000 - at


def test_a_file_cut_off_in_its_beginning_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "short.journal"
    ticks_at = records(whole)[2][0]
    for cut in (0, 5, len(FIRST_LINE), len(FIRST_LINE) + 7, 200, ticks_at // 2, ticks_at - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(JournalError, match=r"byte \d+: (not a journal|the file is cut off)"):
            read_journal(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(place=0.0, flip=1)
@example(place=1 - 1e-12, flip=1)
def test_one_byte_changed_anywhere_is_found(whole: bytes, tmp_path: Path, place: float, flip: int) -> None:
    at = int(place * len(whole))
    path = tmp_path / "spoilt.journal"
    path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    last = records(whole)[-1][0]
    refusal = ""
    try:
        ticks, dropped = read_all(path)
    except JournalError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(f"{path}: byte ")
        assert int(refusal.partition("byte ")[2].partition(":")[0]) <= at  # where the damaged record begins
        return
    # Only in the very last record may damage look like a write cut off, and then it is said.
    assert at >= last
    assert dropped == len(whole) - last
    assert len(ticks) == 300


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=400), mode=st.sampled_from(["bare", "line", "records", "ticks"]))
def test_random_bytes_never_break_the_reader(whole: bytes, tmp_path: Path, tail: bytes, mode: str) -> None:
    """Bare, after the first line, and as payloads whose frames and checksums are right."""
    path = tmp_path / "noise.journal"
    beginning = [payload for _, payload in records(whole)[:2]]
    if mode == "bare":
        path.write_bytes(tail)
    elif mode == "line":
        path.write_bytes(FIRST_LINE + tail)
    elif mode == "records":
        written(path, [b"H" + tail, b"S" + tail])
    else:
        written(path, [*beginning, b"T" + tail])
    with pytest.raises(JournalError, match="byte"):
        list(read_journal(path))


NAN, INF = float("nan"), float("inf")


def first_tick(whole: bytes) -> list[Any]:
    return msgpack.unpackb(records(whole)[2][1][1:])


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ((0,), -1, "time is -1"),
        ((0,), 1 << 60, "time is 1152921504606846976"),
        ((0,), "8 o'clock", "time is 8 o'clock"),
        ((1,), None, "no frame or no lamps"),
        ((2,), None, "no frame or no lamps"),
        ((2,), b"\1" * 99, "lamps has 99 bytes; this street needs 6"),
        ((2,), b"\7" * 6, "lamps holds a value outside 0 to 6"),
        ((3,), "none", "decisions are no list"),
        ((3,), [[1, 2]], "a decision is no list of 13"),
        ((1, 3), b"", "detector_count has 0 bytes; this street needs 40"),
        ((1, 2), b"\2" * 10, "detector_on holds a value outside 0 to 1"),
        ((1, 4), struct.pack("<10d", *[NAN] * 10), "detector_occupancy holds a value outside 0 to 255"),
        ((1, 6), 1 << 40, "number of tracks is 1099511627776"),
        ((1, 6), 3, "track_segment has 0 bytes; this street needs 12"),
    ],
)
def test_impossible_ticks_are_refused_by_byte(
    whole: bytes, tmp_path: Path, place: tuple[int, ...], value: object, reason: str
) -> None:
    """Every frame and checksum right, and something inside that cannot be."""
    tick = first_tick(whole)
    if not (tick[1][6] == 0 or place[:2] != (1, 6)):
        tick[1][6:] = [0, b"", b"", b"", b""]
    inner = tick
    for k in place[:-1]:
        inner = inner[k]
    inner[place[-1]] = value
    beginning = [payload for _, payload in records(whole)[:2]]
    path = written(tmp_path / "odd.journal", [*beginning, b"T" + msgpack.packb(tick)])
    with pytest.raises(JournalError) as caught:
        list(read_journal(path))
    assert f"byte {records(whole)[2][0]}: " in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("track", "reason"),
    [
        ((99, 10.0, 5.0, 0), "track_segment"),
        ((-1, 10.0, 5.0, 0), "track_segment"),
        ((0, NAN, 5.0, 0), "track_distance_m"),
        ((0, 10.0, INF, 0), "track_speed_m_per_s"),
        ((0, 10.0, 5.0, 2), "track_kind"),
    ],
)
def test_a_vehicle_that_cannot_be_is_refused(
    whole: bytes, tmp_path: Path, track: tuple[int, float, float, int], reason: str
) -> None:
    tick = first_tick(whole)
    kinds = ("<i", "<d", "<d", "<b")
    tick[1][6:] = [1, *(struct.pack(kind, value) for kind, value in zip(kinds, track, strict=True))]
    beginning = [payload for _, payload in records(whole)[:2]]
    path = written(tmp_path / "odd.journal", [*beginning, b"T" + msgpack.packb(tick)])
    with pytest.raises(JournalError, match=f"{reason} holds a value outside"):
        list(read_journal(path))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 5}, "written in format 5; this version reads 1, 2, 3, 4"),
        ({"controller": "roulette"}, "controller 'roulette'; known are adaptive"),
        ({"sensors": "eyes"}, "sensors 'eyes'"),
        ({"lamp_resolution_ms": 0}, "lamp_resolution_ms is 0"),
        ({"start_ms": 1.5}, "start_ms is 1.5"),
        ({"extra": 1}, "and nothing else"),
        ({"policy": {}}, "policy must have"),
    ],
)
def test_a_header_of_another_make_is_refused(
    whole: bytes, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    payloads = [payload for _, payload in records(whole)]
    header = {**msgpack.unpackb(payloads[0][1:]), **change}
    path = written(tmp_path / "other.journal", [b"H" + msgpack.packb(header), *payloads[1:]])
    with pytest.raises(JournalError, match=reason):
        read_journal(path)


@pytest.mark.parametrize(
    ("street", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"format = 1\nname", "not TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply|not TOML"),
        (b"format = 1\nname = 'x'\ntiming = 'computed'\njunction = []\n", "junction"),
    ],
)
def test_a_street_that_is_none_is_refused(whole: bytes, tmp_path: Path, street: bytes, reason: str) -> None:
    payloads = [payload for _, payload in records(whole)]
    path = written(tmp_path / "odd.journal", [payloads[0], b"S" + street])
    with pytest.raises(JournalError, match=reason):
        read_journal(path)


def test_a_record_that_claims_gigabytes_is_not_believed(whole: bytes, tmp_path: Path) -> None:
    head = struct.pack("<III", 0xFFFFFFFF, 0, 0)
    path = tmp_path / "bomb.journal"
    path.write_bytes(FIRST_LINE + head + struct.pack("<I", zlib.crc32(head)) + b"H")
    with pytest.raises(JournalError, match="a record of 4294967295 bytes; allowed is 1 to 65536"):
        read_journal(path)


def test_records_out_of_order_are_refused(whole: bytes, tmp_path: Path) -> None:
    payloads = [payload for _, payload in records(whole)]
    swapped = written(tmp_path / "swapped.journal", [*payloads[:4], payloads[5], payloads[4]])
    with pytest.raises(JournalError, match="does not come after"):
        list(read_journal(swapped))
    at = records(whole)[4][0]
    lost = tmp_path / "lost.journal"
    lost.write_bytes(whole[:at] + whole[records(whole)[5][0] :])
    with pytest.raises(JournalError, match="record 5 where record 4 belongs"):
        list(read_journal(lost))
    fewer = written(tmp_path / "fewer.journal", [*payloads[:10], payloads[-1]])
    with pytest.raises(JournalError, match="the end counts 300 ticks, here are 8"):
        list(read_journal(fewer))


def test_no_journal_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "net.xml").write_text("<net>" * 100, encoding="utf-8")
    for path, reason in ((tmp_path / "net.xml", "byte 0: not a journal"), (tmp_path / "none", "no such file"),
                         (tmp_path, "no such file")):  # fmt: skip
        with pytest.raises(JournalError, match=reason) as caught:
            read_journal(path)
        assert str(path) in str(caught.value)


def test_evidence_is_never_overwritten(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "day.journal"
    path.write_bytes(whole)
    with pytest.raises(JournalError, match="is there already"):
        JournalWriter(path, Drive("fixed").controller, "fixed", Sensors.LOOPS)
    assert path.read_bytes() == whole
    with pytest.raises(JournalError, match="cannot be written"):
        JournalWriter(tmp_path / "no" / "folder", Drive("fixed").controller, "fixed", Sensors.LOOPS)


def test_a_journal_begins_before_the_first_tick(tmp_path: Path) -> None:
    drive = Drive("fixed").run(1)
    with pytest.raises(JournalError, match="before the controller's first tick"):
        JournalWriter(tmp_path / "late.journal", drive.controller, "fixed", Sensors.LOOPS)
    assert not (tmp_path / "late.journal").exists()


class FullDisk:
    """A file that takes so many bytes and no more."""

    closed = False

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, chunk: memoryview) -> int:
        taken = min(len(chunk), self.room)
        self.room -= taken
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return taken

    def fileno(self) -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")


def test_a_full_disk_is_one_alarm_and_the_lamps_go_on(tmp_path: Path) -> None:
    alarms: list[str] = []
    drive = Drive("greedy")
    journal = JournalWriter(tmp_path / "a.journal", drive.controller, "greedy", Sensors.LOOPS, alarms.append)
    journal._disk.file.close()
    journal._disk.file = FullDisk(1000)  # type: ignore[assignment]
    drive.run(10, journal)
    assert alarms == []  # nothing was taken to the disk yet: that is not the tick's business
    for _ in range(3):
        journal.flush()
        drive.run(1, journal)
    journal.close()
    assert len(alarms) == 1
    assert "a.journal: cannot be written (No space left on device)" in alarms[0]
    assert drive.lamps == Drive("greedy").run(10).run(1).run(1).run(1).lamps


def test_a_journal_nobody_flushes_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PENDING_BYTES_MAX", 50_000)
    alarms: list[str] = []
    drive = Drive("greedy")
    journal = JournalWriter(tmp_path / "a.journal", drive.controller, "greedy", Sensors.LOOPS, alarms.append)
    drive.run(300, journal)
    assert alarms == [f"{tmp_path / 'a.journal'}: too much waits to be written; the journal ends here"]
    assert journal._pending_bytes < 50_000
    journal.close()


def test_the_street_fits_the_journal() -> None:
    """The tests above speak of 10 detectors and 6 groups."""
    assert (len(network().detectors), network().n_groups) == (10, 6)
