"""The checks of a change of lamps: C1, C4, C5, C6, C8, C9, C10.

Everything here runs on the few groups that change in a frame, as arrays.
"""

from __future__ import annotations

import numpy as np

from controller.monitor.card import YELLOW_FLOOR_MS, Card
from controller.monitor.lamps import (
    ACTIVE,
    CLEARANCE,
    FLASHING,
    GREEN,
    LAMP_NAMES,
    RED,
    TRANSITIONS,
    YELLOW,
    Bools,
    Int8s,
    Int64s,
)
from controller.monitor.memory import ALL_RED_AFTER_FLASH_MS, ConflictIndex, LampMemory
from controller.monitor.verdict import Findings

TOLERANCE_MS = 100
"""R13's and C10's 0.1 s, for yellow and for yellow plus red. Pedestrian times have none."""

NEVER_MS = 1 << 62


class TransitionChecks:
    """Judges a proposal against what was permitted before it."""

    def __init__(self, card: Card, memory: LampMemory, conflicts: ConflictIndex) -> None:
        self._card, self._memory, self._conflicts = card, memory, conflicts
        self._kind = card.pedestrian.astype(np.intp)
        self._yellow_least_ms = np.maximum(card.yellow_ms - TOLERANCE_MS, YELLOW_FLOOR_MS)
        step_ms = card.lamp_resolution_ms
        self._yellow_most_ms = -(-card.yellow_ms // step_ms) * step_ms + TOLERANCE_MS
        # R13 and the plan value less 0.1 s (C5); after a WALK exactly clearance and buffer (C8).
        self._pair_least_ms = np.where(
            card.pedestrian[card.pair_ending],
            card.pair_intergreen_ms,
            np.maximum(card.pair_intergreen_ms - TOLERANCE_MS, YELLOW_FLOOR_MS),
        )
        drives = ~card.pedestrian
        self._yellow_least_of_all_ms = int(self._yellow_most_ms[drives].min(initial=NEVER_MS))
        self.due_ms = NEVER_MS
        """Before this time no yellow can have lasted too long."""

    def judge(self, now_ms: int, proposed: Int8s, min_green_waived: Bools, found: Findings) -> None:
        """Judge `proposed` (G lamps, flash already laid over flashing junctions)."""
        permitted = self._memory.permitted
        changed = np.flatnonzero(proposed != permitted)
        if not changed.size:
            return
        before, after = permitted[changed], proposed[changed]
        lasted_ms = now_ms - self._memory.since_ms[changed]
        broken = TRANSITIONS[self._kind[changed], before, after]
        if broken.any():
            self._report_unlawful(changed, before, after, lasted_ms, broken, found)
        ends = broken == 0
        self._judge_yellow(changed, ends & (before == YELLOW) & (after == RED), lasted_ms, found)
        self._judge_walk(changed, ends, before, after, lasted_ms, found)
        self._judge_green(changed, ends & (before == GREEN), lasted_ms, min_green_waived, found)
        starts = changed[ACTIVE[after] & ~ACTIVE[before]]
        if starts.size:
            self._judge_starts(now_ms, starts, proposed, found)
        if FLASHING[after].any():
            self._judge_flash_entry(changed[FLASHING[after] & ~FLASHING[before]], proposed, found)

    def _report_unlawful(
        self, changed: Int64s, before: Int8s, after: Int8s, lasted_ms: Int64s, broken: Int8s, found: Findings
    ) -> None:
        for at in np.flatnonzero(broken):
            group, check = int(changed[at]), int(broken[at])
            step = f"from {LAMP_NAMES[before[at]]} to {LAMP_NAMES[after[at]]}"
            if check == 4:
                required_ms = int(self._yellow_least_ms[group])
                found.violation(4, (group,), 0, required_ms, f"yellow was skipped, {step}")
            elif check == 8:
                required_ms = int(self._card.clearance_ms[group])
                found.violation(8, (group,), 0, required_ms, f"the pedestrian clearance was skipped, {step}")
            else:
                found.violation(9, (group,), int(lasted_ms[at]), 0, f"unlawful change {step}")

    def _judge_yellow(self, changed: Int64s, ends: Bools, lasted_ms: Int64s, found: Findings) -> None:
        least_ms = self._yellow_least_ms[changed]
        for at in np.flatnonzero(ends & (lasted_ms < least_ms)):
            measured_ms, required_ms = int(lasted_ms[at]), int(least_ms[at])
            text = f"yellow lasted {measured_ms} ms, at least {required_ms} ms"
            found.violation(4, (int(changed[at]),), measured_ms, required_ms, text)

    def _judge_walk(
        self, changed: Int64s, lawful: Bools, before: Int8s, after: Int8s, lasted_ms: Int64s, found: Findings
    ) -> None:
        walk_ms, clearance_ms = self._card.min_green_ms[changed], self._card.clearance_ms[changed]
        ends_walk = lawful & (before == GREEN) & (after == CLEARANCE)
        ends_clearance = lawful & (before == CLEARANCE)
        for what, ends, least_ms in (
            ("WALK", ends_walk, walk_ms),
            ("the pedestrian clearance", ends_clearance, clearance_ms),
        ):
            for at in np.flatnonzero(ends & (lasted_ms < least_ms)):
                measured_ms, required_ms = int(lasted_ms[at]), int(least_ms[at])
                text = f"{what} lasted {measured_ms} ms, at least {required_ms} ms"
                found.violation(8, (int(changed[at]),), measured_ms, required_ms, text)

    def _judge_green(
        self, changed: Int64s, ends: Bools, lasted_ms: Int64s, waived: Bools, found: Findings
    ) -> None:
        card = self._card
        least_ms = card.min_green_ms[changed]
        short = ends & ~card.pedestrian[changed] & (lasted_ms < least_ms) & ~waived[card.junction[changed]]
        for at in np.flatnonzero(short):
            measured_ms, required_ms = int(lasted_ms[at]), int(least_ms[at])
            text = f"green lasted {measured_ms} ms, at least {required_ms} ms"
            found.alarm(6, (int(changed[at]),), measured_ms, required_ms, text)

    def _judge_starts(self, now_ms: int, starts: Int64s, proposed: Int8s, found: Findings) -> None:
        """C1, C5 and the buffer of C8 for every pair a starting group has; R39 after a flash."""
        card, memory = self._card, self._memory
        pairs = self._conflicts.pairs_of(starts)
        ending = card.pair_ending[pairs]
        both = ACTIVE[proposed[ending]]
        waited_ms = now_ms - memory.green_ended_ms[ending]
        for at in np.flatnonzero(both):
            other, group = int(ending[at]), int(card.pair_starting[pairs[at]])
            if other in starts and other > group:
                continue  # both start in this frame: said once
            names = f"both active, {LAMP_NAMES[proposed[other]]} and {LAMP_NAMES[proposed[group]]}"
            found.violation(1, (other, group), 0, 0, f"conflicting and {names}")
        for at in np.flatnonzero(~both & (waited_ms < self._pair_least_ms[pairs])):
            other, group = int(ending[at]), int(card.pair_starting[pairs[at]])
            measured_ms, required_ms = int(waited_ms[at]), int(self._pair_least_ms[pairs[at]])
            check = 8 if card.pedestrian[other] else 5
            text = f"{measured_ms} ms from end to start of green, at least {required_ms} ms"
            found.violation(check, (other, group), measured_ms, required_ms, text)
        red_ms = now_ms - memory.flash_ended_ms[card.junction[starts]]
        for at in np.flatnonzero(red_ms < ALL_RED_AFTER_FLASH_MS):
            measured_ms = int(red_ms[at])
            text = f"started {measured_ms} ms after a flash, at least {ALL_RED_AFTER_FLASH_MS} ms of red"
            found.violation(9, (int(starts[at]),), measured_ms, ALL_RED_AFTER_FLASH_MS, text)
        self._judge_beside_flash(starts, proposed, found)

    def _judge_beside_flash(self, starts: Int64s, proposed: Int8s, found: Findings) -> None:
        """A junction flashes as a whole: nothing turns green beside a flashing group."""
        junction = self._card.junction
        steady = starts[~FLASHING[proposed[starts]]]
        flashing = np.unique(junction[FLASHING[proposed] | FLASHING[self._memory.permitted]])
        for group in steady[np.isin(junction[steady], flashing)]:
            found.violation(9, (int(group),), 0, 0, "active in a flashing junction")

    def _judge_flash_entry(self, enters: Int64s, proposed: Int8s, found: Findings) -> None:
        """R37: by program a junction enters flash only when all of it was red or in flash."""
        junction, permitted = self._card.junction, self._memory.permitted
        busy = np.unique(junction[ACTIVE[permitted] & ~FLASHING[permitted]])
        for group in enters[np.isin(junction[enters], busy)]:
            found.violation(9, (int(group),), 0, 0, "entered flash while the junction was not all red")

    def judge_overlong_yellow(self, now_ms: int, before_ms: int, found: Findings) -> None:
        """C10: a yellow was already past its plan value when the frame before this one came.

        Measured to the frame before, because between two frames nobody could have ended it.
        Also ends a yellow that never becomes red. Call it before `judge`, when `due_ms` is past.
        """
        yellow = np.flatnonzero(self._memory.permitted == YELLOW)
        since_ms, most_ms = self._memory.since_ms[yellow], self._yellow_most_ms[yellow]
        for at in np.flatnonzero(before_ms - since_ms >= most_ms):
            measured_ms, required_ms = int(now_ms - since_ms[at]), int(most_ms[at])
            text = f"yellow lasted {measured_ms} ms, its plan says at most {required_ms} ms"
            found.violation(10, (int(yellow[at]),), measured_ms, required_ms, text)
        self.due_ms = int((since_ms + most_ms).min(initial=NEVER_MS - 1)) + 1

    def note(self, now_ms: int, changed: Int64s) -> None:
        """After a commit: a yellow that begins now can be too long at the earliest then."""
        if (self._memory.permitted[changed] == YELLOW).any():
            self.due_ms = min(self.due_ms, now_ms + self._yellow_least_of_all_ms + 1)
