"""Watches a run from outside, once a second: what the report needs and no array of the city keeps.

`look` after every step, `close` once at the end; `notes` then holds what `sim.city.measuring.run_tables`
makes tables of. A watch can be copied with the city it watches.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from sim.city.measuring import watch_kernels as kernels
from sim.city.measuring.watch_model import BIN_EDGES_S, Notes, Streets, empty_notes
from sim.city.movement.traffic import STEP_MS, Traffic
from sim.city.people.walkers_model import Walkers
from sim.city.roads import Roads
from sim.city.trips import Drives, Mode, Walks

MINUTE_MS = 60_000


class Clock(NamedTuple):
    """The time watched."""

    begin_ms: int
    end_ms: int

    @property
    def minutes(self) -> int:
        """Minutes begun."""
        return max(1, -(-(self.end_ms - self.begin_ms) // MINUTE_MS))


class Watch:
    """Notes of one run from `begin_ms` to `end_ms`."""

    def __init__(
        self, roads: Roads, network: Network, drives: Drives, walks: Walks, begin_ms: int, end_ms: int
    ) -> None:
        self.clock = Clock(begin_ms, end_ms)
        self.streets = _streets(roads, network, drives, walks)
        self.notes: Notes = empty_notes(
            drives.route_start[drives.route], walks.n, len(roads.crossings), network.n_groups,
            roads.n_lanes, network.n_junctions, self.clock.minutes,
        )  # fmt: skip
        self._all_heard = np.zeros(len(roads.crossings), np.bool_)

    def look(
        self,
        traffic: Traffic,
        walkers: Walkers,
        call_since_ms: NDArray[np.int64] | None = None,
        unheard: NDArray[np.bool_] | None = None,
        suspended: NDArray[np.bool_] | None = None,
    ) -> None:
        """Note the moment at the end of a step.

        `call_since_ms` (groups) is the controller's own list of calls, None where nothing decides.
        `unheard` (crossings): the button there is dead and the controller does not know it yet.
        `suspended` (junctions): promises do not run there now (design 10.1).
        """
        now_ms = int(traffic.time_ms[0])
        minute = min(max(0, now_ms - self.clock.begin_ms - 1) // MINUTE_MS, self.clock.minutes - 1)
        notes = self.notes
        if suspended is not None:
            notes.suspended_ms[suspended] += STEP_MS
        kernels.look_at_vehicles(
            now_ms, minute, int(traffic.n_driving[0]), traffic.driving, traffic.lane, traffic.position_m,
            traffic.speed_m_per_s, traffic.stood_ms, traffic.route_at, traffic.lost_s, traffic.persons,
            self.streets, notes,
        )  # fmt: skip
        heard = self._all_heard if unheard is None else unheard
        kernels.look_at_people(now_ms, minute, heard, walkers, self.streets, notes)
        if call_since_ms is not None:
            kernels.look_at_calls(now_ms, call_since_ms, self.streets, notes)
        if (now_ms - self.clock.begin_ms) % MINUTE_MS == 0 or now_ms >= self.clock.end_ms:
            self._end_minute(minute, traffic, walkers)
        notes.time_ms[0] = now_ms

    def close(self, traffic: Traffic, walkers: Walkers) -> None:
        """Book what is still open; afterwards the notes are complete. Call it once, at the end."""
        kernels.close_books(
            traffic.status, traffic.route_at, traffic.lost_s, traffic.persons, walkers, self.streets,
            self.notes,
        )  # fmt: skip

    def copy(self) -> Watch:
        """Another watch with the same notes, for a fork of the city."""
        twin = copy.copy(self)
        twin.notes = self.notes.copy()
        return twin

    def _end_minute(self, minute: int, traffic: Traffic, walkers: Walkers) -> None:
        """Totals so far; minutes differ by what happened in between."""
        on_foot_s = float(walkers.lost_ms.sum()) / 1000
        self.notes.minute_lost_s[minute, : Mode.WALK] = traffic.lane_lost_s.sum(axis=0)
        self.notes.minute_lost_s[minute, Mode.WALK] = on_foot_s
        self.notes.minute_lost_person_s[minute, : Mode.WALK] = traffic.lane_lost_person_s.sum(axis=0)
        self.notes.minute_lost_person_s[minute, Mode.WALK] = on_foot_s
        self.notes.minute_red[minute] = walkers.crossing_red.sum()


def _streets(roads: Roads, network: Network, drives: Drives, walks: Walks) -> Streets:
    edge_junction = roads.node_junction[roads.edge_to]
    crossing_junction = np.where(
        roads.crossing_group >= 0, roads.node_junction[roads.crossing_node], np.int64(-1)
    )
    return Streets(
        mode=np.ascontiguousarray(drives.mode, np.int8),
        length_m=np.ascontiguousarray(drives.length_m, np.float64),
        route_last=np.ascontiguousarray(drives.route_start[drives.route + 1] - 1, np.int64),
        route_edge=np.ascontiguousarray(drives.route_edge, np.int64),
        edge_junction=np.ascontiguousarray(edge_junction, np.int64),
        lane_junction=np.ascontiguousarray(edge_junction[roads.lane_edge], np.int64),
        lane_promise_ms=_lane_promises_ms(roads, network),
        leg_crossing=np.ascontiguousarray(walks.leg_crossing, np.int64),
        crossing_junction=np.ascontiguousarray(crossing_junction, np.int64),
        crossing_promise_ms=_promise_ms(roads.crossing_group, network),
        group_promise_ms=np.ascontiguousarray(network.promise_ms, np.int64),
        group_junction=np.ascontiguousarray(network.group_junction, np.int64),
        bin_edge_s=BIN_EDGES_S,
    )


def _promise_ms(groups: NDArray[np.int64], network: Network) -> NDArray[np.int64]:
    """Promise of each of `groups`, -1 for the group -1."""
    if not network.n_groups:
        return np.full(len(groups), -1, np.int64)
    return np.where(groups >= 0, network.promise_ms[groups], -1).astype(np.int64)


def _lane_promises_ms(roads: Roads, network: Network) -> NDArray[np.int64]:
    """The longest promise among the groups that serve each lane, -1 without signal."""
    longest = np.full(roads.n_lanes, -1, np.int64)
    np.maximum.at(longest, roads.connection_from, _promise_ms(roads.connection_group, network))
    return longest
