"""How SUMO lets vehicles come onto a street by default, written plainly: the twin of `departure_kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.slow_mover import braking_m, greatest_speed


@dataclass(frozen=True, slots=True)
class Seen:
    """A vehicle on the street: front bumper in m, m/s, how fast it would like to drive there, length in m."""

    position_m: float
    speed: float
    top: float
    length_m: float


def lane_and_speed(
    top: float, limit: float, lane_m: float, lanes: Sequence[Sequence[Seen]]
) -> tuple[int, float]:
    """Where one who would like to drive `top` wants to start, and how fast; every lane leads on as well."""
    rooms: list[float] = []
    for seen in lanes:
        last = min(seen, key=lambda one: one.position_m, default=None)
        rooms.append(lane_m if last is None else last.position_m - last.length_m)
        if last is None or last.top > top:
            break
    lane = rooms.index(max(rooms))
    there = [one.speed for one in lanes[lane]]
    return lane, min(top, sum(there) / len(there) if there else limit)


def has_place(speed: float, length_m: float, gap_m: float, decel: float, seen: Sequence[Seen]) -> bool:
    """Whether that speed is safe behind the last one there."""
    if not seen:
        return True
    last = min(seen, key=lambda one: one.position_m)
    room_m = last.position_m - last.length_m - length_m - gap_m
    return room_m >= 0 and greatest_speed(room_m + braking_m(last.speed, decel), decel) >= speed - 1e-6
