"""Believed demand where nothing looks: lanes without a loop at the stop line, crossings without a button."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import FAR, GREEN, NEAR, NEVER_MS, STOP
from controller.compiling import kernel
from controller.lane_green_kernels import green_since_ms
from controller.substitute_kernels import START_UP_MS

FLOW_MEMORY_S = 180.0
SOMEBODY = 0.5
"""People believed to wait from which it is as likely as not that somebody does."""


@kernel(
    "void(int64, int64, b1[:], float64[:], int64[:], int64[:], int64[:], i1[::1], i8[::1], float64[:], "
    "int64[:, :], int64[:], float64[:, :], float64[:, :], float64[:], float64[:])"
)
def play_unseen_lanes(
    now_ms,
    seconds,
    unseen_lane,
    usual_veh_per_s,
    lane_group_bits,
    lane_junction,
    group_start,
    lamp,
    lamp_since_ms,
    saturation_veh_per_s,
    gate_s,
    feed_start,
    held_veh,
    passed_veh,
    crossed_veh,
    flow_veh_per_s,
):
    """Queues behind stop lines that no loop watches: they fill by what comes, and flow while it is green.

    What comes is counted by loops farther up or sent by signals upstream; where there is neither,
    the usual flow is taken to come.

    unseen_lane (L) bool · usual_veh_per_s, saturation_veh_per_s (L) · lane_group_bits (L) bits
    lane_junction (L) · group_start (J+1) · lamp (G), lamp_since_ms (G) ms
    gate_s (L, GATES) s, -1 = no such gate · feed_start (L+1)
    Written: held_veh (L, GATES), passed_veh (L, GATES+1), crossed_veh (L) veh · flow_veh_per_s (L)
    """
    if seconds <= 0:
        return
    for lane in range(len(unseen_lane)):
        if not unseen_lane[lane]:
            continue
        counted = gate_s[lane, NEAR] >= 0 or gate_s[lane, FAR] >= 0
        if not counted and feed_start[lane] == feed_start[lane + 1]:
            held_veh[lane, STOP] += usual_veh_per_s[lane] * seconds
        first, bits = group_start[lane_junction[lane]], lane_group_bits[lane]
        since_ms = green_since_ms(first, bits, lamp, lamp_since_ms)
        green = since_ms >= 0 and now_ms - since_ms >= START_UP_MS
        out = min(held_veh[lane, STOP], saturation_veh_per_s[lane] * seconds) if green else 0.0
        held_veh[lane, STOP] -= out
        passed_veh[lane, STOP] += out
        crossed_veh[lane] = out
        part = min(1.0, seconds / FLOW_MEMORY_S)
        flow_veh_per_s[lane] += (out / seconds - flow_veh_per_s[lane]) * part


@kernel("void(int64, int64, b1[:], b1[:], float64, int8[:], float64[:], float64[:], int64[:])")
def suppose_people(
    now_ms, passed_ms, unseen_group, quiet_group, usual_people_per_s, lamp, waiting_people, people_per_s,
    call_since_ms,
):  # fmt: skip
    """At a crossing without a button the usual people come, the first perhaps at once: it is called.

    Where a button is but quiet, whoever comes can call: it is called once somebody is likely to wait.

    unseen_group, of them quiet_group (G) bool · lamp (G)
    Written: waiting_people, people_per_s (G) · call_since_ms (G) ms
    """
    for g in range(len(unseen_group)):
        if unseen_group[g]:
            people_per_s[g] = usual_people_per_s
            if lamp[g] != GREEN:
                waiting_people[g] += usual_people_per_s * passed_ms / 1000.0
                enough = SOMEBODY if quiet_group[g] else 0.0
                if call_since_ms[g] == NEVER_MS and waiting_people[g] >= enough:
                    call_since_ms[g] = now_ms
