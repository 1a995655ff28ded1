"""One tagged call: is it served within its promise, whatever a planner under urgency wants?

A planner is free until `judge_urgency` says that a promise ends soon, and may go to another stage
only where `keeps_promises` lets it. The later a call's last free moment, the worse for it, so from
every state at rest the call is given the greatest age at which the planner is still free, the
planner does each thing it then may, and the junction is run on by the controller's own kernels.
Ages and times are ms.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import typeof, types

from controller.compiling import inner_kernel, kernel
from bench.proof_kernels import write_scene
from bench.proof_model import BITS_LOW, FLAGS, LAMP, LAMPS, STAGE, STEP_MS, T_MS
from controller.codes import GREEN, NEVER_MS
from controller.overlay_kernels import give_way, in_time
from controller.overlay_model import SCENE
from controller.sequencer_kernels import advance
from controller.urgency_kernels import judge_urgency

PERIOD_MS = 1000
RUN_STEPS_MAX = 600
SERVED, FREE_AGAIN, LATE = 0, 1, 2


class Wait(NamedTuple):
    """What the urgency needs beside the scene, and what came of every call."""

    max_green_ms: np.ndarray  # (n)
    people_per_s: np.ndarray  # (n) float
    due_calls: np.ndarray  # (1) bits
    start_ms: np.ndarray  # (62) scratch
    least_left_ms: np.ndarray  # (n) of the promise when the call was served, the worst seen
    counts: np.ndarray  # (2) calls followed, steps taken
    late: np.ndarray  # (4) row, group, stage wanted, age of the call in ms


def empty_wait(n):
    """For n groups."""
    return Wait(np.zeros(n, np.int64), np.zeros(n), np.zeros(1, np.int64), np.zeros(62, np.int64),
                np.full(n, NEVER_MS), np.zeros(2, np.int64), np.zeros(4, np.int64))  # fmt: skip


WAIT = typeof(empty_wait(0))
_I, _V, _B = types.int64, types.void, types.boolean
_ROW = types.int16[::1]


@inner_kernel(_V(_I, SCENE, WAIT))
def judge(now_ms, scene, wait):
    """The urgency of the junction, by the controller's own kernel; in its turn once a second."""
    judge_urgency(
        now_ms, STEP_MS, PERIOD_MS, scene.group_start, scene.group_kind, scene.conflict_bits,
        scene.intergreen_start, scene.intergreen_ms, scene.min_green_ms, wait.max_green_ms,
        scene.yellow_ms, scene.promise_ms, scene.stage_start, scene.stage_bits, scene.stage_given,
        scene.recall, wait.people_per_s, scene.lamp, scene.lamp_since_ms, scene.green_ended_ms,
        scene.target_stage, scene.target_bits, scene.in_transition, scene.call_since_ms,
        scene.starts_uncalled, scene.since_ms, scene.ended_ms, wait.due_calls, scene.urgent_stage,
        scene.leave_by_ms,
    )  # fmt: skip


@inner_kernel(_V(_I, _I, _I, SCENE, WAIT))
def step(now_ms, wanted, planned_end_ms, scene, wait):
    """One step of a planner that wants this, with urgency before it, and of the sequencer."""
    judge(now_ms, scene, wait)
    scene.wanted_stage[0] = wanted
    scene.planned_end_ms[0] = min(planned_end_ms, scene.leave_by_ms[0])
    give_way(0, now_ms, scene)
    advance(
        now_ms, scene.group_start, scene.group_kind, scene.min_green_ms, scene.yellow_ms,
        scene.conflict_bits, scene.intergreen_start, scene.intergreen_ms, scene.stage_bits, scene.recall,
        scene.wanted_stage, scene.planned_end_ms, scene.target_stage, scene.target_bits,
        scene.in_transition, scene.stage_since_ms, scene.all_red_until_ms, scene.lamp,
        scene.lamp_since_ms, scene.green_ended_ms, scene.call_since_ms, wait.start_ms,
    )  # fmt: skip
    wait.counts[1] += 1


@inner_kernel(_V(_I, _ROW, _I, _I, SCENE))
def begin(shift_ms, row, g, age_ms, scene):
    """The state as if its last step had been `shift_ms` after `T_MS`, with one call, so old by the next."""
    write_scene(row, scene)
    for k in range(len(scene.lamp)):
        scene.lamp_since_ms[k] += shift_ms
        scene.green_ended_ms[k] += shift_ms
    scene.target_bits[0] = 0
    for k in range(len(scene.lamp)):
        if scene.lamp[k] == GREEN:
            scene.target_bits[0] |= 1 << k
    scene.all_red_until_ms[0] = 0
    scene.stage_since_ms[0] += shift_ms
    scene.urgent_stage[0], scene.leave_by_ms[0] = -1, NEVER_MS
    scene.call_since_ms[g] = T_MS + shift_ms + STEP_MS - age_ms


@inner_kernel(_I(_I, _ROW, _I, _I, SCENE, WAIT))
def oldest_free(shift_ms, row, g, wanted, scene, wait):
    """Greatest age of a call at which the planner may still want this stage; -STEP_MS = at none.

    In the junction's turn it must not be urgent; another stage than the present one must keep the promise.
    """
    now_ms = T_MS + shift_ms + STEP_MS
    low, high = -1, scene.promise_ms[g] // STEP_MS + 1
    while high - low > 1:
        middle = (low + high) // 2
        begin(shift_ms, row, g, middle * STEP_MS, scene)
        judge(now_ms, scene, wait)
        free = scene.urgent_stage[0] < 0
        if free and wanted != row[STAGE]:
            free = in_time(0, wanted, now_ms, scene)
        if free:
            low = middle
        else:
            high = middle
    return low * STEP_MS


@inner_kernel(_I(_I, _ROW, _I, _I, _I, _I, SCENE, WAIT))
def follow(shift_ms, row, g, age_ms, wanted, left_ms, scene, wait):
    """What becomes of the call when the planner wants this now, and what it must later."""
    begin(shift_ms, row, g, age_ms, scene)
    wait.counts[0] += 1
    now_ms = T_MS + shift_ms + STEP_MS
    due_ms = scene.call_since_ms[g] + scene.promise_ms[g]
    step(now_ms, wanted, now_ms + left_ms, scene, wait)
    for _ in range(RUN_STEPS_MAX):
        if scene.lamp[g] == GREEN:
            wait.least_left_ms[g] = min(wait.least_left_ms[g], due_ms - now_ms)
            return SERVED if now_ms <= due_ms else LATE
        now_ms += STEP_MS
        resting = not scene.in_transition[0]
        step(now_ms, scene.target_stage[0], now_ms + left_ms, scene, wait)
        if resting and scene.urgent_stage[0] < 0 and now_ms % PERIOD_MS == 0:
            return FREE_AGAIN
    return LATE


@inner_kernel(_B(_I, _ROW, _I, _I, SCENE, WAIT))
def kept(at, row, g, wanted, scene, wait):
    """Whether the call of g is served in time when the planner, at its last free moment, wants this stage."""
    for shift_ms in (0, STEP_MS):
        if shift_ms == 0 and wanted == row[STAGE]:
            continue  # not its turn to be judged; half a second later it is
        age_ms = oldest_free(shift_ms, row, g, wanted, scene, wait)
        if age_ms < 0:
            if wanted != row[STAGE]:
                continue  # never allowed: the present stage is what it does instead
            age_ms = 0
        for left_ms in (0, NEVER_MS):
            if follow(shift_ms, row, g, age_ms, wanted, left_ms, scene, wait) == LATE:
                wait.late[0], wait.late[1], wait.late[2], wait.late[3] = at, g, wanted, age_ms
                return False
            if wanted != row[STAGE]:
                break
    return True


@kernel(_B(types.int16[:, ::1], _I, SCENE, WAIT))
def all_kept(rows, count, scene, wait):
    """Every state at rest, every group that is not green there, every stage a planner may want."""
    for at in range(count):
        row = rows[at]
        if row[FLAGS] != 0 or row[STAGE] < 0 or row[BITS_LOW] != 0:
            continue
        for g in range(len(row) - LAMPS):
            if row[LAMPS + g] // LAMP == GREEN:
                continue
            for wanted in range(len(scene.stage_bits)):
                if not kept(at, row, g, wanted, scene, wait):
                    return False
    return True
