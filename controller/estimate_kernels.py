"""Who is where: queues, arrivals and calls from one sensor reading, over arrays.

Two ways in: tracks (every vehicle within the detection range is seen) and loops (counts
at an advance loop and at the stop line, and nothing in between).
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit

GREEN = 1
NEVER_MS = 1 << 60
STOPLINE, ADVANCE, BUTTON, BUS = 0, 1, 2, 3
TRACK_BUS = 1

QUEUE_SPEED_M_PER_S = 2.0
"""Slower than this a vehicle stands in or moves up with a queue."""
VEHICLE_SPACE_M = 7.5
"""Length of one standing vehicle and its gap (HCM 2010, ch. 31: 25 ft)."""
ACCELERATION_M_PER_S2 = 2.0
DETECTION_RANGE_M = 200.0
UNSEEN_FLOW_VEH_PER_S = 0.02
"""A lane nobody has used yet may still be used."""
FLOW_MEMORY_S = 180.0
PEOPLE_MEMORY_S = 600.0
CALL_AHEAD_S = 3
"""A vehicle this close to the stop line calls its group."""


@njit("void(int64[:], int64[:], float64[:], float64[:], float64[:])", cache=True, nogil=True)
def learn_shares(segment_start, segment_lane, segment_share, flow_veh_per_s, learned_share):
    """Vehicles upstream are expected in the lanes of a stop line as these lanes are really used.

    What a segment sends to all of them together stays as it was; between them it is split by
    prior share times measured flow.

    segment_start (K+1), segment_lane (E), segment_share (E) prior · flow_veh_per_s (L)
    learned_share (E): written
    """
    for k in range(len(segment_start) - 1):
        prior = 0.0
        used = 0.0
        for e in range(segment_start[k], segment_start[k + 1]):
            prior += segment_share[e]
            used += segment_share[e] * (flow_veh_per_s[segment_lane[e]] + UNSEEN_FLOW_VEH_PER_S)
        for e in range(segment_start[k], segment_start[k + 1]):
            flow = flow_veh_per_s[segment_lane[e]] + UNSEEN_FLOW_VEH_PER_S
            learned_share[e] = segment_share[e] * flow * prior / used


@njit(
    "void(int64, int32[:], float64[:], float64[:], int8[:], int64[:], int64[:], float64[:], float64[:], float64[:], "
    "float64, float64, float64[:], float64[:, :], float64[:], float64[:])",
    cache=True,
    nogil=True,
)
def from_tracks(
    n_tracks,
    track_segment,
    track_distance_m,
    track_speed_m_per_s,
    track_kind,
    segment_start,
    segment_lane,
    segment_gap_m,
    segment_share,
    lane_speed_m_per_s,
    persons_per_car,
    persons_per_bus,
    queue_veh,
    arrival_veh,
    near_veh,
    persons_per_veh,
):
    """Queues and arrivals from vehicles seen.

    track_* (T): segment index, m to its end, m/s, kind · segment_start (K+1), segment_lane, segment_gap_m,
    segment_share: lanes a segment leads to · lane_speed_m_per_s (L)
    Written: queue_veh (L) veh · arrival_veh (L, H) veh in second h · near_veh (L) veh · persons_per_veh (L)
    """
    horizon_s = arrival_veh.shape[1]
    queue_veh[:] = 0.0
    near_veh[:] = 0.0
    arrival_veh[:, :] = 0.0
    persons_per_veh[:] = 0.0
    for k in range(n_tracks):
        segment = track_segment[k]
        for e in range(segment_start[segment], segment_start[segment + 1]):
            if track_distance_m[k] + segment_gap_m[e] <= DETECTION_RANGE_M:
                lane = segment_lane[e]
                near_veh[lane] += segment_share[e]
                persons = persons_per_bus if track_kind[k] == TRACK_BUS else persons_per_car
                persons_per_veh[lane] += segment_share[e] * persons
    for k in range(n_tracks):
        segment = track_segment[k]
        speed = track_speed_m_per_s[k]
        for e in range(segment_start[segment], segment_start[segment + 1]):
            distance_m = track_distance_m[k] + segment_gap_m[e]
            if distance_m > DETECTION_RANGE_M:
                continue
            lane = segment_lane[e]
            free = lane_speed_m_per_s[lane]
            if speed < QUEUE_SPEED_M_PER_S and distance_m <= VEHICLE_SPACE_M * near_veh[lane] + 10.0:
                queue_veh[lane] += segment_share[e]
                continue
            slower = max(0.0, free - speed)
            travel_s = distance_m / free + slower * slower / (2.0 * ACCELERATION_M_PER_S2 * free)
            second = min(int(travel_s), horizon_s - 1)
            arrival_veh[lane, second] += segment_share[e]
    for lane in range(len(near_veh)):
        if near_veh[lane] > 0.0:
            persons_per_veh[lane] /= near_veh[lane]
        else:
            persons_per_veh[lane] = persons_per_car


@njit(
    "void(int64, boolean[:], int32[:], int8[:], int64[:], float64[:], float64[:], float64[:], float64, float64, "
    "float64[:], float64[:, :], float64[:], float64[:], float64[:])",
    cache=True,
    nogil=True,
)
def from_loops(
    seconds_passed,
    detector_on,
    detector_count,
    detector_kind,
    detector_lane,
    detector_distance_m,
    detector_share,
    lane_speed_m_per_s,
    persons_per_car,
    persons_per_bus,
    queue_veh,
    arrival_veh,
    near_veh,
    persons_per_veh,
    expected_veh,
):
    """Queues and arrivals from counts: in over the advance loop, out over the stop line.

    Counts drift, so the stop-line loop corrects them: occupied means at least one vehicle,
    the advance loop occupied by a standing queue means the whole way between is full, and a
    lane nobody has crossed or stood on loses what was miscounted over a minute.

    detector_on (D) bool · detector_count (D) since last reading · detector_kind, detector_lane (D)
    detector_distance_m, detector_share (D) · lane_speed_m_per_s (L)
    Written: queue_veh (L) · arrival_veh (L, H) · near_veh (L) · persons_per_veh (L) · expected_veh (L)
    """
    horizon_s = arrival_veh.shape[1]
    for lane in range(len(queue_veh)):
        for _ in range(seconds_passed):
            queue_veh[lane] += arrival_veh[lane, 0]
            for h in range(horizon_s - 1):
                arrival_veh[lane, h] = arrival_veh[lane, h + 1]
            arrival_veh[lane, horizon_s - 1] = 0.0
            # Somebody counted in who never came out: forget slowly.
            expected_veh[lane] *= 0.995
            queue_veh[lane] *= 0.995
            persons_per_veh[lane] += (persons_per_car - persons_per_veh[lane]) * 0.02
    for d in range(len(detector_kind)):
        lane = detector_lane[d]
        if lane < 0:
            continue
        kind = detector_kind[d]
        count = detector_count[d] * detector_share[d]
        if kind == ADVANCE:
            second = min(int(detector_distance_m[d] / lane_speed_m_per_s[lane]), horizon_s - 1)
            arrival_veh[lane, second] += count
            expected_veh[lane] += count
        elif kind == STOPLINE:
            expected_veh[lane] = max(0.0, expected_veh[lane] - count)
            queue_veh[lane] = max(0.0, queue_veh[lane] - count)
        elif kind == BUS and detector_count[d] > 0:
            n = max(1.0, expected_veh[lane])
            persons_per_veh[lane] += detector_count[d] * detector_share[d] * (persons_per_bus - persons_per_car) / n
    for d in range(len(detector_kind)):
        lane = detector_lane[d]
        if lane < 0 or not detector_on[d]:
            continue
        if detector_kind[d] == STOPLINE:
            queue_veh[lane] = max(queue_veh[lane], 1.0)
            expected_veh[lane] = max(expected_veh[lane], 1.0)
    for lane in range(len(queue_veh)):
        coming = 0.0
        for h in range(horizon_s):
            coming += arrival_veh[lane, h]
        near_veh[lane] = queue_veh[lane] + coming


@njit(
    "void(int64, int64, int64, boolean[:], int32[:], int8[:], int64[:], int64[:], float64[:], int8[:], int8[:], "
    "float64[:], float64[:], float64[:], float64[:], int64[:])",
    cache=True,
    nogil=True,
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
    crossed_veh,
    flow_veh_per_s,
    waiting_people,
    people_per_s,
    call_since_ms,
):
    """Smoothed flows, people waiting at kerbs, and the calls of push buttons.

    detector_* (D) · group_kind, lamp (G)
    Written: crossed_veh (L) · flow_veh_per_s (L) · waiting_people (G) · people_per_s (G) · call_since_ms (G) ms
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
            crossed_veh[lane] = count
            flow_veh_per_s[lane] += (count / passed_s - flow_veh_per_s[lane]) * min(1.0, passed_s / flow_memory_s)
        elif detector_kind[d] == BUTTON:
            g = detector_group[d]
            if lamp[g] != GREEN:
                waiting_people[g] += count
                if passed_s > 0.0:
                    people_per_s[g] += (count / passed_s - people_per_s[g]) * min(1.0, passed_s / people_memory_s)
                if (count > 0 or detector_on[d]) and call_since_ms[g] == NEVER_MS:
                    call_since_ms[g] = now_ms


@njit(
    "void(int64, int64[:], int64[:], int64[:], int64[:], boolean[:], float64[:], float64[:, :], float64[:], int8[:], "
    "boolean[:], int64[:])",
    cache=True,
    nogil=True,
)
def call_vehicles(
    now_ms,
    lane_start,
    group_start,
    lane_group_bits,
    lane_junction,
    group_turn_on_red,
    queue_veh,
    arrival_veh,
    near_veh,
    lamp,
    called,
    call_since_ms,
):
    """Register a call for every group whose lane holds a vehicle at, or about to reach, the stop line.

    A group whose drivers may turn on red loses its call when its lanes are empty again.

    lane_start (J+1), group_start (J+1) · lane_group_bits (L) bits · lane_junction (L) · group_turn_on_red (G)
    queue_veh (L) · arrival_veh (L, H) · near_veh (L) · lamp (G) Lamp
    called (G) bool scratch · call_since_ms (G) ms: written
    """
    called[:] = False
    for lane in range(len(queue_veh)):
        demand = queue_veh[lane]
        for h in range(CALL_AHEAD_S):
            demand += arrival_veh[lane, h]
        if demand < 0.3:
            continue
        first = group_start[lane_junction[lane]]
        bits = lane_group_bits[lane]
        k = 0
        while bits:
            if bits & 1:
                called[first + k] = True
            bits >>= 1
            k += 1
    for g in range(len(lamp)):
        if called[g] and lamp[g] != GREEN and call_since_ms[g] == NEVER_MS:
            call_since_ms[g] = now_ms
        elif not called[g] and group_turn_on_red[g]:
            call_since_ms[g] = NEVER_MS
