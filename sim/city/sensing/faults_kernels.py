"""Machine code of detector faults: what a reading of the truth becomes before anybody sees it.

Chance is a hash of seed, detector and second (SplitMix64: Steele, Lea, Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014), so that it needs no memory and is the same
whatever else is broken.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import typeof, types

from controller.compiling import inner_kernel, kernel
from sim.city.sensing.sensors_model import READING, SEEN

PERIOD_MS = 1000
STUCK_ON, STUCK_OFF, CHATTER, DRIFT, DELAY, DROPOUT, CLOCK_SKEW, SPOOFED = range(8)
"""In the order of `sim.city.scenario.FaultKind`."""
PASSING = 0.5
"""Occupancy a spoofed vehicle leaves in the second it seems to pass."""
GHOST_SPACE_M = 7.5
GHOST_SIGHT_M = 150.0


class Ills(NamedTuple):
    """Who is ill now. D detectors, C of them delayed at some time, S seconds of memory."""

    fault: np.ndarray  # (D) one of the numbers above, -1 healthy
    strength: np.ndarray  # (D) in the unit of the fault
    carry: np.ndarray  # (D) parts of a vehicle a drifting counter has not yet told
    heard_ms: np.ndarray  # (D) last reading that came
    ring_column: np.ndarray  # (D) column in the rings, -1 never delayed
    ring_time_ms: np.ndarray  # (S) -1 empty
    ring_on: np.ndarray  # (S, C) bool
    ring_count: np.ndarray  # (S, C)
    ring_occupancy: np.ndarray  # (S, C)
    ring_n: np.ndarray  # (S) tracks kept
    ring_segment: np.ndarray  # (S, T)
    ring_distance_m: np.ndarray  # (S, T)
    ring_speed_m_per_s: np.ndarray  # (S, T)
    ring_bus: np.ndarray  # (S, T) bool


class Cameras(NamedTuple):
    """Who watches what with full sensors. K segments, D detectors."""

    segment_detector: np.ndarray  # (K) stop-line detector whose faults its tracks have, -1 none
    own_segment: np.ndarray  # (D) the stop line's own segment, -1 for other detectors
    own_length_m: np.ndarray  # (D) of that segment


def new_ills(detectors: int, ring_column: np.ndarray, seconds: int, tracks: int, now_ms: int) -> Ills:
    """Nobody ill yet; memory for the delayed."""
    columns = int(ring_column.max(initial=-1)) + 1
    return Ills(
        fault=np.full(detectors, -1, np.int64),
        strength=np.zeros(detectors),
        carry=np.zeros(detectors),
        heard_ms=np.full(detectors, now_ms, np.int64),
        ring_column=ring_column,
        ring_time_ms=np.full(seconds, -1, np.int64),
        ring_on=np.zeros((seconds, columns), np.bool_),
        ring_count=np.zeros((seconds, columns), np.int64),
        ring_occupancy=np.zeros((seconds, columns)),
        ring_n=np.zeros(seconds, np.int64),
        ring_segment=np.zeros((seconds, tracks), np.int64),
        ring_distance_m=np.zeros((seconds, tracks)),
        ring_speed_m_per_s=np.zeros((seconds, tracks)),
        ring_bus=np.zeros((seconds, tracks), np.bool_),
    )


ILLS = typeof(new_ills(0, np.zeros(0, np.int64), 1, 0, 0))
CAMERAS = typeof(Cameras(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)))
_I, _F, _I1 = types.int64, types.float64, types.int64[::1]


@inner_kernel(_F(_I, _I, _I, _I))
def chance(seed, detector, second, draw):
    """A number in [0, 1) that depends on nothing but its arguments."""
    z = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(detector)
    for part in (second, draw):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(part)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) / 9007199254740992.0


@kernel(types.void(_I, ILLS, READING))
def remember(now_ms, ills, reading):
    """Keep the true reading of the detectors that are delayed at some time."""
    slot = now_ms // PERIOD_MS % len(ills.ring_time_ms)
    ills.ring_time_ms[slot] = now_ms
    for d in range(len(ills.ring_column)):
        column = ills.ring_column[d]
        if column >= 0:
            ills.ring_on[slot, column] = reading.on[d]
            ills.ring_count[slot, column] = reading.counted[d]
            ills.ring_occupancy[slot, column] = reading.occupancy[d]


@inner_kernel(_I(_I, _F, ILLS))
def slot_of(now_ms, delay_s, ills):
    """Where the reading of so many seconds ago is kept; -1 when it is not."""
    then_ms = now_ms - int(delay_s) * PERIOD_MS
    slot = then_ms // PERIOD_MS % len(ills.ring_time_ms)
    return slot if then_ms >= 0 and ills.ring_time_ms[slot] == then_ms else -1


@kernel(types.void(_I, _I, _I1, ILLS, READING, _I1))
def afflict(now_ms, seed, ill, ills, reading, time_ms):
    """Let the detectors `ill` report what their faults make of their readings.

    ill (n) detectors that are not healthy · time_ms (D) when each reading was taken: written
    """
    second = now_ms // PERIOD_MS
    for d in ill:
        fault, strength = ills.fault[d], ills.strength[d]
        luck = chance(seed, d, second, 0)
        if fault == STUCK_ON:
            reading.on[d], reading.counted[d], reading.occupancy[d] = True, 0, 1.0
        elif fault == STUCK_OFF:
            reading.on[d], reading.counted[d], reading.occupancy[d] = False, 0, 0.0
        elif fault == CHATTER:
            reading.counted[d] += int(strength / 60.0 + luck)
            reading.on[d] = chance(seed, d, second, 1) < 0.5
            reading.occupancy[d] = chance(seed, d, second, 2)
        elif fault == DRIFT:
            ills.carry[d] += reading.counted[d] * strength
            reading.counted[d] = int(ills.carry[d])
            ills.carry[d] -= reading.counted[d]
            reading.occupancy[d] = min(1.0, reading.occupancy[d] * strength)
        elif fault == DELAY:
            slot, column = slot_of(now_ms, strength, ills), ills.ring_column[d]
            reading.on[d], reading.counted[d], reading.occupancy[d] = False, 0, 0.0
            if slot >= 0:
                reading.on[d] = ills.ring_on[slot, column]
                reading.counted[d] = ills.ring_count[slot, column]
                reading.occupancy[d] = ills.ring_occupancy[slot, column]
            time_ms[d] = now_ms - int(strength) * PERIOD_MS
        elif fault == DROPOUT:
            reading.on[d], reading.counted[d], reading.occupancy[d] = False, 0, 0.0
            time_ms[d] = ills.heard_ms[d]
        elif fault == CLOCK_SKEW:
            time_ms[d] = now_ms + int(strength) * PERIOD_MS
        elif fault == SPOOFED:
            ghosts = int(strength / 60.0 + luck)
            reading.counted[d] += ghosts
            if ghosts > 0:
                reading.on[d] = True
                reading.occupancy[d] = max(reading.occupancy[d], PASSING)
        if fault != DROPOUT:
            ills.heard_ms[d] = now_ms


@kernel(types.void(_I, _I, ILLS, CAMERAS, SEEN))
def remember_tracks(now_ms, n_tracks, ills, cameras, seen):
    """Keep the true tracks before cameras that are delayed at some time, as many as there is room for."""
    slot = now_ms // PERIOD_MS % len(ills.ring_time_ms)
    ills.ring_n[slot] = 0
    for i in range(n_tracks):
        d = cameras.segment_detector[seen.segment[i]]
        n = ills.ring_n[slot]
        if d >= 0 and ills.ring_column[d] >= 0 and n < ills.ring_segment.shape[1]:
            ills.ring_segment[slot, n] = seen.segment[i]
            ills.ring_distance_m[slot, n] = seen.distance_m[i]
            ills.ring_speed_m_per_s[slot, n] = seen.speed_m_per_s[i]
            ills.ring_bus[slot, n] = seen.kind[i] == 1
            ills.ring_n[slot] = n + 1


@kernel(_I(_I, _I, _I, ILLS, CAMERAS, SEEN))
def lose_tracks(now_ms, seed, n_tracks, ills, cameras, seen):
    """Take away what ill cameras do not see; returns how many tracks are left."""
    second = now_ms // PERIOD_MS
    kept = 0
    for i in range(n_tracks):
        d = cameras.segment_detector[seen.segment[i]]
        if d >= 0 and ills.fault[d] >= 0:
            fault = ills.fault[d]
            if fault in (STUCK_OFF, DROPOUT, DELAY):
                continue
            if fault == CHATTER and chance(seed, d, second, 3 + i) < 0.5:
                continue
            if fault == DRIFT and chance(seed, d, second, 3 + i) >= ills.strength[d]:
                continue
        seen.segment[kept] = seen.segment[i]
        seen.distance_m[kept] = seen.distance_m[i]
        seen.speed_m_per_s[kept] = seen.speed_m_per_s[i]
        seen.kind[kept] = seen.kind[i]
        kept += 1
    return kept


@inner_kernel(_I(_I, _I, _I, _F, _F, _I, SEEN))
def add_track(n_tracks, segment, bus, distance_m, speed_m_per_s, room, seen):
    """One track more, where there is room; returns how many there are."""
    if n_tracks >= room:
        return n_tracks
    seen.segment[n_tracks] = segment
    seen.distance_m[n_tracks] = distance_m
    seen.speed_m_per_s[n_tracks] = speed_m_per_s
    seen.kind[n_tracks] = bus
    return n_tracks + 1


@kernel(_I(_I, _I, _I, _I1, ILLS, CAMERAS, SEEN))
def add_tracks(now_ms, seed, n_tracks, ill, ills, cameras, seen):
    """Add what ill cameras see that is not there; returns how many tracks there are.

    Drift above 1 sees some twice; delay shows the tracks of then; stuck on one vehicle standing at
    the line; chatter one anywhere, on and off; spoofed a standing queue of a tenth of its rate.
    """
    second, room, n = now_ms // PERIOD_MS, len(seen.segment), n_tracks
    for i in range(n_tracks):
        d = cameras.segment_detector[seen.segment[i]]
        if d >= 0 and ills.fault[d] == DRIFT and ills.strength[d] > 1.0:
            for _ in range(int(ills.strength[d] - 1.0 + chance(seed, d, second, 3 + i))):
                n = add_track(
                    n, seen.segment[i], seen.kind[i], seen.distance_m[i], seen.speed_m_per_s[i], room, seen
                )
    for d in ill:
        segment, fault, strength = cameras.own_segment[d], ills.fault[d], ills.strength[d]
        if segment < 0:
            continue
        if fault == DELAY:
            slot = slot_of(now_ms, strength, ills)
            for i in range(ills.ring_n[slot] if slot >= 0 else 0):
                of = ills.ring_segment[slot, i]
                if cameras.segment_detector[of] == d:
                    bus = 1 if ills.ring_bus[slot, i] else 0
                    at_m, speed = ills.ring_distance_m[slot, i], ills.ring_speed_m_per_s[slot, i]
                    n = add_track(n, of, bus, at_m, speed, room, seen)
        elif fault == STUCK_ON:
            n = add_track(n, segment, 0, 0.0, 0.0, room, seen)
        elif fault == CHATTER and chance(seed, d, second, 1) < 0.5:
            at_m = chance(seed, d, second, 2) * min(GHOST_SIGHT_M, cameras.own_length_m[d])
            n = add_track(n, segment, 0, at_m, 0.0, room, seen)
        elif fault == SPOOFED:
            for k in range(int(strength / 10.0 + 0.5)):
                if k * GHOST_SPACE_M <= min(GHOST_SIGHT_M, cameras.own_length_m[d]):
                    n = add_track(n, segment, 0, k * GHOST_SPACE_M, 0.0, room, seen)
    return n
