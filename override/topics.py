"""Every topic and message there is, in one table: fields, bounds, versions, sizes.

The messages are frozen records; `wire` turns them into bytes and back and knows no field
by name. A field's bounds stand beside it. Times are milliseconds; `now_ms` is the
station's monotonic clock, `*_wall_ms` milliseconds since 1970 by the sender's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from override.roles import Command

U63 = (1 << 63) - 1
NAME_CHARACTERS = 64
REASON_CHARACTERS = 200
JUNCTIONS_PER_ORDER = 64
LEGS_MAX = 64
JUNCTIONS_PER_PART = 200
NONCE_BYTES = 16
DIGEST_BYTES = 32
BOOT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high`: a number, or the length of a text, a list or bytes."""

    low: int
    high: int


def whole(high: int = U63, low: int = 0) -> Bounds:
    """A whole number in low..high."""
    return Bounds(low, high)


def text(longest: int = NAME_CHARACTERS, shortest: int = 0) -> Bounds:
    """Printable text, so many characters long."""
    return Bounds(shortest, longest)


def exactly(size: int) -> Bounds:
    """So many bytes."""
    return Bounds(size, size)


def items(most: int, least: int = 0) -> Bounds:
    """A list of so many; its items are names, whole numbers or records."""
    return Bounds(least, most)


@dataclass(frozen=True, slots=True)
class Leg:
    """One junction of an emergency corridor: this stage from then on, for so long."""

    junction: Annotated[str, text(shortest=1)]
    stage: Annotated[str, text(shortest=1)]
    after_ms: Annotated[int, whole(3_600_000)]
    """From acceptance to the beginning of the hold at this junction."""
    hold_ms: Annotated[int, whole(900_000, 1_000)]


@dataclass(frozen=True, slots=True)
class Header:
    """What every request carries against loss, delay and repetition."""

    epoch: Annotated[int, whole()]
    """Grows with every start of the client (its wall clock will do)."""
    seq: Annotated[int, whole(low=1)]
    """Grows with every new request of an epoch; a repeated request keeps its number."""
    nonce: Annotated[bytes, exactly(NONCE_BYTES)]
    issued_wall_ms: Annotated[int, whole()]
    not_after_wall_ms: Annotated[int, whole()]
    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    """Of the station's last snapshot: which run of the station it came from."""
    snapshot_ms: Annotated[int, whole()]
    """`now_ms` of the station's last snapshot that the sender has seen."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """Somebody wants the sequencer to do something. What is not said is empty."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    """Must be the name of the key that signed it (A14)."""
    command: Command
    slot: Annotated[int, whole(16, 1)]
    junctions: Annotated[tuple[str, ...], items(JUNCTIONS_PER_ORDER)]
    """Names; empty with `whole_city` and with a corridor, whose legs name them."""
    basis: Annotated[tuple[int, ...], items(JUNCTIONS_PER_ORDER)]
    """State version of each junction as the sender saw it; empty where none is needed."""
    whole_city: bool = False
    lease_ms: Annotated[int, whole(86_400_000)] = 0
    reason: Annotated[str, text(REASON_CHARACTERS)] = ""
    ticket: Annotated[str, text()] = ""
    stage: Annotated[str, text()] = ""
    group: Annotated[str, text()] = ""
    detector: Annotated[str, text()] = ""
    plan: Annotated[str, text()] = ""
    bias_ms: Annotated[int, whole(10_000, -10_000)] = 0
    legs: Annotated[tuple[Leg, ...], items(LEGS_MAX)] = ()
    order: Annotated[str, text()] = ""
    """Release, renewal: which order; empty = all of this slot at these junctions."""
    renew: bool = False
    """Prolong `order` by `lease_ms` from now."""
    takeover: bool = False
    """Displace somebody else's order in the same slot."""
    break_glass: bool = False
    suspends_promise: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """The second person signs the hash of the very bytes the first one signed."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    """SHA-256 of the order's payload."""
    agrees: bool = True


class Outcome(StrEnum):
    """What a reply says."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    """For the second person."""
    REFUSED = "refused"
    DONE = "done"
    """A release, a renewal, an approval."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request; the same bytes for the same request, however often it comes."""

    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    """SHA-256 of the payload answered."""
    outcome: Outcome
    order: Annotated[str, text()] = ""
    code: Annotated[str, text()] = ""
    """Of a refusal, for programs."""
    why: Annotated[str, text(400)] = ""
    now_ms: Annotated[int, whole()] = 0
    expires_ms: Annotated[int, whole()] = 0
    audit_index: Annotated[int, whole()] = 0


@dataclass(frozen=True, slots=True)
class JunctionView:
    """What a console needs of one junction."""

    name: Annotated[str, text(shortest=1)]
    version: Annotated[int, whole()]
    stage: Annotated[str, text()]
    lamps: Annotated[str, text(62)]
    """One letter a group: R red, G green or WALK, Y yellow, C clearance, F A flash, D dark."""
    rung: Annotated[int, whole(5)]
    orders: Annotated[tuple[str, ...], items(16)] = ()
    """Ids of the orders that act here."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """What a console needs of one order."""

    order: Annotated[str, text(shortest=1)]
    issuer: Annotated[str, text(32, 1)]
    command: Command
    slot: Annotated[int, whole(16, 1)]
    state: Annotated[str, text(shortest=1)]
    junctions: Annotated[int, whole(low=1)]
    expires_ms: Annotated[int, whole()]
    digest: Annotated[bytes, exactly(DIGEST_BYTES)]
    """Of the request: what a second person agrees to."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Part of the whole picture. All parts of one picture carry the same `seq`."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    seq: Annotated[int, whole()]
    now_ms: Annotated[int, whole()]
    part: Annotated[int, whole(1000)]
    parts: Annotated[int, whole(1000, 1)]
    junctions: Annotated[tuple[JunctionView, ...], items(JUNCTIONS_PER_PART)]
    orders: Annotated[tuple[OrderView, ...], items(JUNCTIONS_PER_PART)]


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed. `seq` follows that of the delta or snapshot before it; a gap means: ask anew."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    seq: Annotated[int, whole()]
    now_ms: Annotated[int, whole()]
    progress: Annotated[int, whole()]
    """Ticks done so far: a station that answers but does not tick is a dead one."""
    junctions: Annotated[tuple[JunctionView, ...], items(JUNCTIONS_PER_PART)]
    orders: Annotated[tuple[OrderView, ...], items(JUNCTIONS_PER_PART)]


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """Ask for the whole picture."""

    header: Header
    issuer: Annotated[str, text(32, 1)]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something everybody shall hear."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    seq: Annotated[int, whole()]
    now_ms: Annotated[int, whole()]
    junction: Annotated[str, text()]
    code: Annotated[str, text(shortest=1)]
    sentence: Annotated[str, text(400, 1)]


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    version: int
    message: type
    most_bytes: int
    """Of the whole frame, signature included."""
    signed: bool
    """Requests are signed by their sender; what the station says CURVE answers for."""


_ORDER_BYTES, _TELEMETRY_BYTES = 4096, 65536

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic("order", 1, OrderRequest, _ORDER_BYTES, True),
        Topic("approve", 1, Approval, _ORDER_BYTES, True),
        Topic("picture", 1, SnapshotRequest, _ORDER_BYTES, True),
        Topic("reply", 1, Reply, _ORDER_BYTES, False),
        Topic("snapshot", 1, Snapshot, _TELEMETRY_BYTES, False),
        Topic("delta", 1, Delta, _TELEMETRY_BYTES, False),
        Topic("alarm", 1, Alarm, _ORDER_BYTES, False),
    )
}
"""The whole language. A new field with a default keeps the version; anything else raises it."""

NEEDS: dict[Command, frozenset[str]] = {
    Command.HOLD: frozenset({"stage"}),
    Command.FORCE_OFF: frozenset({"stage"}),
    Command.OMIT: frozenset({"group"}),
    Command.CALL: frozenset({"group"}),
    Command.PLAN: frozenset({"plan"}),
    Command.SPLIT_BIAS: frozenset({"stage", "bias_ms"}),
    Command.DETECTOR_DISABLE: frozenset({"detector"}),
    Command.DETECTOR_RECALL: frozenset({"detector"}),
    Command.MANUAL_STEP: frozenset(),
    Command.ALL_RED: frozenset(),
    Command.FLASH: frozenset(),
    Command.RELEASE: frozenset(),
    Command.LOCKOUT: frozenset(),
    Command.CORRIDOR: frozenset({"legs"}),
    Command.EVENT_PLAN: frozenset({"plan"}),
    Command.CONFIGURE: frozenset({"plan"}),
    Command.RESET_TRIP: frozenset(),
}
"""The arguments each command must have; it may have no other of ARGUMENTS."""
ARGUMENTS = frozenset({"stage", "group", "detector", "plan", "bias_ms", "legs"})
