"""Vehicle-actuated control over arrays: gap-out, max-out, calls, skipped stages, rest in green."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import CLEARANCE, GREEN, NEVER_MS, PEDESTRIAN
from controller.compiling import inner_kernel, kernel
from controller.urgency_kernels import is_turn, keeps_promises


UNIT_EXTENSION_S = 3
"""A green goes on while a vehicle is due at its stop line within this time (passage time)."""
EXTENDING_VEH = 0.3
"""As much of a vehicle counts: where lanes part, one vehicle is seen as shares on each."""
BLOCKED = 0.5
"""A lane that loses more of its service than this to a full exit holds no green."""


@inner_kernel("int64(int64, int64, i8[::1], i8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1])")
def extension_ms(
    j, ending, lane_start, lane_group_bits, queue_veh, arrival_veh, blocked, lane_saturation_veh_per_s
):
    """How long the greens in `ending` are still needed, ms: queues at saturation flow; 0 = all gapped out.

    lane_start (J+1) · lane_group_bits (L) bits · queue_veh (L) · arrival_veh (L, H) · blocked (L)
    lane_saturation_veh_per_s (L)
    """
    longest_ms = 0
    for lane in range(lane_start[j], lane_start[j + 1]):
        if not lane_group_bits[lane] & ending or blocked[lane] > BLOCKED:
            continue
        present_veh = queue_veh[lane]
        for h in range(UNIT_EXTENSION_S):
            present_veh += arrival_veh[lane, h]
        if present_veh >= EXTENDING_VEH:
            queue_ms = int(1000.0 * queue_veh[lane] / max(0.1, lane_saturation_veh_per_s[lane]))
            longest_ms = max(longest_ms, max(1000, queue_ms))
    return longest_ms


@inner_kernel("int64(int64, int64, int64, int64, int64, i1[::1], i8[::1], i8[::1], i1[::1], i8[::1])")
def held_until_ms(
    now_ms, period_ms, first, n, ending, group_kind, min_green_ms, clearance_ms, lamp, lamp_since_ms
):
    """Until when the minimum greens of `ending`, and its walkers while vehicles go on, hold the stage anyway.

    Nothing is gained by choosing the next stage before. group_kind (G) · min_green_ms, clearance_ms (G) ms
    lamp (G) Lamp · lamp_since_ms (G) ms
    """
    until_ms = now_ms
    driving = False
    for k in range(n):
        driving = driving or (lamp[first + k] == GREEN and group_kind[first + k] != PEDESTRIAN)
    for k in range(n):
        if not (ending >> k) & 1:
            continue
        g = first + k
        if lamp[g] == GREEN:
            until_ms = max(until_ms, lamp_since_ms[g] + min_green_ms[g])
            if driving and group_kind[g] == PEDESTRIAN:
                walk_ms = max(now_ms, lamp_since_ms[g] + min_green_ms[g])
                until_ms = max(until_ms, walk_ms + clearance_ms[g] - 2 * period_ms)
        elif driving and lamp[g] == CLEARANCE:
            until_ms = max(until_ms, lamp_since_ms[g] + clearance_ms[g] - 2 * period_ms)
    return until_ms


@inner_kernel("int64(int64, int64, int64, i8[::1], i8[::1], i8[::1])")
def next_in_ring(place, waiting, j, ring_start, ring_stage, stage_bits):
    """Place of the next stage after `place` in the ring of junction `j` that serves one of `waiting`; -1 if
    none.

    ring_start (J+1) into ring_stage (ring) index of a stage · stage_bits (S) bits
    """
    begin, length = ring_start[j], ring_start[j + 1] - ring_start[j]
    for step in range(1, length + 1):
        candidate = begin + (place - begin + step) % length
        if stage_bits[ring_stage[candidate]] & waiting:
            return candidate
    return -1


@inner_kernel("int64(int64, int64, i8[::1], i8[::1])")
def ring_place(j, stage, ring_start, ring_stage):
    """Where `stage` stands in its junction's ring; before the first when it is not in it.

    ring_start (J+1) into ring_stage (ring) index of a stage
    """
    for place in range(ring_start[j], ring_start[j + 1]):
        if ring_stage[place] == stage:
            return place
    return ring_start[j] - 1


@kernel(
    "void(int64, int64, int64, i8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], i8[::1], b1[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[:, "
    "::1], f8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], b1[::1], i8[::1], i8[::1], i1[::1], "
    "i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])"
)
def actuate(
    now_ms,
    resolution_ms,
    period_ms,
    group_start,
    group_kind,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    clearance_ms,
    promise_ms,
    stage_start,
    stage_bits,
    stage_given,
    ring_start,
    ring_stage,
    ring_max_ms,
    lane_start,
    lane_group_bits,
    lane_saturation_veh_per_s,
    queue_veh,
    arrival_veh,
    blocked,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_stage,
    target_bits,
    in_transition,
    stage_since_ms,
    call_since_ms,
    starts_uncalled,
    since_ms,
    ended_ms,
    urgent_stage,
    leave_by_ms,
    due_calls,
    wanted_stage,
    planned_end_ms,
):
    """Decide for every junction whose turn it is.

    Network and state arrays as named there, (G) for groups, (L) for lanes, (J) for junctions · ring_start
    (J+1), ring_stage (ring) · urgent_stage (J) index, leave_by_ms (J) ms from `judge_urgency` · scratch:
    since_ms, ended_ms (62) ms · written: wanted_stage (J) index, planned_end_ms (J) ms
    """
    for j in range(len(target_stage)):
        if not is_turn(j, now_ms, resolution_ms, period_ms):
            continue
        stage = target_stage[j]
        if stage < 0:
            wanted_stage[j] = ring_stage[ring_start[j]]
            planned_end_ms[j] = NEVER_MS
            continue
        wanted_stage[j] = stage
        planned_end_ms[j] = leave_by_ms[j]
        if in_transition[j]:
            continue
        if urgent_stage[j] >= 0:
            wanted_stage[j] = urgent_stage[j]
        if urgent_stage[j] >= 0 and not due_calls[j]:
            continue
        first = group_start[j]
        n = group_start[j + 1] - first
        waiting, called_ms = 0, NEVER_MS
        for k in range(n):
            called = call_since_ms[first + k] < NEVER_MS and lamp[first + k] != GREEN
            if called and not (stage_bits[stage] >> k) & 1:
                waiting |= 1 << k
                called_ms = min(called_ms, call_since_ms[first + k])
        if due_calls[j]:
            waiting = due_calls[j]
        present = ring_place(j, stage, ring_start, ring_stage)
        place = next_in_ring(present, waiting, j, ring_start, ring_stage, stage_bits)
        if place < 0:
            continue  # nobody to serve elsewhere: rest in green
        ending = stage_bits[stage] & ~stage_bits[ring_stage[place]]
        needed_ms = extension_ms(
            j, ending, lane_start, lane_group_bits, queue_veh, arrival_veh, blocked, lane_saturation_veh_per_s
        )
        if present >= ring_start[j]:
            maximum_ms = max(stage_since_ms[j], called_ms) + ring_max_ms[present]
            needed_ms = min(needed_ms, max(0, maximum_ms - now_ms))
        until_ms = held_until_ms(
            now_ms, period_ms, first, n, ending, group_kind, min_green_ms, clearance_ms, lamp, lamp_since_ms
        )
        if not due_calls[j] and (needed_ms > 0 or until_ms > now_ms):
            planned_end_ms[j] = min(leave_by_ms[j], max(until_ms, now_ms + needed_ms))
            continue
        planned_end_ms[j] = now_ms
        begin = place
        while place >= 0:
            if keeps_promises(
                j, ring_stage[place], now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms,
                min_green_ms, promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp,
                lamp_since_ms, green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
            ):  # fmt: skip
                wanted_stage[j] = ring_stage[place]
                planned_end_ms[j] = NEVER_MS
                break
            place = next_in_ring(place, waiting, j, ring_start, ring_stage, stage_bits)
            if place == begin:
                break
