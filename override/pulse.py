"""The pulse of a street: how people of each kind and district fare, told once a second.

Waiting is what the controller believes, added up by the meter of person-seconds; who came is
what it believes to arrive. Mean wait is waiting over arrivals of the last fifteen minutes
(Little's law), so it counts those who did not wait at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.policy import Policy
from controller.present import BUSES, CARS, MODES, WALKERS
from controller.state import NEVER_MS, State
from controller.vocabulary import GroupKind
from override.details import LONG_MS, DistrictPulse, ModePulse
from override.record import Served

MODE_NAMES = ("cars", "buses", "pedestrians")
WINDOW = 15
BIN_MS = 60_000
DISTRICTS_MAX = 64
_SOMEBODY = 0.05
"""Persons on buses, a vehicle of a lane: from so many on buses are thought to use it."""
Floats = NDArray[np.float64]


class Pulsing:
    """Adds up by minute what the pulse tells. One row for each district."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self._network, self._policy = network, policy
        self.place([""], [0] * network.n_junctions)
        self._walks: NDArray[np.bool_] = network.group_kind == GroupKind.PEDESTRIAN

    def weigh_by(self, policy: Policy) -> None:
        """From now on count persons by this policy."""
        self._policy = policy

    def place(self, districts: Sequence[str], of_junction: Sequence[int]) -> None:
        """The districts' names, and which one each junction lies in. Begins anew."""
        network = self._network
        self.districts = tuple(districts)[:DISTRICTS_MAX]
        self._district: NDArray[np.int64] = np.minimum(of_junction, len(self.districts) - 1)
        self._lane_district = self._district[network.lane_junction]
        self._group_district = self._district[network.group_junction]
        shape = (WINDOW, len(self.districts), MODES)
        self._waited_s, self._came = np.zeros(shape), np.zeros(shape)
        self._calls, self._kept = np.zeros(shape), np.zeros(shape)
        self._longest_ms: NDArray[np.int64] = np.zeros(shape, np.int64)
        self._waiting = np.zeros(shape[1:])
        self._meter_s: Floats | None = None
        self._bin = -1
        self._second_ms = 0
        self._bus_groups: NDArray[np.bool_] = np.zeros(network.n_groups, np.bool_)

    def serve(self, served: Served, bus_persons: Floats, street_ms: int) -> None:
        """Count calls that a tick has served."""
        self._turn(bus_persons, street_ms)
        if not len(served.groups):
            return
        kept = served.waited_ms <= self._network.promise_ms[served.groups]
        for mode, mine in self._modes_of(served.groups):
            row, where = self._bin % WINDOW, self._group_district[served.groups[mine]]
            np.add.at(self._calls[row, :, mode], where, 1.0)
            np.add.at(self._kept[row, :, mode], where, kept[mine].astype(np.float64))
            np.maximum.at(self._longest_ms[row, :, mode], where, served.waited_ms[mine])

    def second(
        self, state: State, waited_s: Floats, bus_persons: Floats, usual_veh_per_s: Floats, street_ms: int
    ) -> None:
        """Once a second of the street or seldomer.

        waited_s (J, MODES) grows · bus_persons (L) · usual_veh_per_s (L) comes where nobody counts
        """
        self._turn(bus_persons, street_ms)
        n = len(self.districts)
        row = self._bin % WINDOW
        if self._meter_s is not None:
            grown = waited_s - self._meter_s
            passed_s = min(60.0, (street_ms - self._second_ms) / 1000.0)
            for mode in range(MODES):
                self._waited_s[row, :, mode] += np.bincount(self._district, grown[:, mode], n)
            unseen = np.where(state.unseen_lane, usual_veh_per_s, 0.0)
            flow = np.maximum(state.flow_veh_per_s, unseen) * passed_s
            per_car, per_walker = self._policy.persons_per_car, self._policy.persons_per_walker
            self._came[row, :, CARS] += per_car * np.bincount(self._lane_district, flow, n)
            self._came[row, :, BUSES] += np.bincount(self._lane_district, flow * bus_persons, n)
            on_foot = state.people_per_s * passed_s
            self._came[row, :, WALKERS] += per_walker * np.bincount(self._group_district, on_foot, n)
        self._meter_s, self._second_ms = waited_s.copy(), street_ms
        self._count_waiting(state, street_ms, row)

    def modes(self) -> tuple[ModePulse, ...]:
        """The whole street by mode; kinds of people there are none of are left out."""
        return self._by_mode(slice(None))

    def by_district(self) -> tuple[DistrictPulse, ...]:
        """Every district by mode; nothing where the street has no districts."""
        if self.districts == ("",):
            return ()
        return tuple(
            DistrictPulse(name, self._by_mode(slice(d, d + 1))) for d, name in enumerate(self.districts)
        )

    def _by_mode(self, rows: slice) -> tuple[ModePulse, ...]:
        out = []
        for mode, name in enumerate(MODE_NAMES):
            waited_s, came = self._waited_s[:, rows, mode].sum(), self._came[:, rows, mode].sum()
            calls, kept = self._calls[:, rows, mode].sum(), self._kept[:, rows, mode].sum()
            waiting = self._waiting[rows, mode].sum()
            if mode == BUSES and not came and not waiting:
                continue
            longest_ms = int(self._longest_ms[:, rows, mode].max())
            # While few have come, more wait than are thought to have come.
            mean_ms = 1000 * waited_s / max(came, waiting) if came + waiting > 0 else 0.0
            out.append(
                ModePulse(
                    name,
                    round(float(waiting)),
                    min(LONG_MS, longest_ms, round(mean_ms)),
                    min(LONG_MS, longest_ms),
                    round(1000 * kept / calls) if calls else 1000,
                )
            )
        return tuple(out)

    def _count_waiting(self, state: State, street_ms: int, row: int) -> None:
        n = len(self.districts)
        queue = state.queue_veh
        on_buses = np.maximum(0.0, state.persons_per_veh - self._policy.persons_per_car)
        per_car, per_walker = self._policy.persons_per_car, self._policy.persons_per_walker
        self._waiting[:, CARS] = per_car * np.bincount(self._lane_district, queue, n)
        self._waiting[:, BUSES] = np.bincount(self._lane_district, queue * on_buses, n)
        people = np.where(self._walks, state.waiting_people, 0.0)
        self._waiting[:, WALKERS] = per_walker * np.bincount(self._group_district, people, n)
        calls_ms = state.call_since_ms
        called = np.flatnonzero(calls_ms < NEVER_MS)
        age_ms = np.maximum(0, street_ms - calls_ms[called])
        for mode, mine in self._modes_of(called):
            where = self._group_district[called[mine]]
            np.maximum.at(self._longest_ms[row, :, mode], where, age_ms[mine])

    def _modes_of(self, groups: NDArray[np.int64]) -> list[tuple[int, NDArray[np.bool_]]]:
        """Which of these groups each kind of people waits at; buses and cars share most."""
        walks = self._walks[groups]
        return [(CARS, ~walks), (BUSES, self._bus_groups[groups] & ~walks), (WALKERS, walks)]

    def _turn(self, bus_persons: Floats, street_ms: int) -> None:
        """Begin a new minute, and forget that of a quarter of an hour ago."""
        minute = street_ms // BIN_MS
        if minute == self._bin:
            return
        for gone in range(max(self._bin + 1, minute - WINDOW + 1), minute + 1):
            for table in (self._waited_s, self._came, self._calls, self._kept, self._longest_ms):
                table[gone % WINDOW] = 0
        self._bin = minute
        self._bus_groups[:] = False
        network = self._network
        for lane in np.flatnonzero(bus_persons > _SOMEBODY).tolist():
            first = int(network.group_start[network.lane_junction[lane]])
            bits = int(network.lane_group_bits[lane])
            for k in range(bits.bit_length()):
                self._bus_groups[first + k] |= bool(bits >> k & 1)


class TickClock:
    """What ticks cost and how late they come, over the last minute of them. Times in ns."""

    def __init__(self, speed: float, period_ms: int = 100) -> None:
        self._speed = speed
        self._n = max(10, round(60_000 * speed / period_ms))
        self._cost_ns: NDArray[np.int64] = np.zeros(self._n, np.int64)
        self._began_ns: NDArray[np.int64] = np.zeros(self._n, np.int64)
        self._street_ms: NDArray[np.int64] = np.zeros(self._n, np.int64)
        self._ticks = 0

    def note(self, began_ns: int, ended_ns: int, street_ms: int) -> None:
        """One tick."""
        k = self._ticks % self._n
        self._cost_ns[k], self._began_ns[k], self._street_ms[k] = ended_ns - began_ns, began_ns, street_ms
        self._ticks += 1

    def told(self) -> tuple[int, int, int]:
        """(median cost in us, how late the latest was in us, street seconds in a second by thousands).

        A tick is late against the most punctual one: what the pace itself costs is not counted.
        """
        n = min(self._ticks, self._n)
        if n < 2:
            return 0, 0, 1000
        cost_us = int(np.median(self._cost_ns[:n])) // 1000
        behind_ns = self._began_ns[:n] - (self._street_ms[:n] * (1e6 / self._speed)).astype(np.int64)
        late_us = int(behind_ns.max() - behind_ns.min()) // 1000
        passed_ns = int(self._began_ns[:n].max() - self._began_ns[:n].min())
        passed_ms = int(self._street_ms[:n].max() - self._street_ms[:n].min())
        return cost_us, late_us, round(1e9 * passed_ms / passed_ns) if passed_ns else 1000
