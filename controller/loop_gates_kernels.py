"""What loops tell of the gates they make up: who stands there, whether nobody can, what must be full.

Every lane has up to three gates: the stop line (0), near loops (1) and far loops (2). Loops that stay
empty prove that nobody is held at their gate; loops that stay occupied prove that everything up to them
is full: of the lane whose own they are, else of a lane beside it that shares the street and whose stop line
is taken. A loop that is not believed proves neither.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import FAR, GATES, NEAR, STOP
from controller.compiling import inner_kernel
from controller.estimate_model import LOOPS

VEHICLE_SPACE_M = 7.5
"""Length of one standing vehicle and its gap (HCM 2010, ch. 31: 25 ft)."""
CLEAR_S = 3.0
"""No queue leaves a loop empty for so long (saturation headway is 2 s)."""
START_UP_S = 2.0
STANDING_S, JAMMED_S = 3.0, 10.0
"""Nobody who drives occupies a loop for so long, nor one after the other who give way."""
FORGET_OVERDUE = 0.35
"""What is left each second of those that should have come over a loop that is clear."""
OWN_SHARE = 0.75
"""A loop that sends fewer than this to a lane proves nothing about it: others may stand there."""
UNTOLD_S = 1.0
"""For so long a loop counts as clear that is not believed: nobody is on it, and it proves nothing."""

_V, _I, _F = types.void, types.int64, types.float64
_F1, _F2, _B1 = types.float64[:], types.float64[:, :], types.boolean[:]


@inner_kernel(_V(_F, _B1, _F1, _F1))
def time_loops(seconds, detector_on, detector_occupancy, held_s):
    """For how long each loop has been occupied (positive) or clear (negative) without a break.

    detector_on (D) bool · detector_occupancy (D) 0-1 since the last reading, less: not believed
    held_s (D) s: written
    """
    for d in range(len(held_s)):
        if detector_on[d]:
            # Occupied throughout, or only lately.
            since_s = seconds if detector_occupancy[d] > 0.95 else seconds * detector_occupancy[d]
            held_s[d] = max(held_s[d], 0.0) + since_s if detector_occupancy[d] > 0.95 else since_s
        elif detector_occupancy[d] < 0.0:
            held_s[d] = -UNTOLD_S
        elif detector_occupancy[d] > 0.0:
            held_s[d] = 0.0
        else:
            held_s[d] = min(held_s[d], 0.0) - seconds


@inner_kernel(_V(LOOPS, _F1, _B1))
def time_gates(loops, held_s, unseen_lane):
    """A gate stands when a loop does that is the lane's own, and is clear when all of its loops are.

    A stop line that no loop watches is never known to be clear.
    held_s (D) s · unseen_lane (L) bool · written: standing_s, shared_s and clear_s of the loops
    """
    loops.standing_s[:, :] = 0.0
    loops.shared_s[:, :] = 0.0
    loops.clear_s[:, :] = 1e9
    for lane in range(len(unseen_lane)):
        if unseen_lane[lane]:
            loops.clear_s[lane, STOP] = 0.0
    for d in range(len(held_s)):
        gate = loops.gate[d]
        if gate < 0:
            continue
        lane = loops.lane[d]
        loops.clear_s[lane, gate] = min(loops.clear_s[lane, gate], max(0.0, -held_s[d]))
        stands = loops.standing_s if loops.share[d] >= OWN_SHARE else loops.shared_s
        stands[lane, gate] = max(stands[lane, gate], held_s[d])


@inner_kernel(_F(_I, _I, LOOPS))
def room_behind(lane, gate, loops):
    """How many vehicles can stand from a gate to the next one, or to the end of the reach."""
    end_m = loops.reach_m[lane]
    for outer in range(gate + 1, GATES):
        if loops.gate_s[lane, outer] >= 0:
            end_m = loops.gate_m[lane, outer]
            break
    return max(1.0, (end_m - loops.gate_m[lane, gate]) / VEHICLE_SPACE_M)


@inner_kernel(_V(_I, _F, LOOPS, _F2))
def stand_behind(lane, veh, loops, held_veh):
    """So many more stand in a lane: behind its last, up to each gate as many as there is room for.

    held_veh (L, GATES): written
    """
    for gate in range(GATES):
        if loops.gate_s[lane, gate] >= 0:
            room_veh = room_behind(lane, gate, loops) - held_veh[lane, gate]
            joined_veh = min(veh, max(0.0, room_veh))
            held_veh[lane, gate] += joined_veh
            veh -= joined_veh


@inner_kernel(_V(_I, _F, LOOPS, _F2))
def fill_up_to(lane, far_m, loops, held_veh):
    """A lane is full as far as that: behind each gate stand as many as have room. held_veh: written"""
    for gate in range(GATES):
        way_m = far_m - loops.gate_m[lane, gate]
        if loops.gate_s[lane, gate] >= 0 and way_m > 0.0:
            full_veh = min(room_behind(lane, gate, loops), way_m / VEHICLE_SPACE_M)
            held_veh[lane, gate] = max(held_veh[lane, gate], full_veh)


@inner_kernel(_V(_I, _I, LOOPS, _F2))
def hand_over(lane, gate, loops, held_veh):
    """Whoever stands at a gate though all is clear before him waits for a lane that shares the street.

    A shared loop that nobody leaves proves that lane full as far as that. held_veh (L, GATES): written
    """
    other, bits = loops.first_lane[lane], loops.sibling_bits[lane]
    while bits:
        if bits & 1 and loops.clear_s[other, STOP] == 0.0:
            veh = held_veh[lane, gate] * (1.0 - FORGET_OVERDUE)
            held_veh[lane, gate] -= veh
            stand_behind(other, veh, loops, held_veh)
            if loops.shared_s[lane, gate] >= JAMMED_S:
                fill_up_to(other, loops.gate_m[lane, gate], loops, held_veh)
            break
        bits >>= 1
        other += 1


@inner_kernel(_V(_I, _I, LOOPS, _F2))
def clear_gate(lane, gate, loops, held_veh):
    """Who would long have come is no more, or stands for another lane. held_veh (L, GATES): written"""
    # Nobody at the gate, or nobody from it where its vehicles would long have come.
    late_s = CLEAR_S + START_UP_S + loops.gate_s[lane, gate]
    # Who stands at it is held, though perhaps by others for another lane before him.
    late = loops.clear_s[lane, STOP] >= late_s and loops.clear_s[lane, gate] > 0.0
    if late or loops.clear_s[lane, gate] >= CLEAR_S:
        held_veh[lane, gate] *= FORGET_OVERDUE
    elif gate != STOP and loops.clear_s[lane, STOP] >= late_s:
        hand_over(lane, gate, loops, held_veh)


@inner_kernel(_V(_I, LOOPS, _F1, _F2, _F2))
def believe_loops(seconds, loops, flow_veh_per_s, transit_veh, held_veh):
    """A loop on which somebody stands proves the way up to it full; no queue is longer than its room.

    Those who come behind a standing last loop where no signal upstream counts them are guessed.
    flow_veh_per_s (L) · transit_veh (L, H), held_veh (L, GATES): written
    """
    gate_s, clear_s = loops.gate_s, loops.clear_s
    for lane in range(len(held_veh)):
        inner = STOP
        for gate in range(NEAR, GATES):
            if gate_s[lane, gate] < 0:
                continue
            # Somebody also stands where the queue must begin; else it is another lane's.
            begun = inner == STOP or clear_s[lane, inner] < CLEAR_S
            if loops.standing_s[lane, gate] >= STANDING_S and begun:
                first = 0 if inner == STOP else gate_s[lane, inner] + 1
                for h in range(first, gate_s[lane, gate] + 1):
                    held_veh[lane, inner] += transit_veh[lane, h]
                    transit_veh[lane, h] = 0.0
                held_veh[lane, inner] = max(held_veh[lane, inner], room_behind(lane, inner, loops))
                unseen = loops.feed_start[lane] == loops.feed_start[lane + 1]
                if unseen and (gate == FAR or gate_s[lane, FAR] < 0):
                    held_veh[lane, gate] += flow_veh_per_s[lane] * seconds
            inner = gate
        for gate in range(GATES):
            if gate_s[lane, gate] >= 0:
                held_veh[lane, gate] = min(held_veh[lane, gate], room_behind(lane, gate, loops))
