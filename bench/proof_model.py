"""What the proof's kernels share: how a state is written as a row, a junction's law, the states found.

A state is one row of int16: target stage, flags, target bits (15 and 15), red steps left after a
flash, spare, and per group 512 * lamp + age in steps of 0.5 s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

STEP_MS = 500
T_MS = 1_000_000_000
"""When the states' last step was; an age is counted back from it. A multiple of the step."""
NO_ORDER, ALL_RED, FLASH = 0, 6, 7
STAGE, FLAGS, BITS_LOW, BITS_HIGH, RED_LEFT, LAMPS = 0, 1, 2, 3, 4, 6
MOVING, FLASHING = 1, 2
LAMP = 512
AFTER_FLASH_STEPS = 12
SUCCESSORS_MAX = 4096

LAWFUL, SKIPPED, SHORT_GREEN, WRONG_CLEARING, HASTY_REVERT, HASTY_START, SURPRISED, TOGETHER = range(8)
BAD_FLASH, GREEN_AFTER_FLASH, WRONG_CLOCK = 8, 9, 10
BROKEN = (
    "", "an unlawful change of lamp", "a green or WALK shorter than its minimum",
    "a yellow or clearance of the wrong length", "a group back before its red revert",
    "a start before an intergreen has passed", "a start beside the yellow of those who give way",
    "two conflicting groups active", "flash entered or left unlawfully",
    "a start within 6 s of a flash", "the sequencer's own record of times is wrong",
)  # fmt: skip


class Law(NamedTuple):
    """The rules of one junction, from its record alone; n groups, ages in ms."""

    walks: np.ndarray  # (n) bool
    least_green_ms: np.ndarray  # (n)
    clearing_ms: np.ndarray  # (n) yellow or clearance, exactly
    revert_ms: np.ndarray  # (n) from end of green back to green
    between_ms: np.ndarray  # (n, n) [ending, starting]; -1 = no conflict
    wait: np.ndarray  # (n, n) steps from a green's end to a start, the revert on the diagonal; 0 = none
    gives_way: np.ndarray  # (n, n) bool [who yields, to whom]
    clamp: np.ndarray  # (2, n) steps: of a red and of a green
    lefts_ms: np.ndarray  # (K) times to the planned end that differ in effect
    may_call: np.ndarray  # (n) bool, crossings somebody may call
    clearing: np.ndarray  # (n) the same in steps
    starts: np.ndarray  # (n) bool, groups that can ever be green
    alike: np.ndarray  # (S) the first stage with the same of these groups
    merges: np.ndarray  # (1) 1 = what cannot matter any more is forgotten
    orders: np.ndarray  # (1) 2 = given and taken back at any step, 1 = taken back once all is red, 0 = none


class Space(NamedTuple):
    """All states found so far, in the order of their finding, and a table to find them again."""

    rows: np.ndarray  # (N, W) int16
    keys: np.ndarray  # (N, W) int16, what of it matters for the future
    parent: np.ndarray  # (N) int32
    slots: np.ndarray  # (M) int32, row + 1, 0 = empty; M a power of two
    lamps: np.ndarray  # (E, n) int8 after a step that changes lamps
    sources: np.ndarray  # (E) int32 row before it
    waived: np.ndarray  # (E) bool minimum green waived in it
    counts: np.ndarray  # (5) states, states expanded, steps, lamp changes noted, orders taken
    broken: np.ndarray  # (3) rule, row before, group


def empty_law(n: int, stages: int) -> Law:
    """A law of n groups and so many stages, to be filled in."""
    z, f, square = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros((n, n), np.int64)
    return Law(
        walks=f.copy(), least_green_ms=z.copy(), clearing_ms=z.copy(), revert_ms=z.copy(),
        between_ms=square.copy(), wait=square.copy(), gives_way=np.zeros((n, n), np.bool_),
        clamp=np.zeros((2, n), np.int64), lefts_ms=z.copy(), may_call=f.copy(), clearing=z.copy(),
        starts=~f, alike=np.arange(stages), merges=np.ones(1, np.int64), orders=np.full(1, 2),
    )  # fmt: skip


def empty_space(states: int, width: int, changes: int) -> Space:
    """Room for that many states and noted lamp changes."""
    return Space(np.zeros((states, width), np.int16), np.zeros((states, width), np.int16),
                 np.zeros(states, np.int32),
                 np.zeros(1 << (2 * states - 1).bit_length(), np.int32),
                 np.zeros((changes, width - LAMPS), np.int8), np.zeros(changes, np.int32),
                 np.zeros(changes, np.bool_), np.zeros(5, np.int64), np.zeros(3, np.int64))  # fmt: skip


LAW = typeof(empty_law(0, 0))
SPACE = typeof(empty_space(1, LAMPS, 0))
