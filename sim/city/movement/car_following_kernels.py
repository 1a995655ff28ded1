"""How fast a driver may go: Krauss car following in steps of one second, as SUMO 1.28 computes it.

Sources: Krauss (1998), "Microscopic modeling of traffic flow"; SUMO's MSCFModel. All
distances are net of the gap a driver keeps when standing. Nothing here knows arrays. Rounded is with
numpy's `floor`, which stays a number with a point; that of `math` goes to a whole number and back.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import math

import numpy as np
from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.movement_model import EMERGENCY_DECEL_M_PER_S2, TAU_S

_F, _I, _B = types.float64, types.int64, types.boolean


@inner_kernel(_F(_F, _F), forceinline=True)
def brake_gap_m(speed, decel):
    """Way until standstill when braking by `decel` from the next second on, without reaction time."""
    if speed < decel:
        return 0.0
    steps = np.floor(speed / decel)
    return steps * speed - decel * steps * (steps + 1.0) * 0.5


@inner_kernel(_F(_F, _F), forceinline=True)
def look_ahead_m(wanted, decel):
    """Way beyond which nothing can hold a driver in the next second who would like to drive `wanted`."""
    return wanted * (1.0 + TAU_S) + brake_gap_m(wanted, decel)


@inner_kernel(_F(_F, _F), forceinline=True)
def stop_speed(gap_m, decel):
    """Greatest speed in the next second from which one can still stop within `gap_m`."""
    gap = gap_m - 0.001
    if gap <= 0.0:
        return 0.0
    if gap < decel * TAU_S * TAU_S:
        return gap / TAU_S  # n = 0 below, which is where queues stand and creep
    n = np.floor(0.5 - TAU_S + 0.5 * math.sqrt(1.0 + 4.0 * (2.0 * gap / decel - TAU_S + TAU_S * TAU_S)))
    braked = 0.5 * n * (n - 1.0) * decel + n * decel * TAU_S
    return n * decel + (gap - braked) / (n + TAU_S)


@inner_kernel(_F(_F, _F, _F, _F), forceinline=True)
def follow_speed(gap_m, leader_speed, decel, speed):
    """Greatest speed from which one never runs into a leader who brakes as hard as oneself."""
    if gap_m < 0.0:
        return max(0.0, speed - EMERGENCY_DECEL_M_PER_S2)
    return stop_speed(gap_m + brake_gap_m(leader_speed, decel), decel)


@inner_kernel(_B(_F, _F, _F, _F), forceinline=True)
def may_hold(gap_m, leader_speed, decel, wanted):
    """Whether `follow_speed` may be less than `wanted`: told without dividing, a metre on the safe side.

    Braking from v in whole seconds (`brake_gap_m`) takes at least v (v - decel) / 2 decel, the parabola
    through its corners, and at most decel / 8 more.
    """
    spare = 2.0 * decel * (gap_m - 0.01 - wanted * TAU_S) + leader_speed * (leader_speed - decel)
    return gap_m < 0.0 or spare < wanted * (wanted - decel) + 0.25 * decel * decel


@inner_kernel(_F(_F, _F, _F), forceinline=True)
def arrive_speed(distance_m, target, decel):
    """Greatest speed now that still allows `target` after `distance_m`."""
    if distance_m < target:
        return target
    root = math.sqrt((decel + 2.0 * target) ** 2 + 8.0 * decel * distance_m)
    y = max(0.0, ((root - decel) * 0.5 - target) / decel)
    whole = np.floor(y)
    exact = (whole * whole + whole) * 0.5 * decel + whole * target + (target if y > whole else 0.0)
    return max(0.0, distance_m - exact) / (whole + 1.0) + whole * decel + target


@inner_kernel(_F(_F, _F, _F, _F))
def travel_s(distance_m, speed, target, accel):
    """Shortest time over `distance_m` for one who accelerates from `speed` to `target` at most."""
    if target <= speed:
        return distance_m / max(0.5 * (speed + target), 0.1)
    way_m = (target - speed) / accel * 0.5 * (target + speed)
    if distance_m >= way_m:
        return (target - speed) / accel + (distance_m - way_m) / max(target, 0.1)
    return (math.sqrt(speed * speed + 2.0 * accel * distance_m) - speed) / accel


@inner_kernel(_F(_F, _F, _F), forceinline=True)
def secure_gap_m(speed, leader_speed, decel):
    """Gap to a leader that needs no hard braking: what a lane change must leave."""
    return max(0.0, brake_gap_m(speed, decel) + speed * TAU_S - brake_gap_m(leader_speed, decel))


@inner_kernel(_F(_I, _I, _I), forceinline=True)
def luck(seed, row, second):
    """A number in [0, 1) that depends on nothing but these three (splitmix64)."""
    x = types.uint64(seed) + types.uint64(row) * types.uint64(0x9E3779B97F4A7C15)
    x += types.uint64(second) * types.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> types.uint64(30))) * types.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> types.uint64(27))) * types.uint64(0x94D049BB133111EB)
    x ^= x >> types.uint64(31)
    return types.float64(x >> types.uint64(11)) * (1.0 / 9007199254740992.0)
