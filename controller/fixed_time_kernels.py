"""Where each junction stands in its fixed plan, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import types

from controller.bundle import BUNDLED, put, taken
from controller.codes import NEVER_MS
from controller.compiling import kernel


class Plans(NamedTuple):
    """Plans that are played, and what they want. J junctions, G groups."""

    step_start: np.ndarray  # (J+1)
    step_stage: np.ndarray  # (steps) index
    step_end_ms: np.ndarray  # (steps) from the cycle's beginning
    cycle_ms: np.ndarray  # (J)
    offset_ms: np.ndarray  # (J)
    new_until_ms: np.ndarray  # (J) so long a junction is new to its plan
    crossings: np.ndarray  # (G) bool, called in every cycle
    recall: np.ndarray  # (G) bool, written
    wanted_stage: np.ndarray  # (J) index, written
    planned_end_ms: np.ndarray  # (J) written


_I1, _B1 = types.int64[::1], types.boolean[::1]
PLANS = types.NamedTuple((_I1, _I1, _I1, _I1, _I1, _I1, _B1, _B1, _I1, _I1), Plans)


@kernel(types.int64(BUNDLED, PLANS))
def lay_plans(memory, plans):
    """Lay plans into the memory of their `Bundle`; gives how many words they need."""
    return put(memory, plans)


@kernel(types.int64(types.int64, BUNDLED))
def follow_plans(now_ms, memory):
    """The stage of the step every plan is in, and when the next different stage is due.

    Gives how many junctions are new to their plans. memory: the plans'
    """
    plans = taken(memory, PLANS)
    for g in range(len(plans.recall)):
        plans.recall[g] = plans.recall[g] or plans.crossings[g]
    new = 0
    for j in range(len(plans.cycle_ms)):
        new += plans.new_until_ms[j] > now_ms
        begin, end = plans.step_start[j], plans.step_start[j + 1]
        position_ms = (now_ms - plans.offset_ms[j]) % plans.cycle_ms[j]
        step = begin
        while plans.step_end_ms[step] <= position_ms:
            step += 1
        stage = plans.step_stage[step]
        plans.wanted_stage[j] = stage
        plans.planned_end_ms[j] = NEVER_MS
        lap_ms = 0
        for _ in range(end - begin):
            end_ms = plans.step_end_ms[step] + lap_ms
            step += 1
            if step == end:
                step = begin
                lap_ms += plans.cycle_ms[j]
            if plans.step_stage[step] != stage:
                plans.planned_end_ms[j] = now_ms - position_ms + end_ms
                break
    return new
