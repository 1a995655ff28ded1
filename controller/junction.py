"""A junction as frozen records: signal groups, lanes, stages, detectors, fixed plan.

The unit is the signal group, as in European practice; NEMA phases map onto it. Times
are integer milliseconds, lengths metres, speeds metres per second. A `StreetNetwork` is
what an importer gives and what `controller.street_file` reads and writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.local_clock import LocalClock
from controller.vocabulary import DayKind, DetectorKind, GroupKind, StageSource, Timing

GROUPS_PER_JUNCTION_MAX = 62
"""Stages are kept as bits of a signed 64-bit word in the kernels."""
LEAD_WAIT_MS = 5_000
"""Drivers wait for a leading WALK that can begin so much later than they could; for a later one not."""


@dataclass(frozen=True, slots=True)
class Group:
    """One signal group: heads that always show the same thing."""

    name: str
    """Unique in its junction, for people: `north.left`, `crossing.2`."""
    kind: GroupKind
    approach: str
    """The approach it belongs to, e.g. `north`; for a crossing its own name, or what people call it."""
    links: tuple[int, ...]
    """Positions of its heads in the street's own signal (SUMO link indices)."""
    min_green_ms: int
    """Vehicles: minimum green. Pedestrians: minimum WALK."""
    max_green_ms: int
    """Longest green while a conflicting call waits."""
    yellow_ms: int
    """0 for pedestrians."""
    clearance_ms: int
    """Pedestrian clearance time after WALK (crossing length / 1.07 m/s); 0 for vehicles."""
    promise_ms: int
    """Promised longest time from registered call to start of green or WALK."""
    turn_on_red: bool = False
    """Drivers may turn after stopping at red (SUMO's `s`); shown as red."""
    crossing_length_m: float = 0.0
    lead_ms: int = 0
    """Crossings: WALK begins so long before drivers who give way to it may start (LPI, rules R29)."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One controlled way through the junction, from a lane to an exit."""

    link: int
    group: str
    direction: str
    """straight, right, left, turn (U-turn); partly-right and partly-left count as right, left."""
    exit_lane: str
    """The street's name of the lane it discharges into."""
    exit_speed_m_per_s: float


@dataclass(frozen=True, slots=True)
class Reach:
    """A stretch of street lane from which vehicles come to a stop line."""

    street_lane: str
    """The street's own name of the lane (SUMO lane id)."""
    length_m: float
    gap_m: float
    """Distance from the END of this stretch to the stop line (0 for the last one)."""
    share: float
    """Part of the vehicles here that will come to this lane (0-1), before learning."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane at a stop line, with the chain of street lanes that feeds it, back to 200 m."""

    name: str
    """The street's own name of the last lane."""
    approach: str
    length_m: float
    """Length of the last street lane alone: may be one metre in real networks."""
    speed_m_per_s: float
    saturation_veh_per_s: float
    movements: tuple[Movement, ...]
    reach: tuple[Reach, ...]
    """First entry is the lane itself with gap 0; then upstream through unsignalised nodes."""
    bus_only: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A set of groups that may be green together."""

    name: str
    groups: tuple[str, ...]
    source: StageSource


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector. Vehicle kinds name a lane, buttons name a group."""

    name: str
    kind: DetectorKind
    lane: str = ""
    group: str = ""
    street_lane: str = ""
    """Where it lies on the street: lane name and distance of the detector from that lane's end."""
    distance_to_end_m: float = 0.0
    distance_m: float = 0.0
    """Distance to the stop line."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a fixed plan: a stage is wanted for so long, intergreen before it included."""

    stage: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class FixedPlan:
    """A cycle of steps. The steps' durations add up to `cycle_ms`."""

    name: str
    cycle_ms: int
    offset_ms: int
    steps: tuple[PlanStep, ...]


@dataclass(frozen=True, slots=True)
class PlanHour:
    """From this local time of day on, on days of these kinds, the plans of this name are played.

    Before the first time of a day the last one of that kind of day still holds (a night goes on).
    A junction without a plan of that name plays its first, as all do on a day without hours.
    """

    days: tuple[DayKind, ...]
    from_ms: int
    """Local time of day."""
    plan: str


@dataclass(frozen=True, slots=True)
class Intergreen:
    """Two conflicting groups: time from the end of green of `ending` to green of `starting`.

    For a vehicle group that is yellow plus red clearance; for a pedestrian group
    clearance plus the 3 s buffer (R26). Every conflict is listed in both directions.
    """

    ending: str
    starting: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Yield:
    """Two groups that may be green together because drivers of one give way to the other."""

    group: str
    to: str


@dataclass(frozen=True, slots=True)
class PreemptTimes:
    """How a junction lets emergency vehicles through (rules R43)."""

    delay_ms: int = 0
    """From the call to the entry."""
    min_dwell_ms: int = 5_000
    """The vehicle's green lasts at least so long."""
    max_presence_ms: int = 120_000
    """After so long without a break it is an alarm, and nobody is let through for a while."""
    exit_stages: tuple[str, ...] = ()
    """Gone to afterwards, the one where a promise ends first; none = whoever's promise ends first."""


@dataclass(frozen=True, slots=True)
class Junction:
    """Everything the controller knows about one junction."""

    name: str
    """The street's own name of the signal."""
    title: str
    """A short name for people, unique in the network, e.g. `J3`."""
    x_m: float
    y_m: float
    groups: tuple[Group, ...]
    lanes: tuple[Lane, ...]
    stages: tuple[Stage, ...]
    intergreens: tuple[Intergreen, ...]
    yields: tuple[Yield, ...]
    detectors: tuple[Detector, ...]
    plans: tuple[FixedPlan, ...]
    """The network's own program first."""
    preempt: PreemptTimes = PreemptTimes()


@dataclass(frozen=True, slots=True)
class StreetNetwork:
    """Junctions and how they are joined."""

    name: str
    timing: Timing
    junctions: tuple[Junction, ...]
    links: tuple[StreetLink, ...] = ()
    assumptions: tuple[str, ...] = field(default=())
    """What an importer had to assume or repair, one plain sentence each."""
    timetable: tuple[PlanHour, ...] = field(default=())
    """Which fixed plans are played when; empty = each junction's first plan, always."""
    clock: LocalClock = field(default=LocalClock())
    """Local time by the street's own clock."""


@dataclass(frozen=True, slots=True)
class StreetLink:
    """Vehicles leaving through `exit_lane` come to `lane` of a signal downstream."""

    exit_lane: str
    to_junction: str
    to_lane: str
    length_m: float
    """From the exit's beginning to the downstream stop line."""
    share: float
    """Part of what leaves through the exit that comes to this lane, before learning."""


def held_at_most_ms(junction: Junction, group: str) -> int:
    """How much later than otherwise a group may get its green because a WALK leads it."""
    lead_ms = {g.name: g.lead_ms for g in junction.groups}
    leads = [lead_ms.get(y.to, 0) for y in junction.yields if y.group == group]
    return max((ms + LEAD_WAIT_MS for ms in leads if ms), default=0)
