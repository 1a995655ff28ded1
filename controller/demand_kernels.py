"""What happens at stop lines and kerbs: flows, people waiting, and who calls for green."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.codes import BUTTON, GREEN, NEVER_MS, PEDESTRIAN, STOPLINE
from controller.compiling import kernel


FLOW_MEMORY_S = 180.0
PEOPLE_MEMORY_S = 600.0
CALL_AHEAD_S = 3
"""A vehicle this close to the stop line calls its group."""
CALLING_VEH = 0.3
"""As much of a vehicle calls: where lanes part, one vehicle is seen as shares on each."""
EMPTY_VEH = 0.1
"""Less than this on all of a lane's reach is nobody."""
EMPTY_AFTER_S = 5.0
"""A call is dropped when nobody has been on its lanes for so long."""


@kernel(
    "void(int64, int64, int64, boolean[:], int32[:], int8[:], int64[:], int64[:], float64[:], int8[:], "
    "int8[:], boolean[:], float64[:], float64[:], float64[:], float64[:], float64[:], int64[:])"
)
def count_people_and_flow(
    now_ms,
    passed_ms,
    observed_ms,
    detector_on,
    detector_count,
    detector_kind,
    detector_lane,
    detector_group,
    detector_share,
    group_kind,
    lamp,
    unseen_lane,
    stop_on,
    crossed_veh,
    flow_veh_per_s,
    waiting_people,
    people_per_s,
    call_since_ms,
):
    """Smoothed flows, people waiting at kerbs, and the calls of push buttons.

    detector_* (D) · group_kind, lamp (G) · unseen_lane (L) bool, its stop line's loop is not believed
    Written: stop_on, crossed_veh (L) · flow_veh_per_s (L) · waiting_people, people_per_s (G)
    call_since_ms (G) ms: written
    """
    passed_s = passed_ms / 1000.0
    for g in range(len(lamp)):
        if lamp[g] == GREEN:
            waiting_people[g] = 0.0
    flow_memory_s = min(FLOW_MEMORY_S, observed_ms / 1000.0 + 10.0)
    people_memory_s = min(PEOPLE_MEMORY_S, observed_ms / 1000.0 + 60.0)
    for d in range(len(detector_kind)):
        count = detector_count[d]
        if detector_kind[d] == STOPLINE and passed_s > 0.0:
            lane = detector_lane[d]
            if unseen_lane[lane]:
                continue
            # A loop counts those who arrive on it; who stands there has not crossed.
            on = 1.0 if detector_on[d] else 0.0
            crossed_veh[lane] = max(0.0, count + stop_on[lane] - on)
            stop_on[lane] = on
            flow_veh_per_s[lane] += (count / passed_s - flow_veh_per_s[lane]) * min(
                1.0, passed_s / flow_memory_s
            )
        elif detector_kind[d] == BUTTON:
            g = detector_group[d]
            if lamp[g] != GREEN:
                waiting_people[g] += count
                if passed_s > 0.0:
                    people_per_s[g] += (count / passed_s - people_per_s[g]) * min(
                        1.0, passed_s / people_memory_s
                    )
                if (count > 0 or detector_on[d]) and call_since_ms[g] == NEVER_MS:
                    call_since_ms[g] = now_ms


@kernel(
    "void(int64, int64, int64[:], int64[:], int64[:], int8[:], boolean[:], float64[:], float64[:, :], "
    "float64[:], int8[:], boolean[:], boolean[:], float64[:], int64[:])"
)
def call_vehicles(
    now_ms,
    passed_ms,
    group_start,
    lane_group_bits,
    lane_junction,
    group_kind,
    group_turn_on_red,
    queue_veh,
    arrival_veh,
    near_veh,
    lamp,
    called,
    kept,
    empty_s,
    call_since_ms,
):
    """Register a call for every group whose lane holds a vehicle at, or about to reach, the stop line.

    A group loses its call when nobody has been on its lanes for EMPTY_AFTER_S (they turned on
    red, or changed lanes), one whose drivers may turn on red as soon as nobody waits.

    group_start (J+1) · lane_group_bits (L) bits · lane_junction (L) · group_kind, group_turn_on_red (G)
    queue_veh (L) · arrival_veh (L, H) · near_veh (L) · lamp (G) Lamp
    called, kept (G) bool scratch · empty_s (L) s, call_since_ms (G) ms: written
    """
    called[:] = False
    kept[:] = False
    for lane in range(len(queue_veh)):
        empty_s[lane] = empty_s[lane] + passed_ms / 1000.0 if near_veh[lane] < EMPTY_VEH else 0.0
        demand = queue_veh[lane]
        for h in range(CALL_AHEAD_S):
            demand += arrival_veh[lane, h]
        first = group_start[lane_junction[lane]]
        bits = lane_group_bits[lane]
        k = 0
        while bits:
            if bits & 1:
                called[first + k] = called[first + k] or demand >= CALLING_VEH
                kept[first + k] = kept[first + k] or empty_s[lane] < EMPTY_AFTER_S
            bits >>= 1
            k += 1
    for g in range(len(lamp)):
        if called[g] and lamp[g] != GREEN and call_since_ms[g] == NEVER_MS:
            call_since_ms[g] = now_ms
        elif not called[g] and group_kind[g] != PEDESTRIAN and (group_turn_on_red[g] or not kept[g]):
            call_since_ms[g] = NEVER_MS
