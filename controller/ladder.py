"""The degradation ladder: on which rung each junction stands, by which step it came there, and why.

Down at the next lawful boundary, over as many rungs as there is reason for; up one rung at a time,
at most once in two cycles, after a settled time (rules 3.3, design 10.4). The table is the law; the
kernels only look things up in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from controller import ladder_kernels as kernels
from controller.feeds import find_feeds
from controller.ladder_kernels import DOWN, STAY, UP, Reasons, Rungs
from controller.network import Ints, Network
from controller.state import State


class Rung(IntEnum):
    """How a junction is run. Stored as int8."""

    ADAPTIVE = 0
    SUBSTITUTED = 1
    """Adaptive, with data put in for detectors that are not believed, and less say for each source."""
    ACTUATED = 2
    COORDINATED = 3
    """The fixed plan by the clock."""
    FREE = 4
    """The fixed plan without a clock."""
    FLASH = 5


class Reason(IntEnum):
    """Why a junction took a step. Stored as int8; the numbers are those of the kernels."""

    CLEAN = 0
    DETECTORS_DOUBTED = 1
    NEIGHBOUR_SILENT = 2
    DETECTORS_LOST = 3
    PLANNER_LOST = 4
    STOP_LINES_BLIND = 5
    ALARM = 6
    CLOCK_BAD = 7
    ORDERED = 8
    MONITOR_TRIP = 9
    WORSE_THAN_PLAN = 10


TABLE = (
    # reason for 0     1     2     3     4     5         standing on
    (STAY, DOWN, DOWN, DOWN, DOWN, DOWN),  # 0 adaptive
    (UP, STAY, DOWN, DOWN, DOWN, DOWN),  # 1 substituted
    (UP, UP, STAY, DOWN, DOWN, DOWN),  # 2 actuated
    (UP, UP, UP, STAY, DOWN, DOWN),  # 3 coordinated
    (UP, UP, UP, UP, STAY, DOWN),  # 4 free
    (UP, UP, UP, UP, UP, STAY),  # 5 flash
)
"""DOWN goes to the rung there is reason for; UP goes one rung, when the dwell of the present one is over."""
DEMANDS: dict[Reason, Rung | None] = {
    Reason.CLEAN: Rung.ADAPTIVE,
    Reason.DETECTORS_DOUBTED: Rung.SUBSTITUTED,
    Reason.NEIGHBOUR_SILENT: Rung.SUBSTITUTED,
    Reason.DETECTORS_LOST: Rung.ACTUATED,
    Reason.PLANNER_LOST: Rung.ACTUATED,
    Reason.WORSE_THAN_PLAN: Rung.COORDINATED,
    Reason.STOP_LINES_BLIND: Rung.COORDINATED,
    Reason.ALARM: Rung.COORDINATED,
    Reason.CLOCK_BAD: Rung.FREE,
    Reason.MONITOR_TRIP: Rung.FLASH,
    Reason.ORDERED: None,
}
"""The rung each reason is reason for, the mildest first; an order says itself how far down."""
DWELL_MS = (0, 300_000, 60_000, 600_000, 600_000, 0)
"""Time without a reason to stay, before a rung is left upward; flash is left when the monitor ends it."""
DWELL_CYCLES = (0, 0, 3, 0, 0, 0)
LOOK_MS = 1000

RUNG_WORDS = (
    "adaptive", "adaptive with substituted data", "actuated, failed detectors on recall",
    "fixed plan by the clock", "fixed plan without a clock", "flash",
)  # fmt: skip
REASON_WORDS = (
    "everything in order for the time required",
    "more than a tenth of its detectors in doubt",
    "a neighbour's stop lines see nobody",
    "more than three tenths of its detectors lost",
    "nobody plans for it",
    "most of its lanes are seen by no detector",
    "the safety monitor raised an alarm",
    "the clock cannot be trusted",
    "a person or a remedy asked for it",
    "the safety monitor tripped",
    "with detectors in doubt the fixed plan would have cost people clearly less",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one junction."""

    time_ms: int
    junction: str
    before: Rung
    after: Rung
    reason: Reason

    @property
    def sentence(self) -> str:
        """For people."""
        way = "down" if self.after > self.before else "up"
        return (
            f"{self.junction} {way} to rung {int(self.after)} ({RUNG_WORDS[self.after]}): "
            f"{REASON_WORDS[self.reason]}"
        )

    def to_json(self) -> dict[str, object]:
        """Plain values for scripts."""
        return {
            "time_ms": self.time_ms,
            "junction": self.junction,
            "from": int(self.before),
            "to": int(self.after),
            "reason": self.reason.name.lower().replace("_", "-"),
            "sentence": self.sentence,
        }


class Ladder:
    """The rungs of all junctions of a network. Reasons are written into `reasons` by who knows them."""

    def __init__(self, network: Network, now_ms: int) -> None:
        self.network = network
        self.rungs: Rungs = kernels.new_rungs(network.n_junctions, now_ms)
        self.reasons: Reasons = kernels.new_reasons(network.n_junctions, *_neighbours(network))
        self._table = np.array(TABLE, np.int8)
        self._dwell_ms: Ints = np.array(DWELL_MS, np.int64)
        self._dwell_cycles: Ints = np.array(DWELL_CYCLES, np.int64)
        self._looked_ms = now_ms - LOOK_MS

    def step(self, state: State, now_ms: int) -> int:
        """Look at every junction, once a second; returns how many took a step."""
        if 0 <= now_ms - self._looked_ms < LOOK_MS:
            return 0
        self._looked_ms = now_ms
        return int(
            kernels.climb(
                now_ms, self.network.group_start, state.lamp, state.in_transition, self.reasons, self._table,
                self._dwell_ms, self._dwell_cycles, self.rungs,
            )
        )  # fmt: skip

    def rung(self, junction: int) -> Rung:
        """Where a junction stands."""
        return Rung(int(self.rungs.rung[junction]))

    def order(self, junction: int, rung: Rung, until_ms: int) -> None:
        """Keep a junction at least so far down until then. Raises ValueError for flash."""
        if not Rung.ADAPTIVE <= rung <= Rung.FREE:
            raise ValueError(f"rung {int(rung)} cannot be ordered; allowed are 0 to {int(Rung.FREE)}")
        self.reasons.ordered_rung[junction] = rung
        self.reasons.ordered_until_ms[junction] = until_ms

    def carry_on(self, other: Ladder) -> None:
        """Stand where `other` stands, for its reasons; it must be of a street with the same junctions."""
        for mine, theirs in ((self.rungs, other.rungs), (self.reasons, other.reasons)):
            for here, there in zip(mine, theirs, strict=True):
                np.copyto(here, there)
        self._looked_ms = other._looked_ms

    @property
    def steps_taken(self) -> int:
        """By all junctions since the start."""
        return int(self.rungs.events[0])

    def event(self, number: int) -> tuple[int, int, int]:
        """Junction, rung before and rung after of a step that is still remembered."""
        junction, before, after, _ = self.rungs.event[number % kernels.EVENTS].tolist()
        return junction, before, after

    def log(self, since_step: int = 0) -> list[Step]:
        """The steps from number `since_step` on, as far as they are remembered (the last 512)."""
        first = max(since_step, self.steps_taken - kernels.EVENTS)
        return [self._told(n % kernels.EVENTS) for n in range(first, self.steps_taken)]

    def _told(self, k: int) -> Step:
        junction, before, after, reason = self.rungs.event[k].tolist()
        title = self.network.street.junctions[junction].title
        return Step(int(self.rungs.event_ms[k]), title, Rung(before), Rung(after), Reason(reason))


def _neighbours(network: Network) -> tuple[Ints, Ints]:
    """Junctions that send traffic to each junction, as sparse rows."""
    feeds = find_feeds(network)
    rows: list[set[int]] = [set() for _ in range(network.n_junctions)]
    for lane in range(network.n_lanes):
        own = int(network.lane_junction[lane])
        for f in range(int(feeds.start[lane]), int(feeds.start[lane + 1])):
            other = int(network.lane_junction[feeds.lane[f]])
            if other != own:
                rows[own].add(other)
    start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return start, np.array([n for row in rows for n in sorted(row)], np.int64)
