"""What the records of a journal hold, packed and unpacked; whatever is unpacked is checked.

A payload is one letter for its kind and a body: the header, ticks and the end are
msgpack, the street is TOML text. Arrays are raw little-endian bytes. Nothing that comes out
of here has a wrong length, an index out of range or a number that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from controller.explain import RULES, TERMS, Decision, Terms, Waiting
from controller.frame import Frame
from controller.journal_asking import BUSES, PREEMPTS, ROWS_MAX, BadAsking, fill, row_of
from controller.journal_orders import BadDeed, deeds_of, rows_of
from controller.journal_rulings import BadRuling, ruling_of
from controller.monitor import Verdict
from controller.network import Network
from controller.orders import Deed
from controller.policy import Policy
from controller.vocabulary import CONTROLLERS, Lamp, Sensors

FORMAT = 4
"""2: ticks tell what people ordered. 3: ticks come in blocks (`journal_disk`). 4: who asks for a green."""
FORMATS = (1, 2, 3, 4)
"""What can be read."""
NEWER_WEIGHTS = frozenset({"bus_late_after_s", "bus_lateness_s"})
"""Of the policy, since format 4."""
HEADER, STREET, TICK, END = b"H", b"S", b"T", b"E"
HEADER_BYTES_MAX = 1 << 16
STREET_BYTES_MAX = 1 << 25
TRACKS_MAX = 1 << 16
DECISIONS_BYTES_MAX = 1 << 16
ORDER_BYTES = 256
"""One order of a tick, with the name of a plan in it."""
TIME_MS_MAX = 1 << 53
OCCUPANCY_MAX = 255.0
"""Above 1 it is no occupancy but a device's report of its own fault."""

_TRACK_ARRAYS: tuple[tuple[str, np.dtype[Any]], ...] = (
    ("track_segment", np.dtype("<i4")),
    ("track_distance_m", np.dtype("<f8")),
    ("track_speed_m_per_s", np.dtype("<f8")),
    ("track_kind", np.dtype("i1")),
)
_DETECTOR_ARRAYS: tuple[tuple[str, np.dtype[Any]], ...] = (
    ("detector_on", np.dtype("?")),
    ("detector_count", np.dtype("<i4")),
    ("detector_occupancy", np.dtype("<f8")),
)
_UNPACK_ERRORS = (
    ValueError, TypeError, OverflowError, RecursionError, msgpack.exceptions.UnpackException,
)  # fmt: skip


class BadRecord(ValueError):
    """A record that is whole but says something impossible; the message says what."""


@dataclass(frozen=True, slots=True)
class Header:
    """Everything but the street that a replay needs to start from."""

    format: int
    product: str
    """Version of Belisha that wrote it."""
    sources: str
    """Digest of the controller's source files that wrote it."""
    controller: str
    policy: Policy
    sensors: Sensors
    lamp_resolution_ms: int
    start_ms: int
    """Street time at which the controller was made."""


@dataclass(frozen=True, slots=True, eq=False)
class TickRecord:
    """One tick: what went in, as far as it was new, and what came out, as far as it changed."""

    now_ms: int
    frame: Frame | None
    lamps: NDArray[np.int8] | None  # (groups)
    decisions: tuple[Decision, ...]
    deeds: tuple[Deed, ...] = ()
    """What people ordered since the tick before."""
    ruling: tuple[Verdict, ...] = ()
    """What a monitor in another process said, where it said something new."""


@dataclass(frozen=True, slots=True)
class EndRecord:
    """Written when a journal is closed in good order."""

    ticks: int
    digest: str
    """Of the controller's state after the last tick."""


# --- packing ---------------------------------------------------------------------------------


def pack_header(header: Header) -> bytes:
    """Payload of the header record."""
    return HEADER + msgpack.packb({**asdict(header), "sensors": str(header.sensors)})


def pack_tick(
    now_ms: int,
    frame: Frame | None,
    lamps: bytes | None,
    decisions: Sequence[Decision],
    deeds: Sequence[Deed] = (),
    ruling: list[Any] | None = None,
) -> bytes:
    """Payload of a tick record."""
    row = None if frame is None else _frame_row(frame)
    body = [now_ms, row, lamps, [_decision_row(d) for d in decisions]]
    if ruling is not None:
        return TICK + msgpack.packb([*body, rows_of(deeds), ruling])
    return TICK + msgpack.packb([*body, rows_of(deeds)] if deeds else body)


def pack_end(end: EndRecord) -> bytes:
    """Payload of the end record."""
    return END + msgpack.packb([end.ticks, end.digest])


def _frame_row(frame: Frame) -> list[Any]:
    detectors = [getattr(frame, name).astype(kind).tobytes() for name, kind in _DETECTOR_ARRAYS]
    tracks = [getattr(frame, name)[: frame.n_tracks].astype(kind).tobytes() for name, kind in _TRACK_ARRAYS]
    shown, n_tracks = frame.lamps_shown.tobytes(), int(frame.n_tracks)
    row = [int(frame.sequence), int(frame.time_ms), *detectors, shown, n_tracks, *tracks]
    # Told only where a reading came late or a clock is wrong, and where somebody asks for a green.
    times = frame.detector_time_ms
    odd = (times != frame.time_ms).any() and times.any()
    asking = row_of(frame)
    if odd or asking:
        row.append(times.astype("<i8").tobytes() if odd else None)
    return [*row, asking] if asking else row


def _decision_row(d: Decision) -> list[Any]:
    def terms(t: Terms | None) -> list[float] | None:
        return None if t is None else [getattr(t, name) for name in TERMS]

    waiting = [[w.group, w.count, w.waited_ms] for w in d.waiting]
    totals = None if d.totals is None else list(d.totals)
    row = [
        d.time_ms, d.junction, d.from_stage, d.to_stage, d.source, terms(d.winner), terms(d.loser),
        d.urgent_group, d.rule, d.from_groups, d.to_groups, totals, waiting,
    ]  # fmt: skip
    # Told only where some approach is not seen.
    return [*row, d.by_history] if d.by_history else row


# --- unpacking -------------------------------------------------------------------------------


def tick_bytes_max(network: Network) -> int:
    """Longest tick record of this street that is believed."""
    detector = ORDER_BYTES + sum(kind.itemsize for _, kind in _DETECTOR_ARRAYS) + 8
    track = sum(kind.itemsize for _, kind in _TRACK_ARRAYS)
    # Every junction may change its stage in one tick, and tell of everybody who waits.
    decisions = DECISIONS_BYTES_MAX + (400 + ORDER_BYTES) * network.n_junctions
    decisions += (40 + ORDER_BYTES) * network.n_groups
    asking = sum(kind.itemsize for _, kind, _, _ in (*BUSES, *PREEMPTS)) * ROWS_MAX + ORDER_BYTES
    return detector * len(network.detectors) + 2 * network.n_groups + track * TRACKS_MAX + decisions + asking


def unpack_header(payload: bytes) -> Header:
    """The header. Raises `BadRecord`."""
    if payload[:1] != HEADER:
        raise BadRecord("the first record is no header")
    data = _unpack(payload)
    known = [f.name for f in fields(Header)]
    if not isinstance(data, dict):
        raise BadRecord("the header is no table")
    if data.get("format") not in FORMATS:
        found = str(data.get("format"))[:20]
        raise BadRecord(f"written in format {found}; this version reads {', '.join(map(str, FORMATS))}")
    if sorted(data, key=str) != sorted(known):
        raise BadRecord(f"the header must have {', '.join(known)} and nothing else")
    if data["controller"] not in CONTROLLERS:
        raise BadRecord(f"controller {str(data['controller'])[:40]!r}; known are {', '.join(CONTROLLERS)}")
    if data["sensors"] not in list(Sensors):
        raise BadRecord(f"sensors {str(data['sensors'])[:40]!r}; known are {', '.join(Sensors)}")
    for name in ("product", "sources"):
        if not isinstance(data[name], str) or not data[name].isprintable():
            raise BadRecord(f"{name} is no text")
    return Header(
        format=int(data["format"]),
        product=data["product"],
        sources=data["sources"],
        controller=data["controller"],
        policy=_policy(data["policy"]),
        sensors=Sensors(data["sensors"]),
        lamp_resolution_ms=_whole(data["lamp_resolution_ms"], 1, 60_000, "lamp_resolution_ms"),
        start_ms=_whole(data["start_ms"], 0, TIME_MS_MAX, "start_ms"),
    )


def _policy(data: object) -> Policy:
    """The weights; those a journal of an earlier version did not know yet are as they are usually."""
    names = [f.name for f in fields(Policy)]
    if isinstance(data, dict) and set(names) - set(data) <= NEWER_WEIGHTS:
        data = {**{name: getattr(Policy(), name) for name in NEWER_WEIGHTS}, **data}
    if not isinstance(data, dict) or sorted(data, key=str) != sorted(names):
        raise BadRecord(f"policy must have {', '.join(names)} and nothing else")
    version = _whole(data["version"], 0, 1 << 31, "policy version")
    return Policy(version, *(_finite(data[name], f"policy {name}") for name in names[1:]))


def unpack_street(payload: bytes) -> str:
    """The street's TOML text. Raises `BadRecord`."""
    if payload[:1] != STREET:
        raise BadRecord("the second record is no street")
    try:
        return payload[1:].decode("utf-8")
    except UnicodeDecodeError:
        raise BadRecord("the street is not UTF-8 text") from None


def unpack_tick(payload: bytes, network: Network, sensors: Sensors) -> TickRecord:
    """One tick, every number in it possible on this street. Raises `BadRecord`."""
    body = _unpack(payload)
    body = _list(body, len(body) if isinstance(body, list) and len(body) in (5, 6) else 4, "a tick")
    lamps = None if body[2] is None else _lamps(body[2], network.n_groups, "lamps")
    if not isinstance(body[3], list):
        raise BadRecord("decisions are no list")
    try:
        deeds = deeds_of(body[4], network) if len(body) > 4 else ()
        ruling = ruling_of(body[5], network) if len(body) > 5 else ()
    except (BadDeed, BadRuling) as error:
        raise BadRecord(str(error)) from None
    return TickRecord(
        now_ms=_whole(body[0], 0, TIME_MS_MAX, "time"),
        frame=None if body[1] is None else _frame(_frame_list(body[1]), network, sensors),
        lamps=lamps,
        decisions=tuple(_decision(row, network) for row in body[3]),
        deeds=deeds,
        ruling=ruling,
    )


def unpack_end(payload: bytes) -> EndRecord:
    """The end record. Raises `BadRecord`."""
    ticks, digest = _list(_unpack(payload), 2, "the end")
    if not isinstance(digest, str) or len(digest) != 64:
        raise BadRecord("the digest at the end is not 64 characters")
    return EndRecord(_whole(ticks, 0, TIME_MS_MAX, "number of ticks"), digest)


def _frame_list(data: object) -> list[Any]:
    """Eleven values, twelve where detectors told when they were read, thirteen where somebody asks."""
    return _list(data, len(data) if isinstance(data, list) and len(data) in (12, 13) else 11, "a frame")


def _frame(row: list[Any], network: Network, sensors: Sensors) -> Frame:
    n_tracks = _whole(row[6], 0, TRACKS_MAX, "number of tracks")
    detectors = len(network.detectors)
    frame = Frame(
        sensors=sensors,
        sequence=_whole(row[0], 0, TIME_MS_MAX, "frame sequence"),
        time_ms=_whole(row[1], 0, TIME_MS_MAX, "frame time"),
        detector_on=_array(row[2], np.dtype("u1"), detectors, 0, 1, "detector_on").astype(np.bool_),
        lamps_shown=_lamps(row[5], network.n_groups, "lamps_shown"),
        n_tracks=n_tracks,
    )
    # Lamps can be DARK or worse in feedback, but never a number that is no lamp.
    frame.detector_count = _array(row[3], np.dtype("<i4"), detectors, 0, 1 << 20, "detector_count")
    frame.detector_occupancy = _array(
        row[4], np.dtype("<f8"), detectors, 0.0, OCCUPANCY_MAX, "detector_occupancy"
    )
    bounds = ((0, len(network.segments) - 1), (-1e5, 1e5), (-1e3, 1e3), (0, 1))
    for (name, kind), (low, high), data in zip(_TRACK_ARRAYS, bounds, row[7:11], strict=True):
        setattr(frame, name, _array(data, kind, n_tracks, low, high, name))
    if len(row) > 11 and row[11] is not None:
        frame.detector_time_ms = _array(
            row[11], np.dtype("<i8"), detectors, -TIME_MS_MAX, TIME_MS_MAX, "detector_time_ms"
        )
    if len(row) > 12:
        try:
            fill(frame, row[12])
        except BadAsking as error:
            raise BadRecord(str(error)) from None
    return frame


def _decision(data: object, network: Network) -> Decision:
    unseen = isinstance(data, list) and len(data) == 14
    row = _list(data, 14 if unseen else 13, "a decision")
    j = _whole(row[1], 0, network.n_junctions - 1, "junction")
    stages = int(network.stage_start[j]), int(network.stage_start[j + 1]) - 1
    groups = int(network.group_start[j]), int(network.group_start[j + 1]) - 1
    bits = (1 << (groups[1] - groups[0] + 1)) - 1

    def terms(values: object) -> Terms | None:
        if values is None:
            return None
        return Terms(*(_finite(v, "cost") for v in _list(values, len(TERMS), "terms")))

    def waiting(values: object) -> Waiting:
        group, count, waited_ms = _list(values, 3, "waiting")
        waited_ms = _whole(waited_ms, 0, TIME_MS_MAX, "wait")
        return Waiting(_whole(group, *groups, "group"), _finite(count, "count"), waited_ms)

    if row[4] not in CONTROLLERS or row[8] not in RULES:
        raise BadRecord("a decision by nobody known")
    totals = None
    if row[11] is not None:
        change, stay = (_finite(v, "total") for v in _list(row[11], 2, "totals"))
        totals = (change, stay)
    if not isinstance(row[12], list):
        raise BadRecord("waiting is no list")
    return Decision(
        time_ms=_whole(row[0], 0, TIME_MS_MAX, "time"),
        junction=j,
        from_stage=_whole(row[2], *stages, "stage"),
        to_stage=_whole(row[3], *stages, "stage"),
        source=row[4],
        winner=terms(row[5]),
        loser=terms(row[6]),
        urgent_group=None if row[7] is None else _whole(row[7], *groups, "group"),
        rule=row[8],
        from_groups=_whole(row[9], 0, bits, "groups"),
        to_groups=_whole(row[10], 0, bits, "groups"),
        totals=totals,
        waiting=tuple(waiting(v) for v in row[12]),
        by_history=_whole(row[13], 0, bits, "groups") if unseen else 0,
    )


def _unpack(payload: bytes) -> Any:
    """One msgpack value. Records are short, so what a hostile one can blow up to is bounded."""
    try:
        return msgpack.unpackb(memoryview(payload)[1:], max_map_len=64, max_array_len=1 << 16, max_ext_len=0)
    except _UNPACK_ERRORS as error:
        raise BadRecord(f"not msgpack: {str(error)[:80] or type(error).__name__}") from None


def _list(value: object, length: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise BadRecord(f"{what} is no list of {length}")
    return value


def _whole(value: object, low: int, high: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRecord(f"{what} is {str(value)[:40]}; allowed is a whole number from {low} to {high}")
    return value


def _finite(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRecord(f"{what} is {str(value)[:40]}; allowed is a finite number")
    return float(value)


def _lamps(data: object, n_groups: int, what: str) -> NDArray[np.int8]:
    return _array(data, np.dtype("i1"), n_groups, min(Lamp), max(Lamp), what)


def _array(
    data: object, kind: np.dtype[Any], length: int, low: float, high: float, what: str
) -> NDArray[Any]:
    """A writable array in native byte order, its length and every value checked."""
    if not isinstance(data, bytes) or len(data) != length * kind.itemsize:
        size = len(data) if isinstance(data, bytes) else 0
        raise BadRecord(f"{what} has {size} bytes; this street needs {length * kind.itemsize}")
    # The scalar type, so that kernels and monitor meet the very dtype they know.
    values = np.frombuffer(data, kind).astype(kind.type)
    # Said this way round, a value that is no number is refused too.
    if not ((values >= low) & (values <= high)).all():
        raise BadRecord(f"{what} holds a value outside {low:g} to {high:g}")
    return values
