"""Who tells the signals that he is coming: buses with what they know of themselves, and emergency vehicles.

Told by radio once a second, from `CHECK_IN_M` before a stop line until the vehicle has passed it. A bus
says how late it is and how many are aboard, and only when no stop lies before that signal any
more: nobody knows how long it will stand there. An emergency vehicle calls the next signals on its route.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from controller.frame import Frame, fit_buses, fit_preempts
from controller.network import Network
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic
from sim.city.people.route_map import network_lanes
from sim.city.people.transit_model import Service, Transit
from sim.city.roads import Permit, Roads
from sim.city.trips import Drives, Mode

CHECK_IN_M = 250.0
CALL_M = 600.0
"""Emergency vehicles call from further away, and more than one signal at a time."""
SIGNALS_CALLED = 3
EMERGENCY_NUMBER = 3
"""Preempt of all emergency vehicles (R42: 3 to 6): among equals the first to call goes first."""


class Way(NamedTuple):
    """A route as the vehicle's own device knows it."""

    edge_start_m: np.ndarray  # (n) along the route
    signal_m: np.ndarray  # (s) stop lines along the route, rising
    signal_lanes: tuple[tuple[int, ...], ...]  # (s) lanes of the controller's network it may come by


class CheckIns:
    """The radios of one city. `buses`, `preempts`: who has one. Holds nothing that changes."""

    UNCHANGING = frozenset({"_ways", "_urgent"})

    def __init__(
        self, roads: Roads, network: Network, drives: Drives, service: Service, buses: bool, preempts: bool
    ) -> None:
        self._buses, self._preempts = buses, preempts
        self._roads, self._drives, self._service = roads, drives, service
        self._lanes = network_lanes(network)
        self._ways: dict[int, Way] = {}
        self._urgent = np.flatnonzero(drives.mode == Mode.EMERGENCY)

    def tell(self, traffic: Traffic, transit: Transit, frame: Frame) -> None:
        """Fill the frame's `bus_*` and `preempt_*` as things stand now."""
        if self._buses:
            self._tell_buses(traffic, transit, frame)
        if self._preempts:
            self._tell_preempts(traffic, frame)

    def _tell_buses(self, traffic: Traffic, transit: Transit, frame: Frame) -> None:
        vehicles = self._service.bus_vehicle
        under_way = np.flatnonzero((traffic.status[vehicles] == Status.DRIVING) & (transit.bus_serving < 0))
        frame.n_buses = 0
        fit_buses(frame, len(under_way))
        for b in under_way.tolist():
            v = int(vehicles[b])
            ahead = self._ahead(v, traffic, CHECK_IN_M)
            if not ahead or self._stop_before(v, ahead[0][1], traffic):
                continue
            n = frame.n_buses
            frame.bus_lane[n], frame.bus_distance_m[n] = ahead[0]
            frame.bus_late_s[n] = transit.bus_late_ms[b] / 1000.0
            frame.bus_persons[n] = traffic.persons[v]
            frame.bus_age_s[n] = 0.0
            frame.bus_vehicle[n] = v
            frame.n_buses += 1

    def _tell_preempts(self, traffic: Traffic, frame: Frame) -> None:
        frame.n_preempts = 0
        if not len(self._urgent):
            return
        driving = self._urgent[traffic.status[self._urgent] == Status.DRIVING]
        fit_preempts(frame, SIGNALS_CALLED * len(driving))
        for v in driving.tolist():
            for lane, distance_m in self._ahead(v, traffic, CALL_M)[:SIGNALS_CALLED]:
                n = frame.n_preempts
                frame.preempt_lane[n], frame.preempt_distance_m[n] = lane, distance_m
                frame.preempt_number[n] = EMERGENCY_NUMBER
                frame.preempt_vehicle[n] = v
                frame.preempt_age_s[n] = 0.0
                frame.n_preempts += 1

    def _ahead(self, v: int, traffic: Traffic, within_m: float) -> list[tuple[int, float]]:
        """(lane, metres to its stop line) of the signals ahead; the lane it drives on where that leads on."""
        way = self._way(int(self._drives.route[v]))
        along_m = self._along_m(v, way, traffic)
        first = int(np.searchsorted(way.signal_m, along_m - 0.01))
        last = int(np.searchsorted(way.signal_m, along_m + within_m, side="right"))
        here = -1
        if traffic.lane[v] >= 0:
            here = self._lanes.get(self._roads.lanes[int(traffic.lane[v])], -1)
        ahead = []
        for k in range(first, last):
            lanes = way.signal_lanes[k]
            lane = here if k == first and here in lanes else lanes[0]
            ahead.append((lane, float(max(0.0, way.signal_m[k] - along_m))))
        return ahead

    def _along_m(self, v: int, way: Way, traffic: Traffic) -> float:
        at = int(traffic.route_at[v] - self._drives.route_start[self._drives.route[v]])
        along_m = float(way.edge_start_m[at] + traffic.position_m[v])
        if traffic.connection[v] >= 0:
            along_m += self._length_m(
                int(self._roads.lane_edge[self._roads.connection_from[traffic.connection[v]]])
            )
        return along_m

    def _length_m(self, edge: int) -> float:
        return float(self._roads.lane_length_m[self._roads.edge_lane_start[edge]])

    def _stop_before(self, v: int, distance_m: float, traffic: Traffic) -> bool:
        """Whether it has yet to stand at a stop on its way to that stop line."""
        drives, h = self._drives, int(traffic.halt_at[v])
        if h >= int(drives.halt_start[v + 1]):
            return False
        route_start = int(drives.route_start[drives.route[v]])
        way = self._way(int(drives.route[v]))
        at = int(traffic.route_at[v])
        edges = drives.route_edge[at : int(drives.route_start[drives.route[v] + 1])]
        found = np.flatnonzero(edges == drives.halt_edge[h])
        if not len(found):
            return False
        stop_m = float(way.edge_start_m[at - route_start + int(found[0])] + drives.halt_position_m[h])
        return stop_m <= self._along_m(v, way, traffic) + distance_m

    def _way(self, route: int) -> Way:
        """The way of a route, laid out when it is first driven."""
        if route in self._ways:
            return self._ways[route]
        drives, roads = self._drives, self._roads
        edges = drives.route_edge[
            int(drives.route_start[route]) : int(drives.route_start[route + 1])
        ].tolist()
        start_m, starts = 0.0, []
        signals: list[tuple[float, tuple[int, ...]]] = []
        for edge, after in zip(edges, [*edges[1:], -1], strict=True):
            starts.append(start_m)
            start_m += self._length_m(edge)
            if after >= 0:
                ways = self._connections(edge, after)
                lanes = [
                    self._lanes.get(roads.lanes[int(roads.connection_from[c])], -1)
                    for c in ways
                    if roads.connection_group[c] >= 0
                ]
                if known := tuple(lane for lane in lanes if lane >= 0):
                    signals.append((start_m, known))
                start_m += float(roads.connection_length_m[ways[0]]) if ways else 0.0
        way = Way(np.array(starts), np.array([m for m, _ in signals]), tuple(lanes for _, lanes in signals))
        self._ways[route] = way
        return way

    def _connections(self, edge: int, to_edge: int) -> list[int]:
        """Ways from one edge to the next, from the right, for vehicles that have such radios."""
        roads = self._roads
        return [
            c
            for lane in range(int(roads.edge_lane_start[edge]), int(roads.edge_lane_start[edge + 1]))
            for c in range(int(roads.connection_start[lane]), int(roads.connection_start[lane + 1]))
            if roads.lane_edge[roads.connection_to[c]] == to_edge
            and roads.connection_permits[c] & (Permit.BUS | Permit.EMERGENCY)
        ]
