"""Scores of stages for the two memoryless planners, and their decision, over arrays.

Both give every signal group a score, add the scores up over the groups of each stage and
go to the best stage: `group_pressure` after Varaiya (2013), `group_load` by the vehicles
present. Pedestrians count as waiting people over the persons in a car.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import CLEARANCE, GREEN, NEVER_MS, PEDESTRIAN
from controller.compiling import inner_kernel, kernel
from controller.urgency_kernels import is_turn, keeps_promises, walk_time_ms

PERSONS_PER_CAR = 1.3
WALKERS_SATURATION_VEH_PER_S = 0.5
"""A waiting group of people leaves at least as fast as one lane of cars."""


@inner_kernel("void(f8[::1], i1[::1], f8[::1], f8)")
def score_walkers(waiting_people, group_kind, score, weight):
    """Start all scores: waiting people over persons in a car times `weight`, 0 for vehicles.

    waiting_people (G) · group_kind (G) GroupKind · written: score (G)
    """
    for g in range(len(score)):
        score[g] = weight * waiting_people[g] / PERSONS_PER_CAR if group_kind[g] == PEDESTRIAN else 0.0


@kernel(
    "void(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[::1], f8[::1], i1[::1], f8[::1])"
)
def group_pressure(
    movement_start,
    movement_group,
    movement_exit,
    exit_start,
    exit_lane,
    exit_share,
    lane_saturation_veh_per_s,
    lane_veh,
    waiting_people,
    group_kind,
    score,
):
    """Saturation flow times (vehicles upstream - vehicles downstream by turning share), never below 0.

    A lane's vehicles are split evenly over its movements, for nobody knows their blinkers.

    movement_start (L+1) · movement_group, movement_exit (M) · exit_start (X+1) · exit_lane, exit_share
    lane_saturation_veh_per_s, lane_veh (L) · waiting_people (G) · group_kind (G) · written: score (G) veh2/s
    """
    score_walkers(waiting_people, group_kind, score, WALKERS_SATURATION_VEH_PER_S)
    for lane in range(len(lane_veh)):
        begin, end = movement_start[lane], movement_start[lane + 1]
        for m in range(begin, end):
            x = movement_exit[m]
            downstream_veh = 0.0
            for e in range(exit_start[x], exit_start[x + 1]):
                downstream_veh += exit_share[e] * lane_veh[exit_lane[e]]
            pressure = lane_saturation_veh_per_s[lane] * (lane_veh[lane] - downstream_veh)
            score[movement_group[m]] += max(0.0, pressure) / (end - begin)


@kernel("void(i8[::1], i8[::1], f8[::1], f8[::1], i1[::1], f8[::1])")
def group_load(movement_start, movement_group, lane_veh, waiting_people, group_kind, score):
    """Vehicles present, a lane's split evenly over its movements.

    movement_start (L+1) · movement_group (M) · lane_veh (L) · waiting_people (G) · group_kind (G)
    Written: score (G) veh
    """
    score_walkers(waiting_people, group_kind, score, 1.0)
    for lane in range(len(lane_veh)):
        begin, end = movement_start[lane], movement_start[lane + 1]
        for m in range(begin, end):
            score[movement_group[m]] += lane_veh[lane] / (end - begin)


@inner_kernel("float64(int64, int64, int64, f8[::1])")
def stage_score(bits, first, n, score):
    """Sum of the scores of a stage's groups. score (G)"""
    total = 0.0
    for k in range(n):
        if (bits >> k) & 1:
            total += score[first + k]
    return total


@inner_kernel("int64(int64, int64, int64, int64, f8, i8[::1], i8[::1], f8[::1], b1[::1])")
def best_stage(j, stage, first, n, gain, stage_start, stage_bits, score, refused):
    """The best stage of junction `j`; `stage` unless another has more than 1 + gain times its score.

    stage_start (J+1) · stage_bits (S) bits · score (G) · refused (S) bool: not to be chosen
    """
    best = stage
    most = 0.0 if stage < 0 else (1.0 + gain) * stage_score(stage_bits[stage], first, n, score)
    for s in range(stage_start[j], stage_start[j + 1]):
        if refused[s] or s == stage:
            continue
        worth = stage_score(stage_bits[s], first, n, score)
        if best < 0 or worth > most + 1e-9:
            best = s
            most = worth
    return best


@inner_kernel(
    "UniTuple(int64, 4)(int64, int64, int64, int64, i1[::1], i8[::1], i8[::1], i1[::1], i8[::1], i8[::1])"
)
def calls_and_walks(
    now_ms, first, n, stage, group_kind, min_green_ms, clearance_ms, lamp, lamp_since_ms, call_since_ms
):
    """(calls not being served, those outside `stage` bits, when the last walker shown WALK has cleared ms,
    greens).

    group_kind (G) · min_green_ms, clearance_ms (G) ms · lamp (G) · lamp_since_ms, call_since_ms (G) ms
    """
    calls = 0
    driving = 0
    cleared_ms = now_ms
    for k in range(n):
        g = first + k
        if call_since_ms[g] < NEVER_MS and lamp[g] != GREEN:
            calls |= 1 << k
        if group_kind[g] == PEDESTRIAN:
            if lamp[g] == GREEN:
                walk_end_ms = max(now_ms, lamp_since_ms[g] + min_green_ms[g])
                cleared_ms = max(cleared_ms, walk_end_ms + clearance_ms[g])
            elif lamp[g] == CLEARANCE:
                cleared_ms = max(cleared_ms, lamp_since_ms[g] + clearance_ms[g])
        elif lamp[g] == GREEN:
            driving |= 1 << k
    return calls, calls & ~stage, cleared_ms, driving


@kernel(
    "void(int64, int64, int64, int64, f8, i8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], i8[::1], i8[::1], i8[::1], b1[::1], f8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "b1[::1], i8[::1], i8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], b1[::1], i8[::1], i8[::1])"
)
def go_to_best(
    now_ms,
    resolution_ms,
    period_ms,
    interval_ms,
    gain,
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
    score,
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
    refused,
    wanted_stage,
    planned_end_ms,
):
    """Decide for every junction whose turn it is, once in `interval_ms` of full stage, promises first.

    The planned end is the time of the next decision. Without a call outside the present stage it rests.

    Network and state arrays as named there · score (G) · starts_uncalled (G), urgent_stage, leave_by_ms (J)
    from `judge_urgency` · scratch: since_ms, ended_ms (62) ms, refused (S) bool
    Written: wanted_stage (J) index, planned_end_ms (J) ms
    """
    for j in range(len(target_stage)):
        if not is_turn(j, now_ms, resolution_ms, period_ms):
            continue
        first = group_start[j]
        n = group_start[j + 1] - first
        stage = target_stage[j]
        bits = 0 if stage < 0 else stage_bits[stage]
        decided_ms = planned_end_ms[j]
        planned_end_ms[j] = leave_by_ms[j]
        if in_transition[j]:
            wanted_stage[j] = stage
            planned_end_ms[j] = min(now_ms + interval_ms, leave_by_ms[j])
            continue
        if urgent_stage[j] >= 0:
            wanted_stage[j] = urgent_stage[j]
            continue
        calls, elsewhere, cleared_ms, driving = calls_and_walks(
            now_ms, first, n, bits, group_kind, min_green_ms, clearance_ms, lamp, lamp_since_ms, call_since_ms
        )
        if stage >= 0:
            wanted_stage[j] = stage
            if not elsewhere:
                continue
            if decided_ms > now_ms + interval_ms:  # it rested until now
                decided_ms = stage_since_ms[j] + interval_ms
            if driving and now_ms < decided_ms:
                planned_end_ms[j] = min(decided_ms, leave_by_ms[j])
                continue
        for s in range(stage_start[j], stage_start[j + 1]):
            refused[s] = False
        best = best_stage(j, stage, first, n, gain, stage_start, stage_bits, score, refused)
        while stage >= 0 and best != stage:
            if keeps_promises(
                j, best, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms, min_green_ms,
                promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp, lamp_since_ms,
                green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
            ):  # fmt: skip
                break
            refused[best] = True
            best = best_stage(j, stage, first, n, gain, stage_start, stage_bits, score, refused)
        if stage >= 0 and best != stage and driving and now_ms + 2 * period_ms < cleared_ms:
            # Walkers hold the stage anyway: let them clear while vehicles go on, then look again.
            planned_end_ms[j] = min(cleared_ms - 2 * period_ms, leave_by_ms[j])
            continue
        wanted_stage[j] = best
        walk_ms = walk_time_ms(first, n, bits, calls, group_kind, min_green_ms, clearance_ms)
        stay_ms = max(interval_ms, walk_ms + period_ms if walk_ms else 0)
        planned_end_ms[j] = min(now_ms + stay_ms, leave_by_ms[j])
