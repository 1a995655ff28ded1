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


class Calls(NamedTuple):
    """Who calls, and what there is to know of it. J junctions, G groups."""

    group_start: np.ndarray  # (J+1)
    stage_bits: np.ndarray  # (stages) groups of the junction
    promise_ms: np.ndarray  # (G)
    change_ms: np.ndarray  # (J) longest time from the beginning of a step to its greens
    target_bits: np.ndarray  # (J) groups of the stage shown or gone to
    call_since_ms: np.ndarray  # (G)
    green_ended_ms: np.ndarray  # (G)


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


_V, _I = types.void, types.int64
_GROUPS = types.NamedUniTuple(_I1, 7, Calls)


@kernel(_V(_I, BUNDLED, _GROUPS, _B1))
def find_kept(now_ms, memory, calls, kept):
    """Where everybody who calls is served in time if the plan is simply followed from now on.

    Somebody is, if the plan's green for him is under way, if he had green since it last was to begin (the
    plan foresees whoever calls after it), or if it begins again before his promise ends.
    memory: the plans' · written: kept (J) for junctions new to their plans
    """
    plans = taken(memory, PLANS)
    for j in range(len(plans.cycle_ms)):
        if plans.new_until_ms[j] <= now_ms:
            continue
        begin, end, cycle_ms = plans.step_start[j], plans.step_start[j + 1], plans.cycle_ms[j]
        position_ms = (now_ms - plans.offset_ms[j]) % cycle_ms
        first = calls.group_start[j]
        kept[j] = True
        for k in range(calls.group_start[j + 1] - first):
            g, bit = first + k, 1 << k
            if calls.call_since_ms[g] > now_ms or calls.target_bits[j] & bit:
                continue
            next_ms, last_ms, before = NEVER_MS, -NEVER_MS, calls.stage_bits[plans.step_stage[end - 1]]
            for step in range(begin, end):
                bits = calls.stage_bits[plans.step_stage[step]]
                if bits & ~before & bit:
                    start_ms = plans.step_end_ms[step - 1] if step > begin else 0
                    ahead_ms = (start_ms - position_ms) % cycle_ms
                    next_ms = min(next_ms, now_ms + ahead_ms)
                    last_ms = max(last_ms, now_ms + ahead_ms - cycle_ms)
                before = bits
            latest_ms = calls.call_since_ms[g] + calls.promise_ms[g] - calls.change_ms[j]
            if calls.green_ended_ms[g] < last_ms and next_ms > latest_ms:
                kept[j] = False
                break
