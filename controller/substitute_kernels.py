"""What stands in for detectors that are not believed: usual flows, believed queues, calls; never zero."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import ADVANCE, BUTTON, GREEN, NEVER_MS, STOP, STOPLINE, UNTOLD
from controller.compiling import inner_kernel, kernel
from controller.detectors_kernels import FEW_GAPS, PROVEN_GAPS
from controller.detectors_model import BELIEVED, HEALTH, LAID
from controller.lane_green_kernels import green_since_ms

START_UP_MS = 2_000
UNCONFIRMED_MS = 25_000
"""Who passed a loop within 200 m of the stop line has come there by then."""
QUIET_GAPS, QUIET_S = 3.0, 90.0
"""A button is quiet after so many of its mean gaps, not before a usual cycle.

ln 20 = 3: of people who come one by one every twentieth gap is longer. What it costs when the button
works is a WALK for nobody now and then; what it saves when it is dead is everybody's wait.
"""
QUIET_LOOP_GAPS, UNLEARNED_S = 5.0, 300.0
"""A loop is quiet after so many mean gaps, where it never was for as long; after so long if little is known.

ln 150 = 5. What it costs when the lane is empty is a short green now and then; what it saves when all loops
of a lane died before they were known is a street that would never get any.
"""
CALLED, PLAYED = 1, 2
PASSING_VEH, PASSING_VEH_PER_S, PASSING = 2.0, 0.6, 1.3
"""Together at most, a second of a lane, and times its saturation flow: no queue passes faster."""

_V, _I, _F, _B = types.void, types.int64, types.float64, types.boolean
_I1, _F1, _N1, _B1 = types.int64[::1], types.float64[::1], types.int8[::1], types.boolean[::1]


@inner_kernel(_B(_I, _I, _I, HEALTH))
def is_quiet(d, frame_ms, hour, health):
    """Whether a button has told of nobody for longer than it usually does at this hour."""
    silent_s = (frame_ms - health.last_ms[d]) / 1000.0
    usual_s = QUIET_GAPS * health.gap_s[d, hour]
    if health.gaps[d, hour] < PROVEN_GAPS:
        usual_s = min(usual_s, UNLEARNED_S)
    return silent_s > max(QUIET_S, usual_s)


@inner_kernel(_I(_I, _I, _I, HEALTH))
def quiet_loop(d, frame_ms, hour, health):
    """Whether a loop counts nobody, nor is occupied, for too long: 0, CALLED (little known) or PLAYED."""
    if health.on_since_ms[d] != NEVER_MS:
        return 0
    silent_s = (frame_ms - health.last_ms[d]) / 1000.0
    if health.gaps[d, hour] < FEW_GAPS:
        return CALLED if silent_s > UNLEARNED_S else 0
    usual_s = max(QUIET_LOOP_GAPS * health.gap_s[d, hour], health.longest_s[d, hour])
    return PLAYED if silent_s > max(QUIET_S, usual_s) else 0


@kernel(_I(_I, _I, LAID, HEALTH, _N1))
def mark_quiet(frame_ms, hour, laid, health, quiet_lane):
    """Lanes none of whose own loops tells of anybody for longer than is usual; returns how many are PLAYED.

    They may be empty, or all their loops may be dead: nobody is left to say so.
    quiet_lane (L) 0, CALLED or PLAYED: written
    """
    quiet_lane[:] = PLAYED + 1
    for d in range(len(laid.kind)):
        if laid.gate[d] >= 0 and laid.own[d] and not health.masked[d]:
            lane = laid.lane[d]
            quiet_lane[lane] = min(quiet_lane[lane], quiet_loop(d, frame_ms, hour, health))
    played = 0
    for lane in range(len(quiet_lane)):
        if quiet_lane[lane] > PLAYED:
            quiet_lane[lane] = 0
        played += quiet_lane[lane] == PLAYED
    return played


@kernel(_I(_I, _I, LAID, HEALTH, _B1, _B1, _N1, _B1, _B1, _B1))
def mark_unseen(
    frame_ms, hour, laid, health, bare_lane, bare_group, quiet_lane, unseen_lane, unseen_group, quiet_group
):
    """Stop lines and crossings without a detector to trust; returns how many detectors are not used.

    A quiet button may be a dead one: until it is pressed again its crossing is served as one without.

    frame_ms of the reading, hour 0-23 · bare_lane (L), bare_group (G): never had one
    quiet_lane (L) as of `mark_quiet`
    unseen_lane (L), unseen_group, quiet_group (G): written
    """
    for lane in range(len(unseen_lane)):
        unseen_lane[lane] = bare_lane[lane] or quiet_lane[lane] == PLAYED
    for g in range(len(unseen_group)):
        unseen_group[g] = bare_group[g]
        quiet_group[g] = False
    masked = 0
    for d in range(len(laid.kind)):
        masked += 1 if health.masked[d] else 0
        if laid.kind[d] == STOPLINE and health.masked[d]:
            unseen_lane[laid.lane[d]] = True
        elif laid.kind[d] == BUTTON and health.trust[d] < BELIEVED:
            unseen_group[laid.group[d]] = True
            quiet_group[laid.group[d]] = False
        elif laid.kind[d] == BUTTON and is_quiet(d, frame_ms, hour, health):
            quiet_group[laid.group[d]] = not unseen_group[laid.group[d]]
            unseen_group[laid.group[d]] = True
    return masked


@kernel(_I(_F, LAID, _B1, types.int32[::1], _F1, types.int32[::1]))
def find_beyond(passed_s, laid, on, counted, room_veh, beyond):
    """What stop lines count beyond what can pass while a queue stands on them; returns at how many it is so.

    Where nobody stands there is no queue to be counted out, and two may follow each other closely.

    on, counted (D) raw · room_veh (D) that may still pass, beyond (D) vehicles: written
    """
    found = 0
    for d in range(len(laid.kind)):
        if laid.gate[d] != STOP or not laid.single[d]:
            continue
        most_veh_per_s = max(PASSING_VEH_PER_S, PASSING * laid.saturation_veh_per_s[laid.lane[d]])
        room_veh[d] = min(PASSING_VEH, room_veh[d] + most_veh_per_s * passed_s) if on[d] else PASSING_VEH
        passed = min(max(0, counted[d]), int(room_veh[d]))
        room_veh[d] -= passed
        beyond[d] = max(0, counted[d]) - passed
        found += 1 if beyond[d] > 0 else 0
    return found


@kernel(_V(_F, LAID, HEALTH, _N1, _B1, _F1, types.int32[::1], _F1, _B1, types.int32[::1], _F1))
def substitute(
    passed_s, laid, health, quiet_lane, unseen_lane, rate_veh_per_s, beyond, carry_veh, on, count, occupancy
):
    """Readings without what is not believed; loops upstream count the lane's usual flow instead.

    Nor do they tell of nobody: a queue that stands there is kept for as long as its stop line is taken, where
    that one is believed.
    quiet_lane (L) as of `mark_quiet` · unseen_lane (L) · rate_veh_per_s (L)
    beyond (D) counted that cannot have passed · carry_veh (D) parts of a vehicle not yet told
    on, count, occupancy (D): written
    """
    for d in range(len(laid.kind)):
        quiet = laid.gate[d] >= 0 and quiet_lane[laid.lane[d]] == PLAYED
        if not health.masked[d] and not quiet:
            count[d] -= beyond[d]
            continue
        on[d], count[d], occupancy[d] = False, 0, 0.0
        if laid.kind[d] == ADVANCE and laid.own[d]:
            carry_veh[d] += rate_veh_per_s[laid.lane[d]] * passed_s
            count[d] = int(carry_veh[d])
            carry_veh[d] -= count[d]
        if laid.kind[d] == ADVANCE and not unseen_lane[laid.lane[d]]:
            occupancy[d] = UNTOLD


@kernel(_V(_I, _F, LAID, _N1, _F1, _N1, _I1, _F1, _F1, types.float64[:, ::1], _F1))
def believe_lanes(
    now_ms,
    passed_s,
    laid,
    seen,
    rate_veh_per_s,
    lamp,
    lamp_since_ms,
    believed_veh,
    queue_veh,
    arrival_veh,
    near_veh,
):
    """Queues of lanes whose camera is not believed: they fill at the usual flow and empty while it is green.

    seen (L) 0 = nobody sees it · rate_veh_per_s (L) · lamp (G) Lamp, lamp_since_ms (G) ms
    Written: believed_veh, queue_veh, near_veh (L) · arrival_veh (L, H)
    """
    for lane in range(len(seen)):
        if seen[lane] != 0:
            believed_veh[lane] = 0.0
            continue
        first, bits = laid.group_start[laid.lane_junction[lane]], laid.lane_group_bits[lane]
        since_ms = green_since_ms(first, bits, lamp, lamp_since_ms)
        green = since_ms >= 0 and now_ms - since_ms > START_UP_MS
        come = believed_veh[lane] + rate_veh_per_s[lane] * passed_s
        out = laid.saturation_veh_per_s[lane] * passed_s if green else 0.0
        believed_veh[lane] = min(max(0.0, come - out), laid.storage_veh[lane])
        queue_veh[lane] = believed_veh[lane]
        near_veh[lane] = believed_veh[lane] + 1.0
        for h in range(arrival_veh.shape[1]):
            arrival_veh[lane, h] = rate_veh_per_s[lane]


@inner_kernel(_V(_I, _I, _B, LAID, _N1, _I1, _I1))
def call_lane(lane, from_ms, overdue, laid, lamp, green_ended_ms, called_ms):
    """Groups of a lane that are not green call from then on, or since their green ended where that was later.

    overdue: only those whose green had then ended for as long as is promised
    """
    g, bits = laid.group_start[laid.lane_junction[lane]], laid.lane_group_bits[lane]
    while bits:
        if bits & 1 and lamp[g] != GREEN and called_ms[g] == NEVER_MS:
            long_ago = from_ms - green_ended_ms[g] >= laid.promise_ms[g]
            if long_ago or not overdue:
                called_ms[g] = max(from_ms, green_ended_ms[g])
        bits >>= 1
        g += 1


@kernel(_V(_I, LAID, HEALTH, _N1, _N1, _F1, _N1, _I1, _I1, _I1))
def call_unproven(
    now_ms, laid, health, seen, quiet_lane, believed_veh, lamp, green_ended_ms, called_ms, call_since_ms
):
    """Lanes that may be empty or may be blind are looked after now and then; believed queues call.

    So does whoever was counted farther up and never came to a stop line that tells of nobody: he has
    turned off, or its loop is dead and he stands there. A green since then was his: he calls anew.

    seen (L) 0 by nobody, 1 by loops that have told of nobody · quiet_lane (L) as of `mark_quiet`
    believed_veh (L) · lamp (G) Lamp
    green_ended_ms (G) ms · called_ms (G) since when, NEVER_MS = not, call_since_ms (G) ms: written
    """
    for lane in range(len(seen)):
        if seen[lane] == 2 and not quiet_lane[lane]:
            continue
        if believed_veh[lane] >= 1.0:
            call_lane(lane, now_ms, False, laid, lamp, green_ended_ms, called_ms)
        elif seen[lane] == 1 or quiet_lane[lane]:
            call_lane(lane, now_ms, True, laid, lamp, green_ended_ms, called_ms)
    for d in range(len(laid.kind)):
        if laid.gate[d] != 0 or now_ms - health.doubt_ms[d] < UNCONFIRMED_MS:
            continue
        call_lane(laid.lane[d], health.doubt_ms[d], False, laid, lamp, green_ended_ms, called_ms)
    for g in range(len(lamp)):
        if lamp[g] == GREEN:
            called_ms[g] = NEVER_MS
        elif called_ms[g] != NEVER_MS:
            call_since_ms[g] = min(call_since_ms[g], called_ms[g])
