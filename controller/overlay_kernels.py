"""How orders act: laid over what the planner wants, between the planner and the sequencer.

Three named tuples of arrays go in: the book of orders, the fixed plans, and a view of state
and network. Bits are groups of one junction, `first` the index of its group 0, `n` their number.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import CLEARANCE, FLASH_RED, GREEN, NEVER_MS, PEDESTRIAN, RED, YELLOW
from controller.compiling import inner_kernel, kernel
from controller.overlay_model import BOOK, PLANS, SCENE
from controller.sequencer_kernels import finish_clearing
from controller.urgency_kernels import keeps_promises

NONE, HOLD, FORCE_OFF, OMIT, PLAN, BIAS, ALL_RED, FLASH = 0, 1, 2, 3, 4, 5, 6, 7
SERVED, PROMISE, IMPOSSIBLE = 1, 2, 3
ALL_RED_AFTER_FLASH_MS = 6000
"""Rules R39, as in the sequencer."""

RECOVERY_MS = 150_000
"""After an order the promises are watched for so long, also under a plan that keeps them by itself."""

_I = types.int64
_B = types.boolean


@inner_kernel(_B(_I, _I, _I, SCENE))
def in_time(j, stage, now_ms, scene):
    """Whether every promise of junction j can still be kept when it goes to, or stays in, `stage`."""
    return keeps_promises(
        j, stage, now_ms, scene.group_start, scene.conflict_bits, scene.intergreen_start,
        scene.intergreen_ms, scene.min_green_ms, scene.promise_ms, scene.stage_start, scene.stage_bits,
        scene.stage_given, scene.starts_uncalled, scene.lamp, scene.lamp_since_ms,
        scene.green_ended_ms, scene.target_bits, scene.in_transition, scene.call_since_ms,
        scene.since_ms, scene.ended_ms,
    )  # fmt: skip


@inner_kernel(_I(_I, _I, _I, SCENE))
def other_stage(j, avoid_stage, avoid_bits, scene):
    """The stage with the earliest promise, without `avoid_stage` and `avoid_bits`; -1 = there is none.

    Where nobody calls, the next given one after the present one.
    """
    first_stage, end_stage = scene.stage_start[j], scene.stage_start[j + 1]
    first = scene.group_start[j]
    n = scene.group_start[j + 1] - first
    best, best_ms, given, any_stage = -1, NEVER_MS, -1, -1
    for turn in range(1, end_stage - first_stage + 1):
        s = max(scene.target_stage[j], first_stage) + turn
        if s >= end_stage:
            s -= end_stage - first_stage
        if s == avoid_stage or scene.stage_bits[s] & avoid_bits:
            continue
        for k in range(n):
            due_ms = scene.call_since_ms[first + k] + scene.promise_ms[first + k]
            if (scene.stage_bits[s] >> k) & 1 and due_ms < best_ms:
                best, best_ms = s, due_ms
        if given < 0 and scene.stage_given[s]:
            given = s
        if any_stage < 0:
            any_stage = s
    if best >= 0:
        return best
    return given if given >= 0 else any_stage


@inner_kernel(_I(_I, SCENE))
def next_stage(j, scene):
    """The given stage after the present one, by hand; the first one where there is no present one."""
    first_stage, end_stage = scene.stage_start[j], scene.stage_start[j + 1]
    for turn in range(1, end_stage - first_stage + 1):
        s = max(scene.target_stage[j], first_stage - 1) + turn
        if s >= end_stage:
            s -= end_stage - first_stage
        if scene.stage_given[s]:
            return s
    return first_stage


@inner_kernel(types.void(_I, _I, SCENE))
def give_way(j, now_ms, scene):
    """An urgent promise before what is wanted, and no step that would break one."""
    present = scene.target_stage[j]
    if scene.urgent_stage[j] >= 0:
        scene.wanted_stage[j] = scene.urgent_stage[j]
        scene.planned_end_ms[j] = scene.leave_by_ms[j]
    elif present < 0 or scene.in_transition[j] or scene.wanted_stage[j] == present:
        return
    elif not in_time(j, scene.wanted_stage[j], now_ms, scene):
        scene.wanted_stage[j] = present
        scene.planned_end_ms[j] = scene.leave_by_ms[j]


@inner_kernel(types.void(_I, _I, BOOK, SCENE))
def lay_hold(j, now_ms, book, scene):
    """Want the held stage; a hold that would break a promise has ended."""
    if book.stage[j] < 0:
        book.stage[j] = next_stage(j, scene)
    if not book.suspends[j] and not in_time(j, book.stage[j], now_ms, scene):
        book.kind[j] = NONE
        book.done[j] = PROMISE
        return
    scene.wanted_stage[j] = book.stage[j]
    scene.planned_end_ms[j] = book.until_ms[j]
    if not book.suspends[j]:
        scene.planned_end_ms[j] = min(book.until_ms[j], scene.leave_by_ms[j])


@inner_kernel(types.void(_I, _I, BOOK, SCENE))
def lay_force_off(j, now_ms, book, scene):
    """Leave the stage, once; to where the planner wants, else to whoever has waited longest."""
    if scene.target_stage[j] != book.stage[j]:
        book.kind[j] = NONE
        book.done[j] = SERVED
        return
    if scene.wanted_stage[j] == book.stage[j]:
        other = other_stage(j, book.stage[j], 0, scene)
        if other >= 0:
            scene.wanted_stage[j] = other
            scene.planned_end_ms[j] = NEVER_MS


@inner_kernel(types.void(_I, _I, BOOK, SCENE))
def lay_omit(j, now_ms, book, scene):
    """Another stage in place of one with omitted groups."""
    if not scene.stage_bits[scene.wanted_stage[j]] & book.bits[j]:
        return
    present = scene.target_stage[j]
    other = other_stage(j, -1, book.bits[j], scene)
    if present >= 0 and not scene.stage_bits[present] & book.bits[j]:
        # Nobody else waits: rest where we are.
        first = scene.group_start[j]
        calls = False
        for k in range(scene.group_start[j + 1] - first):
            if other >= 0 and (scene.stage_bits[other] >> k) & 1:
                calls = calls or scene.call_since_ms[first + k] != NEVER_MS
        if not calls:
            other = present
    if other < 0:
        book.kind[j] = NONE
        book.done[j] = IMPOSSIBLE
    elif not in_time(j, other, now_ms, scene):
        book.kind[j] = NONE
        book.done[j] = PROMISE
    else:
        scene.wanted_stage[j] = other
        scene.planned_end_ms[j] = scene.leave_by_ms[j]


@inner_kernel(types.void(_I, _I, BOOK, PLANS, SCENE))
def lay_plan(j, now_ms, book, plans, scene):
    """The stage of the plan's clock; an urgent promise before it, and no step that breaks one."""
    p = book.plan[j]
    begin, end = plans.step_start[p], plans.step_start[p + 1]
    position_ms = (now_ms - plans.offset_ms[p]) % plans.cycle_ms[p]
    step = begin
    while step < end - 1 and plans.step_end_ms[step] <= position_ms:
        step += 1
    first = scene.group_start[j]
    for s in range(begin, end):
        for k in range(scene.group_start[j + 1] - first):
            if (scene.stage_bits[plans.step_stage[s]] >> k) & 1 and scene.group_kind[first + k] == PEDESTRIAN:
                scene.recall[first + k] = True
    scene.wanted_stage[j] = plans.step_stage[step]
    scene.planned_end_ms[j] = now_ms - position_ms + plans.step_end_ms[step]
    give_way(j, now_ms, scene)


@inner_kernel(types.void(_I, _I, BOOK, PLANS, SCENE))
def lay_bias(j, now_ms, book, plans, scene):
    """Stay a little longer where the planner would leave, or leave before the stage's split is over."""
    s = book.stage[j]
    if scene.target_stage[j] != s or scene.in_transition[j]:
        book.left_ms[j] = 0
        return
    if book.bias_ms[j] > 0 and scene.wanted_stage[j] != s:
        if book.left_ms[j] == 0:
            book.left_ms[j] = now_ms
        end_ms = book.left_ms[j] + book.bias_ms[j]
        if now_ms < end_ms and in_time(j, s, now_ms, scene):
            scene.wanted_stage[j] = s
            scene.planned_end_ms[j] = end_ms
    elif book.bias_ms[j] < 0 and scene.wanted_stage[j] == s and plans.split_ms[s] > 0:
        end_ms = scene.stage_since_ms[j] + plans.split_ms[s] + book.bias_ms[j]
        scene.planned_end_ms[j] = min(scene.planned_end_ms[j], max(end_ms, now_ms))
        if now_ms >= end_ms:
            other = other_stage(j, s, 0, scene)
            if other >= 0 and in_time(j, other, now_ms, scene):
                scene.wanted_stage[j] = other


@inner_kernel(types.void(_I, _I, BOOK, SCENE))
def stop_junction(j, now_ms, book, scene):
    """All red: drivers get yellow at once, people full WALK minimum and clearance; then flash if ordered.

    The sequencer takes no step here meanwhile (`all_red_until_ms`).
    """
    first = scene.group_start[j]
    n = scene.group_start[j + 1] - first
    scene.all_red_until_ms[j] = max(scene.all_red_until_ms[j], now_ms + 1)
    scene.target_stage[j] = -1
    scene.target_bits[j] = 0
    scene.in_transition[j] = False
    scene.stage_since_ms[j] = now_ms
    if scene.in_flash[j]:
        return
    calm = True
    for g in range(first, first + n):
        calm = calm and scene.lamp[g] == RED
    if calm and book.kind[j] == FLASH:
        # R37: by order only out of a junction that was all red in the frame before.
        for g in range(first, first + n):
            if scene.group_kind[g] != PEDESTRIAN:
                scene.lamp[g] = FLASH_RED
                scene.lamp_since_ms[g] = now_ms
        scene.in_flash[j] = True
        return
    finish_clearing(now_ms, first, n, scene.yellow_ms, scene.group_kind, scene.lamp, scene.lamp_since_ms)
    for g in range(first, first + n):
        if scene.lamp[g] != GREEN:
            continue
        if scene.group_kind[g] != PEDESTRIAN:
            scene.lamp[g] = YELLOW
        elif now_ms >= scene.lamp_since_ms[g] + scene.min_green_ms[g]:
            scene.lamp[g] = CLEARANCE
        else:
            continue
        scene.lamp_since_ms[g] = now_ms
        scene.green_ended_ms[g] = now_ms


@inner_kernel(types.void(_I, _I, BOOK, SCENE))
def leave_flash(j, now_ms, book, scene):
    """Out of an ordered flash: red, and six seconds of it (R39)."""
    scene.in_flash[j] = False
    if scene.all_red_until_ms[j] == NEVER_MS:
        return  # the monitor's own flash has taken over
    for g in range(scene.group_start[j], scene.group_start[j + 1]):
        scene.lamp[g] = RED
        scene.lamp_since_ms[g] = now_ms
        scene.green_ended_ms[g] = now_ms
    scene.all_red_until_ms[j] = now_ms + ALL_RED_AFTER_FLASH_MS


@kernel(_B(_I, BOOK, PLANS, SCENE))
def lay_orders(now_ms, book, plans, scene):
    """Lay every junction's order over the planner's wish; whether any order or flash is still there.

    Written: scene.wanted_stage, planned_end_ms, recall, waived, suspended; lamps of stopped junctions.
    """
    any_left = False
    for j in range(len(book.kind)):
        scene.waived[j] = False
        scene.suspended[j] = False
        if book.kind[j] != NONE and now_ms >= book.until_ms[j]:
            book.kind[j] = NONE
        kind = book.kind[j]
        if scene.in_flash[j] and (kind != FLASH or scene.all_red_until_ms[j] == NEVER_MS):
            leave_flash(j, now_ms, book, scene)
        if kind != NONE:
            scene.recovers_until_ms[j] = now_ms + RECOVERY_MS
        elif now_ms >= scene.recovers_until_ms[j]:
            continue
        any_left = True
        scene.suspended[j] = kind != NONE and book.suspends[j]
        if scene.all_red_until_ms[j] == NEVER_MS:
            continue
        if kind == NONE or not book.suspends[j]:
            give_way(j, now_ms, scene)
        if kind == NONE:
            continue
        if kind == HOLD:
            lay_hold(j, now_ms, book, scene)
        elif kind == FORCE_OFF:
            lay_force_off(j, now_ms, book, scene)
        elif kind == OMIT:
            lay_omit(j, now_ms, book, scene)
        elif kind == PLAN:
            lay_plan(j, now_ms, book, plans, scene)
        elif kind == BIAS:
            lay_bias(j, now_ms, book, plans, scene)
        else:
            scene.waived[j] = True
            stop_junction(j, now_ms, book, scene)
    return any_left


@kernel(_B(_I, BOOK, SCENE))
def lay_calls(now_ms, book, scene):
    """Keep the calls of orders and of detectors on recall (or disabled) alive; whether there are any.

    Written: scene.call_since_ms (G), book.called_ms (G) · scene.calls (G) bool scratch
    """
    any_left = False
    scene.calls[:] = False
    for g in range(len(book.call_until_ms)):
        scene.calls[g] = now_ms < book.call_until_ms[g]
    for d in range(len(book.recall_until_ms)):
        if now_ms >= book.recall_until_ms[d] and now_ms >= book.ignore_until_ms[d]:
            continue
        if scene.detector_group[d] >= 0:
            scene.calls[scene.detector_group[d]] = True
            continue
        lane = scene.detector_lane[d]
        first = scene.group_start[scene.detector_junction[d]]
        bits = scene.lane_group_bits[lane]
        k = 0
        while bits:
            if bits & 1:
                scene.calls[first + k] = True
            bits >>= 1
            k += 1
    for g in range(len(book.call_until_ms)):
        if not scene.calls[g]:
            book.called_ms[g] = 0
            continue
        any_left = True
        if scene.lamp[g] == GREEN:
            book.called_ms[g] = 0
            continue
        if book.called_ms[g] == 0:
            book.called_ms[g] = now_ms + 1  # 0 means none, and the clock may begin at 0
        scene.call_since_ms[g] = min(scene.call_since_ms[g], book.called_ms[g] - 1)
    return any_left


@kernel(_B(_I, BOOK, SCENE))
def lay_walks(now_ms, book, scene):
    """Let ordered WALKs last longer than the planner wants; whether any is ordered.

    Below whoever drives the junction by hand, and below every promise: who waits elsewhere is served
    in time. Written: scene.wanted_stage, planned_end_ms, recovers_until_ms · book.walk_given (G) bool
    """
    any_left = False
    for j in range(len(book.kind)):
        first = scene.group_start[j]
        present = scene.target_stage[j]
        for g in range(first, scene.group_start[j + 1]):
            if now_ms >= book.walk_until_ms[g]:
                continue
            any_left = True
            if scene.lamp[g] != GREEN or present < 0:
                continue
            end_ms = scene.lamp_since_ms[g] + scene.min_green_ms[g] + book.walk_longer_ms[g]
            if now_ms >= end_ms:
                book.walk_given[g] = True
                continue
            by_hand = book.kind[j] != NONE and book.kind[j] != PLAN and book.kind[j] != BIAS
            if by_hand or scene.in_transition[j] or scene.all_red_until_ms[j] > now_ms:
                continue
            if not (scene.stage_bits[present] >> (g - first)) & 1 or not in_time(j, present, now_ms, scene):
                continue
            # Within its stage a WALK ends in time to clear before the stage does.
            stays_ms = min(end_ms + scene.yellow_ms[g], scene.leave_by_ms[j])
            if scene.wanted_stage[j] != present or scene.planned_end_ms[j] < stays_ms:
                scene.wanted_stage[j] = present
                scene.planned_end_ms[j] = stays_ms
                scene.recovers_until_ms[j] = now_ms + RECOVERY_MS
    return any_left
