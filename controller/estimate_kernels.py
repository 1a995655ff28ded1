"""Who is where when every vehicle within the detection range is seen: queues and arrivals from tracks."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.compiling import kernel

TRACK_BUS = 1

QUEUE_SPEED_M_PER_S = 2.0
"""Slower than this a vehicle stands in or moves up with a queue."""
VEHICLE_SPACE_M = 7.5
"""Length of one standing vehicle and its gap (HCM 2010, ch. 31: 25 ft)."""
ACCELERATION_M_PER_S2 = 2.0
DETECTION_RANGE_M = 200.0
UNSEEN_FLOW_VEH_PER_S = 0.02
"""A lane nobody has used yet may still be used."""


@kernel("void(int64[:], int64[:], float64[:], float64[:], float64[:])")
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


@kernel(
    "void(int64, int32[:], float64[:], float64[:], int8[:], int64[:], int64[:], float64[:], float64[:], "
    "float64[:], float64, float64, float64[:], float64[:, :], float64[:], float64[:])"
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
