"""Playing a junction forward: the waiting calls served earliest deadline first, every stage at its minimum.

Among the stages that serve the most urgent call, the one that serves most other waiting
calls is taken. The times are the sequencer's own: minimum green, intergreen, red revert.

Words used here: bits are groups of one junction, `first` the index of its group 0, `n`
their number, `table` the place of its intergreens in the flat array. A group is *active*
from the start to the end of its green or WALK; `since_ms` (62) ms is the start of that
green, `ended_ms` (62) ms the last end. Kernels allocate nothing: both are the caller's.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import GREEN, NEVER_MS
from controller.compiling import inner_kernel


MARGIN_MS = 2000
"""Calls are planned to be served this much before their promise ends."""

TURN_MS = 1000
"""A change may begin so much later than it is played: a junction decides once a second."""

ALWAYS, PERHAPS, NEVER = 0, 1, 2
"""Whether a group starts with its stage though nobody has called it yet: drivers and crossings on recall do;
a crossing where people are expected may be called by then; one where hardly anybody comes will not be."""


@inner_kernel("int64(int64)")
def count_bits(bits):
    """How many bits are set."""
    n = 0
    while bits:
        bits &= bits - 1
        n += 1
    return n


@inner_kernel("int64(int64, int64, int64, int64, int64, int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def change_stage(
    first, n, table, leave_ms, active, going, conflict_bits, intergreen_ms, min_green_ms, since_ms, ended_ms
):
    """Play the change from the `active` groups to the `going` groups; gives when it is complete, ms.

    conflict_bits (G) bits · intergreen_ms flat ms · min_green_ms (G) ms
    Written: since_ms (62) ms, ended_ms (62) ms
    """
    complete_ms = leave_ms
    leaving, starting = active & ~going, going & ~active
    for k in range(n):
        if (leaving >> k) & 1:
            ended_ms[k] = max(leave_ms, since_ms[k] + min_green_ms[first + k])
    for b in range(n):
        if not (starting >> b) & 1:
            continue
        since_ms[b] = max(leave_ms, ended_ms[b] + intergreen_ms[table + b * n + b])
        for a in range(n):
            if (conflict_bits[first + b] >> a) & 1:
                since_ms[b] = max(since_ms[b], ended_ms[a] + intergreen_ms[table + a * n + b])
    for a in range(n):
        if (leaving >> a) & 1:
            # As the sequencer: drivers keep their green as long as that delays nobody.
            latest_ms = NEVER_MS
            for b in range(n):
                if (starting & conflict_bits[first + a]) >> b & 1:
                    latest_ms = min(latest_ms, since_ms[b] - intergreen_ms[table + a * n + b])
            if latest_ms != NEVER_MS:
                ended_ms[a] = max(ended_ms[a], latest_ms)
            complete_ms = max(complete_ms, ended_ms[a])
    for b in range(n):
        if not (starting >> b) & 1:
            continue
        moved = True
        while moved:
            moved = False
            for a in range(n):
                # Who gives way to b may be free to go until his yellow is over, so b waits for it, and
                # may by then find another's yellow that began meanwhile. A yellow that would begin just
                # after b is reckoned with as well: where the change begins a moment later, it comes before.
                yellow_ms = intergreen_ms[table + a * n + b]
                yields = yellow_ms and a != b and not (conflict_bits[first + b] | active & going) >> a & 1
                red_ms = ended_ms[a] + yellow_ms
                if yields and ended_ms[a] <= since_ms[b] + TURN_MS and since_ms[b] < red_ms:
                    since_ms[b] = red_ms
                    moved = True
        complete_ms = max(complete_ms, since_ms[b])
    return complete_ms


@inner_kernel(
    "UniTuple(int64, 3)(int64, int64, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i1[::1], i8[::1], "
    "i8[::1], i8[::1], b1[::1], i8[::1], i8[::1], i8[::1])"
)
def junction_now(
    j,
    now_ms,
    group_start,
    conflict_bits,
    intergreen_start,
    intergreen_ms,
    min_green_ms,
    lamp,
    lamp_since_ms,
    green_ended_ms,
    target_bits,
    in_transition,
    call_since_ms,
    since_ms,
    ended_ms,
):
    """Where a junction stands: (active bits, when its next change may begin ms, calls not yet served).

    A change already begun is played to its end; the calls it serves do not count any more.

    group_start (J+1) · conflict_bits (G) bits · intergreen_start (J) · intergreen_ms flat ms · min_green_ms
    (G) ms
    lamp (G) Lamp · lamp_since_ms, green_ended_ms (G) ms · target_bits (J) bits · in_transition (J) bool
    call_since_ms (G) ms · written: since_ms (62) ms, ended_ms (62) ms
    """
    first = group_start[j]
    n = group_start[j + 1] - first
    active = 0
    calls = 0
    for k in range(n):
        ended_ms[k] = green_ended_ms[first + k]
        if lamp[first + k] == GREEN:
            active |= 1 << k
            since_ms[k] = lamp_since_ms[first + k]
        elif call_since_ms[first + k] < NEVER_MS:
            calls |= 1 << k
    if not in_transition[j]:
        return active, now_ms, calls
    going = target_bits[j]
    ready_ms = change_stage(
        first,
        n,
        intergreen_start[j],
        now_ms,
        active,
        going,
        conflict_bits,
        intergreen_ms,
        min_green_ms,
        since_ms,
        ended_ms,
    )
    return going, ready_ms, calls & ~going


@inner_kernel("int64(int64, int64, int64, i8[::1], i8[::1])")
def most_urgent(first, n, calls, promise_ms, call_since_ms):
    """The called group whose promise ends first, -1 without calls. promise_ms, call_since_ms (G) ms"""
    urgent = -1
    deadline_ms = NEVER_MS
    for k in range(n):
        if (calls >> k) & 1 and call_since_ms[first + k] + promise_ms[first + k] < deadline_ms:
            urgent = k
            deadline_ms = call_since_ms[first + k] + promise_ms[first + k]
    return urgent


@inner_kernel("int64(int64, int64, int64, int64, int64, i8[::1], b1[::1], boolean)")
def stage_serving(k, calls, active, stage_first, stage_end, stage_bits, stage_given, given_only):
    """The stage that serves group `k` and most other calls, then keeps most greens; -1 if there is none.

    stage_bits (S) bits · stage_given (S) bool, looked at only when `given_only`
    """
    best = -1
    most = -1
    for s in range(stage_first, stage_end):
        if not (stage_bits[s] >> k) & 1 or (given_only and not stage_given[s]):
            continue
        served = 64 * count_bits(stage_bits[s] & calls) + count_bits(stage_bits[s] & active)
        if served > most:
            best = s
            most = served
    return best


@inner_kernel(
    "Tuple((int64, int64, boolean))(int64, int64, int64, int64, int64, boolean, boolean, i8[::1], i8[::1], "
    "i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], b1[::1], i1[::1], i8[::1], i8[::1], i8[::1])"
)
def play_calls(
    j,
    leave_ms,
    stage,
    active,
    calls,
    given_only,
    expected,
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
    call_since_ms,
    since_ms,
    ended_ms,
):
    """Serve all calls, earliest deadline first: (slack ms, first stage, whether a PERHAPS was let start).

    The slack is the smallest to a promise less margin. `stage` >= 0 is the stage to go to first whatever the
    calls say; the first change begins at `leave_ms`. `expected`: as if everybody who is expected had called.

    group_start (J+1) · conflict_bits (G) bits · intergreen_start (J) · intergreen_ms flat ms · min_green_ms,
    promise_ms (G) ms · stage_start (J+1) · stage_bits (S) bits · stage_given (S) bool
    starts_uncalled (G) ALWAYS, PERHAPS or NEVER
    call_since_ms (G) ms · written: since_ms (62) ms, ended_ms (62) ms as left by `junction_now`
    """
    first = group_start[j]
    n = group_start[j + 1] - first
    slack_ms = NEVER_MS
    chosen = stage
    let_start = False
    while calls or stage >= 0:
        if stage < 0:
            k = most_urgent(first, n, calls, promise_ms, call_since_ms)
            stage = stage_serving(
                k, calls, active, stage_start[j], stage_start[j + 1], stage_bits, stage_given, given_only
            )
            if stage < 0:
                calls &= ~(1 << k)
                continue
            if chosen < 0:
                chosen = stage
        going = stage_bits[stage]
        for k in range(n):
            if starts_uncalled[first + k] == ALWAYS or not (going & ~(calls | active)) >> k & 1:
                continue
            if expected and starts_uncalled[first + k] == PERHAPS:
                let_start = True
            else:
                going &= ~(1 << k)
        leave_ms = change_stage(
            first,
            n,
            intergreen_start[j],
            leave_ms,
            active,
            going,
            conflict_bits,
            intergreen_ms,
            min_green_ms,
            since_ms,
            ended_ms,
        )
        for k in range(n):
            if ((calls & going) >> k) & 1:
                due_ms = call_since_ms[first + k] + promise_ms[first + k] - MARGIN_MS
                slack_ms = min(slack_ms, due_ms - since_ms[k])
        active = going
        calls &= ~going
        stage = -1
    return slack_ms, chosen, let_start
