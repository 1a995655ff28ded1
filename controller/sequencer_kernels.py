"""One lawful step of every junction toward its wanted stage, over arrays.

Lamps as in `vocabulary.Lamp`: 0 red, 1 green or walk, 2 yellow, 3 pedestrian clearance.
Bits of a word are the groups of one junction in order; `first, n` is a junction's slice
of the groups and `table_ms` its intergreens, (n*n) ms, [ending * n + starting].
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import CLEARANCE, GREEN, NEVER_MS, PEDESTRIAN, RED, YELLOW
from controller.compiling import inner_kernel, kernel


@kernel("int64(int64, int64, int64, int64, int64[:], int64[:], int64[:], int8[:], int64[:], int64[:])")
def earliest_start_ms(
    now_ms, first, n, b, conflict_bits, min_green_ms, table_ms, lamp, lamp_since_ms, green_ended_ms
):
    """Earliest lawful start of group `b` if every conflicting green ends as soon as it may.

    conflict_bits (G) bits · min_green_ms (G) ms · table_ms (n*n) ms
    lamp (G) Lamp · lamp_since_ms (G) ms · green_ended_ms (G) ms
    """
    start = green_ended_ms[first + b] + table_ms[b * n + b]
    bits = conflict_bits[first + b]
    for a in range(n):
        if (bits >> a) & 1:
            g = first + a
            ends = green_ended_ms[g]
            if lamp[g] == GREEN:
                ends = max(now_ms, lamp_since_ms[g] + min_green_ms[g])
            start = max(start, ends + table_ms[a * n + b])
    return start


@inner_kernel(
    "boolean(int64, int64, int64, int64, int64[:], int64[:], int64[:], int8[:], int64[:], int64[:], int64[:])"
)
def start_if_lawful(
    now_ms,
    first,
    n,
    b,
    conflict_bits,
    min_green_ms,
    table_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    call_since_ms,
):
    """Turn group `b` green if nothing conflicting is active and every intergreen has passed.

    conflict_bits (G) bits · min_green_ms (G) ms · table_ms (n*n) ms
    lamp (G) Lamp, lamp_since_ms (G) ms, call_since_ms (G) ms: written · green_ended_ms (G) ms
    """
    if lamp[first + b] != RED:
        return False
    for a in range(n):
        if (conflict_bits[first + b] >> a) & 1 and lamp[first + a] != RED:
            return False
        # Those who give way to b finish their yellow first: they may have been free to go until then.
        if a != b and table_ms[a * n + b] > 0 and lamp[first + a] == YELLOW:
            return False
    start = earliest_start_ms(
        now_ms, first, n, b, conflict_bits, min_green_ms, table_ms, lamp, lamp_since_ms, green_ended_ms
    )
    if start > now_ms:
        return False
    lamp[first + b] = GREEN
    lamp_since_ms[first + b] = now_ms
    call_since_ms[first + b] = NEVER_MS
    return True


@inner_kernel(
    "void(int64, int64, int64, int64, int64[:], int8[:], int64[:], int64[:], int64[:], int8[:], int64[:], "
    "int64[:])"
)
def end_leaving_greens(
    now_ms,
    first,
    n,
    target,
    conflict_bits,
    group_kind,
    min_green_ms,
    table_ms,
    start_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
):
    """End the greens that are not in `target`: walkers at once, drivers as late as delays nobody.

    conflict_bits (G) bits · group_kind (G) GroupKind · min_green_ms (G) ms · table_ms (n*n) ms
    start_ms (n) ms: earliest start of each group that shall start, NEVER_MS for the others
    lamp (G) Lamp, lamp_since_ms (G) ms, green_ended_ms (G) ms: written
    """
    for a in range(n):
        g = first + a
        if lamp[g] != GREEN or (target >> a) & 1 or now_ms < lamp_since_ms[g] + min_green_ms[g]:
            continue
        latest = NEVER_MS
        if group_kind[g] != PEDESTRIAN:
            for b in range(n):
                if start_ms[b] != NEVER_MS and (conflict_bits[g] >> b) & 1:
                    latest = min(latest, start_ms[b] - table_ms[a * n + b])
        if latest == NEVER_MS or now_ms >= latest:
            lamp[g] = CLEARANCE if group_kind[g] == PEDESTRIAN else YELLOW
            lamp_since_ms[g] = now_ms
            green_ended_ms[g] = now_ms


@inner_kernel("void(int64, int64, int64, int64[:], int8[:], int8[:], int64[:])")
def finish_clearing(now_ms, first, n, yellow_ms, group_kind, lamp, lamp_since_ms):
    """Yellow and pedestrian clearance that have run their full time become red.

    yellow_ms (G) ms: yellow, or pedestrian clearance · group_kind (G) GroupKind
    lamp (G) Lamp, lamp_since_ms (G) ms: written
    """
    for g in range(first, first + n):
        if (lamp[g] == YELLOW or lamp[g] == CLEARANCE) and now_ms >= lamp_since_ms[g] + yellow_ms[g]:
            lamp[g] = RED
            lamp_since_ms[g] = now_ms


@kernel("int64(int64, int64, int64, int8[:], boolean[:], int64[:], int8[:])")
def groups_to_start(stage, first, n, group_kind, recall, call_since_ms, lamp):
    """Bits of a stage without the crossings nobody called: walk is given to people, not to stages.

    group_kind (G) GroupKind · recall (G) bool · call_since_ms (G) ms · lamp (G) Lamp
    """
    bits = 0
    for a in range(n):
        g = first + a
        if (stage >> a) & 1 and (
            group_kind[g] != PEDESTRIAN or recall[g] or call_since_ms[g] != NEVER_MS or lamp[g] == GREEN
        ):
            bits |= 1 << a
    return bits


@inner_kernel(
    "int64(int64, int64, int64, int64, int64, int64, int64, int64[:], int8[:], boolean[:], int64[:], "
    "int64[:], int64[:], int8[:], int64[:], int64[:], int64[:])"
)
def walk_inside_stage(
    now_ms,
    first,
    n,
    stage,
    stage_since_ms,
    planned_end_ms,
    target,
    conflict_bits,
    group_kind,
    recall,
    min_green_ms,
    yellow_ms,
    table_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    call_since_ms,
):
    """Start late walks that fit before the planned end, end walks in time to clear before it.

    Ending early costs drivers nothing: they keep their green while people finish crossing.
    Gives the target bits, with the walks started and without those ended.

    conflict_bits (G) bits · group_kind (G) GroupKind · recall (G) bool · min_green_ms, yellow_ms (G) ms
    table_ms (n*n) ms · lamp (G) Lamp, lamp_since_ms, green_ended_ms, call_since_ms (G) ms: written
    """
    for a in range(n):
        g = first + a
        if group_kind[g] != PEDESTRIAN or not (stage >> a) & 1:
            continue
        if lamp[g] == GREEN:
            if now_ms >= lamp_since_ms[g] + min_green_ms[g] and now_ms >= planned_end_ms - yellow_ms[g]:
                lamp[g] = CLEARANCE
                lamp_since_ms[g] = now_ms
                green_ended_ms[g] = now_ms
                target &= ~(1 << a)
        elif lamp[g] == RED:
            called = call_since_ms[g] != NEVER_MS or (recall[g] and green_ended_ms[g] < stage_since_ms)
            fits = planned_end_ms - now_ms >= min_green_ms[g] + yellow_ms[g]
            if (
                called
                and fits
                and start_if_lawful(
                    now_ms,
                    first,
                    n,
                    a,
                    conflict_bits,
                    min_green_ms,
                    table_ms,
                    lamp,
                    lamp_since_ms,
                    green_ended_ms,
                    call_since_ms,
                )
            ):
                target |= 1 << a
    return target


@inner_kernel(
    "boolean(int64, int64, int64, int64, int64[:], int8[:], int64[:], int64[:], int64[:], int8[:], int64[:], "
    "int64[:], int64[:])"
)
def step_transition(
    now_ms,
    first,
    n,
    target,
    conflict_bits,
    group_kind,
    min_green_ms,
    table_ms,
    start_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    call_since_ms,
):
    """One step toward `target`; whether its groups, and no others, are green now.

    conflict_bits (G) bits · group_kind (G) GroupKind · min_green_ms (G) ms · table_ms (n*n) ms
    start_ms (62) ms scratch
    lamp (G) Lamp, lamp_since_ms, green_ended_ms, call_since_ms (G) ms: written
    """
    for b in range(n):
        start_ms[b] = NEVER_MS
        if (target >> b) & 1 and lamp[first + b] != GREEN:
            start_ms[b] = earliest_start_ms(
                now_ms,
                first,
                n,
                b,
                conflict_bits,
                min_green_ms,
                table_ms,
                lamp,
                lamp_since_ms,
                green_ended_ms,
            )
    end_leaving_greens(
        now_ms,
        first,
        n,
        target,
        conflict_bits,
        group_kind,
        min_green_ms,
        table_ms,
        start_ms,
        lamp,
        lamp_since_ms,
        green_ended_ms,
    )
    done = True
    for b in range(n):
        if start_ms[b] != NEVER_MS:
            done = (
                start_if_lawful(
                    now_ms,
                    first,
                    n,
                    b,
                    conflict_bits,
                    min_green_ms,
                    table_ms,
                    lamp,
                    lamp_since_ms,
                    green_ended_ms,
                    call_since_ms,
                )
                and done
            )
    for a in range(n):
        if lamp[first + a] == GREEN and not (target >> a) & 1:
            done = False
    return done


@kernel(
    "void(int64, int64[:], int8[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:], "
    "int64[:], int64[:], int64[:], int64[:], boolean[:], int64[:], int64[:], int8[:], int64[:], int64[:], "
    "int64[:], int64[:])"
)
def advance(
    now_ms,
    group_start,
    group_kind,
    min_green_ms,
    yellow_ms,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    stage_bits,
    recall,
    wanted_stage,
    planned_end_ms,
    target_stage,
    target_bits,
    in_transition,
    stage_since_ms,
    all_red_until_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    call_since_ms,
    start_ms,
):
    """One step of all junctions. A transition once begun runs to its end before another begins.

    Before `all_red_until_ms` a junction takes no step: it is in flash, or has just come out of it.

    group_start (J+1) · group_kind (G) GroupKind · min_green_ms, yellow_ms (G) ms · conflict_bits (G) bits
    intergreen_start (J) · intergreen_ms flat ms · stage_bits (S) bits · recall (G) bool
    wanted_stage (J) index · planned_end_ms, all_red_until_ms (J) ms
    target_stage (J) index, target_bits (J) bits, in_transition (J) bool, stage_since_ms (J) ms: written
    lamp (G) Lamp, lamp_since_ms, green_ended_ms, call_since_ms (G) ms: written · start_ms (62) ms scratch
    """
    for j in range(len(wanted_stage)):
        if now_ms < all_red_until_ms[j]:
            continue
        first = group_start[j]
        n = group_start[j + 1] - first
        table_ms = intergreen_ms[intergreen_start[j] : intergreen_start[j] + n * n]
        finish_clearing(now_ms, first, n, yellow_ms, group_kind, lamp, lamp_since_ms)
        if not in_transition[j] and wanted_stage[j] != target_stage[j]:
            target_stage[j] = wanted_stage[j]
            stage = stage_bits[target_stage[j]]
            target_bits[j] = groups_to_start(stage, first, n, group_kind, recall, call_since_ms, lamp)
            in_transition[j] = True
        if not in_transition[j]:
            target_bits[j] = walk_inside_stage(
                now_ms,
                first,
                n,
                stage_bits[target_stage[j]],
                stage_since_ms[j],
                planned_end_ms[j],
                target_bits[j],
                conflict_bits,
                group_kind,
                recall,
                min_green_ms,
                yellow_ms,
                table_ms,
                lamp,
                lamp_since_ms,
                green_ended_ms,
                call_since_ms,
            )
            continue
        done = step_transition(
            now_ms,
            first,
            n,
            target_bits[j],
            conflict_bits,
            group_kind,
            min_green_ms,
            table_ms,
            start_ms,
            lamp,
            lamp_since_ms,
            green_ended_ms,
            call_since_ms,
        )
        if done:
            in_transition[j] = False
            stage_since_ms[j] = now_ms
