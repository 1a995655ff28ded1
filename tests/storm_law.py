"""What lamps may do in a storm, for a whole street at once: the rules of `lamp_law` in arrays, and flash.

Written from street files and rules alone: it knows neither the sequencer nor the monitor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.junction import StreetNetwork
from controller.vocabulary import GroupKind, Lamp

RED_REVERT_MS = 2_000
AFTER_FLASH_MS = 6_000
LONG_AGO_MS = -(1 << 40)
R, G, Y, C, FR, FA = Lamp.RED, Lamp.GREEN, Lamp.YELLOW, Lamp.CLEARANCE, Lamp.FLASH_RED, Lamp.FLASH_AMBER
DRIVES = {(R, G), (G, Y), (Y, R), (FR, R)}
WALKS = {(R, G), (G, C), (C, R)}
SLACK_MS = 100
"""What a monitor lets pass where the engine is mad: a tenth of a second of yellow and of red."""
FLOOR_MS = 2_700


class Unlawful(AssertionError):
    """The lamps broke a rule; the message says which, where and when."""


class StormLaw:
    """Show it all lamps at every tick; it raises Unlawful at the first that breaks a rule."""

    def __init__(self, street: StreetNetwork) -> None:
        groups = [(j, g) for j, junction in enumerate(street.junctions) for g in junction.groups]
        index = {(j, g.name): k for k, (j, g) in enumerate(groups)}
        self.names = [f"{street.junctions[j].name}/{g.name}" for j, g in groups]
        self.junction = np.array([j for j, _ in groups])
        self.walks = np.array([g.kind == GroupKind.PEDESTRIAN for _, g in groups])
        self.green_ms = np.array([g.min_green_ms for _, g in groups])
        self.ending_ms = np.array([g.yellow_ms or g.clearance_ms for _, g in groups])
        pairs = [
            (index[j, i.ending], index[j, i.starting], i.duration_ms)
            for j, junction in enumerate(street.junctions)
            for i in junction.intergreens
        ]
        self.ending, self.starting, self.between_ms = (
            np.array(column) for column in zip(*pairs, strict=True)
        )
        gives = [
            (index[j, y.group], index[j, y.to])
            for j, junction in enumerate(street.junctions)
            for y in junction.yields
            if not self.walks[index[j, y.group]]
        ]
        self.givers, self.given = np.array(gives, np.int64).reshape(-1, 2).T
        self.lamp = np.full(len(groups), FR, np.int8)
        self.lamp[self.walks] = R
        self.since_ms = np.full(len(groups), LONG_AGO_MS)
        self.ended_ms = np.full(len(groups), LONG_AGO_MS)
        self.flash_ended_ms = np.full(len(street.junctions), LONG_AGO_MS)
        self.mad = np.zeros(len(street.junctions), np.bool_)
        """(J) the engine is mad there: what the monitor lets pass is let pass until it has flashed."""
        self.waived = np.zeros(len(street.junctions), np.bool_)
        """(J) an order waives the minimum green of vehicles."""
        self.starts = 0
        self._lawful = np.zeros((2, 7, 7), np.bool_)
        for kind, steps in enumerate((DRIVES, WALKS)):
            for before, after in steps:
                self._lawful[kind, before, after] = True

    def look(self, now_ms: int, lamps: NDArray[np.int8]) -> None:
        """(groups,) lamps shown from `now_ms` on."""
        changed = np.flatnonzero(lamps != self.lamp)
        if changed.size:
            self._changes(now_ms, changed, lamps)
        active = (lamps == G) | (lamps == Y) | (lamps == C) | (lamps == FA)
        both = active[self.ending] & active[self.starting]
        if both.any():
            at = int(np.flatnonzero(both)[0])
            raise Unlawful(f"{self.names[self.ending[at]]} and {self.names[self.starting[at]]} both active")

    def _changes(self, now_ms: int, changed: NDArray[np.int64], lamps: NDArray[np.int8]) -> None:
        before, after, here = self.lamp[changed], lamps[changed], self.junction[changed]
        lasted_ms = now_ms - self.since_ms[changed]
        # Into flash at any moment, as a whole junction: that is what flash is for.
        flashes = np.zeros(len(self.mad), np.bool_)
        flashes[self.junction[lamps == FR]] = True
        stops = flashes[here] & ((after == FR) | (self.walks[changed] & (after == R)))
        lawful = self._lawful[self.walks[changed].astype(int), before, after] | stops
        self._none(~lawful, changed, before, after, lasted_ms, "is no lawful change")
        mad = self.mad[here]
        drives = ~self.walks[changed]
        short = (before == G) & ~stops & (lasted_ms < self.green_ms[changed])
        short &= ~(drives & (self.waived[here] | mad))
        self._none(short, changed, before, after, lasted_ms, "shorter than its minimum")
        full_ms = self.ending_ms[changed]
        clears = ((before == Y) | (before == C)) & ~stops
        wrong = clears & (lasted_ms != full_ms) & ~(mad & drives & (abs(lasted_ms - full_ms) <= SLACK_MS))
        wrong &= ~(mad & ~drives & (lasted_ms > full_ms))
        self._none(wrong, changed, before, after, lasted_ms, "not its full time")
        ends = changed[(before == G) & (after != G)]
        self.ended_ms[ends] = now_ms
        left = changed[before == FR]
        self.flash_ended_ms[self.junction[left]] = now_ms
        self._starts(now_ms, changed[after == G], lamps)
        self.lamp[changed], self.since_ms[changed] = after, now_ms
        self.mad &= ~flashes

    def _starts(self, now_ms: int, starts: NDArray[np.int64], lamps: NDArray[np.int8]) -> None:
        if not starts.size:
            return
        self.starts += len(starts)
        here = self.junction[starts]
        early = now_ms - self.flash_ended_ms[here] < AFTER_FLASH_MS
        self._stop(early, starts, f"green {AFTER_FLASH_MS} ms or less after a flash")
        mad = self.mad[here]
        again_ms = self.ending_ms[starts] + RED_REVERT_MS
        early = (now_ms - self.ended_ms[starts] < again_ms) & ~mad
        self._stop(early, starts, "green again before its red")
        concerned = np.isin(self.starting, starts)
        since_ms = now_ms - self.ended_ms[self.ending[concerned]]
        mad = self.mad[self.junction[self.starting[concerned]]]
        needed_ms = self.between_ms[concerned]
        slack_ms = np.maximum(needed_ms - SLACK_MS, FLOOR_MS)
        hasty = since_ms < np.where(mad & ~self.walks[self.ending[concerned]], slack_ms, needed_ms)
        self._stop(hasty, self.starting[concerned], "green before the intergreen has passed")
        beside = np.isin(self.given, starts) & (lamps[self.givers] == Y)
        givers = self.givers[beside]
        free_ms = np.where(self.lamp[givers] == Y, now_ms - self.since_ms[givers], 0)
        full_ms = self.ending_ms[givers] - SLACK_MS * self.mad[self.junction[givers]]
        self._stop(free_ms < full_ms, self.given[beside], "green in the yellow of who gives way to it")

    def _none(self, wrong, changed, before, after, lasted_ms, why: str) -> None:  # type: ignore[no-untyped-def]
        for at in np.flatnonzero(wrong):
            step = f"{Lamp(int(before[at])).name} after {lasted_ms[at]} ms to {Lamp(int(after[at])).name}"
            raise Unlawful(f"{self.names[changed[at]]}: {step} {why}")

    def _stop(self, wrong: NDArray[np.bool_], groups: NDArray[np.int64], why: str) -> None:
        for at in np.flatnonzero(wrong):
            raise Unlawful(f"{self.names[groups[at]]}: {why}")
