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
    LAMPS,
    OK,
    TRANSITIONS,
    YELLOW,
    Bools,
    Int8s,
    Int64s,
)
from controller.monitor.memory import ALL_RED_AFTER_FLASH_MS, ConflictIndex, LampMemory, RowIndex
from controller.monitor.verdict import Findings

TOLERANCE_MS = 100
"""R13's and C10's 0.1 s, for yellow and for yellow plus red. Pedestrian times have none."""

NEVER_MS = 1 << 62

_STARTS: Bools = ~ACTIVE[:, None] & ACTIVE
"""(lamp before, lamp after): the group begins to be active."""
_ENTERS: Bools = ~FLASHING[:, None] & FLASHING
"""(lamp before, lamp after): the group begins to flash."""


class TransitionChecks:
    """Judges a proposal against what was permitted before it."""

    def __init__(self, card: Card, memory: LampMemory, conflicts: ConflictIndex) -> None:
        self._memory, self._conflicts = memory, conflicts
        self._kind = card.pedestrian.astype(np.intp)
        self.due_ms = NEVER_MS
        """Before this time no yellow can have lasted too long."""
        self.take_card(card)

    def take_card(self, card: Card) -> None:
        """Judge by the times of this card from now on; its groups are the same."""
        self._card = card
        self._least_ms = np.full((LAMPS, card.group_count), -NEVER_MS)
        """(lamp, G) shortest lawful time of a lamp: R13, R22, R23, minimum green."""
        self._least_ms[GREEN] = card.min_green_ms
        self._least_ms[YELLOW] = np.maximum(card.yellow_ms - TOLERANCE_MS, YELLOW_FLOOR_MS)
        self._least_ms[CLEARANCE] = card.clearance_ms
        step_ms = card.lamp_resolution_ms
        self._yellow_most_ms = -(-card.yellow_ms // step_ms) * step_ms + TOLERANCE_MS
        # R13 and the plan value less 0.1 s (C5); after a WALK exactly clearance and buffer (C8).
        self._pair_least_ms = np.where(
            card.pedestrian[card.pair_ending],
            card.pair_intergreen_ms,
            np.maximum(card.pair_intergreen_ms - TOLERANCE_MS, YELLOW_FLOOR_MS),
        )
        self._yields = RowIndex(card.yield_to, card.group_count)
        led = np.flatnonzero(card.yield_lead_ms)
        self._led = led[np.argsort(card.yield_drivers[led], kind="stable")]
        """Yields to a WALK that leads, sorted by who is led."""
        self._leads = RowIndex(card.yield_drivers[self._led], card.group_count)
        drives = ~card.pedestrian
        self._yellow_least_of_all_ms = int(self._yellow_most_ms[drives].min(initial=NEVER_MS))

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
            self._report_unlawful(changed, before, after, broken, found)
        short = lasted_ms < self._least_ms[before, changed]
        if short.any():
            self._report_short(changed, before, lasted_ms, short & (broken == OK), min_green_waived, found)
        starts = changed[_STARTS[before, after]]
        if starts.size:
            self._judge_starts(now_ms, starts, proposed, found)
        enters = changed[_ENTERS[before, after]]
        if enters.size:
            self._judge_flash_entry(enters, found)

    def _report_unlawful(
        self, changed: Int64s, before: Int8s, after: Int8s, broken: Int8s, found: Findings
    ) -> None:
        for at in np.flatnonzero(broken):
            group, check = int(changed[at]), int(broken[at])
            step = f"from {LAMP_NAMES[before[at]]} to {LAMP_NAMES[after[at]]}"
            if check == 4:
                required_ms = int(self._least_ms[YELLOW, group])
                found.violation(4, (group,), 0, required_ms, f"yellow was skipped, {step}")
            elif check == 8:
                required_ms = int(self._card.clearance_ms[group])
                found.violation(8, (group,), 0, required_ms, f"the pedestrian clearance was skipped, {step}")
            else:
                found.violation(9, (group,), 0, 0, f"unlawful change {step}")

    def _report_short(
        self, changed: Int64s, before: Int8s, lasted_ms: Int64s, short: Bools, waived: Bools, found: Findings
    ) -> None:
        """C4 short yellow, C8 short WALK or clearance, C6 short green where it is not waived."""
        for at in np.flatnonzero(short):
            group, lamp, measured_ms = int(changed[at]), int(before[at]), int(lasted_ms[at])
            required_ms = int(self._least_ms[lamp, group])
            text = f"{LAMP_NAMES[lamp]} lasted {measured_ms} ms, at least {required_ms} ms"
            if lamp == YELLOW:
                found.violation(4, (group,), measured_ms, required_ms, text)
            elif self._card.pedestrian[group]:
                found.violation(8, (group,), measured_ms, required_ms, text)
            elif not waived[self._card.junction[group]]:
                found.alarm(6, (group,), measured_ms, required_ms, text)

    def _judge_starts(self, now_ms: int, starts: Int64s, proposed: Int8s, found: Findings) -> None:
        """C1, C5 and the buffer of C8 for every pair a starting group has; R39 after a flash."""
        card, memory = self._card, self._memory
        pairs = self._conflicts.pairs_of(starts)
        ending = card.pair_ending[pairs]
        both = ACTIVE[proposed[ending]]
        waited_ms = now_ms - memory.green_ended_ms[ending]
        hasty = waited_ms < self._pair_least_ms[pairs]
        self._judge_yields(now_ms, starts, proposed, found)
        if both.any():
            self._report_conflicts(pairs[both], starts, proposed, found)
        if hasty.any():
            hasty &= ~both
            self._report_hasty(pairs[hasty], waited_ms[hasty], found)
        red_ms = now_ms - memory.flash_ended_ms[card.junction[starts]]
        for at in np.flatnonzero(red_ms < ALL_RED_AFTER_FLASH_MS):
            measured_ms = int(red_ms[at])
            text = f"started {measured_ms} ms after a flash, at least {ALL_RED_AFTER_FLASH_MS} ms of red"
            found.violation(9, (int(starts[at]),), measured_ms, ALL_RED_AFTER_FLASH_MS, text)
        flashes = FLASHING[proposed] | FLASHING[memory.permitted]
        if flashes.any():
            self._judge_beside_flash(starts[~FLASHING[proposed[starts]]], flashes, found)

    def _judge_yields(self, now_ms: int, starts: Int64s, proposed: Int8s, found: Findings) -> None:
        """Who gives way was free to go until his yellow is over: nobody starts before it (C8 WALK, C5 green).

        And no driver starts before the WALK that leads him has done so long enough (R29, C8).
        """
        card = self._card
        rows = self._yields.rows_of(starts)
        for at in rows[proposed[card.yield_drivers[rows]] == YELLOW]:
            drivers, to = int(card.yield_drivers[at]), int(card.yield_to[at])
            measured_ms = self._lasted_ms(now_ms, drivers, YELLOW)
            required_ms = int(self._least_ms[YELLOW, drivers])
            if measured_ms < required_ms:
                text = f"started {measured_ms} ms into the yellow of who gives way, at least {required_ms} ms"
                check = 8 if card.pedestrian[to] else 5
                found.violation(check, (drivers, to), measured_ms, required_ms, text)
        rows = self._led[self._leads.rows_of(starts)]
        for at in rows[proposed[card.yield_to[rows]] == GREEN]:
            walk, drivers = int(card.yield_to[at]), int(card.yield_drivers[at])
            measured_ms, required_ms = self._lasted_ms(now_ms, walk, GREEN), int(card.yield_lead_ms[at])
            if measured_ms < required_ms:
                text = f"WALK led by {measured_ms} ms, at least {required_ms} ms"
                found.violation(8, (walk, drivers), measured_ms, required_ms, text)

    def _lasted_ms(self, now_ms: int, group: int, lamp: int) -> int:
        """How long the group has shown this lamp; 0 where it begins with this frame."""
        memory = self._memory
        return now_ms - int(memory.since_ms[group]) if memory.permitted[group] == lamp else 0

    def _report_conflicts(self, pairs: Int64s, starts: Int64s, proposed: Int8s, found: Findings) -> None:
        for pair in pairs:
            other, group = int(self._card.pair_ending[pair]), int(self._card.pair_starting[pair])
            if other in starts and other > group:
                continue  # both start in this frame: said once
            names = f"{LAMP_NAMES[proposed[other]]} and {LAMP_NAMES[proposed[group]]}"
            found.violation(1, (other, group), 0, 0, f"conflicting and both active, {names}")

    def _report_hasty(self, pairs: Int64s, waited_ms: Int64s, found: Findings) -> None:
        for pair, waited in zip(pairs, waited_ms, strict=True):
            other, group = int(self._card.pair_ending[pair]), int(self._card.pair_starting[pair])
            measured_ms, required_ms = int(waited), int(self._pair_least_ms[pair])
            check = 8 if self._card.pedestrian[other] else 5
            text = f"{measured_ms} ms from end to start of green, at least {required_ms} ms"
            found.violation(check, (other, group), measured_ms, required_ms, text)

    def _judge_beside_flash(self, steady: Int64s, flashes: Bools, found: Findings) -> None:
        """A junction flashes as a whole: nothing turns green beside a flashing group."""
        junction = self._card.junction
        flashing = np.unique(junction[flashes])
        for group in steady[np.isin(junction[steady], flashing)]:
            found.violation(9, (int(group),), 0, 0, "active in a flashing junction")

    def _judge_flash_entry(self, enters: Int64s, found: Findings) -> None:
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
