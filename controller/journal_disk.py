"""How a journal comes to the disk: blocks of ticks, compressed and written by a thread of their own.

The tick hands over a list and goes on; a disk that is slow or full costs it nothing. A block is one
record of the file, with the file's own number and checksums, so that what is lost when the power fails
is what was not yet written: at most the block under way.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import BinaryIO

BLOCK = b"Z"
"""First letter of a record that holds several."""
BLOCK_BYTES_MAX = 1 << 26
"""So much a block may hold when unpacked: what claims more is damaged, or meant to do damage."""
LEVEL = 6
"""Of zlib: higher saves a hundredth and costs twice."""
_LENGTH = struct.Struct("<I")
FRAMING = struct.Struct("<III")
"""Length of the payload, number of the record, CRC-32 of the payload."""
CHECK = struct.Struct("<I")
"""CRC-32 of the framing itself, so that a wrong length is not taken for a file cut off."""


class BadBlock(ValueError):
    """A block whose inside is damaged though its checksum is right; the message says how."""


def framed(number: int, payload: bytes) -> bytes:
    """A record as it stands in the file."""
    head = FRAMING.pack(len(payload), number, zlib.crc32(payload))
    return head + CHECK.pack(zlib.crc32(head)) + payload


def block(payloads: Sequence[bytes]) -> bytes:
    """Several payloads as one; one alone stays as it is."""
    if len(payloads) == 1:
        return payloads[0]
    inside = b"".join(_LENGTH.pack(len(payload)) + payload for payload in payloads)
    return BLOCK + zlib.compress(inside, LEVEL)


def unblocked(payload: bytes) -> Iterator[bytes]:
    """What `block` was given. Raises BadBlock."""
    if payload[:1] != BLOCK:
        yield payload
        return
    unpacker = zlib.decompressobj()
    try:
        inside = unpacker.decompress(payload[1:], BLOCK_BYTES_MAX)
    except zlib.error as error:
        raise BadBlock(f"a block that cannot be unpacked ({error})") from None
    if not unpacker.eof or unpacker.unused_data:
        raise BadBlock(f"a block of more than {BLOCK_BYTES_MAX} bytes, or one that does not end")
    at = 0
    while at < len(inside):
        if at + _LENGTH.size > len(inside):
            raise BadBlock("a block that ends inside a length")
        length = _LENGTH.unpack_from(inside, at)[0]
        at += _LENGTH.size
        if not 0 < length <= len(inside) - at:
            raise BadBlock(f"a record of {length} bytes in a block with {len(inside) - at} left")
        yield inside[at : at + length]
        at += length


class JournalDisk:
    """Writes records to an open file in its own thread, numbered from 0.

    `on_failure` is called once, in that thread, with a reason in words; nothing is written after it.
    """

    def __init__(self, file: BinaryIO, on_failure: Callable[[str], None]) -> None:
        self.file = file
        self._on_failure = on_failure
        self._queue: SimpleQueue[Sequence[bytes] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._backlog_bytes = 0
        self._number = 0
        self._failed = False
        self._thread: threading.Thread | None = None

    @property
    def backlog_bytes(self) -> int:
        """Handed over and not yet written."""
        return self._backlog_bytes

    def begin(self, first_line: bytes, payloads: Sequence[bytes]) -> None:
        """The file's beginning, a record each, written before this returns."""
        try:
            self._write(first_line + b"".join(framed(k, payload) for k, payload in enumerate(payloads)))
            self._number = len(payloads)
        except OSError as error:
            self._fail(error)

    def put(self, payloads: Sequence[bytes]) -> None:
        """One record of these payloads. Returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()
        with self._lock:
            self._backlog_bytes += sum(map(len, payloads))
        self._queue.put(payloads)

    def close(self) -> None:
        """Wait until everything is on the disk. Never raises; may be repeated."""
        if self.file.closed:
            return
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        try:
            os.fsync(self.file.fileno())
            self.file.close()
        except OSError as error:
            self._fail(error)

    def _run(self) -> None:
        while (payloads := self._queue.get()) is not None:
            if not self._failed:
                try:
                    self._write(framed(self._number, block(payloads)))
                    self._number += 1
                except OSError as error:
                    self._fail(error)
            with self._lock:
                self._backlog_bytes -= sum(map(len, payloads))

    def _write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self.file.write(view) :]

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(f"cannot be written ({error.strerror})")
