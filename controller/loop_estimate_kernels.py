"""Queues and arrivals where only loops see: counts at gates, and who must be between them.

A vehicle counted at a gate of its lane is on its way to the next one for the free travel time; then
it is held before that gate until it is counted there. What gates are, and what standing and clear ones
prove, is in `controller.loop_gates_kernels`. Where a signal upstream counts who leaves, its counts are a
fourth gate.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import BUS_LOOP, FAR, GATES, NEAR, STOP
from controller.compiling import inner_kernel, kernel
from controller.estimate_model import LOOPS
from controller.loop_gates_kernels import CLEAR_S, OWN_SHARE, clear_gate

UPSTREAM = 3
"""Column of `passed_veh` of what signals upstream send."""

GATE_MEMORY_S = 900.0
TRUST_VEH = 4.0
"""Weight of the shares given against those counted."""
GAIN_MIN, GAIN_MAX = 0.3, 3.0
BUS_MEMORY = 0.02


@inner_kernel(types.void(types.int64, LOOPS, types.float64[:, :], types.float64[:, :]))
def drive_on(seconds, loops, transit_veh, held_veh):
    """Vehicles on their way come nearer, and are held before the next gate until it counts them.

    transit_veh (L, H), held_veh (L, GATES): written
    """
    for lane in range(len(held_veh)):
        near_s, far_s = loops.gate_s[lane, NEAR], loops.gate_s[lane, FAR]
        for _ in range(seconds):
            for gate in range(GATES):
                clear_gate(lane, gate, loops, held_veh)
            held_veh[lane, STOP] += transit_veh[lane, 0]
            # Farther out than where anybody is first counted nobody is on the way.
            way_s = loops.way_s[lane]
            for h in range(way_s + 1):
                coming = transit_veh[lane, h + 1] if h < way_s else 0.0
                if h == near_s:
                    held_veh[lane, NEAR] += coming
                    coming = 0.0
                elif h == far_s:
                    held_veh[lane, FAR] += coming
                    coming = 0.0
                transit_veh[lane, h] = coming


@inner_kernel("float64(int64, int64, int64[:, :], float64[:, :], float64[:, :], float64[:, :])")
def gain_of(lane, gate, gate_s, transit_veh, held_veh, passed_veh):
    """How many come to the stop line for one that the shares say: crossed or still on the way, by counted.

    gate: NEAR, FAR or UPSTREAM · gate_s (L, GATES) s · transit_veh (L, H), held_veh (L, GATES)
    passed_veh (L, GATES+1)
    """
    inside_veh = 0.0
    for inner in range(min(gate, GATES)):
        inside_veh += held_veh[lane, inner]
    last = transit_veh.shape[1] if gate == UPSTREAM else gate_s[lane, gate] + 1
    for h in range(last):
        inside_veh += transit_veh[lane, h]
    gain = (passed_veh[lane, STOP] + inside_veh + TRUST_VEH) / (passed_veh[lane, gate] + TRUST_VEH)
    return min(GAIN_MAX, max(GAIN_MIN, gain))


@inner_kernel("void(int64, int64, float64, int64[:, :], float64[:, :], float64[:, :])")
def let_through(lane, gate, count, gate_s, transit_veh, held_veh):
    """So many were counted at a gate: they are held there no more, nor on the way to it.

    gate_s (L, GATES) s · transit_veh (L, H), held_veh (L, GATES): written
    """
    horizon_s = transit_veh.shape[1]
    taken = min(count, held_veh[lane, gate])
    held_veh[lane, gate] -= taken
    left = count - taken
    first = 0 if gate == STOP else gate_s[lane, gate] + 1
    last = horizon_s
    for outer in range(gate + 1, GATES):
        if gate_s[lane, outer] >= 0:
            last = min(last, gate_s[lane, outer] + 1)
    for h in range(first, last):
        if left <= 0.0:
            break
        taken = min(left, transit_veh[lane, h])
        transit_veh[lane, h] -= taken
        left -= taken
    if gate != STOP:
        transit_veh[lane, gate_s[lane, gate]] += count


@kernel(
    "void(float64, int32[:], int8[:], int64[:], float64[:], boolean[:], int64[:, :], float64[:, :], "
    "float64[:, :], float64[:, :])"
)
def count_gates(
    seconds,
    detector_count,
    detector_gate,
    detector_lane,
    detector_share,
    unseen_lane,
    gate_s,
    transit_veh,
    held_veh,
    passed_veh,
):
    """What the loops counted, the stop lines first, in shares that are learned from the stop lines.

    A stop line that is not believed any more teaches nothing, and what it taught last was wrong: a lane's
    own loops count one for one then.
    detector_count (D) since the last reading · detector_gate, detector_lane, detector_share (D)
    unseen_lane (L) bool · gate_s (L, GATES) s
    transit_veh (L, H), held_veh (L, GATES), passed_veh (L, GATES+1) veh, remembered slowly: written
    """
    passed_veh *= max(0.0, 1.0 - seconds / GATE_MEMORY_S)
    for gate in range(GATES):
        for d in range(len(detector_gate)):
            if detector_gate[d] != gate or detector_count[d] == 0:
                continue
            lane = detector_lane[d]
            count = float(detector_count[d])
            if gate != STOP:
                count *= detector_share[d]
            gain = 1.0
            if gate != STOP and not (unseen_lane[lane] and detector_share[d] >= OWN_SHARE):
                gain = gain_of(lane, gate, gate_s, transit_veh, held_veh, passed_veh)
            passed_veh[lane, gate] += count
            count *= gain
            let_through(lane, gate, count, gate_s, transit_veh, held_veh)


@inner_kernel(
    "void(int64[:], int64[:], float64[:], int64[:], float64[:], int64[:, :], float64[:, :], float64[:, :], "
    "float64[:, :])"
)
def hear_upstream(
    feed_start,
    feed_lane,
    feed_share,
    feed_travel_s,
    crossed_veh,
    gate_s,
    transit_veh,
    held_veh,
    passed_veh,
):
    """Those who left over a signal's stop line are on their way to the next signal's.

    feed_start (L+1) into feed_lane, feed_share, feed_travel_s · crossed_veh (L) since the last reading
    gate_s (L, GATES) s · held_veh (L, GATES) · transit_veh (L, H), passed_veh (L, GATES+1): written
    """
    horizon_s = transit_veh.shape[1]
    for lane in range(len(feed_start) - 1):
        for f in range(feed_start[lane], feed_start[lane + 1]):
            count = crossed_veh[feed_lane[f]] * feed_share[f]
            if count > 0.0:
                gain = gain_of(lane, UPSTREAM, gate_s, transit_veh, held_veh, passed_veh)
                passed_veh[lane, UPSTREAM] += count
                transit_veh[lane, min(feed_travel_s[f], horizon_s - 1)] += count * gain


@inner_kernel(
    "void(boolean[:], int8[:], int64[:], float64[:, :], int64[:, :], int64[:], int64[:], int64[:], "
    "float64[:], float64[:, :], float64[:, :], float64[:], float64[:, :], float64[:])"
)
def report(
    detector_on,
    detector_gate,
    detector_lane,
    clear_s,
    gate_s,
    way_s,
    seen_s,
    feed_start,
    flow_veh_per_s,
    transit_veh,
    held_veh,
    queue_veh,
    arrival_veh,
    near_veh,
):
    """The estimate in the words of all planners, from what is on the way and what is held.

    detector_on, detector_gate, detector_lane (D) · clear_s, gate_s (L, GATES) s · way_s (L) s from
    where anybody is first counted · seen_s (L) free travel time of the detection range
    feed_start (L+1) · flow_veh_per_s (L) · transit_veh (L, H)
    held_veh (L, GATES)
    Written: queue_veh (L) · arrival_veh (L, H) · near_veh (L), only those counted
    """
    for lane in range(len(queue_veh)):
        queue_veh[lane] = held_veh[lane, STOP]
    for d in range(len(detector_gate)):
        if detector_gate[d] == STOP and detector_on[d]:
            queue_veh[detector_lane[d]] += 1.0
    for lane in range(len(queue_veh)):
        # Beyond both nobody is ever seen: those seconds stay as empty as they began.
        for h in range(min(max(way_s[lane] + 1, seen_s[lane]), arrival_veh.shape[1])):
            arrival_veh[lane, h] = transit_veh[lane, h]
        farthest_s = 0
        for gate in range(NEAR, GATES):
            if gate_s[lane, gate] < 0:
                continue
            farthest_s = gate_s[lane, gate]
            if clear_s[lane, gate] < CLEAR_S:
                queue_veh[lane] += held_veh[lane, gate]
            else:
                arrival_veh[lane, gate_s[lane, gate]] += held_veh[lane, gate]
        near_veh[lane] = queue_veh[lane]
        for h in range(min(seen_s[lane], arrival_veh.shape[1])):
            near_veh[lane] += arrival_veh[lane, h]
        if feed_start[lane] == feed_start[lane + 1]:
            for h in range(farthest_s + 1, min(seen_s[lane], arrival_veh.shape[1])):
                arrival_veh[lane, h] += flow_veh_per_s[lane]


@inner_kernel(
    "void(int64, int32[:], int8[:], int64[:], float64[:], float64[:], float64, float64, float64[:])"
)
def weigh_buses(
    seconds,
    detector_count,
    detector_kind,
    detector_lane,
    detector_share,
    near_veh,
    persons_per_car,
    persons_per_bus,
    persons_per_veh,
):
    """Buses that check in make the vehicles of their lane weigh more, for about a minute.

    detector_count, detector_kind, detector_lane, detector_share (D) · near_veh (L)
    persons_per_veh (L): written
    """
    for lane in range(len(persons_per_veh)):
        for _ in range(seconds):
            persons_per_veh[lane] += (persons_per_car - persons_per_veh[lane]) * BUS_MEMORY
    for d in range(len(detector_kind)):
        if detector_kind[d] == BUS_LOOP and detector_count[d] > 0 and detector_lane[d] >= 0:
            lane = detector_lane[d]
            more = detector_count[d] * detector_share[d] * (persons_per_bus - persons_per_car)
            persons_per_veh[lane] += more / max(1.0, near_veh[lane])
