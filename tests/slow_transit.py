"""Buses at stops once more, slow and obvious: passengers are objects that stand in lists."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sim.city.people.transit import Line, Passengers


@dataclass(eq=False)
class Rider:
    """Somebody who waits for a bus."""

    number: int
    come_ms: int
    to_stop: int
    boarded_ms: int = -1
    alighted_ms: int = -1
    bus: SlowBus | None = None


@dataclass(eq=False)
class SlowBus:
    """One bus; `left` holds what is known of each stop: when it left, with how many, how many stayed."""

    line: int
    dues_ms: list[int]
    aboard: list[Rider] = field(default_factory=list)
    at: int | None = None
    until_ms: int = -1
    ready_ms: int = 0
    late_ms: int = 0
    left: dict[int, tuple[int, int, int]] = field(default_factory=dict)


class SlowTransit:
    """Told second by second which buses stand where."""

    def __init__(self, lines: list[Line], passengers: Passengers) -> None:
        self.lines = lines
        self.posts: list[list[Rider]] = [[] for line in lines for _ in line.stops]
        self.first = [sum(len(line.stops) for line in lines[:k]) for k in range(len(lines))]
        self.to_come = [
            (int(s), Rider(q, int(passengers.come_ms[q]), int(passengers.to_stop[q])))
            for q, s in enumerate(passengers.stop)
        ]
        self.riders = [rider for _, rider in self.to_come]

    def come(self, now_ms: int) -> None:
        """Everybody who comes by now stands at the post."""
        for s, rider in [pair for pair in self.to_come if pair[1].come_ms <= now_ms]:
            self.posts[s].append(rider)
            self.to_come.remove((s, rider))

    def stands(self, bus: SlowBus, at: int, until_ms: int, now_ms: int) -> int:
        """A bus stands at its stop number `at`; returns until when it must."""
        line = self.lines[bus.line]
        board_ms, alight_ms = 2000 // line.doors, 1000 // line.doors
        if bus.at is None:
            bus.at, bus.ready_ms = at, now_ms
            for rider in [r for r in bus.aboard if r.to_stop <= at]:
                bus.aboard.remove(rider)
                rider.alighted_ms = now_ms
                bus.ready_ms += alight_ms
        post = self.posts[self.first[bus.line] + at]
        while post and at < len(line.stops) - 1 and len(bus.aboard) < line.capacity:
            rider = post.pop(0)
            bus.ready_ms = max(bus.ready_ms, rider.come_ms) + board_ms
            rider.boarded_ms, rider.bus = bus.ready_ms, bus
            bus.aboard.append(rider)
        left_behind = len(post) if at < len(line.stops) - 1 else 0
        bus.until_ms = max(until_ms, bus.ready_ms)
        bus.late_ms = bus.until_ms - bus.dues_ms[at]
        bus.left[at] = (-1, len(bus.aboard), left_behind)
        return bus.until_ms

    def drives(self, bus: SlowBus, ahead: int, now_ms: int) -> None:
        """A bus is under way to its stop number `ahead`."""
        if bus.at is not None:
            bus.left[bus.at] = (math.ceil(bus.until_ms / 1000) * 1000, *bus.left[bus.at][1:])
            bus.at = None
        bus.late_ms = 0
        gone = [k for k in bus.left if k < ahead]
        if gone:
            bus.late_ms = bus.left[max(gone)][0] - bus.dues_ms[max(gone)]
        if ahead < len(bus.dues_ms):
            bus.late_ms = max(bus.late_ms, now_ms - bus.dues_ms[ahead]) if gone else max(
                0, now_ms - bus.dues_ms[ahead]
            )  # fmt: skip

    def waiting(self) -> np.ndarray:
        return np.array([len(post) for post in self.posts])
