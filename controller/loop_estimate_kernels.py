"""Queues and arrivals where only loops see: counts at gates, and who must be between them.

Every lane has up to three gates: the stop line (0), near loops (1) and far loops (2). A
vehicle counted at a gate is on its way to the next one for the free travel time; then it is
held before that gate until it is counted there. Loops that stay empty prove that nobody is
held; loops that stay occupied prove that everything up to them is full. Where a signal
upstream counts who leaves, its counts are a fourth gate.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import BUS_LOOP, FAR, GATES, NEAR, STOP
from controller.compiling import inner_kernel, kernel

UPSTREAM = 3
"""Column of `passed_veh` of what signals upstream send."""

VEHICLE_SPACE_M = 7.5
"""Length of one standing vehicle and its gap (HCM 2010, ch. 31: 25 ft)."""
CLEAR_S = 3.0
"""No queue leaves a loop empty for so long (saturation headway is 2 s)."""
START_UP_S = 2.0
STANDING_S = 3.0
"""Nobody who drives occupies a loop for so long."""
FORGET_OVERDUE = 0.35
"""What is left each second of those that should have come over a loop that is clear."""
OWN_SHARE = 0.75
"""A loop that sends fewer than this to a lane proves nothing about it: others may stand there."""
GATE_MEMORY_S = 900.0
TRUST_VEH = 4.0
"""Weight of the shares given against those counted."""
GAIN_MIN, GAIN_MAX = 0.3, 3.0
BUS_MEMORY = 0.02


@inner_kernel("void(float64, boolean[:], float64[:], float64[:])")
def time_loops(seconds, detector_on, detector_occupancy, held_s):
    """For how long each loop has been occupied (positive) or clear (negative) without a break.

    detector_on (D) bool · detector_occupancy (D) 0-1 since the last reading · held_s (D) s: written
    """
    for d in range(len(held_s)):
        if detector_on[d]:
            # Occupied throughout, or only lately.
            since_s = seconds if detector_occupancy[d] > 0.95 else seconds * detector_occupancy[d]
            held_s[d] = max(held_s[d], 0.0) + since_s if detector_occupancy[d] > 0.95 else since_s
        elif detector_occupancy[d] > 0.0:
            held_s[d] = 0.0
        else:
            held_s[d] = min(held_s[d], 0.0) - seconds


@inner_kernel("void(int8[:], int64[:], float64[:], float64[:], boolean[:], float64[:, :], float64[:, :])")
def time_gates(detector_gate, detector_lane, detector_share, held_s, unseen_lane, standing_s, clear_s):
    """A gate stands when a loop does that is the lane's own, and is clear when all of its loops are.

    A stop line that no loop watches is never known to be clear.
    detector_gate, detector_lane, detector_share (D) · held_s (D) s · unseen_lane (L) bool
    standing_s, clear_s (L, GATES) s: written
    """
    standing_s[:, :] = 0.0
    clear_s[:, :] = 1e9
    for lane in range(len(unseen_lane)):
        if unseen_lane[lane]:
            clear_s[lane, STOP] = 0.0
    for d in range(len(held_s)):
        gate = detector_gate[d]
        if gate < 0:
            continue
        lane = detector_lane[d]
        clear_s[lane, gate] = min(clear_s[lane, gate], max(0.0, -held_s[d]))
        if detector_share[d] >= OWN_SHARE:
            standing_s[lane, gate] = max(standing_s[lane, gate], held_s[d])


@inner_kernel("void(int64, int64, float64[:, :], int64[:], int64[:], float64[:, :])")
def hand_over(lane, gate, clear_s, first_lane, sibling_bits, held_veh):
    """Whoever stands at a gate though all is clear before him waits for a lane that shares the street.

    clear_s (L, GATES) s · first_lane, sibling_bits (L) · held_veh (L, GATES): written
    """
    other, bits = first_lane[lane], sibling_bits[lane]
    while bits:
        if bits & 1 and clear_s[other, STOP] == 0.0:
            veh = held_veh[lane, gate] * (1.0 - FORGET_OVERDUE)
            held_veh[lane, gate] -= veh
            held_veh[other, STOP] += veh
            break
        bits >>= 1
        other += 1


@inner_kernel(
    "void(int64, float64[:, :], int64[:, :], int64[:], int64[:], int64[:], float64[:, :], float64[:, :])"
)
def drive_on(seconds, clear_s, gate_s, way_s, first_lane, sibling_bits, transit_veh, held_veh):
    """Vehicles on their way come nearer, and are held before the next gate until it counts them.

    clear_s (L, GATES) s · gate_s (L, GATES) free travel time to the stop line, -1 = no such gate
    way_s (L) s from where anybody is first counted: farther out nobody is on the way
    first_lane (L) of the junction, sibling_bits (L) lanes of it that share a street lane with this one
    transit_veh (L, H), held_veh (L, GATES): written
    """
    for lane in range(len(held_veh)):
        near_s = gate_s[lane, NEAR]
        far_s = gate_s[lane, FAR]
        for _ in range(seconds):
            for gate in range(GATES):
                # Nobody at the gate, or nobody from it where its vehicles would long have come.
                late_s = CLEAR_S + START_UP_S + gate_s[lane, gate]
                # Who stands at it is held, though perhaps by others for another lane before him.
                late = clear_s[lane, STOP] >= late_s and clear_s[lane, gate] > 0.0
                if late or clear_s[lane, gate] >= CLEAR_S:
                    held_veh[lane, gate] *= FORGET_OVERDUE
                elif gate != STOP and clear_s[lane, STOP] >= late_s:
                    hand_over(lane, gate, clear_s, first_lane, sibling_bits, held_veh)
            held_veh[lane, STOP] += transit_veh[lane, 0]
            for h in range(way_s[lane] + 1):
                coming = transit_veh[lane, h + 1] if h < way_s[lane] else 0.0
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


@inner_kernel("float64(int64, int64, int64[:, :], float64[:, :], float64[:])")
def room_behind(lane, gate, gate_s, gate_m, lane_reach_m):
    """How many vehicles can stand from a gate to the next one, or to the end of the reach.

    gate_s (L, GATES) s, -1 = no such gate · gate_m (L, GATES) m · lane_reach_m (L)
    """
    end_m = lane_reach_m[lane]
    for outer in range(gate + 1, GATES):
        if gate_s[lane, outer] >= 0:
            end_m = gate_m[lane, outer]
            break
    return max(1.0, (end_m - gate_m[lane, gate]) / VEHICLE_SPACE_M)


@inner_kernel(
    "void(int64, float64[:, :], float64[:, :], int64[:, :], float64[:, :], float64[:], int64[:], float64[:], "
    "float64[:, :], float64[:, :])"
)
def believe_loops(
    seconds,
    standing_s,
    clear_s,
    gate_s,
    gate_m,
    lane_reach_m,
    feed_start,
    flow_veh_per_s,
    transit_veh,
    held_veh,
):
    """A loop on which somebody stands proves the way up to it full; no queue is longer than its room.

    Those who come behind a standing last loop where no signal upstream counts them are guessed.
    standing_s, clear_s (L, GATES) s · gate_s (L, GATES) s, gate_m (L, GATES) m · lane_reach_m (L)
    feed_start (L+1) · flow_veh_per_s (L) · transit_veh (L, H), held_veh (L, GATES): written
    """
    for lane in range(len(held_veh)):
        inner = STOP
        for gate in range(NEAR, GATES):
            if gate_s[lane, gate] < 0:
                continue
            # Somebody also stands where the queue must begin; else it is another lane's.
            if standing_s[lane, gate] >= STANDING_S and (inner == STOP or clear_s[lane, inner] < CLEAR_S):
                first = 0 if inner == STOP else gate_s[lane, inner] + 1
                for h in range(first, gate_s[lane, gate] + 1):
                    held_veh[lane, inner] += transit_veh[lane, h]
                    transit_veh[lane, h] = 0.0
                full_veh = room_behind(lane, inner, gate_s, gate_m, lane_reach_m)
                held_veh[lane, inner] = max(held_veh[lane, inner], full_veh)
                unseen = feed_start[lane] == feed_start[lane + 1]
                if unseen and (gate == FAR or gate_s[lane, FAR] < 0):
                    held_veh[lane, gate] += flow_veh_per_s[lane] * seconds
            inner = gate
        for gate in range(GATES):
            if gate_s[lane, gate] >= 0:
                full_veh = room_behind(lane, gate, gate_s, gate_m, lane_reach_m)
                held_veh[lane, gate] = min(held_veh[lane, gate], full_veh)


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
