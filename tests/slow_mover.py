"""One lane with one signal at its end, written plainly: the obvious twin of the movement kernels."""

from __future__ import annotations

from controller.vocabulary import Lamp

CREEP_M_PER_S = 0.01
"""Nobody drives slower."""
DAWDLED = 0.25
"""Half of SUMO's sigma: the part of the acceleration idled away in the mean."""


def greatest_speed(gap_m: float, decel: float) -> float:
    """From which one stops within the gap after a second of reaction, by trying out how many brakings."""
    if gap_m <= 0.001:
        return 0.0
    gap_m -= 0.001
    steps = 0
    while True:
        # So many whole brakings by `decel`, after a second at the first speed.
        speed = (gap_m + decel * steps * (steps + 1) / 2) / (steps + 1)
        if speed <= decel * (steps + 1) + 1e-12:
            return speed
        steps += 1


def braking_m(speed: float, decel: float) -> float:
    way_m = 0.0
    while speed > decel:
        speed -= decel
        way_m += speed
    return way_m


class Car:
    def __init__(self, position_m: float, speed: float, drives, k: int) -> None:  # type: ignore[no-untyped-def]
        self.position_m, self.speed = position_m, speed
        self.length_m, self.gap_m = float(drives.length_m[k]), float(drives.gap_m[k])
        self.accel, self.decel = float(drives.accel_m_per_s2[k]), float(drives.decel_m_per_s2[k])
        self.wish = float(drives.speed_factor[k])


def next_speed(car: Car, leader: Car | None, limit: float, lane_m: float, lamp: int) -> float:
    """What a driver does in the next second, from where everybody is now."""
    top = limit * car.wish
    fastest = min(car.speed + car.accel, top)
    if leader is not None:
        gap_m = leader.position_m - leader.length_m - car.position_m - car.gap_m
        way_m = gap_m + braking_m(leader.speed, car.decel)
        fastest = min(fastest, greatest_speed(way_m, car.decel))
    to_line_m = lane_m - car.position_m
    if lamp == Lamp.RED or (lamp == Lamp.YELLOW and to_line_m > braking_m(car.speed, car.decel)):
        fastest = min(fastest, greatest_speed(to_line_m - 1.0, car.decel))
    fastest = max(fastest, car.speed - 9.0, 0.0)
    if fastest < CREEP_M_PER_S:
        return 0.0
    slowest = max(0.0, min(car.speed - car.decel, fastest))
    return max(slowest, fastest - DAWDLED * min(fastest, car.accel))
