"""The line between engine, monitor and street: who may say what to whom, and how it travels.

    street  ── reading ──►  engine  ── proposal ──►  monitor  ── permit ──►  street
      └──────── heads ───────────────────────────────►  └── ruling ──► engine

Local sockets that keep messages apart, never make a sender wait, and end at once when the process at
the other end does. Every message is numbered; nothing that comes over a line is believed before its
form is checked, and what is wrong is dropped and counted.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from controller.frame import PREEMPT_ARRAYS, Frame, fit_buses, fit_preempts
from controller.monitor.verdict import Verdict, Violation
from controller.network import Network
from override.card_change import CardAnswer, CardWish

PACKET_BYTES = 1 << 16
"""Longer messages travel in so many bytes at a time; a socket's buffer may be small."""
BUFFER_BYTES = 1 << 22
_PACKET = struct.Struct("<IHH")
"""Number of the message, number of this packet, packets in all."""
_PEER = struct.Struct("3i")
WAITING_TO_BE_TAKEN = 4

DETECTOR_FIELDS = ("detector_on", "detector_count", "detector_occupancy", "detector_time_ms")
TRACK_FIELDS = ("track_segment", "track_distance_m", "track_speed_m_per_s", "track_kind")
BUS_FIELDS = ("bus_lane", "bus_distance_m", "bus_late_s", "bus_persons", "bus_age_s")


class BadMessage(ValueError):
    """What came is none of our messages, or not of this street."""


# --- the sockets -------------------------------------------------------------------------


class LampLine:
    """One end of a line. Whole messages in order, as long as there is room."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._number = 0
        self._parts: list[bytes] = []
        self.closed = False
        end.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)

    def send(self, message: bytes) -> bool:
        """Hand over a message; False = no room or nobody there, and the message is lost."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        pieces = range(0, max(1, len(message)), PACKET_BYTES)
        try:
            for at, start in enumerate(pieces):
                head = _PACKET.pack(self._number, at, len(pieces))
                self._socket.send(head + message[start : start + PACKET_BYTES])
        except BlockingIOError:
            return False
        except OSError:
            self.closed = True
            return False
        return True

    def receive(self) -> bytes | None:
        """The next whole message, if there is one. `closed` is set when there will be no more."""
        while not self.closed:
            try:
                packet = self._socket.recv(PACKET_BYTES + _PACKET.size)
            except BlockingIOError:
                return None
            except OSError:
                packet = b""
            if len(packet) < _PACKET.size:
                self.closed = True
                return None
            _, at, of = _PACKET.unpack_from(packet)
            if at == 0:
                self._parts.clear()
            if at != len(self._parts):
                continue  # the rest of a message that lost its beginning
            self._parts.append(packet[_PACKET.size :])
            if at + 1 == of:
                return b"".join(self._parts)
        return None

    def fileno(self) -> int:
        """For a poller."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let go; the other end sees it at once."""
        self.closed = True
        self._socket.close()


def listen_at(path: Path) -> socket.socket:
    """A door for lines, for the owner of the file alone. Replaces one left by a process that died."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.unlink(missing_ok=True)
        door.bind(str(path))
        path.chmod(0o600)
        door.listen(WAITING_TO_BE_TAKEN)
    except OSError:
        door.close()
        raise
    door.setblocking(False)
    return door


def take_line(door: socket.socket) -> LampLine | None:
    """Whoever knocks, if he is of the same user; None when nobody does."""
    while True:
        try:
            end, _ = door.accept()
        except OSError:
            return None
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        if _PEER.unpack(peer)[1] == os.getuid():
            return LampLine(end)
        end.close()


def knock_at(path: Path) -> LampLine | None:
    """A line to whoever listens there; None where nobody does."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        end.connect(str(path))
    except OSError:
        end.close()
        return None
    return LampLine(end)


# --- the messages ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Said first on every line."""

    role: str
    """engine, street; a street that ends as it should says end."""
    card: bytes = b""
    """Digest of the card the engine is bound by, as it made it itself (C15)."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Street to monitor: what the heads light now, and that this reading has gone to the engine."""

    reading: int
    street_ms: int
    by_itself: bool
    """It flashes by itself, for want of a fresh permit."""
    bits: bytes
    """(G) uint8, see `controller.monitor.heads`."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Engine to monitor: what it wants shown; with `lamps` empty only that it is alive."""

    number: int
    """Grows with every message of an engine."""
    sequence: int
    """Grows by one with every frame proposed."""
    street_ms: int
    reading: int
    answer: bytes
    """To the monitor's last question (`controller.monitor.heartbeat`)."""
    lamps: bytes = b""
    """(G) int8."""
    calls: bytes = b""
    """(G) bool."""
    waived: bytes = b""
    """(J) bool."""
    suspended: bytes = b""
    """(J) bool."""
    lease_until_ms: bytes = b""
    """(J) int64, street time; empty where nobody orders anything."""


@dataclass(frozen=True, slots=True)
class Unlatch:
    """Engine to monitor: people have ended a latch, with two keys."""

    junction: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """Monitor to engine: what it made of a proposal, and its next question."""

    sequence: int
    question: bytes
    flash: bytes
    """(J) bool."""
    latched: bytes
    """(J) bool."""
    permitted: bytes
    """(G) int8."""
    findings: tuple[tuple[bool, tuple[Any, ...]], ...] = ()
    """(whether it is a violation, the fields of `Violation`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """Monitor to street: show these lamps. Good for 300 ms from the reading it answers, by its clock."""

    number: int
    """Grows with every permit."""
    reading: int
    """The latest reading it takes account of: the street knows when it gave that."""
    lamps: bytes
    """(G) int8."""


READING = 7
_KINDS: dict[int, Any] = {
    1: Hello, 2: Heads, 3: Proposal, 4: Unlatch, 5: Ruling, 6: Permit, 8: CardWish, 9: CardAnswer,
}  # fmt: skip
_NUMBERS = {kind: number for number, kind in _KINDS.items()}
Message = Hello | Heads | Proposal | Unlatch | Ruling | Permit | CardWish | CardAnswer


def pack(message: Message) -> bytes:
    """For `LampLine.send`."""
    fields = [getattr(message, name) for name in type(message).__slots__]
    packed: bytes = msgpack.packb([_NUMBERS[type(message)], *fields])
    return packed


def unpack(data: bytes) -> Message:
    """A message back. Raises BadMessage for whatever is none."""
    number, fields = _fields(data)
    kind = _KINDS.get(number)
    if kind is None or len(fields) != len(kind.__slots__):
        raise BadMessage("no message of ours")
    for name, value in zip(kind.__slots__, fields, strict=True):
        wanted = kind.__annotations__[name].partition("[")[0]
        if type(value).__name__ != wanted:
            raise BadMessage(f"{kind.__name__}.{name}: {type(value).__name__}, not {wanted}")
    message: Message = kind(*fields)
    return message


def _fields(data: bytes) -> tuple[int, list[Any]]:
    try:
        fields = msgpack.unpackb(data, use_list=False)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadMessage(f"cannot be read ({type(error).__name__})") from None
    if not isinstance(fields, tuple) or not fields or type(fields[0]) is not int:
        raise BadMessage("no message of ours")
    return fields[0], list(fields[1:])


def array_of(data: bytes, dtype: type, length: int) -> NDArray[Any]:
    """Bytes as an array of so many values; any byte but 0 is true. Raises BadMessage."""
    stored = np.dtype(np.uint8 if dtype is np.bool_ else dtype)
    if len(data) != length * stored.itemsize:
        raise BadMessage(f"{len(data)} bytes where {length} values of {stored} belong")
    found = np.frombuffer(data, stored)
    return found != 0 if dtype is np.bool_ else found


def told(verdict: Verdict) -> tuple[tuple[bool, tuple[Any, ...]], ...]:
    """What a verdict found, for a `Ruling`."""
    return tuple((True, astuple(v)) for v in verdict.violations) + tuple(
        (False, astuple(v)) for v in verdict.alarms
    )


def found_in(ruling: Ruling) -> tuple[tuple[Violation, ...], tuple[Violation, ...]]:
    """Violations and alarms back. Raises BadMessage."""
    try:
        rows = [(bad, Violation(*row)) for bad, row in ruling.findings]
    except (TypeError, ValueError):
        raise BadMessage("findings that are none") from None
    return tuple(v for bad, v in rows if bad), tuple(v for bad, v in rows if not bad)


# --- readings ----------------------------------------------------------------------------


def pack_reading(number: int, street_ms: int, frame: Frame, whole: bool) -> bytes:
    """Street to engine: a frame, its lamps always, its sensors where they are new (`whole`)."""
    parts: list[Any] = [
        READING,
        number,
        street_ms,
        frame.time_ms,
        frame.sequence,
        frame.lamps_shown.tobytes(),
    ]
    if whole:
        parts.append([getattr(frame, name).tobytes() for name in DETECTOR_FIELDS])
        for count, names in ((frame.n_tracks, TRACK_FIELDS), (frame.n_buses, BUS_FIELDS)):
            parts += [count, [getattr(frame, name)[:count].tobytes() for name in names]]
        count = frame.n_preempts
        if count or frame.n_buses:
            vehicles = np.zeros(frame.n_buses, np.int32)  # who has no number is 0
            known = frame.bus_vehicle[: frame.n_buses]
            vehicles[: len(known)] = known
            parts += [vehicles.tobytes(), count]
            parts.append([getattr(frame, name)[:count].tobytes() for name in PREEMPT_ARRAYS])
    packed: bytes = msgpack.packb(parts)
    return packed


def unpack_reading(data: bytes, network: Network, frame: Frame) -> tuple[int, int]:
    """Refill `frame`, as far as the message goes; gives (number, street time ms). Raises BadMessage."""
    kind, fields = _fields(data)
    if kind != READING or len(fields) not in (5, 10, 13) or any(type(f) is not int for f in fields[:4]):
        raise BadMessage("no reading")
    number, street_ms, time_ms, sequence = fields[:4]
    lamps = array_of(_bytes(fields[4]), np.int8, network.n_groups)
    if len(fields) >= 10:
        _, rows, n_tracks, tracks, n_buses, buses = fields[4:10]
        _refill_sensors(frame, network, rows, n_tracks, tracks, n_buses, buses)
        _refill_who_asks(frame, n_buses, fields[10:])
    np.copyto(frame.lamps_shown, lamps)
    frame.time_ms, frame.sequence = time_ms, sequence
    return number, street_ms


def _refill_sensors(
    frame: Frame, network: Network, rows: Any, n_tracks: Any, tracks: Any, n_buses: Any, buses: Any
) -> None:
    detectors = len(network.detectors)
    new: dict[str, NDArray[Any]] = {}
    for count, names, values in (
        (detectors, DETECTOR_FIELDS, rows),
        (n_tracks, TRACK_FIELDS, tracks),
        (n_buses, BUS_FIELDS, buses),
    ):
        if type(count) is not int or not isinstance(values, tuple) or len(values) != len(names):
            raise BadMessage("no reading")
        for name, value in zip(names, values, strict=True):
            new[name] = array_of(_bytes(value), getattr(frame, name).dtype.type, count)
    if n_tracks > len(frame.track_segment):
        for name in TRACK_FIELDS:
            setattr(frame, name, np.zeros(2 * n_tracks, getattr(frame, name).dtype))
    fit_buses(frame, n_buses)
    for name, value in new.items():
        getattr(frame, name)[: len(value)] = value
    frame.n_tracks, frame.n_buses = n_tracks, n_buses


def _refill_who_asks(frame: Frame, n_buses: int, told: list[Any]) -> None:
    """Numbers of the buses, and vehicles before which everybody gives way; nothing told = there are none."""
    frame.n_preempts = 0
    frame.bus_vehicle[:] = 0
    if not told:
        return
    vehicles, count, values = told
    if type(count) is not int or not isinstance(values, tuple) or len(values) != len(PREEMPT_ARRAYS):
        raise BadMessage("no reading")
    frame.bus_vehicle[:n_buses] = array_of(_bytes(vehicles), np.int32, n_buses)
    new = [
        array_of(_bytes(value), getattr(frame, name).dtype.type, count)
        for name, value in zip(PREEMPT_ARRAYS, values, strict=True)
    ]
    fit_preempts(frame, count)
    for name, value in zip(PREEMPT_ARRAYS, new, strict=True):
        getattr(frame, name)[:count] = value
    frame.n_preempts = count


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise BadMessage("no reading")
    return value
