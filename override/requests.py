"""What people and programs ask of a station: frozen records, each field with its bounds.

Times are milliseconds; `now_ms` is the station's monotonic clock, `*_wall_ms` milliseconds since
1970 by the sender's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from override.bounds import (
    BOOT_BYTES,
    DIGEST_BYTES,
    JUNCTIONS_PER_ORDER,
    LEGS_MAX,
    NONCE_BYTES,
    REASON_CHARACTERS,
    exactly,
    items,
    text,
    whole,
)
from override.roles import Command


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


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """Ask for the whole picture."""

    header: Header
    issuer: Annotated[str, text(32, 1)]


class AlarmAction(StrEnum):
    """What a person may do with an alarm."""

    ACKNOWLEDGE = "acknowledge"
    SUSPEND = "suspend"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class AlarmRequest:
    """A person deals with an alarm. Answered by a `reply`."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    alarm: Annotated[str, text(64, 1)]
    action: AlarmAction
    for_ms: Annotated[int, whole(86_400_000)] = 0
    """Suspension: for so long, eight hours at most."""
    reason: Annotated[str, text(REASON_CHARACTERS)] = ""


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """The latest events up to a number."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    before: Annotated[int, whole()] = 0
    """0 = the latest."""
    junction: Annotated[str, text()] = ""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """A page of the audit, for who may read it."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    before: Annotated[int, whole()] = 0
    order: Annotated[str, text()] = ""
