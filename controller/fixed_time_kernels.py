"""Where each junction stands in its fixed plan, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import NEVER_MS
from controller.compiling import kernel


@kernel("void(int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def follow_plans(
    now_ms, step_start, step_stage, step_end_ms, cycle_ms, offset_ms, wanted_stage, planned_end_ms
):
    """The stage of the step every plan is in, and when the next different stage is due.

    step_start (J+1) · step_stage (steps) index · step_end_ms (steps) ms from the cycle's beginning
    cycle_ms, offset_ms (J) ms · written: wanted_stage (J) index, planned_end_ms (J) ms
    """
    for j in range(len(cycle_ms)):
        begin, end = step_start[j], step_start[j + 1]
        position_ms = (now_ms - offset_ms[j]) % cycle_ms[j]
        step = begin
        while step_end_ms[step] <= position_ms:
            step += 1
        stage = step_stage[step]
        wanted_stage[j] = stage
        planned_end_ms[j] = NEVER_MS
        lap_ms = 0
        for _ in range(end - begin):
            end_ms = step_end_ms[step] + lap_ms
            step += 1
            if step == end:
                step = begin
                lap_ms += cycle_ms[j]
            if step_stage[step] != stage:
                planned_end_ms[j] = now_ms - position_ms + end_ms
                break
