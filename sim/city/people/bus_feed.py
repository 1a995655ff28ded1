"""What the city's bus operator tells the controller: late, with gaps, and never quite where it is.

Every `period_s` a GTFS-Realtime message is written of all buses under way; it can be read
`delay_s` later, unless it is lost. The controller gets lane, distance to the stop line, lateness
and people aboard of each bus as they were then, and how old that news is (`Frame.bus_*`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame, fit_buses
from controller.network import Network
from sim.city.movement.status import Status
from sim.city.movement.traffic import STEP_MS, Traffic
from sim.city.people.gtfs_realtime import (
    AGE_MAX_S,
    BusReport,
    Expected,
    FeedError,
    Origin,
    Reading,
    decode,
    encode,
)
from sim.city.people.lines import Line, trip_id
from sim.city.people.route_map import map_route, network_lanes
from sim.city.people.transit_model import Service, Transit
from sim.city.roads import Roads
from sim.city.trips import Drives

if TYPE_CHECKING:
    from sim.city.world import World

MAP_MARGIN_M = 500.0
DROP_STREAM = 5
"""Apart from other streams of chance of the same seed."""


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """How good the operator's feed is."""

    period_s: int = 20
    delay_s: int = 30
    lost_share: float = 0.03
    """Part of the messages that never arrive."""
    missing_share: float = 0.05
    """Part of the buses that any one message leaves out."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("period_s", 1, 300), ("delay_s", 0, 280), ("lost_share", 0.0, 1.0), ("missing_share", 0.0, 1.0)
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"bus feed: {name} is {getattr(self, name)}, allowed is {low} to {high}")


@dataclass(slots=True, eq=False)
class OnTheWay:
    """All that changes in a feed: the latest messages, in a ring, and how many were lost."""

    sent_ms: NDArray[np.int64]
    """(messages) when each was sent, -1 = none."""
    messages: list[bytes]
    lost: NDArray[np.int64]
    """(1) messages so far that will never arrive."""


class BusFeed:
    """The feed of one run. What changes stands in `on_the_way`.

    Raises MissingBindings when the extra `[transit]` is not installed.
    """

    def __init__(
        self,
        roads: Roads,
        network: Network,
        drives: Drives,
        lines: Sequence[Line],
        service: Service,
        seed: int,
        plan: FeedPlan | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.plan = FeedPlan() if plan is None else plan
        self.seed = seed
        origin = Origin() if origin is None else origin
        self._drives, self._service, self._lines = drives, service, tuple(lines)
        lanes = network_lanes(network)
        self._maps = tuple(map_route(roads, line, lanes) for line in lines)
        self._connection_from_edge = roads.lane_edge[roads.connection_from]
        self._lane_length_m = roads.lane_length_m
        self._edge_lane_start = roads.edge_lane_start
        self._map_of = {line.name: m for line, m in zip(self._lines, self._maps, strict=True)}
        self._capacity = {line.name: line.capacity for line in self._lines}
        self._trips = self._name_trips()
        self._vehicle_of = {trip: int(service.bus_vehicle[b]) for b, (trip, _) in self._trips.items()}
        encode([], 0, origin)
        self.expected = Expected(
            line_of_trip={trip: self._lines[k].name for trip, k in self._trips.values()},
            stops_of_line={line.name: len(line.stops) for line in self._lines},
            x_m=_reach([m.x_m for m in self._maps]),
            y_m=_reach([m.y_m for m in self._maps]),
            origin=origin,
        )
        room = self.plan.delay_s // self.plan.period_s + 2
        self.on_the_way = OnTheWay(np.full(room, -1, np.int64), [b""] * room, np.zeros(1, np.int64))

    def attach(self, world: World) -> None:
        """Let the feed run in a city: publish after every second, and tell the controller's frame."""
        world.accompany("bus feed", self.on_the_way)
        world.on_second.append(self._on_second)

    def _on_second(self, world: World) -> None:
        self.publish(world.transit, world.traffic, world.time_ms)
        self.tell(world.street.frame, world.time_ms)

    def _name_trips(self) -> dict[int, tuple[str, int]]:
        """Row of `Service.bus_*` to the trip's name and its line."""
        service = self._service
        first_ms = service.schedule_ms[service.bus_first_halt]
        return {
            b: (trip_id(self._lines[k], int(first_ms[b])), int(k))
            for b, k in enumerate(service.bus_line)
            if k >= 0
        }

    def publish(self, transit: Transit, traffic: Traffic, now_ms: int) -> None:
        """Send a message when it is time for one; call once a second with the end of that second."""
        period_ms = self.plan.period_s * 1000
        if now_ms % period_ms >= STEP_MS:
            return
        number = now_ms // period_ms
        chance = np.random.default_rng([self.seed, DROP_STREAM, number])
        if chance.random() < self.plan.lost_share:
            self.on_the_way.lost[0] += 1
            return
        told = chance.random(len(self._service.bus_vehicle)) >= self.plan.missing_share
        buses = [bus for b, bus in self.buses(transit, traffic, now_ms) if told[b]]
        slot = int(number) % len(self.on_the_way.messages)
        self.on_the_way.sent_ms[slot] = now_ms
        self.on_the_way.messages[slot] = encode(buses, now_ms, self.expected.origin)

    def buses(self, transit: Transit, traffic: Traffic, now_ms: int) -> list[tuple[int, BusReport]]:
        """Every bus of a line under way, as it truly is, with its row of `Service.bus_*`."""
        found = []
        for b, (trip, k) in self._trips.items():
            v = int(self._service.bus_vehicle[b])
            if traffic.status[v] != Status.DRIVING:
                continue
            line, first = self._lines[k], int(self._service.bus_first_halt[b])
            x_m, y_m = self._maps[k].place(self._along_m(v, k, traffic))
            serving = int(transit.bus_serving[b])
            ahead = (serving if serving >= 0 else int(transit.bus_next[b])) - first
            found.append(
                (
                    b,
                    BusReport(
                        line=line.name,
                        trip=trip,
                        lateness_s=float(transit.bus_late_ms[b]) / 1000,
                        occupancy=float(transit.bus_load[b]) / line.capacity,
                        x_m=x_m,
                        y_m=y_m,
                        next_stop=ahead if ahead < len(line.stops) else -1,
                        at_stop=serving >= 0,
                        measured_ms=now_ms,
                    ),
                )
            )
        return found

    def _along_m(self, v: int, k: int, traffic: Traffic) -> float:
        """How far along its route a bus is."""
        at = int(traffic.route_at[v] - self._drives.route_start[self._drives.route[v]])
        along_m = float(self._maps[k].edge_start_m[at] + traffic.position_m[v])
        if traffic.connection[v] >= 0:
            edge = self._connection_from_edge[traffic.connection[v]]
            along_m += float(self._lane_length_m[self._edge_lane_start[edge]])
        return along_m

    def read(self, now_ms: int) -> Reading | None:
        """The newest message that has arrived by now, read; None when there is none of use or all are old."""
        every_ms = self.on_the_way.sent_ms
        sent_ms = np.where(every_ms + self.plan.delay_s * 1000 <= now_ms, every_ms, -1)
        slot = int(np.argmax(sent_ms))
        if sent_ms[slot] < 0 or now_ms - sent_ms[slot] > AGE_MAX_S * 1000:
            return None
        received_ms = int(sent_ms[slot]) + self.plan.delay_s * 1000
        try:
            return _decoded(self.on_the_way.messages[slot], received_ms, self.expected)
        except FeedError:
            return None

    def tell(self, frame: Frame, now_ms: int) -> None:
        """Fill the frame's `bus_*` with the latest news; a bus beyond its last signal is left out."""
        reading = self.read(now_ms)
        frame.n_buses = 0
        if reading is None:
            return
        fit_buses(frame, len(reading.buses))
        for bus in reading.buses:
            line = self._map_of[bus.line]
            along_m = line.find(bus.x_m, bus.y_m, bus.next_stop)
            ahead = line.signal_ahead(along_m) if along_m is not None else None
            if ahead is None or bus.lateness_s is None:
                continue
            n = frame.n_buses
            frame.bus_lane[n], frame.bus_distance_m[n] = ahead
            frame.bus_late_s[n] = bus.lateness_s
            frame.bus_persons[n] = (
                bus.occupancy * self._capacity[bus.line] if bus.occupancy is not None else np.nan
            )
            frame.bus_age_s[n] = (now_ms - bus.measured_ms) / 1000
            frame.bus_vehicle[n] = self._vehicle_of[bus.trip]
            frame.n_buses += 1


@lru_cache(maxsize=16)
def _decoded(data: bytes, received_ms: int, expected: Expected) -> Reading:
    """A message is read once, not once a second."""
    return decode(data, received_ms, expected)


def _reach(places: Sequence[np.ndarray]) -> tuple[float, float]:
    """Smallest and greatest of all coordinates, with a margin."""
    if not places:
        return 0.0, 0.0
    every = np.concatenate(places)
    return float(every.min()) - MAP_MARGIN_M, float(every.max()) + MAP_MARGIN_M
