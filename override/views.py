"""What a station tells: replies, and the picture of its street in parts and changes.

`now_ms` is the station's monotonic clock; times that people read as ages are ages, so that
no reader needs the station's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from override.bounds import (
    BOOT_BYTES,
    DIGEST_BYTES,
    JUNCTIONS_PER_PART,
    NONCE_BYTES,
    exactly,
    items,
    text,
    whole,
)
from override.flag_messages import FlagView
from override.roles import Command


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
    people: Annotated[int, whole(100_000)] = 0
    """Believed to wait at its crossings."""
    queue_veh: Annotated[int, whole(100_000)] = 0
    """Believed to queue at its stop lines."""
    longest_s: Annotated[int, whole(86_400)] = 0
    """Age of the oldest call nobody has served yet."""
    used_percent: Annotated[int, whole(1000)] = 0
    """Of its promise, used up by the call that is nearest to it."""
    faults: Annotated[int, whole(256)] = 0
    """Detectors that are not believed."""


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
    at: Annotated[tuple[str, ...], items(16)] = ()
    """Its junctions, the first sixteen of them."""
    argument: Annotated[str, text(200)] = ""
    """Stage, group, detector, plan or bias: what the order is about, for people."""
    lease_ms: Annotated[int, whole(86_400_000)] = 0


class Urgency(StrEnum):
    """How soon somebody must look (after ISA-18.2's three)."""

    NOW = "now"
    SOON = "soon"
    KNOW = "know"

    @property
    def rank(self) -> int:
        """0 = the most pressing; lists are sorted by it."""
        return _RANKS[self]


_RANKS = {urgency: rank for rank, urgency in enumerate((Urgency.NOW, Urgency.SOON, Urgency.KNOW))}


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm with its three bits: active, acknowledged, suspended."""

    alarm: Annotated[str, text(64, 1)]
    """The same trouble at the same place has the same id."""
    junction: Annotated[str, text()]
    code: Annotated[str, text(shortest=1)]
    urgency: Urgency
    sentence: Annotated[str, text(400, 1)]
    active: bool
    acknowledged: bool
    suspended: bool
    """Shown no more until its time is over, or it becomes worse."""
    since_ms: Annotated[int, whole()]
    """Station time at which it became active."""
    count: Annotated[int, whole(low=1)] = 1
    """Times it became active since it was last acknowledged."""
    by: Annotated[str, text(32)] = ""
    """Who acknowledged or suspended it."""
    until_ms: Annotated[int, whole()] = 0
    """End of the suspension, station time."""

    @property
    def order(self) -> tuple[bool, bool, bool, int, int, str]:
        """Sorts alarms: open before suspended, nobody's before somebody's, active first, by urgency,
        then the oldest.
        """
        return (
            self.suspended, self.acknowledged, not self.active, self.urgency.rank, self.since_ms, self.alarm,
        )  # fmt: skip


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
    alarms: Annotated[tuple[AlarmView, ...], items(JUNCTIONS_PER_PART)] = ()
    flags: Annotated[tuple[FlagView, ...], items(JUNCTIONS_PER_PART)] = ()


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
    alarms: Annotated[tuple[AlarmView, ...], items(JUNCTIONS_PER_PART)] = ()
    """Changed ones; one that is neither active nor unacknowledged is gone after this."""
    flags: Annotated[tuple[FlagView, ...], items(JUNCTIONS_PER_PART)] = ()
    flags_gone: Annotated[tuple[str, ...], items(JUNCTIONS_PER_PART)] = ()
    """Cases of which nothing is told any more."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the tail at the foot of a console. Numbered by its boot."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    number: Annotated[int, whole()]
    now_ms: Annotated[int, whole()]
    wall_ms: Annotated[int, whole()]
    kind: Annotated[str, text(shortest=1)]
    """order, alarm, rung, flag, key, station."""
    junction: Annotated[str, text()]
    sentence: Annotated[str, text(400, 1)]


@dataclass(frozen=True, slots=True)
class Events:
    """The answer to who asks for earlier ones."""

    answers: Annotated[bytes, exactly(NONCE_BYTES)]
    events: Annotated[tuple[Event, ...], items(100)]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry of the audit, as its reader sees it."""

    number: Annotated[int, whole()]
    wall_ms: Annotated[int, whole()]
    actor: Annotated[str, text()]
    what: Annotated[str, text(200)]
    order: Annotated[str, text()]
    words: Annotated[str, text(400)]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some of the audit, the latest first."""

    answers: Annotated[bytes, exactly(NONCE_BYTES)]
    rows: Annotated[tuple[AuditRow, ...], items(100)]
    verified: bool = False
    """Whether the chain from the first row to the last of these holds."""
