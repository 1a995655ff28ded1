"""Two small junctions as a card, and a street that plays frames to the monitor.

Market Street: east and west drive together, north drives alone, one crossing lies across
the main road; traffic turning from north yields to it. Mill Lane: one road, one crossing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from controller.monitor import Card, SafetyMonitor, Verdict, Violation
from controller.monitor.lamps import CLEARANCE, GREEN, RED, YELLOW

EAST, WEST, NORTH, CROSSING, MILL, MILL_CROSSING = range(6)
MARKET_STREET, MILL_LANE = 0, 1
PAIRS = (
    (EAST, NORTH, 5_000), (WEST, NORTH, 5_000), (NORTH, EAST, 5_400), (NORTH, WEST, 5_400),
    (EAST, CROSSING, 5_000), (WEST, CROSSING, 5_000), (CROSSING, EAST, 11_000), (CROSSING, WEST, 11_000),
    (MILL, MILL_CROSSING, 4_500), (MILL_CROSSING, MILL, 11_000),
)  # fmt: skip


def card_fields(**changes: Any) -> dict[str, Any]:
    """The fields of the card, some of them changed."""
    fields: dict[str, Any] = {
        "junction_names": ("Market Street", "Mill Lane"),
        "group_names": ("east", "west", "north", "crossing", "mill", "crossing"),
        "junction": np.array([0, 0, 0, 0, 1, 1]),
        "pedestrian": np.array([False, False, False, True, False, True]),
        "yellow_ms": np.array([3_000, 3_000, 3_400, 0, 3_000, 0]),
        "min_green_ms": np.array([7_000, 7_000, 5_000, 7_000, 7_000, 7_000]),
        "clearance_ms": np.array([0, 0, 0, 8_000, 0, 8_000]),
        "promise_ms": np.array([120_000, 120_000, 120_000, 90_000, 120_000, 90_000]),
        "turn_on_red": np.zeros(6, dtype=np.bool_),
        "pair_ending": np.array([pair[0] for pair in PAIRS]),
        "pair_starting": np.array([pair[1] for pair in PAIRS]),
        "pair_intergreen_ms": np.array([pair[2] for pair in PAIRS]),
    }
    return {**fields, **changes}


def crossroads(**changes: Any) -> Card:
    """The card of the two junctions, some fields changed."""
    return Card(**card_fields(**changes))


class Street:
    """Plays an obedient engine and an obedient street; a test spoils what it is about."""

    def __init__(self, card: Card | None = None, monitor: SafetyMonitor | None = None) -> None:
        self.card = card or crossroads()
        self.monitor = monitor or SafetyMonitor(self.card)
        groups, junctions = self.card.group_count, self.card.junction_count
        self.now_ms = 1_000_000
        self.sequence = 0
        self.lamps = np.full(groups, RED, dtype=np.int8)
        self.feedback = np.full(groups, RED, dtype=np.int8)
        self.calls = np.zeros(groups, dtype=np.bool_)
        self.waived = np.zeros(junctions, dtype=np.bool_)
        self.suspended = np.zeros(junctions, dtype=np.bool_)
        self.follow = True
        """The street shows what was permitted."""

    def tick(self, step_ms: int = 100) -> Verdict:
        """One frame, `step_ms` after the last."""
        self.now_ms += step_ms
        self.sequence += 1
        verdict = self.monitor.judge(
            self.now_ms, self.sequence, self.lamps.copy(), self.feedback.copy(),
            self.calls.copy(), self.waived.copy(), self.suspended.copy(),
        )  # fmt: skip
        if self.follow:
            self.feedback = verdict.permitted.copy()
        return verdict

    def run(self, seconds: float) -> list[Violation]:
        """Frames for so long; everything found meanwhile, violations and alarms."""
        found: list[Violation] = []
        for _ in range(round(seconds * 10)):
            verdict = self.tick()
            found += [*verdict.violations, *verdict.alarms]
        return found

    def show(self, lamp: int, *groups: int) -> list[Violation]:
        """Propose `lamp` for `groups` from the next frame on; play that frame."""
        self.lamps[list(groups)] = lamp
        return self.run(0.1)

    def started(self) -> Street:
        """All red for 15 s: every green is lawful afterwards."""
        assert self.run(15) == []
        return self

    def drive(self, *groups: int, green_s: float = 7, yellow_s: float = 3) -> list[Violation]:
        """Green, yellow and red for vehicle groups, as a lawful engine does by default."""
        found = self.show(GREEN, *groups) + self.run(green_s - 0.1)
        found += self.show(YELLOW, *groups) + self.run(yellow_s - 0.1)
        return found + self.show(RED, *groups)

    def walk(self, group: int, walk_s: float = 7, clearance_s: float = 8) -> list[Violation]:
        """WALK, clearance and red for one crossing."""
        found = self.show(GREEN, group) + self.run(walk_s - 0.1)
        found += self.show(CLEARANCE, group) + self.run(clearance_s - 0.1)
        return found + self.show(RED, group)


def checks(found: list[Violation]) -> list[str]:
    """The numbers of the checks, in order."""
    return [violation.check for violation in found]
