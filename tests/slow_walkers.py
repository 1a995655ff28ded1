"""People on foot once more, slow and obvious: one object a person, one look every 50 ms.

Also when the next vehicle comes to a crossing, with a walk along every vehicle's route.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from controller.vocabulary import Lamp
from sim.city.movement.traffic import Traffic
from sim.city.roads import Roads
from sim.city.trips import Drives, Walks

TICK_MS = 50
LOOKS_FOR_BUTTON_MS = 45_000


@dataclass
class Person:
    """Somebody; `left_ms` is what the present stretch still takes."""

    depart_ms: int
    speed: float
    presses: bool
    patience_ms: int
    legs: list[tuple[float, int]]
    state: str = "future"
    left_ms: int = 0
    stood_ms: int = 0
    lost_ms: int = 0
    worst_ms: int = 0
    pressed: bool = False
    on_red: bool = False
    red: int = 0
    caught: int = 0
    arrived_ms: int = -1

    def begin(self, now_ms: int) -> None:
        """The next leg."""
        if self.legs:
            self.state, self.left_ms = "walking", round(self.legs[0][0] / self.speed * 1000)
        else:
            self.state, self.arrived_ms = "arrived", now_ms


@dataclass
class SlowWalkers:
    """All of them, and the ledger of crossings."""

    roads: Roads
    people: list[Person]
    now_ms: int = 0
    lamp: dict[int, int] = field(default_factory=dict)
    called_ms: dict[int, int] = field(default_factory=dict)
    came: Counter[int] = field(default_factory=Counter)
    crossed: Counter[int] = field(default_factory=Counter)
    standing_ms: Counter[int] = field(default_factory=Counter)
    presses: Counter[int] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    worst_call_ms: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, roads: Roads, walks: Walks) -> SlowWalkers:
        people = []
        for p in range(walks.n):
            legs = range(walks.leg_start[p], walks.leg_start[p + 1])
            people.append(
                Person(
                    int(walks.depart_ms[p]),
                    float(walks.speed_m_per_s[p]),
                    bool(walks.presses[p]),
                    int(walks.patience_ms[p]),
                    [(float(walks.leg_before_m[i]), int(walks.leg_crossing[i])) for i in legs],
                )
            )
        return cls(roads, people)

    def second(self, group_lamp: np.ndarray, vehicle_s: np.ndarray) -> None:
        """One second under these lamps."""
        self.presses.clear()
        for k, g in enumerate(self.roads.crossing_group):
            lamp = int(group_lamp[g]) if g >= 0 else -1
            if lamp == Lamp.RED and self.lamp.get(k) in (Lamp.CLEARANCE, Lamp.GREEN):
                for one in self.people:
                    if one.state == "crossing" and one.legs[0][1] == k and not one.on_red and one.left_ms > 0:
                        one.caught += 1
            self.lamp[k] = lamp
            if lamp == Lamp.GREEN and k in self.called_ms:
                waited_ms = self.now_ms - self.called_ms.pop(k)
                self.worst_call_ms[k] = max(self.worst_call_ms[k], waited_ms)
        for _ in range(1000 // TICK_MS):
            for one in self.people:
                self.look(one, vehicle_s)
            for one in self.people:
                if one.state == "waiting":
                    one.stood_ms += TICK_MS
                    one.lost_ms += TICK_MS
                    one.worst_ms = max(one.worst_ms, one.stood_ms)
                    self.standing_ms[one.legs[0][1]] += TICK_MS
                elif one.state in ("walking", "crossing"):
                    one.left_ms -= TICK_MS
            self.now_ms += TICK_MS

    def look(self, one: Person, vehicle_s: np.ndarray) -> None:
        """What a person does at this moment, until nothing is left to do."""
        before = None
        while before != (one.state, len(one.legs)):
            before = (one.state, len(one.legs))
            if one.state == "future" and self.now_ms >= one.depart_ms:
                one.begin(self.now_ms)
            elif one.state == "walking" and one.left_ms <= 0:
                self.come(one)
            elif one.state == "crossing" and one.left_ms <= 0:
                self.crossed[one.legs[0][1]] += 1
                one.red += one.on_red
                one.on_red = False
                one.legs.pop(0)
                one.begin(self.now_ms)
            elif one.state == "waiting":
                k = one.legs[0][1]
                if self.may_go(one, k, float(vehicle_s[k])):
                    one.state, one.stood_ms = "crossing", 0
                    one.on_red = self.lamp[k] == Lamp.RED
                    one.left_ms = self.crossing_ms(one, k)
                elif one.stood_ms == LOOKS_FOR_BUTTON_MS and not one.pressed:
                    self.press(one, k)

    def come(self, one: Person) -> None:
        """At the end of a pavement."""
        k = one.legs[0][1]
        if k < 0:
            one.legs.pop(0)
            one.begin(self.now_ms)
            return
        one.state = "waiting"
        self.came[k] += 1
        one.pressed = False
        if one.presses:
            self.press(one, k)

    def press(self, one: Person, k: int) -> None:
        """The button, where it has anything to do."""
        if self.lamp[k] in (Lamp.RED, Lamp.CLEARANCE):
            one.pressed = True
            self.presses[k] += 1
            if k not in self.called_ms:
                self.called_ms[k] = self.now_ms
                self.calls[k] += 1

    def crossing_ms(self, one: Person, k: int) -> int:
        return round(self.roads.crossing_length_m[k] / one.speed * 1000)

    def may_go(self, one: Person, k: int, vehicle_s: float) -> bool:
        lamp = self.lamp[k]
        gap = vehicle_s >= self.crossing_ms(one, k) / 1000 + 3.0
        if lamp == Lamp.RED:
            return gap and one.patience_ms >= 0 and one.stood_ms >= one.patience_ms
        return lamp == Lamp.GREEN or (lamp != Lamp.CLEARANCE and gap)

    def count(self, k: int, state: str) -> int:
        return sum(one.state == state and one.legs[0][1] == k for one in self.people)


def slow_vehicle_s(roads: Roads, drives: Drives, traffic: Traffic, lamps: np.ndarray) -> list[float]:
    """Seconds until the next vehicle that will not stop reaches each crossing; inf = none in sight."""
    soonest = [math.inf] * len(roads.crossings)
    for v in traffic.driving[: traffic.n_driving[0]]:
        r = drives.route[v]
        route = list(drives.route_edge[drives.route_start[r] : drives.route_start[r + 1]])
        ahead = route[traffic.route_at[v] - drives.route_start[r] + 1 :]
        lane, c, speed = traffic.lane[v], traffic.connection[v], traffic.speed_m_per_s[v]
        way = -traffic.position_m[v]
        if c >= 0:
            for k in roads.crossed[roads.crossed_start[c] : roads.crossed_start[c + 1]]:
                if speed >= 0.1:
                    soonest[k] = 0.0
            lane = roads.connection_to[c]
            way += roads.connection_length_m[c]
            ahead = ahead[1:]
        way += roads.lane_length_m[lane]
        top = min(
            drives.speed_max_m_per_s[v],
            max(speed, roads.lane_speed_m_per_s[lane] * drives.speed_factor[v]),
        )
        for edge in ahead:
            if way >= 250.0:
                break
            here = [lane] + [i for i in range(roads.n_lanes) if roads.lane_edge[i] == roads.lane_edge[lane]]
            ways = [
                i
                for at in here
                for i in range(roads.n_connections)
                if roads.connection_from[i] == at and roads.lane_edge[roads.connection_to[i]] == edge
            ]
            if not ways:
                break
            c = ways[0]
            stops = speed < 0.1 or speed + speed**2 / (2 * drives.decel_m_per_s2[v]) <= way
            group = roads.connection_group[c]
            if group < 0:
                red = roads.connection_stops[c]
            else:
                red = lamps[group] in (Lamp.RED, Lamp.YELLOW, Lamp.CLEARANCE, Lamp.FLASH_RED)
            if stops and red:
                break
            for k in roads.crossed[roads.crossed_start[c] : roads.crossed_start[c + 1]]:
                if not (stops and roads.crossing_group[k] < 0):
                    soonest[k] = min(soonest[k], drive_s(way, speed, top, drives.accel_m_per_s2[v]))
            lane = roads.connection_to[c]
            way += roads.connection_length_m[c] + roads.lane_length_m[lane]
    return soonest


def drive_s(way_m: float, speed: float, top: float, accel: float) -> float:
    """Driven in slices of a millisecond."""
    t = 0.0
    while way_m > 0.0:
        next_speed = min(top, speed + accel * 0.001)
        way_m -= (speed + next_speed) / 2 * 0.001
        speed = next_speed
        t += 0.001
    return t
