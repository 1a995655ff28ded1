"""When must a junction leave its stage so that every promise is kept and no green outlasts its maximum?

The junction is played forward (`stage_play_kernels`) as if it left at the next step. If
that breaks a promise, it must leave now. Bits are groups of one junction, `first` the
index of its group 0, `n` their number. Kernels allocate nothing: scratch is the caller's.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import NEVER_MS, PEDESTRIAN
from controller.compiling import inner_kernel, kernel
from controller.stage_play_kernels import (
    ALWAYS,
    NEVER,
    PERHAPS,
    count_bits,
    junction_now,
    most_urgent,
    play_calls,
    stage_serving,
)


LIKELY_CALL_S = 100.0
"""A crossing is planned as called when somebody comes within this time more often than not."""


@inner_kernel("UniTuple(int64, 2)(int64, int64, int64, int64, int64, i8[::1], i8[::1], i8[::1], i8[::1])")
def greens_used_up(first, n, active, calls, now_ms, conflict_bits, max_green_ms, since_ms, call_since_ms):
    """(calls whose turn it is: every green in their way is at its maximum, when the first comes to that ms).

    A maximum is counted from the first call that conflicts with the green. A green whose end alone would
    serve nobody goes on: a left turn beside a through movement ends with it when the call needs both to
    end.

    conflict_bits (G) bits · max_green_ms (G) ms · since_ms (62) ms · call_since_ms (G) ms
    """
    due = 0
    soonest_ms = NEVER_MS
    for c in range(n):
        in_the_way = conflict_bits[first + c] & active
        if not (calls >> c) & 1 or not in_the_way:
            continue
        end_ms = 0
        for a in range(n):
            if not (in_the_way >> a) & 1:
                continue
            called_ms = NEVER_MS
            for k in range(n):
                if ((conflict_bits[first + a] & calls) >> k) & 1:
                    called_ms = min(called_ms, call_since_ms[first + k])
            end_ms = max(end_ms, max(since_ms[a], called_ms) + max_green_ms[first + a])
        soonest_ms = min(soonest_ms, end_ms)
        if end_ms <= now_ms:
            due |= 1 << c
    return due, soonest_ms


@inner_kernel("boolean(int64, int64, int64, int64)")
def is_turn(j, now_ms, resolution_ms, period_ms):
    """Whether junction `j` decides at this lamp time: each once a period, spread over the lamp times."""
    turns = max(1, period_ms // resolution_ms)
    return (now_ms // resolution_ms - j) % turns == 0


@inner_kernel(
    "UniTuple(int64, 3)(int64, int64, boolean, int64, int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], i8[::1], i8[::1], b1[::1], i1[::1], i1[::1], i8[::1], i8[::1], i8[::1], b1[::1], i8[::1], "
    "i8[::1], i8[::1])"
)
def slack_by_way_of(
    j,
    stage,
    given_only,
    leave_ms,
    now_ms,
    group_start,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    promise_ms,
    stage_start,
    stage_bits,
    stage_given,
    starts_uncalled,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_bits,
    in_transition,
    call_since_ms,
    since_ms,
    ended_ms,
):
    """(smallest slack ms of any promise, first stage, bits of the calls) when the junction goes to `stage`.

    -1 = to where the calls say. It leaves at `leave_ms`, or when a change under way is complete. Played as if
    everybody expected had called, and as if nobody had: a WALK that does not come may make another's later,
    for whom it would have kept drivers at red whose yellow is in the way now. The worse counts.
    Arrays as in `junction_now` and `play_calls`.
    """
    least_ms, chosen, calls = NEVER_MS, -1, 0
    for expected in (True, False):
        active, ready_ms, calls = junction_now(
            j, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms, min_green_ms, lamp,
            lamp_since_ms, green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
        )  # fmt: skip
        slack_ms, chosen, let_start = play_calls(
            j, max(ready_ms, leave_ms), stage, active, calls, given_only, expected, group_start,
            conflict_bits, intergreen_start, intergreen_ms, min_green_ms, promise_ms, stage_start, stage_bits,
            stage_given, starts_uncalled, call_since_ms, since_ms, ended_ms
        )  # fmt: skip
        least_ms = min(least_ms, slack_ms)
        if not let_start:
            break
    return least_ms, chosen, calls


@kernel(
    "boolean(int64, int64, int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], b1[::1], i1[::1], i1[::1], i8[::1], i8[::1], i8[::1], b1[::1], i8[::1], i8[::1], i8[::1])"
)
def keeps_promises(
    j,
    stage,
    now_ms,
    group_start,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    promise_ms,
    stage_start,
    stage_bits,
    stage_given,
    starts_uncalled,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_bits,
    in_transition,
    call_since_ms,
    since_ms,
    ended_ms,
):
    """Whether a junction may go to `stage` now, for its minimum, and still serve every call in time.

    Arrays as in `junction_now` and `play_calls`.
    """
    slack_ms, _, _ = slack_by_way_of(
        j, stage, False, now_ms, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms,
        min_green_ms, promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp, lamp_since_ms,
        green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
    )  # fmt: skip
    return slack_ms >= 0


@inner_kernel(
    "UniTuple(int64, 2)(int64, int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], b1[::1], i1[::1], i1[::1], i8[::1], i8[::1], i8[::1], b1[::1], i8[::1], i8[::1], i8[::1])"
)
def best_first_stage(
    j,
    now_ms,
    group_start,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    promise_ms,
    stage_start,
    stage_bits,
    stage_given,
    starts_uncalled,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_bits,
    in_transition,
    call_since_ms,
    since_ms,
    ended_ms,
):
    """(smallest slack ms, stage): every stage that serves a call tried as the next one, the best of them.

    Earliest deadline first is not always best where changes take unequal times: a new call may turn an
    order that kept every promise into one that does not. Of equals the one that serves the most urgent
    call, then most calls: who only puts off loses a second each time he is asked. -1 where no stage serves
    a call. Arrays as in `junction_now` and `play_calls`.
    """
    most_ms, most_served, best, urgent = -NEVER_MS, -1, -1, -1
    first, n = group_start[j], group_start[j + 1] - group_start[j]
    for stage in range(stage_start[j], stage_start[j + 1]):
        slack_ms, _, calls = slack_by_way_of(
            j, stage, False, now_ms, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms,
            min_green_ms, promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp,
            lamp_since_ms, green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
        )  # fmt: skip
        if not stage_bits[stage] & calls or slack_ms < most_ms:
            continue
        if best < 0:  # the calls, and so the most urgent, are the same whichever stage is tried
            urgent = most_urgent(first, n, calls, promise_ms, call_since_ms)
        served = 64 * (stage_bits[stage] >> urgent & 1) + count_bits(stage_bits[stage] & calls)
        if slack_ms > most_ms or served > most_served:
            most_ms, most_served, best = slack_ms, served, stage
    return most_ms, best


@inner_kernel("void(int64, i8[::1], i1[::1], b1[::1], f8[::1], i1[::1])")
def mark_uncalled(j, group_start, group_kind, recall, people_per_s, starts_uncalled):
    """Which groups of one junction start with their stage though nobody has called them yet.

    group_start (J+1) · group_kind (G) GroupKind · recall (G) bool · people_per_s (G)
    Written: starts_uncalled (G) ALWAYS, PERHAPS or NEVER
    """
    for g in range(group_start[j], group_start[j + 1]):
        starts_uncalled[g] = ALWAYS
        if group_kind[g] == PEDESTRIAN and not recall[g]:
            starts_uncalled[g] = NEVER if people_per_s[g] * LIKELY_CALL_S < 0.5 else PERHAPS


@inner_kernel("int64(int64, int64, int64, int64, i1[::1], i8[::1], i8[::1])")
def walk_time_ms(first, n, stage, calls, group_kind, min_green_ms, clearance_ms):
    """Longest minimum WALK and clearance of the called crossings of a stage.

    group_kind (G) GroupKind · min_green_ms, clearance_ms (G) ms · stage, calls bits
    """
    longest_ms = 0
    for k in range(n):
        if (stage & calls) >> k & 1 and group_kind[first + k] == PEDESTRIAN:
            longest_ms = max(longest_ms, min_green_ms[first + k] + clearance_ms[first + k])
    return longest_ms


@kernel(
    "void(int64, int64, int64, i8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "i8[::1], i8[::1], i8[::1], b1[::1], b1[::1], f8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], "
    "b1[::1], i8[::1], i1[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])"
)
def judge_urgency(
    now_ms,
    resolution_ms,
    period_ms,
    group_start,
    group_kind,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    max_green_ms,
    clearance_ms,
    promise_ms,
    stage_start,
    stage_bits,
    stage_given,
    recall,
    people_per_s,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_stage,
    target_bits,
    in_transition,
    call_since_ms,
    starts_uncalled,
    since_ms,
    ended_ms,
    due_calls,
    urgent_stage,
    leave_by_ms,
):
    """For every junction whose turn it is: the stage that must be wanted now, and the last time to leave.

    Network arrays, recall (G) bool, people_per_s (G) and the sequencer's arrays as in `junction_now` and
    `play_calls` · max_green_ms, clearance_ms (G) ms · scratch: since_ms, ended_ms (62) ms
    Written: starts_uncalled (G) as in `play_calls` · due_calls (J) bits, see `greens_used_up`
    urgent_stage (J) index, -1 = free · leave_by_ms (J) ms, NEVER_MS = no call
    """
    for j in range(len(group_start) - 1):
        if not is_turn(j, now_ms, resolution_ms, period_ms):
            continue
        first, n = group_start[j], group_start[j + 1] - group_start[j]
        mark_uncalled(j, group_start, group_kind, recall, people_per_s, starts_uncalled)
        urgent_stage[j], leave_by_ms[j], due_calls[j] = -1, NEVER_MS, 0
        active, ready_ms, calls = junction_now(
            j, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms, min_green_ms, lamp,
            lamp_since_ms, green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
        )  # fmt: skip
        if not calls:
            continue
        due_calls[j], up_ms = greens_used_up(
            first, n, active, calls, now_ms, conflict_bits, max_green_ms, since_ms, call_since_ms
        )
        next_ms = max(ready_ms, now_ms + max(resolution_ms, period_ms))
        slack_ms, chosen = -NEVER_MS, -1
        for given_only in (False, True):
            slack, stage, _ = slack_by_way_of(
                j, -1, given_only, next_ms, now_ms, group_start, conflict_bits, intergreen_start,
                intergreen_ms, min_green_ms, promise_ms, stage_start, stage_bits, stage_given,
                starts_uncalled, lamp, lamp_since_ms, green_ended_ms, target_bits, in_transition,
                call_since_ms, since_ms, ended_ms
            )  # fmt: skip
            if slack > slack_ms:
                slack_ms, chosen = slack, stage
            if slack >= 0:
                break
        if slack_ms < 0:
            slack, stage = best_first_stage(
                j, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms, min_green_ms,
                promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp, lamp_since_ms,
                green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
            )  # fmt: skip
            if slack > slack_ms:
                slack_ms, chosen = min(slack, -1), stage
        leave_by_ms[j] = max(now_ms, min(up_ms, next_ms + max(0, slack_ms)))
        if in_transition[j]:
            due_calls[j] = 0
            continue
        if slack_ms < 0:
            urgent_stage[j] = chosen
        elif due_calls[j]:
            best = stage_serving(
                most_urgent(first, n, due_calls[j], promise_ms, call_since_ms),
                calls, active, stage_start[j], stage_start[j + 1], stage_bits, stage_given, False
            )  # fmt: skip
            if best >= 0 and not keeps_promises(
                j, best, now_ms, group_start, conflict_bits, intergreen_start, intergreen_ms, min_green_ms,
                promise_ms, stage_start, stage_bits, stage_given, starts_uncalled, lamp, lamp_since_ms,
                green_ended_ms, target_bits, in_transition, call_since_ms, since_ms, ended_ms
            ):  # fmt: skip
                best = chosen
            urgent_stage[j] = best
        if urgent_stage[j] >= 0 and urgent_stage[j] == target_stage[j]:
            present = stage_bits[target_stage[j]]
            walk_ms = walk_time_ms(first, n, present, calls, group_kind, min_green_ms, clearance_ms)
            leave_by_ms[j] = now_ms + walk_ms + period_ms
