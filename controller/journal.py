"""The journal: an append-only file of what went into every tick and which lamps came out.

The file begins with a line of its own and then holds records, each framed with its
length, its number and a checksum of payload and of frame. A file cut off anywhere is read
up to the cut; anything wrong before that is refused by file and byte. Writing costs the tick
an append to a list: `flush` hands a block of ticks over to a thread (`journal_disk`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from controller import journal_codec as codec
from controller.conflicts import UnsafeJunction
from controller.explain import Decision
from controller.frame import Frame
from controller.journal_codec import BadRecord, EndRecord, Header, TickRecord
from controller.journal_disk import BLOCK_BYTES_MAX, CHECK, FRAMING, BadBlock, JournalDisk, unblocked
from controller.journal_rulings import HeardJudge
from controller.network import Network, build_network
from controller.orders import Orders
from controller.policy import PolicyError
from controller.street_file import StreetFileError, street_from_text, street_to_text
from controller.tick import Controller
from controller.toml_text import in_line
from controller.vocabulary import Sensors

FIRST_LINE = b"belisha journal\n"
FRAMING_BYTES = FRAMING.size + CHECK.size
FLUSH_BYTES = 1 << 18
"""So much waits in memory before a flush is due."""
BLOCK_TICKS = 100
"""So many ticks, ten seconds, are one record: alike as they are, they shrink to a part of it."""
PENDING_BYTES_MAX = 1 << 25
"""So much may wait when nobody flushes; then the journal ends with an alarm."""


class JournalError(ValueError):
    """A journal that cannot be written or read; the message is one line naming file and place."""


def product_version() -> str:
    """Version of the installed product."""
    try:
        return importlib.metadata.version("belisha")
    except importlib.metadata.PackageNotFoundError:
        return "source"


@cache
def sources_digest() -> str:
    """SHA-256 over the controller's source files: other sources may decide otherwise."""
    sha = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        sha.update(path.relative_to(folder).as_posix().encode() + b"\0")
        sha.update(path.read_bytes())
    return sha.hexdigest()


class JournalWriter:
    """Writes the journal of one controller, made before its first tick.

    `on_alarm` is told once, in one line, when the journal can go no further; the
    controller goes on without it. Raises JournalError when the file is there already
    (evidence is never overwritten), cannot be made, the controller has already ticked, or
    its street does not survive being written and read. `orders` are those the controller ticks with; a
    `judge` in another process is heard too, and then the lamps are those proposed.
    `on_alarm` may be called in the thread that writes.
    """

    def __init__(
        self,
        path: Path,
        controller: Controller,
        name: str,
        sensors: Sensors,
        on_alarm: Callable[[str], None] = lambda line: None,
        orders: Orders | None = None,
        block_ticks: int = BLOCK_TICKS,
        judge: HeardJudge | None = None,
    ) -> None:
        if orders is not None:
            orders.keeps_deeds = True
        if controller.verdict is not None:
            raise JournalError(f"{path}: a journal must begin before the controller's first tick")
        self.path = path
        self.failed: str | None = None
        self.ticks = 0
        self._controller = controller
        self._orders, self._judge = orders, judge
        self._on_alarm = on_alarm
        self._block_ticks = block_ticks
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._sequence = -1
        self._shown = b""
        self._lamps = b""
        header = Header(
            format=codec.FORMAT,
            product=product_version(),
            sources=sources_digest(),
            controller=name,
            policy=controller.policy,
            sensors=sensors,
            lamp_resolution_ms=controller.network.lamp_resolution_ms,
            start_ms=int(controller.state.estimate_time_ms[0]),
        )
        street = codec.STREET + _street_text(path, controller.network).encode()
        try:
            self._disk = JournalDisk(path.open("xb", buffering=0), self._fail)
        except FileExistsError:
            raise JournalError(f"{path}: is there already; a journal is never overwritten") from None
        except OSError as error:
            raise JournalError(f"{path}: cannot be written ({error.strerror})") from None
        self._disk.begin(FIRST_LINE, [codec.pack_header(header), street])

    def write(self, frame: Frame, now_ms: int, lamps: np.ndarray, decisions: Sequence[Decision] = ()) -> None:
        """Note one tick: the frame it was given, the lamps (groups,) it gave. Never raises, never waits."""
        if self.failed is not None:
            return
        try:
            judge = self._judge
            shown, lit = frame.lamps_shown.tobytes(), (lamps if judge is None else judge.asked).tobytes()
            new = frame.sequence != self._sequence or shown != self._shown
            changed = lit != self._lamps
            deeds = () if self._orders is None else self._orders.taken_deeds()
            self._append(
                codec.pack_tick(
                    now_ms,
                    frame if new else None,
                    lit if changed else None,
                    decisions,
                    deeds,
                    None if judge is None else judge.taken(),
                )
            )
            self._sequence, self._shown, self._lamps = frame.sequence, shown, lit
            self.ticks += 1
        except Exception as error:  # nothing that goes wrong here may stop the lamps
            self._fail(f"cannot be packed ({error or type(error).__name__})")
        if self._pending_bytes + self._disk.backlog_bytes > PENDING_BYTES_MAX:
            self._fail("too much waits to be written")

    @property
    def due(self) -> bool:
        """Whether enough waits in memory to be worth a `flush`."""
        return self._pending_bytes >= FLUSH_BYTES or len(self._pending) >= self._block_ticks

    def flush(self) -> None:
        """Hand everything that waits to the writing thread. Never raises, never waits."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if self.failed is None:
            for at in range(0, len(pending), self._block_ticks):
                self._disk.put(pending[at : at + self._block_ticks])

    def close(self) -> None:
        """Write the end record, wait until the disk has everything. Never raises; may be repeated."""
        if self._disk.file.closed:
            return
        self.flush()
        if self.failed is None:
            self._disk.put([codec.pack_end(EndRecord(self.ticks, self._controller.state.digest()))])
        self._disk.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, payload: bytes) -> None:
        self._pending.append(payload)
        self._pending_bytes += len(payload)

    def _fail(self, reason: str) -> None:
        """The alarm, once. What is missing cannot be made up, so nothing more is written."""
        if self.failed is None:
            self.failed = f"{self.path}: {reason}; the journal ends here"
            self._pending.clear()
            self._pending_bytes = 0
            self._on_alarm(self.failed)


def _street_text(path: Path, network: Network) -> str:
    """The street as it goes into the file, once it is sure that it comes out again the same."""
    try:
        text = street_to_text(network.street)
        if len(text) < codec.STREET_BYTES_MAX // 4 and street_from_text(text) == network.street:
            return text
    except (StreetFileError, UnsafeJunction) as error:
        raise JournalError(f"{path}: the street cannot be written down: {error}") from None
    raise JournalError(f"{path}: the street cannot be written down: too large, or not the same when read")


def read_journal(path: Path | str) -> JournalReader:
    """Open a journal; header and street are read at once, ticks as they are asked for.

    Raises JournalError for what is no journal, is of another version or is cut off before
    its first tick could be.
    """
    return JournalReader(Path(path))


class JournalReader:
    """Ticks of a journal in order. After the last, `dropped_bytes` and `end` tell how it ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped_bytes = 0
        """Bytes after the last whole record: a write that was cut off."""
        self.end: EndRecord | None = None
        """None for a journal that was never closed."""
        self.at_byte = 0
        self._number = 0
        try:
            if not path.is_file():
                raise JournalError(f"{path}: no such file; a journal is needed")
            self._file: BinaryIO = path.open("rb")
            self.size_bytes = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise JournalError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            self.header, self.network = self._read_beginning()
        except BaseException:
            self._file.close()
            raise

    def __iter__(self) -> Iterator[TickRecord]:
        """The ticks. Raises JournalError at the first record that is damaged or impossible."""
        limit = codec.tick_bytes_max(self.network)
        before_ms = self.header.start_ms - 1
        ticks = 0
        try:
            while (record := self._next(max(limit, BLOCK_BYTES_MAX))) is not None:
                at = self.at_byte - len(record) - FRAMING_BYTES
                try:
                    for payload in unblocked(record):
                        if (tick := self._of(payload, limit, ticks, before_ms)) is not None:
                            yield tick
                            before_ms = tick.now_ms
                            ticks += 1
                except (BadRecord, BadBlock) as error:
                    raise self._wrong(at, str(error)) from None
        finally:
            self._file.close()

    def close(self) -> None:
        """Needed only where the ticks are not read to their end."""
        self._file.close()

    def _of(self, payload: bytes, limit: int, ticks: int, before_ms: int) -> TickRecord | None:
        """The next tick, or None for the end record."""
        if self.end is not None:
            raise BadRecord("a record after the end")
        if len(payload) > limit:
            raise BadRecord(f"a record of {len(payload)} bytes; allowed is 1 to {limit}")
        if payload[:1] == codec.END:
            self.end = codec.unpack_end(payload)
            if self.end.ticks != ticks:
                raise BadRecord(f"the end counts {self.end.ticks} ticks, here are {ticks}")
            return None
        return self._tick(payload, ticks, before_ms)

    def _tick(self, payload: bytes, ticks: int, before_ms: int) -> TickRecord:
        if payload[:1] != codec.TICK:
            raise BadRecord(f"a record of unknown kind {payload[:1]!r}")
        tick = codec.unpack_tick(payload, self.network, self.header.sensors)
        if tick.now_ms <= before_ms:
            raise BadRecord(f"time {tick.now_ms} ms does not come after {before_ms} ms")
        if ticks == 0 and (tick.frame is None or tick.lamps is None):
            raise BadRecord("the first tick has no frame or no lamps")
        return tick

    def _read_beginning(self) -> tuple[Header, Network]:
        if self._file.read(len(FIRST_LINE)) != FIRST_LINE:
            raise JournalError(f"{self.path}: byte 0: not a journal of Belisha")
        self.at_byte = len(FIRST_LINE)
        at = self.at_byte
        try:
            header = codec.unpack_header(self._needed(codec.HEADER_BYTES_MAX))
            at = self.at_byte
            street = street_from_text(codec.unpack_street(self._needed(codec.STREET_BYTES_MAX)))
        except (BadRecord, PolicyError, StreetFileError, UnsafeJunction) as error:
            raise self._wrong(at, str(error)) from None
        except RecursionError:
            raise self._wrong(at, "the street is nested too deeply") from None
        return header, build_network(street, header.lamp_resolution_ms)

    def _needed(self, limit: int) -> bytes:
        payload = self._next(limit)
        if payload is None:
            raise self._wrong(self.at_byte, "the file is cut off before its first tick")
        return payload

    def _next(self, limit: int) -> bytes | None:
        """The next payload; None where the file ends or was cut off."""
        at = self.at_byte
        framing = self._file.read(FRAMING_BYTES)
        if len(framing) < FRAMING_BYTES:
            self._cut_off(at)
            return None
        length, number, check = FRAMING.unpack_from(framing)
        if CHECK.unpack_from(framing, FRAMING.size)[0] != zlib.crc32(framing[: FRAMING.size]):
            if not any(framing) and self._only_zeros_follow():
                self._cut_off(at)
                return None
            raise self._wrong(at, "the record's frame is damaged")
        if number != self._number:
            raise self._wrong(at, f"record {number} where record {self._number} belongs")
        if not 0 < length <= limit:
            raise self._wrong(at, f"a record of {length} bytes; allowed is 1 to {limit}")
        payload = self._file.read(length)
        if len(payload) < length:
            self._cut_off(at)
            return None
        if zlib.crc32(payload) != check:
            # After a loss of power the last pages may be there but empty.
            if self._only_zeros_follow():
                self._cut_off(at)
                return None
            raise self._wrong(at, "the record does not match its checksum")
        self._number += 1
        self.at_byte = at + FRAMING_BYTES + length
        return payload

    def _only_zeros_follow(self) -> bool:
        while chunk := self._file.read(1 << 16):
            if any(chunk):
                return False
        return True

    def _cut_off(self, at: int) -> None:
        self._file.seek(0, os.SEEK_END)
        self.dropped_bytes = self._file.tell() - at

    def _wrong(self, at: int, reason: str) -> JournalError:
        return JournalError(f"{self.path}: byte {at}: {in_line(reason, 400)}")
