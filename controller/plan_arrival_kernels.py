"""A junction comes to its fixed plan: who could not wait for it, and where in the plan it had better begin.

The plan foresees calls that begin when its own greens end. Those a junction brings along may be older.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import types

from controller.bundle import BUNDLED, taken
from controller.codes import NEVER_MS
from controller.compiling import inner_kernel, kernel
from controller.fixed_time_kernels import PLANS


class Calls(NamedTuple):
    """Who calls, and what there is to know of it. J junctions, G groups."""

    group_start: np.ndarray  # (J+1)
    stage_bits: np.ndarray  # (stages) groups of the junction
    intergreen_start: np.ndarray  # (J) into intergreen_ms
    intergreen_ms: np.ndarray  # flat (n x n) of each junction [ending * n + starting]
    min_green_ms: np.ndarray  # (G)
    promise_ms: np.ndarray  # (G)
    yellow_max_ms: np.ndarray  # (J) of drivers
    target_stage: np.ndarray  # (J) shown or gone to, -1 none
    target_bits: np.ndarray  # (J) groups of that stage that really start
    call_since_ms: np.ndarray  # (G)
    green_ended_ms: np.ndarray  # (G)


_I, _I1 = types.int64, types.int64[::1]
CALLS = types.NamedUniTuple(_I1, 11, Calls)


@inner_kernel(types.UniTuple(_I, 2)(_I, _I, _I, _I, PLANS, CALLS))
def begins_after(j, k, leaving, step, plans, calls):
    """From the beginning of a step to the green of junction j's group k, and how long that lasts; ms.

    leaving: bits of groups whose green ends with the step before; people on foot among them left earlier.
    Of a WALK the shortest there is.
    """
    first, begin, end = calls.group_start[j], plans.step_start[j], plans.step_start[j + 1]
    n, change_ms = calls.group_start[j + 1] - first, 0
    for a in range(n):
        if leaving >> a & 1 and not plans.crossings[first + a]:
            change_ms = max(change_ms, calls.intergreen_ms[calls.intergreen_start[j] + a * n + k])
    if plans.crossings[first + k]:
        return change_ms, calls.min_green_ms[first + k]
    lasts_ms = 0
    for _ in range(end - begin):
        if not calls.stage_bits[plans.step_stage[step]] >> k & 1:
            break
        lasts_ms += plans.step_end_ms[step] - (plans.step_end_ms[step - 1] if step > begin else 0)
        step = step + 1 if step + 1 < end else begin
    return change_ms, lasts_ms - change_ms


@inner_kernel(_I(_I, _I, _I, _I, PLANS, CALLS))
def late_ms(j, k, now_ms, offset_ms, plans, calls):
    """How long after its promise group k, which calls, gets green if its plan, so begun, is simply followed.

    In time is who had green as late as the plan's last one would have been, for whoever calls after that is
    foreseen. A WALK may have to wait for a yellow besides.
    """
    g, cycle_ms = calls.group_start[j] + k, plans.cycle_ms[j]
    begin, end = plans.step_start[j], plans.step_start[j + 1]
    position_ms = (now_ms - offset_ms) % cycle_ms
    next_ms, last_ms, foreseen_ms = NEVER_MS, -NEVER_MS, NEVER_MS
    yellow_ms = calls.yellow_max_ms[j] if plans.crossings[g] else 0
    before = calls.stage_bits[plans.step_stage[end - 1]]
    for step in range(begin, end):
        bits = calls.stage_bits[plans.step_stage[step]]
        if bits & ~before & 1 << k:
            ahead_ms = ((plans.step_end_ms[step - 1] if step > begin else 0) - position_ms) % cycle_ms
            change_ms, lasts_ms = begins_after(j, k, before & ~bits, step, plans, calls)
            next_ms = min(next_ms, now_ms + ahead_ms + change_ms + yellow_ms)
            if now_ms + ahead_ms - cycle_ms > last_ms:
                last_ms = now_ms + ahead_ms - cycle_ms
                foreseen_ms = last_ms + change_ms + lasts_ms
        before = bits
    if foreseen_ms <= calls.green_ended_ms[g]:
        return 0
    return max(0, next_ms - calls.call_since_ms[g] - calls.promise_ms[g])


@inner_kernel(_I(_I, _I, _I, PLANS, CALLS))
def lateness_ms(j, now_ms, offset_ms, plans, calls):
    """`late_ms` of everybody together who calls and is not about to go."""
    first, total_ms = calls.group_start[j], 0
    for k in range(calls.group_start[j + 1] - first):
        if calls.call_since_ms[first + k] <= now_ms and not calls.target_bits[j] >> k & 1:
            total_ms += late_ms(j, k, now_ms, offset_ms, plans, calls)
    return total_ms


@kernel(types.void(_I, BUNDLED, CALLS, _I1))
def find_late(now_ms, memory, calls, lateness):
    """How late people would be served if plans were simply followed. memory: the plans'

    Written: lateness (J) ms for junctions new to their plans
    """
    plans = taken(memory, PLANS)
    for j in range(len(plans.cycle_ms)):
        if plans.new_until_ms[j] > now_ms:
            lateness[j] = lateness_ms(j, now_ms, plans.offset_ms[j], plans, calls)


@kernel(_I(_I, _I, _I, BUNDLED, CALLS))
def better_start(j, now_ms, than_ms, memory, calls):
    """When junction j's plan has to begin its cycle for people to be served less late than `than_ms`.

    One of its steps would begin now: of equals the stage shown, or else the next in order. -1 = none is
    better. memory: the plans'
    """
    plans = taken(memory, PLANS)
    begin, n = plans.step_start[j], plans.step_start[j + 1] - plans.step_start[j]
    shown = 0
    while shown < n - 1 and plans.step_stage[begin + shown] != calls.target_stage[j]:
        shown += 1
    best_ms = -1
    for turn in range(n):
        step = begin + (shown + turn) % n
        offset_ms = now_ms - (plans.step_end_ms[step - 1] if step > begin else 0)
        late = lateness_ms(j, now_ms, offset_ms, plans, calls)
        if late < than_ms:
            than_ms, best_ms = late, offset_ms
    return best_ms
