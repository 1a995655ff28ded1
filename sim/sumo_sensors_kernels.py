"""Machine code of the loop detectors laid into SUMO's lanes.

A passage is one vehicle over one loop: it opens when the front crosses the loop's upstream
edge and ends when the rear has left its downstream edge. Open passages are kept in three
arrays; `passage_past_m` is how far the REAR is past the upstream edge (negative while the
body is on its way), so that a passage ends at `loop_length_m`.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.compiling import kernel


@kernel(
    "int64(int64, int64[::1], int64[::1], float64[::1], float64[::1], boolean[::1],"
    " float64[::1], boolean[::1], float64)"
)
def continue_passages(  # type: ignore[no-untyped-def]
    n_passages,
    passage_slot,
    passage_detector,
    passage_past_m,
    slot_moved_m,
    slot_present,
    detector_occupancy,
    detector_on,
    loop_length_m,
):
    """Move the vehicles that already were on loops; returns how many passages stay open.

    passage_slot, passage_detector: (passages) indices; passage_past_m: (passages) m.
    slot_moved_m: (slots) m since the last reading; slot_present: (slots) still on the street.
    detector_occupancy: (detectors) part of the step, added to; detector_on: (detectors), set.
    """
    kept = 0
    for i in range(n_passages):
        slot = passage_slot[i]
        if not slot_present[slot]:
            continue
        moved_m = slot_moved_m[slot]
        left_m = loop_length_m - passage_past_m[i]
        detector = passage_detector[i]
        if moved_m < left_m:
            detector_occupancy[detector] = 1.0
            detector_on[detector] = True
            passage_slot[kept] = slot
            passage_detector[kept] = detector
            passage_past_m[kept] = passage_past_m[i] + moved_m
            kept += 1
        else:
            part = left_m / moved_m
            detector_occupancy[detector] = min(1.0, detector_occupancy[detector] + part)
    return kept


@kernel(
    "int64(int64, int64[::1], int64[::1], float64[::1], int64, int64[::1], int64[::1], float64[::1],"
    " float64[::1], float64[::1], int64[::1], int64[::1], float64[::1], boolean[::1], float64[::1],"
    " boolean[::1], float64[::1], int32[::1], float64[::1], boolean[::1], float64)"
)
def cross_loops(  # type: ignore[no-untyped-def]
    n_passages,
    passage_slot,
    passage_detector,
    passage_past_m,
    n_rows,
    row_slot,
    row_lane,
    row_from_m,
    row_to_m,
    row_before_m,
    lane_start,
    lane_detector,
    detector_position_m,
    detector_buses_only,
    slot_length_m,
    slot_is_bus,
    slot_moved_m,
    detector_count,
    detector_occupancy,
    detector_on,
    loop_length_m,
):
    """Count every front that crossed a loop; returns the number of passages now open.

    A row is a stretch of one lane driven by one vehicle since the last reading: row_slot,
    row_lane: (rows) indices; row_from_m, row_to_m: (rows) m from the lane's beginning;
    row_before_m: (rows) m this vehicle drove before the stretch. lane_start: (lanes+1) into
    lane_detector, the loops of each lane; detector_position_m: (detectors) m from the lane's
    beginning; slot_moved_m: (slots) whole way of the vehicle in m. A full passage array
    forgets the newest (it is sized for every loop twice).
    """
    for row in range(n_rows):
        slot, lane = row_slot[row], row_lane[row]
        for k in range(lane_start[lane], lane_start[lane + 1]):
            detector = lane_detector[k]
            at_m = detector_position_m[detector]
            if at_m <= row_from_m[row] or at_m > row_to_m[row]:
                continue
            if detector_buses_only[detector] and not slot_is_bus[slot]:
                continue
            detector_count[detector] += 1
            moved_m = slot_moved_m[slot]
            reached_m = row_before_m[row] + at_m - row_from_m[row]
            span_m = slot_length_m[slot] + loop_length_m
            part = min(moved_m - reached_m, span_m) / moved_m
            detector_occupancy[detector] = min(1.0, detector_occupancy[detector] + part)
            if moved_m - reached_m < span_m:
                detector_on[detector] = True
                if n_passages < passage_slot.size:
                    passage_slot[n_passages] = slot
                    passage_detector[n_passages] = detector
                    passage_past_m[n_passages] = moved_m - reached_m - slot_length_m[slot]
                    n_passages += 1
    return n_passages


@kernel(
    "int64(int64, int64[::1], int64[::1], float64[::1], int64, int64, int64, float64, boolean, int64[::1],"
    " int64[::1], int64[::1], int64[::1], float64[::1], boolean[::1], float64[::1], boolean[::1],"
    " int32[::1], boolean[::1], float64)"
)
def settle_on_lane(  # type: ignore[no-untyped-def]
    n_passages,
    passage_slot,
    passage_detector,
    passage_past_m,
    slot,
    lane,
    edge,
    front_m,
    inserted,
    detector_lane,
    lane_edge,
    lane_start,
    lane_detector,
    detector_position_m,
    detector_buses_only,
    slot_length_m,
    slot_is_bus,
    detector_count,
    detector_on,
    loop_length_m,
):
    """Put a vehicle that changed lanes, or was inserted, on the loops under its body.

    Whoever moved over sideways is uncounted: another loop of the same street saw him. Whoever was
    `inserted` on a loop is counted: in the world beyond the map he drove over it to get there.
    His passages on the neighbouring lanes of the same edge end. `front_m` is the position of
    his front on `lane`; detector_lane: (detectors), lane_edge: (lanes) indices. Returns the
    number of passages now open.
    """
    kept = 0
    for i in range(n_passages):
        on_lane = detector_lane[passage_detector[i]]
        if passage_slot[i] == slot and on_lane != lane and lane_edge[on_lane] == edge:
            continue
        passage_slot[kept] = passage_slot[i]
        passage_detector[kept] = passage_detector[i]
        passage_past_m[kept] = passage_past_m[i]
        kept += 1
    n_passages = kept
    for k in range(lane_start[lane], lane_start[lane + 1]):
        detector = lane_detector[k]
        past_m = front_m - detector_position_m[detector] - slot_length_m[slot]
        if past_m >= loop_length_m or past_m < -slot_length_m[slot]:
            continue
        if detector_buses_only[detector] and not slot_is_bus[slot]:
            continue
        known = False
        for i in range(n_passages):
            known = known or (passage_slot[i] == slot and passage_detector[i] == detector)
        if known or n_passages >= passage_slot.size:
            continue
        if inserted:
            detector_count[detector] += 1
        detector_on[detector] = True
        passage_slot[n_passages] = slot
        passage_detector[n_passages] = detector
        passage_past_m[n_passages] = past_m
        n_passages += 1
    return n_passages
