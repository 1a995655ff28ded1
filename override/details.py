"""One junction from near, for who looks at it; and the pulse and the record of the whole street.

A detail is published once a second for each junction that somebody has asked to watch within
the last ten seconds. Everything in it is what the controller believes and shows, not the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from override.bounds import BOOT_BYTES, exactly, items, text, whole
from override.requests import Header

WATCH_MS = 10_000
"""A wish to watch lasts so long."""
WATCHED_MAX = 64
"""So many junctions are watched at a time; further wishes displace the oldest."""
LONG_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """One signal group now; in the order of the layout."""

    lamp: Annotated[str, text(1, 1)]
    """R red, G green or WALK, Y yellow, C clearance, F A flash, D dark."""
    since_ms: Annotated[int, whole(LONG_MS)]
    """How long it has shown that."""
    may_end_ms: Annotated[int, whole(LONG_MS)]
    """Not before so long from now (0 = at any moment)."""
    will_end_ms: Annotated[int, whole(LONG_MS)]
    """Expected so long from now; 0 = nobody knows yet."""
    called: bool
    waited_ms: Annotated[int, whole(LONG_MS)] = 0
    """Age of its oldest call not yet served."""
    waiting: Annotated[int, whole(100_000)] = 0
    """People at a crossing, vehicles queued for any other group; believed."""


@dataclass(frozen=True, slots=True)
class ApproachDetail:
    """One approach now."""

    name: Annotated[str, text(shortest=1)]
    queue_veh: Annotated[int, whole(100_000)]
    coming_veh: Annotated[int, whole(100_000)]
    """Within the next 20 s."""
    blocked_permille: Annotated[int, whole(1000)] = 0
    """Of its service, lost to a full exit."""
    seen: bool = True
    """False = nobody sees it; the numbers are believed."""


@dataclass(frozen=True, slots=True)
class DetectorDetail:
    """One detector now; in the order of the layout."""

    on: bool
    trust_permille: Annotated[int, whole(1000)]
    cause: Annotated[str, text(160)] = ""
    """Why it is not believed, in words."""
    idle_ms: Annotated[int, whole(LONG_MS)] = 0
    """How long nothing has changed at it."""


@dataclass(frozen=True, slots=True)
class BusDetail:
    """A bus on its way to the junction."""

    line: Annotated[str, text()]
    approach: Annotated[str, text()]
    arrives_ms: Annotated[int, whole(LONG_MS)]
    late_s: Annotated[int, whole(86_400, -86_400)]
    people: Annotated[int, whole(1000)]
    priority: Annotated[str, text()] = ""
    """What it asked for here and got; empty = it has not asked."""


@dataclass(frozen=True, slots=True)
class StageSpan:
    """A stage shown, or planned, from so long ago (negative) or from now (positive) for so long."""

    stage: Annotated[int, whole(255)]
    from_ms: Annotated[int, whole(LONG_MS, -LONG_MS)]
    for_ms: Annotated[int, whole(LONG_MS)]


@dataclass(frozen=True, slots=True)
class TermDetail:
    """What a term of the cost came to, in tenths of person-seconds, for the winner and the best loser."""

    name: Annotated[str, text(shortest=1)]
    winner: Annotated[int, whole()]
    loser: Annotated[int, whole()]


@dataclass(frozen=True, slots=True)
class Detail:
    """One junction from near."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    now_ms: Annotated[int, whole()]
    street_ms: Annotated[int, whole()]
    """Street time: milliseconds since midnight of the street's first day."""
    junction: Annotated[str, text(shortest=1)]
    groups: Annotated[tuple[GroupDetail, ...], items(62)]
    approaches: Annotated[tuple[ApproachDetail, ...], items(64)]
    detectors: Annotated[tuple[DetectorDetail, ...], items(256)]
    buses: Annotated[tuple[BusDetail, ...], items(32)] = ()
    shown: Annotated[tuple[StageSpan, ...], items(64)] = ()
    """The last two minutes, oldest first."""
    planned: Annotated[tuple[StageSpan, ...], items(16)] = ()
    """The next minute as the planner has it now."""
    decided_ms: Annotated[int, whole(LONG_MS)] = 0
    """How long ago it last changed its stage."""
    operator: Annotated[str, text(200)] = ""
    """Why it did, in three registers."""
    engineer: Annotated[str, text(200)] = ""
    citizen: Annotated[str, text(200)] = ""
    decided_by: Annotated[str, text()] = ""
    """The term without which it would not have; empty = no single one."""
    terms: Annotated[tuple[TermDetail, ...], items(16)] = ()
    rung_cause: Annotated[str, text(200)] = ""
    """Why it stands on the rung it stands on; empty at the top."""
    preempt: Annotated[str, text(200)] = ""
    """Before whom everybody gives way here now; empty = nobody. Promises are suspended meanwhile."""
    stages: Annotated[tuple[str, ...], items(256)] = ()
    """Names of its stages, where a version decides that is not final yet and has other ones; empty = as in
    the layout.
    """


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """I look at these junctions: tell me more of them for the next ten seconds. No reply."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
    junctions: Annotated[tuple[str, ...], items(16, 1)]


@dataclass(frozen=True, slots=True)
class ModePulse:
    """How a kind of people fares, over the last fifteen minutes, as the station believes."""

    mode: Annotated[str, text(shortest=1)]
    waiting: Annotated[int, whole()]
    """People waiting now."""
    mean_wait_ms: Annotated[int, whole(LONG_MS)]
    """A person served."""
    longest_ms: Annotated[int, whole(LONG_MS)]
    """Of the calls served or still standing."""
    kept_permille: Annotated[int, whole(1000)] = 1000
    """Of their calls, served within the promise."""


@dataclass(frozen=True, slots=True)
class DistrictPulse:
    """A district by mode; in its own words the row of an equity ledger."""

    district: Annotated[str, text()]
    modes: Annotated[tuple[ModePulse, ...], items(8)]


@dataclass(frozen=True, slots=True)
class Pulse:
    """The whole street, once a second."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    now_ms: Annotated[int, whole()]
    street_ms: Annotated[int, whole()]
    progress: Annotated[int, whole()]
    modes: Annotated[tuple[ModePulse, ...], items(8)]
    districts: Annotated[tuple[DistrictPulse, ...], items(64)]
    rungs: Annotated[tuple[int, ...], items(6)]
    """Junctions on each rung, 0 to 5."""
    tick_us: Annotated[int, whole()] = 0
    """Median cost of a tick over the last minute, and how late the latest of it was."""
    late_us: Annotated[int, whole()] = 0
    speed_permille: Annotated[int, whole()] = 1000
    """Street seconds in a second, by thousands (a simulated street may run faster)."""


@dataclass(frozen=True, slots=True)
class Record:
    """What happened at the lamps and buttons, so that whoever keeps it can prove or refute a complaint.

    `rows` are fours: street time in ms, number of the junction in the layout, code, parameter.
    Codes: 1 to 7 = a group (parameter) began to show red, green, yellow, clearance, red flash,
    amber flash, dark, in this order · 20 a button of the group was pressed · 21 a call of the group
    was registered · 22 it was served · 30 a detector (parameter) is no longer believed · 31 it is
    believed again · 40 + rung: the junction stands on that rung (parameter 0).
    """

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    seq: Annotated[int, whole()]
    """Grows by one with each; a gap means that some of the record is missing."""
    now_ms: Annotated[int, whole()]
    street_ms: Annotated[int, whole()]
    rows: Annotated[tuple[int, ...], items(240)]
