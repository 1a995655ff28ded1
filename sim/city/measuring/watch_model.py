"""What is noted about a run while it runs, as named tuples of arrays for the kernels.

Everything else a report needs stands in the arrays of traffic and walkers when the run ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)

MODES_SEEN = 5
"""Car, bus, bicycle, emergency, walk: the numbers of `sim.city.trips.Mode`."""
BIN_EDGES_S = np.concatenate(
    [np.arange(0.0, 120.0, 2.0), np.arange(120.0, 600.0, 10.0), np.arange(600.0, 3601.0, 60.0)]
)
"""Lower edges of the bins in which delays at junctions are counted; the last one is open."""
GRIDLOCK_VEH = 10
GRIDLOCK_STOOD_MS = 300_000
"""So many vehicles standing so long at the same time are a gridlock (as in `sim.measures`)."""


class Streets(NamedTuple):
    """What never changes. V vehicles, E edges, L lanes, K crossings, J junctions, G groups."""

    mode: np.ndarray  # (V) int8
    length_m: np.ndarray  # (V)
    route_last: np.ndarray  # (V) row of route_edge with the last edge of its way
    route_edge: np.ndarray  # edges in driving order
    edge_junction: np.ndarray  # (E) signal at its end, -1 none
    lane_junction: np.ndarray  # (L) the same by lane
    lane_promise_ms: np.ndarray  # (L) longest wait promised to who stands on it, -1 none
    leg_crossing: np.ndarray  # (legs of walks) -1 none
    crossing_junction: np.ndarray  # (K) -1 = no signal
    crossing_promise_ms: np.ndarray  # (K) -1 = no signal
    group_promise_ms: np.ndarray  # (G)
    group_junction: np.ndarray  # (G)
    bin_edge_s: np.ndarray  # (B)


class Notes(NamedTuple):
    """What has been noted so far; copied whole to fork a city. M minutes, B bins."""

    seen_at: np.ndarray  # (V) row of route_edge where it was last seen
    signal_lost_s: np.ndarray  # (V) its time loss when it passed its last signal
    stood_late: np.ndarray  # (V) bool, once stood longer than promised
    stood_since_ms: np.ndarray  # (V) the standing seen last began then
    stood_suspended_ms: np.ndarray  # (V) `suspended_ms` of its signal when it was first seen
    stood_late_since_ms: np.ndarray  # (V) the standing last found longer than promised began then
    kerb_since_ms: np.ndarray  # (P) the wait last booked began then, -1 none
    kerb_lost_ms: np.ndarray  # (P) waiting at kerbs already booked
    wait_since_ms: np.ndarray  # (P) the wait seen last began then
    wait_suspended_ms: np.ndarray  # (P) `suspended_ms` of its signal when it was first seen
    late_since_ms: np.ndarray  # (P) the wait last found longer than promised began then
    noticed_since_ms: np.ndarray  # (P) the same, counted from when its dead button was noticed
    red_since_ms: np.ndarray  # (P) the wait last found to end on red began then
    heard_ms: np.ndarray  # (K) until then the button was dead and nobody knew
    crossing_late: np.ndarray  # (K) people not served within the promise after they came
    crossing_late_noticed: np.ndarray  # (K) of them, also after the dead button was noticed
    crossing_gave_up: np.ndarray  # (K) people who crossed on red before the promise ended
    group_call_ms: np.ndarray  # (G) call now open, -1 none
    group_suspended_ms: np.ndarray  # (G) `suspended_ms` of its signal when that call was first seen
    group_late_ms: np.ndarray  # (G) call last found late
    group_calls: np.ndarray  # (G)
    group_calls_late: np.ndarray  # (G)
    lane_full_s: np.ndarray  # (L) seconds full to its beginning
    lane_full_ms: np.ndarray  # (L) found full at that moment
    lane_late: np.ndarray  # (L) standings longer than promised
    delay_bins: np.ndarray  # (J, 5, B) int32 passages by delay since the signal before
    passed: np.ndarray  # (J, 5) vehicles and people who passed
    passed_persons: np.ndarray  # (J, 5)
    delay_s: np.ndarray  # (J, 5) delay summed
    delay_person_s: np.ndarray  # (J, 5)
    worst_delay_s: np.ndarray  # (J, 5)
    worst_stood_s: np.ndarray  # (J, 5) longest uninterrupted standing
    suspended_ms: np.ndarray  # (J) for so long promises have not run: preemption, all red, flash
    queue_max_veh: np.ndarray  # (J) most standing at once
    queue_veh: np.ndarray  # (J) standing now
    minute_standing_s: np.ndarray  # (M, 5) standing summed over vehicles or people
    minute_driving_s: np.ndarray  # (M) driving and standing, vehicles
    minute_lost_s: np.ndarray  # (M, 5) time loss of all so far, at the end of the minute
    minute_lost_person_s: np.ndarray  # (M, 5) the same, of people
    minute_red: np.ndarray  # (M) crossed on red so far, at the end of the minute
    gridlock: np.ndarray  # (1) bool
    time_ms: np.ndarray  # (1) last look

    def copy(self) -> Notes:
        """The same notes, once more."""
        return Notes(*(array.copy() for array in self))


def empty_streets() -> Streets:
    """No street; for the types."""
    i, f = np.zeros(0, np.int64), np.zeros(0)
    return Streets(np.zeros(0, np.int8), f, i, i, i, i, i, i, i, i, i, i, f)


def empty_notes(
    route_begin: np.ndarray,
    people: int,
    crossings: int,
    groups: int,
    lanes: int,
    junctions: int,
    minutes: int,
) -> Notes:
    """Nothing noted; `route_begin` (V) is the row of each vehicle's first edge."""

    def ints(n: int, value: int = 0) -> np.ndarray:
        return np.full(n, value, np.int64)

    def by_mode() -> np.ndarray:
        return np.zeros((junctions, MODES_SEEN))

    vehicles = len(route_begin)
    return Notes(
        seen_at=np.array(route_begin, np.int64),
        signal_lost_s=np.zeros(vehicles),
        stood_late=np.zeros(vehicles, np.bool_),
        stood_since_ms=ints(vehicles, -1),
        stood_suspended_ms=ints(vehicles),
        stood_late_since_ms=ints(vehicles, -1),
        kerb_since_ms=ints(people, -1),
        kerb_lost_ms=ints(people),
        wait_since_ms=ints(people, -1),
        wait_suspended_ms=ints(people),
        late_since_ms=ints(people, -1),
        noticed_since_ms=ints(people, -1),
        red_since_ms=ints(people, -1),
        heard_ms=ints(crossings, -1),
        crossing_late=ints(crossings),
        crossing_late_noticed=ints(crossings),
        crossing_gave_up=ints(crossings),
        group_call_ms=ints(groups, -1),
        group_suspended_ms=ints(groups),
        group_late_ms=ints(groups, -1),
        group_calls=ints(groups),
        group_calls_late=ints(groups),
        lane_full_s=ints(lanes),
        lane_full_ms=ints(lanes, -1),
        lane_late=ints(lanes),
        delay_bins=np.zeros((junctions, MODES_SEEN, len(BIN_EDGES_S)), np.int32),
        passed=np.zeros((junctions, MODES_SEEN), np.int64),
        passed_persons=by_mode(),
        delay_s=by_mode(),
        delay_person_s=by_mode(),
        worst_delay_s=by_mode(),
        worst_stood_s=by_mode(),
        suspended_ms=ints(junctions),
        queue_max_veh=ints(junctions),
        queue_veh=ints(junctions),
        minute_standing_s=np.zeros((minutes, MODES_SEEN)),
        minute_driving_s=np.zeros(minutes),
        minute_lost_s=np.zeros((minutes, MODES_SEEN)),
        minute_lost_person_s=np.zeros((minutes, MODES_SEEN)),
        minute_red=ints(minutes),
        gridlock=np.zeros(1, np.bool_),
        time_ms=ints(1, -1),
    )


STREETS = typeof(empty_streets())
NOTES = typeof(empty_notes(np.zeros(0, np.int64), 0, 0, 0, 0, 0, 1))
